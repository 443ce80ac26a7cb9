"""Where the energy of a charge came from, and how well chargers and the DC bus are used."""

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from parkgrid_domain.indicators import INDICATORS
from tests.domain.indicators.cases import by_minute, inputs, quantity

ENERGY = st.floats(0, 1e4, allow_nan=False).map(lambda kwh: round(kwh, 3))
NAMES = ("charger_delivered_kwh", "grid_import_kwh", "pv_kwh", "storage_discharged_kwh", "charger_returned_kwh")
ORIGINS = ("charging_from_pv_kwh", "charging_from_storage_kwh", "charging_from_grid_kwh")


@drawn(st.lists(st.tuples(*[ENERGY] * 5), min_size=1, max_size=20))
def test_the_origins_add_up_to_what_was_delivered_where_anything_fed_the_park(rows):
    made = inputs({name: [row[place] for row in rows] for place, name in enumerate(NAMES)})
    found = [INDICATORS[name].figure(made) for name in ORIGINS]
    fed = sum(row[0] for row in rows if sum(row[1:]) > 0)
    assert sum(each.value for each in found) == pytest.approx(fed, rel=1e-9, abs=1e-6)
    assert found[0].details["unattributed_kwh"] == pytest.approx(sum(row[0] for row in rows) - fed, abs=1e-6)
    assert all(each.value >= 0 for each in found)


def test_a_park_without_photovoltaics_and_storage_charges_from_the_grid():
    made = inputs({"charger_delivered_kwh": [30.0], "grid_import_kwh": [100.0]})
    assert [INDICATORS[name].figure(made).value for name in ORIGINS] == [0, 0, 30]


def test_a_charge_that_nothing_fed_is_told():
    made = inputs({"charger_delivered_kwh": [30.0], "grid_import_kwh": [0.0]})
    found = INDICATORS["charging_from_grid_kwh"].figure(made)
    assert (found.value, found.details["unattributed_kwh"]) == (0, 30)


def test_vehicles_that_give_without_taking_have_no_share():
    found = INDICATORS["v2g_energy_kwh"].figure(inputs({"charger_returned_kwh": [20.0]}))
    assert (found.value, found.details["returned_share"]) == (20, None)


def test_every_dc_bus_has_its_own_minutes():
    # One bus at 100 %, the other at 120 %: half of the bus minutes are inside, whatever their mean is.
    one, two = quantity("gw/a", [100.0] * 15), quantity("gw/b", [120.0] * 15)
    made = by_minute({"dc_voltage_pct": [220.0] * 15}, members={"dc_voltage_pct": (one, two)})
    found = INDICATORS["pedf_time_in_voltage_band_ratio"].figure(made)
    assert found.value == 0.5
    assert found.details["outside_share"] == 0.5


def test_an_interface_that_was_asked_for_nothing_has_no_tracking_error():
    made = by_minute({"dc_power_kw": [3.0] * 15, "dc_target_power_kw": [0.0] * 15})
    assert "target power of the interface was zero" in INDICATORS["pedf_tracking_error_pct"].figure(made).unavailable


def test_ratings_of_zero_divide_nothing():
    delivered = inputs({"charger_delivered_kwh": [3.0]}, ratings={"charger_rated_kw": 0.0})
    assert "not above 0 kW" in INDICATORS["charger_energy_utilisation_ratio"].figure(delivered).unavailable
    discharged = inputs(
        {"storage_charged_kwh": [3.0], "storage_discharged_kwh": [3.0]}, ratings={"storage_capacity_kwh": 0.0}
    )
    assert "not above 0 kWh" in INDICATORS["storage_equivalent_full_cycles"].figure(discharged).unavailable


def test_energy_without_output_has_no_intensity():
    made = inputs({"grid_import_kwh": [9.0], "grid_export_kwh": [0.0]}, factors={"output_10k_cny": 0.0})
    for name in ("energy_intensity_kwh_per_10k_cny", "energy_intensity_tce_per_10k_cny"):
        assert INDICATORS[name].figure(made).unavailable == "the output is not above 0"
    nobody = inputs({"grid_import_kwh": [9.0], "grid_export_kwh": [0.0]})
    assert INDICATORS["energy_intensity_kwh_per_10k_cny"].figure(nobody).unavailable == "no factor output_10k_cny"
