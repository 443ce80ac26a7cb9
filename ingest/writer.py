"""The writer: takes what has arrived, commits it, and only then lets anybody believe that it is safe.

    messages ─▶ births, status ─▶ store
           └──▶ telemetry ─▶ decode ─▶ admit ─▶ one commit ─▶ gateway's ack, broker's PUBACK

What becomes of a batch: committed (with its refusals in quarantine), deferred (its gateway or epoch has no birth yet:
the gateway sends it again), or refused whole. A failing store keeps everything unacknowledged.
"""

import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import structlog

from contract.announcement import decode_birth, decode_status
from contract.crash import crash_point
from contract.identity import Gateway
from contract.refusal import Reason, Refusal, RefusedError
from contract.telemetry import Ack, encode_ack
from contract.topics import Channel
from ingest.admission import Arrival, admit
from ingest.decode import Payload, decode, frame
from ingest.inbox import Message
from ingest.metrics import Metrics
from ingest.quarantine import DetailBudget, Refused
from ingest.registry import Registry
from ingest.rows import BatchHeader, Commit, Committed
from ingest.store import Store
from ingest.store.errors import ContentError, StoreError

_log = structlog.get_logger("ingest.writer")
_T = TypeVar("_T")

_BACK_OFF_FIRST_S = 0.1
_BACK_OFF_MOST_S = 5.0
_POISON_TRIES = 3
_POISON_KNOWN_MAX = 10_000


class StoppedError(Exception):
    """The process is to end while the store does not answer: what is unacknowledged comes again."""


class Bus(Protocol):
    """What the writer needs of the MQTT side."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these need not come again."""

    def publish_ack(self, gateway: Gateway, epoch: int, payload: bytes) -> None:
        """Publish a gateway's acknowledgement soon."""

    def flush(self) -> None:
        """Send what `publish_ack` left."""


@dataclass(slots=True)
class Writer:
    """Turns messages into commits. Belongs to one thread."""

    store: Store
    registry: Registry
    bus: Bus
    metrics: Metrics
    stop: threading.Event
    budget: DetailBudget = field(default_factory=DetailBudget)
    _unreadable: Counter[tuple[Gateway, int, int]] = field(default_factory=Counter)
    _unborn: set[Gateway] = field(default_factory=set)

    def process(self, messages: Sequence[Message]) -> None:
        """Commit what these messages say, then acknowledge them. Raises `StoppedError` when told to stop meanwhile.

        A message that breaks the program itself is cornered by halving and given up alone: its gateway still has it.
        """
        try:
            self._process(messages)
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - the supervisor of the writer: logs, counts, backs off
            broken: Exception = error
        else:
            return
        if len(messages) > 1:
            middle = len(messages) // 2
            self.process(messages[:middle])
            self.process(messages[middle:])
            return
        trace = "".join(traceback.format_exception(broken))
        _log.error("message_breaks_ingest", topics=[message.topic for message in messages], trace=trace)
        self.metrics.refused.labels(Reason.POISON.value).inc()
        self.bus.acknowledge(messages)
        self.stop.wait(_BACK_OFF_FIRST_S)

    def _process(self, messages: Sequence[Message]) -> None:
        crash_point("ingest.received")
        refused = Refused(self.budget)
        self.registry.begin_round()
        telemetry = [message for message in messages if message.channel is Channel.TELEMETRY]
        if len(telemetry) < len(messages):
            self._announcements(messages, refused)
        arrivals = self._arrivals(telemetry, refused)
        if arrivals or refused.counts:
            self._commit(arrivals, refused)
        self.bus.acknowledge(messages)
        self.bus.flush()
        crash_point("ingest.after_ack")

    # Births and status

    def _announcements(self, messages: Sequence[Message], refused: Refused) -> None:
        """Births before status and telemetry, so that what follows them finds them known."""
        for channel, take in ((Channel.BIRTH, self._birth), (Channel.STATUS, self._status)):
            for message in messages:
                if message.channel is channel and message.gateway is not None:
                    self._announcement(message, message.gateway, take, refused)
        for message in messages:
            if message.channel is None:
                refused.add_message(None, Reason.WRONG_TOPIC, "topic", message.topic, message.received_ms)

    def _announcement(
        self, message: Message, gateway: Gateway, take: Callable[[Gateway, Message], None], refused: Refused
    ) -> None:
        try:
            take(gateway, message)
        except RefusedError as error:
            refusal = error.refusal
            refused.add_message(gateway, refusal.reason, refusal.where, refusal.content, message.received_ms)
        except ContentError as error:
            _log.error("announcement_refused_by_store", gateway=str(gateway), topic=message.topic, error=str(error))
            refused.add_message(gateway, Reason.POISON, message.topic, str(error), message.received_ms)

    def _birth(self, gateway: Gateway, message: Message) -> None:
        if not message.payload:
            return  # a retained birth that was deleted at the broker
        birth = decode_birth(message.payload)
        if not self._persist(lambda: self.registry.born(gateway, birth, message.payload)):
            return
        self._unborn.discard(gateway)
        self.metrics.births.inc()
        _log.info("birth", gateway=str(gateway), epoch=birth.epoch, devices=len(birth.devices))
        ack = self._persist(lambda: self.registry.ack_of(gateway, birth.epoch))
        if ack is not None:
            self._publish(gateway, ack)

    def _status(self, gateway: Gateway, message: Message) -> None:
        if not message.payload:
            return
        status = decode_status(message.payload)
        self._persist(lambda: self.store.set_status(gateway, status, message.received_ms))

    # Telemetry

    def _arrivals(self, messages: Sequence[Message], refused: Refused) -> list[Arrival]:
        arrivals: list[Arrival] = []
        for message in messages:
            gateway = message.gateway
            if gateway is None:
                continue
            try:
                payload, refusals = decode(message.payload)
            except RefusedError as error:
                shell = self._unread(gateway, message, error.refusal, refused)
                if shell is None:
                    continue
                payload, refusals = shell, (error.refusal,)
            # A gateway's batches stand together, and so this mostly saves three look-ups.
            if arrivals and arrivals[-1].header.gateway is gateway and arrivals[-1].header.epoch == payload.epoch:
                devices = arrivals[-1].devices
            else:
                found = self._known(gateway, payload.epoch)
                if found is None:
                    continue
                devices = found
            header = BatchHeader(
                gateway, payload.epoch, payload.seq, payload.floor, payload.backlog, message.received_ms
            )
            oldest_ms = self.registry.oldest_ms(gateway, message.received_ms)
            arrivals.append(
                Arrival(
                    header,
                    payload.samples,
                    refusals,
                    devices,
                    rated_kw=self.registry.rated_kw,
                    oldest_ms=oldest_ms,
                )
            )
        return arrivals

    def _known(self, gateway: Gateway, epoch: int) -> Mapping[str, tuple[int, str]] | None:
        """The devices of a gateway whose birth announced this epoch; None when the batch is to be deferred."""
        devices = self.registry.devices(gateway)
        if devices is None:
            self._defer(gateway, Reason.UNKNOWN_GATEWAY.value)
            return None
        if not self._persist(lambda: self.registry.knows(gateway, epoch)):
            self._defer(gateway, "unknown_epoch")
            return None
        return devices

    def _defer(self, gateway: Gateway, reason: str) -> None:
        self.metrics.deferred.labels(reason).inc()
        if gateway not in self._unborn and len(self._unborn) < _POISON_KNOWN_MAX:
            self._unborn.add(gateway)
            _log.warning("deferred", gateway=str(gateway), reason=reason, remedy="waits for the gateway's birth")

    def _unread(self, gateway: Gateway, message: Message, refusal: Refusal, refused: Refused) -> Payload | None:
        """An empty batch in the place of one that was unreadable several times, so that its gateway can go on."""
        shell = frame(message.payload)
        if shell is not None:
            key = (gateway, shell.epoch, shell.seq)
            self._unreadable[key] += 1
            if self._unreadable[key] >= _POISON_TRIES:
                del self._unreadable[key]
                return shell
            if len(self._unreadable) > _POISON_KNOWN_MAX:
                self._unreadable.clear()
        refused.add_message(gateway, refusal.reason, refusal.where, refusal.content, message.received_ms)
        return None

    def _commit(self, arrivals: Sequence[Arrival], refused: Refused) -> None:
        commit = admit(arrivals, refused)
        started = time.perf_counter()
        try:
            committed = self._persist(lambda: self.store.commit(commit))
        except ContentError as error:
            # The store corners poisonous batches itself; what it cannot place either must not stop the others.
            _log.error("commit_refused_by_store", error=str(error), batches=len(arrivals))
            self.metrics.refused.labels(Reason.POISON.value).inc(max(1, len(arrivals)))
            return
        self.metrics.commit_seconds.observe(time.perf_counter() - started)
        crash_point("ingest.after_commit")
        self._count(commit, committed, refused)
        for (gateway, _), ack in committed.acks.items():
            self._publish(gateway, ack)

    def _publish(self, gateway: Gateway, ack: Ack) -> None:
        self.metrics.acks.inc()
        self.bus.publish_ack(gateway, ack.epoch, encode_ack(ack))

    def _count(self, commit: Commit, committed: Committed, refused: Refused) -> None:
        metrics = self.metrics
        metrics.batches.inc(len(commit.batches))
        metrics.rows.labels("stored").inc(committed.stored)
        metrics.rows.labels("repeated").inc(committed.repeated)
        metrics.rows.labels("conflicting").inc(committed.conflicting)
        metrics.suppressed.inc(sum(refused.suppressed.values()))
        for reason, number in refused.counts.items():
            metrics.refused.labels(reason).inc(number)
        if committed.poisoned:
            metrics.refused.labels(Reason.POISON.value).inc(committed.poisoned)
        newest = {index: header for index, header in enumerate(commit.batches) if not header.backlog}
        lags = [
            newest[int(rows.batch[-1])].received_ms - int(rows.at_ms[-1])
            for rows in commit.rows
            if int(rows.batch[-1]) in newest
        ]
        metrics.values.inc(sum(len(rows.batch) * len(rows.values) for rows in commit.rows))
        if lags:
            metrics.live_lag_seconds.set(max(lags) / 1_000)

    def _persist(self, action: Callable[[], _T]) -> _T:
        """Do something with the store, again and again until it can. Only content that it cannot take raises."""
        pause_s = _BACK_OFF_FIRST_S
        failed = False
        while True:
            try:
                result = action()
            except ContentError:
                raise
            except StoreError as error:
                self.metrics.store_errors.labels(type(error).__name__).inc()
                if not failed:
                    _log.warning("store_unavailable", error=str(error), remedy="messages wait unacknowledged")
                failed = True
                if self.stop.wait(pause_s * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter, not a secret
                    raise StoppedError from error
                pause_s = min(pause_s * 2, _BACK_OFF_MOST_S)
            else:
                if failed:
                    _log.info("store_available")
                return result
