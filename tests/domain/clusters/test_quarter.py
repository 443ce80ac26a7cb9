"""Quarters: every way to write one, and their places in the year."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.clusters.quarter import Quarter, quarter

QUARTERS = st.builds(Quarter, st.integers(2001, 2199), st.integers(1, 4))


@pytest.mark.parametrize(
    "text",
    [
        "2024-Q2",
        "2024Q2",
        "2024q2",
        "2024/Q2",
        "２０２４-Ｑ２",
        " 2024 年 第二季度 ",
        "2024年2季度",
        "2024年二季度",
        "Q2 2024",
        "Q2/2024",
    ],
)
def test_ways_to_write_one(text: str) -> None:
    assert quarter(text) == Quarter(2024, 2)


@pytest.mark.parametrize(
    "text", ["", "2024", "2024-05", "2024-Q5", "2024-Q0", "24-Q2", "Q2", "2024年第五季度", "1999-Q4", "2024-Q22"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a quarter"):
        quarter(text)


def test_bounds_by_hand() -> None:
    assert (Quarter(2024, 4).first, Quarter(2024, 4).end) == (date(2024, 10, 1), date(2025, 1, 1))
    assert Quarter(2024, 1).months == (date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1))
    assert Quarter(2024, 3).of_year == (Quarter(2024, 1), Quarter(2024, 2), Quarter(2024, 3))
    assert Quarter(2024, 3).chinese == "2024年第三季度"


@given(QUARTERS)
def test_neighbours_meet(when: Quarter) -> None:
    assert when.before.end == when.first
    assert when.before < when
    assert when.year_before.end.replace(year=when.end.year) == when.end
    assert quarter(str(when)) == quarter(when.chinese) == when
