// The power of the day: what feeds the bus stacked above the axis, what leaves it (into storage, to the grid) below,
// the demand as a line. Times without reports are hatched; the line of the present ends the past.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock, DASH, power, together } from "./format";
import { bridgeable, bridged, type Column } from "./holes";
import { day, heardWhenAsked, overview } from "./state";
import { colour, theme } from "./theme";
import type { Day, Part } from "./types";
import { language, say, type Key } from "./words";

const HEIGHT = 300;
/** Roll-ups follow the readings; only a longer difference is a gap. */
const LATEST_GAP_MS = 300_000;
const LEGEND: { part: Part | "demand"; key: Key }[] = [
  { part: "pv", key: "part.pv" },
  { part: "storage", key: "part.storage" },
  { part: "grid", key: "part.grid" },
  { part: "load", key: "part.load" },
  { part: "ev", key: "part.ev" },
];

export function DayChart() {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [zoomed, setZoomed] = useState(false);
  const shownDay = day.value;
  const look = `${theme.value} ${language.value} ${shownDay?.date ?? ""}`;
  const some = shownDay !== null && Object.values(shownDay.power).some((curve) => curve.kw.some((kw) => kw !== null));

  useEffect(() => {
    const element = box.current;
    const present = day.peek();
    if (!element || !present || !some) return undefined;
    const made = new uPlot(options(element.clientWidth, present, setCursor, setZoomed), columns(present), element);
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
        <h2 id="day-title">{say("day.title")}</h2>
        <Legend shown={shownDay} index={index} />
        {zoomed && (
          <button type="button" onClick={() => whole(plot.current, shownDay)}>
            {say("day.reset")}
          </button>
        )}
      </div>
      {shownDay === null ? (
        <div class="skeleton chart" />
      ) : some ? (
        <div ref={box} class="chart" role="img" aria-label={say("day.title")} />
      ) : (
        <p class="empty chart">{say("day.empty")}</p>
      )}
    </section>
  );
}

function whole(plot: uPlot | null, shownDay: Day | null): void {
  if (plot && shownDay) plot.setScale("x", { min: shownDay.from_ms / 1000, max: shownDay.to_ms / 1000 });
}

function Legend({ shown, index }: { shown: Day | null; index: number | null }) {
  const at = shown && index !== null ? shown.at_ms[index] : undefined;
  return (
    <ul class="legend">
      {at !== undefined && shown && <li class="legend-time">{clock(at, shown.time_zone)}</li>}
      {LEGEND.filter(({ part }) => !shown || part === "demand" || shown.power[part].devices > 0).map(({ part, key }) => {
        const kw = shown && index !== null && part !== "demand" ? (shown.power[part].kw[index] ?? null) : null;
        return (
          <li key={part}>
            <span class={`key ${part}`} aria-hidden="true">
              {part === "load" || part === "ev" ? "━" : "■"}
            </span>{" "}
            {part === "ev" ? "+ " : ""}
            {say(key)} <b>{kw === null ? DASH : together(power(kw))}</b>
          </li>
        );
      })}
    </ul>
  );
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

/** The powers as lines go: what devices leave empty between two of their reports is no gap. */
function drawn(shown: Day): Record<Part, Column> {
  const most = bridgeable(shown);
  const part = (name: Part): Column => bridged(shown.power[name].kw, most);
  return { pv: part("pv"), storage: part("storage"), grid: part("grid"), load: part("load"), ev: part("ev") };
}

function columns(shown: Day): uPlot.AlignedData {
  const parts = drawn(shown);
  const { pv, storage, grid, load, ev } = parts;
  const up = (column: Column): Column => column.map((kw) => (kw === null ? null : Math.max(0, kw)));
  const down = (column: Column): Column => column.map((kw) => (kw === null ? null : Math.min(0, kw)));
  const loads = shown.power.load.devices > 0 ? load : closing(parts);
  return [
    shown.at_ms.map((ms) => ms / 1000),
    added(up(pv), up(storage), up(grid)),
    added(up(pv), up(storage)),
    up(pv),
    added(down(storage), down(grid)),
    down(storage),
    loads,
    shown.power.ev.devices > 0 ? added(loads, ev) : loads.map(() => null),
  ] as uPlot.AlignedData;
}

/** Without meters the load is what closes the balance; only where the grid is known. */
function closing({ pv, storage, grid, ev }: Record<Part, Column>): Column {
  return grid.map((kw, index) =>
    kw === null ? null : kw + (pv[index] ?? 0) + (storage[index] ?? 0) - (ev[index] ?? 0),
  );
}

/** A bucket between two gaps has no line to be on; it is a dot. */
const ALONE: uPlot.Series.Points = {
  show: true,
  size: 4,
  filter: (plot, series) => {
    const column = plot.data[series] as Column;
    return [...column.keys()].filter((at) => column[at] != null && column[at - 1] == null && column[at + 1] == null);
  },
};

function area(name: string): uPlot.Series {
  return { stroke: colour(name), fill: `${colour(name)}66`, width: 1, points: ALONE, spanGaps: false };
}

function line(name: string): uPlot.Series {
  return { stroke: colour(name), width: 2, points: ALONE, spanGaps: false };
}

function options(
  width: number,
  shown: Day,
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
      { stroke: ink, grid, ticks: grid, font, values: (_, at) => at.map((seconds) => clock(seconds * 1000, shown.time_zone)), space: 56 },
      { stroke: ink, grid, ticks: grid, font, size: 76, values: (_, at) => at.map((kw) => (kw === 0 ? "0" : together(power(kw)))) },
    ],
    series: [{}, area("grid"), area("storage"), area("pv"), area("grid"), area("storage"), line("load"), line("ev")],
    bands: [
      { series: [1, 2], fill: `${colour("grid")}66` },
      { series: [2, 3], fill: `${colour("storage")}66` },
      { series: [4, 5], fill: `${colour("grid")}66`, dir: 1 },
    ],
    hooks: {
      drawClear: [(plot) => hatchGaps(plot, day.peek() ?? shown)],
      draw: [(plot) => drawNow(plot)],
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

function drawNow(plot: uPlot): void {
  const newestMs = overview.peek()?.newest_ms;
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
function hatchGaps(plot: uPlot, shown: Day): void {
  const at = plot.data[0];
  const { ctx, bbox } = plot;
  const known = (index: number): boolean => plot.data.slice(1).some((column) => column[index] != null);
  let last = -1;
  for (let index = 0; index < at.length; index++) {
    if (!known(index)) continue;
    if (last >= 0 && index - last > 1) hatch(ctx, plot.valToPos(at[last] ?? 0, "x", true), plot.valToPos(at[index] ?? 0, "x", true), bbox);
    last = index;
  }
  // Time that runs fast goes on while an answer is under way: what counts is what was known when it was asked for.
  const lastMs = (at[last] ?? 0) * 1000 + shown.bucket_ms;
  if (last >= 0 && heardWhenAsked() - lastMs > Math.max(LATEST_GAP_MS, 4 * (shown.period_ms ?? 0))) {
    const newestMs = overview.peek()?.newest_ms ?? 0;
    hatch(ctx, plot.valToPos(at[last] ?? 0, "x", true), plot.valToPos(newestMs / 1000, "x", true), bbox);
  }
}

function hatch(ctx: CanvasRenderingContext2D, from: number, to: number, bbox: uPlot.BBox): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(Math.max(from, bbox.left), bbox.top, Math.min(to, bbox.left + bbox.width) - Math.max(from, bbox.left), bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour("rule");
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (let x = from - bbox.height; x < to; x += 8) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}
