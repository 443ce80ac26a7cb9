"""An event loop whose clock stands still while the program computes, and jumps when everybody only waits.

The parties of a test run in one loop, on real sockets and serial lines. What is measured in this time is what the code
decided, not how busy the machine was; and no test waits for a timeout.
"""

import asyncio
import os
import selectors

_DELIVERY_S = 0.002
_DELIVERY_SHARE, _SERIAL_SHARE = 0.2, 0.5
"""Before the clock jumps, what was sent may still arrive: real seconds at least, and as a share of the jump. Within one
machine the kernel needs less, but a busy one hands on what comes by a serial line tens of milliseconds late; so the
longest jumps, which are timeouts, wait the longest."""


class _Selector(selectors.DefaultSelector):
    """Waits for sockets in real time, and for the clock by moving it."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select(None)
        if timeout <= 0:
            return super().select(0)
        share = _SERIAL_SHARE if any(os.isatty(key.fd) for key in self.get_map().values()) else _DELIVERY_SHARE
        if not (ready := super().select(min(timeout, _DELIVERY_S + share * timeout))):
            self.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` is the virtual time in seconds from the start of the loop."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now_s


class LoopClock:
    """The running loop's time as a clock that began at `start_ms` and runs `speed` times as fast."""

    def __init__(self, start_ms: int = 1_700_000_000_000, speed: float = 1.0) -> None:
        self._start_ms = start_ms
        self._speed = speed

    def now_ms(self) -> int:
        # To the microsecond first: a sleep of 100 ms ends at 0.1 s, not 99 ms after the start.
        return self._start_ms + round(asyncio.get_running_loop().time() * self._speed * 1_000_000) // 1000
