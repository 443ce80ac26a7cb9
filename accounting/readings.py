"""Raw readings out of the store, as arrays: packed device by device on the server, so that no row becomes an object."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from accounting.store import ABSENT, Connection, Int64s, instants_ms, statement, unpacked
from contract.time import from_ms

LATE_MS = 900_000
"""A reading received so long after its instant is late."""
_DAY_MS = 86_400_000
_LAST_MS = 4_102_444_800_000
"""2100-01-01: after every reading."""
_LOOK_MS = (_DAY_MS, 30 * _DAY_MS, _LAST_MS)
"""How far neighbours are looked for, further only where they were not found: each partition looked at costs time."""
_PLACE_BITS = 43
"""Bits that hold any instant in milliseconds until 2100."""
_LATE = 8


@dataclass(frozen=True, slots=True)
class RawReadings:
    """What devices of one class said in a span, ordered by device and instant."""

    device: NDArray[np.int64]
    """Place of the device among those asked for."""
    at_ms: Int64s
    steps: dict[str, Int64s]
    """By signal; `ABSENT` where a reading has none."""
    trust: dict[str, NDArray[np.int8]]
    """By signal: 0 not to be used, 1 good, 2 flagged estimated."""
    late: NDArray[np.bool_]


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
    devices: NDArray[np.int64],
    span_ms: tuple[int, int],
    *,
    every: bool = False,
) -> RawReadings:
    """Readings in [low, high) of these devices, which are in rising order; `every`: they are all of their class."""
    bounds = {"low": from_ms(span_ms[0]), "high": from_ms(span_ms[1]), "devices": devices.tolist()}
    query = sql.SQL(statement("raw_readings")).format(
        source=sql.Identifier("base", device_class),
        chosen=sql.SQL("" if every else " AND device_id = ANY(%(devices)s)"),
        packed=_packed(signals, "int8send(coalesce({signal}::int8, {absent}))"),
    )
    with connection.cursor(binary=True) as cursor:
        # Never prepared: the planner is to see the span and look at its partitions alone.
        rows = sorted(cursor.execute(query, bounds, prepare=False).fetchall())
    known = np.isin([row[0] for row in rows], devices) if every else np.ones(len(rows), np.bool_)
    rows = [row for row, wanted in zip(rows, known.tolist(), strict=True) if wanted]
    found = np.array([row[0] for row in rows], np.int64)
    sizes = np.array([len(row[1]) // 8 for row in rows], np.int64)
    device = np.repeat(np.searchsorted(devices, found), sizes)
    at_ms = instants_ms(unpacked([row[1] for row in rows]))
    steps = {name: unpacked([row[place] for row in rows]) for place, name in enumerate(signals, 3)}
    raw = _in_order(device, at_ms, steps)
    marked = [int(row[0]) for row in rows if row[2]]
    if marked:
        _mark(connection, device_class, signals, devices, bounds | {"devices": marked}, raw)
    return raw


def _packed(signals: Iterable[str], form: str) -> sql.Composable:
    parts = [
        sql.SQL("string_agg(" + form + ", '')").format(
            signal=sql.Identifier(name),
            name=sql.Literal(name),
            absent=sql.SQL(f"({ABSENT + 1} - 1)::int8"),
        )
        for name in signals
    ]
    return sql.SQL(", ").join(parts)


def _in_order(device: Int64s, at_ms: Int64s, steps: dict[str, Int64s]) -> RawReadings:
    key = (device << _PLACE_BITS) | at_ms
    if len(key) > 1 and not (key[1:] > key[:-1]).all():
        # Runs in order are what workers of the server give, and a stable sort merges them.
        order = np.argsort(key, kind="stable")
        device, at_ms, steps = device[order], at_ms[order], {name: each[order] for name, each in steps.items()}
    trust = {name: np.ones(len(at_ms), np.int8) for name in steps}
    return RawReadings(device, at_ms, steps, trust, np.zeros(len(at_ms), np.bool_))


def _mark(
    connection: Connection,
    device_class: str,
    signals: Sequence[str],
    devices: NDArray[np.int64],
    bounds: dict[str, object],
    raw: RawReadings,
) -> None:
    """Put flags and lateness on the readings that have them."""
    mark = (
        "int8send((CASE coalesce(flags ->> {name}, 'good') WHEN 'good' THEN 1 WHEN 'estimated' THEN 2 ELSE 0 END"
        f" + CASE WHEN received_at > at + INTERVAL '15 minutes' THEN {_LATE} ELSE 0 END)::int8)"
    )
    query = sql.SQL(statement("marked_readings")).format(
        source=sql.Identifier("base", device_class), packed=_packed(signals, mark)
    )
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(query, bounds, prepare=False).fetchall()
    sizes = [len(row[1]) // 8 for row in rows]
    device = np.repeat(np.searchsorted(devices, [row[0] for row in rows]), sizes)
    keys = (device << _PLACE_BITS) | instants_ms(unpacked([row[1] for row in rows]))
    all_keys = (raw.device << _PLACE_BITS) | raw.at_ms
    places = np.minimum(np.searchsorted(all_keys, keys), max(0, len(all_keys) - 1))
    # Rows that were committed between the two queries have a note of their own, and are not here yet.
    there = all_keys[places] == keys
    places = places[there]
    for column, name in enumerate(signals, 2):
        marks = unpacked([row[column] for row in rows])[there]
        raw.trust[name][places] = (marks % _LATE).astype(np.int8)
        raw.late[places] = marks >= _LATE


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
    table = unpacked([row[0]] if row and row[0] else []).reshape(-1, 4)
    return Nearest(table[:, 0], instants_ms(table[:, 1]), table[:, 2], table[:, 3].astype(np.int8))


def _instants(milliseconds: Int64s) -> list[datetime]:
    return [from_ms(each) for each in milliseconds.tolist()]
