"""A measured year of 17 houses behind one connection point (CityLearn 2022): totals computed outside this project."""

import csv
import json
from math import fsum
from pathlib import Path

import pytest

from parkgrid_contract.time import from_ms
from parkgrid_domain.indicators import INDICATORS
from tests.domain.indicators.cases import inputs, quantity

DATA = Path("shared") / "data" / "citylearn_2022"


def _directory():
    for parent in Path(__file__).resolve().parents:
        if (parent / DATA).is_dir():
            return parent / DATA
    pytest.skip(f"citylearn_2022 is not here: put it at ../{DATA}", allow_module_level=True)


HERE = _directory()


def column(file, name):
    with (HERE / file).open(encoding="utf-8", newline="") as opened:
        return [float(row[name]) for row in csv.DictReader(opened)]


@pytest.fixture(scope="module")
def year():
    with (HERE / "schema.json").open(encoding="utf-8") as file:
        buildings = json.load(file)["buildings"]
    load, pv = [0.0] * 8760, [0.0] * 8760
    for name, building in buildings.items():
        rated_kw = building["pv"]["attributes"]["nominal_power"]
        for hour, kwh in enumerate(column(f"{name}.csv", "non_shiftable_load")):
            load[hour] += kwh
        for hour, wh_per_kw in enumerate(column(f"{name}.csv", "solar_generation")):
            pv[hour] += wh_per_kw / 1000 * rated_kw
    net = [used - made for used, made in zip(load, pv, strict=True)]
    return inputs(
        {
            "grid_import_kwh": [max(kwh, 0.0) for kwh in net],
            "grid_export_kwh": [max(-kwh, 0.0) for kwh in net],
            "pv_kwh": pv,
            "load_kwh": load,
        },
        start="2016-07-31T23:00:00-08:00",
        region=None,
    )


@pytest.mark.parametrize(
    ("name", "value", "digits"),
    [
        ("self_consumption_ratio", 0.727274, 6),
        ("self_sufficiency_ratio", 0.443391, 6),
        ("maximum_demand_kw", 49.0588, 4),
        ("consumption_kwh", 169_644.031, 3),
        ("energy_balance_residual_pct", 0.0, 9),
    ],
)
def test_a_measured_year(year, name, value, digits):
    found = INDICATORS[name].figure(year)
    assert round(found.value, digits) == value
    assert (found.coverage_pct, found.estimated_pct) == (100, 0)


def test_the_peak_is_at_seven_in_the_evening(year):
    found = INDICATORS["maximum_demand_kw"].figure(year)
    # 2016-08-28 19:00 at UTC-8
    assert from_ms(found.at_ms).isoformat() == "2016-08-29T03:00:00+00:00"
    assert found.details["period_min"] == 60


def test_emissions_follow_the_factor_of_each_hour(year):
    intensity = column("carbon_intensity.csv", "carbon_intensity")
    series = quantity("carbon_intensity_kg_per_kwh", intensity)
    made = type(year)(
        year.start_ms,
        year.period_s,
        year.count,
        {**year.quantities, "carbon_intensity_kg_per_kwh": series},
        factors=year.factors,
    )
    imported = year.quantities["grid_import_kwh"].values.tolist()
    expected_kg = fsum(kwh * kg for kwh, kg in zip(imported, intensity, strict=True))
    found = INDICATORS["carbon_location_based_t"].figure(made)
    assert found.value == pytest.approx(expected_kg / 1000, rel=1e-12)
    # A factor of the year's mean would be wrong: houses import when the grid is dirtier than on average.
    assert found.value != pytest.approx(fsum(imported) * fsum(intensity) / 8760 / 1000, rel=1e-3)
    without = INDICATORS["carbon_location_based_t"].figure(year)
    assert without.unavailable == "no factor carbon_location_kg_per_kwh for the park's region"
