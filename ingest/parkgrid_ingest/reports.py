"""What the writer tells of what it does not store: counted, kept with its sender, and logged once a minute."""

import time
import traceback
from dataclasses import dataclass, field

import structlog

from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason, Refusal
from parkgrid_contract.topics import Channel
from parkgrid_ingest.inbox import Message
from parkgrid_ingest.metrics import Metrics
from parkgrid_ingest.quarantine import Refused
from parkgrid_ingest.registry import Registry
from parkgrid_ingest.rows import Older

_log = structlog.get_logger("ingest.writer")

_LOG_EVERY_S = 60.0
_LOGGED_MAX = 200
_UNBORN_MAX = 10_000


@dataclass(slots=True)
class Reports:
    """Counts and logs. Belongs to the writer's thread."""

    registry: Registry
    metrics: Metrics
    _unborn: set[Gateway] = field(default_factory=set)
    _told: dict[str, float] = field(default_factory=dict)

    def refuse(self, gateway: Gateway | None, refusal: Refusal, message: Message, refused: Refused) -> None:
        """A whole message is refused: one line of log a minute, a row of quarantine, a count."""
        refused.add_message(gateway, refusal.reason, refusal.where, refusal.content, message.received_ms)
        if message.channel is not Channel.TELEMETRY and self.is_news(f"{gateway} {refusal.reason}"):
            _log.warning("refused", gateway=str(gateway), topic=message.topic, reason=str(refusal))

    def poison(self, gateway: Gateway, where: str, received_ms: int, error: Exception, refused: Refused) -> None:
        """What the program or the store could not take: told once a minute with its trace, kept with its sender."""
        if self.is_news(f"{gateway} poison {type(error).__name__}"):
            trace = "".join(traceback.format_exception(error))
            _log.error("message_breaks_ingest", gateway=str(gateway), where=where, trace=trace)
        refused.add_message(gateway, Reason.POISON, where, f"{type(error).__name__}: {error}", received_ms)

    def older(self, older: Older) -> None:
        """The store holds less than a gateway was told."""
        if older.is_news:
            _log.warning(
                "store_is_older",
                gateway=str(older.gateway),
                acknowledged=older.restored.acked,
                held=older.restored.held,
                remedy="none needed after a restore: gateways send again what they kept, the rest is in sequence_gaps",
            )

    def floods(self, sender: Gateway | None, number: int) -> None:
        """Messages that had no place in the inbox: their gateway sends them again."""
        self.deferred(sender, "flood", number)
        if self.is_news(f"{sender} flood"):
            _log.warning("gateway_floods", gateway=str(sender), left_out=number, remedy="none needed: it sends again")

    def unborn(self, gateway: Gateway, reason: str) -> None:
        """A batch waits for its gateway's birth; logged once, until that comes."""
        self.deferred(gateway, reason)
        if gateway not in self._unborn and len(self._unborn) < _UNBORN_MAX:
            self._unborn.add(gateway)
            _log.warning("deferred", gateway=str(gateway), reason=reason, remedy="waits for the gateway's birth")

    def born(self, gateway: Gateway) -> None:
        """The birth has come."""
        self._unborn.discard(gateway)

    def deferred(self, gateway: Gateway | None, reason: str, number: int = 1) -> None:
        """Count what its gateway will send again."""
        self.metrics.deferred.labels(reason).inc(number)
        self.sender(gateway, "deferred", number)

    def sender(self, gateway: Gateway | None, fate: str, number: int) -> None:
        """Count messages by who sent them."""
        # Whoever was never born gets no series of his own: names are free to make up.
        known = gateway if gateway and self.registry.devices(gateway) is not None else Gateway("", "")
        self.metrics.senders.labels(known.park, known.gateway, fate).inc(number)

    def is_news(self, key: str) -> bool:
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
