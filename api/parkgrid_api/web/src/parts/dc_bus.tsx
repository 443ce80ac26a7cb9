// The direct-current bus of a PEDF building: voltage beside its reference, power beside its target.

import { power, scaledTo, together } from "../format";
import { say } from "../i18n";
import type { Member } from "./member";
import { ClassChart } from "./class_chart";
import { sentenceOf, usable } from "./device_cells";
import { IndicatorsCard } from "./indicators";
import { SignalTable } from "./signal_table";

export function DcBusPanel({ members }: { members: Member[] }) {
  const first = members[0];
  if (!first) return <p class="empty">{say("devices.empty")}</p>;
  const { device } = first;
  const kw = usable(first, "active_power_kw");
  const volts = usable(first, "voltage_v");
  return (
    <>
      <p class={`answer ${first.live ? "" : "skeleton line"}`}>
        {kw === null
          ? first.live && say("dc.answer.none")
          : sentenceOf(kw >= 0 ? "dc.answer.takes" : "dc.answer.gives", [first], { power: together(power(Math.abs(kw))), volts: volts === null ? "—" : scaledTo(volts, "V").join("\u202f") })}
      </p>
      <div class="board">
        <ClassChart
          title={say("dc.chart.power")}
          unit="kW"
          wishes={[
            { device, signal: "active_power_kw", ink: "dc", name: say("signal.active_power_kw") },
            { device, signal: "target_power_kw", ink: "ink", dashed: true, name: say("signal.target_power_kw") },
          ]}
        />
        <IndicatorsCard names={["pedf_time_in_voltage_band_ratio", "pedf_tracking_error_pct", "pedf_dc_share_ratio"]} />
        <ClassChart
          title={say("dc.chart.voltage")}
          unit="V"
          wishes={[
            { device, signal: "voltage_v", ink: "dc", name: say("signal.voltage_v") },
            { device, signal: "reference_voltage_v", ink: "ink", dashed: true, name: say("signal.reference_voltage_v") },
          ]}
        />
        <SignalTable members={members} />
      </div>
    </>
  );
}
