"""What the instruments of a device show for its power, registers and surroundings: pure functions.

Each of them works for one instant and for many: it takes numbers and gives numbers, or arrays of them. What is absent
is nan.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from parkgrid_contract.signals import OPERATING_STATES
from parkgrid_simulators.chargers import Plugged
from parkgrid_simulators.flow import WATT_MS_PER_KWH, Metered
from parkgrid_simulators.storage import Battery
from parkgrid_simulators.weather import WeatherDay, interpolate

Columns = Mapping[str, Any]
"""Catalogue signal to value in its unit, or to an array of values: one an instant."""
_STANDBY, _RUNNING, _LIMITED = (float(OPERATING_STATES.index(name)) for name in ("standby", "running", "limited"))
_PHASES = (("a", 1.004), ("b", 0.998), ("c", 0.998))
"""Share of a third of the power on each phase: a little unbalanced, together exactly one."""
_PHASE_VOLTS = 230.0
_INVERTER_VOLTS = 462.0
"""Phase voltage of a string inverter that feeds 800 V between lines."""
_CELLS = 240
_STRINGS = 4
_LOWER_KNEE, _UPPER_KNEE = 0.1, 0.95
_HIGH_VOLTAGE_KW = 200.0
"""A vehicle that takes more than this has an 800 V battery, any other a 400 V one."""


def kwh(watt_ms: Any) -> Any:
    """An energy register in kWh; the whole ones apart, for a float does not hold all the digits of the register."""
    whole, rest = divmod(watt_ms, WATT_MS_PER_KWH)
    return whole + rest / WATT_MS_PER_KWH


def frequency_hz(at_ms: Any) -> Any:
    """Grid frequency: slow swings within 50 ± 0.03 Hz."""
    seconds = at_ms / 1000
    return 50.0 + 0.018 * np.sin(seconds / 97.0) + 0.009 * np.sin(seconds / 13.7)


def voltage_factor(at_ms: Any, loading: Any) -> Any:
    """Voltage over nominal: sags with load, swings slowly."""
    return 1.015 - 0.02 * np.minimum(abs(loading), 1.5) + 0.004 * np.sin(at_ms / 411_000)


def along(series: list[float], minute: Any) -> Any:
    """A series of minutes at one minute, or at each of a list of them."""
    if isinstance(minute, list):
        return np.array([interpolate(series, point) for point in minute])
    return interpolate(series, minute)


def meter(flow: Metered, rated_kw: float, at_ms: Any) -> Columns:
    """A three-phase meter; import positive."""
    loading = flow.watts / 1000 / rated_kw if rated_kw else 0.0
    volts = _PHASE_VOLTS * voltage_factor(at_ms, loading)
    apparent = np.sqrt(flow.watts * flow.watts + flow.var * flow.var)
    values = {
        "active_power_kw": flow.watts / 1000,
        "reactive_power_kvar": flow.var / 1000,
        "apparent_power_kva": apparent / 1000,
        "power_factor": _quotient(flow.watts, apparent, otherwise=1.0),
        "frequency_hz": frequency_hz(at_ms),
        "energy_import_kwh": kwh(flow.taken),
        "energy_export_kwh": kwh(flow.given),
        "reactive_energy_import_kvarh": kwh(flow.reactive),
        "reactive_energy_export_kvarh": kwh(flow.reactive_given),
        "fault_code": 0.0,
    }
    for phase, share in _PHASES:
        values[f"voltage_{phase}_v"] = volts
        values[f"current_{phase}_a"] = apparent * share / 3 / volts
        values[f"active_power_{phase}_kw"] = flow.watts * share / 3000
    return values


def inverter(
    flow: Metered,
    *,
    rated_kw: float,
    available_kw: Any,
    dc_kw: Any,
    cell_c: Any,
    limit_pct: float,
    at_ms: Any,
) -> Columns:
    """A string inverter; generation positive. A limit moves the modules off their best point."""
    power = flow.watts / 1000
    dc = _quotient(dc_kw * power, available_kw)
    volts = _INVERTER_VOLTS * voltage_factor(at_ms, -power / rated_kw)
    dc_volts = np.where(dc > 0, 1150.0 * (1 - 0.0027 * (cell_c - 25)), 0.0)
    dc_amperes = _quotient(1000 * dc, dc_volts)
    limited = power < available_kw - 0.01
    values = {
        "active_power_kw": power,
        "reactive_power_kvar": 0.0,
        "power_factor": 1.0,
        "frequency_hz": frequency_hz(at_ms),
        "dc_power_kw": dc,
        "dc_voltage_v": dc_volts,
        "dc_current_a": dc_amperes,
        "temperature_c": 28.0 + 30.0 * power / rated_kw,
        "limit_pct": limit_pct,
        "energy_generated_kwh": kwh(flow.taken),
        "operating_state": np.where(limited, _LIMITED, np.where(power > 0, _RUNNING, _STANDBY)),
        "fault_code": 0.0,
    }
    for phase, share in _PHASES:
        values[f"voltage_{phase}_v"] = volts
        values[f"current_{phase}_a"] = flow.watts * share / 3 / volts
    for string in range(1, _STRINGS + 1):
        tolerance = 1 + 0.006 * (string - 2.5)
        values[f"string_{string}_voltage_v"] = dc_volts
        values[f"string_{string}_current_a"] = dc_amperes / _STRINGS * tolerance
    return values


def storage(
    flow: Metered, battery: Battery, energy_kwh: Any, air_c: Any, setpoint_kw: float | None, at_ms: Any
) -> Columns:
    """A storage unit; discharge positive."""
    power = flow.watts / 1000
    soc = energy_kwh / battery.capacity_kwh
    dc = each(battery.dc_power_kw, power)
    cell = _cell_voltage(soc) - 0.02 * power / battery.power_kw
    volts = _CELLS * cell
    warm = air_c * 0.3 + 18.0 + 6.0 * abs(power) / battery.power_kw
    return {
        "active_power_kw": power,
        "reactive_power_kvar": 0.0,
        "frequency_hz": frequency_hz(at_ms),
        "soc_pct": 100 * soc,
        "soh_pct": 98.6,
        "stored_energy_kwh": energy_kwh,
        "dc_power_kw": dc,
        "dc_voltage_v": volts,
        "dc_current_a": 1000 * dc / volts,
        "cell_voltage_min_v": cell - 0.006,
        "cell_voltage_max_v": cell + 0.006,
        "cell_temperature_min_c": warm - 1.8,
        "cell_temperature_max_c": warm + 1.8,
        "insulation_resistance_kohm": 1800.0,
        "charge_limit_kw": each(battery.charge_limit_kw, energy_kwh),
        "discharge_limit_kw": each(battery.discharge_limit_kw, energy_kwh),
        "setpoint_kw": power if setpoint_kw is None else setpoint_kw,
        "energy_charged_kwh": kwh(flow.given),
        "energy_discharged_kwh": kwh(flow.taken),
        "cycle_count": kwh(flow.taken) / battery.capacity_kwh,
        "operating_state": np.where(flow.watts, _RUNNING, _STANDBY),
        "fault_code": 0.0,
    }


def _cell_voltage(soc: Any) -> Any:
    """Open-circuit voltage of an LFP cell: flat but for its ends."""
    upper = np.maximum(0.0, soc - _UPPER_KNEE) / (1 - _UPPER_KNEE)
    lower = np.maximum(0.0, _LOWER_KNEE - soc) / _LOWER_KNEE
    return 3.24 + 0.08 * soc + 0.10 * upper - 0.30 * lower


def charger(flow: Metered, gun: Plugged, air_c: Any) -> Columns:
    """One gun; charging positive, giving back negative. Without a vehicle there is no state of charge."""
    power = flow.watts / 1000
    occupied = gun.vehicle_kw > 0
    full = np.where(gun.vehicle_kw > _HIGH_VOLTAGE_KW, 870.0, 420.0)
    volts = np.where(occupied, full * (0.9 + 0.1 * gun.soc), 0.0)
    return {
        "active_power_kw": power,
        "voltage_v": volts,
        "current_a": _quotient(1000 * power, volts),
        "vehicle_soc_pct": 100 * gun.soc,
        "session_energy_kwh": np.where(occupied, kwh(flow.taken - flow.given - gun.session_base), 0.0),
        "limit_kw": gun.limit_kw,
        "temperature_c": air_c + 4.0 + 30.0 * abs(power) / 480.0,
        "energy_delivered_kwh": kwh(flow.taken),
        "energy_returned_kwh": kwh(flow.given),
        "session_count": gun.sessions,
        "operating_state": gun.state,
        "fault_code": 0.0,
    }


def weather(day: WeatherDay, plane_w_m2: Any, cell_c: Any, minute: Any) -> Columns:
    """The weather station, with two instruments at the modules."""
    return {
        "irradiance_horizontal_w_m2": along(day.station["ghi"], minute),
        "irradiance_direct_w_m2": along(day.station["dni"], minute),
        "irradiance_diffuse_w_m2": along(day.station["dhi"], minute),
        "irradiance_plane_w_m2": plane_w_m2,
        "temperature_c": along(day.temperature, minute),
        "module_temperature_c": cell_c,
        "humidity_pct": along(day.humidity, minute),
        "wind_speed_m_s": along(day.wind, minute),
        "wind_direction_deg": along(day.wind_direction, minute),
        "pressure_hpa": along(day.pressure, minute),
    }


def each(ask: Callable[..., float], *numbers: Any) -> Any:
    """What a battery answers at each instant: its lines bend, so it is asked one by one."""
    return np.vectorize(ask, [np.float64])(*numbers)


def _quotient(part: Any, whole: Any, *, otherwise: float = 0.0) -> Any:
    """Part over whole, or something else where there is nothing to divide by."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), otherwise)
