"""One connection of a store: opened when needed, used by one thread at a time, its errors told in the store's words."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from parkgrid_database.errors import translated
from parkgrid_ingest.store import dirty
from parkgrid_ingest.store.settings import StoreSettings

_PREPARED = 300
"""Statements that a session keeps: of each class some for roll-ups of every level, for readings and for single ones."""


class Session:
    """A connection that comes back after a failure; `run` lends it to one thread at a time."""

    def __init__(self, dsn: str, settings: StoreSettings, purpose: str) -> None:
        self._dsn = dsn
        self._settings = settings
        self._purpose = purpose
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def run(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend the connection (autocommit); one that failed is thrown away, so no state of it survives."""
        with self._lock, translated():
            if self._connection is None or self._connection.closed:
                self._connection = self._connect()
            try:
                yield self._connection
            except psycopg.OperationalError:
                self._discard()
                raise

    @property
    def busy(self) -> bool:
        """Whether it is lent at this moment."""
        return self._lock.locked()

    @property
    def connected(self) -> bool:
        """Whether there is a connection whose cached knowledge still holds."""
        return self._connection is not None and not self._connection.closed

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._discard()

    def _discard(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self) -> psycopg.Connection[Any]:
        settings = self._settings
        connection = psycopg.connect(
            self._dsn,
            autocommit=True,
            connect_timeout=settings.connect_timeout_s,
            application_name=f"parkgrid ingest {self._purpose}",
            # A peer that vanished without a word is noticed within about half a minute.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
        dirty.adapt(connection)
        connection.prepared_max = _PREPARED
        frozen_ms, lock_ms, statement_ms = (
            round(seconds * 1000)
            for seconds in (settings.frozen_writer_s, settings.lock_timeout_s, settings.statement_timeout_s)
        )
        connection.execute(
            "SELECT set_config('idle_in_transaction_session_timeout', %s, false),"
            " set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false),"
            " set_config('timezone', 'UTC', false), set_config('client_min_messages', 'warning', false),"
            " set_config('jit', 'off', false)",
            (str(frozen_ms), str(lock_ms), str(statement_ms)),
        )
        if self._purpose == "maintenance":
            # The log is written in order: a crash takes a whole end of it, so no note is removed before its work.
            connection.execute("SET synchronous_commit = off")
        return connection
