"""Days of registers, each the sum of its intervals: kept by whatever writes intervals, in its transaction.

new intervals     ─▶ sums a register and day ─▶ added to what is there
changed intervals ─▶ their registers and days ─▶ counted anew from the intervals that are there
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_domain.energy import IntervalQuality
from parkgrid_metering.columns import Int64s
from parkgrid_metering.parks import Park

_DAY_MS = 86_400_000
SUMMED = ("energy_wh", "expected", "received", "valid", "estimated", "late")
"""What the intervals of a day are summed over."""
_COUNTED = {
    "good": IntervalQuality.GOOD,
    "estimated_intervals": IntervalQuality.ESTIMATED,
    "missing_rows": IntervalQuality.MISSING,
}


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals of registers, in order of register and instant."""

    registers: Int64s
    at_ms: Int64s
    columns: Mapping[str, Int64s]
    """Each of `SUMMED`, with 0 where there is no energy, and `quality`."""


@dataclass(slots=True)
class Days:
    """The local days of a park, as the server cuts them: its time zones are not those of this process."""

    _park: Park
    _begins_ms: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    """The quarters of an hour with which a day begins. Where clocks are set back to before midnight, two do."""
    _days_ms: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))
    """What those days are named by."""
    _span_ms: tuple[int, int] = (0, 0)
    """Where the days are known."""

    def add(self, new: Intervals, now_ms: int) -> None:
        """Add intervals that had no row to their days."""
        if not len(new.at_ms):
            return
        runs = _Runs.of(new.registers, self._of(new.at_ms))
        quality = new.columns["quality"]
        values: dict[str, object] = {name: runs.sums(new.columns[name]) for name in SUMMED}
        values |= {name: runs.sums(quality == wanted) for name, wanted in _COUNTED.items()}
        self._park.execute("days/add_to_days", {**values, **runs.keys, "now": from_ms(now_ms)})

    def count(self, registers: Int64s, at_ms: Int64s) -> None:
        """Count the days of intervals that were changed, given in order of register and instant, anew."""
        if not len(at_ms):
            return
        self._park.execute("days/count_days", _Runs.of(registers, self._of(at_ms)).keys)

    def _of(self, at_ms: Int64s) -> Int64s:
        """The day that each instant belongs to."""
        low_ms, high_ms = int(at_ms.min()), int(at_ms.max())
        if low_ms < self._span_ms[0] or high_ms >= self._span_ms[1]:
            self._ask(low_ms, high_ms)
        found: Int64s = self._days_ms[np.searchsorted(self._begins_ms, at_ms, side="right") - 1]
        return found

    def _ask(self, low_ms: int, high_ms: int) -> None:
        """Have the server name the days of a span, and of a day before and after it."""
        low_ms, high_ms = low_ms // _DAY_MS * _DAY_MS - _DAY_MS, high_ms // _DAY_MS * _DAY_MS + 2 * _DAY_MS
        rows = self._park.execute("days/local_days", {"low": from_ms(low_ms), "high": from_ms(high_ms)}).fetchall()
        self._begins_ms = np.array([to_ms(at) for at, _ in rows], np.int64)
        self._days_ms = np.array([to_ms(day) for _, day in rows], np.int64)
        self._span_ms = low_ms, high_ms


@dataclass(frozen=True, slots=True)
class _Runs:
    """Intervals of one register and day each, one run after the other."""

    keys: Mapping[str, object]
    """Register and day of each run."""
    _starts: NDArray[np.int64]
    _order: NDArray[np.int64] | None
    """In which order they are taken; None: as they are."""

    @classmethod
    def of(cls, registers: Int64s, days_ms: Int64s) -> "_Runs":
        """From the register and day of each interval, in order of register and instant."""
        order = None
        if ((np.diff(days_ms) < 0) & (np.diff(registers) == 0)).any():
            # A day goes on after another one: nobody is to be told of it twice.
            order = np.lexsort((days_ms, registers))
            registers, days_ms = registers[order], days_ms[order]
        starts = np.flatnonzero((np.diff(registers, prepend=-1) != 0) | (np.diff(days_ms, prepend=-1) != 0))
        return cls({"registers": registers[starts].tolist(), "days_ms": days_ms[starts].tolist()}, starts, order)

    def sums(self, values: NDArray[np.generic]) -> list[int]:
        """The sum of each run."""
        ordered = values if self._order is None else values[self._order]
        sums: list[int] = np.add.reduceat(ordered, self._starts, dtype=np.int64).tolist()
        return sums
