// The district as simple shapes. A circle is a park: its area is the power it uses, its ring the share of its own sun,
// hatched when its values are old. A click goes into it.

import { percent, power, together } from "../format";
import { AREAS, placeOf, PLACES, type Place } from "../places";
import { go, href, viewPatch } from "../router";
import { standing } from "../standing";
import type { ParkNow } from "../types";
import { ownShare, useOf } from "../views/district";
import { language, nameOf, say } from "../words";

const LARGEST = 44;
const SMALLEST = 13;

export function DistrictMap({ parks }: { parks: ParkNow[] }) {
  const most = Math.max(1, ...parks.map(useOf));
  const taken = new Map<string, number>();
  const placed = parks.map((one, index) => {
    const place = placeOf(one.park, one.name_zh);
    const at: [number, number] = place ? place.at : [60 + ((index * 90) % 560), 30];
    const key = place?.zh ?? "";
    const turn = taken.get(key) ?? 0;
    taken.set(key, turn + 1);
    // Several parks of one place stand around it.
    const spread: [number, number] = turn === 0 ? [0, 0] : [Math.cos(turn * 2.1) * 40, Math.sin(turn * 2.1) * 30];
    return { one, x: at[0] + spread[0], y: at[1] + spread[1], radius: Math.max(SMALLEST, LARGEST * Math.sqrt(useOf(one) / most)) };
  });
  const labels = labelled(placed);
  // A place gives way to the name of a park that would lie on it.
  const free = (place: Place): boolean =>
    placed.every(({ one, x, y, radius }) => {
      const label = labels.get(one.park) ?? { y, half: 0 };
      const [dx, dy] = [Math.abs(place.at[0] - x), Math.abs(place.at[1] + 8 - y)];
      return (dx > radius + 50 || dy > radius + 24) && (dx > label.half + 50 || Math.abs(place.at[1] + 8 - label.y) > 26);
    });
  return (
    <svg class="map" viewBox="0 0 640 430" role="group" aria-label={say("district.map")}>
      <defs>
        <pattern id="stale-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line x1="0" y1="0" x2="0" y2="7" class="stale-line" />
        </pattern>
      </defs>
      {AREAS.map((area) => (
        <g key={area.zh} aria-hidden="true">
          <polygon class="area" points={area.points} />
          <text class="area-name" x={area.at[0]} y={area.at[1]} text-anchor="middle">
            {language.value === "zh" ? area.zh : area.en}
          </text>
        </g>
      ))}
      {PLACES.filter(free).map((place) => (
        <g key={place.zh} class="place" aria-hidden="true">
          <circle cx={place.at[0]} cy={place.at[1]} r="3" />
          <text x={place.at[0]} y={place.at[1] + 17} text-anchor="middle">
            {language.value === "zh" ? place.zh : place.en}
          </text>
        </g>
      ))}
      {placed.map((one) => (
        <ParkCircle key={one.one.park} {...one} labelY={labels.get(one.one.park)?.y ?? one.y} />
      ))}
    </svg>
  );
}

interface Placed {
  one: ParkNow;
  x: number;
  y: number;
  radius: number;
}

/** Where each name stands: under its circle, further down while another name lies there. */
function labelled(placed: Placed[]): Map<string, { y: number; half: number }> {
  // On a phone the picture is half as wide, so its letters are drawn larger.
  const scale = innerWidth < 640 ? 1.6 : 1.1;
  // Circles are not written over either.
  const taken = placed.map(({ x, y, radius }) => ({ left: x - radius - 6, right: x + radius + 6, top: y - radius - 6, bottom: y + radius + 6 }));
  const found = new Map<string, { y: number; half: number }>();
  for (const { one, x, y, radius } of [...placed].sort((a, b) => a.y + a.radius - b.y - b.radius)) {
    const name = nameOf(one, one.park);
    const half = [...name].reduce((sum, letter) => sum + (letter > "\u2e80" ? 14 : 8) * scale, 0) / 2;
    let at = y + radius + 10 + 14 * scale;
    while (taken.some((other) => other.top < at + 4 && other.bottom > at - 13 * scale && other.left < x + half && other.right > x - half)) at += 4;
    taken.push({ left: x - half, right: x + half, top: at - 13 * scale, bottom: at + 4 });
    found.set(one.park, { y: at, half });
  }
  return found;
}

function ParkCircle({ one, x, y, radius, labelY }: Placed & { labelY: number }) {
  const state = standing(one);
  const share = ownShare(one);
  const name = nameOf(one, one.park);
  const use = useOf(one);
  const grid = one.flow.grid.kw;
  const told = grid === null ? say("why.missing") : together(power(use));
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
      <text class="park-power" x={x} y={radius >= 37 ? y + 5 : y - radius - 12} text-anchor="middle" data-inside={radius >= 37}>
        {told}
      </text>
      <text class="park-name" x={x} y={labelY} text-anchor="middle">
        {name}
      </text>
    </a>
  );
}
