"""The writer: takes what has arrived, commits it, and only then lets anybody believe that it is safe.

    messages ─▶ births, status ─▶ store
           └──▶ telemetry ─▶ decode ─▶ admit ─▶ one commit ─▶ gateway's ack, broker's PUBACK

What becomes of a batch: committed (with its refusals in quarantine), deferred (its gateway or epoch has no birth yet,
or its sender has used up its share of time: the gateway sends it again), or refused whole. A failing store keeps
everything unacknowledged. A commit that one sender breaks is repeated without it, and its batches then go alone.
"""

import math
import random
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import structlog

from parkgrid_contract.announcement import decode_birth, decode_status
from parkgrid_contract.crash import crash_point
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason, Refusal, RefusedError
from parkgrid_contract.telemetry import Ack, decode_ack, encode_ack
from parkgrid_contract.topics import Channel
from parkgrid_database.errors import ContentError, GaveUpError, RegistryChangedError, StoreError, StoreFullError
from parkgrid_ingest.admission import Arrival, admit, oddity_s
from parkgrid_ingest.bus import Bus
from parkgrid_ingest.decode import Payload, decode_fast, decode_strict, frame
from parkgrid_ingest.inbox import Message
from parkgrid_ingest.metrics import Metrics
from parkgrid_ingest.quarantine import DetailBudget, Refused
from parkgrid_ingest.registry import Registry
from parkgrid_ingest.rows import BatchHeader, Commit, Committed, Older
from parkgrid_ingest.shares import MOST_AT_ONCE_S, Shares
from parkgrid_ingest.store import Store

_log = structlog.get_logger("ingest.writer")
_T = TypeVar("_T")

_BACK_OFF_FIRST_S = 0.1
_BACK_OFF_MOST_S = 5.0
_POISON_TRIES = 3
_GIVE_UP_TRIES = 2
_SUSPECT_S = 60.0
_LOG_EVERY_S = 60.0
_LOGGED_MAX = 200
_POISON_KNOWN_MAX = 10_000


class StoppedError(Exception):
    """The process is to end while the store does not answer: what is unacknowledged comes again."""


@dataclass(slots=True)
class Writer:
    """Turns messages into commits. Belongs to one thread."""

    store: Store
    registry: Registry
    bus: Bus
    metrics: Metrics
    stop: threading.Event
    budget: DetailBudget = field(default_factory=DetailBudget)
    announcing: Shares = field(default_factory=Shares)
    """For births and status."""
    odd: Shares = field(default_factory=Shares)
    """For telemetry that is out of the ordinary."""
    failing: str = ""
    """What keeps it from storing at this moment: `disk_full`, `unavailable`, or nothing."""
    _unreadable: Counter[tuple[Gateway, int, int]] = field(default_factory=Counter)
    _unborn: set[Gateway] = field(default_factory=set)
    _waiting: dict[tuple[Gateway, Channel], Message] = field(default_factory=dict)
    _suspects: dict[Gateway, float] = field(default_factory=dict)
    """Whose batches the store or the program could not take, or who has used up his share of time, and until when each
    of them is committed alone, after those of all others: what one batch takes is known only when it has been taken."""
    _told: dict[str, float] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether a birth or a status waits for its sender's share of time."""
        return bool(self._waiting)

    def note_left_out(self, senders: Mapping[Gateway | None, int]) -> None:
        """Count messages that had no place in the inbox: their gateways send them again."""
        for sender, number in senders.items():
            self._count_deferred(sender, "flood", number)
            if self._is_news(f"{sender} flood"):
                _log.warning(
                    "gateway_floods", gateway=str(sender), left_out=number, remedy="none needed: it sends again"
                )

    def reload(self) -> None:
        """Read the registry again and have gateways say who they are: somebody else has changed it, or the database."""
        self._persist(self.registry.load)
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
        if self._waiting or len(telemetry) < len(messages):
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
        waiting, self._waiting = list(self._waiting.values()), {}
        for channel, take in (
            (Channel.BIRTH, self._birth),
            (Channel.ACK, self._last_word),
            (Channel.STATUS, self._status),
        ):
            for message in (*waiting, *messages):
                if message.channel is channel and message.gateway is not None:
                    self._announcement(message, message.gateway, take, refused)
        for message in messages:
            if message.channel is None:
                refused.add_message(None, Reason.WRONG_TOPIC, "topic", message.topic, message.received_ms)

    def _announcement(
        self, message: Message, gateway: Gateway, take: Callable[[Gateway, Message], None], refused: Refused
    ) -> None:
        """Take one up; of those beyond their sender's share of time, the newest waits."""
        started_s = time.monotonic()
        channel = message.channel or Channel.BIRTH
        if not self.announcing.free(gateway, started_s):
            if (gateway, channel) in self._waiting:
                self._count_deferred(gateway, "superseded")
            self._waiting[gateway, channel] = message
            return
        try:
            self.registry.admit(gateway)
            take(gateway, message)
        except RefusedError as error:
            self._refuse(gateway, error.refusal, message, refused)
        except (StoppedError, RegistryChangedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one announcement does, it is told whose it was
            self._poison(
                gateway, f"{gateway.park}/{gateway.gateway}/{channel.value}", message.received_ms, error, refused
            )
        finally:
            self.announcing.took(gateway, started_s)

    def _refuse(self, gateway: Gateway | None, refusal: Refusal, message: Message, refused: Refused) -> None:
        """A whole message is refused: one line of log a minute, a row of quarantine, a count."""
        refused.add_message(gateway, refusal.reason, refusal.where, refusal.content, message.received_ms)
        if message.channel is not Channel.TELEMETRY and self._is_news(f"{gateway} {refusal.reason}"):
            _log.warning("refused", gateway=str(gateway), topic=message.topic, reason=str(refusal))

    def _poison(self, gateway: Gateway, where: str, received_ms: int, error: Exception, refused: Refused) -> None:
        """What the program or the store could not take: told once a minute with its trace, kept with its sender."""
        if self._is_news(f"{gateway} poison {type(error).__name__}"):
            trace = "".join(traceback.format_exception(error))
            _log.error("message_breaks_ingest", gateway=str(gateway), where=where, trace=trace)
        refused.add_message(gateway, Reason.POISON, where, f"{type(error).__name__}: {error}", received_ms)

    def _is_news(self, key: str) -> bool:
        """Whether nothing of this kind was logged within the last minute."""
        now_s = time.monotonic()
        if now_s - self._told.get(key, -_LOG_EVERY_S) < _LOG_EVERY_S:
            return False
        if len(self._told) >= _LOGGED_MAX:
            self._told = {each: at_s for each, at_s in self._told.items() if now_s - at_s < _LOG_EVERY_S}
            if len(self._told) >= _LOGGED_MAX:
                return False  # names are free to make up: the rest is counted
        self._told[key] = now_s
        return True

    def _birth(self, gateway: Gateway, message: Message) -> None:
        if not message.payload:
            return  # a retained birth that was deleted at the broker
        birth = decode_birth(message.payload)
        if not self._persist(lambda: self.registry.born(gateway, birth, message.payload, retained=message.retained)):
            return
        self._unborn.discard(gateway)
        self.metrics.births.inc()
        _log.info("birth", gateway=str(gateway), epoch=birth.epoch, devices=len(birth.devices))
        ack = self._persist(lambda: self.registry.ack_of(gateway, birth.epoch))
        if ack is not None:
            self._publish(gateway, ack)
        newest = self._persist(lambda: self.registry.newest_epoch(gateway))
        if newest is not None and newest > birth.epoch:
            # Its agent begins an epoch above the one that it is told of, and is known again.
            overtaken = self._persist(lambda: self.registry.ack_of(gateway, newest))
            self._publish(gateway, overtaken or Ack(newest, 0))

    def _last_word(self, gateway: Gateway, message: Message) -> None:
        """An acknowledgement that the broker has kept: what ingest said last, perhaps of a database that was newer."""
        if not message.payload or self.registry.devices(gateway) is None:
            return
        said = decode_ack(message.payload)
        older = (
            self._persist(lambda: self.store.older_than(gateway, (said.epoch, said.through))) if said.through else None
        )
        if older is None:
            return
        self._tell_older(older)
        ack = self._persist(lambda: self.registry.ack_of(gateway, said.epoch)) or Ack(said.epoch, 0)
        self._publish(gateway, replace(ack, restored=older.restored))

    def _tell_older(self, older: Older) -> None:
        if older.is_news:
            _log.warning(
                "store_is_older",
                gateway=str(older.gateway),
                acknowledged=older.restored.acked,
                held=older.restored.held,
                remedy="none needed after a restore: gateways send again what they kept, the rest is in sequence_gaps",
            )

    def _status(self, gateway: Gateway, message: Message) -> None:
        if not message.payload:
            return
        status = decode_status(message.payload)
        heard_ms = None if message.retained else message.received_ms
        self._persist(lambda: self.store.set_status(gateway, status, heard_ms))

    # Telemetry

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
            self._count_deferred(gateway, "share")
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
                self._refuse(gateway, error.refusal, message, refused)
                return None
            shell = self._unread(gateway, message, error.refusal, refused)
            return None if shell is None else (shell, (error.refusal,))
        except Exception as error:  # noqa: BLE001 - whatever one payload does, it is told whose it was
            self._poison(gateway, message.topic, message.received_ms, error, refused)
            return None
        finally:
            if not math.isnan(started_s):
                self._charge(gateway, time.thread_time() - started_s)

    def _known(self, gateway: Gateway, epoch: int) -> Mapping[str, tuple[int, str]] | None:
        """The devices of a gateway whose birth announced this epoch; None when the batch is to be deferred."""
        devices = self.registry.devices(gateway)
        if devices is None:
            self._defer(gateway, Reason.UNKNOWN_GATEWAY.value)
            return None
        if not self.registry.remembers(gateway, epoch):
            started_s = time.monotonic()
            known = self._persist(lambda: self.registry.knows(gateway, epoch))
            self.odd.took(gateway, started_s)
            if not known:
                self._defer(gateway, "unknown_epoch")
                return None
        return devices

    def _defer(self, gateway: Gateway, reason: str) -> None:
        self._count_deferred(gateway, reason)
        if gateway not in self._unborn and len(self._unborn) < _POISON_KNOWN_MAX:
            self._unborn.add(gateway)
            _log.warning("deferred", gateway=str(gateway), reason=reason, remedy="waits for the gateway's birth")

    def _count_deferred(self, gateway: Gateway | None, reason: str, number: int = 1) -> None:
        """Count what its gateway will send again."""
        self.metrics.deferred.labels(reason).inc(number)
        self._count_sender(gateway, "deferred", number)

    def _count_sender(self, gateway: Gateway | None, fate: str, number: int) -> None:
        # Whoever was never born gets no series of his own: names are free to make up.
        known = gateway if gateway and self.registry.devices(gateway) is not None else Gateway("", "")
        self.metrics.senders.labels(known.park, known.gateway, fate).inc(number)

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
        self._refuse(gateway, refusal, message, refused)
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
                self._count_deferred(gateway, "share")
                continue
            begun.add(gateway)
            try:
                self._commit_once([arrival], Refused(self.budget))
            except (StoppedError, RegistryChangedError):
                raise
            except Exception as error:  # noqa: BLE001 - its gateway still has it
                told, header = Refused(self.budget), arrival.header
                self._poison(gateway, f"epoch {header.epoch} seq {header.seq}", header.received_ms, error, told)
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
            if self._is_news("quarantine"):
                _log.error("refusals_not_written", error=str(error), cause=str(cause), counts=dict(refused.counts))
            for reason, number in refused.counts.items():
                self.metrics.refused.labels(reason).inc(number)

    def _commit_once(self, arrivals: Sequence[Arrival], refused: Refused) -> None:
        commit = admit(arrivals, refused)
        started = time.perf_counter()
        committed = self._persist(lambda: self.store.commit(commit))
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
        now_s = time.monotonic()
        for sender, number in refused.senders.items():
            self._count_sender(sender, "refused", number)
        for sender, seconds in refused.work_s.items():
            self._charge(sender, seconds)
        if committed.poisoned:
            metrics.refused.labels(Reason.POISON.value).inc(committed.poisoned)
        for sender in committed.poisoned_by:
            self._suspects[sender] = now_s + _SUSPECT_S
            self._count_sender(sender, "refused", 1)
        for older in committed.older:
            self._tell_older(older)
        for sender in committed.left_out:
            self._count_deferred(sender, "holes")
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
        given_up = 0
        while True:
            try:
                result = action()
            except (ContentError, RegistryChangedError):
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
                # What else fails on a full disk follows from it.
                full = isinstance(error, StoreFullError) or self.failing == "disk_full"
                self.failing = "disk_full" if full else "unavailable"
                if self.stop.wait(pause_s * random.uniform(0.5, 1.0)):  # noqa: S311 - jitter, not a secret
                    raise StoppedError from error
                pause_s = min(pause_s * 2, _BACK_OFF_MOST_S)
            else:
                self.failing = ""
                if failed:
                    _log.info("store_available")
                return result
