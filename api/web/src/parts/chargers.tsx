// Charging: one row a gun, and what the site gives in all.

import { power, together } from "../format";
import { Num } from "../number";
import { say } from "../words";
import type { Member } from "../views/devices";
import { ClassChart } from "./class_chart";
import { useDayEnergies } from "./day_energies";
import { DeviceCell, Live, StateCell, sumOf, usable } from "./device_cells";
import { IndicatorsCard } from "./indicators";
import { Level } from "./storage";

export function ChargersPanel({ members }: { members: Member[] }) {
  const given = useDayEnergies(members, "energy_delivered_kwh");
  const returned = useDayEnergies(members, "energy_returned_kwh");
  const busy = members.filter((member) => Math.abs(usable(member, "active_power_kw") ?? 0) > 0.5).length;
  const now = sumOf(members, "active_power_kw");
  return (
    <>
      <p class="answer">{now === null ? say("chargers.answer.none") : say("chargers.answer", { busy, count: members.length, power: together(power(now)) })}</p>
      <div class="board">
        <section class="card wide" aria-labelledby="guns-table">
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
                  <th class="number">{say("energy.v2g")}</th>
                  <th class="number">{say("signal.session_count")}</th>
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
                    <td class="number">
                      <Num value={returned[index]} unit="kWh" why={say("why.no_register")} />
                    </td>
                    <td class="number">
                      <Live member={member} signal="session_count" unit="count" />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <IndicatorsCard names={["charger_time_utilisation_ratio", "charger_energy_utilisation_ratio", "v2g_energy_kwh"]} />
        <ClassChart span="full" title={say("chargers.chart")} unit="kW" wishes={members.slice(0, 6).map(({ device }) => ({ device, signal: "active_power_kw" }))} />
      </div>
    </>
  );
}
