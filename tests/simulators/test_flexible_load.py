"""Loads off their plan: what is lost, what is drawn later, and the bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_simulators.flexible_load import FlexibleLoad

STEP = 2000


def load(*, shiftable: bool, minutes: float = 60, least: int = 10_000, most: int = 100_000) -> FlexibleLoad:
    return FlexibleLoad(shiftable, least, most, round(minutes * 60_000))


def test_an_interruptible_load_loses_what_it_does_not_draw() -> None:
    one = load(shiftable=False)
    assert one.power_w(80_000, 30_000, STEP) == (30_000, "")
    assert one.power_w(80_000, None, STEP) == (80_000, "")
    assert one.power_w(80_000, 90_000, STEP) == (80_000, "demand")
    assert one.owed == 0
    # Running as planned uses no time.
    assert one.used_ms == STEP


def test_a_shiftable_load_draws_it_later_and_in_advance() -> None:
    one = load(shiftable=True)
    assert one.power_w(80_000, 30_000, STEP) == (30_000, "")
    assert one.power_w(80_000, None, STEP) == (100_000, "")
    assert one.power_w(80_000, None, STEP) == (100_000, "")
    assert one.power_w(80_000, None, STEP) == (90_000, "")
    assert one.power_w(80_000, None, STEP) == (80_000, "")
    assert one.power_w(20_000, 100_000, STEP) == (100_000, "")
    assert one.power_w(20_000, None, STEP) == (10_000, "")


@pytest.mark.parametrize("shiftable", [True, False])
def test_its_time_a_day_ends(shiftable) -> None:
    one = load(shiftable=shiftable, minutes=1)
    steps = [one.power_w(50_000, 10_000, STEP) for _ in range(40)]
    assert [reason for _, reason in steps].count("time") == 10
    assert steps[29] == (10_000, "")
    assert steps[30][0] == (100_000 if shiftable else 50_000)
    one.begin_day()
    assert one.power_w(50_000, 10_000, STEP) == (10_000, "")


ASKED = st.one_of(st.none(), st.integers(-50_000, 300_000))


@given(st.lists(st.tuples(st.integers(0, 150_000), ASKED), max_size=60), st.sampled_from([2000, 333, 60_000]))
def test_drawn_and_owed_are_together_the_plan(steps, milliseconds) -> None:
    one, drawn, planned = load(shiftable=True), 0, 0
    for plan, wanted in steps:
        power, _ = one.power_w(plan, wanted, milliseconds)
        assert 10_000 <= power <= 100_000
        drawn += power * milliseconds
        planned += min(max(plan, 10_000), 100_000) * milliseconds
    assert drawn + one.owed == planned
    for _ in range(2000):
        one.power_w(55_000, None, 60_000)
    assert abs(one.owed) < 60_000
