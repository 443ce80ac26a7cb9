"""Where the sun stands, and how bright it is outside the atmosphere, for many instants at once.

The place is a unit vector that is turned from one pair of axes to the next, so hardly an angle is asked for on the way.

    time ──▶ place on the ecliptic ──▶ equator ──▶ meridian ──▶ horizon ──▶ seen through the air
             (Newcomb, Kepler)         obliquity   sidereal     latitude    refraction
                                                   time
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]

SOLAR_CONSTANT_W_M2 = 1366.1
STANDARD_PRESSURE_PA = 101_325.0
_DAY_MS, _HOUR_MS = 86_400_000, 3_600_000
_EPOCH_DAYS = 25_567.5
"""From noon of 31 December 1899, the epoch of Newcomb's elements (JD 2415020.0), to 1970."""
_CENTURY_DAYS = 36_525.0
_ABERRATION_DEG = 20 / 3600
_KEPLER_TOLERANCE_DEG = 1e-4
_REFRACTED_AT_C = 12.0


@dataclass(frozen=True, slots=True)
class SunPath:
    """Where the sun is seen, in degrees."""

    zenith: Series
    """Apparent: from straight up, with refraction."""
    azimuth: Series
    """From north, clockwise, 0 to 360."""


def sun_path(at_ms: NDArray[np.int64], latitude: float, longitude: float, pressure_pa: float) -> SunPath:
    """The sun at instants (milliseconds since 1970, UTC) over a place in degrees north and east, 1901 to 2099.

    Newcomb's elements as in Hughes, Engineering Astronomy (Sandia National Laboratories 1985), which is `ephemeris` in
    pvlib. While the sun is up, its zenith is within 0.01° of NREL's solar position algorithm, a much longer one.
    """
    days, rest = np.divmod(at_ms, _DAY_MS)
    day, hour = days.astype(np.float64) + _EPOCH_DAYS, rest.astype(np.float64) / _HOUR_MS
    pole, meridian, west = _from_meridian(day + hour / 24, np.radians(_sidereal_time(day, hour) + longitude))
    sine, cosine = math.sin(math.radians(latitude)), math.cos(math.radians(latitude))
    elevation = np.degrees(np.arcsin(sine * pole + cosine * meridian))
    azimuth = np.degrees(np.arctan2(-west, cosine * pole - sine * meridian)) % 360
    return SunPath(90 - (elevation + _refraction(elevation, pressure_pa)), azimuth)


def _sidereal_time(day: Series, hour: Series) -> Series:
    """Greenwich mean sidereal time in degrees: what it is at midnight, and the hours since."""
    century = day / _CENTURY_DAYS
    turns = 6 / 24 + 38 / 1440 + (45.836 + 8_640_184.542 * century + 0.0929 * century**2) / 86_400
    turns -= np.floor(turns)
    turns += 1.0027379093 * hour / 24
    return 360 * turns


def _from_meridian(time: Series, sidereal: Series) -> tuple[Series, Series, Series]:
    """The sun as a unit vector: to the pole, to the meridian on the equator, and to the west of it."""
    century = time / _CENTURY_DAYS
    obliquity = np.radians(23.452294 - century * (0.0130125 + century * (1.64e-6 - century * 5.03e-7)))
    longitude = np.radians(_ecliptic_longitude(time, century))
    # Axes of the equator: to the vernal equinox, 90° east of it, to the pole.
    equinox, sine = np.cos(longitude), np.sin(longitude)
    east, pole = np.cos(obliquity) * sine, np.sin(obliquity) * sine
    turned, across = np.cos(sidereal), np.sin(sidereal)
    return pole, equinox * turned + east * across, equinox * across - east * turned


def _ecliptic_longitude(time: Series, century: Series) -> Series:
    """Apparent longitude of the sun in degrees: perigee and true anomaly, less the aberration."""
    square, cube = century**2, century * century * century
    perigee = 281.22083 + 4.70684e-5 * time + 0.000453 * square + 3e-6 * cube
    mean = (358.47583 + 0.985600267 * time - 0.00015 * square - 3e-6 * cube) % 360
    eccentricity = 0.01675104 - 4.18e-5 * century - 1.26e-7 * square
    half = np.tan(np.radians(_eccentric_anomaly(mean, eccentricity)) / 2)
    true = 2 * np.degrees(np.arctan(np.sqrt((1 + eccentricity) / (1 - eccentricity)) * half))
    found: Series = perigee + true - _ABERRATION_DEG
    return found


def _eccentric_anomaly(mean: Series, eccentricity: Series) -> Series:
    """Kepler's equation E = M + e sin E in degrees, by repetition: each one is sixty times closer."""
    pull, found, moved = np.degrees(eccentricity), mean, math.inf
    while moved > _KEPLER_TOLERANCE_DEG:
        closer = mean + pull * np.sin(np.radians(found))
        moved = float(np.abs(closer - found).max(initial=0.0))
        found = closer
    return found


def _refraction(elevation: Series, pressure_pa: float) -> Series:
    """By how many degrees air lifts the sun: the pieces of Hughes that NOAA's solar calculator uses, at 12 °C."""
    pieces = [
        (elevation > 5) & (elevation <= 85),  # noqa: PLR2004  degrees
        (elevation > -0.575) & (elevation <= 5),  # noqa: PLR2004
        (elevation > -1) & (elevation <= -0.575),  # noqa: PLR2004
    ]
    seconds = np.piecewise(elevation, pieces, [_high, _low, _below, 0.0])
    return seconds * (283 / (273 + _REFRACTED_AT_C)) * (pressure_pa / STANDARD_PRESSURE_PA) / 3600


def _high(elevation: Series) -> Series:
    steepness = 1 / np.tan(np.radians(elevation))
    square = steepness * steepness
    return steepness * (58.1 + square * (-0.07 + square * 8.6e-5))


def _low(elevation: Series) -> Series:
    return 1735 + elevation * (-518.2 + elevation * (103.4 + elevation * (-12.79 + elevation * 0.711)))


def _below(elevation: Series) -> Series:
    return -20.774 / np.tan(np.radians(elevation))


def outside_atmosphere(day_of_year: int) -> float:
    """Irradiance in W/m² on a plane towards the sun outside the atmosphere (Spencer 1971); days count from 1."""
    turn = 2 * math.pi / 365 * (day_of_year - 1)
    distance = 1.00011 + 0.034221 * math.cos(turn) + 0.00128 * math.sin(turn)
    return SOLAR_CONSTANT_W_M2 * (distance + 0.000719 * math.cos(2 * turn) + 7.7e-5 * math.sin(2 * turn))
