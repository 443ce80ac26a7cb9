"""Maintenance: roll-ups made equal to the raw rows again, partitions ahead of time, retention.

    raw ─▶ 1 minute ─▶ 15 minutes ─▶ 1 day        a bucket is recomputed whole, so late, doubled and re-ordered rows
                                                   come out exact whatever their order

A round that a crash undoes is repeated, so maintenance need not wait for the disk.

Every commit notes the 1-minute buckets that it touched. Plain PostgreSQL recomputes them here; TimescaleDB answers
from raw rows beyond its watermark and refreshes here what lies before it. Both then tell metering which quarters of
an hour have news. No bucket is computed again of which retention has removed a source (`parkgrid_ingest.removed`).
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.rollups import (
    DAY_ORIGIN,
    LEVELS,
    SINGLE_LEVELS,
    SOURCE,
    rollup_columns,
    rollup_expressions,
    single_expressions,
)
from parkgrid_ingest import singles
from parkgrid_ingest.buckets import MINUTES, Pairs, bucket_start, bucket_starts
from parkgrid_ingest.parts import ChunkParts, TableParts
from parkgrid_ingest.removed import Spans, any_of, outside, spans_of, spared
from parkgrid_ingest.retention import Retention
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import MaintenanceReport, Throttle, dirty, without_pause
from parkgrid_ingest.store.dirty import Int4Array
from parkgrid_ingest.store.partitions import Days
from parkgrid_ingest.store.settings import StoreSettings

_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_METERED = frozenset(
    name
    for name, device_class in CATALOGUE.items()
    if any(signal.kind is SignalKind.COUNTER and signal.unit in {"kWh", "kvarh"} for signal in device_class.signals)
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
_APART_MINUTES = 31 * MINUTES["1d"]
"""Readings that lie further apart are worked off apart: nothing is looked for between them."""
_REFRESH_STEP = timedelta(days=10)
_MAX_WINDOWS = 16


class RollupMaintenance(Protocol):
    """What differs between the stores after the commit."""

    def roll_up(self, connection: psycopg.Connection[Any], now_ms: int) -> MaintenanceReport:
        """Bring the roll-ups of long new spans up to date, as a set."""
        ...

    def maintain(self, connection: psycopg.Connection[Any], now_ms: int, throttle: Throttle) -> MaintenanceReport:
        """One round of maintenance."""
        ...


class TableMaintenance:
    """Keeps the roll-up tables of the plain PostgreSQL store."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._days = Days()
        self._upper_ms: dict[str, int] = {}
        self._backlogged: set[str] = set()
        self._retention = Retention(settings, TableParts())

    def maintain(self, connection: psycopg.Connection[Any], now_ms: int, throttle: Throttle) -> MaintenanceReport:
        """Recompute what commits noted, a bounded part of it in each round."""
        buckets, pending = 0, False
        names = dict.fromkeys(name for name, _ in connection.execute(statement("dirty_classes")).fetchall())
        for device_class in names:
            done, left = self._recompute(connection, device_class, now_ms, throttle)
            buckets, pending = buckets + done, pending or left
        partitions = self._ahead(connection, names, now_ms)
        dropped = self._retention.apply(connection, now_ms)
        if dropped:
            self._days.forget()
        return MaintenanceReport(buckets, pending, partitions, dropped)

    def roll_up(self, connection: psycopg.Connection[Any], now_ms: int) -> MaintenanceReport:
        """Recompute the whole span of every note with one statement a level; the same rows as `maintain` makes.

        For notes of many buckets without gaps, as a history leaves them: a year takes seconds instead of minutes.
        """
        buckets = 0
        names = [name for name, level in connection.execute(statement("dirty_classes")).fetchall() if level == "1m"]
        for name in names:
            with connection.transaction():
                if connection.execute(statement("one_keeper"), (name,)).fetchone() == (True,):
                    buckets += _recompute_spans(connection, name, now_ms)
        # Coarser buckets that a former keeper left are `maintain`'s.
        left = connection.execute(statement("dirty_classes")).fetchall()
        return MaintenanceReport(buckets, any(level == "1m" for _, level in left))

    def _recompute(
        self, connection: psycopg.Connection[Any], device_class: str, now_ms: int, throttle: Throttle
    ) -> tuple[int, bool]:
        with connection.transaction():
            if connection.execute(statement("one_keeper"), (device_class,)).fetchone() != (True,):
                return 0, False
            pairs = self._take(connection, device_class, "1m")
            _note_newest(connection, device_class, pairs.minutes)
            _pass_on(connection, device_class, pairs.at_level("15m"))
            pairs = spared(connection, device_class, "1m", pairs)
            recompute(connection, device_class, "1m", pairs, throttle, now_ms)
            upper = pairs.at_level("15m")
            if len(upper.minutes):
                dirty.write(connection, device_class, "15m", upper.devices, upper.minutes)
            left = connection.execute(statement("dirty_left"), (device_class, "1m")).fetchone() == (True,)
            if self._upper_due(device_class, len(upper.minutes), now_ms, left=left):
                left = self._upper(connection, device_class, throttle, now_ms) or left
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

    def _upper(self, connection: psycopg.Connection[Any], device_class: str, throttle: Throttle, now_ms: int) -> bool:
        pairs = spared(connection, f"{device_class}_1m", "15m", self._take(connection, device_class, "15m"))
        recompute(connection, device_class, "15m", pairs, throttle, now_ms)
        days = spared(connection, f"{device_class}_15m", "1d", pairs.at_level("1d"))
        recompute(connection, device_class, "1d", days, throttle, now_ms)
        return connection.execute(statement("dirty_left"), (device_class, "15m")).fetchone() == (True,)

    def _take(self, connection: psycopg.Connection[Any], device_class: str, level: str) -> Pairs:
        arguments = (device_class, level, self._settings.rollup_chunk)
        rows = connection.execute(statement("take_dirty"), arguments, binary=True).fetchall()
        devices = [np.array(part, np.int64) for part, _ in rows] or [np.zeros(0, np.int64)]
        minutes = [np.array(part, np.int64) for _, part in rows] or [np.zeros(0, np.int64)]
        return Pairs.distinct(np.concatenate(devices), np.concatenate(minutes))

    def _ahead(self, connection: psycopg.Connection[Any], names: Iterable[str], now_ms: int) -> int:
        """Tomorrow's partitions of the classes that get live readings, so that midnight costs nobody anything."""
        if not names:
            return 0
        soon, yesterday = np.array([now_ms + _DAY_MS], np.int64), from_ms(now_ms - _DAY_MS)
        live = {name for name, newest in newest_of(connection).items() if newest > yesterday}
        return sum(self._days.ensure(connection, name, soon, now_ms) for name in names if name in live)


def _recompute_spans(connection: psycopg.Connection[Any], device_class: str, now_ms: int) -> int:
    """Work off the oldest notes of a class, each as spans of whole days of its devices; the number of their buckets.

    A whole day needs nothing from beside it, at any level.
    """
    connection.execute("SET LOCAL jit TO off")
    connection.execute(f"SET LOCAL work_mem TO '{_SPAN_WORK_MEM}'")
    done = 0
    for devices, minutes in connection.execute(statement("take_notes"), (device_class, _NOTES), binary=True).fetchall():
        pairs = Pairs.distinct(np.array(devices, np.int64), np.array(minutes, np.int64))
        _note_newest(connection, device_class, pairs.minutes)
        _pass_on(connection, device_class, pairs.at_level("15m"))
        for part in pairs.apart(_APART_MINUTES):
            _recompute_span(connection, device_class, part, now_ms)
        done += len(pairs.minutes)
    return done


def _recompute_span(connection: psycopg.Connection[Any], device_class: str, pairs: Pairs, now_ms: int) -> None:
    """Every level of whole days; bucket by bucket where retention has removed something of these parks."""
    low, last = bucket_starts(pairs.minutes[[0, -1]], "1d").tolist()
    start, end = from_ms(low * _MINUTE_MS), from_ms((last + MINUTES["1d"]) * _MINUTE_MS)
    if any_of(connection, [f"{device_class}{suffix}" for suffix in SOURCE.values()], pairs, start, end):
        for level, suffix in SOURCE.items():
            left = spared(connection, f"{device_class}{suffix}", level, pairs.at_level(level))
            recompute(connection, device_class, level, left, without_pause, now_ms)
        return
    parameters = {"devices": Int4Array(np.unique(pairs.devices)), "low": start, "high": end}
    beside = singles.fill(connection, device_class, parameters)
    for level in LEVELS:
        if level in SINGLE_LEVELS and not beside:
            continue
        # Half the work where no bucket of the span holds two raw rows or is there already: no sums, no conflicts.
        if _SPAN_SOURCE[level] or not _insert_single(connection, device_class, level, parameters):
            connection.execute(_span_statement(device_class, level), parameters, prepare=False)


def _insert_single(
    connection: psycopg.Connection[Any], device_class: str, level: str, parameters: dict[str, object]
) -> bool:
    """Take raw rows for the buckets that they are; whether that was possible."""
    return connection.execute(_single_statement(device_class, level), parameters, prepare=False).rowcount > 0


def recompute(
    connection: psycopg.Connection[Any], device_class: str, level: str, pairs: Pairs, throttle: Throttle, now_ms: int
) -> None:
    """Compute buckets of one level from the level below and put them in the place of what was there.

    Slice by slice: a processor that is taken for the whole of it makes commits wait for as long.
    """
    start, size = 0, _FIRST_SLICE
    while start < len(pairs.minutes):
        part = Pairs(pairs.devices[start : start + size], pairs.minutes[start : start + size])
        began = time.monotonic()
        _recompute_slice(connection, device_class, level, part, now_ms)
        seconds = time.monotonic() - began
        start += size
        # What a bucket takes depends on its rows; twofold steps are enough to find the size.
        size = size * 2 if seconds < _SLICE_S / 2 else max(_FIRST_SLICE, size // 2) if seconds > _SLICE_S else size
        throttle(seconds)


def _recompute_slice(
    connection: psycopg.Connection[Any], device_class: str, level: str, pairs: Pairs, now_ms: int
) -> None:
    if level == "1m":
        pairs = singles.set_apart(connection, device_class, pairs, now_ms)
        if len(pairs.minutes) == 0:
            return
    connection.execute(_recompute_statement(device_class, level), _slice_parameters(level, pairs), prepare=False)


def _slice_parameters(level: str, pairs: Pairs) -> dict[str, object]:
    return {
        "devices": Int4Array(pairs.devices),
        "minutes": Int4Array(pairs.minutes),
        # Constants, so that the planner looks at the partitions of this span alone.
        "low": from_ms(int(pairs.minutes[0]) * _MINUTE_MS),
        "high": from_ms((int(pairs.minutes[-1]) + MINUTES[level]) * _MINUTE_MS),
    }


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
    name: str,
    class_name: str,
    level: str,
    source: str,
    expressions: Iterable[tuple[str, str]] = (),
    target: sql.Identifier | None = None,
) -> bytes:
    """With a `target` of its own no bucket may be there yet."""
    device_class = CATALOGUE[class_name]
    in_order = "array_agg({0} ORDER BY at) FILTER (WHERE {0} IS NOT NULL)"
    first = f"({in_order})[1]"
    last = f"({in_order})[count({{0}})]"
    expressions = expressions or rollup_expressions(device_class, level if source else "1m", first, last)
    # Names and expressions come from the catalogue, never from input.
    columns = [name for name, _ in rollup_columns(device_class)]
    assignments = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in ("samples", *columns)
    )
    replacing = sql.SQL("ON CONFLICT (device_id, at) DO UPDATE SET {}").format(assignments)
    composed = sql.SQL(statement(name)).format(
        width=sql.Literal(LEVELS[level]),
        origin=sql.Literal(DAY_ORIGIN),
        target=target or sql.Identifier("base", f"{class_name}_{level}"),
        source=_source(class_name, level, source, with_singles=target is None),
        singles=sql.Identifier("base", f"{class_name}_single"),
        columns=sql.SQL(", ").join(map(sql.Identifier, ("device_id", "at", "samples", *columns))),
        minutes=sql.Literal(MINUTES[level]),
        expressions=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(sql.SQL(text), sql.Identifier(name)) for name, text in expressions
        ),
        assignments=assignments,
        replacing=sql.SQL("") if target else replacing,
    )
    # To put hundreds of names together takes a millisecond: once is enough.
    return composed.as_bytes(None)


def _source(class_name: str, level: str, suffix: str, *, with_singles: bool) -> sql.Composable:
    """Where a level is computed from. A day has single readings, too; a quarter of an hour that has one has no rows."""
    if level == "1d" and with_singles:
        return singles.with_singles(class_name, "15m")
    return sql.Identifier("base", f"{class_name}{suffix}")


class AggregateMaintenance:
    """Keeps the continuous aggregates of the TimescaleDB store."""

    def __init__(self, settings: StoreSettings) -> None:
        self._retention = Retention(settings, ChunkParts())

    def maintain(self, connection: psycopg.Connection[Any], now_ms: int, throttle: Throttle) -> MaintenanceReport:
        """Refresh what late rows touched, and move the watermarks on when they lag."""
        buckets = 0
        for name in dict.fromkeys(name for name, _ in connection.execute(statement("dirty_classes")).fetchall()):
            rows = connection.execute(statement("read_dirty"), (name,), binary=True).fetchall()
            minutes = np.unique(np.concatenate([np.array(part, np.int64) for _, _, part in rows]))
            _note_newest(connection, name, minutes)
            began = time.monotonic()
            self._refresh(connection, name, minutes)
            throttle(time.monotonic() - began)
            # Only now: a killed round is repeated, and to refresh again what is fresh does nothing.
            with connection.transaction():
                connection.execute(statement("forget_dirty"), ([number for number, _, _ in rows],))
                for slots in _slots(rows):
                    _pass_on(connection, name, slots)
            buckets += len(minutes)
        pending = connection.execute(statement("dirty_classes")).fetchone() is not None
        return MaintenanceReport(buckets, pending, 0, self._retention.apply(connection, now_ms))

    def roll_up(self, connection: psycopg.Connection[Any], now_ms: int) -> MaintenanceReport:
        """An aggregate is refreshed as a set in any case."""
        return self.maintain(connection, now_ms, without_pause)

    def _refresh(self, connection: psycopg.Connection[Any], device_class: str, minutes: NDArray[np.int64]) -> None:
        newest = newest_of(connection)[device_class]
        marks = dict(connection.execute(statement("watermarks")).fetchall())
        for level in LEVELS:
            view = f"{device_class}_{level}"
            removed = spans_of(connection, f"{device_class}{SOURCE[level]}", level)
            mark = marks.get(view)
            if mark is not None:
                late = np.unique(bucket_starts(minutes, level))
                late = late[late * _MINUTE_MS < to_ms(mark)]
                self._refresh_late(connection, device_class, level, late, removed)
            self._move_on(connection, device_class, level, (mark, bucket_start(newest, level)), removed)

    @staticmethod
    def _refresh_late(
        connection: psycopg.Connection[Any], device_class: str, level: str, late: NDArray[np.int64], removed: Spans
    ) -> None:
        """Refresh buckets before the watermark; where a source was removed, only what others have there is computed.

        To refresh takes everything of a window away and makes it of what is there now.
        """
        among = np.zeros(len(late), np.bool_)
        for first, last in removed:
            among |= (late >= first) & (late < last)
        windows = _windows(late[~among], MINUTES[level])
        _refresh_windows(connection, f"{device_class}_{level}", outside(windows, removed))
        for window in _windows(late[among], MINUTES[level]):
            _compute_among_removed(connection, device_class, level, window)

    @staticmethod
    def _move_on(
        connection: psycopg.Connection[Any],
        device_class: str,
        level: str,
        span: tuple[datetime | None, datetime],
        removed: Spans,
    ) -> None:
        """Materialise from the watermark to the newest whole bucket, where there is something, in steps."""
        mark, end = span
        if mark is not None and end - mark < _HEAD_LAG[level]:
            return
        windows: list[_Window] = []
        for _, low, high in connection.execute(statement("chunks"), (device_class,)):
            # A bucket of a day lies in two chunks.
            start = max(bucket_start(low, level), mark or from_ms(0))
            stop = min(bucket_start(high, level) + timedelta(minutes=MINUTES[level]), end)
            if windows and start <= windows[-1][1]:
                start = windows.pop()[0]
            if start < stop:
                windows.append((start, stop))
        steps = [step for window in windows for step in _steps(*window)]
        _refresh_windows(connection, f"{device_class}_{level}", outside(steps, removed))


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


def _compute_among_removed(connection: psycopg.Connection[Any], device_class: str, level: str, window: _Window) -> None:
    """The buckets of those parks of which nothing was removed, written beside what the others keep."""
    source = f"{device_class}{SOURCE[level]}"
    asked = sql.SQL(statement("sources_of_buckets")).format(
        width=sql.Literal(LEVELS[level]), origin=sql.Literal(DAY_ORIGIN), source=sql.Identifier("base", source)
    )
    found = np.array(connection.execute(asked, window, prepare=False).fetchall(), np.int64).reshape(-1, 2)
    pairs = spared(connection, source, level, Pairs.distinct(found[:, 0], found[:, 1]))
    names = connection.execute(statement("materialized"), (f"{device_class}_{level}",)).fetchone()
    if names is None or len(pairs.minutes) == 0:
        return
    target = sql.Identifier(*names)
    parameters = _slice_parameters(level, pairs)
    with connection.transaction():
        connection.execute(sql.SQL(statement("forget_buckets")).format(target=target), parameters, prepare=False)
        composed = _rollup_statement("recompute", device_class, level, SOURCE[level], target=target)
        connection.execute(composed, parameters, prepare=False)


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


def _slots(notes: Iterable[tuple[int, Sequence[int], Sequence[int]]]) -> Iterator[Pairs]:
    """The quarters of an hour of notes by device; those that a former version noted without devices stand apart."""
    empty = np.zeros(0, np.int64)
    devices, minutes, anywhere = [empty], [empty], [empty]
    for _, named, noted in notes:
        (minutes if named else anywhere).append(np.array(noted, np.int64))
        devices.append(np.array(named, np.int64))
    yield Pairs.distinct(np.concatenate(devices), np.concatenate(minutes)).at_level("15m")
    yield Pairs(empty, np.unique(bucket_starts(np.concatenate(anywhere), "15m")))


def _pass_on(connection: psycopg.Connection[Any], device_class: str, slots: Pairs) -> None:
    """Tell metering which quarters of an hour of which devices have news, where energy is counted."""
    if device_class in _METERED and len(slots.minutes):
        connection.execute(statement("note_energy"), (device_class, Int4Array(slots.devices), Int4Array(slots.minutes)))


def newest_of(connection: psycopg.Connection[Any]) -> dict[str, datetime]:
    """Class to its newest bucket of a minute."""
    return dict(connection.execute(statement("newest")).fetchall())


def _note_newest(connection: psycopg.Connection[Any], device_class: str, minutes: NDArray[np.int64]) -> None:
    if len(minutes):
        newest = from_ms(int(minutes.max()) * _MINUTE_MS)
        connection.execute(statement("note_newest"), (device_class, newest))
