"""What the series of a foreign store mean: measurement, tags and fields to device and signal, one TOML file.

park = "fab-7"                          [[devices]]
gateway = "influx"                      id = "grid"
kind = "victoria-metrics"               device_class = "grid_meter"
                                        measurement = "power"
                                        tags = { meter = "main" }
                                        [[devices.signals]]
                                        signal = "active_power_kw"
                                        field = "P"
                                        scale = 0.001           # the source says W
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import IDENTIFIER, MeteringPoint
from parkgrid_contract.ranges import MAX_PERIOD_S, MIN_PERIOD_S
from parkgrid_contract.settings import between, load, readable, setting
from parkgrid_contract.signals import CATALOGUE


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """One field of a measurement."""

    signal: str = setting(help="signal of the catalogue")
    field: str = setting(help="field of the measurement")
    scale: float = setting(1.0, help="the catalogue's unit in units of the source: 0.001 for W to kW")
    offset: float = setting(0.0, help="added after scaling, in the catalogue's unit")


@dataclass(frozen=True, slots=True)
class PointSettings:
    """Where a device hangs in the grid (站-线-变-户)."""

    station: str = setting("", help="substation")
    line: str = setting("", help="line")
    transformer: str = setting("", help="transformer district")
    account: str = setting("", help="account with the supplier")


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One device and the series that tell about it."""

    id: str = setting(help="identifier, unique in the park")
    device_class: str = setting(help="class of the catalogue")
    measurement: str = setting(help="measurement of its series")
    signals: tuple[SignalSettings, ...] = setting(help="its fields")
    tags: Mapping[str, str] = setting(factory=dict, help="tags that its series have")
    name: str = setting("", help="display name")
    period_s: float = setting(60.0, help="seconds between readings", check=between(MIN_PERIOD_S, MAX_PERIOD_S, "s"))
    ratings: Mapping[str, float] = setting(factory=dict, help="nameplate, for example rated_power_kw")
    point: PointSettings = setting(PointSettings(), help="where it is connected in the grid")


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """A source and the park that its series belong to."""

    park: str = setting(help="identifier of the park")
    devices: tuple[DeviceSettings, ...] = setting(help="the devices")
    kind: Literal["victoria-metrics", "influxdb2"] = setting("victoria-metrics", help="which store it is")
    gateway: str = setting("influx", help="identifier that stands for the source")
    district: str = setting("", help="its district")
    name_zh: str = setting("", help="the park's Chinese name")
    name_en: str = setting("", help="the park's English name")
    zone: str = setting("Asia/Shanghai", help="time zone")
    simulated: bool = setting(default=False, help="whether the series come from a simulation")

    @staticmethod
    def document_problems(document: Mapping[str, Any]) -> Iterator[tuple[str, object, str]]:
        """Rules across fields of everything that can be read, whatever else is wrong."""
        for name in ("park", "gateway"):
            if isinstance(document.get(name), str):
                yield from _identifier_problems(name, document[name])
        known: set[str] = set()
        listed = document.get("devices")
        for index, table in enumerate(listed if isinstance(listed, list) else ()):
            device = readable(DeviceSettings, table) if isinstance(table, dict) else None
            if device is None:
                continue
            where = f"devices[{index}]"
            yield from _identifier_problems(f"{where}.id", device.id)
            if device.id in known:
                yield f"{where}.id", device.id, "is taken by a device before: choose another"
            known.add(device.id)
            yield from _signal_problems(where, device)

    def birth(self, epoch: int, at_ms: int) -> Birth:
        """How the source announces itself."""
        return Birth("influx", epoch, at_ms, tuple(map(_device, self.devices)), self.simulated)


def load_mapping(path: Path) -> MappingSettings:
    """A mapping from its file. Raises `SettingsError` with all problems."""
    return load(MappingSettings, path, {}, "influx")


def _device(device: DeviceSettings) -> Device:
    point = device.point
    return Device(
        device.id,
        device.device_class,
        tuple(each.signal for each in device.signals),
        device.name,
        period_s=device.period_s,
        ratings=device.ratings,
        point=MeteringPoint(point.station, point.line, point.transformer, point.account),
    )


def _identifier_problems(where: str, value: str) -> Iterator[tuple[str, object, str]]:
    if not IDENTIFIER.fullmatch(value):
        yield where, value, "must be lower-case letters, digits, - and _, starting with a letter or digit"


def _signal_problems(where: str, device: DeviceSettings) -> Iterator[tuple[str, object, str]]:
    found = CATALOGUE.get(device.device_class)
    if found is None:
        yield f"{where}.device_class", device.device_class, f"unknown class; there are: {', '.join(CATALOGUE)}"
        return
    fields: set[str] = set()
    signals: set[str] = set()
    for index, each in enumerate(device.signals):
        here = f"{where}.signals[{index}]"
        if each.signal not in found.by_name:
            yield f"{here}.signal", each.signal, f"{device.device_class} has no such signal: look into the catalogue"
        if each.signal in signals or each.field in fields:
            yield here, f"{each.signal} = {each.field}", "signal or field is taken by a row before"
        if each.scale == 0:
            yield f"{here}.scale", each.scale, "must not be 0"
        signals.add(each.signal)
        fields.add(each.field)
