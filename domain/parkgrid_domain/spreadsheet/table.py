"""A sheet as a table: its row of headings found and checked, its rows by the names of their columns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from parkgrid_domain.spreadsheet.cell import Cell, CellKind, Findings, Sheet, plain

_UNIT = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_SEPARATORS = re.compile(r"[\s/_:,.-]+")
_FIRST_ROWS = 10
_ENOUGH = 2
"""So many known headings make a row the row of headings."""
_MOST_MISTAKES = 200


@dataclass(frozen=True, slots=True)
class FileColumn:
    """One column of a template."""

    key: str
    zh: str
    en: str
    hint_zh: str
    hint_en: str
    others: tuple[str, ...] = ()
    """Further headings that mean the same."""
    required: bool = True

    @property
    def heading(self) -> str:
        """Its heading in a template."""
        return f"{self.zh} {self.en}"

    def means(self, heading: str) -> bool:
        """Whether a heading, its unit taken off, names this column."""
        return _folded(heading) in {
            _folded(known) for known in (self.key, self.zh, self.en, self.heading, *self.others)
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One filled row; a column that the file does not have is an empty cell."""

    number: int
    cells: Mapping[str, Cell]

    def __getitem__(self, key: str) -> Cell:
        """The cell of a column."""
        return self.cells[key]


@dataclass(frozen=True, slots=True)
class Table:
    """What stands below the headings."""

    headings: Mapping[str, Cell] = field(default_factory=dict)
    """The heading cell of each column that the file has."""
    units: Mapping[str, str] = field(default_factory=dict)
    """What stands in brackets in a heading."""
    rows: Sequence[Row] = ()


def table(sheet: Sheet, columns: Sequence[FileColumn], findings: Findings) -> Table:
    """Find the headings and give the rows below; without headings the table is empty and the mistake noted."""
    start = next((row for row, cells in enumerate(sheet.rows[:_FIRST_ROWS]) if _known(cells, columns) >= _ENOUGH), None)
    if start is None:
        findings.add("A1", "no_heading", columns="、".join(column.heading for column in columns if column.required))
        return Table()
    found, units = _headings(sheet.rows[start], columns, findings)
    for column in columns:
        if column.required and column.key not in found:
            findings.add(f"A{start + 1}", "missing_column", column_zh=column.zh, column_en=column.en)
    rows = list(_rows(sheet.rows[start + 1 :], start + 2, found, columns))
    _refuse_strays(sheet.rows[start:], findings)
    if not rows:
        findings.add(f"A{start + 2}", "no_rows")
    return Table({key: sheet.rows[start][place] for key, place in found.items()}, units, rows)


def until_too_many(rows: Sequence[Row], findings: Findings) -> Iterator[Row]:
    """The rows one by one, until there are more mistakes than anybody would correct at once."""
    for row in rows:
        if len(findings.mistakes) >= _MOST_MISTAKES:
            findings.add(f"A{row.number}", "more", count=len(findings.mistakes))
            return
        yield row


def _known(cells: Sequence[Cell], columns: Sequence[FileColumn]) -> int:
    named = (_parted(cell.text)[0] for cell in cells if cell.kind is CellKind.TEXT)
    return sum(any(column.means(name) for column in columns) for name in named)


def _headings(
    cells: Sequence[Cell], columns: Sequence[FileColumn], findings: Findings
) -> tuple[dict[str, int], dict[str, str]]:
    found: dict[str, int] = {}
    units: dict[str, str] = {}
    for place, cell in enumerate(cells):
        if cell.kind in (CellKind.EMPTY, CellKind.MERGED):
            continue
        name, unit = _parted(cell.text)
        column = next((each for each in columns if each.means(name)), None)
        if column is None:
            findings.add(cell.address, "unknown_column", value=cell.shown)
        elif column.key in found:
            findings.add(cell.address, "doubled_column", value=cell.shown, first=cells[found[column.key]].address)
        else:
            found[column.key] = place
            if unit:
                units[column.key] = unit
    return found, units


def _rows(
    rows: Sequence[Sequence[Cell]], first: int, found: Mapping[str, int], columns: Sequence[FileColumn]
) -> Iterator[Row]:
    """Rows in which some column of the table holds something."""
    for number, cells in enumerate(rows, first):
        row = {}
        for column in columns:
            place = found.get(column.key)
            nothing = Cell(f"{'?' if place is None else _letters(place)}{number}")
            row[column.key] = cells[place] if place is not None and place < len(cells) else nothing
        if any(cell.kind is not CellKind.EMPTY for cell in row.values()):
            yield Row(number, row)


def _refuse_strays(rows: Sequence[Sequence[Cell]], findings: Findings) -> None:
    """Content below no heading; in a CSV it is the rest of a text whose comma was not quoted."""
    empty = (CellKind.EMPTY, CellKind.MERGED)
    headed = {place for place, cell in enumerate(rows[0]) if cell.kind not in empty}
    for cells in rows[1:]:
        if len(findings.mistakes) >= _MOST_MISTAKES:
            return
        stray = next((cell for place, cell in enumerate(cells) if place not in headed and cell.kind not in empty), None)
        if stray is not None:
            findings.add(stray.address, "stray", value=stray.shown)


def _parted(heading: str) -> tuple[str, str]:
    """A heading without what stands in brackets, and that."""
    text = plain(heading)
    inside = _UNIT.search(text)
    return _UNIT.sub(" ", text), ((inside[1] or inside[2] or "").strip() if inside else "")


def _folded(heading: str) -> str:
    return _SEPARATORS.sub("", plain(heading)).casefold()


def _letters(place: int) -> str:
    """A, B, …, Z, AA of a column counted from 0."""
    letters = ""
    place += 1
    while place:
        place, digit = divmod(place - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def address(place: int, number: int) -> str:
    """The name of a cell: column counted from 0, row from 1."""
    return f"{_letters(place)}{number}"
