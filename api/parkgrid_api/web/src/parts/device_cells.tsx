// What every table of devices has: the device with a link to its history, a value with its age, a state.

import { atAge } from "../answer";
import { deviceName, signalOf, wholeName } from "../catalogue";
import { ago } from "../format";
import { RouterLink } from "../router_link";
import { Num } from "../number";
import { viewPatch } from "../router";
import { say, sayMaybe } from "../i18n";
import type { Member } from "./member";

export function DeviceCell({ member, signal = "active_power_kw" }: { member: Member; signal?: string }) {
  const { device } = member;
  return (
    <th scope="row">
      <RouterLink to={viewPatch("time", { plot: `${device.gateway}/${device.device}/${signal}` })} title={[wholeName(device), device.model, device.firmware, device.gateway].filter(Boolean).join(" · ")}>
        {deviceName(device)}
      </RouterLink>
    </th>
  );
}

/** A live value: grey with its age when old or not to be trusted, dotted when estimated, a dash with the reason when it
 * is not there. */
export function Live({ member, signal, unit, scale = 1 }: { member: Member; signal: string; unit?: string; scale?: number }) {
  const { device, live } = member;
  const value = live?.values[signal] ?? null;
  const flag = live?.flags[signal];
  const known = device.signals.includes(signal);
  const age = live?.age_s == null ? say("why.missing") : ago(live.age_s, "age.ago");
  const why = !known ? say("why.unknown_signal") : flag ? `${sayMaybe(`flag.${flag}`, flag)} · ${age}` : age;
  return (
    <Num
      value={value === null ? null : value * scale}
      unit={unit ?? signalOf(device.device_class, signal)?.unit ?? ""}
      old={live?.stale || (flag !== undefined && flag !== "estimated")}
      estimated={flag === "estimated"}
      why={why}
    />
  );
}

/** The value, unless its own quality forbids to build on it. */
export function usable(member: Member, signal: string): number | null {
  const flag = member.live?.flags[signal];
  return flag === "bad" || flag === "out_of_range" ? null : (member.live?.values[signal] ?? null);
}

export function StateCell({ member }: { member: Member }) {
  const code = usable(member, "operating_state");
  const name = code === null ? undefined : signalOf(member.device.device_class, "operating_state")?.states[code];
  if (!member.live || member.live.age_s === null) return <span class="faint">○ {say("state.none")}</span>;
  if (member.live.stale) return <span class="alarm">○ {ago(member.live.age_s, "age.ago")}</span>;
  if (name === undefined) return <span>● {say("live")}</span>;
  const bad = name === "fault" || name === "unavailable";
  return (
    <span class={bad ? "alarm" : ""}>
      {bad ? "▲" : name === "running" || name === "charging" || name === "discharging" ? "●" : "◌"} {sayMaybe(`state.${name}`, name)}
    </span>
  );
}

/** A sentence about the devices: in the past tense, with the instant, when any of its values is an old one. */
export function sentenceOf(key: Told, members: Member[], values: Record<string, string | number>): string {
  const ages = members.flatMap(({ live }) => (live?.stale && live.age_s !== null ? [live.age_s] : []));
  return ages.length ? say(`${key}.was`, { ...values, at: atAge(Math.max(...ages)) }) : say(key, values);
}

type Told =
  | `pv.answer${"" | ".weak"}`
  | `storage.answer.${"rests" | "gives" | "takes"}`
  | "chargers.answer"
  | `meters.answer${"" | ".export"}`
  | `dc.answer.${"takes" | "gives"}`
  | `weather.answer${"" | ".horizontal"}`;

export function sumOf(members: Member[], signal: string): number | null {
  const known = members.map((member) => usable(member, signal)).filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}
