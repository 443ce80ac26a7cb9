"""The last line of a run: what the gateways accepted against what the store holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from parkgrid.reconcile import Reconciliation, reconcile


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a run; `exact` decides the exit status."""

    found: Reconciliation
    quarantined: int
    """Refusals of this run; the store's own count also holds those of earlier runs."""
    store: str
    broker: str
    figures: Mapping[str, float] = field(default_factory=dict)
    """Further numbers of the run, by name."""

    @property
    def exact(self) -> bool:
        """Whether nothing was lost, doubled, altered, invented or refused."""
        return self.found.exact and self.quarantined == 0

    def line(self) -> str:
        """One JSON object."""
        found = self.found
        return json.dumps(
            {
                "accepted": found.accepted,
                "stored": found.stored,
                "lost": found.lost,
                "duplicated": found.duplicated,
                "quarantined": self.quarantined,
                "altered": found.altered,
                "alien": found.alien,
                "store": self.store,
                "broker": self.broker,
                **self.figures,
            },
        )


@dataclass(frozen=True, slots=True)
class Before:
    """What the store held when the run began."""

    at: datetime
    quarantined: int

    @classmethod
    def of(cls, dsn: str) -> "Before":
        """Look now."""
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            return cls(row[0] if row else datetime.now().astimezone(), _quarantined(connection))


def judge(ledger: Path, dsn: str, before: Before, broker: str, figures: Mapping[str, float] | None = None) -> Verdict:
    """Hold the ledger of a run against the store."""
    found = reconcile([ledger], dsn, received_since=before.at)
    with psycopg.connect(dsn) as connection:
        refused = _quarantined(connection) - before.quarantined
    return Verdict(found, refused, store_kind(dsn), broker, figures or {})


def store_kind(dsn: str) -> str:
    """Which of the stores holds the readings: `timescale` or `postgres`."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return "timescale" if row else "postgres"


def _quarantined(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT coalesce(sum(occurrences), 0)::int8 FROM quarantine").fetchone()
    return int(str(row[0])) if row else 0
