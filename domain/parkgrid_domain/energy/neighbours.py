"""The shape of a day where no coordinates are known: what other inverters of the park counted in the same time.

gap of one         ├───────── 18 kWh, when? ─────────┤
neighbour, good    │ 2 │ 6 │ 9 │ 9 │ 4 │ 1 │ 0 │ 0 │ 3 │     seen all through: it counts
neighbour, a gap   │ 1 │ 5 │ . │ . │ 3 │ 1 │ 0 │ 0 │ 2 │     not seen all through: it does not
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.daylight import CELL_MS, FULL, Cells

NOT_GOOD = -1


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Good intervals of the other inverters of a park, from one instant on."""

    start_ms: int
    period_ms: int
    """Length of an interval: a multiple of five minutes."""
    energy_wh: NDArray[np.int64]
    """One row an inverter, one column an interval; `NOT_GOOD` where an interval is not good or not there."""
    own: int | None = None
    """The row of the inverter with the gap, if it has one: it is no other. All of a park share the array."""

    def over(self, from_ms: int, to_ms: int) -> Cells | None:
        """Brightness over a gap: the sum of those that were good all through, of which the most is `FULL`.

        None: the gap is no longer than an interval, or none that was good all through counted anything.
        """
        if to_ms - from_ms <= self.period_ms:
            return None
        low, high = (from_ms - self.start_ms) // self.period_ms, -((self.start_ms - to_ms) // self.period_ms)
        if low < 0 or high > self.energy_wh.shape[1]:
            return None
        within = self.energy_wh[:, low:high]
        seen = (within != NOT_GOOD).all(axis=1)
        if self.own is not None:
            seen[self.own] = False
        counted: NDArray[np.int64] = within[seen].sum(axis=0, dtype=np.int64)
        most = int(counted.max(initial=0))
        if most <= 0:
            return None
        each = np.append(np.repeat(counted * FULL // most, self.period_ms // CELL_MS), np.int64(0))
        return Cells.given((self.start_ms + low * self.period_ms) // CELL_MS, each)
