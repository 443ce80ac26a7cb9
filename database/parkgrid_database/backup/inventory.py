"""Reads what a database holds, inside a transaction that sees one state of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from parkgrid_database.backup import Tell
from parkgrid_database.backup.manifest import Head, Inventory, Role, Rows
from parkgrid_database.backup.snapshot import Snapshot
from parkgrid_database.backup.statements import STATEMENTS, Connection

_OF_RESTORES = ("public.parkgrid_restore", "base.vpp_restore")
"""Tables in which a restore itself writes: their rows are no part of what was backed up."""


def pin_names(connection: Connection) -> None:
    """From here on every name is written with its schema, whatever the login's own search_path says."""
    connection.execute("SELECT set_config('search_path', '', false)")


def inventory(held: Snapshot, tell: Tell, *, password_hashes: bool = False, roles_too: Sequence[str] = ()) -> Inventory:
    """Everything that is compared. Counting reads every row once, so it tells how far it is.

    `roles_too`: roles to look for beside those that the database needs.
    """
    connection = held.connection
    pin_names(connection)
    return Inventory(
        migrations=tuple(_all(connection, "migrations")) if _all(connection, "has_migrations") == [(True,)] else (),
        tables=count(held, tell),
        objects=objects(connection),
        sequences=dict(_all(connection, "sequences")),
        timescale=timescale(connection),
        roles=roles(connection, roles_too, password_hashes=password_hashes),
        settings=tuple(
            setting
            for (setting,) in _all(connection, "database_settings")
            if not setting.startswith("timescaledb.restoring=")
        ),
        head=head(connection),
    )


def count(held: Snapshot, tell: Tell) -> Mapping[str, Rows]:
    """The rows of every table, counted."""
    wanted = [each for each in _all(held.connection, "relations") if each[2] and each[0] not in _OF_RESTORES]
    # A hypertable has its bytes in chunks, so that the number of tables counts as much as the bytes.
    each_at_least = max(sum(size for _, size, _, _ in wanted) / max(len(wanted), 1), 1.0)
    total, done = sum(size + each_at_least for _, size, _, _ in wanted) or 1, 0.0
    found: dict[str, Rows] = {}
    for name, size, _, dated in wanted:
        tell(f"counting {name}", done / total)
        found[name] = _rows(held, name, size, dated=dated)
        done += size + each_at_least
    tell("counted", 1.0)
    return found


def _rows(held: Snapshot, name: str, size: int, *, dated: bool) -> Rows:
    # The name comes from the server's catalogue, with the server's own quoting.
    span = "min(at)::text, max(at)::text" if dated else "NULL, NULL"
    row = held.row(f"SELECT count(*), {span} FROM {name}")  # noqa: S608
    rows, first, last = row or (0, None, None)
    return Rows(rows, size, first, last)


def objects(connection: Connection) -> Mapping[tuple[str, str, str], str]:
    """Every table, key, constraint, index, trigger, view, routine, owner and right."""
    return {(kind, on, name): definition for kind, on, name, definition in _all(connection, "objects")}


def timescale(connection: Connection) -> tuple[tuple[str, str, str], ...]:
    """What TimescaleDB knows of hypertables, aggregates and policies; empty without it."""
    if "timescaledb" not in extensions(connection):
        return ()
    return tuple(_all(connection, "timescale"))


def extensions(connection: Connection) -> Mapping[str, str]:
    """Extensions of the database with their versions."""
    return dict(_all(connection, "extensions"))


def roles(connection: Connection, too: Sequence[str], *, password_hashes: bool) -> tuple[Role, ...]:
    """The roles that the database needs, and others that are asked for."""
    found = connection.execute(STATEMENTS["roles"], {"names": list(too)}).fetchall()
    hashes: Mapping[str, str] = {}
    if password_hashes:
        names = [name for name, superuser, *_ in found if not superuser]
        hashes = dict(connection.execute(STATEMENTS["password_hashes"], (names,)).fetchall())
    return tuple(
        Role(name, superuser, login, inherit, limit, tuple(settings), tuple(groups), hashes.get(name))
        for name, superuser, login, inherit, limit, settings, groups in found
    )


def head(connection: Connection) -> Head | None:
    """The newest entry of the pilot's ledger."""
    if _all(connection, "has_chain") != [(True,)]:
        return None
    row = connection.execute(STATEMENTS["chain"]).fetchone()
    return Head(*row) if row else None


def _all(connection: Connection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(STATEMENTS[name]).fetchall()
