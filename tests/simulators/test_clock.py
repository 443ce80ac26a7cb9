"""The clock of replays stands still until it is told to go on."""

import pytest

from parkgrid_simulators.clock import ParkClock, SteppedClock


def test_it_goes_forward_only() -> None:
    clock = SteppedClock(1_000)
    assert clock.now_ms() == 1_000
    clock.advance_to(1_000)
    clock.advance_to(5_000)
    assert clock.now_ms() == 5_000
    with pytest.raises(ValueError, match="5000 to 4999"):
        clock.advance_to(4_999)
    assert clock.now_ms() == 5_000


def test_a_park_clock_runs_stands_and_jumps_ahead() -> None:
    clock = ParkClock(1_000_000, 0)
    clock.advance(5_000)
    assert clock.now_ms() == 1_005_000
    clock.set_speed(3_600)
    assert clock.now_ms() >= 1_005_000
    with pytest.raises(ValueError, match="cannot go back by 1 ms"):
        clock.advance(-1)
    for speed in (-1, 3_601, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 3600"):
            clock.set_speed(speed)
