"""Capability: the oracles of storage, vehicle and step test, and that a plan or a reserve only takes away."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.vpp.capability.headroom import Headroom, Side, behind_transformer, pooled
from parkgrid_domain.vpp.capability.resources import (
    Storage,
    Vehicle,
    load,
    needed_kwh,
    photovoltaics,
    slack_h,
    storage,
    vehicle,
)
from parkgrid_domain.vpp.capability.step_test import step_test

BATTERY = Storage(1000, 500, 500, 0.95, 0.95, 10, 90)
CAR = Vehicle(60, 60, 60, 0.95, 0.95, target_pct=80, floor_pct=10)


@pytest.mark.parametrize(
    ("hold_h", "up_kw", "down_kw"),
    [(0.25, 500, 500), (0.5, 500, 500), (1, 380, 421.052632), (2, 190, 210.526316), (4, 95, 105.263158)],
)
def test_storage(hold_h: float, up_kw: float, down_kw: float) -> None:
    found = storage(BATTERY, 50, hold_h)
    assert isclose(found.up.kw, up_kw, rel_tol=1e-8)
    assert isclose(found.down.kw, down_kw, rel_tol=1e-8)
    limit = "power" if hold_h < 1 else "energy"
    assert (found.up.limit, found.down.limit) == (limit, limit)


def test_storage_on_top_of_its_plan_and_of_what_is_reserved() -> None:
    found = storage(BATTERY, 50, 1, planned_kw=100, reserved_kwh=(180, 0))
    assert (found.up, found.down) == (Side(100.0, "reserved"), Side(pytest.approx(521.052632), "energy"))
    full = storage(BATTERY, 5, 1)
    assert full.up == Side(0.0, "energy")


def test_a_vehicle_that_must_leave() -> None:
    assert isclose(needed_kwh(CAR, 40), 25.263158, rel_tol=1e-7)
    assert isclose(slack_h(CAR, 40, 2), 1.578947, rel_tol=1e-6)


@pytest.mark.parametrize(("hold_h", "up_kw", "limit"), [(0.25, 60, "power"), (0.5, 34.2, "floor"), (1, 17.1, "floor")])
def test_a_vehicle_that_gives_back(hold_h: float, up_kw: float, limit: str) -> None:
    found = vehicle(CAR, 40, 2, hold_h)
    assert (found.up.limit, isclose(found.up.kw, up_kw)) == (limit, True)


def test_time_alone_limits_what_a_vehicle_gives_back() -> None:
    # vpp.md 5.2: without a floor 44.940867 kWh, given back at 60 kW.
    hold_h = 44.940867 / 60
    deep = Vehicle(60, 60, 60, 0.95, 0.95, target_pct=80, floor_pct=-300)
    assert isclose(vehicle(deep, 40, 2, hold_h).up.kw, 60, rel_tol=1e-6)
    assert vehicle(deep, 40, 2, hold_h * 1.01).up.limit == "departure"
    assert vehicle(deep, 40, 2, hold_h * 1.01).up.kw < 60


def test_a_vehicle_in_a_hurry_can_only_leave_out_what_it_can_draw_later() -> None:
    # 25.26 kWh in half an hour: 15 kWh fit into the quarter hour after the hold, 10.26 kWh must come within it.
    found = vehicle(CAR, 40, 0.5, 0.25, planned_kw=60)
    assert found.up == Side(pytest.approx(60 - 10.263158 / 0.25), "departure")
    assert vehicle(CAR, 40, 0.25, 0.25, planned_kw=60).up == Side(0.0, "departure")


def test_loads_and_photovoltaics() -> None:
    assert load(300, 100, 350) == Headroom(Side(200, "least_load"), Side(50, "power"))
    assert load(300, 100, 350, left_h=0.5, hold_h=1).up == Side(0.0, "plan")
    assert photovoltaics(120) == Headroom(Side(0.0, "plan"), Side(120, "plan"))


def test_a_transformer_limits_what_is_behind_it() -> None:
    members = [Headroom(Side(300, "power"), Side(300, "power")), Headroom(Side(100, "energy"), Side(10, "energy"))]
    found = behind_transformer(members, net_kw=500, import_kw=630, export_kw=0)
    assert (found.up, found.down) == (Side(400, "power"), Side(130, "transformer"))
    assert behind_transformer(members, net_kw=700, import_kw=630, export_kw=0).down == Side(0.0, "transformer")
    assert pooled([found, found]).up == Side(800, "power")
    assert pooled([]).up == Side(0, "plan")


def test_a_step_of_four_hundred_kilowatts() -> None:
    # vpp.md 5.2: dead time 2 min, 100 kW a minute, rests at 605 kW.
    minutes = [1000 if minute <= 2 else max(605, 1000 - 100 * (minute - 2)) for minute in range(60)]
    found = step_test(1000, -400, [*minutes, 1000, 1040], 60)
    assert (found.first_response_min, found.reached_min) == (3, 6)
    assert [each.mean_kw for each in found.quarters] == [723, 605, 605, 605]
    assert [round(each.accuracy, 6) for each in found.quarters] == [0.6925, 0.9875, 0.9875, 0.9875]
    assert found.rebound_kw == pytest.approx(40)


def test_a_site_that_does_nothing_shows_nothing() -> None:
    found = step_test(1000, 400, [1000.0] * 15, 15)
    assert (found.first_response_min, found.reached_min, found.rebound_kw) == (None, None, None)
    assert found.quarters[0].accuracy == 0


@pytest.mark.parametrize(
    ("step", "minutes", "hold", "said"),
    [(0, 60, 60, "tests nothing"), (-1, 60, 50, "quarter hours"), (-1, 59, 60, "fewer"), (-1, 60, 0, "quarter hours")],
)
def test_a_step_test_that_cannot_be_judged(step: float, minutes: int, hold: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        step_test(1000, step, [1000.0] * minutes, hold)


percents, powers, holds = st.floats(0, 100), st.floats(-500, 500), st.floats(0.25, 24)


@given(percents, holds, powers, st.floats(0, 500), st.floats(0, 500))
def test_a_reserve_never_adds(soc: float, hold: float, planned: float, give: float, take: float) -> None:
    free, kept = storage(BATTERY, soc, hold, planned), storage(BATTERY, soc, hold, planned, (give, take))
    assert 0 <= kept.up.kw <= free.up.kw
    assert 0 <= kept.down.kw <= free.down.kw


@given(percents, holds, st.floats(1, 10))
def test_a_longer_hold_never_adds(soc: float, hold: float, times: float) -> None:
    short, long = storage(BATTERY, soc, hold), storage(BATTERY, soc, hold * times)
    assert long.up.kw <= short.up.kw * (1 + 1e-12)
    assert long.down.kw <= short.down.kw * (1 + 1e-12)


@given(st.floats(10, 100), st.floats(0.25, 12), st.floats(0.25, 4), st.floats(0, 60))
def test_what_a_vehicle_promises_leaves_it_as_its_driver_wants(
    soc: float, left: float, hold: float, planned: float
) -> None:
    if hold > left:
        return
    drawn = needed_kwh(CAR, soc)
    # A plan that draws too little or more than is needed is not one to add to.
    if not drawn - (left - hold) * 60 <= planned * hold <= drawn:
        return
    power = planned - vehicle(CAR, soc, left, hold, planned).up.kw
    gained = power * hold if power >= 0 else power * hold / (0.95 * 0.95)
    assert gained + (left - hold) * 60 >= drawn - 1e-6
    if power < 0:
        assert soc + power * hold / 0.95 / 60 * 100 >= 10 - 1e-6
