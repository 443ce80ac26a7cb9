"""The commit: rows, refusals and the watermark become durable in one transaction, exactly once.

lock epochs ─▶ drop known batches ─▶ COPY per class ─┬─▶ newest, dirty ─▶ quarantine ─▶ watermark ─▶ COMMIT ─▶ acks
(fences others off)                                  └ a key is there already ─▶ staging, conflicts
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import errors, sql

from parkgrid_contract import strict_json
from parkgrid_contract.crash import crash_point
from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack
from parkgrid_database.errors import ContentError, StoreUnavailableError
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit, Committed, Older
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import copy_binary, dirty, newest, quality, restores, watermark
from parkgrid_ingest.store.connection import Session
from parkgrid_ingest.store.copy_binary import Origin
from parkgrid_ingest.store.duplicates import Outcome, copy_statement, insert_carefully
from parkgrid_ingest.store.epochs import Epochs, Key, LockedEpoch, advance
from parkgrid_ingest.store.numbers import Numbers
from parkgrid_ingest.store.partitions import Days
from parkgrid_ingest.store.refusals import note_refusals, poison
from parkgrid_ingest.store.settings import StoreSettings

_NOTIFY_EVERY_S = 0.25
_CONFLICTS_BURST = 2_000
_CONFLICTS_PER_S = 50.0
"""Conflicts that are written down with both contents; whoever sends more of them has the rest only counted."""


@dataclass(slots=True)
class Tally:
    """The results of the parts of one commit."""

    acks: dict[Key, Ack] = field(default_factory=dict)
    stored: int = 0
    repeated: int = 0
    conflicting: int = 0
    poisoned_by: list[Gateway] = field(default_factory=list)
    left_out: list[Gateway] = field(default_factory=list)
    older: list[Older] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one class."""
        self.stored += outcome.stored
        self.repeated += outcome.repeated
        self.conflicting += outcome.conflicting


class Committer:
    """Commits through one connection."""

    def __init__(self, session: Session, settings: StoreSettings, days: Days, numbers: Numbers) -> None:
        self._session = session
        self._settings = settings
        self._days = days
        self._numbers = numbers
        self._epochs = Epochs()
        self._notified_at = 0.0
        self._unnotified: set[Gateway] = set()
        self._conflict_room = float(_CONFLICTS_BURST)
        self._conflicts_at = time.monotonic()

    def commit(self, commit: Commit) -> Committed:
        """Make it durable; rows that the database will never accept are quarantined, the others are stored."""
        tally = Tally()
        self._isolated(commit, np.ones(len(commit.batches), np.bool_), tally)
        return Committed(
            tally.acks,
            tally.stored,
            tally.repeated,
            tally.conflicting,
            len(tally.poisoned_by),
            tally.poisoned_by,
            tally.left_out,
            tally.older,
        )

    def _isolated(self, commit: Commit, chosen: NDArray[np.bool_], tally: Tally) -> None:
        """Commit the chosen batches; halve them while their content is refused, until the bad batch is alone."""
        try:
            self._attempt(commit, chosen, tally)
        except ContentError as error:
            places = np.flatnonzero(chosen)
            if len(places) == 0:
                raise
            if len(places) == 1:
                self._poisoned(commit, int(places[0]), error, tally)
                return
            for half in np.array_split(places, 2):
                part = np.zeros_like(chosen)
                part[half] = True
                self._isolated(commit, part, tally)

    def _poisoned(self, commit: Commit, place: int, error: ContentError, tally: Tally) -> None:
        """Pass one batch without its rows, so that its gateway need not send it for ever."""
        entry = poison(commit.batches[place], place, commit.rows, str(error))
        alone = Commit(commit.batches, (), [*commit.quarantined, entry])
        chosen = np.zeros(len(commit.batches), np.bool_)
        chosen[place] = True
        self._attempt(alone, chosen, tally)
        tally.poisoned_by.append(commit.batches[place].gateway)

    def _attempt(self, commit: Commit, chosen: NDArray[np.bool_], tally: Tally) -> None:
        try:
            rows = commit.rows if chosen.all() else [_selected(each, chosen) for each in commit.rows]
            part = Commit(commit.batches, rows, commit.quarantined)
            with self._session.run() as connection:
                self._prepare(connection, rows, max((each.received_ms for each in commit.batches), default=0))
                attempt = self._transaction(connection, part, chosen)
        except Exception:
            # Whatever was learned inside the transaction may be rolled back with it.
            self._epochs.forget()
            raise
        _merge(tally, attempt)

    def _prepare(self, connection: psycopg.Connection[Any], rows: Iterable[ClassRows], received_ms: int) -> None:
        for each in rows:
            if len(each.at_ms):
                self._days.ensure(connection, each.device_class, each.at_ms, received_ms)

    def _transaction(self, connection: psycopg.Connection[Any], commit: Commit, chosen: NDArray[np.bool_]) -> Tally:
        tally = Tally()
        try:
            with connection.transaction():
                locked = self._epochs.lock(connection, _keys(commit.batches, chosen))
                self._numbers.check(connection, _devices(commit.rows))
                tally.older = self._older(connection, commit.batches, chosen, locked)
                fresh, tally.left_out = _fresh(commit.batches, chosen, locked, tally.older)
                origin = _origin(commit.batches, locked)
                self._store_rows(connection, commit.rows, fresh, origin, tally)
                note_refusals(connection, commit, chosen, fresh)
                tally.acks = _answered(advance(connection, locked), tally.older)
                self._notify(connection, commit.batches, fresh)
                crash_point("ingest.before_commit")
        except errors.LockNotAvailable:
            self._fence(connection)
            raise
        except errors.CheckViolation as error:
            # A partition that was known is gone: retention dropped it. It is made again for the next attempt.
            self._days.forget()
            raise StoreUnavailableError(f"a partition was dropped meanwhile: {error}") from error
        return tally

    def _older(
        self,
        connection: psycopg.Connection[Any],
        batches: Sequence[BatchHeader],
        chosen: NDArray[np.bool_],
        locked: Mapping[Key, LockedEpoch],
    ) -> list[Older]:
        claims = restores.claims_of(batches[place] for place in np.flatnonzero(chosen).tolist())
        return restores.older(connection, claims, {key: epoch.through for key, epoch in locked.items()})

    def _fence(self, connection: psycopg.Connection[Any]) -> None:
        """End transactions of writers that stopped inside one, because a stopped client does not respond."""
        connection.execute(statement("fence_frozen_writers"), (self._settings.frozen_writer_s,))

    def _store_rows(
        self,
        connection: psycopg.Connection[Any],
        rows: Sequence[ClassRows],
        fresh: NDArray[np.bool_],
        origin: Origin,
        tally: Tally,
    ) -> None:
        crash_point("ingest.before_copy")
        for offered in rows:
            new = offered if fresh.all() else _selected(offered, fresh)
            tally.repeated += len(offered.batch) - len(new.batch)
            if len(new.batch):
                by_quality = quality.by_quality(new)
                outcome = _copy(connection, by_quality.rows, origin, self._room_for_conflicts())
                self._conflict_room = max(0.0, self._conflict_room - outcome.conflicting)
                tally.add(outcome)
                newest.note(connection, by_quality.rows, origin)
                quality.note_estimates(connection, by_quality.estimates, origin.park_id)
                dirty.note(connection, new, origin.park_id[new.batch])
        crash_point("ingest.after_copy")

    def _room_for_conflicts(self) -> int:
        now_s = time.monotonic()
        refilled = self._conflict_room + (now_s - self._conflicts_at) * _CONFLICTS_PER_S
        self._conflict_room, self._conflicts_at = min(_CONFLICTS_BURST, refilled), now_s
        return int(self._conflict_room)

    def _notify(
        self, connection: psycopg.Connection[Any], batches: Sequence[BatchHeader], fresh: NDArray[np.bool_]
    ) -> None:
        """Tell listeners which gateways have new rows, a few times a second: each notice locks the whole server."""
        self._unnotified |= {batches[place].gateway for place in np.flatnonzero(fresh).tolist()}
        now = time.monotonic()
        if self._unnotified and now - self._notified_at >= _NOTIFY_EVERY_S:
            notify(connection, self._unnotified)
            self._notified_at = now
            self._unnotified = set()

    def flush_notices(self) -> None:
        """Send notices that were delayed and that no later commit has sent."""
        if not self._unnotified or self._session.busy:
            return  # the commit that is under way, or a later round, takes them along: no commit waits for this
        with self._session.run() as connection:
            waiting, self._unnotified = self._unnotified, set()
            if waiting:
                notify(connection, waiting)


def notify(connection: psycopg.Connection[Any], gateways: Iterable[Gateway]) -> None:
    """Send one notice for each gateway."""
    payloads = [strict_json.dumps({"park": g.park, "gateway": g.gateway}).decode() for g in sorted(gateways)]
    connection.execute(statement("notify"), (payloads,))


def _keys(batches: Sequence[BatchHeader], chosen: NDArray[np.bool_]) -> set[Key]:
    return {(batches[place].gateway, batches[place].epoch) for place in np.flatnonzero(chosen).tolist()}


def _devices(rows: Sequence[ClassRows]) -> set[int]:
    return {number for each in rows for number in np.unique(each.device_id).tolist()}


def _answered(acks: dict[Key, Ack], older: Sequence[Older]) -> dict[Key, Ack]:
    """The acknowledgements; where the store holds less than a gateway was told, they say so."""
    told = {each.gateway: each.restored for each in sorted(older, key=lambda each: each.restored.acked)}
    return {key: replace(ack, restored=told.get(key[0])) for key, ack in acks.items()} if told else acks


def _fresh(
    batches: Sequence[BatchHeader],
    chosen: NDArray[np.bool_],
    locked: Mapping[Key, LockedEpoch],
    older: Sequence[Older],
) -> tuple[NDArray[np.bool_], list[Gateway]]:
    """Which of the chosen batches are to be stored and which are not; advances their watermarks in memory.

    What is below the floor of a gateway that a restore concerns is not dropped: most of it comes again.
    """
    restored = {each.gateway for each in older}
    fresh = np.zeros(len(batches), np.bool_)
    left_out: list[Gateway] = []
    new: dict[Key, tuple[set[int], int, int]] = {}
    for place in np.flatnonzero(chosen).tolist():
        header = batches[place]
        key = (header.gateway, header.epoch)
        seqs, floor, received = new.get(key) or (set(), 1, 0)
        if header.seq not in seqs and not watermark.contains(locked[key].mark.committed, header.seq):
            if locked[key].mark.has_room(header.seq, header.floor, seqs):
                seqs.add(header.seq)
                fresh[place] = True
            else:
                left_out.append(header.gateway)
        if header.gateway not in restored:
            floor = max(floor, header.floor)
        locked[key].again = max(locked[key].again, header.again)
        new[key] = (seqs, floor, max(received, header.received_ms))
    for key, (seqs, floor, received) in new.items():
        locked[key].advanced = locked[key].mark.advanced(list(seqs), floor)
        locked[key].received_ms = received
    return fresh, left_out


def _origin(batches: Sequence[BatchHeader], locked: Mapping[Key, LockedEpoch]) -> Origin:
    ids = [locked[key].numbers if (key := (each.gateway, each.epoch)) in locked else (0, 0) for each in batches]
    parks, epochs = np.array(ids, np.int32).reshape(-1, 2).T
    return Origin(
        parks,
        epochs,
        np.array([each.seq for each in batches], np.int64),
        np.array([each.received_ms for each in batches], np.int64),
    )


def _selected(rows: ClassRows, batches: NDArray[np.bool_]) -> ClassRows:
    """The rows of some batches."""
    kept = batches[rows.batch]
    moved = np.cumsum(kept) - 1
    return ClassRows(
        rows.device_class,
        rows.batch[kept],
        rows.device_id[kept],
        rows.at_ms[kept],
        {name: steps[kept] for name, steps in rows.values.items()},
        {name: None if mask is None else mask[kept] for name, mask in rows.present.items()},
        {int(moved[row]): text for row, text in rows.flags.items() if kept[row]},
    )


def _copy(connection: psycopg.Connection[Any], rows: ClassRows, origin: Origin, most_conflicts: int) -> Outcome:
    """COPY directly into the table; only if a key exists already, use the staging table."""
    columns = copy_binary.columns_of(rows)
    stream = copy_binary.encode(rows, origin)
    table = sql.Identifier("base", rows.device_class)
    try:
        with connection.transaction(), connection.cursor().copy(copy_statement(table, columns)) as copy:
            copy.write(stream)
    except errors.UniqueViolation:
        return insert_carefully(connection, rows.device_class, columns, stream, len(rows.batch), most_conflicts)
    return Outcome(stored=len(rows.batch))


def _merge(tally: Tally, part: Tally) -> None:
    tally.acks.update(part.acks)
    tally.stored += part.stored
    tally.repeated += part.repeated
    tally.conflicting += part.conflicting
    tally.left_out += part.left_out
    tally.older += part.older
