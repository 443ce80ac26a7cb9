"""What is registered as a workbook or a folder of CSV files, and empty ones to fill in."""

import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from parkgrid_accounting.spreadsheet.blank import csv_bytes, say_hint, write_file, write_headings, write_meanings
from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.sheets.tables import (
    CONTRACT_RESOURCES,
    CONTRACTS,
    LOCATIONS,
    METERS,
    OPERATORS,
    PHASE_STEPS,
    RESOURCES,
    TABLES,
    Column,
    RegistryTable,
)

ESCAPED = "=+-@'\t\r"
"""A text of a CSV file that begins with one of these gets an apostrophe before it: a spreadsheet would compute it."""
_W_PER_KW = 1000
_FILLED_ROWS = 500
_Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""By table: the fields of each row, as JSON tells them."""
_ORDER = (
    "请按顺序填写各表；空行不读。一行若与已登记内容相同，则不写入。文件有任何错误时，整个文件不写入。",
    (
        "Fill in the sheets in their order; empty rows are not read. A row that says what is registered already "
        "writes nothing. If anything in the file is wrong, nothing of it is written."
    ),
)
_KEPT = (
    "资源在“计量”表中没有行时，保留已登记的读数；合同在“合同资源”表中没有行时，保留已登记的资源。",
    (
        "A resource without a row in Meters keeps its registers; a contract without a row in Contract resources "
        "keeps its resources."
    ),
)


def write_registry(path: Path, pilot: Pilot) -> int:
    """Write everything registered to a workbook (.xlsx) or a folder; how many rows. Raises `FileError`."""
    rows = {name: list(each) for name, each in _rows(pilot).items()}
    _write(path, rows)
    return sum(map(len, rows.values()))


def write_template(path: Path) -> None:
    """Write an empty workbook, or a folder of empty CSV files, with explanations. Raises `FileError`."""
    _write(path, {})


def _write(path: Path, rows: _Rows) -> None:
    if path.suffix.lower() == ".xlsx":
        write_file(path, _workbook(rows))
    elif path.suffix:
        raise FileError(
            f"“{path.name}”不是可写的格式：请写 .xlsx，或一个文件夹名（CSV）",
            f"{path.name!r} is not a format: name a file .xlsx, or a folder for CSV files",
        )
    else:
        _folder(path, rows)


def _rows(pilot: Pilot) -> dict[str, Iterator[dict[str, Any]]]:
    resources, contracts = sorted(pilot.resources.items()), sorted(pilot.contracts.items())
    return {
        OPERATORS.name: _told(sorted(pilot.operators.items())),
        LOCATIONS.name: _told(sorted(pilot.locations.items())),
        RESOURCES.name: _told(resources),
        METERS.name: ({"resource": name, **forms.told(term)} for name, each in resources for term in each.meter),
        CONTRACTS.name: _told(contracts),
        CONTRACT_RESOURCES.name: (
            {"contract": name, "resource": resource} for name, each in contracts for resource in each.resources
        ),
        PHASE_STEPS.name: (
            {"resource": name, **forms.told(step)} for name, steps in sorted(pilot.phases.items()) for step in steps
        ),
    }


def _told(named: Sequence[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    return ({"id": name, **forms.told(each)} for name, each in named)


def _text(column: Column, value: Any) -> str:
    """A value as a cell shows it."""
    if value is None:
        return ""
    if column.shape == "choice":
        word = next((word for word, each in (column.values or {}).items() if each == value), value)
        return column.shown(str(word))
    return f"{Decimal(value) / _W_PER_KW:f}" if column.shape == "kw" else str(value)


def _folder(path: Path, rows: _Rows) -> None:
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"无法建立 {path}：{error.strerror}", f"{path} cannot be made: {error.strerror}") from error
    for table in TABLES:
        lines = [[column.file.heading for column in table.columns]]
        lines += (
            [_escaped(_text(column, row[column.field])) for column in table.columns] for row in rows.get(table.name, ())
        )
        write_file(path / f"{table.name}.csv", csv_bytes(lines))
    write_file(path / "meaning.txt", "".join(f"{line}\n" for line in _explained()).encode("utf-8-sig"))


def _escaped(text: str) -> str:
    return f"'{text}" if text[:1] and text[0] in ESCAPED else text


def _explained() -> Iterator[str]:
    yield from (*_ORDER, *_KEPT)
    for table in TABLES:
        yield f"\n{table.name}.csv  {table.sheet}"
        for column in table.columns:
            needed = "*" if column.file.required else " "
            yield f"  {needed} {column.file.heading}: {column.file.hint_zh}; {column.file.hint_en}"


def _workbook(rows: _Rows) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in TABLES:
        sheet = book.create_sheet(table.sheet)
        write_headings(sheet, [each.file for each in table.columns])
        filled = rows.get(table.name, ())
        for number, row in enumerate(filled, 2):
            _fill(sheet, number, table, row)
        _prepare(sheet, table, len(filled))
    meaning = book.create_sheet("说明 Meaning")
    for sentences in (_ORDER, _KEPT):
        meaning.append([*sentences])
    for table in TABLES:
        meaning.append([])
        meaning.append([table.sheet])
        write_meanings(meaning, [each.file for each in table.columns])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _fill(sheet: Worksheet, number: int, table: RegistryTable, row: Mapping[str, Any]) -> None:
    for place, column in enumerate(table.columns, 1):
        text = _text(column, row[column.field])
        if not text:
            continue
        cell = sheet.cell(number, place)
        if column.shape in ("kw", "whole", "percent"):
            cell.value = Decimal(text)
        else:
            # A text stays one, whatever it begins with: it is never a formula.
            cell.value = text
            cell.data_type = "s"


def _prepare(sheet: Worksheet, table: RegistryTable, filled: int) -> None:
    """Hints and lists to choose from; columns of texts keep what is typed, such as days and leading zeros."""
    last = 1 + max(filled, _FILLED_ROWS)
    for place, column in enumerate(table.columns, 1):
        words = ",".join(column.shown(each) for each in column.choices or ())
        rule = DataValidation(type="list", formula1=f'"{words}"') if words else DataValidation()
        rule.allow_blank = True
        say_hint(rule, column.file)
        sheet.add_data_validation(rule)
        letter = get_column_letter(place)
        rule.add(f"{letter}2:{letter}{last}")
        if column.shape in ("text", "day"):
            # Of the column, for all rows to come; a cell that is there has a format of its own.
            sheet.column_dimensions[letter].number_format = "@"
            for (cell,) in sheet[f"{letter}2:{letter}{1 + filled}"] if filled else ():
                cell.number_format = "@"
