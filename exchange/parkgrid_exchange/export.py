"""The sink: stored samples or 15-minute energies to an InfluxDB-compatible store, a day at a time.

    view ─▶ lines ─▶ write_api ─▶ day done ─▶ cursor

A point is named by its measurement, its tags and its time, so a day that is sent again, after a kill or on purpose for
late data, replaces itself. InfluxDB does so by nature, VictoriaMetrics with `-dedup.minScrapeInterval=1ms`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import psycopg
from psycopg import sql

from parkgrid_contract.sample import UNTRUSTED
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms
from parkgrid_database.sql_files import sql_text
from parkgrid_exchange.client import Influx
from parkgrid_exchange.cursor import Cursor
from parkgrid_exchange.errors import InfluxError
from parkgrid_exchange.lines import head, line

What = Literal["samples", "intervals"]
INTERVALS = "interval_energy"
"""Measurement of the 15-minute energies."""
_DAY_MS = 86_400_000
_LINES_AT_ONCE = 5_000
_QUALITY_CODES = {"good": 1.0, "estimated": 2.0}

Progress = Callable[[int, int], None]
"""Told how many points are written and until when, in ms."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is exported."""

    what: What
    parks: tuple[str, ...]
    """Empty for all."""
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did."""

    points: int
    """Values written: one of a series at a time."""
    left_out: int
    """Values that are not good: bad, stale or out of range; they are for those who can see why."""
    from_ms: int
    """Where it began, later than asked for if an earlier run had come further."""


def export(
    connection: "psycopg.Connection[Any]", influx: Influx, wanted: Wanted, cursor: Cursor, tell: Progress | None = None
) -> Exported:
    """Write everything of the span that an earlier run did not. Raises `InfluxError`."""
    parks = _parks(connection, wanted.parks)
    start_ms = max(wanted.start_ms, cursor.read() or 0)
    count = _Count()
    at_ms = start_ms
    while at_ms < wanted.end_ms:
        stop_ms = min(at_ms + _DAY_MS, wanted.end_ms)
        arguments = {"start": from_ms(at_ms), "stop": from_ms(stop_ms), "parks": parks}
        for lines in _chunks(_lines(connection, wanted.what, arguments, count)):
            influx.write(lines)
        cursor.write(stop_ms)
        at_ms = stop_ms
        if tell:
            tell(count.points, at_ms)
    return Exported(count.points, count.left_out, start_ms)


def _parks(connection: "psycopg.Connection[Any]", wanted: Sequence[str]) -> list[int]:
    """The numbers of the parks that are wanted."""
    known = dict(connection.execute("SELECT park, park_id FROM public.parks ORDER BY park").fetchall())
    for park in wanted:
        if park not in known:
            raise InfluxError(f"{park!r} is not a park of this database; there are: {', '.join(known) or 'none'}")
    return [known[park] for park in wanted or known]


@dataclass(slots=True)
class _Count:
    points: int = 0
    left_out: int = 0


def _lines(
    connection: "psycopg.Connection[Any]", what: What, arguments: dict[str, Any], count: _Count
) -> Iterator[str]:
    if what == "intervals":
        yield from _interval_lines(connection, arguments, count)
        return
    for device_class in CATALOGUE:
        yield from _sample_lines(connection, device_class, arguments, count)


def _sample_lines(
    connection: "psycopg.Connection[Any]", device_class: str, arguments: dict[str, Any], count: _Count
) -> Iterator[str]:
    names = [signal.name for signal in CATALOGUE[device_class].signals]
    heads: dict[tuple[str, str, str], str] = {}
    for park, gateway, device, at_ms, flags, *values in _rows(connection, _sample_query(device_class), arguments):
        address = (park, gateway, device)
        start = heads.get(address)
        if start is None:
            start = heads[address] = head(device_class, {"park": park, "gateway": gateway, "device": device})
        # They stand in no column.
        count.left_out += sum(quality in UNTRUSTED for quality in (flags or {}).values())
        written = line(start, names, values, at_ms)
        if written is not None:
            count.points += len(values) - values.count(None)
            yield written


def _interval_lines(connection: "psycopg.Connection[Any]", arguments: dict[str, Any], count: _Count) -> Iterator[str]:
    names = ("energy_kwh", "quality", "revision")
    query = sql.SQL(_statement("intervals"))
    for park, gateway, device, signal, at_ms, energy_kwh, quality, revision in _rows(connection, query, arguments):
        start = head(INTERVALS, {"park": park, "gateway": gateway, "device": device, "signal": signal})
        written = line(start, names, (energy_kwh, _QUALITY_CODES[quality], float(revision)), at_ms)
        if written is not None:
            count.points += len(names)
            yield written


def _rows(
    connection: "psycopg.Connection[Any]", query: sql.SQL | sql.Composed, arguments: dict[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """Rows as they come: a day of a large district need not fit in memory."""
    with connection.transaction(), connection.cursor("parkgrid_export") as cursor:
        cursor.itersize = _LINES_AT_ONCE
        yield from cursor.execute(query, arguments)


def _sample_query(device_class: str) -> sql.Composed:
    columns = sql.SQL(", ").join(sql.Identifier("s", signal.name) for signal in CATALOGUE[device_class].signals)
    view = sql.Identifier("public", device_class)
    return sql.SQL(_statement("samples")).format(columns=columns, view=view)


@cache
def _statement(name: str) -> Any:
    return sql_text("parkgrid_exchange", name).rstrip().rstrip(";")


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for each in lines:
        chunk.append(each)
        if len(chunk) == _LINES_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
