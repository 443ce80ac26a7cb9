"""One term for one thing: what the API calls an indicator is what the page and the dashboards call it."""

import json
from pathlib import Path

import pytest

from parkgrid_dashboards.words import catalogue
from parkgrid_domain.indicators import INDICATORS

LOCALES = Path(__file__).parents[2] / "api" / "parkgrid_api" / "web" / "src" / "locales"


def of_the_page(language: str) -> dict[str, str]:
    words: dict[str, str] = json.loads((LOCALES / f"{language}.json").read_text("utf-8"))
    return words


@pytest.mark.parametrize(
    ("name", "key", "english", "chinese"),
    [
        ("self_consumption_ratio", "energy.self_consumption", "Self-consumption", "自发自用率"),
        ("self_sufficiency_ratio", "energy.self_sufficiency", "Self-sufficiency", "自给率"),
        ("maximum_demand_kw", "month.demand", "Maximum demand", "最大需量"),
    ],
)
def test_an_indicator_has_one_name(name: str, key: str, english: str, chinese: str) -> None:
    assert catalogue()[name] == {"en": english, "zh": chinese}
    assert (of_the_page("en")[key], of_the_page("zh")[key]) == (english, chinese)
    # The API may tell variants apart behind the term, never by another one.
    known = INDICATORS[name]
    assert known.name_en.startswith(english)
    assert known.name_zh.startswith(chinese)


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        ("performance_ratio", "Performance ratio", "系统效率 PR"),
        ("storage_round_trip_efficiency", "Round-trip efficiency", "往返效率"),
        ("load_factor", "Load factor", "负荷率"),
        ("v2g_energy_kwh", "Vehicle-to-grid", "车网互动 V2G"),
    ],
)
def test_an_indicator_is_called_by_the_term_of_the_field(name: str, english: str, chinese: str) -> None:
    assert english in INDICATORS[name].name_en
    assert chinese in INDICATORS[name].name_zh


def test_vehicle_to_grid_is_written_in_one_way() -> None:
    assert catalogue()["returned"] == {"en": "Vehicle-to-grid", "zh": "车网互动 V2G"}
    assert (of_the_page("en")["energy.v2g"], of_the_page("zh")["energy.v2g"]) == ("Vehicle-to-grid", "车网互动 V2G")
