"""Energy of a register between any instants, and stored intervals cut at instants of their own."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.energy import Declaration, Grid, IntervalQuality, Readings, RegisterRule, interval_energy
from parkgrid_domain.energy.between import Instants, Pieces, StoredIntervals, cut, energy_along, energy_between

QUARTER = 900_000
START = 1_795_449_600_000
MINUTE = 60_000
RULE = RegisterRule((), MINUTE, None)
MISSING, GOOD, ESTIMATED = IntervalQuality.MISSING, IntervalQuality.GOOD, IntervalQuality.ESTIMATED


def of_one(*listed: tuple[float, int], trust: int = 1) -> Readings:
    """Minute after the start and steps of each reading."""
    at_ms = np.array([round(START + minute * MINUTE) for minute, _ in listed], np.int64)
    zero = np.zeros(len(listed), np.int32)
    steps = np.array([value for _, value in listed], np.int64)
    return Readings(zero, at_ms, steps, np.full(len(listed), trust, np.int8), zero.astype(np.bool_))


def stored(readings: Readings, count: int, rule: RegisterRule = RULE) -> StoredIntervals:
    """The quarters of an hour from the start on."""
    grid = Grid(START, QUARTER, count)
    table = interval_energy(readings, [rule], grid)
    ends = (each[0] for each in (table.first_at_ms, table.first_steps, table.last_at_ms, table.last_steps))
    return StoredIntervals(grid.edges_ms[:-1], QUARTER, table.energy_wh[0], table.quality[0], *ends)


def minutes(*at: float) -> np.ndarray:
    return np.array([round(START + each * MINUTE) for each in at], np.int64)


def rows(pieces: Pieces) -> list[tuple[float, float, int, int]]:
    """Minutes from and to, Wh, quality."""
    return [
        ((start - START) / MINUTE, (stop - START) / MINUTE, wh, quality)
        for start, stop, wh, quality in zip(
            pieces.start_ms.tolist(),
            pieces.stop_ms.tolist(),
            pieces.energy_wh.tolist(),
            pieces.quality.tolist(),
            strict=True,
        )
    ]


def test_energy_between_instants_is_what_the_register_rose_by() -> None:
    readings = of_one((0, 1_000), (7, 3_000), (10, 3_000), (15, 8_000), (16, 8_500))
    instants = Instants(minutes(0, 7, 10, 12.5, 15, 15.5, 20), QUARTER)
    energy, quality = energy_between(readings, [RULE], instants)
    # The last instant lies beyond the readings.
    assert energy.tolist() == [[2_000, 0, 2_500, 2_500, 250, 0]]
    assert quality[0, -1] == MISSING
    # Seven, five and three minutes without a reading are gaps of a register that is read every minute; one is none.
    assert quality[0, :5].tolist() == [ESTIMATED, ESTIMATED, ESTIMATED, ESTIMATED, GOOD]


def test_energy_along_readings_believes_every_one() -> None:
    readings = of_one((0, 1_000), (1, 1_100), (2, 0), (3, 1_200))
    between, _ = energy_between(readings, [RULE], Instants(minutes(0, 3), QUARTER))
    along, quality = energy_along(readings, [RULE], Instants(minutes(0, 1, 2, 3), QUARTER))
    assert between.tolist() == [[200]]
    # A fall counts from zero, as a reset, and is a guess.
    assert along.tolist() == [[100, 0, 1_200]]
    assert quality.tolist() == [[GOOD, ESTIMATED, GOOD]]


def test_instants_that_do_not_rise_are_refused() -> None:
    with pytest.raises(ValueError, match="instant 2"):
        energy_between(of_one((0, 1)), [RULE], Instants(minutes(0, 5, 5), QUARTER))
    with pytest.raises(ValueError, match="1970 to 2109"):
        energy_between(of_one((0, 1)), [RULE], Instants(np.array([-5, 5]), QUARTER))


def test_an_interval_is_cut_where_the_register_was_read() -> None:
    # 2 kWh a minute until minute 1, nothing until 6, then 2 kWh a minute.
    listed = [(minute, 2_000 * (min(minute, 1) + max(minute - 6, 0))) for minute in range(-1, 31)]
    readings = of_one(*[(minute, value + 2_000) for minute, value in listed])
    whole = stored(readings, 2)
    assert rows(cut(whole, readings, RULE, minutes(1, 6, 15, 99))) == [
        (0, 1, 2_000, GOOD),
        (1, 6, 0, GOOD),
        (6, 15, 18_000, GOOD),
        (15, 30, 30_000, GOOD),
    ]


def test_a_cut_without_a_reading_is_an_estimate_unless_nothing_was_counted_there() -> None:
    readings = of_one((0, 0), (5, 1_000), (6, 2_000), (9, 2_000), (15, 3_000))
    pieces = rows(cut(stored(readings, 1), readings, RULE, minutes(5.5, 8)))
    assert pieces == [(0, 5.5, 1_500, ESTIMATED), (5.5, 8, 500, ESTIMATED), (8, 15, 1_000, ESTIMATED)]
    frequent = of_one(*[(minute, 1_000 * min(minute, 4)) for minute in range(16)])
    assert rows(cut(stored(frequent, 1), frequent, RULE, minutes(8.5))) == [
        (0, 8.5, 4_000, GOOD),
        (8.5, 15, 0, GOOD),
    ]


@pytest.mark.parametrize("wrong", [0, 999, 99_999])
def test_a_false_reading_between_the_ends_of_an_interval_divides_nothing(wrong: int) -> None:
    listed = [(minute, 10_000 + 100 * minute) for minute in range(16)]
    clean = stored(of_one(*listed), 1)
    listed[7] = (7, wrong)
    pieces = rows(cut(clean, of_one(*listed), RULE, minutes(7)))
    # On the line from minute 6 to minute 8.
    assert pieces == [(0, 7, 700, ESTIMATED), (7, 15, 800, ESTIMATED)]


def test_what_metering_did_not_believe_shares_what_it_counted() -> None:
    # Stored as 1,500 Wh by other rules than these readings show: in their proportion, as an estimate.
    readings = of_one((0, 0), (5, 1_000), (15, 3_000))
    whole = stored(readings, 1)
    other = StoredIntervals(
        whole.at_ms,
        QUARTER,
        np.array([1_500]),
        whole.quality,
        whole.first_at_ms,
        whole.first_steps,
        whole.last_at_ms,
        whole.last_steps,
    )
    assert rows(cut(other, readings, RULE, minutes(5))) == [(0, 5, 500, ESTIMATED), (5, 15, 1_000, ESTIMATED)]


def test_a_missing_interval_is_missing_in_all_of_its_pieces() -> None:
    readings = of_one((5, 1_000), (15, 2_000), (30, 3_000))
    pieces = rows(cut(stored(readings, 2), readings, RULE, minutes(5, 20)))
    assert [quality for *_, quality in pieces[:2]] == [MISSING, MISSING]
    assert sum(wh for *_, wh, _ in pieces) == 1_000


def test_a_register_that_passes_its_top_within_an_interval() -> None:
    rule = RegisterRule((Declaration(0, 10_000, Fraction(80)),), MINUTE, None)
    readings = of_one(*[(minute, (9_990 + 2 * minute) % 10_000) for minute in range(16)])
    pieces = rows(cut(stored(readings, 1, rule), readings, rule, minutes(3, 10)))
    assert pieces == [(0, 3, 480, GOOD), (3, 10, 1_120, GOOD), (10, 15, 800, GOOD)]


RISES = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 3_000)), min_size=2, max_size=60)
"""(seconds since the reading before, steps counted in them)."""
FAULT = st.sampled_from(["none", "zero", "spike", "reset", "untrusted"])


@given(RISES, st.lists(st.integers(-100, 8_000), max_size=30), FAULT, st.sampled_from([None, 10_000]))
def test_pieces_always_add_up_to_their_intervals(
    way: list[tuple[int, int]], cuts_s: list[int], fault: str, modulus: int | None
) -> None:
    at_s, steps = np.cumsum([gap for gap, _ in way]), np.cumsum([rise for _, rise in way])
    place = len(way) // 2
    steps = steps + 500 if modulus is None else (steps + 500) % modulus
    if fault == "reset":
        steps[place:] -= steps[place]
    elif fault in {"zero", "spike"}:
        steps[place] = 0 if fault == "zero" else 9_000
    rule = RegisterRule((Declaration(0, modulus, Fraction(3)),), MINUTE, None)
    readings = of_one(*zip((at_s / 60).tolist(), np.abs(steps).tolist(), strict=True))
    if fault == "untrusted":
        readings.trust[place] = 0
    whole = stored(readings, 9, rule)
    pieces = cut(whole, readings, rule, START + 1000 * np.array(cuts_s, np.int64))
    assert int(pieces.start_ms[0]) == START
    assert (pieces.start_ms[1:] == pieces.stop_ms[:-1]).all()
    assert (pieces.energy_wh >= 0).all()
    holder = (pieces.start_ms - START) // QUARTER
    present = whole.quality != MISSING
    sums = np.bincount(holder, pieces.energy_wh, minlength=9).astype(np.int64)
    assert sums[present].tolist() == whole.energy_wh[present].tolist()
    assert ((pieces.quality == MISSING) == ~present[holder]).all()
    assert not (pieces.quality == GOOD)[whole.quality[holder] != GOOD].any()
