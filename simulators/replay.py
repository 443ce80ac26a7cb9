"""Measured data instead of physics: a year of CSV rows behind the same registers, servers and agent.

Energies are added up as decimals from the text of the files, so the registers of the last instant hold the exact sum,
rounded once, by the resolution of the register.
"""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import reduce
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal

from contract.settings import Problem, SettingsError, above, at_least, load, setting
from contract.signals import CATALOGUE
from contract.time import to_ms
from simulators.plant import SimulatedDevice, Values

MAPPINGS = Path(__file__).parent / "replays"
_MAX_PROBLEMS = 20
_HOURS = 24


class ReplayError(SettingsError):
    """The data or its mapping is wrong; `problems` holds every one, with file, line, column and remedy."""


@dataclass(frozen=True, slots=True)
class TimeMapping:
    """When the rows were measured."""

    start: str = setting(help="start of the first row, with its offset: 2016-07-31T23:00:00-08:00")
    period_s: int = setting(help="seconds that one row covers", check=above(0))
    rows: int = setting(help="rows that every file must have", check=at_least(1))
    hour_column: str = setting("", help="column with the hour that a row ends, 1 to 24, checked where a file has it")

    def problems(self) -> Iterator[tuple[str, object, str]]:
        """The start must be an instant."""
        try:
            to_ms(datetime.fromisoformat(self.start))
        except ValueError as error:
            yield "time.start", self.start, f"must be an instant with its offset ({error})"


@dataclass(frozen=True, slots=True)
class MatchMapping:
    """How a directory is recognised."""

    files: tuple[str, ...] = setting(help="files that it must contain")


@dataclass(frozen=True, slots=True)
class GaugeMapping:
    """One column that is shown as it is."""

    file: str = setting(help="CSV file")
    column: str = setting(help="its column")


@dataclass(frozen=True, slots=True)
class DeviceMapping:
    """One device, or one for each number of `each`."""

    device: str = setting(help="identifier; {n} stands for the number")
    device_class: str = setting(help="a class of the catalogue")
    driver: str = setting(help="a module of edge.drivers")
    name_zh: str = setting("", help="its Chinese name")
    name_en: str = setting("", help="its English name")
    each: int = setting(1, help="one device for each number from 1", check=at_least(1))
    file: str = setting("", help="CSV file with the energy of each row")
    column: str = setting("", help="its column, in kWh a row after `factor`")
    factor: str = setting("1", help="decimal number that the column is multiplied by")
    factor_file: str = setting("", help="JSON file with a further factor")
    factor_path: str = setting("", help="where it stands there: keys joined by /")
    rating: str = setting("", help="name of the rating that this further factor is, for example rated_power_kw")
    counter: str = setting("", help="the cumulative register that the energy fills")
    role: Literal["load", "generation", "connection", "none"] = setting("none", help="its part in the balance")
    bus: str = setting("", help="devices of one bus share a port")
    gauges: Mapping[str, GaugeMapping] = setting(factory=dict, help="signal to file and column")


@dataclass(frozen=True, slots=True)
class ReplayMapping:
    """What the columns of a directory mean."""

    name: str = setting(help="what people call this data")
    source: str = setting(help="where it comes from, with its licence")
    time: TimeMapping = setting(help="when the rows were measured")
    match: MatchMapping = setting(help="how the directory is recognised")
    devices: tuple[DeviceMapping, ...] = setting(help="the devices and their columns")
    park: str = setting("replay", help="identifier of the park")
    zone: str = setting("Asia/Shanghai", help="time zone of the place, for display")


@dataclass(frozen=True, slots=True)
class _Series:
    """Cumulative energies of one device at the instants 0, 1, 2 …, exact, and its gauges by row."""

    mapping: DeviceMapping
    energies: tuple[Decimal, ...] = ()
    imported: tuple[Decimal, ...] = ()
    exported: tuple[Decimal, ...] = ()
    gauges: Mapping[str, Sequence[float]] = field(default_factory=dict)


class Replay:
    """A plant whose devices repeat measured data. The state at an instant is that at the end of the row before it."""

    def __init__(self, mapping: ReplayMapping, devices: Sequence[SimulatedDevice], series: Sequence[_Series]) -> None:
        self.mapping = mapping
        self.devices = tuple(devices)
        self.period_ms = mapping.time.period_s * 1000
        self.start_ms = to_ms(datetime.fromisoformat(mapping.time.start))
        self.end_ms = self.start_ms + mapping.time.rows * self.period_ms
        self._series = {device.device: one for device, one in zip(devices, series, strict=True)}
        self._cached: dict[str, tuple[int, Values]] = {}

    @classmethod
    def open(cls, directory: Path, mapping: Path | None = None) -> "Replay":
        """Read and check a directory, with the given or the committed mapping. Raises `ReplayError`."""
        if not directory.is_dir():
            raise ReplayError(
                [Problem(str(directory), "directory", str(directory), "is not a directory: name another")]
            )
        try:
            found = load(ReplayMapping, mapping or find_mapping(directory), {}, "replay")
        except SettingsError as error:
            raise ReplayError(error.problems) from error
        return _Loader(directory, found).load()

    def steps(self, start_ms: int | None = None, end_ms: int | None = None) -> range:
        """The instants from one to another, both included, in milliseconds: counted, so that progress can be shown."""
        first = self._index(self.start_ms if start_ms is None else start_ms, up=True)
        last = self._index(self.end_ms if end_ms is None else end_ms)
        return range(self.start_ms + first * self.period_ms, self.start_ms + last * self.period_ms + 1, self.period_ms)

    def values(self, device: str, at_ms: int) -> Values:
        """What a device shows at an instant: counters at the end of the last full row, mean powers over that row."""
        index = self._index(at_ms)
        cached = self._cached.get(device)
        if cached is None or cached[0] != index:
            cached = self._cached[device] = (index, self._measure(self._series[device], index))
        return cached[1]

    def write(self, device: str, signal: str, value: float) -> None:
        """Measured data does not obey; the set-point is taken and has no effect."""

    def totals(self, start_ms: int | None = None, end_ms: int | None = None) -> dict[str, float]:
        """Exact energies between two instants: load_kwh, pv_kwh, import_kwh, export_kwh, netted every row."""
        first, last = self.steps(start_ms, end_ms)[0], self.steps(start_ms, end_ms)[-1]
        a, b = self._index(first), self._index(last)
        totals = dict.fromkeys(("load_kwh", "pv_kwh", "import_kwh", "export_kwh"), Decimal(0))
        for one in self._series.values():
            if one.mapping.role == "load":
                totals["load_kwh"] += one.energies[b] - one.energies[a]
            elif one.mapping.role == "generation":
                totals["pv_kwh"] += one.energies[b] - one.energies[a]
            elif one.mapping.role == "connection":
                totals["import_kwh"] += one.imported[b] - one.imported[a]
                totals["export_kwh"] += one.exported[b] - one.exported[a]
        return {name: float(energy) for name, energy in totals.items()}

    def _index(self, at_ms: int, *, up: bool = False) -> int:
        rest = self.start_ms - at_ms if up else at_ms - self.start_ms
        index = rest // self.period_ms
        return min(max(-index if up else index, 0), self.mapping.time.rows)

    def _measure(self, series: _Series, index: int) -> Values:
        values: dict[str, float | None] = {name: rows[max(index - 1, 0)] for name, rows in series.gauges.items()}
        hours = Decimal(self.mapping.time.period_s) / 3600
        if series.imported:
            values["energy_import_kwh"] = float(series.imported[index])
            values["energy_export_kwh"] = float(series.exported[index])
            values["active_power_kw"] = _mean_power(series.imported, index, hours, series.exported)
        elif series.energies:
            values[series.mapping.counter] = float(series.energies[index])
            values["active_power_kw"] = _mean_power(series.energies, index, hours)
            if "energy_export_kwh" in CATALOGUE[series.mapping.device_class].by_name:
                values["energy_export_kwh"] = 0.0
        return values


def find_mapping(directory: Path) -> Path:
    """The committed mapping whose files are all there. Raises `ReplayError` naming those there are."""
    known = sorted(MAPPINGS.glob("*.toml"))
    for path in known:
        if all((directory / name).is_file() for name in load(ReplayMapping, path, {}, "replay").match.files):
            return path
    names = ", ".join(path.stem for path in known)
    remedy = f"matches no committed mapping ({names}): write one like {known[0].name} and name it with --mapping"
    raise ReplayError([Problem(str(directory), "directory", str(directory), remedy)])


def _mean_power(
    energies: Sequence[Decimal], index: int, hours: Decimal, against: Sequence[Decimal] | None = None
) -> float | None:
    if index == 0:
        return None
    energy = energies[index] - energies[index - 1]
    if against is not None:
        energy -= against[index] - against[index - 1]
    return float(energy / hours)


class _Loader:
    """Reads the files of a mapping once, collecting everything that is wrong with them."""

    def __init__(self, directory: Path, mapping: ReplayMapping) -> None:
        self._directory = directory
        self._mapping = mapping
        self._problems: list[Problem] = []
        self._files: dict[str, list[dict[str, str]] | None] = {}
        self._documents: dict[str, Any] = {}

    def load(self) -> Replay:
        """The replay, or all its problems."""
        devices: list[SimulatedDevice] = []
        series: list[_Series] = []
        for mapping in self._mapping.devices:
            for number in range(1, mapping.each + 1):
                ratings, one = self._device(mapping, number)
                devices.append(_nameplate(mapping, number, ratings))
                series.append(one)
        if self._problems:
            raise ReplayError(_shortened(self._problems))
        return Replay(self._mapping, devices, _connected(series))

    def _device(self, mapping: DeviceMapping, number: int) -> tuple[Mapping[str, float], _Series]:
        further = self._further_factor(mapping, number)
        ratings = {mapping.rating: float(further)} if mapping.rating else {}
        energies: tuple[Decimal, ...] = ()
        if mapping.column:
            factor = Decimal(mapping.factor) * further
            rows = self._energies(mapping.file.format(n=number), mapping.column)
            energies = tuple(accumulate((value * factor for value in rows), initial=Decimal(0)))
        gauges = {
            signal: [float(value) for value in self._column(gauge.file.format(n=number), gauge.column)]
            for signal, gauge in mapping.gauges.items()
        }
        return ratings, _Series(mapping, energies, gauges=gauges)

    def _further_factor(self, mapping: DeviceMapping, number: int) -> Decimal:
        """A number from a JSON file: the nominal power, say, that a column in W per kW has to be multiplied by."""
        if not mapping.factor_file:
            return Decimal(1)
        path = mapping.factor_path.format(n=number)
        try:
            document = self._document(mapping.factor_file)
            return Decimal(str(reduce(lambda part, key: part[key], path.split("/"), document)))
        except (OSError, ValueError, KeyError, TypeError, InvalidOperation) as error:
            self._note(mapping.factor_file, path, repr(error), "must hold a number there: restore the file")
            return Decimal(1)

    def _document(self, name: str) -> Any:
        if name not in self._documents:
            self._documents[name] = json.loads((self._directory / name).read_text("utf-8"), parse_float=Decimal)
        return self._documents[name]

    def _column(self, file: str, column: str) -> list[Decimal]:
        rows = self._rows(file)
        if rows is None:
            return []
        if rows and column not in rows[0]:
            known = ", ".join(name for name in rows[0] if name)
            self._note(file, "line 1", column, f"no such column; there are: {known}")
            return []
        return [self._number(file, line, column, row[column]) for line, row in enumerate(rows, 2)]

    def _energies(self, file: str, column: str) -> list[Decimal]:
        """A column of energies, none of which may be negative."""
        rows = self._column(file, column)
        for line, value in enumerate(rows, 2):
            if value < 0:
                remedy = "an energy must not be negative: correct this row, or the column in the mapping"
                self._note(file, f"line {line}, column {column}", str(value), remedy)
        return rows

    def _number(self, file: str, line: int, column: str, text: str | None) -> Decimal:
        try:
            value = Decimal(text or "")
        except InvalidOperation:
            value = Decimal("NaN")
        if value.is_finite():
            return value
        self._note(file, f"line {line}, column {column}", text, "must be a number: restore or correct this row")
        return Decimal(0)

    def _rows(self, file: str) -> list[dict[str, str]] | None:
        if file not in self._files:
            self._files[file] = None
            try:
                with (self._directory / file).open(encoding="utf-8-sig", newline="") as lines:
                    self._files[file] = list(csv.DictReader(lines))
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                self._note(file, "file", str(error), "cannot be read: restore it or correct the mapping")
            self._check_rows(file, self._files[file])
        return self._files[file]

    def _check_rows(self, file: str, rows: list[dict[str, str]] | None) -> None:
        """The right number of rows, and none left out where the file counts the hours."""
        expected = self._mapping.time.rows
        if rows is None:
            return
        column = self._mapping.time.hour_column
        if rows and column in rows[0]:
            self._check_hours(file, column, rows)
        if len(rows) != expected:
            remedy = f"must have {expected} rows: restore the missing rows, or correct time.rows in the mapping"
            self._note(file, f"line {len(rows) + 1}", f"{len(rows)} rows", remedy)

    def _check_hours(self, file: str, column: str, rows: list[dict[str, str]]) -> None:
        time = self._mapping.time
        first = datetime.fromisoformat(time.start).hour * 3600
        for index, row in enumerate(rows):
            hour = (first + index * time.period_s) // 3600 % _HOURS + 1
            if row[column] != str(hour):
                remedy = f"must be {hour}: a row before this one is missing or doubled; restore it"
                self._note(file, f"line {index + 2}, column {column}", row[column], remedy)
                return

    def _note(self, file: str, key: str, value: object, remedy: str) -> None:
        self._problems.append(Problem(str(self._directory / file), key, value, remedy))


def _nameplate(mapping: DeviceMapping, number: int, ratings: Mapping[str, float]) -> SimulatedDevice:
    def numbered(text: str) -> str:
        return re.sub(r"\{n\}", str(number), text)

    return SimulatedDevice(
        device=numbered(mapping.device),
        device_class=mapping.device_class,
        driver=mapping.driver,
        name_zh=numbered(mapping.name_zh),
        name_en=numbered(mapping.name_en),
        period_s=1.0,
        ratings=ratings,
        bus=mapping.bus,
    )


def _connected(series: list[_Series]) -> list[_Series]:
    """The series with the meter of the connection point filled in: what is missing or left over in every row."""
    loads = [one.energies for one in series if one.mapping.role == "load"]
    generations = [one.energies for one in series if one.mapping.role == "generation"]
    consumed = [sum(column, Decimal(0)) for column in zip(*loads, strict=True)]
    generated = [sum(column, Decimal(0)) for column in zip(*generations, strict=True)] or [Decimal(0)] * len(consumed)
    balance = [load - generation for load, generation in zip(consumed, generated, strict=True)]
    net = [after - before for before, after in pairwise(balance)]
    imported = tuple(accumulate((max(energy, Decimal(0)) for energy in net), initial=Decimal(0)))
    exported = tuple(accumulate((max(-energy, Decimal(0)) for energy in net), initial=Decimal(0)))
    return [
        _Series(one.mapping, imported=imported, exported=exported) if one.mapping.role == "connection" else one
        for one in series
    ]


def _shortened(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= _MAX_PROBLEMS:
        return problems
    more = len(problems) - _MAX_PROBLEMS
    last = problems[_MAX_PROBLEMS]
    return [*problems[:_MAX_PROBLEMS], Problem(last.file, "and", f"{more} more", "correct these first")]
