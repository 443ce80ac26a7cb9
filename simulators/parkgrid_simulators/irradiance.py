"""What air and clouds leave of the sun, and what of it falls on a tilted plane; irradiance in W/m², angles in degrees.

Directions are unit vectors (east, north, up), so the cosine of the angle between two of them is a sum of products.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.sun import STANDARD_PRESSURE_PA, Series

Direction = tuple[Series, Series, Series]

_ALBEDO = 0.25
"""Share of the light that the ground gives back."""
_HORIZON = 90.0
_LOWEST_COSINE = 0.01745
"""Of the sun's zenith (89°): what shines around the sun is not counted for more than there is of it."""
_ERBS_LOWEST_COSINE, _ERBS_HIGHEST_ZENITH = 0.065, 87.0


@dataclass(frozen=True, slots=True)
class Light:
    """Irradiance in W/m²: global and diffuse on the horizontal, direct on a plane towards the sun."""

    ghi: Series
    dni: Series
    dhi: Series


@dataclass(frozen=True, slots=True)
class SetSun:
    """A sun that somebody set, instead of the one that seed and date give; one of the two."""

    cloud_index: float | None = None
    """Share of the cloudless sun that comes through, 0 to 1.2; nights stay dark."""
    irradiance_w_m2: float | None = None
    """Global irradiance on the horizontal at any hour, 0 to 1400 W/m², from the whole sky as under a lamp."""


def pressure_at(altitude_m: float) -> float:
    """Air pressure in Pa of the standard atmosphere, up to 11,000 m (Portland State Aerospace Society 2004)."""
    found: float = 100 * ((44_331.514 - altitude_m) / 11_880.516) ** (1 / 0.1902632)
    return found


def air_mass(zenith: Series) -> Series:
    """How much more air a beam crosses than from straight up at sea level; zenith to 90° (Kasten and Young 1989)."""
    return 1 / (np.cos(np.radians(zenith)) + 0.50572 * (96.07995 - zenith) ** -1.6364)


def cloudless(zenith: Series, turbidity: float, altitude_m: float, outside: float) -> Light:
    """Irradiance without clouds for apparent zeniths, 0 at night (Ineichen and Perez 2002, Solar Energy 73, 151-157).

    Linke turbidity is 1 for the purest air, 2 to 7 over cities; `outside` is the irradiance outside the atmosphere.
    The corrections of the direct beam are those of the paper's pages 156 and 157.
    """
    up = zenith < _HORIZON
    cosine = np.cos(np.radians(zenith[up]))
    mass = air_mass(zenith[up]) * (pressure_at(altitude_m) / STANDARD_PRESSURE_PA)
    low, high = math.exp(-altitude_m / 8000), math.exp(-altitude_m / 1250)
    scale, depth = 5.09e-5 * altitude_m + 0.868, 3.92e-5 * altitude_m + 0.0387
    whole = scale * outside * cosine * np.exp(-depth * (low + high * (turbidity - 1)) * mass)
    beam = outside * (0.664 + 0.163 / low) * np.exp(-0.09 * (turbidity - 1) * mass)
    most = 1 - (0.1 - 0.2 * math.exp(-turbidity)) / (0.1 + 0.882 / low)
    direct = np.minimum(beam, whole * max(most, 0.0) / cosine)
    return Light(*(_by_day(up, part) for part in (whole, direct, whole - direct * cosine)))


def _by_day(up: NDArray[np.bool_], values: Series) -> Series:
    """The values while the sun is up, and 0 at night."""
    found = np.zeros(len(up))
    found[up] = values
    return found


def split(ghi: Series, zenith: Series, outside: float) -> Light:
    """Direct and diffuse parts of a global irradiance (Erbs, Klein and Duffie 1982, Solar Energy 28, 293-302).

    The clearness is counted as if the sun stood 3.7° high at least; lower than 3° everything is diffuse.
    """
    cosine = np.cos(np.radians(zenith))
    clearness = (ghi / (outside * np.maximum(cosine, _ERBS_LOWEST_COSINE))).clip(0.0, 1.0)
    hazy = 0.9511 + clearness * (-0.1604 + clearness * (4.388 + clearness * (-16.638 + clearness * 12.336)))
    share = np.where(clearness <= 0.22, 1 - 0.09 * clearness, np.where(clearness <= 0.8, hazy, 0.165))  # noqa: PLR2004
    share[zenith > _ERBS_HIGHEST_ZENITH] = 1.0
    dhi = share * ghi
    return Light(ghi, (ghi - dhi) / np.maximum(cosine, _LOWEST_COSINE), dhi)


def direction(zenith: Series, azimuth: Series) -> Direction:
    """The unit vector (east, north, up) towards a place in the sky."""
    height, turn = np.radians(zenith), np.radians(azimuth)
    flat = np.sin(height)
    return flat * np.sin(turn), flat * np.cos(turn), np.cos(height)


def on_plane(light: Light, sun: Direction, outside: float, tilt: float, azimuth: float) -> Series:
    """Irradiance on a tilted plane: direct, from the sky (Hay and Davies 1980) and from the ground (albedo 0.25).

    The brighter the beam compared with what is outside the atmosphere, the more of the diffuse light comes from about
    the sun; the rest is the same from everywhere. Tilt 0 is horizontal, azimuth 180 faces south.
    """
    flat, level, turn = math.sin(math.radians(tilt)), math.cos(math.radians(tilt)), math.radians(azimuth)
    east, north, up = sun
    facing = np.maximum(flat * math.sin(turn) * east + flat * math.cos(turn) * north + level * up, 0.0)
    around = light.dni / outside
    everywhere = np.maximum(1 - around, 0.0) * ((1 + level) / 2)
    sky = light.dhi * (around * facing / np.maximum(up, _LOWEST_COSINE) + everywhere)
    return light.dni * facing + sky + light.ghi * (_ALBEDO * (1 - level) / 2)
