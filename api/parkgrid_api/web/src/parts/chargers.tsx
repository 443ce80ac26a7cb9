// Charging: one row a gun, what the site gives in all, and where the energy of each session came from.

import { useQuery } from "../use_query";
import { deviceName } from "../catalogue";
import { power, together } from "../format";
import { Num } from "../number";
import { say } from "../i18n";
import type { Member } from "./member";
import { chosen } from "../state";
import { ClassChart, dayShown } from "./class_chart";
import { useDayEnergies } from "./day_energies";
import { DeviceCell, Live, sentenceOf, StateCell, sumOf, usable } from "./device_cells";
import { IndicatorsCard } from "./indicators";
import { OriginBar, SessionsCard } from "./sessions";
import { Level } from "./storage";
import type { ChargingSessionShape, ChargingSessions } from "../types";

const DAY_MS = 86_400_000;

export function ChargersPanel({ members }: { members: Member[] }) {
  const given = useDayEnergies(members, "energy_delivered_kwh");
  const returned = useDayEnergies(members, "energy_returned_kwh");
  const busy = members.filter((member) => Math.abs(usable(member, "active_power_kw") ?? 0) > 0.5).length;
  const now = sumOf(members, "active_power_kw");
  const { from_ms, to_ms } = dayShown();
  const asked = useQuery<ChargingSessions>(`/parks/${chosen.value}/sessions?from=${from_ms - DAY_MS}&to=${to_ms}`, 60_000);
  // What no gun has is no column of dashes.
  const some = (signal: string): boolean => members.some(({ device }) => device.signals.includes(signal));
  const returning = some("energy_returned_kwh");
  return (
    <>
      <p class="answer">{now === null ? say("chargers.answer.none") : sentenceOf("chargers.answer", members, { busy, count: members.length, power: together(power(now)) })}</p>
      <div class="board">
        <section class="card full" aria-labelledby="guns-table">
          <h2 id="guns-table">{say("chargers.table")}</h2>
          <div class="scroll" tabIndex={0} role="region" aria-labelledby="guns-table">
            <table>
              <thead>
                <tr>
                  <th>{say("gun")}</th>
                  <th>{say("gateways.state")}</th>
                  <th class="number">{say("signal.active_power_kw")}</th>
                  <th class="number">{say("signal.limit_kw")}</th>
                  <th>{say("signal.vehicle_soc_pct")}</th>
                  <th class="number">{say("signal.session_energy_kwh")}</th>
                  <th class="number">{say("energy.ev")}</th>
                  {returning && <th class="number">{say("energy.v2g")}</th>}
                  {some("session_count") && <th class="number">{say("signal.session_count")}</th>}
                  <th title={say("sessions.origin.last")}>{say("sessions.origin")}</th>
                </tr>
              </thead>
              <tbody>
                {members.map((member, index) => (
                  <tr key={member.device.device}>
                    <DeviceCell member={member} />
                    <td>
                      <StateCell member={member} />
                    </td>
                    <td class="number">
                      <Live member={member} signal="active_power_kw" />
                    </td>
                    <td class="number">
                      <Live member={member} signal="limit_kw" />
                    </td>
                    <td>
                      <Level value={usable(member, "vehicle_soc_pct")} ink="ev" /> <Live member={member} signal="vehicle_soc_pct" />
                    </td>
                    <td class="number">
                      <Live member={member} signal="session_energy_kwh" />
                    </td>
                    <td class="number">
                      <Num value={given[index]} unit="kWh" why={say("why.no_register")} />
                    </td>
                    {returning && (
                      <td class="number">
                        <Num value={returned[index]} unit="kWh" why={say("why.no_register")} />
                      </td>
                    )}
                    {some("session_count") && (
                      <td class="number">
                        <Live member={member} signal="session_count" unit="count" />
                      </td>
                    )}
                    <td>
                      <LastOrigin session={lastOf(asked.data?.sessions ?? [], member)} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <SessionsCard asked={asked} names={new Map(members.map(({ device }) => [`${device.gateway}/${device.device}`, deviceName(device)]))} returning={returning} />
        <ClassChart title={say("chargers.chart")} unit="kW" wishes={members.slice(0, 6).map(({ device }) => ({ device, signal: "active_power_kw" }))} />
        <IndicatorsCard names={["charger_time_utilisation_ratio", "charger_energy_utilisation_ratio", "charging_from_pv_kwh", "charging_from_storage_kwh", "charging_from_grid_kwh", ...(returning ? ["v2g_energy_kwh"] : [])]} />
      </div>
    </>
  );
}

function lastOf(sessions: ChargingSessionShape[], { device }: Member): ChargingSessionShape | undefined {
  return sessions.filter((one) => one.gateway === device.gateway && one.device === device.device).at(-1);
}

function LastOrigin({ session }: { session: ChargingSessionShape | undefined }) {
  return session ? <OriginBar one={session} /> : <span class="faint">{say("sessions.none")}</span>;
}
