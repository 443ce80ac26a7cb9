// The first thing on the page: a sentence that a person would say.

import { clockSeconds, moment, percent, power, together } from "./format";
import { short } from "./parts/trouble_list";
import { causes, overview, park, server_ms, shown, zoneOf, type Shown } from "./state";
import { oldestIfAllOld } from "./park_status";
import { isOnItsWay } from "./trouble";
import { nameOf, say } from "./i18n";
import { PARTS } from "./part";

export function Answer() {
  const text = overview.value ? sentence() : null;
  return (
    <p class={`answer ${text === null ? "skeleton line" : ""}`} aria-live="off">
      {text}
    </p>
  );
}

export const parkName = (): string => nameOf(park.value, park.value?.park ?? "");

/** What is shown while a demonstration is on its way: no present, and no trouble either. */
export function soFar(newest_ms: number | null, zone: string): string | null {
  const [first] = causes.value;
  if (!first || !isOnItsWay(first)) return null;
  return newest_ms === null ? say("answer.so_far.none") : say("answer.so_far", { at: moment(newest_ms, zone) });
}

function sentence(): string {
  const past = soFar(overview.value?.newest_ms ?? null, zoneOf(null));
  if (past !== null) return past;
  if (overview.value?.newest_ms == null) return say("answer.silent", { park: parkName() });
  const own = overview.value.pv_of_use;
  const figure = shown("grid");
  const old = figure?.state === "stale";
  const facts = [grid(figure)];
  if (own !== null) facts.push(say(old ? "answer.own.was" : "answer.own", { share: percent(own) }));
  return facts.join(say("answer.join")) + say("answer.turn") + need() + say("answer.end");
}

function grid(figure: Shown | null): string {
  const name = parkName();
  if (figure?.kw == null) return say("answer.no_grid", { park: name });
  const key = Math.abs(figure.kw) < 0.5 ? "answer.even" : figure.kw > 0 ? "answer.import" : "answer.export";
  const values = { park: name, grid: together(power(Math.abs(figure.kw))) };
  return figure.state === "stale" && figure.age !== null ? say(`${key}.was`, { ...values, at: atAge(figure.age) }) : say(key, values);
}

/** The instant of a value of that age, by the park's clock. */
export function atAge(seconds: number): string {
  const [at, zone] = [server_ms() - seconds * 1000, zoneOf(null)];
  return seconds < 86_400 / 2 ? clockSeconds(at, zone) : moment(at, zone);
}

function need(): string {
  const told = causes.value;
  if (told[0]) return told.length === 1 ? short(told[0]) : say("answer.and_more", { first: short(told[0]), count: told.length - 1 });
  const states = PARTS.map((part) => shown(part)?.state);
  if (states.includes("stale")) return say(oldestIfAllOld() === null ? "answer.stale.some" : "answer.stale");
  return states.includes("missing") || states.includes("incomplete") ? say("answer.partial") : say("answer.fine");
}
