"""The arrays and the slow reference say the same of any readings; parts say the same as the whole."""

from dataclasses import fields
from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.energy import (
    NEIGHBOURS,
    Declaration,
    Grid,
    IntervalQuality,
    IntervalTable,
    Readings,
    RegisterRule,
    interval_energy,
)
from tests.domain.energy.reference import Reading, Row, rows

QUARTER_MS = 900_000
START_MS = 1_700_000_100_000
COUNT = 8
GRID = Grid(START_MS, QUARTER_MS, COUNT)

gaps_s = st.sampled_from([1, 60, 60, 300, 300, 300, 450, 899, 900, 905, 1_000, 2_700])
steps = st.one_of(
    st.integers(0, 60).map(lambda rise: ("rise", rise)),
    st.integers(0, 60).map(lambda rise: ("rise", rise)),
    st.integers(0, 60).map(lambda rise: ("rise", rise)),
    st.sampled_from([("slip", 5), ("slip", 6)]),
    st.sampled_from([("false", 0), ("false", 65_535), ("false", -7), ("false", 2**62), ("restart", 0), ("restart", 9)]),
)


@st.composite
def series(draw: st.DrawFn, modulus: int | None, least: int = 0, most: int = 30) -> list[Reading]:
    """A meter that counts, passes its top, starts again, and now and then tells something false."""
    count, at_ms, told = draw(st.sampled_from([0, 100, 950, 5_000])), START_MS - 1_800_000, []
    for gap_s, (kind, value) in draw(st.lists(st.tuples(gaps_s, steps), min_size=least, max_size=most)):
        at_ms += gap_s * 1000
        if kind == "rise":
            count += value
        elif kind == "restart":
            count = value
        elif kind == "slip":
            count = max(0, count - value)
        count = count % modulus if modulus else count
        trust = draw(st.sampled_from([1, 1, 1, 1, 1, 1, 2, 0]))
        told.append(Reading(at_ms, value if kind == "false" else count, trust))
    return told


@st.composite
def meters(draw: st.DrawFn, least: int = 0, most: int = 30) -> tuple[RegisterRule, list[Reading]]:
    """Readings of a meter with up to two declared changes."""
    ratios = st.sampled_from([Fraction(1), Fraction(60), Fraction(80), Fraction(7, 3), Fraction(1, 1000)])
    modulus = draw(st.sampled_from([None, 1000, 10_000]))
    told = st.none() | st.integers(0, 999)
    changes = [
        Declaration(START_MS + minute * 60_000, draw(st.sampled_from([None, modulus])), draw(ratios), *draw(values))
        for minute in sorted(draw(st.sets(st.integers(-20, 130), max_size=2)))
        for values in [st.tuples(told, told)]
    ]
    declarations = (Declaration(0, modulus, draw(ratios)), *changes)
    limit_kw = draw(st.sampled_from([None, None, 0.5, 2.0]))
    rule = RegisterRule(declarations, draw(st.sampled_from([60_000, 300_000, 900_000])), limit_kw)
    return rule, draw(series(modulus, least, most))


def together(registers: list[list[Reading]]) -> Readings:
    """Readings of several registers as the product wants them."""
    flat = [(register, one) for register, series in enumerate(registers) for one in series]
    return Readings(
        register=np.array([register for register, _ in flat], dtype=np.int32),
        at_ms=np.array([one.at_ms for _, one in flat], dtype=np.int64),
        steps=np.array([one.steps for _, one in flat], dtype=np.int64),
        trust=np.array([one.trust for _, one in flat], dtype=np.int8),
        late=np.zeros(len(flat), dtype=np.bool_),
    )


def row(table: IntervalTable, register: int, slot: int) -> Row:
    """One row of the product in the words of the reference."""
    place = register, slot
    quality = IntervalQuality(int(table.quality[place]))
    return Row(
        None if quality is IntervalQuality.MISSING else int(table.energy_wh[place]),
        quality,
        received=int(table.received[place]),
        valid=int(table.valid[place]),
        estimated=int(table.estimated[place]),
        first=(int(table.first_at_ms[place]), int(table.first_steps[place])),
        last=(int(table.last_at_ms[place]), int(table.last_steps[place])),
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(meters(), min_size=1, max_size=3))
def test_the_arrays_equal_the_reference(given_meters: list[tuple[RegisterRule, list[Reading]]]) -> None:
    table = interval_energy(together([told for _, told in given_meters]), [rule for rule, _ in given_meters], GRID)
    for register, (rule, told) in enumerate(given_meters):
        assert [row(table, register, slot) for slot in range(COUNT)] == rows(told, rule, GRID)


@settings(max_examples=80, deadline=None)
@given(meters(least=60, most=140), st.integers(0, 40), st.integers(1, 6))
def test_a_part_equals_the_whole(meter: tuple[RegisterRule, list[Reading]], first: int, count: int) -> None:
    rule, told = meter
    whole = interval_energy(together([told]), [rule], Grid(START_MS, QUARTER_MS, 48))
    part = Grid(START_MS + first * QUARTER_MS, QUARTER_MS, count)
    near = neighbourhood(told, part)
    alone = interval_energy(together([near]), [rule], part)
    for field in fields(IntervalTable):
        expected = getattr(whole, field.name)[0, first : first + count]
        assert getattr(alone, field.name)[0].tolist() == expected.tolist(), field.name


def neighbourhood(told: list[Reading], part: Grid) -> list[Reading]:
    """The readings of a grid and the neighbours a caller has to give."""
    start, end = part.start_ms, part.start_ms + part.count * part.period_ms
    before = [one for one in told if one.at_ms < start]
    after = [one for one in told if one.at_ms >= end]
    trusted_before = [one for one in before if one.trust][-NEIGHBOURS:]
    trusted_after = [one for one in after if one.trust][:NEIGHBOURS]
    return trusted_before + [one for one in told if start <= one.at_ms < end] + trusted_after
