"""Scopes, grids, factor series and the table of quantities, without a database."""

import numpy as np
import pytest

from parkgrid_accounting.figures.grid import Grid
from parkgrid_accounting.figures.inputs import Series
from parkgrid_accounting.figures.quantities import QUANTITIES, Gauge, Metered, MinuteGauge, States, unit_of
from parkgrid_accounting.scope import Scope
from parkgrid_contract.signals import CATALOGUE, CHARGER_STATES, OPERATING_STATES
from parkgrid_domain.indicators import INDICATORS

GIVEN_ALONE = {"carbon_intensity_kg_per_kwh"}


def test_a_scope_is_written_with_what_narrows_it():
    assert str(Scope("park")) == "park"
    assert str(Scope("park", gateway="gw", transformer="t1")) == "park/gateway=gw/transformer=t1"


def test_a_series_holds_for_its_steps_and_no_longer():
    # Steps of half an hour at 0, 30 and 90 minutes; quarters from -15 minutes to 120.
    series = Series("kg", np.array([0, 1_800_000, 5_400_000]), np.array([1.0, 2.0, 3.0]), 1800)
    found = series.on(Grid(-900_000, 900, 9))
    expected = [np.nan, 1, 1, 2, 2, np.nan, np.nan, 3, 3]
    np.testing.assert_array_equal(found, expected)


def test_a_grid_is_half_open():
    grid = Grid(1_000, 900, 4)
    assert grid.at_ms.tolist() == [1_000, 901_000, 1_801_000, 2_701_000]
    assert grid.stop_ms == 3_601_000


@pytest.mark.parametrize("name", INDICATORS)
def test_every_input_of_an_indicator_can_be_read_or_given(name):
    indicator = INDICATORS[name]
    for quantity in (*indicator.inputs, *indicator.optional):
        assert quantity in QUANTITIES or quantity in GIVEN_ALONE
        if quantity in QUANTITIES:
            assert isinstance(QUANTITIES[quantity], MinuteGauge) == indicator.by_minute


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_comes_from_signals_of_the_catalogue_and_has_its_unit(name):
    match QUANTITIES[name]:
        case Metered(device_class=device_class) as origin:
            for signal in origin.signals:
                assert CATALOGUE[device_class].by_name[signal].unit == unit_of(name)
        case MinuteGauge(percent_of=str()):
            assert unit_of(name) == "%"
        case Gauge(device_class=device_class, signal=signal) | MinuteGauge(device_class=device_class, signal=signal):
            assert CATALOGUE[device_class].by_name[signal].unit == unit_of(name)
        case States(states=states):
            for device_class, names in states.items():
                assert set(names) <= set(CHARGER_STATES if device_class == "charger" else OPERATING_STATES)
            assert unit_of(name) == "min"
        case _:
            assert unit_of(name) == "kWh"


def test_a_charger_that_is_unavailable_or_in_fault_is_not_able_to_work():
    able = QUANTITIES["device_able_min"]
    assert isinstance(able, States)
    assert set(CHARGER_STATES) - set(able.states["charger"]) == {"unavailable", "fault"}
    assert set(OPERATING_STATES) - set(able.states["storage"]) == {"fault", "maintenance"}
