"""The cases every metering system gets wrong somewhere; expectations computed by hand beside them."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from parkgrid_domain.energy import (
    Declaration,
    FindingKind,
    Grid,
    IntervalQuality,
    IntervalTable,
    Metered,
    Opening,
    Readings,
    RegisterRule,
    interval_energy,
    metered,
)
from parkgrid_domain.period import period

QUARTER_MS = 900_000
START_MS = 1_700_000_100_000
"""A quarter of an hour: 1,700,000,100 s = 900 * 1,888,889."""
MISSING, GOOD, ESTIMATED = IntervalQuality.MISSING, IntervalQuality.GOOD, IntervalQuality.ESTIMATED


def readings(*points: tuple[int, int], start_ms: int = START_MS, trust: Sequence[int] | None = None) -> Readings:
    """Readings of one register: (minutes after the start, steps)."""
    return Readings(
        register=np.zeros(len(points), dtype=np.int32),
        at_ms=np.array([start_ms + minute * 60_000 for minute, _ in points], dtype=np.int64),
        steps=np.array([steps for _, steps in points], dtype=np.int64),
        trust=np.array(trust or [1] * len(points), dtype=np.int8),
        late=np.zeros(len(points), dtype=np.bool_),
    )


def rule(*declarations: Declaration, period_min: int = 15, limit_kw: float | None = None) -> RegisterRule:
    """A register read every quarter of an hour unless told otherwise."""
    return RegisterRule(declarations, period_min * 60_000, limit_kw)


def width(modulus_steps: int | None, ratio: int | Fraction = 1) -> Declaration:
    """Declared from the beginning."""
    return Declaration(0, modulus_steps, Fraction(ratio))


def table(given: Readings, ruled: RegisterRule, count: int, start_ms: int = START_MS) -> IntervalTable:
    """Quarter-hours from the start on."""
    return interval_energy(given, [ruled], Grid(start_ms, QUARTER_MS, count))


def everything(given: Readings, ruled: RegisterRule, count: int) -> Metered:
    """Quarter-hours from the start on, with what was found."""
    return metered(given, [ruled], Grid(START_MS, QUARTER_MS, count), [Opening()])


def before(steps: int, rise: int) -> list[tuple[int, int]]:
    """Two hours of quarters up to the start, which has so many steps."""
    return [(15 * n, steps + rise * n) for n in range(-8, 1)]


def energies(result: IntervalTable) -> list[int | None]:
    """Wh of the one register, None where missing."""
    return [
        None if quality == MISSING else int(energy)
        for energy, quality in zip(result.energy_wh[0], result.quality[0], strict=True)
    ]


@pytest.mark.parametrize(
    ("modulus", "old", "new", "energy", "quality"),
    [
        # u32: 2^32 - 4294967290 + 15 = 6 + 15 = 21
        (2**32, 4_294_967_290, 15, 21, GOOD),
        # DL/T 645, 10^6 kWh in Wh: 1,000,000,000 - 999,999,980 + 30 = 20 + 30 = 50 Wh = 0.05 kWh
        (10**9, 999_999_980, 30, 50, GOOD),
    ],
)
def test_a_register_passes_its_top(modulus: int, old: int, new: int, energy: int, quality: int) -> None:
    result = table(readings((0, old), (15, new)), rule(width(modulus)), 1)
    assert energies(result) == [energy]
    assert result.quality[0, 0] == quality


def test_a_changed_meter_is_no_roll_over() -> None:
    """125000 -> 12 kWh of a six-digit register: reset, 12 kWh since, never +875,012."""
    points = [*before(125_000_000, 500), *((15 * n, 11_500 + 500 * n) for n in range(1, 6))]
    made = everything(readings(*points), rule(width(10**9), limit_kw=100.0), 5)
    assert energies(made.table) == [12_000, 500, 500, 500, 500]
    assert made.table.quality[0].tolist() == [ESTIMATED, GOOD, GOOD, GOOD, GOOD]
    assert [(one.kind, one.energy_wh) for one in made.findings] == [(FindingKind.RESET, 12_000)]


def test_a_count_that_begins_above_its_limit_is_no_reset() -> None:
    """It never rose by more than 500 Wh a quarter, so 12,000 Wh in one is unknown: a finding, and no energy."""
    points = [*before(125_000_000, 500), *((15 * n, 11_500 + 500 * n) for n in range(1, 6))]
    made = everything(readings(*points), rule(width(10**9)), 5)
    assert energies(made.table) == [None, 500, 500, 500, 500]
    assert [(one.kind, one.energy_wh) for one in made.findings] == [(FindingKind.JUMPED, 12_000)]


def test_a_small_fall_that_comes_back_is_left_out() -> None:
    """2 Wh less for five readings, then 8 Wh more: C = 0, 1.3, 2.7, 4, 5.3, 6.7, 8, never 371,169,750 Wh."""
    low = [(15 * quarter, 371_169_750) for quarter in range(1, 6)]
    result = table(readings(*before(371_169_752, 0), *low, (90, 371_169_760)), rule(), 6)
    assert energies(result) == [1, 2, 1, 1, 2, 1]
    assert set(result.quality[0].tolist()) == {ESTIMATED}


def test_a_fall_waits_until_the_new_count_has_moved() -> None:
    """A false count or a reset, nobody knows; three readings that move, five minutes each at most, decide."""
    low = [(15, 5), (30, 6), (45, 7)]
    waiting = everything(readings(*before(900, 10), *low[:2]), rule(limit_kw=1.0), 4)
    assert energies(waiting.table) == [None] * 4
    assert waiting.table.received[0].tolist() == [1, 1, 1, 0]
    assert waiting.table.valid[0].tolist() == [1, 0, 0, 0]
    assert waiting.findings == ()
    decided = table(readings(*before(900, 10), *low, (60, 9)), rule(limit_kw=1.0), 4)
    assert energies(decided) == [5, 1, 1, 2]
    still = table(readings(*before(900, 10), *((15 * n, 0) for n in range(1, 40))), rule(limit_kw=1.0), 4)
    assert energies(still) == [None] * 4


@pytest.mark.parametrize("false", [[0], [0, 0], [0, 0, 0], [65_535], [0, 65_535], [65_535, 65_535]])
def test_false_readings_count_nothing(false: list[int]) -> None:
    """100 -> false ... -> 100 + 10 a quarter-hour: the way over them is pro rata and flagged."""
    good = [*before(100, 10), *((15 * (2 + len(false) + n), 120 + 10 * (len(false) + n)) for n in range(-1, 2))]
    given = sorted([*good, *((15 * (1 + n), value) for n, value in enumerate(false))])
    result = table(readings(*given), rule(), len(false) + 3)
    assert energies(result)[: len(false) + 2] == [10] * (len(false) + 2)
    assert result.quality[0, : len(false) + 1].tolist() == [ESTIMATED] * (len(false) + 1)
    assert result.valid[0, 1 : 1 + len(false)].tolist() == [0] * len(false)


def test_a_changed_meter_with_a_new_ratio() -> None:
    """Old meter x60 up to 5,010 at minute 20, new one x80 from 7.

    Quarter 1: (5,006 - 5,000) * 60 = 360. The old one then counts 4 * 60 = 240 in 5 minutes, the new one
    (12 - 7) * 80 = 400 in 10: quarter 2 has 640. Quarter 3: (15 - 12) * 80 = 240.
    """
    change = Declaration(START_MS + 20 * 60_000, 10**9, Fraction(80), initial_steps=7, final_steps=5_010)
    points = [(0, 5_000), (15, 5_006), (30, 12), (45, 15)]
    result = table(readings(*points), rule(width(10**9, 60), change), 3)
    assert energies(result) == [360, 640, 240]
    assert result.quality[0].tolist() == [GOOD] * 3


def test_a_changed_meter_whose_values_nobody_wrote_down() -> None:
    """The known parts count: 360 up to minute 15 and 240 from minute 75 on; whole intervals between are missing."""
    change = Declaration(START_MS + 22 * 60_000, None, Fraction(80))
    result = table(readings((0, 5_000), (20, 5_008), (75, 12), (90, 15)), rule(width(None, 60), change), 6)
    # minute 0..15: 480 * 15 / 20 = 360; 15..20: 120, then nothing known up to minute 75
    assert energies(result) == [360, 120, None, None, None, 240]


def test_an_outage_is_spread_evenly_and_flagged() -> None:
    """1,000 Wh over 7 quarter-hours: C = 0, 143, 286, 429, 571, 714, 857, 1000 (n * 1000 / 7, rounded)."""
    result = table(readings((0, 50), (105, 1_050)), rule(), 7)
    assert energies(result) == [143, 143, 143, 142, 143, 143, 143]
    assert set(result.quality[0].tolist()) == {ESTIMATED}


def test_a_month_ends_at_local_midnight() -> None:
    """November 2026 in Shanghai starts on 31 October 16:00 UTC and has 30 * 96 quarter-hours."""
    month = period("2026-11")
    count = (month.end_ms - month.start_ms) // QUARTER_MS
    assert count == 2880
    points = [(15 * n, 7 * n) for n in range(-2, count + 3)]
    given = readings(*[(minute, steps + 14) for minute, steps in points], start_ms=month.start_ms)
    result = table(given, rule(), count, month.start_ms)
    assert int(result.energy_wh.sum()) == 7 * 2880
    assert set(result.quality[0].tolist()) == {GOOD}
    assert result.first_at_ms[0, 0] == month.start_ms
    assert result.last_at_ms[0, -1] == month.end_ms


def test_a_roll_over_must_fit_the_power_limit() -> None:
    """u32 +21 Wh in 15 min passes under 1 kW; +2e8 of 2^32 would be 800 MW and is a reset instead."""
    fits = table(readings((0, 2**32 - 6), (15, 15)), rule(width(2**32), limit_kw=1.0), 1)
    assert energies(fits) == [21]
    points = [*before(2**32 - 200_000_000, 7), *((15 * n, 7 * n) for n in range(1, 5))]
    reset = table(readings(*points), rule(width(2**32), limit_kw=1.0), 4)
    assert energies(reset) == [7, 7, 7, 7]
    assert reset.quality[0].tolist() == [ESTIMATED, GOOD, GOOD, GOOD]


def test_a_rise_above_the_limit_is_never_booked() -> None:
    """1 kW for 16 min (a minute of slack) and the step of 50 Wh that was learned allow 266.7 + 50 = 316 Wh."""
    made = everything(risen_by(317), rule(limit_kw=1.0), 5)
    assert energies(made.table) == [None, 50, 50, 50, 50]
    assert [(one.kind, one.from_steps, one.steps, one.energy_wh) for one in made.findings] == [
        (FindingKind.JUMPED, 400, 717, 317)
    ]


def test_an_interval_above_the_limit_is_never_booked() -> None:
    """No quarter holds more than 1 kW and one step: 250 + 50 = 300 Wh; 316 are a jump."""
    made = everything(risen_by(316), rule(limit_kw=1.0), 5)
    assert energies(made.table) == [None, 50, 50, 50, 50]
    assert [(one.kind, one.energy_wh) for one in made.findings] == [(FindingKind.JUMPED, 316)]
    allowed = everything(risen_by(300), rule(limit_kw=1.0), 5)
    assert energies(allowed.table) == [300, 50, 50, 50, 50]
    assert allowed.table.quality[0].tolist() == [GOOD] * 5
    assert allowed.findings == ()


def risen_by(rise: int) -> Readings:
    """50 Wh a quarter, and once more."""
    return readings(*before(400, 50), *((15 * n, 350 + rise + 50 * n) for n in range(1, 6)))


def test_a_short_jump_is_estimated_by_the_power_beside_it() -> None:
    """60 Wh a minute on both sides of a jump: the minute across it is taken as one of them, 15 * 60 = 900 Wh."""
    points = [(n, 100_000 + 60 * n + (50_000 if n > 7 else 0)) for n in range(-60, 61)]
    made = everything(readings(*points), rule(period_min=1, limit_kw=10.0), 4)
    assert energies(made.table) == [900, 900, 900, 900]
    assert made.table.quality[0].tolist() == [ESTIMATED, GOOD, GOOD, GOOD]
    assert [(one.kind, one.energy_wh) for one in made.findings] == [(FindingKind.JUMPED, 50_060)]


def test_a_count_from_zero_is_a_reset() -> None:
    """1,000 -> 0, 60, 120: nothing was counted before zero, 60 a quarter since."""
    points = [*before(1_000, 60), *((15 * n, 60 * n - 60) for n in range(1, 6))]
    result = table(readings(*points), rule(limit_kw=1.0), 4)
    assert energies(result) == [0, 60, 60, 60]
    assert result.quality[0].tolist() == [ESTIMATED, GOOD, GOOD, GOOD]


def test_edges_between_readings_are_interpolated() -> None:
    """Read at minutes -5, 10, 25, 40: C(0) = 90 * 5/15 = 30, C(15) = 90 + 60 * 5/15 = 110, C(30) = 150 + 10 = 160."""
    result = table(readings((-5, 0), (10, 90), (25, 150), (40, 180)), rule(), 2)
    assert energies(result) == [80, 50]
    assert result.quality[0].tolist() == [GOOD, GOOD]
    assert (result.first_steps[0].tolist(), result.last_steps[0].tolist()) == ([0, 90], [150, 180])
    assert result.first_at_ms[0, 0] == START_MS - 5 * 60_000
    assert result.last_at_ms[0, 1] == START_MS + 40 * 60_000


def test_flagged_readings_make_their_intervals_estimated() -> None:
    result = table(readings((0, 0), (15, 5), (30, 9), (45, 12), (60, 13), trust=[1, 1, 2, 1, 1]), rule(), 4)
    assert energies(result) == [5, 4, 3, 1]
    assert result.quality[0].tolist() == [GOOD, ESTIMATED, ESTIMATED, GOOD]
    assert result.estimated[0].tolist() == [0, 0, 1, 0]


def test_untrusted_readings_are_received_and_nothing_else() -> None:
    result = table(readings((0, 0), (15, 777), (30, 9), trust=[1, 0, 1]), rule(), 2)
    assert (result.received[0].tolist(), result.valid[0].tolist()) == ([1, 1], [1, 0])
    # 9 Wh over two quarters: C(15) = 4.5 -> 5
    assert energies(result) == [5, 4]


def test_late_readings_are_counted_as_late() -> None:
    given = readings((0, 0), (15, 5), (30, 9))
    late = Readings(given.register, given.at_ms, given.steps, given.trust, np.array([False, True, True]))
    assert table(late, rule(), 2).late[0].tolist() == [0, 1]


def test_a_reading_at_the_instant_of_a_change_belongs_to_the_new_meter() -> None:
    """Old meter x2 from 100 to its final 110: 20 Wh; the new one reads 5 then 9 with ratio 3: 12 Wh."""
    change = Declaration(START_MS + 15 * 60_000, None, Fraction(3), initial_steps=5, final_steps=110)
    result = table(readings((0, 100), (15, 5), (30, 9)), rule(width(None, 2), change), 2)
    assert energies(result) == [20, 12]


def test_a_width_declared_later_keeps_the_count() -> None:
    """Only the width becomes known: no other count starts, and the top is passed with 20 + 30 Wh."""
    known = Declaration(START_MS + 5 * 60_000, 10**9, Fraction(1))
    points = [(0, 999_999_970), (15, 999_999_980), (30, 30)]
    assert energies(table(readings(*points), rule(width(None), known), 2)) == [10, 50]


def test_years_without_a_reading_do_not_overflow() -> None:
    """10^15 steps over 400 days: 10^15 / (400 * 96) = 26,041,666,666.67 Wh a quarter-hour."""
    result = table(readings((0, 0), (400 * 24 * 60, 10**15)), rule(limit_kw=2e8), 400 * 96)
    assert int(result.energy_wh.sum()) == 10**15
    assert set(result.energy_wh[0].tolist()) == {26_041_666_666, 26_041_666_667}


def test_nothing_read_is_missing_and_expected() -> None:
    result = table(readings(), rule(period_min=5), 2)
    assert energies(result) == [None, None]
    assert result.expected[0].tolist() == [3, 3]
    assert result.first_at_ms[0].tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("given", "ruled", "grid", "reason"),
    [
        (readings((15, 1), (0, 1)), rule(), Grid(START_MS, QUARTER_MS, 1), "sort by register and instant"),
        (readings((0, 1), (0, 1)), rule(), Grid(START_MS, QUARTER_MS, 1), "keep one reading an instant"),
        (readings((0, 1)), rule(), Grid(START_MS, 0, 1), "are not a grid"),
        (readings((0, 1)), rule(), Grid(-1, QUARTER_MS, 1), "1970"),
        (readings((0, 1)), rule(period_min=0), Grid(START_MS, QUARTER_MS, 1), "reading period"),
        (readings((0, 1)), rule(width(None, 0)), Grid(START_MS, QUARTER_MS, 1), "ratio of 0"),
        (readings((0, 1)), rule(width(None, Fraction(2**40, 3**30))), Grid(START_MS, QUARTER_MS, 1), "nine digits"),
    ],
)
def test_what_cannot_be_computed_is_refused(given: Readings, ruled: RegisterRule, grid: Grid, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        interval_energy(given, [ruled], grid)


def test_a_reading_without_a_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="one rule for each register"):
        interval_energy(readings((0, 1)), [], Grid(START_MS, QUARTER_MS, 1))


@pytest.mark.parametrize(("new", "energy", "quality"), [(500, 1_000, GOOD), (501, 501, ESTIMATED)])
def test_near_the_top_is_a_tenth_of_the_width(new: int, energy: int, quality: int) -> None:
    """10,000 - 9,500 + 500 = 1,000 is a tenth and passes the top; one step more is a reset."""
    points = [*before(9_500, 10), *((15 * n, new - 10 + 10 * n) for n in range(1, 6))]
    result = table(readings(*points), rule(width(10_000), limit_kw=10.0), 2)
    assert energies(result) == [energy, 10]
    assert result.quality[0].tolist() == [quality, GOOD]
