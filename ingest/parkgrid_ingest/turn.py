"""Which worker of a group acts where only one may: the first.

It writes births and status, and takes all telemetry where the broker does not share it.
It holds a lock of its database session, and so loses it with the session: at once when it dies, and, since the server
ends a session that says nothing, a few seconds after it was frozen or cut off. It believes that it is the first for a
shorter time than that without an answer of the server, so that two never believe it.
"""

import time
from collections.abc import Callable
from typing import Any

import psycopg
import structlog

_log = structlog.get_logger("ingest.turn")

TRUST_S = 5.0
"""How long an answer of the server is believed."""
SILENT_S = 10.0
"""After which the server ends a session that says nothing; twice the time that is believed, for a clock that drifts and
an answer that was long on its way."""


class Turn:
    """The lock of one group; without a group everybody is the first. `look` belongs to one thread, `first` to all."""

    def __init__(self, group: str, able: Callable[[], bool], taken: Callable[[], None]) -> None:
        self._group = group
        self._able = able
        self._taken = taken
        self._backend: int | None = None
        self._known_at = 0.0

    @property
    def first(self) -> bool:
        """Whether it is this one's turn."""
        return not self._group or (self._backend is not None and time.monotonic() - self._known_at < TRUST_S)

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """Take the lock where nobody has it, keep it, or leave it to somebody who can do the work."""
        if not self._group:
            return
        asked_at, backend = time.monotonic(), connection.info.backend_pid
        if not self._able():
            if self._backend is not None:
                self._backend = None
                connection.execute("SELECT pg_advisory_unlock_all()")
                _log.warning("first_left", remedy="none needed: another worker of the group is the first now")
            return
        if self._backend == backend:
            was_first = self.first
            connection.execute("SELECT 1")  # it answers, so it still has what it held
            self._known_at = asked_at
            if not was_first:
                self._taken()  # what came meanwhile, nobody has taken up
            return
        self._backend = None
        connection.execute("SELECT set_config('idle_session_timeout', %s, false)", (f"{SILENT_S:.0f}s",))
        lock = "SELECT pg_try_advisory_lock(hashtext('parkgrid.ingest.first'), hashtext(%s))"
        if connection.execute(lock, (self._group,)).fetchone() == (True,):
            self._backend, self._known_at = backend, asked_at
            _log.info("first")
            self._taken()

    def lost(self) -> None:
        """The session is gone, and the lock with it."""
        self._backend = None
