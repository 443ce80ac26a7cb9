"""Energy of each interval of a grid from cumulative registers.

C(t) is the cumulative count: known at the knots, a straight line between them (of photovoltaics across a gap a line
that rises by daylight), rounded to whole Wh at each edge once.
The energy of an interval is C(end) - C(start), so sums telescope: the intervals from edge a to edge b add up to
C(b) - C(a) exactly, whatever gaps, roll-overs, resets or orders of arrival lie between; where the edges meet readings
that is the difference of the registers (of whole Wh for whole ratios; a fractional ratio rounds each value it counts
from or to by at most half a Wh). An interval with an edge outside the readings is missing, and so is one that lies
wholly within a stretch of which nothing is known; missing is never zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.believing import believed
from parkgrid_domain.energy.counting import Knots, Stretches, knots, stretches
from parkgrid_domain.energy.course import Course, Known, Opening
from parkgrid_domain.energy.daylight import Spread
from parkgrid_domain.energy.declared import Declared, declared
from parkgrid_domain.energy.findings import Finding, jumps, left_out, too_much
from parkgrid_domain.energy.meter import Meter
from parkgrid_domain.energy.readings import (
    NONE,
    Edges,
    Grid,
    IntervalQuality,
    IntervalTable,
    Readings,
    RegisterRule,
    check,
    keys,
)
from parkgrid_domain.energy.spreading import Spreads, spreads

TOLERANCE_PERIODS = 2.5
"""A stretch of so many reading periods still is an ordinary one."""
TOLERANCE_LEAST_MS = 90_000
TOLERANCE_UNSTEADY = 1.05
"""A stretch is ordinary up to one interval, and a twentieth more since no poll is exactly on time."""
_EXACT_SPAN_MS = 2**31
"""Up to this span the products of an interpolation fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Metered:
    """Intervals, and what is believed of their registers."""

    grid: Grid
    table: IntervalTable
    openings: Sequence[Opening]
    courses: list[Course]
    """Of each register, with the believed reading that follows each instant."""
    last_ms: NDArray[np.int64]
    """The last believed reading of each register among those given; `NONE`: none."""
    findings: tuple[Finding, ...]


def interval_energy(
    readings: Readings,
    rules: Sequence[RegisterRule],
    grid: Grid,
    wh_per_step: int = 1,
) -> IntervalTable:
    """Energy, quality and counts of every register and interval, from all readings that there are."""
    return metered(readings, rules, grid, [Opening()] * len(rules), wh_per_step).table


def metered(
    readings: Readings,
    rules: Sequence[RegisterRule],
    grid: Grid,
    openings: Sequence[Opening],
    wh_per_step: int = 1,
) -> Metered:
    """The same from a part of the readings, going on from what was believed before them."""
    check(readings, rules, grid)
    meters = declared(rules, wh_per_step)
    known, courses = believed(readings, meters, openings)
    valid = np.zeros(len(readings), dtype=np.bool_)
    valid[known.place] = True
    chain = knots(known, meters)
    bounds = bounds_of(chain, len(rules), grid)
    counted = stretches(chain, meters)
    energy_wh, quality, spread = energy_of(readings, chain, counted, bounds, meters, grid)
    above = _above(energy_wh, quality, courses, meters, grid)
    quality[above] = IntervalQuality.MISSING
    found = (*jumps(chain, meters), *left_out(readings, known), *too_much(above, energy_wh, grid))
    energy_wh[above], spread[above] = 0, Spread.EVEN
    table = replace(table_of(readings, valid, chain, bounds, energy_wh, quality, rules, grid), spread=spread)
    last_ms, followed = _ends(known, courses, openings)
    return Metered(grid, table, openings, followed, last_ms, found)


@dataclass(frozen=True, slots=True)
class Bounds:
    """For each register and edge the knots around it; equal when a knot lies on the edge."""

    edge_ms: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    has_low: NDArray[np.bool_]
    has_high: NDArray[np.bool_]


def bounds_of(chain: Knots, registers: int, grid: Edges) -> Bounds:
    """Find the knots around each edge, arrays of shape (registers, count + 1)."""
    index = np.arange(registers, dtype=np.int64)[:, None]
    wanted = keys(index, grid.edges_ms[None, :])
    low = np.searchsorted(chain.key, wanted, side="right") - 1
    if not len(chain.key):
        none = np.zeros(wanted.shape, dtype=np.bool_)
        return Bounds(grid.edges_ms, low, low, none, none)
    found = chain.key[np.maximum(low, 0)]
    exact = (low >= 0) & (found == wanted)
    high = np.where(exact, low, low + 1)
    register = chain.register
    has_low = (low >= 0) & (register[np.maximum(low, 0)] == index)
    has_high = (high < len(register)) & (register[np.minimum(high, len(register) - 1)] == index)
    return Bounds(grid.edges_ms, low, high, has_low, has_high)


def energy_of(
    readings: Readings,
    chain: Knots,
    counted: Stretches,
    bounds: Bounds,
    meters: Declared,
    grid: Edges,
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int8]]:
    """Wh, quality and `Spread` between each two edges of every register."""
    if not len(chain.key):
        shape = (bounds.low.shape[0], grid.count)
        return np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.int8)
    covered = bounds.has_low & bounds.has_high
    long = counted.span_ms > tolerance_ms(meters.period_ms, grid)[chain.register]
    spread = spreads(chain, counted, meters, long)
    count_wh = _count_at(chain, counted, bounds, covered, spread)
    doubtful = _doubtful(readings, chain, counted, long)
    low, high = np.where(covered, bounds.low, 0)[:, :-1], np.where(covered, bounds.high, 0)[:, 1:]
    total_doubtful, total_unknown = np.cumsum(doubtful), np.cumsum(counted.unknown)
    nothing = (high > low) & (total_unknown[high] - total_unknown[low] == high - low)
    present = covered[:, :-1] & covered[:, 1:] & ~nothing
    good = total_doubtful[high] == total_doubtful[low]
    quality = np.where(good, IntervalQuality.GOOD, IntervalQuality.ESTIMATED)
    energy_wh = np.where(present, count_wh[:, 1:] - count_wh[:, :-1], 0)
    by = _spread_by(spread, low, high) * present
    return energy_wh, np.where(present, quality, IntervalQuality.MISSING).astype(np.int8), by


def _spread_by(spread: Spreads | None, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int8]:
    """By what the gaps were spread that intervals between two knots lie in; of several ways the least sure one."""
    found = np.zeros(low.shape, np.int8)
    if spread is None:
        return found
    for way in (Spread.SUN, Spread.NEIGHBOURS, Spread.CLOCK):
        held = np.cumsum(spread.by == way)
        found[held[high] > held[low]] = way
    return found


def _above(
    energy_wh: NDArray[np.int64],
    quality: NDArray[np.int8],
    courses: Sequence[Course],
    meters: Declared,
    grid: Grid,
) -> NDArray[np.bool_]:
    """Intervals that hold more than the power of their register gives in their time, plus one step of it."""
    limit_wh = meters.limit_kw * grid.period_ms / 3_600.0
    above: NDArray[np.bool_] = (quality != IntervalQuality.MISSING) & (energy_wh > limit_wh[:, None])
    for register in np.flatnonzero(above.any(axis=1)).tolist():
        last = courses[register].beliefs[-1]
        declaration = meters.at(keys(np.array([register]), np.array([max(0, last.at_ms)])))
        step = Meter.of(meters, register, int(declaration[0])).step_wh(last.smallest) or 0
        above[register] &= energy_wh[register] > limit_wh[register] + step
    return above


def _ends(
    known: Known, courses: Sequence[Course], openings: Sequence[Opening]
) -> tuple[NDArray[np.int64], list[Course]]:
    """The last believed reading of each register, and its course with the readings that follow each instant."""
    bounds = np.searchsorted(known.register, np.arange(len(courses) + 1))
    last_ms = np.full(len(courses), NONE, np.int64)
    there = bounds[1:] > bounds[:-1]
    last_ms[there] = known.at_ms[bounds[1:][there] - 1]
    followed: list[Course] = []
    for register, (course, opening) in enumerate(zip(courses, openings, strict=True)):
        at_ms = known.at_ms[bounds[register] : bounds[register + 1]]
        after = np.searchsorted(at_ms, opening.edges_ms).tolist()
        beliefs = [
            belief.followed(int(at_ms[place]) if place < len(at_ms) else NONE)
            for belief, place in zip(course.beliefs, after, strict=False)
        ]
        followed.append(Course((*beliefs, course.beliefs[-1]), course.reopened_ms))
    return last_ms, followed


def _count_at(
    chain: Knots,
    counted: Stretches,
    bounds: Bounds,
    covered: NDArray[np.bool_],
    spread: Spreads | None,
) -> NDArray[np.int64]:
    """C at each edge: what was counted up to the knot before it, and the edge's share of the stretch it lies in."""
    total = np.cumsum(counted.energy_wh)
    low, high = np.where(covered, bounds.low, 0), np.where(covered, bounds.high, 0)
    since_ms = np.where(high > low, bounds.edge_ms[None, :] - chain.at_ms[low], 0)
    span_ms = np.where(high > low, counted.span_ms[high], 1)
    energy_wh = np.where(high > low, counted.energy_wh[high], 0)
    if spread is not None:
        line, edge = np.nonzero((high > low) & (spread.by[high] > 0))
        since, whole = spread.shares(chain, bounds.edge_ms[edge], high[line, edge])
        since_ms[line, edge], span_ms[line, edge] = since, whole
    counts: NDArray[np.int64] = total[low] + share(energy_wh, since_ms, span_ms)
    return counts


def share(energy_wh: NDArray[np.int64], since_ms: NDArray[np.int64], span_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """floor(energy * since / span + 1/2) without overflow: energy is split into whole spans and a rest."""
    whole, rest = np.divmod(energy_wh, span_ms)
    long = span_ms >= _EXACT_SPAN_MS
    part = (2 * np.where(long, 0, rest * since_ms) + span_ms) // (2 * span_ms)
    for place in zip(*np.nonzero(long), strict=True):
        part[place] = (2 * int(rest[place]) * int(since_ms[place]) + int(span_ms[place])) // (2 * int(span_ms[place]))
    shares: NDArray[np.int64] = whole * since_ms + part
    return shares


def tolerance_ms(period_ms: NDArray[np.int64], grid: Edges) -> NDArray[np.float64]:
    """The longest stretch that is not yet a gap: 2.5 reading periods, at least 90 s, at most one interval."""
    longest = grid.period_ms * TOLERANCE_UNSTEADY
    tolerance: NDArray[np.float64] = np.minimum(np.maximum(TOLERANCE_PERIODS * period_ms, TOLERANCE_LEAST_MS), longest)
    return tolerance


def _doubtful(
    readings: Readings,
    chain: Knots,
    counted: Stretches,
    long: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Stretches that make an interval estimated: too long, a guess, or beside a reading flagged estimated."""
    flagged = (chain.place != NONE) & (readings.trust[np.maximum(chain.place, 0)] > 1)
    doubtful: NDArray[np.bool_] = counted.estimated | long | flagged
    doubtful[1:] |= flagged[:-1]
    return doubtful


def table_of(
    readings: Readings,
    valid: NDArray[np.bool_],
    chain: Knots,
    bounds: Bounds,
    energy_wh: NDArray[np.int64],
    quality: NDArray[np.int8],
    rules: Sequence[RegisterRule],
    grid: Grid,
) -> IntervalTable:
    """Put energy and quality beside the counts of readings and the knots around each interval."""
    starts = np.searchsorted(
        keys(readings.register, readings.at_ms),
        keys(np.arange(len(rules), dtype=np.int64)[:, None], grid.edges_ms[None, :]),
    )
    expected = np.array([max(grid.period_ms // rule.period_ms, 1) for rule in rules], dtype=np.int32)
    low, high = bounds.low[:, :-1], bounds.high[:, 1:]
    has_low, has_high = bounds.has_low[:, :-1], bounds.has_high[:, 1:]
    return IntervalTable(
        energy_wh=energy_wh,
        quality=quality,
        expected=np.repeat(expected[:, None], grid.count, axis=1),
        received=np.diff(starts, axis=1).astype(np.int32),
        valid=_numbers(valid, starts),
        estimated=_numbers(valid & (readings.trust > 1), starts),
        late=_numbers(readings.late, starts),
        first_at_ms=_picked(chain.at_ms, low, has_low),
        first_steps=_picked(chain.after, low, has_low),
        last_at_ms=_picked(chain.at_ms, high, has_high),
        last_steps=_picked(chain.before, high, has_high),
        spread=np.zeros(energy_wh.shape, np.int8),
    )


def _numbers(marked: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.int32]:
    total = np.concatenate([np.zeros(1, dtype=np.int32), np.cumsum(marked, dtype=np.int32)])
    return np.diff(total[starts], axis=1).astype(np.int32)


def _picked(values: NDArray[np.int64], index: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    picked = np.full(index.shape, NONE, dtype=np.int64)
    picked[known] = values[index[known]]
    return picked
