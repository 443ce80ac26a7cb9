"""A device's name in two languages is shown in the language of the page."""

import pytest

from tests.web.sources import call


@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("洁净厂房屋顶光伏 / Clean room rooftop", "洁净厂房屋顶光伏", "Clean room rooftop"),
        ("Grid meter / 并网点总表", "并网点总表", "Grid meter"),
        ("V2G 桩 1 / V2G charger 1", "V2G 桩 1", "V2G charger 1"),
    ],
)
def test_the_half_of_the_language(name: str, zh: str, en: str) -> None:
    assert call("bilingual_name.ts", "bilingualName", name, "zh") == zh
    assert call("bilingual_name.ts", "bilingualName", name, "en") == en


@pytest.mark.parametrize(
    "name", ["并网点总表", "Feeder 1 / Feeder 2", "一号线 / 二号线", "A / 乙 / C", "kW/kWh 表", " / Roof", "屋顶 / "]
)
def test_what_is_not_two_languages_stays_whole(name: str) -> None:
    assert call("bilingual_name.ts", "bilingualName", name, "zh") == name
    assert call("bilingual_name.ts", "bilingualName", name, "en") == name
