"""What a gateway is told of its batches: up to where they are committed.

A broker keeps the last acknowledgement of a gateway. Of two workers, one may commit first and publish last: what is
kept then lies behind. So each of a group looks into the store once more when it has said nothing to a gateway for a
while, and says what is committed by then, if that is something else.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile

from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack, encode_ack
from parkgrid_ingest.bus import Bus
from parkgrid_ingest.metrics import Metrics

QUIET_S = 2.0
"""After which the store is looked into: longer than another worker takes to publish what it has committed."""
_AT_ONCE = 1_000


@dataclass(slots=True)
class Answers:
    """Acknowledgements to gateways. Belongs to the writer's thread."""

    bus: Bus
    metrics: Metrics
    looks_again: bool = False
    """Whether others acknowledge batches of the same gateways."""
    _last: dict[Gateway, tuple[Ack, float]] = field(default_factory=dict)
    """What this worker said last to a gateway, and when; the oldest first."""

    def publish(self, gateway: Gateway, ack: Ack) -> None:
        """Tell a gateway what it may forget."""
        self.metrics.acks.inc()
        self.bus.publish_ack(gateway, ack.epoch, encode_ack(ack))
        self.stands(gateway, ack)

    def stands(self, gateway: Gateway, ack: Ack) -> None:
        """Note what the broker keeps for a gateway."""
        self._last.pop(gateway, None)
        # After a restore its gateway begins an epoch, and is told of that.
        if self.looks_again and ack.restored is None:
            self._last[gateway] = (ack, time.monotonic())

    @property
    def waits(self) -> bool:
        """Whether it is time to look at some again."""
        return bool(self._last) and time.monotonic() - next(iter(self._last.values()))[1] >= QUIET_S

    def look_again(self, newest: Callable[[Iterable[Gateway]], Mapping[Gateway, Ack]]) -> None:
        """Say what is committed by now where it is something else; `newest` asks the store."""
        before_s = time.monotonic() - QUIET_S
        due = dict(islice(takewhile(lambda each: each[1][1] <= before_s, self._last.items()), _AT_ONCE))
        found = newest(due)
        for gateway, (said, _) in due.items():
            ack = found.get(gateway)
            del self._last[gateway]
            # One that lies behind what was said is a restored store's, and told as such by the first of the group.
            if ack is not None and ack != said and (ack.epoch, ack.through) >= (said.epoch, said.through):
                self.publish(gateway, ack)
