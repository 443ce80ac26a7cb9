"""Retention: what is older than the settings allow goes, and where each relation then begins is noted."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from contract.time import to_ms
from ingest.buckets import bucket_start
from ingest.sql import statement
from ingest.store.settings import StoreSettings

_MINUTE_MS = 60_000
_RETENTION_EVERY_MS = 3_600_000


class Retention:
    """Removes what is older than the settings allow, counted from the newest instant of each class.

    Old refusals are not removed but summed up by gateway and reason, so that the count stays complete.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self._days = {
            "": settings.raw_days,
            "_1m": settings.rollup_1m_days,
            "_15m": settings.rollup_15m_days,
        }
        self._quarantine_rows = settings.quarantine_rows
        self._applied_ms: int | None = None

    def apply(self, connection: psycopg.Connection[Any], now_ms: int, drop: Any) -> int:
        """Once an hour: note the new border, then remove what lies before it."""
        if self._applied_ms is not None and self._applied_ms <= now_ms < self._applied_ms + _RETENTION_EVERY_MS:
            return 0
        self._applied_ms = now_ms
        connection.execute(statement("sum_up_quarantine"), (self._quarantine_rows,))
        dropped = 0
        for device_class, newest in newest_of(connection).items():
            with connection.transaction():
                if connection.execute(statement("one_keeper"), (device_class,)).fetchone() == (True,):
                    dropped += self._drop_old(connection, device_class, newest, drop)
                else:
                    # Another keeper computes this class, and holds its line of progress until it is done.
                    self._applied_ms = None
        return dropped

    def _drop_old(self, connection: psycopg.Connection[Any], device_class: str, newest: datetime, drop: Any) -> int:
        dropped = 0
        for suffix, days in self._days.items():
            if days:
                oldest = _midnight(newest - timedelta(days=days))
                connection.execute(statement("note_kept_from"), (f"{device_class}{suffix}", oldest))
                dropped += drop(connection, f"{device_class}{suffix}", oldest)
        return dropped


def newest_of(connection: psycopg.Connection[Any]) -> dict[str, datetime]:
    """Class to its newest bucket of a minute."""
    rows = connection.execute(statement("progress")).fetchall()
    return {relation: newest for relation, newest, _ in rows if newest is not None}


def kept_from_of(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Relation to the minute before which it was removed."""
    rows = connection.execute(statement("progress")).fetchall()
    return {relation: to_ms(kept) // _MINUTE_MS for relation, _, kept in rows if kept is not None}


def _midnight(instant: datetime) -> datetime:
    """The last midnight in Shanghai: a bucket of any level lies on one side of it."""
    return bucket_start(instant, "1d")
