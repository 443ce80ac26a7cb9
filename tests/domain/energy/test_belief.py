"""What registers of the field do, with the energy that is right: none of it may become energy that never was."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from parkgrid_domain.energy import (
    Declaration,
    FindingKind,
    Grid,
    IntervalQuality,
    Metered,
    Opening,
    Readings,
    RegisterRule,
    metered,
)

QUARTER_MS = 900_000
START_MS = 1_700_000_100_000
MISSING, GOOD, ESTIMATED = IntervalQuality.MISSING, IntervalQuality.GOOD, IntervalQuality.ESTIMATED


def series(points: Sequence[tuple[float, float]]) -> Readings:
    """(seconds after the start, kWh)."""
    ordered = sorted(points)
    return Readings(
        np.zeros(len(ordered), np.int32),
        np.array([START_MS + round(second * 1000) for second, _ in ordered], np.int64),
        np.array([round(kwh * 1000) for _, kwh in ordered], np.int64),
        np.ones(len(ordered), np.int8),
        np.zeros(len(ordered), np.bool_),
    )


def meter(seconds: int, every: int = 10, kwh: float = 48_211.0, kw: float = 40.0) -> dict[int, float]:
    """A true register from an hour before the start on."""
    return {second: kwh + kw * second / 3600 for second in range(-3600, seconds + 1, every)}


def quarters(
    points: dict[float, float], hours: float, limit_kw: float | None = 150.0, period_s: int = 10
) -> tuple[list[float | None], list[int], Metered]:
    """kWh and quality of each quarter from the start on."""
    rule = RegisterRule((), period_s * 1000, limit_kw)
    made = metered(series(list(points.items())), [rule], Grid(START_MS, QUARTER_MS, int(hours * 4)), [Opening()])
    table = made.table
    told = [
        None if quality == MISSING else energy / 1000
        for energy, quality in zip(table.energy_wh[0].tolist(), table.quality[0].tolist(), strict=True)
    ]
    return told, table.quality[0].tolist(), made


def kinds(made: Metered) -> list[FindingKind]:
    return [finding.kind for finding in made.findings]


def assert_ten(told: list[float | None]) -> None:
    assert None not in told
    assert [round(value or 0, 1) for value in told] == [10.0] * len(told)


LIMITS = pytest.mark.parametrize("limit_kw", [150.0, None], ids=["rated", "learned"])


@LIMITS
@pytest.mark.parametrize(("every", "zeros"), [(10, 30), (1, 4), (1, 300), (10, 400)])
def test_zeros_are_left_out(limit_kw: float | None, every: int, zeros: int) -> None:
    points = meter(7200, every)
    points |= dict.fromkeys(list(range(100, 7000, every))[:zeros], 0.0)
    told, quality, made = quarters(points, 2, limit_kw, every)
    assert_ten(told)
    assert kinds(made) == [FindingKind.LEFT_OUT]
    assert quality[-1] == GOOD


@LIMITS
@pytest.mark.parametrize("share", [0.0041, 0.041])
def test_a_fall_for_good_is_a_jump_and_no_energy(limit_kw: float | None, share: float) -> None:
    points = meter(4 * 3600)
    points |= {second: kwh - 48_211 * share for second, kwh in points.items() if second >= 1000}
    told, quality, made = quarters(points, 4, limit_kw)
    assert_ten(told)
    assert kinds(made) == [FindingKind.JUMPED]
    assert quality[1] == ESTIMATED
    assert set(quality[2:]) == {GOOD}


@LIMITS
def test_a_spike_of_five_readings(limit_kw: float | None) -> None:
    points = meter(7200)
    points |= {second: points[second] + 655.36 for second in range(1000, 1050, 10)}
    told, _, made = quarters(points, 2, limit_kw)
    assert_ten(told)
    assert kinds(made) == [FindingKind.LEFT_OUT]


@LIMITS
def test_a_register_set_up_for_good(limit_kw: float | None) -> None:
    points = meter(7200)
    points |= {second: kwh + 5000 for second, kwh in points.items() if second >= 1000}
    told, quality, made = quarters(points, 2, limit_kw)
    assert_ten(told)
    assert [(one.kind, one.energy_wh // 100) for one in made.findings] == [(FindingKind.JUMPED, 50_001)]
    assert quality.count(ESTIMATED) == 1


def test_a_young_counter_that_steps_back() -> None:
    points = dict.fromkeys(range(-3600, 1000, 10), 9.3)
    points |= dict.fromkeys(range(1000, 2800, 10), 9.2)
    points |= {second: 9.3 + 4 * (second - 2800) / 3600 for second in range(2800, 7210, 10)}
    told, _, _ = quarters(points, 2)
    assert None not in told
    assert sum(value or 0 for value in told) == pytest.approx(4 * 4400 / 3600, abs=0.01)


def test_an_inverter_at_night() -> None:
    """8620, 8620, 7542.5, 0, 0 every quarter of an hour: nothing was generated; in the morning it counts from zero."""
    points: dict[float, float] = {n * 900: 8620.0 for n in range(-20, 2)}
    points |= {2 * 900: 7542.5}
    points |= {n * 900: 0.0 for n in range(3, 40)}
    told, _, _ = quarters(points, 10, 2250.0, 900)
    assert sum(value or 0 for value in told) == 0
    assert told[5:] == [None] * len(told[5:])
    points |= {n * 900: (n - 39) * 100.0 for n in range(40, 48)}
    told, _, made = quarters(points, 12, 2250.0, 900)
    assert [value for value in told[:-1] if value] == [100.0] * 8
    assert None not in told[:47]
    assert FindingKind.RESET in kinds(made)


@LIMITS
def test_a_clock_three_and_a_half_hours_behind(limit_kw: float | None) -> None:
    """For seven minutes a gateway stamps 3.5 h too early: among readings that are there, or in the gap before."""
    true = meter(5 * 3600)
    for off in (False, True):
        points = dict(true)
        wrong = {second - 12_600 + 3: kwh for second, kwh in true.items() if 14_000 <= second < 14_420}
        if off:
            points = {second: kwh for second, kwh in true.items() if not 1_000 < second < 14_000}
        points = {second: kwh for second, kwh in points.items() if not 14_000 <= second < 14_420} | wrong
        told, _, made = quarters(points, 5, limit_kw)
        assert_ten(told)
        assert kinds(made) == [FindingKind.LEFT_OUT]


@LIMITS
@pytest.mark.parametrize("begin_s", [-3_610, 100])
def test_a_second_series_among_the_readings(limit_kw: float | None, begin_s: int) -> None:
    """A second gateway stamps 3.5 h too early for an hour or two; before the first true reading it is there alone."""
    points = meter(4 * 3600)
    points |= {second + 3: 48_351 + 40 * second / 3600 for second in range(begin_s - 300, 3_600, 10)}
    told, quality, made = quarters(points, 4, limit_kw)
    assert_ten(told)
    assert set(quality[6:]) == {GOOD}
    assert set(kinds(made)) == {FindingKind.LEFT_OUT}


@LIMITS
def test_a_reset_is_believed_when_it_has_counted(limit_kw: float | None) -> None:
    points = meter(3600)
    points = {second: kwh if second < 1000 else 40 * (second - 1000) / 3600 for second, kwh in points.items()}
    told, quality, made = quarters(points, 1, limit_kw)
    # Read every 10 s, it was reset at 1000 s: what it counted in the 10 s before (0.11 kWh) is lost.
    assert told == [10.0, 9.889, 10.0, 10.0]
    assert quality == [GOOD, ESTIMATED, GOOD, GOOD]
    assert kinds(made) == [FindingKind.RESET]


@LIMITS
def test_a_stuck_register_catches_up(limit_kw: float | None) -> None:
    points = meter(7200)
    points |= dict.fromkeys(range(1000, 2800, 10), points[1000])
    told, quality, _ = quarters(points, 2, limit_kw)
    assert_ten(told)
    assert quality == [GOOD, ESTIMATED, ESTIMATED, ESTIMATED, GOOD, GOOD, GOOD, GOOD]


EVERY_AND_STEP = [
    pytest.param(every, step, marks=[pytest.mark.nightly] if every == 1 and 0.001 < step < 100 else [])
    for every, step in product((1, 10, 60, 900), (0.001, 0.01, 0.1, 1, 10, 80, 100))
]
"""A day of seconds takes long: with the finest and the coarsest step always, with those between them nightly."""


@LIMITS
@pytest.mark.parametrize(("every", "step"), EVERY_AND_STEP)
def test_a_clean_register_has_no_mark(limit_kw: float | None, every: int, step: float) -> None:
    hours = 26
    points = meter(hours * 3600, every, 48_213.0)
    coarse = {second: int(kwh / step + 1e-9) * step for second, kwh in points.items()}
    told, quality, made = quarters(coarse, hours, limit_kw, every)
    assert made.findings == ()
    assert set(quality) == {GOOD}
    assert sum(value or 0 for value in told) == pytest.approx(40 * hours, abs=step + 0.01)


def test_a_ratio_makes_coarse_steps() -> None:
    """0.01 kWh behind CT 8000 steps by 80 kWh."""
    points = meter(26 * 3600, 10, 48_213.0, 2_000.0)
    counted = {second: int(kwh / 80) * 0.01 for second, kwh in points.items()}
    rule = RegisterRule((Declaration(0, None, Fraction(8000)),), 10_000, 7_500.0)
    made = metered(series(list(counted.items())), [rule], Grid(START_MS, QUARTER_MS, 104), [Opening()])
    assert made.findings == ()
    assert set(made.table.quality[0].tolist()) == {GOOD}
    assert int(made.table.energy_wh.sum()) / 1000 == pytest.approx(52_000, abs=80)


@pytest.mark.parametrize(
    ("every", "gap_s", "jump"), [(10, 180, 9000), (300, 300, 5000), (900, 900, 40_000), (60, 3600, 900)]
)
def test_a_jump_never_raises_its_own_limit(every: int, gap_s: int, jump: float) -> None:
    """A meter without a rating, set up for good after a silence: what it counted before and after is the measure."""
    hours = 12
    true = meter(hours * 3600, every)
    points = {second: kwh for second, kwh in true.items() if not 20_000 - gap_s < second < 20_000}
    points |= {second: kwh + jump for second, kwh in points.items() if second >= 20_000}
    told, _, made = quarters(points, hours, None, every)
    assert FindingKind.JUMPED in kinds(made)
    assert max(value or 0 for value in told) < 10.1
    assert sum(value or 0 for value in told) <= 40 * hours + 0.1


def test_a_first_reading_that_is_false_is_no_energy() -> None:
    """Zeros for 26 hours, then the count: without a rating, too, nothing of it was counted."""
    points = {second: kwh if second >= 26 * 3600 else 0.0 for second, kwh in meter(30 * 3600, 60).items()}
    told, _, made = quarters(points, 30, None, 60)
    assert FindingKind.JUMPED in kinds(made)
    assert max(value or 0 for value in told) < 10.1


def test_a_register_that_stood_for_a_day_and_leaps_was_set() -> None:
    points = meter(40 * 3600, 60)
    points = {second: 48_211.0 if second < 30 * 3600 else 57_211 + 40 * (second / 3600 - 30) for second in points}
    told, _, made = quarters(points, 40, 150.0, 60)
    assert FindingKind.JUMPED in kinds(made)
    assert sum(value or 0 for value in told) == pytest.approx(400, abs=1)


def test_readings_that_are_never_believed_are_a_finding() -> None:
    """Rated 100 kW, from some minute on told in hundredths: no reading follows from another, and that is said."""
    points = {second: kwh if second < 3600 else kwh * 100 for second, kwh in meter(3 * 3600, 60).items()}
    told, _, made = quarters(points, 3, 150.0, 60)
    assert told[5:] == [None] * 7
    assert FindingKind.LEFT_OUT in kinds(made)


@pytest.mark.parametrize(
    ("every", "more", "limit_kw"),
    [(900, 60, 150.0), (900, 30, 150.0), (300, 20, 150.0), (900, 60, None), (300, 20, None)],
)
def test_an_hour_above_at_slow_polls_is_left_out(every: int, more: float, limit_kw: float | None) -> None:
    """A leap above the limit that comes back after an hour: every quarter is right, no step of 10 kWh is learned."""
    points = meter(14 * 3600, every)
    points |= {second: kwh + more for second, kwh in points.items() if 20_700 <= second < 24_300}
    told, quality, made = quarters(points, 14, limit_kw, every)
    assert_ten(told)
    assert [place for place, told_as in enumerate(quality) if told_as != GOOD] == [22, 23, 24, 25, 26]
    assert kinds(made) == [FindingKind.LEFT_OUT]
