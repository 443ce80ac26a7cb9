// The flow of power: sources left, the bus in the middle, uses right. The width of a band is its power.
//
//   PV      ═══▶┐          ┌═══▶ load
//   grid    ══▶ │   bus    │══▶  charging
//   storage ─▶  ┘          └─▶   into storage, to the grid

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ago, DASH, percent, power, together } from "./format";
import { shown, type Shown } from "./state";
import type { Part } from "./part";
import { say, type Key } from "./i18n";

interface Band {
  key: string;
  part: Part;
  name: string;
  /** Power in the direction that is drawn, in kW; null when it is not known. */
  kw: number | null;
  figure: Shown | null;
  note: string;
  /** A direction that is not used now keeps its place on the left and is left out on the right. */
  idle: boolean;
}

const PARTS: Part[] = ["pv", "grid", "storage", "load", "ev"];
const THINNEST = 2;
/** Pixels from one glint to the next, as in the style sheet. */
const GLINTS = 48;

export function Flow({ children }: { children?: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const measure = (): void => setSize({ width: element.clientWidth, height: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  const figures = Object.fromEntries(PARTS.map((part) => [part, shown(part)])) as Record<Part, Shown | null>;
  return (
    <section class="card flow" aria-labelledby="flow-title">
      <h2 id="flow-title">{say("flow.title")}</h2>
      <div ref={box} class="flow-box">
        {size.width > 0 && <Drawing {...size} sources={sources(figures)} uses={uses(figures)} />}
      </div>
      {children}
    </section>
  );
}

function band(key: string, name: Key, part: Part, figure: Shown | null, sign: 1 | -1, idle = false): Band {
  const kw = figure?.kw ?? null;
  const soc = part === "storage" && figure?.soc_pct !== undefined ? say("soc", { soc: percent(figure.soc_pct / 100) }) : "";
  return { key, part, name: say(name), kw: kw === null ? null : Math.max(0, kw * sign), figure, note: soc, idle };
}

function negative(figure: Shown | null): boolean {
  return figure !== null && figure.kw !== null && figure.kw < -0.005;
}

function sources(figures: Record<Part, Shown | null>): Band[] {
  const listed = [
    band("pv", "part.pv", "pv", figures.pv, 1),
    band("grid", "part.grid", "grid", figures.grid, 1, negative(figures.grid)),
    band("storage", "part.storage", "storage", figures.storage, 1, negative(figures.storage)),
  ].filter(present);
  if (negative(figures.ev)) listed.push(band("v2g", "part.v2g", "ev", figures.ev, -1));
  return listed;
}

function uses(figures: Record<Part, Shown | null>): Band[] {
  const listed = [band("load", "part.load", "load", figures.load, 1), band("ev", "part.ev", "ev", figures.ev, 1)].filter(present);
  if (negative(figures.storage)) listed.push(band("into", "part.charging_storage", "storage", figures.storage, -1));
  if (negative(figures.grid)) listed.push(band("export", "part.export", "grid", figures.grid, -1));
  return listed;
}

/** What a park does not have takes no room; the grid and the load are always asked for. */
function present(entry: Band): boolean {
  return entry.figure?.state !== "none" || entry.part === "grid" || entry.part === "load";
}

function Drawing({ width, height, sources, uses }: { width: number; height: number; sources: Band[]; uses: Band[] }) {
  const label = Math.min(200, Math.max(108, width * 0.24));
  const bus = width < 520 ? 10 : 14;
  const middle = width / 2;
  const total = Math.max(sum(sources), sum(uses), 0.001);
  const tall = height * 0.62;
  const scale = tall / total;
  const side = (bands: Band[], from: number, to: number, left: boolean) => {
    const slots = place(bands, height, scale);
    return slots.map(({ entry, slot, at, thick, near }) => (
      <g key={entry.key}>
        <Ribbon entry={entry} from={end(from, left ? slot : at, left ? near : thick)} to={end(to, left ? at : slot, left ? thick : near)} />
        <Label entry={entry} x={left ? 0 : width} y={slot} left={left} />
      </g>
    ));
  };
  const top = (height - tall) / 2;
  return (
    <svg class="flow-svg" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={spoken(sources, uses)}>
      <defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1="0" y1="0" x2="0" y2="6" class="hatch" />
        </pattern>
      </defs>
      {side(sources, label, middle - bus / 2, true)}
      {side(uses, middle + bus / 2, width - label, false)}
      <rect class="bus" x={middle - bus / 2} y={top - 8} width={bus} height={tall + 16} rx={bus / 2} />
      {width >= 520 && (
        <text class="bus-name" x={middle} y={top - 18} text-anchor="middle">
          {together(power(Math.max(sum(sources), sum(uses))))}
        </text>
      )}
    </svg>
  );
}

function sum(bands: Band[]): number {
  return bands.reduce((total, entry) => total + (entry.kw ?? 0), 0);
}

interface Slot {
  entry: Band;
  /** Height of the label, and of the band at the bus. */
  slot: number;
  at: number;
  /** Width of the band at the bus, and at the label, where it must fit its row. */
  thick: number;
  near: number;
}

/** Labels in even rows; at the bus the bands lie on each other, so that their widths add up. */
function place(bands: Band[], height: number, scale: number): Slot[] {
  const row = height / bands.length;
  const used = bands.reduce((total, entry) => total + (entry.kw ?? 0) * scale, 0);
  let at = (height - used) / 2;
  return bands.map((entry, index) => {
    const thick = (entry.kw ?? 0) * scale;
    const centre = at + thick / 2;
    at += thick;
    return { entry, slot: row * (index + 0.5), at: centre, thick, near: Math.min(thick, row * 0.8) };
  });
}

interface End {
  x: number;
  y: number;
  half: number;
}

function end(x: number, y: number, thick: number): End {
  return { x, y, half: Math.max(THINNEST, thick) / 2 };
}

function Ribbon({ entry, from, to }: { entry: Band; from: End; to: End }) {
  const figure = entry.figure;
  const middle = (from.x + to.x) / 2;
  const line = `M${from.x},${from.y} C${middle},${from.y} ${middle},${to.y} ${to.x},${to.y}`;
  if (entry.kw === null) return <path d={line} class="ribbon unknown" />;
  if (entry.kw < 0.005) return <path d={line} class="ribbon idle" />;
  const shape = outline(from, to);
  const old = figure?.state === "stale";
  return (
    <>
      <path d={shape} class={`ribbon ${entry.part} ${old ? "old" : ""}`} />
      {figure?.estimated && <path d={shape} class="ribbon-hatch" />}
      {!old && <Glints name={entry.key} from={from} to={to} />}
      <Chevron from={from} to={to} />
    </>
  );
}

function outline(from: End, to: End): string {
  const middle = (from.x + to.x) / 2;
  return (
    `M${from.x},${from.y - from.half} C${middle},${from.y - from.half} ${middle},${to.y - to.half} ${to.x},${to.y - to.half} ` +
    `L${to.x},${to.y + to.half} C${middle},${to.y + to.half} ${middle},${from.y + from.half} ${from.x},${from.y + from.half} Z`
  );
}

/** Light that runs along a band: bars are moved behind a slit, which costs no painting, as moving dashes would. */
function Glints({ name, from, to }: { name: string; from: End; to: End }) {
  const slit = `glints-${name}`;
  const level = (from.y + to.y) / 2;
  return (
    <>
      <clipPath id={slit}>
        <path d={outline({ ...from, half: 1 }, { ...to, half: 1 })} />
      </clipPath>
      <g clip-path={`url(#${slit})`}>
        <path d={`M${from.x - GLINTS},${level} H${to.x}`} class="ribbon-motion" stroke-width={Math.abs(to.y - from.y) + 4} />
      </g>
    </>
  );
}

/** The direction, drawn: it must be seen without motion and without colour. */
function Chevron({ from, to }: { from: End; to: End }) {
  const thin = Math.min(from.half, to.half) < 6;
  const size = thin ? 6 : Math.min(10, (from.half + to.half) / 3);
  // The slope of the curve in its middle: a cubic with level ends rises there 1.5 times as steeply as its chord.
  const angle = (Math.atan2((to.y - from.y) * 1.5, (to.x - from.x) * 1.5 * 0.5) * 180) / Math.PI;
  const place = `translate(${(from.x + to.x) / 2} ${(from.y + to.y) / 2}) rotate(${angle})`;
  return <path class={`chevron ${thin ? "thin" : ""}`} transform={place} d={`M${-size / 2},${-size} L${size / 2},0 L${-size / 2},${size}`} />;
}

function Label({ entry, x, y, left }: { entry: Band; x: number; y: number; left: boolean }) {
  const { figure } = entry;
  const anchor = left ? "start" : "end";
  const missing = entry.kw === null || figure === null || figure.state === "missing" || figure.state === "none";
  const [number, unit] = missing ? [DASH, ""] : power(entry.kw ?? 0);
  const old = figure?.state === "stale";
  const doubtful = figure?.state === "incomplete" || figure?.estimated;
  const note = old && figure?.age != null ? ago(figure.age, "age.ago") : entry.note;
  return (
    <g class={`label ${old || missing || entry.idle ? "old" : ""}`} data-part={entry.key} data-state={figure?.state ?? "missing"}>
      <title>{why(figure)}</title>
      <text class="label-name" x={x} y={y - 16} text-anchor={anchor}>
        <tspan class={`key ${entry.part}`}>■ </tspan>
        {entry.name}
      </text>
      <text class={`label-number ${doubtful ? "doubtful" : ""}`} x={x} y={y + 9} text-anchor={anchor}>
        {number}
        <tspan class="unit">{unit ? ` ${unit}` : ""}</tspan>
      </text>
      <text class="label-note" x={x} y={y + 28} text-anchor={anchor}>
        {note}
      </text>
    </g>
  );
}

function why(figure: Shown | null): string {
  if (figure === null) return say("why.missing");
  const counts = { devices: figure.devices, reporting: figure.reporting };
  if (figure.state === "none" || figure.state === "missing" || figure.state === "incomplete") {
    return say(`why.${figure.state}`, counts);
  }
  const age = figure.age === null ? "" : ` · ${ago(figure.age, "age.ago")}`;
  const source = figure.measured ? say("why.live", counts) : say("why.closing");
  const estimated = figure.measured && figure.estimated ? ` · ${say("why.estimated")}` : "";
  return source + estimated + (figure.state === "stale" ? ` · ${say("why.stale")}` : "") + age;
}

function spoken(sources: Band[], uses: Band[]): string {
  const one = (entry: Band) => `${entry.name} ${entry.kw === null ? DASH : together(power(entry.kw))}`;
  return `${say("flow.summary")} ${sources.map(one).join(", ")} → ${uses.map(one).join(", ")}`;
}
