// What the registers gained today, and the two shares that follow from it.

import { DASH, energy, percent } from "./format";
import { day } from "./state";
import type { Day, Energy } from "./types";
import { say, type Key } from "./words";

const ROWS: { register: string; key: Key; part: string }[] = [
  { register: "pv_inverter.energy_generated_kwh", key: "energy.pv", part: "pv" },
  { register: "grid_meter.energy_import_kwh", key: "energy.import", part: "grid" },
  { register: "grid_meter.energy_export_kwh", key: "energy.export", part: "grid" },
  { register: "meter.energy_import_kwh", key: "energy.load", part: "load" },
  { register: "charger.energy_delivered_kwh", key: "energy.ev", part: "ev" },
  { register: "charger.energy_returned_kwh", key: "energy.v2g", part: "ev" },
  { register: "storage.energy_charged_kwh", key: "energy.charged", part: "storage" },
  { register: "storage.energy_discharged_kwh", key: "energy.discharged", part: "storage" },
];

export function Today() {
  const shown = day.value;
  return (
    <section class="card today" aria-labelledby="today-title">
      <div class="card-head">
        <h2 id="today-title">{say("today")}</h2>
        <span class="faint">{shown?.date ?? ""}</span>
      </div>
      {shown ? <Figures shown={shown} /> : <div class="skeleton tall" />}
    </section>
  );
}

function Figures({ shown }: { shown: Day }) {
  return (
    <>
      <Shares shown={shown} />
      <Energies shown={shown} />
    </>
  );
}

/** Self-consumption and self-sufficiency of a park or of a district. */
export function Shares({ shown }: { shown: Day }) {
  const shares = sharesOf(shown);
  return (
    <dl class="shares">
      <Share name={say("energy.self_consumption")} value={shares.consumption} />
      <Share name={say("energy.self_sufficiency")} value={shares.sufficiency} />
    </dl>
  );
}

/** What the registers gained that there are. */
export function Energies({ shown }: { shown: Day }) {
  const rows = ROWS.filter(({ register }) => (shown.energy[register]?.devices ?? 0) > 0);
  return (
    <dl class="energies">
      {rows.map(({ register, key, part }) => (
        <Row key={register} name={say(key)} part={part} gained={shown.energy[register]} />
      ))}
    </dl>
  );
}

function Share({ name, value }: { name: string; value: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value === null ? DASH : percent(value)}
        <meter min={0} max={1} value={value ?? 0} aria-hidden="true" />
      </dd>
    </div>
  );
}

function Row({ name, part, gained }: { name: string; part: string; gained: Energy | undefined }) {
  const kwh = gained?.kwh ?? null;
  const [number, unit] = kwh === null ? [DASH, ""] : energy(kwh);
  return (
    <div title={kwh === null ? noSum(gained) : undefined}>
      <dt>
        <span class={`key ${part}`} aria-hidden="true">
          ■
        </span>{" "}
        {name}
      </dt>
      <dd>
        {number} <span class="unit">{unit}</span>
      </dd>
    </div>
  );
}

/** Why a register gave no sum. */
export function noSum(gained: Energy | undefined): string {
  if (gained?.resets) return say("energy.why.reset");
  return say("energy.why.missing", { devices: gained?.devices ?? 0, reporting: gained?.reporting ?? 0 });
}

/** Self-consumption and self-sufficiency (自发自用率, 自给率), from energies; null where one is not known. */
function sharesOf(shown: Day): { consumption: number | null; sufficiency: number | null } {
  const of = (register: string): number | null => {
    const gained = shown.energy[register];
    return gained && gained.devices > 0 ? gained.kwh : 0;
  };
  const generated = of("pv_inverter.energy_generated_kwh");
  const imported = of("grid_meter.energy_import_kwh");
  const exported = of("grid_meter.energy_export_kwh");
  const charged = of("storage.energy_charged_kwh");
  const discharged = of("storage.energy_discharged_kwh");
  if (generated === null || imported === null || exported === null || charged === null || discharged === null) {
    return { consumption: null, sufficiency: null };
  }
  const used = generated + imported + discharged - exported - charged;
  return {
    consumption: generated > 0.01 ? bounded((generated - exported) / generated) : null,
    sufficiency: used > 0.01 ? bounded((used - imported) / used) : null,
  };
}

function bounded(share: number): number {
  return Math.min(1, Math.max(0, share));
}
