"""How the parts between the gateways and the database stand, as ingest's signs of life tell it. Pure."""

import json
from dataclasses import dataclass
from typing import Any

from parkgrid_api.answers.present import BrokerState, ChainState, IngestState, StoreState

SILENT_S = 4.0
"""So long without a sign of life (one a second) and without a commit, and ingest is taken for gone."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What is known of ingest, of its link to the broker, and of whether it can store. Instants are epoch ms."""

    ingest: IngestState = "unknown"
    """`running`, `silent`, or `unknown` while it was never heard."""
    ingest_since_ms: int | None = None
    """When a silent ingest was heard last."""
    broker: BrokerState = "unknown"
    """`connected`, `lost`, or `unknown` while ingest does not tell."""
    store: StoreState = "unknown"
    """`storing`, `disk_full`, `unavailable`, or `unknown` while ingest does not tell."""
    since_ms: int | None = None
    """Since when broker and store stand like this."""

    def document(self) -> ChainState:
        """The answer's form."""
        return {
            "ingest": self.ingest,
            "ingest_since_ms": self.ingest_since_ms,
            "broker": self.broker,
            "store": self.store,
            "since_ms": self.since_ms,
        }


class Signs:
    """The signs of life that were heard; every instant is given."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[dict[str, Any], int]] = {}
        self._heard_ms: int | None = None
        self._committed_ms: int | None = None

    def pulse(self, payload: str, now_ms: int) -> None:
        """Ingest told how it stands; what cannot be read is a sign of life all the same."""
        try:
            told = json.loads(payload)
        except ValueError:
            told = {}
        told = told if isinstance(told, dict) else {}
        worker = told.get("worker")
        lately = {name: each for name, each in self._told.items() if now_ms - each[1] <= SILENT_S * 1000}
        self._told = {**lately, worker if isinstance(worker, str) else "": (told, now_ms)}
        self._heard_ms = now_ms

    def commit(self, now_ms: int) -> None:
        """Something was stored."""
        self._committed_ms = now_ms

    def forget(self) -> None:
        """The session that listens was lost: a silence after it says nothing until ingest is heard again."""
        self._told, self._heard_ms, self._committed_ms = {}, None, None

    def at(self, now_ms: int) -> Chain:
        """How the chain stands now."""
        if self._heard_ms is None:
            return Chain()
        last_ms = max(self._heard_ms, self._committed_ms or 0)
        if now_ms - last_ms > SILENT_S * 1000:
            return Chain("silent", last_ms)
        told = self._best(now_ms)
        since = told.get("since_ms")
        store = told.get("store")
        return Chain(
            "running",
            None,
            "connected" if told.get("broker") is True else "lost",
            store if store in ("disk_full", "unavailable") else "storing",
            since if isinstance(since, int) else None,
        )

    def _best(self, now_ms: int) -> dict[str, Any]:
        """The best that any worker told lately: what one of a group cannot do, the others do."""
        lately = [told for told, heard_ms in self._told.values() if now_ms - heard_ms <= SILENT_S * 1000]
        latest = max(self._told.values(), key=lambda each: each[1])[0]
        return max(lately, key=lambda told: (told.get("broker") is True, not told.get("store")), default=latest)
