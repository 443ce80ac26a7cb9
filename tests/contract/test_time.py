"""Instants, intervals and clocks."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.time import AcceleratedClock, Interval, SystemClock, from_ms, to_ms

pytestmark = pytest.mark.edge


@given(st.integers(0, 4_102_444_800_000))
def test_milliseconds_survive(milliseconds: int) -> None:
    assert to_ms(from_ms(milliseconds)) == milliseconds


def test_known_instants() -> None:
    assert to_ms(datetime(2026, 11, 23, 2, tzinfo=UTC)) == 1_795_399_200_000
    assert to_ms(datetime(2026, 11, 23, 10, tzinfo=timezone(timedelta(hours=8)))) == 1_795_399_200_000


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        to_ms(datetime(2026, 11, 23))  # noqa: DTZ001 - the naive instant is the point


def test_intervals_are_half_open_and_run_forward() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    interval = Interval(start, start + timedelta(minutes=40))
    assert start in interval
    assert interval.end not in interval
    with pytest.raises(ValueError, match="must end after"):
        Interval(start, start)


def test_the_system_clock_is_the_machines() -> None:
    assert abs(SystemClock().now_ms() - time.time() * 1000) < 1000


def test_accelerated_time_lies_in_the_past_and_never_overtakes() -> None:
    now = SystemClock().now_ms()
    clock = AcceleratedClock.covering(wall_seconds=60, speed=60, now_ms=now)
    assert clock.start_ms == now - 59 * 60_000
    assert clock.now_ms() <= SystemClock().now_ms()
    exhausted = AcceleratedClock(wall_start_ms=now - 3_600_000, start_ms=now - 7_200_000, speed=3600)
    assert abs(exhausted.now_ms() - SystemClock().now_ms()) < 1000
