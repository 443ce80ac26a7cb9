"""Settlement packs: those that ship, and every mistake of a file at once."""

from datetime import date
from decimal import Decimal

import pytest

from parkgrid_contract.settings import SettingsError
from parkgrid_domain.vpp.pack import Bidding, Unverified, published, read_pack

TEXTS = {pack.pack_id: pack.text for pack in published().values()}


def test_the_packs_that_ship_pay_nobody_and_say_what_is_to_be_asked() -> None:
    assert set(TEXTS) == {
        "guangdong-2026",
        "guangzhou-like-2025",
        "jiangsu-2015",
        "shenzhen-precise-2023",
        "sichuan-like-2023",
    }
    for pack in published().values():
        assert not pack.payable
        assert pack.questions
        assert pack.source


def test_a_changed_status_is_another_pack() -> None:
    text = TEXTS["guangdong-2026"]
    verified = read_pack(text.replace('status = "unverified"', 'status = "verified"'), "mine.toml")
    assert verified.payable
    assert verified.digest != published()["guangdong-2026"].digest


def test_a_pack_without_the_later_rules_means_what_it_meant() -> None:
    text = TEXTS["guangdong-2026"].replace("event_day_pct = 10\n", "")
    former = read_pack(text[: text.index("# Ours")] + text[text.index("[[question]]") :], "former.toml")
    assert former.unverified == Unverified(Decimal(0), "verified")
    assert former.bidding == Bidding(0, "stands", "any")
    assert former.event_day_pct == 0


def test_a_pack_holds_from_its_first_day_to_its_last() -> None:
    text = TEXTS["guangdong-2026"].replace("valid_from = 2022-05-01", "valid_from = 2022-05-01\nvalid_to = 2023-01-01")
    pack = read_pack(text, "mine.toml")
    days = [date(2022, 4, 30), date(2022, 5, 1), date(2022, 12, 31), date(2023, 1, 1)]
    assert [pack.holds_on(day) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ("interval_min = 60", "interval_min = 30", "interval_min", "must be 15 or 60"),
        ("from_pct = 50", "from_pct = 130", "payment.full_to_pct", "must be at least from_pct, 130"),
        ("below_pct = 50", "below_pct = 121", "penalty.below_pct", "must be at most payment.full_to_pct"),
        ("[payment]", "[pay]", "payment", "is missing: write the table [payment]"),
        ('status = "unverified"', 'status = "final"', "status", "must be one of verified, unverified, draft"),
        ("most_cny_per_kwh = 3.5", "most_cny_per_kwh = 0.01", "price.most_cny_per_kwh", "must be at least"),
        (
            "least_cny_per_kwh = 0.07",
            "least_cny_per_kwh = 0.07\nfixed_cny_per_kwh = 9",
            "price.fixed_cny_per_kwh",
            "must lie between",
        ),
        ('penalty = "whole"', 'penalty = "half"', "unverified.penalty", "must be one of verified, whole"),
        ("least_pct = 50", "least_pct = 101", "unverified.least_pct", "at most 100"),
        ("least_kw = 10", "least_kw = 10.05", "bid.least_kw", "steps of 0.1 kW"),
        ("least_kw = 10", "least_mw = 10", "bid.least_kw", "is missing"),
        ("[[question]]", "[[ask]]", "question", "says what is still to be asked"),
        ("factor = 0.5", "factor = 0.5\nfaktor = 1", "penalty.faktor", "unknown"),
        ("rrmse_pct = 20", "rrmse_pct = true", "eligibility.rrmse_pct", "must be a decimal number"),
        ("valid_from = 2022-05-01", "valid_from = 2022-05-01\nvalid_to = 2022-05-01", "valid_to", "must be later"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_remedy(old: str, new: str, key: str, remedy: str) -> None:
    text = TEXTS["guangdong-2026"]
    assert old in text
    with pytest.raises(SettingsError) as raised:
        read_pack(text.replace(old, new), "mine.toml")
    assert any(each.key == key and remedy in each.remedy for each in raised.value.problems), raised.value.problems
