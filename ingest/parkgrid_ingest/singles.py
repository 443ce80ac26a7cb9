"""Quarters of an hour that hold one reading: it stands for its minute and its quarter, and no roll-up row repeats it.

    raw      ●──────────────●──────────────●●●●●●●●●●●●●●●
    single   ●              ●                                  its values, one column a signal
    1m, 15m                                ●●●●●●●●●●●●●●●     where there is more to say

Only where the reading lies in the first minute, so that both buckets begin at the same instant. A second reading of the
quarter puts ordinary rows in its place. Kept on plain PostgreSQL; an aggregate of TimescaleDB computes itself.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms
from parkgrid_database.rollups import DAY_ORIGIN, LEVELS, rollup_columns, single_expressions
from parkgrid_ingest.buckets import MINUTES, Pairs, Place
from parkgrid_ingest.sql import statement
from parkgrid_ingest.store.dirty import Int4Array

_MINUTE_MS = 60_000
_QUARTER = "15m"
_OTHER = {"1m": "15m", "15m": "1m"}


def fill(connection: psycopg.Connection[Any], device_class: str, span: Mapping[str, object]) -> bool:
    """Take the single readings of whole days of some devices; whether the span holds other readings, too."""
    connection.execute(_composed("forget_singles_of_span", device_class), span, prepare=False)
    connection.execute(_composed("insert_singles_of_span", device_class), span, prepare=False)
    return connection.execute(_composed("any_beside_singles", device_class), span, prepare=False).fetchone() == (True,)


def set_apart(connection: psycopg.Connection[Any], place: Place, pairs: Pairs, now_ms: int) -> Pairs:
    """The 1-minute buckets that need rows of their own; single readings among them are kept as such from here on.

    A quarter of an hour that is not over may get more readings, unless its device is read more rarely.
    """
    known = _asked(connection, "known_singles", place, pairs.at_level(_QUARTER))
    if len(known.minutes):
        several = _asked(connection, "forget_singles", place, known)
        pairs = Pairs.distinct(*(np.concatenate(part) for part in zip(_parts(pairs), _parts(several), strict=True)))
        known = _without(known, several)
    fresh = _asked(connection, "insert_singles", place, _first_minutes(pairs, known), now_ms)
    kept = np.concatenate([_packed(*_parts(known)), _packed(*_parts(fresh))])
    return _chosen(pairs, ~np.isin(_packed(pairs.devices, _quarters(pairs)), kept))


def give_up(connection: psycopg.Connection[Any], device_class: str, level: str, span: Mapping[str, object]) -> None:
    """Take the single readings of one device out of one level for good: in the other they get ordinary rows."""
    connection.execute(_composed("give_up_singles", device_class, _OTHER[level]), span, prepare=False)


def with_singles(device_class: str, level: str) -> sql.Composed:
    """The stored rows of a level and the single readings in the same columns, to be read in the place of a table."""
    return sql.SQL("({})").format(sql.SQL(_composed("with_singles", device_class, level).decode()))


def _asked(connection: psycopg.Connection[Any], name: str, place: Place, quarters: Pairs, now_ms: int = 0) -> Pairs:
    """What a statement says of these quarters of an hour."""
    if len(quarters.minutes) == 0:
        return quarters
    low, high = int(quarters.minutes[0]), int(quarters.minutes[-1]) + MINUTES[_QUARTER]
    parameters = {
        "park_id": place.park_id,
        "devices": Int4Array(quarters.devices),
        "minutes": Int4Array(quarters.minutes),
        "low": from_ms(low * _MINUTE_MS),
        "high": from_ms(high * _MINUTE_MS),
        "now": from_ms(now_ms),
    }
    rows = connection.execute(_composed(name, place.device_class), parameters, prepare=True, binary=True).fetchall()
    found = np.array(rows, np.int64).reshape(-1, 2)
    return Pairs.distinct(found[:, 0], found[:, 1])


def _first_minutes(pairs: Pairs, known: Pairs) -> Pairs:
    """The quarters of an hour of which these buckets are the first minute."""
    first = _chosen(pairs, pairs.minutes == _quarters(pairs))
    return _without(first, known)


def _quarters(pairs: Pairs) -> NDArray[np.int64]:
    """The quarter of an hour of each bucket."""
    return pairs.minutes // MINUTES[_QUARTER] * MINUTES[_QUARTER]


def _without(pairs: Pairs, others: Pairs) -> Pairs:
    return _chosen(pairs, ~np.isin(_packed(*_parts(pairs)), _packed(*_parts(others))))


def _chosen(pairs: Pairs, wanted: NDArray[np.bool_]) -> Pairs:
    return Pairs(pairs.devices[wanted], pairs.minutes[wanted])


def _parts(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return pairs.devices, pairs.minutes


def _packed(devices: NDArray[np.int64], minutes: NDArray[np.int64]) -> NDArray[np.int64]:
    return (minutes.astype(np.int64) << 32) | devices.astype(np.int64)


@cache
def _composed(name: str, class_name: str, level: str = "15m") -> bytes:
    """A statement on the tables of one class. Names and expressions come from the catalogue, never from input."""
    device_class = CATALOGUE[class_name]
    signals = [signal.name for signal in device_class.signals]
    columns = ("park_id", "device_id", "at", "samples", *(column for column, _ in rollup_columns(device_class)))
    expressions = (sql.SQL(text) for _, text in single_expressions(device_class))
    return (
        sql.SQL(statement(name))
        .format(
            raw=sql.Identifier("base", class_name),
            singles=sql.Identifier("base", f"{class_name}_single"),
            minutes=sql.Identifier("base", f"{class_name}_1m"),
            quarters=sql.Identifier("base", f"{class_name}_15m"),
            stored=sql.Identifier("base", f"{class_name}_{level}"),
            signals=sql.SQL(", ").join(map(sql.Identifier, signals)),
            columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            expressions=sql.SQL(", ").join(expressions),
            quarter=sql.Literal(LEVELS[_QUARTER]),
            minute=sql.Literal(LEVELS["1m"]),
            origin=sql.Literal(DAY_ORIGIN),
        )
        .as_bytes(None)
    )
