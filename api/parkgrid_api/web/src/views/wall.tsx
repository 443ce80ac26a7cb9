// The big screen of an operations hall: readable from eight metres, nothing to click, park after park, for weeks.
// What it holds is bounded; a stream that dies is dialled again; and if all fails it says how old it is.

import { useEffect, useState } from "preact/hooks";
import { useQuery } from "../use_query";
import { age, ago, percent, scaledTo } from "../format";
import { DistrictMap } from "../parts/district_map";
import { WallCurve } from "../parts/wall_curve";
import { go, param, viewPatch } from "../router";
import { oldestIfAllOld, parkStatus } from "../park_status";
import { long, short, since as begun } from "../parts/trouble_list";
import { aged, causes, district, link } from "../state";
import { concernsAll, isOnItsWay } from "../trouble";
import type { Part } from "../part";
import type { Day, Figure, ParkNow } from "../types";
import { language, nameOf, say, speak, type Key } from "../i18n";

const PAUSE_S = 20;
/** A night's reload takes a new version of the page and whatever a browser gathers in weeks. */
const RELOAD_MS = 24 * 3_600_000;
const PARTS: { part: Part; key: Key }[] = [
  { part: "pv", key: "part.pv" },
  { part: "grid", key: "part.grid" },
  { part: "load", key: "part.load" },
  { part: "storage", key: "part.storage" },
  { part: "ev", key: "part.ev" },
];

export function WallView() {
  const [turn, setTurn] = useState(0);
  const pause = Math.max(3, Number(param("pause") ?? PAUSE_S) || PAUSE_S);
  useEffect(() => {
    const before = document.documentElement.dataset.wall;
    document.documentElement.dataset.wall = "1";
    const timer = setInterval(() => setTurn((was) => was + 1), pause * 1_000);
    const reload = setTimeout(() => location.reload(), RELOAD_MS);
    const release = stayAwake();
    return () => {
      if (before === undefined) delete document.documentElement.dataset.wall;
      clearInterval(timer);
      clearTimeout(reload);
      release();
    };
  }, [pause]);
  const parks = district.value?.parks ?? [];
  const shown = parks[turn % Math.max(1, parks.length)];
  return (
    <div class="wall" data-theme="dark" onKeyDown={leaveByKey}>
      <Head />
      {shown ? (
        <div class="wall-board">
          <Whole parks={parks} />
          <section class="wall-card wall-map" aria-label={say("district.map")}>
            <DistrictMap parks={parks} letters={innerWidth < innerHeight ? 21 : 17} />
          </section>
          <OnePark key={shown.park} one={shown} />
          <TheDay key={`day ${shown.park}`} one={shown} />
        </div>
      ) : (
        <p class="wall-wait">{say("connecting")}</p>
      )}
    </div>
  );
}

function leaveByKey(event: KeyboardEvent): void {
  if (event.key === "Escape") go(viewPatch("district"));
}

/** The screen does not go dark while it is looked at, where the browser allows to ask. */
function stayAwake(): () => void {
  let lock: { release(): Promise<void> } | null = null;
  const ask = (): void => {
    if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").then((held) => (lock = held), () => undefined);
  };
  ask();
  document.addEventListener("visibilitychange", ask);
  return () => {
    document.removeEventListener("visibilitychange", ask);
    void lock?.release();
  };
}

function Head() {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 1_000);
    return () => clearInterval(timer);
  }, []);
  const cause = causes.value.find(concernsAll);
  const oldest = cause ? null : oldestIfAllOld();
  const old = cause !== undefined || oldest !== null || link.value !== "live";
  const alarmed = old && !(cause && isOnItsWay(cause));
  const told = cause ? [short(cause), begun(cause)].filter(Boolean).join(" · ") : oldest !== null ? `${say("answer.stale")} · ${age(oldest)}` : say(link.value === "live" ? "live" : "connecting");
  const simulated = district.value?.parks.some((one) => one.simulated);
  return (
    <header class="wall-head">
      <h1>{say("wall.title")}</h1>
      {simulated && <span class="badge">{say("simulated")}</span>}
      <span class={`wall-pulse ${alarmed ? "old" : ""}`} role="status">
        {old ? "○" : "●"} {told}
      </span>
      <time>{now.toLocaleTimeString("sv-SE", { timeZone: "Asia/Shanghai" })}</time>
      <button type="button" class="wall-leave" onClick={() => speak(language.value === "zh" ? "en" : "zh")} aria-label={say("language")}>
        {language.value === "zh" ? "EN" : "中"}
      </button>
      <button type="button" class="wall-leave" onClick={() => go(viewPatch("district"))} aria-label={say("wall.leave")}>
        ×
      </button>
    </header>
  );
}

/** The district in three numbers and a sentence. */
function Whole({ parks }: { parks: ParkNow[] }) {
  const sum = (part: Part): number | null => {
    const known = parks.map((one) => one.flow[part].kw).filter((kw) => kw !== null);
    return known.length ? known.reduce((total, kw) => total + kw, 0) : null;
  };
  const troubled = parks.filter((one) => parkStatus(one).rank > 0);
  const stale = (part: Part): boolean => parks.some((one) => aged(one.flow[part]).state === "stale");
  const common = causes.value.find(concernsAll);
  const first = causes.value[0];
  return (
    <section class="wall-card" aria-label={say("pingshan")}>
      <h2>{say("wall.district", { count: parks.length })}</h2>
      <div class="wall-numbers three">
        <WallNumber name={say("part.grid")} part="grid" kw={sum("grid")} old={stale("grid")} />
        <WallNumber name={say("part.pv")} part="pv" kw={sum("pv")} old={stale("pv")} />
        <WallNumber name={say("part.load")} part="load" kw={sum("load")} old={stale("load")} />
      </div>
      <p class={`wall-need ${troubled.length || (common && !isOnItsWay(common)) ? "alarm" : ""}`}>
        {common
          ? `${isOnItsWay(common) ? "○" : "▲"} ${long(common)}`
          : troubled.length === 1 && first
            ? `▲ ${nameOf(troubled[0], troubled[0]?.park ?? "")}: ${short(first)}`
            : troubled.length ? `▲ ${troubled.map((one) => `${nameOf(one, one.park)}: ${say(parkStatus(one).key)}`).join(say("list.join"))}` : `● ${say("answer.fine")}`}
      </p>
    </section>
  );
}

function WallNumber({ name, part, kw, old, note }: { name: string; part: Part; kw: number | null; old?: boolean; note?: string | undefined }) {
  const [number, unit] = kw === null ? ["—", ""] : scaledTo(kw, "kW");
  return (
    <div class={old ? "old" : ""}>
      <span class="wall-name">
        <span class={`key ${part}`} aria-hidden="true">
          ■
        </span>{" "}
        {name}
        {note && <span class="wall-note"> {note}</span>}
      </span>
      <b>
        {number}
        <small> {unit}</small>
      </b>
    </div>
  );
}

function OnePark({ one }: { one: ParkNow }) {
  const state = parkStatus(one);
  const share = one.pv_of_use;
  const note = (figure: Figure, part: Part): string | undefined => {
    const now = aged(figure);
    if (now.state === "stale" && now.age !== null) return ago(now.age, "age.ago");
    return part === "storage" && figure.soc_pct !== undefined ? `SOC ${percent(figure.soc_pct / 100)}` : undefined;
  };
  return (
    <section class="wall-card" aria-label={nameOf(one, one.park)}>
      <h2>
        <span class="wall-title">{nameOf(one, one.park)}</span>
        {state.rank > 0 && <span class={`standing rank-${state.rank}`}>▲ {say(state.key)}</span>}
        {share !== null && <span class="wall-share">{say("wall.own", { share: percent(share) })}</span>}
      </h2>
      <div class="wall-numbers">
        {PARTS.filter(({ part }) => one.flow[part].state !== "none").map(({ part, key }) => (
          <WallNumber key={part} name={say(key)} part={part} kw={one.flow[part].kw} old={aged(one.flow[part]).state === "stale"} note={note(one.flow[part], part)} />
        ))}
      </div>
    </section>
  );
}

function TheDay({ one }: { one: ParkNow }) {
  const asked = useQuery<Day>(`/parks/${one.park}/day?step=15m`, 60_000);
  return (
    <section class="wall-card" aria-label={say("day.title")}>
      <h2>
        <span class="wall-title">
          {say("day.title")} · {nameOf(one, one.park)}
        </span>
      </h2>
      {asked.data ? <WallCurve day={asked.data} /> : <p class="wall-wait">{say("connecting")}</p>}
    </section>
  );
}
