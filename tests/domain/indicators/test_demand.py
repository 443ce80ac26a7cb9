"""Maximum demand and the power factor against the published oracles."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.indicators.demand import power_factor
from tests.domain.indicators.cases import by_minute, inputs

MINUTES = [400.0] * 7 + [1000.0] * 15 + [400.0] * 23


def sliding(powers, **factors):
    return INDICATORS["maximum_demand_sliding_kw"].figure(by_minute({"grid_import_kw": powers}, factors=factors))


def fixed(powers):
    energies = np.array(powers).reshape(-1, 15).mean(axis=1) / 4
    return INDICATORS["maximum_demand_kw"].figure(inputs({"grid_import_kwh": list(energies)}, period_s=900))


def test_one_load_curve_has_720_kw_in_fixed_blocks_and_1000_kw_sliding():
    assert fixed(MINUTES).value == pytest.approx(720)
    assert sliding(MINUTES).value == pytest.approx(1000)


def test_a_slide_of_five_minutes_looks_at_every_fifth_window():
    # Windows from minutes 0, 5, 10, 15 … hold 8, 13, 12, 7 … minutes of 1000 kW: (13 x 1000 + 2 x 400) / 15 = 920
    found = sliding(MINUTES, demand_slide_min=5.0)
    assert found.value == pytest.approx(920)
    assert found.at_ms == inputs({"x": [0]}).start_ms + 5 * 60_000


def test_a_window_with_a_missing_minute_does_not_count():
    # Minute 14 is absent: no window may hold it, so the best one begins at 15 with 7 x 1000 and 8 x 400.
    powers = [*MINUTES[:14], None, *MINUTES[15:]]
    found = sliding(powers)
    assert found.value == pytest.approx((7 * 1000 + 8 * 400) / 15)
    assert found.coverage_pct == pytest.approx(100 * 44 / 45)


def test_a_missing_minute_in_every_quarter_leaves_no_window():
    powers = [None if minute % 15 == 7 else 500.0 for minute in range(45)]
    found = INDICATORS["maximum_demand_sliding_kw"].figure(by_minute({"grid_import_kw": powers}))
    assert found.value is None


@drawn(
    st.lists(st.floats(0, 1e4), min_size=1, max_size=8).map(lambda blocks: [p for p in blocks for _ in range(15)]),
    st.lists(st.floats(0, 1e4), min_size=15, max_size=15),
)
def test_sliding_never_finds_less_than_fixed_blocks(flat, rough):
    powers = flat + rough
    assert sliding(powers).value >= fixed(powers).value - 1e-6


def told(figure):
    return {name: figure.details.get(name) for name in ("quality", "good_maximum_kw", "missing_intervals")}


def test_a_maximum_says_that_it_is_an_estimate_and_what_the_good_ones_give():
    # 600 kW estimated at the third quarter hour, the fourth missing, 400 kW else.
    given = inputs(
        {"grid_import_kwh": [100.0, 100.0, 150.0, None, *[100.0] * 26]},
        period_s=900,
        estimated={"grid_import_kwh": [2]},
    )
    found = INDICATORS["maximum_demand_kw"].figure(given)
    assert (found.value, found.at_ms) == (600, given.start_ms + 1_800_000)
    assert told(found) == {"quality": "estimated", "good_maximum_kw": 400, "missing_intervals": 1}


def test_a_maximum_of_good_intervals_is_good_although_others_are_estimated():
    given = inputs({"grid_import_kwh": [100.0, 150.0, 150.0]}, period_s=900, estimated={"grid_import_kwh": [0, 1]})
    found = INDICATORS["maximum_demand_kw"].figure(given)
    # The estimated one at the second quarter hour is as high as the good one at the third.
    assert (found.value, found.at_ms) == (600, given.start_ms + 1_800_000)
    assert told(found) == {"quality": "good", "good_maximum_kw": None, "missing_intervals": None}


def test_a_maximum_of_estimates_alone_has_no_good_one():
    found = INDICATORS["maximum_demand_kw"].figure(
        inputs({"grid_import_kwh": [100.0, 150.0]}, period_s=900, estimated={"grid_import_kwh": [0, 1]})
    )
    assert told(found) == {"quality": "estimated", "good_maximum_kw": None, "missing_intervals": None}
    assert "good_maximum_kw" in found.details


def test_a_sliding_window_with_one_estimated_minute_is_an_estimate():
    # 15 x 1000 kW from minute 7; its tenth minute is estimated. Windows without it: 9 x 1000 and 6 x 400 = 760 kW.
    given = by_minute({"grid_import_kw": MINUTES}, estimated={"grid_import_kw": [16]})
    found = INDICATORS["maximum_demand_sliding_kw"].figure(given)
    assert found.value == pytest.approx(1000)
    assert told(found) == {"quality": "estimated", "good_maximum_kw": pytest.approx(760), "missing_intervals": None}


def test_an_hour_is_a_demand_period_where_data_are_hourly():
    found = INDICATORS["maximum_demand_kw"].figure(inputs({"grid_import_kwh": [40.0, 49.0588, 30.0]}))
    assert (found.value, found.details["period_min"]) == (pytest.approx(49.0588), 60)


@pytest.mark.parametrize(
    ("kvarh", "factor"),
    [("48432", "0.90"), ("32868", "0.95"), ("62000", "0.85"), ("102020", "0.70"), ("120000", "0.64")],
)
def test_the_power_factor_of_100000_kwh(kvarh, factor):
    assert power_factor(Decimal(100000), Decimal(kvarh)) == Decimal(factor)
    found = INDICATORS["power_factor"].figure(
        inputs({"grid_import_kwh": [100000.0], "reactive_import_kvarh": [float(kvarh)]})
    )
    assert found.value == float(factor)


def test_a_half_is_rounded_up():
    # No kWh and kvarh with finitely many digits have a factor of exactly x.xx5; this one is that in 28 digits.
    reactive = (1 - Decimal("0.845") ** 2).sqrt()
    assert power_factor(Decimal("0.845"), reactive) == Decimal("0.85")
