"""Sheets out of CSV and XLSX files as they lie on a desk: any encoding a spreadsheet writes, formulas, merged cells.

Nothing is guessed: what a person cannot see (hidden sheets, rows and columns), what is shown otherwise than it is
stored, or what a program cannot know (a formula without its result) is told as a mistake with its cell.
"""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal

from openpyxl.styles.numbers import is_date_format

from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_accounting.spreadsheet.workbook import (
    MOST_COLUMNS,
    MOST_ROWS,
    Book,
    Content,
    MergedCells,
    SheetPart,
    Stored,
    too_large,
)
from parkgrid_domain.spreadsheet.cell import LONGEST, Cell, CellKind, Sheet
from parkgrid_domain.spreadsheet.mistake import Mistake, mistake
from parkgrid_domain.spreadsheet.number_format import display
from parkgrid_domain.spreadsheet.table import address

MOST_BYTES = 10_000_000
_DELIMITERS = ",\t;"
_LONGEST_NUMBER = 40
Take = Literal["shown", "stored"]
"""Which value of a number is meant whose format shows another one than is stored."""
EXAMPLE_SHEETS = ("示例", "说明")
"""A sheet whose name starts so explains; nothing in it is read."""


def read_bytes(path: Path) -> bytes:
    """A file that has not more bytes than `read_sheet` takes, and one. Raises `FileError`."""
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise FileError(f"无法读取 {path}：{error.strerror}", f"{path} cannot be read: {error.strerror}") from error


def read_sheet(path: Path, content: bytes, sheet: str, take: Take | None = None) -> Sheet:
    """The table of a file by its ending; raises `FileError` when there is none.

    Numbers that are shown otherwise than they are stored are mistakes, unless `take` says which value is meant.
    """
    try:
        return _read(path, content, sheet, take)
    except FileError as error:
        raise FileError(f"{path.name}：{error.zh}", f"{path.name}: {error.en}") from error


def read_sheets(path: Path, content: bytes, known: Sequence[str], take: Take | None = None) -> list[Sheet]:
    """The sheets of a workbook that are visible and do not explain, those named `known` among them.

    Raises `FileError` for what is no workbook, and for a sheet with content whose name is not known.
    """
    try:
        _refuse_large(content)
        return _Reading(Book(content), take).sheets(known)
    except FileError as error:
        raise FileError(f"{path.name}：{error.zh}", f"{path.name}: {error.en}") from error


def _read(path: Path, content: bytes, sheet: str, take: Take | None) -> Sheet:
    _refuse_large(content)
    match path.suffix.lower():
        case ".csv" | ".txt":
            return _csv_sheet(content, path.name)
        case ".xlsx" | ".xlsm":
            return _Reading(Book(content), take).sheet(sheet)
    raise FileError(
        f"“{path.name}”不是 .xlsx 或 .csv：请另存为其中一种", f"{path.name!r} is neither .xlsx nor .csv: save it as one"
    )


def _refuse_large(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise FileError(
            f"文件超过 {MOST_BYTES} 字节：请只保留需要导入的表格",
            f"the file has more bytes than there may be, at most {MOST_BYTES}: keep only the table to import",
        )


def _csv_sheet(content: bytes, name: str) -> Sheet:
    text = _decoded(content)
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    if (cells := text.count(delimiter)) > MOST_ROWS * MOST_COLUMNS:
        raise FileError(
            f"有 {cells} 个“{delimiter}”，最多 {MOST_ROWS * MOST_COLUMNS} 个单元格：请删除多余的行列",
            f"{cells} times {delimiter!r}, at most {MOST_ROWS * MOST_COLUMNS} cells: delete some rows or columns",
        )
    rows: list[list[Cell]] = []
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            if number > MOST_ROWS or len(row) > MOST_COLUMNS:
                raise too_large(number, len(row))
            rows.append([_text(address(place, number), each) for place, each in enumerate(row)])
    except csv.Error as error:
        raise FileError(
            f"第 {len(rows) + 1} 行起不是有效的 CSV（{error}）：请检查引号，或另存为“CSV UTF-8”",
            f"from line {len(rows) + 1} on it is not a valid CSV ({error}): check the quotes, or save it again",
        ) from error
    return Sheet(name, rows)


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


class _Reading:
    """One pass over a workbook: its cells as they are read, and what is wrong with them."""

    def __init__(self, book: Book, take: Take | None) -> None:
        self._book, self._take = book, take
        self._mistakes: list[Mistake] = []
        self._notes: list[str] = []

    def sheet(self, wanted: str) -> Sheet:
        """The sheet that is meant."""
        chosen = self._chosen(wanted)
        self._refuse_hidden_sheets()
        return self._read(chosen)

    def sheets(self, known: Sequence[str]) -> list[Sheet]:
        """Every sheet that is known; the mistakes of the workbook as a whole are those of the first."""
        self._refuse_hidden_sheets()
        visible = [each for each in self._book.sheets if each.visible and not each.name.startswith(EXAMPLE_SHEETS)]
        for each in visible:
            if each.name not in known and self._book.first_used(each):
                names = ", ".join(known)
                raise FileError(
                    f"无法识别的工作表“{each.name}”：请删除或改名为 {names} 之一",
                    f"unknown sheet {each.name!r}: delete it, or name it as one of {names}",
                )
        found: list[Sheet] = []
        for each in visible:
            if any(each.name == other.name for other in found):
                raise FileError(f"有两个工作表“{each.name}”：请删除一个", f"two sheets {each.name!r}: delete one")
            if each.name in known:
                found.append(self._read(each))
                self._mistakes, self._notes = [], []
        return found

    def _refuse_hidden_sheets(self) -> None:
        for other in self._book.sheets:
            if not other.visible and (used := self._book.first_used(other)):
                self._mistakes.append(mistake(f"{other.name}!{_name(used)}", "hidden_sheet", value=other.name))

    def _read(self, chosen: SheetPart) -> Sheet:
        content = self._book.content(chosen)
        merged = self._merged(content)
        rows = self._rows(content, merged)
        self._note_hidden(content)
        return Sheet(chosen.name, rows, self._mistakes, self._notes)

    def _chosen(self, wanted: str) -> SheetPart:
        """The sheet of the template's name, else the only visible one that does not explain."""
        visible = [each for each in self._book.sheets if each.visible and not each.name.startswith(EXAMPLE_SHEETS)]
        for each in visible:
            if each.name == wanted:
                return each
        filled = [each for each in visible if self._book.first_used(each)]
        if len(filled) == 1:
            return filled[0]
        names = [each.name for each in filled]
        raise FileError(
            f"应有一个名为“{wanted}”的工作表，或只有一个有内容的工作表；现有：{'、'.join(names) or '无'}",
            f"there must be a sheet {wanted!r}, or only one with content; found: {', '.join(names) or 'none'}",
        )

    def _merged(self, content: Content) -> list[MergedCells]:
        """Merged cells. A title over the whole table, merged in one row with nothing else, does no harm."""
        filled: dict[int, set[int]] = {}
        for row, column in content.cells:
            filled.setdefault(row, set()).add(column)
        for span in content.merged:
            (row, first), (last_row, last) = span.first, span.last
            alone = row == last_row and all(first <= column <= last for column in filled.get(row, ()))
            if not (alone and last - first > 1):
                self._mistakes.append(mistake(_name(span.first), "merged", value=span.text))
        return content.merged

    def _rows(self, content: Content, merged: Sequence[MergedCells]) -> list[list[Cell]]:
        last_row = max((row for row, _ in content.cells), default=0)
        last_column = max((column for _, column in content.cells), default=0)
        covered = {place for span in merged for place in _covered(span, last_row, last_column)}
        rows = []
        for row in range(1, last_row + 1):
            cells = []
            for place in ((row, column) for column in range(1, last_column + 1)):
                stored = content.cells.get(place)
                if place in covered:
                    cells.append(Cell(_name(place), CellKind.MERGED))
                else:
                    cells.append(Cell(_name(place)) if stored is None else self._cell(_name(place), stored))
            rows.append(cells)
        return rows

    def _cell(self, name: str, stored: Stored) -> Cell:
        if stored.text is None:
            return Cell(name, CellKind.FORMULA)
        match stored.kind:
            case "t":
                return _text(name, stored.text)
            case "b":
                return Cell(name, CellKind.TRUTH, "FALSE" if stored.text in {"0", "false"} else "TRUE")
            case "e":
                return Cell(name, CellKind.ERROR, stored.text[:LONGEST])
            case "d":
                return Cell(name, CellKind.DATE, stored.text[:LONGEST])
        return self._number(name, stored.text, stored.format)

    def _number(self, name: str, text: str, code: str) -> Cell:
        number = _finite(text)
        if number is None:
            return Cell(name, CellKind.ERROR, text[:LONGEST])
        if is_date_format(code):
            return Cell(name, CellKind.DATE, f"{number}")
        found = display(number, code)
        if found.same:
            return Cell(name, CellKind.NUMBER, f"{number}", behind=found.behind)
        chosen = {"shown": found.number, "stored": number}.get(self._take or "")
        if chosen is None:
            return Cell(name, CellKind.OTHERWISE, f"{number}", display=found.text or '""')
        self._notes.append(f"{name}: {found.text!r} ({number}) = {chosen}")
        return Cell(name, CellKind.NUMBER, f"{chosen}")

    def _note_hidden(self, content: Content) -> None:
        """Rows and columns that hold something but are not shown."""
        places = sorted(content.cells)
        for row in sorted({row for row, _ in places} & content.hidden_rows):
            first = next(place for place in places if place[0] == row)
            self._mistakes.append(mistake(_name(first), "hidden_row", value=row))
        for column in sorted({column for _, column in places} & content.hidden_columns):
            first = next(place for place in places if place[1] == column)
            letters = address(column - 1, 1).rstrip("0123456789")
            self._mistakes.append(mistake(_name(first), "hidden_column", value=letters))


def _covered(span: MergedCells, last_row: int, last_column: int) -> list[tuple[int, int]]:
    """The cells under merged ones as far as the table goes, without the one that is shown."""
    (first_row, first_column), (end_row, end_column) = span.first, span.last
    return [
        (row, column)
        for row in range(first_row, min(end_row, last_row) + 1)
        for column in range(first_column, min(end_column, last_column) + 1)
        if (row, column) != span.first
    ]


def _name(place: tuple[int, int]) -> str:
    return address(place[1] - 1, place[0])


def _text(name: str, text: str) -> Cell:
    """A cell of text; what is longer than any column takes is cut, and refused where it is read."""
    text = text[: LONGEST + 1]
    return Cell(name, CellKind.TEXT if text.strip() else CellKind.EMPTY, text)


def _finite(text: str) -> Decimal | None:
    """A number with the 15 digits that a spreadsheet shows and keeps; the rest is noise of binary fractions."""
    try:
        number = Decimal(f"{float(text):.15g}") if len(text) <= _LONGEST_NUMBER else Decimal("NaN")
    except ValueError:
        return None
    return number if number.is_finite() else None
