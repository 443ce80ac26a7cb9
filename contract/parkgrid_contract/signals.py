"""The signal catalogue: every device class and its signals, with unit, kind, resolution and valid range.

The catalogue decides: a signal that is not listed here is refused and listed for the operator, never auto-created.
Adding one is one row here and its words: tables, columns and views follow by themselves. Signs follow the bus: sources
positive when they feed it (grid import, generation, discharge), sinks positive when they draw from it (load, charging).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

_INT2_MAX = 32_767
_INT4_MAX = 2_147_483_647


class SignalKind(StrEnum):
    """What a signal's number means over time."""

    GAUGE = "gauge"
    """A momentary value: averages, minima and maxima make sense."""
    COUNTER = "counter"
    """A cumulative register: only differences make sense."""
    STATE = "state"
    """A code: only the last one makes sense."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One row of the catalogue."""

    name: str
    """Full name, ending in its unit where it has one."""
    unit: str
    """Unit as shown to people; empty for codes and ratios."""
    kind: SignalKind
    resolution: float
    """Smallest step that is stored, in `unit`; the store keeps value / resolution as an integer."""
    low: float
    """Lowest plausible value, in `unit`; below it the value is flagged out_of_range."""
    high: float
    """Highest plausible value, in `unit`; above it the value is flagged out_of_range."""
    states: tuple[str, ...] = ()
    """Names of the codes 0, 1, 2 … for a state; empty when the codes are the vendor's own."""

    @property
    def per_unit(self) -> int:
        """Stored steps in one unit: 1000 for a resolution of 0.001."""
        return round(1 / self.resolution)

    @property
    def storage_bytes(self) -> int:
        """Width of the stored integer: 2, 4 or 8 bytes; counters always 8."""
        if self.kind is SignalKind.COUNTER:
            return 8
        steps = max(abs(self.low), abs(self.high)) * self.per_unit
        return 2 if steps <= _INT2_MAX else 4 if steps <= _INT4_MAX else 8

    @property
    def storage_limit(self) -> int:
        """Largest magnitude of the stored integer; a counter stays exact in a double (2^53)."""
        return {2: _INT2_MAX, 4: _INT4_MAX, 8: 2**53 - 1}[self.storage_bytes]

    def steps(self, value: float) -> int:
        """The stored integer for a value in `unit`, rounded to the nearest step."""
        return round(value * self.per_unit)

    def value(self, steps: int) -> float:
        """The value in `unit` for a stored integer."""
        return steps / self.per_unit

    def rounded(self, value: float) -> float:
        """`value` at the resolution of this signal, so that what is accepted is exactly what is stored."""
        return self.value(self.steps(value))


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """A class of devices: the signals that any device of it may have, in storage order."""

    name: str
    signals: tuple[Signal, ...]
    by_name: Mapping[str, Signal] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the signals; a name that appears twice is a mistake in the catalogue."""
        index = {signal.name: signal for signal in self.signals}
        if len(index) != len(self.signals):
            raise ValueError(f"{self.name}: a signal name appears twice")
        object.__setattr__(self, "by_name", MappingProxyType(index))


OPERATING_STATES = ("off", "standby", "starting", "running", "limited", "stopping", "fault", "maintenance")
CHARGER_STATES = ("unavailable", "available", "occupied", "charging", "discharging", "finishing", "fault", "reserved")


def _gauge(name: str, unit: str, resolution: float, low: float, high: float) -> Signal:
    return Signal(name, unit, SignalKind.GAUGE, resolution, low, high)


def _counter(name: str, unit: str, resolution: float = 0.001, high: float = 1e9) -> Signal:
    return Signal(name, unit, SignalKind.COUNTER, resolution, 0, high)


def _state(name: str, states: tuple[str, ...] = (), high: float = 65_535) -> Signal:
    return Signal(name, "", SignalKind.STATE, 1, 0, len(states) - 1 if states else high, states)


def _power(name: str, unit: str = "kW", limit: float = 500_000) -> Signal:
    return _gauge(name, unit, 0.001, -limit, limit)


def _phases(stem: str, suffix: str, unit: str, resolution: float, low: float, high: float) -> tuple[Signal, ...]:
    return tuple(_gauge(f"{stem}_{phase}_{suffix}", unit, resolution, low, high) for phase in "abc")


_VOLTAGES = _phases("voltage", "v", "V", 0.1, 0, 150_000)
_CURRENTS = _phases("current", "a", "A", 0.01, -20_000, 20_000)
_POWER_FACTOR = _gauge("power_factor", "", 0.001, -1, 1)
_FREQUENCY = _gauge("frequency_hz", "Hz", 0.01, 40, 70)
_TEMPERATURE = _gauge("temperature_c", "°C", 0.1, -50, 150)
_OPERATING_STATE = _state("operating_state", OPERATING_STATES)
_FAULT_CODE = _state("fault_code")

_METER_SIGNALS = (
    *_VOLTAGES,
    *_CURRENTS,
    _power("active_power_kw"),
    *(_power(f"active_power_{phase}_kw") for phase in "abc"),
    _power("reactive_power_kvar", "kvar"),
    _power("apparent_power_kva", "kVA"),
    _POWER_FACTOR,
    _FREQUENCY,
    _power("demand_kw"),
    _counter("energy_import_kwh", "kWh"),
    _counter("energy_export_kwh", "kWh"),
    _counter("reactive_energy_import_kvarh", "kvarh"),
    _counter("reactive_energy_export_kvarh", "kvarh"),
    _FAULT_CODE,
)

_PV_INVERTER_SIGNALS = (
    _power("active_power_kw"),
    _power("reactive_power_kvar", "kvar"),
    _POWER_FACTOR,
    _FREQUENCY,
    *_VOLTAGES,
    *_CURRENTS,
    _power("dc_power_kw"),
    _gauge("dc_voltage_v", "V", 0.1, 0, 2_000),
    _gauge("dc_current_a", "A", 0.01, -100, 20_000),
    *(_gauge(f"string_{n}_voltage_v", "V", 0.1, 0, 2_000) for n in range(1, 5)),
    *(_gauge(f"string_{n}_current_a", "A", 0.01, -100, 5_000) for n in range(1, 5)),
    _TEMPERATURE,
    _gauge("limit_pct", "%", 0.1, 0, 110),
    _counter("energy_generated_kwh", "kWh"),
    _OPERATING_STATE,
    _FAULT_CODE,
)

_STORAGE_SIGNALS = (
    _power("active_power_kw"),
    _power("reactive_power_kvar", "kvar"),
    _FREQUENCY,
    _gauge("soc_pct", "%", 0.1, 0, 100),
    _gauge("soh_pct", "%", 0.1, 0, 100),
    _gauge("stored_energy_kwh", "kWh", 0.1, 0, 2_000_000),
    _power("dc_power_kw"),
    _gauge("dc_voltage_v", "V", 0.1, 0, 3_000),
    _gauge("dc_current_a", "A", 0.1, -20_000, 20_000),
    _gauge("cell_voltage_min_v", "V", 0.001, 0, 5),
    _gauge("cell_voltage_max_v", "V", 0.001, 0, 5),
    _gauge("cell_temperature_min_c", "°C", 0.1, -50, 150),
    _gauge("cell_temperature_max_c", "°C", 0.1, -50, 150),
    _gauge("insulation_resistance_kohm", "kΩ", 1, 0, 1_000_000),
    _power("charge_limit_kw"),
    _power("discharge_limit_kw"),
    _power("setpoint_kw"),
    _counter("energy_charged_kwh", "kWh"),
    _counter("energy_discharged_kwh", "kWh"),
    _counter("cycle_count", "", 0.01, 1e6),
    _OPERATING_STATE,
    _FAULT_CODE,
)

_CHARGER_SIGNALS = (
    _power("active_power_kw"),
    _gauge("voltage_v", "V", 0.1, 0, 2_000),
    _gauge("current_a", "A", 0.1, -2_000, 2_000),
    _gauge("vehicle_soc_pct", "%", 0.1, 0, 100),
    _gauge("session_energy_kwh", "kWh", 0.01, -1_000, 10_000),
    _power("limit_kw"),
    _TEMPERATURE,
    _counter("energy_delivered_kwh", "kWh"),
    _counter("energy_returned_kwh", "kWh"),
    _counter("session_count", "", 1, 1e9),
    _state("operating_state", CHARGER_STATES),
    _FAULT_CODE,
)

_DC_BUS_SIGNALS = (
    _gauge("voltage_v", "V", 0.1, 0, 3_000),
    _gauge("reference_voltage_v", "V", 0.1, 0, 3_000),
    _gauge("ripple_v", "V", 0.01, 0, 300),
    _gauge("current_a", "A", 0.1, -20_000, 20_000),
    _power("active_power_kw"),
    _power("target_power_kw"),
    _counter("energy_import_kwh", "kWh"),
    _counter("energy_export_kwh", "kWh"),
    _OPERATING_STATE,
    _FAULT_CODE,
)

_WEATHER_SIGNALS = (
    _gauge("irradiance_horizontal_w_m2", "W/m²", 0.1, -20, 1_800),
    _gauge("irradiance_plane_w_m2", "W/m²", 0.1, -20, 1_800),
    _gauge("irradiance_direct_w_m2", "W/m²", 0.1, -20, 1_800),
    _gauge("irradiance_diffuse_w_m2", "W/m²", 0.1, -20, 1_800),
    _gauge("temperature_c", "°C", 0.1, -60, 70),
    _gauge("module_temperature_c", "°C", 0.1, -60, 130),
    _gauge("humidity_pct", "%", 0.1, 0, 100),
    _gauge("wind_speed_m_s", "m/s", 0.1, 0, 100),
    _gauge("wind_direction_deg", "°", 0.1, 0, 360),
    _gauge("pressure_hpa", "hPa", 0.1, 500, 1_200),
    _counter("rain_mm", "mm", 0.1, 1e6),
)

_GATEWAY_SIGNALS = (
    _gauge("cpu_pct", "%", 0.1, 0, 100),
    _gauge("memory_used_pct", "%", 0.1, 0, 100),
    _gauge("agent_memory_mb", "MB", 0.1, 0, 1_000_000),
    _gauge("disk_used_pct", "%", 0.1, 0, 100),
    _gauge("temperature_c", "°C", 0.1, -50, 150),
    _gauge("uptime_s", "s", 1, 0, 2e9),
    _gauge("clock_offset_ms", "ms", 1, -2e9, 2e9),
    _gauge("outbox_batches", "", 1, 0, 2e9),
    _gauge("outbox_mb", "MB", 0.001, 0, 2_000_000),
    _gauge("outbox_oldest_s", "s", 1, 0, 2e9),
    _counter("samples_accepted", "", 1, 1e12),
    _counter("samples_dropped", "", 1, 1e12),
    _counter("reads_failed", "", 1, 1e12),
    _counter("link_reconnects", "", 1, 1e12),
)

CATALOGUE: Mapping[str, DeviceClass] = MappingProxyType(
    {
        name: DeviceClass(name, signals)
        for name, signals in {
            "grid_meter": _METER_SIGNALS,
            "meter": _METER_SIGNALS,
            "pv_inverter": _PV_INVERTER_SIGNALS,
            "storage": _STORAGE_SIGNALS,
            "charger": _CHARGER_SIGNALS,
            "dc_bus": _DC_BUS_SIGNALS,
            "weather": _WEATHER_SIGNALS,
            "gateway": _GATEWAY_SIGNALS,
        }.items()
    },
)
"""Every device class by name. `grid_meter` is a connection point of a park, `meter` a sub-meter of its load."""
