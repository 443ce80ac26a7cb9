"""A database that is being restored, or whose restore failed, is closed and says so: it never looks like a whole one.

Closed: no session but a superuser's, by a connection limit of zero, so that none of the services writes into it. And a
table `public.parkgrid_restore` tells since when, from which file, and what went wrong; `parkgrid db migrate`, `up` and
`db backup` refuse a database that has it.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from parkgrid_database.backup.errors import BackupError
from parkgrid_database.backup.statements import STATEMENTS, Connection
from parkgrid_database.errors import translated


@dataclass(frozen=True, slots=True)
class Mark:
    """What a closed database says of itself."""

    state: str
    backup: str
    begun_at: str
    connection_limit: int
    """What it had before."""

    @property
    def sentence(self) -> str:
        """Why the database must not be used, and the remedy."""
        return (
            f"this database is not a whole restore: {self.state} ({self.backup}, begun at {self.begun_at}). Drop it and"
            " restore into a new one; or correct what differs and open it with `parkgrid db verify FILE --dsn …`"
        )


def marked(connection: Connection) -> Mark | None:
    """What a closed database says; None for every other one."""
    if connection.execute(STATEMENTS["marker"]).fetchone() != (True,):
        return None
    row = connection.execute(STATEMENTS["marked"]).fetchone()
    return Mark(*row) if row else Mark("its restore was cut off", "unknown file", "an unknown instant", -1)


def refuse_unfinished(dsn: str) -> None:
    """Raises `BackupError` for a database whose restore is not complete."""
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        mark = marked(connection)
    if mark:
        raise BackupError(mark.sentence)


def close(connection: Connection, backup: str) -> None:
    """Mark a database and keep everybody out but superusers."""
    limit = connection.execute(STATEMENTS["connection_limit"]).fetchone() or (-1,)
    with connection.transaction():
        connection.execute(STATEMENTS["mark"])
        connection.execute(
            "INSERT INTO public.parkgrid_restore (state, backup, connection_limit) VALUES (%s, %s, %s)",
            ("it is being restored", backup, limit[0]),
        )
        _limit(connection, 0)


def tell(connection: Connection, state: str) -> None:
    """Write down how far it came."""
    connection.execute("UPDATE public.parkgrid_restore SET state = %s", (state,))


def hold_ledger(connection: Connection, backup: str) -> None:
    """The pilot's ledger takes no entry until somebody has compared it with what was issued after the backup."""
    if connection.execute(STATEMENTS["has_hold"]).fetchone() == (True,):
        connection.execute(STATEMENTS["hold_ledger"], (backup,))


def open_again(connection: Connection) -> None:
    """Let everybody in: the database is whole."""
    mark = marked(connection)
    with connection.transaction():
        _limit(connection, mark.connection_limit if mark else -1)
        connection.execute("DROP TABLE public.parkgrid_restore")


def _limit(connection: Connection, sessions: int) -> None:
    statement = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    connection.execute(statement.format(sql.Identifier(connection.info.dbname), sql.Literal(sessions)))
