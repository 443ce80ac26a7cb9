"""(e) A month's curve from the 15-minute roll-up against the same answer computed from raw rows."""

import math
import time
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from parkgrid_bench.figures import Figure, Leg, Progress, finish, run_pairs
from parkgrid_bench.plant import device
from parkgrid_bench.stack import GATEWAYS, PARK, Stack
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit
from parkgrid_ingest.store.opening import open_store

DAYS = 20
STEP_MS = 10_000
_REPEATS = 15
_ROWS_IN_COMMIT = 40_000
_DAY_MS = 86_400_000


def measure(stack: Stack, pairs: int, tell: Progress) -> Figure:
    """The figure `rollup`."""
    tell(f"rollup: storing {DAYS} days of one series at {STEP_MS // 1000} s")
    # Midnight in Shanghai, well before everything else in the bench.
    start_ms = stack.next_ms // _DAY_MS * _DAY_MS - 57_600_000 - (DAYS + 5) * _DAY_MS
    [(park_id,)] = stack.query("SELECT park_id FROM public.parks WHERE park = %s", PARK)
    bounds = (park_id, *_fill(stack, GATEWAYS[1], park_id, start_ms, tell))
    figure = Figure("rollup")
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        equal = _equal(connection.execute(_RAW, bounds).fetchall(), connection.execute(_ROLLED, bounds).fetchall())
        legs = list(
            run_pairs(
                figure,
                lambda: _leg(connection, _RAW, bounds, 2, equal),
                lambda: _leg(connection, _ROLLED, bounds, _REPEATS, equal),
                pairs,
                tell,
            )
        )
    return finish(figure, "answers/s", legs)


def _fill(
    stack: Stack, gateway: Gateway, park_id: int, start_ms: int, tell: Progress
) -> tuple[int, datetime, datetime]:
    """Store the series through the store itself and bring its roll-ups up to date; device, first instant and end."""
    store = open_store(stack.database.dsn)
    try:
        device_id, device_class = store.registry()[gateway][device(0)]
        rows = DAYS * _DAY_MS // STEP_MS
        for number, first in enumerate(range(0, rows, _ROWS_IN_COMMIT)):
            seq = stack.next_seq[gateway]
            stack.next_seq[gateway] += 1
            header = BatchHeader(gateway, stack.epoch, seq, seq, True, time.time_ns() // 1_000_000)
            store.commit(
                Commit([header], [_rows(device_class, device_id, first, min(rows, first + _ROWS_IN_COMMIT), start_ms)])
            )
            tell(f"rollup: stored part {number + 1} of {-(-rows // _ROWS_IN_COMMIT)}")
        while store.maintain(time.time_ns() // 1_000_000).pending:
            pass
        span = device_id, from_ms(start_ms), from_ms(start_ms + DAYS * _DAY_MS)
        _await_rolled(stack, (park_id, *span), rows, store)
    finally:
        store.close()
    return span


def _rows(device_class: str, device_id: int, first: int, last: int, start_ms: int) -> ClassRows:
    """A noisy daily curve in every gauge, rising counters."""
    index = np.arange(first, last, dtype=np.int64)
    values = {}
    for position, signal in enumerate(CATALOGUE[device_class].signals):
        low, high = signal.steps(max(0.0, signal.low)), signal.steps(min(signal.high, 400.0))
        values[signal.name] = low + (index * 7_919 + position * 104_729) % (high - low)
    length = last - first
    return ClassRows(
        device_class,
        np.zeros(length, np.int32),
        np.full(length, device_id, np.int32),
        start_ms + index * STEP_MS,
        values,
    )


def _await_rolled(stack: Stack, bounds: tuple[object, ...], rows: int, store: Any) -> None:
    """Both ingest and we maintain: wait until every row is counted in the roll-up."""
    deadline = time.monotonic() + 120
    while True:
        [(counted,)] = stack.query(_COUNTED, *bounds)
        if counted == rows or time.monotonic() > deadline:
            return
        store.maintain(time.time_ns() // 1_000_000)
        time.sleep(0.1)


def _leg(
    connection: "psycopg.Connection[Any]", query: str, bounds: tuple[object, ...], repeats: int, equal: bool
) -> Leg:
    started = time.monotonic()
    for _ in range(repeats):
        connection.execute(query.encode(), bounds).fetchall()
    return Leg(repeats / (time.monotonic() - started), equal)


def _equal(raw: list[tuple[Any, ...]], rolled: list[tuple[Any, ...]]) -> bool:
    """Whether both answers say the same, means to one part in a billion."""
    return len(raw) == len(rolled) == DAYS * 96 and all(
        one[0] == other[0]
        and all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) for a, b in zip(one[1:], other[1:], strict=True))
        for one, other in zip(raw, rolled, strict=True)
    )


_COUNTED = """
SELECT coalesce(sum(samples), 0)::int8
FROM public.meter_15m WHERE park_id = %s AND device_id = %s AND at >= %s AND at < %s
"""

_ROLLED = """
SELECT at, samples, active_power_kw, active_power_kw_min, active_power_kw_max
FROM public.meter_15m WHERE park_id = %s AND device_id = %s AND at >= %s AND at < %s ORDER BY at
"""

_RAW = """
SELECT date_bin('15 minutes', at, '2000-01-01T00:00Z') AS bucket, count(*), avg(active_power_kw),
       min(active_power_kw), max(active_power_kw)
FROM public.meter WHERE park_id = %s AND device_id = %s AND at >= %s AND at < %s GROUP BY bucket ORDER BY bucket
"""
