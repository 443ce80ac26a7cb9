// What the registers gained today, and the two shares that the server computed from it.

import { Answered, useQuery, type Query } from "./use_query";
import { DASH, energy } from "./format";
import { Num } from "./number";
import { noteOf, unitOf, whyOf, type AnyFigure } from "./parts/indicators";
import { chosenDay } from "./parts/day_choice";
import { DayRefused } from "./parts/day_refused";
import { chosen } from "./state";
import type { Day, DistrictFigures, Energy, Figures } from "./types";
import { say, type Key } from "./i18n";

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

export function Today({ of }: { of: Query<Day> }) {
  const shown = of.data;
  return (
    <section class="card today" aria-labelledby="today-title">
      <div class="card-head">
        <h2 id="today-title">{say(chosenDay() ? "the_day" : "today")}</h2>
        <span class="faint">{shown?.date ?? ""}</span>
      </div>
      {of.data === null && of.problem ? <DayRefused problem={of.problem} /> : <Answered of={of} height={240}>{(known) => (hasEnergy(known) ? <Figures shown={known} /> : <p class="empty">{say(chosenDay() ? "day.none" : "sankey.empty", { day: known.date })}</p>)}</Answered>}
    </section>
  );
}

/** Whether any register of the day says anything. */
const hasEnergy = (shown: Day): boolean => chosenDay() === null || Object.values(shown.energy).some((one) => one.reporting > 0);

const SHARES = ["self_consumption_ratio", "self_sufficiency_ratio"];
const PAUSE_MS = 30_000;

function Figures({ shown }: { shown: Day }) {
  const asked = useQuery<Figures>(chosen.value && `/parks/${chosen.value}/indicators?period=${shown.date}&until=metered&names=${SHARES.join(",")}`, PAUSE_MS);
  return (
    <>
      <Shares of={asked} />
      <Energies shown={shown} />
    </>
  );
}

/** The two of all parks together. */
export function useDistrictShares(date: string | null): Query<DistrictFigures> {
  return useQuery(date && `/district/indicators?period=${date}&until=metered`, PAUSE_MS);
}

/** Self-consumption and self-sufficiency (自发自用率, 自给率) of a park or of a district, as the server gives them. */
export function Shares({ of }: { of: Query<Figures | DistrictFigures> }) {
  const known = SHARES.map((name) => of.data?.indicators.find((one) => one.name === name));
  return (
    <dl class="shares">
      <Share name={say("energy.self_consumption")} one={known[0]} old={of.problem !== null} />
      <Share name={say("energy.self_sufficiency")} one={known[1]} old={of.problem !== null} />
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

function Share({ name, one, old }: { name: string; one: AnyFigure | undefined; old: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {one ? <Num value={one.value} unit={unitOf(one)} digits={one.display.digits} why={whyOf(one)} old={old} estimated={(one.estimated_pct ?? 0) > 0.05} /> : DASH}
        <meter min={0} max={1} value={one?.value ?? 0} aria-hidden="true" />
      </dd>
      {one && <dd class="share-note">{noteOf(one)}</dd>}
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
