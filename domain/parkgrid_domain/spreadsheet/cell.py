"""Cells of a table that people filled in, and what they say: numbers, texts, names; nothing is guessed.

Full-width digits, thousands separators in their places and numbers that are text are read; percentages, units inside
the cell and anything ambiguous are refused.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from parkgrid_contract.refusal import shorten
from parkgrid_domain.spreadsheet.mistake import Mistake, mistake

_NUMBER = re.compile(r"[+-]?([0-9]{1,15}|[0-9]{1,3}(,[0-9]{3}){1,4})(\.[0-9]{1,10})?")
LONGEST = 500
"""Characters of a text in a cell."""
_MINUS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{NO-BREAK SPACE}": " "})


class CellKind(Enum):
    """What a cell holds, as far as its file tells."""

    EMPTY = auto()
    TEXT = auto()
    NUMBER = auto()
    OTHERWISE = auto()
    """A number whose format shows another one: a percentage, a part of a thousand, digits put between."""
    DATE = auto()
    TRUTH = auto()
    FORMULA = auto()
    """A formula whose result was not stored."""
    ERROR = auto()
    MERGED = auto()
    """Under a merged cell; the mistake is noted where that begins."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell."""

    address: str
    kind: CellKind = CellKind.EMPTY
    text: str = ""
    """What stands there; a number in its shortest exact form."""
    display: str = ""
    """What is shown, where that is another number."""
    behind: str = ""
    """The words that a number's format puts behind it, such as a unit."""

    @property
    def shown(self) -> str:
        """Its text, short enough for a message."""
        return shorten(self.text, 60)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was read, and what its file already shows to be wrong."""

    name: str
    rows: Sequence[Sequence[Cell]]
    mistakes: Sequence[Mistake] = ()
    notes: Sequence[str] = ()
    """Numbers that were taken as a person said: as shown, or as stored."""


@dataclass(slots=True)
class Findings:
    """Everything wrong so far, and what was read in another form than it was written."""

    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, cell: str, code: str, **fields: object) -> None:
        """Note a mistake."""
        self.mistakes.append(mistake(cell, code, **fields))


def plain(text: str) -> str:
    """A text with full-width characters as plain ones and no blanks around it."""
    return unicodedata.normalize("NFKC", text).translate(_MINUS).strip()


def number(cell: Cell, findings: Findings) -> Decimal | None:
    """The number of a cell; None when there is none, with the reason among the mistakes unless the cell is empty."""
    if cell.kind is CellKind.TEXT and plain(cell.text).endswith(("%", "‰")):
        findings.add(cell.address, "percent", value=cell.shown)
        return None
    if cell.kind is CellKind.NUMBER:
        return Decimal(cell.text)
    if not readable(cell, findings):
        return None
    written = plain(cell.text)
    if not _NUMBER.fullmatch(written):
        findings.add(cell.address, "not_number", value=cell.shown)
        return None
    found = Decimal(written.replace(",", ""))
    if str(found) != cell.text:
        findings.notes.append(f"{cell.address}: {cell.shown!r} = {found}")
    return found


def words(cell: Cell, findings: Findings) -> str:
    """The text of a cell, blanks around it taken off; empty when there is none or it cannot be read."""
    if not readable(cell, findings):
        return ""
    text = cell.text.strip()
    if not text.isprintable():
        findings.add(cell.address, "control")
        return ""
    if len(text) > LONGEST:
        findings.add(cell.address, "too_long", limit=LONGEST)
        return ""
    return text


def readable(cell: Cell, findings: Findings) -> bool:
    """Whether a cell holds something that can be read; what cannot is noted, what is empty is not."""
    match cell.kind:
        case CellKind.TEXT | CellKind.NUMBER:
            return bool(cell.text.strip())
        case CellKind.EMPTY | CellKind.MERGED:
            return False
        case CellKind.OTHERWISE:
            findings.add(cell.address, "otherwise", shown=shorten(cell.display, 60), stored=cell.shown)
        case CellKind.DATE:
            findings.add(cell.address, "date")
        case CellKind.TRUTH:
            findings.add(cell.address, "truth", value=cell.shown)
        case CellKind.FORMULA:
            findings.add(cell.address, "formula")
        case CellKind.ERROR:
            findings.add(cell.address, "error_value", value=cell.shown)
    return False
