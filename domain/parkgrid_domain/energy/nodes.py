"""What chains of readings are made of (see `chains`): readings, how they follow each other, and what times count."""

from dataclasses import dataclass, replace
from enum import IntEnum
from math import gcd

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.belief import Differences
from parkgrid_domain.energy.meter import ENOUGH, Meter, allowed_ms
from parkgrid_domain.energy.readings import NONE

PATIENCE_MS = 900_000
"""So much movement makes a break believed."""
MOVE_MS = 300_000
"""What one reading counts at most as movement: a slow register needs three."""
FLAT_MS = 1
"""What a reading with the value of the one before it counts: next to nothing, so that fewer are left out."""
BACK_MS = 899_000
"""What it costs at most to come back to a former count: less than a break."""
REMEMBERED_MS = 86_400_000
"""A register may come back to its own count after so long."""
STILL_MS = 900_000
"""A register that stood still so long at most may simply be refreshed that seldom."""
STOOD_MOST_MS = 21_600_000
"""A register that stood still for longer than six hours and then leaps was set, not stuck."""
CATCH_UP_MS = 60_000
"""What it costs to believe that a register was stuck for longer."""
YOUNG_MS = 1_000
"""What a rise costs that does not fit while nothing is known of the register yet."""
LOOK_BACK_PERIODS = 16
YOUNG_PERIODS = 4
"""A count may turn out to begin so many readings later, or a quarter of an hour."""
MOST_CHAINS = 8
"""So many chains are kept, and of them so many because they are the cheapest."""
MOST_CHEAP = 5
MOST_REMEMBERED = 2
UNDONE_MS = 850_000
"""What it costs at most that a leap was taken back: less than that."""
UNLIMITED_MS = 2**60
MOST_VALUES = 64
"""So many values back a chain may turn out to have been left."""
MINUTE_MS = 60_000


class Link(IntEnum):
    """How a believed reading follows the believed one before it."""

    DIRECT = 0
    """The register counted, through its top too."""
    STILL = 1
    """It had stood still and shows at once what it counted meanwhile."""
    RESET = 2
    """It began again from zero."""
    JUMP = 3
    """Nothing explains it: what was counted between is not known."""
    TRIAL = 4
    """Not known yet."""


def look_back_ms(period_ms: int) -> int:
    """How far back readings may still turn out to be false: a quarter of an hour, sixteen readings at least."""
    return max(PATIENCE_MS, LOOK_BACK_PERIODS * period_ms)


def reach_ms(period_ms: int) -> int:
    """How far before an instant readings are needed to go on from there."""
    return look_back_ms(period_ms) + MOVE_MS


@dataclass(frozen=True, slots=True)
class Test:
    """A trial while it goes on."""

    anchor_ms: int
    anchor_steps: int
    begun_ms: int
    """How much had moved before its first reading."""
    first_ms: int
    first_steps: int
    paid_ms: int
    """What the break costs that began it."""
    rises: tuple[tuple[int, int, int, int], ...]

    def until(self, at_ms: int) -> "Test | None":
        """The same at an earlier reading; None: it had not begun."""
        if at_ms <= self.anchor_ms:
            return None
        rises = tuple(rise for rise in self.rises if rise[0] <= at_ms)
        return replace(self, rises=rises)


@dataclass(slots=True, eq=False)
class Node:
    """A reading, or a stretch of readings without any doubt, as the end of the cheapest chain that leads to it."""

    first: int
    """Place of the first reading of the stretch; `NONE`: a reading of a former round."""
    last: int
    at_ms: int
    steps: int
    since_ms: int
    moved_ms: int
    cost_ms: int
    parent: "Node | None"
    link: Link
    smallest: Differences
    peak_kw: float
    seen_ms: int = 0
    """How much movement its power was learned from, at most `ENOUGH_MS`."""
    test: Test | None = None
    jumps: frozenset[int] = frozenset()
    """Instants of readings of a trial that has ended and that no power explains."""
    led: bool = False
    """Whether it ever was the end of the best chain."""
    root: int = NONE
    """Of which chain of the former round it is."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a reading."""

    parent: Node | None
    """The believed reading before it; None: the count begins with it."""
    link: Link
    cost_ms: int = 0
    most_ms: int = BACK_MS
    """What the readings that it leaves out cost at most, above the cost of the best chain."""
    free_ms: int = 0
    """Movement that it leaves out and that costs nothing."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the readings of one count of a register."""

    places: tuple[tuple[int, int, Link], ...]
    """Believed readings in order: first and last place of a stretch, and how its first reading follows."""
    reopened_ms: int
    """From where on former rounds are overturned; `NONE`: from nowhere."""
    follower_ms: int
    """The first believed reading from the instant of the opening on; `NONE`: none."""


def sure_end(node: Node) -> Node:
    """The last reading of a chain that is not on trial."""
    test = node.test
    if test is None:
        return node
    found: Node | None = node
    while found is not None and found.at_ms > test.anchor_ms:
        found = found.parent
    if found is not None:
        return found
    values = (test.anchor_ms, test.anchor_steps, test.anchor_ms, test.begun_ms)
    return Node(
        NONE, NONE, *values, node.cost_ms, None, Link.DIRECT, node.smallest, node.peak_kw, node.seen_ms, root=node.root
    )


def first_known(node: Node) -> Node:
    """The first reading of a chain that is known."""
    while node.parent is not None:
        node = node.parent
    return node


def line_of(node: Node) -> tuple[set[int], int]:
    """Instants of the readings of a chain, ends of stretches only, and the chain of a former round that it goes on."""
    found: set[int] = set()
    at: Node | None = node
    root = NONE
    while at is not None:
        found.add(at.at_ms)
        root = at.root
        at = at.parent
    return found, root


def grain(rise: int, steps: int) -> int:
    """The largest step by which a register can have come to a value by a rise."""
    return gcd(rise, steps)


def three_smallest(known: Differences, steps: NDArray[np.int64]) -> Differences:
    """The three smallest grains of those known and those of values that follow each other."""
    if len(known) >= ENOUGH and known[-1] <= 1:
        # Nothing is smaller than one step.
        return known
    rises = np.diff(steps)
    up = rises > 0
    if not up.any():
        return known
    grains = np.gcd(rises[up], steps[1:][up])
    if len(known) >= ENOUGH:
        grains = grains[grains < known[-1]]
    if len(grains) > ENOUGH:
        grains = np.partition(grains, ENOUGH - 1)[:ENOUGH]
    return tuple(sorted((*known, *grains.tolist()))[:ENOUGH])


def movement(at_ms: NDArray[np.int64], changed: NDArray[np.intp], changed_ms: int, before_ms: int) -> int:
    """How much movement readings bring that go on from each other, in ms (see `Scan._move`).

    `changed` are the places, from 1, of readings with a new value; `changed_ms` is when the value changed before them,
    `before_ms` the reading before the first one.
    """
    two_back = np.concatenate([[before_ms], at_ms[:-2]])[changed - 1]
    former = np.concatenate([[changed_ms], at_ms[changed[:-1]]])
    moved = np.where(former == at_ms[changed - 1], (at_ms[changed] - two_back) // 2, at_ms[changed] - former)
    return int(np.minimum(moved, MOVE_MS).sum())


def powers_kw(
    key: NDArray[np.int64], wh: NDArray[np.int64], firsts: NDArray[np.int64], since: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The power that each reading shows: over the last minute, or since the register moved before that.

    The readings of several registers one after the other, by their `keys`; of one register its instants will do.
    `firsts` are the places of the first reading of each, `since` is when each first showed its first value. At most a
    quarter of an hour without movement is looked at; a longer span between readings counts whole. A reading with none
    a minute before it shows 0.
    """
    moved = np.where(np.diff(wh, prepend=wh[:1]) != 0, key, 0)
    moved[firsts] = since
    moved = np.maximum.accumulate(moved)
    starts = np.searchsorted(key, key - MINUTE_MS, side="right") - 1
    begun = np.maximum(starts, 0)
    still = np.minimum(key - moved[begun], STILL_MS)
    spans = np.maximum(np.maximum(key - key[begun], still), 1)
    there = starts >= np.repeat(firsts, np.diff(firsts, append=len(key)))
    powers: NDArray[np.float64] = np.where(there, (wh - wh[begun]) * 3_600.0 / spans, 0.0)
    return powers


def allowed_all(power_kw: float, spans_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Wh that a register can rise by in each of some spans, without its step."""
    return power_kw * allowed_ms(spans_ms) / 3_600.0


def whs(meter: Meter, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Primary Wh of values, as `Meter.wh`."""
    if meter.denominator == 1:
        return steps * meter.numerator
    whole, rest = np.divmod(steps, meter.denominator)
    part: NDArray[np.int64] = (rest * meter.numerator + meter.denominator // 2) // meter.denominator
    wh: NDArray[np.int64] = whole * meter.numerator + part
    return wh
