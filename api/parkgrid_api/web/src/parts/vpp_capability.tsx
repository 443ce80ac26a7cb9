// What can be adjusted: now in a table, and over the 96 quarter hours of the next day as curves with the reasons that
// limit them. Of the whole pilot, or of the resources of one operator.

import { whole } from "../format";
import { nameOf, say, sayMaybe } from "../i18n";
import { go, param } from "../router";
import { Answered, useQuery } from "../use_query";
import type { Adjustable, AdjustableSide, CapabilityShape } from "../types";
import { Chart, type Line } from "./chart";
import { asked, Pager } from "./pager";
import { at, Card, kw, Table, ZONE } from "./vpp";

const SHOWN = 20;
const QUARTER_MS = 900_000;

export function CapabilityCards({ operator }: { operator?: string }) {
  const of = operator === undefined ? "" : `operator=${encodeURIComponent(operator)}&`;
  const told = useQuery<CapabilityShape>(`/vpp/capability?${of}${asked("capability", SHOWN)}`, 60_000);
  const nothing = (found: CapabilityShape) => (found.of.length ? null : say("vpp.adjustable.none"));
  return (
    <>
      <Card id="vpp-adjustable" title={say("vpp.adjustable")}>
        <Answered of={told} height={120} empty={nothing}>
          {(found) => (
            <>
              <Now rows={found.of} />
              <Pager list="capability" name={say("vpp.adjustable")} total={found.total} size={SHOWN} />
            </>
          )}
        </Answered>
      </Card>
      <Card id="vpp-day" title={say("vpp.day_ahead")} note={told.data && <Choice rows={told.data.of} />}>
        <Answered of={told} height={320} empty={nothing}>
          {(found) => <Day at_ms={found.at_ms} one={chosen(found.of)} />}
        </Answered>
      </Card>
    </>
  );
}

const keyOf = (one: Adjustable): string => `${one.kind}/${one.id}`;
const called = (one: Adjustable): string => (one.kind === "all" ? say("vpp.funnel.all") : `${nameOf(one, one.id)} ${sayMaybe(`vpp.kind.${one.kind}`, one.kind)}`);

function chosen(rows: Adjustable[]): Adjustable {
  return rows.find((one) => keyOf(one) === param("part")) ?? (rows[0] as Adjustable);
}

function Choice({ rows }: { rows: Adjustable[] }) {
  if (rows.length < 2) return null;
  return (
    <select aria-label={say("vpp.day_ahead.of")} value={keyOf(chosen(rows))} onChange={(event) => go({ part: event.currentTarget.value }, "replace")}>
      {rows.map((one) => (
        <option key={keyOf(one)} value={keyOf(one)}>
          {called(one)}
        </option>
      ))}
    </select>
  );
}

/** What can be adjusted in this quarter hour, for how long, and what limits it. */
function Now({ rows }: { rows: Adjustable[] }) {
  const heads = [
    { text: say("vpp.funnel.of") },
    { text: say("vpp.up"), number: true },
    { text: say("vpp.holds"), number: true },
    { text: say("vpp.limit") },
    { text: say("vpp.down"), number: true },
    { text: say("vpp.holds"), number: true },
    { text: say("vpp.limit") },
  ];
  return (
    <Table title="vpp-adjustable" heads={heads}>
      {rows.map((one) => (
        <tr key={keyOf(one)}>
          <th scope="row">
            {one.kind === "all" ? say("vpp.funnel.all") : nameOf(one, one.id)} <span class="faint">{one.kind === "all" ? "" : sayMaybe(`vpp.kind.${one.kind}`, one.kind)}</span>
          </th>
          {[one.up, one.down].flatMap((side, index) => [
            <td key={`kw${index}`} class="number">
              {kw(side.kw[0] ?? null)}
            </td>,
            <td key={`minutes${index}`} class="number">
              {say("vpp.minutes", { minutes: side.minutes[0] ?? 0 })}
            </td>,
            <td key={`limit${index}`}>{reason(side.limit[0])}</td>,
          ])}
        </tr>
      ))}
    </Table>
  );
}

const reason = (limit: string | undefined): string => (limit === undefined ? "" : sayMaybe(`vpp.limit.${limit}`, limit));

function Day({ at_ms, one }: { at_ms: number[]; one: Adjustable }) {
  const [from_ms, to_ms] = [at_ms[0] ?? 0, (at_ms[at_ms.length - 1] ?? 0) + QUARTER_MS];
  const drawn = (side: AdjustableSide): number[] => [...side.kw, side.kw[side.kw.length - 1] ?? 0];
  const lines: Line[] = [
    { key: "up", name: say("vpp.up"), ink: "load", values: drawn(one.up), stepped: true },
    { key: "down", name: say("vpp.down"), ink: "storage", values: drawn(one.down), dashed: true, stepped: true },
  ];
  return (
    <>
      <Chart at_ms={[...at_ms, to_ms]} lines={lines} unit="kW" zone={ZONE} from_ms={from_ms} to_ms={to_ms} height={220} label={say("vpp.day_ahead.chart", { name: called(one) })} />
      {one.facts && <p class="small">{facts(one)}</p>}
      <Reasons at_ms={at_ms} one={one} />
    </>
  );
}

function facts({ facts: told }: Adjustable): string {
  if (told === null) return "";
  const { confidence_pct: sure, method } = told;
  const parts = [
    say("vpp.facts", { ramp: kw(told.ramp_kw_per_min), notice: told.notice_min, recovery: told.recovery_min }),
    sure === null ? say("vpp.facts.no_confidence") : say("vpp.facts.confidence", { pct: whole(Math.round(sure)) }),
    method === null ? say("vpp.facts.no_forecast") : say("vpp.facts.forecast", { method: sayMaybe(`vpp.method.${method}`, method), time: told.issued_ms === null ? "—" : at(told.issued_ms) }),
  ];
  return parts.join(say("answer.turn")) + say("answer.end");
}

/** Quarter hours that follow each other and have the same reasons are one row, so that all 96 are told. */
function Reasons({ at_ms, one }: { at_ms: number[]; one: Adjustable }) {
  const heads = [
    { text: say("vpp.time") },
    { text: say("vpp.up"), number: true },
    { text: say("vpp.holds_least"), number: true },
    { text: say("vpp.limit") },
    { text: say("vpp.down"), number: true },
    { text: say("vpp.holds_least"), number: true },
    { text: say("vpp.limit") },
  ];
  return (
    <div class="tall-table">
      <Table title="vpp-day" heads={heads}>
        {spells(at_ms.length, one).map(([first, last]) => (
          <tr key={first}>
            <th scope="row">
              {at(at_ms[first] ?? 0)} – {at((at_ms[last] ?? 0) + QUARTER_MS).slice(11)}
            </th>
            {[one.up, one.down].flatMap((side, index) => [
              <td key={`kw${index}`} class="number">
                {between(side.kw.slice(first, last + 1))}
              </td>,
              <td key={`minutes${index}`} class="number">
                {say("vpp.minutes", { minutes: Math.min(...side.minutes.slice(first, last + 1)) })}
              </td>,
              <td key={`limit${index}`}>{reason(side.limit[first])}</td>,
            ])}
          </tr>
        ))}
      </Table>
    </div>
  );
}

export function spells(count: number, one: Pick<Adjustable, "up" | "down">): [number, number][] {
  const found: [number, number][] = [];
  for (let slot = 0; slot < count; slot++) {
    const last = found[found.length - 1];
    if (last && one.up.limit[slot] === one.up.limit[last[0]] && one.down.limit[slot] === one.down.limit[last[0]]) last[1] = slot;
    else found.push([slot, slot]);
  }
  return found;
}

function between(values: number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least === most ? kw(most) : `${kw(least)} – ${kw(most)}`;
}
