"""A report as it is drawn: sections, each a table with headings and notes."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]
Cell: TypeAlias = str | int | float | Decimal | None


@dataclass(frozen=True, slots=True)
class Heading:
    """One column of a section."""

    text: str
    decimals: int | None = None
    """Digits after the point of its numbers; None for text, and for numbers that are shown with every digit."""
    mark: str = ""
    """What stands behind each of its numbers, for example `simulation`."""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the report."""

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report that is ready to be drawn."""

    title: str
    subtitle: str
    language: Language
    sections: tuple[Section, ...]
    marks: tuple[str, ...] = ()
    """What must be said on every page: simulated data, example tariffs."""


def shown(value: Any, heading: Heading) -> str:
    """A cell as people read it."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    text = str(value) if heading.decimals is None else f"{value:,.{heading.decimals}f}"
    return f"{text} {heading.mark}" if heading.mark else text
