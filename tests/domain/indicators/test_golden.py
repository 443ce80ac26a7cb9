"""Every indicator against figures that a person computed: `tests/golden/indicators/<name>/`."""

from datetime import datetime

import pytest

from parkgrid_contract.time import to_ms
from parkgrid_domain.indicators import INDICATORS
from tests.domain.indicators.cases import GOLDEN, golden


def test_every_indicator_has_a_golden_folder_and_every_folder_an_indicator() -> None:
    folders = {path.name for path in GOLDEN.iterdir()}
    assert folders == set(INDICATORS)
    for name in INDICATORS:
        assert {path.name for path in (GOLDEN / name).iterdir()} == {"readings.csv", "expected.toml"}
        assert (GOLDEN / name / "expected.toml").read_text(encoding="utf-8").count("\n# "), "the computation is missing"


@pytest.mark.parametrize("name", INDICATORS)
def test_an_indicator_is_what_a_person_computed(name: str) -> None:
    indicator = INDICATORS[name]
    case = golden(indicator)
    figure, expected = indicator.figure(case.inputs), case.expected
    assert figure.unavailable is None
    assert figure.value == pytest.approx(expected["value"], rel=0, abs=expected["tolerance"])
    assert figure.coverage_pct == pytest.approx(expected["coverage_pct"])
    assert figure.estimated_pct == pytest.approx(expected["estimated_pct"])
    at = expected.get("at")
    assert figure.at_ms == (None if at is None else to_ms(datetime.fromisoformat(at)))
    for detail, value in expected.get("details", {}).items():
        assert figure.details[detail] == (value if isinstance(value, str) else pytest.approx(value, abs=1e-7)), detail


@pytest.mark.parametrize("indicator", INDICATORS.values(), ids=INDICATORS)
def test_a_definition_says_everything_about_itself(indicator: object) -> None:
    from parkgrid_domain.indicators.definition import Indicator

    assert isinstance(indicator, Indicator)
    for text in (indicator.name_zh, indicator.name_en, indicator.formula, indicator.source):
        assert text.strip() == text
        assert text
    assert any("一" <= letter <= "鿿" for letter in indicator.name_zh)
    assert 0 < indicator.minimum_coverage_pct <= 100
    assert indicator.inputs
    assert not set(indicator.inputs) & set(indicator.optional)


@pytest.mark.parametrize("name", INDICATORS)
def test_no_figure_without_one_of_its_inputs(name: str) -> None:
    indicator = INDICATORS[name]
    case = golden(indicator).inputs
    grid = case.fine if indicator.by_minute else case
    assert grid is not None
    for missing in indicator.inputs:
        left = {key: value for key, value in grid.quantities.items() if key != missing}
        figure = indicator.figure(_with(case, left, by_minute=indicator.by_minute))
        assert (figure.value, figure.unavailable) == (None, f"no quantity {missing}")
        assert (figure.unavailable_zh or "").startswith("缺少数据：")


@pytest.mark.parametrize("name", INDICATORS)
def test_one_interval_below_the_least_coverage_is_no_number(name: str) -> None:
    indicator = INDICATORS[name]
    case = golden(indicator).inputs
    grid = case.fine if indicator.by_minute else case
    assert grid is not None
    thinned = dict(grid.quantities)
    kept = int(indicator.minimum_coverage_pct / 100 * grid.count - 1e-9)
    for each in indicator.used(grid):
        values = thinned[each].values.copy()
        values[kept:] = float("nan")
        thinned[each] = type(thinned[each])(each, "", values, thinned[each].estimated)
    figure = indicator.figure(_with(case, thinned, by_minute=indicator.by_minute))
    assert figure.value is None
    assert figure.coverage_pct < indicator.minimum_coverage_pct
    assert "coverage" in (figure.unavailable or "")
    assert "完整率" in (figure.unavailable_zh or "")


def _with(case, quantities, *, by_minute):
    from dataclasses import replace

    if by_minute:
        return replace(case, fine=replace(case.fine, quantities=quantities))
    return replace(case, quantities=quantities)
