"""A scenario: the park, its devices, its seed and its faults, as one small TOML file."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from parkgrid_contract.identity import IDENTIFIER, MeteringPoint
from parkgrid_contract.settings import between, load, setting
from parkgrid_contract.time import BEYOND_MS, OLDEST_MS, to_ms
from parkgrid_edge import drivers
from parkgrid_simulators import turbidity
from parkgrid_simulators.faults import FAULTS, FOREVER_MS, REMEMBERING, Fault, FaultKind, parameter_problems
from parkgrid_simulators.plant import SimulatedDevice

SCENARIOS = Path(__file__).parent / "scenarios"
DEFAULT = SCENARIOS / "pingshan_park.toml"
_DAILY = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_DAY_MS = 86_400_000
_FIRST_DAY = date(2000, 1, 1)
_RATED = ("pv_inverter", "storage", "charger", "meter")
_MONTHS = 12
_MOST_KW = 1e6
"""Highest rating of one device, in kW or kWh."""
_PUREST, _MOST_TURBID = 1.0, 10.0
"""Linke turbidity of air without aerosol and water, and of more than any climatology knows."""


def _twelve(months: tuple[float, ...]) -> str | None:
    """A rule: none, or one for each month."""
    right = len(months) in {0, _MONTHS} and all(_PUREST <= month <= _MOST_TURBID for month in months)
    return None if right else f"must be twelve numbers between {_PUREST:g} and {_MOST_TURBID:g}, January first"


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Where the park stands."""

    latitude: float = setting(22.69, help="degrees north", check=between(-90, 90, "degrees"))
    longitude: float = setting(114.35, help="degrees east", check=between(-180, 180, "degrees"))
    altitude_m: float = setting(50.0, help="metres above the sea", check=between(-500, 9_000, "m"))
    zone: str = setting("Asia/Shanghai", help="time zone")
    linke_turbidity: tuple[float, ...] = setting(
        (), help="turbidity of each month; none: by the climatology", check=_twelve
    )
    sky: Literal["auto", "fair", "broken", "overcast"] = setting("auto", help="kind of sky; auto draws one a day")


@dataclass(frozen=True, slots=True)
class StrategySettings:
    """What the storage does."""

    peak_import_kw: float = setting(1_500.0, help="import above which it discharges", check=between(0.1, 1e6, "kW"))
    valley: tuple[str, ...] = setting(("00:00-08:00",), help="low-price hours, 00:00-08:00")
    peak: tuple[str, ...] = setting(("10:00-12:00", "14:00-19:00"), help="high-price hours")
    valley_share: float = setting(0.5, help="share of the rating for charging in the valley", check=between(0, 1))


@dataclass(frozen=True, slots=True)
class StationSettings:
    """Arrivals at the super-chargers."""

    arrivals_per_day: float = setting(90.0, help="vehicles a day", check=between(0, 10_000))
    guns_per_cabinet: int = setting(2, help="guns that share one cabinet", check=between(1, 64))
    cabinet_power_kw: float = setting(720.0, help="power that a cabinet shares out", check=between(1, 100_000, "kW"))


@dataclass(frozen=True, slots=True)
class PointSettings:
    """Where a device hangs in the grid (站-线-变-户)."""

    station: str = setting("", help="substation")
    line: str = setting("", help="line")
    transformer: str = setting("", help="transformer district")
    account: str = setting("", help="account with the supplier")

    def metering(self) -> MeteringPoint:
        """The same as the contract names it."""
        return MeteringPoint(self.station, self.line, self.transformer, self.account)


@dataclass(frozen=True, slots=True)
class DcBusSettings:
    """The direct-current bus of a PEDF building (光储直柔), metered at its interface converter."""

    id: str = setting(help="identifier, unique in the park")
    rated_power_kw: float = setting(help="rating of the interface converter", check=between(0.1, 1e6, "kW"))
    driver: str = setting("acrel_djsf1352", help="a driver, for example eastron_sdm630")
    name_zh: str = setting("", help="its Chinese name")
    name_en: str = setting("", help="its English name")
    nominal_voltage_v: float = setting(375.0, help="nominal voltage", check=between(1, 10_000, "V"))
    loads: tuple[str, ...] = setting((), help="meters of loads on the bus; inverters, storage and chargers are on it")
    period_s: float = setting(1.0, help="seconds between readings", check=between(0.05, 86_400, "s"))
    point: PointSettings = setting(PointSettings(), help="where it is connected in the grid")

    def simulated(self) -> SimulatedDevice:
        """The meter of the bus as its server presents it."""
        ratings = {"rated_power_kw": self.rated_power_kw, "nominal_voltage_v": self.nominal_voltage_v}
        return SimulatedDevice(
            self.id, "dc_bus", self.driver, self.name_zh, self.name_en, self.period_s, ratings, self.point.metering()
        )


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One device."""

    id: str = setting(help="identifier, unique in the park")
    device_class: Literal["grid_meter", "meter", "pv_inverter", "storage", "charger", "weather"] = setting(help="class")
    driver: str = setting(help="a driver, for example eastron_sdm630")
    name_zh: str = setting("", help="its Chinese name")
    name_en: str = setting("", help="its English name")
    period_s: float = setting(1.0, help="seconds between readings", check=between(0.05, 86_400, "s"))
    bus: str = setting("", help="devices of one bus share a port")
    ratings: Mapping[str, float] = setting(factory=dict, help="nameplate: rated_power_kw, capacity_kwh")
    point: PointSettings = setting(PointSettings(), help="where it is connected in the grid")
    shape: Literal["one_shift", "two_shift", "three_shift", "office"] = setting("one_shift", help="of a load")
    cooling_share: float = setting(0.25, help="of a load: part of its rating for cooling", check=between(0, 1))
    power_factor: float = setting(0.93, help="of a load", check=between(0.5, 1))
    dc_ac_ratio: float = setting(1.2, help="of an inverter: module over inverter rating", check=between(0.5, 3))
    tilt_deg: float = setting(15.0, help="of an inverter's modules", check=between(0, 90, "degrees"))
    azimuth_deg: float = setting(180.0, help="of an inverter's modules", check=between(0, 360, "degrees"))
    cloud_lag_min: int = setting(0, help="minutes a cloud needs from the station", check=between(-60, 60, "min"))

    def simulated(self) -> SimulatedDevice:
        """The device as its servers present it."""
        return SimulatedDevice(
            self.id, self.device_class, self.driver, self.name_zh, self.name_en, self.period_s, self.ratings,
            self.point.metering(), self.bus,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """One fault on the timeline."""

    device: str = setting(help="identifier of the device")
    kind: FaultKind = setting(help="what goes wrong")
    start: str = setting(help="instant with its offset, 2026-06-21T12:00:00+08:00, or 19:00 for every local day")
    duration_s: float | None = setting(
        None, help="how long, in simulated seconds; none: for good", check=between(0.001, 1e9, "s")
    )
    share: float | None = setting(None, help="part of the answers that it spoils")
    code: int | None = setting(None, help="of exception: its code")
    address: int | None = setting(None, help="of refused: the first address")
    count: int | None = setting(None, help="of refused: how many addresses")
    delay_s: float | None = setting(None, help="of late: real time until the answer")
    word: int | None = setting(None, help="of spike: what every register reads")
    mask: int | None = setting(None, help="of word_glitch: the bits that are turned over")
    distance_kwh: float | None = setting(None, help="of counter_wrap: what may still be counted before the end")
    fall_kwh: float | None = setting(None, help="of counter_fall: how far they fall")
    behind_s: float | None = setting(None, help="of late_clock: how far the device's clock is behind")

    @property
    def parameters(self) -> dict[str, float]:
        """Those that are given, by name."""
        names = {parameter.name for rule in FAULTS.values() for parameter in rule.parameters}
        return {name: value for name in sorted(names) if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A park and what happens to it."""

    park: str = setting(help="identifier of the park")
    devices: tuple[DeviceSettings, ...] = setting(help="the devices")
    name_zh: str = setting("", help="its Chinese name")
    name_en: str = setting("", help="its English name")
    district: str = setting("", help="its district")
    seed: int = setting(1, help="the same seed gives the same readings", check=between(0, 2**53))
    start: str = setting("", help="local time that the clock begins at, 2026-06-21T12:00; none: the machine's time")
    speed: float = setting(1.0, help="simulated seconds per second, from start on", check=between(1, 3_600))
    step_s: float = setting(2.0, help="seconds of simulated time that powers hold", check=between(0.1, 60, "s"))
    transformer_kva: float = setting(3_150.0, help="rating of the transformer", check=between(1, 1e6, "kVA"))
    site: SiteSettings = setting(SiteSettings(), help="where it stands")
    strategy: StrategySettings = setting(StrategySettings(), help="what the storage does")
    chargers: StationSettings = setting(StationSettings(), help="arrivals at the super-chargers")
    faults: tuple[FaultSettings, ...] = setting((), help="what goes wrong, and when")
    dc_buses: tuple[DcBusSettings, ...] = setting((), help="the direct-current bus of a PEDF building, at most one")

    def problems(self) -> Iterator[tuple[str, object, str]]:
        """Rules across fields."""
        known: set[str] = set()
        for index, device in enumerate(self.devices):
            where = f"devices[{index}]"
            yield from _device_problems(where, device, known)
            known.add(device.id)
        for device_class, most in (("grid_meter", 1), ("storage", 1), ("weather", 1)):
            found = [device.id for device in self.devices if device.device_class == device_class]
            if len(found) > most:
                yield "devices", found, f"at most {most} of class {device_class}: leave the others out"
        if not any(device.device_class == "grid_meter" for device in self.devices):
            yield "devices", [device.id for device in self.devices], "needs a grid_meter: it closes the balance"
        yield from _bus_problems(self.dc_buses, self.devices, known)
        known |= {bus.id for bus in self.dc_buses}
        for index, fault in enumerate(self.faults):
            yield from _fault_problems(f"faults[{index}]", fault, known)
        yield from _site_problems(self.site)
        yield from _start_problems(self.start, self.site)
        yield from _hour_problems(self.strategy)

    @property
    def dc_bus(self) -> DcBusSettings | None:
        """The direct-current bus, if there is one."""
        return self.dc_buses[0] if self.dc_buses else None

    def simulated(self) -> tuple[SimulatedDevice, ...]:
        """Every device of the park as its servers present them, the meter of the bus last."""
        return (*(device.simulated() for device in self.devices), *(bus.simulated() for bus in self.dc_buses))

    def timeline(self) -> list[Fault]:
        """The faults as instants."""
        return [_fault(fault, ZoneInfo(self.site.zone)) for fault in self.faults]


def load_scenario(path: Path = DEFAULT) -> Scenario:
    """A scenario from its file. Raises `SettingsError` with all problems."""
    return load(Scenario, path, {}, "simulators")


def local_ms(text: str, zone: str) -> int:
    """The instant of a local time like 2026-06-21T12:00, in milliseconds. Raises `ValueError` with the remedy."""
    remedy = "must be a local time between 2000 and 2200, like 2026-06-21T12:00"
    try:
        found = datetime.fromisoformat(text)
        at_ms = to_ms(found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError):
        raise ValueError(remedy) from None
    if not OLDEST_MS <= at_ms < BEYOND_MS:
        raise ValueError(remedy)
    return at_ms


def minutes_of(text: str) -> tuple[int, int]:
    """`10:00-12:00` as minutes of the day; `24:00` is its end. Raises `ValueError`."""
    start, end = (_minute(part) for part in text.split("-"))
    if start >= end:
        raise ValueError(text)
    return start, end


def _minute(text: str) -> int:
    if text == "24:00":
        return 1_440
    found = time.fromisoformat(text)
    return found.hour * 60 + found.minute


def _device_problems(where: str, device: DeviceSettings, known: set[str]) -> Iterator[tuple[str, object, str]]:
    if not IDENTIFIER.fullmatch(device.id):
        yield f"{where}.id", device.id, "must be lower-case letters, digits, - and _, starting with a letter or digit"
    if device.id in known:
        yield f"{where}.id", device.id, "is taken by a device before: choose another"
    yield from _driver_problems(where, device.driver, device.device_class)
    if device.device_class in _RATED and not 0 < device.ratings.get("rated_power_kw", 0) <= _MOST_KW:
        yield (
            f"{where}.ratings.rated_power_kw",
            device.ratings.get("rated_power_kw"),
            f"must be above 0 and at most {_MOST_KW:.0f} kW",
        )
    if device.device_class == "storage" and not 0 < device.ratings.get("capacity_kwh", 0) <= _MOST_KW:
        yield (
            f"{where}.ratings.capacity_kwh",
            device.ratings.get("capacity_kwh"),
            f"must be above 0 and at most {_MOST_KW:.0f} kWh",
        )


def _driver_problems(where: str, name: str, device_class: str) -> Iterator[tuple[str, object, str]]:
    try:
        driver = drivers.find(name)
    except drivers.DriverError as error:
        yield f"{where}.driver", name, str(error)
        return
    if not driver.serves(device_class):
        yield f"{where}.driver", name, f"serves a {driver.device_class}, not a {device_class}"


def _site_problems(site: SiteSettings) -> Iterator[tuple[str, object, str]]:
    if site.zone not in available_timezones():
        yield "site.zone", site.zone, "unknown time zone: name one like Asia/Shanghai"
    if not site.linke_turbidity and not turbidity.is_known(site.latitude, site.longitude):
        yield "site", (site.latitude, site.longitude), turbidity.REMEDY


def _start_problems(start: str, site: SiteSettings) -> Iterator[tuple[str, object, str]]:
    if start and site.zone in available_timezones():
        try:
            local_ms(start, site.zone)
        except ValueError as error:
            yield "start", start, str(error)


def _hour_problems(strategy: StrategySettings) -> Iterator[tuple[str, object, str]]:
    for part in ("valley", "peak"):
        for text in getattr(strategy, part):
            try:
                minutes_of(text)
            except ValueError:
                yield f"strategy.{part}", text, "must be hours like 10:00-12:00"


def _bus_problems(
    buses: tuple[DcBusSettings, ...], devices: tuple[DeviceSettings, ...], known: set[str]
) -> Iterator[tuple[str, object, str]]:
    if len(buses) > 1:
        yield "dc_buses", [bus.id for bus in buses], "at most 1: leave the others out"
    meters = sorted(device.id for device in devices if device.device_class == "meter")
    for index, bus in enumerate(buses):
        where = f"dc_buses[{index}]"
        if not IDENTIFIER.fullmatch(bus.id):
            yield f"{where}.id", bus.id, "must be lower-case letters, digits, - and _, starting with a letter or digit"
        if bus.id in known:
            yield f"{where}.id", bus.id, "is taken by a device: choose another"
        yield from _driver_problems(where, bus.driver, "dc_bus")
        for name in bus.loads:
            if name not in meters:
                yield f"{where}.loads", name, f"is not a meter of this park; there are: {', '.join(meters)}"


def _fault_problems(where: str, fault: FaultSettings, known: set[str]) -> Iterator[tuple[str, object, str]]:
    if fault.device not in known:
        yield f"{where}.device", fault.device, f"unknown device; there are: {', '.join(sorted(known))}"
    daily = _DAILY.fullmatch(fault.start) is not None
    try:
        time.fromisoformat(fault.start) if daily else to_ms(datetime.fromisoformat(fault.start))
    except ValueError:
        remedy = "must be an instant with its offset, like 2026-06-21T12:00:00+08:00, or 19:00 for every day"
        yield f"{where}.start", fault.start, remedy
    if daily and fault.kind in REMEMBERING:
        yield f"{where}.start", fault.start, f"{fault.kind.value} happens once: give an instant with a date"
    if daily and (fault.duration_s is None or fault.duration_s >= _DAY_MS / 1000):
        yield f"{where}.duration_s", fault.duration_s, "must be given, and less than a day, for what comes every day"
    for name, value, remedy in parameter_problems(fault.kind, fault.parameters):
        yield f"{where}.{name}", value, remedy


def _fault(fault: FaultSettings, zone: ZoneInfo) -> Fault:
    """One fault as instants; a daily one is counted from the first day that any device may report."""
    every_ms = 0
    if _DAILY.fullmatch(fault.start):
        start = to_ms(datetime.combine(_FIRST_DAY, time.fromisoformat(fault.start), zone))
        every_ms = _DAY_MS
    else:
        start = to_ms(datetime.fromisoformat(fault.start))
    end = FOREVER_MS if fault.duration_s is None else start + round(fault.duration_s * 1000)
    return Fault(fault.device, fault.kind, start, end, fault.parameters, every_ms)
