// What the page knows. Everything that is shown is computed from these signals.

import { batch, computed, effect, signal } from "@preact/signals";
import { remembered } from "./preferences";
import { ask, follow, Refused } from "./api_client";
import { poll, retryFailed } from "./polling";
import { Ring } from "./ring";
import { go, named, param, type View } from "./router";
import { causesOf, concernsAll, type Cause } from "./trouble";
import type { Part } from "./part";
import type { Day, DemonstrationShape, District, Figure, Overview, Park, Parks, ProblemShape, Quarantine, State } from "./types";

const DAY_PAUSE_MS = 5_000;
const QUARANTINE_PAUSE_MS = 10_000;
const PARKS_PAUSE_MS = 3_000;

export const parks = signal<Park[] | null>(null);
export const overview = signal<Overview | null>(null);
export const district = signal<District | null>(null);
/** Grid power of each park over the last minutes, for the lines in the list; bounded, however long the page is open. */
export const lately = new Map<string, Ring>();
export const day = signal<Day | null>(null);
export const quarantine = signal<Quarantine | null>(null);
export const link = signal<"connecting" | "live" | "lost">("connecting");
export const problem = signal<ProblemShape | null>(null);
export const needsToken = signal(false);
/** Whether the browser says that this device has a network. */
const network = signal(navigator.onLine);
/** When the server gave its last sign of life, and when the last figures came: ms of the epoch, and of this page. */
const heard = signal({ ms: Date.now(), at: performance.now() });
const answered_ms = signal<number | null>(null);
/** A server that lives sends something every two seconds, be it a heartbeat; so long a silence is told. */
const SILENT_S = 5;

/** Moves once a second, so that ages grow also when nothing arrives. */
const moment = signal(performance.now());
const arrived = signal(performance.now());
/** Seconds since the newest overview arrived: what has to be added to the ages that it states. */
export const since = computed(() => Math.max(0, (moment.value - arrived.value) / 1000));

/** The present by the page's own clock. */
export const moment_ms = (): number => {
  void moment.value;
  return Date.now();
};

/** The present by the clock of the server, whose instants must not be held against another one. */
export const server_ms = (): number => {
  const told = ofAll.value ? district.value?.as_of_ms : overview.value?.as_of_ms;
  return told === undefined ? moment_ms() : told + since.value * 1000;
};

/** Whether the server gives signs of life. */
const reached = computed(() => link.value !== "lost" && (moment.value - heard.value.at) / 1000 <= SILENT_S);

/** A park that the address names and that does not exist: it is said, and no other is put in its place. */
export const unknownPark = computed<string | null>(() => {
  const wanted = param("park");
  return wanted !== null && parks.value !== null && !parks.value.some((one) => one.park === wanted) ? wanted : null;
});

/** The park of the address; without one the last that was chosen, else the first. */
export const chosen = computed<string | null>(() => {
  const known = parks.value;
  const wanted = param("park") ?? remembered("park");
  if (unknownPark.value !== null) return null;
  return known?.find((one) => one.park === wanted)?.park ?? known?.[0]?.park ?? null;
});

export const zoneOf = (name: string | null | undefined): string => parks.value?.find((one) => one.park === (name ?? chosen.value))?.time_zone ?? "Asia/Shanghai";

export const park = computed(() => parks.value?.find((known) => known.park === chosen.value) ?? null);

/** A district of one park begins in that park. */
export const view = computed<View>(() => named.value ?? ((parks.value?.length ?? 0) > 1 ? "district" : "park"));

/** These speak of one park. */
export const OF_PARK: View[] = ["park", "devices", "time"];

/** The others look at all parks at once and need no single one's stream. */
const ofAll = computed(() => !OF_PARK.includes(view.value));

/** What `parkgrid up` does before its parks are live; null where another park is shown, too. */
const onItsWay = computed<DemonstrationShape | null>(() => {
  const told = ofAll.value ? district.value?.demonstration : overview.value?.demonstration;
  const of = param("of");
  const seen = ofAll.value ? (of === null ? (district.value?.parks ?? []).map((one) => one.park) : [of]) : [chosen.value ?? ""];
  return told && seen.every((name) => told.parks.includes(name)) ? told : null;
});

/** Everything that is out of order, as far as it is known here. */
export const causes = computed<Cause[]>(() => {
  const of = ofAll.value ? param("of") : null;
  const troubles = ofAll.value
    ? (district.value?.parks ?? []).filter((one) => of === null || one.park === of).flatMap((one) => one.troubles.map((trouble) => ({ park: one.park, trouble })))
    : (overview.value?.troubles ?? []).map((trouble) => ({ trouble }));
  return causesOf({ network: network.value, reached: reached.value, heard_ms: heard.value.ms, problem: problem.value, answered_ms: answered_ms.value, troubles, demonstration: onItsWay.value });
});

/** Whether nothing that is shown is the present. */
export const allOld = computed(() => causes.value.some(concernsAll));

export interface Shown extends Figure {
  age: number | null;
}

/** A figure with its age now: what was live when it was sent may be stale while it is looked at. */
export function shown(part: Part): Shown | null {
  const figure = overview.value?.flow[part];
  return figure ? aged(figure) : null;
}

/** The same for any figure that came with the last event. */
export function aged<T extends Figure>(figure: T): T & Shown {
  const age = figure.age_s === null ? null : figure.age_s + since.value;
  const old = age !== null && (age > figure.stale_after_s || allOld.value);
  const state: State = figure.state === "live" && old ? "stale" : figure.state;
  return { ...figure, age, state };
}

export function start(): void {
  setInterval(() => {
    moment.value = performance.now();
  }, 1_000);
  for (const name of ["online", "offline"]) {
    addEventListener(name, () => {
      network.value = navigator.onLine;
    });
  }
  effect(() => {
    if (!parks.value?.length) return undefined;
    if (ofAll.value) return watchDistrict();
    return chosen.value === null ? undefined : watch(chosen.value);
  });
  findParks();
}

let stopFinding = (): void => undefined;

/** Until there are parks, and the one of the address is among them: a server that starts with us may not answer yet. */
export function findParks(): void {
  stopFinding();
  stopFinding = poll(() => ask<Parks>("/parks"), PARKS_PAUSE_MS, {
    answer: ({ parks: found }) => {
      batch(() => {
        problem.value = null;
        if (link.value === "lost") link.value = "connecting";
        heard.value = { ms: Date.now(), at: performance.now() };
        needsToken.value = false;
        parks.value = found;
      });
      if (found.length > 0 && unknownPark.peek() === null) stopFinding();
    },
    failure: (error) => {
      failed(error);
      if (needsToken.peek()) stopFinding();
    },
  });
}

export function choose(name: string): void {
  try {
    localStorage.setItem("parkgrid.park", name);
  } catch {
    // storage is switched off: the address still holds it
  }
  go({ park: name, plot: null });
}

function failed(error: unknown): void {
  if (error instanceof Refused) {
    needsToken.value = error.problem.status === 401;
    problem.value = error.problem;
  } else {
    link.value = "lost";
  }
}

/** Follow one park; the returned function lets it go. */
function watch(name: string): () => void {
  batch(() => {
    overview.value = null;
    day.value = null;
    quarantine.value = null;
    link.value = "connecting";
  });
  const address = `/parks/${encodeURIComponent(name)}`;
  const unfollow = follow(`${address}/stream`, {
    event: (kind, data) => (kind === "live" ? receive(JSON.parse(data) as Overview) : refuse(data)),
    alive,
    lost,
  });
  const stopDay = poll(async () => (dayIsOld() ? ask<Day>(`${address}/day`) : null), DAY_PAUSE_MS, {
    answer: (fresh) => {
      if (fresh) day.value = fresh;
    },
    failure: notAllowed,
  });
  const stopQuarantine = poll(() => ask<Quarantine>(`/quarantine?park=${encodeURIComponent(name)}&limit=1`), QUARANTINE_PAUSE_MS, {
    answer: (fresh) => {
      quarantine.value = fresh;
    },
    failure: notAllowed,
  });
  return () => {
    unfollow();
    stopDay();
    stopQuarantine();
  };
}

/** So long the last district is shown while the stream that brings the next one begins. */
const KEPT_MS = 10_000;

/** Follow all parks. */
function watchDistrict(): () => void {
  batch(() => {
    if (Date.now() - districtCame_ms > KEPT_MS) district.value = null;
    link.value = "connecting";
  });
  return follow("/district/stream", {
    event: (kind, data) => (kind === "live" ? receiveAll(JSON.parse(data) as District) : refuse(data)),
    alive,
    lost,
  });
}

let districtCame_ms = 0;

function receiveAll(fresh: District): void {
  districtCame_ms = Date.now();
  for (const known of fresh.parks) {
    const ring = lately.get(known.park) ?? new Ring(600);
    lately.set(known.park, ring);
    if (known.flow.grid.kw !== null) ring.add(fresh.as_of_ms, known.flow.grid.kw);
  }
  came(() => {
    district.value = fresh;
  });
}

function receive(fresh: Overview): void {
  came(() => {
    overview.value = fresh;
  });
}

/** Figures of the present came; after an outage everything that failed meanwhile is asked again. */
function came(keep: () => void): void {
  const wasAway = link.peek() !== "live" || problem.peek() !== null;
  batch(() => {
    keep();
    arrived.value = performance.now();
    moment.value = arrived.value;
    answered_ms.value = Date.now();
    link.value = "live";
    problem.value = null;
  });
  if (wasAway) retryFailed();
}

/** The server lives, whatever it says. */
function alive(): void {
  heard.value = { ms: Date.now(), at: performance.now() };
  if (link.value === "lost") link.value = "connecting";
}

function lost(error: unknown): void {
  // A refusal is an answer: the way to the server stands.
  if (error instanceof Refused) failed(error);
  else link.value = "lost";
}

/** Instead of figures the server says why there are none. */
function refuse(data: string): void {
  problem.value = JSON.parse(data) as ProblemShape;
  link.value = "live";
}

let dayAsked = 0;
let dayNewest = 0;

/** The curves change once a minute of the park's own time, which may run fast; energies move between. */
function dayIsOld(): boolean {
  const newest = overview.peek()?.newest_ms ?? 0;
  const moved = Math.floor(newest / 60_000) !== Math.floor(dayNewest / 60_000);
  if (day.peek() !== null && !moved && performance.now() - dayAsked < 15_000) return false;
  dayNewest = newest;
  dayAsked = performance.now();
  return true;
}

/** The newest instant that was known when the shown day was asked for. */
export const heardWhenAsked = (): number => dayNewest;

/** What is old waits for the next turn; that a token is needed is said at once. */
function notAllowed(error: unknown): void {
  if (error instanceof Refused && error.problem.status === 401) failed(error);
}
