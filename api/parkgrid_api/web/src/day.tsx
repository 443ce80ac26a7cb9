// The power of the day: what feeds the bus stacked above the axis, what leaves it (into storage, to the grid) below,
// the demand as a line. Times without reports are hatched; the line of the present ends the past.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock, DASH, power, together } from "./format";
import { ALONE, hatch } from "./hatching";
import { partialSpells, powerLine, uncovered, type Column } from "./gaps";
import type { Query } from "./use_query";
import { chosenDay } from "./parts/day_choice";
import { DayRefused } from "./parts/day_refused";
import { heardWhenAsked, overview } from "./state";
import { colour, theme } from "./theme";
import { PARTS, type Part } from "./part";
import type { Day } from "./types";
import { language, say, type Key } from "./i18n";

const HEIGHT = 300;
/** Roll-ups follow the readings; only a longer difference is a gap. */
const LATEST_GAP_MS = 300_000;
const QUARTER_MS = 900_000;
const LEGEND: { part: Part | "demand"; key: Key }[] = [
  { part: "pv", key: "part.pv" },
  { part: "storage", key: "part.storage" },
  { part: "grid", key: "part.grid" },
  { part: "load", key: "part.load" },
  { part: "ev", key: "part.ev" },
];

export function DayChart({ of }: { of: Query<Day> }) {
  const shown = of.data;
  const partial = useMemo(() => (shown ? partialSpells(shown) : []), [shown]);
  const note = of.problem && shown ? say("asked.old", { time: clock(of.at_ms, undefined) }) : partial.length ? say("day.partial") : undefined;
  if (shown === null && of.problem) {
    return (
      <section class="card day" aria-labelledby="day-title">
        <h2 id="day-title">{say("day.title")}</h2>
        <DayRefused problem={of.problem} />
      </section>
    );
  }
  return <PowerOfDay shown={shown} title={say("day.title")} newestMs={() => within(shown, overview.peek()?.newest_ms ?? null)} heardMs={() => within(shown, heardWhenAsked()) ?? 0} partial={partial} note={note} />;
}

/** A day that is over knows nothing of what came after it. */
function within(shown: Day | null, ms: number | null): number | null {
  return shown && ms !== null ? Math.min(ms, shown.to_ms) : ms;
}

interface Props {
  shown: Day | null;
  title: string;
  /** The newest reading that is known, where the line of the present stands. */
  newestMs: () => number | null;
  /** What was known when the day was asked for. */
  heardMs: () => number;
  /** Spells in which the sums are not of everybody: drawn, and hatched. */
  partial?: [number, number][];
  note?: string | undefined;
}

export function PowerOfDay({ shown: shownDay, title, newestMs, heardMs, partial = [], note }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const given = useRef<Given>({ shown: null, newestMs, heardMs, partial });
  given.current = { shown: shownDay, newestMs, heardMs, partial };
  const [cursor, setCursor] = useState<number | null>(null);
  const [zoomed, setZoomed] = useState(false);
  const look = `${theme.value} ${language.value} ${shownDay?.date ?? ""}`;
  const some = shownDay !== null && PARTS.some((part) => shownDay.power[part].kw.some((kw) => kw !== null));

  useEffect(() => {
    const element = box.current;
    const present = given.current.shown;
    if (!element || !present || !some) return undefined;
    const made = new uPlot(options(element.clientWidth, present, given, setCursor, setZoomed), columns(present), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look, some]);

  useEffect(() => {
    const made = plot.current;
    if (!made || !shownDay) return;
    const { min, max } = made.scales.x ?? {};
    made.setData(columns(shownDay), !zoomed);
    if (zoomed && min !== undefined && max !== undefined) made.setScale("x", { min: min as number, max: max as number });
  }, [shownDay]);

  const index = cursor ?? (shownDay ? newest(shownDay) : null);
  return (
    <section class="card day" aria-labelledby="day-title">
      <div class="card-head">
        <h2 id="day-title">{title}</h2>
        <Legend shown={shownDay} index={index} partial={partial} />
        {zoomed && (
          <button type="button" onClick={() => whole(plot.current, shownDay)}>
            {say("day.reset")}
          </button>
        )}
      </div>
      {shownDay === null ? (
        <div class="skeleton chart" />
      ) : some ? (
        <div ref={box} class="chart" role="img" aria-label={title} />
      ) : (
        <p class="empty chart">{say(chosenDay() ? "day.none" : "day.empty", { day: shownDay.date })}</p>
      )}
      {note && <p class="small faint">▨ {note}</p>}
    </section>
  );
}

/** What the drawing asks for whenever it draws: it outlives the answers that it shows. */
interface Given {
  shown: Day | null;
  newestMs: () => number | null;
  heardMs: () => number;
  partial: [number, number][];
}

function whole(plot: uPlot | null, shownDay: Day | null): void {
  if (plot && shownDay) plot.setScale("x", { min: shownDay.from_ms / 1000, max: shownDay.to_ms / 1000 });
}

function Legend({ shown, index, partial }: { shown: Day | null; index: number | null; partial: [number, number][] }) {
  const at = shown && index !== null ? shown.at_ms[index] : undefined;
  const some = at !== undefined && partial.some(([from, to]) => at >= from && at < to);
  return (
    <ul class="legend">
      {at !== undefined && shown && <li class="legend-time">{clock(at, shown.time_zone)}</li>}
      {LEGEND.filter(({ part }) => !shown || part === "demand" || shown.power[part].devices > 0).map(({ part, key }) => {
        const kw = shown && index !== null && part !== "demand" ? (shown.power[part].kw[index] ?? null) : null;
        const guessed = shown && at !== undefined && part !== "demand" && shown.power[part].estimated_ms.some((ms) => at >= ms && at < ms + QUARTER_MS);
        return (
          <li key={part}>
            <span class={`key ${part}`} aria-hidden="true">
              {part === "load" || part === "ev" ? "━" : "■"}
            </span>{" "}
            {part === "ev" ? "+ " : ""}
            {say(key)}{" "}
            <b class={guessed ? "doubtful" : ""} title={guessed ? say("flag.estimated") : undefined}>
              {kw === null ? DASH : together(power(kw))}
            </b>
            {some && kw !== null && part !== "demand" && reported(shown, part, index ?? 0)}
          </li>
        );
      })}
    </ul>
  );
}

/** How many of the devices a sum is of, where it is not of all. */
function reported(shown: Day | null, part: Part, index: number): string {
  const { devices, reporting } = shown?.power[part] ?? { devices: 0, reporting: [] };
  const count = reporting[index] ?? 0;
  return count > 0 && count < devices ? ` (${count}/${devices})` : "";
}

function newest(shown: Day): number | null {
  for (let index = shown.at_ms.length - 1; index >= 0; index--) {
    if (Object.values(shown.power).some((curve) => curve.kw[index] != null)) return index;
  }
  return null;
}

function added(...parts: Column[]): Column {
  return (parts[0] ?? []).map((_, index) => {
    const known = parts.map((part) => part[index] ?? null).filter((kw) => kw !== null);
    return known.length ? known.reduce((total, kw) => total + kw, 0) : null;
  });
}

/** The sum where both are known, or where one is and the other has nothing to say all day. */
function both(loads: Column, ev: Column): Column {
  const none = loads.every((kw) => kw === null);
  return ev.map((kw, index) => {
    const load = loads[index] ?? null;
    return kw === null || (load === null && !none) ? null : kw + (load ?? 0);
  });
}

function columns(shown: Day): uPlot.AlignedData {
  const part = (name: Part): Column => powerLine(shown, name).kw;
  const [pv, storage, grid] = [part("pv"), part("storage"), part("grid")];
  // A line that is of some devices only would be read as a fall: it ends there. Areas are drawn, and hatched.
  const sure = (name: Part): Column => {
    const { kw, lacking } = powerLine(shown, name);
    return kw.map((value, index) => (lacking[index] ? null : value));
  };
  const parts = { pv: sure("pv"), storage: sure("storage"), grid: sure("grid"), load: sure("load"), ev: sure("ev") };
  const { load, ev } = parts;
  const up = (column: Column): Column => column.map((kw) => (kw === null ? null : Math.max(0, kw)));
  const down = (column: Column): Column => column.map((kw) => (kw === null ? null : Math.min(0, kw)));
  const loads = shown.power.load.devices > 0 ? load : closing(shown, parts);
  return [
    shown.at_ms.map((ms) => ms / 1000),
    added(up(pv), up(storage), up(grid)),
    added(up(pv), up(storage)),
    up(pv),
    added(down(storage), down(grid)),
    down(storage),
    loads,
    shown.power.ev.devices > 0 ? both(loads, ev) : loads.map(() => null),
  ] as uPlot.AlignedData;
}

/** Without meters the load is what closes the balance; only where everything that there is in it is known. */
function closing(shown: Day, parts: Record<Part, Column>): Column {
  const there = (["pv", "storage", "ev"] as Part[]).filter((part) => shown.power[part].devices > 0);
  const sunny = [...parts.pv.keys()].filter((index) => parts.pv[index] !== null);
  const asleep = (index: number): boolean => index < (sunny[0] ?? Infinity) || index > (sunny[sunny.length - 1] ?? -1);
  return parts.grid.map((kw, index) => {
    // Inverters that sleep at night generate nothing then; in between, what is not known is not zero.
    const others = there.map((part) => parts[part][index] ?? (part === "pv" && asleep(index) ? 0 : null));
    if (kw === null || others.includes(null)) return null;
    return there.reduce((load, part, place) => load + (part === "ev" ? -1 : 1) * (others[place] ?? 0), kw);
  });
}

function area(name: string): uPlot.Series {
  return { stroke: colour(name), fill: `${colour(name)}66`, width: 1, points: ALONE, spanGaps: false };
}

function line(name: string): uPlot.Series {
  return { stroke: colour(name), width: 2, points: ALONE, spanGaps: false };
}

function options(
  width: number,
  shown: Day,
  given: { current: Given },
  onCursor: (index: number | null) => void,
  onZoom: (zoomed: boolean) => void,
): uPlot.Options {
  const ink = colour("faint");
  const grid = { stroke: colour("rule"), width: 1 };
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return {
    width,
    height: HEIGHT,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), shown.time_zone),
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false } },
    scales: { x: { range: (_, low, high) => span(shown, low, high) }, y: { range: (_, low, high) => calm(low, high) } },
    axes: [
      { stroke: ink, grid, ticks: grid, font, values: (_, at) => at.map((seconds) => clock(seconds * 1000, shown.time_zone)), space: 56, size: 36 },
      { stroke: ink, grid, ticks: grid, font, size: 76, values: (_, at) => at.map((kw) => (kw === 0 ? "0" : together(power(kw)))) },
    ],
    series: [{}, area("grid"), area("storage"), area("pv"), area("grid"), area("storage"), line("load"), line("ev")],
    bands: [
      { series: [1, 2], fill: `${colour("grid")}66` },
      { series: [2, 3], fill: `${colour("storage")}66` },
      { series: [4, 5], fill: `${colour("grid")}66`, dir: 1 },
    ],
    hooks: {
      drawClear: [
        (plot) => given.current.partial.forEach(([from, to]) => hatch(plot, from / 1000, to / 1000, "rule", 4)),
        (plot) => hatchGaps(plot, given.current.shown ?? shown, given.current),
      ],
      draw: [(plot) => given.current.partial.forEach(([from, to]) => hatch(plot, from / 1000, to / 1000, "card")), (plot) => drawNow(plot, given.current.newestMs())],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setScale: [
        (plot, name) => {
          const { min, max } = plot.scales.x ?? {};
          if (name === "x") onZoom((min ?? 0) > shown.from_ms / 1000 + 1 || (max ?? 0) < shown.to_ms / 1000 - 1);
        },
      ],
    },
  };
}

/** The whole local day unless somebody zooms in. */
function span(shown: Day, low: number, high: number): [number, number] {
  const last = (shown.at_ms[shown.at_ms.length - 1] ?? 0) / 1000;
  return high >= last ? [low, shown.to_ms / 1000] : [low, high];
}

function calm(low: number | null, high: number | null): [number, number] {
  const top = Math.max(high ?? 0, 1);
  return [Math.min(low ?? 0, 0) * 1.1, top * 1.1];
}

function drawNow(plot: uPlot, newestMs: number | null): void {
  if (!newestMs) return;
  const x = Math.round(plot.valToPos(newestMs / 1000, "x", true));
  const { left, top, width, height } = plot.bbox;
  if (x < left || x > left + width) return;
  const { ctx } = plot;
  ctx.save();
  ctx.strokeStyle = colour("ink");
  ctx.setLineDash([4, 4]);
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + height);
  ctx.stroke();
  ctx.restore();
}

/** Hatch what lies between reports: a gap must not look like zero. */
function hatchGaps(plot: uPlot, shown: Day, { newestMs, heardMs }: Given): void {
  const [at, ...lines] = plot.data;
  for (const [from, to] of uncovered(at as number[], lines as Column[])) hatch(plot, from, to);
  const last = newest(shown);
  if (last === null) return;
  // Time that runs fast goes on while an answer is under way: what counts is what was known when it was asked for.
  const lastMs = shown.at_ms[last] ?? 0;
  if (heardMs() - lastMs - shown.bucket_ms > Math.max(LATEST_GAP_MS, 4 * (shown.period_ms ?? 0))) hatch(plot, lastMs / 1000, (newestMs() ?? 0) / 1000);
}
