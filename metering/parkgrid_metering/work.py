"""What is to be computed: spans of registers that have news, cut so that no single computation grows without bound."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from parkgrid_domain.energy import Belief, reach_ms
from parkgrid_metering.columns import Int64s
from parkgrid_metering.registers import Register
from parkgrid_metering.revisions import Author

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
MOST_OF_ROUND = 500_000
"""Intervals of one round, about: nobody waits longer for the next one, whatever one gateway has sent."""
APART_MS = 400 * _DAY_MS
"""What lies further apart does not belong together: as far back as a reading of a live gateway is believed
(`late_days` of ingest). No intervals are written between, so that one far-off stamp makes no rows without end."""
_NEAR_EDGES = 4
"""Edges before the last reading at which the belief may be kept: what comes after them may still be open."""

LATE = Author("late data")
AFTER_GAP = Author("later reading")


@dataclass(frozen=True, slots=True)
class RegisterSpan:
    """A stretch of one register that has news: [low, high)."""

    register: Register
    low_ms: int
    """-1: from its first reading."""
    high_ms: int
    author: Author
    forward: bool
    """Whether the news go on to the newest reading; otherwise nothing after `high_ms` is new."""


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


def spans(registers: Iterable[Register], touched: Touched, newest_ms: int) -> Iterator[RegisterSpan]:
    """What the news of a park mean for each of its registers; `newest_ms` says how far its data reach."""
    for register in registers:
        slots_ms = touched.slots_ms.get(register.device_id)
        metered_ms = register.metered_ms
        if metered_ms is None:
            if slots_ms is not None:
                yield RegisterSpan(register, -1, newest_ms + SLOT_MS, AFTER_GAP, forward=True)
            continue
        counted_ms = register.counted_ms or 0
        if slots_ms is not None:
            yield from _late(register, metered_ms, slots_ms[slots_ms >= counted_ms])
            if slots_ms[0] < counted_ms:
                yield from _late(register.by_power(), metered_ms, slots_ms[slots_ms < counted_ms])
        reach_ms = due_ms(register, newest_ms) if slots_ms is None else newest_ms
        if slots_ms is None and reach_ms - metered_ms > APART_MS:
            continue
        if reach_ms >= metered_ms + register.period_ms:
            now = register.by_power() if metered_ms < counted_ms else register
            yield RegisterSpan(now, metered_ms, reach_ms + SLOT_MS, AFTER_GAP, forward=True)


def of_round(
    work: Sequence[RegisterSpan], begin_ms: Mapping[int, int], most: int
) -> tuple[list[RegisterSpan], list[RegisterSpan]]:
    """What one round takes up, and what waits: the devices with the least to do go first, and one always goes.

    `begin_ms` says where the news of each device begin.
    """
    costs: dict[int, int] = {}
    for each in work:
        costs[each.register.device_id] = costs.get(each.register.device_id, 0) + _intervals(each, begin_ms)
    chosen: set[int] = set()
    left = most
    for device, cost in sorted(costs.items(), key=lambda item: (item[1], item[0])):
        if chosen and cost > left:
            break
        chosen.add(device)
        left -= cost
    taken = [each for each in work if each.register.device_id in chosen]
    return taken, [each for each in work if each.register.device_id not in chosen]


def _intervals(span: RegisterSpan, begin_ms: Mapping[int, int]) -> int:
    """How many intervals the first computation of a span has, about: those after it belong to later rounds."""
    low_ms = span.low_ms if span.low_ms >= 0 else begin_ms.get(span.register.device_id, span.high_ms)
    # What was metered last is gone on from; elsewhere the last belief lies up to a day before.
    before_ms = 0 if span.forward and span.low_ms >= 0 else _DAY_MS
    return math.ceil((min(max(0, span.high_ms - low_ms), LONGEST_MS) + before_ms) / span.register.period_ms)


def _late(register: Register, metered_ms: int, slots_ms: Int64s) -> Iterator[RegisterSpan]:
    """Runs of touched slots whose intervals are metered already."""
    late = slots_ms[slots_ms < metered_ms]
    if len(late) == 0:
        return
    for run in np.split(late, np.flatnonzero(np.diff(late) > _JOIN_MS) + 1):
        yield RegisterSpan(register, int(run[0]), int(run[-1]) + SLOT_MS, LATE, forward=False)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a span that is computed at once: readings up to `end_ms`, intervals from `begin_ms` on."""

    span: RegisterSpan
    begin_ms: int
    end_ms: int
    head: bool
    """Whether it reaches the newest reading."""
    belief: Belief
    """Just before `begin_ms`."""
    first: bool
    """Whether nothing is known before it."""
    held: Mapping[int, Belief]
    """What was believed after the news, by instant: where it comes out the same, the rest stays as it is."""
    alone: bool = False
    """Whether the next readings, if there are any, are further away than what belongs together."""

    @property
    def read_from_ms(self) -> int:
        """From where on readings are needed."""
        register = self.span.register
        if self.first:
            return max(0, self.begin_ms - _DAY_MS)
        beside = reach_ms(register.reading_ms) if register.method == "register" else 2 * register.period_ms
        return max(0, self.begin_ms - beside)

    def edges_ms(self, last_ms: int, due_ms: int) -> tuple[int, ...]:
        """Where the belief may be kept: at each day, and around the last reading."""
        register = self.span.register
        days = range(self.begin_ms // _DAY_MS * _DAY_MS + _DAY_MS, self.end_ms + 1, _DAY_MS)
        edges = {register.floor(day) for day in days} | set(self.held)
        if self.head or self.alone or register.method == "power":
            last = register.floor(min(last_ms, self.end_ms))
            edges |= {last - number * register.period_ms for number in range(_NEAR_EDGES)}
        if self.head:
            edges.add(register.floor(min(due_ms, self.end_ms)))
        end_ms = self.end_ms
        if register.until_ms is not None:
            edges.add(register.until_ms)
            end_ms = min(end_ms, register.until_ms)
        return tuple(sorted(edge for edge in edges if self.begin_ms < edge <= end_ms))


def groups(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Windows that are computed together: one class, one length of interval, alike in extent."""
    alike: dict[tuple[object, ...], list[Window]] = {}
    for each in windows:
        register = each.span.register
        extent = math.ceil(math.log2(max(1.0, (each.end_ms - each.begin_ms) / SLOT_MS)))
        sign = register.sign if register.method == "power" else 0
        key = (register.device_class, register.method, sign, register.period_ms)
        alike.setdefault((*key, each.begin_ms % register.period_ms, extent), []).append(each)
    for _, members in sorted(alike.items()):
        yield from _parts(members)


def _parts(windows: list[Window]) -> Iterator[list[Window]]:
    """Neighbours in time together, and not more than memory holds."""
    part: list[Window] = []
    readings = intervals = 0.0
    for each in sorted(windows, key=lambda one: one.begin_ms):
        extent_ms = each.end_ms - each.begin_ms
        readings += extent_ms / each.span.register.reading_ms
        intervals += extent_ms / each.span.register.period_ms
        apart = bool(part) and each.begin_ms - part[0].begin_ms > max(extent_ms, _DAY_MS)
        if part and (apart or readings > _MOST_READINGS or intervals > _MOST_INTERVALS):
            yield part
            part, readings, intervals = [], 0.0, 0.0
        part.append(each)
    if part:
        yield part
