"""Where the sun stands over a park in the intervals of a figure: which are dark, and how much light there can be."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.indicators.definition import Inputs, Place
from parkgrid_domain.sun import SOLAR_CONSTANT_W_M2, STANDARD_PRESSURE_PA, sun_path

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
_NEAREST_SUN = 1.035
"""By how much more the sun gives in January than on average (Spencer 1971)."""
_LOW_SUN_POWER = 0.2
"""How light on a plane turned to the sun falls with the sun's height: BSRN's limit of direct light has cos(z)^0.2 (Long
and Dutton, BSRN Global Network recommended QC tests, V2.0) [from memory, unverified]."""
_DIFFUSE_W_M2 = 50.0
"""What the same limits add for scattered light."""
_DARK_BELOW_DEG = 96.0
"""Zenith of the end of civil twilight: the sky gives less than 1 W/m² below."""
_DARK_HOURS = range(4)
"""Of the local clock, where nobody said where the park lies: wherever it is, the sun is down then, or nearly."""
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Sky:
    """What is possible in each interval of a grid."""

    dark: Flags
    """Whether the sun is down throughout."""
    most_w_m2: Floats
    """What a plane can get, whichever way it is turned."""
    day: NDArray[np.int64]
    """Number of the local day."""


def sky_over(grid: Inputs) -> Sky:
    """The sky over the place of these inputs; by the local clock where the place is not known."""
    at_ms = grid.start_ms + np.arange(grid.count, dtype=np.int64) * grid.period_s * 1000
    zone_ms = (datetime.fromtimestamp(grid.start_ms / 1000, grid.zone).utcoffset() or timedelta()) // timedelta(
        milliseconds=1
    )
    day = (at_ms + zone_ms) // _DAY_MS
    highest = SOLAR_CONSTANT_W_M2 * _NEAREST_SUN
    if grid.place is None:
        last_ms = at_ms + grid.period_s * 1000 - 1
        hours = ((edge + zone_ms) % _DAY_MS // _HOUR_MS for edge in (at_ms, last_ms))
        dark = np.logical_and.reduce([np.isin(hour, _DARK_HOURS) for hour in hours])
        return Sky(dark, np.full(grid.count, highest + _DIFFUSE_W_M2), day)
    zenith = _least_zenith(at_ms, grid.period_s * 1000, grid.place)
    height = np.cos(np.radians(zenith)).clip(min=0.0)
    return Sky(zenith > _DARK_BELOW_DEG, highest * height**_LOW_SUN_POWER + _DIFFUSE_W_M2, day)


def _least_zenith(at_ms: NDArray[np.int64], period_ms: int, place: Place) -> Floats:
    """The zenith in degrees where the sun is highest, at the start, the middle or the end of each interval."""
    seen = [
        sun_path(at_ms + part, place.latitude, place.longitude, STANDARD_PRESSURE_PA).zenith
        for part in (0, period_ms // 2, period_ms)
    ]
    lowest: Floats = np.minimum.reduce(seen)
    return lowest
