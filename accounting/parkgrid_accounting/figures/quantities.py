"""Where each quantity of an indicator comes from: which registers, gauges or states of which device class.

One table for every reader: the inputs of a figure, and the trace that goes back from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from parkgrid_contract.signals import CHARGER_STATES, OPERATING_STATES


@dataclass(frozen=True, slots=True)
class Metered:
    """Energy of registers: those of `signal`, less those of `less`, summed over the devices of a class."""

    device_class: str
    signal: str
    less: str | None = None
    by_device: bool = False
    """Whether a figure asks for what each single device contributed."""

    @property
    def signals(self) -> tuple[str, ...]:
        """The registers that enter."""
        return (self.signal,) if self.less is None else (self.signal, self.less)


@dataclass(frozen=True, slots=True)
class Gauge:
    """The mean of a gauge over the devices that tell it."""

    device_class: str
    signal: str
    unit: str


@dataclass(frozen=True, slots=True)
class MinuteGauge:
    """A gauge by the minute: summed over all devices, or as a share of a rating for each of them."""

    device_class: str
    signal: str
    unit: str
    positive: bool = False
    """Whether only what is above zero counts."""
    percent_of: str | None = None
    """The rating that it is shown as a percentage of."""


@dataclass(frozen=True, slots=True)
class States:
    """Minutes in which devices told their state, or were in one of some states."""

    name: str
    """What two quantities that are read together share."""
    states: Mapping[str, tuple[str, ...]]
    """The states that count, by device class."""
    known: bool
    """Whether every known minute counts, or only those in one of the states."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Stored energy at the start or the end of each interval."""

    at_end: bool


Origin: TypeAlias = Metered | Gauge | MinuteGauge | States | Stored

_UNABLE = frozenset({"fault", "maintenance", "unavailable"})
_CHARGING = {"charger": ("charging", "discharging")}
_EQUIPMENT = ("pv_inverter", "storage", "charger", "dc_bus")
_ABLE = {
    each: tuple(state for state in (CHARGER_STATES if each == "charger" else OPERATING_STATES) if state not in _UNABLE)
    for each in _EQUIPMENT
}

QUANTITIES: Mapping[str, Origin] = MappingProxyType(
    {
        "grid_import_kwh": Metered("grid_meter", "energy_import_kwh"),
        "grid_export_kwh": Metered("grid_meter", "energy_export_kwh"),
        "reactive_import_kvarh": Metered("grid_meter", "reactive_energy_import_kvarh"),
        "reactive_export_kvarh": Metered("grid_meter", "reactive_energy_export_kvarh"),
        "pv_kwh": Metered("pv_inverter", "energy_generated_kwh", by_device=True),
        "storage_charged_kwh": Metered("storage", "energy_charged_kwh"),
        "storage_discharged_kwh": Metered("storage", "energy_discharged_kwh"),
        "charger_delivered_kwh": Metered("charger", "energy_delivered_kwh", by_device=True),
        "charger_returned_kwh": Metered("charger", "energy_returned_kwh"),
        "load_kwh": Metered("meter", "energy_import_kwh", less="energy_export_kwh"),
        "dc_import_kwh": Metered("dc_bus", "energy_import_kwh"),
        "dc_export_kwh": Metered("dc_bus", "energy_export_kwh"),
        "irradiance_plane_w_m2": Gauge("weather", "irradiance_plane_w_m2", "W/m²"),
        "module_temperature_c": Gauge("weather", "module_temperature_c", "°C"),
        "ambient_temperature_c": Gauge("weather", "temperature_c", "°C"),
        "soc_pct": Gauge("storage", "soc_pct", "%"),
        "stored_start_kwh": Stored(at_end=False),
        "stored_end_kwh": Stored(at_end=True),
        "charger_known_min": States("charging", _CHARGING, known=True),
        "charger_charging_min": States("charging", _CHARGING, known=False),
        "device_known_min": States("able", _ABLE, known=True),
        "device_able_min": States("able", _ABLE, known=False),
        "grid_import_kw": MinuteGauge("grid_meter", "active_power_kw", "kW", positive=True),
        "dc_power_kw": MinuteGauge("dc_bus", "active_power_kw", "kW"),
        "dc_target_power_kw": MinuteGauge("dc_bus", "target_power_kw", "kW"),
        "dc_voltage_pct": MinuteGauge("dc_bus", "voltage_v", "%", percent_of="nominal_voltage_v"),
    },
)
"""Every quantity that can be read from the store; a factor series is given, not read."""


def signals_of(origin: Origin) -> Mapping[str, tuple[str, ...]]:
    """The signals that an origin reads, by device class."""
    match origin:
        case Metered():
            return {origin.device_class: origin.signals}
        case Gauge() | MinuteGauge():
            return {origin.device_class: (origin.signal,)}
        case States():
            return dict.fromkeys(origin.states, ("operating_state",))
        case Stored():
            return {"storage": ("stored_energy_kwh", "soc_pct")}


def unit_of(name: str) -> str:
    """The unit of a quantity, as it is written."""
    match QUANTITIES[name]:
        case Metered():
            return "kvarh" if name.endswith("_kvarh") else "kWh"
        case Gauge(unit=unit) | MinuteGauge(unit=unit):
            return unit
        case States():
            return "min"
        case Stored():
            return "kWh"
