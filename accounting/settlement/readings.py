"""Raw readings out of the store, as arrays: packed device by device on the server, so that no row becomes an object."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from accounting.store import ABSENT, Connection, Int64s, instants_ms, statement
from contract.time import from_ms
from domain.energy import Readings, in_order, keys

LATE_MS = 900_000
"""A reading received so long after its instant is late."""
_DAY_MS = 86_400_000
_LAST_MS = 4_102_444_800_000
"""2100-01-01: after every reading."""
_LOOK_MS = (_DAY_MS, 30 * _DAY_MS, _LAST_MS)
"""How far neighbours are looked for, further only where they were not found: each partition looked at costs time."""
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


@dataclass(frozen=True, slots=True)
class Nearest:
    """Usable readings beside a bound, any number of them for each register asked for."""

    place: Int64s
    at_ms: Int64s
    steps: Int64s
    trust: NDArray[np.int8]

    @classmethod
    def none(cls) -> "Nearest":
        """No readings."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int8))

    def at(self, places: Int64s) -> "Nearest":
        """The same, with each place replaced by what stands there in `places`."""
        return Nearest(places[self.place], self.at_ms, self.steps, self.trust)

    def chosen(self, mask: NDArray[np.bool_]) -> "Nearest":
        """Some of them."""
        return Nearest(self.place[mask], self.at_ms[mask], self.steps[mask], self.trust[mask])

    def under(self, places: Sequence[int]) -> "Nearest":
        """Those of some places, each under its number among them."""
        line = np.full(max(places, default=-1) + 1, -1, np.int64)
        line[list(places)] = np.arange(len(places))
        mine = self.chosen(np.isin(self.place, places))
        return mine.at(line)

    @classmethod
    def joined(cls, parts: Sequence["Nearest"]) -> "Nearest":
        """All of several, ordered by place and instant."""
        parts = [*parts, cls.none()]
        place, at_ms, steps = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("place", "at_ms", "steps")
        )
        trust = np.concatenate([part.trust for part in parts])
        order = np.lexsort((at_ms, place))
        return cls(place[order], at_ms[order], steps[order], trust[order])


def read(
    connection: Connection,
    device_class: str,
    signals: Sequence[str],
    devices: Sequence[int],
    span_ms: tuple[int, int],
    *,
    every: bool = False,
) -> PackedReadings:
    """Readings of these devices in [low, high); `every`: read those of the whole class and pick from them."""
    bounds = {"low": from_ms(span_ms[0]), "high": from_ms(span_ms[1]), "devices": list(devices)}
    query = sql.SQL(statement("raw_readings")).format(
        source=sql.Identifier("base", device_class),
        chosen=sql.SQL("" if every else " AND device_id = ANY(%(devices)s)"),
        packed=_packed(signals, f"int8send(coalesce({{signal}}::int8, ({ABSENT + 1} - 1)::int8))"),
    )
    with connection.cursor(binary=True) as cursor:
        # Never prepared: the planner is to see the span and look at its partitions alone.
        rows = cursor.execute(query, bounds, prepare=False).fetchall()
    wanted = set(devices)
    marked = [device for device, _, marked in rows if marked and device in wanted]
    marks = _marks(connection, device_class, signals, bounds | {"devices": marked}) if marked else {}
    return PackedReadings(signals, {device: block for device, block, _ in rows if device in wanted}, marks)


def _marks(
    connection: Connection, device_class: str, signals: Sequence[str], bounds: Mapping[str, object]
) -> dict[int, bytes]:
    mark = (
        "int8send((CASE coalesce(flags ->> {name}, 'good') WHEN 'good' THEN 1 WHEN 'estimated' THEN 2 ELSE 0 END"
        f" + CASE WHEN received_at > at + INTERVAL '15 minutes' THEN {_LATE} ELSE 0 END)::int8)"
    )
    query = sql.SQL(statement("marked_readings")).format(
        source=sql.Identifier("base", device_class), packed=_packed(signals, mark)
    )
    with connection.cursor(binary=True) as cursor:
        return dict(cursor.execute(query, bounds, prepare=False).fetchall())


def _packed(signals: Iterable[str], form: str) -> sql.Composable:
    """One number after the other: one aggregate of wide entries takes less time than several of narrow ones."""
    parts = [sql.SQL(form).format(signal=sql.Identifier(name), name=sql.Literal(name)) for name in signals]
    return sql.SQL(" || ").join(parts)


def _table(blocks: Sequence[bytes], width: int) -> NDArray[np.int64]:
    return np.frombuffer(b"".join(blocks), ">i8").reshape(-1, width)


def nearest(
    connection: Connection,
    source: tuple[str, str],
    devices: Int64s,
    bounds_ms: Int64s,
    count: int,
    *,
    after: bool,
) -> Nearest:
    """Up to `count` usable readings of a signal next to each bound: before it, or at it and after it.

    `source` is class and signal; `devices` and `bounds_ms` go together, and a result's place is the place there.
    """
    found: list[Nearest] = []
    places = np.arange(len(devices))
    for look_ms in _LOOK_MS:
        if len(places) == 0:
            break
        part = _look(connection, source, devices[places], bounds_ms[places], (count, look_ms), after=after)
        enough = np.bincount(part.place, minlength=len(places)) >= count
        last = look_ms == _LOOK_MS[-1]
        found.append(part.chosen((enough | last)[part.place]).at(places))
        places = places[~enough]
    return Nearest.joined(found)


def _look(
    connection: Connection,
    source: tuple[str, str],
    devices: Int64s,
    bounds_ms: Int64s,
    reach: tuple[int, int],
    *,
    after: bool,
) -> Nearest:
    device_class, signal = source
    count, look_ms = reach
    low, high = (
        (int(bounds_ms.min()), int(bounds_ms.max()) + look_ms)
        if after
        else (
            int(bounds_ms.min()) - look_ms,
            int(bounds_ms.max()),
        )
    )
    query = sql.SQL(statement("nearest_after" if after else "nearest_before")).format(
        source=sql.Identifier("base", device_class), signal=sql.Identifier(signal), name=sql.Literal(signal)
    )
    parameters = {
        "devices": devices.tolist(),
        "bounds": _instants(bounds_ms),
        "low": from_ms(max(0, low)),
        "high": from_ms(min(high, _LAST_MS)),
        "count": count,
    }
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(query, parameters, prepare=False).fetchone()
    table = _table([row[0]] if row and row[0] else [], 4).astype(np.int64)
    return Nearest(table[:, 0], instants_ms(table[:, 1]), table[:, 2], table[:, 3].astype(np.int8))


def _instants(milliseconds: Int64s) -> list[datetime]:
    return [from_ms(each) for each in milliseconds.tolist()]
