"""CSV files as rows with an instant each and cells that are exact numbers or absent; everything wrong is collected."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from parkgrid_contract.settings import Problem
from parkgrid_contract.time import to_ms
from parkgrid_simulators.measured.mapping import ReplayMapping, zone_of

_HOURS = 24
_BOM = "\ufeff"
_UNIX = {"unix_s": 1000, "unix_ms": 1}
_MOST_BYTES = 256_000_000
"""A year of minutes of 50 columns is 200 MB."""
_LONGEST_LINE = 1_000_000
_LARGEST, _SMALLEST = 30, -40
"""Powers of ten that a measured number lies between."""
_LAST_MS = 253_402_300_799_000
"""The end of the year 9999."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file that one device means, in order of time."""

    file: str
    heading: Sequence[str]
    lines: Sequence[int]
    """Line of each row in the file."""
    rows: Sequence[Sequence[str]]
    at_ms: Sequence[int]
    """The end of each row."""

    def place(self, column: str) -> int | None:
        """Where a column stands."""
        return self.heading.index(column) if column in self.heading else None


@dataclass(frozen=True, slots=True)
class _File:
    heading: Sequence[str]
    lines: Sequence[int]
    rows: Sequence[Sequence[str]]


_NOTHING = _File((), (), ())


@dataclass(slots=True)
class Files:
    """The files of a directory, each read once."""

    directory: Path
    mapping: ReplayMapping
    problems: list[Problem] = field(default_factory=list)
    _files: dict[str, _File | None] = field(default_factory=dict)
    _tables: dict[tuple[str, tuple[tuple[str, str], ...]], Table | None] = field(default_factory=dict)
    _documents: dict[str, Any] = field(default_factory=dict)

    def table(self, file: str, where: Mapping[str, str]) -> Table | None:
        """The rows of a file with these texts in these columns; None when it cannot be used."""
        key = (file, tuple(sorted(where.items())))
        if key not in self._tables:
            self._tables[key] = self._table(file, where)
        return self._tables[key]

    def numbers(self, table: Table, column: str, words: Mapping[str, Decimal] | None = None) -> list[Decimal | None]:
        """A column as exact numbers; None for a cell that the mapping calls blank."""
        place = table.place(column)
        if place is None:
            known = ", ".join(name for name in table.heading if name)
            self.note(table.file, "line 1", column, f"no such column; there are: {known}")
            return []
        blank, known_words = frozenset(self.mapping.csv.blank), words or {}
        found: list[Decimal | None] = []
        for line, row in zip(table.lines, table.rows, strict=True):
            text = row[place].strip() if place < len(row) else ""
            if text in blank:
                found.append(None)
                continue
            number = known_words.get(text)
            found.append(self._number(table.file, line, column, text) if number is None else number)
        return found

    def further_factor(self, file: str, path: str) -> Decimal:
        """A number from a JSON file: the nominal power, say, that a column in W per kW has to be multiplied by."""
        if not file:
            return Decimal(1)
        try:
            if file not in self._documents:
                _refuse_large(self.directory / file)
                text = (self.directory / file).read_text("utf-8")
                self._documents[file] = json.loads(text, parse_float=Decimal)
            found = Decimal(str(reduce(lambda part, key: part[key], path.split("/"), self._documents[file])))
        except (OSError, ValueError, LookupError, TypeError, InvalidOperation, RecursionError) as error:
            self.note(file, path, repr(error), "must hold a number there: restore the file")
            return Decimal(1)
        if not _believable(found):
            self.note(file, path, str(found), f"must be between 1e{_SMALLEST} and 1e{_LARGEST}: restore the file")
            return Decimal(1)
        return found

    def note(self, file: str, key: str, value: object, remedy: str) -> None:
        """Something is wrong with a file."""
        self.problems.append(Problem(str(self.directory / file), key, value, remedy))

    def _number(self, file: str, line: int, column: str, text: str) -> Decimal:
        point = self.mapping.csv.decimal
        try:
            value = Decimal(text if point == "." else text.replace(point, "."))
        except InvalidOperation:
            value = Decimal("NaN")
        if _believable(value):
            return value
        remedy = "must be a number: restore or correct this row, or list this text in csv.blank of the mapping"
        self.note(file, f"line {line}, column {column}", text, remedy)
        return Decimal(0)

    def _table(self, file: str, where: Mapping[str, str]) -> Table | None:
        found = self._read(file)
        if found is None:
            return None
        chosen = self._chosen(file, found, where)
        if chosen is None:
            return None
        time = self.mapping.time
        if time.column:
            at_ms = self._times(file, chosen)
        else:
            first_ms = to_ms(datetime.fromisoformat(time.start))
            at_ms = [first_ms + (row + 1) * time.period_s * 1000 for row in range(len(chosen.rows))]
            self._check_rows(file, chosen)
        if at_ms is None:
            return None
        return Table(file, chosen.heading, chosen.lines, chosen.rows, at_ms)

    def _chosen(self, file: str, found: _File, where: Mapping[str, str]) -> _File | None:
        places = [(found.heading.index(name), text) for name, text in where.items() if name in found.heading]
        if len(places) < len(where):
            lacking = next(name for name in where if name not in found.heading)
            known = ", ".join(name for name in found.heading if name)
            self.note(file, "line 1", lacking, f"no such column; there are: {known}")
            return None
        if not places:
            return found
        kept = [
            (line, row)
            for line, row in zip(found.lines, found.rows, strict=True)
            if all(place < len(row) and row[place].strip() == text for place, text in places)
        ]
        if not kept:
            self.note(file, "rows", dict(where), "no row has this: correct `where` in the mapping")
            return None
        return _File(found.heading, [line for line, _ in kept], [row for _, row in kept])

    def _read(self, file: str) -> _File | None:
        if file not in self._files:
            self._files[file] = None
            settings = self.mapping.csv
            try:
                _refuse_large(self.directory / file)
                with (self.directory / file).open(encoding=settings.encoding, newline="") as text:
                    reader = csv.reader(_short_lines(text), delimiter=settings.delimiter)
                    heading = [name.strip().removeprefix(_BOM) for name in next(reader, [])]
                    numbered = [(reader.line_num, row) for row in reader if row]
                self._files[file] = _File(heading, [line for line, _ in numbered], [row for _, row in numbered])
            except (OSError, ValueError, csv.Error, LookupError) as error:
                self.note(file, "file", str(error), "cannot be read: restore it or correct the mapping")
        return self._files[file]

    def _times(self, file: str, found: _File) -> list[int] | None:
        """The end of each row; every one must come after the one before."""
        time = self.mapping.time
        if time.column not in found.heading:
            known = ", ".join(name for name in found.heading if name)
            self.note(file, "line 1", time.column, f"no such column; there are: {known}")
            return None
        place, shift = found.heading.index(time.column), time.period_s * 1000 if time.stamp == "start" else 0
        stamps, right, before = _Stamps(self.mapping), True, None
        at_ms: list[int] = []
        for line, row in zip(found.lines, found.rows, strict=True):
            text = row[place].strip() if place < len(row) else ""
            instant = stamps.read(text, before)
            if isinstance(instant, str):
                self.note(file, f"line {line}, column {time.column}", text, instant)
                right = False
                continue
            if before is not None and instant <= before:
                remedy = "does not come after the row before: sort the rows, and keep one of each instant"
                self.note(file, f"line {line}, column {time.column}", text, remedy)
                right = False
            before = instant
            at_ms.append(instant + shift)
        return at_ms if right else None

    def _check_rows(self, file: str, found: _File) -> None:
        """The right number of rows, and none left out where the file counts the hours."""
        time = self.mapping.time
        if time.hour_column in found.heading:
            self._check_hours(file, found, found.heading.index(time.hour_column))
        if time.rows and len(found.rows) != time.rows:
            remedy = f"must have {time.rows} rows: restore the missing rows, or correct time.rows in the mapping"
            self.note(file, f"line {len(found.rows) + 1}", f"{len(found.rows)} rows", remedy)

    def _check_hours(self, file: str, found: _File, place: int) -> None:
        time = self.mapping.time
        first = datetime.fromisoformat(time.start).hour * 3600
        for index, (line, row) in enumerate(zip(found.lines, found.rows, strict=True)):
            hour = (first + index * time.period_s) // 3600 % _HOURS + 1
            if row[place] != str(hour):
                remedy = f"must be {hour}: a row before this one is missing or doubled; restore it"
                self.note(file, f"line {line}, column {time.hour_column}", row[place], remedy)
                return


def _believable(number: Decimal) -> bool:
    """Whether it is a finite number that arithmetic and integers can hold."""
    return number.is_finite() and (not number or _SMALLEST <= number.adjusted() <= _LARGEST)


def _refuse_large(path: Path) -> None:
    """Raises `ValueError` for a file that is no data of a site, before it is read."""
    if (size := path.stat().st_size) > _MOST_BYTES:
        raise ValueError(f"{size} bytes, at most {_MOST_BYTES}: split it by time")


def _short_lines(text: TextIO) -> Iterator[str]:
    """The lines of a file. Raises `ValueError` for one without an end."""
    number = 0
    while line := text.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise ValueError(f"line {number} is longer than {_LONGEST_LINE} characters")
        yield line


class _Stamps:
    """Reads the time of a row; a local hour that happens twice is told apart by the order of the rows."""

    def __init__(self, mapping: ReplayMapping) -> None:
        self._format = mapping.time.format
        self._zone = zone_of(mapping.time.zone or mapping.zone)

    def read(self, text: str, before_ms: int | None) -> int | str:
        """The instant in milliseconds, or what is wrong with it."""
        unit = _UNIX.get(self._format)
        try:
            if unit is not None:
                number = Decimal(text)
                if not _believable(number) or not 0 <= number * unit <= _LAST_MS:
                    return "is not a time between 1970 and 9999: correct it, or time.format"
                return int(number * unit)
            found = datetime.strptime(text, self._format) if self._format else datetime.fromisoformat(text)  # noqa: DTZ007
        except (ValueError, InvalidOperation):
            return f"is not a time of the form {self._format or '2026-01-31T00:15:00'}: correct it, or time.format"
        if found.tzinfo is not None:
            return to_ms(found)
        local = found.replace(tzinfo=self._zone)
        if local.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != found:
            return f"does not exist in {self._zone}: clocks were put forward; correct it, or time.zone"
        first = to_ms(local)
        return to_ms(local.replace(fold=1)) if before_ms is not None and first <= before_ms else first


def distances_ms(at_ms: Sequence[int]) -> set[int]:
    """The distances between neighbouring rows."""
    return {after - before for before, after in pairwise(at_ms)}
