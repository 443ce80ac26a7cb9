"""Sheets out of CSV and XLSX files as they lie on a desk: any encoding a spreadsheet writes, formulas, merged cells.

The one file that reads workbooks. Nothing is guessed: what a person cannot see (hidden sheets, rows and columns) or a
program cannot know (a formula without its result) is told as a mistake with its cell.
"""

import csv
import io
import math
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from domain.clusters.cell import Cell, CellKind, Sheet
from domain.clusters.mistake import Mistake, mistake
from domain.clusters.table import address

MOST_BYTES = 10_000_000
_MOST_UNPACKED = 100_000_000
_MOST_ROWS, _MOST_COLUMNS = 10_000, 50
_DELIMITERS = ",\t;"
_NOT_READABLE = (
    InvalidFileException,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    EOFError,
    RuntimeError,
    ParseError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the workbook library raises on damaged or foreign content."""
EXAMPLE_SHEETS = ("示例", "说明")
"""A sheet whose name starts so explains; nothing in it is read."""


class FileError(Exception):
    """A file that cannot be read as a table at all, in Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        self.zh = zh
        self.en = en
        super().__init__(en)


@dataclass(slots=True)
class _Grid:
    rows: list[list[Cell]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def read_sheet(path: Path, content: bytes, sheet: str) -> Sheet:
    """The table of a file by its ending; raises `FileError` when there is none."""
    if len(content) > MOST_BYTES:
        raise FileError(
            f"文件有 {len(content)} 字节，最多 {MOST_BYTES}", f"the file has {len(content)} bytes, at most {MOST_BYTES}"
        )
    match path.suffix.lower():
        case ".csv" | ".txt":
            return _csv_sheet(content, path.name)
        case ".xlsx" | ".xlsm":
            return _xlsx_sheet(content, sheet)
    raise FileError(
        f"“{path.name}”不是 .xlsx 或 .csv：请另存为其中一种", f"{path.name!r} is neither .xlsx nor .csv: save it as one"
    )


def _csv_sheet(content: bytes, name: str) -> Sheet:
    text = _decoded(content)
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise FileError(f"不是有效的 CSV：{error}", f"not a valid CSV: {error}") from error
    _bound(len(rows), max(map(len, rows), default=0))
    cells = [
        [
            Cell(address(place, number), CellKind.TEXT if text.strip() else CellKind.EMPTY, text)
            for place, text in enumerate(row)
        ]
        for number, row in enumerate(rows, 1)
    ]
    return Sheet(name, cells)


def _decoded(content: bytes) -> str:
    """UTF-8 with or without mark, UTF-16 with mark, else GB 18030 (which GBK is part of)."""
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise FileError(
        "文件编码无法识别：请另存为“CSV UTF-8”", "the encoding of the file is not known: save it as CSV UTF-8"
    )


def _xlsx_sheet(content: bytes, wanted: str) -> Sheet:
    formulas, values = _workbooks(content)
    grid = _Grid()
    name = _chosen(values, wanted)
    for other in values.worksheets:
        if other.sheet_state != "visible" and (used := _first_used(other)):
            grid.mistakes.append(mistake(f"{other.title}!{used}", "hidden_sheet", value=other.title))
    sheet = values[name]
    _bound(sheet.max_row, sheet.max_column)
    merged = _merged(sheet, grid)
    _fill(grid, sheet, formulas[name], merged)
    _note_hidden(grid, sheet)
    return Sheet(name, grid.rows, grid.mistakes)


def _workbooks(content: bytes) -> tuple[Workbook, Workbook]:
    """The same workbook with formulas and with their stored results."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(each.file_size for each in packed.infolist())
        if unpacked > _MOST_UNPACKED:
            raise FileError(
                f"文件解压后有 {unpacked} 字节，最多 {_MOST_UNPACKED}",
                f"the file unpacks to {unpacked} bytes, at most {_MOST_UNPACKED}",
            )
        with warnings.catch_warnings():
            # What the library does not keep (charts, extensions) is not read here.
            warnings.simplefilter("ignore")
            formulas = load_workbook(io.BytesIO(content), keep_links=False)
            values = load_workbook(io.BytesIO(content), data_only=True, keep_links=False)
    except _NOT_READABLE as error:
        raise FileError(
            f"无法作为 .xlsx 打开（{error}）：请在表格软件中另存为 .xlsx",
            f"it cannot be opened as .xlsx ({error}): save it as .xlsx in a spreadsheet program",
        ) from error
    return formulas, values


def _chosen(book: Workbook, wanted: str) -> str:
    """The sheet of the template's name, else the only visible one that does not explain."""
    visible = [
        sheet.title
        for sheet in book.worksheets
        if sheet.sheet_state == "visible" and not sheet.title.startswith(EXAMPLE_SHEETS)
    ]
    if wanted in visible:
        return wanted
    filled = [name for name in visible if _first_used(book[name])]
    if len(filled) == 1:
        return filled[0]
    listed = "、".join(filled) or "无"
    raise FileError(
        f"应有一个名为“{wanted}”的工作表，或只有一个有内容的工作表；现有：{listed}",
        f"there must be a sheet {wanted!r}, or only one with content; found: {', '.join(filled) or 'none'}",
    )


def _bound(rows: int, columns: int) -> None:
    if rows > _MOST_ROWS or columns > _MOST_COLUMNS:
        raise FileError(
            f"工作表有 {rows} 行 {columns} 列，最多 {_MOST_ROWS} 行 {_MOST_COLUMNS} 列：请删除多余的行列",
            f"the sheet has {rows} rows and {columns} columns, at most {_MOST_ROWS} and {_MOST_COLUMNS}: delete some",
        )


def _first_used(sheet: Any) -> str | None:
    """The first cell of a sheet with content; a sheet of charts has none."""
    if not isinstance(sheet, Worksheet):
        return None
    return next((cell.coordinate for row in sheet.iter_rows() for cell in row if cell.value is not None), None)


def _merged(sheet: Worksheet, grid: _Grid) -> set[str]:
    """The cells under merged ones. A title over the whole table, merged in one row with nothing else, does no harm."""
    covered: set[str] = set()
    for span in sheet.merged_cells.ranges:
        cells = [
            address(column - 1, row)
            for row in range(span.min_row, span.max_row + 1)
            for column in range(span.min_col, span.max_col + 1)
        ]
        covered.update(cells[1:])
        alone = span.min_row == span.max_row and all(
            cell.value is None for cell in sheet[span.min_row] if not span.min_col <= (cell.column or 0) <= span.max_col
        )
        if not (alone and span.size["columns"] > 2):  # noqa: PLR2004 - a title is wider than two columns
            grid.mistakes.append(mistake(cells[0], "merged", value=span.coord))
    return covered


def _fill(grid: _Grid, values: Worksheet, formulas: Worksheet, merged: set[str]) -> None:
    for row in values.iter_rows():
        cells = []
        for cell in row:
            coordinate = address((cell.column or 1) - 1, cell.row or 1)
            if coordinate in merged:
                cells.append(Cell(coordinate, CellKind.MERGED))
                continue
            kinds = (formulas[coordinate].data_type, cell.data_type)
            cells.append(_cell(coordinate, cell.value, str(cell.number_format), kinds))
        grid.rows.append(cells)


def _cell(coordinate: str, value: Any, number_format: str, kinds: tuple[str, str]) -> Cell:
    """A cell from its value, its format, and its types with and without formulas."""
    match value:
        case None:
            return Cell(coordinate, CellKind.FORMULA if kinds[0] == "f" else CellKind.EMPTY)
        case bool():
            return Cell(coordinate, CellKind.TRUTH, str(value).upper())
        case int() | float():
            return _numeric(coordinate, value, number_format)
        case datetime() | date() | time() | timedelta():
            return Cell(coordinate, CellKind.DATE, str(value))
    text = str(value)
    if kinds[1] == "e":
        return Cell(coordinate, CellKind.ERROR, text)
    return Cell(coordinate, CellKind.TEXT if text.strip() else CellKind.EMPTY, text)


def _numeric(coordinate: str, value: float, number_format: str) -> Cell:
    if not math.isfinite(value):
        return Cell(coordinate, CellKind.ERROR, str(value))
    # A spreadsheet shows and keeps 15 digits; the rest is noise of binary fractions.
    text = str(value) if isinstance(value, int) else f"{value:.15g}"
    return Cell(coordinate, CellKind.PERCENT if "%" in number_format else CellKind.NUMBER, text)


def _note_hidden(grid: _Grid, sheet: Worksheet) -> None:
    """Rows and columns that hold something but are not shown."""
    for row in grid.rows:
        if used := _used(row):
            number = sheet[used.address].row
            if sheet.row_dimensions[number].hidden:
                grid.mistakes.append(mistake(used.address, "hidden_row", value=number))
    for letters in _hidden_columns(sheet):
        column = [row[sheet[f"{letters}1"].column - 1] for row in grid.rows if len(row) >= sheet[f"{letters}1"].column]
        if used := _used(column):
            grid.mistakes.append(mistake(used.address, "hidden_column", value=letters))


def _used(cells: Sequence[Cell]) -> Cell | None:
    return next((cell for cell in cells if cell.kind not in (CellKind.EMPTY, CellKind.MERGED)), None)


def _hidden_columns(sheet: Worksheet) -> Iterator[str]:
    for letters, dimension in sorted(sheet.column_dimensions.items()):
        if dimension.hidden:
            # One entry can stand for a group of columns.
            for column in range(dimension.min or 1, min(dimension.max or 1, _MOST_COLUMNS) + 1):
                yield address(column - 1, 1).rstrip("0123456789")
            if not dimension.min:
                yield letters
