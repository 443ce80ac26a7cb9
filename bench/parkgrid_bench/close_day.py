"""(g) Closing a day of 1,000 metering points from raw readings against a plain GROUP BY over the same rows."""

import time
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from parkgrid_bench.figures import BenchmarkError, Figure, Leg, Progress, finish, run_pairs
from parkgrid_bench.plant import SIGNALS
from parkgrid_bench.stack import Stack
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import from_ms
from parkgrid_ingest.rows import ClassRows
from parkgrid_ingest.store.copy_binary import Origin, columns_of, encode
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.rounds import Report, run_rounds

POINTS = 1_000
READINGS = 1_440
INTERVALS = 96
_PAST = 60
"""Minutes before the day that were metered in time: a register is new only once."""
_GATEWAY = Gateway("bench-metering", "gw-close")
_COUNTER = "energy_import_kwh"
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_POINTS_IN_COPY = 50
_PATIENCE_S = 120.0
_WRITTEN = ("interval_energy", "energy_day", "register_belief")
"""What a day that is closed again begins from: as it was before."""


def measure(stack: Stack, pairs: int, tell: Progress) -> Figure:
    """The figure `close_day`: both sides in points a second, so the ratio is that of the times turned round."""
    start_ms = stack.next_ms // _DAY_MS * _DAY_MS - 100 * _DAY_MS
    tell(f"close_day: storing a day of {POINTS} points at a minute")
    devices = _born(stack.database.dsn, start_ms)
    figure = Figure("close_day")
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        _await_quiet(connection)
        park_id = _number(connection)
        _fill(connection, park_id, devices, range(-_PAST, 1), start_ms)
        _meter(connection, park_id, devices, start_ms, range(-_PAST, 0, 15))
        for table in _WRITTEN:
            connection.execute(f"CREATE TEMP TABLE past_{table} AS TABLE base.{table}".encode())
        _fill(connection, park_id, devices, range(1, READINGS + 1), start_ms)
        tell("close_day: stored")
        # Else the server does it by itself, in the middle of some pair.
        connection.execute("VACUUM (ANALYZE) base.meter")
        # What is computed must be what the plain statement says about the same rows.
        plain = _plain(connection, start_ms)
        legs = list(
            run_pairs(
                figure,
                lambda: _close(connection, park_id, devices, start_ms, plain),
                lambda: _group_by(connection, start_ms),
                pairs,
                tell,
            )
        )
    return finish(figure, "points/s (GROUP BY against closing)", legs, POINTS)


def _born(dsn: str, start_ms: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Announce the points; their numbers in order."""
    announced = tuple(
        Device(f"point-{number:04}", "meter", ("active_power_kw", _COUNTER), period_s=60.0) for number in range(POINTS)
    )
    store = open_store(dsn)
    try:
        known = store.register(_GATEWAY, Birth("bench", start_ms, start_ms, announced))
    finally:
        store.close()
    return np.sort(np.array([number for number, _ in known.values()], np.int64))


def _await_quiet(connection: "psycopg.Connection[Any]") -> None:
    """Wait until maintenance has passed on everything of the benchmarks before."""
    deadline = time.monotonic() + _PATIENCE_S
    while connection.execute("SELECT EXISTS (SELECT FROM base.rollup_dirty)").fetchone() == (True,):
        if time.monotonic() > deadline:
            raise BenchmarkError(f"close_day: roll-ups were not done after {_PATIENCE_S:g} s: run it alone with --only")
        time.sleep(0.1)


def _number(connection: "psycopg.Connection[Any]") -> int:
    """The number of the park."""
    row = connection.execute("SELECT park_id FROM base.park WHERE park = %s", (_GATEWAY.park,)).fetchone()
    if row is None:
        raise BenchmarkError("close_day: the park was not stored")
    return int(row[0])


def _fill(
    connection: "psycopg.Connection[Any]",
    park_id: int,
    devices: np.ndarray[Any, np.dtype[np.int64]],
    span: range,
    start_ms: int,
) -> None:
    """Readings of some minutes with 20 signals, minute after minute as they would have come."""
    days = [from_ms(start_ms + shift).date() for shift in (-_DAY_MS, 0, _DAY_MS)]
    if connection.execute("SELECT to_regproc('base.ensure_days') IS NOT NULL").fetchone() == (True,):
        connection.execute("SELECT base.ensure_days('meter', %s::date[])", (days,))
    for first in range(span.start, span.stop, _POINTS_IN_COPY):
        minutes = np.arange(first, min(span.stop, first + _POINTS_IN_COPY), dtype=np.int64)
        rows = _rows(devices, minutes, start_ms)
        table = sql.Identifier("base", "meter")
        names = sql.SQL(", ").join(map(sql.Identifier, columns_of(rows)))
        received = start_ms + minutes * _MINUTE_MS + 1_000
        park = np.full(len(minutes), park_id, np.int32)
        origin = Origin(park, np.ones(len(minutes), np.int32), minutes + _PAST + 1, received)
        with connection.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(table, names)) as copy:
            copy.write(encode(rows, origin))


def _rows(
    devices: np.ndarray[Any, np.dtype[np.int64]], minutes: np.ndarray[Any, np.dtype[np.int64]], start_ms: int
) -> ClassRows:
    device, minute = np.tile(devices, len(minutes)), np.repeat(minutes, len(devices))
    values = {}
    for position, signal in enumerate(SIGNALS):
        low, high = signal.steps(max(0.0, signal.low)), signal.steps(min(signal.high, 400.0))
        values[signal.name] = low + (minute * 7_919 + position * 104_729) % (high - low)
    values[_COUNTER] = 1_000_000 + device * 1_000 + minute * (17 + device % 13)
    batch = np.repeat(np.arange(len(minutes), dtype=np.int32), len(devices))
    return ClassRows("meter", batch, device.astype(np.int32), start_ms + minute * _MINUTE_MS, values)


def _group_by(connection: "psycopg.Connection[Any]", start_ms: int) -> Leg:
    started = time.monotonic()
    rows = connection.execute(_PLAIN.encode(), _bounds(start_ms)).fetchall()
    return Leg(1 / (time.monotonic() - started), len(rows) == POINTS * INTERVALS)


def _plain(connection: "psycopg.Connection[Any]", start_ms: int) -> list[tuple[Any, ...]]:
    """Energy of each point over the day by its first and last reading."""
    low, high = _bounds(start_ms)
    return connection.execute(_ENERGIES, (low, high)).fetchall()


def _close(
    connection: "psycopg.Connection[Any]",
    park_id: int,
    devices: np.ndarray[Any, np.dtype[np.int64]],
    start_ms: int,
    plain: list[tuple[Any, ...]],
) -> Leg:
    """Meter the whole day as it came after the hour before: read, compute, write, commit."""
    for table in ("data_gap", "energy_dirty", *_WRITTEN):
        connection.execute(f"TRUNCATE base.{table}".encode())
    for table in _WRITTEN:
        connection.execute(f"INSERT INTO base.{table} TABLE past_{table}".encode())
    connection.execute("UPDATE base.register SET settled_to = %s", (from_ms(start_ms),))
    connection.execute("DELETE FROM base.energy_progress")
    report, seconds = _meter(connection, park_id, devices, start_ms, range(0, READINGS + 1, 15))
    # The last quarter of the hour before ended with the day's first reading, so it was not told yet.
    inserted = report.inserted == POINTS * (INTERVALS + 1)
    right = inserted and connection.execute(_STORED, (from_ms(start_ms),)).fetchall() == plain
    return Leg(1 / seconds, right)


def _meter(
    connection: "psycopg.Connection[Any]",
    park_id: int,
    devices: np.ndarray[Any, np.dtype[np.int64]],
    start_ms: int,
    quarters: range,
) -> tuple[Report, float]:
    """Meter after news in quarters of an hour, given by their minutes: what was done, and its seconds."""
    slots = start_ms // _MINUTE_MS + np.array(quarters)
    noted = (park_id, np.repeat(devices, len(slots)).tolist(), np.tile(slots, len(devices)).tolist())
    connection.execute(
        "INSERT INTO base.energy_dirty (park_id, device_class, devices, slots) VALUES (%s, 'meter', %s, %s)", noted
    )
    started = time.monotonic()
    report = run_rounds(connection, time.time_ns() // 1_000_000)
    return report, time.monotonic() - started


def _bounds(start_ms: int) -> tuple[datetime, datetime]:
    return from_ms(start_ms), from_ms(start_ms + _DAY_MS)


_PLAIN = """
SELECT device_id, date_bin('15 minutes', at, '2000-01-01T00:00Z') AS bucket,
       max(energy_import_kwh) - min(energy_import_kwh) AS energy, count(*)
FROM base.meter WHERE at >= %s AND at < %s GROUP BY device_id, bucket
"""

_ENERGIES = """
SELECT device_id, (max(energy_import_kwh) - min(energy_import_kwh))::int8, 96::int8
FROM base.meter WHERE at >= %s AND at <= %s GROUP BY device_id ORDER BY device_id
"""

_STORED = """
SELECT r.device_id, sum(i.energy_wh)::int8, count(*)
FROM base.interval_energy AS i JOIN base.register AS r USING (park_id, register_id)
WHERE i.at >= %s GROUP BY r.device_id ORDER BY r.device_id
"""
