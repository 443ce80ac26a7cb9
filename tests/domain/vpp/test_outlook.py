"""The outlook of 24 hours against the rules for one moment, and what accepted events leave of it."""

from datetime import UTC, date, datetime, timedelta
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.calendar import packaged
from parkgrid_domain.vpp.capability.forecast import UNSCORED, Score, like_days, score, seasonal_naive, sources
from parkgrid_domain.vpp.capability.headroom import Headroom, Side, behind_transformer
from parkgrid_domain.vpp.capability.outlook import SLOTS, Declared, Outlook, Promise, of_resource, together
from parkgrid_domain.vpp.capability.resources import Storage, load, photovoltaics, storage

# vpp.md 5.2
PLANT = Storage(1000, 500, 500, 0.95, 0.95, 10, 90)
QUARTER = timedelta(minutes=15)
ISSUED = datetime(2026, 10, 12, 2, 0, tzinfo=UTC)
"""Monday 12 October 2026, 10:00 in Shenzhen; Saturday the 10th is a make-up workday, 1 to 7 October are holidays."""


def declared(kind: str = "storage", **more: float) -> Declared:
    known = {"up_kw": 500, "down_kw": 500, "notice_min": 0, "sustain_min": 60, "recovery_min": 0}
    return Declared(kind, **(known | more))  # type: ignore[arg-type]


def at(found: Outlook, slot: int) -> Headroom:
    up, down = found.up, found.down
    return Headroom(Side(up.kw[slot], up.limit_at(slot)), Side(down.kw[slot], down.limit_at(slot)))


@pytest.mark.parametrize(
    ("sustain_min", "up", "down"),
    [(15, 500, 500), (30, 500, 500), (60, 380, 421.052632), (120, 190, 210.526316), (240, 95, 105.263158)],
)
def test_a_storage_holds_what_the_oracle_says(sustain_min: int, up: float, down: float) -> None:
    found = of_resource(declared(sustain_min=sustain_min), battery=(PLANT, 50))
    assert found.up.kw == pytest.approx(np.full(SLOTS, up))
    assert found.down.kw == pytest.approx(np.full(SLOTS, down))
    assert found.up.minutes[0] == pytest.approx(380 / up * 60)


@given(st.floats(0, 100), st.integers(1, 16), st.floats(0, 400), st.floats(0, 400))
def test_a_storage_agrees_with_the_rule_for_one_moment(soc: float, quarters: int, give: float, take: float) -> None:
    # Promises that begin after the last hour: only their energy counts before.
    promises = [Promise(80, 84, give, up=True), Promise(88, 92, take, up=False)]
    found = of_resource(declared(sustain_min=15 * quarters), battery=(PLANT, soc), promises=promises)
    single = storage(PLANT, soc, quarters / 4, reserved_kwh=(give, take))
    assert at(found, 0).up.kw == pytest.approx(single.up.kw)
    assert at(found, 0).down.kw == pytest.approx(single.down.kw)
    assert at(found, 0).up.limit in {single.up.limit, "energy"}


def test_an_accepted_event_is_kept_back_and_then_is_gone() -> None:
    found = of_resource(declared(recovery_min=30), battery=(PLANT, 90), promises=[Promise(8, 12, 300, up=True)])
    # 760 kWh can be given; 300 are promised: 460 in an hour before, the rest of the power during, and 460 after.
    assert at(found, 0).up == Side(pytest.approx(460), "reserved")
    assert at(found, 8).up == Side(pytest.approx(200), "reserved")
    assert at(found, 8).down == Side(0, "reserved")
    assert at(found, 12).up == at(found, 13).down == Side(0, "recovery")
    assert at(found, 14).up == Side(pytest.approx(460), "energy")
    # What was given can be taken again: 300 / 0.95 kWh of content.
    assert at(found, 14).down.kw == pytest.approx(300 / 0.95 / 0.95)
    assert found.planned_kw[8] == -300


def test_an_event_under_way_needs_only_what_is_left_of_it() -> None:
    found = of_resource(declared(), battery=(PLANT, 50), promises=[Promise(-2, 2, 300, up=True)])
    assert at(found, 0).up == Side(pytest.approx(200), "reserved")
    assert at(found, 2).up == Side(pytest.approx(380 - 150), "energy")


def test_a_load_falls_by_what_it_draws_during_all_of_the_hold() -> None:
    forecast = np.array([100.0] * 50 + [20.0] * 50)
    found = of_resource(declared("interruptible", up_kw=80, down_kw=10), forecast)
    assert at(found, 0) == Headroom(Side(80, "power"), Side(10, "power"))
    assert at(found, 46).up == Side(80, "power")
    assert at(found, 47).up == Side(20, "plan") == at(found, 95).up
    assert at(found, 60).up.kw == load(20, 0, 30, hold_h=1).up.kw


def test_a_load_that_answers_already_has_less_left() -> None:
    promises = [Promise(10, 14, 60, up=True)]
    found = of_resource(declared("shiftable", up_kw=80, down_kw=10), np.full(120, 100.0), promises=promises)
    assert at(found, 10) == Headroom(Side(20, "reserved"), Side(0, "reserved"))


def test_curtailment_is_what_the_sun_gives() -> None:
    found = of_resource(declared("pv_curtailment", up_kw=0, down_kw=90, sustain_min=15), np.full(120, -40.0))
    assert at(found, 5) == Headroom(photovoltaics(40).up, Side(40, "plan"))


def test_what_is_not_known_is_not_promised() -> None:
    forecast = np.full(120, 100.0)
    forecast[3] = nan
    found = of_resource(declared("interruptible", up_kw=80), forecast)
    assert [at(found, slot).up for slot in (2, 3, 4)] == [Side(80, "power"), Side(0, "unknown"), Side(80, "power")]
    for nothing in (of_resource(declared()), of_resource(declared("v2g"))):
        assert at(nothing, 0) == Headroom(Side(0, "unknown"), Side(0, "unknown"))


def test_nothing_is_promised_within_the_notice() -> None:
    found = of_resource(declared(notice_min=40), battery=(PLANT, 50))
    assert [at(found, slot).up.limit for slot in range(4)] == ["notice", "notice", "notice", "energy"]


@given(st.lists(st.floats(0, 300), min_size=1, max_size=5), st.floats(0, 600))
def test_a_transformer_agrees_with_the_rule_for_one_moment(drawn: list[float], limit: float) -> None:
    members = [of_resource(declared("interruptible", up_kw=150, down_kw=50), np.full(120, kw)) for kw in drawn]
    single = behind_transformer([at(each, 0) for each in members], sum(drawn), limit, limit)
    found = at(together(members, limit), 0)
    assert found.up.kw == pytest.approx(single.up.kw)
    assert found.down.kw == pytest.approx(single.down.kw)
    assert (found.down.limit == "transformer") == (single.down.limit == "transformer") or single.down.kw == 0


def test_a_pool_without_members_can_do_nothing() -> None:
    assert at(together([]), 0) == Headroom(Side(0, "plan"), Side(0, "plan"))


def test_like_days_follow_the_calendar() -> None:
    calendar = packaged()
    # Monday: the make-up Saturday, Friday and Thursday; the holidays before are none of them.
    assert list(like_days(calendar, date(2026, 10, 12)))[:4] == [
        date(2026, 10, 10),
        date(2026, 10, 9),
        date(2026, 10, 8),
        date(2026, 9, 30),
    ]
    # A year without a file: the same days of the weeks before.
    assert next(like_days(calendar, date(2099, 3, 31))) == date(2099, 3, 24)


def test_a_quarter_that_is_not_over_is_no_source() -> None:
    places = sources(packaged(), ISSUED, 100, ISSUED)
    assert places[0][0] == ISSUED - timedelta(days=2)
    # Tomorrow at 09:45 today is known, at 10:00 it is not over yet.
    assert places[95][0] == ISSUED - QUARTER
    assert places[96][0] == ISSUED - timedelta(days=2) + timedelta(0)


def test_seasonal_naive_takes_the_last_like_day_that_is_sure() -> None:
    places = sources(packaged(), ISSUED, 2, ISSUED)
    energy = {places[0][1]: 25, places[1][0]: 50, places[1][1]: 75}
    assert seasonal_naive(energy, places) == [100, 200]
    assert seasonal_naive({}, places) == [None, None]


def test_a_score_counts_errors_and_what_was_there() -> None:
    metered = {ISSUED: 25, ISSUED + QUARTER: 20, ISSUED + 2 * QUARTER: 0}
    found = score([(ISSUED, [120, 100, None, 400])], metered, 90, 1)
    # 120 against 100 W, of which 90 are promised and there; 100 against 80 W: 81 of the promised 90 are needed.
    assert found == Score(2, 20, 20, 1)
    assert found.confidence_pct == 50
    assert score([(ISSUED, [None])], metered, 90, 1) == UNSCORED
    assert UNSCORED.confidence_pct is None
    assert score([(ISSUED, [-100])], {ISSUED: -25}, 200, -1).held == 1
