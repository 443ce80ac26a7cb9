"""What retention has removed: no roll-up that was made of it is computed again from what is left or comes late.

raw         ░░░░░░░░░░░│●●●●●●●●●●        ░ removed of this park, ● there
1 minute    ●●●●●●●●●●●│●●●●●●●●●●        left of the line: kept as it was, though a late reading came
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_ingest.buckets import MINUTES, Pairs, bucket_starts
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store.dirty import Int4Array

_MINUTE_MS = 60_000
_FIRST = 0
Spans = Sequence[tuple[int, int]]
"""Half-open, in minutes since 1970, ascending, apart from each other."""


def spared(connection: psycopg.Connection[Any], source: str, level: str, pairs: Pairs) -> Pairs:
    """Only the buckets of `level` of which nothing in their source was removed for the park of their device."""
    if len(pairs.minutes) == 0:
        return pairs
    row = connection.execute(statement("removed_until"), (source,)).fetchone()
    if row is None or row[0] is None or to_ms(row[0]) // _MINUTE_MS <= int(pairs.minutes[0]):
        return pairs
    parameters = {
        "devices": Int4Array(pairs.devices),
        "minutes": Int4Array(pairs.minutes),
        "relation": source,
        "length": MINUTES[level],
    }
    left = connection.execute(statement("spared"), parameters, binary=True).fetchall()
    found = np.array(left, np.int64).reshape(-1, 2)
    return Pairs(found[:, 0], found[:, 1])


def any_of(
    connection: psycopg.Connection[Any], relations: Sequence[str], pairs: Pairs, low: datetime, high: datetime
) -> bool:
    """Whether something of these devices' parks was removed in a span."""
    parameters = (Int4Array(np.unique(pairs.devices)), list(relations), low, high)
    return connection.execute(statement("any_removed"), parameters).fetchone() == (True,)


def spans_of(connection: psycopg.Connection[Any], source: str, level: str) -> Spans:
    """The buckets of a level whose source was removed for some park, in whole buckets."""
    found: list[tuple[int, int]] = []
    for lower, upper in connection.execute(statement("removed_spans"), (source,)):
        edges = np.array([_FIRST if lower is None else to_ms(lower) // _MINUTE_MS, to_ms(upper) // _MINUTE_MS - 1])
        first, last = bucket_starts(edges, level).tolist()
        if found and first <= found[-1][1]:
            first = found.pop()[0]
        found.append((first, last + MINUTES[level]))
    return found


def outside(windows: Iterable[tuple[datetime, datetime]], spans: Spans) -> list[tuple[datetime, datetime]]:
    """What is left of windows beside the spans."""
    left = []
    for start, end in windows:
        low, stop = to_ms(start) // _MINUTE_MS, to_ms(end) // _MINUTE_MS
        for first, last in spans:
            if last <= low or first >= stop:
                continue
            if first > low:
                left.append((from_ms(low * _MINUTE_MS), from_ms(first * _MINUTE_MS)))
            low = last
        if low < stop:
            left.append((from_ms(low * _MINUTE_MS), from_ms(stop * _MINUTE_MS)))
    return left
