"""Buckets of roll-ups computed from the level below, of one class of one park at a time.

raw ─▶ 1 minute ─▶ 15 minutes ─▶ 1 day        a bucket is recomputed whole, so late, doubled and re-ordered rows
come out exact whatever their order
"""

import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms
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
from parkgrid_ingest.buckets import MINUTES, Pairs, Place, bucket_starts
from parkgrid_ingest.removed import Removed
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import Throttle, without_pause
from parkgrid_ingest.store.dirty import Int4Array

_MINUTE_MS = 60_000
_FIRST_SLICE = 10
_SLICE_S = 0.01
"""How long one statement of the roll-ups should take, about."""
_SPAN_SOURCE = {"1m": "", "15m": "", "1d": "_15m"}
"""Where a whole span is computed from: raw rows a quarter of an hour apart are no more than their 1-minute buckets."""


def recompute_days(
    connection: psycopg.Connection[Any], place: Place, pairs: Pairs, removed: Removed, now_ms: int
) -> None:
    """Every level of the whole days of these buckets, with one statement a level.

    Bucket by bucket where retention has removed something of the park there.
    """
    low, last = bucket_starts(pairs.minutes[[0, -1]], "1d").tolist()
    high = last + MINUTES["1d"]
    if any(removed.any_of(place.device_class, suffix, low, high) for suffix in SOURCE.values()):
        for level in SOURCE:
            left = removed.spared(place.device_class, level, pairs.at_level(level))
            recompute(connection, place, level, left, now_ms)
        return
    parameters = {
        "park_id": place.park_id,
        "devices": Int4Array(np.unique(pairs.devices)),
        "low": from_ms(low * _MINUTE_MS),
        "high": from_ms(high * _MINUTE_MS),
    }
    beside = singles.fill(connection, place.device_class, parameters)
    for level in LEVELS:
        if level in SINGLE_LEVELS and not beside:
            continue
        # Half the work where no bucket of the span holds two raw rows or is there already: no sums, no conflicts.
        if _SPAN_SOURCE[level] or not _insert_single(connection, place.device_class, level, parameters):
            connection.execute(_span_statement(place.device_class, level), parameters, prepare=False)


def _insert_single(
    connection: psycopg.Connection[Any], device_class: str, level: str, parameters: dict[str, object]
) -> bool:
    """Take raw rows for the buckets that they are; whether that was possible."""
    return connection.execute(_single_statement(device_class, level), parameters, prepare=False).rowcount > 0


def recompute(
    connection: psycopg.Connection[Any],
    place: Place,
    level: str,
    pairs: Pairs,
    now_ms: int,
    throttle: Throttle = without_pause,
) -> None:
    """Compute buckets of one level from the level below and put them in the place of what was there.

    Slice by slice: a processor that is taken for the whole of it makes commits wait for as long.
    """
    start, size = 0, _FIRST_SLICE
    while start < len(pairs.minutes):
        part = Pairs(pairs.devices[start : start + size], pairs.minutes[start : start + size])
        began = time.monotonic()
        _recompute_slice(connection, place, level, part, now_ms)
        seconds = time.monotonic() - began
        start += size
        # What a bucket takes depends on its rows; twofold steps are enough to find the size.
        size = size * 2 if seconds < _SLICE_S / 2 else max(_FIRST_SLICE, size // 2) if seconds > _SLICE_S else size
        throttle(seconds)


def _recompute_slice(connection: psycopg.Connection[Any], place: Place, level: str, pairs: Pairs, now_ms: int) -> None:
    if level == "1m":
        pairs = singles.set_apart(connection, place, pairs, now_ms)
        if len(pairs.minutes) == 0:
            return
    parameters = {
        "park_id": place.park_id,
        "devices": Int4Array(pairs.devices),
        "minutes": Int4Array(pairs.minutes),
        # Constants, so that the planner looks at the partitions of this span alone.
        "low": from_ms(int(pairs.minutes[0]) * _MINUTE_MS),
        "high": from_ms((int(pairs.minutes[-1]) + MINUTES[level]) * _MINUTE_MS),
    }
    # To read and plan hundreds of columns takes longer than to compute the buckets of one park.
    connection.execute(_recompute_statement(place.device_class, level), parameters, prepare=True)


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
) -> bytes:
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
    composed = sql.SQL(statement(name)).format(
        width=sql.Literal(LEVELS[level]),
        origin=sql.Literal(DAY_ORIGIN),
        target=sql.Identifier("base", f"{class_name}_{level}"),
        source=_source(class_name, level, source),
        singles=sql.Identifier("base", f"{class_name}_single"),
        columns=sql.SQL(", ").join(map(sql.Identifier, ("park_id", "device_id", "at", "samples", *columns))),
        minutes=sql.Literal(MINUTES[level]),
        expressions=sql.SQL(", ").join(
            sql.SQL("{} AS {}").format(sql.SQL(text), sql.Identifier(name)) for name, text in expressions
        ),
        assignments=assignments,
    )
    # To put hundreds of names together takes a millisecond: once is enough.
    return composed.as_bytes(None)


def _source(class_name: str, level: str, suffix: str) -> sql.Composable:
    """Where a level is computed from. A day has single readings, too; a quarter of an hour that has one has no rows."""
    if level == "1d":
        return singles.with_singles(class_name, "15m")
    return sql.Identifier("base", f"{class_name}{suffix}")
