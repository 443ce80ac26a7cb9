"""Whether a query reads raw readings, and of how long a time: told by the plan, not by the text."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from parkgrid_contract.signals import CATALOGUE
from parkgrid_database.connection import Connection

LONGEST = timedelta(hours=24)
_BOUND = re.compile(r"\bat (>=|>|<=|<) \(?('[^']+'::timestamp with time zone(?: [-+] '[^']+'::interval)?)")

TimeSpan = tuple[datetime, datetime]


class RawRelations:
    """Which relations hold raw readings, and of what time each."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.spans: dict[str, tuple[str, TimeSpan]] = dict(_partitions(connection))

    def longest(self, plan: Mapping[str, Any]) -> dict[str, timedelta]:
        """Raw readings that a plan reads, by class, as time in all; what a condition leaves out does not count."""
        read: dict[str, timedelta] = {}
        for node in _nodes(plan):
            found = self.spans.get(node.get("Relation Name", ""))
            # A part that was planned and never run is no reading.
            if not found or node.get("Actual Loops", 1) == 0:
                continue
            device_class, span = found
            start, end = self._bounded(node, span)
            read[device_class] = read.get(device_class, timedelta()) + max(end - start, timedelta())
        return read

    def _bounded(self, node: Mapping[str, Any], span: TimeSpan) -> TimeSpan:
        start, end = span
        for key in ("Index Cond", "Filter", "Recheck Cond", "Vectorized Filter"):
            for sign, text in _BOUND.findall(str(node.get(key, ""))):
                at = self._instant(text)
                if sign.startswith(">"):
                    start = max(start, at)
                else:
                    end = min(end, at)
        return start, end

    def _instant(self, text: str) -> datetime:
        row = self._connection.execute(f"SELECT ({text})::timestamptz".encode()).fetchone()
        assert row is not None  # noqa: S101 - a SELECT without FROM has one row
        at: datetime = row[0]
        return at


def findings(read: Mapping[str, timedelta]) -> Iterator[str]:
    """What is too much."""
    for device_class, time in sorted(read.items()):
        if time > LONGEST:
            hours, most = (each.total_seconds() / 3600 for each in (time, LONGEST))
            yield (
                f"reads {hours:,.0f} h of raw readings of {device_class} (at most {most:.0f} h):"
                f" ask {device_class}_1m or {device_class}_15m"
            )


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for each in plan.get("Plans", []):
        yield from _nodes(each)


def _partitions(connection: Connection) -> Iterable[tuple[str, tuple[str, TimeSpan]]]:
    """Partitions of the embedded store, chunks of TimescaleDB."""
    rows = connection.execute(
        "SELECT c.relname, p.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i"
        " JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent"
        " JOIN pg_namespace n ON n.oid = p.relnamespace WHERE n.nspname = 'base'"
    ).fetchall()
    for name, parent, bound in rows:
        edges = re.findall(r"'([^']+)'", bound or "")
        if parent in CATALOGUE and len(edges) == 2:  # noqa: PLR2004 - a range has two ends
            yield name, (parent, (datetime.fromisoformat(edges[0]), datetime.fromisoformat(edges[1])))
    if connection.execute("SELECT to_regclass('timescaledb_information.chunks')").fetchone() == (None,):
        return
    chunks = connection.execute(
        "SELECT chunk_name, hypertable_name, range_start, range_end FROM timescaledb_information.chunks"
        " WHERE hypertable_schema = 'base'"
    ).fetchall()
    for name, parent, start, end in chunks:
        if parent in CATALOGUE:
            yield name, (parent, (start, end))
