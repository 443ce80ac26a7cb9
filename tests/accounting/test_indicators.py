"""Figures out of the store: readings, metering, roll-ups and the registry, against a day computed by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import psycopg
import pytest

from parkgrid_accounting.figures.indicators import UnknownIndicatorError, explained, figures
from parkgrid_accounting.figures.inputs import Given, Series, read_inputs
from parkgrid_accounting.figures.sessions import sessions_begun
from parkgrid_accounting.figures.site import UnknownParkError
from parkgrid_accounting.scope import Scope
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.indicators.definition import Factor
from parkgrid_domain.period import period
from parkgrid_ingest.store import Park
from tests.accounting.indicator_day import (
    DAY,
    FAULT,
    MINUTES,
    RUNNING,
    Plan,
    device,
    light,
    one_inverter,
    park_plans,
    run,
)
from tests.metering.park import MINUTE_MS, PARK

SCOPE = Scope(PARK.park)


@pytest.fixture
def connection(dsn):
    with psycopg.connect(dsn, autocommit=True) as opened:
        yield opened


def asked(connection, *names, scope=SCOPE, span=DAY, given=None):
    found = figures(connection, scope, span, names or None, *([] if given is None else [given]))
    return {each.name: each for each in found}


def test_a_day_of_a_park_from_its_registers(park, connection):
    run(park, park_plans())
    found = asked(connection)
    assert list(found) == list(INDICATORS)
    hand = {
        "energy_balance_residual_pct": 0,
        "consumption_kwh": 750,  # 430.2 - 321 + 648 + 28.8 - 36
        "self_consumption_ratio": 327 / 648,
        "self_sufficiency_ratio": 1 - 430.2 / 750,
        "pv_specific_yield_kwh_per_kwp": 648 / 80,
        "performance_ratio": (648 / 80) / (0.95 * 9),
        "performance_ratio_temperature_corrected": (648 / 80) / (0.95 * 9),  # modules at 25 °C
        "pv_availability_ratio": 1,
        "storage_round_trip_efficiency": 28.8 / 36,
        "storage_equivalent_full_cycles": 28.8 / 144,
        "equipment_availability_ratio": 1,
        "maximum_demand_kw": 30,
        "maximum_demand_sliding_kw": 30,
        "load_factor": 430.2 / 24 / 30,
        "peak_valley_difference_kw": 30,
        "peak_valley_difference_ratio": 1,
        "power_factor": 0.95,  # 430.2 kWh, 144 kvarh: 430.2 / 453.66 = 0.94829
        "charger_time_utilisation_ratio": 30 / 1440,
        "charger_energy_utilisation_ratio": 30 / (60 * 24),
        "v2g_energy_kwh": 0,
        "charging_from_pv_kwh": 24,  # two quarters of 15 kWh, fed by 18 of photovoltaics and 4.5 of import
        "charging_from_storage_kwh": 0,
        "charging_from_grid_kwh": 6,
        "carbon_location_based_t": 430.2 * 0.4403 / 1000,
        "carbon_market_based_t": 430.2 * 0.6096 / 1000,
        "standard_coal_equivalent_tce": 430.2 * 0.1229 / 1000,
        "standard_coal_equal_value_tce": 430.2 * 0.30 / 1000,
    }
    for name, value in hand.items():
        assert found[name].unavailable is None, (name, found[name])
        assert found[name].value == pytest.approx(value, rel=1e-9, abs=1e-9), name
        assert found[name].coverage_pct == 100, name
    assert found["maximum_demand_kw"].at_ms == DAY.start_ms
    # ΔE is 0.4 kWh: 36 η - 28.8 / η = 0.4 has the root 0.9; the gauge counts tenths of a kWh
    assert found["storage_round_trip_efficiency_soc_corrected"].value == pytest.approx(0.81, abs=2e-3)
    without = {name for name, each in found.items() if each.value is None}
    assert without == {
        "pedf_time_in_voltage_band_ratio",
        "pedf_tracking_error_pct",
        "pedf_dc_share_ratio",
        "energy_intensity_kwh_per_10k_cny",
        "energy_intensity_tce_per_10k_cny",
    }


def test_flagged_gauges_take_part_in_no_figure_and_estimated_ones_mark_theirs(park, connection):
    """A spike of the power at noon, a bad hour of the sun; estimates of both at 13:00."""
    plans = park_plans()
    grid, sky = plans["grid"], plans["sky"]
    spike = replace(grid, gauges=lambda m: grid.gauges(m) | ({"active_power_kw": 429_496.0} if 720 <= m < 723 else {}))
    dark = replace(sky, gauges=lambda m: sky.gauges(m) | ({"irradiance_plane_w_m2": 9.0} if 600 <= m < 660 else {}))
    estimated = dict.fromkeys(range(780, 790), b'{"active_power_kw":"estimated","irradiance_plane_w_m2":"estimated"}')
    flags = {
        "grid": estimated | dict.fromkeys(range(720, 723), b'{"active_power_kw":"out_of_range"}'),
        "sky": estimated | dict.fromkeys(range(600, 660), b'{"irradiance_plane_w_m2":"stale"}'),
    }
    run(park, plans | {"grid": spike, "sky": dark}, flags=flags)
    found = asked(connection, "maximum_demand_sliding_kw", "performance_ratio")
    demand, performance = found["maximum_demand_sliding_kw"], found["performance_ratio"]
    assert (demand.value, demand.coverage_pct) == (pytest.approx(30), pytest.approx(100 * 1437 / 1440))
    assert demand.estimated_pct == pytest.approx(100 * 15 / 1437)
    # 1.2 kWh a minute of eight hours over 0.95 kW/m² of eight hours: what it is without the hour of 10:00.
    assert performance.value == pytest.approx(1200 * 480 / 1000 / 80 / (0.95 * 8))
    assert (performance.coverage_pct, performance.estimated_pct) == (
        pytest.approx(100 * 92 / 96),
        pytest.approx(100 / 92),
    )


def test_the_charging_session_of_the_day(park, connection):
    run(park, park_plans())
    (found,) = sessions_begun(connection, SCOPE, DAY.start_ms, DAY.end_ms).listed
    assert (found.gateway, found.device) == ("gw-1", "gun")
    session = found.session
    assert (session.visit.start_ms - DAY.start_ms) // MINUTE_MS == 600
    assert session.energy_kwh == pytest.approx(30)
    assert session.origin_kwh == pytest.approx({"pv": 24, "storage": 0, "grid": 6})
    assert (session.visit.charging_min, session.quality) == (30, "good")


def test_one_question_and_all_of_them_have_the_same_answer(park, connection):
    run(park, park_plans())
    together = asked(connection)
    for name in ("maximum_demand_kw", "performance_ratio", "equipment_availability_ratio", "power_factor"):
        assert asked(connection, name) == {name: together[name]}
        assert explained(connection, SCOPE, DAY, name).figure == together[name]


def test_a_trace_gets_the_registers_behind_each_quantity(park, connection):
    run(park, park_plans())
    traced = explained(connection, SCOPE, DAY, "self_sufficiency_ratio")
    named = {
        quantity: [(each.device.device, each.signal) for each in found] for quantity, found in traced.registers.items()
    }
    assert named == {
        "grid_import_kwh": [("grid", "energy_import_kwh")],
        "grid_export_kwh": [("grid", "energy_export_kwh")],
        "pv_kwh": [("pv-1", "energy_generated_kwh"), ("pv-2", "energy_generated_kwh")],
        "storage_discharged_kwh": [("bess", "energy_discharged_kwh")],
        "storage_charged_kwh": [("bess", "energy_charged_kwh")],
    }
    assert traced.indicator is INDICATORS["self_sufficiency_ratio"]
    again = traced.indicator.figure(traced.inputs)
    assert again == traced.figure


def test_a_silent_inverter_makes_figures_unavailable_not_smaller(park, connection):
    plans = park_plans()
    run(park, plans | {"pv-2": replace(plans["pv-2"], until_minute=900)})
    found = asked(connection, "self_consumption_ratio", "maximum_demand_kw")
    # 60 of 96 intervals; the meter at the connection is whole
    assert found["self_consumption_ratio"].value is None
    assert found["self_consumption_ratio"].coverage_pct == 62.5
    assert found["self_consumption_ratio"].unavailable == "coverage 62.5 % is below the minimum of 90 %"
    assert found["maximum_demand_kw"].value == pytest.approx(30)


def test_a_gap_that_the_registers_span_is_an_estimate_that_the_figure_tells(park, connection):
    plans = park_plans()
    run(park, {"load": plans["load"], "grid": plans["grid"]})
    before = asked(connection, "maximum_demand_kw")["maximum_demand_kw"]
    assert before.estimated_pct == 0
    # A meter that was not heard from 12:00 to 13:30 and then goes on: six quarters are shares of one difference.
    number = park.devices["load"]
    rows = park.ask(
        "DELETE FROM base.meter WHERE device_id = %s AND at > %s AND at < %s RETURNING 1",
        number,
        *[from_ms(DAY.start_ms + minute * MINUTE_MS) for minute in (720, 810)],
    )
    assert len(rows) == 89
    park.ask(
        "INSERT INTO base.energy_dirty (park_id, device_class, devices, slots)"
        " SELECT d.park_id, 'meter', array_agg(d.device_id), array_agg(g)"
        " FROM base.device AS d CROSS JOIN generate_series(%s::int4, %s::int4, 15) AS g"
        " WHERE d.device_id = %s GROUP BY d.park_id RETURNING 1",
        *[DAY.start_ms // MINUTE_MS + minute for minute in (720, 795)],
        number,
    )
    park.metered()
    found = asked(connection, "energy_balance_residual_pct")["energy_balance_residual_pct"]
    assert found.estimated_pct == pytest.approx(100 * 6 / 96)
    assert found.details["load_kwh"] == pytest.approx(720)


def test_an_hourly_meter_makes_hourly_figures_where_it_enters_and_nowhere_else(park, connection):
    plans = park_plans()
    hourly = replace(plans["load"], device=replace(plans["load"].device, period_s=3600.0))
    run(park, plans | {"load": hourly})
    balance = read_inputs(connection, SCOPE, DAY, ["grid_import_kwh", "load_kwh"])
    assert (balance.period_s, balance.count) == (3600, 24)
    assert balance.quantities["load_kwh"].values.tolist() == [30.0] * 24
    assert balance.quantities["grid_import_kwh"].values[10] == pytest.approx(9)
    assert read_inputs(connection, SCOPE, DAY, ["grid_import_kwh"]).period_s == 900
    found = asked(connection)
    assert found["energy_balance_residual_pct"].value == pytest.approx(0, abs=1e-9)
    assert found["maximum_demand_kw"].details["period_min"] == 15


def test_a_device_counts_from_its_first_interval_and_a_retired_one_to_its_last(park, connection):
    plans = park_plans()
    run(park, plans)
    # A second charger reports from the next day on: the day before keeps its figures.
    tomorrow = period("2026-03-06")
    later = Plan(device("gun-2", "charger", ratings={"rated_power_kw": 60}), plans["gun"].flows)
    kept = [each.device for each in plans.values()]
    park.born(*kept, later.device)
    assert asked(connection, "charging_from_pv_kwh")["charging_from_pv_kwh"].value == pytest.approx(24)
    readings = [
        (park.devices["gun-2"], tomorrow.start_ms + minute * MINUTE_MS, {"energy_delivered_kwh": minute * 10})
        for minute in range(MINUTES + 1)
    ]
    park.store_readings(readings, "charger")
    park.metered()
    assert asked(connection, "charging_from_pv_kwh")["charging_from_pv_kwh"].value == pytest.approx(24)
    # The first one is taken away: on the next day only the second is asked for.
    park.born(*(each for each in kept if each.device != "gun"), later.device)
    inputs = read_inputs(connection, SCOPE, tomorrow, ["charger_delivered_kwh"])
    assert np.isfinite(inputs.quantities["charger_delivered_kwh"].values).all()
    assert inputs.quantities["charger_delivered_kwh"].values.sum() == pytest.approx(14.4)
    assert inputs.ratings["charger_rated_kw"] == 60


def test_a_scope_narrows_to_an_account_a_device_or_a_transformer(park, connection):
    run(park, park_plans())
    by_account = asked(connection, scope=replace(SCOPE, account="main"))
    assert by_account["maximum_demand_kw"].value == pytest.approx(30)
    assert by_account["self_consumption_ratio"].unavailable == "no quantity pv_kwh"
    one = asked(connection, scope=replace(SCOPE, gateway="gw-1", device="pv-1"))
    assert one["pv_specific_yield_kwh_per_kwp"].value == pytest.approx(324 / 40)
    assert one["performance_ratio"].value == pytest.approx((324 / 40) / (0.95 * 9)), "the park's weather serves it"
    whole = asked(connection, "consumption_kwh", scope=replace(SCOPE, line="f1", transformer="t1"))
    assert whole["consumption_kwh"].value == pytest.approx(750)
    nowhere = asked(connection, "consumption_kwh", scope=replace(SCOPE, line="f9"))
    assert nowhere["consumption_kwh"].unavailable == "no quantity grid_import_kwh"


def test_a_running_period_ends_where_it_is_told_to(park, connection):
    run(park, park_plans())
    month = period("2026-03")
    assert asked(connection, "consumption_kwh", span=month)["consumption_kwh"].value is None
    span = period("2026-03-05..2026-03-31")
    until = Given(until_ms=DAY.end_ms)
    assert asked(connection, "consumption_kwh", span=span, given=until)["consumption_kwh"].value == pytest.approx(750)
    nothing = asked(connection, "consumption_kwh", span=span, given=Given(until_ms=DAY.start_ms - 1))
    assert (nothing["consumption_kwh"].value, nothing["consumption_kwh"].coverage_pct) == (None, 0)


def test_what_people_state_goes_beside_the_measurements(park, connection):
    run(park, park_plans())
    output = Factor("output_10k_cny", 25.0, "10k CNY", "产值, stated by the test", marker="given")
    hours = np.arange(24, dtype=np.int64) * 3_600_000 + DAY.start_ms
    series = Series("kgCO2/kWh", hours, np.where(np.arange(24) < 8, 0.5, 0.1), 3600)
    given = Given(factors={"output_10k_cny": output}, series={"carbon_intensity_kg_per_kwh": series})
    found = asked(connection, given=given)
    assert found["energy_intensity_kwh_per_10k_cny"].value == pytest.approx(30)
    assert found["energy_intensity_tce_per_10k_cny"].value == pytest.approx(430.2 * 0.1229 / 1000 / 25)
    assert "产值" in found["energy_intensity_kwh_per_10k_cny"].details["output_10k_cny_source"]
    # 240 kWh in the first eight hours, 190.2 after them
    assert found["carbon_location_based_t"].value == pytest.approx((240 * 0.5 + 190.2 * 0.1) / 1000)
    half = Series("kgCO2/kWh", hours[:12], np.full(12, 0.5), 3600)
    short = asked(connection, "carbon_location_based_t", given=Given(series={"carbon_intensity_kg_per_kwh": half}))
    assert short["carbon_location_based_t"].coverage_pct == 50


def test_a_report_of_the_past_uses_what_was_published_then(park, connection):
    run(park, park_plans())
    then = asked(connection, "carbon_location_based_t", given=Given(as_of=date(2024, 6, 1)))["carbon_location_based_t"]
    assert then.value == pytest.approx(430.2 * 0.4715 / 1000)
    assert then.details["carbon_location_kg_per_kwh_year"] == 2021


def test_a_direct_current_bus(park, connection):
    plans = park_plans()
    bus = Plan(
        device(
            "bus", "dc_bus", "voltage_v", "active_power_kw", "target_power_kw", "operating_state",
            ratings={"nominal_voltage_v": 750},
        ),
        (lambda _: 100, lambda _: 0),
        lambda m: {
            "voltage_v": 750.0 if m < 1080 else 590.0,
            "active_power_kw": 6.0,
            "target_power_kw": 5.0,
            "operating_state": RUNNING if m < 720 else 6.0,
        },
    )  # fmt: skip
    run(park, plans | {"bus": bus})
    found = asked(connection)
    assert found["pedf_time_in_voltage_band_ratio"].value == pytest.approx(0.75)
    assert found["pedf_time_in_voltage_band_ratio"].details["derated_share"] == pytest.approx(0.25)
    assert found["pedf_tracking_error_pct"].value == pytest.approx(20)
    # 144 + 648 + 28.8 - 36 of 750 kWh is more than there is: photovoltaics feed the AC side too, so it clips at 1
    assert found["pedf_dc_share_ratio"].value == 1
    # In fault from noon on: pv-1, pv-2 and gun work all day, bess tells no state
    assert found["equipment_availability_ratio"].value == pytest.approx(3.5 / 4)


def test_a_state_read_every_quarter_of_an_hour_stands_for_it_whatever_the_period_is_today(park, connection):
    """A day read every 15 minutes, six hours of it in fault, by a gateway that reads every second since.

    18 of 24 hours are able; every interval of the calendar is known, and so is every interval of the state.
    """
    plan = Plan(
        device("pv-1", "pv_inverter", "operating_state", period_s=900.0),
        (one_inverter,),
        lambda m: {"operating_state": FAULT if 360 <= m < 720 else RUNNING},
    )
    run(park, {"pv-1": plan})
    park.born(replace(plan.device, period_s=1.0))
    found = asked(connection, "equipment_availability_ratio")["equipment_availability_ratio"]
    assert (found.coverage_pct, found.value) == (100, pytest.approx(0.75))
    assert found.details["known_h"] == pytest.approx(24)


def test_silence_is_no_state_however_often_a_device_was_read(park, connection):
    """Read every 15 minutes until noon, silent after that: half of the day is known, which is too little."""
    plan = Plan(
        device("pv-1", "pv_inverter", "operating_state", period_s=900.0),
        (one_inverter,), lambda _: {"operating_state": RUNNING}, until_minute=719,
    )  # fmt: skip
    run(park, {"pv-1": plan})
    found = asked(connection, "equipment_availability_ratio")["equipment_availability_ratio"]
    assert found.value is None
    assert found.coverage_pct == pytest.approx(50)


def test_days_without_output_name_the_inverter(park, connection):
    plans = park_plans()
    dead = replace(plans["pv-2"], flows=(lambda _: 0,))
    run(park, plans | {"pv-2": dead})
    found = asked(connection, "pv_availability_ratio")["pv_availability_ratio"]
    assert found.details["alarm"] == "no output under irradiance: gw-1/pv-2 on 2026-03-05"
    assert found.value == pytest.approx(0.5)


def test_an_inverter_without_module_rating_is_told(park, connection):
    plans = park_plans()
    plain = replace(plans["pv-2"], device=replace(plans["pv-2"].device, ratings={"rated_power_kw": 40.0}))
    run(park, plans | {"pv-2": plain})
    found = asked(connection, "pv_specific_yield_kwh_per_kwp")["pv_specific_yield_kwh_per_kwp"]
    assert found.value == pytest.approx(8.1)
    assert found.details["rating_note"] == "50 % of the rating is of inverters: no module rating is announced"
    bare = replace(plans["pv-2"], device=replace(plans["pv-2"].device, ratings={}))
    park.born(*(each.device for each in (plans | {"pv-2": bare}).values()))
    assert asked(connection, "performance_ratio")["performance_ratio"].unavailable == "no rating pv_rated_kwp"


def test_a_weather_station_that_was_taken_away_still_serves_its_time(park, connection):
    plans = park_plans()
    run(park, plans)
    park.born(*(plan.device for name, plan in plans.items() if name != "sky"))
    assert asked(connection, "performance_ratio")["performance_ratio"].value == pytest.approx(8.1 / 8.55)


def test_unknown_names_are_refused_with_those_there_are(park, connection):
    run(park, {"load": park_plans()["load"]})
    with pytest.raises(UnknownParkError, match="no park 'nowhere'"):
        asked(connection, scope=Scope("nowhere"))
    with pytest.raises(UnknownIndicatorError, match="no indicator pr: there are energy_balance_residual_pct, "):
        asked(connection, "pr")


def test_days_are_those_of_the_park(park, connection):
    """At UTC-8 the day of 2026-03-05 begins at 08:00Z: sixteen hours after Shanghai's, in which 1440 minutes end."""
    park.store.describe_park(Park(PARK.park, "", time_zone="Etc/GMT+8"))
    run(park, park_plans())
    inputs = read_inputs(connection, SCOPE, DAY, ["grid_import_kwh"])
    assert from_ms(inputs.start_ms) == datetime(2026, 3, 5, 8, tzinfo=UTC)
    # Of the readings' last eight hours: 17-18 and 20-24 with 500 Wh a minute and 18-20 with 260; before them export.
    assert np.nansum(inputs.quantities["grid_import_kwh"].values) == pytest.approx(30 + 31.2 + 120)
    assert int(np.isfinite(inputs.quantities["grid_import_kwh"].values).sum()) == 32
    assert asked(connection, "carbon_location_based_t")["carbon_location_based_t"].value is None


def test_before_anything_was_metered_there_is_nothing(park, connection):
    run(park, park_plans())
    early = asked(connection, "consumption_kwh", "maximum_demand_sliding_kw", span=period("2020-01-01"))
    assert {each.value for each in early.values()} == {None}
    assert to_ms(datetime(2026, 3, 4, 16, tzinfo=UTC)) == DAY.start_ms


def test_a_connection_that_only_imports_has_no_export_and_no_gap(park, connection):
    """Its meter announces no export register: 430.2 kWh in, 648 of photovoltaics, nothing out."""
    plans = park_plans()
    grid = plans["grid"]
    signals = tuple(each for each in grid.device.signals if each != "energy_export_kwh")
    run(park, plans | {"grid": replace(grid, device=replace(grid.device, signals=signals), flows=grid.flows[:1])})
    found = asked(connection)
    assert found["self_consumption_ratio"].value == 1
    assert found["consumption_kwh"].value == pytest.approx(430.2 + 648 + 28.8 - 36)
    assert found["self_sufficiency_ratio"].value == pytest.approx(1 - 430.2 / (430.2 + 648 + 28.8 - 36))
    assert {found[name].coverage_pct for name in ("self_consumption_ratio", "consumption_kwh")} == {100}


def test_an_export_register_that_is_announced_and_never_told_is_estimated_from_power(park, connection):
    """Its power says what it would have counted: 321 kWh, by the minute 320.6."""
    plans = park_plans()
    grid = plans["grid"]
    run(park, plans | {"grid": replace(grid, flows=grid.flows[:1])})
    found = asked(connection, "self_consumption_ratio", "consumption_kwh", "maximum_demand_kw")
    assert found["self_consumption_ratio"].value == pytest.approx(327 / 648, abs=0.002)
    assert found["consumption_kwh"].value == pytest.approx(430.2 + 648 + 28.8 - 36 - 321, abs=1)
    assert {found[name].estimated_pct for name in ("self_consumption_ratio", "consumption_kwh")} == {100}
    assert found["maximum_demand_kw"].value == pytest.approx(30)


def test_a_sensor_at_half_its_scale_makes_no_performance_ratio(park, connection):
    plans = park_plans()
    sky = replace(plans["sky"], gauges=lambda m: {"irradiance_plane_w_m2": light(m) / 2, "module_temperature_c": 25.0})
    park.store.describe_park(Park(PARK.park, "", latitude=22.69, longitude=114.35))
    run(park, plans | {"sky": sky})
    found = asked(connection, "performance_ratio")["performance_ratio"]
    # 8.1 kWh/kWp of 4.275 kWh/m² would be 1.89
    assert found.value is None
    assert "irradiance is too low for the energy that was generated" in found.unavailable
