"""Messages between the socket and the writer: bounded in number and bytes, taken fairly by gateway."""

import threading
from collections import deque
from dataclasses import dataclass

from contract.identity import Gateway
from contract.topics import Channel

_QUIET_S = 0.001


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


class Inbox:
    """A bounded queue with one lane for each gateway.

    It never refuses: the reader looks at `full` and leaves the socket unread, so that the broker and behind it the
    outboxes hold what does not fit. A flooding gateway lengthens its own lane only, since `take` goes round the lanes.
    """

    def __init__(self, max_messages: int, max_bytes: int, quantum_bytes: int = 65_536) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._quantum_bytes = quantum_bytes
        self._lanes: dict[str, deque[Message]] = {}
        self._changed = threading.Condition(threading.Lock())
        self._wanted = False
        self.messages = 0
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Whether the socket should be left unread."""
        return self.messages >= self._max_messages or self.bytes >= self._max_bytes

    def put(self, message: Message, lane: str) -> None:
        """Append a message to a lane, which is its gateway's name."""
        with self._changed:
            messages = self._lanes.get(lane)
            if messages is None:
                messages = self._lanes[lane] = deque()
            messages.append(message)
            self.messages += 1
            self.bytes += len(message.payload)
            if self._wanted:
                self._wanted = False
                self._changed.notify()

    def take(self, max_bytes: int, timeout_s: float, linger_s: float = 0.0) -> list[Message]:
        """What has arrived, up to about `max_bytes`; waits `timeout_s` for the first message.

        After a first one that it waited for it lingers while more keep arriving, at most `linger_s`: a commit of many
        costs little more than a commit of one, but a broker that waits for acknowledgements must not be waited for.
        What has gathered during the last commit is enough to begin with the next.
        """
        with self._changed:
            if not self.messages:
                if not self._wait(timeout_s):
                    return []
                self._linger(max_bytes, linger_s)
            if self.bytes <= max_bytes:
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
        taken = [message for lane in self._lanes.values() for message in lane]
        self._lanes.clear()
        self.messages = self.bytes = 0
        return taken

    def _take_round(self, max_bytes: int) -> list[Message]:
        """Go round the lanes, a quantum from each, until the limit is reached; a lane that was served goes last."""
        taken: list[Message] = []
        total = 0
        while self._lanes and total < max_bytes:
            name = next(iter(self._lanes))
            lane = self._lanes.pop(name)
            quantum = 0
            while lane and quantum < self._quantum_bytes:
                message = lane.popleft()
                quantum += len(message.payload)
                taken.append(message)
            total += quantum
            if lane:
                self._lanes[name] = lane
        self.messages -= len(taken)
        self.bytes -= total
        return taken
