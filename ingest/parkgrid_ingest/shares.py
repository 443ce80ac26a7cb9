"""The writer's time, shared: what is out of the ordinary costs its sender, and nobody else, its turn.

Ordinary telemetry is not counted: it is cheap, and the inbox hands it out fairly. Births, status, and whatever is
refused, cost time that depends on what a sender makes up; so each sender has a bucket of seconds that refills slowly.
An empty one has its messages wait, or sent again by their gateway. Nothing is lost by it.
"""

import time
from dataclasses import dataclass, field

from parkgrid_contract.identity import Gateway

BURST_S = 1.0
"""Seconds that one sender may take at once: some hundred births of a usual gateway."""
MOST_AT_ONCE_S = 0.25
"""What one message is charged at most: a machine that is slow at this moment is not its sender's doing."""
SHARE = 0.05
"""Part of the writer's time that one sender may take for ever."""
_SENDERS_MAX = 10_000

Sender = Gateway | None
"""None: everybody whose topic is none of the wire."""


@dataclass(slots=True)
class Shares:
    """A bucket of seconds for each sender."""

    burst_s: float = BURST_S
    share: float = SHARE
    _left: dict[Sender, tuple[float, float]] = field(default_factory=dict)

    def free(self, sender: Sender, now_s: float) -> bool:
        """Whether this sender may take some of the writer's time now."""
        return self._of(sender, now_s) > 0

    def charge(self, sender: Sender, seconds: float, now_s: float) -> None:
        """Note what a sender has taken, or what his messages will."""
        if len(self._left) >= _SENDERS_MAX and sender not in self._left:
            self._left.clear()
        self._left[sender] = (self._of(sender, now_s) - seconds, now_s)

    def took(self, sender: Sender, started_s: float) -> None:
        """Charge what one message has taken since an instant of `time.monotonic`."""
        now_s = time.monotonic()
        self.charge(sender, min(now_s - started_s, MOST_AT_ONCE_S), now_s)

    def _of(self, sender: Sender, now_s: float) -> float:
        left, since_s = self._left.get(sender, (self.burst_s, now_s))
        return min(self.burst_s, left + max(0.0, now_s - since_s) * self.share)
