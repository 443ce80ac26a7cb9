"""Maximum demand and the power factor against the published oracles."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from domain.indicators import INDICATORS
from domain.indicators.demand import power_factor
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
