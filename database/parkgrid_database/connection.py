"""What a connection to the database is called, and how a process that works in rounds opens its own."""

from typing import Any, TypeAlias

import psycopg

Connection: TypeAlias = psycopg.Connection[Any]
"""A synchronous connection, whatever its rows are."""


def connect(dsn: str, name: str, connect_timeout_s: int, lock_timeout_s: float) -> Connection:
    """A connection of a process (autocommit) under a name that the server shows; a dead peer is noticed within 25 s."""
    connection = psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=connect_timeout_s,
        application_name=name,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )
    connection.execute(
        "SELECT set_config('lock_timeout', %s, false), set_config('client_min_messages', 'warning', false)",
        (str(round(lock_timeout_s * 1000)),),
    )
    return connection
