"""Instants, half-open intervals named by their start, and clocks that are passed as arguments.

Inside the program an instant is an aware UTC `datetime` or integer milliseconds since the epoch; the display zone of a
park is data (Asia/Shanghai by default).
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
OLDEST_MS = 946_684_800_000
"""2000-01-01T00:00Z: no device of a park reports older data; an older stamp is a clock that was never set."""
BEYOND_MS = 7_258_118_400_000
"""2200-01-01T00:00Z: the first instant that nobody asks for; every year before it is one that a calendar can reckon."""
FUTURE_TOLERANCE_MS = 300_000
"""A stamp more than five minutes ahead of the server is refused, so no value can hide in a future interval."""


def to_ms(instant: datetime) -> int:
    """Milliseconds since the epoch of an aware instant; a naive one raises `ValueError`."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no time zone: state one, for example {instant.isoformat()}+08:00")
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC instant of milliseconds since the epoch."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A half-open span [start, end) of aware instants, named by its start."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive bounds and spans that do not run forward."""
        if to_ms(self.end) <= to_ms(self.start):
            raise ValueError(f"interval must end after it starts: {self.start.isoformat()} to {self.end.isoformat()}")

    def __contains__(self, instant: datetime) -> bool:
        """Whether an instant lies in [start, end)."""
        return self.start <= instant < self.end

    def __str__(self) -> str:
        """ISO 8601 start and end."""
        return f"{self.start.isoformat()}/{self.end.isoformat()}"


class Clock(Protocol):
    """Where a program gets its time from; tests and accelerated runs pass their own."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class AcceleratedClock:
    """Time that runs `speed` times as fast from `start_ms`, and never overtakes the present.

    Two processes that share the three numbers share the clock, so a simulator and an agent have the same time.
    """

    wall_start_ms: int
    """The machine's time at which this clock showed `start_ms`."""
    start_ms: int
    """What this clock showed then; in the past."""
    speed: float
    """Simulated seconds per second, 1 to 3600."""

    @classmethod
    def covering(cls, wall_seconds: float, speed: float, now_ms: int) -> "AcceleratedClock":
        """A clock that reaches the present after `wall_seconds`, if it starts now."""
        return cls(now_ms, now_ms - round(wall_seconds * 1000 * (speed - 1)), speed)

    def now_ms(self) -> int:
        """Milliseconds since the epoch, at most the machine's own."""
        wall = time.time_ns() // 1_000_000
        return min(wall, self.start_ms + round((wall - self.wall_start_ms) * self.speed))
