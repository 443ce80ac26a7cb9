// The first thing on the page: a sentence that a person would say.

import { percent, power, together } from "./format";
import { overview, park, shown, since, type Shown } from "./state";
import { nameOf, say } from "./words";

export function Answer() {
  const text = overview.value ? sentence() : null;
  return (
    <p class={`answer ${text === null ? "skeleton line" : ""}`} aria-live="off">
      {text}
    </p>
  );
}

export const parkName = (): string => nameOf(park.value, park.value?.park ?? "");

function sentence(): string {
  if (overview.value?.newest_ms == null) return say("answer.silent", { park: parkName() });
  const own = overview.value.pv_of_use;
  const facts = [grid(shown("grid"))];
  if (own !== null) facts.push(say("answer.own", { share: percent(own) }));
  return facts.join(say("answer.join")) + say("answer.turn") + need() + say("answer.end");
}

function grid(figure: Shown | null): string {
  const name = parkName();
  if (figure?.kw == null) return say("answer.no_grid", { park: name });
  if (Math.abs(figure.kw) < 0.5) return say("answer.even", { park: name });
  const key = figure.kw > 0 ? "answer.import" : "answer.export";
  return say(key, { park: name, grid: together(power(Math.abs(figure.kw))) });
}

function need(): string {
  const offline = overview.value?.gateways.filter((gateway) => gateway.online === false).length ?? 0;
  if (offline === 1) return say("answer.offline.one");
  if (offline > 1) return say("answer.offline", { count: offline });
  if (silent()) return say("answer.cut");
  const states = (["pv", "storage", "grid", "load", "ev"] as const).map((part) => shown(part)?.state);
  if (states.includes("stale")) return say("answer.stale");
  return states.includes("missing") || states.includes("incomplete") ? say("answer.partial") : say("answer.fine");
}

/** Longer than a gateway is ever quiet: it tells of its own health every ten seconds. */
const SILENT_S = 15;

/** No gateway has said farewell, and yet nothing of any arrives: what lies between them and the database is cut. */
function silent(): boolean {
  const gateways = overview.value?.gateways ?? [];
  return gateways.length > 0 && gateways.every((one) => one.online === true && (one.last_seen_age_s ?? 0) + since.value > SILENT_S);
}
