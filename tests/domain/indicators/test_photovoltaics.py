"""Photovoltaics: no performance ratio without irradiance on the modules, and real data of a plant with an outage."""

import csv
import importlib.util
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.indicators import INDICATORS
from domain.indicators.definition import Quantity
from tests.domain.indicators.cases import inputs, quantity

RATED_KWP = 204.12
"""The array behind inverter 2 of NREL's RSF II (PVDAQ system 1283, pvanalytics' gallery of metrics)."""


@dataclass
class Rsf2:
    """`nrel_RSF_II.csv`: 480 quarters of an hour, 2022-01-02 to 2022-01-06, mean powers; the last day has no output."""

    pv_kwh: list[float]
    irradiance_w_m2: list[float]
    module_c: list[float]


@pytest.fixture(scope="module")
def rsf2():
    # The package is located, never imported: its functions need libraries that nothing here needs.
    spec = importlib.util.find_spec("pvanalytics")
    assert spec is not None, "install the development dependencies: the test reads measured data of pvanalytics"
    assert spec.origin is not None
    with (Path(spec.origin).parent / "data" / "nrel_RSF_II.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 480
    return Rsf2(
        [float(row["inv2_ac_power_w__1047"]) / 1000 * 0.25 for row in rows],
        [float(row["poa_irradiance__1055"]) for row in rows],
        [float(row["module_temp__1056"]) for row in rows],
    )


def of_rsf2(data, rows=slice(None)):
    return inputs(
        {
            "pv_kwh": data.pv_kwh[rows],
            "irradiance_plane_w_m2": data.irradiance_w_m2[rows],
            "module_temperature_c": data.module_c[rows],
        },
        period_s=900,
        start="2022-01-02T00:00:00-07:00",
        ratings={"pv_rated_kwp": RATED_KWP},
        zone=ZoneInfo("Etc/GMT+7"),
    )


def test_the_performance_ratio_of_a_measured_plant(rsf2):
    # E = 1455.887 kWh, Y_f = 7.13250 kWh/kWp; H = 12.18821 kWh/m² with the night offsets as measured; 0.585196
    found = INDICATORS["performance_ratio"].figure(of_rsf2(rsf2))
    assert found.value == pytest.approx(0.5852, abs=5e-5)
    assert found.details["pv_kwh"] == pytest.approx(sum(rsf2.pv_kwh))
    assert found.coverage_pct == 100


def test_a_day_of_zero_output_under_irradiance_raises_the_alarm(rsf2):
    found = INDICATORS["pv_availability_ratio"].figure(of_rsf2(rsf2))
    assert found.details["alarm"] == "no output under irradiance: pv_kwh on 2022-01-06"
    working = INDICATORS["pv_availability_ratio"].figure(of_rsf2(rsf2, slice(0, 384)))
    assert working.details["alarm"] is None
    assert working.value > found.value


def test_cold_modules_had_to_give_more(rsf2):
    # At 5 °C and less the modules are better than at 25 °C, so the corrected ratio is below the plain one.
    plain = INDICATORS["performance_ratio"].figure(of_rsf2(rsf2)).value
    corrected = INDICATORS["performance_ratio_temperature_corrected"].figure(of_rsf2(rsf2)).value
    warm = sum(g * t for g, t in zip(rsf2.irradiance_w_m2, rsf2.module_c, strict=True)) / sum(rsf2.irradiance_w_m2)
    assert corrected == pytest.approx(plain / (1 - 0.0035 * (warm - 25)), rel=1e-9)


def test_horizontal_irradiance_makes_no_performance_ratio():
    light = [0.0, 500.0, 800.0]
    made = inputs({"pv_kwh": [0, 40, 64], "irradiance_horizontal_w_m2": light}, ratings={"pv_rated_kwp": 100.0})
    for name in ("performance_ratio", "performance_ratio_temperature_corrected", "pv_availability_ratio"):
        found = INDICATORS[name].figure(made)
        assert found.value is None
        assert found.unavailable.startswith("no quantity irradiance_plane_w_m2")


def test_a_missing_rating_is_named():
    found = INDICATORS["pv_specific_yield_kwh_per_kwp"].figure(inputs({"pv_kwh": [1.0]}))
    assert found.unavailable == "no rating pv_rated_kwp"
    assert found.unavailable_zh == "缺少额定参数：pv_rated_kwp"


def test_a_night_has_no_performance_ratio_and_no_availability():
    night = inputs({"pv_kwh": [0.0] * 4, "irradiance_plane_w_m2": [-1.0] * 4}, ratings={"pv_rated_kwp": 100.0})
    assert "no irradiation" in INDICATORS["performance_ratio"].figure(night).unavailable
    assert "100 W/m²" in INDICATORS["pv_availability_ratio"].figure(night).unavailable


def test_the_nameplate_s_temperature_coefficient_goes_before_the_default():
    ratings = {"pv_rated_kwp": 100.0, "pv_temperature_coefficient_per_k": -0.0045}
    found = INDICATORS["performance_ratio_temperature_corrected"].figure(
        inputs({"pv_kwh": [90], "irradiance_plane_w_m2": [1000], "module_temperature_c": [45]}, ratings=ratings)
    )
    # 100 kWp x (1 - 0.0045 x 20) = 91 kWh
    assert found.value == pytest.approx(90 / 91)


def test_a_rating_of_inverters_is_said_to_be_one():
    ratings = {"pv_rated_kwp": 100.0, "pv_rating_of_inverters_pct": 40.0}
    found = INDICATORS["pv_specific_yield_kwh_per_kwp"].figure(inputs({"pv_kwh": [1.0]}, ratings=ratings))
    assert found.details["rating_note"] == "40 % of the rating is of inverters: no module rating is announced"


def test_an_inverter_counts_from_when_it_was_built():
    made = inputs({"pv_kwh": [10, 10, 20, 20], "irradiance_plane_w_m2": [500] * 4})
    parts = (quantity("a", [10, 10, 10, 10]), quantity("b", [None, None, 10, 0]))
    found = INDICATORS["pv_availability_ratio"].figure(replace(made, members={"pv_kwh": parts}))
    # a: 4 of 4; b: 1 of 2
    assert found.value == pytest.approx(5 / 6)
    assert isinstance(parts[0], Quantity)


def test_a_day_is_local():
    # 22:00 to 02:00 in Shanghai: two days; the second has light and no output.
    made = inputs(
        {"pv_kwh": [5, 5, 0, 0], "irradiance_plane_w_m2": [500] * 4},
        start=datetime(2026, 11, 23, 22, tzinfo=ZoneInfo("Asia/Shanghai")).isoformat(),
    )
    found = INDICATORS["pv_availability_ratio"].figure(made)
    assert found.details["alarm"] == "no output under irradiance: pv_kwh on 2026-11-24"
