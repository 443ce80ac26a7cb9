"""Workbooks (.xlsx): the cells that hold something, and what is not shown of them.

Cells that hold nothing are not kept, wherever they lie; merged cells are kept as their corners, styles as their number
formats. The parts are those of ECMA-376 part 1, 12.3 and 18.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from openpyxl.styles.numbers import builtin_format_code

from parkgrid_accounting.spreadsheet.errors import FileError
from parkgrid_accounting.spreadsheet.package import Attributes, Package, Relation, not_workbook
from parkgrid_domain.spreadsheet.cell import LONGEST
from parkgrid_domain.spreadsheet.number_format import LONGEST_CODE

MOST_ROWS, MOST_COLUMNS = 10_000, 50
MOST_SHEETS, MOST_MERGED = 100, 1_000
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384


@dataclass(frozen=True, slots=True)
class Stored:
    """A cell that holds something."""

    row: int
    column: int
    """Both from 1."""
    kind: str
    """`n` a number, `b` a truth value, `e` an error, `d` a date, `t` a text."""
    text: str | None
    """What is stored; None for a formula without its result."""
    format: str = "General"


@dataclass(frozen=True, slots=True)
class MergedCells:
    """Merged cells, from one corner to the other, both included."""

    first: tuple[int, int]
    last: tuple[int, int]
    """Row and column, from 1."""
    text: str


@dataclass(slots=True)
class Content:
    """What stands in one sheet, and what is not shown of it."""

    cells: dict[tuple[int, int], Stored] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[MergedCells] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A sheet of the workbook by its name."""

    name: str
    visible: bool
    part: str


class Book:
    """A workbook. Raises `FileError` for everything that is not one or is beyond the bounds."""

    def __init__(self, content: bytes) -> None:
        self._package = Package(content)
        main = _first(self._package.related(""), "/officeDocument")
        related = self._package.related(main)
        self.sheets = self._sheets(main, related)
        strings, styles = _first(related, "/sharedStrings"), _first(related, "/styles")
        self._strings = _Strings().read(self._package, strings) if strings else []
        self._formats = _Styles().read(self._package, styles) if styles else []

    def content(self, sheet: SheetPart) -> Content:
        """Everything that a sheet holds."""
        return _Sheet(self._strings, self._formats).read(self._package, sheet.part)

    def first_used(self, sheet: SheetPart) -> tuple[int, int] | None:
        """Row and column of the first cell that holds something."""
        try:
            _Sheet(self._strings, self._formats, only_first=True).read(self._package, sheet.part)
        except _FoundError as found:
            return found.place
        return None

    def _sheets(self, main: str, related: Sequence[Relation]) -> list[SheetPart]:
        parts = {each.id: each.part for each in related if each.kind.endswith("/worksheet")}
        found: list[SheetPart] = []

        def start(element: str, attributes: Attributes) -> None:
            # A sheet of charts holds no cells.
            if element == "sheet" and (part := parts.get(_ending(attributes, "id"))):
                visible = attributes.get("state", "visible") == "visible"
                found.append(SheetPart(attributes.get("name", ""), visible, part))

        self._package.walk(main, start)
        if len(found) > MOST_SHEETS:
            raise FileError(
                f"文件有 {len(found)} 个工作表，最多 {MOST_SHEETS} 个：请只保留需要导入的工作表",
                f"the file has {len(found)} sheets, at most {MOST_SHEETS}: keep only the one to import",
            )
        return found


class _FoundError(Exception):
    """The first cell that holds something."""

    def __init__(self, place: tuple[int, int]) -> None:
        self.place = place
        super().__init__()


class _Strings:
    """The texts that cells share."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._text = _Text()

    def read(self, package: Package, part: str) -> list[str]:
        """Each text by its number."""
        package.walk(part, self._text.start, self._ended, self._text.add)
        return self._found

    def _ended(self, name: str) -> None:
        self._text.end(name)
        if name == "si":
            self._found.append(self._text.take())


class _Text:
    """Text out of its runs; how a word is read aloud (rPh) is not part of it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._inside = self._phonetic = False

    def start(self, name: str, _: Attributes) -> None:
        """An element begins."""
        self._phonetic |= name == "rPh"
        self._inside = name == "t" and not self._phonetic

    def end(self, name: str) -> None:
        """An element ends."""
        self._phonetic &= name != "rPh"
        self._inside = False

    def add(self, text: str) -> None:
        """Characters. What is longer than any column takes is cut; it is refused with its cell later."""
        if self._inside and self._length <= LONGEST:
            self._parts.append(text[: LONGEST + 1])
            self._length += len(text)

    def take(self) -> str:
        """The text, and begin anew."""
        text = "".join(self._parts)
        self._parts, self._length = [], 0
        return text


class _Styles:
    """The number format of each style."""

    def __init__(self) -> None:
        self._own: dict[str, str] = {}
        self._used: list[str] = []
        self._inside = ""

    def read(self, package: Package, part: str) -> list[str]:
        """The format of each style by its number."""
        package.walk(part, self._started)
        return [self._own.get(number) or _built_in(number) for number in self._used]

    def _started(self, name: str, attributes: Attributes) -> None:
        if name in {"numFmts", "cellXfs", "cellStyleXfs", "dxfs", "cellStyles"}:
            self._inside = name
        elif name == "numFmt" and self._inside == "numFmts":
            code = attributes.get("formatCode", "")
            if len(code) > LONGEST_CODE:
                raise not_workbook(f"a number format has {len(code)} characters, at most {LONGEST_CODE}")
            self._own[attributes.get("numFmtId", "")] = code
        elif name == "xf" and self._inside == "cellXfs":
            self._used.append(attributes.get("numFmtId", "0"))


class _Sheet:
    """The cells of one sheet that hold something."""

    def __init__(self, strings: Sequence[str], formats: Sequence[str], *, only_first: bool = False) -> None:
        self._strings, self._formats, self._only_first = strings, formats, only_first
        self._content = Content()
        self._row = self._column = 0
        self._cell: Attributes = {}
        self._formula = False
        self._value: str | None = None
        self._reading = ""
        self._inline = _Text()

    def read(self, package: Package, part: str) -> Content:
        """The whole sheet."""
        package.walk(part, self._started, self._ended, self._add)
        return self._content

    def _started(self, name: str, attributes: Attributes) -> None:
        self._inline.start(name, attributes)
        match name:
            case "c":
                self._begin_cell(attributes)
            case "v" | "f":
                self._reading = name
                self._formula |= name == "f"
            case "row":
                self._begin_row(attributes)
            case "col":
                self._note_columns(attributes)
            case "mergeCell":
                self._note_merged(attributes)

    def _ended(self, name: str) -> None:
        self._inline.end(name)
        self._reading = ""
        if name == "c":
            self._end_cell()

    def _add(self, text: str) -> None:
        self._inline.add(text)
        if self._reading == "v" and len(self._value or "") <= LONGEST:
            self._value = (self._value or "") + text[: LONGEST + 1]

    def _begin_row(self, attributes: Attributes) -> None:
        self._row = _whole(attributes.get("r"), self._row + 1, _LAST_ROW, "row")
        self._column = 0
        if _true(attributes.get("hidden")) and self._row <= MOST_ROWS:
            self._content.hidden_rows.add(self._row)

    def _begin_cell(self, attributes: Attributes) -> None:
        name = attributes.get("r")
        self._row, self._column = (self._row, self._column + 1) if name is None else _place(name)
        self._cell, self._formula, self._value = attributes, False, None
        self._inline.take()

    def _end_cell(self) -> None:
        cell = self._stored()
        if cell is None:
            return
        place = (self._row, self._column)
        if self._only_first:
            raise _FoundError(place)
        if place in self._content.cells:
            raise not_workbook(f"the cell in row {self._row}, column {self._column} is there twice")
        if self._row > MOST_ROWS or self._column > MOST_COLUMNS:
            raise too_large(*place)
        self._content.cells[place] = cell

    def _stored(self) -> Stored | None:
        """The cell at hand; None when it holds nothing."""
        kind = self._cell.get("t", "n")
        text = self._inline.take() if kind == "inlineStr" else self._value
        if kind == "s" and text:
            text = self._shared(text)
        if text is None or (text == "" and kind in {"s", "str", "inlineStr", "n"}):
            # A formula that gives an empty text stores it; one without any result was never computed.
            empty = text == "" and kind == "str"
            return Stored(self._row, self._column, "t" if empty else "n", text or None) if self._formula else None
        style = _whole(self._cell.get("s"), 0, len(self._formats), "style")
        shape = self._formats[style] if style < len(self._formats) else "General"
        return Stored(self._row, self._column, kind if kind in "nbed" else "t", text, shape)

    def _shared(self, text: str) -> str:
        number = _whole(text, 0, len(self._strings) - 1, "text")
        return self._strings[number]

    def _note_columns(self, attributes: Attributes) -> None:
        if _true(attributes.get("hidden")):
            first = _whole(attributes.get("min"), 1, _LAST_COLUMN, "column")
            last = _whole(attributes.get("max"), first, _LAST_COLUMN, "column")
            self._content.hidden_columns.update(range(first, min(last, MOST_COLUMNS) + 1))

    def _note_merged(self, attributes: Attributes) -> None:
        text = attributes.get("ref", "")
        first, _, last = text.partition(":")
        if len(self._content.merged) >= MOST_MERGED:
            raise FileError(
                f"{text}：合并单元格超过 {MOST_MERGED} 处：请取消合并",
                f"{text}: more than {MOST_MERGED} merged cells: unmerge them",
            )
        self._content.merged.append(MergedCells(_place(first), _place(last or first), text))


def too_large(row: int, column: int) -> FileError:
    """There is content beyond the rows and columns that a table may have."""
    return FileError(
        f"工作表有 {row} 行 {column} 列，最多 {MOST_ROWS} 行 {MOST_COLUMNS} 列：请删除多余的行列",
        f"the sheet has {row} rows and {column} columns, at most {MOST_ROWS} and {MOST_COLUMNS}: delete some",
    )


def _first(related: Sequence[Relation], kind: str) -> str:
    return next((each.part for each in related if each.kind.endswith(kind)), "")


def _ending(attributes: Attributes, name: str) -> str:
    """The value of an attribute of another namespace, whatever its prefix."""
    return next((value for key, value in attributes.items() if key.endswith(f":{name}")), "")


def _built_in(number: str) -> str:
    return str(builtin_format_code(int(number)) or "General") if number.isascii() and number.isdigit() else "General"


def _whole(text: str | None, otherwise: int, high: int, what: str) -> int:
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= high):  # noqa: PLR2004  digits
        raise not_workbook(f"{what} {text[:40]!r} is not a number up to {high}")
    return int(text)


def _place(name: str) -> tuple[int, int]:
    """Row and column of a cell's name, from 1."""
    found = _CELL.fullmatch(name.replace("$", ""))
    column = 0
    for letter in found[1] if found else "":
        column = column * 26 + ord(letter) - ord("A") + 1
    if found is None or column > _LAST_COLUMN or int(found[2]) > _LAST_ROW:
        raise not_workbook(f"{name[:40]!r} is not a cell")
    return int(found[2]), column


def _true(text: str | None) -> bool:
    return text in {"1", "true"}
