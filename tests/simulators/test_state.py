"""A park that is stopped and started again goes on as if nothing had happened."""

import json
from dataclasses import replace
from datetime import date

import pytest

from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import load_scenario
from parkgrid_simulators.state import StateError, load_state
from parkgrid_simulators.weather import PINGSHAN

HOUR_MS = 3_600_000
START_MS = PINGSHAN.midnight_ms(date(2026, 6, 22)) + 9 * HOUR_MS
SCENARIO = replace(load_scenario(), step_s=60.0)
DEVICES = {device.id for device in SCENARIO.devices}


def reload(path):
    return load_state(path, SCENARIO.park, SCENARIO.seed, DEVICES)


def shown(park: Park, at_ms: int):
    return {device.device: park.values(device.device, at_ms) for device in park.devices}


@pytest.mark.parametrize("hours", [3, 20, 40], ids=["same day", "next day", "two days on"])
def test_a_restarted_park_shows_what_it_would_have_shown(tmp_path, hours) -> None:
    whole = Park(SCENARIO, START_MS)
    at_ms = START_MS + hours * HOUR_MS
    whole.advance_to(at_ms)
    whole.midnight.save(tmp_path / "state.json")
    resumed = Park(SCENARIO, at_ms, reload(tmp_path / "state.json"))
    assert shown(resumed, at_ms + 7_000) == shown(whole, at_ms + 7_000)
    assert resumed.balance.residual == 0


def test_a_park_goes_on_from_any_minute_and_so_does_the_one_that_it_restarts_as(tmp_path) -> None:
    whole, halted = Park(SCENARIO, START_MS), Park(SCENARIO, START_MS)
    at_ms = START_MS + 5 * HOUR_MS
    halted.advance_to(at_ms - 60_000)
    halted.halt().save(tmp_path / "state.json")
    resumed = Park(SCENARIO, at_ms, reload(tmp_path / "state.json"))
    assert shown(resumed, at_ms) == shown(whole, at_ms)
    # Until the next midnight it is this very state that a restart begins with.
    assert resumed.midnight == reload(tmp_path / "state.json")
    later = at_ms + 15 * HOUR_MS
    assert shown(Park(SCENARIO, later, resumed.midnight), later) == shown(whole, later)


def test_a_state_without_an_instant_is_of_midnight(tmp_path) -> None:
    path = tmp_path / "state.json"
    Park(SCENARIO, START_MS).midnight.save(path)
    document = json.loads(path.read_text("utf-8"))
    del document["at_ms"], document["came"]
    path.write_text(json.dumps(document), "utf-8")
    assert shown(Park(SCENARIO, START_MS, reload(path)), START_MS) == shown(Park(SCENARIO, START_MS), START_MS)


def test_a_pause_is_caught_up_day_by_day() -> None:
    whole, paused = Park(SCENARIO, START_MS), Park(SCENARIO, START_MS)
    later = START_MS + 2 * 24 * HOUR_MS
    assert shown(Park(SCENARIO, later, paused.midnight), later) == shown(whole, later)


def test_after_a_long_pause_the_registers_are_kept() -> None:
    park = Park(SCENARIO, START_MS)
    park.advance_to(START_MS + 30 * HOUR_MS)
    later = PINGSHAN.midnight_ms(date(2026, 9, 1))
    resumed = Park(SCENARIO, later, park.midnight)
    assert resumed.at_ms == later
    kept = park.midnight.flows["grid"]["taken"]
    assert resumed.flows["grid"].taken == kept > Park(SCENARIO, later).flows["grid"].taken


def test_a_state_of_the_future_is_left_alone() -> None:
    later = Park(SCENARIO, START_MS + 48 * HOUR_MS)
    assert shown(Park(SCENARIO, START_MS, later.midnight), START_MS) == shown(Park(SCENARIO, START_MS), START_MS)


def test_no_file_is_no_state(tmp_path) -> None:
    assert reload(tmp_path / "nothing.json") is None


def damage(document, key, value):
    document[key] = value
    return document


@pytest.mark.parametrize(
    "change",
    [
        lambda document: damage(document, "seed", 5),
        lambda document: damage(document, "park", "another"),
        lambda document: damage(document, "day", "yesterday"),
        lambda document: damage(document, "flows", {}),
        lambda document: damage(document, "loss", {"watts": 1, "volts": 2}),
        lambda document: damage(document, "guns", [{"limit_kw": 3}]),
        lambda document: damage(document, "queue", [{"kind": "tractor", "soc": 0, "target": 1, "linger_s": 0}]),
        lambda document: {key: value for key, value in document.items() if key != "energy_kwh"},
        lambda document: [document],
    ],
)
def test_a_state_that_does_not_fit_is_refused(tmp_path, change) -> None:
    path = tmp_path / "state.json"
    Park(SCENARIO, START_MS).midnight.save(path)
    assert reload(path) is not None
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    with pytest.raises(StateError, match=r"state\.json"):
        reload(path)


def test_half_a_file_is_refused(tmp_path) -> None:
    path = tmp_path / "state.json"
    Park(SCENARIO, START_MS).midnight.save(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StateError, match="cannot be read"):
        reload(path)
