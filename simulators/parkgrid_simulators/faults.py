"""Faults of real devices (domain: what field devices do wrong), injectable by instant and by device."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong."""

    SILENT = "silent"
    """No answer at all."""
    HANG = "hang"
    """Half of the answer, then nothing."""
    EXCEPTION = "exception"
    """An exception with code `number` instead of the answer."""
    STUCK = "stuck"
    """Every register keeps the value it had when the fault began."""
    SPIKE = "spike"
    """Every data register reads `number` (65535 unless stated)."""
    COUNTER_RESET = "counter_reset"
    """Cumulative registers start again from zero, as after a change of meter."""
    COUNTER_WRAP = "counter_wrap"
    """Cumulative registers are moved so that they pass their end `number` kWh after the fault began."""
    WORD_SWAP = "word_swap"
    """Numbers of several registers come with their words exchanged."""
    LATE = "late"
    """The answer comes `number` seconds of real time late."""
    WRONG_UNIT = "wrong_unit"
    """The answer carries another unit number."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of one device over a half-open span of simulated time."""

    device: str
    kind: FaultKind
    start_ms: int
    end_ms: int
    number: float | None = None
    """Exception code, spike word, seconds of delay, or distance to the wrap."""
    every_ms: int = 0
    """Comes back after this time, for habits like the nightly reconnect; 0 for once."""

    def holds(self, at_ms: int) -> bool:
        """Whether it is on at an instant."""
        if self.every_ms and at_ms >= self.start_ms:
            at_ms = self.start_ms + (at_ms - self.start_ms) % self.every_ms
        return self.start_ms <= at_ms < self.end_ms


REMEMBERING = {FaultKind.STUCK, FaultKind.COUNTER_RESET, FaultKind.COUNTER_WRAP}
"""Faults that go on from what the device measured when they began: they happen once."""
REMEMBERING = {FaultKind.STUCK, FaultKind.COUNTER_RESET, FaultKind.COUNTER_WRAP}
"""Faults that go on from what the device measured when they began: they happen once."""
FOREVER_MS = 2**62
"""The end of a fault that nobody mends."""


class FaultPlan:
    """The faults of a plant: those of its scenario and those injected while it runs."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults: list[Fault] = []
        self._waiting: list[Fault] = []
        for fault in faults:
            self.inject(fault)

    def inject(self, fault: Fault) -> None:
        """Add a fault; it may already hold."""
        self._faults.append(fault)
        if fault.kind in REMEMBERING:
            self._waiting.append(fault)
            self._waiting.sort(key=lambda waiting: waiting.start_ms)

    def begun(self, at_ms: int) -> Sequence[Fault]:
        """Faults that need a snapshot of their device and began up to an instant; each is given out once."""
        found: list[Fault] = []
        while self._waiting and self._waiting[0].start_ms <= at_ms:
            found.append(self._waiting.pop(0))
        return found

    def clear(self, device: str | None = None) -> None:
        """End all faults of a device, or of all devices."""
        self._faults = [fault for fault in self._faults if device is not None and fault.device != device]
        self._waiting = [fault for fault in self._waiting if device is not None and fault.device != device]
        self._waiting = [fault for fault in self._waiting if device is not None and fault.device != device]

    def active(self, device: str, at_ms: int) -> Sequence[Fault]:
        """What is wrong with a device at an instant."""
        if not self._faults:
            return ()
        return [fault for fault in self._faults if fault.device == device and fault.holds(at_ms)]
