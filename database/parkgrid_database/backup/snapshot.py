"""One state of a database that the counts of a manifest and the dump share.

Every table is locked against removal and emptying *before* the snapshot is taken. TimescaleDB empties a chunk when it
moves it into the columnstore, and emptying is not seen by row versions: without the locks, a dump could hold neither
the rows of before nor those of after.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors

from parkgrid_database.backup.errors import BackupError
from parkgrid_database.backup.statements import STATEMENTS, Connection
from parkgrid_database.errors import translated

_ATTEMPTS = 5
_LOCKS_AT_ONCE = 100
_LOCK_PATIENCE = "60s"
_SINCE_17 = 170_000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of the database that stays visible as long as the connection's transaction is open."""

    connection: Connection
    """Of the catalogues: it holds the locks of all tables, and takes none of their indexes."""
    counting: Connection
    """Of the rows, each table in a transaction of its own, so that locks of indexes do not add up."""
    name: str
    """Empty: a closed database, in which nobody writes."""
    sizes: dict[str, int]
    """Bytes of every table."""

    def row(self, query: str) -> tuple[Any, ...] | None:
        """The first row of a query, in this state."""
        with self.counting.transaction():
            if self.name:
                self.counting.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                self.counting.execute(f"SET TRANSACTION SNAPSHOT '{self.name}'")
            self.counting.execute("SET LOCAL statement_timeout = 0")
            return self.counting.execute(query).fetchone()


@contextmanager
def snapshot(dsn: str) -> Iterator[Snapshot]:
    """Lock every table as a reader does and hold one state. Raises `BackupError`, `StoreError`."""
    with translated(), _connected(dsn) as one, _connected(dsn) as counting:
        one.autocommit = False
        for _ in range(_ATTEMPTS):
            found = _held(one, counting)
            if found is not None:
                yield found
                one.rollback()
                return
            one.rollback()
        raise BackupError("tables were made or removed at each of five attempts: try again when the store is quieter")


@contextmanager
def closed(dsn: str) -> Iterator[Snapshot]:
    """A database in which nobody writes, as it is: no lock outlasts its query."""
    with translated(), _connected(dsn) as one:
        yield Snapshot(one, one, "", {row[0]: row[1] for row in one.execute(STATEMENTS["relations"])})


def _connected(dsn: str) -> Connection:
    """A dead peer is noticed within 25 s. Instants are written alike, whatever the server's or the login's settings."""
    connection = psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=10,
        application_name="parkgrid backup",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )
    for setting, value in (("timezone", "UTC"), ("datestyle", "ISO, YMD"), ("intervalstyle", "postgres")):
        connection.execute("SELECT set_config(%s, %s, false)", (setting, value))
    return connection


def _held(connection: Connection, counting: Connection) -> Snapshot | None:
    """A state with all its tables locked; None when tables came or went meanwhile."""
    names = [row[0] for row in connection.execute(STATEMENTS["relations"])]
    connection.rollback()
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    _be_patient(connection)
    try:
        for first in range(0, len(names), _LOCKS_AT_ONCE):
            # Names of the server's catalogue, with the server's own quoting. No snapshot is taken by a lock.
            connection.execute(f"LOCK TABLE {', '.join(names[first : first + _LOCKS_AT_ONCE])} IN ACCESS SHARE MODE")
        sizes = {row[0]: row[1] for row in connection.execute(STATEMENTS["relations"])}
    except errors.UndefinedTable:
        return None
    except errors.LockNotAvailable as error:
        raise BackupError(
            f"a table was locked for {_LOCK_PATIENCE}, for example by a migration: try again afterwards ({error})"
        ) from error
    except errors.OutOfMemory as error:
        raise BackupError(
            f"the server has no room for the locks of {len(names)} tables: set max_locks_per_transaction to"
            f" {max(128, len(names) // 50)} in postgresql.conf and restart it"
        ) from error
    if sizes.keys() - set(names):
        return None
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return Snapshot(connection, counting, row[0] if row else "", sizes)


def _be_patient(connection: Connection) -> None:
    """Only locks have a deadline: counting and dumping take as long as they take. `SET` takes no snapshot."""
    connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_PATIENCE}'")
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    if connection.info.server_version >= _SINCE_17:
        connection.execute("SET LOCAL transaction_timeout = 0")
