"""The rows of `base.gateway_epoch`: locking them fences other writers off, advancing them is half of every commit."""

from collections.abc import Iterable, Mapping
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
_Gap = tuple[int, int, int, str]
"""Epoch by number, first seq, the one after the last, cause."""


@dataclass(slots=True)
class LockedEpoch:
    """One epoch while this transaction holds its row."""

    epoch_id: int
    mark: Watermark
    advanced: Watermark
    through: int = 0
    """Up to where everything was done before this transaction."""
    again: int = 0
    """Up to where batches had been acknowledged before a restore, as their gateway says."""
    received_ms: int = 0


class Epochs:
    """Ids of epochs, remembered; and what a transaction does with their rows."""

    def __init__(self) -> None:
        self._ids: dict[Key, int] = {}

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
            connection.execute(statement("open_epochs"), arguments)
            found = connection.execute(statement("find_epochs"), arguments).fetchall()
        self._ids.update({(Gateway(park, gateway), epoch): number for park, gateway, epoch, number in found})

    def _locked(self, connection: psycopg.Connection[Any], keys: set[Key]) -> dict[Key, LockedEpoch]:
        ids = sorted(self._ids[key] for key in keys if key in self._ids)
        rows = connection.execute(statement("lock_epochs"), (ids,)).fetchall()
        locked = {}
        for park, gateway, epoch, number, committed, passed, floor, through in rows:
            mark = Watermark(watermark.parse(committed), watermark.parse(passed), floor)
            locked[Gateway(park, gateway), epoch] = LockedEpoch(number, mark, mark, through)
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
    passed = {epoch.epoch_id: watermark.minus(epoch.advanced.passed, epoch.mark.passed) for epoch in changed}
    added = _with_causes(connection, changed, passed) if any(passed.values()) else []
    filled = {epoch.epoch_id: watermark.minus(epoch.mark.passed, epoch.advanced.passed) for epoch in changed}
    added += _left_of_gaps(connection, {epoch: ranges for epoch, ranges in filled.items() if ranges})
    if added:
        connection.execute(statement("note_gaps"), tuple(map(list, zip(*added, strict=True))))


def _with_causes(
    connection: psycopg.Connection[Any], epochs: list[LockedEpoch], passed: Mapping[int, Ranges]
) -> list[_Gap]:
    """What was stored before a restore is lost by it; everything else its gateway has given up.

    A gateway is believed where a restore was noticed from what it had been told.
    """
    rows = connection.execute(statement("restored_through"), ([epoch.epoch_id for epoch in epochs],)).fetchall()
    again = {epoch.epoch_id: epoch.again for epoch in epochs}
    ends = {epoch_id: max(through, again[epoch_id]) + 1 for epoch_id, through in rows}
    gaps: list[_Gap] = []
    for epoch_id, ranges in passed.items():
        end = ends.get(epoch_id, 1)
        gaps += [(epoch_id, low, min(high, end), "restore") for low, high in ranges if low < end]
        gaps += [(epoch_id, max(low, end), high, "gateway") for low, high in ranges if high > end]
    return gaps


def _left_of_gaps(connection: psycopg.Connection[Any], filled: Mapping[int, Ranges]) -> list[_Gap]:
    """Forget the gaps that were filled, and no others: a sender may have thousands; what is left of them."""
    if not filled:
        return []
    pieces = [(epoch, low, high) for epoch, ranges in filled.items() for low, high in ranges]
    rows = connection.execute(statement("forget_gaps"), tuple(map(list, zip(*pieces, strict=True)))).fetchall()
    forgotten: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for epoch, low, high, cause in sorted(rows):
        forgotten.setdefault((epoch, cause), []).append((low, high))
    return [
        (epoch, low, high, cause)
        for (epoch, cause), ranges in forgotten.items()
        for low, high in watermark.minus(tuple(ranges), filled[epoch])
    ]
