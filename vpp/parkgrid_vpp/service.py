"""The pilot as a process: it follows the ledger and takes the steps of each event that are due, and sleeps in between.

An event whose step fails is logged and named in a metric, waits a while and is tried again; the others go on.
"""

import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import psycopg
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from parkgrid_contract.crash import crash_point
from parkgrid_contract.time import Clock, SystemClock, from_ms
from parkgrid_database import connection as connections
from parkgrid_database.connection import Connection
from parkgrid_database.errors import SetupError, StoreError, translated
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp import ledger_copy
from parkgrid_vpp.closed import Lacking, closed, note
from parkgrid_vpp.errors import ClosedLedgerError, IssuedError, LedgerError, PilotError
from parkgrid_vpp.forecast import issue
from parkgrid_vpp.issued import Issued, given_up_in
from parkgrid_vpp.kept_capability import keep
from parkgrid_vpp.ledger import follow, remember
from parkgrid_vpp.ledger_copy import Copy
from parkgrid_vpp.settings import DatabaseSettings, VppSettings
from parkgrid_vpp.statements import statement
from parkgrid_vpp.steps import Steps, Waits

_log = structlog.get_logger("vpp.service")
_BACK_OFF_FIRST_S = 0.2
_BACK_OFF_MOST_S = 5.0
_FORECAST, _CAPABILITY, _LOOK_AGAIN_S = "(forecast)", "(capability)", 60.0
_T = TypeVar("_T")
_MOST_STEPS = 20
"""Of one event in one look: more than a course has, so that one event never keeps the others waiting."""


@dataclass(slots=True)
class Metrics:
    """What the process tells Prometheus, in a registry of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    steps: Counter = field(init=False)
    failures: Counter = field(init=False)
    failing: Gauge = field(init=False)
    entries: Gauge = field(init=False)
    lacking: Gauge = field(init=False)
    closed: Gauge = field(init=False)

    def __post_init__(self) -> None:
        """Register every metric."""
        name, registry = "parkgrid_vpp_", self.registry
        self.steps = Counter(f"{name}steps", "Steps of events, by what they came to", ["state"], registry=registry)
        self.failures = Counter(f"{name}failures", "Steps and looks that failed", ["kind"], registry=registry)
        self.failing = Gauge(f"{name}failing", "1 while the step of an event fails", ["event"], registry=registry)
        self.entries = Gauge(f"{name}ledger_entries", "Number of the last entry of the ledger", registry=registry)
        self.closed = Gauge(f"{name}ledger_closed", "1 while the ledger takes no entry", registry=registry)
        self.lacking = Gauge(
            f"{name}ledger_lacking", "Newest issued entry that the ledger does not hold; 0: none", registry=registry
        )


class Service:
    """Everything of one process. `run` blocks until `stop` is set."""

    def __init__(self, settings: VppSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._waits = Waits(
            timedelta(hours=settings.longest_wait_h),
            timedelta(days=settings.close_after_days),
            timedelta(minutes=settings.between_revisions_min),
        )
        self._again: dict[str, float] = {}
        """By event, the monotonic second before which its step is not taken."""
        self._failing: set[str] = set()
        self._closed = ""
        """Why the ledger takes no entry, as it was told last."""
        self.metrics = Metrics()
        self.stop = threading.Event()

    def run(self) -> None:
        """Take steps until told to stop. Raises `SetupError` when the database is not what it should be."""
        server = None
        pause_s = _BACK_OFF_FIRST_S
        try:
            while not self.stop.is_set():
                try:
                    with translated(), closing(connect(self._settings.database)) as connection:
                        server = server or self._serve_metrics()
                        pause_s = _BACK_OFF_FIRST_S
                        self._serve(connection)
                except SetupError:
                    raise
                except (StoreError, LedgerError) as error:
                    self.metrics.failures.labels(type(error).__name__).inc()
                    _log.warning("cannot_go_on", error=str(error), retry_s=round(pause_s, 1))
                    self.stop.wait(pause_s)
                    pause_s = min(pause_s * 2, _BACK_OFF_MOST_S)
        finally:
            if server:
                server.shutdown()
                server.server_close()
        _log.info("stopped")

    def _serve(self, connection: Connection) -> None:
        _log.info("started", clock=self._settings.clock)
        # Whatever went wrong before: pilot and ledger begin anew with each connection.
        pilot = Pilot()
        steps = Steps(connection, pilot, self._waits)
        folder = self._settings.issued
        outside = None if folder is None else (Issued(folder), Copy(folder))
        while not self.stop.is_set():
            self.look(connection, pilot, steps, outside)
            self.stop.wait(self._settings.look_every_s)

    def look(
        self, connection: Connection, pilot: Pilot, steps: Steps, outside: tuple[Issued, Copy] | None = None
    ) -> None:
        """Follow the ledger and take every step that is due; none while the ledger is closed."""
        if follow(connection, pilot):
            # A dispute that was decided is answered at once.
            self._again = {name: until for name, until in self._again.items() if name in self._failing}
        now = self._now(connection, pilot)
        is_open = self._open(connection, pilot, outside)
        for event_id in list(pilot.events):
            if now is not None and is_open:
                self._go_on(pilot, steps, event_id, now)
            if pilot.head is None:
                follow(connection, pilot)
        if now is not None and not self.stop.is_set():
            self._now_and_then(_FORECAST, "forecast", lambda: issue(connection, pilot, now), now)
            self._now_and_then(_CAPABILITY, "capability", lambda: keep(connection, pilot, now), now)
        self.metrics.entries.set(0 if pilot.head is None else pilot.head.number)
        if outside is not None and is_open:
            # Whoever asks the api sees what was just written: it counts as issued.
            self._compare(connection, *outside)

    def _open(self, connection: Connection, pilot: Pilot, outside: tuple[Issued, Copy] | None) -> bool:
        """Whether the ledger takes entries: it is compared with what was issued, and what is missing is noted."""
        remember(connection, pilot)
        refusal = self._compare(connection, *outside) if outside is not None else None
        state = closed(connection, pilot)
        if state is not None:
            refusal = state.error()
        told = str(refusal) if refusal is not None else ""
        if told != self._closed:
            self._closed = told
            if refusal is not None:
                zh = refusal.zh if isinstance(refusal, ClosedLedgerError) else ""
                _log.error("ledger_closed", why=getattr(refusal, "en", str(refusal)), why_zh=zh)
            else:
                _log.info("ledger_open", head=0 if pilot.head is None else pilot.head.number)
        self.metrics.closed.set(refusal is not None)
        self.metrics.lacking.set(state.issued.number if isinstance(state, Lacking) else 0)
        return refusal is None

    def _compare(self, connection: Connection, issued: Issued, copy: Copy) -> PilotError | None:
        """Note what was issued and is not in the store; why that cannot be known, if it cannot."""
        try:
            found = issued.compare(connection)
            for source, missing in found.items():
                note(connection, missing, source)
            if not found and (missing := copy.keep(connection, issued.chain, given_up_in(connection))):
                note(connection, missing, ledger_copy.NAME)
        except IssuedError as error:
            return error
        return None

    def _go_on(self, pilot: Pilot, steps: Steps, event_id: str, now: datetime) -> None:
        """Take the steps of one event until none is due."""
        for _ in range(_MOST_STEPS):
            book = pilot.events.get(event_id)
            if book is None or book.reached == "closed" or not book.alive or self.stop.is_set():
                return
            if time.monotonic() < self._again.get(event_id, 0.0) or not self._step(steps, event_id, now):
                return

    def _step(self, steps: Steps, event_id: str, now: datetime) -> bool:
        came_to = self._tried(event_id, lambda: steps.take(event_id, now))
        if came_to is None:
            return False
        if came_to:
            crash_point("vpp.stepped")
            self.metrics.steps.labels(came_to).inc()
            _log.info("step", of=event_id, state=came_to, at=now.isoformat())
            return True
        if steps.pilot.events[event_id].reached == "settled":
            self._again[event_id] = time.monotonic() + self._settings.revise_every_s
        return False

    def _now_and_then(self, of: str, told: str, take: Callable[[], int], now: datetime) -> None:
        """Compute what is due for all resources; a minute later is soon enough for the next look."""
        if time.monotonic() < self._again.get(of, 0.0):
            return
        count = self._tried(of, take)
        if count:
            _log.info(told, count=count, at=now.isoformat())
        if count is not None:
            self._again[of] = time.monotonic() + _LOOK_AGAIN_S

    def _tried(self, of: str, take: Callable[[], _T]) -> _T | None:
        """What came of something; None where it failed, which is told and tried again later."""
        try:
            found = take()
        except (StoreError, LedgerError, psycopg.OperationalError, psycopg.InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - one event must not keep the others from going on
            self._failed(of, error)
            return None
        if of in self._failing:
            self._failing.discard(of)
            self.metrics.failing.remove(of)
        return found

    def _failed(self, event_id: str, error: Exception) -> None:
        self._again[event_id] = time.monotonic() + self._settings.try_again_s
        self._failing.add(event_id)
        self.metrics.failing.labels(event_id).set(1)
        self.metrics.failures.labels(type(error).__name__).inc()
        trace = "" if isinstance(error, PilotError) else "".join(traceback.format_exception(error))
        _log.error("step_failed", of=event_id, error=str(error), retry_s=self._settings.try_again_s, trace=trace)

    def _now(self, connection: Connection, pilot: Pilot) -> datetime | None:
        """The time of the clock in the settings; None where no park of the pilot has data yet."""
        if self._settings.clock == "system":
            return from_ms(self._clock.now_ms())
        parks = sorted({each.park for each in pilot.resources.values()})
        row = connection.execute(statement("events/metered_to"), {"parks": parks}).fetchone()
        found: datetime | None = row[0] if row else None
        return found

    def _serve_metrics(self) -> Any:
        settings = self._settings.metrics
        if settings.port is None:
            return None
        server, _ = start_http_server(settings.port, settings.host, self.metrics.registry)
        return server


def connect(settings: DatabaseSettings) -> Connection:
    """The connection that the settings describe."""
    timeouts = settings.connect_timeout_s, settings.lock_timeout_s
    return connections.connect(settings.dsn, "parkgrid vpp", *timeouts)
