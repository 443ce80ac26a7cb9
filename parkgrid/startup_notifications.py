"""Once a second, notifies an open page of what `up` does before its parks are live (parkgrid_api/demonstration.py)."""

import contextlib
import json
import threading
from collections.abc import Sequence
from typing import Self

import psycopg

from parkgrid_api.demonstration import CHANNEL
from parkgrid_metering.catching_up import Progress

_EVERY_S = 1.0


class StartupNotifications:
    """A thread with a session of its own, so that notifications go on while something is computed; use `with`."""

    def __init__(self, dsn: str, parks: Sequence[str]) -> None:
        self._dsn = dsn
        self._parks = list(parks)
        self._share: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="startup-notifications", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=5.0)

    def with_progress(self, tell: Progress) -> Progress:
        """Pass a history's progress on, and keep it for the page."""

        def both(what: str, share: float) -> None:
            self._share = share
            tell(what, share)

        return both

    def history_complete(self) -> None:
        """The history is there; gateways start."""
        self._share = None

    def _payload(self) -> str:
        phase = "starting" if self._share is None else "history"
        return json.dumps({"phase": phase, "share": self._share, "parks": self._parks})

    def _run(self) -> None:
        while not self._stop.is_set():
            # A page without them shows old figures for a while: nothing that `up` should end for.
            with contextlib.suppress(psycopg.Error), psycopg.connect(self._dsn, autocommit=True) as connection:
                while not self._stop.wait(_EVERY_S):
                    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, self._payload()))
                # An empty one ends it at once.
                connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
            self._stop.wait(_EVERY_S)
