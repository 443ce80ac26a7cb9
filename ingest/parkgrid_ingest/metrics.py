"""What ingest tells Prometheus."""

from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(slots=True)
class Metrics:
    """The counters of one process, in a registry of their own."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    batches: Counter = field(init=False)
    rows: Counter = field(init=False)
    values: Counter = field(init=False)
    refused: Counter = field(init=False)
    suppressed: Counter = field(init=False)
    deferred: Counter = field(init=False)
    senders: Counter = field(init=False)
    acks: Counter = field(init=False)
    births: Counter = field(init=False)
    store_errors: Counter = field(init=False)
    commit_seconds: Histogram = field(init=False)
    queue_messages: Gauge = field(init=False)
    queue_bytes: Gauge = field(init=False)
    connected: Gauge = field(init=False)
    shared: Gauge = field(init=False)
    first: Gauge = field(init=False)
    reconnects: Gauge = field(init=False)
    paused_seconds: Gauge = field(init=False)
    live_lag_seconds: Gauge = field(init=False)
    rolled_buckets: Counter = field(init=False)
    rollups_pending: Gauge = field(init=False)
    maintenance_seconds: Histogram = field(init=False)

    def __post_init__(self) -> None:
        """Register every metric."""
        self.batches = self._counter("batches", "Telemetry batches committed now or before")
        self.rows = self._counter("rows", "Rows by what became of them: stored, repeated, conflicting", "outcome")
        self.values = self._counter("values", "Values admitted")
        self.refused = self._counter("refused", "Refusals by reason", "reason")
        self.suppressed = self._counter("quarantine_suppressed", "Refusals counted without a separate row")
        self.deferred = self._counter("deferred", "Batches left to be sent again", "reason")
        self.senders = self._counter(
            "senders",
            "Messages refused or deferred, by their known gateway; of all others together",
            "park",
            "gateway",
            "fate",
        )
        self.acks = self._counter("acks", "Acknowledgements published")
        self.births = self._counter("births", "Births applied")
        self.store_errors = self._counter("store_errors", "Failures of the store", "kind")
        self.commit_seconds = self._histogram("commit_seconds", "Duration of a commit")
        self.queue_messages = self._gauge("queue_messages", "Messages that wait for the writer")
        self.queue_bytes = self._gauge("queue_bytes", "Bytes that wait for the writer")
        self.connected = self._gauge("connected", "1 while ingest is subscribed at the broker")
        self.shared = self._gauge("shared", "1 while this worker of a group takes a share of the telemetry")
        self.first = self._gauge("first", "1 while this worker of a group acts where only one may")
        self.reconnects = self._gauge("reconnects", "Connections to the broker lost or refused since the start")
        self.paused_seconds = self._gauge(
            "paused_seconds", "Seconds in which the socket was left unread, since the start"
        )
        self.live_lag_seconds = self._gauge(
            "live_lag_seconds",
            "Receipt minus reading time of the last row of each class in the last live commit; the largest of these",
        )
        self.rolled_buckets = self._counter("rolled_buckets", "Roll-up buckets updated")
        self.rollups_pending = self._gauge("rollups_pending", "1 while roll-ups remain to be done")
        self.maintenance_seconds = self._histogram(
            "maintenance_seconds", "Duration of a round of maintenance with its pauses"
        )

    def serve(self, host: str, port: int) -> Any:
        """Answer Prometheus there; returns the server, whose `shutdown()` ends it."""
        server, _ = start_http_server(port, host, registry=self.registry)
        return server

    def value(self, name: str, **labels: str) -> float:
        """The present value of a metric, 0 when it was never touched."""
        return self.registry.get_sample_value(f"parkgrid_ingest_{name}", labels) or 0.0

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"parkgrid_ingest_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"parkgrid_ingest_{name}", text, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"parkgrid_ingest_{name}", text, registry=self.registry, buckets=_SECONDS)
