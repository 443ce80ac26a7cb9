"""How bright it is where a register of photovoltaics stands: by the sun over its park, else by the park's clock.

Before the clock come the other inverters of the park (`neighbours.py`).

Daylight is told for cells of five minutes, counted from 1970, as whole numbers: what is spread by it comes out the same
however the computation is cut.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.sun import STANDARD_PRESSURE_PA, sun_path

CELL_MS = 300_000
FULL = 4_096
"""Of a sun straight above, or of noon by the clock."""
_HOUR_MS = 3_600_000
_RISES_H, _DAY_H = 6, 12
"""By the clock it is light from 6 to 18 h."""


class Spread(IntEnum):
    """By what the energy of a gap is spread over its time."""

    EVEN = 0
    """A straight line, as of every other register."""
    SUN = 1
    """The height of the sun at the park's coordinates."""
    NEIGHBOURS = 2
    """What other inverters of the park counted: its coordinates are not known."""
    CLOCK = 3
    """Half a sine from 6 to 18 h of the park's clock: neither its coordinates nor neighbours are known."""


@dataclass(frozen=True, slots=True)
class Daylight:
    """Where a register stands."""

    zone: str
    """The park's time zone."""
    latitude: float | None = None
    """Degrees north."""
    longitude: float | None = None
    """Degrees east."""

    @property
    def spread(self) -> Spread:
        """By what its gaps are spread."""
        return Spread.CLOCK if self.latitude is None or self.longitude is None else Spread.SUN

    def of(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Brightness in the middle of each cell of five minutes since 1970, 0 (night) to `FULL`.

        The sine of the sun's height: irradiance of a clear sky on a level plane, but for the air. Years 1901 to 2099.
        """
        at_ms = cells * CELL_MS + CELL_MS // 2
        if self.latitude is None or self.longitude is None:
            sine = np.sin(np.pi * (self._clock_h(at_ms) - _RISES_H) / _DAY_H)
        else:
            sine = np.cos(np.radians(sun_path(at_ms, self.latitude, self.longitude, STANDARD_PRESSURE_PA).zenith))
        bright: NDArray[np.int64] = np.rint(FULL * np.maximum(sine, 0)).astype(np.int64)
        return bright

    def _clock_h(self, at_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Hours since the park's midnight; clocks are changed at full hours of UTC."""
        hours, place = np.unique(at_ms // _HOUR_MS, return_inverse=True)
        zone = ZoneInfo(self.zone)
        away = [datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset() for hour in hours.tolist()]
        away_h = np.array([0.0 if each is None else each.total_seconds() / 3600 for each in away])
        since: NDArray[np.float64] = (at_ms / _HOUR_MS + away_h[place]) % 24
        return since


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
        return cls.given(first, place.of(np.arange(first, to_ms // CELL_MS + 2, dtype=np.int64)))

    @classmethod
    def given(cls, first: int, each: NDArray[np.int64]) -> "Cells":
        """Cells of known brightness."""
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
