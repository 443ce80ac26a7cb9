// Lines over time: one range and one cursor for all charts of a view, gaps left open and hatched, drag to zoom.

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock, DASH, isoDay, moment, scaledTo } from "../format";
import { ALONE, hatch } from "../hatching";
import { uncovered } from "../gaps";
import { colour, theme } from "../theme";
import type { Column } from "../gaps";
import { language, sayMaybe } from "../i18n";

export interface Line {
  key: string;
  name: string;
  /** A colour of the style sheet. */
  ink: string;
  values: Column;
  /** Lowest and highest of each bucket, drawn as a band. */
  low?: Column;
  high?: Column;
  dashed?: boolean;
  area?: boolean;
  stepped?: boolean;
}

interface Props {
  at_ms: number[];
  lines: Line[];
  unit: string;
  zone: string;
  from_ms: number;
  to_ms: number;
  height: number;
  label: string;
  /** Charts of one name share their cursor. */
  sync?: string;
  states?: string[] | undefined;
  onZoom?: (fromMs: number, toMs: number) => void;
}

export function Chart({ at_ms, lines, unit, zone, from_ms, to_ms, height, label, sync, states, onZoom }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const [cursor, setCursor] = useState<number | null>(null);
  const shape = [theme.value, language.value, zone, unit, height, ...lines.map((line) => `${line.key}${line.name}${line.low ? "b" : ""}`)].join("|");
  const span = useRef({ from_ms, to_ms });
  span.current = { from_ms, to_ms };

  useEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    // A long unit stands once, in the legend; at every mark there is no room for it, on a phone less than elsewhere.
    const long = unit.length > (element.clientWidth < 480 ? 3 : 4);
    const text = (value: number): string => (states ? (Number.isInteger(value) ? sayMaybe(`state.${states[value]}`, "") : "") : long ? scaledTo(value, unit)[0] : scaledTo(value, unit).join("\u202f").trim());
    const made = new uPlot(options(element.clientWidth, height, lines, zone, text, span, sync, setCursor, zoom), columns(at_ms, lines), element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(columns(at_ms, lines), true);
  }, [at_ms, lines, from_ms, to_ms]);

  const index = cursor ?? lastKnown(lines, at_ms.length);
  return (
    <figure class="line-chart">
      <figcaption>
        <ul class="legend">
          <li class="legend-time">{index !== null && at_ms[index] !== undefined ? moment(at_ms[index] ?? 0, zone, to_ms - from_ms < 3_600_000) : DASH}</li>
          {lines.map((line) => (
            <li key={line.key}>
              <span style={{ color: `var(--${line.ink})` }} aria-hidden="true">
                {line.dashed ? "╍" : line.area ? "■" : "━"}
              </span>{" "}
              {line.name} <b>{reading(near(line.values, index ?? -1), unit, states)}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} style={{ height }} role="img" aria-label={label} />
    </figure>
  );
}

function reading(value: number | null | undefined, unit: string, states: string[] | undefined): string {
  if (value === null || value === undefined) return DASH;
  const state = states?.[value];
  return state ? sayMaybe(`state.${state}`, state) : scaledTo(value, unit).join("\u202f").trim();
}

/** Lines of different devices have different instants: the newest of the last few counts, a null is a gap. */
function near(values: Column, index: number): number | null | undefined {
  for (let at = index; at >= 0 && at > index - 12; at--) if (values[at] !== undefined) return values[at];
  return undefined;
}

function lastKnown(lines: Line[], length: number): number | null {
  for (let index = length - 1; index >= 0; index--) {
    if (lines.some((line) => line.values[index] != null)) return index;
  }
  return null;
}

function columns(at_ms: number[], lines: Line[]): uPlot.AlignedData {
  const drawn = lines.flatMap((line) => (line.low && line.high ? [line.high, line.low, line.values] : [line.values]));
  return [at_ms.map((ms) => ms / 1000), ...drawn] as uPlot.AlignedData;
}

function options(
  width: number,
  height: number,
  lines: Line[],
  zone: string,
  text: (value: number) => string,
  span: { current: { from_ms: number; to_ms: number } },
  sync: string | undefined,
  onCursor: (index: number | null) => void,
  zoom: { current: Props["onZoom"] },
): uPlot.Options {
  const ink = colour("faint");
  const grid = { stroke: colour("rule"), width: 1 };
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  for (const line of lines) {
    const shade = colour(line.ink);
    const paths = line.stepped && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {};
    if (line.low && line.high) {
      bands.push({ series: [series.length, series.length + 1], fill: `${shade}33` });
      series.push({ stroke: "transparent", points: { show: false }, ...paths }, { stroke: "transparent", points: { show: false }, ...paths });
    }
    series.push({
      stroke: shade,
      width: line.dashed ? 1.5 : 2,
      ...(line.dashed ? { dash: [6, 4] } : {}),
      ...(line.area ? { fill: `${shade}40` } : {}),
      ...paths,
      points: ALONE,
      spanGaps: false,
    });
  }
  return {
    width,
    height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: zoom.current !== undefined, y: false, setScale: false }, ...(sync ? { sync: { key: sync, setSeries: false } } : {}) },
    scales: { x: { range: () => [span.current.from_ms / 1000, span.current.to_ms / 1000] }, y: { range: (_, low, high) => room(low, high) } },
    axes: [
      { stroke: ink, grid, ticks: grid, font, values: (_, at) => ticks(at, zone), space: 72 },
      { stroke: ink, grid, ticks: grid, font, size: width < 480 ? 66 : 78, values: (_, at) => at.map((value) => (value === 0 ? "0" : text(value))) },
    ],
    series,
    bands,
    hooks: {
      drawClear: [(plot) => uncovered(plot.data[0] as number[], plot.data.slice(1) as Column[]).forEach(([from, to]) => hatch(plot, from, to))],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const [from, to] = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          zoom.current?.(Math.round(from * 1000), Math.round(to * 1000));
        },
      ],
    },
  };
}

/** As coarse as the distance of the marks allows, and the day wherever it changes. */
function ticks(at: number[], zone: string): string[] {
  const step = (at[1] ?? 0) - (at[0] ?? 0);
  return at.map((seconds, index) => {
    const date = new Date(seconds * 1000);
    const part = (form: Intl.DateTimeFormatOptions): string => date.toLocaleString("sv-SE", { timeZone: zone, ...form });
    if (step >= 86_400 * 200) return part({ year: "numeric" });
    if (step >= 86_400 * 27) return part({ year: "numeric", month: "2-digit" });
    // Month and day as the dates of the page are written, in both languages: 11-30.
    const day = isoDay(date.getTime(), zone).slice(5);
    if (step >= 86_400) return day;
    const time = step < 60 ? part({ hour: "2-digit", minute: "2-digit", second: "2-digit" }) : clock(seconds * 1000, zone);
    const before = index > 0 ? new Date((at[index - 1] ?? 0) * 1000).toLocaleDateString("sv-SE", { timeZone: zone }) : "";
    return index > 0 && before !== date.toLocaleDateString("sv-SE", { timeZone: zone }) ? `${time}\n${day}` : time;
  });
}

function room(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null || !Number.isFinite(low)) return [0, 1];
  const bottom = low > 0 && low < 0.6 * high ? 0 : low;
  const size = Math.max(high - bottom, Math.abs(high) * 0.02, 0.01);
  return [bottom < 0 || bottom > 0 ? bottom - size * 0.06 : 0, high + size * 0.08];
}
