// The day of a district: the sum of its parks' days, and where it is not the sum of all of them.

import { powerLine, spellsOf } from "../gaps";
import type { Column } from "../gaps";
import { PARTS, type Part } from "../part";
import type { ClassPower, Day, Energy } from "../types";

export interface DistrictDay {
  day: Day;
  /** Spells in which a park that has such devices gave no power: the sums are too small there. */
  partial: [number, number][];
}

/** The sum of days with the same buckets. A park that is `missing` altogether makes the whole day a partial one. */
export function summed(days: Day[], missing = 0): DistrictDay | null {
  const [first] = days;
  if (!first) return null;
  const curves = days.flatMap((day) => PARTS.filter((part) => day.power[part].devices > 0).map((part) => ({ part, day, ...powerLine(day, part) })));
  const expected = curves.length;
  const reporting = first.at_ms.map((_, index) => curves.filter(({ kw, lacking }) => kw[index] != null && !lacking[index]).length);
  const last = lastOf(reporting, expected);
  const sum = (part: Part): ClassPower => partOf(days, part, curves.filter((curve) => curve.part === part).map(({ kw }) => kw), last);
  const power = { pv: sum("pv"), storage: sum("storage"), grid: sum("grid"), load: sum("load"), ev: sum("ev") };
  const keys = [...new Set(days.flatMap((day) => Object.keys(day.energy)))];
  const energy = Object.fromEntries(keys.map((key) => [key, energyOf(days.flatMap((day) => day.energy[key] ?? []), missing)]));
  const known = reporting.findIndex((count) => count > 0);
  const short = reporting.map((count, index) => index >= known && known >= 0 && index <= last && (missing > 0 || count < expected));
  return { day: { ...first, period_ms: first.bucket_ms, power, energy }, partial: spellsOf(first, short) };
}

/** The newest bucket comes from one park after the other: it is drawn when it is as whole as the one before. */
function lastOf(reporting: number[], expected: number): number {
  let last = reporting.length - 1;
  while (last > 0 && reporting[last] === 0) last--;
  const [newest, before] = [reporting[last] ?? 0, reporting[last - 1] ?? 0];
  return newest < expected && newest < before ? last - 1 : last;
}

function partOf(days: Day[], part: Part, columns: Column[], last: number): ClassPower {
  const across = (values: (day: Day) => number[]): number[] => (days[0]?.at_ms ?? []).map((_, index) => days.reduce((sum, day) => sum + (values(day)[index] ?? 0), 0));
  const kw = (days[0]?.at_ms ?? []).map((_, index) => {
    const known = columns.map((column) => column[index]).filter((value) => value != null);
    return index <= last && known.length ? known.reduce((sum, value) => sum + value, 0) : null;
  });
  return {
    devices: days.reduce((sum, day) => sum + day.power[part].devices, 0),
    kw,
    reporting: across((day) => day.power[part].reporting),
    samples: across((day) => day.power[part].samples),
    estimated_ms: [...new Set(days.flatMap((day) => day.power[part].estimated_ms))],
  };
}

/** No sum when one of the parks has none: half of an energy is not the district's. */
function energyOf(parts: Energy[], missing: number): Energy {
  const having = parts.filter((one) => one.devices > 0);
  const known = missing === 0 && having.length > 0 && having.every((one) => one.kwh !== null);
  const total = (of: (one: Energy) => number): number => parts.reduce((sum, one) => sum + of(one), 0);
  return { kwh: known ? total((one) => one.kwh ?? 0) : null, devices: total((one) => one.devices), reporting: total((one) => one.reporting), resets: total((one) => one.resets) };
}
