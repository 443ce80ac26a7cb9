// The parks of the district, the one that needs somebody first, or by what is chosen; a click goes into a park.

import type { Query } from "../use_query";
import { ago } from "../format";
import { RouterLink } from "../router_link";
import { Num } from "../number";
import { go, param, viewPatch } from "../router";
import { parkStatus, type ParkStatus } from "../park_status";
import { aged, lately } from "../state";
import type { Completeness, Day, ParkNow } from "../types";
import { nameOf, say, type Key } from "../i18n";
import { Spark } from "./spark";

type Sort = "worst" | "name" | "power" | "sun" | "energy" | "complete";

/** A park with what was asked of its day. */
export interface Listed {
  one: ParkNow;
  day: Query<Day>;
  complete: Query<Completeness>;
}

const IMPORT = "grid_meter.energy_import_kwh";
const GENERATED = "pv_inverter.energy_generated_kwh";
const COLUMNS: { sort: Sort; key: Key }[] = [
  { sort: "worst", key: "district.state" },
  { sort: "name", key: "park" },
  { sort: "power", key: "district.grid" },
  { sort: "sun", key: "district.own" },
  { sort: "energy", key: "district.today" },
  { sort: "complete", key: "district.complete" },
];

const importOf = ({ day }: Listed): number => day.data?.energy[IMPORT]?.kwh ?? -1;
const scoreOf = ({ complete }: Listed): number | null => complete.data?.score_pct ?? null;

const ORDER: Record<Sort, (a: Listed, b: Listed) => number> = {
  worst: ({ one: a }, { one: b }) => parkStatus(b).rank - parkStatus(a).rank || (b.flow.grid.kw ?? 0) - (a.flow.grid.kw ?? 0),
  name: ({ one: a }, { one: b }) => nameOf(a, a.park).localeCompare(nameOf(b, b.park)),
  power: ({ one: a }, { one: b }) => (b.flow.grid.kw ?? -Infinity) - (a.flow.grid.kw ?? -Infinity),
  sun: ({ one: a }, { one: b }) => (b.pv_of_use ?? -1) - (a.pv_of_use ?? -1),
  energy: (a, b) => importOf(b) - importOf(a),
  // The least complete first: that is what is looked for.
  complete: (a, b) => (scoreOf(a) ?? 101) - (scoreOf(b) ?? 101),
};

export function ParkList({ listed }: { listed: Listed[] }) {
  const sort = (param("sort") as Sort | null) ?? "worst";
  return (
    <section class="card half" aria-labelledby="parks-title">
      <h2 id="parks-title">{say("district.parks")}</h2>
      <div class="scroll park-list" tabIndex={0} role="region" aria-labelledby="parks-title">
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
            {[...listed].sort(ORDER[sort] ?? ORDER.worst).map((park) => (
              <Row key={park.one.park} {...park} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ one, day, complete }: Listed) {
  const used = day.data?.energy[IMPORT];
  const sun = day.data?.energy[GENERATED];
  const grid = aged(one.flow.grid);
  const state = parkStatus(one);
  const score = complete.data?.score_pct ?? null;
  const line = day.data?.power.grid.kw ?? [];
  return (
    <tr class={state.rank > 1 ? "bad" : ""} data-park={one.park}>
      <td>
        <ParkStatusMark state={state} />
      </td>
      <th scope="row">
        <RouterLink to={viewPatch("park", { park: one.park })}>{nameOf(one, one.park)}</RouterLink>
      </th>
      <td class="number">
        <Num value={grid.kw} unit="kW" old={grid.state === "stale"} why={grid.age === null ? undefined : ago(grid.age, "age.ago")} />
      </td>
      <td class="number">
        <Num value={one.pv_of_use} unit="share" old={grid.state === "stale"} why={say("district.own.why")} />
      </td>
      <td class="number two">
        <Num value={used?.kwh} unit="kWh" old={day.problem !== null} why={say("energy.import")} />
        {(sun?.devices ?? 0) > 0 && (
          <span class="second">
            <span class="key pv" aria-hidden="true">
              ■
            </span>{" "}
            <Num value={sun?.kwh} unit="kWh" old={day.problem !== null} why={say("energy.pv")} />
          </span>
        )}
      </td>
      <td class="number">
        <Num value={score === null ? null : Math.floor(score * 10) / 10} unit="%" old={complete.problem !== null} why={say(score === null ? "district.complete.none" : "district.complete.why")} />
      </td>
      <td>
        <Spark values={line.some((kw) => kw !== null) ? line : (lately.get(one.park)?.read().values ?? [])} ink="grid" width={64} />
      </td>
    </tr>
  );
}

/** Shape and word, not colour alone. */
export function ParkStatusMark({ state }: { state: ParkStatus }) {
  return (
    <span class={`standing rank-${state.rank}`} title={state.why}>
      <span aria-hidden="true">{["●", "◐", "○"][state.rank]}</span> {say(state.key)}
    </span>
  );
}
