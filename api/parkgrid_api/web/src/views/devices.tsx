// The devices of a park by class: what each does now, compared with its like.

import { Answered, useQuery } from "../use_query";
import { needCatalogue } from "../catalogue";
import { age } from "../format";
import { RouterLink } from "../router_link";
import { ChargersPanel } from "../parts/chargers";
import { DayBar } from "../parts/day_choice";
import { DcBusPanel } from "../parts/dc_bus";
import type { Member } from "../parts/member";
import { MetersPanel } from "../parts/meters";
import { PvPanel } from "../parts/pv";
import { StoragePanel } from "../parts/storage";
import { WeatherPanel } from "../parts/weather";
import { go, param, viewPatch } from "../router";
import { allOld, chosen, moment_ms } from "../state";
import type { Device, Devices, Live, LiveDevice } from "../types";
import { say, sayMaybe } from "../i18n";
import { FIRST_SIGNAL } from "../parts/first_signal";

const ORDER = ["pv_inverter", "storage", "charger", "grid_meter", "meter", "dc_bus", "weather"];
/** Connection points and sub-meters are looked at together. */
const SHOWN_AS: Record<string, string> = { meter: "grid_meter" };

export function DevicesView() {
  needCatalogue();
  const base = `/parks/${chosen.value}`;
  const devices = useQuery<Devices>(`${base}/devices`, 60_000);
  const live = useQuery<Live>(`${base}/live`, 2_000);
  // Ages go on also when no answer comes any more.
  const waited = Math.max(0, (moment_ms() - live.at_ms) / 1000);
  const aged = (live.data?.devices ?? []).map((one): LiveDevice => {
    const age_s = one.age_s === null ? null : one.age_s + waited;
    return { ...one, age_s, stale: one.stale || allOld.value || (age_s !== null && age_s > one.stale_after_s) };
  });
  return (
    <Answered of={devices} height={480} empty={({ devices: listed }) => (listed.some((one) => one.device_class !== "gateway") ? null : say("devices.empty"))}>
      {({ devices: listed }) =>
        live.data ?? live.problem ? (
          <Classes devices={listed.filter((one) => !one.retired)} live={aged} />
        ) : (
          <div class="skeleton" style={{ height: 480 }} aria-hidden="true" />
        )
      }
    </Answered>
  );
}

function Classes({ devices, live }: { devices: Device[]; live: LiveDevice[] }) {
  const present = ORDER.filter((kind) => !SHOWN_AS[kind] && devices.some((device) => (SHOWN_AS[device.device_class] ?? device.device_class) === kind));
  const wanted = param("class");
  const kind = present.find((one) => one === wanted) ?? present[0] ?? "grid_meter";
  const members = devices
    .filter((device) => (SHOWN_AS[device.device_class] ?? device.device_class) === kind)
    .map((device) => ({ device, live: live.find((one) => one.gateway === device.gateway && one.device === device.device) }));
  return (
    <>
      <Tabs present={present} kind={kind} />
      <DayBar />
      <Panel kind={kind} members={members} />
      <p class="onward">
        {members[0] && (
          <RouterLink to={viewPatch("time", { plot: plotOfClass(members) })}>{say("onward.time")}</RouterLink>
        )}
      </p>
    </>
  );
}

function plotOfClass(members: Member[]): string {
  return members
    .slice(0, 4)
    .map(({ device }) => `${device.gateway}/${device.device}/${FIRST_SIGNAL.find((signal) => device.signals.includes(signal)) ?? device.signals[0]}`)
    .join(",");
}

function Tabs({ present, kind }: { present: string[]; kind: string }) {
  const move = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = by === undefined ? undefined : present[(present.indexOf(kind) + by + present.length) % present.length];
    if (!next) return;
    event.preventDefault();
    go({ class: next }, "replace");
    requestAnimationFrame(() => document.getElementById(`tab-${next}`)?.focus());
  };
  return (
    <div class="tabs" role="tablist" aria-label={say("view.devices")} onKeyDown={move}>
      {present.map((one) => (
        <button
          key={one}
          id={`tab-${one}`}
          type="button"
          role="tab"
          aria-selected={one === kind}
          aria-controls="class-panel"
          tabIndex={one === kind ? 0 : -1}
          onClick={() => go({ class: one }, "replace")}
        >
          {sayMaybe(`class.${one}`, one)}
        </button>
      ))}
    </div>
  );
}

function Panel({ kind, members }: { kind: string; members: Member[] }) {
  const panels: Record<string, (props: { members: Member[] }) => preact.JSX.Element> = {
    pv_inverter: PvPanel,
    storage: StoragePanel,
    charger: ChargersPanel,
    grid_meter: MetersPanel,
    dc_bus: DcBusPanel,
    weather: WeatherPanel,
  };
  const Shown = panels[kind] ?? MetersPanel;
  const ages = members.map(({ live }) => (live?.stale && live.age_s !== null ? live.age_s : null));
  // A sentence about old values must not be taken for the present.
  const oldest = ages.length && ages.every((one) => one !== null) ? Math.max(...ages.map((one) => one ?? 0)) : null;
  return (
    <div id="class-panel" role="tabpanel" aria-labelledby={`tab-${kind}`}>
      {oldest !== null && <p class="alarm">○ {say("devices.stale", { age: age(oldest) })}</p>}
      <Shown key={kind} members={members} />
    </div>
  );
}
