"""What photovoltaics counted in a gap, spread over its time by daylight, so that nothing is made at night.

    register   8,620 ──────────── no readings ──────────── 9,810      it rose by 1,190 kWh: that stays exact
    daylight   ▅▃▁ ·  ·  ·  ·  ·  ·  ·  ·  ▁▃▅▆▇▇▇                    0 while the sun is down

The share of an instant is whole numbers of daylight from the start of the gap to it over those of the whole gap. In a
park without coordinates the daylight is what other inverters counted that were read all through the gap, else it is by
the park's clock. A gap without daylight in which the register rose, and one that would need more than the register's
power, stay even.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.counting import Knots, Stretches
from parkgrid_domain.energy.daylight import CELL_MS, Cells, Daylight, Spread
from parkgrid_domain.energy.declared import Declared

LONGEST_MS = 732 * 86_400_000
"""Two years: a longer gap stays even."""
_W_MS_PER_KWH = 3_600.0


@dataclass(frozen=True, slots=True)
class Lit:
    """Stretches over which daylight was added up."""

    ends: NDArray[np.intp]
    """The knot that ends each, rising."""
    cells: Cells


@dataclass(frozen=True, slots=True)
class Spreads:
    """Which stretches are spread, by the knot that ends each."""

    by: NDArray[np.int8]
    """`Spread` of the stretch."""
    lit: tuple[Lit, ...]
    """Of a stretch that is in several the last one holds."""

    def shares(
        self, chain: Knots, edge_ms: NDArray[np.int64], end: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of instants in spread stretches, each with the knot that ends it: daylight since the start, and of it all."""
        since, whole = np.zeros(len(end), np.int64), np.ones(len(end), np.int64)
        at_ms = chain.at_ms
        for lit in self.lit:
            mine = np.isin(end, lit.ends)
            begun = lit.cells.until(at_ms[end[mine] - 1])
            since[mine] = lit.cells.until(edge_ms[mine]) - begun
            whole[mine] = lit.cells.until(at_ms[end[mine]]) - begun
        return since, whole


def spreads(chain: Knots, counted: Stretches, meters: Declared, long: NDArray[np.bool_]) -> Spreads | None:
    """The long stretches of photovoltaics in which something was counted; None: there is no such."""
    if not any(meters.daylight):
        return None
    standing = np.array([place is not None for place in meters.daylight], np.bool_)
    ends = np.flatnonzero(long & (counted.energy_wh > 0) & (counted.span_ms <= LONGEST_MS))
    ends = ends[standing[chain.register[ends]]]
    if not len(ends):
        return None
    by = np.zeros(len(chain.key), np.int8)
    lit: list[Lit] = []
    for place in dict.fromkeys(meters.daylight[register] for register in np.unique(chain.register[ends]).tolist()):
        if place is not None:
            mine = ends[np.isin(chain.register[ends], _standing(meters, place))]
            cells = Cells.of(place, int(chain.at_ms[mine - 1].min()), int(chain.at_ms[mine].max()))
            by[mine] = np.where(_explains(cells, chain, counted, meters, mine), place.spread, Spread.EVEN)
            lit.append(Lit(mine, cells))
    return Spreads(by, (*lit, *_by_neighbours(chain, counted, meters, ends, by)))


def _by_neighbours(
    chain: Knots, counted: Stretches, meters: Declared, ends: NDArray[np.intp], by: NDArray[np.int8]
) -> Iterator[Lit]:
    """Mark the stretches over which others were read all through."""
    for end in ends:
        others = meters.neighbours[chain.register[end]]
        cells = None if others is None else others.over(int(chain.at_ms[end - 1]), int(chain.at_ms[end]))
        one = np.array([end])
        if cells is not None and bool(_explains(cells, chain, counted, meters, one)[0]):
            by[end] = Spread.NEIGHBOURS
            yield Lit(one, cells)


def _explains(
    cells: Cells, chain: Knots, counted: Stretches, meters: Declared, ends: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Whether there was light in stretches, enough for what was counted at the power of the register."""
    from_ms, to_ms = chain.at_ms[ends - 1], chain.at_ms[ends]
    whole = cells.until(to_ms) - cells.until(from_ms)
    brightest_wh = counted.energy_wh[ends] * (cells.most(from_ms, to_ms) / np.maximum(whole, 1))
    limit_wh = meters.limit_kw[chain.register[ends]] * CELL_MS / _W_MS_PER_KWH
    found: NDArray[np.bool_] = (whole > 0) & (brightest_wh <= limit_wh)
    return found


def _standing(meters: Declared, place: Daylight) -> NDArray[np.int64]:
    """The registers of one place."""
    return np.array([number for number, each in enumerate(meters.daylight) if each == place], np.int64)
