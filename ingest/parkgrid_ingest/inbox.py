"""Messages between the socket and the writer: bounded in number and bytes, taken fairly by gateway."""

import threading
from collections import deque
from dataclasses import dataclass, field

from parkgrid_contract.identity import Gateway
from parkgrid_contract.topics import Channel

_QUIET_S = 0.001
_LANE_SHARE = 0.5
"""Part of the inbox that one gateway may fill, as long as others send too."""
_TAKE_MESSAGES = 2_000
"""Messages taken at once, about: what is tiny costs its time by number."""
_QUANTUM_MESSAGES = 64
_LATEST = frozenset({Channel.BIRTH, Channel.STATUS})
"""Of which only the last word counts."""


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message, not yet acknowledged."""

    topic: str
    gateway: Gateway | None
    """From the topic, the only place that is believed; None when the topic is not one of the wire."""
    channel: Channel | None
    payload: bytes
    received_ms: int
    connection: int
    """Which connection it came by: an acknowledgement is only good on the same one."""
    mid: int
    qos: int
    retained: bool = False
    """Whether it is from the broker's memory: then it tells nothing of its sender at this moment."""


@dataclass(slots=True)
class _Lane:
    """What one gateway sent."""

    messages: deque[Message] = field(default_factory=deque)
    bytes: int = 0
    latest: dict[Channel, Message] = field(default_factory=dict)
    """Its newest birth and status, once the lane is full."""

    def take(self) -> Message:
        message = self.messages.popleft()
        self.bytes -= len(message.payload)
        return message

    def rest(self) -> list[Message]:
        """Everything."""
        return [*self.messages, *self.latest.values()]


class Inbox:
    """A bounded queue with one lane for each gateway.

    The reader looks at `full` and leaves the socket unread, so that broker and outboxes hold what does not
    fit. A flooding gateway lengthens its own lane only, since `take` goes round the lanes. Beyond its share its
    batches are left out while others send: an unread socket makes everybody wait.
    """

    def __init__(self, max_messages: int, max_bytes: int, quantum_bytes: int = 65_536) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._quantum_bytes = quantum_bytes
        self._lanes: dict[str, _Lane] = {}
        self._changed = threading.Condition(threading.Lock())
        self._wanted = False
        self._last: str | None = None
        self._others = False
        self.messages = 0
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Whether the socket should be left unread."""
        return self.messages >= self._max_messages or self.bytes >= self._max_bytes

    def put(self, message: Message, lane: str) -> Message | None:
        """Append a message to a lane, which is its gateway's name; gives what is left out for it, if anything is.

        What is left out is safe: a gateway keeps its batches until they are committed, and says its newest word again.
        """
        with self._changed:
            self._others = self._others or (self._last is not None and lane != self._last)
            self._last = lane
            own = self._lanes.get(lane)
            if own is None:
                own = self._lanes[lane] = _Lane()
            # One that is kept as the latest goes last, so what comes after it must replace it, crowded or not.
            if message.channel in own.latest or self._crowds(own):
                if message.channel not in _LATEST or message.channel is None:
                    return message
                former = own.latest.get(message.channel)
                own.latest[message.channel] = message
                return former
            own.messages.append(message)
            own.bytes += len(message.payload)
            self.messages += 1
            self.bytes += len(message.payload)
            if self._wanted:
                self._wanted = False
                self._changed.notify()
            return None

    def _crowds(self, lane: _Lane) -> bool:
        """Whether a gateway has filled its share although others send; alone it may fill everything."""
        return self._others and (
            len(lane.messages) >= self._max_messages * _LANE_SHARE or lane.bytes >= self._max_bytes * _LANE_SHARE
        )

    def take(self, max_bytes: int, timeout_s: float, linger_s: float = 0.0) -> list[Message]:
        """What has arrived, up to about `max_bytes`; waits `timeout_s` for the first message.

        After a first one that it waited for it lingers while more keep arriving, at most `linger_s`: a commit of many
        costs little more than a commit of one, but a broker that waits for acknowledgements must not be waited for.
        What has gathered during the last commit is enough to begin with the next.
        """
        with self._changed:
            if not self.messages:
                self._others = False
                if not self._wait(timeout_s):
                    return []
                self._linger(max_bytes, linger_s)
            if self.bytes <= max_bytes and self.messages <= _TAKE_MESSAGES:
                return self._take_all()
            return self._take_round(max_bytes)

    def _wait(self, timeout_s: float) -> bool:
        self._wanted = True
        self._changed.wait(timeout_s)
        self._wanted = False
        return self.messages > 0

    def _linger(self, max_bytes: int, linger_s: float) -> None:
        left_s = linger_s
        while left_s > 0 and self.bytes < max_bytes and not self.full:
            before = self.messages
            self._changed.wait(_QUIET_S)
            if self.messages == before:
                return
            left_s -= _QUIET_S

    def _take_all(self) -> list[Message]:
        taken = [message for lane in self._lanes.values() for message in lane.rest()]
        self._lanes.clear()
        self.messages = self.bytes = 0
        return taken

    def _take_round(self, max_bytes: int) -> list[Message]:
        """Go round the lanes, a quantum from each, until the limit is reached; a lane that was served goes last."""
        taken: list[Message] = []
        latest: list[Message] = []
        total = 0
        while self._lanes and total < max_bytes and len(taken) < _TAKE_MESSAGES:
            name = next(iter(self._lanes))
            lane = self._lanes.pop(name)
            before, quantum = lane.bytes, len(taken) + _QUANTUM_MESSAGES
            while lane.messages and before - lane.bytes < self._quantum_bytes and len(taken) < quantum:
                taken.append(lane.take())
            total += before - lane.bytes
            if lane.messages:
                self._lanes[name] = lane
            else:
                latest += lane.latest.values()
        self.messages -= len(taken)
        self.bytes -= total
        return taken + latest
