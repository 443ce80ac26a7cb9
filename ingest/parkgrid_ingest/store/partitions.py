"""Partitions and chunks of raw readings: made before the rows that need them, remembered afterwards.

One a day; a whole month that comes at once, and a month that comes long after its time, get a single one
(`base.ensure_days`); TimescaleDB makes the days by itself. So what may lie far back is bounded: 26 years are 312
partitions of a class, whatever stamps arrive.
"""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from parkgrid_contract.time import from_ms
from parkgrid_database.errors import ContentError
from parkgrid_ingest.sql import statement

_DAY_MS = 86_400_000
_DAYS_AT_ONCE = 200
"""Partitions made in one transaction: each holds a handful of locks until its end."""
_DAYS_OF_LATE = 45
"""A month that ended so long before a reading of it was received comes late: nobody fills its days any more."""
_FIRST_DAY, _LAST_DAY = 0, 47_482
"""1970-01-01 to 2100-01-01, in days since 1970."""


class Days:
    """Which days of which class have a partition."""

    def __init__(self) -> None:
        self._known: dict[str, set[int]] = {}

    def forget(self) -> None:
        """Look again: another process may have dropped some."""
        self._known.clear()

    def ensure(
        self, connection: psycopg.Connection[Any], device_class: str, at_ms: NDArray[np.int64], received_ms: int
    ) -> int:
        """Make the partitions that these instants need; gives their number. `received_ms` is when they came."""
        first, last = int(at_ms.min()) // _DAY_MS, int(at_ms.max()) // _DAY_MS
        if first < _FIRST_DAY or last > _LAST_DAY:
            raise ContentError(f"{device_class}: an instant is not between 1970 and 2100")
        known = self._known.get(device_class)
        if known is None:
            known = self._known[device_class] = _existing(connection, device_class)
        wanted = {first} if first == last else set(np.unique(at_ms // _DAY_MS).tolist())
        if wanted <= known:
            return 0
        late_before = from_ms(max(0, received_ms - _DAYS_OF_LATE * _DAY_MS)).date()
        return self._make(connection, device_class, sorted(wanted - known), late_before)

    def _make(
        self, connection: psycopg.Connection[Any], device_class: str, days: list[int], months_before: date
    ) -> int:
        made = 0
        for start in range(0, len(days), _DAYS_AT_ONCE):
            part = days[start : start + _DAYS_AT_ONCE]
            dates = [from_ms(day * _DAY_MS).date() for day in part]
            row = connection.execute(statement("ensure_days"), (device_class, dates, months_before)).fetchone()
            made += row[0] if row else 0
            self._known[device_class].update(part)
        return made


def _existing(connection: psycopg.Connection[Any], device_class: str) -> set[int]:
    return {_day_number(day) for (day,) in connection.execute(statement("known_days"), (device_class,))}


def _day_number(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // 86_400
