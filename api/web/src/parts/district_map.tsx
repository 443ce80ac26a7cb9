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
  // A place gives way to the name of a park that would lie on it.
  const free = (place: Place): boolean => placed.every(({ x, y, radius }) => Math.abs(place.at[0] - x) > 96 || place.at[1] + 24 < y - radius - 8 || place.at[1] - 8 > y + radius + 32);
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
        <ParkCircle key={one.one.park} {...one} />
      ))}
    </svg>
  );
}

function ParkCircle({ one, x, y, radius }: { one: ParkNow; x: number; y: number; radius: number }) {
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
      <text class="park-power" x={x} y={radius >= 28 ? y + 5 : y - radius - 12} text-anchor="middle" data-inside={radius >= 28}>
        {told}
      </text>
      <text class="park-name" x={x} y={y + radius + 24} text-anchor="middle">
        {name}
      </text>
    </a>
  );
}
