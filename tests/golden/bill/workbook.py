"""Evaluates the formulas of a workbook with exact decimal numbers: enough of a spreadsheet for the golden bill.

Written without anything of the bill engine, so that both can only agree if both are right.
"""

import re
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*")
    |(?P<reference>(?:'[^']+'!|[A-Za-z]+!)?\$?[A-Z]+\$?\d+(?::\$?[A-Z]+\$?\d+)?)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[A-Z]+)
    |(?P<sign>>=|<=|<>|[-+*/(),=<>]))""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}


class Workbook:
    """A workbook whose cells are computed when they are asked for."""

    def __init__(self, path: Path) -> None:
        self._sheets = {
            sheet.title: [[cell.value for cell in row] for row in sheet.iter_rows()]
            for sheet in load_workbook(path).worksheets
        }
        self._known: dict[tuple[str, int, int], Any] = {}
        self._ranges: dict[tuple[str, str], list[list[Any]]] = {}

    def rows(self, sheet: str) -> list[list[Any]]:
        """All computed cells of a sheet."""
        return [
            [self.cell(sheet, row, column) for column in range(len(cells))]
            for row, cells in enumerate(self._sheets[sheet])
        ]

    def cell(self, sheet: str, row: int, column: int) -> Any:
        """One computed cell, counted from 0; numbers are decimal."""
        key = (sheet, row, column)
        if key not in self._known:
            value = self._sheets[sheet][row][column]
            if isinstance(value, str) and value.startswith("="):
                with localcontext(prec=40):
                    value = _Formula(self, sheet, value[1:]).value()
            elif isinstance(value, int | float):
                # a float's shortest text is the number that was typed
                value = Decimal(repr(value))
            self._known[key] = value
        return self._known[key]

    def area(self, sheet: str, address: str) -> list[list[Any]]:
        """A range of computed cells."""
        if (sheet, address) not in self._ranges:
            left, top, right, bottom = range_boundaries(address.replace("$", ""))
            self._ranges[sheet, address] = [
                [self.cell(sheet, row - 1, column - 1) for column in range(left, right + 1)]
                for row in range(top, bottom + 1)
            ]
        return self._ranges[sheet, address]


class _Formula:
    """One formula, read from left to right: comparison < sum < product < sign < value."""

    def __init__(self, book: Workbook, sheet: str, text: str) -> None:
        self._book = book
        self._sheet = sheet
        self._tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _tokens(text)]
        self._place = 0

    def value(self) -> Any:
        found = self._comparison()
        assert self._place == len(self._tokens), self._tokens[self._place :]
        return found

    def _next(self, *signs: str) -> str | None:
        if self._place < len(self._tokens) and self._tokens[self._place][1] in signs:
            self._place += 1
            return self._tokens[self._place - 1][1]
        return None

    def _comparison(self) -> Any:
        left = self._sum()
        while sign := self._next(*_COMPARE):
            left = _COMPARE[sign](left, self._sum())
        return left

    def _sum(self) -> Any:
        left = self._product()
        while sign := self._next("+", "-"):
            right = self._product()
            left = left + right if sign == "+" else left - right
        return left

    def _product(self) -> Any:
        left = self._atom()
        while sign := self._next("*", "/"):
            right = self._atom()
            left = left * right if sign == "*" else left / right
        return left

    def _atom(self) -> Any:
        if self._next("-"):
            return -self._atom()
        if self._next("("):
            inner = self._comparison()
            assert self._next(")")
            return inner
        kind, text = self._tokens[self._place]
        self._place += 1
        match kind:
            case "text":
                return text[1:-1]
            case "number":
                return Decimal(text)
            case "reference":
                sheet, _, address = text.rpartition("!")
                found = self._book.area(
                    sheet.strip("'") or self._sheet, address if ":" in address else f"{address}:{address}"
                )
                return found if ":" in address else found[0][0]
            case _:
                return {"FALSE": False, "TRUE": True}[text] if text in ("FALSE", "TRUE") else self._call(text)

    def _call(self, name: str) -> Any:
        assert self._next("("), name
        arguments = [self._comparison()]
        while self._next(","):
            arguments.append(self._comparison())
        assert self._next(")"), name
        return _FUNCTIONS[name](*arguments)


def _tokens(text: str) -> Iterator[re.Match[str]]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match, text[place:]
        yield match
        place = match.end()


def _numbers(arguments: tuple[Any, ...]) -> Iterator[Decimal]:
    for argument in arguments:
        cells = [cell for row in argument for cell in row] if isinstance(argument, list) else [argument]
        yield from (cell for cell in cells if isinstance(cell, Decimal))


def _lookup(wanted: Any, area: list[list[Any]], column: Decimal, near: bool) -> Any:
    assert near is False
    return next(row[int(column) - 1] for row in area if row[0] == wanted)


def _sum_if(area: list[list[Any]], wanted: Any, summed: list[list[Any]]) -> Decimal:
    pairs = zip(area, summed, strict=True)
    return sum((value for (key,), (value,) in pairs if key == wanted and isinstance(value, Decimal)), Decimal(0))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    # both branches are computed, which is harmless here
    "IF": lambda condition, yes, no: yes if condition else no,
    "VLOOKUP": _lookup,
    "SUM": lambda *arguments: sum(_numbers(arguments), Decimal(0)),
    "SUMIF": _sum_if,
    "MAX": lambda *arguments: max(_numbers(arguments)),
    "ROUND": lambda number, places: number.quantize(Decimal(1).scaleb(-int(places)), ROUND_HALF_UP),
    "SQRT": lambda number: number.sqrt(),
}
