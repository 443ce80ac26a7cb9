// What sentences of the page say: the maximum of a line, who of the clusters has to grow the most, and who is blamed
// for what is out of order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { paceOf } from "../../../api/parkgrid_api/web/src/parts/cluster_pace";
import { highest } from "../../../api/parkgrid_api/web/src/series";
import { causesOf, type Known } from "../../../api/parkgrid_api/web/src/trouble";
import type { ProblemShape, TroubleShape } from "../../../api/parkgrid_api/web/src/types";

test("the highest is the maximum of a bucket, not its highest mean", () => {
  const means = [10, 40, null, 30];
  assert.deepEqual(highest({ at_ms: [0, 900_000, 900_001, 1_800_000], values: means, high: [12, 41, null, 95.5] }), { value: 95.5, at_ms: 1_800_000 });
  // Readings as they are have no bucket.
  assert.deepEqual(highest({ at_ms: [0, 1, 2], values: [1, 3, 2] }), { value: 3, at_ms: 1 });
  assert.equal(highest({ at_ms: [0], values: [null] }), null);
  assert.deepEqual(highest({ at_ms: [0, 1], values: [-5, -7], high: [-4, -6] }), { value: -4, at_ms: 0 });
});

function cluster(name: string, year: number, output: number | null, growth: Record<number, number | null>) {
  const figures = [
    { name: "annual_output", value: output, details: { year } },
    { name: "target_2025", value: 100 },
    { name: "target_2030", value: 200 },
    ...Object.entries(growth).map(([of, value]) => ({ name: `required_growth_${of}`, value })),
  ];
  return { cluster: name, figures };
}

test("the highest growth that is needed is named", () => {
  const found = paceOf([cluster("slow", 2024, 60, { 2025: 66.7, 2030: 20.1 }), cluster("fast", 2024, 95, { 2025: 5.3, 2030: 13.2 })]);
  assert.deepEqual(found, { year: 2025, count: 2, output: 155, target: 200, of: 2024, slowest: "slow", growth: 66.7 });
});

test("after a target year the next one counts", () => {
  // Nothing is left to grow to 2025: the column is empty, and the first cluster is not the one that lacks most.
  const found = paceOf([cluster("first", 2025, 97, { 2025: null, 2030: 8.1 }), cluster("last", 2025, 91, { 2025: null, 2030: 17 }), cluster("mid", 2025, 103, { 2025: null, 2030: 14.2 })]);
  assert.deepEqual(found, { year: 2030, count: 3, output: 291, target: 600, of: 2025, slowest: "last", growth: 17 });
});

test("what is not known is in no sum", () => {
  const found = paceOf([cluster("a", 2025, 97, { 2030: 8.1 }), cluster("unknown", 2025, null, { 2030: null })]);
  assert.deepEqual([found?.count, found?.output, found?.target, found?.slowest], [1, 97, 200, "a"]);
  const over = paceOf([cluster("a", 2030, 250, { 2025: null, 2030: null })]);
  assert.deepEqual([over?.year, over?.slowest, over?.growth], [2030, null, null]);
  assert.equal(paceOf([]), null);
});

const NOW = 1_795_392_000_000;
const SILENT: TroubleShape = { kind: "device_silent", gateway: "gw-1", since_ms: NOW - 42_000, count: 1, of: 9, devices: [], delay_s: null };
const BROKER: TroubleShape = { kind: "broker", gateway: null, since_ms: NOW - 9_000, count: 0, of: 0, devices: [], delay_s: null };

const refused = (title: string): ProblemShape => ({ type: "about:blank", title, status: 503, problems: [] });

function causes(known: Partial<Known>): [string, number | null][] {
  const given = { network: true, reached: true, heard_ms: NOW - 7_000, problem: null, answered_ms: NOW - 8_000, troubles: [], demonstration: null, ...known };
  return causesOf(given).map(({ kind, since_ms }) => [kind, since_ms]);
}

test("nobody further away is blamed for what is nearer", () => {
  const troubles = [{ park: "a", trouble: BROKER }, { park: "b", trouble: BROKER }];
  const problem = refused("The database does not answer.");
  assert.deepEqual(causes({ network: false, reached: false, troubles }), [["own_network", NOW - 7_000]]);
  assert.deepEqual(causes({ reached: false, troubles, problem }), [["link", NOW - 7_000]]);
  assert.deepEqual(causes({ troubles, problem }), [["database", NOW - 8_000]]);
  // Of all parks it is one cause.
  assert.deepEqual(causes({ troubles }), [["broker", NOW - 9_000]]);
  assert.deepEqual(causes({ troubles: [{ park: "a", trouble: SILENT }] }), [["device_silent", NOW - 42_000]]);
  assert.deepEqual(causes({}), []);
  // What is only on its way explains old figures, and is no trouble of anybody's.
  const demonstration = { phase: "history" as const, share: 0.4, parks: ["a", "b"] };
  assert.deepEqual(causes({ troubles, demonstration }), [["history", null]]);
  assert.deepEqual(causes({ reached: false, demonstration }), [["link", NOW - 7_000]]);
});

for (const [title, kind] of [
  ["The query takes too long.", "slow"],
  ["查询耗时过长。", "slow"],
  ["The server is busy with other requests.", "busy"],
  ["Too many live streams are open.", "streams"],
  ["The database is not migrated.", "schema"],
  ["Bad Gateway", "server"],
] as const) {
  test(`“${title}” is no dead database`, () => assert.deepEqual(causes({ problem: refused(title) }), [[kind, NOW - 8_000]]));
}
