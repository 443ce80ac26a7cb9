// One local day: the day before, the day after, or any day by its date; the address keeps it.

import { otherDay } from "../format";
import { go } from "../router";
import { say } from "../words";

export function DayChoice({ day, newest }: { day: string; newest: string }) {
  const choose = (wanted: string): void => {
    if (/^\d{4}-\d{2}-\d{2}$/.test(wanted)) go({ date: wanted === newest ? null : wanted }, "replace");
  };
  return (
    <span class="day-choice" role="group" aria-label={say("day.choice")}>
      <button type="button" aria-label={say("day.before")} onClick={() => choose(otherDay(day, -1))}>
        ‹
      </button>
      <input type="date" aria-label={say("day.date")} value={day} max={newest} onChange={(event) => choose(event.currentTarget.value)} />
      <button type="button" aria-label={say("day.after")} disabled={day >= newest} onClick={() => choose(otherDay(day, 1))}>
        ›
      </button>
    </span>
  );
}
