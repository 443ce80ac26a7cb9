"""Refusals on their way to the quarantine table: every one counted, each gateway's details within a budget."""

from collections import Counter
from dataclasses import dataclass, field, replace

from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason, shorten
from parkgrid_ingest.rows import BatchHeader, Quarantined

DETAIL_BURST = 500
"""Quarantine rows that one gateway may cause at once."""
DETAIL_PER_S = 10.0
"""Quarantine rows a second that one gateway may cause for ever."""
_GATEWAYS_MAX = 10_000
REFUSAL_S = 25e-6
"""What a refusal takes of the writer's time, about."""


@dataclass(slots=True)
class DetailBudget:
    """A bucket of quarantine rows for each gateway: a flood of nonsense is counted, not written down line by line."""

    burst: float = DETAIL_BURST
    per_s: float = DETAIL_PER_S
    _buckets: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def take(self, park: str, gateway: str, now_ms: int) -> bool:
        """Whether this gateway may have one more row now."""
        key = (park, gateway)
        left, since_ms = self._buckets.get(key, (self.burst, now_ms))
        left = min(self.burst, left + max(0, now_ms - since_ms) * self.per_s / 1_000)
        if key not in self._buckets and len(self._buckets) >= _GATEWAYS_MAX:
            self._buckets.clear()
        self._buckets[key] = (left - 1 if left >= 1 else left, now_ms)
        return left >= 1


@dataclass(slots=True)
class Refused:
    """What one commit refuses."""

    budget: DetailBudget
    counts: Counter[str] = field(default_factory=Counter)
    """Number of refusals by reason, complete."""
    suppressed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Number of refusals without a row of their own, by park and gateway."""
    senders: Counter[Gateway | None] = field(default_factory=Counter)
    """Number of refusals by who caused them, complete."""
    work_s: dict[Gateway | None, float] = field(default_factory=dict)
    """Seconds that these and other oddities take, about, by who caused them."""
    _entries: dict[tuple[object, ...], Quarantined] = field(default_factory=dict)

    def add(self, header: BatchHeader, index: int, device: str, reason: Reason, where: str, content: object) -> None:
        """Refuse a part of the batch that stands at `index` of the commit."""
        self._add(
            header.received_ms,
            Quarantined(
                park=header.gateway.park,
                gateway=header.gateway.gateway,
                epoch=header.epoch,
                seq=header.seq,
                device=device or None,
                reason=reason,
                location=shorten(where),
                content=shorten(content),
                batch=index,
            ),
        )

    def add_message(self, gateway: Gateway | None, reason: Reason, where: str, content: object, now_ms: int) -> None:
        """Refuse a whole message, of which nothing but its topic is known."""
        self._add(
            now_ms,
            Quarantined(
                park=gateway.park if gateway else None,
                gateway=gateway.gateway if gateway else None,
                epoch=None,
                seq=None,
                device=None,
                reason=reason,
                location=shorten(where),
                content=shorten(content),
            ),
        )

    def _add(self, now_ms: int, entry: Quarantined) -> None:
        """The same thing again costs no row: the first content stands for all of them."""
        self.counts[entry.reason.value] += 1
        park, gateway = entry.park or "", entry.gateway or ""
        sender = Gateway(park, gateway) if park else None
        self.senders[sender] += 1
        self.takes(sender, REFUSAL_S)
        key = (park, gateway, entry.batch, entry.device, entry.reason, entry.location)
        found = self._entries.get(key)
        if found is not None:
            self._entries[key] = replace(found, occurrences=found.occurrences + 1)
        elif self.budget.take(park, gateway, now_ms):
            self._entries[key] = entry
        else:
            self.suppressed[park, gateway] += 1

    def copy(self) -> "Refused":
        """The same as it stands now."""
        return Refused(
            self.budget,
            self.counts.copy(),
            self.suppressed.copy(),
            self.senders.copy(),
            dict(self.work_s),
            dict(self._entries),
        )

    def takes(self, sender: Gateway | None, seconds: float) -> None:
        """Note the time that a sender's oddities take."""
        self.work_s[sender] = self.work_s.get(sender, 0.0) + seconds

    def entries(self) -> list[Quarantined]:
        """The rows for the quarantine table."""
        return list(self._entries.values())
