"""What every table to fill in has: headings with hints, a sheet of meanings; and CSV bytes that are safe to open."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_domain.spreadsheet.table import FileColumn

_HEAD = PatternFill("solid", fgColor="FFDDEBF7")
_NEEDED = Font(bold=True)
_OPTIONAL = Font(bold=True, italic=True, color="FF7F7F7F")
_WIDTH = 22
_TITLE_CHARACTERS = 32


def write_file(path: Path, content: bytes) -> None:
    """Write a file. Raises `FileError`."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise FileError(f"无法写入 {path}：{error.strerror}", f"{path} cannot be written: {error.strerror}") from error


def csv_bytes(rows: Iterable[Sequence[str]]) -> bytes:
    """Rows as CSV in UTF-8, with the mark by which a spreadsheet program knows UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def write_headings(sheet: Worksheet, columns: Sequence[FileColumn]) -> None:
    """The first row: bold what is needed, grey what may be empty, each with its hint as a comment."""
    for place, column in enumerate(columns, 1):
        cell = sheet.cell(1, place, column.heading)
        cell.fill = _HEAD
        cell.font = _NEEDED if column.required else _OPTIONAL
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        cell.comment = Comment(f"{column.hint_zh}\n{column.hint_en}", "parkgrid")
        sheet.column_dimensions[get_column_letter(place)].width = _WIDTH
    sheet.freeze_panes = "A2"


def say_hint(rule: DataValidation, column: FileColumn) -> None:
    """Show the hint of a column where the cursor stands, and when a value is refused."""
    rule.promptTitle, rule.prompt = column.heading[:_TITLE_CHARACTERS], f"{column.hint_zh}\n{column.hint_en}"
    rule.errorTitle, rule.error = column.heading[:_TITLE_CHARACTERS], f"{column.hint_zh}\n{column.hint_en}"
    rule.showInputMessage = rule.showErrorMessage = True


def write_meanings(sheet: Worksheet, columns: Sequence[FileColumn]) -> None:
    """A table of columns and their meanings, below what is there."""
    sheet.append(["列 Column", "必填 Needed", "含义", "Meaning"])
    for column in columns:
        sheet.append([column.heading, "是 yes" if column.required else "否 no", column.hint_zh, column.hint_en])
    for letter, width in (("A", _WIDTH), ("B", _WIDTH), ("C", 2 * _WIDTH), ("D", 2 * _WIDTH)):
        sheet.column_dimensions[letter].width = width
