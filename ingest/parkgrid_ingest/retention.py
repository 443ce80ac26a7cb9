"""Retention: what a park does not need any more is announced, and goes some days later.

    park     ├─ a park's days of readings ─┤ newest day
    border                   │◀── raw_days ──┤
    part     ░░░░│░░░░│░░░░│●●●●│●●●●│●●●●│●●●●        ░ may go; the rows of other parks in it stay

A partition or chunk that nobody needs is dropped; from one that others need the rows of a park are deleted.

A park's newest day is the seventh-newest day on which it has readings: six days of wrong stamps move no border, and a
park with fewer days loses nothing. Every part that goes was announced `removal_notice_days` before, with its rows and
its parks; when something is added to it meanwhile, it is announced anew.
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms
from parkgrid_database.errors import translated
from parkgrid_ingest import parts
from parkgrid_ingest.parts import ChangedError, Content, Part
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import newest
from parkgrid_ingest.store.settings import StoreSettings

_log = structlog.get_logger("ingest.retention")

_RETENTION_EVERY_MS = 3_600_000
_DAYS_OF_EVIDENCE = 7
_DAY = timedelta(days=1)
_ANNOUNCED_AT_ONCE = 100
"""Parts of one relation: each is counted, which takes up to seconds."""
_REMOVED_AT_ONCE = 50

Newest = Mapping[str, datetime]
"""Park to the day that its retention counts from; a park that is missing here loses nothing."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A part that was announced."""

    part: Part
    rows: int
    parks: tuple[str, ...]
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Removal:
    """What was announced, or removed."""

    relation: str
    from_at: datetime
    to_at: datetime
    rows: int
    parks: tuple[str, ...]
    kept_days: int
    announced_at: datetime
    due_at: datetime
    removed_at: datetime | None


class Retention:
    """Removes what is older than the settings allow, counted by each park's own newest day.

    Old refusals are not removed but summed up by gateway and reason, so that the count stays complete.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self._days = {
            "": settings.raw_days,
            "_1m": settings.rollup_1m_days,
            "_15m": settings.rollup_15m_days,
        }
        self._notice = timedelta(days=settings.removal_notice_days)
        self._quarantine_rows = settings.quarantine_rows
        self._applied_ms: int | None = None
        self._waiting: set[str] = set()

    def apply(self, connection: psycopg.Connection[Any], now_ms: int) -> int:
        """Once an hour: remove what was announced and is due, announce what may go; the number of parts removed."""
        if self._applied_ms is not None and self._applied_ms <= now_ms < self._applied_ms + _RETENTION_EVERY_MS:
            return 0
        self._applied_ms = now_ms
        connection.execute(statement("sum_up_quarantine"), (self._quarantine_rows,))
        connection.execute(statement("forget_conflicts"), (self._quarantine_rows,))
        now = from_ms(now_ms)
        opened = _opened(connection)
        kept = {f"{name}{suffix}": days for name in CATALOGUE for suffix, days in self._days.items() if days}
        old = {name: parts.older(connection, name, now - timedelta(days=days)) for name, days in kept.items()}
        if not opened and not any(old.values()):
            return 0
        newest = newest_days(connection, now)
        removed = 0
        for relation in opened.keys() | {name for name, found in old.items() if found}:
            days = kept.get(relation, 0)
            borders = {park: day - timedelta(days=days) for park, day in newest.items()} if days else {}
            visit = _Visit(connection, relation, borders, now, days, now + self._notice, self._waiting)
            removed += visit.run(old.get(relation, []), opened.get(relation, {}))
        return removed


@dataclass(frozen=True, slots=True)
class _Visit:
    """One relation, once an hour."""

    connection: psycopg.Connection[Any]
    relation: str
    borders: Mapping[str, datetime]
    now: datetime
    days: int
    due_at: datetime
    waiting: set[str]

    @property
    def _class(self) -> str:
        return next(name for name in (self.relation, self.relation.rpartition("_")[0]) if name in CATALOGUE)

    def run(self, old: Sequence[Part], opened: Mapping[str, Notice]) -> int:
        """Withdraw, remove and announce; the number of parts removed."""
        free = {part.name: part for part in self._reached(old)}
        self._withdraw([notice for name, notice in opened.items() if name not in free])
        due = [notice for name, notice in opened.items() if name in free and notice.due_at <= self.now]
        removed = sum(self._remove(notice) for notice in due[:_REMOVED_AT_ONCE])
        fresh = [part for name, part in free.items() if name not in opened]
        self._announce(fresh[:_ANNOUNCED_AT_ONCE])
        return removed

    def _reached(self, old: Sequence[Part]) -> list[Part]:
        """The parts in which some park has a day before its border, with something left of it."""
        border = max(self.borders.values(), default=None)
        if border is None:
            return []
        query = sql.SQL(statement("days_that_may_go")).format(days=sql.Identifier("base", f"{self._class}_1d"))
        values = {
            "parks": list(self.borders),
            "borders": list(self.borders.values()),
            "relation": self.relation,
        }
        days = [at for (at,) in self.connection.execute(query, values, prepare=False)]
        return [part for part in old if part.to_at <= border and _overlapped(part, days)]

    def _going(self, content: Content, part: Part) -> Content:
        """What parks have in a part that lies before their border; judged by the rows, as roll-ups may lag behind."""
        return content.only(
            [park for park in content.parks if park in self.borders and part.to_at <= self.borders[park]]
        )

    def _withdraw(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self.connection.execute(statement("withdraw_removal"), (self.relation, notice.part.name))
            _log.info("removal_withdrawn", **self._told([notice.part], notice.rows, notice.parks))

    def _announce(self, fresh: Iterable[Part]) -> None:
        told: list[Part] = []
        rows, of_parks = 0, set[str]()
        for part in fresh:
            going = self._going(parts.content(self.connection, self.relation, part), part)
            if going.rows:
                self._note(part, going)
                told.append(part)
                rows, of_parks = rows + going.rows, of_parks | going.parks.keys()
        if told:
            _log.warning(
                "removal_announced",
                **self._told(told, rows, of_parks),
                due=self.due_at.isoformat(),
                remedy="to keep it, increase the days in [store] of ingest's settings",
            )

    def _note(self, part: Part, going: Content) -> None:
        values = (part.name, part.from_at, part.to_at, going.rows, sorted(going.parks), self.days)
        self.connection.execute(statement("announce_removal"), (self.relation, *values, self.now, self.due_at))

    def _remove(self, notice: Notice) -> bool:
        try:
            return self._remove_as_announced(notice)
        except ChangedError:
            self._announce([notice.part])
            return False

    def _remove_as_announced(self, notice: Notice) -> bool:
        part = notice.part
        with self.connection.transaction():
            # Another keeper that computes one of these parks holds its line until it is done.
            asked = self.connection.execute(statement("one_keeper_of_parks"), (list(notice.parks),))
            if asked.fetchone() != (True,):
                return False
            content = parts.content(self.connection, self.relation, part)
            going = self._going(content, part)
            if not going.rows:
                self._withdraw([notice])
                return False
            if (going.rows, tuple(sorted(going.parks))) != (notice.rows, notice.parks):
                # What was added has its own days of notice.
                self._announce([part])
                return False
            if not parts.remove(self.connection, self.relation, part, going, whole=going.parks == content.parks):
                self._wait(notice)
                return False
            if self.relation in CATALOGUE:
                numbers = list(going.numbers.values())
                newest.forget(self.connection, self.relation, numbers, (part.from_at, part.to_at))
            self.connection.execute(statement("note_removal"), (self.now, self.relation, part.name))
            spans = (self.relation, part.from_at, part.to_at, sorted(going.parks))
            self.connection.execute(statement("note_removed_span"), spans)
            self.connection.execute(statement("note_kept_from"), (self.relation, part.to_at, sorted(going.parks)))
        self.waiting.discard(self.relation)
        _log.warning("removed", **self._told([part], going.rows, going.parks))
        return True

    def _wait(self, notice: Notice) -> None:
        """Say once that something is due and stays."""
        if self.relation not in self.waiting:
            self.waiting.add(self.relation)
            told = self._told([notice.part], notice.rows, notice.parks)
            _log.warning("removal_waits", **told, remedy="roll-ups or energy are not computed yet: run metering")

    def _told(self, parts: Sequence[Part], rows: int, parks: Iterable[str]) -> dict[str, Any]:
        return {
            "relation": self.relation,
            "parts": len(parts),
            "from_at": min(part.from_at for part in parts).isoformat(),
            "to_at": max(part.to_at for part in parts).isoformat(),
            "rows": rows,
            "parks": sorted(parks),
            "kept_days": self.days,
        }


def newest_days(connection: psycopg.Connection[Any], now: datetime) -> dict[str, datetime]:
    """Park to its seventh-newest day with readings of any class, of those that are over or under way."""
    days: dict[str, set[datetime]] = {}
    for device_class in CATALOGUE:
        query = sql.SQL(statement("newest_days")).format(days=sql.Identifier("base", f"{device_class}_1d"))
        for park, day in connection.execute(query, {"now": now, "count": _DAYS_OF_EVIDENCE}, prepare=False):
            days.setdefault(park, set()).add(day)
    return {park: sorted(found)[-_DAYS_OF_EVIDENCE] for park, found in days.items() if len(found) >= _DAYS_OF_EVIDENCE}


def removals(dsn: str) -> list[Removal]:
    """Everything that was removed, in its order, then what is announced. Raises `StoreError`."""
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        if connection.execute("SELECT to_regclass('public.removals') IS NULL").fetchone() == (True,):
            return []
        return [
            Removal(relation, low, high, rows, tuple(parks), *others)
            for relation, low, high, rows, parks, *others in connection.execute(statement("told_removals"))
        ]


def _opened(connection: psycopg.Connection[Any]) -> dict[str, dict[str, Notice]]:
    """Relation to its announced parts by name."""
    found: dict[str, dict[str, Notice]] = {}
    for relation, name, low, high, rows, parks, due_at in connection.execute(statement("open_removals")):
        found.setdefault(relation, {})[name] = Notice(Part(name, low, high), rows, tuple(parks), due_at)
    return found


def _overlapped(part: Part, days: Sequence[datetime]) -> bool:
    """Whether one of the days, which are in order, has a part in it."""
    place = bisect.bisect_right(days, part.from_at - _DAY)
    return place < len(days) and days[place] < part.to_at
