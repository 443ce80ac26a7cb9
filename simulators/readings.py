"""What the instruments of a device show for its power, registers and surroundings: pure functions."""

import math

from contract.signals import OPERATING_STATES
from simulators.chargers import Gun, Vehicle
from simulators.flow import WATT_MS_PER_KWH, Flow
from simulators.plant import Values
from simulators.pv import PvDay
from simulators.storage import Battery
from simulators.weather import WeatherDay, interpolate

_STANDBY, _RUNNING, _LIMITED = (OPERATING_STATES.index(name) for name in ("standby", "running", "limited"))
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


def kwh(watt_ms: int) -> float:
    """An energy register in kWh."""
    return watt_ms / WATT_MS_PER_KWH


def frequency_hz(at_ms: int) -> float:
    """Grid frequency: slow swings within 50 ± 0.03 Hz."""
    seconds = at_ms / 1000
    return 50.0 + 0.018 * math.sin(seconds / 97.0) + 0.009 * math.sin(seconds / 13.7)


def voltage_factor(at_ms: int, loading: float) -> float:
    """Voltage over nominal: sags with load, swings slowly."""
    return 1.015 - 0.02 * min(abs(loading), 1.5) + 0.004 * math.sin(at_ms / 411_000)


def meter(flow: Flow, rated_kw: float, at_ms: int) -> Values:
    """A three-phase meter; import positive."""
    loading = flow.watts / 1000 / rated_kw if rated_kw else 0.0
    volts = _PHASE_VOLTS * voltage_factor(at_ms, loading)
    apparent = math.hypot(flow.watts, flow.var)
    values: dict[str, float | None] = {
        "active_power_kw": flow.watts / 1000,
        "reactive_power_kvar": flow.var / 1000,
        "apparent_power_kva": apparent / 1000,
        "power_factor": flow.watts / apparent if apparent else 1.0,
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
    flow: Flow,
    *,
    rated_kw: float,
    available_kw: float,
    dc_kw: float,
    cell_c: float,
    limit_pct: float,
    at_ms: int,
) -> Values:
    """A string inverter; generation positive. A limit moves the modules off their best point."""
    power = flow.watts / 1000
    dc = dc_kw * power / available_kw if available_kw > 0 else 0.0
    volts = _INVERTER_VOLTS * voltage_factor(at_ms, -power / rated_kw)
    dc_volts = 1150.0 * (1 - 0.0027 * (cell_c - 25)) if dc > 0 else 0.0
    limited = power < available_kw - 0.01
    values: dict[str, float | None] = {
        "active_power_kw": power,
        "reactive_power_kvar": 0.0,
        "power_factor": 1.0,
        "frequency_hz": frequency_hz(at_ms),
        "dc_power_kw": dc,
        "dc_voltage_v": dc_volts,
        "dc_current_a": 1000 * dc / dc_volts if dc else 0.0,
        "temperature_c": 28.0 + 30.0 * power / rated_kw,
        "limit_pct": limit_pct,
        "energy_generated_kwh": kwh(flow.taken),
        "operating_state": float(_LIMITED if limited else _RUNNING if power > 0 else _STANDBY),
        "fault_code": 0.0,
    }
    for phase, share in _PHASES:
        values[f"voltage_{phase}_v"] = volts
        values[f"current_{phase}_a"] = flow.watts * share / 3 / volts
    for string in range(1, _STRINGS + 1):
        tolerance = 1 + 0.006 * (string - 2.5)
        values[f"string_{string}_voltage_v"] = dc_volts
        values[f"string_{string}_current_a"] = 1000 * dc / dc_volts / _STRINGS * tolerance if dc else 0.0
    return values


def storage(
    flow: Flow, battery: Battery, energy_kwh: float, air_c: float, setpoint_kw: float | None, at_ms: int
) -> Values:
    """A storage unit; discharge positive."""
    power = flow.watts / 1000
    soc = energy_kwh / battery.capacity_kwh
    dc = battery.dc_power_kw(power)
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
        "charge_limit_kw": battery.charge_limit_kw(energy_kwh),
        "discharge_limit_kw": battery.discharge_limit_kw(energy_kwh),
        "setpoint_kw": power if setpoint_kw is None else setpoint_kw,
        "energy_charged_kwh": kwh(flow.given),
        "energy_discharged_kwh": kwh(flow.taken),
        "cycle_count": kwh(flow.taken) / battery.capacity_kwh,
        "operating_state": float(_RUNNING if flow.watts else _STANDBY),
        "fault_code": 0.0,
    }


def _cell_voltage(soc: float) -> float:
    """Open-circuit voltage of an LFP cell: flat but for its ends."""
    upper = max(0.0, soc - _UPPER_KNEE) / (1 - _UPPER_KNEE)
    lower = max(0.0, _LOWER_KNEE - soc) / _LOWER_KNEE
    return 3.24 + 0.08 * soc + 0.10 * upper - 0.30 * lower


def charger(flow: Flow, gun: Gun, air_c: float) -> Values:
    """One gun; charging positive. Without a vehicle there is no state of charge."""
    power = flow.watts / 1000
    vehicle = gun.vehicle
    volts = _vehicle_voltage(vehicle) if vehicle else 0.0
    return {
        "active_power_kw": power,
        "voltage_v": volts,
        "current_a": 1000 * power / volts if volts else 0.0,
        "vehicle_soc_pct": 100 * vehicle.soc if vehicle else None,
        "session_energy_kwh": kwh(flow.taken - gun.session_base) if vehicle else 0.0,
        "limit_kw": gun.limit_kw,
        "temperature_c": air_c + 4.0 + 30.0 * power / 480.0,
        "energy_delivered_kwh": kwh(flow.taken),
        "energy_returned_kwh": 0.0,
        "session_count": float(gun.sessions),
        "operating_state": float(gun.state),
        "fault_code": 0.0,
    }


def _vehicle_voltage(vehicle: Vehicle) -> float:
    full = 870.0 if vehicle.kind.power_kw > _HIGH_VOLTAGE_KW else 420.0
    return full * (0.9 + 0.1 * vehicle.soc)


def weather(day: WeatherDay, plane: PvDay | None, minute: float) -> Values:
    """The weather station."""
    return {
        "irradiance_horizontal_w_m2": interpolate(day.station["ghi"], minute),
        "irradiance_direct_w_m2": interpolate(day.station["dni"], minute),
        "irradiance_diffuse_w_m2": interpolate(day.station["dhi"], minute),
        "irradiance_plane_w_m2": interpolate(plane.plane_w_m2, minute) if plane else None,
        "temperature_c": interpolate(day.temperature, minute),
        "module_temperature_c": interpolate(plane.cell_c, minute) if plane else None,
        "humidity_pct": interpolate(day.humidity, minute),
        "wind_speed_m_s": interpolate(day.wind, minute),
        "wind_direction_deg": interpolate(day.wind_direction, minute),
        "pressure_hpa": interpolate(day.pressure, minute),
    }
