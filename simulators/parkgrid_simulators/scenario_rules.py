"""Rules across the keys of a scenario, told all at once and beside what is wrong with single keys.

A table with a wrong key takes part as far as it can be read, so that one mistake does not hide another.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import cache
from typing import Any, TypeVar
from zoneinfo import available_timezones

from parkgrid_contract.identity import IDENTIFIER
from parkgrid_contract.ranges import MAX_DEVICES
from parkgrid_contract.refusal import shorten
from parkgrid_contract.settings import readable
from parkgrid_contract.time import BEYOND_MS, OLDEST_MS, to_ms
from parkgrid_edge import drivers
from parkgrid_edge.driver_rules import rating_problems
from parkgrid_simulators import turbidity
from parkgrid_simulators.faults import MOST_FAULTS, REMEMBERING, parameter_problems
from parkgrid_simulators.scenario_tables import (
    DcBusSettings,
    DeviceSettings,
    FaultSettings,
    ScheduleSettings,
    SiteSettings,
    StrategySettings,
    V2gSettings,
    local_ms,
    minute_of,
    minutes_of,
)
from parkgrid_simulators.schedules import MOST_ENTRIES, Entry, entry_problems

DAILY = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
Found = tuple[str, object, str]
"""Key, value and remedy."""
_DAY_MS = 86_400_000
_MINUTES = 1440
_NEEDED = (
    ("rated_power_kw", "kW", ("pv_inverter", "storage", "charger", "meter")),
    ("capacity_kwh", "kWh", ("storage",)),
)
"""Ratings without which a class cannot be simulated."""
_MOST_ON_BUS = 247
"""Unit numbers that Modbus has for devices."""
_MOST_OF_CLASS = (("grid_meter", 1), ("storage", 1), ("weather", 1))
_FLEXIBLE = {"interruptible": "meter", "shiftable": "meter", "v2g": "charger"}
_MOST_KW = 1e6
"""Highest rating of one device, in kW or kWh."""
_IDENTIFIER = "must be lower-case letters, digits, - and _, starting with a letter or digit"
_Table = TypeVar("_Table")


@dataclass(frozen=True, slots=True)
class Parts:
    """The tables of a scenario; None stands for one that cannot be read at all."""

    devices: Sequence[DeviceSettings | None] = ()
    dc_buses: Sequence[DcBusSettings | None] = ()
    faults: Sequence[FaultSettings | None] = ()
    schedules: Sequence[ScheduleSettings | None] = ()
    site: SiteSettings = SiteSettings()
    strategy: StrategySettings = StrategySettings()
    v2g: V2gSettings = V2gSettings()
    start: str = ""
    named: frozenset[str] = field(default_factory=frozenset)
    """Identifiers of tables that cannot be read."""


def parts_of(document: Mapping[str, Any]) -> Parts:
    """The tables of an unchecked file, as far as they can be read."""
    start = document.get("start", "")
    names = (table.get("id") for key in ("devices", "dc_buses") for table in _tables(document, key))
    return Parts(
        [readable(DeviceSettings, table) for table in _tables(document, "devices")],
        [readable(DcBusSettings, table) for table in _tables(document, "dc_buses")],
        [readable(FaultSettings, table) for table in _tables(document, "faults")],
        [readable(ScheduleSettings, table) for table in _tables(document, "schedules")],
        _table(SiteSettings, document, "site"),
        _table(StrategySettings, document, "strategy"),
        _table(V2gSettings, document, "v2g"),
        start if isinstance(start, str) else "",
        frozenset(name for name in names if isinstance(name, str)),
    )


def problems(parts: Parts) -> Iterator[Found]:
    """Everything that is wrong across keys."""
    known: set[str] = set()
    for index, device in enumerate(parts.devices):
        if device is not None:
            yield from _device_problems(f"devices[{index}]", device, known)
            known.add(device.id)
    yield from _count_problems(parts)
    yield from _class_problems(parts)
    yield from _bus_problems(parts, known)
    known |= parts.named | {bus.id for bus in parts.dc_buses if bus is not None}
    for index, fault in enumerate(parts.faults):
        if fault is not None:
            yield from _fault_problems(f"faults[{index}]", fault, known)
    yield from _schedule_problems(parts, known)
    yield from _site_problems(parts.site)
    yield from _start_problems(parts.start, parts.site)
    yield from _hour_problems(parts.strategy)
    yield from _stay_problems(parts.v2g)


def _tables(document: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = document.get(key)
    return [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []


def _table(kind: type[_Table], document: Mapping[str, Any], key: str) -> _Table:
    """A table whose keys all have defaults."""
    found = document.get(key)
    return (readable(kind, found) if isinstance(found, dict) else None) or kind()


def _count_problems(parts: Parts) -> Iterator[Found]:
    """More than a gateway may announce beside itself, a bus has numbers for, or a plan of faults holds."""
    for key, found, most in (
        ("devices", len(parts.devices) + len(parts.dc_buses), MAX_DEVICES - 1),
        ("faults", len(parts.faults), MOST_FAULTS),
    ):
        if found > most:
            yield key, found, f"at most {most}: leave the others out"
    sharing = Counter(device.bus for device in parts.devices if device is not None and device.bus)
    for bus, count in sharing.items():
        if count > _MOST_ON_BUS:
            yield "devices", count, f"at most {_MOST_ON_BUS} on one bus ({shorten(bus)}): put the others on another"


def _class_problems(parts: Parts) -> Iterator[Found]:
    devices = [device for device in parts.devices if device is not None]
    for device_class, most in _MOST_OF_CLASS:
        found = [device.id for device in devices if device.device_class == device_class]
        if len(found) > most:
            yield "devices", found, f"at most {most} of class {device_class}: leave the others out"
    if len(devices) == len(parts.devices) and not any(one.device_class == "grid_meter" for one in devices):
        yield "devices", [device.id for device in devices], "needs a grid_meter: it closes the balance"


def _device_problems(where: str, device: DeviceSettings, known: set[str]) -> Iterator[Found]:
    if not IDENTIFIER.fullmatch(device.id):
        yield f"{where}.id", device.id, _IDENTIFIER
    if device.id in known:
        yield f"{where}.id", device.id, "is taken by a device before: choose another"
    yield from _driver_problems(where, device.driver, device.device_class)
    yield from _flexible_problems(where, device)
    yield from _rating_problems(f"{where}.ratings", device)


def _rating_problems(where: str, device: DeviceSettings) -> Iterator[Found]:
    """Ratings that there are not or that are out of range, and those that its class needs."""
    wrong: dict[str, tuple[object, str]] = {
        name: (value, remedy) for name, value, remedy in rating_problems(device.ratings)
    }
    for name, unit, classes in _NEEDED:
        if device.device_class in classes and name not in wrong and not 0 < device.ratings.get(name, 0) <= _MOST_KW:
            wrong[name] = device.ratings.get(name), f"must be above 0 and at most {_MOST_KW:.0f} {unit}"
    for name, (value, remedy) in wrong.items():
        yield f"{where}.{name}", value, remedy


def _flexible_problems(where: str, device: DeviceSettings) -> Iterator[Found]:
    wanted = _FLEXIBLE.get(device.flexibility, device.device_class)
    if device.device_class != wanted:
        yield f"{where}.flexibility", device.flexibility, f"is for a {wanted}, not a {device.device_class}"
    bounds = device.scheduled_kw
    if device.device_class == "meter" and bounds is not None and bounds[0] > bounds[1]:
        yield f"{where}.least_kw", device.least_kw, f"must be at most most_kw, which is {bounds[1]:g} kW"
    if device.flexibility == "v2g" and not _counts_what_returns(device.driver):
        remedy = "has no register of returned energy, which v2g needs: parkgrid_v2g has one"
        yield f"{where}.driver", device.driver, remedy


def _counts_what_returns(name: str) -> bool:
    try:
        driver = drivers.find(name)
    except drivers.DriverError:
        return True
    return driver.discovers or "energy_returned_kwh" in driver.signals


def _schedule_problems(parts: Parts, known: set[str]) -> Iterator[Found]:
    devices = {device.id: device for device in parts.devices if device is not None}
    of_device: dict[str, list[tuple[int, Entry]]] = {}
    for index, schedule in enumerate(parts.schedules):
        if schedule is None:
            continue
        if schedule.device not in known:
            remedy = f"unknown device; there are: {', '.join(sorted(known))}"
            yield f"schedules[{index}].device", schedule.device, remedy
            continue
        if parts.site.zone in _zones():
            try:
                of_device.setdefault(schedule.device, []).append((index, schedule.entry(parts.site.zone)))
            except ValueError as error:
                yield f"schedules[{index}].from", (schedule.from_, schedule.to), str(error)
    for name, numbered in of_device.items():
        if name in devices:
            yield from _planned_problems(devices[name], numbered)


def _planned_problems(device: DeviceSettings, numbered: Sequence[tuple[int, Entry]]) -> Iterator[Found]:
    bounds = device.scheduled_kw
    if bounds is None:
        yield f"schedules[{numbered[0][0]}].device", device.id, f"is a {device.device_class} that takes no schedule"
        return
    if len(numbered) > MOST_ENTRIES:
        yield "schedules", len(numbered), f"at most {MOST_ENTRIES} of one device ({device.id})"
    for number, key, value, remedy in entry_problems([entry for _, entry in numbered], *bounds):
        yield f"schedules[{numbered[number][0]}].{key}", value, f"{remedy} ({device.id})"


def _stay_problems(v2g: V2gSettings) -> Iterator[Found]:
    minutes = {}
    for key in ("arrival", "departure"):
        try:
            minutes[key] = minute_of(getattr(v2g, key))
        except ValueError:
            yield f"v2g.{key}", getattr(v2g, key), "must be a local time like 08:30"
    if len(minutes) == 2:  # noqa: PLR2004  both
        stay = (minutes["departure"] - minutes["arrival"]) % _MINUTES
        if not 2 * v2g.spread_min < stay < _MINUTES - 2 * v2g.spread_min:
            yield "v2g.spread_min", v2g.spread_min, "must be less than half of the stay and of the pause between two"


def _driver_problems(where: str, name: str, device_class: str) -> Iterator[Found]:
    try:
        driver = drivers.find(name)
    except drivers.DriverError as error:
        yield f"{where}.driver", name, str(error)
        return
    if not driver.serves(device_class):
        yield f"{where}.driver", name, f"serves a {driver.device_class}, not a {device_class}"


@cache
def _zones() -> frozenset[str]:
    """The time zones of this machine; to list them opens some hundred files."""
    return frozenset(available_timezones())


def _site_problems(site: SiteSettings) -> Iterator[Found]:
    if site.zone not in _zones():
        yield "site.zone", site.zone, "unknown time zone: name one like Asia/Shanghai"
    if not site.linke_turbidity and not turbidity.is_known(site.latitude, site.longitude):
        yield "site", (site.latitude, site.longitude), turbidity.REMEDY


def _start_problems(start: str, site: SiteSettings) -> Iterator[Found]:
    if start and site.zone in _zones():
        try:
            local_ms(start, site.zone)
        except ValueError as error:
            yield "start", start, str(error)


def _hour_problems(strategy: StrategySettings) -> Iterator[Found]:
    for part in ("valley", "peak"):
        for text in getattr(strategy, part):
            try:
                minutes_of(text)
            except ValueError:
                yield f"strategy.{part}", text, "must be hours like 10:00-12:00"


def _bus_problems(parts: Parts, known: set[str]) -> Iterator[Found]:
    if len(parts.dc_buses) > 1:
        yield "dc_buses", [bus.id for bus in parts.dc_buses if bus is not None], "at most 1: leave the others out"
    meters = sorted(one.id for one in parts.devices if one is not None and one.device_class == "meter")
    for index, bus in enumerate(parts.dc_buses):
        if bus is None:
            continue
        where = f"dc_buses[{index}]"
        if not IDENTIFIER.fullmatch(bus.id):
            yield f"{where}.id", bus.id, _IDENTIFIER
        if bus.id in known:
            yield f"{where}.id", bus.id, "is taken by a device: choose another"
        yield from _driver_problems(where, bus.driver, "dc_bus")
        for name in bus.loads:
            if name not in meters and name not in parts.named - known:
                yield f"{where}.loads", name, f"is not a meter of this park; there are: {', '.join(meters)}"


def _fault_problems(where: str, fault: FaultSettings, known: set[str]) -> Iterator[Found]:
    if fault.device not in known:
        yield f"{where}.device", fault.device, f"unknown device; there are: {', '.join(sorted(known))}"
    daily = DAILY.fullmatch(fault.start) is not None
    try:
        right = time.fromisoformat(fault.start) if daily else _in_range(to_ms(datetime.fromisoformat(fault.start)))
    except (ValueError, OverflowError):
        right = None
    if right is None or right is False:
        remedy = (
            "must be an instant with its offset between 2000 and 2200, like 2026-06-21T12:00:00+08:00, "
            "or 19:00 for every day"
        )
        yield f"{where}.start", fault.start, remedy
    if daily and fault.kind in REMEMBERING:
        yield f"{where}.start", fault.start, f"{fault.kind.value} happens once: give an instant with a date"
    if daily and (fault.duration_s is None or fault.duration_s >= _DAY_MS / 1000):
        yield f"{where}.duration_s", fault.duration_s, "must be given, and less than a day, for what comes every day"
    for name, value, remedy in parameter_problems(fault.kind, fault.parameters):
        yield f"{where}.{name}", value, remedy


def _in_range(at_ms: int) -> bool:
    return OLDEST_MS <= at_ms < BEYOND_MS
