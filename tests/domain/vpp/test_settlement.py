"""Settlement of an award: the published oracles, bands and penalties, what is unverified, and properties of money."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.vpp.pack import Pack, Payment, Unverified, published
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_domain.vpp.settlement import Direction, Quarter, Settled, SettlementError, settle

START = datetime(2026, 7, 15, 6, tzinfo=UTC)
GUANGDONG, SICHUAN = published()["guangdong-2026"], published()["sichuan-like-2023"]


def quarters(
    award_kw: float, baseline_kw: Sequence[float], metered_kw: Sequence[float], unsure: Sequence[str] = ()
) -> list[Quarter]:
    return [
        Quarter(
            START + place * QUARTER,
            int(award_kw * 250),
            int(base * 250),
            int(metered * 250),
            unsure[place] if unsure else "",
        )
        for place, (base, metered) in enumerate(zip(baseline_kw, metered_kw, strict=True))
    ]


def banded(from_pct: int, full_to_pct: int, interval_min: int = 15) -> Pack:
    payment = Payment(Decimal(from_pct), Decimal(full_to_pct), Decimal(0))
    return replace(GUANGDONG, payment=payment, penalty=None, interval_min=interval_min)


def hour(pack: Pack, award_mwh: float, actual_mwh: float, price: str, direction: Direction = "shave") -> Settled:
    award_wh, actual_wh = int(award_mwh * 250_000), int(actual_mwh * 250_000)
    sign = 1 if direction == "shave" else -1
    base_wh = 50_000_000
    given = [Quarter(START + k * QUARTER, award_wh, base_wh, base_wh - sign * actual_wh) for k in range(4)]
    return settle(pack, direction, Decimal(price), given)


@pytest.mark.parametrize(("from_pct", "full_to_pct", "kwh"), [(0, 100, 825), (0, 120, 900), (50, 120, 800)])
def test_each_quarter_hour_is_judged_by_itself(from_pct: int, full_to_pct: int, kwh: int) -> None:
    # vpp.md 5.1: the mean of the window capped at the award would be 1,000 kWh, which is wrong.
    given = quarters(1000, [3000] * 4, [1400, 1900, 2600, 2100])
    found = settle(banded(from_pct, full_to_pct), "shave", Decimal(1), given)
    assert sum(each.counted_kwh for each in found.intervals) == kwh
    assert found.payment_cny == kwh
    assert [each.verdict for each in found.judged][:2] == ["delivered", "delivered"]


@pytest.mark.parametrize(
    ("actual_mwh", "net"),
    [(0, "-1875.00"), (2.4, "-75.00"), (2.5, "3750"), (4, "6000"), (5, "7500"), (6, "9000"), (6.5, "9000")],
)
@pytest.mark.parametrize("direction", ["shave", "fill"])
def test_the_bands_of_guangdong(actual_mwh: float, net: str, direction: Direction) -> None:
    assert hour(GUANGDONG, 5, actual_mwh, "1.5", direction).net_cny == Decimal(net)


@pytest.mark.parametrize(("actual_mwh", "penalty"), [(3, 1500), (5, 0)])
def test_the_penalty_of_guangdong(actual_mwh: float, penalty: int) -> None:
    # domain.md E: awarded 10 MW at 1,500 yuan/MWh for an hour.
    assert hour(GUANGDONG, 10, actual_mwh, "1.5").penalty_cny == penalty


@pytest.mark.parametrize(
    ("actual_mwh", "payment", "net"),
    [(10, 10000, 10000), (12, 11500, 11500), (9, 9000, 9000), (8, 8000, 6900), (0, 0, -9900)],
)
def test_the_rule_of_sichuan(actual_mwh: float, payment: int, net: int) -> None:
    found = hour(SICHUAN, 10, actual_mwh, "1")
    assert (found.payment_cny, found.net_cny) == (payment, net)


def test_verdicts_by_quarter_hour() -> None:
    given = quarters(1000, [3000] * 4, [2000, 2400, 2600, 2100], ["", "", "", "meter changed"])
    found = settle(banded(50, 120), "shave", Decimal(1), given)
    assert [(each.verdict, each.reason) for each in found.judged] == [
        ("delivered", ""),
        ("partial", ""),
        ("not_delivered", ""),
        ("unverified", "meter changed"),
    ]
    assert found.payment_cny == 250 + 150


def test_an_unverified_quarter_hour_leaves_both_sides_of_its_hour() -> None:
    # 5 MW awarded; three quarter hours of 4 MW verified: 3.75 MWh of award, 3 MWh of response, 80 %.
    given = quarters(5000, [9000] * 4, [5000, 5000, 5000, 9000], ["", "", "", "no_reading"])
    (only,) = settle(GUANGDONG, "shave", Decimal("1.5"), given).intervals
    assert (only.award_kwh, only.response_kwh, only.payment_cny, only.penalty_cny) == (3750, 3000, 4500, 0)
    assert only.quarters == 3


def test_nothing_verified_is_paid_nothing_and_charged_as_the_pack_says() -> None:
    """Half of 5 MWh x 1.5 yuan x 0.5 where silence counts in the penalty."""
    given = [replace(each, metered_wh=None) for each in quarters(5000, [9000] * 4, [5000] * 4)]
    spared = replace(GUANGDONG, unverified=Unverified(Decimal(50), "verified"))
    assert settle(spared, "shave", Decimal("1.5"), given).net_cny == 0
    found = settle(GUANGDONG, "shave", Decimal("1.5"), given)
    assert (found.payment_cny, found.penalty_cny, found.verified_pct) == (0, 1875, 0)
    assert {(each.verdict, each.reason) for each in found.judged} == {("unverified", "no_reading")}


def test_what_moved_the_other_way_in_one_quarter_hour_counts_in_its_hour() -> None:
    # 4 + 4 + 4 - 4 MW over the hour: 2 MWh of 5 are below half, though each good quarter hour is above.
    given = quarters(5000, [9000] * 4, [5000, 5000, 5000, 13000])
    (only,) = settle(GUANGDONG, "shave", Decimal(1), given).intervals
    assert (only.response_kwh, only.counted_kwh, only.penalty_cny) == (2000, 0, Decimal(250))


def test_an_estimate_counts_only_where_the_pack_says_so() -> None:
    given = quarters(1000, [3000], [2000], ["estimated"])
    assert settle(banded(0, 100), "shave", Decimal(1), given).payment_cny == 0
    assert settle(replace(banded(0, 100), estimated="counts"), "shave", Decimal(1), given).payment_cny == 250
    given = quarters(1000, [3000], [2000], ["open finding"])
    assert settle(replace(banded(0, 100), estimated="counts"), "shave", Decimal(1), given).payment_cny == 0


def test_an_event_over_midnight_keeps_its_hours() -> None:
    start = datetime(2026, 7, 15, 15, 45, tzinfo=UTC)  # 23:45 in Shenzhen
    given = [Quarter(start + k * QUARTER, 250, 1000, 500) for k in range(6)]
    found = settle(GUANGDONG, "shave", Decimal(1), given)
    assert [(each.at, each.quarters) for each in found.intervals] == [
        (start.replace(minute=0), 1),
        (start + QUARTER, 4),
        (start + 5 * QUARTER, 1),
    ]


@pytest.mark.parametrize(
    ("given", "price", "said"),
    [
        ([Quarter(START, 1, 1, 1), Quarter(START, 1, 1, 1)], "1", "does not come after"),
        ([Quarter(START.replace(minute=7), 1, 1, 1)], "1", "is not the start of a quarter hour"),
        ([Quarter(START.replace(tzinfo=None), 1, 1, 1)], "1", "is not the start of a quarter hour"),
        ([Quarter(START, -1, 1, 1)], "1", "the award of .* is -1 Wh"),
        ([Quarter(START, 1, 10**13, 1)], "1", "the baseline of .* at most"),
        ([Quarter(START, 1, 1, -(10**13))], "1", "the energy of .* at most"),
        ([], "NaN", "the price is NaN"),
        ([], "-1", "the price is -1"),
    ],
)
def test_what_cannot_be_is_refused(given: list[Quarter], price: str, said: str) -> None:
    with pytest.raises(SettlementError, match=said):
        settle(GUANGDONG, "shave", Decimal(price), given)


packs = st.sampled_from(sorted(published().values(), key=lambda pack: pack.pack_id))
energies = st.lists(
    st.tuples(st.integers(0, 10**7), st.integers(-(10**7), 10**7), st.integers(-(10**7), 10**7)),
    min_size=1,
    max_size=12,
)
prices = st.decimals(0, 5, places=4)


def of(rows: Sequence[tuple[int, int, int]]) -> list[Quarter]:
    return [Quarter(START + place * QUARTER, *row) for place, row in enumerate(rows)]


@given(packs, energies, prices, st.integers(0, 11), st.integers(0, 10**6), st.sampled_from(["shave", "fill"]))
def test_more_response_never_brings_less(
    pack: Pack, rows: list[tuple[int, int, int]], price: Decimal, place: int, more: int, direction: Direction
) -> None:
    before = of(rows)
    after = list(before)
    changed = before[place % len(before)]
    assert changed.metered_wh is not None
    step = -more if direction == "shave" else more
    after[place % len(before)] = replace(changed, metered_wh=changed.metered_wh + step)
    assert settle(pack, direction, price, after).net_cny >= settle(pack, direction, price, before).net_cny


@given(packs, energies, prices)
def test_money_is_bounded_and_intervals_sum_to_the_line(
    pack: Pack, rows: list[tuple[int, int, int]], price: Decimal
) -> None:
    found = settle(pack, "shave", price, of(rows))
    assert abs(sum(each.payment_cny for each in found.intervals) - found.payment_cny) <= Decimal("0.005")
    assert abs(sum(each.penalty_cny for each in found.intervals) - found.penalty_cny) <= Decimal("0.005")
    for each in found.intervals:
        assert 0 <= each.counted_kwh <= each.response_kwh
        assert each.payment_cny == each.counted_kwh * price
        assert (each.penalty_cny == 0) or each.counted_kwh < each.award_kwh


@given(packs, energies, prices)
def test_shaving_and_filling_mirror_each_other(pack: Pack, rows: list[tuple[int, int, int]], price: Decimal) -> None:
    mirrored = [(award, -base, -metered) for award, base, metered in rows]
    assert settle(pack, "shave", price, of(rows)) == settle(pack, "fill", price, of(mirrored))
