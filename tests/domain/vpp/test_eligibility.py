"""Whether a baseline is good enough: errors worked out by hand, days that are left out, limits, hours over midnight."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.calendar import packaged as china
from parkgrid_domain.vpp.baseline.load import Load
from parkgrid_domain.vpp.baseline.rule import BaselineRule, published
from parkgrid_domain.vpp.eligibility import USUAL_HOURS, Hours, days_of, rests_on, tried, why_not
from parkgrid_domain.vpp.pack import published as packs

PACK = packs()["guangdong-2026"]
FIRST, LAST = date(2026, 6, 29), date(2026, 8, 28)
"""Nine whole weeks without a holiday, from a Monday to a Friday."""
HOURS = USUAL_HOURS["day_ahead"]


def the_day_before() -> BaselineRule:
    """The workday before, nothing else."""
    rule = replace(published()["workday-5"], candidates=1, chosen=1, least_days=1)
    return replace(rule, low_pct=Decimal(0), high_pct=Decimal(0))


def load(friday_kw: int = 200) -> Load:
    """100 kW, and another power on Fridays; from three weeks before the first day on."""
    energy = {}
    for number in range((LAST - FIRST).days + 22):
        day = FIRST - timedelta(days=21) + timedelta(days=number)
        kw = friday_kw if day.weekday() == 4 else 100
        energy.update(dict.fromkeys(HOURS.on(day), kw * 250))
    return Load(energy)


def test_errors_of_a_rule_over_whole_weeks() -> None:
    # Mondays 200 for 100, Fridays 100 for 200, else right: MAE 40, mean 120, RRMSE sqrt(20000 / 5) / 120 = 52.705 %.
    days = days_of(FIRST, LAST, the_day_before(), china())
    found = tried("mine", the_day_before(), PACK, load(), china(), days, HOURS)
    assert (found.rule, found.days, found.from_, found.to) == ("mine", 45, FIRST, LAST)
    assert (found.mae_kw, found.bias_pct, found.rrmse_pct) == (40, 0, Decimal("52.705"))
    assert (found.passes, found.why) == (False, "RRMSE is 52.705 %, at most 20 % is allowed")


def test_a_steady_load_passes_and_a_day_with_an_event_is_no_comparison() -> None:
    days = days_of(FIRST, LAST, the_day_before(), china())
    found = tried("mine", the_day_before(), PACK, load(100), china(), days, HOURS, busy={FIRST + timedelta(days=3)})
    assert (found.days, found.rrmse_pct, found.passes, found.why) == (44, 0, True, "")


def test_days_that_are_not_sure_are_left_out_and_too_few_do_not_pass() -> None:
    days = days_of(FIRST, FIRST + timedelta(days=25), the_day_before(), china())
    holed = dict(load(100).energy_wh)
    del holed[HOURS.on(days[3])[2]]
    found = tried("mine", the_day_before(), PACK, Load(holed), china(), days, HOURS)
    assert (len(days), found.days, found.why) == (20, 19, "19 days could be compared, 20 are needed")
    assert not found.passes


def test_nothing_drawn_is_no_proof() -> None:
    days = days_of(FIRST, LAST, the_day_before(), china())
    assert (
        tried("mine", the_day_before(), PACK, Load({}), china(), days, HOURS).why == "nothing was drawn on these days"
    )


@pytest.mark.parametrize(
    ("days", "bias", "rrmse", "why"),
    [
        (20, "5", "20", ""),
        (20, "-5.001", "1", "bias is -5.001"),
        (20, "0", "20.001", "RRMSE"),
        (19, "0", "0", "19 days"),
    ],
)
def test_limits_of_a_pack(days: int, bias: str, rrmse: str, why: str) -> None:
    assert why_not(PACK, days, Decimal(bias), Decimal(rrmse)).startswith(why)
    assert bool(why_not(PACK, days, Decimal(bias), Decimal(rrmse))) == bool(why)


def test_hours_over_midnight_end_on_the_next_day() -> None:
    quarters = Hours(time(23, 30), time(0, 30)).on(FIRST)
    assert quarters[0] == datetime(2026, 6, 29, 23, 30, tzinfo=SHANGHAI)
    assert len(quarters) == 4


def test_what_is_read_holds_event_and_window_of_every_day() -> None:
    rule = published()["caiso-10-of-10"]
    days = days_of(FIRST, LAST, rule, china())
    found = rests_on(days, HOURS, rule)
    # 61 days and 45 before them, eight quarter hours of the event and twelve of the window.
    assert (len(days), len(found)) == (61, (61 + 45) * 20)
