"""What a register cannot have counted: named, with what would have been booked, for a person to explain."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.counting import Knots
from parkgrid_domain.energy.course import Known
from parkgrid_domain.energy.declared import Declared
from parkgrid_domain.energy.nodes import Link
from parkgrid_domain.energy.readings import NONE, Grid, Readings

TOGETHER_MS = 900_000
"""Readings that are not believed and lie so near to each other are one finding."""

OPEN_MS = 3_600_000
"""Readings that no believed one follows are a finding when they go on for so long."""


class FindingKind(StrEnum):
    """What is wrong."""

    JUMPED = "register jumped"
    """Nothing explains the difference of two readings: nothing was booked across it."""
    RESET = "register reset"
    """It began again from zero: what it counted since was booked, what was lost before is not known."""
    LEFT_OUT = "rejected readings"
    """They do not fit those before and after them."""
    TOO_MUCH = "more than the rated power gives"
    """An interval that would hold more than rated power, time and one step of the register allow."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One of them."""

    register: int
    kind: FindingKind
    from_ms: int
    """The believed reading before it."""
    from_steps: int
    at_ms: int
    """The first believed reading after it; of readings that are not believed, the first of them."""
    steps: int
    energy_wh: int
    """What would have been booked; of a reset, what was."""
    readings: int
    """Readings that are not believed."""


def jumps(chain: Knots, meters: Declared) -> Iterator[Finding]:
    """Jumps and resets between the readings of one count."""
    for place in np.flatnonzero((chain.link == Link.JUMP) | (chain.link == Link.RESET)).tolist():
        if place == 0 or chain.register[place] != chain.register[place - 1]:
            continue
        old, new = int(chain.after[place - 1]), int(chain.before[place])
        rule = chain.declaration[place - 1 : place]
        jumped = chain.link[place] == Link.JUMP
        counted = new - old if jumped and new >= old else new
        yield Finding(
            int(chain.register[place]),
            FindingKind.JUMPED if jumped else FindingKind.RESET,
            int(chain.at_ms[place - 1]),
            old,
            int(chain.at_ms[place]),
            new,
            int(meters.wh(np.array([counted], np.int64), rule)[0]),
            0,
        )


def left_out(readings: Readings, known: Known) -> Iterator[Finding]:
    """Usable readings between believed ones that are not believed themselves, neighbours together."""
    false = np.zeros(len(readings), np.bool_)
    false[readings.trust > 0] = True
    false[known.place] = False
    places = np.flatnonzero(false)
    if not len(places):
        return
    if not len(known.place):
        return
    after = np.searchsorted(known.place, places)
    before, last = np.maximum(after - 1, 0), np.minimum(after, len(known.place) - 1)
    register = readings.register[places]
    begun = (after > 0) & (known.register[before] == register)
    ended = (after < len(known.place)) & (known.register[last] == register)
    inner = begun & (ended | (readings.at_ms[places] - known.at_ms[before] >= OPEN_MS))
    places, before = places[inner], before[inner]
    if not len(places):
        return
    register, at_ms = readings.register[places], readings.at_ms[places]
    breaks = np.flatnonzero((np.diff(register) != 0) | (np.diff(at_ms) > TOGETHER_MS)) + 1
    for part, beside in zip(np.split(places, breaks), np.split(before, breaks), strict=True):
        first, anchor = int(part[0]), int(beside[0])
        yield Finding(
            int(readings.register[first]),
            FindingKind.LEFT_OUT,
            int(known.at_ms[anchor]),
            int(known.steps[anchor]),
            int(readings.at_ms[first]),
            int(readings.steps[first]),
            0,
            len(part),
        )


def too_much(above: NDArray[np.bool_], energy_wh: NDArray[np.int64], grid: Grid) -> Iterator[Finding]:
    """Intervals above what power allows."""
    for register, slot in zip(*np.nonzero(above), strict=True):
        at_ms = grid.start_ms + int(slot) * grid.period_ms
        energy = int(energy_wh[register, slot])
        yield Finding(int(register), FindingKind.TOO_MUCH, at_ms, NONE, at_ms, NONE, energy, 0)
