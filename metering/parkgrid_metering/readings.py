"""Raw readings out of the store, as arrays: packed device by device on the server, so that no row becomes an object."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract.time import from_ms
from parkgrid_domain.energy import Readings, in_order, keys
from parkgrid_metering.columns import ABSENT, Int64s, instants_ms
from parkgrid_metering.parks import Park

LATE_MS = 900_000
"""A reading received so long after its instant is late."""
_LATE = 8
_UNKNOWN = -1
_NUMBER_BYTES = 8


@dataclass(frozen=True, slots=True)
class PackedReadings:
    """What devices of one class said in a span, as the server packed it: a block of bytes a device.

    They are unpacked a few devices at a time, so that the numbers stay in the processor's cache.
    """

    signals: Sequence[str]
    blocks: Mapping[int, bytes]
    """By device: instant and steps of each signal, reading after reading, in no order."""
    marks: Mapping[int, bytes]
    """By device: instant and mark of each signal, of the readings that are flagged or late."""

    def count(self, device_id: int) -> int:
        """How many readings a device has."""
        return len(self.blocks.get(device_id, b"")) // (_NUMBER_BYTES * (1 + len(self.signals)))

    def of(self, signal: str, devices: Sequence[int]) -> Readings:
        """Readings of a signal, in order, each under the place of its device among those asked for."""
        column = 1 + self.signals.index(signal)
        register, at_ms, steps = self._columns(self.blocks, devices, column)
        trust, late = np.ones(len(at_ms), np.int8), np.zeros(len(at_ms), np.bool_)
        given = Readings(register, at_ms, steps, trust, late)
        key = keys(register, at_ms)
        # Workers of the server take turns in reading, so that a device's readings come in several runs.
        ordered = given if (key[1:] > key[:-1]).all() else in_order(given)
        self._mark(ordered, devices, column)
        there = ordered.steps != ABSENT
        if there.all():
            return ordered
        # What is not trusted stands in no column: it was received, and its count is not known.
        untrusted = ~there & (ordered.trust == 0)
        ordered.steps[untrusted] = _UNKNOWN
        return ordered.chosen(there | untrusted)

    def _columns(
        self, blocks: Mapping[int, bytes], devices: Sequence[int], column: int
    ) -> tuple[NDArray[np.int32], Int64s, Int64s]:
        mine = [blocks.get(device, b"") for device in devices]
        width = 1 + len(self.signals)
        table = _table(mine, width)
        sizes = [len(block) // (_NUMBER_BYTES * width) for block in mine]
        register = np.repeat(np.arange(len(devices), dtype=np.int32), sizes)
        return register, instants_ms(table[:, 0].astype(np.int64)), table[:, column].astype(np.int64)

    def _mark(self, given: Readings, devices: Sequence[int], column: int) -> None:
        """Put flags and lateness on the readings that have them."""
        if not len(given) or self.marks.keys().isdisjoint(devices):
            return
        register, at_ms, marks = self._columns(self.marks, devices, column)
        given_keys, marked_keys = keys(given.register, given.at_ms), keys(register, at_ms)
        places = np.minimum(np.searchsorted(given_keys, marked_keys), len(given_keys) - 1)
        # Rows that were committed between the two queries have a note of their own, and are not here yet.
        there = given_keys[places] == marked_keys
        places, marks = places[there], marks[there]
        given.trust[places] = (marks % _LATE).astype(np.int8)
        given.late[places] = marks >= _LATE


def read(
    park: Park,
    device_class: str,
    signals: Sequence[str],
    devices: Sequence[int],
    span_ms: tuple[int, int],
    *,
    every: bool = False,
) -> PackedReadings:
    """Readings of these devices in [low, high); `every`: read those of the class in the park and pick from them."""
    bounds = {"low": from_ms(span_ms[0]), "high": from_ms(span_ms[1]), "devices": list(devices)}
    parts: dict[str, sql.Composable] = {
        "source": sql.Identifier("base", device_class),
        "chosen": sql.SQL("" if every else " AND device_id = ANY(%(devices)s)"),
        "packed": _packed(signals, f"int8send(coalesce({{signal}}::int8, ({ABSENT + 1} - 1)::int8))"),
    }
    # Nothing is written: to undo it lets go of the locks on the partitions, of which a long round reads many.
    with park.connection.transaction(force_rollback=True):
        rows = park.read("readings/raw_readings", parts, bounds)
        wanted = set(devices)
        marked = [device for device, _, marked in rows if marked and device in wanted]
        marks = _marks(park, device_class, signals, bounds | {"devices": marked}) if marked else {}
    return PackedReadings(signals, {device: block for device, block, _ in rows if device in wanted}, marks)


def _marks(park: Park, device_class: str, signals: Sequence[str], bounds: Mapping[str, object]) -> dict[int, bytes]:
    mark = (
        "int8send((CASE coalesce(flags ->> {name}, 'good') WHEN 'good' THEN 1 WHEN 'estimated' THEN 2 ELSE 0 END"
        f" + CASE WHEN received_at > at + INTERVAL '15 minutes' THEN {_LATE} ELSE 0 END)::int8)"
    )
    parts = {"source": sql.Identifier("base", device_class), "packed": _packed(signals, mark)}
    return dict(park.read("readings/marked_readings", parts, bounds))


def _packed(signals: Iterable[str], form: str) -> sql.Composable:
    """One number after the other: one aggregate of wide entries takes less time than several of narrow ones."""
    parts = [sql.SQL(form).format(signal=sql.Identifier(name), name=sql.Literal(name)) for name in signals]
    return sql.SQL(" || ").join(parts)


def _table(blocks: Sequence[bytes], width: int) -> NDArray[np.int64]:
    return np.frombuffer(b"".join(blocks), ">i8").reshape(-1, width)
