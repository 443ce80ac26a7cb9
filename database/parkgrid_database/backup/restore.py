"""Restores a backup into an empty database and compares what is there with the manifest.

While that goes on, and after any failure, the database is closed and marked (`fence`): it is opened only when nothing
differs.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from parkgrid_database import roles
from parkgrid_database.backup import Tell, archive, fence, target, tools
from parkgrid_database.backup.comparison import differences
from parkgrid_database.backup.dump import Programs, part
from parkgrid_database.backup.errors import BackupError
from parkgrid_database.backup.inventory import inventory
from parkgrid_database.backup.manifest import Manifest
from parkgrid_database.backup.snapshot import closed, snapshot
from parkgrid_database.backup.statements import Connection
from parkgrid_database.errors import translated

_CHECKED, _LOADED, _ANALYSED, _COMPARED = 0.05, 0.80, 0.85, 1.0
_MOST_JOBS = 4
_OWN = re.compile(r" ACL pg_catalog ")


@dataclass(frozen=True, slots=True)
class Restored:
    """How a restore ended."""

    manifest: Manifest
    made_roles: tuple[str, ...]
    differences: tuple[str, ...]
    """Empty: the database is whole and open. Otherwise it stays closed."""
    folder: Mapping[str, bytes]
    """Files of the folder of `parkgrid up` that were in the backup."""

    @property
    def without_password(self) -> tuple[str, ...]:
        """Logins that were made and cannot be used until they get a password."""
        return tuple(
            role.name
            for role in self.manifest.inventory.roles
            if role.name in self.made_roles and role.login and role.connection_limit and not role.password_hash
        )


def restore(dsn: str, file: Path, programs: Programs, tell: Tell, jobs: int | None = None) -> Restored:
    """Restore and verify. Raises `BackupError`, `StoreError`; differences are no error but an answer."""
    manifest, folder = archive.check(file, part(tell, 0, _CHECKED))
    with _connected(dsn) as connection:
        target.refuse_unfit(connection, manifest)
        fence.close(connection, file.name)
        with _noting_failure(connection):
            made = target.make_roles(connection, manifest.inventory.roles)
            _load(connection, dsn, file, manifest, programs, part(tell, _CHECKED, _LOADED), jobs)
            target.set_database(connection, manifest.inventory.settings)
            tell("collecting statistics", _LOADED)
            # The names of the session's start: TimescaleDB had none of its own then.
            with _connected(dsn) as fresh:
                if manifest.inventory.migrations and roles.exist(fresh):
                    roles.close_database(fresh)
                fresh.execute("ANALYZE")
                if manifest.inventory.head:
                    fence.hold_ledger(fresh, file.name)
            found = _compare(dsn, manifest, part(tell, _ANALYSED, _COMPARED))
        _conclude(connection, found)
    return Restored(manifest, tuple(made), tuple(found), folder)


def verify(dsn: str, file: Path, tell: Tell) -> tuple[Manifest, list[str]]:
    """Compare a database with a backup; one that a restore left closed is opened when nothing differs."""
    manifest, _ = archive.check(file, part(tell, 0, _CHECKED))
    found = _compare(dsn, manifest, part(tell, _CHECKED, 1))
    with _connected(dsn) as connection:
        if fence.marked(connection):
            _conclude(connection, found)
    return manifest, found


def _conclude(connection: Connection, found: list[str]) -> None:
    if found:
        fence.tell(connection, f"{len(found)} differences from its backup were found")
    else:
        fence.open_again(connection)


def _load(
    connection: Connection, dsn: str, file: Path, manifest: Manifest, programs: Programs, tell: Tell, jobs: int | None
) -> None:
    timescale = target.TIMESCALE in manifest.extensions
    pg_restore = programs.folder / "pg_restore"
    share = _chunks_share(pg_restore, file) if timescale else _bytes_share(manifest)

    def look(heard: tools.Heard) -> None:
        tell(heard.step or "making tables", share(heard))

    # TimescaleDB's own catalogue must be complete before the rest.
    number = 1 if timescale else jobs or min(_MOST_JOBS, os.cpu_count() or 1)
    arguments = ["--format=custom", "--no-tablespaces", f"--jobs={number}", str(file)]
    with (
        target.stand_ins(connection, manifest),
        _timescale(dsn, manifest) if timescale else contextlib.nullcontext(),
        _left_out(connection, file, manifest, programs) as left_out,
    ):
        tools.run(pg_restore, [*left_out, *arguments], dsn, look)


def _bytes_share(manifest: Manifest) -> Callable[[tools.Heard], float]:
    """Which share of the bytes is in the tables that were begun."""
    tables = manifest.inventory.tables
    # Working in parallel, pg_restore says names without their schema.
    sizes = {name.rpartition(".")[2].replace('"', ""): each.bytes for name, each in tables.items()}
    total = sum(sizes.values()) or 1
    return lambda heard: sum(sizes.get(name.rpartition(".")[2], 0) for name in heard.tables) / total


def _chunks_share(pg_restore: Path, file: Path) -> Callable[[tools.Heard], float]:
    """Which share of the tables was begun: the manifest has no size of each chunk, and they are much alike."""
    total = sum(" TABLE DATA " in line for line in tools.contents(pg_restore, file)) or 1
    return lambda heard: len(heard.tables) / total


@contextmanager
def _left_out(connection: Connection, file: Path, manifest: Manifest, programs: Programs) -> Iterator[list[str]]:
    """Between major versions, no rights on the server's own functions: some of them have other arguments now.

    Those that parkgrid takes away are taken away again when the database is closed to everybody (`close_database`).
    """
    if connection.info.server_version // 10_000 == manifest.server_major:
        yield []
        return
    with tempfile.NamedTemporaryFile("w", prefix="parkgrid-", suffix=".list") as listed:
        listed.writelines(
            each for each in tools.contents(programs.folder / "pg_restore", file) if not _OWN.search(each)
        )
        listed.flush()
        yield [f"--use-list={listed.name}"]


@contextmanager
def _timescale(dsn: str, manifest: Manifest) -> Iterator[None]:
    """TimescaleDB's own steps: without them pg_restore makes no primary key of a hypertable, and goes on."""
    with _connected(dsn) as connection:
        # A version as it stands in the catalogue of the server, which offers it.
        version = manifest.extensions[target.TIMESCALE].replace("'", "")
        connection.execute(f"CREATE EXTENSION IF NOT EXISTS timescaledb VERSION '{version}'")
    with _connected(dsn) as connection:
        connection.execute("SELECT timescaledb_pre_restore()")
    yield
    with _connected(dsn) as connection:
        connection.execute("SELECT timescaledb_post_restore()")


def _compare(dsn: str, manifest: Manifest, tell: Tell) -> list[str]:
    with _quiet(dsn, manifest) as is_closed, (closed if is_closed else snapshot)(dsn) as held:
        now = inventory(held, tell, roles_too=[role.name for role in manifest.inventory.roles])
        same_major = held.connection.info.server_version // 10_000 == manifest.server_major
    return differences(manifest.inventory, now, same_major=same_major)


@contextmanager
def _quiet(dsn: str, manifest: Manifest) -> Iterator[bool]:
    """Whether the database is closed. Then TimescaleDB's policies wait, too: they move rows and remove chunks."""
    with _connected(dsn) as connection:
        is_closed = fence.marked(connection) is not None
        quiet = is_closed and target.TIMESCALE in manifest.extensions
        if quiet:
            connection.execute("SELECT _timescaledb_functions.stop_background_workers()")
        try:
            yield is_closed
        finally:
            if quiet:
                connection.execute("SELECT _timescaledb_functions.start_background_workers()")


@contextmanager
def _connected(dsn: str) -> Iterator[Connection]:
    with (
        translated(),
        psycopg.connect(dsn, autocommit=True, connect_timeout=10, application_name="parkgrid restore") as connection,
    ):
        connection.execute(
            "SELECT set_config('client_min_messages', 'error', false), set_config('statement_timeout', '0', false)"
        )
        yield connection


@contextmanager
def _noting_failure(connection: Connection) -> Iterator[None]:
    """What went wrong stands in the database itself; if it can be written no more, its first mark still says enough."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(psycopg.Error):
            fence.tell(connection, f"its restore failed: {str(error)[:500] or type(error).__name__}")
        if isinstance(error, BackupError):
            raise BackupError(f"{error}. The database stays closed: drop it and restore into a new one") from error
        raise
