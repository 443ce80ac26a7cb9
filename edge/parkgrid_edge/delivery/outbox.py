"""The outbox: readings are kept here, on disk, until the store has confirmed them.

A sample is *accepted* when the transaction that holds it has been synced. It leaves only by `Ack`, or by the stated
policy when the outbox outgrows its bound: the oldest batches go, counted. What was acknowledged stays for a while
(`kept`), and is sent again when the store says that it was restored from a backup.

Every opening begins a new epoch, greater than any known before, and rows keep their numbers with a new `base`. So a
number is never used twice for different content: not after a lying disk, not after yesterday's file was copied back.
What such a file still holds is simply sent again, and the store's key (device, at) makes the repeat harmless.

One thread at a time may use an outbox; `epoch`, `floor` and `stats` may be read from any.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import structlog

from parkgrid_contract.crash import crash_point
from parkgrid_contract.ranges import MAX_EPOCH
from parkgrid_contract.sample import Sample
from parkgrid_contract.telemetry import MAX_BATCH_BYTES, Ack, Mark, encode_samples
from parkgrid_contract.time import Clock, SystemClock, from_ms
from parkgrid_edge.delivery import kept
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.delivery.kept import NOTHING, ROW_BYTES, Held, Keeping
from parkgrid_edge.delivery.outbox_file import (
    RESERVE_BYTES,
    DamagedError,
    connected,
    fill_reserve,
    fresh_file,
    is_damaged,
    is_full,
    read_state,
    reserve_file,
    row_columns,
    salvage_into,
    suffixed,
    sync_folder,
    write_state,
)
from parkgrid_edge.delivery.salvage import PAGE_BYTES, State

_T = TypeVar("_T")
_log = structlog.get_logger("edge.outbox")

_ENVELOPE_BYTES = 256
_RANDOM_BITS = 20
_LOOK_EVERY_MS = 60_000
_SPARE = 0.1
"""Part of the disk that nothing is kept on."""


class OutboxError(Exception):
    """The outbox cannot do this now. Nothing was accepted, its content is unchanged, and a later attempt may work."""


class OutboxFullError(OutboxError):
    """The disk is full."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The state of the outbox."""

    accepted: int
    """Samples accepted since the first day, over every epoch."""
    dropped: int
    """Samples not accepted or given up by the policy since the first day."""
    batches: int
    """Waiting for the store."""
    bytes: int
    oldest_ms: int | None
    """When the oldest batch that waits was committed."""
    kept: int = 0
    """Batches that the store has confirmed and that are still here."""
    kept_bytes: int = 0


class Outbox:
    """Batches on disk, numbered without gaps within an epoch."""

    def __init__(self, path: Path, max_bytes: int, clock: Clock, keeping: Keeping = NOTHING) -> None:
        """Nothing is opened yet; `open`, or the first operation, does it."""
        self._path = path
        self._max_bytes = max_bytes
        self._clock = clock
        self._keeping = keeping
        self._connection: sqlite3.Connection | None = None
        self._state = State(0, 0, 0, 1, 0, 0)
        self._ack: Ack | None = None
        self._held = Held()
        self._former: Mark | None = None
        self._life = 0
        self._refused = 0
        self._looked_ms = 0
        self._tight = False
        self._dropping = self._disk_full = False

    @classmethod
    def open(
        cls, path: Path, *, max_bytes: int = 512_000_000, clock: Clock | None = None, keeping: Keeping = NOTHING
    ) -> "Outbox":
        """Open or create; a damaged file is salvaged, and the damaged copy is kept. Raises `OutboxError`."""
        outbox = cls(path, max_bytes, clock or SystemClock(), keeping)
        outbox.check()
        return outbox

    def check(self) -> None:
        """Open the file if it is not open. Raises `OutboxError`."""
        self._use(lambda _: None)

    @property
    def epoch(self) -> int:
        """The epoch of all batches that are sent from here."""
        return self._state.epoch

    @property
    def floor(self) -> int:
        """The lowest seq that waits, or the next one if none does."""
        lowest, state = self._held.lowest, self._state
        return (lowest[0] if lowest else state.next_row) - state.base

    @property
    def next_seq(self) -> int:
        """The seq of the next batch."""
        return self._state.next_row - self._state.base

    @property
    def acked(self) -> Mark | None:
        """Epoch and seq up to which everything was acknowledged, as the file has it."""
        state = self._state
        return (state.epoch, state.through - state.base) if state.through > state.base else self._former

    @property
    def again(self) -> int:
        """Up to which seq batches of this epoch were acknowledged before a restore and are not yet again; 0: none."""
        state = self._state
        return state.again - state.base if state.through < state.again else 0

    @property
    def stats(self) -> Stats:
        """The present state of the outbox."""
        state, held = self._state, self._held
        oldest_ms = held.lowest[1] if held.lowest else None
        dropped = state.dropped + self._refused
        return Stats(state.accepted, dropped, held.batches, held.bytes, oldest_ms, held.kept, held.kept_bytes)

    @property
    def alarm(self) -> str:
        """What is wrong with the outbox, in one word; empty if nothing is."""
        return "disk_full" if self._disk_full else "dropping" if self._dropping else ""

    def append(self, samples: Sequence[Sample]) -> list[OutboxBatch]:
        """Commit samples as one batch, or several when they are too many; they are durable when this returns.

        Raises `OutboxError`: then none of them is accepted, and all are counted.
        """
        return self.append_encoded(split(samples))

    def append_encoded(self, bodies: Sequence[tuple[bytes, int]]) -> list[OutboxBatch]:
        """As `append`, for samples that are encoded already: bodies with their number of samples."""
        try:
            try:
                return self._use(lambda connection: self._append(connection, bodies))
            except OutboxFullError:
                if not self._held.kept:
                    raise
                # What is only kept makes room for what is new.
                return self._use(lambda connection: self._append(connection, bodies))
        except OutboxError:
            self.refuse(sum(samples for _, samples in bodies))
            raise

    def refuse(self, samples: int) -> None:
        """Count samples that could not be accepted."""
        self._refused += samples

    def acknowledge(self, ack: Ack) -> None:
        """Note what is committed; the rows leave with the next `append` or `trim`, so an ack needs no sync."""
        if self._ack is None or self._ack.epoch != ack.epoch or self._ack.through <= ack.through:
            self._ack = ack

    def trim(self, ack: Ack | None = None) -> None:
        """Take note of what is committed, and delete what was kept long enough. Raises `OutboxError`."""
        if ack:
            self.acknowledge(ack)
        if self._ack or (self._held.kept and self._look()):
            self._use(
                lambda connection: self._in_transaction(connection, lambda state: self._trimmed(connection, state))
            )

    def rows(self, after: int, before: int, limit: int) -> list[OutboxBatch]:
        """The batches that wait with `after` < seq < `before`, ascending. Raises `OutboxError`."""
        return self._use(lambda connection: self._rows(connection, after, before, limit))

    def renew(self, above: int) -> None:
        """Start an epoch greater than `above`, because a higher one is already in use. Raises `OutboxError`."""
        self._use(lambda connection: self._in_transaction(connection, lambda state: self._new_life(state, above)))

    def restore(self, held: Mark | None) -> int:
        """Have wait again what is kept behind `held`: the store was restored, and has no more of what it acknowledged.

        It comes under a new epoch, and what is gone from here is a hole below its floor. Gives how many batches wait
        again. Raises `OutboxError`.
        """
        return self._use(lambda connection: self._restore(connection, held))

    def close(self) -> None:
        """Close the file; its content and the count of refused samples stay."""
        if self._connection and self._refused:
            try:
                self._in_transaction(self._connection, lambda state: state)
            except sqlite3.Error as error:
                _log.warning("outbox_count_not_kept", path=str(self._path), refused=self._refused, error=str(error))
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _use(self, operation: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run an operation on the open file; on an error repair what is possible and raise `OutboxError`."""
        try:
            if self._connection is None:
                self._open()
            if self._connection is None:
                raise OutboxError(f"{self._path}: not open")
            result = operation(self._connection)
        except (sqlite3.Error, OSError, DamagedError) as error:
            self._after(error)
            kind = OutboxFullError if is_full(error) else OutboxError
            raise kind(f"{self._path}: {error}") from error
        return result

    def _after(self, error: Exception) -> None:
        """Leave the outbox usable: a failed sync is never retried on the same handle, since it may falsely succeed."""
        if is_full(error):
            self._set_full(full=True)
            reserve_file(self._path).unlink(missing_ok=True)
            self._write_back()
            return
        _log.error("outbox_reopened", path=str(self._path), error=str(error))
        try:
            self._disconnect()
            if is_damaged(error):
                self._heal(str(error))
            self._open()
        except (sqlite3.Error, OSError, DamagedError) as again:
            self._disconnect()
            _log.warning("outbox_unavailable", path=str(self._path), error=str(again))

    def _open(self) -> None:
        """Open the file, repair it if needed, and start a new epoch."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = fresh_file(self._path)
        if fresh.exists():
            # A salvage was interrupted: once the bad file is aside the new one is complete, before that it is not.
            fresh.unlink() if self._path.exists() else fresh.rename(self._path)
        try:
            self._connection = connected(self._path)
            self._load(self._connection)
        except (sqlite3.Error, DamagedError) as error:
            self._disconnect()
            if not is_damaged(error):
                raise
            self._heal(str(error))
            self._connection = connected(self._path)
            self._load(self._connection)
        self._state = self._new_life(self._state, self._state.epoch)
        self._former = kept.confirmed_before(self._connection, self._state.base)
        try:
            self._in_transaction(self._connection, lambda state: state)
        except sqlite3.OperationalError as error:
            # With a full disk the old batches can still be sent; the epoch is kept with the next commit.
            if not is_full(error):
                raise
        fill_reserve(reserve_file(self._path))

    def _load(self, connection: sqlite3.Connection) -> None:
        self._state = read_state(connection)
        self._ack = None
        self._life = 0
        self._held = kept.counted(connection, self._state.through)

    def _new_life(self, state: State, above: int) -> State:
        epoch = (self._clock.now_ms() // 1000 << _RANDOM_BITS) + secrets.randbits(_RANDOM_BITS)
        # A clock that has never been set must not lead back below an epoch that the store has seen.
        # The step is random, lest a file that was copied back take the same one again.
        next_one = max(above, state.epoch) + 1 + secrets.randbits(_RANDOM_BITS)
        # A clock beyond the year 2106 says nothing either.
        epoch = max(epoch, next_one) if epoch <= MAX_EPOCH else next_one
        if epoch > MAX_EPOCH:
            raise OutboxError(
                f"no epoch is left above {above}: an epoch was acknowledged that no gateway can have used"
            )
        self._ack = None
        return replace(state, epoch=epoch, base=state.through)

    def _in_transaction(self, connection: sqlite3.Connection, change: Callable[[State], State]) -> None:
        """Run `change` and keep the state that it returns, both or neither."""
        before = (replace(self._held), self._ack, self._dropping, self._former, self._life)
        connection.execute("BEGIN IMMEDIATE")
        try:
            state = change(self._state)
            state = replace(state, dropped=state.dropped + self._refused)
            if self._life != state.epoch:
                kept.begin_life(connection, state.epoch, state.base)
                self._former = kept.confirmed_before(connection, state.base)
                self._life = state.epoch
            write_state(connection, state)
            crash_point("edge.before_commit")
            connection.execute("COMMIT")
        except BaseException:
            self._held, self._ack, self._dropping, self._former, self._life = before
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        crash_point("edge.after_commit")
        self._state = state
        self._refused = 0

    def _append(self, connection: sqlite3.Connection, bodies: Sequence[tuple[bytes, int]]) -> list[OutboxBatch]:
        if not reserve_file(self._path).exists():
            self._in_transaction(connection, lambda state: self._trimmed(connection, state))
            size = sum(len(body) for body, _ in bodies)
            if self._held.kept and not self._has_room(connection, size):
                self._in_transaction(connection, lambda state: self._without_kept(connection, state, size))
            if not self._has_room(connection, size):
                self._set_full(full=True)
                raise OutboxFullError(f"{self._path}: the disk is still full")
        now_ms = self._clock.now_ms()
        first = self._state.next_row
        rows = [OutboxBatch(first + index, now_ms, samples, body) for index, (body, samples) in enumerate(bodies)]

        def change(state: State) -> State:
            state = self._trimmed(connection, state)
            connection.executemany("INSERT INTO batch VALUES (?,?,?,?,?)", map(row_columns, rows))
            self._held.waits(len(rows), sum(len(row.body) for row in rows))
            if self._held.lowest is None and rows:
                self._held.lowest = (first, now_ms)
            accepted = state.accepted + sum(row.samples for row in rows)
            return self._bounded(connection, replace(state, next_row=first + len(rows), accepted=accepted))

        self._in_transaction(connection, change)
        self._set_full(full=False)
        fill_reserve(reserve_file(self._path))
        base = self._state.base
        return [row.numbered(row.seq - base) for row in rows]

    def _bounded(self, connection: sqlite3.Connection, state: State) -> State:
        """Give up what is kept, then drop the oldest batches, until the size is within the limit."""
        held = self._held
        if held.kept and held.bytes + held.kept_bytes > self._max_bytes:
            room = self._max_bytes - held.bytes
            kept.expire(connection, held, state.through, lambda _, size: size > room, held.kept)
        if held.bytes <= self._max_bytes:
            if self._dropping and held.bytes < self._max_bytes * 0.9:
                self._dropping = False
                _log.info("outbox_within_bound", path=str(self._path), dropped=state.dropped)
            return state
        if not self._dropping:
            self._dropping = True
            _log.error("outbox_dropping", path=str(self._path), max_bytes=self._max_bytes, remedy="restore the uplink")
        excess = held.bytes - self._max_bytes
        last = dropped = 0
        query = "SELECT seq, samples, length(body) FROM batch WHERE seq > ? ORDER BY seq"
        for last, samples, size in connection.execute(query, (state.through,)):  # noqa: B007 - where the cut is
            dropped += samples
            excess -= size + ROW_BYTES
            if excess <= 0:
                break
        connection.execute("DELETE FROM batch WHERE seq <= ?", (last,))
        self._held = kept.counted(connection, state.through)
        return replace(state, dropped=state.dropped + dropped)

    def _trimmed(self, connection: sqlite3.Connection, state: State) -> State:
        """Keep what is committed without a gap, for its time. What is committed after a gap waits until it is closed.

        Deleted rows must not look like lost ones when the next epoch numbers what is left.
        """
        ack, self._ack = self._ack, None
        confirmed = 0
        if ack is not None and ack.epoch == state.epoch:
            crash_point("edge.before_trim")
            through = min(ack.through + state.base, state.next_row - 1)
            if through > state.through:
                confirmed = kept.confirm(connection, self._held, state.through, through)
                state = replace(state, through=through)
        if self._held.kept:
            self._look()
            keeping = NOTHING if self._tight else self._keeping
            over = keeping.over(self._clock.now_ms())
            kept.expire(connection, self._held, state.through, over, kept.AT_ONCE + confirmed)
        return state

    def _look(self) -> bool:
        """Look now and then whether the disk has room for what is only kept; gives whether it was time to."""
        now_ms = self._clock.now_ms()
        if 0 <= now_ms - self._looked_ms < _LOOK_EVERY_MS:
            return False
        self._looked_ms = now_ms
        with suppress(OSError):
            room = os.statvfs(self._path.parent)
            self._tight = room.f_bavail < _SPARE * room.f_blocks
        return True

    def _without_kept(self, connection: sqlite3.Connection, state: State, size: int) -> State:
        """On a full disk: give up so much of what is kept that the next appends find room."""
        target = self._held.kept_bytes - max(RESERVE_BYTES, 4 * size)
        kept.expire(connection, self._held, state.through, lambda _, left: left > target, self._held.kept)
        return state

    def _restore(self, connection: sqlite3.Connection, held: Mark | None) -> int:
        waited = self._held.batches

        def change(state: State) -> State:
            row = min(kept.row_of(connection, held), state.through)
            kept.undo_lives(connection, held)
            state = self._new_life(replace(state, through=row, again=max(state.again, state.through)), state.epoch)
            self._held = kept.counted(connection, row)
            return state

        self._in_transaction(connection, change)
        return self._held.batches - waited

    def _rows(self, connection: sqlite3.Connection, after: int, before: int, limit: int) -> list[OutboxBatch]:
        base = self._state.base
        after = max(after, self._state.through - base)
        query = "SELECT seq, at_ms, samples, body, crc FROM batch WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?"
        found: list[OutboxBatch] = []
        for *columns, check in connection.execute(query, (after + base, before + base, limit)):
            row = OutboxBatch(*columns)
            if not isinstance(row.body, bytes) or row.check != check:
                raise DamagedError(f"batch {row.seq} has a wrong checksum")
            found.append(row.numbered(row.seq - base))
        return found

    def _heal(self, cause: str) -> None:
        """Copy what is readable into a new file, keep the damaged one under another name, and log it."""
        fresh = fresh_file(self._path)
        fresh.unlink(missing_ok=True)
        rows, state = salvage_into(self._path, fresh)
        stamp = f"{from_ms(self._clock.now_ms()):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}Z"
        aside = self._path.with_name(f"{self._path.name}.bad-{stamp}")
        suffixed(self._path, "-shm").unlink(missing_ok=True)
        if suffixed(self._path, "-wal").exists():
            suffixed(self._path, "-wal").rename(suffixed(aside, "-wal"))
        self._path.rename(aside)
        fresh.rename(self._path)
        sync_folder(self._path.parent)
        _log.error("outbox_salvaged", cause=cause, batches=rows, kept_aside=str(aside), accepted=state.accepted)

    def _write_back(self) -> None:
        """Move the log into the file and free its space."""
        if self._connection:
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                _log.warning("outbox_not_written_back", path=str(self._path), error=str(error))

    def _has_room(self, connection: sqlite3.Connection, size: int) -> bool:
        """Whether enough space is left after new batches to delete old ones."""
        (free_pages,) = connection.execute("PRAGMA freelist_count").fetchone()
        if free_pages * PAGE_BYTES >= max(RESERVE_BYTES // 4, 2 * size):
            return True
        room = os.statvfs(self._path.parent)
        return room.f_bavail * room.f_frsize >= 2 * RESERVE_BYTES + 2 * size

    def _set_full(self, *, full: bool) -> None:
        if full != self._disk_full:
            self._disk_full = full
            if full:
                _log.error("outbox_disk_full", path=str(self._path), remedy="free space; readings are not accepted")
            else:
                _log.info("outbox_disk_writable", path=str(self._path), dropped=self.stats.dropped)


def split(samples: Iterable[Sample]) -> list[tuple[bytes, int]]:
    """Encoded arrays of at most a batch each, with their number of samples, in the order given."""
    bodies: list[tuple[bytes, int]] = []
    parts: list[bytes] = []
    size = _ENVELOPE_BYTES
    for sample in samples:
        part = encode_samples((sample,))[1:-1]
        if parts and size + len(part) + 1 > MAX_BATCH_BYTES:
            bodies.append((b"[" + b",".join(parts) + b"]", len(parts)))
            parts, size = [], _ENVELOPE_BYTES
        parts.append(part)
        size += len(part) + 1
    if parts:
        bodies.append((b"[" + b",".join(parts) + b"]", len(parts)))
    return bodies
