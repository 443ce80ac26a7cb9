"""What the columns of measured CSV files mean: one TOML file, checked whole before any data is read.

[time]                                   [[devices]]
column = "time"                          device = "main"
format = "%Y-%m-%d %H:%M"                device_class = "grid_meter"
period_s = 900                           account = "0500123"
                                         file = "meter.csv"
                                         [devices.counters.energy_import_kwh]
                                         column = "reading"      # what the display of the meter showed
                                         [devices.gauges.active_power_kw]
                                         column = "P"
                                         factor = "0.001"        # the file says W
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from parkgrid_contract.identity import IDENTIFIER
from parkgrid_contract.settings import above, at_least, between, load, readable, setting
from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_contract.time import to_ms
from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import Driver

Fault = tuple[str, object, str]
"""Key, value and remedy of something that is wrong."""
_RATINGS = ("_kw", "_kva", "_kwh", "_kwp", "_v", "_a", "_m2", "_pct", "_count", "_ratio")
_STARTS_AND_COLUMN = "give either the column of the times, or the start of the first row"


def parse_decimal(text: object) -> str | None:
    """A rule: a text that is a finite decimal number other than 0."""
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        number = Decimal("NaN")
    return None if number.is_finite() and number else "must be a decimal number other than 0, for example 0.001"


def _offset(text: object) -> str | None:
    try:
        finite = Decimal(str(text)).is_finite()
    except InvalidOperation:
        finite = False
    return None if finite else "must be a decimal number, for example -273.15"


def _known_class(name: str) -> str | None:
    return None if name in CATALOGUE else f"no such class; there are: {', '.join(CATALOGUE)}"


def _known_driver(name: str) -> str | None:
    try:
        _ = name and drivers.find(name)
    except drivers.DriverError as error:
        return str(error)
    return None


def _park_zone(name: str) -> str | None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "no such time zone: write it like Asia/Shanghai or Asia/Kolkata"
    return None


def zone_of(text: str) -> tzinfo:
    """A zone by its name, or an offset like +05:30. Raises `ValueError`."""
    if text[:1] in {"+", "-"}:
        offset = datetime.fromisoformat(f"2000-01-01T00:00{text}").utcoffset()
        return timezone(offset or timedelta())
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(text) from error


def _time_zone(text: str) -> str | None:
    try:
        _ = text and zone_of(text)
    except ValueError:
        return "no such time zone: write Asia/Kolkata, or an offset like +05:30"
    return None


def _one_letter(text: str) -> str | None:
    return None if len(text) == 1 else "must be one letter"


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """How the files are written."""

    encoding: str = setting("utf-8-sig", help="encoding of the files, for example gb18030")
    delimiter: str = setting(",", help="character between the cells", check=_one_letter)
    decimal: str = setting(".", help="the decimal point", check=_one_letter)
    blank: tuple[str, ...] = setting((), help='texts of cells without a value, for example ["", "NaN"]')


@dataclass(frozen=True, slots=True)
class TimeMapping:
    """When the rows were measured."""

    period_s: int = setting(help="seconds that one row covers", check=above(0))
    column: str = setting("", help="column with the time of each row")
    format: str = setting("", help="its form as strptime has it, unix_s or unix_ms; without it ISO 8601")
    zone: str = setting("", help="zone of times without an offset; without it the park's", check=_time_zone)
    stamp: Literal["end", "start"] = setting("end", help="whether the time is that of the row's end or of its start")
    start: str = setting("", help="start of the first row, with its offset: 2016-07-31T23:00:00-08:00")
    rows: int = setting(0, help="rows that every file must have; 0: as many as there are", check=at_least(0))
    hour_column: str = setting("", help="column with the hour that a row ends, 1 to 24, checked where a file has it")


@dataclass(frozen=True, slots=True)
class MatchMapping:
    """How a directory is recognised."""

    files: tuple[str, ...] = setting(help="files that it must contain")


@dataclass(frozen=True, slots=True)
class GaugeMapping:
    """One column that is a momentary value or a state."""

    column: str = setting(help="its column")
    file: str = setting("", help="CSV file; without it that of the device")
    factor: str = setting("1", help="decimal number that the column is multiplied by", check=parse_decimal)
    offset: str = setting("0", help="decimal number that is added then", check=_offset)
    words: Mapping[str, str] = setting(factory=dict, help="text in the file to name of a state")


@dataclass(frozen=True, slots=True)
class CounterMapping:
    """One column that fills a register."""

    column: str = setting(help="its column")
    file: str = setting("", help="CSV file; without it that of the device")
    factor: str = setting("1", help="decimal number that the column is multiplied by", check=parse_decimal)
    kind: Literal["reading", "energy"] = setting("reading", help="what the display showed, or the energy of the row")
    resets: Literal["never", "daily"] = setting("never", help="whether the count starts again from 0 every day")


@dataclass(frozen=True, slots=True)
class DeviceMapping:
    """One device, or one for each number of `each`; `{n}` stands for the number in every text."""

    device: str = setting(help="identifier; {n} stands for the number")
    device_class: str = setting(help="a class of the catalogue", check=_known_class)
    driver: str = setting("", help="a driver, for example eastron_sdm630; only `replay` needs one", check=_known_driver)
    name_zh: str = setting("", help="its Chinese name")
    name_en: str = setting("", help="its English name")
    each: int = setting(1, help="one device for each number from 1", check=at_least(1))
    file: str = setting("", help="CSV file")
    where: Mapping[str, str] = setting(factory=dict, help="only rows with this text in this column")
    column: str = setting("", help="short for one counter of kind energy: its column")
    factor: str = setting("1", help="decimal number that this column is multiplied by", check=parse_decimal)
    counter: str = setting("", help="the counter that this column fills")
    factor_file: str = setting("", help="JSON file with a further factor for this column")
    factor_path: str = setting("", help="where it stands there: keys joined by /")
    rating: str = setting("", help="name of the rating that this further factor is, for example rated_power_kw")
    role: Literal["load", "generation", "connection", "none"] = setting("none", help="its part in the balance")
    bus: str = setting("", help="devices of one bus share a port")
    ratings: Mapping[str, float] = setting(factory=dict, help="nameplate, for example rated_power_kw")
    station: str = setting("", help="substation")
    line: str = setting("", help="line")
    transformer: str = setting("", help="transformer district")
    account: str = setting("", help="account with the supplier")
    counters: Mapping[str, CounterMapping] = setting(factory=dict, help="counter to its column")
    gauges: Mapping[str, GaugeMapping] = setting(factory=dict, help="signal to its column")

    @property
    def all_counters(self) -> Mapping[str, CounterMapping]:
        """The counters, the one in short form among them."""
        if not self.column:
            return self.counters
        return {self.counter: CounterMapping(self.column, factor=self.factor, kind="energy"), **self.counters}

    @property
    def signals(self) -> tuple[str, ...]:
        """What the mapping says about, counters first."""
        return (*self.all_counters, *self.gauges)

    def problems(self, where: str) -> Iterator[Fault]:
        """Rules across fields, `where` before every key."""
        if not IDENTIFIER.fullmatch(numbered(self.device, 1)):
            remedy = "must be lower-case letters, digits, - and _, starting with a letter or digit"
            yield f"{where}.device", self.device, remedy
        if self.each > 1 and "{n}" not in self.device:
            yield f"{where}.device", self.device, "needs {n} where `each` makes several devices"
        if bool(self.column) != bool(self.counter):
            yield f"{where}.counter", self.counter, "`column` and `counter` belong together: give both or neither"
        if self.role == "connection" and self.signals:
            yield f"{where}.role", self.role, "is computed from loads and generation: give it no columns"
        if not self.signals and self.role != "connection":
            yield where, self.device, "has no column: give it counters or gauges, or leave it out"
        for name in self.ratings:
            if not name.endswith(_RATINGS):
                yield f"{where}.ratings.{name}", self.ratings[name], "must end in its unit, as rated_power_kw does"
        yield from self._signal_problems(where)
        if self.driver:
            yield from self._driver_problems(where, drivers.find(self.driver))

    def _signal_problems(self, where: str) -> Iterator[Fault]:
        known = CATALOGUE[self.device_class].by_name
        counters = [name for name, signal in known.items() if signal.kind is SignalKind.COUNTER]
        for name, counter in self.all_counters.items():
            key = f"{where}.counter" if name == self.counter and self.column else f"{where}.counters.{name}"
            if name not in counters:
                yield key, name, f"{self.device_class} has no such counter; there are: {', '.join(counters) or 'none'}"
            if not (counter.file or self.file):
                yield key, counter.column, "needs a file: give one here, or `file` for the device"
            if counter.kind == "energy" and counter.resets == "daily":
                yield f"{key}.resets", "daily", "the energy of a row has no reset: leave it out"
        for name, gauge in self.gauges.items():
            key = f"{where}.gauges.{name}"
            signal = known.get(name)
            if signal is None or signal.kind is SignalKind.COUNTER:
                gauges = [each for each in known if each not in counters]
                yield key, name, f"{self.device_class} has no such gauge; there are: {', '.join(gauges)}"
                continue
            if not (gauge.file or self.file):
                yield key, gauge.column, "needs a file: give one here, or `file` for the device"
            for text, state in gauge.words.items():
                if state not in signal.states:
                    remedy = f"no state of {name}; there are: {', '.join(signal.states) or 'none, it is a number'}"
                    yield f"{key}.words.{text}", state, remedy

    def _driver_problems(self, where: str, driver: Driver) -> Iterator[Fault]:
        if driver.discovers:
            return
        if not driver.serves(self.device_class):
            yield f"{where}.driver", self.driver, f"serves a {driver.device_class}, not a {self.device_class}"
            return
        for kind, names in (("counters", self.all_counters), ("gauges", self.gauges)):
            for name in names:
                if name in CATALOGUE[self.device_class].by_name and name not in driver.signals:
                    remedy = f"{self.driver} does not serve it; it serves {', '.join(driver.signals)}"
                    yield f"{where}.{kind}.{name}", name, f"{remedy}. `parkgrid import` needs no driver"


@dataclass(frozen=True, slots=True)
class ReplayMapping:
    """What the columns of a directory mean."""

    name: str = setting(help="display name of the data")
    source: str = setting(help="where it comes from, with its licence")
    time: TimeMapping = setting(help="when the rows were measured")
    devices: tuple[DeviceMapping, ...] = setting(help="the devices and their columns")
    match: MatchMapping = setting(MatchMapping(()), help="how the directory is recognised")
    csv: CsvMapping = setting(CsvMapping(), help="how the files are written")
    park: str = setting("replay", help="identifier of the park")
    district: str = setting("", help="its district")
    name_zh: str = setting("", help="its Chinese name; without it `name`")
    name_en: str = setting("", help="its English name; without it `name`")
    zone: str = setting("Asia/Shanghai", help="time zone of the place, for display", check=_park_zone)
    latitude: float | None = setting(None, help="degrees north", check=between(-90, 90))
    longitude: float | None = setting(None, help="degrees east", check=between(-180, 180))
    simulated: bool = setting(default=False, help="whether the data come from a simulation")

    @staticmethod
    def document_problems(document: Mapping[str, Any]) -> Iterator[Fault]:
        """Rules across fields of everything that can be read, whatever else is wrong."""
        yield from _time_problems(document.get("time"))
        taken: set[str] = set()
        listed = document.get("devices")
        for index, table in enumerate(listed if isinstance(listed, list) else ()):
            yield from _table_problems(f"devices[{index}]", table, taken)
        if ("latitude" in document) != ("longitude" in document):
            yield "latitude", document.get("latitude"), "latitude and longitude belong together: give both or neither"
        park = document.get("park", "replay")
        if isinstance(park, str) and not IDENTIFIER.fullmatch(park):
            yield "park", park, "must be lower-case letters, digits, - and _, starting with a letter or digit"

    @property
    def signals(self) -> int:
        """How many columns it names."""
        return sum(device.each * len(device.signals) for device in self.devices)


def load_mapping(path: Path) -> ReplayMapping:
    """A mapping from its file. Raises `SettingsError` with all problems."""
    return load(ReplayMapping, path, {}, "replay")


def numbered(text: str, number: int) -> str:
    """A text of the mapping for one of the devices of `each`."""
    return text.replace("{n}", str(number))


def of_number(device: DeviceMapping, number: int) -> DeviceMapping:
    """The mapping of one of the devices of `each`, its number in every text."""

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return numbered(value, number)
        if isinstance(value, CounterMapping | GaugeMapping):
            return replace(value, column=filled(value.column), file=filled(value.file))
        return {name: filled(each) for name, each in value.items()} if isinstance(value, Mapping) else value

    return replace(device, **{name: filled(getattr(device, name)) for name in DeviceMapping.__slots__})


def _time_problems(table: object) -> Iterator[Fault]:
    if not isinstance(table, dict):
        return
    start, column = table.get("start", ""), table.get("column", "")
    if bool(start) == bool(column):
        yield "time.start", start, _STARTS_AND_COLUMN
    if start:
        try:
            to_ms(datetime.fromisoformat(start))
        except (ValueError, TypeError) as error:
            yield "time.start", start, f"must be an instant with its offset ({error})"


def _table_problems(where: str, table: object, taken: set[str]) -> Iterator[Fault]:
    """The rules of one device, if its table can be read at all; what cannot is told by its type."""
    if not isinstance(table, dict):
        return
    found = readable(DeviceMapping, table)
    if found is None:
        return
    yield from found.problems(where)
    if found.device in taken:
        yield f"{where}.device", found.device, "is taken by a device before: choose another"
    taken.add(found.device)
