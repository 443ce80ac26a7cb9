// What is a gap: a silence that is long for the device, and long beside the spacing that the readings around it have.
// A device that was read every five minutes last year and every second now has no gap in either.

import { PARTS, type Part } from "./part";
import type { Day } from "./types";

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

export interface PowerLine {
  kw: Column;
  /** Where it is the sum of only some of the devices that reported that day, or of none: nobody knows the power there. */
  lacking: boolean[];
}

/** The power of a class over a day as its line goes: what devices leave empty between two of their reports is no gap. */
export function powerLine(shown: Day, part: Part): PowerLine {
  const { kw, samples, reporting } = shown.power[part];
  const all = reporting.reduce((most, count) => Math.max(most, count), 0);
  // A sum of some devices is not the power of the class: where one misses a report it would be drawn as a fall.
  const whole = kw.map((value, index) => value !== null && (reporting[index] ?? 0) >= all);
  const known = [...kw.keys()].filter((index) => whole[index]);
  // An empty bucket proves a silence of its own length, two periods are normal.
  const usual = Math.max(1, Math.ceil((2 * (shown.period_ms ?? 0)) / shown.bucket_ms)) * shown.bucket_ms;
  const each = known.map((index) => (samples?.[index] ?? 0) / Math.max(1, reporting[index] ?? 1));
  const gaps = gapsBefore(known.map((index) => shown.at_ms[index] ?? 0), each, usual);
  const line = [...kw];
  const lacking = whole.map((is) => !is);
  known.forEach((index, place) => {
    const from = known[place - 1];
    if (from === undefined || gaps[place]) return;
    bridge(line, from, index);
    lacking.fill(false, from, index);
  });
  // The newest bucket comes from one device after the other: it is drawn when it is as whole as the one before.
  const newest = kw.reduce<number>((last, value, index) => (value === null ? last : index), -1);
  if (newest > 0 && !whole[newest] && whole[newest - 1]) line[newest] = null;
  return { kw: line, lacking };
}

export function drawn(shown: Day, part: Part): Column {
  return powerLine(shown, part).kw;
}

/** The spells of a day in which some device that reported before or after did not: the sums are too small there. */
export function partialSpells(shown: Day): [number, number][] {
  const parts = PARTS.filter((part) => shown.power[part].devices > 0);
  const lines = parts.map((part) => powerLine(shown, part));
  const ends = lines.map(({ kw }) => kw.reduce<[number, number]>(([first, last], value, index) => (value === null ? [first, last] : [Math.min(first, index), index]), [kw.length, -1]));
  const last = Math.max(-1, ...ends.map(([, end]) => end));
  const marked = shown.at_ms.map((_, index) =>
    lines.some(({ lacking }, place) => {
      const [from, to] = ends[place] ?? [0, -1];
      // Inverters that sleep at night are not missed then; anything else is, until the newest reading of all.
      return lacking[index] && index >= from && index <= (parts[place] === "pv" ? to : last);
    }),
  );
  return spellsOf(shown, marked);
}

/** The instants from which to which something holds. */
export function spellsOf({ at_ms, bucket_ms }: Pick<Day, "at_ms" | "bucket_ms">, marked: boolean[]): [number, number][] {
  const found: [number, number][] = [];
  at_ms.forEach((ms, index) => {
    if (!marked[index]) return;
    const before = found[found.length - 1];
    if (before?.[1] === ms) before[1] = ms + bucket_ms;
    else found.push([ms, ms + bucket_ms]);
  });
  return found;
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
