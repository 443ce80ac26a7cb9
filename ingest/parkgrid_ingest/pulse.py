"""Ingest's sign of life: once a second it tells on a channel of the database how it stands with broker and store.

It is heard by whoever listens (the api, and through it the page), and kept nowhere: a figure that nobody repeats is
known to be old. A thread and a session of its own, so that a long commit is no silence. With the same session a worker
of a group learns whether it is the first of it (`turn`).
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from parkgrid_database.errors import StoreError
from parkgrid_ingest.store.connection import Session
from parkgrid_ingest.store.settings import StoreSettings
from parkgrid_ingest.turn import Turn

_log = structlog.get_logger("ingest.pulse")

CHANNEL = "parkgrid_ingest"
EVERY_S = 1.0
_AFTER_FAILURE_S = 2.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How ingest stands: whether the broker is reached, and what keeps readings from being stored."""

    broker: bool
    store: str = ""
    """`disk_full`, `unavailable`, or empty while readings are stored."""

    def payload(self, worker: str, changed_ms: int) -> str:
        """What goes over the channel; `since_ms` is when it began to stand like this, by this machine's clock."""
        told = {"worker": worker, "broker": self.broker, "store": self.store, "since_ms": changed_ms}
        return json.dumps(told)


class Pulse:
    """Tells the standing until it is stopped; a database that does not answer is tried again, and said once."""

    def __init__(
        self, dsn: str, settings: StoreSettings, standing: Callable[[], Standing], worker: str, turn: Turn
    ) -> None:
        self._session = Session(dsn, settings, "pulse")
        self._standing = standing
        self._worker = worker
        self._turn = turn
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest-pulse", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def stop(self) -> None:
        """Stop telling: whoever listens hears of it by the silence."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        before: Standing | None = None
        changed_ms = 0
        failed = False
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            now = self._standing()
            if now != before:
                before, changed_ms = now, time.time_ns() // 1_000_000
            try:
                with self._session.run() as connection:
                    self._turn.look(connection)
                    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, now.payload(self._worker, changed_ms)))
            except StoreError as error:
                self._turn.lost()
                if not failed:
                    _log.warning("pulse_failed", error=str(error))
                failed, pause_s = True, _AFTER_FAILURE_S
            else:
                failed, pause_s = False, EVERY_S
        self._session.close()
