"""The rows of `base.gateway_epoch`: locking them fences other writers off, advancing them is half of every commit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from parkgrid_contract.identity import Gateway
from parkgrid_contract.telemetry import Ack
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store import watermark
from parkgrid_ingest.store.watermark import Ranges, Watermark

Key = tuple[Gateway, int]
"""A gateway and one of its epochs."""
_Numbers = tuple[int, int]
"""A park and an epoch by their numbers."""
_Gap = tuple[int, int, int, int, str]
"""Park and epoch by their numbers, first seq, the one after the last, cause."""


@dataclass(slots=True)
class LockedEpoch:
    """One epoch while this transaction holds its row."""

    park_id: int
    epoch_id: int
    mark: Watermark
    advanced: Watermark
    through: int = 0
    """Up to where everything was done before this transaction."""
    again: int = 0
    """Up to where batches had been acknowledged before a restore, as their gateway says."""
    received_ms: int = 0

    @property
    def numbers(self) -> _Numbers:
        """How it is named in other tables."""
        return self.park_id, self.epoch_id


class Epochs:
    """Ids of epochs, remembered; and what a transaction does with their rows."""

    def __init__(self) -> None:
        self._ids: dict[Key, _Numbers] = {}

    def lock(self, connection: psycopg.Connection[Any], keys: Iterable[Key]) -> dict[Key, LockedEpoch]:
        """Lock the rows in the order of their ids, so that two writers cannot wait for each other."""
        wanted = set(keys)
        self._learn(connection, wanted)
        locked = self._locked(connection, wanted)
        if locked.keys() != wanted:
            # The database was restored or emptied behind our back: what we remember is another world's.
            self._ids.clear()
            self._learn(connection, wanted)
            locked = self._locked(connection, wanted)
        return locked

    def forget(self) -> None:
        """Remember nothing: a transaction that opened epochs was rolled back."""
        self._ids.clear()

    def _learn(self, connection: psycopg.Connection[Any], keys: set[Key]) -> None:
        unknown = [key for key in keys if key not in self._ids]
        if not unknown:
            return
        arguments = (
            [gateway.park for gateway, _ in unknown],
            [gateway.gateway for gateway, _ in unknown],
            [epoch for _, epoch in unknown],
        )
        found = connection.execute(statement("find_epochs"), arguments).fetchall()
        if len(found) < len(unknown):
            connection.execute(statement("ensure_park"), (sorted(set(arguments[0])),))
            connection.execute(statement("open_epochs"), arguments)
            found = connection.execute(statement("find_epochs"), arguments).fetchall()
        self._ids.update({(Gateway(park, gateway), epoch): (*numbers,) for park, gateway, epoch, *numbers in found})

    def _locked(self, connection: psycopg.Connection[Any], keys: set[Key]) -> dict[Key, LockedEpoch]:
        known = [self._ids[key] for key in keys if key in self._ids]
        rows = connection.execute(statement("lock_epochs"), _columns(known)).fetchall()
        locked = {}
        for park, gateway, epoch, park_id, epoch_id, committed, passed, floor, through in rows:
            mark = Watermark(watermark.parse(committed), watermark.parse(passed), floor)
            locked[Gateway(park, gateway), epoch] = LockedEpoch(park_id, epoch_id, mark, mark, through)
        return locked if locked.keys() == keys else {}


def advance(connection: psycopg.Connection[Any], locked: Mapping[Key, LockedEpoch]) -> dict[Key, Ack]:
    """Write the new watermarks and what they skip; gives the acknowledgements."""
    acks = {key: epoch.advanced.ack(key[1]) for key, epoch in locked.items()}
    moved = [(key, epoch) for key, epoch in locked.items() if epoch.received_ms]
    if not moved:
        return acks
    connection.execute(
        statement("advance_epochs"),
        (
            [epoch.park_id for _, epoch in moved],
            [epoch.epoch_id for _, epoch in moved],
            [watermark.render(epoch.advanced.committed) for _, epoch in moved],
            [watermark.render(epoch.advanced.passed) for _, epoch in moved],
            [acks[key].through for key, _ in moved],
            [epoch.advanced.floor for _, epoch in moved],
            [epoch.received_ms for _, epoch in moved],
        ),
    )
    _note_gaps(connection, [epoch for _, epoch in moved])
    return acks


def _note_gaps(connection: psycopg.Connection[Any], epochs: list[LockedEpoch]) -> None:
    """Keep `sequence_gap` equal to what was passed; a gap that filled after all is forgotten."""
    changed = [epoch for epoch in epochs if epoch.advanced.passed != epoch.mark.passed]
    if not changed:
        return
    passed = {epoch.numbers: watermark.minus(epoch.advanced.passed, epoch.mark.passed) for epoch in changed}
    added = _with_causes(connection, changed, passed) if any(passed.values()) else []
    filled = {epoch.numbers: watermark.minus(epoch.mark.passed, epoch.advanced.passed) for epoch in changed}
    added += _left_of_gaps(connection, {epoch: ranges for epoch, ranges in filled.items() if ranges})
    if added:
        connection.execute(statement("note_gaps"), tuple(map(list, zip(*added, strict=True))))


def _with_causes(
    connection: psycopg.Connection[Any], epochs: list[LockedEpoch], passed: Mapping[_Numbers, Ranges]
) -> list[_Gap]:
    """What was stored before a restore is lost by it; everything else its gateway has given up.

    A gateway is believed where a restore was noticed from what it had been told.
    """
    numbers = _columns([epoch.numbers for epoch in epochs])
    rows = connection.execute(statement("restored_through"), numbers).fetchall()
    again = {epoch.epoch_id: epoch.again for epoch in epochs}
    ends = {epoch_id: max(through, again[epoch_id]) + 1 for epoch_id, through in rows}
    gaps: list[_Gap] = []
    for of_epoch, ranges in passed.items():
        end = ends.get(of_epoch[1], 1)
        gaps += [(*of_epoch, low, min(high, end), "restore") for low, high in ranges if low < end]
        gaps += [(*of_epoch, max(low, end), high, "gateway") for low, high in ranges if high > end]
    return gaps


def _left_of_gaps(connection: psycopg.Connection[Any], filled: Mapping[_Numbers, Ranges]) -> list[_Gap]:
    """Forget the gaps that were filled, and no others: a sender may have thousands; what is left of them."""
    if not filled:
        return []
    pieces = [(*numbers, low, high) for numbers, ranges in filled.items() for low, high in ranges]
    rows = connection.execute(statement("forget_gaps"), tuple(map(list, zip(*pieces, strict=True)))).fetchall()
    forgotten: dict[tuple[_Numbers, str], list[tuple[int, int]]] = {}
    for park_id, epoch_id, low, high, cause in sorted(rows):
        forgotten.setdefault(((park_id, epoch_id), cause), []).append((low, high))
    return [
        (*numbers, low, high, cause)
        for (numbers, cause), ranges in forgotten.items()
        for low, high in watermark.minus(tuple(ranges), filled[numbers])
    ]


def _columns(numbers: Sequence[_Numbers]) -> tuple[list[int], list[int]]:
    return [park_id for park_id, _ in numbers], [epoch_id for _, epoch_id in numbers]
