"""Sun, moving clouds and air over a site: every local day is a pure function of the seed and the date.

Clear sky: Ineichen with climatological turbidity. A day is computed once, at steps of one minute, and interpolated.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import to_ms
from parkgrid_domain.sun import Series, outside_atmosphere, sun_path
from parkgrid_simulators import irradiance, turbidity

MINUTES = 1_440
MINUTE_MS = 60_000
_SKIES = ("fair", "broken", "overcast")
_SKY_SHARES = (0.17, 0.40, 0.43)
"""Days of each kind; the mean clear-sky index comes to 0.55-0.6, as Shenzhen's yields suggest (design default)."""
_MONTH_MEAN_C = (15.5, 16.5, 19.0, 22.8, 26.0, 28.0, 28.8, 28.6, 27.6, 25.0, 21.2, 17.0)
"""Monthly mean air temperature; design default close to Shenzhen's normals."""
_CLOUD_ADJUSTMENT = 0.6
"""Share of the way to a new cloud level within one minute: ramps of 60 % of the rating a minute do happen."""
_LOWEST_INDEX, _HIGHEST_INDEX = 0.05, 1.15
_NOTHING = 1e-20
"""A share that no digit of a float shows."""
_EVERY_MINUTE = np.arange(MINUTES + 1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the park stands."""

    latitude: float = 22.69
    longitude: float = 114.35
    altitude_m: float = 50.0
    zone: str = "Asia/Shanghai"
    turbidities: turbidity.Months = ()
    """Linke turbidity of each month; none: what the climatology says."""

    def midnight_ms(self, day: date) -> int:
        """The instant at which a local day begins."""
        return to_ms(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)))

    def day_of(self, at_ms: int) -> date:
        """The local day of an instant."""
        return (
            (datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(milliseconds=at_ms))
            .astimezone(ZoneInfo(self.zone))
            .date()
        )


PINGSHAN = Site()
"""Pingshan district, Shenzhen."""


@dataclass(frozen=True, slots=True)
class _Regime:
    """How clouds come and go on a kind of day: chances a minute, and what gets through."""

    to_shadow: float
    to_sun: float
    sun: float
    shadow: float
    noise: float


_REGIMES = {
    "fair": _Regime(0.004, 0.15, 1.0, 0.55, 0.01),
    "broken": _Regime(0.06, 0.08, 1.02, 0.38, 0.03),
    "overcast": _Regime(0.20, 0.01, 0.60, 0.24, 0.03),
}


def cloud_index(random: Random, sky: str, minutes: int = MINUTES + 1) -> Series:
    """Clear-sky index at every minute: a two-state Markov chain of sun and shadow, smoothed, bounded 0.05 to 1.15."""
    regime = _REGIMES[sky]
    begun = random.random() < regime.to_shadow / (regime.to_shadow + regime.to_sun)
    draws = numbers(random)
    shadow = _shadows(draws.random(minutes), regime, shadow=begun)
    levels = np.where(shadow, regime.shadow, regime.sun)
    pushed = _CLOUD_ADJUSTMENT * levels + draws.normal(0.0, regime.noise, minutes)
    before = regime.shadow if begun else regime.sun
    return carried(pushed, 1 - _CLOUD_ADJUSTMENT, before).clip(_LOWEST_INDEX, _HIGHEST_INDEX)


def _shadows(chances: Series, regime: _Regime, *, shadow: bool) -> NDArray[np.bool_]:
    """Whether each minute is in a shadow; only minutes that could change it are looked at."""
    found = np.full(len(chances), shadow)
    for minute in np.flatnonzero(chances < max(regime.to_sun, regime.to_shadow)).tolist():
        if chances[minute] < (regime.to_sun if shadow else regime.to_shadow):
            shadow = not shadow
            found[minute:] = shadow
    return found


def numbers(random: Random) -> np.random.Generator:
    """Random numbers by the thousand, where drawing them one by one would take longer than all the physics."""
    return np.random.default_rng(random.getrandbits(128))


def carried(pushed: Series, share: float, start: float) -> Series:
    """A series that keeps a share of its former value and is pushed by a new one: x = share · x_before + pushed.

    Each round counts what twice as many minutes before have left, until nothing of them is left.
    """
    series = pushed.copy()
    series[0] += share * start
    reach = 1
    while reach < len(series) and share**reach > _NOTHING:
        series[reach:] += share**reach * series[:-reach]
        reach *= 2
    return series


@dataclass(frozen=True)
class ClearSky:
    """Sun and cloudless irradiance of a local day at every minute, as arrays."""

    zenith: Series
    """Apparent zenith in degrees."""
    azimuth: Series
    """Degrees from north, clockwise."""
    ghi: Series
    dni: Series
    dhi: Series
    """Global horizontal, direct normal and diffuse horizontal irradiance in W/m²."""
    dni_extra: float
    """Irradiance outside the atmosphere in W/m²."""

    @cached_property
    def sun(self) -> irradiance.Direction:
        """The unit vector towards the sun, the same for every plane."""
        return irradiance.direction(self.zenith, self.azimuth)


def clear_sky(site: Site, day: date, linke_turbidity: float | None = None) -> ClearSky:
    """Sun and clear sky of a local day: Ineichen and Perez (2002); turbidity from the climatology unless given.

    Raises `UnknownPlaceError` where no climatology at hand knows the place.
    """
    at_ms = site.midnight_ms(day) + MINUTE_MS * _EVERY_MINUTE
    path = sun_path(at_ms, site.latitude, site.longitude, irradiance.pressure_at(site.altitude_m))
    outside = outside_atmosphere(day.timetuple().tm_yday)
    if linke_turbidity is None:
        months = site.turbidities or turbidity.monthly(site.latitude, site.longitude)
        linke_turbidity = turbidity.of_day(months, day)
    light = irradiance.cloudless(path.zenith, linke_turbidity, site.altitude_m, outside)
    return ClearSky(path.zenith, path.azimuth, light.ghi, light.dni, light.dhi, outside)


def haurwitz(zenith_deg: float) -> float:
    """Clear-sky global horizontal irradiance in W/m² (Haurwitz 1945): a check without any climatology."""
    cosine = math.cos(math.radians(zenith_deg))
    return 1098.0 * cosine * math.exp(-0.057 / cosine) if cosine > 0 else 0.0


@dataclass(frozen=True)
class WeatherDay:
    """One local day over a site, at every minute from midnight to midnight (1,441 points)."""

    site: Site
    day: date
    seed: int
    sky: str = "auto"
    """fair, broken or overcast; auto draws one."""
    sun: irradiance.SetSun | None = None
    """Set by somebody; None: by seed and date."""

    @cached_property
    def start_ms(self) -> int:
        """Local midnight."""
        return self.site.midnight_ms(self.day)

    @cached_property
    def clear(self) -> ClearSky:
        """The clear sky of the day."""
        return clear_sky(self.site, self.day)

    @cached_property
    def kind(self) -> str:
        """The kind of sky."""
        if self.sky != "auto":
            return self.sky
        return self._random("sky").choices(_SKIES, _SKY_SHARES)[0]

    @cached_property
    def index(self) -> Series:
        """Clear-sky index over the weather station."""
        if self.sun is not None and self.sun.cloud_index is not None:
            return np.full(MINUTES + 1, self.sun.cloud_index)
        return cloud_index(self._random("clouds"), self.kind)

    def light(self, lag_min: int = 0) -> irradiance.Light:
        """Global, direct and diffuse irradiance in W/m² where clouds arrive `lag_min` minutes after the station.

        Direct and diffuse by Erbs (1982) from the cloudy global irradiance.
        """
        if self.sun is not None and self.sun.irradiance_w_m2 is not None:
            diffuse = np.full(MINUTES + 1, self.sun.irradiance_w_m2)
            return irradiance.Light(diffuse, np.zeros(MINUTES + 1), diffuse)
        ghi = self.clear.ghi * np.roll(self.index, lag_min)
        return irradiance.split(ghi, self.clear.zenith, self.clear.dni_extra)

    @cached_property
    def station(self) -> dict[str, list[float]]:
        """Irradiance at the weather station: ghi, dni, dhi."""
        light = self.light()
        return {"ghi": _listed(light.ghi), "dni": _listed(light.dni), "dhi": _listed(light.dhi)}

    @cached_property
    def air_c(self) -> Series:
        """Air temperature in °C: the month's mean, the day's swing (warmest at 15:00), less under clouds."""
        random = self._random("temperature")
        mean = _month_mean(self.day) + random.gauss(0.0, 1.5)
        swing = {"fair": 4.5, "broken": 3.5, "overcast": 1.5}[self.kind]
        return mean + swing * np.cos((_EVERY_MINUTE - 900) / MINUTES * 2 * math.pi)

    @cached_property
    def wind_m_s(self) -> Series:
        """Wind speed in m/s: autoregressive around 2.2 m/s, never below 0.2."""
        return _wander(self._random("wind"), 2.2, 0.05, 0.12).clip(0.2, 15.0)

    @cached_property
    def temperature(self) -> list[float]:
        """Air temperature in °C at every minute."""
        return _listed(self.air_c)

    @cached_property
    def humidity(self) -> list[float]:
        """Relative humidity in %: falls as the air warms at constant moisture (Magnus formula)."""
        dew = float(self.air_c.min()) - {"fair": 3.0, "broken": 1.5, "overcast": 0.3}[self.kind]
        return _listed(100.0 * _saturation(dew) / _saturation(self.air_c))

    @cached_property
    def wind(self) -> list[float]:
        """Wind speed in m/s at every minute."""
        return _listed(self.wind_m_s)

    @cached_property
    def wind_direction(self) -> list[float]:
        """Wind direction in degrees, wandering about the day's prevailing one."""
        random = self._random("direction")
        prevailing = random.uniform(60, 180)
        return _listed(_wander(random, prevailing, 0.01, 2.0).clip(prevailing - 90, prevailing + 90) % 360)

    @cached_property
    def pressure(self) -> list[float]:
        """Air pressure in hPa at the station: reduced by 0.12 hPa a metre, with the two tides of a day."""
        level = 1013.0 - 0.12 * self.site.altitude_m + self._random("pressure").gauss(0.0, 3.0)
        return _listed(level + 1.2 * np.cos((_EVERY_MINUTE - 600) / 720 * 2 * math.pi))

    def _random(self, label: str) -> Random:
        return Random(f"{self.seed}/weather/{label}/{self.day.isoformat()}")  # noqa: S311  physics, not secrets


def interpolate(series: Sequence[float], minute: float) -> float:
    """The value of a series of minutes between two of its points."""
    whole = int(minute)
    low = series[whole]
    return low + (series[whole + 1] - low) * (minute - whole) if whole < MINUTES else low


def _month_mean(day: date) -> float:
    """Mean temperature of the season, interpolated between the middles of the months."""
    position = day.month - 1 + (day.day - 15) / 30
    low = math.floor(position)
    share = position - low
    return _MONTH_MEAN_C[low % 12] * (1 - share) + _MONTH_MEAN_C[(low + 1) % 12] * share


def _saturation(celsius: Any) -> Any:
    return 6.112 * np.exp(17.62 * celsius / (243.12 + celsius))


def _wander(random: Random, mean: float, pull: float, noise: float) -> Series:
    """An autoregressive series of a day about its mean."""
    return mean + carried(numbers(random).normal(0.0, noise, MINUTES + 1), 1 - pull, 0.0)


def _listed(values: Series) -> list[float]:
    """Numbers that are looked up one at a time: a list gives them quicker than an array does."""
    found: list[float] = values.tolist()
    return found
