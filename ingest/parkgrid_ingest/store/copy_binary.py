"""Rows as the bytes of `COPY … (FORMAT binary)`, built column by column: no Python object per value or row.

    field count (int16) | length (int32) value | length value | …      one row, all values present
                          -1 for an absent value, and no bytes after it

Format: PostgreSQL manual, COPY, "Binary Format". Flags and untrusted values come last, so that only
rows that have some differ there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.signals import CATALOGUE
from parkgrid_database.errors import ContentError, SetupError
from parkgrid_ingest.rows import ClassRows

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_ABSENT = 0xFFFFFFFF
_EPOCH_2000_US = 946_684_800_000_000
_MAX_MS = 4_102_444_800_000
"""2100-01-01: far inside what a timestamptz holds."""
_HEAD = (("park_id", 4), ("device_id", 4), ("at", 8), ("received_at", 8), ("epoch_id", 4), ("seq", 8))
_JSONB_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class Layout:
    """The layout of a row with all values present."""

    columns: tuple[str, ...]
    """Columns in the order of the bytes, those of `documents` last."""
    dtype: np.dtype[np.void]
    template: NDArray[np.void]
    """One row with all counts and lengths filled in."""
    limits: tuple[int, ...]
    """Largest magnitude of each signal."""


@lru_cache(maxsize=256)
def layout(device_class: str, signals: tuple[str, ...], documents: tuple[str, ...] = ()) -> Layout:
    """The layout for a class, the signals that any of its rows has, and its columns of JSON documents."""
    by_name = CATALOGUE[device_class].by_name
    unknown = [name for name in signals if name not in by_name]
    if unknown:
        raise SetupError(f"{device_class} has no signal {', '.join(unknown)}: add it to the catalogue")
    widths = [*_HEAD, *((name, by_name[name].storage_bytes) for name in signals)]
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for name, width in widths:
        fields += [(f"length {name}", ">u4"), (name, f">i{width}")]
    fields += [(f"length {name}", ">u4") for name in documents]
    dtype = np.dtype(fields)
    template = np.zeros(1, dtype)
    template["fields"] = len(widths) + len(documents)
    for name, width in widths:
        template[f"length {name}"] = width
    for name in documents:
        template[f"length {name}"] = _ABSENT
    columns = (*(name for name, _ in widths), *documents)
    return Layout(columns, dtype, template, tuple(by_name[name].storage_limit for name in signals))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where each batch of a commit came from, as arrays to pick from."""

    park_id: NDArray[np.int32]
    epoch_id: NDArray[np.int32]
    seq: NDArray[np.int64]
    received_ms: NDArray[np.int64]


def columns_of(rows: ClassRows) -> tuple[str, ...]:
    """The columns that `encode` writes, in their order."""
    return layout(rows.device_class, tuple(rows.values), tuple(_documents(rows))).columns


def _documents(rows: ClassRows) -> dict[str, Mapping[int, bytes]]:
    """The columns of JSON that any of the rows has, each by row."""
    return {name: by_row for name, by_row in (("flags", rows.flags), ("untrusted", rows.untrusted)) if by_row}


def encode(rows: ClassRows, origin: Origin) -> bytes | memoryview:
    """The whole COPY stream of these rows. A value that its column cannot hold raises `ContentError`: never wrapped."""
    plan = layout(rows.device_class, tuple(rows.values), tuple(_documents(rows)))
    # The rows are written between signature and end where they stand, so that nothing is copied twice.
    stream = np.empty(len(_SIGNATURE) + len(rows.batch) * plan.dtype.itemsize + len(_END), np.uint8)
    stream[: len(_SIGNATURE)] = np.frombuffer(_SIGNATURE, np.uint8)
    stream[-len(_END) :] = 0xFF
    table = stream[len(_SIGNATURE) : -len(_END)].view(plan.dtype)
    table[:] = plan.template
    table["park_id"] = origin.park_id[rows.batch]
    table["device_id"] = rows.device_id
    table["at"] = _instant(rows.at_ms, "at")
    table["received_at"] = _instant(origin.received_ms, "received_at")[rows.batch]
    table["epoch_id"] = origin.epoch_id[rows.batch]
    table["seq"] = origin.seq[rows.batch]
    for (name, steps), limit in zip(rows.values.items(), plan.limits, strict=True):
        _check(rows, name, steps, limit)
        table[name] = steps
    absent = {name: mask for name, mask in rows.present.items() if mask is not None and name in rows.values}
    if not absent and not _documents(rows):
        return stream.data
    return b"".join((_SIGNATURE, *_ragged(table, plan, absent, rows), _END))


def _instant(milliseconds: NDArray[np.int64], name: str) -> NDArray[np.int64]:
    """Microseconds since 2000, PostgreSQL's own count."""
    if len(milliseconds) and (int(milliseconds.min()) < 0 or int(milliseconds.max()) > _MAX_MS):
        raise ContentError(f"{name} is not between 1970 and 2100")
    return milliseconds * 1000 - _EPOCH_2000_US


def _check(rows: ClassRows, name: str, steps: NDArray[np.int64], limit: int) -> None:
    """Refuse what would be cut off: an absent value may hold anything, so the mask is looked at only when needed."""
    if len(steps) == 0 or (steps.min() >= -limit and steps.max() <= limit):
        return
    mask = rows.present.get(name)
    kept = steps if mask is None else steps[mask]
    if len(kept) and (kept.min() < -limit or kept.max() > limit):
        worst = int(kept[np.argmax(np.abs(kept))])
        raise ContentError(f"{rows.device_class}.{name}: {worst} steps, at most {limit} fit the column")


def _ragged(
    table: NDArray[np.void], plan: Layout, present: dict[str, NDArray[np.bool_]], rows: ClassRows
) -> Iterator[bytes | memoryview]:
    """Rows of different lengths: cut the bytes of absent values out, put the documents in."""
    width = plan.dtype.itemsize
    keep = np.ones((len(table), width), np.bool_)
    for name, mask in present.items():
        missing = ~mask
        table[f"length {name}"][missing] = _ABSENT
        _, start = plan.dtype.fields[name][:2] if plan.dtype.fields else (None, 0)
        end = start + CATALOGUE[rows.device_class].by_name[name].storage_bytes
        keep[missing, start:end] = False
    content = memoryview(table.view(np.uint8).reshape(len(table), width)[keep].tobytes())
    documents = list(_documents(rows).values())
    if not documents:
        yield content
        return
    ends = np.cumsum(keep.sum(axis=1)).tolist()
    yield from _with_documents(content, ends, documents)


def _with_documents(
    content: memoryview, ends: Sequence[int], documents: Sequence[Mapping[int, bytes]]
) -> Iterator[bytes | memoryview]:
    start = 0
    for row in sorted(set().union(*documents)):
        end = ends[row]
        yield content[start : end - 4 * len(documents)]
        for by_row in documents:
            document = by_row.get(row)
            if document is None:
                yield _ABSENT.to_bytes(4, "big")
            else:
                yield (len(_JSONB_VERSION) + len(document)).to_bytes(4, "big")
                yield _JSONB_VERSION
                yield document
        start = end
    yield content[start:]
