"""Photovoltaics: no performance ratio without irradiance on the modules, and real data of a plant with an outage."""

import csv
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.indicators.definition import Place, Quantity
from tests.domain.indicators.cases import inputs, quantity

GOLDEN = Place(39.74, -105.17)
"""Golden, Colorado."""
RATED_KWP = 204.12
"""The array behind inverter 2 of NREL's RSF II (PVDAQ system 1283, pvanalytics' gallery of metrics)."""


@dataclass
class Rsf2:
    """`nrel_RSF_II.csv`: 480 quarters of an hour, 2022-01-02 to 2022-01-06, mean powers; the last day has no output."""

    pv_kwh: list[float]
    irradiance_w_m2: list[float]
    module_c: list[float]


def _rows(name):
    """A file of measured data. The package is located, never imported: its functions need libraries that we do not."""
    spec = importlib.util.find_spec("pvanalytics")
    assert spec is not None, "install the development dependencies: the test reads measured data of pvanalytics"
    assert spec.origin is not None
    with (Path(spec.origin).parent / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def rsf2():
    rows = _rows("nrel_RSF_II.csv")
    assert len(rows) == 480
    return Rsf2(
        [float(row["inv2_ac_power_w__1047"]) / 1000 * 0.25 for row in rows],
        [float(row["poa_irradiance__1055"]) for row in rows],
        [float(row["module_temp__1056"]) for row in rows],
    )


def of_rsf2(data, rows=slice(None), start="2022-01-02T00:00:00-07:00", place=None):
    return inputs(
        {
            "pv_kwh": data.pv_kwh[rows],
            "irradiance_plane_w_m2": data.irradiance_w_m2[rows],
            "module_temperature_c": data.module_c[rows],
        },
        period_s=900,
        start=start,
        ratings={"pv_rated_kwp": RATED_KWP},
        zone=ZoneInfo("Etc/GMT+7"),
        place=place,
    )


def test_the_performance_ratio_of_a_measured_plant(rsf2):
    # E = 1455.887 kWh, Y_f = 7.13250 kWh/kWp; H = 12.18821 kWh/m² with the night offsets as measured; 0.585196. They
    # are a few tenths of a W/m², so that taking them off is below the fourth digit.
    found = INDICATORS["performance_ratio"].figure(of_rsf2(rsf2))
    assert found.value == pytest.approx(0.5852, abs=5e-5)
    assert found.details["pv_kwh"] == pytest.approx(sum(rsf2.pv_kwh))
    assert found.coverage_pct == 100


def test_the_clock_of_a_published_file_is_two_hours_off_and_the_sun_shows_it(rsf2):
    # Its light is strongest at 14:00, where the sun stands in the south at 12:05.
    as_published = INDICATORS["performance_ratio"].figure(of_rsf2(rsf2, place=GOLDEN))
    assert as_published.unavailable.startswith("1.9 % of the energy was counted while the sun was below")
    mended = INDICATORS["performance_ratio"].figure(of_rsf2(rsf2, start="2022-01-01T22:00:00-07:00", place=GOLDEN))
    assert (mended.value, mended.coverage_pct) == (pytest.approx(0.5852, abs=2e-4), 100)


@pytest.mark.parametrize("place", [GOLDEN, None])
def test_a_measured_sensor_with_its_night_offset_is_believed_throughout(place):
    """`serf_west_15min.csv` (NREL, PVDAQ): five clear days of January, -1.9 W/m² by night; rated about 6 kWp."""
    columns = {"pv_kwh": [], "irradiance_plane_w_m2": []}
    for row in _rows("serf_west_15min.csv"):
        columns["pv_kwh"].append(max(float(row["ac_power__773"]), 0) / 1000 / 4)
        columns["irradiance_plane_w_m2"].append(float(row["poa_irradiance__771"]))
    made = inputs(
        columns,
        period_s=900,
        start="2022-01-02T00:00:00-07:00",
        ratings={"pv_rated_kwp": 6.0},
        zone=ZoneInfo("Etc/GMT+7"),
        place=place,
    )
    found = INDICATORS["performance_ratio"].figure(made)
    # 102.45 kWh / 6 kWp over 25.355 kWh/m² (25.355 = the sum as measured, and 1.6 W/m² more in 48 hours of day)
    plain = sum(columns["pv_kwh"]) / 6.0 / (sum(columns["irradiance_plane_w_m2"]) / 4 / 1000)
    assert (found.value, found.coverage_pct) == (pytest.approx(plain, rel=0.01), 100)
    assert found.value < plain
    assert found.details["irradiance_night_offset_w_m2"] == pytest.approx(-1.7, abs=0.3)


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
    assert found.unavailable_zh == "缺少额定参数：光伏组件额定容量"


def test_a_night_has_no_performance_ratio_and_no_availability():
    night = inputs({"pv_kwh": [0.0] * 4, "irradiance_plane_w_m2": [-1.0] * 4}, ratings={"pv_rated_kwp": 100.0})
    reason = "irradiation on the modules was 0 kWh/m², not above 0.0167"
    assert INDICATORS["performance_ratio"].figure(night).unavailable == reason
    assert "100 W/m²" in INDICATORS["pv_availability_ratio"].figure(night).unavailable


def test_the_nameplate_s_temperature_coefficient_goes_before_the_default():
    ratings = {"pv_rated_kwp": 100.0, "pv_temperature_coefficient_per_k": -0.0045}
    found = INDICATORS["performance_ratio_temperature_corrected"].figure(
        inputs(
            {"pv_kwh": [90], "irradiance_plane_w_m2": [1000], "module_temperature_c": [45]},
            ratings=ratings,
            start="2026-11-23T12:00:00+08:00",
        )
    )
    # 100 kWp x (1 - 0.0045 x 20) = 91 kWh
    assert found.value == pytest.approx(90 / 91)


def test_a_rating_of_inverters_is_said_to_be_one():
    ratings = {"pv_rated_kwp": 100.0, "pv_rating_of_inverters_pct": 40.0}
    found = INDICATORS["pv_specific_yield_kwh_per_kwp"].figure(inputs({"pv_kwh": [1.0]}, ratings=ratings))
    assert found.details["rating_note"] == "40 % of the rating is of inverters: no module rating is announced"


def test_an_inverter_counts_from_when_it_was_built():
    made = inputs({"pv_kwh": [10, 10, 20, 20], "irradiance_plane_w_m2": [500] * 4}, start="2026-11-23T10:00:00+08:00")
    parts = (quantity("a", [10, 10, 10, 10]), quantity("b", [None, None, 10, 0]))
    found = INDICATORS["pv_availability_ratio"].figure(replace(made, members={"pv_kwh": parts}))
    # a: 4 of 4; b: 1 of 2
    assert found.value == pytest.approx(5 / 6)
    assert isinstance(parts[0], Quantity)


def test_a_day_is_local():
    # Two mornings in Shanghai; at UTC the first three hours of each belong to the day before. The second has no output.
    day = [0.0] * 5 + [500.0] * 4 + [0.0] * 15
    made = inputs(
        {"pv_kwh": [5 if light else 0 for light in day] + [0] * 24, "irradiance_plane_w_m2": day * 2},
        start="2026-11-23T00:00:00+08:00",
    )
    found = INDICATORS["pv_availability_ratio"].figure(made)
    assert found.details["alarm"] == "no output under irradiance: pv_kwh on 2026-11-24"
