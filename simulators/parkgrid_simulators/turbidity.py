"""How turbid the air is over a place: monthly means of a climatology, and a value of every day between them.

The means of Pingshan are a file of ours; those of other places are asked from pvlib, where it is installed.
"""

import calendar
import importlib.util
import math
from datetime import date
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from parkgrid_contract import strict_toml

Months = tuple[float, ...]
"""Twelve monthly means, January first."""

REMEDY = "its turbidity is in no file of ours: state linke_turbidity, or pip install 'parkgrid-simulators[climatology]'"
_CELLS = Path(__file__).parent / "data" / "linke_turbidity.toml"
_CELL_ARCMIN = 5


class UnknownPlaceError(LookupError):
    """No climatology at hand knows the place; the message says what to install."""


def is_known(latitude: float, longitude: float) -> bool:
    """Whether `monthly` has an answer for a place, in degrees north and east; pvlib is looked for, not loaded."""
    return _cell(latitude, longitude) in _cells() or importlib.util.find_spec("pvlib") is not None


@cache
def monthly(latitude: float, longitude: float) -> Months:
    """Mean Linke turbidity of the months over a place (Remund and others 2003). Raises `UnknownPlaceError`."""
    return _cells().get(_cell(latitude, longitude)) or _asked(latitude, longitude)


def of_day(months: Months, day: date) -> float:
    """Linke turbidity of a day between monthly means: 1 is the purest air, 2 to 7 is usual."""
    middles = _middles(366 if calendar.isleap(day.year) else 365)
    return float(np.interp(day.timetuple().tm_yday, middles, (months[-1], *months, months[0])))


@cache
def _middles(days: int) -> tuple[float, ...]:
    """Days of the year in the middles of the months, from December of the year before to January of the next."""
    lengths = [31, 31, 28 + days - 365, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31]
    return tuple(end - length / 2 - 31 for end, length in zip(accumulate(lengths), lengths, strict=True))


def _cell(latitude: float, longitude: float) -> tuple[int, int]:
    """The south-western corner, in minutes of arc, of the cell of a place."""
    south, west = (_CELL_ARCMIN * math.floor(degrees * 60 / _CELL_ARCMIN) for degrees in (latitude, longitude))
    return south, west


@cache
def _cells() -> dict[tuple[int, int], Months]:
    document: dict[str, Any] = strict_toml.loads(_CELLS.read_text("utf-8"))
    return {(cell["south"], cell["west"]): tuple(cell["months"]) for cell in document["cells"]}


def _asked(latitude: float, longitude: float) -> Months:
    """The same from pvlib, which takes seconds to load."""
    try:
        import pandas as pd
        from pvlib.clearsky import lookup_linke_turbidity
    except ImportError as error:
        raise UnknownPlaceError(f"{latitude:g} °N, {longitude:g} °E: {REMEDY}") from error
    times = pd.DatetimeIndex([f"2025-{month:02}-15T00:00Z" for month in range(1, 13)])
    return tuple(lookup_linke_turbidity(times, latitude, longitude, interp_turbidity=False).tolist())
