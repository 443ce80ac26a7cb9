"""Registers whose readings all simply go on from each other: what is believed of them, without judging each reading.

All registers are looked at together. It comes to what `chains` would come to, under a declared limit as under one that
was learned before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.belief import Belief, Differences
from parkgrid_domain.energy.course import Course, Known, Opening
from parkgrid_domain.energy.declared import Declared
from parkgrid_domain.energy.meter import ENOUGH, ENOUGH_MS, LEARNED, allowed_ms
from parkgrid_domain.energy.nodes import MINUTE_MS, powers_kw, reach_ms, three_smallest
from parkgrid_domain.energy.readings import INSTANTS, NONE, keys

Ints = NDArray[np.int64]


def plain_courses(known: Known, meters: Declared, bounds: Ints, openings: Sequence[Opening]) -> list[Course | None]:
    """The course of each register without any question; None: it is to be judged, or too young for this.

    `bounds` are the places of the first reading of each register, and the end.
    """
    courses: list[Course | None] = [None] * len(openings)
    if not len(known.steps):
        return courses
    wh = meters.wh(known.steps, known.declaration)
    before = _Before.of(known, meters, bounds[:-1], openings)
    plain = _plain(known, wh, bounds, before)
    if not plain.any():
        return courses
    chosen = plain[known.register]
    if not chosen.all():
        known, wh = known.take(chosen), wh[chosen]
    look = _Look.of(known, meters, wh, before)
    for register, course in _courses(look, openings, np.flatnonzero(plain).tolist()):
        courses[register] = course
    return courses


@dataclass(frozen=True, slots=True)
class _Before:
    """What was believed of each register before its readings: one entry a register."""

    at_ms: Ints
    """Of the anchor; `NONE`: nothing was believed."""
    steps: Ints
    wh: Ints
    since_ms: Ints
    peak_kw: NDArray[np.float64]
    limit_kw: NDArray[np.float64]
    """Declared, else learned; infinite: not known yet."""
    goes_on: NDArray[np.bool_]
    """Whether nothing is open, and the first reading is one of the same count."""

    @classmethod
    def of(cls, known: Known, meters: Declared, firsts: Ints, openings: Sequence[Opening]) -> "_Before":
        """From where each register goes on."""
        beliefs = [opening.belief for opening in openings]
        at_ms = np.array([belief.anchor_ms for belief in beliefs], np.int64)
        steps = np.array([belief.anchor_steps for belief in beliefs], np.int64)
        peak_kw = np.array([belief.peak_kw for belief in beliefs], np.float64)
        seen = np.array([belief.seen_ms >= ENOUGH_MS for belief in beliefs], np.bool_)
        sure = np.array([belief.unsure is None for belief in beliefs], np.bool_)
        register = np.arange(len(openings), dtype=np.int64)
        era = meters.era(register, keys(register, np.maximum(at_ms, 0)))
        first = np.minimum(firsts, len(known.steps) - 1)
        return cls(
            at_ms,
            steps,
            meters.wh(np.maximum(steps, 0), known.declaration[first]),
            np.array([belief.since_ms for belief in beliefs], np.int64),
            peak_kw,
            np.where(np.isfinite(meters.limit_kw), meters.limit_kw, np.where(seen, LEARNED * peak_kw, np.inf)),
            sure & ((at_ms == NONE) | (era == known.era[first])),
        )


def _plain(known: Known, wh: Ints, bounds: Ints, before: _Before) -> NDArray[np.bool_]:
    """Registers with a known limit whose readings all go on from the one before them, and nothing is open."""
    limit_kw = before.limit_kw
    rise = np.diff(wh, prepend=wh[:1])
    span_ms = np.diff(known.at_ms, prepend=known.at_ms[:1])
    fits = (np.diff(known.steps, prepend=known.steps[:1]) >= 0) & (
        rise <= limit_kw[known.register] * allowed_ms(span_ms) / 3_600.0
    )
    fits &= np.diff(known.era, prepend=known.era[:1]) == 0
    there = np.flatnonzero(bounds[:-1] < bounds[1:])
    firsts = bounds[there]
    since_ms, risen = known.at_ms[firsts] - before.at_ms[there], wh[firsts] - before.wh[there]
    after = (since_ms > 0) & (risen >= 0) & (risen <= limit_kw[there] * allowed_ms(np.maximum(since_ms, 0)) / 3_600.0)
    fits[firsts] = (before.at_ms[there] == NONE) | after | ((since_ms == 0) & (risen == 0))
    found = np.zeros(len(limit_kw), dtype=np.bool_)
    found[there] = np.logical_and.reduceat(fits, firsts)
    return found & before.goes_on & np.isfinite(limit_kw)


@dataclass(frozen=True)
class _Look:
    """The readings of plain registers, each register led by the anchor of what was believed of it."""

    meters: Declared
    before: _Before
    bounds: Ints
    """Place of the first entry of each register, and the end."""
    led: NDArray[np.bool_]
    """Whether the first entry of a register is an anchor that is not among its readings."""
    at_ms: Ints
    steps: Ints
    wh: Ints

    @classmethod
    def of(cls, known: Known, meters: Declared, wh: Ints, before: _Before) -> "_Look":
        """Put the anchors in front of the readings."""
        firsts = np.searchsorted(known.register, np.arange(len(before.at_ms) + 1))
        there = firsts[:-1] < firsts[1:]
        first_ms = known.at_ms[np.minimum(firsts[:-1], len(known.at_ms) - 1)]
        led = there & (before.at_ms != NONE) & (before.at_ms < first_ms)
        where = firsts[:-1][led]
        return cls(
            meters,
            before,
            firsts + np.concatenate([[0], np.cumsum(led)]),
            led,
            np.insert(known.at_ms, where, before.at_ms[led]),
            np.insert(known.steps, where, before.steps[led]),
            np.insert(wh, where, before.wh[led]),
        )

    @cached_property
    def register(self) -> Ints:
        """Of each entry."""
        return np.repeat(np.arange(len(self.led), dtype=np.int64), np.diff(self.bounds))

    @cached_property
    def key(self) -> Ints:
        """Register and instant of each entry."""
        return keys(self.register, self.at_ms)

    @cached_property
    def run(self) -> Ints:
        """Place of the first entry with the value of each entry."""
        begun = np.diff(self.steps, prepend=self.steps[:1]) != 0
        begun[self.bounds[:-1][self.bounds[:-1] < self.bounds[1:]]] = True
        run: Ints = np.maximum.accumulate(np.where(begun, np.arange(len(begun)), 0))
        return run

    @cached_property
    def firsts(self) -> Ints:
        """Place of the first reading of each register."""
        return self.bounds[:-1] + self.led

    def reading_before(self, register: Ints, at_ms: Ints) -> Ints:
        """Place of the last reading of a register before each instant; `NONE`: there is none."""
        place = np.searchsorted(self.key, keys(register, np.maximum(at_ms, 0))) - 1
        return np.where(place < self.firsts[register], NONE, place)

    def peaks_kw(self) -> NDArray[np.float64]:
        """The highest power shown up to each entry."""
        there = np.flatnonzero(self.bounds[:-1] < self.bounds[1:])
        since = keys(there, self.before.since_ms[there])
        powers = powers_kw(self.key, self.wh, self.bounds[there], since)
        for low, high in zip(self.bounds[there].tolist(), self.bounds[there + 1].tolist(), strict=True):
            np.maximum.accumulate(powers[low:high], out=powers[low:high])
        return powers

    def finer(self, openings: Sequence[Opening]) -> frozenset[int]:
        """Registers with rises by smaller grains than the three smallest known before."""
        known = [opening.belief.smallest for opening in openings]
        third = np.array([each[-1] if len(each) >= ENOUGH else INSTANTS for each in known])[self.register]
        rise = np.diff(self.steps, prepend=self.steps[:1])
        rise[self.bounds[:-1][self.bounds[:-1] < self.bounds[1:]]] = 0
        # Nothing is smaller than one step.
        asked = np.flatnonzero((rise > 0) & (third > 1))
        finer = np.gcd(rise[asked], self.steps[asked]) < third[asked]
        return frozenset(self.register[asked[finer]].tolist())


def _courses(look: _Look, openings: Sequence[Opening], plain: list[int]) -> Iterator[tuple[int, Course]]:
    """Each plain register that is old enough, with its course."""
    last_ms = look.at_ms[look.bounds[1:][plain] - 1].tolist()
    edges_ms = [(*openings[register].edges_ms, last + 1) for register, last in zip(plain, last_ms, strict=True)]
    points = iter(_points(look, plain, edges_ms))
    reopened_ms = _reopened_ms(look, openings, plain)
    finer = look.finer(openings)
    for register, edges, again_ms in zip(plain, edges_ms, reopened_ms, strict=True):
        belief = openings[register].belief
        mine = list(islice(points, len(edges)))
        if belief.at_ms == NONE and mine[0].anchor == NONE:
            continue
        smallest = [belief.smallest] * len(mine)
        if register in finer:
            smallest = _smallest(look.steps, int(look.bounds[register]), belief.smallest, mine)
        yield register, Course(tuple(map(_belief, repeat(belief), mine, smallest)), again_ms)


class _Point(NamedTuple):
    """What the entries of a register say before an instant."""

    tip: int
    """Place of the last reading; `NONE`: none of those given."""
    tip_ms: int
    tip_steps: int
    anchor: int
    """Place of the last reading that nothing can overturn any more; `NONE`: none of those given."""
    anchor_ms: int
    anchor_steps: int
    since_ms: int
    peak_kw: float


def _points(look: _Look, plain: list[int], edges_ms: Sequence[tuple[int, ...]]) -> Iterator[_Point]:
    """Before each edge of each register."""
    before, at_ms, steps = look.before, look.at_ms, look.steps
    register = np.repeat(np.array(plain, np.int64), [len(each) for each in edges_ms])
    edge_ms = np.fromiter(chain.from_iterable(edges_ms), np.int64)
    reach = np.array([reach_ms(period_ms) for period_ms in look.meters.period_ms.tolist()], np.int64)[register]
    tip, anchor = look.reading_before(register, edge_ms), look.reading_before(register, edge_ms - reach)
    run = look.run[anchor]
    stood = (run == look.bounds[register]) & (before.at_ms[register] != NONE) & (before.steps[register] == steps[run])
    since_ms = np.where(stood, before.since_ms[register], at_ms[run])
    peak_kw = before.peak_kw[register]
    if not np.isfinite(look.meters.limit_kw[plain]).all():
        # A later round cannot look back over the anchor, so the minute after it is in.
        shown = np.minimum(look.reading_before(register, at_ms[anchor] + MINUTE_MS + 1), tip)
        learned = ~np.isfinite(look.meters.limit_kw[register])
        peak_kw = np.where(learned, np.maximum(peak_kw, look.peaks_kw()[shown]), peak_kw)
    columns = (tip, at_ms[tip], steps[tip], anchor, at_ms[anchor], steps[anchor], since_ms, peak_kw)
    return map(_Point, *(column.tolist() for column in columns))


def _belief(before: Belief, point: _Point, smallest: Differences) -> Belief:
    tip_ms, tip_steps = (before.at_ms, before.steps) if point.tip == NONE else (point.tip_ms, point.tip_steps)
    if point.anchor == NONE:
        return replace(before, at_ms=tip_ms, steps=tip_steps, next_ms=NONE)
    anchored = (point.anchor_ms, point.anchor_steps, point.since_ms)
    return Belief(tip_ms, tip_steps, *anchored, smallest, point.peak_kw, before.seen_ms)


def _smallest(steps: Ints, first: int, known: Differences, points: Sequence[_Point]) -> list[Differences]:
    """The three smallest grains of values up to each anchor; `first` is the place of the register's first entry."""
    found = []
    for point in points:
        if point.anchor != NONE:
            known = three_smallest(known, steps[first : point.anchor + 1])
            first = max(first, point.anchor)
        found.append(known)
    return found


def _reopened_ms(look: _Look, openings: Sequence[Opening], plain: list[int]) -> Iterator[int]:
    """From where on each register overturns former rounds."""
    begin_ms = np.array([openings[register].begin_ms for register in plain], np.int64)
    last = look.reading_before(np.array(plain, np.int64), begin_ms)
    follower = np.where(last == NONE, look.firsts[plain], last + 1)
    ends = look.bounds[1:][plain]
    follower_ms = np.where(follower < ends, look.at_ms[np.minimum(follower, len(look.at_ms) - 1)], NONE)
    for register, kept, kept_ms, following_ms in zip(
        plain, last.tolist(), look.at_ms[last].tolist(), follower_ms.tolist(), strict=True
    ):
        belief = openings[register].belief
        before_ms = belief.anchor_ms if kept == NONE else kept_ms
        same = belief.at_ms == NONE or (before_ms == belief.at_ms and following_ms == belief.next_ms)
        yield NONE if same else min(before_ms, belief.at_ms)
