// Numbers, ages and instants in the page's language.

import { told, whole as wholeIn } from "./numbers";
import { locale, say } from "./i18n";

export const DASH = "—";

/** A number and its unit by the one rule, in the page's language. */
export function scaledTo(value: number, unit: string, digits: number | null = null): [string, string] {
  return told(value, unit, locale.value, digits);
}

export function power(kw: number): [string, string] {
  return scaledTo(kw, "kW");
}

export function energy(kwh: number): [string, string] {
  return scaledTo(kwh, "kWh");
}

export function together(parts: [string, string]): string {
  return `${parts[0]}\u202f${parts[1]}`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}\u202f%`;
}

export function whole(value: number): string {
  return wholeIn(value, locale.value);
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

/** The time of a place to the second. */
export function clockSeconds(ms: number, zone: string): string {
  return moment(ms, zone, true).slice(11);
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

/** A coverage, rounded down: what is not whole must not read as 100 %. */
export function below100(pct: number): string {
  return pct >= 100 ? "100\u202f%" : `${(Math.floor(pct * 10) / 10).toFixed(1)}\u202f%`;
}

/** A share rounded up: what is there must not read as none. */
export function above0(pct: number): string {
  return `${(Math.ceil(pct * 10 - 1e-9) / 10).toFixed(1)}\u202f%`;
}
