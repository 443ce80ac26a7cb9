"""(g) Closing a day of 1,000 metering points from raw readings against a plain GROUP BY over the same rows."""

import time
from dataclasses import dataclass
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
_KEPT = ("interval_energy", "energy_day", "register_belief")
"""What stands before the day is the same before each leg."""


def measure(stack: Stack, pairs: int, tell: Progress) -> Figure:
    """The figure `close_day`: both sides in points a second, so the ratio is that of the times turned round."""
    start_ms = stack.next_ms // _DAY_MS * _DAY_MS - 100 * _DAY_MS
    tell(f"close_day: storing a day of {POINTS} points at a minute")
    devices = _born(stack.database.dsn, start_ms)
    [(park_id,)] = stack.query("SELECT park_id FROM public.parks WHERE park = %s", _GATEWAY.park)
    figure = Figure("close_day")
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        _await_quiet(connection)
        points = _Points(connection, park_id, devices, start_ms)
        points.fill(range(-_PAST, 1))
        points.meter(range(-_PAST, 0, 15))
        for table in _KEPT:
            connection.execute(f"CREATE TEMP TABLE past_{table} AS TABLE base.{table}".encode())
        points.fill(range(1, READINGS + 1))
        tell("close_day: stored")
        # Else the server does it by itself, in the middle of some pair.
        connection.execute("VACUUM (ANALYZE) base.meter")
        # What is computed must be what the plain statement says about the same rows.
        plain = points.plain()
        legs = list(
            run_pairs(
                figure,
                lambda: points.close(plain),
                points.group_by,
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


@dataclass(frozen=True, slots=True)
class _Points:
    """The metering points of the park, from the midnight of the day on."""

    connection: "psycopg.Connection[Any]"
    park_id: int
    devices: np.ndarray[Any, np.dtype[np.int64]]
    start_ms: int

    def fill(self, span: range) -> None:
        """Readings of some minutes with 20 signals, minute after minute as they would have come."""
        days = [from_ms(self.start_ms + shift).date() for shift in (-_DAY_MS, 0, _DAY_MS)]
        self.connection.execute("SELECT base.ensure_days('meter', %s::date[])", (days,))
        for first in range(span.start, span.stop, _POINTS_IN_COPY):
            minutes = np.arange(first, min(span.stop, first + _POINTS_IN_COPY), dtype=np.int64)
            rows = _rows(self.devices, minutes, self.start_ms)
            table = sql.Identifier("base", "meter")
            names = sql.SQL(", ").join(map(sql.Identifier, columns_of(rows)))
            received = self.start_ms + minutes * _MINUTE_MS + 1_000
            park, epoch = (np.full(len(minutes), number, np.int32) for number in (self.park_id, 1))
            origin = Origin(park, epoch, minutes + _PAST + 1, received)
            copying = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(table, names)
            with self.connection.cursor().copy(copying) as copy:
                copy.write(encode(rows, origin))

    def group_by(self) -> Leg:
        """The plain statement over the same rows."""
        started = time.monotonic()
        rows = self.connection.execute(_PLAIN.encode(), self._day()).fetchall()
        return Leg(1 / (time.monotonic() - started), len(rows) == POINTS * INTERVALS)

    def plain(self) -> list[tuple[Any, ...]]:
        """Energy of each point over the day by its first and last reading."""
        return self.connection.execute(_ENERGIES, self._day()).fetchall()

    def close(self, plain: list[tuple[Any, ...]]) -> Leg:
        """Meter the whole day as it came after the hour before: read, compute, write, commit."""
        cleared = ", ".join(f"base.{table}" for table in (*_KEPT, "data_gap", "energy_dirty"))
        self.connection.execute(f"TRUNCATE {cleared}".encode())
        for table in _KEPT:
            self.connection.execute(f"INSERT INTO base.{table} TABLE past_{table}".encode())
        start = from_ms(self.start_ms)
        self.connection.execute("UPDATE base.register SET settled_to = %s", (start,))
        self.connection.execute("DELETE FROM base.energy_progress")
        report, seconds = self.meter(range(0, READINGS + 1, 15))
        # The last quarter of the hour before ended with the day's first reading, so it was not told yet.
        inserted = report.inserted == POINTS * (INTERVALS + 1)
        right = inserted and self.connection.execute(_STORED, (self.park_id, start)).fetchall() == plain
        return Leg(1 / seconds, right)

    def meter(self, quarters: range) -> tuple[Report, float]:
        """Meter after news in quarters of an hour, given by their minutes: what was done, and its seconds."""
        slots = self.start_ms // _MINUTE_MS + np.array(quarters)
        pairs = np.repeat(self.devices, len(slots)).tolist(), np.tile(slots, len(self.devices)).tolist()
        self.connection.execute(_NOTE, (self.park_id, *pairs))
        started = time.monotonic()
        report = run_rounds(self.connection, time.time_ns() // 1_000_000)
        return report, time.monotonic() - started

    def _day(self) -> tuple[int, datetime, datetime]:
        return self.park_id, from_ms(self.start_ms), from_ms(self.start_ms + _DAY_MS)


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


_NOTE = "INSERT INTO base.energy_dirty (park_id, device_class, devices, slots) VALUES (%s, 'meter', %s, %s)"

_PLAIN = """
SELECT device_id, date_bin('15 minutes', at, '2000-01-01T00:00Z') AS bucket,
       max(energy_import_kwh) - min(energy_import_kwh) AS energy, count(*)
FROM base.meter WHERE park_id = %s AND at >= %s AND at < %s GROUP BY device_id, bucket
"""

_ENERGIES = """
SELECT device_id, (max(energy_import_kwh) - min(energy_import_kwh))::int8, 96::int8
FROM base.meter WHERE park_id = %s AND at >= %s AND at <= %s GROUP BY device_id ORDER BY device_id
"""

_STORED = """
SELECT r.device_id, sum(i.energy_wh)::int8, count(*)
FROM base.interval_energy AS i JOIN base.register AS r USING (park_id, register_id)
WHERE i.park_id = %s AND i.at >= %s GROUP BY r.device_id ORDER BY r.device_id
"""
