// The day's power as large shapes: the sun as an area, grid and load as lines; a hole stays a hole.

import { clock, scaledTo } from "../format";
import { drawn } from "../gaps";
import { axisTicks } from "../axis_ticks";
import type { Column } from "../gaps";
import type { Part } from "../part";
import type { Day } from "../types";
import { say, type Key } from "../i18n";

const WIDTH = 800;
const HEIGHT = 300;
const LINES: { part: Part; key: Key }[] = [
  { part: "pv", key: "part.pv" },
  { part: "grid", key: "part.grid" },
  { part: "load", key: "part.load" },
];

export function WallCurve({ day }: { day: Day }) {
  const lines = LINES.map((line) => ({ ...line, kw: drawn(day, line.part) }));
  const all = lines.flatMap(({ kw }) => kw.filter((known) => known !== null));
  const marks = axisTicks(Math.min(0, ...all), Math.max(1, ...all), 5);
  const [low, high] = [marks[0] ?? 0, marks[marks.length - 1] ?? 1];
  const x = (index: number): number => (index / Math.max(1, day.at_ms.length - 1)) * WIDTH;
  const y = (kw: number): number => HEIGHT - ((kw - low) / (high - low)) * HEIGHT;
  const hours = [0, 6, 12, 18, 24];
  // On a phone the picture is small and its letters are large in its own measure.
  const upright = innerWidth < innerHeight;
  return (
    <figure class="wall-curve">
      <svg viewBox={upright ? `-168 -24 ${WIDTH + 228} ${HEIGHT + 74}` : `-106 -14 ${WIDTH + 146} ${HEIGHT + 54}`} role="img" aria-label={say("day.title")}>
        {marks.map((kw) => (
          <g key={kw}>
            <line class="wall-rule" x1="0" x2={WIDTH} y1={y(kw)} y2={y(kw)} />
            <text x="-8" y={y(kw) + 7} text-anchor="end">
              {kw === 0 ? "0" : scaledTo(kw, "kW").join("\u202f")}
            </text>
          </g>
        ))}
        {hours.map((hour) => (
          <text key={hour} x={(hour / 24) * WIDTH} y={HEIGHT + (upright ? 44 : 32)} text-anchor="middle">
            {hour === 24 ? "24:00" : clock(day.from_ms + hour * 3_600_000, day.time_zone)}
          </text>
        ))}
        <path class="wall-area" d={areaOf(lines[0]?.kw ?? [], x, y)} />
        {lines.map(({ part, kw }) => (
          <path key={part} class={`wall-line ${part}`} d={lineOf(kw, x, y)} />
        ))}
      </svg>
      <figcaption>
        {LINES.map(({ part, key }) => (
          <span key={part}>
            <span class={`key ${part}`} aria-hidden="true">
              ━
            </span>{" "}
            {say(key)}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}

function lineOf(column: Column, x: (index: number) => number, y: (kw: number) => number): string {
  let pen = "M";
  return column
    .map((kw, index) => {
      if (kw === null) {
        pen = "M";
        return "";
      }
      const step = `${pen}${x(index).toFixed(1)},${y(kw).toFixed(1)}`;
      pen = "L";
      return step;
    })
    .join("");
}

function areaOf(column: Column, x: (index: number) => number, y: (kw: number) => number): string {
  const known = column.map((kw, index) => ({ kw, index })).filter((one): one is { kw: number; index: number } => one.kw !== null);
  const [first, last] = [known[0], known[known.length - 1]];
  if (!first || !last) return "";
  return `M${x(first.index)},${y(0)}${known.map((one) => `L${x(one.index).toFixed(1)},${y(one.kw).toFixed(1)}`).join("")}L${x(last.index)},${y(0)}Z`;
}
