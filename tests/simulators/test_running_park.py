"""A park in a thread: schedules and the truth beside a program, and what it answers to nonsense and after its end."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from parkgrid_simulators import following, running_park
from parkgrid_simulators.control_errors import ControlError, UnknownNameError
from parkgrid_simulators.running_park import ParkStoppedError, start_park
from parkgrid_simulators.scenario import load_scenario
from tests.simulators.pilot_park import PILOT

pytestmark = pytest.mark.process

NOON_MS = 1782014400000


@pytest.fixture(scope="module")
def park():
    with start_park(load_scenario(PILOT), speed=0, start="2026-06-22T13:59") as running:
        yield running


def test_a_schedule_and_what_came_of_it(park) -> None:
    told = park["furnace"].set_schedule(("2026-06-22T14:00", "2026-06-22T14:15", 5))
    assert [entry["state"] for entry in told["entries"]] == ["waiting"]
    park.clock.advance(17 * 60)
    (quarter,) = park.truth("2026-06-22T14:00", "2026-06-22T15:00")["quarters"]
    assert quarter["devices"]["furnace"] == {"energy_import_kwh": 1.25, "energy_export_kwh": 0.0}
    # What it did not draw, it draws now.
    assert park["furnace"].values()["active_power_kw"] == 130
    assert park["furnace"].schedule()["off_plan_left_s"] == 240 * 60 - 15 * 60
    assert park["furnace"].set_schedule()["entries"] == []


WRONG = {"large": 10**400, "larger": -(10**5000), "nan": float("nan"), "inf": float("inf"), "true": True, "text": "60"}


@pytest.mark.parametrize("value", [*WRONG.values(), None], ids=[*WRONG, "none"])
def test_no_number_of_any_size_or_type_gets_through(park, value) -> None:
    for wrong in (
        lambda: park["pv-1"].inject("silent", value if value is not None else "", share=0.5),
        lambda: park["pv-1"].inject("silent", 60, share=value),
        lambda: park.clock.set_speed(value),
        lambda: park.clock.advance(value),
        lambda: park.sun.set(irradiance_w_m2=value if value is not None else ""),
        lambda: park["pv-1"].set_schedule(("2026-06-23T14:00", "2026-06-23T14:15", value)),
        lambda: park["pv-1"].set_schedule((value, "2026-06-23T14:15", 1)),
    ):
        with pytest.raises(ControlError, match="must be"):
            wrong()


@pytest.mark.parametrize("name", [None, 1, [], "nobody"])
def test_no_name_of_any_type_gets_through(park, name) -> None:
    for wrong in (
        lambda: park["pv-1"].inject(name),
        lambda: park.faults.inject(name, "silent"),
        lambda: park.values(name),
        lambda: park[name],
        lambda: park.call(lambda controls: controls.schedules.of(name)),
    ):
        with pytest.raises(UnknownNameError, match="there are: "):
            wrong()


def ahead(park) -> tuple[int, int]:
    """How far the park has been simulated since noon, and how far its clock is ahead of that, in ms."""
    at_ms, now_ms = park.call(lambda controls: (controls.park.at_ms, controls.clock.now_ms()))
    return at_ms - NOON_MS, now_ms - at_ms


def test_a_park_follows_its_clock_while_nobody_asks() -> None:
    with start_park(load_scenario(PILOT), speed=3600, start="2026-06-21T12:00") as park:
        deadline = time.monotonic() + 60
        while ahead(park)[0] < 3 * 3_600_000:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_clock_that_nobody_can_follow_waits() -> None:
    """36,000 steps a second: no machine simulates them, and no request has to."""
    pilot = replace(load_scenario(PILOT), step_s=0.1)
    with start_park(pilot, speed=3600, start="2026-06-21T12:00") as park:
        for _ in range(10):
            time.sleep(0.1)
            assert ahead(park)[1] <= following.REACH_STEPS * 100
        # A jump is not cut, and the clock goes on from where it waited.
        park.clock.set_speed(0)
        before = park.clock.now()
        park.clock.advance(600)
        assert park.clock.now() - before == timedelta(seconds=600)


@pytest.mark.parametrize("value", [*WRONG.values(), -1, 3601], ids=[*WRONG, "negative", "fast"])
def test_no_park_begins_with_a_speed_or_a_start_of_any_type(value) -> None:
    pilot = load_scenario(PILOT)
    with pytest.raises(ControlError, match=r"^speed = .*: must be a number between 0 and 3600$"):
        start_park(pilot, speed=value)
    with pytest.raises(ControlError, match=r"^start = .*: must be a local time between 2000 and 2200"):
        start_park(pilot, start=value)
    with pytest.raises(ControlError, match=r"^scenario = .*: must be a scenario: .*find_scenario"):
        start_park(value)


@pytest.mark.parametrize("entry", [5, "x", None, [], ("2026-06-23T14:00", "2026-06-23T14:15")])
def test_an_entry_of_a_schedule_has_three_parts(park, entry) -> None:
    with pytest.raises(ControlError, match=r"entries.0 = .*: must be \(from, to, power in kW\)"):
        park["pv-1"].set_schedule(entry)


@pytest.mark.parametrize("number", [[], True, "1", 10**400])
def test_numbers_and_signals_are_looked_up_whatever_they_are(park, number) -> None:
    with pytest.raises(UnknownNameError, match="there are: "):
        park.faults.clear(number=number)
    with pytest.raises(UnknownNameError, match="it takes: limit_pct"):
        park["pv-1"].set_point(number, 1)


def test_who_waits_no_longer_leaves_no_jump_under_way(park, monkeypatch) -> None:
    monkeypatch.setattr(running_park, "_PATIENCE_S", 0.05)
    with pytest.raises(TimeoutError):
        park.clock.advance(604_800)
    monkeypatch.setattr(running_park, "_PATIENCE_S", 60)
    before = park.clock.now()
    park.clock.advance(60)
    assert park.clock.now() - before == timedelta(seconds=60)


def test_a_park_that_is_stopped_meanwhile_says_so() -> None:
    park = start_park(load_scenario(PILOT), speed=0)
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.sleep(60)

    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(park.wait_for, wait())
        assert begun.wait(30)
        park.stop()
        with pytest.raises(ParkStoppedError, match="start another one"):
            waiting.result(30)


def test_a_stopped_park_says_so() -> None:
    park = start_park(load_scenario(PILOT), speed=0)
    device = park["pv-1"]
    park.stop()
    for late in (device.values, park.clock.now, lambda: park.clock.advance(1), lambda: device.inject("silent")):
        with pytest.raises(ParkStoppedError, match="start another one"):
            late()
