// All parks: where each is, what it does now, and which one needs somebody.

import { useEffect, useState } from "preact/hooks";
import { useAsk } from "../asked";
import { ago, isoDay, percent, power, together } from "../format";
import { LinkTo } from "../link_to";
import { Num } from "../number";
import { DistrictMap } from "../parts/district_map";
import { Spark } from "../parts/spark";
import { go, param, viewPatch } from "../router";
import { aged, district, lately } from "../state";
import { standing, type Standing } from "../standing";
import type { Day, District, ParkNow } from "../types";
import { nameOf, say, type Key } from "../words";

type Sort = "worst" | "name" | "power" | "sun" | "energy" | "complete";

export function DistrictView() {
  const shown = district.value;
  if (!shown) {
    return (
      <>
        <p class="answer skeleton line" />
        <div class="board" aria-hidden="true">
          <section class="card half skeleton" style={{ minHeight: 460 }} />
          <section class="card half skeleton" style={{ minHeight: 460 }} />
        </div>
      </>
    );
  }
  return (
    <>
      <p class="answer">{sentence(shown)}</p>
      <div class="board">
        <section class="card half" aria-labelledby="map-title">
          <div class="card-head">
            <h2 id="map-title">{say("district.map")}</h2>
            <MapKey />
          </div>
          <DistrictMap parks={shown.parks} />
        </section>
        <List shown={shown} />
      </div>
    </>
  );
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

function sentence({ parks }: District): string {
  const known = parks.filter((one) => one.flow.grid.kw !== null);
  const grid = known.reduce((sum, one) => sum + (one.flow.grid.kw ?? 0), 0);
  const use = known.reduce((sum, one) => sum + useOf(one), 0);
  const sun = known.reduce((sum, one) => sum + Math.max(0, one.flow.pv.kw ?? 0), 0);
  if (!known.length) return say("district.answer.silent", { count: parks.length });
  const facts = [say(grid >= 0 ? "district.answer.draw" : "district.answer.send", { count: parks.length, grid: together(power(Math.abs(grid))) })];
  if (use > 0) facts.push(say("answer.own", { share: percent(Math.min(1, sun / use)) }));
  const troubled = parks.filter((one) => standing(one).rank > 0);
  const need =
    troubled.length === 0
      ? say("answer.fine")
      : say(troubled.length === 1 ? "district.answer.one" : "district.answer.some", {
          count: troubled.length,
          park: nameOf(troubled[0], troubled[0]?.park ?? ""),
        });
  return facts.join(say("answer.join")) + say("answer.turn") + need + say("answer.end");
}

export function useOf(one: ParkNow): number {
  return Math.max(0, one.flow.load.kw ?? 0) + Math.max(0, one.flow.ev.kw ?? 0);
}

export function ownShare(one: ParkNow): number | null {
  const use = useOf(one);
  return one.flow.pv.kw === null || one.flow.load.kw === null || use <= 0 ? null : Math.min(1, Math.max(0, one.flow.pv.kw) / use);
}

const COLUMNS: { sort: Sort; key: Key }[] = [
  { sort: "worst", key: "district.state" },
  { sort: "name", key: "park" },
  { sort: "power", key: "district.grid" },
  { sort: "sun", key: "district.own" },
  { sort: "energy", key: "district.today" },
  { sort: "complete", key: "district.complete" },
];

function List({ shown }: { shown: District }) {
  const sort = (param("sort") as Sort | null) ?? "worst";
  const [known, setKnown] = useState<Record<string, Known>>({});
  const order: Record<Sort, (a: ParkNow, b: ParkNow) => number> = {
    worst: (a, b) => standing(b).rank - standing(a).rank || (b.flow.grid.kw ?? 0) - (a.flow.grid.kw ?? 0),
    name: (a, b) => nameOf(a, a.park).localeCompare(nameOf(b, b.park)),
    power: (a, b) => (b.flow.grid.kw ?? -Infinity) - (a.flow.grid.kw ?? -Infinity),
    sun: (a, b) => (ownShare(b) ?? -1) - (ownShare(a) ?? -1),
    energy: (a, b) => (known[b.park]?.energy_kwh ?? -1) - (known[a.park]?.energy_kwh ?? -1),
    // The least complete first: that is what is looked for.
    complete: (a, b) => (known[a.park]?.complete_pct ?? 101) - (known[b.park]?.complete_pct ?? 101),
  };
  return (
    <section class="card half" aria-labelledby="parks-title">
      <h2 id="parks-title">{say("district.parks")}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="parks-title">
        <table>
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column.sort} class={column.sort === "worst" || column.sort === "name" ? "" : "number"} aria-sort={sort === column.sort ? "descending" : "none"}>
                  <button type="button" class="sort" onClick={() => go({ sort: column.sort === "worst" ? null : column.sort }, "replace")}>
                    {say(column.key)}
                    <span aria-hidden="true">{sort === column.sort ? " ▾" : ""}</span>
                  </button>
                </th>
              ))}
              <th>{say("district.lately")}</th>
            </tr>
          </thead>
          <tbody>
            {[...shown.parks].sort(order[sort]).map((one) => (
              <Row key={one.park} one={one} onKnown={(fresh) => setKnown((was) => ({ ...was, [one.park]: fresh }))} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface Known {
  energy_kwh: number | null;
  complete_pct: number | null;
}

function Row({ one, onKnown }: { one: ParkNow; onKnown: (known: Known) => void }) {
  const day = useAsk<Day>(`/parks/${one.park}/day?step=15m`, 60_000).data;
  const used = day?.energy["grid_meter.energy_import_kwh"];
  const sun = day?.energy["pv_inverter.energy_generated_kwh"];
  const grid = aged(one.flow.grid);
  const state = standing(one);
  const today = isoDay(one.newest_ms ?? Date.now(), one.time_zone);
  const complete = useAsk<{ score_pct: number | null }>(`/parks/${one.park}/completeness?period=${today}`, 60_000).data?.score_pct ?? null;
  const energy = used?.kwh ?? null;
  useEffect(() => onKnown({ energy_kwh: energy, complete_pct: complete }), [energy, complete]);
  const line = day?.power.grid.kw ?? [];
  return (
    <tr class={state.rank > 1 ? "bad" : ""} data-park={one.park}>
      <td>
        <StandingMark state={state} />
      </td>
      <th scope="row">
        <LinkTo to={viewPatch("park", { park: one.park })}>{nameOf(one, one.park)}</LinkTo>
      </th>
      <td class="number">
        <Num value={grid.kw} unit="kW" old={grid.state === "stale"} why={grid.age === null ? undefined : ago(grid.age, "age.ago")} />
      </td>
      <td class="number">
        <Num value={ownShare(one)} unit="share" old={grid.state === "stale"} why={say("district.own.why")} />
      </td>
      <td class="number two">
        <Num value={used?.kwh} unit="kWh" why={say("energy.import")} />
        {(sun?.devices ?? 0) > 0 && (
          <span class="second">
            <span class="key pv" aria-hidden="true">
              ■
            </span>{" "}
            <Num value={sun?.kwh} unit="kWh" why={say("energy.pv")} />
          </span>
        )}
      </td>
      <td class="number">
        <Num value={complete === null ? null : Math.floor(complete * 10) / 10} unit="%" why={say(complete === null ? "district.complete.none" : "district.complete.why")} />
      </td>
      <td>
        <Spark values={line.length ? line : (lately.get(one.park)?.read().values ?? [])} ink="grid" />
      </td>
    </tr>
  );
}

/** Shape and word, not colour alone. */
export function StandingMark({ state }: { state: Standing }) {
  return (
    <span class={`standing rank-${state.rank}`} title={state.why}>
      <span aria-hidden="true">{["●", "◐", "○"][state.rank]}</span> {say(state.key)}
    </span>
  );
}
