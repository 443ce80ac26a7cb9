"""The money of a period by event, by operator and by line; what can be paid and simulations in tables of their own.

Every table sums the same statements, so that all have the same total, to the cent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from operator import attrgetter

from parkgrid_accounting.report.form import Cell, Heading, Section
from parkgrid_domain.vpp.documents import Line, Statement
from parkgrid_domain.vpp.progress import Standing
from parkgrid_vpp.printed.period.telling import PeriodTelling

_AMOUNTS = ("payment", "penalty", "net", "operator_part", "user_part")


def amounts(statements: Iterable[Statement]) -> tuple[Decimal, ...]:
    """Payment, penalty, net, the operators' part and the users' part of statements together."""
    listed = list(statements)
    of_statements = (sum(map(attrgetter(name), listed), Decimal(0)) for name in _AMOUNTS[:3])
    lines = [line for told in listed for line in told.lines]
    return (*of_statements, *(sum(map(attrgetter(name), lines), Decimal(0)) for name in _AMOUNTS[3:]))


def money(of: PeriodTelling) -> Iterator[Section]:
    """The tables; one of each kind that says there is nothing where there is no statement."""
    for mark, found in of.by_status() or [("", [])]:
        yield _grouped(of, mark, found, "money.events", "event", lambda each: of.event(each[0]))
        yield _grouped(of, mark, found, "money.operators", "operator", lambda each: of.operator(each[2].operator))
        yield _lines(of, mark, found)


def _grouped(
    of: PeriodTelling,
    mark: str,
    found: Sequence[Standing],
    title: str,
    by: str,
    name_of: Callable[[Standing], str],
) -> Section:
    parts: dict[str, list[Statement]] = {}
    for each in found:
        parts.setdefault(name_of(each), []).append(each[2])
    rows: list[tuple[Cell, ...]] = [(name, len(told), *amounts(told)) for name, told in parts.items()]
    rows.append((of.word("total"), len(found), *amounts(each[2] for each in found)))
    headings = (*of.headings(by), *of.counts("statements"), *of.of_money(mark, *_AMOUNTS))
    return _section(of, mark, of.titled(title, mark, found), headings, rows if found else [])


def _lines(of: PeriodTelling, mark: str, found: Sequence[Standing]) -> Section:
    rows: list[tuple[Cell, ...]] = [_line(of, each, line) for each in found for line in each[2].lines]
    rows.append((of.word("total"), None, None, None, *amounts(each[2] for each in found)))
    headings = (*of.headings("statement", "operator", "resource", "contract"), *of.of_money(mark, *_AMOUNTS))
    return _section(of, mark, of.titled("money.lines", mark, found), headings, rows if found else [])


def _line(of: PeriodTelling, each: Standing, line: Line) -> tuple[Cell, ...]:
    book, _, told = each
    parts = (line.payment, line.penalty, line.payment - line.penalty, line.operator_part, line.user_part)
    whose = (told.statement, of.operator(told.operator), of.resource(book, line.resource), line.contract)
    return (*whose, *parts)


def _section(
    of: PeriodTelling, mark: str, title: str, headings: tuple[Heading, ...], rows: list[tuple[Cell, ...]]
) -> Section:
    notes = (of.word("money.rule"), *([of.word("simulation.why")] if mark else ()))
    return Section(title, headings, tuple(rows), notes)
