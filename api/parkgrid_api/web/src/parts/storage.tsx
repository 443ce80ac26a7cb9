// Storage: state of charge within its band, power between its limits, wear.

import { percent, power, together } from "../format";
import { Num } from "../number";
import { say } from "../i18n";
import type { Member } from "./member";
import { ClassChart } from "./class_chart";
import { useDayEnergies } from "./day_energies";
import { DeviceCell, Live, sentenceOf, StateCell, sumOf, usable } from "./device_cells";
import { IndicatorsCard } from "./indicators";

export function StoragePanel({ members }: { members: Member[] }) {
  const charged = useDayEnergies(members, "energy_charged_kwh");
  const discharged = useDayEnergies(members, "energy_discharged_kwh");
  const first = members[0];
  // What no storage of this park has is no column of dashes.
  const told = (["cycle_count", "soh_pct", "cell_temperature_max_c"] as const).filter((signal) => members.some(({ device }) => device.signals.includes(signal)));
  return (
    <>
      <p class="answer">{sentence(members)}</p>
      <div class="board">
        {first && <ClassChart title={say("storage.soc")} unit="%" wishes={members.slice(0, 4).map(({ device }) => ({ device, signal: "soc_pct", area: members.length === 1 }))} />}
        <IndicatorsCard names={["storage_round_trip_efficiency_soc_corrected", "storage_round_trip_efficiency", "storage_equivalent_full_cycles", "equipment_availability_ratio"]} />
        {first && (
          <ClassChart
            title={say("storage.power")}
            span="full"
            unit="kW"
            wishes={[
              ...members.slice(0, 3).map(({ device }) => ({ device, signal: "active_power_kw", area: members.length === 1, ...(members.length === 1 ? { name: say("signal.active_power_kw") } : {}) })),
              { device: first.device, signal: "discharge_limit_kw", dashed: true, ink: "ink", name: say("signal.discharge_limit_kw") },
              // Charging is negative power: its limit lies below the axis.
              { device: first.device, signal: "charge_limit_kw", per: -1, dashed: true, ink: "faint", name: say("signal.charge_limit_kw") },
            ]}
          />
        )}
        <section class="card full" aria-labelledby="storage-table">
          <h2 id="storage-table">{say("storage.table")}</h2>
          <div class="scroll" tabIndex={0} role="region" aria-labelledby="storage-table">
            <table>
              <thead>
                <tr>
                  <th>{say("device")}</th>
                  <th>{say("gateways.state")}</th>
                  <th>{say("signal.soc_pct")}</th>
                  <th class="number">{say("signal.active_power_kw")}</th>
                  <th class="number">{say("signal.charge_limit_kw")}</th>
                  <th class="number">{say("signal.discharge_limit_kw")}</th>
                  <th class="number">{say("energy.charged")}</th>
                  <th class="number">{say("energy.discharged")}</th>
                  {told.map((signal) => (
                    <th key={signal} class="number">
                      {say(`signal.${signal}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {members.map((member, index) => (
                  <tr key={member.device.device}>
                    <DeviceCell member={member} />
                    <td>
                      <StateCell member={member} />
                    </td>
                    <td>
                      <Level value={usable(member, "soc_pct")} ink="storage" /> <Live member={member} signal="soc_pct" />
                    </td>
                    {(["active_power_kw", "charge_limit_kw", "discharge_limit_kw"] as const).map((signal) => (
                      <td key={signal} class="number">
                        <Live member={member} signal={signal} />
                      </td>
                    ))}
                    <td class="number">
                      <Num value={charged[index]} unit="kWh" why={say("why.no_register")} />
                    </td>
                    <td class="number">
                      <Num value={discharged[index]} unit="kWh" why={say("why.no_register")} />
                    </td>
                    {told.map((signal) => (
                      <td key={signal} class="number">
                        <Live member={member} signal={signal} />
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      </div>
    </>
  );
}

function sentence(members: Member[]): string {
  const kw = sumOf(members, "active_power_kw");
  const charges = members.map((member) => usable(member, "soc_pct")).filter((value) => value !== null);
  const soc = charges.length ? percent(charges.reduce((sum, value) => sum + value, 0) / charges.length / 100) : "—";
  if (kw === null) return say("storage.answer.none");
  const key = Math.abs(kw) < 0.5 ? "storage.answer.rests" : kw > 0 ? "storage.answer.gives" : "storage.answer.takes";
  return sentenceOf(key, members, { soc, power: together(power(Math.abs(kw))) });
}

/** A level of 0 to 100 %, drawn. */
export function Level({ value, ink }: { value: number | null; ink: string }) {
  return (
    <span class="bar level" aria-hidden="true">
      {value !== null && <span class="fill" style={{ width: `${Math.min(100, Math.max(0, value))}%`, background: `var(--${ink})` }} />}
    </span>
  );
}
