"""The careful way in, for rows of which some are there already: staging, then insertion of what is new.

The first row of a key stays for ever. A second one that says the same is a repetition; one that says something else is
a conflict, recorded with both contents.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_ingest.sql import statement


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rows of one class."""

    stored: int = 0
    repeated: int = 0
    conflicting: int = 0


@dataclass(frozen=True, slots=True)
class _Statements:
    create: sql.Composed
    insert: sql.Composed
    conflicts: sql.Composed


def copy_statement(table: sql.Composable, columns: tuple[str, ...]) -> sql.Composed:
    """`COPY` into a table."""
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL(statement("copy_rows")).format(table=table, columns=listed)


def insert_carefully(
    connection: psycopg.Connection[Any],
    device_class: str,
    columns: tuple[str, ...],
    stream: bytes | memoryview,
    count: int,
    most: int,
) -> Outcome:
    """Store what is new of a COPY stream of `count` rows; note `most` conflicts. Runs in the caller's transaction."""
    prepared = _statements(device_class)
    connection.execute(prepared.create)
    with connection.cursor().copy(copy_statement(_staging(device_class), columns)) as copy:
        copy.write(stream)
    stored = connection.execute(prepared.insert).rowcount
    row = connection.execute(prepared.conflicts, {"most": most}).fetchone() if stored < count else None
    conflicting = row[0] if row else 0
    return Outcome(stored, count - stored - conflicting, conflicting)


def _staging(device_class: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"staging_{device_class}")


@cache
def _statements(device_class: str) -> _Statements:
    names = [signal.name for signal in CATALOGUE[device_class].signals]
    columns = ["park_id", "device_id", "at", "received_at", "epoch_id", "seq", "flags", "untrusted", *names]
    parts = {
        "table": sql.Identifier("base", device_class),
        "staging": _staging(device_class),
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "device_class": sql.Literal(device_class),
        "kept": _document("b", device_class),
        "refused": _document("s", device_class),
        "kept_columns": sql.SQL(", ").join(sql.Identifier("b", name) for name in ("flags", "untrusted", *names)),
        "refused_columns": sql.SQL(", ").join(sql.Identifier("s", name) for name in ("flags", "untrusted", *names)),
    }
    return _Statements(
        *(sql.SQL(statement(name)).format(**parts) for name in ("create_staging", "insert_staged", "note_conflicts"))
    )


def _document(alias: str, device_class: str) -> sql.Composed:
    """A row as JSON: the values that it has, in their units, its flags and what is not trusted."""
    pairs: list[sql.Composable] = []
    for signal in CATALOGUE[device_class].signals:
        value = sql.SQL("{} / {}::float8").format(sql.Identifier(alias, signal.name), sql.Literal(signal.per_unit))
        pairs += [sql.Literal(signal.name), value]
    for name in ("flags", "untrusted"):
        pairs += [sql.Literal(name), sql.Identifier(alias, name)]
    return sql.SQL("jsonb_strip_nulls(jsonb_build_object({}))").format(sql.SQL(", ").join(pairs))
