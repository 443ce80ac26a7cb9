"""Addresses: what is written is read again, whatever people call their accounts; anything else is refused in words."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_accounting.address import (
    Address,
    AddressError,
    BillAddress,
    ClusterAddress,
    IndicatorAddress,
    IntervalAddress,
    SessionAddress,
    parse,
)
from parkgrid_domain.period import period

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
CHOSEN = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30).filter(str.isprintable)
REVISIONS = st.none() | st.integers(1, 999_999_999)
DAYS = st.dates(date(2001, 1, 1), date(2199, 12, 1))
PERIODS = st.one_of(
    DAYS.map(date.isoformat),
    DAYS.map(lambda day: f"{day:%Y-%m}"),
    DAYS.map(lambda day: f"{day.year}-Q{(day.month + 2) // 3}"),
    DAYS.map(lambda day: str(day.year)),
    DAYS.map(lambda day: f"{day}..{day + timedelta(days=7)}"),
).map(period)
MONTHS = DAYS.map(lambda day: period(f"{day:%Y-%m}"))
STARTS = st.integers(946_684_800_000, 7_258_118_399_999)
INTERVALS = st.builds(IntervalAddress, NAMES, NAMES, NAMES, NAMES, STARTS, REVISIONS)
OF_A_PARK = st.builds(IndicatorAddress, NAMES, NAMES, PERIODS, revision=REVISIONS)
OF_A_DEVICE = st.builds(IndicatorAddress, NAMES, NAMES, PERIODS, NAMES, NAMES, revision=REVISIONS)
OF_A_PLACE = st.one_of(
    *(
        st.builds(IndicatorAddress, NAMES, NAMES, PERIODS, revision=REVISIONS, **{place: CHOSEN})
        for place in ("line", "transformer", "account")
    ),
    st.builds(IndicatorAddress, NAMES, NAMES, PERIODS, gateway=NAMES, revision=REVISIONS),
)
BILLS = st.builds(BillAddress, NAMES, CHOSEN, MONTHS, CHOSEN, REVISIONS)
SESSIONS = st.builds(SessionAddress, NAMES, NAMES, NAMES, STARTS)
CLUSTERS = st.builds(ClusterAddress, NAMES, NAMES, PERIODS, REVISIONS)


@given(INTERVALS | OF_A_PARK | OF_A_DEVICE | OF_A_PLACE | BILLS | CLUSTERS | SESSIONS)
def test_what_is_written_is_read_again(address: Address) -> None:
    written = str(address)
    assert parse(written) == address
    assert str(parse(written)) == written
    assert not any(sign.isspace() for sign in written)
    assert written.isascii()


@given(st.text(max_size=80) | st.from_regex(r"(interval|session|indicator|bill|cluster)(/[a-z0-9=%@.:+-]{0,12}){1,7}"))
def test_any_text_is_an_address_or_refused_in_words(text: str) -> None:
    try:
        found = parse(text)
    except AddressError as refusal:
        assert str(refusal)
    else:
        assert parse(str(found)) == found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            # 2026-11-23T08:00 in Shanghai is midnight in UTC: 20,780 days after 1970-01-01.
            "interval/gaoxin-nan/gw-1/pv-1/energy_generated_kwh/2026-11-23T08:00:00+08:00",
            IntervalAddress("gaoxin-nan", "gw-1", "pv-1", "energy_generated_kwh", 20_780 * 86_400_000),
        ),
        (
            "interval/gaoxin-nan/gw-1/pv-1/energy_generated_kwh/2026-11-23T00:00Z@2",
            IntervalAddress("gaoxin-nan", "gw-1", "pv-1", "energy_generated_kwh", 20_780 * 86_400_000, 2),
        ),
        (
            "indicator/gaoxin-nan/self_consumption/2026-11",
            IndicatorAddress("gaoxin-nan", "self_consumption", period("2026-11")),
        ),
        (
            "indicator/gaoxin-nan/gw-1/bess-1/round_trip_efficiency/2026-Q4@3",
            IndicatorAddress("gaoxin-nan", "round_trip_efficiency", period("2026-Q4"), "gw-1", "bess-1", revision=3),
        ),
        (
            "indicator/gaoxin-nan/transformer=T%2F3/load_factor/2026",
            IndicatorAddress("gaoxin-nan", "load_factor", period("2026"), transformer="T/3"),
        ),
        (
            "bill/gaoxin-nan/%E5%9D%AA%E5%B1%B1-01/2026-11/energy.peak",
            BillAddress("gaoxin-nan", "坪山-01", period("2026-11"), "energy.peak"),
        ),
        ("cluster/new-energy/intensity/2026-Q3", ClusterAddress("new-energy", "intensity", period("2026-Q3"))),
    ],
)
def test_the_forms(text: str, address: Address) -> None:
    assert parse(text) == address


def test_an_address_is_one_word_and_its_start_is_in_utc() -> None:
    written = str(IntervalAddress("p", "g", "d", "s", 20_780 * 86_400_000 + 900_000, 2))
    assert written == "interval/p/g/d/s/2026-11-23T00:15:00Z@2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "starts with one of"),
        ("figure/p", "starts with one of interval, session, indicator, bill, cluster"),
        ("interval/p/g/d/s", "4 parts"),
        ("session/p/g/d", "3 parts"),
        ("session/p/g/d/2026-11-23T00:00:00Z@2", "no revisions"),
        ("interval/p/g/d/s/2026-11-23T00:00:00", "with its zone"),
        ("interval/p/g/d/s/yesterday", "with its zone"),
        ("interval/P/g/d/s/2026-11-23T00:00:00Z", "'P' is not a valid park"),
        ("interval/p/g//s/2026-11-23T00:00:00Z", "empty part"),
        ("indicator/p/x", "written indicator/{park}/{name}/{period}"),
        ("interval/p/g/d/s/0001-01-01T00:00:00+08:00", "2000 to 2199"),
        ("session/p/g/d/9999-12-31T23:59:59.999999-23:59", "2000 to 2199"),
        ("indicator/p/x/2026-13", "not a period"),
        ("indicator/p/x/9999-12-31", "2000 to 2199"),
        ("indicator/p/T3/x/2026-11", "transformer=…"),
        ("indicator/p/colour=red/x/2026-11", "not a place"),
        ("indicator/p/line=/x/2026-11", "not a valid line"),
        ("indicator/p/line=%ff/x/2026-11", "not UTF-8"),
        ("bill/p/0400123/2026-Q4/total", "not a month"),
        ("bill/p/%00/2026-11/total", "control characters"),
        ("cluster/c/f/2026-11@0", "not a revision"),
        ("cluster/c/f/2026-11@1@2", "not a revision"),
        ("cluster/c/f/2026-11@", "not a revision"),
        ("cluster/" + "c" * 2_000, "at most 1000"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(AddressError, match=re.escape(said)):
        parse(text)
