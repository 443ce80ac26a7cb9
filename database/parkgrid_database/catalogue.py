"""Makes the tables and views of readings follow the catalogue of signals: what is missing is added, and nothing else.

    catalogue ─▶ tables, views that should be ─┬─ same ──────────────────────▶ nothing
    database  ─▶ tables, views that are ───────┴─ missing ─▶ CREATE, ADD COLUMN, noted with its digest
                                               └─ another type or key ───────▶ told, and refused

A column of a signal that this version does not know stays: a newer version has added it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from parkgrid_database import StoreKind
from parkgrid_database.errors import SetupError
from parkgrid_database.sql_files import named_statements
from parkgrid_database.telemetry import Table, View, all_tables, all_views

_STATEMENTS = named_statements("parkgrid_database", "catalogue")
_FULL_NAMES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "timestamptz": "timestamp with time zone",
    "jsonb": "jsonb",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a database is not what the catalogue asks for."""

    relation: str
    """With its schema."""
    text: str
    statements: tuple[str, ...] = ()
    """What would add what is missing; none where adding is not enough."""


@dataclass(slots=True)
class _Present:
    """What a database has."""

    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """Relation to its columns in their order, with their types."""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Table to the columns of its primary key."""


def follow(connection: psycopg.Connection[Any], kind: StoreKind) -> list[str]:
    """Add what is missing and give the relations that were made or got columns.

    One transaction a relation: a run that is stopped goes on where it was. Raises `SetupError` where a column or a key
    is another one than the catalogue asks for: no reading is stored in it.
    """
    found = differences(connection, kind)
    refused = [each for each in found if not each.statements]
    if refused:
        raise SetupError("; ".join(f"{each.relation}: {each.text}" for each in refused))
    for each in found:
        with connection.transaction():
            for text in each.statements:
                connection.execute(text)  # composed from the catalogue, never from input
                connection.execute(_STATEMENTS["note_step"], (each.relation, text, digest(text)))
    return [each.relation for each in found]


def differences(connection: psycopg.Connection[Any], kind: StoreKind) -> list[Difference]:
    """Compare the database with the catalogue; changes nothing."""
    present = _present(connection)
    return [
        *(each for table in all_tables() for each in _of_table(table, present, kind)),
        *(each for view in all_views() for each in _of_view(view, present)),
    ]


def digest(text: str) -> str:
    """SHA-256 of a statement."""
    return hashlib.sha256(text.encode()).hexdigest()


def _of_table(table: Table, present: _Present, kind: StoreKind) -> Iterator[Difference]:
    relation = f"base.{table.name}"
    columns = present.columns.get(relation)
    if columns is None:
        yield Difference(relation, "is missing", tuple(table.create(kind)))
        return
    for name, wanted in table.columns.items():
        if name in columns and columns[name] != _full_name(wanted):
            yield Difference(
                relation,
                f"column {name} is {columns[name]} and must be {_full_name(wanted)}: a migration has to change it",
            )
    if present.keys.get(relation) != table.key:
        there = ", ".join(present.keys.get(relation, ())) or "nothing"
        yield Difference(
            relation,
            f"the primary key is {there} and must be {', '.join(table.key)}: without it a reading is stored twice;"
            " see `parkgrid db verify`",
        )
    missing = [name for name in table.columns if name not in columns]
    if missing:
        yield Difference(relation, f"lacks {', '.join(missing)}", (table.add(missing),))


def _of_view(view: View, present: _Present) -> Iterator[Difference]:
    relation = f"public.{view.name}"
    columns = present.columns.get(relation)
    if columns is None:
        yield Difference(relation, "is missing", (view.create(list(view.columns)),))
        return
    missing = [name for name in view.columns if name not in columns]
    if not missing:
        return
    unknown = [name for name in columns if name not in view.columns]
    if unknown:
        yield Difference(
            relation,
            f"lacks {', '.join(missing)} and has {', '.join(unknown)}, which this version does not know:"
            " use a version that knows all of them",
        )
        return
    # Columns of a view can only be added at its end.
    yield Difference(relation, f"lacks {', '.join(missing)}", (view.create([*columns, *missing]),))


def _full_name(kind: str) -> str:
    return _FULL_NAMES[kind.partition(" ")[0]]


def _present(connection: psycopg.Connection[Any]) -> _Present:
    found = _Present()
    for relation, name, kind in connection.execute(_STATEMENTS["columns"]):
        found.columns.setdefault(relation, {})[name] = kind
    found.keys = {relation: tuple(columns) for relation, columns in connection.execute(_STATEMENTS["keys"])}
    return found
