// Numbers to read across: three significant digits, the unit beside the number, thousands separated.

import { locale, say } from "./words";

export const DASH = "—";

function three(value: number): string {
  const size = Math.abs(value);
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

export function clock(ms: number, zone: string): string {
  return new Date(ms).toLocaleTimeString(locale.value, { timeZone: zone, hour: "2-digit", minute: "2-digit", hour12: false });
}
