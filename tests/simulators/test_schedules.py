"""Schedules in a whole park: executed at the park's own time, within what each device can do, and always balanced."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from parkgrid_simulators import history
from parkgrid_simulators.flow import WATT_MS_PER_KWH
from parkgrid_simulators.park import Park
from parkgrid_simulators.schedules import Entry, Schedules, entry_problems
from parkgrid_simulators.state import load_state
from parkgrid_simulators.truth import LOSS, QUARTER_MS
from tests.simulators.pilot_park import local, pilot_park

DAY = date(2026, 6, 22)
SINKS = ("load-fab", "chiller", "furnace", "charger-1", "v2g-1", "v2g-2")


def at(hour: float) -> str:
    return f"2026-06-22T{int(hour):02d}:{round(hour % 1 * 60):02d}"


CALLED = (
    ("storage-1", at(14), at(15), 300.0),
    ("v2g-1", at(14), at(15), -25.0),
    ("v2g-2", at(14), at(19), -60.0),
    ("chiller", at(14), at(17), 20.0),
    ("furnace", at(14), at(15), 5.0),
    ("pv-1", at(12), at(13), 10.0),
    ("charger-1", at(0), at(24 - 1 / 60), 30.0),
)


@pytest.fixture(scope="module")
def day():
    """Two parks of the same day, one called and one not, with their powers at every minute."""
    called, plain = (Park(pilot_park(*schedules, step_s=30.0), local(DAY)) for schedules in (CALLED, ()))
    powers = {}
    for minute in range(25 * 60):
        for name, park in (("called", called), ("plain", plain)):
            park.advance_to(local(DAY) + minute * 60_000)
            assert park.balance.residual == 0
            powers[name, minute] = {device: flow.watts for device, flow in park.flows.items()}
    return called, plain, powers


def test_every_device_does_what_it_is_asked_for_and_nothing_else(day) -> None:
    _, _, powers = day
    for minute in range(14 * 60, 15 * 60):
        now = powers["called", minute]
        assert (now["storage-1"], now["v2g-1"], now["furnace"]) == (300_000, -25_000, 5_000)
        assert now["chiller"] == 20_000
        assert powers["plain", minute]["v2g-1"] >= 0
    assert all(powers["called", minute]["pv-1"] == 10_000 for minute in range(12 * 60, 13 * 60))
    assert all(powers["called", minute]["charger-1"] <= 30_000 for minute in range(24 * 60 - 1))
    assert any(powers["plain", minute]["charger-1"] > 30_000 for minute in range(24 * 60))
    # Before and after it is the normal plan: the same as without a call.
    for minute in (*range(12 * 60), *range(16 * 60, 17 * 60)):
        assert powers["called", minute]["pv-1"] == powers["plain", minute]["pv-1"]
        assert powers["called", minute]["load-fab"] == powers["plain", minute]["load-fab"]


def test_an_interruptible_load_comes_back_when_its_time_is_used(day) -> None:
    called, _, powers = day
    assert powers["called", 15 * 60 + 59]["chiller"] == 20_000
    assert powers["called", 16 * 60]["chiller"] == powers["plain", 16 * 60]["chiller"] > 20_000
    (entry,) = called.schedules.of("chiller")
    assert entry.limited_ms == {"time": 3_600_000}


def test_a_shiftable_load_draws_its_plan_over_the_day(day) -> None:
    called, plain, powers = day
    assert powers["called", 15 * 60]["furnace"] == 130_000
    assert called.flows["furnace"].taken == pytest.approx(plain.flows["furnace"].taken, abs=10_000)


def test_vehicles_leave_with_their_target_and_above_their_floor(day) -> None:
    called, plain, _ = day
    for name in ("v2g-1", "v2g-2"):
        assert called.flows[name].given > 0
        assert plain.flows[name].given == 0
    (entry,) = called.schedules.of("v2g-2")
    # It cannot give back until departure at about 18:00: it has to charge again, and says so.
    assert entry.limited_ms.get("departure", 0) > 0
    assert entry.served > entry.asked
    told = entry.told(local(DAY, 25))
    assert told["state"] == "done"
    assert told["served_kwh"] > told["asked_kwh"]


def test_the_truth_of_every_quarter_balances_and_is_what_the_registers_count(day) -> None:
    called, _, _ = day
    quarters = called.truth.quarters(local(DAY), local(DAY, 24))
    assert [quarter.start_ms for quarter in quarters] == list(range(local(DAY), local(DAY, 24), QUARTER_MS))
    for quarter in quarters:
        net = {name: one.taken - one.given for name, one in quarter.energies.items()}
        assert net["grid"] + net["pv-1"] + net["storage-1"] == sum(net[name] for name in SINKS) + net[LOSS]
    asked = sum(quarter.energies["v2g-1"].given for quarter in quarters[56:60])
    assert Fraction(asked, WATT_MS_PER_KWH) == 25


def test_registers_over_modbus_are_the_truth(day) -> None:
    called, _, _ = day
    shown = called.values("v2g-1", called.at_ms)
    assert shown["energy_returned_kwh"] == pytest.approx(called.flows["v2g-1"].given / WATT_MS_PER_KWH)
    assert shown["energy_delivered_kwh"] == pytest.approx(called.flows["v2g-1"].taken / WATT_MS_PER_KWH)


@pytest.mark.parametrize("period_s", [60, 300])
def test_a_history_follows_the_schedules_of_its_scenario(period_s) -> None:
    scenario = pilot_park(*CALLED, step_s=60.0)
    live, made = Park(scenario, local(DAY)), next(history.days(scenario, local(DAY), local(DAY, 24), period_s))
    shown = {reading.device: reading for reading in made.readings}
    # Steps of five minutes hold means, so only what was asked for is the same there.
    devices = shown if period_s == 60 else ("storage-1", "v2g-1", "furnace", "pv-1", "chiller")
    for minute in (755, 845, 895) if period_s == 300 else (0, 755, 845, 895, 905, 960, 1055, 1110):
        for device in devices:
            at_ms = local(DAY) + minute * 60_000
            wanted = live.values(device, at_ms)
            if period_s == 300 and live.schedules.at(device, at_ms) is None:
                continue
            row = dict(zip(shown[device].signals, shown[device].values[minute * 60 // period_s], strict=True))
            assert row.get("active_power_kw") == pytest.approx(wanted.get("active_power_kw")), (device, minute)
            if period_s == 60 and "energy_returned_kwh" in row:
                assert row["energy_returned_kwh"] == pytest.approx(wanted["energy_returned_kwh"]), minute


def test_a_saved_state_goes_on_in_the_middle_of_a_call(tmp_path) -> None:
    scenario = pilot_park(*CALLED, step_s=60.0)
    whole, first = Park(scenario, local(DAY)), Park(scenario, local(DAY))
    first.advance_to(local(DAY, 14.5) - 60_000)
    first.halt().save(tmp_path / "state")
    state = load_state(tmp_path / "state", scenario.park, scenario.seed, {one.id for one in scenario.devices})
    second = Park(scenario, local(DAY, 14.5), state)
    for hour in (15, 17, 20):
        for device in scenario.devices:
            at_ms = local(DAY, hour)
            assert second.values(device.id, at_ms) == whole.values(device.id, at_ms), (device.id, hour)


def test_a_schedule_is_replaced_and_cleared() -> None:
    found = Schedules({})
    found.set("a", [Entry(10, 20, 1.0), Entry(0, 10, 2.0)])
    assert [found.wanted_kw("a", at_ms) for at_ms in (-1, 0, 9, 10, 19, 20)] == [None, 2.0, 2.0, 1.0, 1.0, None]
    assert found.wanted_kw("b", 0) is None
    found.set("a", [Entry(5, 6, 3.0)])
    assert found.wanted_kw("a", 0) is None
    assert (found.clear("a"), found.clear("a"), found.devices) == (1, 0, ())


def test_wrong_entries_are_named() -> None:
    entries = [Entry(0, 10, 1.0), Entry(9, 20, 1.0), Entry(30, 30, 1.0), Entry(40, 50, 11.0)]
    found = {(number, key) for number, key, _, _ in entry_problems(entries, 0, 10)}
    assert found == {(1, "from"), (2, "to"), (3, "power_kw")}


def test_a_step_that_does_not_divide_the_quarter_still_meets_its_borders() -> None:
    park = Park(pilot_park(step_s=7.0), local(DAY))
    park.advance_to(local(DAY, 2) + 7_000)
    quarters = park.truth.quarters(0, local(DAY, 24))
    assert len(quarters) == 8
    first, last = quarters[0].energies["grid"], quarters[-1].energies["grid"]
    assert min(first.taken, last.taken) > 0
    other = Park(replace(pilot_park(), step_s=2.0), local(DAY))
    other.advance_to(local(DAY, 2))
    fine = other.truth.quarters(0, local(DAY, 24))
    assert fine[3].energies["load-fab"].taken == pytest.approx(quarters[3].energies["load-fab"].taken, rel=1e-3)
