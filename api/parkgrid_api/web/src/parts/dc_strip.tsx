// The direct-current bus of a PEDF building (光储直柔): what its interface takes, beside what was asked for where
// that is known: a meter does not know it.

import { ago, DASH } from "../format";
import { Num } from "../number";
import { aged, overview } from "../state";
import { say } from "../i18n";

export function DcStrip() {
  const bus = overview.value?.dc;
  if (!bus) return null;
  const now = aged(bus);
  const old = now.state === "stale";
  const way = now.kw === null ? "dc.unknown" : now.kw >= 0 ? "dc.takes" : "dc.gives";
  return (
    <p class="dc-strip">
      <span class="key dc" aria-hidden="true">
        ◆
      </span>{" "}
      <b>{say("part.dc")}</b> {say(way)} {now.kw === null ? DASH : <Num value={Math.abs(now.kw)} unit="kW" old={old} />}
      {bus.target_power_kw !== null && (
        <>
          <span class="faint"> · {say("dc.target")} </span>
          <Num value={Math.abs(bus.target_power_kw)} unit="kW" old={old} />
        </>
      )}
      <span class="faint"> · {say("dc.voltage")} </span>
      <Num value={bus.voltage_v} unit="V" old={old} />
      {bus.reference_voltage_v !== null && (
        <span class="faint">
          {" "}
          ({say("dc.reference")} <Num value={bus.reference_voltage_v} unit="V" />)
        </span>
      )}
      {old && now.age !== null && <span class="faint"> · {ago(now.age, "age.ago")}</span>}
    </p>
  );
}
