"""The end of a run: roll-ups and energy intervals brought up to what is stored."""

import time
from contextlib import closing

import psycopg

from accounting.settlement.keeper import settle
from contract.time import SystemClock
from ingest.store import open_store

_PATIENCE_S = 300.0
_PAUSE_S = 0.1


def settle_everything(dsn: str) -> None:
    """Return when every stored reading has its part in the intervals; ingest may be running beside it."""
    clock, deadline = SystemClock(), time.monotonic() + _PATIENCE_S
    with closing(open_store(dsn)) as store, psycopg.connect(dsn, autocommit=True) as connection:
        noted = connection.execute("SELECT coalesce(max(dirty_id), 0) FROM base.rollup_dirty").fetchone()
        while store.maintain(clock.now_ms()) and time.monotonic() < deadline:
            # Notes of this run only: others may go on writing to a database that was given.
            left = connection.execute("SELECT EXISTS (SELECT FROM base.rollup_dirty WHERE dirty_id <= %s)", noted)
            if left.fetchone() == (False,):
                break
            time.sleep(_PAUSE_S)
        settle(connection, clock.now_ms())
