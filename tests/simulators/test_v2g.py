"""Guns that give back: the oracles of the pilot (60 kWh, ±60 kW, 0.95 each way), the floor and the departure."""

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.signals import CHARGER_STATES
from parkgrid_simulators.chargers import VehicleClass
from parkgrid_simulators.scenario_tables import V2gSettings
from parkgrid_simulators.v2g import ParkedVehicle, V2gGun, V2gGuns, decide, visit

HOUR_MS = 3_600_000
FLAT = VehicleClass("flat", 1.0, 60.0, 60.0, 1.0, 1.0)


def car(soc: float = 0.4, target: float = 0.8, floor: float = 0.1, hours: float = 2.0) -> ParkedVehicle:
    return ParkedVehicle(FLAT, soc, target, floor, round(hours * HOUR_MS))


def run(vehicle: ParkedVehicle, wanted: float | None, hours: float, step_s: float = 1.0, at_ms: int = 0):
    """Energy taken and given at the gun, and the reasons, over a time."""
    gun, taken, returned, reasons = V2gGun(60.0, 60.0, vehicle), 0.0, 0.0, set()
    for step in range(round(hours * 3600 / step_s)):
        reasons.add(decide(gun, wanted, at_ms + round(step * step_s * 1000), step_s))
        taken += max(gun.power_kw, 0.0) * step_s / 3600
        returned -= min(gun.power_kw, 0.0) * step_s / 3600
    return taken, returned, reasons


def test_what_a_vehicle_needs_by_departure() -> None:
    # 40 to 80 % of 60 kWh are 24 kWh at the battery, 25.263158 at the gun: 0.421053 of two hours.
    taken, returned, _ = run(car(), None, 2.0)
    assert (taken, returned) == (pytest.approx(25.263158, abs=0.02), 0.0)
    assert car(hours=10).least_soc(60.0, round(0.421053 * HOUR_MS)) == pytest.approx(0.4, abs=1e-5)


def test_the_floor_binds_at_17_kwh() -> None:
    _, returned, reasons = run(car(hours=100), -60.0, 1.0)
    assert returned == pytest.approx(17.1, abs=0.01)
    assert reasons == {"", "floor"}


def test_time_alone_leaves_45_kwh() -> None:
    # A battery that could go below empty shows what time alone leaves: 1.578947 h of slack, both ways.
    vehicle = ParkedVehicle(FLAT, 0.4, 0.8, -9.0, 2 * HOUR_MS)
    gun, returned = V2gGun(60.0, 60.0, vehicle), 0.0
    for step in range(2 * 3600):
        decide(gun, -60.0, step * 1000, 1.0)
        returned -= min(gun.power_kw, 0.0) / 3600
    assert returned == pytest.approx(44.940867, abs=0.1)
    assert vehicle.soc == pytest.approx(0.8, abs=1e-3)


@given(
    soc=st.floats(0.1, 0.9),
    target=st.floats(0.5, 1.0),
    floor=st.floats(0.05, 0.6),
    wanted=st.floats(-60, 60),
    hours=st.floats(0.2, 6),
    step_s=st.sampled_from([2.0, 60.0, 300.0]),
)
def test_floor_and_target_are_kept_whatever_is_asked(soc, target, floor, wanted, hours, step_s) -> None:
    kind = VehicleClass("curve", 1.0, 60.0, 60.0, 0.9, 0.2)
    vehicle = ParkedVehicle(kind, soc, target, floor, round(hours * HOUR_MS))
    plan = ParkedVehicle(kind, soc, target, floor, round(hours * HOUR_MS))
    least = min(soc, floor)
    for step in range(int(hours * 3600 / step_s)):
        at_ms = round(step * step_s * 1000)
        for one, ask in ((vehicle, wanted), (plan, None)):
            decide(V2gGun(60.0, 60.0, one), ask, at_ms, step_s)
        assert vehicle.soc >= least - 1e-9
        assert vehicle.soc <= max(soc, target) + 1e-9
    # Whole watts of one step are all that may be missing of what charging at once would have reached.
    assert vehicle.soc >= min(plan.soc, target) - 0.002


def test_a_gun_follows_a_lower_limit_in_both_directions() -> None:
    gun = V2gGun(60.0, 20.0, car(hours=100))
    decide(gun, -60.0, 0, 1.0)
    assert gun.power_kw == -20.0
    decide(gun, 60.0, 0, 1.0)
    assert gun.power_kw == 20.0
    gun.limit_kw = 0.0
    decide(gun, -60.0, 0, 1.0)
    assert gun.power_kw == 0.0


def test_states_are_told() -> None:
    gun = V2gGun(60.0, 60.0)
    assert decide(gun, -10.0, 0, 1.0) == "no_vehicle"
    assert CHARGER_STATES[gun.plugged.state] == "available"
    gun.vehicle = car(hours=100)
    for wanted, state in ((-10.0, "discharging"), (10.0, "charging"), (0.0, "occupied")):
        decide(gun, wanted, 0, 1.0)
        assert CHARGER_STATES[gun.plugged.state] == state
    gun.vehicle = car(soc=0.8, hours=100)
    decide(gun, None, 0, 1.0)
    assert CHARGER_STATES[gun.plugged.state] == "finishing"


@pytest.mark.parametrize(("arrival", "departure", "stay"), [("08:30", "18:00", 9.5), ("19:00", "07:00", 12.0)])
def test_a_visit_is_drawn_around_its_times(arrival, departure, stay) -> None:
    settings = V2gSettings(arrival=arrival, departure=departure)
    stays = []
    for seed in range(200):
        one = visit(Random(seed), settings, 60.0, 0)
        stays.append((one.vehicle.departure_ms - one.arrival_ms) / HOUR_MS)
        assert abs(stays[-1] - stay) <= 1
        assert 0.37 <= one.vehicle.soc <= 0.53
        assert 0.22 <= one.vehicle.floor <= 0.38
    assert sum(stays) / 200 == pytest.approx(stay, abs=0.1)


def test_one_vehicle_a_day_comes_and_leaves() -> None:
    guns = V2gGuns({"v2g-1": V2gGun(60.0, 60.0)}, V2gSettings(), 1)
    day_ms = 24 * HOUR_MS
    present = []
    for number in range(3):
        guns.begin_day(date(2026, 6, 1 + number), number * day_ms)
        for minute in range(1440):
            guns.come_and_go("v2g-1", number * day_ms + minute * 60_000, 0)
            present.append(guns.guns["v2g-1"].vehicle is not None)
    assert guns.guns["v2g-1"].sessions == 3
    assert sum(present) / 60 == pytest.approx(3 * 9.5, abs=3)
    again = V2gGuns({"v2g-1": V2gGun(60.0, 60.0)}, V2gSettings(), 1)
    again.restore(guns.state)
    assert again.state == guns.state
