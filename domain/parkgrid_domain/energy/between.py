"""Energy of a register between any rising instants, and stored intervals cut at instants of their own.

    stored    ├──────── 20 kWh ────────┤          what the interval metered stays true
    cuts             │      │                     where one vehicle left, where the next one came
    readings  ·  ·  ·│·  ·  │·  ·  ·  ·           between the two readings that bound the interval
    pieces    ├─ 2 ──┼─ 0 ──┼──── 18 ──┤          always add up to it

Which readings are believed was decided when the interval was metered: it is bounded by believed readings, and what
lies between these two and never falls is the same chain. Where the pieces do not come to what is stored, they share
it in their proportion, as an estimate.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.believing import believed
from parkgrid_domain.energy.counting import knots, stretches
from parkgrid_domain.energy.course import Known, Opening
from parkgrid_domain.energy.declared import Declared, declared
from parkgrid_domain.energy.intervals import bounds_of, energy_of, share
from parkgrid_domain.energy.meter import NEAR_TOP
from parkgrid_domain.energy.nodes import Link
from parkgrid_domain.energy.readings import NONE, IntervalQuality, Readings, RegisterRule, check, in_order, keys


@dataclass(frozen=True, slots=True)
class Instants:
    """Edges of intervals of any length, rising."""

    edges_ms: NDArray[np.int64]
    period_ms: int
    """The length of the register's own intervals: a longer stretch without readings is a gap."""

    @property
    def start_ms(self) -> int:
        """The first edge."""
        return int(self.edges_ms[0]) if len(self.edges_ms) else 0

    @property
    def stop_ms(self) -> int:
        """The last edge."""
        return int(self.edges_ms[-1]) if len(self.edges_ms) else 0

    @property
    def count(self) -> int:
        """How many intervals lie between the edges."""
        return max(0, len(self.edges_ms) - 1)


@dataclass(frozen=True, slots=True)
class StoredIntervals:
    """Intervals of one register as they are stored, ascending."""

    at_ms: NDArray[np.int64]
    period_ms: int
    energy_wh: NDArray[np.int64]
    quality: NDArray[np.int8]
    first_at_ms: NDArray[np.int64]
    """The believed reading at or before the start; -1: none."""
    first_steps: NDArray[np.int64]
    last_at_ms: NDArray[np.int64]
    """The believed reading at or after the end; -1: none."""
    last_steps: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pieces:
    """Spans one after the other, ascending, each with its energy."""

    start_ms: NDArray[np.int64]
    stop_ms: NDArray[np.int64]
    energy_wh: NDArray[np.int64]
    """0 where the quality is missing, and then it means nothing."""
    quality: NDArray[np.int8]

    @classmethod
    def none(cls) -> "Pieces":
        """No spans."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing, np.zeros(0, np.int8))

    @classmethod
    def joined(cls, parts: Sequence["Pieces"]) -> "Pieces":
        """All of several, ascending."""
        parts = [*parts, cls.none()]
        start, stop, energy = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("start_ms", "stop_ms", "energy_wh")
        )
        order = np.argsort(start, kind="stable")
        quality = np.concatenate([part.quality for part in parts])
        return cls(start[order], stop[order], energy[order], quality[order])

    def within(self, from_ms: int, to_ms: int) -> "Pieces":
        """Those that lie in [from, to]."""
        mine = slice(*np.searchsorted(self.start_ms, (from_ms, to_ms), side="left"))
        inside = self.stop_ms[mine] <= to_ms
        return Pieces(
            self.start_ms[mine][inside],
            self.stop_ms[mine][inside],
            self.energy_wh[mine][inside],
            self.quality[mine][inside],
        )


def energy_between(
    readings: Readings,
    rules: Sequence[RegisterRule],
    instants: Instants,
    wh_per_step: int = 1,
    openings: Sequence[Opening] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Wh and quality of every register between each two instants; readings are believed as for intervals.

    `openings`: what was believed of each register before the readings given; without them they begin each count.

    Raises `ValueError` for instants that do not rise, and for whatever `interval_energy` refuses.
    """
    _check(readings, rules, instants)
    meters = declared(rules, wh_per_step)
    known, _ = believed(readings, meters, openings or [Opening()] * len(rules))
    return _counted(readings, known, meters, instants)


def energy_along(
    readings: Readings, rules: Sequence[RegisterRule], instants: Instants, wh_per_step: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """As `energy_between`, for readings that are believed already: every one of them counts."""
    _check(readings, rules, instants)
    meters = declared(rules, wh_per_step)
    key = keys(readings.register, readings.at_ms)
    register = readings.register.astype(np.int64)
    place = np.arange(len(readings), dtype=np.int64)
    era, rule = meters.era(register, key), meters.at(key)
    known = Known(place, register, era, rule, readings.at_ms, readings.steps, _links(readings.steps, era, rule, meters))
    return _counted(readings, known, meters, instants)


def _links(
    steps: NDArray[np.int64], era: NDArray[np.int64], rule: NDArray[np.int64], meters: Declared
) -> NDArray[np.int8]:
    """A fall that no roll-over explains counts from zero."""
    link = np.zeros(len(steps), np.int8)
    modulus = meters.modulus[rule[:-1]]
    rolled = (modulus > 0) & (modulus - steps[:-1] + steps[1:] <= modulus // NEAR_TOP)
    link[1:][(era[1:] == era[:-1]) & (steps[1:] < steps[:-1]) & ~rolled] = Link.RESET
    return link


def _check(readings: Readings, rules: Sequence[RegisterRule], instants: Instants) -> None:
    check(readings, rules, instants)
    falls = np.flatnonzero(np.diff(instants.edges_ms) <= 0)
    if len(falls):
        place = int(falls[0]) + 1
        raise ValueError(
            f"instant {place} ({instants.edges_ms[place]} ms) does not come after the one before it: give rising ones"
        )


def _counted(
    readings: Readings, known: Known, meters: Declared, instants: Instants
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    chain = knots(known, meters)
    bounds = bounds_of(chain, len(meters.period_ms), instants)
    energy_wh, quality, _ = energy_of(readings, chain, stretches(chain, meters), bounds, meters, instants)
    return energy_wh, quality


def cut(stored: StoredIntervals, readings: Readings, rule: RegisterRule, cuts_ms: NDArray[np.int64]) -> Pieces:
    """The intervals of one register, those that hold a cut divided at it.

    `readings` are the register's own in the intervals that hold a cut; more do no harm. An interval that is missing
    stays missing in all of its pieces.
    """
    if not len(stored.at_ms):
        return Pieces.none()
    stops = stored.at_ms + stored.period_ms
    cuts_ms = np.unique(cuts_ms)
    place = np.searchsorted(stored.at_ms, cuts_ms, side="right") - 1
    inside = (place >= 0) & (cuts_ms > stored.at_ms[place]) & (cuts_ms < stops[place])
    holding, first = np.unique(place[inside], return_index=True)
    whole = np.ones(len(stored.at_ms), np.bool_)
    whole[holding] = False
    plain = Pieces(stored.at_ms[whole], stops[whole], stored.energy_wh[whole], stored.quality[whole])
    edges_of = np.split(cuts_ms[inside], first[1:]) if len(holding) else []
    divided = [
        _divided(stored, interval, edges, readings, rule)
        for interval, edges in zip(holding.tolist(), edges_of, strict=True)
    ]
    return Pieces.joined([plain, *divided])


def _divided(
    stored: StoredIntervals, place: int, cuts_ms: NDArray[np.int64], readings: Readings, rule: RegisterRule
) -> Pieces:
    start_ms = int(stored.at_ms[place])
    edges = np.concatenate(([start_ms], cuts_ms, [start_ms + stored.period_ms]))
    energy_wh, quality = int(stored.energy_wh[place]), int(stored.quality[place])
    count = len(edges) - 1
    if quality == IntervalQuality.MISSING or energy_wh == 0:
        same = np.full(count, quality, np.int8)
        return Pieces(edges[:-1], edges[1:], np.zeros(count, np.int64), same)
    chain = _chain(stored, place, readings, rule)
    wide = replace(rule, period_ms=stored.period_ms)
    parts, told = (row[0] for row in energy_along(chain, [wide], Instants(edges, stored.period_ms)))
    agrees = bool((told != IntervalQuality.MISSING).all()) and int(parts.sum()) == energy_wh
    if not agrees:
        parts = _shared(energy_wh, np.where(told != IntervalQuality.MISSING, parts, 0), np.diff(edges))
    exact = _exact(chain, cuts_ms)
    sure = agrees & np.concatenate(([True], exact)) & np.concatenate((exact, [True]))
    doubted = np.where(sure, quality, IntervalQuality.ESTIMATED).astype(np.int8)
    return Pieces(edges[:-1], edges[1:], parts, doubted)


def _exact(chain: Readings, cuts_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Cuts at which the count is known: a reading is there, or nothing was counted around it."""
    if not len(chain):
        return np.zeros(len(cuts_ms), np.bool_)
    after = np.searchsorted(chain.at_ms, cuts_ms, side="left")
    last = len(chain) - 1
    before = np.maximum(after - 1, 0)
    there = (after <= last) & (chain.at_ms[np.minimum(after, last)] == cuts_ms)
    stands = (after > 0) & (after <= last) & (chain.steps[before] == chain.steps[np.minimum(after, last)])
    exact: NDArray[np.bool_] = there | stands
    return exact


def _chain(stored: StoredIntervals, place: int, readings: Readings, rule: RegisterRule) -> Readings:
    """The readings that bound an interval, and those between them that never fall and stay between their values."""
    ends_ms = stored.first_at_ms[place], stored.last_at_ms[place]
    ends = stored.first_steps[place], stored.last_steps[place]
    if NONE in (*ends_ms, *ends):
        return readings.chosen(slice(0, 0))
    low, high = np.searchsorted(readings.at_ms, ends_ms[0], "right"), np.searchsorted(readings.at_ms, ends_ms[1])
    inner = readings.chosen(slice(int(low), int(high)))
    inner = inner.chosen(inner.trust > 0)
    kept = _rising(inner.steps, int(ends[0]), int(ends[1]), _modulus(rule, int(ends_ms[0])))
    inner = inner.chosen(kept)
    zero = np.zeros(2, np.int32)
    outer = Readings(zero, np.array(ends_ms), np.array(ends), np.ones(2, np.int8), zero.astype(np.bool_))
    return joined(outer, inner)


def joined(first: Readings, second: Readings) -> Readings:
    """Readings of two sources in order; of two for one instant the second one's stays."""
    names = ("register", "at_ms", "steps", "trust", "late")
    return in_order(Readings(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names)))


def _modulus(rule: RegisterRule, at_ms: int) -> int | None:
    held = [each for each in rule.declarations if each.valid_from_ms <= at_ms]
    return max(held, key=lambda each: each.valid_from_ms).modulus_steps if held else None


def _rising(steps: NDArray[np.int64], first: int, last: int, modulus: int | None) -> NDArray[np.intp]:
    """Places of most values that never fall from the first one to the last, through the top if need be.

    Where the last value is below the first without a top (a reset), every reading stays.
    """
    everything = np.arange(len(steps))
    if last < first:
        if modulus is None:
            return everything
        steps, last = np.where(steps < first, steps + modulus, steps), last + modulus
    within = everything[(steps >= first) & (steps <= last)]
    values = steps[within]
    if bool((np.diff(values) >= 0).all()):
        return within
    return within[_longest(values.tolist())]


def _longest(values: list[int]) -> list[int]:
    """Places of a longest subsequence that never falls."""
    tops: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for place, value in enumerate(values):
        length = bisect_right(tops, value)
        before.append(at[length - 1] if length else -1)
        tops[length : length + 1] = [value]
        at[length : length + 1] = [place]
    found: list[int] = []
    place = at[-1] if at else -1
    while place >= 0:
        found.append(place)
        place = before[place]
    return found[::-1]


def _shared(energy_wh: int, parts: NDArray[np.int64], lengths_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """An energy in proportion to parts, or to time where these have none; whole Wh that add up to it."""
    weights = parts if parts.min() >= 0 and parts.sum() > 0 else lengths_ms
    total = np.cumsum(weights)
    edges = share(np.full(len(total), energy_wh), total, np.full(len(total), total[-1]))
    return np.diff(edges, prepend=0)
