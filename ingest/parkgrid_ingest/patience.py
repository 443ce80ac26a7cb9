"""Doing something with the store, again and again until it can: only content that it cannot take is an error."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from parkgrid_database.errors import ContentError, GaveUpError, RegistryChangedError, StoreError, StoreFullError
from parkgrid_ingest.metrics import Metrics

_log = structlog.get_logger("ingest.writer")
_T = TypeVar("_T")

_BACK_OFF_FIRST_S = 0.1
_BACK_OFF_MOST_S = 5.0
_GIVE_UP_TRIES = 2


class StoppedError(Exception):
    """The process is to end while the store does not answer: what is unacknowledged comes again."""


@dataclass(slots=True)
class Patience:
    """Waits for a store that fails. Belongs to the writer's thread."""

    metrics: Metrics
    stop: threading.Event
    failing: str = ""
    """What keeps it from storing at this moment: `disk_full`, `unavailable`, or nothing."""
    failing_since: float | None = None
    """Since when, by a monotonic clock."""

    def persist(self, action: Callable[[], _T]) -> _T:
        """Do something with the store, again and again until it can. Only content that it cannot take raises."""
        pause_s = _BACK_OFF_FIRST_S
        failed = False
        given_up = 0
        while True:
            try:
                result = action()
            except (ContentError, RegistryChangedError):
                self.failing, self.failing_since = "", None
                raise
            except GaveUpError as error:
                # The database is there: it is this that it cannot do, perhaps less of it.
                self.metrics.store_errors.labels(type(error).__name__).inc()
                given_up += 1
                if given_up >= _GIVE_UP_TRIES:
                    raise
            except StoreError as error:
                self.metrics.store_errors.labels(type(error).__name__).inc()
                if not failed:
                    _log.warning("store_unavailable", error=str(error), remedy="messages wait unacknowledged")
                failed = True
                self._fails(error)
                if self.stop.wait(pause_s * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter, not a secret
                    raise StoppedError from error
                pause_s = min(pause_s * 2, _BACK_OFF_MOST_S)
            else:
                self.failing, self.failing_since = "", None
                if failed:
                    _log.info("store_available")
                return result

    def _fails(self, error: StoreError) -> None:
        # What else fails on a full disk follows from it.
        full = isinstance(error, StoreFullError) or self.failing == "disk_full"
        self.failing = "disk_full" if full else "unavailable"
        if self.failing_since is None:
            self.failing_since = time.monotonic()
