"""Brings a database to the schema of this version: numbered SQL files, then what the catalogue of signals asks for.

    migrations/0001_registry.sql … ─▶ each once, in one transaction ─▶ catalogue: what is missing is added ─▶ rights

A file is `NNNN_name.sql`, or `NNNN_name.<variant>.sql` where the stores differ. A file whose first line is
`-- parkgrid: no transaction` holds statements that PostgreSQL refuses inside one; they are separated by lines
`-- next`, must be repeatable, and are noted one by one, so that a killed run goes on where it stopped.

After the last one everything belongs to `parkgrid_owner`, and each role has its rights (`parkgrid_database.roles`).
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, cast

import psycopg

from parkgrid_database import StoreKind, catalogue, roles
from parkgrid_database.backup import fence
from parkgrid_database.errors import SetupError, translated
from parkgrid_database.offer import offered
from parkgrid_database.sql_files import named_statements

_STATEMENTS = named_statements("parkgrid_database", "migrate")
_NAME = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)(?:\.(?P<variant>postgres|timescale))?\.sql")
_NO_TRANSACTION = "-- parkgrid: no transaction\n"
_NEXT = re.compile(r"^-- next\n", re.MULTILINE)
_LOCK = 0x7061726B67726964  # "parkgrid" in ASCII: one migration at a time on one database
_OLDEST_SERVER = 150_000


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file."""

    version: str
    name: str
    variant: str
    """The store it is for; empty when it is for both."""
    text: str

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.version}_{self.name}{'.' if self.variant else ''}{self.variant}.sql"

    @property
    def checksum(self) -> str:
        """SHA-256 of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """What is executed at once: the whole file, or one statement after the other."""
        return _NEXT.split(self.text) if self.text.startswith(_NO_TRANSACTION) else [self.text]


@dataclass(frozen=True, slots=True)
class MigrationState:
    """Where a migration stands in one database."""

    version: str
    name: str
    state: str
    """applied, pending, unfinished, edited, or unknown (applied by a newer version)."""
    applied_at: str = ""


def migrate(dsn: str, directory: Path | None = None) -> list[str]:
    """Apply what is missing; gives the files that were applied and the relations that the catalogue added or widened.

    Raises `SetupError`, `StoreUnavailableError`.
    """
    with _locked(dsn) as connection:
        _refuse_unfinished_restore(connection)
        _refuse_older(connection)
        _prepare(connection)
        roles.create(connection)
        kind = _kind(connection)
        noted = _noted(connection)
        wanted = _wanted(directory, kind)
        _refuse_strangers(wanted, noted)
        missing = [each for each in wanted if not (each.version in noted and noted[each.version][2])]
        for migration in missing:
            _apply(connection, migration, kind, noted[migration.version][3] if migration.version in noted else 0)
        followed = catalogue.follow(connection, kind) if directory is None else []
        roles.secure(connection, changed=bool(missing or followed))
        return [*(migration.file for migration in missing), *followed]


def status(dsn: str, directory: Path | None = None) -> list[MigrationState]:
    """Every migration of this version and where it stands; changes nothing.

    Raises `SetupError`, `StoreUnavailableError`.
    """
    with _reading(dsn) as connection:
        begun = _is_begun(connection)
        noted = _noted(connection) if begun else {}
        kind = _recorded_kind(connection) if begun else None
        wanted = {each.version: each for each in _wanted(directory, kind or offered(connection).kind)}
    states = []
    for version in sorted(wanted.keys() | noted.keys()):
        name = wanted[version].name if version in wanted else noted[version][0]
        applied_at = noted[version][4] if version in noted else ""
        states.append(MigrationState(version, name, _state(wanted.get(version), noted.get(version)), applied_at))
    return states


def drift(dsn: str) -> list[catalogue.Difference]:
    """Where a migrated database is not what the catalogue asks for; changes nothing.

    Raises `SetupError`, `StoreUnavailableError`.
    """
    with _reading(dsn) as connection:
        kind = _recorded_kind(connection) if _is_begun(connection) else None
        return catalogue.differences(connection, kind) if kind else []


@contextmanager
def _reading(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        _refuse_unfinished_restore(connection)
        _refuse_older(connection)
        yield connection


def _is_begun(connection: psycopg.Connection[Any]) -> bool:
    return connection.execute("SELECT to_regclass('base.schema_migration') IS NOT NULL").fetchone() == (True,)


def _refuse_older(connection: psycopg.Connection[Any]) -> None:
    """Leave a database of the schema before 0.1.0 as it is, and say how to go on from there."""
    if connection.execute(_STATEMENTS["is_older"]).fetchone() == (True,):
        raise SetupError(
            "this database has the schema of a development version before 0.1.0, which this version does not convert; "
            "nothing in it was changed. Go on with an empty database or another folder, or with the version that made "
            "it"
        )


def _refuse_unfinished_restore(connection: psycopg.Connection[Any]) -> None:
    mark = fence.marked(connection)
    if mark:
        raise SetupError(mark.sentence)


_Noted = tuple[str, str, bool, int, str]
"""Name, checksum, complete, statements done, instant."""


def _state(wanted: Migration | None, noted: _Noted | None) -> str:
    if wanted is None:
        return "unknown"
    if noted is None:
        return "pending"
    if noted[1] != wanted.checksum:
        return "edited"
    return "applied" if noted[2] else "unfinished"


@contextmanager
def _locked(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        if connection.info.server_version < _OLDEST_SERVER:
            raise SetupError(f"PostgreSQL {connection.info.server_version // 10_000} is too old: use 15 or newer")
        # A notice would reach nobody here; what matters is in the error.
        connection.execute("SET client_min_messages = warning")
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        # A migration must not queue behind a long query and block everybody behind itself.
        connection.execute("SET lock_timeout = '30s'")
        yield connection


def _prepare(connection: psycopg.Connection[Any]) -> None:
    if not _is_begun(connection):
        with connection.transaction():
            connection.execute(_STATEMENTS["create_schema_migration"])


def _kind(connection: psycopg.Connection[Any]) -> StoreKind:
    """The store of this database; one that is not yet decided is decided by what the server offers, and prepared."""
    recorded = _recorded_kind(connection)
    if recorded is not None:
        return recorded
    offer = offered(connection)
    if offer.kind == "timescale":
        connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return offer.kind


def _recorded_kind(connection: psycopg.Connection[Any]) -> StoreKind | None:
    row = connection.execute(_STATEMENTS["recorded_kind"]).fetchone()
    return cast("StoreKind", row[0]) if row else None


def _noted(connection: psycopg.Connection[Any]) -> dict[str, _Noted]:
    rows = connection.execute(_STATEMENTS["noted_migrations"]).fetchall()
    return {version: (name, checksum, complete, done, at) for version, name, checksum, complete, done, at in rows}


def _wanted(directory: Path | None, kind: StoreKind) -> list[Migration]:
    """The files for one store, in order of their numbers."""
    found: dict[str, Migration] = {}
    files = (directory or resources.files(__package__) / "migrations").iterdir()
    for file in files:
        match = _NAME.fullmatch(file.name)
        if match is None or match["variant"] not in (None, kind):
            continue
        version = match["version"]
        if version in found:
            raise SetupError(f"{file.name}: number {version} is taken by {found[version].file}: use the next free one")
        text = file.read_text("utf-8").replace("\r\n", "\n")
        found[version] = Migration(version, match["name"], match["variant"] or "", text)
    return [found[version] for version in sorted(found)]


def _refuse_strangers(wanted: list[Migration], noted: dict[str, _Noted]) -> None:
    """Refuse edited files; a database that is ahead of this version stays usable, since migrations only add."""
    for migration in wanted:
        if migration.version in noted and noted[migration.version][1] != migration.checksum:
            raise SetupError(
                f"{migration.file} was changed after it was applied to this database: "
                "restore the file as it was and put the change into a new migration with the next number"
            )


def _apply(connection: psycopg.Connection[Any], migration: Migration, kind: StoreKind, done: int) -> None:
    statements = migration.statements
    try:
        if len(statements) == 1 and not migration.text.startswith(_NO_TRANSACTION):
            with connection.transaction():
                _execute(connection, statements[0])
                _note(connection, migration, kind, 1, complete=True)
            return
        for number, text in enumerate(statements[done:], done + 1):
            _execute(connection, text)
            _note(connection, migration, kind, number, complete=number == len(statements))
    except psycopg.ProgrammingError as error:
        raise SetupError(f"{migration.file}: {error}".rstrip()) from error


def _execute(connection: psycopg.Connection[Any], text: str) -> None:
    # The text is a file of this package, never input.
    connection.execute(text)


def _note(
    connection: psycopg.Connection[Any], migration: Migration, kind: StoreKind, done: int, *, complete: bool
) -> None:
    values = (migration.version, migration.name, kind, migration.checksum, done, complete)
    connection.execute(_STATEMENTS["note_migration"], values)
