"""The price of what vehicles give back: the public settlement of 2026-01-13, ratios by city, mistakes by name."""

from datetime import date
from decimal import Decimal

import pytest

from parkgrid_contract.settings import SettingsError
from parkgrid_domain.rule_file import packaged
from parkgrid_domain.tariff.reader import example
from parkgrid_domain.vpp.v2g import Band, published, read_v2g

PRICE = published()["guangdong-2025"]


@pytest.mark.parametrize(
    ("city", "band", "kwh", "cny"),
    [
        # domain.md A.3 and vpp.md 4: 20 kWh at peak earned about 15 yuan; 13.86 by the ratio of Shenzhen's own notice.
        ("guangdong", "peak", 20, "15.402"),
        ("shenzhen", "peak", 20, "13.8618"),
        ("guangdong", "sharp", 1, "0.962625"),
        ("guangdong", "valley", 1, "0.17214"),
        ("shenzhen", "flat", 1, "0.453"),
    ],
)
def test_what_is_given_back_is_worth_price_times_ratio(city: str, band: Band, kwh: int, cny: str) -> None:
    assert kwh * PRICE.of(city, band) == Decimal(cny)


def test_the_bill_pays_by_the_same_price() -> None:
    (line,) = (each for each in example("guangdong-2021-tou").feed_in if each.code == "v2g")
    assert line.price == PRICE.cny_per_kwh


def test_a_price_is_dated_and_a_city_is_known() -> None:
    assert [PRICE.holds_on(day) for day in (date(2024, 12, 31), date(2025, 1, 1), date(2026, 1, 13))] == [
        False,
        True,
        True,
    ]
    with pytest.raises(ValueError, match="no ratios for beijing: its cities are shenzhen, guangdong"):
        PRICE.of("beijing", "peak")


def test_a_mistake_is_named() -> None:
    text = packaged("parkgrid_domain.vpp", "v2g")["guangdong-2025"].replace("peak = 1.53", "peak = -1\nspitze = 2")
    with pytest.raises(SettingsError) as raised:
        read_v2g(text, "mine.toml")
    assert {each.key for each in raised.value.problems} == {"city[0].peak", "city[0].spitze"}
