"""Nothing is lost and nothing counted twice, whatever lies between the first and the last reading."""

from fractions import Fraction
from itertools import accumulate
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.energy import Declaration, Grid, IntervalQuality, Readings, RegisterRule, in_order, interval_energy

QUARTER_MS = 900_000
START_MS = 1_700_000_100_000


def of_one(at_ms: list[int], steps: list[int]) -> Readings:
    """Good readings of one register."""
    return Readings(
        np.zeros(len(at_ms), dtype=np.int32),
        np.array(at_ms, dtype=np.int64),
        np.array(steps, dtype=np.int64),
        np.ones(len(at_ms), dtype=np.int8),
        np.zeros(len(at_ms), dtype=np.bool_),
    )


def spanned(at_ms: list[int], length_ms: int = 1000) -> Grid:
    """Intervals whose outer edges are the first and the last reading."""
    return Grid(at_ms[0], length_ms, (at_ms[-1] - at_ms[0]) // length_ms)


rises = st.lists(st.tuples(st.integers(1, 4_000), st.integers(0, 400)), min_size=4, max_size=60)
"""(seconds since the reading before, steps counted in them)."""
FASTEST_KW = 1e7
"""400 steps of 5,000 Wh in a second are 7.2 million kW."""
STEADY = [(400, 1)] * 6
"""More than a quarter of an hour of movement."""


@given(rises, st.integers(0, 9_999), st.integers(1, 5_000), st.sampled_from([2, 60, 900]))
def test_passing_the_top_keeps_every_step(way: list[tuple[int, int]], first: int, ratio: int, length_s: int) -> None:
    """The sum is the steps that were truly counted times the ratio; a width of 10^4 is passed again and again."""
    gaps = [(gap_s // length_s + 1) * length_s * 1000 for gap_s, _ in way]
    at_ms = list(accumulate(gaps, initial=START_MS))
    true = list(accumulate((rise for _, rise in way), initial=first))
    rule = RegisterRule((Declaration(0, 10_000, Fraction(ratio)),), 60_000, FASTEST_KW)
    told = of_one(at_ms, [value % 10_000 for value in true])
    table = interval_energy(told, [rule], spanned(at_ms, length_s * 1000))
    assert int(table.energy_wh.sum()) == (true[-1] - true[0]) * ratio
    assert int(table.energy_wh.min()) >= 0
    assert IntervalQuality.MISSING not in table.quality


@given(rises, st.fractions(Fraction(1, 50), 5_000, max_denominator=50))
def test_a_fractional_ratio_is_exact_to_half_a_watt_hour_an_end(way: list[tuple[int, int]], ratio: Fraction) -> None:
    at_ms = list(accumulate((gap_s * 1000 for gap_s, _ in way), initial=START_MS))
    true = list(accumulate((rise for _, rise in way), initial=77))
    rule = RegisterRule((Declaration(0, None, ratio),), 60_000, FASTEST_KW)
    table = interval_energy(of_one(at_ms, true), [rule], spanned(at_ms))
    assert abs(int(table.energy_wh.sum()) - (true[-1] - true[0]) * ratio) <= 1


@given(rises, rises, st.integers(1, 4_000))
def test_a_reset_loses_only_what_nobody_read(
    old: list[tuple[int, int]], new: list[tuple[int, int]], gap_s: int
) -> None:
    """Sum = rises before + the first value after (counted from zero) + rises after.

    Both counts move for so long that they are believed.
    """
    old, new = [*STEADY, *old], [*new, *STEADY]
    way = [*old, (gap_s, 0), *new]
    at_ms = list(accumulate((gap * 1000 for gap, _ in way), initial=START_MS))
    before = list(accumulate((rise for _, rise in old), initial=10**8))
    after = list(accumulate((rise for _, rise in new), initial=17))
    rule = RegisterRule((Declaration(0, 10**9, Fraction(1)),), 60_000, FASTEST_KW)
    table = interval_energy(of_one(at_ms, before + after), [rule], spanned(at_ms))
    assert int(table.energy_wh.sum()) == (before[-1] - before[0]) + 17 + (after[-1] - after[0])


@given(rises, rises, st.integers(1, 900), st.integers(1, 900), st.integers(1, 900))
def test_a_declared_change_counts_both_meters(
    old: list[tuple[int, int]],
    new: list[tuple[int, int]],
    before_s: int,
    old_ratio: int,
    new_ratio: int,
) -> None:
    """Old meter up to its final value 9 steps on, new one from 3 steps below its first reading, each with its ratio."""
    at_ms = list(accumulate((gap * 1000 for gap, _ in [*old, (before_s + 60, 0), *new]), initial=START_MS))
    before = list(accumulate((rise for _, rise in old), initial=5_000))
    after = list(accumulate((rise for _, rise in new), initial=1_003))
    change = Declaration(at_ms[len(old)] + before_s * 1000, None, Fraction(new_ratio), 1_000, before[-1] + 9)
    rule = RegisterRule((Declaration(0, None, Fraction(old_ratio)), change), 60_000, FASTEST_KW)
    table = interval_energy(of_one(at_ms, before + after), [rule], spanned(at_ms))
    old_wh = (before[-1] + 9 - before[0]) * old_ratio
    assert int(table.energy_wh.sum()) == old_wh + (after[-1] - 1_000) * new_ratio
    assert IntervalQuality.MISSING not in table.quality


@given(rises, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(way: list[tuple[int, int]], chance: Random) -> None:
    at_ms = list(accumulate((gap_s * 1000 for gap_s, _ in way), initial=START_MS))
    true = list(accumulate((rise for _, rise in way), initial=77))
    arrived = list(zip(at_ms, true, strict=True)) * 2
    chance.shuffle(arrived)
    told = in_order(of_one([at for at, _ in arrived], [steps for _, steps in arrived]))
    assert told.at_ms.tolist() == at_ms
    assert told.steps.tolist() == true


@given(rises, st.integers(0, 899))
def test_hours_are_the_sum_of_their_quarters(way: list[tuple[int, int]], off_s: int) -> None:
    at_ms = list(accumulate((gap_s * 1000 for gap_s, _ in way), initial=START_MS + off_s * 1000))
    true = list(accumulate((rise for _, rise in way), initial=77))
    rule = RegisterRule((), 60_000, FASTEST_KW)
    quarters = interval_energy(of_one(at_ms, true), [rule], Grid(START_MS, QUARTER_MS, 96))
    hours = interval_energy(of_one(at_ms, true), [rule], Grid(START_MS, 4 * QUARTER_MS, 24))
    present = hours.quality[0] != IntervalQuality.MISSING
    parts = quarters.energy_wh[0].reshape(24, 4).sum(axis=1)
    assert parts[present].tolist() == hours.energy_wh[0][present].tolist()


@given(rises, st.integers(0, 899))
def test_missing_is_told_outside_the_readings_and_nowhere_else(way: list[tuple[int, int]], off_s: int) -> None:
    at_ms = list(accumulate((gap_s * 1000 for gap_s, _ in way), initial=START_MS + off_s * 1000))
    true = list(accumulate((rise for _, rise in way), initial=77))
    grid = Grid(START_MS - 2 * QUARTER_MS, QUARTER_MS, 300)
    table = interval_energy(of_one(at_ms, true), [RegisterRule((), 60_000, FASTEST_KW)], grid)
    edges = grid.edges_ms
    outside = (edges[:-1] < at_ms[0]) | (edges[1:] > at_ms[-1])
    assert (table.quality[0] == IntervalQuality.MISSING).tolist() == outside.tolist()
    counted = int(table.received[0].sum())
    assert counted == int(table.valid[0].sum()) == sum(at < edges[-1] for at in at_ms)
