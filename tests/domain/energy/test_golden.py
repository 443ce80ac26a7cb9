"""The cases every metering system gets wrong somewhere; expectations computed by hand beside them."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from domain.energy import (
    Declaration,
    Grid,
    IntervalQuality,
    IntervalTable,
    Readings,
    RegisterRule,
    interval_energy,
)
from domain.period import period

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
    points = [(0, 125_000_000), (15, 12_000), (30, 12_000), (45, 12_000), (60, 12_000)]
    result = table(readings(*points), rule(width(10**9)), 4)
    assert energies(result) == [12_000, 0, 0, 0]
    assert result.quality[0].tolist() == [ESTIMATED, GOOD, GOOD, GOOD]


def test_a_fall_waits_for_a_later_reading() -> None:
    """Three readings below: false ones or a reset, nobody knows yet; the fourth decides."""
    low = [(15, 5), (30, 6), (45, 7)]
    waiting = table(readings((0, 900), *low), rule(), 4)
    assert energies(waiting) == [None] * 4
    assert waiting.received[0].tolist() == [1, 1, 1, 1]
    assert waiting.valid[0].tolist() == [1, 0, 0, 0]
    decided = table(readings((0, 900), *low, (60, 9)), rule(), 4)
    assert energies(decided) == [5, 1, 1, 2]


@pytest.mark.parametrize("false", [[0], [0, 0], [0, 0, 0], [65_535], [0, 65_535], [65_535, 65_535]])
def test_false_readings_count_nothing(false: list[int]) -> None:
    """100 -> false ... -> 100 + 10 a quarter-hour: the way over them is pro rata and flagged."""
    good = [(0, 100), *((15 * (2 + len(false) + n), 120 + 10 * (len(false) + n)) for n in range(-1, 2))]
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
