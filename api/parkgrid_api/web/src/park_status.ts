// How a park stands: 0 in order, 1 not complete, 2 needs somebody.

import { long } from "./parts/trouble_list";
import { aged, causes, district, OF_PARK, overview, view } from "./state";
import { concernsAll, isOnItsWay, type Cause, type Kind } from "./trouble";
import { PARTS } from "./part";
import type { ParkNow } from "./types";
import { say, type Key } from "./i18n";

export interface ParkStatus {
  rank: 0 | 1 | 2;
  key: Key;
  why: string;
}

export function parkStatus(one: ParkNow): ParkStatus {
  const [common] = causes.value.filter(concernsAll);
  if (common && isOnItsWay(common)) return { rank: 0, key: common.kind === "history" ? "standing.history" : "standing.starting", why: long(common) };
  // Of a park that nothing is heard of, nobody knows how it stands.
  if (common) return { rank: 2, key: "standing.unknown", why: long(common) };
  const told = one.troubles.map((trouble): Cause => ({ kind: trouble.kind, since_ms: trouble.since_ms, trouble }));
  if (told[0]) return { rank: 2, key: KEYS[told[0].kind] ?? "standing.stale", why: told.map(long).join(" ") };
  const states = PARTS.map((part) => aged(one.flow[part]).state).filter((state) => state !== "none");
  if (states.length > 0 && states.every((state) => state === "missing")) return { rank: 2, key: "standing.silent", why: say("why.missing") };
  if (states.includes("stale")) return { rank: 2, key: "standing.stale", why: say("why.stale") };
  if (states.includes("missing") || states.includes("incomplete")) return { rank: 1, key: "standing.partial", why: say("answer.partial") };
  return { rank: 0, key: "standing.fine", why: say("answer.fine") };
}

const KEYS: Partial<Record<Kind, Key>> = {
  gateway_offline: "standing.offline",
  gateway_silent: "standing.gateway",
  gateway_quiet: "standing.quiet",
  devices_silent: "standing.devices",
  device_silent: "standing.device",
  gateway_late: "standing.late",
  gateway_clock: "standing.clock",
};

/** The age of the readings when none of them is a present one; null while any is. */
export function oldestIfAllOld(): number | null {
  const all = OF_PARK.includes(view.value)
    ? PARTS.map((part) => (overview.value ? aged(overview.value.flow[part]) : null))
    : (district.value?.parks ?? []).flatMap((one) => PARTS.map((part) => aged(one.flow[part])));
  const known = all.filter((figure) => figure?.age != null);
  const old = known.length > 0 && known.every((figure) => figure?.state === "stale");
  return old ? Math.max(...known.map((figure) => figure?.age ?? 0)) : null;
}
