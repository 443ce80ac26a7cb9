// Days by parks, shaded by completeness; a day that is not complete is marked by shape as well. A click narrows the
// gaps to it.

import { useEffect, useRef } from "preact/hooks";
import { Answered, useAsk } from "../asked";
import { DASH, isoDay, otherDay } from "../format";
import { go, param } from "../router";
import type { Park } from "../types";
import { locale, nameOf, say } from "../words";

export interface DayScore {
  day: string;
  registers: number;
  coverage_pct: number | null;
  expected: number;
  valid: number;
  estimated: number;
  late: number;
}

export interface Completeness {
  park: string;
  score_pct: number | null;
  days: DayScore[];
}

const DAYS = 28;

export function CompletenessCalendar({ parks }: { parks: Park[] }) {
  const zone = parks[0]?.time_zone ?? "Asia/Shanghai";
  const last = isoDay(Date.now(), zone);
  const days = Array.from({ length: DAYS }, (_, index) => otherDay(last, index - DAYS + 1));
  const box = useRef<HTMLDivElement>(null);
  // On a narrow screen the newest days are what is looked for.
  useEffect(() => box.current?.scrollTo({ left: box.current.scrollWidth }), [parks.length]);
  return (
    <section class="card wide" aria-labelledby="calendar-title">
      <div class="card-head">
        <h2 id="calendar-title">{say("quality.calendar")}</h2>
        <ul class="legend">
          <li>
            <span class="cell full" /> ≥ 99 %
          </li>
          <li>
            <span class="cell most" /> ≥ 90 %
          </li>
          <li>
            <span class="cell part" /> &lt; 90 %
          </li>
          <li>
            <span class="cell none" /> {say("quality.nothing")}
          </li>
        </ul>
      </div>
      <div ref={box} class="scroll" tabIndex={0} role="region" aria-labelledby="calendar-title">
        <table class="calendar">
          <thead>
            <tr>
              <th>{say("park")}</th>
              {days.map((day) => (
                <th key={day} class="day-name" aria-label={day}>
                  {day.endsWith("-01") ? new Date(`${day}T12:00Z`).toLocaleDateString(locale.value, { month: "short" }) : Number(day.slice(8)) % 5 === 0 ? Number(day.slice(8)) : ""}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {parks.map((one) => (
              <Row key={one.park} one={one} days={days} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="small faint">{say("quality.calendar.hint")}</p>
    </section>
  );
}

function Row({ one, days }: { one: Park; days: string[] }) {
  const [first, last] = [days[0] ?? "", otherDay(days[days.length - 1] ?? "", 1)];
  const asked = useAsk<Completeness>(`/parks/${one.park}/completeness?period=${first}..${last}`, 60_000);
  if (!asked.data) {
    return (
      <tr>
        <th scope="row">{nameOf(one, one.park)}</th>
        <td colSpan={days.length}>
          <Answered of={asked} height={20}>
            {() => <span />}
          </Answered>
        </td>
      </tr>
    );
  }
  const scores = new Map(asked.data.days.map((score) => [score.day, score]));
  return (
    <tr>
      <th scope="row">{nameOf(one, one.park)}</th>
      {days.map((day) => (
        <td key={day}>
          <Cell park={one.park} day={day} score={scores.get(day)} />
        </td>
      ))}
    </tr>
  );
}

function Cell({ park, day, score }: { park: string; day: string; score: DayScore | undefined }) {
  const share = score?.coverage_pct ?? null;
  const kind = share === null ? "none" : share >= 99 ? "full" : share >= 90 ? "most" : "part";
  // Rounded down: a day that is not whole must not read as 100 %.
  const told = share === null ? DASH : `${(Math.floor(share * 10) / 10).toFixed(1)} %`;
  const text = `${day}: ${told}${score ? ` · ${say("quality.counts", { valid: score.valid, expected: score.expected, estimated: score.estimated, late: score.late })}` : ""}`;
  return (
    <button type="button" class={`cell ${kind}`} title={text} aria-label={text} aria-pressed={param("day") === day} onClick={() => go({ of: park, day: param("day") === day ? null : day }, "replace")}>
      {kind === "most" ? "–" : kind === "part" ? "×" : ""}
    </button>
  );
}
