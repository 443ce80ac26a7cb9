"""Days of registers, each the sum of its intervals: kept by whatever writes intervals, in its transaction.

new intervals     ─▶ sums a register and day ─▶ added to what is there
changed intervals ─▶ their registers and days ─▶ counted anew from the intervals that are there
"""

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Cut:
    """The local days of a time zone over a span, as the server cuts them: its zones are not those of this process."""

    begins_ms: Int64s
    """The quarters of an hour with which a day begins. Where clocks are set back to before midnight, two do."""
    days_ms: Int64s
    """What those days are named by."""
    low_ms: int
    high_ms: int

    def of(self, at_ms: Int64s) -> Int64s:
        """The day that each instant belongs to."""
        found: Int64s = self.days_ms[np.searchsorted(self.begins_ms, at_ms, side="right") - 1]
        return found


_CUTS: dict[str, _Cut] = {}
"""By zone, what was asked last: parks of a zone ask about the same days, over and over."""


@dataclass(frozen=True, slots=True)
class Days:
    """The days of a park's registers."""

    _park: Park
    _zone: str

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
        if len(at_ms):
            self._park.execute("days/count_days", _Runs.of(registers, self._of(at_ms)).keys)

    def _of(self, at_ms: Int64s) -> Int64s:
        """The day that each instant belongs to."""
        low_ms, high_ms = int(at_ms.min()), int(at_ms.max())
        cut = _CUTS.get(self._zone)
        if cut is None or low_ms < cut.low_ms or high_ms >= cut.high_ms:
            cut = _CUTS[self._zone] = self._cut(low_ms, high_ms)
        return cut.of(at_ms)

    def _cut(self, low_ms: int, high_ms: int) -> _Cut:
        """Have the server name the days of a span, and of a day before and after it."""
        low_ms, high_ms = low_ms // _DAY_MS * _DAY_MS - _DAY_MS, high_ms // _DAY_MS * _DAY_MS + 2 * _DAY_MS
        values = {"zone": self._zone, "low": from_ms(low_ms), "high": from_ms(high_ms)}
        rows = self._park.execute("days/local_days", values).fetchall()
        begins, days = (np.array([to_ms(row[column]) for row in rows], np.int64) for column in (0, 1))
        return _Cut(begins, days, low_ms, high_ms)


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
