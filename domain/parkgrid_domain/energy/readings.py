"""The shapes around the 15-minute truth: readings of registers, what is known of the registers, intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.daylight import Daylight
from parkgrid_domain.energy.neighbours import Neighbours

INSTANT_BITS = 42
INSTANTS = 1 << INSTANT_BITS
"""Instants are below it (the year 2109), so that register and instant share one 64-bit key."""
MOST_REGISTERS = 2**20
"""Registers of one call, for the same reason."""
NONE = -1
"""An instant or a register value that is not known."""


class IntervalQuality(IntEnum):
    """How far the energy of an interval can be believed."""

    MISSING = 0
    GOOD = 1
    ESTIMATED = 2


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of many registers, sorted by register and instant, no instant twice."""

    register: NDArray[np.int32]
    """Index into the rules given."""
    at_ms: NDArray[np.int64]
    steps: NDArray[np.int64]
    """Stored steps of the register, 0.001 kWh for a signal in kWh."""
    trust: NDArray[np.int8]
    """0 not to be used (bad, out of range, stale), 1 good, 2 flagged estimated."""
    late: NDArray[np.bool_]

    def __len__(self) -> int:
        """How many readings there are."""
        return len(self.at_ms)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Readings":
        """Some of them: by mask, by places or by slice."""
        return Readings(self.register[which], self.at_ms[which], self.steps[which], self.trust[which], self.late[which])


@dataclass(frozen=True, slots=True)
class Declaration:
    """What holds for a register from an instant on, as somebody declared it."""

    valid_from_ms: int
    modulus_steps: int | None
    """The register counts from 0 up to one below it; None: the width is not known."""
    ratio: Fraction
    """Primary energy for one unit of the register (current and voltage transformers)."""
    initial_steps: int | None = None
    """What the new meter read at that instant."""
    final_steps: int | None = None
    """What the meter that went away read at that instant."""
    step_steps: int | None = None
    """The least by which the register moves, in stored steps; None: not declared, so it is learned."""


@dataclass(frozen=True, slots=True)
class RegisterRule:
    """All that is known of one register; before its first declaration the ratio is 1 and the width unknown."""

    declarations: tuple[Declaration, ...]
    """In any order; of two for one instant the later in the tuple holds."""
    period_ms: int
    """Planned distance of its readings."""
    limit_kw: float | None
    """The highest plausible power on the primary side; None: not declared, so it is learned from its past."""
    daylight: Daylight | None = None
    """Where photovoltaics stand, so that what they counted in a gap is spread by daylight; None: evenly."""
    neighbours: Neighbours | None = None
    """What other inverters of its park counted, where the park's coordinates are not known."""


class Edges(Protocol):
    """Intervals one after the other, of one length or of any."""

    @property
    def start_ms(self) -> int:
        """The first edge."""

    @property
    def stop_ms(self) -> int:
        """The last edge."""

    @property
    def period_ms(self) -> int:
        """Length of the intervals in which the register is metered."""

    @property
    def count(self) -> int:
        """How many intervals there are."""

    @property
    def edges_ms(self) -> NDArray[np.int64]:
        """The count + 1 edges of the intervals."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Intervals of one length, one after the other; each holds its start and not its end."""

    start_ms: int
    period_ms: int
    count: int

    @property
    def stop_ms(self) -> int:
        """The end of the last interval."""
        return self.start_ms + self.period_ms * self.count

    @property
    def edges_ms(self) -> NDArray[np.int64]:
        """The count + 1 edges of the intervals."""
        return self.start_ms + self.period_ms * np.arange(self.count + 1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class IntervalTable:
    """One row a register, one column an interval; -1 stands for an instant or value that is not known."""

    energy_wh: NDArray[np.int64]
    """Primary Wh (or varh); 0 where the quality is missing, and then it means nothing."""
    quality: NDArray[np.int8]
    expected: NDArray[np.int32]
    received: NDArray[np.int32]
    valid: NDArray[np.int32]
    estimated: NDArray[np.int32]
    late: NDArray[np.int32]
    first_at_ms: NDArray[np.int64]
    """The last valid reading (or declared meter change) at or before the start."""
    first_steps: NDArray[np.int64]
    last_at_ms: NDArray[np.int64]
    """The first valid reading (or declared meter change) at or after the end."""
    last_steps: NDArray[np.int64]
    spread: NDArray[np.int8]
    """`Spread`: by what a gap that it lies in, if there is any, was spread over time."""


def in_order(readings: Readings) -> Readings:
    """The same sorted by register and instant; of several for one instant the last given stays."""
    key = keys(readings.register, readings.at_ms)
    order = np.argsort(key, kind="stable")
    last = np.append(key[order][1:] != key[order][:-1], [True] * bool(len(key))).astype(np.bool_)
    return readings.chosen(order[last])


def keys(register: NDArray[np.int32] | NDArray[np.int64], at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Register and instant as one number that sorts the same way."""
    return register.astype(np.int64) * INSTANTS + at_ms


def register_of(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """The register of each key."""
    register: NDArray[np.int64] = key >> INSTANT_BITS
    return register


def instant_of(key: NDArray[np.int64]) -> NDArray[np.int64]:
    """The instant of each key."""
    at_ms: NDArray[np.int64] = key & (INSTANTS - 1)
    return at_ms


def check(readings: Readings, rules: Sequence[RegisterRule], grid: Edges) -> None:
    """Refuse what could only be computed wrongly: `ValueError` with the value and the remedy."""
    if grid.period_ms <= 0 or grid.count < 0:
        raise ValueError(
            f"{grid.count} intervals of {grid.period_ms} ms are not a grid: give a positive length and a count"
        )
    if len(rules) > MOST_REGISTERS:
        raise ValueError(f"{len(rules)} registers in one call: give at most {MOST_REGISTERS}")
    for rule in rules:
        if rule.period_ms <= 0:
            raise ValueError(f"a reading period of {rule.period_ms} ms cannot be: give a positive one")
    if not (grid.start_ms >= 0 and grid.stop_ms < INSTANTS):
        raise ValueError(f"a grid from {grid.start_ms} ms leaves the years 1970 to 2109: give milliseconds since 1970")
    if len(readings):
        _check_order(readings, len(rules))


def _check_order(readings: Readings, registers: int) -> None:
    if readings.register.min() < 0 or readings.register.max() >= registers:
        raise ValueError(f"readings name registers outside 0..{registers - 1}: give one rule for each register")
    if readings.at_ms.min() < 0 or readings.at_ms.max() >= INSTANTS:
        raise ValueError(
            f"readings leave the years 1970 to 2109 (up to {readings.at_ms.max()}): give milliseconds since 1970"
        )
    order = keys(readings.register, readings.at_ms)
    wrong = np.flatnonzero(order[1:] <= order[:-1])
    if len(wrong):
        place = int(wrong[0]) + 1
        raise ValueError(
            f"reading {place} (register {readings.register[place]}, {readings.at_ms[place]} ms) does not come after "
            "the one before it: sort by register and instant and keep one reading an instant",
        )
