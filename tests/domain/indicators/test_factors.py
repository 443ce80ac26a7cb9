"""Dated factors: which one holds for whom and when, the published oracles, and files that are refused."""

from datetime import date

import pytest

from parkgrid_domain.factors import FactorError, factors_for, read_factors, region_of
from parkgrid_domain.factors.reader import packaged
from parkgrid_domain.indicators import INDICATORS
from tests.domain.indicators.cases import inputs

REPORT = date(2026, 11, 30)
LOCATION, RESIDUAL = "carbon_location_kg_per_kwh", "carbon_residual_kg_per_kwh"


def carbon(region, as_of=REPORT):
    """Tonnes of 100 MWh in a region, and the year of the factor."""
    made = inputs({"grid_import_kwh": [100_000.0]}, region=region, as_of=as_of)
    found = INDICATORS["carbon_location_based_t"].figure(made)
    return found.value, found.details[f"{LOCATION}_year"]


@pytest.mark.parametrize(
    ("region", "as_of", "tonnes", "year"),
    [
        ("guangdong", REPORT, 44.03, 2022),
        ("national", REPORT, 53.06, 2023),
        ("national", date(2025, 6, 1), 53.66, 2022),
        ("national", date(2024, 12, 19), 55.68, 2021),
        ("guangdong", date(2024, 4, 12), 47.15, 2021),
        ("south", REPORT, 40.42, 2023),
    ],
)
def test_100_mwh_by_the_latest_factor_published_at_reporting_time(region, as_of, tonnes, year):
    assert carbon(region, as_of) == (pytest.approx(tonnes), year)


def test_before_any_publication_and_for_an_unnamed_region_there_is_no_factor():
    assert LOCATION not in factors_for(date(2024, 3, 31), date(2024, 4, 11), "guangdong")
    assert LOCATION not in factors_for(REPORT, REPORT, None)
    assert LOCATION not in factors_for(REPORT, REPORT, "yunnan"), "the national factor must not stand in for it"


def test_the_residual_factor_is_for_market_based_figures_alone():
    assert factors_for(REPORT, REPORT, "guangdong")[RESIDUAL].value == 0.6096
    assert factors_for(REPORT, date(2025, 12, 31), "guangdong")[RESIDUAL].value == 0.5856
    users = [name for name, each in INDICATORS.items() if RESIDUAL in (*each.factors, *each.optional_factors)]
    assert users == ["carbon_market_based_t"]


def test_more_green_electricity_than_import_emits_nothing():
    made = inputs({"grid_import_kwh": [1000.0]}, factors={"green_electricity_kwh": 5000.0})
    assert INDICATORS["carbon_market_based_t"].figure(made).value == 0
    without = INDICATORS["carbon_market_based_t"].figure(inputs({"grid_import_kwh": [1000.0]}))
    assert without.value == pytest.approx(0.6096)


def test_standard_coal_of_100000_kwh():
    made = inputs({"grid_import_kwh": [100_000.0]})
    assert INDICATORS["standard_coal_equivalent_tce"].figure(made).value == pytest.approx(12.29)
    assert INDICATORS["standard_coal_equal_value_tce"].figure(made).value == pytest.approx(30.0)
    # 3600 kJ / 29307.6 kJ = 0.122835; the standard rounds it
    assert factors_for(REPORT, REPORT, None)["coal_equivalent_kgce_per_kwh"].value == pytest.approx(
        3600 / 29307.6, abs=7e-5
    )


def test_the_parks_of_the_pilot_lie_in_guangdong_and_nobody_else_is_guessed():
    assert region_of("pingshan", "Asia/Shanghai") == "guangdong"
    assert region_of("", "Asia/Shanghai") == "guangdong"
    assert region_of("", "Etc/GMT+8") is None
    assert region_of("somewhere", "Asia/Shanghai") is None


def test_every_packaged_number_says_where_it_is_from_and_how_sure_that_is():
    entries = packaged()
    assert len(entries) > 15
    for entry in entries:
        assert f"[{entry.factor.marker}]" in entry.factor.source
    unsure = {e.factor.name for e in entries if e.factor.marker == "from memory"}
    assert {"coal_equivalent_kgce_per_kwh", "coal_equal_value_kgce_per_kwh", "dc_band_low_pct"} <= unsure


GOOD = """
[publication.p]
source = "somebody"
[[factor]]
name = "x"
unit = "%"
value = 2
valid_from = 2026-01-01
valid_to = 2026-07-01
publication = "p"
marker = "design default"
"""


def test_validity_is_half_open():
    (entry,) = read_factors(GOOD, "x.toml")
    held = [entry.holds(day, REPORT, "") for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 6, 30))]
    assert held == [False, True, True]
    assert not entry.holds(date(2026, 7, 1), REPORT, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("value = 2", 'value = "2"'), "x.toml: factor 1: value = '2' is of the wrong kind"),
        (("value = 2\n", ""), "x.toml: factor 1: value is missing"),
        (('marker = "design default"', 'marker = "sure"'), "marker = 'sure': write one of verified, "),
        (('publication = "p"', 'publication = "q"'), "publication = 'q' is not described above"),
        (("valid_from = 2026-01-01\n", ""), "valid_from is missing, and its publication has no day"),
        (('unit = "%"', 'unit = "%"\nregoin = "x"'), "regoin is not known"),
        (('unit = "%"', 'unit = "%"\nyear = "x"'), "year = 'x' is of the wrong kind"),
    ],
)
def test_a_wrong_file_is_refused_with_the_entry_and_the_remedy(change, message):
    with pytest.raises(FactorError, match=r"^x\.toml") as refused:
        read_factors(GOOD.replace(*change), "x.toml")
    assert message in str(refused.value)


def test_the_same_number_twice_is_refused():
    twice = GOOD + GOOD[GOOD.index("[[factor]]") :]
    with pytest.raises(FactorError, match="x of everywhere is there twice for the same time: remove one"):
        read_factors(twice, "x.toml")
