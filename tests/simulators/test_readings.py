"""What the instruments show: within the catalogue and within their registers, on every kind of day."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import decode
from parkgrid_simulators import readings
from parkgrid_simulators.chargers import CLASSES, Gun, Vehicle
from parkgrid_simulators.faults import FaultPlan
from parkgrid_simulators.flow import WATT_MS_PER_KWH, Flow
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import load_scenario
from parkgrid_simulators.served import ServedDevice
from parkgrid_simulators.storage import Battery
from parkgrid_simulators.weather import PINGSHAN

QUARTER_MS = 900_000
DAYS = [(date(2026, 2, 17), "overcast"), (date(2026, 6, 21), "fair"), (date(2026, 9, 30), "broken")]


@pytest.fixture(params=DAYS, ids=lambda param: param[1])
def park(request) -> Park:
    day, sky = request.param
    base = replace(load_scenario(), step_s=60.0)
    return Park(replace(base, site=replace(base.site, sky=sky)), PINGSHAN.midnight_ms(day))


def test_everything_is_plausible_and_fits_its_register(park, nightly) -> None:
    """A value outside the catalogue would be flagged, one that does not fit its register would be missing."""
    served = {device.device: ServedDevice(device, park, FaultPlan()) for device in park.devices}
    start = park.at_ms
    for quarter in range(0, 96, 1 if nightly else 3):
        at_ms = start + quarter * QUARTER_MS + 1_234
        for device in park.devices:
            signals = CATALOGUE[device.device_class].by_name
            values = park.values(device.device, at_ms)
            for name, value in values.items():
                if value is not None:
                    assert math.isfinite(value)
                    assert signals[name].low <= value <= signals[name].high, (device.device, name)
            for row in drivers.find(device.driver).registers:
                value = values.get(row.signal)
                words = served[device.device].read(row.table, row.address, row.encoding.words, at_ms)
                if value is not None:
                    room = abs(row.scale) / 2 + abs(value) * 1e-6
                    assert decode(row, words) == pytest.approx(value, abs=room), (device.device, row.signal)


def test_every_signal_of_every_driver_is_measured(park) -> None:
    noon = park.at_ms + 12 * 3_600_000
    for device in park.devices:
        measured = set(park.values(device.device, noon))
        missing = {row.signal for row in drivers.find(device.driver).registers} - measured
        assert not missing, (device.device, missing)
        assert measured <= set(CATALOGUE[device.device_class].by_name)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.name)
def test_a_gun_at_full_power_fits_its_registers(kind) -> None:
    gun = Gun(480.0, Vehicle(kind, 0.05, 0.9, 0.0))
    shown = readings.charger(Flow(watts=round(kind.power_kw * 1000)).now, gun.plugged, 30.0)
    # The charger's current register ends at 655.35 A.
    assert shown["current_a"] < 655
    assert shown["voltage_v"] * shown["current_a"] / 1000 == pytest.approx(kind.power_kw)
    assert shown["vehicle_soc_pct"] == pytest.approx(5.0)


def test_an_empty_gun_has_no_state_of_charge() -> None:
    shown = readings.charger(Flow(taken=5 * WATT_MS_PER_KWH).now, Gun(480.0).plugged, 30.0)
    assert math.isnan(shown["vehicle_soc_pct"])
    assert shown["current_a"] == shown["voltage_v"] == shown["session_energy_kwh"] == 0.0
    assert shown["energy_delivered_kwh"] == 5.0


def test_a_session_counts_from_where_it_began() -> None:
    gun = Gun(480.0, Vehicle(CLASSES[0], 0.5, 0.9, 0.0), session_base=3 * WATT_MS_PER_KWH)
    shown = readings.charger(Flow(taken=10 * WATT_MS_PER_KWH).now, gun.plugged, 20.0)
    assert shown["session_energy_kwh"] == 7.0


def test_a_register_shows_all_its_digits_alone_and_among_others() -> None:
    # 300 GWh: more watt-milliseconds than a float counts.
    whole, rest = 300_000_000, WATT_MS_PER_KWH // 4 + 7
    register = whole * WATT_MS_PER_KWH + rest
    assert float(register) != register
    assert readings.kwh(register) == register / WATT_MS_PER_KWH
    assert readings.kwh(np.array([0, register])).tolist() == [0.0, register / WATT_MS_PER_KWH]


def test_export_turns_power_and_its_factor() -> None:
    shown = readings.meter(Flow(watts=-30_000, var=40_000).now, 100.0, 0)
    assert shown["active_power_kw"] == -30.0
    assert shown["apparent_power_kva"] == pytest.approx(50.0)
    assert shown["power_factor"] == pytest.approx(-0.6)
    assert shown["active_power_a_kw"] < 0
    assert readings.meter(Flow().now, 100.0, 0)["power_factor"] == 1.0


def test_a_flow_keeps_directions_apart() -> None:
    flow = Flow(watts=1_000, var=-500)
    flow.hold(3_600_000)
    flow.watts, flow.var = -2_000, 250
    later = flow.now.after(1_800_000)
    assert (later.taken, later.given) == (WATT_MS_PER_KWH, WATT_MS_PER_KWH)
    assert (later.reactive, later.reactive_given) == (WATT_MS_PER_KWH // 8, WATT_MS_PER_KWH // 2)
    assert (flow.taken, flow.given) == (WATT_MS_PER_KWH, 0)


def test_grid_frequency_and_voltage_stay_close_to_nominal() -> None:
    for second in range(0, 86_400, 61):
        assert abs(readings.frequency_hz(second * 1000) - 50.0) < 0.03
        for loading in (-1.0, 0.0, 1.0):
            assert 0.93 < readings.voltage_factor(second * 1000, loading) < 1.07


def test_a_storage_unit_shows_its_converter() -> None:
    battery = Battery(2000.0, 500.0)
    shown = readings.storage(Flow(watts=-200_000).now, battery, 1000.0, 25.0, None, 0)
    assert shown["dc_power_kw"] == pytest.approx(-194.0)
    assert shown["dc_voltage_v"] * shown["dc_current_a"] / 1000 == pytest.approx(-194.0)
    assert shown["setpoint_kw"] == -200.0
    assert readings.storage(Flow().now, battery, 1000.0, 25.0, 50.0, 0)["setpoint_kw"] == 50.0
    assert readings.storage(Flow().now, battery, 1000.0, 25.0, None, 0)["operating_state"] == 1.0


def test_counters_of_the_catalogue_are_counters_here(park) -> None:
    first = {device.device: dict(park.values(device.device, park.at_ms)) for device in park.devices}
    later = park.at_ms + 6 * 3_600_000
    for device in park.devices:
        signals = CATALOGUE[device.device_class].by_name
        for name, value in park.values(device.device, later).items():
            if signals[name].kind is SignalKind.COUNTER and value is not None:
                assert value >= first[device.device][name]
