"""From stored readings to energy of intervals: roll-ups and intervals brought up to what is stored, at full speed.

    commit ─▶ notes ─▶ roll-ups of whole spans ─▶ intervals          beside more commits, and to the end

Ingest does the same in the background and leaves most of the time to raw rows. Here nothing else is waiting: a history
that is made, an import, or the end of a run.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg

from parkgrid_contract.time import SystemClock
from parkgrid_database import StoreKind
from parkgrid_database.errors import StoreUnavailableError
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.rounds import run_pass, run_rounds

Progress = Callable[[str, float], None]
"""Told what is being done and how much of it, 0 to 1."""
_PATIENCE_S = 300.0
_PAUSE_S = 0.1
_KEEPERS: dict[StoreKind, int] = {"postgres": 2, "timescale": 1}
"""Connections that bring roll-ups up to date: PostgreSQL works on two classes at once, an aggregate refreshes alone."""
_MOST_TRIES = 120
"""How often a keeper looks again while an ingest refreshes the very aggregate."""
_LOOK_EVERY_S = 0.2
_ROUND_EVERY_S = 0.5


def quiet(_what: str, _share: float) -> None:
    """Tell nobody."""


def catch_up(dsn: str) -> None:
    """Return when every stored reading has its part in the intervals; ingest may be running beside it."""
    clock, deadline = SystemClock(), time.monotonic() + _PATIENCE_S
    with closing(open_store(dsn)) as store, psycopg.connect(dsn, autocommit=True) as connection:
        noted = connection.execute("SELECT coalesce(max(dirty_id), 0) FROM base.rollup_dirty").fetchone()
        store.roll_up(clock.now_ms())
        while store.maintain(clock.now_ms()) and time.monotonic() < deadline:
            # Notes of this run only: others may go on writing to a database that was given.
            left = connection.execute("SELECT EXISTS (SELECT FROM base.rollup_dirty WHERE dirty_id <= %s)", noted)
            if left.fetchone() == (False,):
                break
            time.sleep(_PAUSE_S)
        run_rounds(connection, clock.now_ms())


@contextlib.contextmanager
def caught_up(dsn: str, kind: StoreKind, tell: Progress = quiet) -> Iterator[None]:
    """While readings come in, and then to the end: roll-ups, and the energy of every interval."""
    with metering(dsn), rolling_up(dsn, kind, tell):
        yield
    tell("energy of every interval", 1.0)
    with psycopg.connect(dsn, autocommit=True) as connection:
        run_rounds(connection, SystemClock().now_ms())


@contextlib.contextmanager
def rolling_up(dsn: str, kind: StoreKind, tell: Progress = quiet) -> Iterator[None]:
    """Bring roll-ups up to date while readings come in, and until nothing is left: one class a keeper at a time."""
    complete, left = threading.Event(), threading.Event()
    with ThreadPoolExecutor(_KEEPERS[kind]) as keepers:
        running = [keepers.submit(_keep, dsn, complete, left) for _ in range(_KEEPERS[kind])]
        try:
            yield
            tell("roll-ups", 1.0)
        except BaseException:
            left.set()
            raise
        finally:
            complete.set()
        for keeper in running:
            keeper.result()
    # A class that the other one held when a keeper looked last may have been left by both.
    _keep(dsn, complete, left)


@contextlib.contextmanager
def metering(dsn: str) -> Iterator[None]:
    """Meter what has been made while more is being made: a processor that waits for the other's part has work."""
    ended = threading.Event()

    def meter_on() -> None:
        pending = False
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not ended.wait(0 if pending else _ROUND_EVERY_S):
                pending = run_pass(connection, SystemClock().now_ms()).pending

    with ThreadPoolExecutor(1, "metering") as beside:
        running = beside.submit(meter_on)
        try:
            yield
        finally:
            ended.set()
        running.result()


def _keep(dsn: str, complete: threading.Event, left: threading.Event) -> None:
    """Maintain until nothing is left after the last reading, or the readings have been left where they are."""
    clock, tries = SystemClock(), 0
    with closing(open_store(dsn)) as store:
        while not left.is_set():
            last = complete.is_set()
            try:
                report = store.roll_up(clock.now_ms())
                if not report.pending and not report.buckets:
                    report = store.maintain(clock.now_ms())
                tries = 0
            except StoreUnavailableError:
                tries += 1
                if left.is_set():
                    return
                if tries == _MOST_TRIES:
                    raise
                time.sleep(_LOOK_EVERY_S)
                continue
            if report.pending or report.buckets:
                continue
            if last:
                return
            complete.wait(_LOOK_EVERY_S)
