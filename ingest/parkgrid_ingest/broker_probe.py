"""Whether a broker that is connected still hands messages over: now and then, in silence, it is asked for an echo.

A connection can stand, answer pings and be dead all the same: a broker that takes a session over from an older
connection may count it as disconnected when that one ends, and keep every message for a client that it waits for.
"""

from dataclasses import dataclass

AFTER_S = 5.0
"""How long nothing may come before an echo is asked for."""
PATIENCE_S = 10.0
"""How long an echo may take: less than it takes a gateway's outbox to matter, more than a broker under load needs."""


@dataclass(slots=True)
class BrokerProbe:
    """What is known about the present silence; instants are seconds of a monotonic clock."""

    heard_at: float = 0.0
    asked_at: float | None = None
    trusted: bool = False
    """Whether an echo has ever come back: some brokers do not let us write or read its topic."""

    def hear(self, now: float) -> None:
        """Something came, or nothing could have."""
        self.heard_at, self.asked_at = now, None

    def come_back(self, now: float) -> None:
        """It was the echo."""
        self.trusted = True
        self.hear(now)

    def due(self, now: float) -> bool:
        """Whether to ask for one; from then on it is waited for."""
        if self.asked_at is None and now - self.heard_at >= AFTER_S:
            self.asked_at = now
            return True
        return False

    def missed(self, now: float) -> bool:
        """Whether the one that was asked for does not come; after that a new silence begins."""
        if self.asked_at is None or now - self.asked_at < PATIENCE_S:
            return False
        self.hear(now)
        return self.trusted
