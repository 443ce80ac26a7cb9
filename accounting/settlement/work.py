"""What is to be computed: spans of registers that have news, cut so that no single computation grows without bound."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from accounting.settlement.registers import Register
from accounting.settlement.revisions import Author
from accounting.store import Int64s

SLOT_MS = 900_000
_DAY_MS = 86_400_000
LONGEST_MS = 31 * _DAY_MS
"""A longer span of one register is computed in parts."""
_JOIN_MS = _DAY_MS
"""Touched slots so near to each other are computed together."""
_GRACE_MS = 900_000
"""How long after the end of an interval a silent register is waited for, in the park's own data."""
_MOST_READINGS = 4_000_000
_MOST_INTERVALS = 2_000_000

REACH = 24
"""Readings beside a new one whose meaning it can change: up to 20 were seen where 60 % of the readings are false."""

LATE = Author("late data")
AFTER_GAP = Author("later reading")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one register that has news: [low, high)."""

    register: Register
    low_ms: int
    """-1: from its first reading."""
    high_ms: int
    author: Author
    forward: bool
    """Whether the register's settled time moves on with it; otherwise only settled intervals are touched."""
    ended: bool
    """Whether there may be readings at `high_ms` and after it."""

    def begun(self, first_ms: int) -> "Span":
        """The same from an instant on, not longer than one computation may be."""
        low_ms = self.register.floor(first_ms)
        far = self.high_ms > low_ms + LONGEST_MS
        high_ms = low_ms + LONGEST_MS if far else self.high_ms
        return Span(self.register, low_ms, high_ms, self.author, forward=True, ended=far)


@dataclass(frozen=True, slots=True)
class Touched:
    """The slots with news of the devices of one class."""

    newest_ms: Mapping[int, int]
    """Device to the start of its newest touched slot."""
    slots_ms: Mapping[int, Int64s]
    """Device to its touched slots in order."""

    @classmethod
    def of(cls, devices: Int64s, slots_ms: Int64s) -> "Touched":
        """From pairs of device and slot, in any order, any number of times."""
        order = np.lexsort((slots_ms, devices))
        devices, slots_ms = devices[order], slots_ms[order]
        new_device = np.diff(devices, prepend=-1) != 0
        new = new_device | (np.diff(slots_ms, prepend=-1) != 0)
        names, starts = devices[new_device].tolist(), np.flatnonzero(new_device[new])
        found = dict(zip(names, np.split(slots_ms[new], starts[1:]), strict=True)) if names else {}
        return cls({name: int(part[-1]) for name, part in found.items()}, found)


def due_ms(register: Register, park_newest_ms: int) -> int:
    """Up to where a register that says nothing is given missing intervals."""
    return park_newest_ms - max(_GRACE_MS, 2 * register.reading_ms)


def spans(registers: Iterable[Register], touched: Touched, parks: Mapping[str, int]) -> Iterator[Span]:
    """What the news mean for each register of a park with news; `parks` says how far the data of each reach."""
    for register in registers:
        slots_ms = touched.slots_ms.get(register.device_id)
        settled_ms, newest_ms = register.settled_ms, parks[register.park]
        if settled_ms is None:
            if slots_ms is not None:
                yield Span(register, -1, newest_ms + SLOT_MS, AFTER_GAP, forward=True, ended=False)
            continue
        if slots_ms is not None:
            yield from _late(register, settled_ms, slots_ms)
        reach_ms = due_ms(register, newest_ms) if slots_ms is None else newest_ms
        if reach_ms >= settled_ms + register.period_ms:
            yield Span(register, settled_ms, reach_ms + SLOT_MS, AFTER_GAP, forward=True, ended=False).begun(settled_ms)


def _late(register: Register, settled_ms: int, slots_ms: Int64s) -> Iterator[Span]:
    """Runs of touched slots whose intervals are settled already."""
    late = slots_ms[slots_ms < settled_ms]
    if len(late) == 0:
        return
    for run in np.split(late, np.flatnonzero(np.diff(late) > _JOIN_MS) + 1):
        yield from cut(register, int(run[0]), int(run[-1]) + SLOT_MS, LATE)


def cut(register: Register, low_ms: int, high_ms: int, author: Author) -> Iterator[Span]:
    """A settled stretch in parts that are not too long."""
    while low_ms < high_ms:
        end_ms = min(high_ms, low_ms + LONGEST_MS)
        yield Span(register, low_ms, end_ms, author, forward=False, ended=True)
        low_ms = end_ms


@dataclass(frozen=True, slots=True)
class Task:
    """A span with its neighbourhood: what is read, and which intervals may change."""

    span: Span
    place: int
    """Its number among the tasks, which its neighbouring readings have too."""
    low_ms: int
    """Start of the first interval that may change."""
    high_ms: int
    """End of the last interval that may change."""
    first: bool
    """Whether no usable reading lies before it."""


def task(span: Span, place: int, before_ms: Int64s, after_ms: Int64s) -> Task:
    """The intervals that a span can change: up to the `REACH`-th usable reading on either side of it."""
    register = span.register
    low_ms, high_ms = span.low_ms, span.high_ms
    if len(before_ms):
        low_ms = min(low_ms, int(before_ms[-min(REACH, len(before_ms))]))
    if len(after_ms):
        high_ms = max(high_ms, int(after_ms[min(REACH, len(after_ms)) - 1]) + 1)
    low_ms = register.floor(low_ms)
    high_ms = register.floor(high_ms - 1) + register.period_ms
    if span.forward:
        high_ms = register.floor(span.high_ms - 1) + register.period_ms
    elif register.settled_ms is not None:
        high_ms = min(high_ms, register.settled_ms)
    return Task(span, place, low_ms, high_ms, first=len(before_ms) == 0)


def groups(tasks: Sequence[Task]) -> Iterator[list[Task]]:
    """Tasks that are computed together: one class, one length of interval, alike in extent, each register once."""
    alike: dict[tuple[object, ...], list[Task]] = {}
    seen: dict[int, int] = {}
    for each in tasks:
        register = each.span.register
        rank = seen[register.register_id] = seen.get(register.register_id, -1) + 1
        extent = math.ceil(math.log2(max(1.0, (each.high_ms - each.low_ms) / SLOT_MS)))
        sign = register.sign if register.method == "power" else 0
        key = (rank, register.device_class, sign, register.period_ms, each.low_ms % register.period_ms, extent)
        alike.setdefault(key, []).append(each)
    for _, members in sorted(alike.items()):
        yield from _parts(members)


def _parts(tasks: list[Task]) -> Iterator[list[Task]]:
    """Neighbours in time together, and not more than memory holds."""
    part: list[Task] = []
    readings = intervals = 0.0
    for each in sorted(tasks, key=lambda one: one.low_ms):
        extent_ms = each.high_ms - each.low_ms
        readings += extent_ms / each.span.register.reading_ms
        intervals += extent_ms / each.span.register.period_ms
        apart = bool(part) and each.low_ms - part[0].low_ms > max(extent_ms, _DAY_MS)
        if part and (apart or readings > _MOST_READINGS or intervals > _MOST_INTERVALS):
            yield part
            part, readings, intervals = [], 0.0, 0.0
        part.append(each)
    if part:
        yield part
