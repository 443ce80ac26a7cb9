"""The rows that every write benchmark uses: meters with 20 signals, as MQTT payloads and as COPY buffers.

Row number n belongs to meter n mod METERS and to one instant; its values follow from n, so that counts and sums can be
checked without keeping anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.sample import Sample
from parkgrid_contract.signals import CATALOGUE, Signal
from parkgrid_contract.telemetry import encode_samples, frame_batch

METERS = 50
SIGNALS = CATALOGUE["meter"].signals
ROW_VALUES = len(SIGNALS)
_CYCLE = 64
"""Rows after which the values repeat: payload text is made once and only stamped anew."""


@dataclass(frozen=True, slots=True)
class MeteredSpan:
    """Rows of one gateway: from `start_ms`, one instant for each round over its meters."""

    gateway: Gateway
    epoch: int
    first_seq: int
    start_ms: int
    step_ms: int
    rows: int

    @property
    def end_ms(self) -> int:
        """The first instant after the span."""
        return self.start_ms + -(-self.rows // METERS) * self.step_ms


def birth(epoch: int, now_ms: int) -> Birth:
    """The announcement of a gateway that has the meters."""
    names = tuple(signal.name for signal in SIGNALS)
    devices = tuple(Device(device(number), "meter", names) for number in range(METERS))
    return Birth("bench", epoch, now_ms, devices, simulated=True)


def device(number: int) -> str:
    """Name of a meter; names sort as the numbers do, so that the store numbers the devices in the same order."""
    return f"meter-{number:02d}"


def steps(row: int) -> list[int]:
    """The stored integers of a row, all within the catalogue's range."""
    return [_steps(signal, column, row % _CYCLE) for column, signal in enumerate(SIGNALS)]


def _steps(signal: Signal, column: int, phase: int) -> int:
    low, high = signal.steps(max(0.0, signal.low)), signal.steps(min(signal.high, 400.0))
    return low + (phase * 7_919 + column * 104_729) % (high - low)


def step_sum(rows: int) -> int:
    """Sum of every stored integer of the first rows of a span."""
    cycle = [sum(steps(row)) for row in range(_CYCLE)]
    whole, rest = divmod(rows, _CYCLE)
    return whole * sum(cycle) + sum(cycle[:rest])


def payloads(span: MeteredSpan, rows_in_batch: int, *, backlog: bool = False) -> Iterator[bytes]:
    """The batches of a span as they go over the wire, contiguous from `first_seq`."""
    parts = [_sample_parts(row) for row in range(_CYCLE * METERS)]
    for number, first in enumerate(range(0, span.rows, rows_in_batch)):
        texts = []
        for row in range(first, min(first + rows_in_batch, span.rows)):
            head, tail = parts[row % len(parts)]
            texts.append(b"%b%d%b" % (head, span.start_ms + row // METERS * span.step_ms, tail))
        seq = span.first_seq + number
        yield frame_batch(span.epoch, seq, seq, backlog=backlog, samples=b"[" + b",".join(texts) + b"]")


def samples(span: MeteredSpan, first: int, rows: int) -> tuple[Sample, ...]:
    """Rows of a span as an edge accepts them."""
    return tuple(
        Sample(device(row % METERS), span.start_ms + row // METERS * span.step_ms, _values(row))
        for row in range(first, first + rows)
    )


def _values(row: int) -> dict[str, float]:
    return {signal.name: signal.value(number) for signal, number in zip(SIGNALS, steps(row), strict=True)}


def _sample_parts(row: int) -> tuple[bytes, bytes]:
    """The text of a sample before and after its time."""
    text = encode_samples((Sample(device(row % METERS), 0, _values(row)),))[1:-1]
    head, _, tail = text.partition(b'"at":0,')
    return head + b'"at":', b"," + tail


_EPOCH_2000_MS = 946_684_800_000
_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"


def copy_buffers(
    span: MeteredSpan,
    columns: Sequence[tuple[str, int]],
    fixed: dict[str, int],
    rows_in_buffer: int,
) -> list[bytes]:
    """The same rows in PostgreSQL's binary COPY format, one complete stream for each buffer.

    `columns` are names and widths of the table's columns in order (0: always NULL); `fixed` are the columns that have
    the same number in every row; `device_id` counts from `fixed["device_id"]`.
    """
    layout: list[tuple[str, str]] = [("_count", ">i2")]
    for name, width in columns:
        layout.append((f"_{name}", ">i4"))
        if width:
            layout.append((name, f">i{width}"))
    table = np.zeros(span.rows, np.dtype(layout))
    table["_count"] = len(columns)
    rows = np.arange(span.rows)
    values = np.array([steps(row) for row in range(_CYCLE)], np.int64)
    column_of = {signal.name: values[:, index] for index, signal in enumerate(SIGNALS)}
    for name, width in columns:
        table[f"_{name}"] = width or -1
        if width:
            table[name] = _column(name, span, rows, column_of, fixed)
    return [
        _SIGNATURE + table[first : first + rows_in_buffer].tobytes() + _END
        for first in range(0, span.rows, rows_in_buffer)
    ]


def _column(
    name: str,
    span: MeteredSpan,
    rows: NDArray[np.int64],
    column_of: dict[str, NDArray[np.int64]],
    fixed: dict[str, int],
) -> NDArray[np.int64] | int:
    if name in column_of:
        found: NDArray[np.int64] = column_of[name][rows % _CYCLE]
        return found
    if name == "device_id":
        return fixed["device_id"] + rows % METERS
    if name == "at":
        return (span.start_ms + rows // METERS * span.step_ms - _EPOCH_2000_MS) * 1_000
    return fixed[name]
