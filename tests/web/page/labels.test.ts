// What is written in a picture: names on a map that keep apart, and marks of an axis at round numbers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { axisTicks } from "../../../api/parkgrid_api/web/src/axis_ticks";
import { besideCircles, lines, withinArea, type Box, type Circle, type Size } from "../../../api/parkgrid_api/web/src/parts/label_places";

const FIELD = { left: 0, top: 0, right: 640, bottom: 420 };
const overlap = (a: Box, b: Box): boolean => a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
const places = (circles: Circle[], sizes: Size[]) => besideCircles(circles, sizes, FIELD, []);

/** The same chances in every run (mulberry32). */
function chances(seed: number): (low: number, high: number) => number {
  let state = seed;
  return (low, high) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return low + (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * (high - low);
  };
}

for (let seed = 0; seed < 6; seed++) {
  test(`names never overlap (seed ${seed})`, () => {
    const chance = chances(seed);
    const circles = Array.from({ length: Math.round(chance(2, 14)) }, () => ({ x: chance(60, 580), y: chance(60, 360), radius: chance(15, 55) }));
    const found = places(circles, circles.map(() => ({ width: chance(60, 240), height: [18, 53, 79][Math.floor(chance(0, 3))] ?? 18 })));
    const boxes = found.flatMap((spot) => (spot ? [spot.box] : []));
    assert.ok(boxes.length > 0);
    boxes.forEach((box, at) => assert.ok(!boxes.slice(at + 1).some((other) => overlap(box, other))));
    found.forEach((spot, at) =>
      circles.forEach(({ x, y, radius }, place) => {
        if (spot && place !== at) assert.ok(!overlap(spot.box, { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius }));
      }),
    );
    assert.ok(boxes.every((box) => box.left >= 0 && box.right <= 640 && box.top >= 0 && box.bottom <= 420));
  });
}

test("a name gives way when that makes room for another", () => {
  // The large circle's name would by itself take the only place that the small one's has.
  const circles = [
    { x: 320, y: 205, radius: 44 },
    { x: 470, y: 235, radius: 21 },
    { x: 110, y: 250, radius: 54 },
  ];
  assert.ok(places(circles, circles.map(() => ({ width: 245, height: 79 }))).every((spot) => spot));
});

test("a long name has two lines", () => {
  assert.deepEqual(lines("Julongshan PEDF office park", 18), ["Julongshan PEDF", "office park"]);
  assert.deepEqual(lines("聚龙山光储直柔园区", 18), ["聚龙山光储直柔园区"]);
  assert.deepEqual(lines("Gaoxin South", 18), ["Gaoxin South"]);
});

test("the name of an area stays within it", () => {
  const square: [number, number][] = [[0, 0], [200, 0], [200, 100], [0, 100]];
  const size = { width: 60, height: 18 };
  assert.deepEqual(withinArea(square, [100, 50], size, []), [100, 50]);
  const found = withinArea(square, [100, 50], size, [{ left: 60, right: 140, top: 10, bottom: 90 }]);
  assert.ok(found);
  const [x, y] = found;
  assert.ok(x + 30 <= 60 || x - 30 >= 140 || y <= 10 || y >= 90);
  assert.equal(withinArea(square, [100, 50], size, [{ left: 0, right: 200, top: 0, bottom: 100 }]), null);
});

for (const [low, high, marks] of [
  [0, 2_920, [0, 1_000, 2_000, 3_000]],
  [0, 2_000, [0, 500, 1_000, 1_500, 2_000]],
  [0, 1, [0, 0.25, 0.5, 0.75, 1]],
  [-340, 700, [-500, 0, 500, 1_000]],
  [-9, 21, [-10, 0, 10, 20, 30]],
  [5, 5, [5]],
] as const) {
  test(`marks from ${low} to ${high} are round and reach around`, () => {
    assert.deepEqual(axisTicks(low, high, 5).map((mark) => Number(mark.toFixed(9))), marks);
  });
}
