"""What photovoltaics counted in a gap, spread over its time by daylight, so that nothing is made at night.

    register   8,620 ──────────── no readings ──────────── 9,810      it rose by 1,190 kWh: that stays exact
    daylight   ▅▃▁ ·  ·  ·  ·  ·  ·  ·  ·  ▁▃▅▆▇▇▇                    0 while the sun is down

The share of an instant is whole numbers of daylight from the start of the gap to it over those of the whole gap. A gap
without daylight in which the register rose, and one that would need more than the register's power, stay even.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.energy.counting import Knots, Stretches
from domain.energy.daylight import CELL_MS, Daylight, Spread
from domain.energy.declared import Declared

LONGEST_MS = 732 * 86_400_000
"""Two years: a longer gap stays even."""
_W_MS_PER_KWH = 3_600.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Daylight of a place from one cell on, added up."""

    first: int
    each: NDArray[np.int64]
    total: NDArray[np.int64]
    """Before each cell."""

    @classmethod
    def of(cls, place: Daylight, from_ms: int, to_ms: int) -> "Cells":
        """The cells that a span touches, and one more."""
        first = from_ms // CELL_MS
        each = place.of(np.arange(first, to_ms // CELL_MS + 2, dtype=np.int64))
        return cls(first, each, np.cumsum(each) - each)

    def until(self, at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Daylight from the first cell to instants, in cells of `FULL`."""
        cell, since_ms = np.divmod(at_ms, CELL_MS)
        place = cell - self.first
        until: NDArray[np.int64] = self.total[place] + self.each[place] * since_ms // CELL_MS
        return until

    def most(self, from_ms: NDArray[np.int64], to_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The brightest cell of each span."""
        ends = np.stack((from_ms // CELL_MS, (to_ms - 1) // CELL_MS + 1), axis=1) - self.first
        return np.maximum.reduceat(self.each, ends.ravel())[::2]


@dataclass(frozen=True, slots=True)
class Spreads:
    """Which stretches are spread, by the knot that ends each."""

    by: NDArray[np.int8]
    """`Spread` of the stretch."""
    cells: dict[Daylight, Cells]

    def shares(
        self, meters: Declared, chain: Knots, edge_ms: NDArray[np.int64], end: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of instants in spread stretches, each with the knot that ends it: daylight since the start, and of it all."""
        since, whole = np.zeros(len(end), np.int64), np.ones(len(end), np.int64)
        at_ms, register = chain.at_ms, chain.register[end]
        for place, cells in self.cells.items():
            mine = np.isin(register, _standing(meters, place))
            begun = cells.until(at_ms[end[mine] - 1])
            since[mine] = cells.until(edge_ms[mine]) - begun
            whole[mine] = cells.until(at_ms[end[mine]]) - begun
        return since, whole


def spreads(chain: Knots, counted: Stretches, meters: Declared, long: NDArray[np.bool_]) -> Spreads | None:
    """The long stretches of photovoltaics in which something was counted; None: there is no such."""
    if not any(meters.daylight):
        return None
    lit = np.array([place is not None for place in meters.daylight], np.bool_)
    ends = np.flatnonzero(long & (counted.energy_wh > 0) & (counted.span_ms <= LONGEST_MS))
    ends = ends[lit[chain.register[ends]]]
    if not len(ends):
        return None
    by, cells = np.zeros(len(chain.key), np.int8), {}
    for place in dict.fromkeys(meters.daylight[register] for register in np.unique(chain.register[ends]).tolist()):
        if place is not None:
            mine = ends[np.isin(chain.register[ends], _standing(meters, place))]
            cells[place] = _spread(chain, counted, meters, place, mine, by)
    return Spreads(by, cells)


def _spread(
    chain: Knots, counted: Stretches, meters: Declared, place: Daylight, ends: NDArray[np.int64], by: NDArray[np.int8]
) -> Cells:
    """Mark the stretches of one place that daylight can explain."""
    from_ms, to_ms = chain.at_ms[ends - 1], chain.at_ms[ends]
    cells = Cells.of(place, int(from_ms.min()), int(to_ms.max()))
    whole = cells.until(to_ms) - cells.until(from_ms)
    brightest_wh = counted.energy_wh[ends] * (cells.most(from_ms, to_ms) / np.maximum(whole, 1))
    limit_wh = meters.limit_kw[chain.register[ends]] * CELL_MS / _W_MS_PER_KWH
    by[ends] = np.where((whole > 0) & (brightest_wh <= limit_wh), place.spread, Spread.EVEN)
    return cells


def _standing(meters: Declared, place: Daylight) -> NDArray[np.int64]:
    """The registers of one place."""
    return np.array([number for number, each in enumerate(meters.daylight) if each == place], np.int64)
