"""Rows of a table to fields of documents: every cell read by its shape, every mistake with its cell."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from parkgrid_domain.spreadsheet.cell import Cell, CellKind, Findings, Sheet, number, plain, words
from parkgrid_domain.spreadsheet.mistake import Mistake, mistake
from parkgrid_domain.spreadsheet.table import Row, table, until_too_many
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.forms import DocumentError, Identifier
from parkgrid_vpp.sheets.tables import Column, RegistryTable

if TYPE_CHECKING:
    from decimal import Decimal

_W_PER_KW = 1000


@dataclass(frozen=True, slots=True)
class _Named:
    id: Identifier


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, and what stands there."""

    cell: str
    """With its sheet or file: `资源 Resources!B7`."""
    value: str

    def mistaken(self, code: str, **fields: object) -> Mistake:
        """A mistake at this place."""
        return mistake(self.cell, code, value=self.value, **fields)


@dataclass(frozen=True, slots=True)
class Line:
    """One row without mistakes so far."""

    number: int
    told: Mapping[str, Any]
    """By field, as JSON tells it."""
    places: Mapping[str, Place]

    def place(self, field: str) -> Place:
        """Where a field stands; of one without a column, the row's first cell."""
        return self.places.get(field) or next(iter(self.places.values()))


def lines(source: str, sheet: Sheet, shape: RegistryTable, form: type[Any], into: Findings) -> list[Line]:
    """The rows of a table whose cells are right by themselves; `source` is the sheet or the file."""
    findings = Findings()
    content = table(sheet, [each.file for each in shape.columns], findings)
    complete = all(each.field in content.headings or not each.file.required for each in shape.columns)
    rows = until_too_many(content.rows, findings) if complete else ()
    found = [line for row in rows if (line := _line(source, row, shape, form, findings))]
    kept = list(_once(found, shape.key, findings))
    # A table without rows says nothing; the template is one.
    wrong = [each for each in (*sheet.mistakes, *findings.mistakes) if each.code != "no_rows"]
    into.mistakes += [each if "!" in each.cell else replace(each, cell=f"{source}!{each.cell}") for each in wrong]
    into.notes += [f"{source}!{each}" for each in (*sheet.notes, *findings.notes)]
    return kept


def _once(found: Iterable[Line], key: Sequence[str], findings: Findings) -> Iterator[Line]:
    """The lines of which there is none before with the same key; without a key all."""
    seen: dict[tuple[object, ...], str] = {}
    for line in found:
        named = tuple(line.told[each] for each in key)
        place = line.place(key[-1] if key else "")
        if key and named in seen:
            findings.mistakes.append(place.mistaken("duplicate", first=seen[named]))
            continue
        seen[named] = place.cell
        yield line


def _line(source: str, row: Row, shape: RegistryTable, form: type[Any], findings: Findings) -> Line | None:
    before = len(findings.mistakes)
    told: dict[str, Any] = {}
    places: dict[str, Place] = {}
    for column in shape.columns:
        cell = row[column.field]
        places[column.field] = Place(f"{source}!{cell.address}", cell.shown)
        told[column.field] = _told(cell, column, findings)
    if len(findings.mistakes) > before:
        return None
    wrong = list(_unformed(told, form))
    for field in wrong:
        hint = shape.column(field).file
        findings.mistakes.append(places[field].mistaken("unsuitable", hint_zh=hint.hint_zh, hint_en=hint.hint_en))
    return None if wrong else Line(row.number, told, places)


def _unformed(told: Mapping[str, Any], form: type[Any]) -> Iterator[str]:
    """The fields whose values the document refuses; a field that is not of the document is an identifier."""
    names = {each.name for each in fields(form)}
    yield from (each for each in told.keys() - names if _refused(_Named, {"id": told[each]}))
    # What stands in a table of its own is read there.
    yield from _refused(form, {name: told.get(name, []) for name in names})


def _refused(form: type[Any], told: Mapping[str, Any]) -> list[str]:
    try:
        forms.read(form, dict(told))
    except DocumentError as error:
        return list(dict.fromkeys(each.partition(": ")[0] for each in error.problems))
    return []


def _told(cell: Cell, column: Column, findings: Findings) -> Any:
    """What a cell says, as JSON tells it; None and a mistake where it cannot be read."""
    if cell.kind is CellKind.EMPTY or (cell.kind is CellKind.TEXT and not cell.text.strip()):
        if column.file.required:
            findings.add(cell.address, "missing", column_zh=column.file.zh, column_en=column.file.en)
        return column.empty
    match column.shape:
        case "kw" | "whole" | "percent":
            return _number(cell, column, findings)
        case "choice":
            return _choice(cell, column, findings)
        case "day":
            return plain(words(cell, findings))
    return words(cell, findings)


def _number(cell: Cell, column: Column, findings: Findings) -> Any:
    found = number(cell, findings)
    if found is None:
        return None
    if column.shape == "percent":
        return f"{found:f}"
    steps: Decimal = found * _W_PER_KW if column.shape == "kw" else found
    if steps != steps.to_integral_value():
        hint = column.file
        findings.add(cell.address, "unsuitable", value=cell.shown, hint_zh=hint.hint_zh, hint_en=hint.hint_en)
        return None
    return int(steps)


def _choice(cell: Cell, column: Column, findings: Findings) -> str | int | None:
    written = _folded(words(cell, findings))
    for word, name in (column.choices or {}).items():
        if written in {_folded(word), _folded(name), _folded(column.shown(word))}:
            return word if column.values is None else column.values[word]
    if written:
        hint = column.file
        findings.add(cell.address, "unsuitable", value=cell.shown, hint_zh=hint.hint_zh, hint_en=hint.hint_en)
    return None


def _folded(text: str) -> str:
    return "".join(plain(text).casefold().split())
