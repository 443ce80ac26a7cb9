"""Maintenance: roll-ups made equal to the raw rows again, partitions ahead of time, retention.

    raw ─▶ 1 minute ─▶ 15 minutes ─▶ 1 day        a bucket is recomputed whole, so late, doubled and re-ordered rows
                                                   come out exact whatever their order

A round that a crash undoes is repeated, so maintenance need not wait for the disk.

Every commit notes the 1-minute buckets that it touched. Plain PostgreSQL recomputes them here; TimescaleDB answers
from raw rows beyond its watermark and refreshes here what lies before it. Both then tell accounting which quarters of
an hour have news. Retention removes a source only below `kept_from`, and no bucket that needs removed rows is computed
again.
"""

import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from contract.signals import CATALOGUE, Kind
from contract.time import from_ms, to_ms
from ingest.buckets import MINUTES, Pairs, bucket_start, bucket_starts
from ingest.retention import Retention, kept_from_of, newest_of
from ingest.sql import statement
from ingest.sql.aggregates import (
    DAY_ORIGIN,
    LEVELS,
    SOURCE,
    rollup_columns,
    rollup_expressions,
    single_expressions,
)
from ingest.store import Breathe, MaintenanceReport, dirty, without_pause
from ingest.store.dirty import Int4Array
from ingest.store.partitions import Days
from ingest.store.settings import StoreSettings

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_METERED = frozenset(
    name
    for name, device_class in CATALOGUE.items()
    if any(signal.kind is Kind.COUNTER and signal.unit in {"kWh", "kvarh"} for signal in device_class.signals)
)
"""Classes that count energy."""
_FEW_BUCKETS = 200
"""So few upper buckets are recomputed at once; more of them at most every `_UPPER_EVERY_MS`."""
_UPPER_EVERY_MS = 10_000
_FIRST_SLICE = 10
_SLICE_S = 0.01
"""How long one statement of the roll-ups should take, about."""
_HEAD_LAG = {"1m": timedelta(minutes=10), "15m": timedelta(hours=2), "1d": timedelta(days=2)}
"""How much raw data an aggregate may answer from before it is materialised."""
_NOTES = 50
_SPAN_SOURCE = {"1m": "", "15m": "", "1d": "_15m"}
"""Where a whole span is computed from: raw rows a quarter of an hour apart are no more than their 1-minute buckets."""
_SPAN_WORK_MEM = "64MB"
"""A month of a class is sorted in memory."""
_REFRESH_STEP = timedelta(days=10)
_MAX_WINDOWS = 16


class Keeper(Protocol):
    """What differs between the stores after the commit."""

    def roll_up(self, connection: psycopg.Connection[Any], now_ms: int) -> MaintenanceReport:
        """Bring the roll-ups of long new spans up to date, as a set."""
        ...

    def maintain(self, connection: psycopg.Connection[Any], now_ms: int, breathe: Breathe) -> MaintenanceReport:
        """One round of maintenance."""
        ...


class TableKeeper:
    """Keeps the roll-up tables of the plain PostgreSQL store."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._days = Days()
        self._upper_ms: dict[str, int] = {}
        self._backlogged: set[str] = set()
        self._retention = Retention(settings)

    def maintain(self, connection: psycopg.Connection[Any], now_ms: int, breathe: Breathe) -> MaintenanceReport:
        """Recompute what commits noted, a bounded part of it in each round."""
        buckets, pending = 0, False
        names = dict.fromkeys(name for name, _ in connection.execute(statement("dirty_classes")).fetchall())
        for device_class in names:
            done, left = self._recompute(connection, device_class, now_ms, breathe)
            buckets, pending = buckets + done, pending or left
        partitions = self._ahead(connection, names, now_ms)
        dropped = self._retention.apply(connection, now_ms, self._drop)
        if dropped:
            self._days.forget()
        return MaintenanceReport(buckets, pending, partitions, dropped)

    def roll_up(self, connection: psycopg.Connection[Any], now_ms: int) -> MaintenanceReport:
        """Recompute the whole span of every note with one statement a level; the same rows as `maintain` makes.

        For notes of many buckets without gaps, as a history leaves them: a year takes seconds instead of minutes.
        """
        del now_ms
        buckets = 0
        names = [name for name, level in connection.execute(statement("dirty_classes")).fetchall() if level == "1m"]
        for name in names:
            with connection.transaction():
                if connection.execute(statement("one_keeper"), (name,)).fetchone() == (True,):
                    buckets += _recompute_spans(connection, name)
        # Coarser buckets that a former keeper left are `maintain`'s.
        left = connection.execute(statement("dirty_classes")).fetchall()
        return MaintenanceReport(buckets, any(level == "1m" for _, level in left))

    def _recompute(
        self, connection: psycopg.Connection[Any], device_class: str, now_ms: int, breathe: Breathe
    ) -> tuple[int, bool]:
        with connection.transaction():
            if connection.execute(statement("one_keeper"), (device_class,)).fetchone() != (True,):
                return 0, False
            kept_from = kept_from_of(connection)
            pairs = self._take(connection, device_class, "1m")
            _note_newest(connection, device_class, pairs.minutes)
            _pass_on(connection, device_class, pairs.at_level("15m"))
            pairs = pairs.from_minute(kept_from.get(device_class))
            recompute(connection, device_class, "1m", pairs, breathe)
            upper = pairs.at_level("15m")
            if len(upper.minutes):
                dirty.write(connection, device_class, "15m", upper.devices, upper.minutes)
            left = connection.execute(statement("dirty_left"), (device_class, "1m")).fetchone() == (True,)
            if self._upper_due(device_class, len(upper.minutes), now_ms, left=left):
                left = self._upper(connection, device_class, kept_from, breathe) or left
        return len(pairs.minutes), left

    def _upper_due(self, device_class: str, count: int, now_ms: int, *, left: bool) -> bool:
        """Whether 15 minutes and days are worth computing now: the newest ones change every second."""
        drained = device_class in self._backlogged and not left
        self._backlogged = self._backlogged | {device_class} if left else self._backlogged - {device_class}
        last = self._upper_ms.get(device_class)
        due = count <= _FEW_BUCKETS or drained or last is None or not last <= now_ms < last + _UPPER_EVERY_MS
        if due:
            self._upper_ms[device_class] = now_ms
        return due

    def _upper(
        self, connection: psycopg.Connection[Any], device_class: str, kept_from: dict[str, int], breathe: Breathe
    ) -> bool:
        pairs = self._take(connection, device_class, "15m").from_minute(kept_from.get(f"{device_class}_1m"))
        recompute(connection, device_class, "15m", pairs, breathe)
        days = pairs.at_level("1d").from_minute(kept_from.get(f"{device_class}_15m"))
        recompute(connection, device_class, "1d", days, breathe)
        return connection.execute(statement("dirty_left"), (device_class, "15m")).fetchone() == (True,)

    def _take(self, connection: psycopg.Connection[Any], device_class: str, level: str) -> Pairs:
        arguments = (device_class, level, self._settings.rollup_chunk)
        rows = connection.execute(statement("take_dirty"), arguments, binary=True).fetchall()
        devices = [np.array(part, np.int64) for part, _ in rows] or [np.zeros(0, np.int64)]
        minutes = [np.array(part, np.int64) for _, part in rows] or [np.zeros(0, np.int64)]
        return Pairs.distinct(np.concatenate(devices), np.concatenate(minutes))

    def _ahead(self, connection: psycopg.Connection[Any], names: Iterable[str], now_ms: int) -> int:
        """Tomorrow's partitions of the classes that are being written, so that midnight costs nobody anything."""
        soon = np.array([now_ms, now_ms + _DAY_MS], np.int64)
        return sum(self._days.ensure(connection, name, soon) for name in names)

    @staticmethod
    def _drop(connection: psycopg.Connection[Any], relation: str, oldest: datetime) -> int:
        if relation in CATALOGUE:
            row = connection.execute(statement("drop_before"), (relation, oldest)).fetchone()
            return int(row[0]) if row else 0
        target = sql.Identifier("base", relation)
        return connection.execute(sql.SQL(statement("delete_rollups")).format(target=target), (oldest,)).rowcount


def _recompute_spans(connection: psycopg.Connection[Any], device_class: str) -> int:
    """Work off the oldest notes of a class, each as a span of whole days of its devices; the number of their buckets.

    A whole day needs nothing from beside it, at any level.
    """
    connection.execute("SET LOCAL jit TO off")
    connection.execute(f"SET LOCAL work_mem TO '{_SPAN_WORK_MEM}'")
    kept_from, done = kept_from_of(connection), 0
    for devices, minutes in connection.execute(statement("take_notes"), (device_class, _NOTES), binary=True).fetchall():
        pairs = Pairs.distinct(np.array(devices, np.int64), np.array(minutes, np.int64))
        _note_newest(connection, device_class, pairs.minutes)
        _pass_on(connection, device_class, pairs.at_level("15m"))
        for level in LEVELS:
            _recompute_span(connection, device_class, level, pairs.from_minute(kept_from.get(device_class)), kept_from)
        done += len(pairs.minutes)
    return done


def _recompute_span(
    connection: psycopg.Connection[Any], device_class: str, level: str, pairs: Pairs, kept_from: dict[str, int]
) -> None:
    if len(pairs.minutes) == 0:
        return
    low, last = bucket_starts(pairs.minutes[[0, -1]], "1d").tolist()
    # What is left of a day whose source was removed in part would make its bucket smaller.
    low = max(low, kept_from.get(f"{device_class}{_SPAN_SOURCE[level]}", low))
    parameters = {
        "devices": Int4Array(np.unique(pairs.devices)),
        "low": from_ms(low * _MINUTE_MS),
        "high": from_ms((last + MINUTES["1d"]) * _MINUTE_MS),
    }
    # Half the work where no bucket of the span holds two raw rows or is there already: no sums, no conflicts.
    if _SPAN_SOURCE[level] or not _insert_single(connection, device_class, level, parameters):
        connection.execute(_span_statement(device_class, level), parameters, prepare=False)


def _insert_single(
    connection: psycopg.Connection[Any], device_class: str, level: str, parameters: dict[str, object]
) -> bool:
    """Take raw rows for the buckets that they are; whether that was possible."""
    return connection.execute(_single_statement(device_class, level), parameters, prepare=False).rowcount > 0


def recompute(
    connection: psycopg.Connection[Any], device_class: str, level: str, pairs: Pairs, breathe: Breathe
) -> None:
    """Compute buckets of one level from the level below and put them in the place of what was there.

    Slice by slice: a processor that is taken for the whole of it makes commits wait for as long.
    """
    start, size = 0, _FIRST_SLICE
    while start < len(pairs.minutes):
        part = Pairs(pairs.devices[start : start + size], pairs.minutes[start : start + size])
        began = time.monotonic()
        _recompute_slice(connection, device_class, level, part)
        seconds = time.monotonic() - began
        start += size
        # What a bucket takes depends on its rows; twofold steps are enough to find the size.
        size = size * 2 if seconds < _SLICE_S / 2 else max(_FIRST_SLICE, size // 2) if seconds > _SLICE_S else size
        breathe(seconds)


def _recompute_slice(connection: psycopg.Connection[Any], device_class: str, level: str, pairs: Pairs) -> None:
    parameters = {
        "devices": Int4Array(pairs.devices),
        "minutes": Int4Array(pairs.minutes),
        # Constants, so that the planner looks at the partitions of this span alone.
        "low": from_ms(int(pairs.minutes[0]) * _MINUTE_MS),
        "high": from_ms((int(pairs.minutes[-1]) + MINUTES[level]) * _MINUTE_MS),
    }
    connection.execute(_recompute_statement(device_class, level), parameters, prepare=False)


@cache
def _recompute_statement(class_name: str, level: str) -> bytes:
    return _rollup_statement("recompute", class_name, level, SOURCE[level])


@cache
def _span_statement(class_name: str, level: str) -> bytes:
    name = "recompute_days" if level == "1d" else "recompute_span"
    return _rollup_statement(name, class_name, level, _SPAN_SOURCE[level])


@cache
def _single_statement(class_name: str, level: str) -> bytes:
    return _rollup_statement("insert_single", class_name, level, "", single_expressions(CATALOGUE[class_name]))


def _rollup_statement(
    name: str, class_name: str, level: str, source: str, expressions: Iterable[tuple[str, str]] = ()
) -> bytes:
    device_class = CATALOGUE[class_name]
    in_order = "array_agg({0} ORDER BY at) FILTER (WHERE {0} IS NOT NULL)"
    first = f"({in_order})[1]"
    last = f"({in_order})[count({{0}})]"
    expressions = expressions or rollup_expressions(device_class, level if source else "1m", first, last)
    # Names and expressions come from the catalogue, never from input.
    columns = [name for name, _ in rollup_columns(device_class)]
    composed = sql.SQL(statement(name)).format(
        width=sql.Literal(LEVELS[level]),
        origin=sql.Literal(DAY_ORIGIN),
        target=sql.Identifier("base", f"{class_name}_{level}"),
        source=sql.Identifier("base", f"{class_name}{source}"),
        columns=sql.SQL(", ").join(map(sql.Identifier, ("device_id", "at", "samples", *columns))),
        minutes=sql.Literal(MINUTES[level]),
        expressions=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(sql.SQL(text), sql.Identifier(name)) for name, text in expressions
        ),
        assignments=sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in ("samples", *columns)
        ),
    )
    # To put hundreds of names together takes a millisecond: once is enough.
    return composed.as_bytes(None)


class AggregateKeeper:
    """Keeps the continuous aggregates of the TimescaleDB store."""

    def __init__(self, settings: StoreSettings) -> None:
        self._retention = Retention(settings)

    def maintain(self, connection: psycopg.Connection[Any], now_ms: int, breathe: Breathe) -> MaintenanceReport:
        """Refresh what late rows touched, and move the watermarks on when they lag."""
        buckets = 0
        for name in dict.fromkeys(name for name, _ in connection.execute(statement("dirty_classes")).fetchall()):
            rows = connection.execute(statement("read_dirty"), (name,), binary=True).fetchall()
            minutes = np.unique(np.concatenate([np.array(part, np.int64) for _, part in rows]))
            _note_newest(connection, name, minutes)
            began = time.monotonic()
            self._refresh(connection, name, minutes)
            breathe(time.monotonic() - began)
            # Only now: a killed round is repeated, and to refresh again what is fresh does nothing.
            with connection.transaction():
                connection.execute(statement("forget_dirty"), ([number for number, _ in rows],))
                _pass_on(connection, name, Pairs(minutes[:0], np.unique(bucket_starts(minutes, "15m"))))
            buckets += len(minutes)
        pending = connection.execute(statement("dirty_classes")).fetchone() is not None
        return MaintenanceReport(buckets, pending, 0, self._retention.apply(connection, now_ms, self._drop))

    def roll_up(self, connection: psycopg.Connection[Any], now_ms: int) -> MaintenanceReport:
        """An aggregate is refreshed as a set in any case."""
        return self.maintain(connection, now_ms, without_pause)

    def _refresh(self, connection: psycopg.Connection[Any], device_class: str, minutes: NDArray[np.int64]) -> None:
        kept_from, newest = kept_from_of(connection), newest_of(connection)[device_class]
        marks = dict(connection.execute(statement("watermarks")).fetchall())
        for level in LEVELS:
            view = f"{device_class}_{level}"
            floor = kept_from.get(f"{device_class}{SOURCE[level]}")
            mark = marks.get(view)
            late = np.unique(bucket_starts(minutes if floor is None else minutes[minutes >= floor], level))
            if mark is not None:
                late = late[late * _MINUTE_MS < to_ms(mark)]
                _refresh_windows(connection, view, _windows(late, MINUTES[level]))
            self._move_on(connection, device_class, level, mark, newest, floor)

    @staticmethod
    def _move_on(
        connection: psycopg.Connection[Any],
        device_class: str,
        level: str,
        mark: datetime | None,
        newest: datetime,
        floor: int | None,
    ) -> None:
        """Materialise from the watermark to the newest whole bucket, without a hole between."""
        end = bucket_start(newest, level)
        if mark is not None and end - mark < _HEAD_LAG[level]:
            return
        start = mark
        if start is None:
            row = connection.execute(statement("oldest_chunk"), (device_class,)).fetchone()
            start = bucket_start(row[0], level) if row and row[0] else None
        if floor is not None:
            start = max(start or from_ms(0), bucket_start(from_ms(floor * _MINUTE_MS), level))
        if start is not None:
            _refresh_windows(connection, f"{device_class}_{level}", _steps(start, end))

    @staticmethod
    def _drop(connection: psycopg.Connection[Any], relation: str, oldest: datetime) -> int:
        row = connection.execute(statement("drop_before"), (relation, oldest)).fetchone()
        return int(row[0]) if row else 0


_Window = tuple[datetime, datetime]


def _windows(starts: NDArray[np.int64], minutes: int) -> list[_Window]:
    """Spans that cover the buckets: as few as there are real gaps, and never too many."""
    if len(starts) == 0:
        return []
    gaps = np.diff(starts)
    widest = np.sort(gaps)[-_MAX_WINDOWS] if len(gaps) >= _MAX_WINDOWS else minutes
    cuts = np.flatnonzero(gaps > max(minutes, int(widest))) + 1
    return [
        (from_ms(int(part[0]) * _MINUTE_MS), from_ms((int(part[-1]) + minutes) * _MINUTE_MS))
        for part in np.split(starts, cuts)
    ]


def _steps(start: datetime, end: datetime) -> list[_Window]:
    """A long span in parts, so that no single refresh takes for ever."""
    parts = []
    while start < end:
        stop = min(start + _REFRESH_STEP, end)
        parts.append((start, stop))
        start = stop
    return parts


def _refresh_windows(connection: psycopg.Connection[Any], view: str, windows: Sequence[_Window]) -> None:
    if not windows:
        return
    # Newer versions commit every ten buckets unless told otherwise: 1,440 commits for ten days of minutes.
    whole = connection.execute(statement("refresh_takes_options")).fetchone() == (True,)
    call = statement("refresh_whole_window" if whole else "refresh")
    for start, end in windows:
        connection.execute(call, (f"base.{view}", start, end))


def _pass_on(connection: psycopg.Connection[Any], device_class: str, slots: Pairs) -> None:
    """Tell accounting which quarters of an hour have news, where energy is counted; no devices: any of the class."""
    if device_class in _METERED and len(slots.minutes):
        connection.execute(statement("note_energy"), (device_class, Int4Array(slots.devices), Int4Array(slots.minutes)))


def _note_newest(connection: psycopg.Connection[Any], device_class: str, minutes: NDArray[np.int64]) -> None:
    if len(minutes):
        newest = from_ms(int(minutes.max()) * _MINUTE_MS)
        connection.execute(statement("note_newest"), (device_class, newest))
