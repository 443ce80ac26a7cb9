"""A directory and its mapping to the series of every device, or to everything that is wrong with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from parkgrid_contract.identity import MeteringPoint
from parkgrid_contract.settings import Problem, SettingsError
from parkgrid_contract.signals import CATALOGUE
from parkgrid_simulators.measured.files import Files, Table, distances_ms
from parkgrid_simulators.measured.mapping import (
    CounterMapping,
    DeviceMapping,
    GaugeMapping,
    ReplayMapping,
    load_mapping,
    of_number,
    zone_of,
)
from parkgrid_simulators.measured.series import (
    POWER,
    Count,
    Points,
    Series,
    added_up,
    balance,
    mean_power,
    series_of,
    without_resets,
)
from parkgrid_simulators.plant import SimulatedDevice

MAPPINGS = Path(__file__).parent.parent / "replays"
_MAX_PROBLEMS = 20


class ReplayError(SettingsError):
    """The data or its mapping is wrong; `problems` holds every one, with file, line, column and remedy."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that a directory holds."""

    mapping: ReplayMapping
    devices: tuple[SimulatedDevice, ...]
    series: tuple[Series, ...]
    """One for each device, in the same order."""

    @property
    def start_ms(self) -> int:
        """The first instant of any device."""
        return min(one.at_ms[0] for one in self.series if one.at_ms)

    @property
    def end_ms(self) -> int:
        """The last instant of any device."""
        return max(one.at_ms[-1] for one in self.series if one.at_ms)


def open_measured(directory: Path, mapping: Path | None = None) -> Measured:
    """Read and check a directory, with the given or the committed mapping. Raises `ReplayError`."""
    if not directory.is_dir():
        remedy = "is not a directory: name another"
        raise ReplayError([Problem(str(directory), "directory", str(directory), remedy)])
    try:
        found = load_mapping(mapping or find_mapping(directory))
    except SettingsError as error:
        raise ReplayError(error.problems) from error
    return _Loader(directory, found).load()


def find_mapping(directory: Path) -> Path:
    """The committed mapping whose files are all there. Raises `ReplayError` naming those there are."""
    known = sorted(MAPPINGS.glob("*.toml"))
    for path in known:
        if all((directory / name).is_file() for name in load_mapping(path).match.files):
            return path
    names = ", ".join(path.stem for path in known)
    remedy = f"matches no committed mapping ({names}): write one as docs/your-own-data.md shows, name it with --mapping"
    raise ReplayError([Problem(str(directory), "directory", str(directory), remedy)])


class _Loader:
    """Reads the files of a mapping once, collecting everything that is wrong with them."""

    def __init__(self, directory: Path, mapping: ReplayMapping) -> None:
        self._mapping = mapping
        self._files = Files(directory, mapping)
        self._period_ms = mapping.time.period_s * 1000

    def load(self) -> Measured:
        """The series, or all problems."""
        devices: list[SimulatedDevice] = []
        series: list[Series] = []
        for table in self._mapping.devices:
            for number in range(1, table.each + 1):
                device = of_number(table, number)
                further = self._files.further_factor(device.factor_file, device.factor_path)
                devices.append(self._nameplate(device, further))
                series.append(self._series(device, further))
        if not self._files.problems and not any(one.at_ms for one in series):
            self._files.note("", "files", "no value", "every cell is blank: correct the mapping, or the files")
        if self._files.problems:
            raise ReplayError(_shortened(self._files.problems))
        whole = [
            balance(series, one.mapping, self._period_ms) if one.mapping.role == "connection" else one for one in series
        ]
        return Measured(self._mapping, tuple(devices), tuple(whole))

    def _series(self, device: DeviceMapping, further: Decimal) -> Series:
        counts: dict[str, Count] = {}
        for name, counter in device.all_counters.items():
            short = bool(device.column) and name == device.counter
            counts[name] = self._count(device, name, counter, further if short else Decimal(1))
        gauges = {name: self._gauge(device, name, gauge) for name, gauge in device.gauges.items()}
        rows = {name: count.rows for name, count in counts.items() if count.rows}
        if rows and len(rows) == len(counts) and POWER in CATALOGUE[device.device_class].by_name:
            gauges.setdefault(POWER, mean_power(rows, self._period_ms))
        return series_of(device, counts, gauges)

    def _count(self, device: DeviceMapping, name: str, counter: CounterMapping, further: Decimal) -> Count:
        table = self._files.table(counter.file or device.file, device.where)
        if table is None:
            return Count({})
        factor = Decimal(counter.factor) * further
        values = self._files.numbers(table, counter.column)
        self._refuse_negative(table, counter, values)
        points: Points = {
            at_ms: None if value is None else value * factor
            for at_ms, value in zip(table.at_ms, values, strict=bool(values))
        }
        if counter.kind == "energy":
            self._refuse_overlap(table)
            return added_up(name, points, self._period_ms)
        if counter.resets == "daily":
            time = self._mapping.time
            return without_resets(name, points, self._period_ms, zone_of(time.zone or self._mapping.zone))
        return Count(points)

    def _gauge(self, device: DeviceMapping, name: str, gauge: GaugeMapping) -> Points:
        table = self._files.table(gauge.file or device.file, device.where)
        if table is None:
            return {}
        states = CATALOGUE[device.device_class].by_name[name].states
        words = {text: Decimal(states.index(state)) for text, state in gauge.words.items()}
        values = self._files.numbers(table, gauge.column, words)
        factor, offset = Decimal(gauge.factor), Decimal(gauge.offset)
        return {
            at_ms: None if value is None else value * factor + offset
            for at_ms, value in zip(table.at_ms, values, strict=bool(values))
        }

    def _refuse_negative(self, table: Table, counter: CounterMapping, values: Sequence[Decimal | None]) -> None:
        what = "an energy" if counter.kind == "energy" else "a counter"
        for line, value in zip(table.lines, values, strict=bool(values)):
            if value is not None and value < 0:
                remedy = f"{what} must not be negative: correct this row, or the column in the mapping"
                self._files.note(table.file, f"line {line}, column {counter.column}", str(value), remedy)

    def _refuse_overlap(self, table: Table) -> None:
        nearest, period_s = min(distances_ms(table.at_ms), default=self._period_ms), self._mapping.time.period_s
        if nearest < self._period_ms:
            remedy = f"rows are {nearest / 1000:g} s apart, and each is said to cover {period_s} s: correct period_s"
            self._files.note(table.file, "time.period_s", period_s, remedy)

    def _nameplate(self, device: DeviceMapping, further: Decimal) -> SimulatedDevice:
        ratings = dict(device.ratings) | ({device.rating: float(further)} if device.rating else {})
        return SimulatedDevice(
            device=device.device,
            device_class=device.device_class,
            driver=device.driver,
            name_zh=device.name_zh,
            name_en=device.name_en,
            period_s=float(self._mapping.time.period_s),
            ratings=ratings,
            point=MeteringPoint(device.station, device.line, device.transformer, device.account),
            bus=device.bus,
        )


def _shortened(problems: list[Problem]) -> list[Problem]:
    if len(problems) <= _MAX_PROBLEMS:
        return problems
    more = len(problems) - _MAX_PROBLEMS
    last = problems[_MAX_PROBLEMS]
    return [*problems[:_MAX_PROBLEMS], Problem(last.file, "and", f"{more} more", "correct these first")]
