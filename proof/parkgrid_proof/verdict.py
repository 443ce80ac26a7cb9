"""The last line of a run: what the gateways accepted against what the store holds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from parkgrid_proof.reconcile import Reconciliation, reconcile
from parkgrid_servers.database import RunningDatabase


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
    shared: bool = False
    """Whether the database was given, so that others may write to it."""

    @property
    def exact(self) -> bool:
        """Whether nothing was lost, doubled, altered, invented, refused or contradicted.

        A database that others write to as well holds rows that this run's ledger cannot know.
        """
        found = self.found
        return not (
            found.lost
            or found.duplicated
            or found.altered
            or found.conflicting
            or self.quarantined
            or (found.alien and not self.shared)
        )

    def line(self) -> str:
        """One JSON object."""
        found = self.found
        return json.dumps(
            {
                "accepted": found.accepted,
                "stored": found.stored,
                "lost": found.lost,
                "duplicated": found.duplicated,
                "repeated": found.repeated,
                "conflicting": found.conflicting,
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


def judge(
    ledgers: Sequence[Path],
    database: RunningDatabase,
    before: Before,
    broker: str,
    figures: Mapping[str, float] | None = None,
) -> Verdict:
    """Hold the ledgers of a run against the store."""
    dsn = database.dsn
    found = reconcile(ledgers, dsn, received_since=before.at)
    with psycopg.connect(dsn) as connection:
        refused = _quarantined(connection) - before.quarantined
    return Verdict(found, refused, store_kind(dsn), broker, figures or {}, shared=database.kind == "dsn")


def store_kind(dsn: str) -> str:
    """Which of the stores holds the readings: `timescale` or `postgres`."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    return "timescale" if row else "postgres"


def _quarantined(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT coalesce(sum(occurrences), 0)::int8 FROM quarantine").fetchone()
    return int(str(row[0])) if row else 0
