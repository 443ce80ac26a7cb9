"""Ingest as a process: the socket's thread, the writer, the maintenance of roll-ups, and an orderly end."""

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import structlog

from parkgrid_contract.time import Clock, SystemClock
from parkgrid_database.errors import StoreUnavailableError
from parkgrid_database.migrate import migrate
from parkgrid_ingest.consumer import Consumer
from parkgrid_ingest.inbox import Inbox
from parkgrid_ingest.metrics import Metrics
from parkgrid_ingest.patience import StoppedError
from parkgrid_ingest.pulse import Pulse, Standing
from parkgrid_ingest.registry import Registry
from parkgrid_ingest.settings import IngestSettings
from parkgrid_ingest.store import Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.turn import Turn
from parkgrid_ingest.writer import Writer

_log = structlog.get_logger("ingest.service")
_T = TypeVar("_T")

_BYTES_PER_VALUE = 28
"""What one value of a batch takes on the wire, about: how many bytes make a commit of `max_values`."""
_TAKE_S = 0.25
_BACK_OFF_FIRST_S = 0.2
_BACK_OFF_MOST_S = 5.0
_FAILURES_LOGGED_EVERY_S = 60.0
_AWAY_S = 5.0
"""So long without a broker, and another worker of the group takes its turn."""
_BREATH_MOST_S = 1.0
"""The transaction of a round stays open meanwhile, and an idle one is soon ended as frozen."""


class Service:
    """Everything of one ingest process. `run` blocks until `stop` is set."""

    def __init__(self, settings: IngestSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self.metrics = Metrics()
        self.inbox = Inbox(settings.commit.queue_messages, int(settings.commit.queue_mb * 1_000_000))
        self.turn = Turn(settings.mqtt.share, self._able, self._taken)
        self.consumer = Consumer(
            settings.mqtt, self.inbox, self._clock, first=lambda: self.turn.first, storing=lambda: self._storing
        )
        self.stop = threading.Event()
        self._writer: Writer | None = None
        self._registry_changed = threading.Event()
        self._change = 0

    def run(self) -> None:
        """Serve until told to stop. Raises `SetupError` when the database is not what it should be."""
        store = self._opened()
        if store is None:
            return
        server = self._serve_metrics()
        settings = self._settings.store
        pulse: Pulse | None = None
        maintenance = threading.Thread(target=self._maintain, args=(store,), name="ingest-maintenance", daemon=True)
        try:
            registry = Registry(store, self._settings.admission, self._settings.quota)
            change = self._until_available(store.registry_change)
            if self._until_available(registry.load) is None and self.stop.is_set():
                return
            self._change = change or 0
            group = bool(self._settings.mqtt.share)
            writer = self._writer = Writer(
                store, registry, self.consumer, self.metrics, self.stop, group, lambda: self.turn.first
            )
            name = self._settings.mqtt.name
            pulse = Pulse(
                settings.dsn, settings, lambda: Standing(self.consumer.connected, writer.failing), name, self.turn
            )
            maintenance.start()
            # Whose turn it is, is mostly known before the first birth comes.
            pulse.start()
            self.consumer.start()
            self._write(writer)
        finally:
            self.stop.set()
            if pulse:
                pulse.stop()
            self.consumer.stop()
            if maintenance.is_alive():
                maintenance.join(timeout=10.0)
            store.close()
            if server:
                server.shutdown()
                server.server_close()
        _log.info("stopped")

    def _write(self, writer: Writer) -> None:
        commit = self._settings.commit
        max_bytes = commit.max_values * _BYTES_PER_VALUE
        linger_s = commit.max_wait_ms / 1_000
        _log.info("started", store=writer.store.kind)
        while not self.stop.is_set():
            messages = self.inbox.take(max_bytes, _TAKE_S, linger_s)
            self._observe()
            writer.note_left_out(self.consumer.left_out())
            try:
                if self._registry_changed.is_set():
                    self._registry_changed.clear()
                    writer.reload()
                if messages or writer.waits:
                    writer.process(messages)
                writer.look_again()
            except StoppedError:
                return

    @property
    def _storing(self) -> bool:
        return self._writer is None or self._writer.storing

    def _able(self) -> bool:
        """Whether this worker of a group can do what only one does."""
        return self._storing and self.consumer.away_s < _AWAY_S and not self.stop.is_set()

    def _taken(self) -> None:
        """It is this worker's turn now: what the one before it did not do is done, from what the broker has kept."""
        if self.consumer.away_s == 0:
            self._registry_changed.set()

    def _look_at_registry(self, store: Store) -> None:
        """Notice that an operator has retired, removed or readmitted a gateway, or that the database was replaced."""
        change = store.registry_change()
        if change != self._change:
            self._change = change
            self._registry_changed.set()

    def _observe(self) -> None:
        self.metrics.queue_messages.set(self.inbox.messages)
        self.metrics.queue_bytes.set(self.inbox.bytes)
        self.metrics.connected.set(self.consumer.connected)
        self.metrics.shared.set(self.consumer.shared)
        self.metrics.first.set(self.turn.first)
        self.metrics.reconnects.set(self.consumer.reconnects)
        self.metrics.paused_seconds.set(self.consumer.paused_s)

    def _opened(self) -> Store | None:
        """The store, waited for; None when told to stop meanwhile."""
        settings = self._settings.store
        if settings.migrate and self._until_available(lambda: migrate(settings.dsn)) is None:
            return None
        return self._until_available(lambda: open_store(settings.dsn, settings))

    def _serve_metrics(self) -> Any:
        settings = self._settings.metrics
        return self.metrics.serve(settings.host, settings.port) if settings.port else None

    def _until_available(self, action: Callable[[], _T]) -> _T | None:
        """The result of something that needs the database; None when told to stop before it could be had."""
        pause_s = _BACK_OFF_FIRST_S
        while not self.stop.is_set():
            try:
                return action()
            except StoreUnavailableError as error:
                _log.warning("store_unavailable", error=str(error), retry_s=round(pause_s, 1))
                self.stop.wait(pause_s)
                pause_s = min(pause_s * 2, _BACK_OFF_MOST_S)
        return None

    def _maintain(self, store: Store) -> None:
        """The maintenance thread: roll-ups, partitions, retention; a failure is logged, counted and tried again."""
        pause_s = self._settings.store.maintain_every_s
        failing_since = 0.0
        wait_s = 0.0
        while not self.stop.wait(wait_s):
            started = time.monotonic()
            try:
                self._look_at_registry(store)
                report = store.maintain(self._clock.now_ms(), self._throttle)
            except Exception as error:  # noqa: BLE001 - the supervisor of this thread: logs, counts, backs off
                self.metrics.store_errors.labels(type(error).__name__).inc()
                if started - failing_since > _FAILURES_LOGGED_EVERY_S or not failing_since:
                    _log.warning("maintenance_failed", kind=type(error).__name__, error=str(error))
                    failing_since = started
                wait_s = min(_BACK_OFF_MOST_S, max(pause_s, wait_s * 2))
                continue
            failing_since = 0.0
            seconds = time.monotonic() - started
            self.metrics.maintenance_seconds.observe(seconds)
            self.metrics.rolled_buckets.inc(report.buckets)
            self.metrics.rollups_pending.set(report.pending)
            wait_s = 0.01 if report.pending else pause_s

    def _throttle(self, worked_s: float) -> None:
        """Raw rows go first: roll-ups may take a fifth of the time, in slices, never all of it."""
        self.stop.wait(min(4 * worked_s, _BREATH_MOST_S))
