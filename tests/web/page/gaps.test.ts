// What is drawn as a gap: a silence that is long for the device and beside the spacing of the readings around it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { alone, drawn, gapsBefore, partialSpells, uncovered } from "../../../api/parkgrid_api/web/src/gaps";
import { PARTS, type Part } from "../../../api/parkgrid_api/web/src/part";
import type { ClassPower, Day } from "../../../api/parkgrid_api/web/src/types";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** What is usual for a device of one second that is drawn by the minute. */
const OF_A_SECOND_IN_MINUTES = 2.5 * MINUTE;

const times = <T>(count: number, value: T): T[] => new Array<T>(count).fill(value);
const every = (step: number, from: number, to: number): number[] => Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);

/** As the store rolls readings up: the buckets that have any, and how many each has. */
function buckets(at_ms: number[]): [number[], number[]] {
  const counts = new Map<number, number>();
  for (const at of at_ms) counts.set(Math.floor(at / MINUTE) * MINUTE, (counts.get(Math.floor(at / MINUTE) * MINUTE) ?? 0) + 1);
  return [[...counts.keys()], [...counts.values()]];
}

/** From the reading before to the reading after each gap. */
function gaps([at_ms, samples]: [number[], number[]], usual_ms: number): [number, number][] {
  const marked = gapsBefore(at_ms, samples, usual_ms);
  assert.equal(marked.length, at_ms.length);
  return at_ms.flatMap((ms, place): [number, number][] => (marked[place] ? [[at_ms[place - 1]!, ms]] : []));
}

for (const step of [SECOND, 5 * MINUTE, 15 * MINUTE, HOUR]) {
  test(`a constant period of ${step} ms has no gap`, () => {
    assert.deepEqual(gaps(buckets(every(step, 0, 12 * HOUR)), OF_A_SECOND_IN_MINUTES), []);
  });
}

for (const [first, then] of [[5 * MINUTE, SECOND], [SECOND, 5 * MINUTE]] as const) {
  test(`a change of the period from ${first} to ${then} ms is no gap`, () => {
    assert.deepEqual(gaps(buckets([...every(first, 0, 2 * HOUR), ...every(then, 2 * HOUR, 4 * HOUR)]), OF_A_SECOND_IN_MINUTES), []);
  });
}

for (const step of [SECOND, 5 * MINUTE]) {
  test(`half an hour of silence of a device of ${step} ms is a gap`, () => {
    const at = [...every(step, 0, 2 * HOUR + step), ...every(step, 2.5 * HOUR, 4 * HOUR)];
    assert.deepEqual(gaps(buckets(at), OF_A_SECOND_IN_MINUTES), [[2 * HOUR, 2.5 * HOUR]]);
    // The same in raw readings of a device that reports so often at present.
    assert.deepEqual(gaps([at, times(at.length, 1)], 2.5 * step), [[2 * HOUR, 2.5 * HOUR]]);
  });
}

test("an outage at the change of the period is a gap", () => {
  const at = [...every(5 * MINUTE, 0, 2 * HOUR), ...every(SECOND, 3 * HOUR, 4 * HOUR)];
  assert.deepEqual(gaps(buckets(at), OF_A_SECOND_IN_MINUTES), [[2 * HOUR - 5 * MINUTE, 3 * HOUR]]);
});

test("single readings in an outage stay alone", () => {
  const [first, second] = [2 * HOUR + 20 * MINUTE, 2 * HOUR + 47 * MINUTE];
  const at = [...every(SECOND, 0, 2 * HOUR), first, second, ...every(SECOND, 3 * HOUR, 4 * HOUR)];
  assert.deepEqual(gaps(buckets(at), OF_A_SECOND_IN_MINUTES), [[2 * HOUR - MINUTE, first], [first, second], [second, 3 * HOUR]]);
});

test("few readings say nothing of a spacing", () => {
  assert.deepEqual(gaps(buckets([0, HOUR, 2 * HOUR]), OF_A_SECOND_IN_MINUTES), [[0, HOUR], [HOUR, 2 * HOUR]]);
});

test("a device that comes and goes is not a slow one", () => {
  // Minutes full of readings, three to four minutes apart: sixty readings a minute are no spacing of minutes.
  const starts = Array.from({ length: 20 }, (_, turn) => 4 * MINUTE * turn);
  const at = starts.flatMap((start) => every(SECOND, start, start + MINUTE));
  assert.equal(gaps(buckets(at), OF_A_SECOND_IN_MINUTES).length, starts.length - 1);
});

type Kw = (number | null)[];

const none = (length: number): ClassPower => ({ devices: 0, kw: times<number | null>(length, null), reporting: times(length, 0), samples: times(length, 0), estimated_ms: [] });

/** A day in minutes of one part, `reporting` of whose devices gave a power in each. */
function dayOf(part: Part, kw: Kw, reporting: number[], samples: number[], period_ms: number): Day {
  const power = Object.fromEntries(PARTS.map((each) => [each, none(kw.length)])) as unknown as Day["power"];
  power[part] = { ...none(kw.length), devices: Math.max(...reporting), kw, reporting, samples };
  return { bucket_ms: MINUTE, period_ms, at_ms: kw.map((_, index) => index * MINUTE), power } as Day;
}

const classDay = (part: Part, kw: Kw, reporting: number[], period_ms = SECOND): Day =>
  dayOf(part, kw, reporting, reporting.map((count) => (60 * SECOND / period_ms) * count), period_ms);

test("a day of two periods is drawn through and its outage is not", () => {
  const slow: Kw = Array.from({ length: 120 }, (_, minute) => (minute % 5 === 0 ? minute : null));
  const fast = Array.from({ length: 60 }, (_, minute) => 150 + minute);
  const kw = [...slow, ...times(30, null), ...fast];
  const samples = [...slow.map((known) => Number(known !== null)), ...times(30, 0), ...times(60, 60)];
  const line = drawn(dayOf("grid", kw, kw.map((known) => Number(known !== null)), samples, SECOND), "grid");
  // Between readings of five minutes a straight line; what lies between 1:55 and 2:30 is not known.
  assert.deepEqual(line.slice(0, 116), Array.from({ length: 116 }, (_, minute) => minute));
  assert.deepEqual(line.slice(116, 150), times(34, null));
  assert.deepEqual(line.slice(150), fast);
});

test("a silent meter is hatched", () => {
  // 537 kW of two meters, one of them silent for half an hour: what the other one counts, 13.8 kW, is no load.
  const kw = [...times(60, 537), ...times(30, 13.8), ...times(60, 537)];
  assert.deepEqual(partialSpells(classDay("load", kw, [...times(60, 2), ...times(30, 1), ...times(60, 2)])), [[60 * MINUTE, 90 * MINUTE]]);
  // It stays silent: hatched up to the newest reading.
  assert.deepEqual(partialSpells(classDay("load", kw.slice(0, 90), [...times(60, 2), ...times(30, 1)])), [[60 * MINUTE, 90 * MINUTE]]);
});

test("a lost reading of one meter is no fall and no gap", () => {
  const shown = classDay("load", [...times(10, 500), 13.8, ...times(10, 500)], [...times(10, 2), 1, ...times(10, 2)], MINUTE);
  assert.deepEqual(drawn(shown, "load"), times(21, 500));
  assert.deepEqual(partialSpells(shown), []);
});

test("the newest minute waits for every meter", () => {
  const shown = classDay("load", [...times(10, 500), 13.8], [...times(10, 2), 1]);
  assert.deepEqual(drawn(shown, "load"), [...times<number | null>(10, 500), null]);
  assert.deepEqual(partialSpells(shown), []);
});

for (const [part, spells] of [["ev", [[40, 60], [80, 100]]], ["pv", [[40, 60]]]] as const) {
  test(`a class of ${part} that is silent is hatched, but sleeping inverters are not`, () => {
    const night = times<number | null>(20, null);
    const kw = [...night, ...times(20, 9), ...night, ...times(20, 9), ...night];
    const shown = classDay(part, kw, [...times(20, 0), ...times(20, 3), ...times(20, 0), ...times(20, 3), ...times(20, 0)]);
    shown.power.grid = classDay("grid", times(100, 5), times(100, 1)).power.grid;
    assert.deepEqual(partialSpells(shown), spells.map(([from, to]) => [from * MINUTE, to * MINUTE]));
  });
}

test("what no line covers is hatched", () => {
  const at = [0, 10, 11, 50, 60, 70];
  const gap = [1, 2, null, 3, 4, 5];
  assert.deepEqual(uncovered(at, [gap]), [[10, 50]]);
  // Another line goes through it: its devices reported, only this one did not.
  assert.deepEqual(uncovered(at, [gap, times(6, 7)]), []);
  // Before the first and after the last reading nothing is claimed.
  assert.deepEqual(uncovered(at, [[null, null, 1, 2, null, null]]), []);
});

test("a reading between gaps is a dot", () => {
  assert.deepEqual(alone([1, null, 2, null, 3, 4, null, 5]), [0, 2, 7]);
});
