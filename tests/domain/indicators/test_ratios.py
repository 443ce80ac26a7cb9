"""Ratios are sums divided once, and no number where there is nothing to divide by."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from parkgrid_domain.indicators import INDICATORS
from tests.domain.indicators.cases import by_minute, inputs

ENERGY = st.floats(0, 1e5, allow_nan=False).map(lambda kwh: round(kwh, 3))
PARK = st.lists(st.tuples(ENERGY, ENERGY, ENERGY, ENERGY, ENERGY), min_size=1, max_size=30)
NAMES = ("grid_import_kwh", "grid_export_kwh", "pv_kwh", "storage_discharged_kwh", "storage_charged_kwh")


def figure(name, quantities, **more):
    return INDICATORS[name].figure(inputs(quantities, **more))


@pytest.mark.parametrize(
    ("name", "quantities", "reason"),
    [
        ("self_consumption_ratio", {"pv_kwh": [0, 0], "grid_import_kwh": [5, 5]}, "no photovoltaic energy"),
        ("self_sufficiency_ratio", {"grid_import_kwh": [0], "grid_export_kwh": [0]}, "no consumption"),
        ("self_sufficiency_ratio", {"grid_import_kwh": [1], "grid_export_kwh": [5]}, "no consumption"),
        ("energy_balance_residual_pct", {"grid_import_kwh": [0], "load_kwh": [3]}, "nothing was supplied"),
        (
            "storage_round_trip_efficiency",
            {"storage_charged_kwh": [0], "storage_discharged_kwh": [3]},
            "was not charged",
        ),
        ("load_factor", {"grid_import_kwh": [0, 0]}, "nothing was imported"),
        ("peak_valley_difference_ratio", {"grid_import_kwh": [0, 0]}, "nothing was imported"),
        ("power_factor", {"grid_import_kwh": [0], "reactive_import_kvarh": [9]}, "nothing was imported"),
    ],
)
def test_nothing_to_divide_by_is_unavailable_never_0_or_100_percent(name, quantities, reason):
    found = figure(name, quantities)
    assert found.value is None
    assert reason in found.unavailable
    assert any("一" <= letter <= "鿿" for letter in found.unavailable_zh)


def test_an_export_above_generation_clips_self_consumption_at_0():
    assert (
        figure("self_consumption_ratio", {"pv_kwh": [10], "grid_import_kwh": [0], "grid_export_kwh": [12]}).value == 0
    )


def test_only_intervals_with_all_inputs_enter():
    # Without the 10th hour: (9 x 100 - 9 x 20) / 900 = 0.8. With its export alone it would be (900 - 1179) / 900.
    quantities = {"pv_kwh": [100] * 9 + [None], "grid_import_kwh": [0] * 10, "grid_export_kwh": [20] * 9 + [999]}
    found = figure("self_consumption_ratio", quantities)
    assert found.value == pytest.approx(0.8)
    assert found.coverage_pct == 90


def test_a_device_that_the_park_has_must_be_present_too():
    quantities = {"grid_import_kwh": [50] * 10, "grid_export_kwh": [0] * 10, "pv_kwh": [50] * 8 + [None] * 2}
    found = figure("self_sufficiency_ratio", quantities)
    assert (found.value, found.coverage_pct) == (None, 80)


def test_the_residual_raises_no_alarm_up_to_the_threshold_and_follows_its_date():
    quantities = {"grid_import_kwh": [100], "load_kwh": [98]}
    assert figure("energy_balance_residual_pct", quantities).details["alarm"] is None
    below = figure("energy_balance_residual_pct", {"grid_import_kwh": [100], "load_kwh": [102.1]})
    assert below.value == pytest.approx(-2.1)
    assert below.details["alarm"] == "residual above 2 %"
    stricter = figure("energy_balance_residual_pct", quantities, factors={"balance_alarm_pct": 1.5})
    assert stricter.details["alarm"] == "residual above 1.5 %"


@drawn(PARK)
def test_cutting_intervals_in_halves_changes_no_ratio(rows):
    whole = {name: [row[place] for row in rows] for place, name in enumerate(NAMES)}
    halves = {name: list(np.repeat(np.array(values) / 2, 2)) for name, values in whole.items()}
    for name in ("self_consumption_ratio", "self_sufficiency_ratio", "storage_round_trip_efficiency"):
        one, two = figure(name, whole), figure(name, halves, period_s=1800)
        assert (one.value is None) == (two.value is None)
        if one.value is not None:
            assert two.value == pytest.approx(one.value, rel=1e-9, abs=1e-12)


@drawn(PARK)
def test_consumption_closes_the_balance(rows):
    quantities = {name: [row[place] for row in rows] for place, name in enumerate(NAMES)}
    found = figure("consumption_kwh", quantities)
    balance = sum(sum(quantities[name]) for name in ("grid_import_kwh", "pv_kwh", "storage_discharged_kwh"))
    balance -= sum(quantities["grid_export_kwh"]) + sum(quantities["storage_charged_kwh"])
    if balance < -1e-6:
        assert "is not possible (range 0 to …)" in found.unavailable
        return
    consumed = found.value
    taken = consumed + sum(quantities["grid_export_kwh"]) + sum(quantities["storage_charged_kwh"])
    supplied = sum(sum(quantities[name]) for name in ("grid_import_kwh", "pv_kwh", "storage_discharged_kwh"))
    assert taken == pytest.approx(supplied, rel=1e-9, abs=1e-6)


@drawn(st.floats(0.6, 1.0), st.floats(10, 1e4), st.floats(10, 1e4))
def test_the_corrected_efficiency_is_that_of_the_battery_wherever_its_charge_ends(efficiency, charged, discharged):
    start = 50_000.0
    end = start + charged * efficiency - discharged / efficiency
    quantities = {
        "storage_charged_kwh": [charged, 0],
        "storage_discharged_kwh": [0, discharged],
        "stored_start_kwh": [start, start + charged * efficiency],
        "stored_end_kwh": [start + charged * efficiency, end],
    }
    found = figure("storage_round_trip_efficiency_soc_corrected", quantities)
    assert found.value == pytest.approx(efficiency**2, rel=1e-6)


def test_a_declared_charging_efficiency_is_used():
    # dE = 60 of 100 charged at 0.95: 63.1579 went into it; 30 / (100 - 63.1579) = 0.814286
    quantities = {
        "storage_charged_kwh": [100],
        "storage_discharged_kwh": [30],
        "stored_start_kwh": [0],
        "stored_end_kwh": [60],
    }
    found = figure("storage_round_trip_efficiency_soc_corrected", quantities, ratings={"charge_efficiency": 0.95})
    assert found.value == pytest.approx(0.814286, abs=1e-6)
    wrong = quantities | {"storage_discharged_kwh": [1], "stored_end_kwh": [60]}
    refused = figure("storage_round_trip_efficiency_soc_corrected", wrong, ratings={"charge_efficiency": 0.55})
    assert refused.unavailable == "the stored energy rose by 60.000 kWh, more than 100.000 kWh of charging can explain"


def test_minutes_are_told_apart_from_intervals():
    found = INDICATORS["maximum_demand_sliding_kw"].figure(inputs({"grid_import_kwh": [1]}))
    assert (found.value, found.unavailable) == (None, "no readings by the minute")
    too_short = INDICATORS["maximum_demand_sliding_kw"].figure(by_minute({"grid_import_kw": [1] * 14}))
    assert too_short.unavailable == "the period is shorter than 15 minutes"
