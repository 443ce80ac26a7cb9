// Names in two languages, days of an address, and numbers: three significant digits, the next unit at 1,000, little
// energy never as nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bilingualName } from "../../../api/parkgrid_api/web/src/bilingual_name";
import { isDay } from "../../../api/parkgrid_api/web/src/calendar_day";
import { told } from "../../../api/parkgrid_api/web/src/numbers";

for (const [name, zh, en] of [
  ["洁净厂房屋顶光伏 / Clean room rooftop", "洁净厂房屋顶光伏", "Clean room rooftop"],
  ["Grid meter / 并网点总表", "并网点总表", "Grid meter"],
  ["V2G 桩 1 / V2G charger 1", "V2G 桩 1", "V2G charger 1"],
] as const) {
  test(`of “${name}” the half of the language`, () => {
    assert.equal(bilingualName(name, "zh"), zh);
    assert.equal(bilingualName(name, "en"), en);
  });
}

for (const name of ["并网点总表", "Feeder 1 / Feeder 2", "一号线 / 二号线", "A / 乙 / C", "kW/kWh 表", " / Roof", "屋顶 / "]) {
  test(`“${name}” is not two languages and stays whole`, () => {
    assert.equal(bilingualName(name, "zh"), name);
    assert.equal(bilingualName(name, "en"), name);
  });
}

for (const [value, unit, number, scaled] of [
  [1_234, "kW", "1.23", "MW"],
  [0.002, "kW", "0", "kW"],
  [999.6, "kWh", "1.00", "MWh"],
  [0.0031831, "tce/万元", "0.00318", "tce/万元"],
  [0.0696, "tce/万元", "0.0696", "tce/万元"],
  [0.5, "tce/万元", "0.50", "tce/万元"],
  [0, "tce/万元", "0", "tce/万元"],
  [25.94, "kWh/万元", "25.9", "kWh/万元"],
] as const) {
  test(`${value} ${unit} is ${number} ${scaled}`, () => {
    assert.deepEqual(told(value, unit, "en"), [number, scaled]);
  });
}

for (const [day, right] of [["2026-11-30", true], ["2026-02-30", false], ["30.11.2026", false], ["", false]] as const) {
  test(`“${day}” is ${right ? "a" : "no"} day`, () => assert.equal(isDay(day), right));
}
