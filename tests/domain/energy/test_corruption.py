"""Registers whose truth is known, and what the field makes of them: no energy that never was, and none that is lost.

Long loop: `pytest tests/domain/energy/test_corruption.py --corruption-seeds 500`. A failure names the seed.
"""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from parkgrid_domain.energy import (
    FindingKind,
    Grid,
    IntervalQuality,
    Metered,
    Opening,
    Readings,
    RegisterRule,
    in_order,
    metered,
    reach_ms,
)
from parkgrid_domain.energy.meter import LEARNED
from parkgrid_domain.energy.readings import NONE
from tests.domain.energy.corruption import KINDS, RATED_KW, START_MS, Field, corrupt, true_register

QUARTER_MS = 900_000
NIGHTLY_SEEDS = 500
SEEDS = (*range(20), 71, 81, 102, 138, 168, 180, 197)
UNDECIDED = {
    71: "two hours of noise on an unrated register of which two rises were seen: taken for a reset, 20 kWh too much",
}
"""Seeds whose total is not within the bar, with what was looked at."""
HOURS = {10: 9, 30: 12, 60: 24, 300: 60, 900: 120}
"""Seconds between readings to the hours that are looked at."""
LIMIT_KW = 1.5 * RATED_KW
WH_A_QUARTER = LIMIT_KW * 900 / 3.6
AT_THE_END = 2
"""The last intervals may still wait for what comes later."""


@dataclass(frozen=True, slots=True)
class Case:
    """One register with its spells of corruption."""

    made: Field
    rule: RegisterRule
    grid: Grid
    spells: int


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The fixed seeds, or so many as are asked for."""
    if "seed" in metafunc.fixturenames:
        nightly = metafunc.config.getoption("--nightly")
        asked = metafunc.config.getoption("--corruption-seeds", None) or (NIGHTLY_SEEDS if nightly else None)
        metafunc.parametrize("seed", range(asked) if asked else SEEDS)


def drawn(seed: int) -> Case:
    """A register of any step, with a rating or without, and up to six spells of corruption."""
    chance = Random(seed)
    period_s = chance.choice(list(HOURS))
    seconds = HOURS[period_s] * 3600
    # A register that moves less than ten times in the series says nothing.
    steps = [step for step in (1, 10, 100, 1_000, 10_000, 100_000) if step * 10 <= 11 * (seconds + 7_200)]
    made = true_register(chance, period_s, chance.choice(steps), seconds, chance.choice([0, 9.3, 48_211, 812_345.678]))
    spells = chance.choice([0, 1, 3, 6])
    for _ in range(spells):
        at_ms = START_MS + chance.randint(3_600_000, seconds * 1000 - 14_400_000)
        span_ms = chance.choice([period_s, 5 * period_s, 60, 300, 1_800, 7_200]) * 1000
        corrupt(made, chance, chance.choice(KINDS), at_ms, span_ms)
    rule = RegisterRule((), period_s * 1000, LIMIT_KW if chance.random() < 0.5 else None)
    return Case(made, rule, Grid(START_MS, QUARTER_MS, seconds // 900), spells)


def arrived(told: dict[int, int], chance: Random) -> Readings:
    """The readings in any order, some of them twice."""
    points = list(told.items())
    points += chance.sample(points, len(points) // 10)
    chance.shuffle(points)
    readings = Readings(
        np.zeros(len(points), np.int32),
        np.array([at for at, _ in points], np.int64),
        np.array([steps for _, steps in points], np.int64),
        np.ones(len(points), np.int8),
        np.zeros(len(points), np.bool_),
    )
    return in_order(readings)


def truth(case: Case) -> NDArray[np.int64]:
    """Wh of each interval between the true readings."""
    at_ms = sorted(case.made.true)
    counts = np.interp(case.grid.edges_ms, at_ms, [case.made.true[at] for at in at_ms])
    return np.diff(np.floor(counts + 0.5).astype(np.int64))


def near(case: Case) -> NDArray[np.bool_]:
    """Intervals that touch corruption, and one on each side."""
    made, found = case.made, np.zeros(case.grid.count, np.bool_)
    margin_ms = made.period_s * 1_100
    for first_ms, last_ms in (seen(made, *spell) for spell in made.touched):
        low = (first_ms - margin_ms - START_MS) // QUARTER_MS - 1
        high = (last_ms + margin_ms - START_MS) // QUARTER_MS + 2
        found[max(0, low) : max(0, high)] = True
    return found


def seen(made: Field, first_ms: int, last_ms: int) -> tuple[int, int]:
    """A spell as far as anybody can see it in the readings.

    One that begins while the register stands still begins when it came to stand: the readings are the same. A false
    step up ends when the true count has come as far: until then it may as well be the later readings that are low.
    """
    at_ms = np.array(sorted(made.true))
    counts = np.array([made.true[at] for at in at_ms.tolist()])
    before = max(0, int(np.searchsorted(at_ms, first_ms)) - 1)
    first_ms = min(first_ms, int(at_ms[np.searchsorted(counts, counts[before])]))
    above = [made.told[at] - made.true[at] for at in made.told if first_ms <= at <= last_ms and at in made.true]
    if 0 < max(above, default=0) <= made.step:
        after = int(np.searchsorted(counts, made.true[max(at for at in made.true if at <= last_ms)] + made.step))
        last_ms = max(last_ms, int(at_ms[min(after, len(at_ms) - 1)]))
    return first_ms, last_ms


def withheld_wh(case: Case, made: Metered) -> int:
    """What findings hold where a clock stepped: a count that comes an hour early leaps, and comes back by no leap."""
    early = [(first, last) for first, last in case.made.touched if first not in case.made.true]
    return sum(
        each.energy_wh
        for each in made.findings
        if each.kind is FindingKind.JUMPED
        and each.steps > each.from_steps
        and any(first <= each.at_ms <= last for first, last in early)
    )


def test_no_energy_that_never_was_and_none_lost(seed: int) -> None:
    case, chance = drawn(seed), Random(seed)
    made = metered(arrived(case.made.told, chance), [case.rule], case.grid, [Opening()])
    energy_wh, quality, true_wh = made.table.energy_wh[0], made.table.quality[0], truth(case)
    assert int(energy_wh.max()) <= most_wh(case)
    clean = ~near(case)
    clean[-AT_THE_END:] = False
    assert set(quality[clean].tolist()) <= {int(IntervalQuality.GOOD)}
    assert int(np.abs(energy_wh - true_wh)[clean].max(initial=0)) <= 1
    total, told = int(true_wh[:-AT_THE_END].sum()), int(energy_wh[:-AT_THE_END].sum())
    within = abs(told + withheld_wh(case, made) - total) <= 0.001 * total + case.made.step
    assert within == (seed not in UNDECIDED), UNDECIDED.get(seed, f"{told} Wh of {total} Wh")
    if not case.spells:
        assert made.findings == ()


def most_wh(case: Case) -> float:
    """What one interval may hold: rated power and one step; where it is learned, five times what was ever shown."""
    if case.rule.limit_kw is not None:
        return WH_A_QUARTER + case.made.step
    shown_wh = RATED_KW * 900 / 3.6 + 15 * case.made.step
    return LEARNED * shown_wh + case.made.step


def test_any_rounds_give_the_same(seed: int) -> None:
    """Going on from what was believed at an instant gives the same as one round, or tells from where it does not."""
    case, chance = drawn(seed), Random(seed)
    slots = sorted(chance.sample(range(1, case.grid.count), 5))
    edges = tuple(START_MS + slot * QUARTER_MS for slot in slots)
    whole = metered(arrived(case.made.told, chance), [case.rule], case.grid, [Opening(edges_ms=edges)])
    for number, slot in enumerate(slots):
        belief = whole.courses[0].beliefs[number]
        begin_ms = edges[number] - reach_ms(case.rule.period_ms)
        given = {at: steps for at, steps in case.made.told.items() if at >= begin_ms}
        given |= {belief.at_ms: belief.steps} if belief.at_ms != NONE else {}
        opening = Opening(belief, edges[number], edges[number + 1 :])
        part = metered(arrived(given, chance), [case.rule], case.grid, [opening])
        if part.courses[0].reopened_ms != NONE:
            # It tells from where on to meter again instead; a clean register never does.
            assert case.spells
            assert part.courses[0].reopened_ms < edges[number]
            continue
        # What is kept of chains that lost may differ by the thousandths of a second that a flat reading costs.
        later = whole.courses[0].beliefs[number + 1 :]
        assert [(each.at_ms, each.steps) for each in part.courses[0].beliefs] == [
            (each.at_ms, each.steps) for each in later
        ]
        assert_same_from(part, whole, slot)


def assert_same_from(part: Metered, whole: Metered, slot: int) -> None:
    assert part.table.energy_wh[0, slot:].tolist() == whole.table.energy_wh[0, slot:].tolist()
    assert part.table.quality[0, slot:].tolist() == whole.table.quality[0, slot:].tolist()
