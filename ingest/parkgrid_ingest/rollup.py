"""Maintenance: roll-ups made equal to the raw rows again, partitions ahead of time, retention.

    commit ─▶ notes by park, class and minute ─▶ 1 minute ─▶ notes ─▶ 15 minutes, 1 day
                                             └─▶ notes for metering: which quarters of an hour have news

One park is one transaction, under a lock of its own: several processes share the parks between them. A round that a
crash undoes is repeated, so maintenance need not wait for the disk. No bucket is computed again of which retention has
removed a source (`parkgrid_ingest.removed`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_contract.time import from_ms
from parkgrid_ingest.buckets import MINUTES, Pairs, Place
from parkgrid_ingest.recompute import recompute, recompute_days
from parkgrid_ingest.removed import Removed
from parkgrid_ingest.retention import Retention
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import MaintenanceReport, Throttle, dirty
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
"""So few upper buckets of a class are recomputed at once; more of them at most every `_UPPER_EVERY_MS`."""
_UPPER_EVERY_MS = 10_000
_NOTES = 50
_SPAN_WORK_MEM = "64MB"
"""A month of a class is sorted in memory."""
_APART_MINUTES = 31 * MINUTES["1d"]
"""Readings that lie further apart are worked off apart: nothing is looked for between them."""


class Maintenance:
    """Keeps the roll-up tables, which are the same in every store."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        self._days = Days()
        self._upper_ms: dict[str, int] = {}
        self._backlogged: frozenset[str] = frozenset()
        self._retention = Retention(settings)

    def maintain(self, connection: psycopg.Connection[Any], now_ms: int, throttle: Throttle) -> MaintenanceReport:
        """Recompute what commits noted, park by park, a bounded part of it in each round."""
        noted = _noted(connection)
        done: Counter[str] = Counter()
        upper: Counter[str] = Counter()
        for park_id, classes in noted.get("1m", {}).items():
            with _held(connection, park_id) as removed:
                if removed is not None:
                    for name in classes:
                        minutes, quarters = self._minutes(connection, Place(park_id, name), removed, now_ms, throttle)
                        done[name] += minutes
                        upper[name] += quarters
        noted = _noted(connection)
        self._upper(connection, noted, upper, now_ms, throttle)
        partitions = self._ahead(connection, done, now_ms)
        dropped = self._retention.apply(connection, now_ms)
        if dropped:
            self._days.forget()
        return MaintenanceReport(done.total(), bool(noted.get("1m")), partitions, dropped)

    def roll_up(self, connection: psycopg.Connection[Any], now_ms: int) -> MaintenanceReport:
        """Recompute the whole span of every note with one statement a level; the same rows as `maintain` makes.

        For notes of many buckets without gaps, as a history leaves them: a year takes seconds instead of minutes.
        """
        buckets = 0
        for park_id, classes in _noted(connection).get("1m", {}).items():
            for name in classes:
                with _held(connection, park_id) as removed:
                    if removed is not None:
                        buckets += _recompute_spans(connection, Place(park_id, name), removed, now_ms)
        # Coarser buckets that a former keeper left are `maintain`'s.
        return MaintenanceReport(buckets, bool(_noted(connection).get("1m")))

    def _minutes(
        self, connection: psycopg.Connection[Any], place: Place, removed: Removed, now_ms: int, throttle: Throttle
    ) -> tuple[int, int]:
        """Work off notes of minutes, and note what follows from them: how many minutes and quarters of an hour."""
        pairs = self._take(connection, place, "1m")
        _note_newest(connection, place, pairs)
        _pass_on(connection, place, pairs.at_level("15m"))
        pairs = removed.spared(place.device_class, "1m", pairs)
        recompute(connection, place, "1m", pairs, now_ms, throttle)
        upper = pairs.at_level("15m")
        if len(upper.minutes):
            parks = np.full(len(upper.minutes), place.park_id)
            dirty.write(connection, place.device_class, "15m", parks, upper.devices, upper.minutes)
        return len(pairs.minutes), len(upper.minutes)

    def _upper(
        self,
        connection: psycopg.Connection[Any],
        noted: Mapping[str, Mapping[int, list[str]]],
        counts: Mapping[str, int],
        now_ms: int,
        throttle: Throttle,
    ) -> None:
        """Work off notes of 15 minutes, and the days that they change, of the classes whose turn it is."""
        waiting = frozenset(name for classes in noted.get("1m", {}).values() for name in classes)
        drained = self._backlogged - waiting
        self._backlogged = waiting
        classes = {name for found in noted.get("15m", {}).values() for name in found}
        due = {name for name in classes if name in drained or self._is_turn(name, counts.get(name, 0), now_ms)}
        self._upper_ms |= dict.fromkeys(due, now_ms)
        for park_id, found in noted.get("15m", {}).items():
            with _held(connection, park_id) as removed:
                for name in found if removed is not None else ():
                    if name in due and removed is not None:
                        self._quarters(connection, Place(park_id, name), removed, now_ms, throttle)

    def _is_turn(self, device_class: str, count: int, now_ms: int) -> bool:
        """Whether 15 minutes and days are worth computing now: the newest ones change every second."""
        last = self._upper_ms.get(device_class)
        return count <= _FEW_BUCKETS or last is None or not last <= now_ms < last + _UPPER_EVERY_MS

    def _quarters(
        self, connection: psycopg.Connection[Any], place: Place, removed: Removed, now_ms: int, throttle: Throttle
    ) -> None:
        pairs = removed.spared(place.device_class, "15m", self._take(connection, place, "15m"))
        recompute(connection, place, "15m", pairs, now_ms, throttle)
        days = removed.spared(place.device_class, "1d", pairs.at_level("1d"))
        recompute(connection, place, "1d", days, now_ms, throttle)

    def _take(self, connection: psycopg.Connection[Any], place: Place, level: str) -> Pairs:
        values = {
            "park_id": place.park_id,
            "device_class": place.device_class,
            "level": level,
            "most": self._settings.rollup_chunk,
        }
        rows = connection.execute(statement("take_dirty"), values, binary=True).fetchall()
        devices = [np.array(part, np.int64) for part, _ in rows] or [np.zeros(0, np.int64)]
        minutes = [np.array(part, np.int64) for _, part in rows] or [np.zeros(0, np.int64)]
        return Pairs.distinct(np.concatenate(devices), np.concatenate(minutes))

    def _ahead(self, connection: psycopg.Connection[Any], names: Iterable[str], now_ms: int) -> int:
        """Tomorrow's partitions of the classes that get live readings, so that midnight costs nobody anything."""
        names = list(names)
        if not names:
            return 0
        soon, yesterday = np.array([now_ms + _DAY_MS], np.int64), from_ms(now_ms - _DAY_MS)
        live = {name for name, newest in newest_of(connection).items() if newest > yesterday}
        return sum(self._days.ensure(connection, name, soon, now_ms) for name in names if name in live)


def _noted(connection: psycopg.Connection[Any]) -> dict[str, dict[int, list[str]]]:
    """Level to the parks that have notes of it, each with its classes."""
    found: dict[str, dict[int, list[str]]] = {}
    for park_id, device_class, level in connection.execute(statement("dirty_classes")):
        found.setdefault(level, {}).setdefault(park_id, []).append(device_class)
    return found


@contextmanager
def _held(connection: psycopg.Connection[Any], park_id: int) -> Iterator[Removed | None]:
    """A transaction that has a park to itself, and what was removed of the park; None while another process has it."""
    with connection.transaction():
        if connection.execute(statement("one_keeper"), (park_id,)).fetchone() == (True,):
            yield Removed.load(connection, park_id)
        else:
            yield None


def _recompute_spans(connection: psycopg.Connection[Any], place: Place, removed: Removed, now_ms: int) -> int:
    """Work off the oldest notes of a class, each as spans of whole days of its devices; the number of their buckets.

    A whole day needs nothing from beside it, at any level.
    """
    connection.execute("SET LOCAL jit TO off")
    connection.execute(f"SET LOCAL work_mem TO '{_SPAN_WORK_MEM}'")
    done = 0
    values = {"park_id": place.park_id, "device_class": place.device_class, "most": _NOTES}
    for devices, minutes in connection.execute(statement("take_notes"), values, binary=True).fetchall():
        pairs = Pairs.distinct(np.array(devices, np.int64), np.array(minutes, np.int64))
        _note_newest(connection, place, pairs)
        _pass_on(connection, place, pairs.at_level("15m"))
        for part in pairs.apart(_APART_MINUTES):
            recompute_days(connection, place, part, removed, now_ms)
        done += len(pairs.minutes)
    return done


def _pass_on(connection: psycopg.Connection[Any], place: Place, slots: Pairs) -> None:
    """Tell metering which quarters of an hour of which devices have news, where energy is counted."""
    if place.device_class in _METERED and len(slots.minutes):
        noted = (Int4Array(slots.devices), Int4Array(slots.minutes))
        connection.execute(statement("note_energy"), (place.park_id, place.device_class, *noted))


def newest_of(connection: psycopg.Connection[Any]) -> dict[str, datetime]:
    """Class to its newest bucket of a minute, in any park."""
    return dict(connection.execute(statement("newest")).fetchall())


def _note_newest(connection: psycopg.Connection[Any], place: Place, pairs: Pairs) -> None:
    if len(pairs.minutes):
        newest = from_ms(int(pairs.minutes.max()) * _MINUTE_MS)
        connection.execute(statement("note_newest"), (place.park_id, [place.device_class], [newest]))
