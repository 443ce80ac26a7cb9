"""Registers and metered intervals as the database holds them, for the tests of what reads them."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

MIDNIGHT = int(datetime.fromisoformat("2026-11-01T00:00:00+08:00").timestamp() * 1000)
QUARTER_MS = 900_000
DAY_MS = 86_400_000

_REGISTER = """
INSERT INTO base.register (park_id, device_id, signal, period_s, method)
SELECT park_id, device_id, %s, %s, 'register' FROM base.device WHERE device = %s RETURNING register_id
"""
_INTERVAL = """
INSERT INTO base.interval_energy (at, energy_wh, first_at, first_steps, last_at, last_steps, changed_at, park_id,
    register_id, period_s, expected, received, valid, estimated, late, revision, quality, cause)
SELECT to_timestamp(%(at_ms)s::int8 / 1000.0), %(wh)s::int8, to_timestamp(%(at_ms)s::int8 / 1000.0), %(first)s::int8,
    to_timestamp(%(at_ms)s::int8 / 1000.0 + %(period_s)s), %(first)s::int8 + %(wh)s::int8, now(), park_id,
    register_id, %(period_s)s, 15, 15, 15, 0, 0, 1, CASE WHEN %(wh)s::int8 IS NULL THEN 0 ELSE 1 END, %(cause)s
FROM base.register WHERE register_id = %(register)s
"""
_YEAR = """
INSERT INTO base.interval_energy (at, energy_wh, first_at, first_steps, last_at, last_steps, changed_at, park_id,
    register_id, period_s, expected, received, valid, estimated, late, revision, quality, cause)
SELECT at, 1000 + extract(hour FROM at)::int8, at, 0, at, 1000, now(), park_id,
    register_id, 900, 15, 15, 15, 0, 0, 1, 1, 'first'
FROM base.register
CROSS JOIN generate_series(to_timestamp(%(start_ms)s / 1000.0), to_timestamp(%(stop_ms)s / 1000.0) - interval '1 s',
    interval '15 min') AS at
WHERE register_id = %(register)s
"""
_DAYS = "SELECT base.move_days(park_id) FROM base.park"
"""Days are counted by whoever writes intervals: here all of them anew."""


def register(dsn: str, device: str, signal: str, period_s: int = 900) -> int:
    """A register of an announced device."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(_REGISTER, (signal, period_s, device)).fetchone()
    assert row is not None
    return int(row[0])


def store_intervals(
    dsn: str,
    register_id: int,
    start_ms: int,
    energies_wh: Sequence[int | None],
    period_s: int = 900,
    cause: str = "first",
) -> None:
    """Intervals one after the other; the register stands at 1,000,000 Wh before the first."""
    first = 1_000_000
    with psycopg.connect(dsn) as connection:
        for place, wh in enumerate(energies_wh):
            at_ms = start_ms + place * period_s * 1000
            values = {"at_ms": at_ms, "wh": wh, "first": first, "register": register_id, "period_s": period_s}
            connection.execute(_INTERVAL, {**values, "cause": cause})
            first += wh or 0
        connection.execute(_DAYS)


def store_span(dsn: str, register_id: int, start_ms: int, stop_ms: int) -> None:
    """Every quarter of an hour of a span: 1000 Wh and the hour (UTC) in Wh."""
    with psycopg.connect(dsn) as connection:
        connection.execute(_YEAR, {"register": register_id, "start_ms": start_ms, "stop_ms": stop_ms})
        connection.execute(_DAYS)


def correct(dsn: str, register_id: int, at_ms: int, wh: int, by: str) -> None:
    """A former value kept, and a new one in its place, as metering does."""
    at = "to_timestamp(%(at_ms)s::int8 / 1000.0)"
    values = {"register": register_id, "at_ms": at_ms, "wh": wh, "by": by}
    columns = (
        "at, energy_wh, first_at, first_steps, last_at, last_steps, changed_at, park_id, register_id, period_s, "
        "expected, received, valid, estimated, late, revision, quality, cause, spread"
    )
    with psycopg.connect(dsn) as connection:
        connection.execute(
            f"INSERT INTO base.interval_energy_revision ({columns}, superseded_at, superseded_by, superseded_cause) "
            f"SELECT {columns}, now(), %(by)s, 'late' FROM base.interval_energy "
            f"WHERE register_id = %(register)s AND at = {at}",
            values,
        )
        connection.execute(
            "UPDATE base.interval_energy SET energy_wh = %(wh)s::int8, revision = revision + 1, changed_at = now(), "
            f"cause = 'late' WHERE register_id = %(register)s AND at = {at}",
            values,
        )
        connection.execute(_DAYS)
