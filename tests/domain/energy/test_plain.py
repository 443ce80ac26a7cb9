"""What is taken in one look comes to what judging reading by reading comes to."""

from dataclasses import replace

import numpy as np
import pytest

from parkgrid_domain.energy import Grid, Opening, Readings, RegisterRule, metered
from parkgrid_domain.energy.course import Course

DAY_MS = 86_400_000
START_MS = 1_700_006_400_000


def clean(seed: int, days: int) -> tuple[Readings, RegisterRule]:
    """A register that only rises: any load, period, step and pauses."""
    chance = np.random.default_rng(seed)
    period_s = int(chance.choice([10, 60, 300, 900]))
    count = days * 86_400 // period_s
    at_ms = START_MS + np.arange(count + 1, dtype=np.int64) * period_s * 1000
    at_ms += chance.integers(0, period_s * 200, count + 1)
    power_kw = chance.uniform(5, 60) * (1 + 0.5 * np.sin(np.arange(count + 1) * period_s / 7_000))
    # It stands still now and then, for up to some hours.
    for begin in chance.integers(0, count, 3).tolist():
        power_kw[begin : begin + int(chance.integers(1, 8 * 3600 // period_s + 2))] = 0.0
    step_wh = int(chance.choice([1, 10, 100]))
    energy_wh = np.cumsum(power_kw * np.diff(at_ms, prepend=at_ms[0]) / 3_600.0)
    steps = ((4_000_000 + energy_wh) // step_wh * step_wh).astype(np.int64)
    # Some readings never came.
    here = chance.random(count + 1) > 0.02
    zeros = np.zeros(int(here.sum()), np.int32)
    readings = Readings(zeros, at_ms[here], steps[here], np.ones(len(zeros), np.int8), zeros.astype(np.bool_))
    return readings, RegisterRule((), period_s * 1000, None)


def rounds(readings: Readings, rule: RegisterRule, cuts_ms: list[int]) -> tuple[list[int], list[Course]]:
    """Energy of all quarters, computed from cut to cut, and the courses of belief."""
    energies: list[int] = []
    courses: list[Course] = []
    opening = Opening(edges_ms=(cuts_ms[1],))
    for begin_ms, end_ms in zip(cuts_ms, cuts_ms[1:], strict=False):
        reach_ms = (
            opening.belief.anchor_ms if opening.belief.unsure is None else begin_ms - 20 * rule.period_ms - DAY_MS
        )
        given = readings.chosen((readings.at_ms >= min(reach_ms, begin_ms)) & (readings.at_ms <= end_ms + 3_600_000))
        grid = Grid(begin_ms, 900_000, (end_ms - begin_ms) // 900_000)
        made = metered(given, [rule], grid, [replace(opening, edges_ms=(end_ms,))])
        energies += made.table.energy_wh[0].tolist()
        courses.append(made.courses[0])
        opening = Opening(made.courses[0].beliefs[0], end_ms)
    return energies, courses


@pytest.mark.parametrize("seed", range(12))
def test_one_look_equals_reading_by_reading(seed: int) -> None:
    readings, rule = clean(seed, 3)
    cuts = [START_MS + day * DAY_MS for day in range(4)]
    # From nothing every reading is judged; from a day before them they are taken in one look.
    whole = metered(readings, [rule], Grid(START_MS, 900_000, 288), [Opening(edges_ms=tuple(cuts[1:]))])
    energies, courses = rounds(readings, rule, cuts)
    assert energies == whole.table.energy_wh[0].tolist()
    assert [course.beliefs[0] for course in courses] == list(whole.courses[0].beliefs[:3])
