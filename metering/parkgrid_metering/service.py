"""Metering as a process: it sleeps until maintenance passes news on, runs rounds, and sleeps again."""

import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from parkgrid_contract.time import Clock, SystemClock
from parkgrid_database import connection as connections
from parkgrid_database.connection import Connection
from parkgrid_database.errors import SetupError, StoreError, translated
from parkgrid_metering.errors import FollowError
from parkgrid_metering.notes import dirty_parks
from parkgrid_metering.rounds import Report, run_round
from parkgrid_metering.settings import DatabaseSettings, MeteringSettings
from parkgrid_metering.statements import statement

_log = structlog.get_logger("metering.service")
_BACK_OFF_FIRST_S = 0.2
_BACK_OFF_MOST_S = 5.0
_LISTEN_S = 0.5
"""How long it listens without looking whether it is to stop."""
Follow = Callable[[Connection, Clock], None]
"""What is done after rounds that changed intervals. Raises `FollowError` for what must not stop metering."""
_SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(slots=True)
class Metrics:
    """What metering tells Prometheus, in a registry of its own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    intervals: Counter = field(init=False)
    readings: Counter = field(init=False)
    failures: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    pending: Gauge = field(init=False)
    set_aside: Counter = field(init=False)

    def __post_init__(self) -> None:
        """Register every metric."""
        name, registry = "parkgrid_metering_", self.registry
        self.intervals = Counter(
            f"{name}intervals", "Intervals written: inserted or changed", ["outcome"], registry=registry
        )
        self.readings = Counter(f"{name}readings", "Readings looked at", registry=registry)
        self.failures = Counter(
            f"{name}failures", "Rounds that failed, and what follows them", ["kind"], registry=registry
        )
        self.seconds = Histogram(f"{name}round_seconds", "Duration of a round", buckets=_SECONDS, registry=registry)
        self.set_aside = Counter(
            f"{name}set_aside", "Registers that could not be computed and are tried again later", registry=registry
        )
        self.pending = Gauge(f"{name}pending", "1 while another round is due at once", registry=registry)

    def count(self, report: Report, seconds: float) -> None:
        """Take up one round."""
        self.intervals.labels("inserted").inc(report.inserted)
        self.intervals.labels("changed").inc(report.changed)
        self.readings.inc(report.readings)
        self.seconds.observe(seconds)
        self.set_aside.inc(len(report.failures))


class Service:
    """Everything of one metering process. `run` blocks until `stop` is set."""

    def __init__(self, settings: MeteringSettings, follow: Follow, clock: Clock | None = None) -> None:
        self._settings = settings
        self._follow = follow
        self._clock = clock or SystemClock()
        self.metrics = Metrics()
        self.stop = threading.Event()

    def run(self) -> None:
        """Run rounds until told to stop. Raises `SetupError` when the database is not what it should be."""
        server = None
        pause_s = _BACK_OFF_FIRST_S
        try:
            while not self.stop.is_set():
                try:
                    with translated(), closing(connect(self._settings.database)) as connection:
                        pause_s = _BACK_OFF_FIRST_S
                        # Whoever waits for it waits for the database too.
                        server = server or self._serve_metrics()
                        self._serve(connection)
                except SetupError:
                    raise
                except StoreError as error:
                    self.metrics.failures.labels(type(error).__name__).inc()
                    _log.warning("store_unavailable", error=str(error), retry_s=round(pause_s, 1))
                    self.stop.wait(pause_s)
                    pause_s = min(pause_s * 2, _BACK_OFF_MOST_S)
                except Exception as error:  # noqa: BLE001 - the supervisor of this process: logs, counts, backs off
                    self.metrics.failures.labels(type(error).__name__).inc()
                    trace = "".join(traceback.format_exception(error))
                    _log.error("round_failed", error=str(error), retry_s=_BACK_OFF_MOST_S, trace=trace)
                    self.stop.wait(_BACK_OFF_MOST_S)
        finally:
            if server:
                server.shutdown()
                server.server_close()
        _log.info("stopped")

    def _serve(self, connection: Connection) -> None:
        _log.info("started")
        connection.execute("LISTEN parkgrid_energy_dirty")
        waits = _Waits(self._settings.look_every_s)
        # What changed before a former process ended may not have been followed yet.
        news, followed_s = True, time.monotonic()
        while not self.stop.is_set():
            report = self._pass(connection)
            news = news or bool(report.inserted or report.changed)
            self.metrics.pending.set(report.pending)
            # A park with work without end keeps the closed months of the others waiting no longer than this.
            due = not report.pending or time.monotonic() - followed_s >= self._settings.look_every_s
            if news and due:
                self._follow_up(connection)
                news, followed_s = False, time.monotonic()
            if not report.pending:
                waits.look(connection)
                self.stop.wait(self._settings.round_every_s)
                self._await_news(connection)

    def _pass(self, connection: Connection) -> Report:
        """One round for each park with something to do, until it is to stop."""
        total = Report()
        for park_id in dirty_parks(connection, self._clock.now_ms()):
            if self.stop.is_set():
                break
            began = time.monotonic()
            report = run_round(connection, park_id, self._clock.now_ms())
            if not report.elsewhere:
                self._tell(park_id, report, time.monotonic() - began)
            total += report
        return total

    def _tell(self, park_id: int, report: Report, seconds: float) -> None:
        if report.inserted or report.changed:
            counts = {"inserted": report.inserted, "changed": report.changed, "readings": report.readings}
            _log.info("round_done", **counts, park=park_id)
        for failure in report.failures:
            _log.error("register_set_aside", register=failure.register_id, reason=failure.reason)
        self.metrics.count(report, seconds)

    def _follow_up(self, connection: Connection) -> None:
        try:
            self._follow(connection, self._clock)
        except FollowError as error:
            self.metrics.failures.labels(type(error).__name__).inc()
            _log.error("not_followed", error=str(error))

    def _await_news(self, connection: Connection) -> None:
        """Until maintenance has news, it is time to look unasked, or it is to stop."""
        deadline = time.monotonic() + self._settings.look_every_s
        while not self.stop.is_set() and time.monotonic() < deadline:
            if any(True for _ in connection.notifies(timeout=_LISTEN_S, stop_after=1)):
                return

    def _serve_metrics(self) -> Any:
        settings = self._settings.metrics
        if settings.port is None:
            return None
        server, _ = start_http_server(settings.port, settings.host, self.metrics.registry)
        return server


class _Waits:
    """Says, once, that readings are stored which nobody passes on: that is the part of ingest, or of an import."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._oldest: int | None = None
        self._since_s = 0.0
        self._told = False

    def look(self, connection: Connection) -> None:
        """Compare the oldest note with that of the last look: one that stays has nobody who works it off."""
        count, oldest = connection.execute(statement("notes/rollups_waiting")).fetchone() or (0, None)
        if oldest is None or oldest != self._oldest:
            self._oldest, self._since_s, self._told = oldest, time.monotonic(), False
        elif not self._told and time.monotonic() - self._since_s >= self._patience_s:
            self._told = True
            remedy = "run `parkgrid ingest run`, or repeat the import: it completes them itself"
            _log.warning("waits_for_rollups", notes=count, remedy=remedy)


def connect(settings: DatabaseSettings) -> Connection:
    """The connection that the settings describe."""
    timeouts = settings.connect_timeout_s, settings.lock_timeout_s
    return connections.connect(settings.dsn, "parkgrid metering", *timeouts)
