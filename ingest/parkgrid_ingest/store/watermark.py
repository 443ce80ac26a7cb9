"""Which batches of an epoch are done: half-open ranges of sequence numbers, and the acknowledgement they make."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from parkgrid_contract.telemetry import MAX_RANGES, Ack

Ranges = tuple[tuple[int, int], ...]
"""Half-open, ascending, not touching."""
MAX_HELD = 2_000
"""Ranges that are kept of an epoch. An outbox sends in order, and leaves a hole where it dropped something or where
live data overtake backlog; whoever leaves thousands has only his own batches wait until the holes close."""
_RANGE = re.compile(r"\[(\d+),(\d+)\)")


def parse(text: str) -> Ranges:
    """The ranges of PostgreSQL's canonical text form of an int8multirange."""
    return tuple((int(low), int(high)) for low, high in _RANGE.findall(text))


def render(ranges: Ranges) -> str:
    """The text form of an int8multirange."""
    return "{" + ",".join(f"[{low},{high})" for low, high in ranges) + "}"


def contains(ranges: Ranges, seq: int) -> bool:
    """Whether one of the ranges holds `seq`."""
    position = bisect_right(ranges, (seq, seq + 1))
    return any(low <= seq < high for low, high in ranges[max(0, position - 1) : position + 1])


def union(*parts: Iterable[tuple[int, int]]) -> Ranges:
    """All ranges of all parts, merged where they overlap or touch."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(each for part in parts for each in part):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def minus(ranges: Ranges, removed: Ranges) -> Ranges:
    """What is left of `ranges` without `removed`, in one go over both: a sender may have thousands of either."""
    left: list[tuple[int, int]] = []
    place = 0
    for low, high in ranges:
        start = low
        while place < len(removed) and removed[place][1] <= low:
            place += 1
        cut = place
        while cut < len(removed) and removed[cut][0] < high:
            if removed[cut][0] > start:
                left.append((start, removed[cut][0]))
            start = removed[cut][1]
            cut += 1
        if start < high:
            left.append((start, high))
    return tuple(left)


@dataclass(frozen=True, slots=True)
class Watermark:
    """What is known of one epoch."""

    committed: Ranges = ()
    """Stored."""
    passed: Ranges = ()
    """Below the outbox's floor and never received: their gateway dropped them, and says so."""
    floor: int = 1

    def advanced(self, seqs: Sequence[int], floor: int) -> "Watermark":
        """The watermark after storing these batches, whose outbox held nothing below `floor` any more.

        A batch that was passed and arrives after all, because it was under way when it was dropped, is stored.
        """
        committed = union(self.committed, ((seq, seq + 1) for seq in seqs))
        floor = max(self.floor, floor)
        passed = minus(union(self.passed, ((1, floor),) if floor > 1 else ()), committed)
        return Watermark(committed, passed, floor)

    def has_room(self, seq: int, floor: int, more: Collection[int]) -> bool:
        """Whether a batch may be stored beside `more` of the same commit: always, where it tears no new hole."""
        if len(self.committed) + len(self.passed) + len(more) < MAX_HELD:
            return True
        beside = (seq - 1, seq + 1)
        return seq in (1, floor) or any(each in more or contains(self.committed, each) for each in beside)

    def ack(self, epoch: int) -> Ack:
        """What the gateway may trim."""
        done = union(self.committed, self.passed)
        through = done[0][1] - 1 if done and done[0][0] <= 1 else 0
        beyond = done[1:] if through else done
        return Ack(epoch, through, tuple((low, high - 1) for low, high in beyond[:MAX_RANGES]))
