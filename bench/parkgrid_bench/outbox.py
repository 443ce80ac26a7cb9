"""(c) Durable appends of the outbox against raw sqlite3 with the same batches, bodies and synchronous=FULL."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from parkgrid_bench.figures import Figure, Leg, Progress, finish, run_pairs
from parkgrid_bench.plant import MeteredSpan, samples
from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import encode_samples
from parkgrid_edge.delivery.outbox import Outbox

_APPENDS = 300
_BODIES = 100
"""Batches in one transaction, as reliability bar P8 has them."""


def measure(folder: Path, pairs: int, tell: Progress) -> Figure:
    """The figure `outbox`."""
    span = MeteredSpan(Gateway("bench-park", "bench-outbox"), 1, 1, 1_700_000_000_000, 1_000, _BODIES)
    # About 250 bytes, one device's short reading: small bodies are the hard case for what the outbox adds to each.
    bodies = [encode_samples(samples(span, number, 1))[:250] for number in range(_BODIES)]
    figure = Figure("outbox")
    legs = list(run_pairs(figure, lambda: _raw(folder, bodies), lambda: _ours(folder, bodies), pairs, tell))
    return finish(figure, "thousand bodies/s", legs, 1e-3)


def _raw(folder: Path, bodies: list[bytes]) -> Leg:
    path = _fresh(folder / "raw-outbox")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE batch (seq INTEGER PRIMARY KEY, body BLOB)")
    rows = [(body,) for body in bodies]

    def append() -> None:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO batch (body) VALUES (?)", rows)
        connection.execute("COMMIT")

    seconds = _timed(append)
    found = connection.execute("SELECT count(*), sum(length(body)) FROM batch").fetchone()
    connection.close()
    return Leg(_APPENDS * _BODIES / seconds, found == (_APPENDS * _BODIES, _APPENDS * sum(map(len, bodies))))


def _ours(folder: Path, bodies: list[bytes]) -> Leg:
    outbox = Outbox.open(_fresh(folder / "our-outbox"))
    pairs = [(body, 1) for body in bodies]
    seconds = _timed(lambda: outbox.append_encoded(pairs))
    held = outbox.rows(0, outbox.next_seq, _APPENDS * _BODIES + 1)
    correct = len(held) == _APPENDS * _BODIES and sum(len(row.body) for row in held) == _APPENDS * sum(map(len, bodies))
    outbox.close()
    return Leg(_APPENDS * _BODIES / seconds, correct)


def _timed(append: Callable[[], object]) -> float:
    started = time.monotonic()
    for _ in range(_APPENDS):
        append()
    return time.monotonic() - started


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder / "outbox.db"
