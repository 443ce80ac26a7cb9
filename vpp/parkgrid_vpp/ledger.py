"""The stored ledger: followed entry by entry, and appended to in one transaction under one lock.

follow ─▶ what is new, each entry checked against the one before
write  ─▶ lock ─▶ follow ─▶ is it open? ─▶ may it be written? ─▶ chained ─▶ stored          all of it or nothing

A store that was restored behind a running process holds less than the process has followed: it begins anew, remembers
what is gone, and writes nothing until that is read back.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from parkgrid_contract.crash import crash_point
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import AnyDocument, Loss, kind_of
from parkgrid_domain.vpp.forms import DocumentError
from parkgrid_domain.vpp.ledger import ChainError, Entry, canonical
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.refusals import refusal
from parkgrid_vpp.closed import MEMORY, Lacking, closed, note
from parkgrid_vpp.errors import LedgerError, RefusedActError
from parkgrid_vpp.statements import statement

MOST_BYTES = 32_000_000
"""Of one document; the verifier reads as much. Clearing awards no more than a statement of this size can hold."""
_MOST_BY = 200


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be written: a document and what it is about."""

    subject: str
    document: AnyDocument


def follow(connection: Connection, pilot: Pilot) -> int:
    """Bring a pilot up to the last entry that is stored; how many were new. Raises `LedgerError`, `StoreError`.

    Where the store holds less than the pilot had followed, the pilot begins anew and says in `gone` what is missing.
    """
    with translated():
        return _follow(connection, pilot)


@contextmanager
def alone(connection: Connection, pilot: Pilot) -> Iterator[None]:
    """Nobody else writes until the block ends, and `pilot` is up to date: for acts that are computed from it.

    The block is one transaction. After an error `pilot` may be ahead of the ledger: make a new one.
    """
    with translated(), connection.transaction():
        connection.execute(statement("ledger/one_writer"))
        _follow(connection, pilot)
        yield


def entries(connection: Connection) -> list[Entry]:
    """Every entry, from the first to the head, as they are stored: `Pilot.follow` checks them."""
    with translated():
        return list(_entries(connection, 0))


def entries_after(connection: Connection, number: int) -> Iterator[Entry]:
    """Every entry behind a number, as they are stored. Raises psycopg's errors."""
    return (each for each in _entries(connection, number) if each.number > number)


def write(connection: Connection, pilot: Pilot, acts: Sequence[Act], by: str, at: datetime) -> list[Entry]:
    """Write acts in their order, all of them or none; `at` is when, `by` who.

    Brings `pilot` up to the last of them. Raises `RefusedActError` for an act that may not be written, and then nothing
    is; `ClosedLedgerError` where the ledger takes none; `LedgerError` for a broken chain, `StoreError`.
    """
    if not by.strip() or len(by) > _MOST_BY:
        raise RefusedActError(f"who does it is a name of 1 to {_MOST_BY} characters, not {by[:40]!r}")
    at = at.astimezone(UTC).replace(microsecond=0)
    before, stored, lacking = pilot.head, False, None
    try:
        with translated(), connection.transaction():
            connection.execute(statement("ledger/one_writer"))
            _follow(connection, pilot)
            before = pilot.head
            found = closed(connection, pilot)
            if found is not None and not all(isinstance(act.document, Loss) for act in acts):
                lacking = found if isinstance(found, Lacking) else None
                raise found.error()
            written = [_append(connection, pilot, act, by, at) for act in acts]
            crash_point("vpp.written")
        stored = True
    finally:
        # What was taken in of a transaction that is undone, or whose commit failed, is forgotten: it is read anew.
        if not stored and pilot.head is not before:
            _start_again(pilot)
        if lacking is not None and lacking.source == MEMORY:
            remember(connection, pilot)
    return written


def remember(connection: Connection, pilot: Pilot) -> None:
    """Tell every other writer what is gone of what a pilot had followed; a login that may not does not."""
    if pilot.gone is not None:
        number, digest = pilot.gone
        try:
            note(connection, {number: digest}, MEMORY)
        except psycopg.errors.InsufficientPrivilege:
            return


def _append(connection: Connection, pilot: Pilot, act: Act, by: str, at: datetime) -> Entry:
    reason = refusal(pilot, act.subject, act.document, at)
    if reason:
        raise RefusedActError(reason)
    told = forms.document(act.document)
    kind = kind_of(act.document)
    text = canonical(told)
    size = len(text.encode())
    if size > MOST_BYTES:
        raise RefusedActError(f"the {kind} of {act.subject} has {size} bytes: at most {MOST_BYTES} are stored")
    entry = Entry.after(pilot.head, kind, act.subject, at, by, told)
    try:
        # What is written can be read back: also a document that this program made keeps to its form.
        pilot.follow([entry])
    except DocumentError as error:
        raise RefusedActError(str(error)) from error
    values = {name: getattr(entry, name) for name in ("number", "kind", "subject", "at", "by", "previous", "digest")}
    connection.execute(statement("ledger/append"), values | {"document": text})
    return entry


def _follow(connection: Connection, pilot: Pilot) -> int:
    head = pilot.head
    try:
        found = iter(_entries(connection, 0 if head is None else head.number))
        if head is not None:
            last = next(found, None)
            if last is None or last.digest != head.digest:
                _start_again(pilot)
                pilot.gone = max(filter(None, (pilot.gone, (head.number, head.digest))))
                found = _entries(connection, 0)
        return pilot.follow(found)
    except (ChainError, DocumentError, KeyError, ValueError) as error:
        _start_again(pilot)
        raise LedgerError(f"the ledger of the pilot cannot be read: {error}") from error


def _entries(connection: Connection, after: int) -> Iterator[Entry]:
    """The entry of that number, without its document, and all that follow."""
    for row in connection.execute(statement("ledger/entries_after"), {"after": after}):
        yield _entry(row)


def _entry(row: Sequence[Any]) -> Entry:
    number, kind, subject, at, by, document, previous, digest = row
    read = {} if document is None else json.loads(document)
    return Entry(number, kind, subject, at.astimezone(UTC), by, read, previous, digest)


def _start_again(pilot: Pilot) -> None:
    """Forget everything but what is gone."""
    fresh, gone = Pilot(), pilot.gone
    for name in Pilot.__slots__:
        setattr(pilot, name, getattr(fresh, name))
    pilot.gone = gone
