"""Photovoltaics: irradiance on the modules, cell temperature, direct current, inverter with clipping (PVWatts)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from parkgrid_simulators import irradiance
from parkgrid_simulators.weather import WeatherDay

NOMINAL_EFFICIENCY = 0.96
REFERENCE_EFFICIENCY = 0.9637
_STILL_AIR, _WIND, _CELL_OVER_BACK_K = -3.56, -0.075, 3.0
"""Heating of modules by W/m², as an exponent: in still air, and for each m/s; cells are warmer than the backs."""


@dataclass(frozen=True, slots=True)
class PvArray:
    """One inverter with its modules."""

    rated_power_kw: float
    """Alternating-current rating: it clips there."""
    dc_ac_ratio: float = 1.2
    """Module rating over inverter rating."""
    tilt_deg: float = 15.0
    azimuth_deg: float = 180.0
    gamma_per_k: float = -0.0035
    """Change of module power for each degree of cell temperature."""
    loss_pct: float = 14.0757
    """Soiling, wiring, mismatch …: PVWatts' defaults together (Dobos 2014, NREL/TP-6A20-62641)."""
    cloud_lag_min: int = 0
    """Minutes that a cloud needs from the weather station to these modules."""


@dataclass(frozen=True, slots=True)
class PvDay:
    """What one inverter can deliver on a day, at every minute."""

    ac_kw: list[float]
    dc_kw: list[float]
    plane_w_m2: list[float]
    cell_c: list[float]


def generation(array: PvArray, weather: WeatherDay) -> PvDay:
    """The day of one inverter: Hay-Davies transposition, SAPM cell temperature, PVWatts modules and inverter."""
    clear = weather.clear
    light = weather.light(array.cloud_lag_min)
    plane = irradiance.on_plane(light, clear.sun, clear.dni_extra, array.tilt_deg, array.azimuth_deg)
    cell = cell_temperature(plane, weather.air_c, weather.wind_m_s)
    dc = dc_power(plane, cell, array.rated_power_kw * array.dc_ac_ratio, array.gamma_per_k)
    dc *= 1 - array.loss_pct / 100
    ac = ac_power(dc, array.rated_power_kw)
    usable = np.minimum(dc, array.rated_power_kw / NOMINAL_EFFICIENCY)
    return PvDay(ac.tolist(), np.where(ac > 0, usable, 0.0).tolist(), plane.tolist(), cell.tolist())


def cell_temperature(plane_w_m2: Any, air_c: Any, wind_m_s: Any) -> Any:
    """Cell temperature in °C, Sandia array performance model, open rack, glass and polymer (King 2004, SAND2004-3535).

    T = T_air + G · exp(a + b · v) + G / 1000 · ΔT with wind v at 10 m in m/s.
    """
    return air_c + plane_w_m2 * (np.exp(_STILL_AIR + _WIND * wind_m_s) + _CELL_OVER_BACK_K / 1000)


def dc_power(plane_w_m2: Any, cell_c: Any, rated_dc_kw: float, gamma_per_k: float) -> Any:
    """Direct-current power in kW: G/1000 · P_dc0 · (1 + gamma (T_cell - 25)) (Dobos 2014)."""
    return plane_w_m2 * (rated_dc_kw / 1000) * (1 + gamma_per_k * (cell_c - 25.0))


def ac_power(dc_kw: Any, rated_ac_kw: float) -> Any:
    """Alternating-current power in kW, from 0 to the rating (Dobos 2014, PVWatts inverter).

    With the share ζ of the rated input: efficiency · ζ = 0.96 / 0.9637 · (0.9858 ζ - 0.0162 ζ² - 0.0059).
    """
    share = dc_kw * (NOMINAL_EFFICIENCY / rated_ac_kw)
    efficient = (share * (0.9858 - 0.0162 * share) - 0.0059) / REFERENCE_EFFICIENCY
    return rated_ac_kw * efficient.clip(0.0, 1.0)
