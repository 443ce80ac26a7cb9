// The one rule of numbers: three significant digits, the unit beside the number, thousands separated.

function three(value: number, language: string): string {
  const size = Math.abs(Number(value.toPrecision(3)));
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString(language, { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

function scaled(value: number, [unit, larger, largest]: [string, string, string], language: string): [string, string] {
  const size = Math.abs(value);
  if (size < 0.005) return ["0", unit];
  // 999.5 would be shown as 1,000: the next unit begins where rounding reaches it.
  if (size < 999.5) return [three(value, language), unit];
  if (size < 999_500) return [three(value / 1000, language), larger];
  return [three(value / 1_000_000, language), largest];
}

const LADDERS: Record<string, [string, string, string]> = {
  kW: ["kW", "MW", "GW"],
  kWh: ["kWh", "MWh", "GWh"],
  kvar: ["kvar", "Mvar", "Gvar"],
  kvarh: ["kvarh", "Mvarh", "Gvarh"],
  kVA: ["kVA", "MVA", "GVA"],
  kg: ["kg", "t", "kt"],
};

function fixed(value: number, digits: number, language: string): string {
  return value.toLocaleString(language, { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

export function whole(value: number, language: string): string {
  return Math.round(value).toLocaleString(language);
}

/** A number and its unit: the next unit at 1,000; a share of 0 to 1 (unit "share") in percent, whole ones unless digits are said. */
export function told(value: number, unit: string, language: string, digits: number | null = null): [string, string] {
  const ladder = LADDERS[unit];
  if (ladder) return scaled(value, ladder, language);
  if (unit === "share") return [fixed(value * 100, digits ?? 0, language), "%"];
  if (digits !== null) return [fixed(value, digits, language), unit];
  if (unit === "count") return [whole(value, language), ""];
  if (unit === "ms" || unit === "V") return [Math.abs(value) < 100 ? three(value, language) : whole(value, language), unit];
  // Little energy per 10,000 CNY is what a cluster works for, and never nothing.
  if (unit.endsWith("/万元") && value !== 0 && Math.abs(value) < 0.1) return [value.toLocaleString(language, { maximumSignificantDigits: 3, minimumSignificantDigits: 3 }), unit];
  return [Math.abs(value) < 0.005 ? "0" : three(value, language), unit];
}
