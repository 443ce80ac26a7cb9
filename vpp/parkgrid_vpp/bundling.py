"""A bundle out of the database: the entries of the ledger, and the readings as they were when each was written.

    entry with the digest of its readings ─▶ the rows now, at that instant, or between later corrections
                                             ─▶ those whose digest is the same, else no bundle

Metering keeps every former row, so what was frozen is found again, whatever was corrected since.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp import documents
from parkgrid_domain.vpp.documents import AdjustedAward, Frozen, Statement, Term
from parkgrid_domain.vpp.forms import told
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_vpp.bundle import Contents, Declared, Minute
from parkgrid_vpp.bundle_entries import resting_on
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.evidence import beside, read
from parkgrid_vpp.freezing import pasts_of, resource_of
from parkgrid_vpp.ledger import entries
from parkgrid_vpp.parks import DEVICE, REGISTER, of_each_park
from parkgrid_vpp.rules import rules_of
from parkgrid_vpp.statements import statement

_MOST_INSTANTS = 2_000
"""Former states of the rows that are tried; each is read whole."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The readings of one resource that an entry names by their digest."""

    meter: tuple[Term, ...]
    quarters: frozenset[datetime]
    digest: str


def operators_of(pilot: Pilot, event_id: str) -> list[str]:
    """The operators that have a statement for an event, each of which gets a bundle. Raises `PilotError`."""
    book = pilot.events.get(event_id)
    if book is None:
        raise PilotError(f"{event_id!r} is not an event")
    given = () if book.awards is None else book.awards.awards
    found = [each.operator for each in given if book.latest(each.award) is not None]
    if not found:
        raise PilotError(f"the event {event_id} is {book.state}: there is a bundle once it has a statement")
    return found


def _on() -> None:
    """Nothing hurries."""


def contents(
    connection: Connection, event_id: str, operator: str, now: datetime, go_on: Callable[[], None] = _on
) -> Contents:
    """What the bundle of an operator and event holds. Raises `PilotError`, `LedgerError`, `StoreError`.

    `go_on` is called before each state of the readings is read; it may raise where that has taken too long.
    """
    with translated():
        stored, pilot = entries(connection), Pilot()
        pilot.follow(stored)
        if operator not in operators_of(pilot, event_id):
            raise PilotError(f"{operator} has no statement for the event {event_id}")
        return _contents(connection, stored, pilot, event_id, operator, now, go_on)


def _contents(
    connection: Connection,
    stored: list[Entry],
    pilot: Pilot,
    event_id: str,
    operator: str,
    now: datetime,
    go_on: Callable[[], None],
) -> Contents:
    book = pilot.events[event_id]
    mine = resting_on(stored, event_id, operator)
    readings: dict[tuple[int, str], list[str]] = {}
    declarations: dict[int, list[Declared]] = {}
    findings: dict[str, dict[str, Any]] = {}
    last = ""
    for entry in mine:
        document = documents.read(entry.kind, entry.document)
        if not isinstance(document, Frozen | AdjustedAward | Statement):
            continue
        last = document.statement if isinstance(document, Statement) else last
        wanted = _wanted(pilot, book, document)
        found, numbers, as_of = _lines(connection, entry, wanted, go_on)
        readings.update({(entry.number, name): lines for name, lines in found.items()})
        declarations[entry.number] = _declarations(connection, numbers, as_of)
        findings.update({str(one): told(one) for each in document.resources for one in each.findings})
    return Contents(
        event=event_id,
        operator=operator,
        statement=last,
        created=now,
        engine=version("parkgrid"),
        entries=mine,
        chain=[each.digest for each in stored],
        readings=readings,
        declarations=declarations,
        findings=[findings[each] for each in sorted(findings)],
        minutes=_minutes(connection, book, pilot, operator),
    )


def _wanted(pilot: Pilot, book: EventBook, document: Frozen | AdjustedAward | Statement) -> dict[str, _Wanted]:
    rules = rules_of(pilot, book.event)
    quarters = quarters_of(book.event.from_, book.event.to)
    resources = {each.resource: resource_of(book, pilot, each.resource) for each in document.resources}
    pasts = pasts_of(resources.values(), rules, quarters)
    found = {}
    for each in document.resources:
        resource = resources[each.resource]
        past = pasts.get(resource.baseline)
        covered: Collection[datetime] = ()
        if isinstance(document, Statement):
            covered = beside(quarters)
        elif past is not None:
            covered = past.looked_at if isinstance(document, Frozen) else past.today
        found[each.resource] = _Wanted(resource.meter, frozenset(covered), each.readings)
    return found


def _lines(
    connection: Connection, entry: Entry, wanted: Mapping[str, _Wanted], go_on: Callable[[], None]
) -> tuple[dict[str, list[str]], set[tuple[int, int]], datetime | None]:
    """The lines that each digest was taken of, their registers, and the last instant at which the rows were so.

    None: they still are.
    """
    found: dict[str, list[str]] = {}
    numbers: set[tuple[int, int]] = set()
    left = dict(wanted)
    newest: datetime | None = datetime.min.replace(tzinfo=UTC)
    for as_of in _instants(connection, entry, left):
        go_on()
        quarters = {at for each in left.values() for at in each.quarters}
        evidence = read(connection, _addresses(left.values()), quarters, as_of)
        for name, each in list(left.items()):
            lines = list(evidence.lines(each.meter, each.quarters))
            if hashlib.sha256("\n".join(lines).encode()).hexdigest() == each.digest:
                found[name] = lines
                numbers |= evidence.numbers(each.meter)
                newest = None if as_of is None or newest is None else max(newest, as_of)
                del left[name]
        if not left:
            return found, numbers, newest
    raise PilotError(
        f"the readings of {', '.join(sorted(left))} that entry {entry.number} was computed from are not in the database"
        " any more: restore the intervals and their revisions"
    )


def _instants(connection: Connection, entry: Entry, left: Mapping[str, _Wanted]) -> Iterator[datetime | None]:
    """The instants at which the rows may have been as an entry was computed from; None is now."""
    yield None
    yield entry.at
    quarters = {at for each in left.values() for at in each.quarters}
    if not quarters:
        return
    bounds = {"start": min(quarters), "stop": max(beside(quarters)), "most": _MOST_INSTANTS}
    found: set[datetime] = set()
    for _, _, named in of_each_park(connection, _parts(_addresses(left.values())), REGISTER):
        found.update(at for (at,) in connection.execute(statement("bundle/changes"), named | bounds))
    yield from sorted(found, reverse=True)[:_MOST_INSTANTS]


def _addresses(wanted: Collection[_Wanted]) -> list[str]:
    return sorted({term.register for each in wanted for term in each.meter})


def _parts(addresses: Collection[str]) -> list[list[str]]:
    return [each.split("/") for each in addresses]


def _declarations(
    connection: Connection, registers: Collection[tuple[int, int]], as_of: datetime | None
) -> list[Declared]:
    if not registers:
        return []
    parks, numbers = (list(column) for column in zip(*sorted(registers), strict=True))
    values = {"parks": parks, "registers": numbers, "as_of": as_of}
    latest = {(row[0], row[1]): row for row in connection.execute(statement("bundle/declarations"), values)}
    return [Declared(*row) for row in latest.values()]


def _minutes(connection: Connection, book: EventBook, pilot: Pilot, operator: str) -> list[Minute]:
    given = () if book.awards is None else book.awards.awards
    names = [part.resource for each in given if each.operator == operator for part in each.parts]
    registers = {term.register for name in names for term in resource_of(book, pilot, name).meter}
    devices = sorted({each.rsplit("/", 1)[0] for each in registers})
    span = {"start": book.event.from_, "stop": book.event.to}
    return [
        Minute(*row)
        for _, _, named in of_each_park(connection, _parts(devices), DEVICE)
        for row in connection.execute(statement("bundle/minutes"), named | span)
    ]
