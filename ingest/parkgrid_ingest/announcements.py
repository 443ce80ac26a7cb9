"""What gateways say of themselves: births, status, and the acknowledgements that the broker has kept for them.

birth ─▶ registry, store ─▶ what is committed of its epoch is told again
status ─▶ store
last word ─▶ compared with the store, which may have been restored from before it

Every worker of a group hears all of it, since each must know the gateways whose batches come to it. Only the first of
them writes down what is said, and refuses.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from parkgrid_contract.announcement import decode_birth, decode_status
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason, RefusedError
from parkgrid_contract.telemetry import Ack, decode_ack
from parkgrid_contract.topics import Channel
from parkgrid_database.errors import RegistryChangedError
from parkgrid_ingest.answers import Answers
from parkgrid_ingest.inbox import Message
from parkgrid_ingest.patience import Patience, StoppedError
from parkgrid_ingest.quarantine import DetailBudget, Refused
from parkgrid_ingest.registry import Registry
from parkgrid_ingest.reports import Reports
from parkgrid_ingest.shares import Shares
from parkgrid_ingest.store import Store

_log = structlog.get_logger("ingest.writer")


@dataclass(slots=True)
class Announcements:
    """Takes announcements up, within each sender's share of time. Belongs to the writer's thread."""

    store: Store
    registry: Registry
    patience: Patience
    answers: Answers
    reports: Reports
    first: Callable[[], bool] = lambda: True
    """Whether this worker acts where only one may."""
    shares: Shares = field(default_factory=Shares)
    _waiting: dict[tuple[Gateway, Channel], Message] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Whether one waits for its sender's share of time."""
        return bool(self._waiting)

    def take(self, messages: Sequence[Message], refused: Refused) -> None:
        """Births before status and telemetry, so that what follows them finds them known."""
        waiting, self._waiting = list(self._waiting.values()), {}
        first = self.first()
        own = refused if first else Refused(DetailBudget())
        for channel, take in (
            (Channel.BIRTH, self._birth),
            (Channel.ACK, self._last_word),
            (Channel.STATUS, self._status),
        ):
            for message in (*waiting, *messages):
                if message.channel is channel and message.gateway is not None:
                    self._take(message, message.gateway, take, own)
        for message in messages:
            # What came by a shared subscription came to nobody else.
            if message.channel is None and (first or message.topic.endswith(f"/{Channel.TELEMETRY}")):
                refused.add_message(None, Reason.WRONG_TOPIC, "topic", message.topic, message.received_ms)

    def _take(
        self, message: Message, gateway: Gateway, take: Callable[[Gateway, Message], None], refused: Refused
    ) -> None:
        """Take one up; of those beyond their sender's share of time, the newest waits."""
        started_s = time.monotonic()
        channel = message.channel or Channel.BIRTH
        if not self.shares.free(gateway, started_s):
            if (gateway, channel) in self._waiting:
                self.reports.deferred(gateway, "superseded")
            self._waiting[gateway, channel] = message
            return
        try:
            self.registry.admit(gateway)
            take(gateway, message)
        except RefusedError as error:
            self.reports.refuse(gateway, error.refusal, message, refused)
        except (StoppedError, RegistryChangedError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever one announcement does, it is told whose it was
            self.reports.poison(
                gateway, f"{gateway.park}/{gateway.gateway}/{channel.value}", message.received_ms, error, refused
            )
        finally:
            self.shares.took(gateway, started_s)

    def _birth(self, gateway: Gateway, message: Message) -> None:
        if not message.payload:
            return  # a retained birth that was deleted at the broker
        birth = decode_birth(message.payload)
        persist, registry = self.patience.persist, self.registry
        payload, retained, first = message.payload, message.retained, self.first()
        if not persist(lambda: registry.born(gateway, birth, payload, retained=retained, first=first)):
            return
        self.reports.born(gateway)
        self.answers.metrics.births.inc()
        _log.info("birth", gateway=str(gateway), epoch=birth.epoch, devices=len(birth.devices))
        ack = persist(lambda: registry.ack_of(gateway, birth.epoch))
        if ack is not None:
            self.answers.publish(gateway, ack)
        newest = persist(lambda: registry.newest_epoch(gateway))
        if newest is not None and newest > birth.epoch:
            # Its agent begins an epoch above the one that it is told of, and is known again.
            overtaken = persist(lambda: registry.ack_of(gateway, newest))
            self.answers.publish(gateway, overtaken or Ack(newest, 0))

    def _last_word(self, gateway: Gateway, message: Message) -> None:
        """An acknowledgement that the broker has kept: what ingest said last, perhaps of a database that was newer."""
        if not message.payload or self.registry.devices(gateway) is None:
            return
        said = decode_ack(message.payload)
        self.answers.stands(gateway, said)
        if not self.first():
            return
        persist = self.patience.persist
        older = persist(lambda: self.store.older_than(gateway, (said.epoch, said.through))) if said.through else None
        if older is None:
            return
        self.reports.older(older)
        ack = persist(lambda: self.registry.ack_of(gateway, said.epoch)) or Ack(said.epoch, 0)
        self.answers.publish(gateway, replace(ack, restored=older.restored))

    def _status(self, gateway: Gateway, message: Message) -> None:
        if not message.payload or not self.first():
            return
        status = decode_status(message.payload)
        heard_ms = None if message.retained else message.received_ms
        self.patience.persist(lambda: self.store.set_status(gateway, status, heard_ms))
