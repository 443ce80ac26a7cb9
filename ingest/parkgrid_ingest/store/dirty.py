"""Which 1-minute buckets a commit touched: a line for each park in the same transaction, read by maintenance."""

from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from parkgrid_ingest.rows import ClassRows
from parkgrid_ingest.sql import statement

_MINUTE_MS = 60_000
_INT4, _INT4_ARRAY = 23, 1007
_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i4")])


class Int4Array:
    """An int4[] parameter made of a numpy array, without a Python object per element."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values

    def encoded(self) -> bytes:
        """The binary form: dimensions, null flag, element type, size, lower bound, then length and value of each."""
        if len(self.values) == 0:
            return np.array([0, 0, _INT4], ">i4").tobytes()
        elements = np.empty(len(self.values), _ELEMENT)
        elements["length"] = 4
        elements["value"] = self.values
        return np.array([1, 0, _INT4, len(self.values), 1], ">i4").tobytes() + elements.tobytes()


class _Int4ArrayDumper(Dumper):
    format = Format.BINARY
    oid = _INT4_ARRAY

    def dump(self, obj: Int4Array) -> bytes:
        return obj.encoded()


def adapt(connection: psycopg.Connection[Any]) -> None:
    """Teach a connection what an `Int4Array` is."""
    connection.adapters.register_dumper(Int4Array, _Int4ArrayDumper)


def note(connection: psycopg.Connection[Any], rows: ClassRows, parks: NDArray[Any]) -> None:
    """Note the buckets of these rows, device by device; `parks` has the park of each row."""
    minutes = rows.at_ms // _MINUTE_MS
    # Both fit in 32 bits, so one sort finds the distinct pairs. A device has one park.
    pairs, first = np.unique((minutes << 32) | rows.device_id, return_index=True)
    write(connection, rows.device_class, "1m", parks[first], pairs & 0xFFFFFFFF, pairs >> 32)


def write(
    connection: psycopg.Connection[Any],
    device_class: str,
    level: str,
    parks: NDArray[Any],
    devices: NDArray[Any],
    minutes: NDArray[Any],
) -> None:
    """Note buckets of one level, each named by park, device and first minute: one line a park."""
    values = {
        "device_class": device_class,
        "level": level,
        "parks": Int4Array(parks),
        "devices": Int4Array(devices),
        "minutes": Int4Array(minutes),
    }
    connection.execute(statement("note_dirty"), values)
