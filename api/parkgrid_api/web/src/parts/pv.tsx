// Photovoltaics: what each inverter yields for its size, so that the weak one shows beside its like.

import { deviceName } from "../catalogue";
import { percent, power, together } from "../format";
import { Num } from "../number";
import { say } from "../i18n";
import type { Member } from "./member";
import { ClassChart } from "./class_chart";
import { DeviceCell, Live, sentenceOf, StateCell, sumOf } from "./device_cells";
import { useDayEnergies } from "./day_energies";
import { IndicatorsCard } from "./indicators";

/** Below this share of the median of its like an inverter is named. */
const WEAK = 0.9;

export function PvPanel({ members }: { members: Member[] }) {
  const energies = useDayEnergies(members, "energy_generated_kwh");
  const yields = members.map((member, index) => {
    const size = member.device.ratings?.rated_power_kw ?? member.device.ratings?.pv_rated_kwp ?? null;
    const kwh = energies[index] ?? null;
    return { member, kwh, specific: kwh !== null && size ? kwh / size : null };
  });
  const middle = median(yields.map((one) => one.specific).filter((value) => value !== null));
  const weak = yields.filter((one) => one.specific !== null && middle !== null && middle > 0.2 && one.specific < WEAK * middle);
  const now = sumOf(members, "active_power_kw");
  return (
    <>
      <p class="answer">
        {sentenceOf(weak.length ? "pv.answer.weak" : "pv.answer", members, {
          count: members.length,
          power: now === null ? "—" : together(power(now)),
          names: weak.map((one) => deviceName(one.member.device)).join(say("list.join")),
          share: weak[0] && middle ? percent(1 - (weak[0].specific ?? 0) / middle) : "",
        })}
      </p>
      <div class="board">
        <ClassChart title={say("pv.chart")} unit="kW/kW" wishes={members.slice(0, 6).map(({ device }) => ({ device, signal: "active_power_kw", per: device.ratings?.rated_power_kw ?? 1 }))} />
        <IndicatorsCard names={["performance_ratio", "performance_ratio_temperature_corrected", "pv_specific_yield_kwh_per_kwp", "pv_availability_ratio"]} />
        <section class="card full" aria-labelledby="pv-table">
          <h2 id="pv-table">{say("pv.table")}</h2>
          <div class="scroll" tabIndex={0} role="region" aria-labelledby="pv-table">
            <table>
              <thead>
                <tr>
                  <th>{say("device")}</th>
                  <th>{say("gateways.state")}</th>
                  <th class="number">{say("signal.active_power_kw")}</th>
                  <th class="number">{say("rated")}</th>
                  <th class="number">{say("pv.today")}</th>
                  <th class="number">{say("pv.specific")}</th>
                  <th>{say("pv.like")}</th>
                  <th class="number">{say("signal.temperature_c")}</th>
                </tr>
              </thead>
              <tbody>
                {yields.map(({ member, kwh, specific }) => (
                  <tr key={member.device.device}>
                    <DeviceCell member={member} />
                    <td>
                      <StateCell member={member} />
                    </td>
                    <td class="number">
                      <Live member={member} signal="active_power_kw" />
                    </td>
                    <td class="number">
                      <Num value={member.device.ratings?.rated_power_kw} unit="kW" why={say("why.no_rating")} />
                    </td>
                    <td class="number">
                      <Num value={kwh} unit="kWh" why={say("why.no_register")} />
                    </td>
                    <td class="number">
                      <Num value={specific} unit="kWh/kW" why={say("why.no_rating")} />
                    </td>
                    <td>
                      <Likeness share={specific !== null && middle ? specific / middle : null} />
                    </td>
                    <td class="number">
                      <Live member={member} signal="temperature_c" />
                    </td>
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

function median(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  if (!sorted.length) return null;
  return sorted.length % 2 ? (sorted[half] ?? null) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

/** How much of the median of its like: a bar with a mark at 100 %. */
function Likeness({ share }: { share: number | null }) {
  if (share === null) return <Num value={null} unit="" why={say("why.no_rating")} />;
  const weak = share < WEAK;
  return (
    <span class="likeness">
      <span class="bar" aria-hidden="true">
        <span class={weak ? "fill weak" : "fill"} style={{ width: `${Math.min(100, (share / 1.25) * 100)}%` }} />
        <span class="mark-100" />
      </span>{" "}
      {percent(share)} {weak && <span class="alarm">▼ {say("pv.weak")}</span>}
    </span>
  );
}

