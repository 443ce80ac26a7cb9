"""Photovoltaics: irradiance on the modules, cell temperature, direct current, inverter with clipping (PVWatts)."""

from dataclasses import dataclass
from typing import Any

from simulators.weather import WeatherDay

NOMINAL_EFFICIENCY = 0.96
REFERENCE_EFFICIENCY = 0.9637


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
    import numpy as np
    import pvlib

    light = weather.irradiance(array.cloud_lag_min)
    clear = weather.clear
    plane = pvlib.irradiance.get_total_irradiance(
        array.tilt_deg,
        array.azimuth_deg,
        clear.zenith,
        clear.azimuth,
        light["dni"],
        light["ghi"],
        light["dhi"],
        dni_extra=clear.dni_extra,
        model="haydavies",
    )["poa_global"]
    plane = np.where(light["ghi"] > 0, np.nan_to_num(plane), 0.0).clip(min=0.0)
    cell = cell_temperature(plane, np.asarray(weather.temperature), np.asarray(weather.wind))
    dc = dc_power(plane, cell, array.rated_power_kw * array.dc_ac_ratio, array.gamma_per_k)
    dc = dc * (1 - array.loss_pct / 100)
    ac = ac_power(dc, array.rated_power_kw)
    usable = np.minimum(dc, array.rated_power_kw / NOMINAL_EFFICIENCY)
    return PvDay(ac.tolist(), np.where(ac > 0, usable, 0.0).tolist(), plane.tolist(), cell.tolist())


def cell_temperature(plane_w_m2: Any, air_c: Any, wind_m_s: Any) -> Any:
    """Cell temperature in °C, Sandia array performance model, open rack, glass and polymer (King 2004)."""
    import pvlib

    parameters = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_polymer"]
    return pvlib.temperature.sapm_cell(plane_w_m2, air_c, wind_m_s, **parameters)


def dc_power(plane_w_m2: Any, cell_c: Any, rated_dc_kw: float, gamma_per_k: float) -> Any:
    """Direct-current power in kW: G/1000 · P_dc0 · (1 + gamma (T_cell - 25)) (Dobos 2014)."""
    import pvlib

    return pvlib.pvsystem.pvwatts_dc(plane_w_m2, cell_c, rated_dc_kw, gamma_per_k)


def ac_power(dc_kw: Any, rated_ac_kw: float) -> Any:
    """Alternating-current power in kW, clipped at the rating (Dobos 2014, PVWatts inverter)."""
    import numpy as np
    import pvlib

    ac = pvlib.inverter.pvwatts(dc_kw, rated_ac_kw / NOMINAL_EFFICIENCY, NOMINAL_EFFICIENCY, REFERENCE_EFFICIENCY)
    return np.maximum(np.nan_to_num(ac), 0.0)
