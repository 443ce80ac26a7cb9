"""Columns between numpy and the database: packed by the server on the way out, COPY's bytes on the way in."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract import strict_json
from parkgrid_database.connection import Connection

Int64s: TypeAlias = NDArray[np.int64]

ABSENT = -(2**63)
"""Stands for NULL in packed columns: no register counts that far below zero."""
_EPOCH_2000_MS = 946_684_800_000
_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_NULL = 0xFFFFFFFF
_DOCUMENT_ROW = struct.Struct(">hiiiiiqi")


def unpacked(blobs: Sequence[bytes]) -> Int64s:
    """The numbers of packed int8 columns, one after the other."""
    return np.frombuffer(b"".join(blobs), ">i8").astype(np.int64)


def instants_ms(packed: Int64s) -> Int64s:
    """Milliseconds since the epoch of packed timestamps.

    Up to the year 2255 their microseconds fit a double, whose division takes a fifth of an integer's.
    """
    whole: Int64s = np.floor(packed / 1000.0).astype(np.int64)
    whole += _EPOCH_2000_MS
    return whole


@dataclass(frozen=True, slots=True)
class CopyColumn:
    """One column of rows to be copied in."""

    name: str
    width: int
    """Bytes of the stored integer: 2, 4 or 8."""
    values: Int64s
    instant: bool = False
    """Whether the values are milliseconds of instants."""
    nullable: bool = False
    """Whether `ABSENT` stands for NULL."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Rows in the form of COPY."""

    names: tuple[str, ...]
    content: bytes

    @classmethod
    def of(cls, columns: Sequence[CopyColumn], texts: dict[str, str]) -> "Stream":
        """`texts` are columns that say the same in every row."""
        encoded = {name: text.encode() for name, text in texts.items()}
        content = _SIGNATURE + _rows(columns, list(encoded.values())) + _END
        return cls((*(column.name for column in columns), *texts), content)


def documents(name: str, park_id: int, rows: Iterable[tuple[int, int, object]]) -> Stream:
    """Rows of a register of a park, an instant in milliseconds and a jsonb document in the form of COPY."""
    parts = [_SIGNATURE]
    for register, at_ms, document in rows:
        told = b"\x01" + strict_json.dumps(document)  # the version of jsonb's binary form
        parts += (_DOCUMENT_ROW.pack(4, 4, park_id, 4, register, 8, (at_ms - _EPOCH_2000_MS) * 1000, len(told)), told)
    return Stream(("park_id", "register_id", "at", name), b"".join([*parts, _END]))


def copy_in(connection: Connection, relation: sql.Composable, rows: Stream) -> None:
    """COPY rows in."""
    names = sql.SQL(", ").join(map(sql.Identifier, rows.names))
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(relation, names)
    with connection.cursor().copy(command) as copy:
        copy.write(rows.content)


def _rows(columns: Sequence[CopyColumn], texts: Sequence[bytes]) -> bytes:
    fields: list[tuple[str, Any]] = [("fields", ">i2")]
    for column in columns:
        fields += [(f"length {column.name}", ">u4"), (column.name, f">i{column.width}")]
    for place, text in enumerate(texts):
        fields.append((f"text length {place}", ">u4"))
        if text:
            fields.append((f"text {place}", f"V{len(text)}"))
    rows = np.zeros(len(columns[0].values), np.dtype(fields))
    rows["fields"] = len(columns) + len(texts)
    for place, text in enumerate(texts):
        rows[f"text length {place}"] = len(text)
        if text:
            rows[f"text {place}"] = np.void(text)
    absent = {column.name: _fill(rows, column) for column in columns}
    return _without_absent(rows, {name: mask for name, mask in absent.items() if mask is not None})


def _fill(rows: NDArray[np.void], column: CopyColumn) -> NDArray[np.bool_] | None:
    """Write a column into the rows; which of its values are NULL, None when none can be."""
    rows[f"length {column.name}"] = column.width
    values = column.values
    absent = values == ABSENT if column.nullable else None
    if absent is not None and not absent.any():
        absent = None
    if column.instant:
        values = (
            (values - _EPOCH_2000_MS) * 1000 if absent is None else np.where(absent, 0, values - _EPOCH_2000_MS) * 1000
        )
    elif absent is not None:
        values = np.where(absent, 0, values)
    rows[column.name] = values
    return absent


def _without_absent(rows: NDArray[np.void], absent: dict[str, NDArray[np.bool_]]) -> bytes:
    """The bytes of the rows; a value that is NULL has a length of -1 and no bytes."""
    if not absent:
        return rows.tobytes()
    width = rows.dtype.itemsize
    keep = np.ones((len(rows), width), np.bool_)
    fields: dict[str, Any] = dict(rows.dtype.fields or {})
    for name, mask in absent.items():
        rows[f"length {name}"][mask] = _NULL
        kind, start = fields[name][:2]
        keep[mask, start : start + kind.itemsize] = False
    return rows.view(np.uint8).reshape(len(rows), width)[keep].tobytes()
