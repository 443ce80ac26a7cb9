// What registers cannot have counted, and what a person has to mend at devices: each in plain words, with what to do.

import type { ComponentChildren } from "preact";
import { Answered, useQuery, useQueries, type Query } from "../use_query";
import { signalName } from "../catalogue";
import { isoDay, moment, otherDay } from "../format";
import { parks, zoneOf } from "../state";
import { nameOf, say, sayMaybe } from "../i18n";
import type { DeviceProblems, RegisterFinding, RegisterFindings } from "../types";

const DAYS = 31;
const SHOWN = 50;
const parkOf = (park: string): string => nameOf(parks.value?.find((one) => one.park === park), park);
/** Registers are read off, not rounded. */
const kwh = (value: number | null): string => (value === null ? "—" : value.toFixed(3));

export function FindingsCard({ park }: { park: string | null }) {
  const names = park === null ? (parks.value ?? []).map((one) => one.park) : [park];
  const today = isoDay(Date.now(), zoneOf(names[0]));
  const asked = joined(useQueries<RegisterFindings>(names.map((name) => `/parks/${name}/findings?period=${otherDay(today, 1 - DAYS)}..${otherDay(today, 1)}`), 60_000));
  return (
    <section class="card full" aria-labelledby="findings-title">
      <div class="card-head">
        <h2 id="findings-title">{say("findings.title")}</h2>
        <span class="faint">{say("findings.span", { days: DAYS })}</span>
      </div>
      <Answered of={asked} height={80} empty={(found) => (found.length ? null : say("findings.none"))}>
        {(found) => (
          <>
            <p class="small faint">{say("findings.hint")}</p>
            <Table title="findings-title" heads={[say("quarantine.at"), say("findings.what"), say("park"), say("device"), say("signal")]}>
              {found.slice(0, SHOWN).map((one) => (
                <tr key={[one.park, one.gateway, one.device, one.signal, one.at_ms, one.kind].join()}>
                  <td>{moment(one.at_ms, zoneOf(one.park))}</td>
                  <td class="wide-text">{told(one)}</td>
                  <td>{parkOf(one.park)}</td>
                  <td>
                    {one.gateway}/{one.device}
                  </td>
                  <td>{signalName(one.signal)}</td>
                </tr>
              ))}
            </Table>
            {found.length > SHOWN && <p class="small faint">{say("findings.more", { count: found.length - SHOWN })}</p>}
          </>
        )}
      </Answered>
    </section>
  );
}

function told(one: RegisterFinding & { park: string }): string {
  const values = { from: kwh(one.from_register_kwh), to: kwh(one.register_kwh), energy: kwh(one.energy_kwh), readings: one.readings, since: moment(one.from_ms, zoneOf(one.park)) };
  return sayMaybe(`finding.${one.kind}`, one.kind, values);
}

function joined(asked: Query<RegisterFindings>[]): Query<(RegisterFinding & { park: string })[]> {
  const problem = asked.find((one) => one.problem)?.problem ?? null;
  const known = asked.filter((one) => one.data !== null);
  const whole = known.length > 0 && asked.every((one) => one.data ?? one.problem);
  const all = known.flatMap(({ data }) => (data?.findings ?? []).map((one) => ({ ...one, park: data?.park ?? "" })));
  return { data: whole ? all.sort((a, b) => b.at_ms - a.at_ms) : null, problem, at_ms: Math.min(...known.map((one) => one.at_ms)) };
}

export function ProblemsCard({ park }: { park: string | null }) {
  const asked = useQuery<DeviceProblems>(`/device-problems${park === null ? "" : `?park=${encodeURIComponent(park)}`}`, 15_000);
  return (
    <section class="card full" aria-labelledby="problems-title">
      <h2 id="problems-title">{say("problems.title")}</h2>
      <Answered of={asked} height={80} empty={({ problems }) => (problems.length ? null : say("problems.none"))}>
        {({ problems }) => (
          <Table title="problems-title" heads={[say("device"), say("park"), say("problems.what")]}>
            {problems.map((one) => (
              <tr key={[one.park, one.gateway, one.device].join()}>
                <td>
                  {one.gateway}/{one.device}
                </td>
                <td>{parkOf(one.park)}</td>
                <td class="wide-text">{sayMaybe(`problem.${one.problem}`, one.problem)}</td>
              </tr>
            ))}
          </Table>
        )}
      </Answered>
    </section>
  );
}

function Table({ title, heads, children }: { title: string; heads: string[]; children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-labelledby={title}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head}>{head}</th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
