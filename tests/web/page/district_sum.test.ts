// The district's day is the sum of its parks' days, and says where it is not the sum of all of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { summed } from "../../../api/parkgrid_api/web/src/parts/district_sum";
import { PARTS, type Part } from "../../../api/parkgrid_api/web/src/part";
import type { Day } from "../../../api/parkgrid_api/web/src/types";

const BUCKET = 900_000;

/** A park's day as the api answers it; parts that are not given have no devices. */
function day(kw: Partial<Record<Part, (number | null)[]>>, energy: Record<string, number | null> = {}): Day {
  const length = Object.values(kw)[0]?.length ?? 0;
  const power = PARTS.map((part) => {
    const values = kw[part] ?? new Array<number | null>(length).fill(null);
    const reporting = values.map((value) => Number(value !== null));
    return [part, { devices: Number(part in kw), kw: values, reporting, samples: reporting.map((count) => 900 * count), estimated_ms: part in kw ? [BUCKET] : [] }];
  });
  const told = Object.entries(energy).map(([key, kwh]) => [key, { kwh, devices: 1, reporting: Number(kwh !== null), resets: 0 }]);
  return { bucket_ms: BUCKET, period_ms: 1_000, at_ms: Array.from({ length }, (_, index) => index * BUCKET), power: Object.fromEntries(power), energy: Object.fromEntries(told) } as Day;
}

function sum(days: Day[], missing = 0) {
  const found = summed(days, missing);
  assert.ok(found);
  return found;
}

test("powers and energies add up", () => {
  const { day: whole, partial } = sum([day({ grid: [1, 2, 3], pv: [0, 1, 2] }, { "grid.import": 5, "pv.made": 1 }), day({ grid: [10, 20, 30] }, { "grid.import": 0.5 })]);
  assert.deepEqual(whole.power.grid.kw, [11, 22, 33]);
  assert.equal(whole.power.grid.devices, 2);
  assert.deepEqual(whole.power.pv.kw, [0, 1, 2]);
  assert.deepEqual(whole.power.ev, { devices: 0, kw: [null, null, null], reporting: [0, 0, 0], samples: [0, 0, 0], estimated_ms: [] });
  assert.deepEqual(whole.power.pv.estimated_ms, [BUCKET]);
  assert.deepEqual(whole.energy["grid.import"], { kwh: 5.5, devices: 2, reporting: 2, resets: 0 });
  assert.equal(whole.energy["pv.made"]?.kwh, 1);
  assert.deepEqual(partial, []);
});

test("a park that is silent for a while makes a partial spell", () => {
  const found = sum([day({ grid: new Array<number>(8).fill(1) }), day({ grid: [10, 10, null, null, null, null, 10, 10] })]);
  assert.deepEqual(found.day.power.grid.kw, [11, 11, 1, 1, 1, 1, 11, 11]);
  assert.deepEqual(found.partial, [[2 * BUCKET, 6 * BUCKET]]);
});

test("a park of which one meter is silent makes a partial spell", () => {
  const some = day({ load: [537, 537, 13.8, 13.8, 13.8, 13.8, 537, 537] });
  Object.assign(some.power.load, { devices: 2, reporting: [2, 2, 1, 1, 1, 1, 2, 2] });
  assert.deepEqual(sum([day({ load: new Array<number>(8).fill(1) }), some]).partial, [[2 * BUCKET, 6 * BUCKET]]);
});

test("the newest bucket waits for everybody", () => {
  const found = sum([day({ grid: [1, 1, 1, null] }), day({ grid: [10, 10, null, null] })]);
  // A fall from 11 to 1 kW at the end of the line would be no fall of any power.
  assert.deepEqual(found.day.power.grid.kw, [11, 11, null, null]);
  assert.deepEqual(found.partial, []);
});

test("half an energy is none", () => {
  const found = sum([day({ grid: [1] }, { "grid.import": 5 }), day({ grid: [1] }, { "grid.import": null })]);
  assert.deepEqual(found.day.energy["grid.import"], { kwh: null, devices: 2, reporting: 1, resets: 0 });
});

test("a park without an answer makes the day partial", () => {
  const found = sum([day({ grid: [null, 1, 1, null] }, { "grid.import": 5 })], 1);
  assert.equal(found.day.energy["grid.import"]?.kwh, null);
  assert.deepEqual(found.partial, [[BUCKET, 3 * BUCKET]]);
});

test("no day is no sum", () => assert.equal(summed([]), null));
