// Numbers to read across: three significant digits, the unit beside the number, thousands separated.

import { locale, say } from "./words";

export const DASH = "—";

function three(value: number): string {
  const size = Math.abs(Number(value.toPrecision(3)));
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return value.toLocaleString(locale.value, { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

function scaled(value: number, unit: string, larger: string, largest: string): [string, string] {
  const size = Math.abs(value);
  if (size < 0.005) return ["0", unit];
  // 999.5 would be shown as 1,000: the next unit begins where rounding reaches it.
  if (size < 999.5) return [three(value), unit];
  if (size < 999_500) return [three(value / 1000), larger];
  return [three(value / 1_000_000), largest];
}

const LADDERS: Record<string, [string, string, string]> = {
  kW: ["kW", "MW", "GW"],
  kWh: ["kWh", "MWh", "GWh"],
  kvar: ["kvar", "Mvar", "Gvar"],
  kvarh: ["kvarh", "Mvarh", "Gvarh"],
  kVA: ["kVA", "MVA", "GVA"],
  kg: ["kg", "t", "kt"],
};

/** The one rule: three significant digits, the next unit at 1,000; a share of 0 to 1 (unit "share") as whole percent. */
export function scaledTo(value: number, unit: string): [string, string] {
  const ladder = LADDERS[unit];
  if (ladder) return scaled(value, ...ladder);
  if (unit === "share") return [Math.round(value * 100).toLocaleString(locale.value), "%"];
  if (unit === "count") return [whole(value), ""];
  if (unit === "ms" || unit === "V") return [Math.abs(value) < 100 ? three(value) : whole(value), unit];
  return [Math.abs(value) < 0.005 ? "0" : three(value), unit];
}

export function power(kw: number): [string, string] {
  return scaled(kw, "kW", "MW", "GW");
}

export function energy(kwh: number): [string, string] {
  return scaled(kwh, "kWh", "MWh", "GWh");
}

export function together(parts: [string, string]): string {
  return `${parts[0]}\u202f${parts[1]}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}\u202f%`;
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString(locale.value);
}

export function age(seconds: number): string {
  if (seconds < 1) return say("age.now");
  if (seconds < 120) return say("age.s", { n: Math.floor(seconds) });
  if (seconds < 7200) return say("age.min", { n: Math.floor(seconds / 60) });
  if (seconds < 172_800) return say("age.h", { n: Math.floor(seconds / 3600) });
  return say("age.d", { n: Math.floor(seconds / 86_400) });
}

/** "12 s ago"; less than a second is simply now. */
export function ago(seconds: number, key: "age.ago" | "seen.ago" = "seen.ago"): string {
  return seconds < 1 ? say("age.now") : say(key, { age: age(seconds) });
}

export function clock(ms: number, zone: string | undefined): string {
  return new Date(ms).toLocaleTimeString(locale.value, { ...(zone ? { timeZone: zone } : {}), hour: "2-digit", minute: "2-digit", hour12: false });
}

/** Date and time of a place as the API writes it, to the minute or to the second: the same in both languages. */
export function moment(ms: number, zone: string, seconds = false): string {
  return new Date(ms).toLocaleString("sv-SE", { timeZone: zone }).slice(0, seconds ? 19 : 16);
}

/** The local day as the API names it: 2026-11-23. */
export function isoDay(ms: number, zone: string): string {
  return new Date(ms).toLocaleDateString("sv-SE", { timeZone: zone });
}

/** The day before or after. */
export function otherDay(day: string, days: number): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

export function money(cny: number): string {
  return cny.toLocaleString(locale.value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}
