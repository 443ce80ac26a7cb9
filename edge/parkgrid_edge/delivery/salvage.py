"""Readable rows out of a broken outbox file, page by page, without asking SQLite.

SQLite gives up on a table when one page above it is damaged. Every row of the outbox carries a checksum over all of its
content, so each leaf page can be read on its own: what passes the checksum is exactly what was once written.

    file: page 1 | page 2 | …        log: header | frame: header + page | frame …     (the log's pages win)
    leaf page: 0x0d … cell pointers … cells;  cell: payload length, row number, payload, [first overflow page]

Format: SQLite's "Database File Format", sections 1.5, 1.6, 2.1 and 4 (sqlite.org/fileformat2.html).
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from parkgrid_edge.delivery.batch import OutboxBatch

PAGE_BYTES = 4096
_LEAF = 0x0D
_BIG_ENDIAN = b"\x37\x7f\x06\x83"
_WAL_HEADER, _FRAME_HEADER = 32, 24
_MAX_ROW_BYTES = 16_777_216
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_FIRST_BLOB = 12
_ZERO, _ONE = 8, 9
_CONTINUES, _VARINT_BYTES = 0x80, 9

Page = Callable[[int], bytes]
"""The content of a page by its number, from 1; empty when there is none."""


@dataclass(frozen=True, slots=True)
class State:
    """The one row that the outbox keeps about itself."""

    epoch: int
    base: int
    """What stands before the first seq of this epoch: seq on the wire = row number - base."""
    through: int
    """Batch number up to which everything has been acknowledged."""
    next_row: int
    accepted: int
    dropped: int
    again: int = 0
    """Batch number up to which everything had been acknowledged before the last restore of the store."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Everything in the row; quicker than `astuple`, which copies."""
        return self.epoch, self.base, self.through, self.next_row, self.accepted, self.dropped, self.again

    @property
    def check(self) -> int:
        """The checksum over everything in the row."""
        return _check_of(self.numbers)


FORMER_NUMBERS = 6
"""Of a state before batches were kept. A version that knows no more takes the new row for damaged, and sends all."""


def state_of(numbers: Sequence[object], check: object) -> State | None:
    """The state that a row tells, of this or the former form, if its checksum is right."""
    whole = [each for each in numbers if isinstance(each, int)]
    if len(whole) != len(numbers) or len(whole) not in (FORMER_NUMBERS, len(State.__slots__)):
        return None
    return State(*whole) if _check_of(whole) == check else None


def _check_of(numbers: Sequence[int]) -> int:
    return zlib.crc32(" ".join(map(str, numbers)).encode())


@dataclass(frozen=True, slots=True)
class Salvaged:
    """One thing that could be read."""

    row: OutboxBatch | None = None
    state: State | None = None


def salvage(path: Path) -> Iterator[Salvaged]:
    """Every row and state of a broken file and its log whose checksum is right; a row may come more than once."""
    log = _log_pages(path.with_name(path.name + "-wal"))
    with path.open("rb") as file:
        pages = path.stat().st_size // PAGE_BYTES

        def page(number: int) -> bytes:
            return log[number] if number in log else _read_page(file, number)

        for number in chain(range(1, pages + 1), sorted(number for number in log if number > pages)):
            content = page(number)
            if len(content) == PAGE_BYTES and content[0] == _LEAF:
                yield from _leaf(content, page)


def log_is_damaged(path: Path) -> bool:
    """Whether SQLite would silently forget commits of this log: it stops at the first wrong checksum."""
    try:
        log = path.read_bytes()
    except OSError:
        return False
    if len(log) < _WAL_HEADER + _FRAME_HEADER + PAGE_BYTES:
        return False
    order = ">" if log[:4] == _BIG_ENDIAN else "<"
    sums = _sums(order, log[:24], (0, 0))
    if sums != struct.unpack_from(">II", log, 24):
        return True
    right = True
    for start in range(_WAL_HEADER, len(log) - _FRAME_HEADER - PAGE_BYTES + 1, _FRAME_HEADER + PAGE_BYTES):
        if log[start + 8 : start + 16] != log[16:24]:
            # What follows is left over from before the log was begun anew, unless the salt itself was hit.
            return right and _continues(log, start)
        sums = _sums(order, log[start : start + 8], sums)
        sums = _sums(order, log[start + _FRAME_HEADER : start + _FRAME_HEADER + PAGE_BYTES], sums)
        right = right and sums == struct.unpack_from(">II", log, start + 16)
        (commit,) = struct.unpack_from(">I", log, start + 4)
        if commit and not right:
            return True
    return False


def _continues(log: bytes, start: int) -> bool:
    """Whether a later frame belongs to the log although this one does not."""
    following = range(start, len(log) - _FRAME_HEADER - PAGE_BYTES + 1, _FRAME_HEADER + PAGE_BYTES)
    return any(log[each + 8 : each + 16] == log[16:24] for each in following)


def _sums(order: str, words: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    """The running checksum of the log (file format, 4.2)."""
    first, second = sums
    for left, right in struct.iter_unpack(order + "II", words):
        first = (first + left + second) & 0xFFFF_FFFF
        second = (second + right + first) & 0xFFFF_FFFF
    return first, second


def _read_page(file: BinaryIO, number: int) -> bytes:
    file.seek((number - 1) * PAGE_BYTES)
    return file.read(PAGE_BYTES)


def _log_pages(path: Path) -> dict[int, bytes]:
    """The newest committed content of each page in a write-ahead log; what follows the last commit never counted."""
    try:
        log = path.read_bytes()
    except OSError:
        return {}
    committed: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    # The first frame is never older than the header that stands before it, and two places are safer than one.
    salts = log[_WAL_HEADER + 8 : _WAL_HEADER + 16]
    for start in range(_WAL_HEADER, len(log) - _FRAME_HEADER - PAGE_BYTES + 1, _FRAME_HEADER + PAGE_BYTES):
        number, pages_after_commit = struct.unpack_from(">II", log, start)
        if log[start + 8 : start + 16] != salts:
            break
        pending[number] = log[start + _FRAME_HEADER : start + _FRAME_HEADER + PAGE_BYTES]
        if pages_after_commit:
            committed |= pending
            pending = {}
    return committed


def _leaf(content: bytes, page: Page) -> Iterator[Salvaged]:
    (cells,) = struct.unpack_from(">H", content, 3)
    for index in range(min(cells, (PAGE_BYTES - 8) // 2)):
        (start,) = struct.unpack_from(">H", content, 8 + 2 * index)
        try:
            found = _cell(content, start, page)
        except (IndexError, struct.error):
            continue
        if found:
            yield found


def _cell(content: bytes, start: int, page: Page) -> Salvaged | None:
    length, start = _varint(content, start)
    number, start = _varint(content, start)
    if not 0 < length <= _MAX_ROW_BYTES:
        return None
    return _recognised(number, _columns(_payload(content, start, length, page)))


def _payload(content: bytes, start: int, length: int, page: Page) -> bytes:
    """The content of a cell, collected from its overflow pages where it has some."""
    local = _local_bytes(length)
    parts = [content[start : start + local]]
    missing = length - local
    (follow,) = struct.unpack_from(">I", content, start + local) if missing else (0,)
    while missing > 0 and follow:
        overflow = page(follow)
        (follow,) = struct.unpack_from(">I", overflow)
        parts.append(overflow[4 : 4 + missing])
        missing -= PAGE_BYTES - 4
    return b"".join(parts)


def _local_bytes(length: int) -> int:
    """How much of a payload stands in the leaf itself (file format, 1.6)."""
    if length <= PAGE_BYTES - 35:
        return length
    least = (PAGE_BYTES - 12) * 32 // 255 - 23
    local = least + (length - least) % (PAGE_BYTES - 4)
    return local if local <= PAGE_BYTES - 35 else least


def _columns(payload: bytes) -> list[Any]:
    header, place = _varint(payload, 0)
    if header > len(payload):
        raise IndexError("the header of a row goes on after its end")
    value = header
    columns: list[Any] = []
    while place < header:
        kind, place = _varint(payload, place)
        size = _size(kind)
        piece = payload[value : value + size]
        columns.append(_value(kind, piece))
        value += size
    return columns


def _size(kind: int) -> int:
    if kind < len(_INTEGER_BYTES):
        return _INTEGER_BYTES[kind]
    return (kind - _FIRST_BLOB) // 2 if kind >= _FIRST_BLOB else 0


def _value(kind: int, piece: bytes) -> int | bytes | None:
    if kind in (_ZERO, _ONE):
        return kind - _ZERO
    if kind == 0:
        return None
    return int.from_bytes(piece, "big", signed=True) if kind < len(_INTEGER_BYTES) else piece


def _recognised(number: int, columns: list[Any]) -> Salvaged | None:
    """A batch or the state, if the checksum says so; the row number replaces the empty key column."""
    match columns:
        case [None, int(at_ms), int(samples), int(check), bytes(body)]:
            row = OutboxBatch(number, at_ms, samples, body)
            return Salvaged(row=row) if row.check == check else None
        case [None, *numbers, int(check)]:
            state = state_of(numbers, check)
            return Salvaged(state=state) if state else None
    return None


def _varint(content: bytes, start: int) -> tuple[int, int]:
    """A big-endian base-128 number of at most nine bytes, and what follows it."""
    value = content[start]
    if value < _CONTINUES:
        # Nearly all are of one byte.
        return value, start + 1
    value = 0
    for index in range(_VARINT_BYTES - 1):
        byte = content[start + index]
        value = value << 7 | byte & 0x7F
        if byte < _CONTINUES:
            return value, start + index + 1
    return value << 8 | content[start + _VARINT_BYTES - 1], start + _VARINT_BYTES
