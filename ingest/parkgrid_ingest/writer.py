"""The writer: takes what has arrived, commits it, and only then lets anybody believe that it is safe.

    messages ─▶ births, status ─▶ store
           └──▶ telemetry ─▶ decode ─▶ admit ─▶ one commit ─▶ gateway's ack, broker's PUBACK

What becomes of a batch: committed (with its refusals in quarantine), deferred (its gateway or epoch has no birth yet,
or its sender has used up its share of time: the gateway sends it again), or refused whole. A failing store keeps
everything unacknowledged. A commit that one sender breaks is repeated without it, and its batches then go alone.
"""

import math
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from parkgrid_contract.crash import crash_point
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason, Refusal, RefusedError
from parkgrid_contract.topics import Channel
from parkgrid_database.errors import RegistryChangedError
from parkgrid_ingest.admission import Arrival, admit, oddity_s
from parkgrid_ingest.announcements import Announcements
from parkgrid_ingest.answers import Answers
from parkgrid_ingest.bus import Bus
from parkgrid_ingest.decode import Payload, decode_fast, decode_strict, frame
from parkgrid_ingest.inbox import Message
from parkgrid_ingest.metrics import Metrics
from parkgrid_ingest.patience import Patience, StoppedError
from parkgrid_ingest.quarantine import DetailBudget, Refused
from parkgrid_ingest.registry import Registry
from parkgrid_ingest.reports import Reports
from parkgrid_ingest.rows import BatchHeader, Commit, Committed
from parkgrid_ingest.shares import MOST_AT_ONCE_S, Shares
from parkgrid_ingest.store import Store

_log = structlog.get_logger("ingest.writer")

_POISON_TRIES = 3
_SUSPECT_S = 60.0
_FAILS_S = 5.0
_POISON_KNOWN_MAX = 10_000


@dataclass(slots=True)
class Writer:
    """Turns messages into commits. Belongs to one thread."""

    store: Store
    registry: Registry
    bus: Bus
    metrics: Metrics
    stop: threading.Event
    group: bool = False
    """Whether other workers acknowledge batches of the same gateways."""
    first: Callable[[], bool] = lambda: True
    """Whether this worker acts where only one may."""
    budget: DetailBudget = field(default_factory=DetailBudget)
    odd: Shares = field(default_factory=Shares)
    """For telemetry that is out of the ordinary."""
    patience: Patience = field(init=False)
    reports: Reports = field(init=False)
    answers: Answers = field(init=False)
    announcements: Announcements = field(init=False)
    _unreadable: Counter[tuple[Gateway, int, int]] = field(default_factory=Counter)
    _suspects: dict[Gateway, float] = field(default_factory=dict)
    """Whose batches the store or the program could not take, or who has used up his share of time, and until when each
    of them is committed alone, after those of all others: what one batch takes is known only when it has been taken."""

    def __post_init__(self) -> None:
        """Make its parts."""
        self.patience = Patience(self.metrics, self.stop)
        self.reports = Reports(self.registry, self.metrics)
        self.answers = Answers(self.bus, self.metrics, self.group)
        self.announcements = Announcements(
            self.store, self.registry, self.patience, self.answers, self.reports, self.first
        )

    @property
    def failing(self) -> str:
        """What keeps it from storing at this moment: `disk_full`, `unavailable`, or nothing."""
        return self.patience.failing

    @property
    def storing(self) -> bool:
        """Whether the store takes rows, or has failed for a moment only."""
        since = self.patience.failing_since
        return since is None or time.monotonic() - since < _FAILS_S

    @property
    def waits(self) -> bool:
        """Whether a birth or a status waits for its sender's share of time."""
        return self.announcements.waits

    def note_left_out(self, senders: Mapping[Gateway | None, int]) -> None:
        """Count messages that had no place in the inbox: their gateways send them again."""
        for sender, number in senders.items():
            self.reports.floods(sender, number)

    def look_again(self) -> None:
        """Put right acknowledgements of which another worker's came in between."""
        if self.answers.waits:
            self.patience.persist(lambda: self.answers.look_again(self.store.newest_acks))
            self.bus.flush()

    def reload(self) -> None:
        """Read the registry again and have gateways say who they are: somebody else has changed it, or the database."""
        self.patience.persist(self.registry.load)
        self.bus.ask_again()

    def process(self, messages: Sequence[Message]) -> None:
        """Commit what these messages say, then acknowledge them. Raises `StoppedError` when told to stop meanwhile."""
        try:
            try:
                self._process(messages)
            except RegistryChangedError as error:
                _log.warning("registry_changed", reason=str(error), remedy="none needed: it is read again")
                self.reload()
                self._process(messages)
        except StoppedError:
            raise
        except Exception as error:  # noqa: BLE001 - the supervisor of the writer: logs, counts, goes on
            # What one message causes was caught where it is known whose it is. These stay with their gateways.
            _log.error("round_failed", messages=len(messages), trace="".join(traceback.format_exception(error)))
            self.metrics.refused.labels(Reason.POISON.value).inc()
            self.bus.acknowledge(messages)

    def _process(self, messages: Sequence[Message]) -> None:
        crash_point("ingest.received")
        refused = Refused(self.budget)
        self.registry.begin_round()
        telemetry = [message for message in messages if message.channel is Channel.TELEMETRY]
        if self.announcements.waits or len(telemetry) < len(messages):
            self.announcements.take(messages, refused)
        arrivals = self._arrivals(telemetry, refused)
        if arrivals or refused.counts:
            self._commit(arrivals, refused)
        self.bus.acknowledge(messages)
        self.bus.flush()
        crash_point("ingest.after_ack")

    def _arrivals(self, messages: Sequence[Message], refused: Refused) -> list[Arrival]:
        arrivals: list[Arrival] = []
        for message in messages:
            gateway = message.gateway
            if gateway is None:
                continue
            read = self._read(gateway, message, refused)
            if read is None:
                continue
            payload, refusals = read
            # A gateway's batches stand together, and so this mostly saves three look-ups.
            if arrivals and arrivals[-1].header.gateway is gateway and arrivals[-1].header.epoch == payload.epoch:
                devices = arrivals[-1].devices
            else:
                found = self._known(gateway, payload.epoch)
                if found is None:
                    continue
                devices = found
            odd_s = oddity_s(payload.samples)
            if odd_s:
                self._charge(gateway, odd_s)
            header = BatchHeader(
                gateway,
                payload.epoch,
                payload.seq,
                payload.floor,
                payload.backlog,
                message.received_ms,
                payload.claim,
                payload.comes_again,
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

    def _read(self, gateway: Gateway, message: Message, refused: Refused) -> tuple[Payload, tuple[Refusal, ...]] | None:
        """A batch and what of it is refused; None when there is nothing to commit of it, now or ever."""
        now_s = time.monotonic()
        if not self.odd.free(gateway, now_s):
            self.reports.deferred(gateway, "share")
            return None
        started_s = time.thread_time() if self._suspects.get(gateway, 0.0) > now_s else math.nan
        try:
            self.registry.admit(gateway)
            batch = decode_fast(message.payload)
            if batch is not None:
                return batch, ()
            if math.isnan(started_s):
                started_s = time.thread_time()
            return decode_strict(message.payload)
        except RefusedError as error:
            if error.refusal.reason is Reason.RETIRED:
                self.reports.refuse(gateway, error.refusal, message, refused)
                return None
            shell = self._unread(gateway, message, error.refusal, refused)
            return None if shell is None else (shell, (error.refusal,))
        except Exception as error:  # noqa: BLE001 - whatever one payload does, it is told whose it was
            self.reports.poison(gateway, message.topic, message.received_ms, error, refused)
            return None
        finally:
            if not math.isnan(started_s):
                self._charge(gateway, time.thread_time() - started_s)

    def _known(self, gateway: Gateway, epoch: int) -> Mapping[str, tuple[int, str]] | None:
        """The devices of a gateway whose birth announced this epoch; None when the batch is to be deferred."""
        devices = self.registry.devices(gateway)
        if devices is None:
            self.reports.unborn(gateway, Reason.UNKNOWN_GATEWAY.value)
            return None
        if not self.registry.remembers(gateway, epoch):
            started_s = time.monotonic()
            known = self.patience.persist(lambda: self.registry.knows(gateway, epoch))
            self.odd.took(gateway, started_s)
            if not known:
                self.reports.unborn(gateway, "unknown_epoch")
                return None
        return devices

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
        self.reports.refuse(gateway, refusal, message, refused)
        return None

    def _commit(self, arrivals: Sequence[Arrival], refused: Refused) -> None:
        """Commit together what is beyond suspicion, and each suspect's batches one by one after it."""
        now_s = time.monotonic()
        self._suspects = {sender: until_s for sender, until_s in self._suspects.items() if until_s > now_s}
        apart = [each for each in arrivals if each.header.gateway in self._suspects] if self._suspects else []
        together = [each for each in arrivals if each.header.gateway not in self._suspects] if apart else arrivals
        if together or refused.counts:
            self._commit_together(together, refused)
        if apart:
            self.bus.flush()  # nobody waits for these
            self._commit_singly(apart)

    def _commit_together(self, arrivals: Sequence[Arrival], refused: Refused) -> None:
        """Commit; should it fail, halve the senders until the one whose content it is stands alone."""
        without_batch = refused.copy()
        try:
            self._commit_once(arrivals, refused)
        except (StoppedError, RegistryChangedError):
            raise
        except Exception as error:  # noqa: BLE001 - told with its sender, once that is known
            broken: Exception = error
        else:
            return
        if without_batch.counts:
            self._commit_last([], without_batch, broken)
        senders = list(dict.fromkeys(each.header.gateway for each in arrivals))
        if len(senders) == 1:
            self._suspects[senders[0]] = time.monotonic() + _SUSPECT_S
            self._commit_singly(arrivals)
            return
        first = set(senders[: len(senders) // 2])
        for half in (True, False):
            part = [each for each in arrivals if (each.header.gateway in first) is half]
            if part:
                self._commit_together(part, Refused(self.budget))

    def _commit_singly(self, arrivals: Sequence[Arrival]) -> None:
        """Batches of suspects, each in a commit of its own, within the sender's share of time.

        The first of each had its share when it was read, and has been charged for since.
        """
        begun: set[Gateway] = set()
        for arrival in arrivals:
            gateway, started_s = arrival.header.gateway, time.monotonic()
            if gateway in begun and not self.odd.free(gateway, started_s):
                self.reports.deferred(gateway, "share")
                continue
            begun.add(gateway)
            try:
                self._commit_once([arrival], Refused(self.budget))
            except (StoppedError, RegistryChangedError):
                raise
            except Exception as error:  # noqa: BLE001 - its gateway still has it
                told, header = Refused(self.budget), arrival.header
                self.reports.poison(gateway, f"epoch {header.epoch} seq {header.seq}", header.received_ms, error, told)
                self._commit_last([], told, error)
                self.odd.took(gateway, started_s)
            else:
                self._charge(gateway, min(time.monotonic() - started_s, MOST_AT_ONCE_S))

    def _charge(self, sender: Gateway | None, seconds: float) -> None:
        """Charge for what is out of the ordinary; who has used up his share is a suspect."""
        now_s = time.monotonic()
        self.odd.charge(sender, seconds, now_s)
        if sender is not None and not self.odd.free(sender, now_s):
            self._suspects[sender] = now_s + _SUSPECT_S

    def _commit_last(self, arrivals: Sequence[Arrival], refused: Refused, cause: Exception) -> None:
        """Write down what was refused; where not even that can be, it is logged and counted."""
        try:
            self._commit_once(arrivals, refused)
        except (StoppedError, RegistryChangedError):
            raise
        except Exception as error:  # noqa: BLE001 - nothing more can be done for these lines
            if self.reports.is_news("quarantine"):
                _log.error("refusals_not_written", error=str(error), cause=str(cause), counts=dict(refused.counts))
            for reason, number in refused.counts.items():
                self.metrics.refused.labels(reason).inc(number)

    def _commit_once(self, arrivals: Sequence[Arrival], refused: Refused) -> None:
        commit = admit(arrivals, refused)
        started = time.perf_counter()
        committed = self.patience.persist(lambda: self.store.commit(commit))
        self.metrics.commit_seconds.observe(time.perf_counter() - started)
        crash_point("ingest.after_commit")
        self._count(commit, committed, refused)
        for (gateway, _), ack in committed.acks.items():
            self.answers.publish(gateway, ack)

    def _count(self, commit: Commit, committed: Committed, refused: Refused) -> None:
        metrics = self.metrics
        metrics.batches.inc(len(commit.batches))
        metrics.rows.labels("stored").inc(committed.stored)
        metrics.rows.labels("repeated").inc(committed.repeated)
        metrics.rows.labels("conflicting").inc(committed.conflicting)
        metrics.suppressed.inc(sum(refused.suppressed.values()))
        for reason, number in refused.counts.items():
            metrics.refused.labels(reason).inc(number)
        now_s = time.monotonic()
        for sender, number in refused.senders.items():
            self.reports.sender(sender, "refused", number)
        for sender, seconds in refused.work_s.items():
            self._charge(sender, seconds)
        if committed.poisoned:
            metrics.refused.labels(Reason.POISON.value).inc(committed.poisoned)
        for sender in committed.poisoned_by:
            self._suspects[sender] = now_s + _SUSPECT_S
            self.reports.sender(sender, "refused", 1)
        for older in committed.older:
            self.reports.older(older)
        for sender in committed.left_out:
            self.reports.deferred(sender, "holes")
        newest = {index: header for index, header in enumerate(commit.batches) if not header.backlog}
        lags = [
            newest[int(rows.batch[-1])].received_ms - int(rows.at_ms[-1])
            for rows in commit.rows
            if int(rows.batch[-1]) in newest
        ]
        metrics.values.inc(sum(len(rows.batch) * len(rows.values) for rows in commit.rows))
        if lags:
            metrics.live_lag_seconds.set(max(lags) / 1_000)
