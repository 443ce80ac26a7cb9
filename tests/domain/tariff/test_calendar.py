"""The calendar: holidays, make-up workdays, and years that nobody has written down."""

from datetime import date, timedelta

import pytest

from parkgrid_domain.calendar import HOLIDAYS, CalendarGapError, calendar, packaged


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ((2026, 10, 10), "workday"),  # Saturday, make-up
        ((2026, 9, 20), "workday"),  # Sunday, make-up
        ((2026, 10, 11), "weekend"),
        ((2026, 10, 7), "national_day"),  # a Wednesday
        ((2026, 10, 8), "workday"),
        ((2026, 2, 14), "workday"),
        ((2026, 2, 15), "spring_festival"),
        ((2026, 2, 23), "spring_festival"),
        ((2026, 2, 24), "workday"),
        ((2025, 1, 26), "workday"),
        ((2025, 2, 4), "spring_festival"),
        ((2025, 10, 8), "national_day"),
        ((2024, 2, 18), "workday"),
        ((2024, 10, 12), "workday"),
        ((2026, 11, 25), "workday"),
        ((2026, 11, 28), "weekend"),
    ],
)
def test_kinds_of_days(day, kind):
    assert packaged().kind(date(*day)) == kind


# Days off and make-up workdays of the three notices, counted by hand: new year, spring festival, qingming,
# labour day, dragon boat, mid-autumn, national day.
@pytest.mark.parametrize(
    ("year", "off", "made_up"),
    [(2024, (1, 8, 3, 5, 1, 3, 7), 8), (2025, (1, 8, 3, 5, 3, 0, 8), 5), (2026, (3, 9, 3, 5, 3, 3, 7), 6)],
)
def test_every_year_has_its_days(year, off, made_up):
    known = packaged()
    days = [
        date(year, 1, 1) + timedelta(days=number) for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)
    ]
    kinds = [known.kind(day) for day in days]
    assert tuple(kinds.count(name) for name in HOLIDAYS) == off
    weekend_work = [day for day, kind in zip(days, kinds, strict=True) if kind == "workday" and day.weekday() > 4]
    assert len(weekend_work) == made_up
    assert set(weekend_work) == {day for day in known.workdays if day.year == year}


def test_a_year_without_a_file_is_told_not_guessed():
    with pytest.raises(CalendarGapError, match=r"cn-2031\.toml"):
        packaged().kind(date(2031, 1, 1))


def test_a_file_that_contradicts_itself_is_refused():
    text = (
        'year = 2030\nworkdays = [2030-01-01]\nholidays = [{name = "new_year", from = 2030-01-01, until = 2030-01-02}]'
    )
    with pytest.raises(ValueError, match="2030-01-01 is both"):
        calendar({"cn-2030.toml": text})
    with pytest.raises(ValueError, match="'easter' is none of"):
        calendar({"cn-2030.toml": text.replace("new_year", "easter")})
