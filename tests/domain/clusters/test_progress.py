"""Progress to the targets: expectations computed by hand beside each test."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.clusters.output_file import Basis
from parkgrid_domain.clusters.outputs import Output, Outputs
from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.clusters.progress import growth_pct, progress_figures, required_growth_pct
from parkgrid_domain.clusters.quarter import Quarter, quarter

VEHICLES, CELLS = plan().clusters[0], plan().clusters[6]


def stated(text: str, output: str, basis: str = "quarter", revision: int = 1) -> Output:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return Output(
        VEHICLES.id,
        quarter(text),
        Basis(basis),
        Decimal(output),
        revision,
        f"统计 {text}",
        "f.csv",
        "0" * 64,
        "D2",
        "li",
        when,
    )


def figures(when: str, *outputs: Output, cluster=VEHICLES):
    return {each.name: each for each in progress_figures(cluster, Outputs(outputs), quarter(when))}


def test_from_the_base_of_the_plan() -> None:
    """3121 of 4000: 78.025 %; growth (4000/3121)^(1/2) - 1 = sqrt(1.2816405) - 1 = 13.2096 %; to 6000: 52.0167 %,
    (6000/3121)^(1/7) - 1: ln 1.9224608 = 0.6536059, / 7 = 0.0933723, exp = 1.0978704 -> 9.7870 %."""
    found = figures("2024-Q1")
    assert found["base_output"].value == 3121
    assert (found["annual_output"].value, found["annual_output"].details["year"]) == (3121, 2023)
    assert found["progress_2025"].value == Decimal("78.025")
    assert found["progress_2025"].details["since_base"] == 0
    assert float(found["required_growth_2025"].value) == pytest.approx(13.2096, abs=5e-5)
    assert float(found["progress_2030"].value) == pytest.approx(52.0167, abs=5e-5)
    assert float(found["required_growth_2030"].value) == pytest.approx(9.7870, abs=5e-5)
    assert found["required_growth_2025"].sources == ("深坪府〔2024〕1 号（2024-02-18）三（一）1（2）",)


def test_from_a_stated_year() -> None:
    """2024 stated as 3500: 87.5 % of 4000 with one year left: 4000/3500 - 1 = 14.285714 %; 379 of 879 of the way."""
    found = figures("2024-Q4", stated("2024-Q4", "3500", "cumulative", 2))
    assert found["annual_output"].value == 3500
    assert found["progress_2025"].value == Decimal("87.5")
    assert float(found["progress_2025"].details["since_base"]) == pytest.approx(100 * 379 / 879)
    assert float(found["required_growth_2025"].value) == pytest.approx(14.285714, abs=1e-6)
    assert found["progress_2025"].revision == 2
    assert found["progress_2025"].sources[0] == "统计 2024-Q4（f.csv D2）"


def test_a_year_that_is_not_over_at_the_quarter_does_not_count() -> None:
    outputs = [stated("2024-Q4", "3500", "cumulative"), stated("2025-Q4", "4100", "cumulative")]
    assert figures("2025-Q3", *outputs)["annual_output"].details["year"] == 2024
    assert figures("2025-Q4", *outputs)["annual_output"].details["year"] == 2025


def test_after_the_target_year_no_growth_is_needed_but_the_outcome_told() -> None:
    """4100 of 4000 is 102.5 %."""
    found = figures("2025-Q4", stated("2025-Q4", "4100", "cumulative"))
    assert found["progress_2025"].value == Decimal("102.5")
    assert found["required_growth_2025"].value is None
    assert (
        found["required_growth_2025"].unavailable.en
        == "the target year 2025 is over: its output was 102.50 % of the target"
    )
    assert found["required_growth_2030"].details["years"] == 5


def test_a_potential_cluster_has_no_target_and_says_so() -> None:
    found = figures("2024-Q4", cluster=CELLS)
    assert found["target_2025"].unavailable.zh == "培育类集群，规划未设产值目标"
    assert found["progress_2030"].value is None
    assert found["base_output"].unavailable.code == "no_base"
    assert found["annual_output"].unavailable.code == "no_annual"


def test_quarters_and_cumulative_figures_meet() -> None:
    """Cumulative 800, 1700 and a quarter of 950: Q2 alone 900, since January until Q3 2650."""
    outputs = Outputs(
        [stated("2024-Q1", "800", "cumulative"), stated("2024-Q2", "1700", "cumulative"), stated("2024-Q3", "950")]
    )
    assert outputs.alone(quarter("2024-Q2")).output_100m_cny == 900
    assert outputs.since_january(quarter("2024-Q3")).output_100m_cny == 2650
    assert outputs.alone(quarter("2024-Q3")).output_100m_cny == 950
    assert outputs.since_january(quarter("2024-Q4")).unavailable.en == "no output is stated for 2024-Q4"
    assert outputs.newest_year(quarter("2024-Q4")) is None


def test_what_is_missing_or_impossible_is_no_number() -> None:
    lone = Outputs([stated("2024-Q2", "1700", "cumulative")])
    assert lone.alone(quarter("2024-Q2")).unavailable.en == "no output is stated for 2024-Q1"
    assert lone.since_january(quarter("2024-Q2")).output_100m_cny == 1700
    falling = Outputs([stated("2024-Q1", "800"), stated("2024-Q2", "700", "cumulative")])
    assert falling.alone(quarter("2024-Q2")).output_100m_cny is None
    assert falling.alone(quarter("2024-Q2")).unavailable.code == "falling"


def test_growth_on_the_year_before() -> None:
    """1700 after 1600: 6.25 %; after 0 nothing can be told."""
    old, new = stated("2023-Q2", "1600", "cumulative"), stated("2024-Q2", "1700", "cumulative", 3)
    found = figures("2024-Q2", old, new)["cumulative_growth"]
    assert (found.value, found.revision) == (Decimal("6.25"), 3)
    assert figures("2024-Q2", stated("2023-Q2", "0", "cumulative"), new)["cumulative_growth"].unavailable.code == "zero"
    assert figures("2024-Q2", new)["cumulative_growth"].unavailable.code == "no_output"


def test_an_output_of_nothing_needs_no_finite_growth() -> None:
    found = figures("2024-Q4", stated("2024-Q4", "0", "cumulative"))
    assert found["progress_2025"].value == 0
    assert found["required_growth_2025"].unavailable.code == "zero"


@given(st.decimals("0.1", "9999", places=2), st.decimals("0.1", "9999", places=2), st.integers(1, 12))
def test_the_growth_that_is_needed_reaches_the_target(output: Decimal, target: Decimal, years: int) -> None:
    grown = output * (1 + required_growth_pct(output, target, years) / 100) ** years
    assert abs(grown / target - 1) < Decimal("1e-20")
    assert growth_pct(target, output) == 100 * (target / output - 1)


@given(st.lists(st.decimals(0, 9999, places=3), min_size=4, max_size=4))
def test_the_quarters_come_to_the_year(parts: list[Decimal]) -> None:
    """Whatever is stated as cumulative or alone, both readings agree."""
    alone = Outputs(stated(f"2024-Q{n}", str(part)) for n, part in enumerate(parts, 1))
    sums = [sum(parts[:n], Decimal()) for n in range(1, 5)]
    cumulative = Outputs(stated(f"2024-Q{n}", str(part), "cumulative") for n, part in enumerate(sums, 1))
    for number in range(1, 5):
        when = Quarter(2024, number)
        assert alone.since_january(when).output_100m_cny == cumulative.since_january(when).output_100m_cny
        assert alone.alone(when).output_100m_cny == cumulative.alone(when).output_100m_cny
    assert alone.annual(2024).output_100m_cny == sums[-1]
