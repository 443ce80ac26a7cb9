"""The same physics by pvlib, whose authors know nothing of ours: whole days over places from pole to equator.

pvlib and pandas are imported where they are used: they take two seconds, and every process of a run collects all tests.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from parkgrid_simulators.weather import MINUTES, PINGSHAN, Site

if TYPE_CHECKING:
    import pandas as pd

PINGSHAN_AND_AFAR = {
    "Pingshan": PINGSHAN,
    "Lhasa": Site(29.65, 91.14, 3650.0, "Asia/Shanghai"),
    "Cape Town": Site(-33.92, 18.42, 12.0, "Africa/Johannesburg"),
    "Tromsø": Site(69.65, 18.96, 100.0, "Europe/Oslo"),
    "Quito": Site(-0.18, -78.47, 2850.0, "America/Guayaquil"),
}
DAYS = (
    date(2024, 12, 31),
    date(2026, 1, 3),
    date(2026, 3, 20),
    date(2026, 3, 29),
    date(2026, 6, 21),
    date(2026, 9, 23),
    date(2026, 10, 25),
    date(2026, 12, 22),
    date(2028, 2, 29),
)
"""Turns of the year and of the sun, a leap day, and both days on which Oslo changes its clocks."""
AGREES = {"rtol": 1e-9, "atol": 1e-9}
"""One part in a thousand millions; at sunrise, where powers begin at nothing, a nanowatt."""


def every_minute(site: Site, day: date) -> "pd.DatetimeIndex":
    import pandas as pd

    return pd.date_range(f"{day.isoformat()} 00:00", periods=MINUTES + 1, freq="1min", tz=site.zone)


@contextmanager
def old_pandas_names() -> Iterator[None]:
    """Of pandas 3.1, which has renamed `dayofyear`: pvlib 0.16.1 still asks for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@cache
def sun(site: Site, day: date) -> tuple[np.ndarray, np.ndarray]:
    """Apparent zenith and azimuth."""
    import pvlib

    pressure = pvlib.atmosphere.alt2pres(site.altitude_m)
    with old_pandas_names():
        found = pvlib.solarposition.ephemeris(every_minute(site, day), site.latitude, site.longitude, pressure)
    return found["apparent_zenith"].to_numpy(), found["azimuth"].to_numpy()


def outside(day: date) -> float:
    import pvlib

    return float(pvlib.irradiance.get_extra_radiation(day.timetuple().tm_yday))


def cloudless(site: Site, day: date, turbidity: float) -> dict[str, np.ndarray]:
    import pvlib

    zenith, _ = sun(site, day)
    mass = pvlib.atmosphere.get_relative_airmass(zenith)
    absolute = pvlib.atmosphere.get_absolute_airmass(mass, pvlib.atmosphere.alt2pres(site.altitude_m))
    with np.errstate(all="ignore"):
        # It divides by the air mass, which has no value while the sun is down, and answers 0 there.
        return pvlib.clearsky.ineichen(zenith, absolute, turbidity, site.altitude_m, outside(day))


def turbidities(site: Site, year: int) -> np.ndarray:
    """Linke turbidity of every day of a year."""
    import pandas as pd
    import pvlib

    noons = pd.date_range(f"{year}-01-01 12:00", f"{year}-12-31 12:00", freq="D", tz=site.zone)
    with old_pandas_names():
        return pvlib.clearsky.lookup_linke_turbidity(noons, site.latitude, site.longitude).to_numpy()
