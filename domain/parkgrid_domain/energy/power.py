"""Energy of intervals from samples of power, for devices that have no counter: always estimated.

Power runs in a straight line from sample to sample (trapezoids), so a line that crosses zero gives energy to both
directions, each its own triangle. A spell without samples of up to three reading periods, and of one interval at most,
is bridged; a longer one says nothing, and the intervals it touches are missing. Areas are whole watt-milliseconds, each
interval is rounded to whole Wh alone: unlike a register there is no count to be faithful to.
"""

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.counting import Knots
from parkgrid_domain.energy.declared import Declared, declared
from parkgrid_domain.energy.intervals import TOLERANCE_UNSTEADY, Bounds, bounds_of, table_of
from parkgrid_domain.energy.readings import Grid, IntervalQuality, IntervalTable, Readings, RegisterRule, check, keys

_W_MS_PER_WH = 3_600_000
_W_PER_KW = 1_000.0
BRIDGED_PERIODS = 3
"""Power is a guess where more samples than two in a row are lacking."""
MOST_W = 1e11
"""No sample above it counts (100 GW, more than a province); below it no sum overflows."""


class Direction(Enum):
    """Which sign of the power is counted."""

    IMPORT = 1
    """Positive power: consumed, taken from the grid, charged."""
    EXPORT = -1
    """Negative power, counted positive."""


def integrated_power(
    samples: Readings,
    rules: Sequence[RegisterRule],
    grid: Grid,
    direction: Direction,
    watts_per_step: float = 1.0,
) -> IntervalTable:
    """The same table as from registers, from samples of power (0.001 kW a step); first and last are samples too."""
    check(samples, rules, grid)
    meters = declared(rules, 1)
    key = keys(samples.register, samples.at_ms)
    declaration = meters.at(key)
    power_w = samples.steps * (meters.numerator / meters.denominator)[declaration] * watts_per_step
    valid = (samples.trust > 0) & (np.abs(power_w) <= _most_w(meters)[samples.register])
    place = np.flatnonzero(valid)
    steps, era, rule = samples.steps[place], samples.register[place].astype(np.int64), declaration[place]
    chain = Knots(key[place], place, steps, steps, era, era, rule, np.zeros(len(place), np.int8))
    bounds = bounds_of(chain, len(rules), grid)
    energy_wh, quality = _energy(chain, power_w[place] * direction.value, bounds, grid, _bridged_ms(meters, grid))
    return table_of(samples, valid, chain, bounds, energy_wh, quality, rules, grid)


def _most_w(meters: Declared) -> NDArray[np.float64]:
    return np.minimum(meters.limit_kw * _W_PER_KW, MOST_W)


def _bridged_ms(meters: Declared, grid: Grid) -> NDArray[np.float64]:
    """The longest spell without samples that is bridged, a twentieth more since no poll is exactly on time."""
    longest: NDArray[np.float64] = np.minimum(BRIDGED_PERIODS * meters.period_ms, grid.period_ms) * TOLERANCE_UNSTEADY
    return longest


def _energy(
    chain: Knots,
    power_w: NDArray[np.float64],
    bounds: Bounds,
    grid: Grid,
    bridged_ms: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    if not len(chain.key):
        shape = (bounds.low.shape[0], grid.count)
        return np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int8)
    covered = bounds.has_low & bounds.has_high
    low, high = np.where(covered, bounds.low, 0), np.where(covered, bounds.high, 0)
    span_ms = np.diff(chain.at_ms, prepend=chain.at_ms[:1])
    same = np.diff(chain.register, prepend=-1) == 0
    area = _area(np.roll(power_w, 1), power_w, np.where(same, span_ms, 0))
    silent = np.cumsum(same & (span_ms > bridged_ms[chain.register]))
    total = np.cumsum(area)[low] + _begun(chain, power_w, bounds, low, high)
    present = covered[:, :-1] & covered[:, 1:] & (silent[high[:, 1:]] == silent[low[:, :-1]])
    energy_wh = (np.diff(total, axis=1) + _W_MS_PER_WH // 2) // _W_MS_PER_WH
    quality = np.where(present, IntervalQuality.ESTIMATED, IntervalQuality.MISSING).astype(np.int8)
    return np.where(present, energy_wh, 0), quality


def _begun(
    chain: Knots,
    power_w: NDArray[np.float64],
    bounds: Bounds,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The area from the sample before each edge to the edge."""
    between = high > low
    since_ms = np.where(between, bounds.edge_ms[None, :] - chain.at_ms[low], 0)
    span_ms = np.where(between, chain.at_ms[high] - chain.at_ms[low], 1)
    at_edge_w = power_w[low] + (power_w[high] - power_w[low]) * since_ms / span_ms
    return _area(power_w[low], at_edge_w, since_ms)


def _area(
    from_w: NDArray[np.float64],
    to_w: NDArray[np.float64],
    span_ms: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Watt-milliseconds above zero below a straight line: a trapezoid, or the triangle before or after its crossing."""
    top, bottom = np.maximum(from_w, to_w), np.minimum(from_w, to_w)
    above = np.maximum(top, 0.0)
    steep = np.where(top > bottom, top - bottom, 1.0)
    mean_w = np.where(bottom >= 0, (top + bottom) / 2, above * above / (2 * steep))
    return np.rint(mean_w * span_ms).astype(np.int64)
