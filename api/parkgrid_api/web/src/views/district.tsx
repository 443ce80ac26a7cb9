// All parks: where each is, what it does now, and which one needs somebody; under it the day of them together.

import { useMemo } from "preact/hooks";
import { atAge, soFar } from "../answer";
import { Refusal, useQueries, type Query } from "../use_query";
import { PowerOfDay } from "../day";
import { clock, isoDay, percent, power, together } from "../format";
import { DistrictMap } from "../parts/district_map";
import { summed } from "../parts/district_sum";
import { DistrictToday } from "../parts/district_today";
import { ParkList } from "../parts/park_list";
import { short } from "../parts/trouble_list";
import { parkStatus } from "../park_status";
import { aged, causes, district } from "../state";
import { concernsAll } from "../trouble";
import type { Completeness, Day, District, ParkNow } from "../types";
import { nameOf, say } from "../i18n";

const PAUSE_MS = 60_000;
const NOT_ASKED = { data: null, problem: null, at_ms: 0 };

export function DistrictView() {
  const shown = district.value;
  if (shown) return <Known shown={shown} />;
  return (
    <>
      <p class="answer skeleton line" />
      <div class="board" aria-hidden="true">
        <section class="card half skeleton" style={{ minHeight: 460 }} />
        <section class="card half skeleton" style={{ minHeight: 460 }} />
        <section class="card full skeleton" style={{ minHeight: 364 }} />
      </div>
    </>
  );
}

function Known({ shown }: { shown: District }) {
  const { parks } = shown;
  // One day for all: a park that is silent since yesterday has no energy today.
  const date = isoDay(newestOf(shown) ?? Date.now(), parks[0]?.time_zone ?? "Asia/Shanghai");
  const days = useQueries<Day>(parks.map((one) => `/parks/${one.park}/day?step=15m&date=${date}`), PAUSE_MS);
  const complete = useQueries<Completeness>(parks.map((one) => `/parks/${one.park}/completeness?period=${date}`), PAUSE_MS);
  const answered = days.every((one) => one.data ?? one.problem);
  const sum = useMemo(() => (answered ? summed(days.flatMap((one) => one.data ?? []), days.filter((one) => !one.data).length) : null), [days]);
  const heard = useMemo(() => newestOf(shown), [days]);
  return (
    <>
      <p class="answer">{sentence(shown)}</p>
      <div class="board district">
        <section class="card half map-card" aria-labelledby="map-title">
          <div class="card-head">
            <h2 id="map-title">{say("district.map")}</h2>
            <MapKey />
          </div>
          <DistrictMap parks={parks} />
        </section>
        <ParkList listed={parks.map((one, index) => ({ one, day: days[index] ?? NOT_ASKED, complete: complete[index] ?? NOT_ASKED }))} />
        {answered && !sum ? (
          <NoDay days={days} />
        ) : (
          <>
            <DistrictToday parks={parks} day={sum?.day ?? null} complete={complete} />
            <PowerOfDay
              shown={sum?.day ?? null}
              title={say("day.title")}
              newestMs={() => (district.peek() ? newestOf(district.peek() as District) : null)}
              heardMs={() => heard ?? 0}
              partial={sum?.partial ?? []}
              note={noteOf(days, sum?.partial.length ?? 0)}
            />
          </>
        )}
      </div>
    </>
  );
}

/** Nothing of the day can be had: why, instead of the charts. */
function NoDay({ days }: { days: Query<Day>[] }) {
  const problem = days.find((one) => one.problem)?.problem;
  return (
    <section class="card full" aria-labelledby="day-title">
      <h2 id="day-title">{say("day.title")}</h2>
      {problem ? <Refusal problem={problem} /> : <p class="empty">{say("day.empty")}</p>}
    </section>
  );
}

function noteOf(days: Query<Day>[], partial: number): string | undefined {
  const old = days.filter((one) => one.data && one.problem);
  if (old.length) return say("asked.old", { time: clock(Math.min(...old.map((one) => one.at_ms)), undefined) });
  return partial ? say("district.partial") : undefined;
}

function newestOf({ parks }: District): number | null {
  const known = parks.map((one) => one.newest_ms).filter((ms) => ms !== null);
  return known.length ? Math.max(...known) : null;
}

function MapKey() {
  return (
    <ul class="legend">
      <li>◯ {say("district.key.size")}</li>
      <li>
        <span class="key pv" aria-hidden="true">
          ◔
        </span>{" "}
        {say("district.key.ring")}
      </li>
      <li>▨ {say("district.key.hatch")}</li>
    </ul>
  );
}

function sentence(shown: District): string {
  const { parks, pv_of_use: own } = shown;
  const past = soFar(newestOf(shown), parks[0]?.time_zone ?? "Asia/Shanghai");
  if (past !== null) return past;
  const known = parks.filter((one) => one.flow.grid.kw !== null);
  if (!known.length) return say("district.answer.silent", { count: parks.length });
  const grid = known.reduce((sum, one) => sum + (one.flow.grid.kw ?? 0), 0);
  // The sum is as old as the oldest of what it is of.
  const oldest = known.reduce((most, one) => Math.max(most, oldAge(one) ?? -1), -1);
  const facts = [gridFact(parks, grid, oldest)];
  if (own !== null) facts.push(say(oldest >= 0 ? "answer.own.was" : parks.length === 1 ? "answer.own" : "district.answer.own", { share: percent(own) }));
  return facts.join(say("answer.join")) + say("answer.turn") + need(parks) + say("answer.end");
}

function oldAge(one: ParkNow): number | null {
  const grid = aged(one.flow.grid);
  return grid.state === "stale" ? grid.age : null;
}

function gridFact(parks: ParkNow[], grid: number, oldest: number): string {
  const told = together(power(Math.abs(grid)));
  const [only] = parks;
  const values = { park: nameOf(only, only?.park ?? ""), count: parks.length, grid: told };
  const key = parks.length === 1 ? (grid >= 0 ? "answer.import" : "answer.export") : grid >= 0 ? "district.answer.draw" : "district.answer.send";
  return oldest >= 0 ? say(`${key}.was`, { ...values, at: atAge(oldest) }) : say(key, values);
}

function need(parks: ParkNow[]): string {
  const common = causes.value.find(concernsAll);
  if (common) return short(common);
  const troubled = parks.filter((one) => parkStatus(one).rank > 0);
  if (troubled.length === 0) return say("answer.fine");
  const [first] = causes.value;
  const name = nameOf(troubled[0], troubled[0]?.park ?? "");
  if (troubled.length === 1) return first ? say("district.answer.one.why", { park: name, why: short(first) }) : say("district.answer.one", { park: name });
  return say("district.answer.some", { count: troubled.length });
}
