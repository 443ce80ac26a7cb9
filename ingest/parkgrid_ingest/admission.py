"""Many decoded batches to columns: accepted values as integers, refused ones as quarantine entries.

    readings ─▶ grouped by class and signals ─▶ one matrix a group ─▶ checked and scaled ─▶ ClassRows
                     │ unknown device                │ unknown signal, time, not representable
                     └───────────────────────────────┴──▶ Quarantined

Pure: what it needs to know (devices, time of receipt) comes with the arrivals.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract import strict_json
from parkgrid_contract.refusal import Reason, Refusal
from parkgrid_contract.sample import Quality
from parkgrid_contract.telemetry import time_reason
from parkgrid_contract.time import FUTURE_TOLERANCE_MS, OLDEST_MS, from_ms
from parkgrid_ingest.columns import OVERLOAD, Layout, layout, scale
from parkgrid_ingest.decode import Reading
from parkgrid_ingest.quarantine import REFUSAL_S, Refused
from parkgrid_ingest.rows import BatchHeader, ClassRows, Commit

NO_DEVICES: Mapping[str, tuple[int, str]] = {}
_INSTANT = "%Y-%m-%dT%H:%MZ"
_DAY_MS = 86_400_000
_USUAL_SHAPES = 32
_SHAPE_S = 250e-6
"""What one more set of signals takes of the writer's time: a matrix of its own."""
_USUAL_NAMES = 64
"""Signals of one reading: no class has more."""
MOST_DAYS = 40
"""Days of UTC that the readings of a class may lie on in one batch, which is what was read within a second or so: each
may cost a partition."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One decoded batch with what is known about its gateway."""

    header: BatchHeader
    readings: Sequence[Reading]
    refusals: tuple[Refusal, ...] = ()
    """What decoding already refused of it."""
    devices: Mapping[str, tuple[int, str]] = field(default_factory=lambda: NO_DEVICES)
    """Device identifier to (device_id, class), from the gateway's births."""
    rated_kw: Mapping[int, float] = field(kw_only=True)
    """Device_id to rated power in kW, of devices that announced one."""
    oldest_ms: int = OLDEST_MS
    """Before which no reading of this gateway is believed; by default as old as any may be, for what is imported."""


@dataclass(slots=True)
class _Group:
    """Readings of one class with the same signals in the same order: a matrix that is being filled."""

    device_class: str
    names: tuple[str, ...]
    batches: list[int] = field(default_factory=list)
    device_ids: list[int] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)


@dataclass(slots=True)
class _Block:
    """The rows of one group: integers, absent values, and flags."""

    plan: Layout
    batch: NDArray[np.int32]
    device_id: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    steps: NDArray[np.int64]
    absent: NDArray[np.bool_] | None
    flags: dict[int, dict[str, Quality]]

    def rows(self, kept: NDArray[np.bool_]) -> "_Block":
        """The same with only the rows that are `kept`."""
        moved = np.cumsum(kept) - 1
        return _Block(
            self.plan,
            self.batch[kept],
            self.device_id[kept],
            self.at_ms[kept],
            self.steps[kept],
            None if self.absent is None else self.absent[kept],
            {int(moved[row]): flags for row, flags in self.flags.items() if kept[row]},
        )


def admit(arrivals: Sequence[Arrival], refused: Refused) -> Commit:
    """The commit of these batches; refusals go to `refused`, which keeps their number in bounds."""
    believed = (
        np.array([max(OLDEST_MS, arrival.oldest_ms) for arrival in arrivals], np.int64),
        np.array([arrival.header.received_ms + FUTURE_TOLERANCE_MS for arrival in arrivals], np.int64),
    )
    blocks: dict[str, list[_Block]] = {}
    for group in _grouped(arrivals, refused):
        report = _Report(group, arrivals, refused)
        block = _admit_group(group, believed, report)
        if block is not None and len(block.batch):
            blocks.setdefault(group.device_class, []).append(block)
    rows = [_joined(name, found) for name, found in sorted(blocks.items())]
    return Commit([arrival.header for arrival in arrivals], rows, refused.entries())


def _grouped(arrivals: Sequence[Arrival], refused: Refused) -> Iterable[_Group]:
    groups: dict[tuple[str, ...], _Group] = {}
    for index, arrival in enumerate(arrivals):
        devices = arrival.devices
        for refusal in arrival.refusals:
            refused.add(arrival.header, index, "", refusal.reason, refusal.where, refusal.content)
        for reading in arrival.readings:
            known = devices.get(reading.device)
            if known is None:
                refused.add(arrival.header, index, reading.device, Reason.UNKNOWN_DEVICE, "device", reading.values)
                continue
            key = (known[1], *reading.values)
            group = groups.get(key)
            if group is None:
                group = groups[key] = _Group(known[1], key[1:])
            group.batches.append(index)
            group.device_ids.append(known[0])
            group.readings.append(reading)
    return groups.values()


def oddity_s(readings: Sequence[Reading]) -> float:
    """Seconds of the writer's time, about, that a batch will take beyond a usual one of its size; mostly none.

    Known before any of it is done: many such batches of one sender must not come into one commit.
    """
    shapes = len({tuple(each.values) for each in readings}) if len(readings) > _USUAL_SHAPES else 0
    names = sum(len(each.values) for each in readings if len(each.values) > _USUAL_NAMES)
    return (shapes * _SHAPE_S if shapes > _USUAL_SHAPES else 0.0) + names * REFUSAL_S


@dataclass(frozen=True, slots=True)
class _Report:
    """Reports what of a group is refused."""

    group: _Group
    arrivals: Sequence[Arrival]
    refused: Refused

    def add(self, row: int, reason: Reason, where: str, content: object) -> None:
        index = self.group.batches[row]
        device = self.group.readings[row].device
        self.refused.add(self.arrivals[index].header, index, device, reason, where, content)

    def times(self, rows: NDArray[np.intp]) -> None:
        for row in rows.tolist():
            at_ms, arrival = self.group.readings[row].at_ms, self.arrivals[self.group.batches[row]]
            reason = time_reason(at_ms, arrival.header.received_ms)
            if reason is None and at_ms < arrival.oldest_ms:
                # Beyond what any gateway may say: this one is live, and its clock cannot be right.
                told = f"{at_ms}: {from_ms(at_ms):{_INSTANT}} is before {from_ms(arrival.oldest_ms):{_INSTANT}}"
                self.add(row, Reason.TIME_TOO_OLD, "at", told)
            else:
                self.add(row, reason or Reason.TIME_IN_FUTURE, "at", str(at_ms))

    def scattered(self, rows: NDArray[np.intp]) -> None:
        for row in rows.tolist():
            told = f"{self.group.readings[row].at_ms}: more than {MOST_DAYS} days in one batch"
            self.add(row, Reason.TOO_MANY, "at", told)

    def unknown_signals(self, plan: Layout, rows: NDArray[np.intp]) -> None:
        for row in rows.tolist():
            for _, name in plan.unknown:
                self.add(row, Reason.UNKNOWN_SIGNAL, f"values.{name}", self.group.readings[row].values[name])

    def unstorable(self, plan: Layout, cells: NDArray[np.bool_]) -> None:
        for row, column in np.argwhere(cells).tolist():
            name = plan.signals[column].name
            self.add(row, Reason.NOT_REPRESENTABLE, f"values.{name}", self.group.readings[row].values[name])


def _admit_group(
    group: _Group, believed: tuple[NDArray[np.int64], NDArray[np.int64]], report: _Report
) -> _Block | None:
    """The rows of a group, or None when no signal of it is known; `believed` is the oldest and newest of each batch."""
    readings = group.readings
    plan = layout(group.device_class, group.names)
    batch = np.array(group.batches, np.int32)
    at_ms = np.array([reading.at_ms for reading in readings], np.int64)
    kept = (at_ms >= believed[0][batch]) & (at_ms <= believed[1][batch])
    complete = bool(kept.all())
    if not complete:
        report.times(np.flatnonzero(~kept))
    scattered = kept & _scattered(batch, at_ms, kept)
    if scattered.any():
        report.scattered(np.flatnonzero(scattered))
        kept &= ~scattered
        complete = False
    if plan.unknown:
        report.unknown_signals(plan, np.flatnonzero(kept))
    if not plan.signals:
        return None
    flags = {row: dict(reading.flags) for row, reading in enumerate(readings) if reading.flags}
    scaled = scale(_matrix(group), plan, _most_kw(group, report.arrivals) if plan.power else None)
    if scaled.out_of_range is not None:
        _flag(flags, plan, scaled.out_of_range)
    device_id = np.array(group.device_ids, np.int32)
    block = _Block(plan, batch, device_id, at_ms, scaled.steps, scaled.unstorable, flags)
    if scaled.unstorable is not None:
        report.unstorable(plan, scaled.unstorable & kept[:, None])
        kept &= ~scaled.unstorable.all(axis=1)
        complete = bool(kept.all())
    return block if complete else block.rows(kept)


def _scattered(batch: NDArray[np.int32], at_ms: NDArray[np.int64], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The readings of batches that cover too many days, except those of the newest days."""
    found = np.zeros(len(at_ms), np.bool_)
    if not kept.any() or at_ms[kept].max() - at_ms[kept].min() <= MOST_DAYS * _DAY_MS:
        return found
    days = at_ms // _DAY_MS
    pairs = np.unique((batch[kept].astype(np.int64) << 32) | days[kept])
    batches, counts = np.unique(pairs >> 32, return_counts=True)
    for number in batches[counts > MOST_DAYS].tolist():
        newest = (pairs[pairs >> 32 == number] & 0xFFFFFFFF)[-MOST_DAYS:]
        found |= (batch == number) & (days < newest[0])
    return found


def _most_kw(group: _Group, arrivals: Sequence[Arrival]) -> NDArray[np.float64]:
    """The power above which a value of each row's device is not accepted; infinite without an announced rating."""
    places = zip(group.batches, group.device_ids, strict=True)
    rated = [arrivals[batch].rated_kw.get(device_id, 0.0) for batch, device_id in places]
    return OVERLOAD * np.array([kw if kw > 0 else np.inf for kw in rated])


def _matrix(group: _Group) -> NDArray[np.float64]:
    height, width = len(group.readings), len(group.names)
    numbers = chain.from_iterable([reading.values.values() for reading in group.readings])
    return np.fromiter(numbers, np.float64, height * width).reshape(height, width)


def _flag(flags: dict[int, dict[str, Quality]], plan: Layout, cells: NDArray[np.bool_]) -> None:
    """Mark cells as out of range; a value that its device calls bad stays bad."""
    for row, column in np.argwhere(cells).tolist():
        of_row = flags.setdefault(row, {})
        name = plan.signals[column].name
        if of_row.get(name) is not Quality.BAD:
            of_row[name] = Quality.OUT_OF_RANGE


def _joined(device_class: str, blocks: Sequence[_Block]) -> ClassRows:
    """The blocks of one class below each other."""
    if len(blocks) == 1:
        return _single(device_class, blocks[0])
    starts = np.cumsum([0, *(len(block.batch) for block in blocks)]).tolist()
    values: dict[str, NDArray[np.int64]] = {}
    present: dict[str, NDArray[np.bool_] | None] = {}
    for block, start in zip(blocks, starts, strict=False):
        span = slice(start, start + len(block.batch))
        for column, signal in enumerate(block.plan.signals):
            if signal.name not in values:
                values[signal.name] = np.zeros(starts[-1], np.int64)
                present[signal.name] = np.zeros(starts[-1], np.bool_)
            values[signal.name][span] = block.steps[:, column]
            mask = present[signal.name]
            if mask is not None:
                mask[span] = True if block.absent is None else ~block.absent[:, column]
    return ClassRows(
        device_class,
        np.concatenate([block.batch for block in blocks]),
        np.concatenate([block.device_id for block in blocks]),
        np.concatenate([block.at_ms for block in blocks]),
        values,
        {name: None if mask is None or mask.all() else mask for name, mask in present.items()},
        {row + start: text for block, start in zip(blocks, starts, strict=False) for row, text in _texts(block)},
    )


def _single(device_class: str, block: _Block) -> ClassRows:
    names = [signal.name for signal in block.plan.signals]
    columns = block.steps.T
    absent = block.absent
    return ClassRows(
        device_class,
        block.batch,
        block.device_id,
        block.at_ms,
        {name: columns[position] for position, name in enumerate(names)},
        {
            name: ~absent[:, position] if absent is not None and absent[:, position].any() else None
            for position, name in enumerate(names)
        },
        dict(_texts(block)),
    )


def _texts(block: _Block) -> Iterable[tuple[int, bytes]]:
    """The flags of each row as JSON, of the signals that the row has."""
    names = {signal.name: column for column, signal in enumerate(block.plan.signals)}
    for row, flags in block.flags.items():
        told = {
            name: flags[name].value
            for name in sorted(flags)
            if name in names and not (block.absent is not None and block.absent[row, names[name]])
        }
        if told:
            yield row, strict_json.dumps(told)
