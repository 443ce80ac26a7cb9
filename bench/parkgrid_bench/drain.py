"""(g) An agent that comes back with a backlog: how quickly it drains, and what that does to its live readings."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import psycopg

from parkgrid_bench.edge import agent, agent_settings, modbus_devices
from parkgrid_bench.figures import BenchmarkError, Figure, Progress
from parkgrid_bench.plant import ROW_VALUES, MeteredSpan, samples
from parkgrid_bench.stack import PARK, Stack
from parkgrid_contract.identity import Gateway
from parkgrid_edge.delivery.outbox import Outbox, split
from parkgrid_servers import process

DRIVER = "eastron_sdm630"
DEVICES = 50
BATCHES = 3_000
"""Backlog of a gateway with 1,000 values/s and one batch a second (reliability bar P7), for 50 minutes."""
_VALUES = DEVICES * ROW_VALUES
_IDLE_S = 8.0
_PATIENCE_S = 180.0


def measure(stack: Stack, peak: float, pairs: int, tell: Progress) -> Iterator[Figure]:
    """The figures `drain` and `drain_live_p99`; `peak` in values a second."""
    drained, live = Figure("drain"), Figure("drain_live_p99")
    absolute: list[tuple[float, float, float]] = []
    for number in range(pairs + 1):
        rate, busy_ms, idle_ms, correct = _one(stack, f"bench-drain-{number}")
        if not number:
            continue
        tell(f"drain: run {number} of {pairs}: {rate:,.0f} values/s, live p99 {busy_ms:.0f} ms, idle {idle_ms:.0f} ms")
        absolute.append((rate, busy_ms, idle_ms))
        drained.ratios.append(rate / peak)
        live.ratios.append(busy_ms / idle_ms)
        drained.correct = live.correct = drained.correct and correct
    rate, busy_ms, idle_ms = (float(value) for value in np.median(np.array(absolute), axis=0))
    drained.detail = f"{rate:,.0f} of {peak:,.0f} values/s, {rate / 1_000:.0f}x real time for 1,000 values/s"
    live.detail = f"{busy_ms:.0f} ms while draining, {idle_ms:.0f} ms idle"
    yield drained
    yield live


def _one(stack: Stack, gateway: str) -> tuple[float, float, float, bool]:
    """Drain rate in values/s, live p99 while draining and afterwards in ms, and whether all rows arrived once."""
    start_ms = stack.next_ms - 864_000_000
    _fill(stack.folder / f"{gateway}.outbox", gateway, start_ms)
    with modbus_devices(stack.folder, DRIVER, stack.folder / "drain-counts.json") as port:
        settings = agent_settings(stack, gateway, port, DEVICES, 1.0, DRIVER, flush_s=0.1).replace("device-", "meter-")
        # The first device is read more often, so that the watch sees enough readings.
        settings = settings.replace("period_s = 1.0", "period_s = 0.1", 1)
        with agent(stack.folder, gateway, settings) as running, _Watch(stack, gateway) as watch:
            begun, ended = _await_drained(stack, gateway, running)
            watch.mark(ended)
            time.sleep(_IDLE_S)
    busy, idle = watch.percentiles()
    [(rows,)] = stack.query(
        "SELECT count(*) FROM base.meter JOIN public.devices USING (park_id, device_id)"
        " WHERE (park, gateway) = (%s, %s) AND at < to_timestamp(%s / 1000.0)",
        PARK,
        gateway,
        start_ms + BATCHES * 1_000,
    )
    return BATCHES * _VALUES / (ended - begun), busy, idle, rows == BATCHES * DEVICES


def _fill(path: Path, gateway: str, start_ms: int) -> None:
    """An outbox as a long absence leaves it."""
    span = MeteredSpan(Gateway(PARK, gateway), 1, 1, start_ms, 1_000, BATCHES * DEVICES)
    cycle = [samples(span, number * DEVICES, DEVICES) for number in range(64)]
    outbox = Outbox.open(path, max_bytes=4_000_000_000)
    bodies = [
        body
        for number in range(BATCHES)
        for body in split(replace(sample, at_ms=start_ms + number * 1_000) for sample in cycle[number % len(cycle)])
    ]
    for first in range(0, BATCHES, 200):
        outbox.append_encoded(bodies[first : first + 200])
    outbox.close()


def _await_drained(stack: Stack, gateway: str, running: process.Process) -> tuple[float, float]:
    """When the first and the last batch of the backlog were committed."""
    begun: float | None = None
    deadline = time.monotonic() + _PATIENCE_S
    with psycopg.connect(stack.database.dsn, autocommit=True) as connection:
        while time.monotonic() < deadline and running.poll() is None:
            row = connection.execute(_PROGRESS, (BATCHES, PARK, gateway)).fetchone()
            now = time.monotonic()
            if row and row[0] and begun is None:
                begun = now
            if begun is not None and row and row[1]:
                return begun, now
            time.sleep(0.01)
    raise BenchmarkError(f"{gateway} did not drain in {_PATIENCE_S:.0f} s; its log: {stack.folder / gateway}.log")


class _Watch:
    """Sees each new live reading of one device when it becomes visible in the store, and how old it is then."""

    def __init__(self, stack: Stack, gateway: str) -> None:
        self._dsn = stack.database.dsn
        self._gateway = gateway
        self._seen: list[tuple[float, float]] = []
        self._ended = float("inf")
        self._stop = threading.Event()
        self._since_ms = time.time() * 1_000
        self._thread = threading.Thread(target=self._run, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def mark(self, ended: float) -> None:
        """The backlog is drained from here on."""
        self._ended = ended

    def percentiles(self) -> tuple[float, float]:
        """p99 of the age in ms before and after the mark, the first second after it left out."""
        busy = [age for at, age in self._seen if at <= self._ended]
        idle = [age for at, age in self._seen if at > self._ended + 1]
        if not busy or not idle:
            raise BenchmarkError(f"no live reading of {self._gateway} was seen")
        return float(np.percentile(busy, 99)), float(np.percentile(idle, 99))

    def _run(self) -> None:
        newest = self._since_ms
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            while not self._stop.wait(0.005):
                row = connection.execute(_NEWEST, (PARK, self._gateway)).fetchone()
                if row and row[0] and row[0] > newest:
                    newest = float(row[0])
                    self._seen.append((time.monotonic(), time.time() * 1_000 - newest))


_PROGRESS = """
SELECT NOT isempty(committed), committed @> int8range(1, %s, '[]')
FROM base.gateway_epoch JOIN base.park USING (park_id) WHERE (park, gateway) = (%s, %s) ORDER BY epoch DESC LIMIT 1
"""

_NEWEST = """
SELECT (extract(epoch FROM r.at) * 1000)::float8
FROM public.devices AS d CROSS JOIN LATERAL (
    SELECT at FROM base.meter WHERE park_id = d.park_id AND device_id = d.device_id ORDER BY at DESC LIMIT 1
) AS r
WHERE (d.park, d.gateway, d.device) = (%s, %s, 'meter-00')
"""
