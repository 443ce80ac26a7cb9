"""Statements and bundles as files, made one at a time beside the event loop; what is too large is left to the command.

statement ─▶ rows of its report, from the pilot ─▶ drawn in a thread
bundle    ─▶ entries and readings, from one snapshot ─▶ packed in the same thread, unsigned: decision 0039
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from parkgrid_accounting.report.form import Language, Report
from parkgrid_api import statements
from parkgrid_api.figures import Figures
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import Mistake, not_found, refused, unavailable
from parkgrid_api.vpp.follower import PilotFollower, broken, ledger_closed, store_problem
from parkgrid_database.connection import Connection
from parkgrid_database.errors import StoreError
from parkgrid_domain.vpp.documents import Statement
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.progress import standing
from parkgrid_vpp.errors import ClosedLedgerError, LedgerError, PilotError
from parkgrid_vpp.printed.statement import statement_report

Form: TypeAlias = Literal["pdf", "xlsx"]
Answer = TypeVar("Answer")
MOST_ROWS: dict[Form, int] = {"pdf": 3_000, "xlsx": 20_000}
"""Of the tables of a statement: each takes some ten seconds of a processor to draw."""
MOST_LEDGER_BYTES = 64 << 20
"""Of the ledger that a bundle is taken from: it is read whole, and takes several times as much memory."""
MOST_READINGS = 200_000
"""Quarter hours of an event and its days of comparison, over all resources of an award."""
LONGEST_S = 60.0
"""For a bundle: where readings were corrected often, each former state of them is tried."""
MOST_WAITING = 8


@dataclass(frozen=True, slots=True)
class _TooLarge:
    """What would take too long or too much memory here."""

    what: str
    size: object
    most: object


class _TooSlowError(Exception):
    """A bundle takes longer than it may here."""


class Downloads:
    """One file at a time."""

    def __init__(self, pilot: PilotFollower, figures: Figures, issued: Path | None = None) -> None:
        self._pilot, self._figures, self._issued = pilot, figures, issued
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def statement(self, name: str, form: Form, language: Language) -> bytes:
        """A statement; a 404 without such a one, a 422 where it is too large."""

        async def made() -> bytes:
            found = await self._pilot.ask(lambda pilot, _: _report(pilot, name, form, language))
            if found is None:
                raise not_found("statement", name, told("see /api/v1/vpp/events", "见 /api/v1/vpp/events"))
            report = _bounded(found, f"parkgrid vpp statement {name} --{form} FILE")
            return await asyncio.to_thread(_drawn, report, form)

        return await self._alone(made)

    async def bundle(self, event: str, operator: str, now: datetime) -> bytes:
        """The newest bundle of an operator and event, unsigned; a 404 without a statement, a 422 for one too large."""

        async def made() -> bytes:
            found = await self._pilot.ask(lambda pilot, _: _there(pilot, event, operator))
            if found is None:
                where = told(f"see /api/v1/vpp/events/{event}", f"见 /api/v1/vpp/events/{event}")
                raise not_found("bundle", f"{event}-{operator}", where)
            command = f"parkgrid vpp bundle {event} --operator {operator} --keys FOLDER"
            _bounded(found, command)
            try:
                packed = await self._figures.ask(
                    lambda connection: _bundle(connection, event, operator, now, self._issued)
                )
            except LedgerError as error:
                raise broken(error) from error
            except ClosedLedgerError as error:
                raise ledger_closed(error) from error
            except PilotError as error:
                raise unavailable(told("The bundle cannot be made.", "无法生成数据包。"), str(error)) from error
            except StoreError as error:
                raise store_problem(error) from error
            return _bounded(packed, command)

        return await self._alone(made)

    async def _alone(self, make: Callable[[], Awaitable[bytes]]) -> bytes:
        if self._waiting >= MOST_WAITING:
            title = told("Too many files are being made.", "正在生成的文件过多。")
            raise unavailable(title, told("try again in a moment", "请稍后再试"))
        self._waiting += 1
        # Shielded: a client that hangs up does not let the next one in while a thread is still at work.
        return await asyncio.shield(asyncio.ensure_future(self._one(make)))

    async def _one(self, make: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            async with self._turn:
                return await make()
        finally:
            self._waiting -= 1


def _report(pilot: Pilot, name: str, form: Form, language: Language) -> Report | _TooLarge | None:
    found = pilot.statements.get(name)
    if found is None:
        return None
    rows, most = _rows(found[0], found[2]), MOST_ROWS[form]
    return _TooLarge("statement", rows, most) if rows > most else statement_report(pilot, found, language)


def _drawn(report: Report, form: Form) -> bytes:
    # Loaded when somebody asks: each start of the api would pay for it.
    from parkgrid_accounting.report.draw import draw_pdf, draw_xlsx

    return draw_pdf(report) if form == "pdf" else draw_xlsx(report)


def _rows(book: EventBook, document: Statement) -> int:
    """How many rows its tables have, nearly: quarter hours and days of the resources."""
    frozen = book.frozen.get(document.award)
    days = 0 if frozen is None else sum(len(each.days) for each in frozen.resources)
    return days + sum(len(each.quarters) + len(each.intervals) for each in document.resources)


def _there(pilot: Pilot, event: str, operator: str) -> Literal[True] | _TooLarge | None:
    book = pilot.events.get(event)
    newest = [] if book is None else [document for _, _, document in standing([book], operator)]
    if book is None or not newest:
        return None
    frozen = book.frozen.get(newest[0].award)
    days = 1 if frozen is None else 1 + max((len(each.days) for each in frozen.resources), default=0)
    readings = sum(len(each.quarters) for each in newest[0].resources) * days
    return _TooLarge("bundle", readings, MOST_READINGS) if readings > MOST_READINGS else True


def _bundle(connection: Connection, event: str, operator: str, now: datetime, issued: Path | None) -> bytes | _TooLarge:
    from parkgrid_vpp.bundle import write
    from parkgrid_vpp.bundling import contents
    from parkgrid_vpp.issuing import before_issue

    ((size,),) = connection.execute(statements.plain("vpp_ledger_size")).fetchall()
    if size > MOST_LEDGER_BYTES:
        return _TooLarge("ledger", size, MOST_LEDGER_BYTES)
    until = time.monotonic() + LONGEST_S

    def go_on() -> None:
        if time.monotonic() > until:
            raise _TooSlowError

    try:
        found = contents(connection, event, operator, now, go_on)
    except _TooSlowError:
        longest = f"{LONGEST_S:g} s"
        return _TooLarge("bundle", f"> {longest}", longest)
    if issued is not None:
        before_issue(connection, issued, found.chain)
    return write(found, None)


def _bounded(found: Answer | _TooLarge, command: str) -> Answer:
    if isinstance(found, _TooLarge):
        remedy = told(
            f"is too large to be made here ({found.size}, at most {found.most}): use `{command}`",
            f"过大，此处无法生成（{found.size}，最多 {found.most}）：请用 `{command}`",
        )
        raise refused([Mistake.of(found.what, found.size, remedy)])
    return found
