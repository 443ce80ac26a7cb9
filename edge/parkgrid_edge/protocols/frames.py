"""Modbus frames, byte by byte: is what has arrived the answer to what was asked? Pure, no sockets.

TCP   | transaction 2 | protocol 2 | length 2 | unit 1 | function 1 | data |
RTU                                           | unit 1 | function 1 | data | checksum 2 |
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from parkgrid_edge.protocols.registers import Table

READ_FUNCTIONS = {Table.HOLDING: 3, Table.INPUT: 4}
_MBAP = 6
_LEAST_LENGTH = 3
_MAX_LENGTH = 254
_RTU_OVERHEAD = 5
_EXCEPTION_BIT = 0x80
_POLYNOMIAL = 0xA001


@dataclass(frozen=True, slots=True)
class Read:
    """One read request."""

    unit: int
    table: Table
    address: int
    count: int

    @property
    def function(self) -> int:
        """Its function code."""
        return READ_FUNCTIONS[self.table]


class GarbledError(Exception):
    """Bytes arrived that cannot be the answer."""


def tcp_answer(data: bytes, read: Read, transaction: int) -> bytes:
    """`data` as far as it may be decoded; raises `GarbledError` when it can no longer become the answer."""
    for found, frame in _tcp_frames(data):
        if found == transaction:
            _check_pdu(frame[_MBAP:], read)
            return frame
    return b""  # what answers something else is passed over


def misnumbered(data: bytes, read: Read) -> tuple[int, bytes] | None:
    """The last whole frame that would be the answer if its transaction number were right, and that number."""
    fitting = None
    for found, frame in _tcp_frames(data):
        with contextlib.suppress(GarbledError):
            _check_pdu(frame[_MBAP:], read)
            fitting = found, frame
    return fitting


def _tcp_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The whole frames within `data` with their transaction numbers; raises `GarbledError` at what begins none."""
    position = 0
    while len(data) - position >= _MBAP:
        found, protocol, length = (int.from_bytes(data[position + at : position + at + 2], "big") for at in (0, 2, 4))
        if protocol != 0 or not _LEAST_LENGTH <= length <= _MAX_LENGTH:
            raise GarbledError(f"not a Modbus TCP header: {data[position : position + _MBAP].hex(' ')}")
        end = position + _MBAP + length
        if end > len(data):
            return
        yield found, data[position:end]
        position = end


def _check_pdu(frame: bytes, read: Read) -> None:
    """Raise `GarbledError` unless `frame` (unit, function, data) answers `read` in full."""
    if read.unit and frame[0] != read.unit:
        raise GarbledError(f"unit {frame[0]} answered for unit {read.unit}")
    if frame[1] == read.function | _EXCEPTION_BIT:
        if len(frame) != 3:  # noqa: PLR2004 - unit, function, code
            raise GarbledError(f"an exception of {len(frame)} bytes")
    elif frame[1] != read.function:
        raise GarbledError(f"function {frame[1]} answered to function {read.function}")
    elif len(frame) != 3 + 2 * read.count or frame[2] != 2 * read.count:
        raise GarbledError(f"{frame[2]} bytes announced in {len(frame) - 3}, {2 * read.count} wanted")


def rtu_answer(data: bytes, read: Read) -> bytes:
    """The answer within `data`, past any noise before it; raises `GarbledError` when its checksum is wrong."""
    for start in range(len(data) - 1):
        size = _rtu_size(data[start : start + 3], read)
        if size is None:
            continue
        frame = data[start : start + size]
        if len(frame) < size:
            return b""
        if checksum(frame[:-2]) == frame[-2:]:
            return frame
        raise GarbledError(f"wrong checksum: {frame.hex(' ')}")
    if len(data) > 2 * _MAX_LENGTH:
        raise GarbledError("noise on the line")
    return b""


def _rtu_size(head: bytes, read: Read) -> int | None:
    """The length of the frame that begins with `head`, or None when no answer to `read` begins so."""
    if head[0] != read.unit:
        return None
    if head[1] == read.function | _EXCEPTION_BIT:
        return _RTU_OVERHEAD
    wanted = 2 * read.count
    return _RTU_OVERHEAD + wanted if head[1] == read.function and head[2:3] in (b"", bytes([wanted])) else None


def checksum(frame: bytes) -> bytes:
    """The two bytes that end an RTU frame (Modbus over serial line V1.02, 6.2.2)."""
    remainder = 0xFFFF
    for octet in frame:
        remainder ^= octet
        for _ in range(8):
            remainder = remainder >> 1 ^ (_POLYNOMIAL if remainder & 1 else 0)
    return remainder.to_bytes(2, "little")
