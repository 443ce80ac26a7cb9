"""The file under the outbox: opening it, telling damage from bad luck, and making a good one out of a bad one."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from parkgrid_contract.ranges import MAX_SEQ
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.delivery.salvage import FORMER_NUMBERS, PAGE_BYTES, State, log_is_damaged, salvage, state_of

RESERVE_BYTES = 2_097_152
# Two such logs fit into the reserve, so that a full disk can always be written back from the log: one that has been
# filled, and one more while the disk had no room to write the first one back.
_CHECKPOINT_PAGES = 200
_CHECK_AT_MOST_BYTES = 64 * 1_048_576
_SHORT_READ = sqlite3.SQLITE_IOERR_SHORT_READ
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT}

_BATCHES = "CREATE TABLE batch (seq INTEGER PRIMARY KEY, at_ms INTEGER, samples INTEGER, crc INTEGER, body BLOB)"
_ABOUT_THEM = (
    """CREATE TABLE state (one INTEGER PRIMARY KEY, epoch INTEGER, base INTEGER, through INTEGER, next_row INTEGER,
       accepted INTEGER, dropped INTEGER, again INTEGER, crc INTEGER)""",
    "CREATE TABLE life (epoch INTEGER PRIMARY KEY, base INTEGER)",
)


class DamagedError(Exception):
    """The file is not what was written."""


def connected(path: Path) -> sqlite3.Connection:
    """An open file with everything checked that can be checked in time. Raises `DamagedError` and SQLite's errors."""
    existed = path.exists()
    if existed and path.stat().st_size == 0:
        raise DamagedError("it is empty")
    if log_is_damaged(suffixed(path, "-wal")):
        raise DamagedError("its log has a wrong checksum")
    # The one thread that uses it need not be the one that opened it.
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        # Exclusive: a second agent on the same file is refused, and the log's index needs no file that could not grow.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Some builds overwrite what is deleted; on a full disk there is no room for that.
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA journal_size_limit = 4194304")
        connection.execute("PRAGMA cache_size = -1024")
        if not existed:
            _create(connection)
        elif path.stat().st_size <= _CHECK_AT_MOST_BYTES:
            # A larger file is checked row by row when it is sent: a gateway must be back within seconds.
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != ("ok",):
                raise DamagedError(f"check says {found}")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    state = State(0, 0, 0, 1, 0, 0)
    connection.execute("BEGIN IMMEDIATE")
    for statement in (_BATCHES, *_ABOUT_THEM):
        connection.execute(statement)
    write_state(connection, state)
    connection.execute("COMMIT")


def read_state(connection: sqlite3.Connection) -> State:
    """The state of an open file; one of the former form is written anew. Raises `DamagedError`."""
    row = connection.execute("SELECT * FROM state WHERE one = 1").fetchone()
    if row is None:
        raise DamagedError("its state is missing")
    state = state_of(row[1:-1], row[-1])
    if state is None:
        raise DamagedError("its state has a wrong checksum")
    if len(row) - 2 == FORMER_NUMBERS:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DROP TABLE state")
        for statement in _ABOUT_THEM:
            connection.execute(statement)
        # What the store confirmed was told of the epoch that ends with this opening.
        connection.execute("INSERT INTO life VALUES (?,?)", (state.epoch, state.base))
        write_state(connection, state)
        connection.execute("COMMIT")
    return state


def write_state(connection: sqlite3.Connection, state: State) -> None:
    """Keep the state, within a transaction."""
    connection.execute("INSERT OR REPLACE INTO state VALUES (1,?,?,?,?,?,?,?,?)", (*state.numbers, state.check))


def salvage_into(path: Path, fresh: Path) -> tuple[int, State]:
    """Fill a new file with what is readable; returns the number of batches and the state that goes with them."""
    connection = sqlite3.connect(fresh, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA synchronous = FULL")
        _create(connection)
        connection.execute("BEGIN IMMEDIATE")
        states: list[State] = []
        connection.executemany("INSERT OR IGNORE INTO batch VALUES (?,?,?,?,?)", map(row_columns, _found(path, states)))
        state = _state_after(connection, max(states, key=lambda each: (each.epoch, each.next_row), default=None))
        write_state(connection, state)
        if state.epoch:
            connection.execute("INSERT INTO life VALUES (?,?)", (state.epoch, state.base))
        (rows,) = connection.execute("SELECT count(*) FROM batch").fetchone()
        connection.execute("COMMIT")
    finally:
        connection.close()
    return rows, state


def _found(path: Path, states: list[State]) -> Iterator[OutboxBatch]:
    for found in salvage(path):
        if found.state:
            states.append(found.state)
        if found.row and 0 < found.row.seq <= MAX_SEQ:
            yield found.row


def _state_after(connection: sqlite3.Connection, known: State | None) -> State:
    """The state to go on with: the old one, or what the rows themselves tell when it is gone."""
    low, high, samples = connection.execute("SELECT min(seq), max(seq), total(samples) FROM batch").fetchone()
    if known:
        return replace(known, next_row=max(known.next_row, (high or 0) + 1))
    return State(0, 0, (low or 1) - 1, (high or 0) + 1, int(samples), 0)


def row_columns(row: OutboxBatch) -> tuple[int, int, int, int, bytes]:
    """A row as the table keeps it."""
    return row.seq, row.at_ms, row.samples, row.check, row.body


def is_full(error: Exception) -> bool:
    """Whether there was no room on the disk."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def is_damaged(error: Exception) -> bool:
    """Whether the file is not what was written, rather than out of reach for now."""
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, DamagedError) or code == _SHORT_READ:
        return True
    if isinstance(error, sqlite3.Error) and code is None:
        return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.ProgrammingError)
    return code is not None and code & 0xFF in _DAMAGED


def suffixed(path: Path, suffix: str) -> Path:
    """A path with something behind its name."""
    return path.with_name(path.name + suffix)


def fresh_file(path: Path) -> Path:
    """Where a salvage builds the new file."""
    return suffixed(path, ".new")


def reserve_file(path: Path) -> Path:
    """A file that only takes space: given up when the disk is full, so that acknowledged batches can be deleted."""
    return suffixed(path, ".reserve")


def fill_reserve(path: Path) -> None:
    """Take the reserve, or take it again, when there is room for it."""
    if path.exists():
        return
    room = os.statvfs(path.parent)
    if room.f_bavail * room.f_frsize >= RESERVE_BYTES + RESERVE_BYTES // 16:
        try:
            path.write_bytes(bytes(RESERVE_BYTES))
        except OSError:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
