// The district as simple shapes. A circle is a park: its area is the power it uses, its ring the PV share of its consumption,
// hatched when its values are old. A click goes into it.

import { percent, power, together } from "../format";
import { AREAS, placeOf, PLACES } from "../places";
import { go, href, viewPatch } from "../router";
import { parkStatus } from "../park_status";
import type { ParkNow } from "../types";
import { useOf } from "../use";
import { language, nameOf, say } from "../i18n";
import { aroundCircle, besideCircles, boxOf, lines, overlap, withinArea, type Box, type Circle, type Size, type Spot } from "./label_places";

const FIELD: Box = { left: 4, top: 14, right: 636, bottom: 412 };
const LARGEST = 46;
const SMALLEST = 13;
/** A circle of this size has room for its power. */
const ROOMY = 37;
const RING = 8;
const LINE = 1.25;

interface Placed extends Circle {
  one: ParkNow;
}

/** `letters` is the height of a name in the picture's own measure: a picture drawn small has large ones. */
export function DistrictMap({ parks, letters = innerWidth < 640 ? 21 : 14 }: { parks: ParkNow[]; letters?: number }) {
  const placed = placedOf(parks);
  const circles = placed.map(({ x, y, radius }) => ({ x, y, radius: radius + RING }));
  const texts = placed.map(({ one, radius }) => textOf(one, radius));
  const areas = AREAS.map((area) => ({ ...area, name: language.value === "zh" ? area.zh : area.en, outline: outlineOf(area.points) }));
  const sizes = areas.map((area) => sizeOf([area.name], letters, 500));
  const usual = areas.map((area, index) => boxOf(...area.at, sizes[index] ?? { width: 0, height: 0 }));
  const spots = besideCircles(circles, texts.map(({ name, told }) => sizeOf([...name, ...(told ? ["0,000 kW"] : [])], letters)), FIELD, usual);
  const taken = [...circles.map(aroundCircle), ...spots.flatMap((spot) => (spot ? [spot.box] : []))];
  const named = areas.map((area, index) => {
    const at = withinArea(area.outline, area.at, sizes[index] ?? { width: 0, height: 0 }, taken);
    if (at) taken.push(boxOf(...at, sizes[index] ?? { width: 0, height: 0 }));
    return { area, at };
  });
  return (
    <svg class="map" viewBox="0 10 640 406" style={{ fontSize: letters }} role="group" aria-label={say("district.map")}>
      <defs>
        <pattern id="stale-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1="0" y1="0" x2="0" y2="7" class="stale-line" />
        </pattern>
      </defs>
      {named.map(({ area, at }) => (
        <g key={area.zh} aria-hidden="true">
          <polygon class="area" points={area.points} />
          {at && (
            <text class="area-name" x={at[0]} y={at[1]} text-anchor="middle">
              {area.name}
            </text>
          )}
        </g>
      ))}
      <Places taken={taken} letters={letters} />
      {placed.map((one, index) => (
        <ParkCircle key={one.one.park} {...one} text={texts[index] ?? { name: [], told: "" }} spot={spots[index] ?? null} letters={letters} />
      ))}
    </svg>
  );
}

function placedOf(parks: ParkNow[]): Placed[] {
  const most = Math.max(1, ...parks.map(useOf));
  const turns = new Map<string, number>();
  return parks.map((one, index) => {
    const place = placeOf(one.park, one.name_zh);
    const at: [number, number] = place ? place.at : [60 + ((index * 90) % 560), 30];
    const key = place?.zh ?? "";
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    // Several parks of one place stand around it.
    const spread: [number, number] = turn === 0 ? [0, 0] : [Math.cos(turn * 2.1) * 40, Math.sin(turn * 2.1) * 30];
    return { one, x: at[0] + spread[0], y: at[1] + spread[1], radius: Math.max(SMALLEST, LARGEST * Math.sqrt(useOf(one) / most)) };
  });
}

interface Text {
  name: string[];
  /** The power, where the circle has no room for it. */
  told: string;
}

const toldOf = (one: ParkNow): string => (one.flow.grid.kw === null ? say("why.missing") : together(power(useOf(one))));

function textOf(one: ParkNow, radius: number): Text {
  return { name: lines(nameOf(one, one.park), 18), told: radius >= ROOMY ? "" : toldOf(one) };
}

function outlineOf(points: string): [number, number][] {
  return points.split(" ").map((pair) => pair.split(",").map(Number) as [number, number]);
}

let paper: CanvasRenderingContext2D | null = null;

/** How much room lines of text take. */
function sizeOf(texts: string[], letters: number, weight = 600): Size {
  paper ??= document.createElement("canvas").getContext("2d");
  if (!paper) return { width: 0, height: 0 };
  paper.font = `${weight} ${letters}px ${getComputedStyle(document.body).fontFamily}`;
  const width = Math.max(...texts.map((text) => paper?.measureText(text).width ?? 0));
  return { width, height: texts.length * letters * LINE };
}

/** The places of the plan that have no park, where there is room to name them. */
function Places({ taken, letters }: { taken: Box[]; letters: number }) {
  const size = letters * 0.86;
  const shown = PLACES.flatMap((place) => {
    const name = language.value === "zh" ? place.zh : place.en;
    const { width, height } = sizeOf([name], size, 400);
    const [x, y] = place.at;
    const box = { left: x - width / 2, right: x + width / 2, top: y - 4, bottom: y + 4 + height };
    if (taken.some((other) => overlap(box, other))) return [];
    taken.push(box);
    return [{ place, name, below: y + 4 + height * 0.8 }];
  });
  return (
    <>
      {shown.map(({ place, name, below }) => (
        <g key={place.zh} class="place" aria-hidden="true">
          <circle cx={place.at[0]} cy={place.at[1]} r="3" />
          <text x={place.at[0]} y={below} text-anchor="middle">
            {name}
          </text>
        </g>
      ))}
    </>
  );
}

function ParkCircle({ one, x, y, radius, text, spot, letters }: Placed & { text: Text; spot: Spot | null; letters: number }) {
  const state = parkStatus(one);
  const share = one.pv_of_use;
  const name = nameOf(one, one.park);
  const told = toldOf(one);
  const open = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    go(viewPatch("park", { park: one.park }));
  };
  const around = 2 * Math.PI * (radius + 5);
  return (
    <a href={href(viewPatch("park", { park: one.park }))} onClick={open} class={`park-circle rank-${state.rank}`} aria-label={`${name}: ${told}, ${say(state.key)}`}>
      <title>{`${name} · ${told}${share === null ? "" : ` · ${say("district.key.ring")} ${percent(share)}`} · ${state.why}`}</title>
      <circle class="park-ring-ground" cx={x} cy={y} r={radius + 5} />
      {share !== null && share > 0.004 && (
        <circle class="park-ring" cx={x} cy={y} r={radius + 5} stroke-dasharray={`${around * share} ${around}`} transform={`rotate(-90 ${x} ${y})`} />
      )}
      <circle class="park-body" cx={x} cy={y} r={radius} />
      {state.rank > 0 && <circle class="park-stale" cx={x} cy={y} r={radius} />}
      {radius >= ROOMY && (
        <text class="park-inside" x={x} y={y + 5} text-anchor="middle">
          {told}
        </text>
      )}
      {spot && <Name text={text} spot={spot} letters={letters} />}
    </a>
  );
}

function Name({ text, spot: { box, anchor }, letters }: { text: Text; spot: Spot; letters: number }) {
  const x = anchor === "start" ? box.left : anchor === "end" ? box.right : (box.left + box.right) / 2;
  return (
    <text class="park-name" text-anchor={anchor}>
      {[...text.name, text.told].filter(Boolean).map((line, index) => (
        <tspan key={index} x={x} y={box.top + letters * (0.98 + index * LINE)} class={line === text.told ? "park-power" : ""}>
          {line}
        </tspan>
      ))}
    </text>
  );
}
