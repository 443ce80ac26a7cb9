"""Clocks of simulated time: one that stands still until it is told to go on, and one that runs as fast as is wanted."""

import time
from collections.abc import Callable

FASTEST = 3_600
"""Most simulated seconds per second."""


class SteppedClock:
    """Simulated time that moves only by `advance_to`, never backwards."""

    __slots__ = ("_now_ms",)

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._now_ms

    def advance_to(self, at_ms: int) -> None:
        """Stand at a later instant; an earlier one raises `ValueError`, since no counter may run backwards."""
        if at_ms < self._now_ms:
            raise ValueError(f"cannot go back from {self._now_ms} to {at_ms} ms: open a new clock instead")
        self._now_ms = at_ms


class ParkClock:
    """Time that runs at a speed from a stated instant, stands still at speed 0, and may be moved ahead; never back.

    Unlike `AcceleratedClock` it may pass the present: a simulated noon may lie in next June.
    """

    __slots__ = ("_state", "latest", "start_ms", "wall_start_ms")
    latest: Callable[[], int] | None
    """What it does not pass by itself until that moves on, if anything; then it catches up. `advance` passes it."""

    def __init__(self, start_ms: int, speed: float = 1.0) -> None:
        self.start_ms = start_ms
        self.wall_start_ms = time.time_ns() // 1_000_000
        """The machine's time at which it showed `start_ms`."""
        self.latest = None
        # One tuple, put in its place at once: another thread may read it meanwhile.
        self._state = (time.monotonic_ns(), start_ms, speed)

    @property
    def speed(self) -> float:
        """Simulated seconds per second; 0 while it stands still."""
        return self._state[2]

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        since_ns, shown_ms, speed = self._state
        now_ms = shown_ms + int((time.monotonic_ns() - since_ns) * speed / 1e6)
        return now_ms if self.latest is None else min(now_ms, max(self.latest(), shown_ms))

    def set_speed(self, speed: float) -> None:
        """Go on at another speed, 0 to 3600; beyond raises `ValueError`."""
        if not 0 <= speed <= FASTEST:
            raise ValueError(f"speed {speed}: must be between 0 and {FASTEST}")
        self._state = (time.monotonic_ns(), self.now_ms(), speed)

    def advance(self, milliseconds: int) -> None:
        """Jump ahead; a negative jump raises `ValueError`, since no counter may run backwards."""
        if milliseconds < 0:
            raise ValueError(f"cannot go back by {-milliseconds} ms: begin a new park instead")
        self._state = (time.monotonic_ns(), self.now_ms() + milliseconds, self.speed)
