// What is a gap: a silence that is long for the device, and long beside the spacing that the readings around it have.
// A device that was read every five minutes last year and every second now has no gap in either.

import type { Day, Part } from "./types";

export type Column = (number | null)[];

/** One lost reading is no gap, two are; half a spacing is for clocks that drift. */
export const SPACINGS = 2.5;
/** So many spacings on either side say what is usual there; fewer than three say nothing. */
const LOOKED_AT = 5;
const TELLING = 3;

/** For every reading but the first: whether the silence before it is a gap. `usualMs` is never one. */
export function gapsBefore(at_ms: number[], samples: number[] | undefined, usualMs: number): boolean[] {
  return at_ms.map((ms, index) => {
    const silence = index === 0 ? 0 : ms - (at_ms[index - 1] ?? 0);
    return silence > usualMs && silence > SPACINGS * spacingAround(at_ms, samples, index);
  });
}

/** The longer of the typical spacings before and after a silence: at a change of the period both are normal. */
function spacingAround(at_ms: number[], samples: number[] | undefined, index: number): number {
  const before = spacings(at_ms, samples, Math.max(0, index - 1 - LOOKED_AT), index - 1);
  const after = spacings(at_ms, samples, index, Math.min(at_ms.length - 1, index + LOOKED_AT));
  return Math.max(middle(before), middle(after));
}

/** A bucket of many readings is dense however far the next one is: its length is shared by what it holds. */
function spacings(at_ms: number[], samples: number[] | undefined, from: number, to: number): number[] {
  const found: number[] = [];
  for (let at = from; at < to; at++) found.push(((at_ms[at + 1] ?? 0) - (at_ms[at] ?? 0)) / Math.max(1, samples?.[at] ?? 1));
  return found;
}

function middle(values: number[]): number {
  if (values.length < TELLING) return 0;
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** The powers of a day as lines go: what devices leave empty between two of their reports is no gap. */
export function drawn(shown: Day, part: Part): Column {
  const { kw, samples, reporting } = shown.power[part];
  const known = [...kw.keys()].filter((index) => kw[index] !== null);
  // An empty bucket proves a silence of its own length, two periods are normal.
  const usual = Math.max(1, Math.ceil((2 * (shown.period_ms ?? 0)) / shown.bucket_ms)) * shown.bucket_ms;
  const each = known.map((index) => (samples?.[index] ?? 0) / Math.max(1, reporting[index] ?? 1));
  const gaps = gapsBefore(known.map((index) => shown.at_ms[index] ?? 0), each, usual);
  const whole = [...kw];
  known.forEach((index, place) => {
    const from = known[place - 1];
    if (from !== undefined && !gaps[place]) bridge(whole, from, index);
  });
  return whole;
}

function bridge(column: Column, from: number, to: number): void {
  const [first, last] = [column[from] ?? 0, column[to] ?? 0];
  for (let hole = from + 1; hole < to; hole++) column[hole] = first + ((last - first) * (hole - from)) / (to - from);
}

/** The spells between the first and the last reading in which no line goes: null is an end, an absent entry is not. */
export function uncovered(at_ms: number[], columns: (number | null | undefined)[][]): [number, number][] {
  const covered = new Uint8Array(at_ms.length);
  let [first, last] = [at_ms.length, -1];
  for (const column of columns) {
    let known = -1;
    column.forEach((value, index) => {
      if (value === null) known = -1;
      if (value === null || value === undefined) return;
      if (known >= 0) covered.fill(1, known + 1, index + 1);
      known = index;
      [first, last] = [Math.min(first, index), Math.max(last, index)];
    });
  }
  const spells: [number, number][] = [];
  for (let index = first + 1; index <= last; index++) {
    if (covered[index]) continue;
    const [from, to] = [at_ms[index - 1] ?? 0, at_ms[index] ?? 0];
    const before = spells[spells.length - 1];
    if (before?.[1] === from) before[1] = to;
    else spells.push([from, to]);
  }
  return spells;
}

/** A reading between two gaps has no line to be on; it is a dot. */
export function alone(column: (number | null | undefined)[]): number[] {
  const known = [...column.keys()].filter((index) => column[index] !== undefined);
  return known.filter((index, place) => column[index] !== null && [known[place - 1], known[place + 1]].every((mate) => mate === undefined || column[mate] === null));
}
