"""Periods: how a span is written, and which instants it has."""

from datetime import UTC, date, datetime

import pytest

from parkgrid_domain.period import month_of, period


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("2026-11-25", date(2026, 11, 25), date(2026, 11, 26)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("2026-Q1", date(2026, 1, 1), date(2026, 4, 1)),
        ("2026-Q4", date(2026, 10, 1), date(2027, 1, 1)),
        ("2026", date(2026, 1, 1), date(2027, 1, 1)),
        ("2024-02-28..2024-03-01", date(2024, 2, 28), date(2024, 3, 1)),
    ],
)
def test_what_people_write_names_whole_local_days(text: str, first: date, end: date) -> None:
    found = period(text)
    assert (found.first, found.end, str(found)) == (first, end, text)


def test_a_month_begins_at_midnight_in_shanghai() -> None:
    span = period("2026-11").interval
    assert span.start == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert span.end == datetime(2026, 11, 30, 16, tzinfo=UTC)


WRONG = ["2026-13", "2026-Q5", "26-11", "", "2026-11-31", "2026-11-08..2026-11-01", "2026-1", "２０２６"]
OUTSIDE = ["0000", "0001", "1999-12-31", "2200", "2200-01-01", "9999-12", "9999-12-31", "2026-01-01..9999-12-31"]


@pytest.mark.parametrize("text", [*WRONG, *OUTSIDE])
def test_anything_else_is_refused_with_what_is_understood(text: str) -> None:
    with pytest.raises(ValueError, match="write a day"):
        period(text)


def test_the_month_of_a_day_and_its_days() -> None:
    february = month_of(date(2024, 2, 10))
    assert len(february.days) == 29
    assert february.text == "2024-02"
