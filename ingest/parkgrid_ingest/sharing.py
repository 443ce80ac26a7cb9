"""How a worker of a group comes to its part of the telemetry, whether or not the broker shares a subscription.

    connected ─▶ asks itself through a group of its own ─┬─ comes back ─▶ takes its share, while it can store
                                                         └─ silence ───▶ takes all if it is the first, else stands by

A broker that knows no shared subscriptions may take one all the same, and deliver nothing: what came back counts.
"""

import secrets

from parkgrid_contract.topics import Channel, subscription

PATIENCE_S = 5.0
"""How long nothing may come before the question counts as unanswered."""
MOST_S = 30.0
"""How long it may take in all."""
ASK_AGAIN_S = 300.0
"""After which who stands by asks once more, on a new connection: the broker may have been slow."""


class Sharing:
    """What is known of the broker, and what to subscribe to; instants are seconds of a monotonic clock."""

    def __init__(self, group: str, topic: str) -> None:
        self._group = group
        self._topic = topic
        self._asked_at: float | None = None
        self._heard_at = 0.0
        self._again_at: float | None = None
        self.supported: bool | None = None
        """Whether the broker shares; None while that is not known."""
        self.question = ""
        """The filter of a group of its own, through which it asks."""
        self.token = b""
        """What is to come back through it."""

    def begin(self, now: float) -> None:
        """Ask, on a new connection on which nothing else brings the topic: then what comes back came by the share."""
        self.supported = None
        # Not the group itself: another worker would get what was asked.
        self.question = f"$share/{self._group}-{secrets.token_hex(8)}/{self._topic}"
        self.token = secrets.token_bytes(16)
        self._asked_at, self._heard_at, self._again_at = now, now, None

    @property
    def asking(self) -> bool:
        """Whether an answer is waited for."""
        return self._asked_at is not None

    def hear(self, now: float) -> None:
        """Something else came, or nothing could have."""
        self._heard_at = now

    def answered(self, payload: bytes) -> bool:
        """Whether this is the answer: the broker shares."""
        if not self.asking or payload != self.token:
            return False
        self.supported, self._asked_at = True, None
        return True

    def refused(self, now: float) -> None:
        """The broker does not even take the question."""
        if self.asking:
            self.supported, self._asked_at, self._again_at = False, None, now + ASK_AGAIN_S

    def missed(self, now: float) -> bool:
        """Whether the answer has just been given up."""
        if self._asked_at is None or (now - self._heard_at < PATIENCE_S and now - self._asked_at < MOST_S):
            return False
        self.refused(now)
        return True

    def due(self, now: float) -> bool:
        """Whether to ask once more, on a new connection."""
        return self._again_at is not None and now >= self._again_at

    def takes(self, *, first: bool, storing: bool) -> str | None:
        """The filter by which telemetry is to be had now; None: others have it.

        Who cannot store leaves its share to those who can.
        """
        if not self._group:
            return subscription(Channel.TELEMETRY)
        if self.supported:
            return f"$share/{self._group}/{subscription(Channel.TELEMETRY)}" if storing else None
        return subscription(Channel.TELEMETRY) if first and self.supported is False else None
