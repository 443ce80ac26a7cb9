"""What the dashboards know from dated files instead of from the database: the plan's targets, bands and thresholds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from parkgrid_database.sql_files import named_statements
from parkgrid_domain.clusters.plan import Cluster, plan
from parkgrid_domain.factors import reader
from parkgrid_domain.indicators import INDICATORS

_BASE_YEAR, *_TARGET_YEARS = (2023, 2025, 2030)


def part(name: str) -> str:
    """One statement of parkgrid_dashboards/sql/parts.sql."""
    return _parts()[name]


def plan_rows(language: str) -> str:
    """Every cluster of the plan with its base and its targets in 亿元, as rows of SQL."""
    rows = ", ".join(_row(place, cluster, language) for place, cluster in enumerate(plan().clusters, 1))
    return f"(VALUES {rows}) AS plan (place, cluster, name, base_2023, target_2025, target_2030)"


def outputs(language: str) -> str:
    """The plan, and outputs by quarter and since January, as the first parts of a WITH."""
    return f"plan AS (SELECT * FROM {plan_rows(language)}), {part('since')}"  # noqa: S608 - our own words


def minimum_coverage() -> str:
    """Below this share of known time an energy figure is not published, in per cent."""
    return f"{plan().rules.minimum_coverage_pct:g}"


def least(indicator: str) -> str:
    """Below this share of known time an indicator is not published, in per cent."""
    return f"{INDICATORS[indicator].minimum_coverage_pct:g}"


@cache
def band() -> str:
    """The band of a DC bus in normal operation, per cent of its nominal voltage, for BETWEEN."""
    day = datetime(2026, 1, 1, tzinfo=UTC).date()
    factors = reader.factors_for(day, day, None)
    return f"{factors['dc_band_low_pct'].value:g} AND {factors['dc_band_high_pct'].value:g}"


def _row(place: int, cluster: Cluster, language: str) -> str:
    name = cluster.name(language).replace("'", "''")
    figures = [cluster.base, *(cluster.target(year) for year in _TARGET_YEARS)]
    amounts = ", ".join("NULL::float8" if each is None else f"{each.output_100m_cny}::float8" for each in figures)
    return f"({place}, '{cluster.id}', '{name}', {amounts})"


def _parts() -> Mapping[str, str]:
    return named_statements("parkgrid_dashboards", "parts")
