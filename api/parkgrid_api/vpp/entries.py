"""Entries of the ledger as they stand in the database."""

import json
from collections.abc import Sequence
from typing import Any

from parkgrid_api import statements
from parkgrid_api.answers.vpp import EntryShape, EntryWhole
from parkgrid_contract.time import to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.ledger import Entry


def after(connection: Connection, number: int, most: int) -> list[EntryShape]:
    """What follows an entry, in order."""
    values = {"after": number, "limit": most}
    return [_entry(row) for row in connection.execute(statements.plain("vpp_entries"), values)]


def one(connection: Connection, number: int) -> EntryWhole | None:
    """One entry with its document."""
    row = connection.execute(statements.plain("vpp_entry"), {"number": number}).fetchone()
    return None if row is None else {**_entry(row), "document": json.loads(row[7])}


def of_event(connection: Connection, event: str, most: int, skip: int = 0) -> tuple[int, list[EntryShape]]:
    """How many entries are about an event, and the newest of them after some; 0 where so many are left out."""
    values = {"event": event, "limit": most, "skip": skip}
    rows = connection.execute(statements.plain("vpp_event_entries"), values).fetchall()
    return (rows[0][7] if rows else 0), [_entry(row) for row in rows]


def shape(of: Entry) -> EntryShape:
    """An entry that was just written."""
    return _entry((of.number, of.kind, of.subject, of.at, of.by, of.previous, of.digest))


def _entry(row: Sequence[Any]) -> EntryShape:
    number, kind, subject, at, by, previous, digest = row[:7]
    return {
        "number": number,
        "kind": kind,
        "subject": subject,
        "at_ms": to_ms(at),
        "by": by,
        "previous": previous,
        "digest": digest,
    }
