// One local day for every chart of a view: the day before, the day after, or any day by its date; the address keeps it.

import { isDay } from "../calendar_day";
import { isoDay, otherDay } from "../format";
import { go, param } from "../router";
import { overview, zoneOf } from "../state";
import { say } from "../i18n";

/** The day of the address; null for the newest one. */
export function chosenDay(): string | null {
  const wanted = param("date");
  return wanted !== null && isDay(wanted) ? wanted : null;
}

/** The day of the newest reading. */
export const newestDay = (): string => isoDay(overview.value?.newest_ms ?? Date.now(), zoneOf(null));

export function DayBar() {
  const wanted = param("date");
  const newest = newestDay();
  return (
    <div class="toolbar day-bar">
      <DayChoice day={chosenDay() ?? newest} newest={newest} />
      {wanted !== null && !isDay(wanted) && <p class="alarm small">{say("day.wrong", { day: wanted })}</p>}
      {chosenDay() !== null && (
        <>
          <span class="faint">{say("day.all_charts")}</span>
          <button type="button" onClick={() => go({ date: null }, "replace")}>
            {say("day.newest")}
          </button>
        </>
      )}
    </div>
  );
}

function DayChoice({ day, newest }: { day: string; newest: string }) {
  const choose = (wanted: string): void => {
    if (isDay(wanted)) go({ date: wanted === newest ? null : wanted }, "replace");
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
