"""Shares of an amount: the sum is exact, and the cents that are left go where the rule says."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.money import CENT
from parkgrid_domain.vpp.shares import ShareError, divided


def test_ten_thousand_yuan_and_a_cent_to_three_equal_shares() -> None:
    # vpp.md 5.1: 3333.33 x 3 + 0.02 by the rule; the rule is the smaller identifier, since all remainders are equal.
    found = divided(Decimal("10000.01"), {"c": Decimal(1), "a": Decimal(1), "b": Decimal(1)})
    assert found == {"c": Decimal("3333.33"), "a": Decimal("3333.34"), "b": Decimal("3333.34")}


def test_the_largest_remainder_gets_the_cent() -> None:
    # 1.00 to 2 : 1 : 3 of 6 is 33.33.., 16.66.., 50 cents: the cent goes to the remainder of two thirds.
    assert divided(Decimal(1), {"x": Decimal(2), "y": Decimal(1), "z": Decimal(3)}) == {
        "x": Decimal("0.33"),
        "y": Decimal("0.17"),
        "z": Decimal("0.50"),
    }


def test_a_penalty_is_divided_like_a_payment() -> None:
    assert divided(Decimal("-0.05"), {"a": Decimal(1), "b": Decimal(1)}) == {
        "a": Decimal("-0.03"),
        "b": Decimal("-0.02"),
    }


@pytest.mark.parametrize(
    ("amount", "shares", "said"),
    [
        ("0.005", {"a": "1"}, "0.005 yuan is not a whole number of cents"),
        ("1", {"a": "-1", "b": "2"}, "the share of a is -1"),
        ("1", {"a": "NaN"}, "the share of a is NaN"),
        ("1", {"a": "0", "b": "0"}, "the shares of a, b are all 0"),
        ("1", {}, "the shares of nobody are all 0"),
    ],
)
def test_what_cannot_be_divided_is_refused(amount: str, shares: dict[str, str], said: str) -> None:
    with pytest.raises(ShareError, match=said):
        divided(Decimal(amount), {name: Decimal(share) for name, share in shares.items()})


@given(
    st.integers(-(10**14), 10**14),
    st.dictionaries(
        st.text("abcdef", min_size=1, max_size=3), st.decimals(0, 1000, places=4), min_size=1, max_size=12
    ).filter(lambda shares: any(shares.values())),
)
def test_parts_sum_to_the_whole_and_none_is_a_cent_off(cents: int, shares: dict[str, Decimal]) -> None:
    amount = cents * CENT
    parts = divided(amount, shares)
    assert sum(parts.values()) == amount
    total = sum(shares.values())
    assert all(abs(parts[name] - amount * shares[name] / total) < CENT for name in shares)
    assert all(parts[name] == 0 for name, share in shares.items() if share == 0)
