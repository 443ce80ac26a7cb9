// Days by parks, shaded by completeness; a day that is not complete is marked by shape as well. A click narrows the
// gaps to it.

import { Answered, useQuery } from "../use_query";
import { DASH, isoDay, otherDay } from "../format";
import { go, param } from "../router";
import type { CompleteDay, Completeness, Park } from "../types";
import { locale, nameOf, say } from "../i18n";

const DAYS = 31;

export function CompletenessCalendar({ parks }: { parks: Park[] }) {
  const zone = parks[0]?.time_zone ?? "Asia/Shanghai";
  const last = isoDay(Date.now(), zone);
  const days = Array.from({ length: DAYS }, (_, index) => otherDay(last, index - DAYS + 1));
  return (
    <section class="card full" aria-labelledby="calendar-title">
      <div class="card-head">
        <h2 id="calendar-title">{say("quality.calendar")}</h2>
        <span class="small faint">{say("quality.calendar.hint")}</span>
        <ul class="legend cells">
          <li>
            <span class="cell full" /> ≥ 99 %
          </li>
          <li>
            <span class="cell most">–</span> ≥ 90 %
          </li>
          <li>
            <span class="cell part">×</span> &lt; 90 %
          </li>
          <li>
            <span class="cell none" /> {say("quality.nothing")}
          </li>
        </ul>
      </div>
      <div class="calendar" role="group" aria-labelledby="calendar-title">
        <div class="calendar-row calendar-head" aria-hidden="true">
          <span class="small faint">{say("park")}</span>
          <span class="days">
            {days.map((day, index) => (
              <span key={day} class="day-name">
                {dayName(day, index)}
              </span>
            ))}
          </span>
        </div>
        {parks.map((one) => (
          <Row key={one.park} one={one} days={days} />
        ))}
      </div>
    </section>
  );
}

/** The month where it begins, every fifth day, and nothing between. */
function dayName(day: string, index: number): string {
  const number = Number(day.slice(8));
  if (number === 1) return new Date(`${day}T12:00Z`).toLocaleDateString(locale.value, { month: "short" });
  // Beside the name of a month there is no room for another.
  return number % 5 === 0 && (number < 30 || index === 0) ? String(number) : "";
}

function Row({ one, days }: { one: Park; days: string[] }) {
  const [first, last] = [days[0] ?? "", otherDay(days[days.length - 1] ?? "", 1)];
  const asked = useQuery<Completeness>(`/parks/${one.park}/completeness?period=${first}..${last}`, 60_000);
  const scores = new Map(asked.data?.days.map((score) => [score.day, score]));
  const name = nameOf(one, one.park);
  return (
    <div class="calendar-row" role="group" aria-label={name}>
      <span class="calendar-park" title={name}>
        {name}
      </span>
      {asked.data ? (
        <span class={`days ${asked.problem ? "outdated" : ""}`}>
          {days.map((day) => (
            <Cell key={day} park={one.park} day={day} score={scores.get(day)} />
          ))}
        </span>
      ) : (
        <Answered of={asked} height={20}>
          {() => <span />}
        </Answered>
      )}
    </div>
  );
}

function Cell({ park, day, score }: { park: string; day: string; score: CompleteDay | undefined }) {
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
