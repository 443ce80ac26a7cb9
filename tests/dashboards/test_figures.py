"""The same question has the same answer: what panels compute in SQL against the definitions that the API uses."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from parkgrid_accounting.clusters.figures import cluster_figures
from parkgrid_accounting.figures.indicators import figures
from parkgrid_accounting.scope import Scope
from parkgrid_dashboards.check.macros import Range, expand
from parkgrid_dashboards.queries import query
from parkgrid_domain.clusters.quarter import quarter
from parkgrid_domain.period import Period, period
from tests.dashboards import demo

ZONE = ZoneInfo("Asia/Shanghai")
PARKS = tuple(demo.ACCOUNTS)


def whole_day(district) -> tuple[Period, Range]:
    """A day in the middle of the history, all of whose intervals are there."""
    day = district.now.astimezone(ZONE).date() - timedelta(days=9)
    found = period(day.isoformat())
    return found, span_of(found)


def span_of(found: Period) -> Range:
    from parkgrid_contract.time import from_ms

    return Range(from_ms(found.start_ms), from_ms(found.end_ms))


def panel(filled, where: tuple[str, str, str], span: Range, **values: Any) -> list[dict[str, Any]]:
    """The rows that a panel gets: file, statement and scope of its board."""
    file, name, scope = where
    choice = {key: [value] if isinstance(value, str) else value for key, value in values.items()}
    with psycopg.connect(filled.dsn, row_factory=psycopg.rows.dict_row) as connection:
        return connection.execute(expand(query(file, name, scope, "en"), span, 900_000, choice).encode()).fetchall()


def defined(district, park: str, when: Period, *names: str) -> dict[str, float | None]:
    with psycopg.connect(district.dsn) as connection:
        return {each.name: each.value for each in figures(connection, Scope(park), when, names)}


def devices(district, park: str, *classes: str) -> list[str]:
    with psycopg.connect(district.dsn) as connection:
        rows = connection.execute(
            "SELECT gateway || '/' || device FROM devices WHERE park = %s AND device_class = ANY (%s)",
            (park, list(classes)),
        ).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("park", PARKS)
def test_own_energy_of_a_park(district, park):
    when, span = whole_day(district)
    [row] = panel(district, ("park", "ratios", "park"), span, park=park)
    expected = defined(district, park, when, *row)
    assert set(row) == {"consumption_kwh", "self_consumption_ratio", "self_sufficiency_ratio"}
    assert row == pytest.approx(expected, rel=1e-9)
    assert expected["consumption_kwh"] > 1_000


@pytest.mark.parametrize("park", PARKS)
def test_storage_of_a_park(district, park):
    when, span = whole_day(district)
    chosen = devices(district, park, "storage")
    [row] = panel(district, ("storage", "storage_energy", "device"), span, park=park, device=chosen)
    names = ("storage_round_trip_efficiency", "storage_equivalent_full_cycles")
    assert {name: row[name] for name in names} == pytest.approx(defined(district, park, when, *names), rel=1e-9)


@pytest.mark.parametrize("park", PARKS)
def test_demand_of_a_month_so_far(district, park):
    # The month until a midnight at which it has begun.
    end = district.now.astimezone(ZONE).date()
    end -= timedelta(days=1) if end.day == 1 else timedelta()
    when = period(f"{end:%Y-%m}-01..{end}")
    [row] = panel(district, ("meters", "demand_now", "device"), span_of(when), park=park)
    names = ("maximum_demand_kw", "load_factor", "power_factor")
    assert {name: row[name] for name in names} == pytest.approx(defined(district, park, when, *names), rel=1e-9)
    with psycopg.connect(district.dsn) as connection:
        [demand] = figures(connection, Scope(park), when, names[:1])
    assert row["good_maximum_kw"] == pytest.approx(demand.details.get("good_maximum_kw", demand.value), rel=1e-9)
    assert row["demand_limit"] == float(demo.LIMIT_KW[park])
    assert row["demand_share"] == pytest.approx(100 * row["maximum_demand_kw"] / row["demand_limit"])


def test_the_bus_of_a_dc_building(district):
    # Yesterday is known by the minute, as the definition needs it.
    when = period((district.now.astimezone(ZONE).date() - timedelta(days=1)).isoformat())
    span, park = span_of(when), "julongshan-pedf"
    chosen = devices(district, park, "dc_bus")
    [row] = panel(district, ("pedf", "bus_quality", "device"), span, park=park, device=chosen)
    assert row == pytest.approx(defined(district, park, when, *row), rel=1e-6)


def test_too_little_known_is_no_figure(district):
    """Nine days ago the bus was read every quarter of an hour: 1 minute of 15 is 6.7 %, and 90 % are asked."""
    when, span = whole_day(district)
    chosen = devices(district, "julongshan-pedf", "dc_bus")
    [row] = panel(district, ("pedf", "bus_quality", "device"), span, park="julongshan-pedf", device=chosen)
    assert set(row.values()) == {None}
    assert set(defined(district, "julongshan-pedf", when, *row).values()) == {None}


@pytest.mark.parametrize("park", PARKS)
def test_charging_of_a_park(district, park):
    when, span = whole_day(district)
    chosen = devices(district, park, "charger")
    [row] = panel(district, ("charging_station", "charging_energy", "device"), span, park=park, device=chosen)
    expected = defined(district, park, when, "charger_energy_utilisation_ratio")
    assert row["charger_energy_utilisation_ratio"] == pytest.approx(
        expected["charger_energy_utilisation_ratio"], rel=1e-9
    )


def test_the_district_is_the_sum_of_its_parks(district):
    when, span = whole_day(district)
    [row] = panel(district, ("district", "district_energy", "district"), span, district="pingshan")
    whole = sum(defined(district, park, when, "consumption_kwh")["consumption_kwh"] for park in PARKS)
    assert row["consumption_kwh"] == pytest.approx(whole, rel=1e-9)


def test_energy_and_intensity_of_clusters(district):
    """Every cluster of the quarter that is known in full, as the supervision table has them."""
    *_, last, _ = demo._quarters(district.now)
    when = quarter(f"{last.year}-Q{last.month // 3 + 1}")
    with psycopg.connect(district.dsn) as connection:
        found = cluster_figures(connection, when)
    span = Range(district.now - timedelta(days=731), district.now)
    rows = {
        row["cluster"]: row
        for row in panel(district, ("clusters", "cluster_figures", "all"), span)
        if row["quarter"] == str(when)
    }
    assert len(rows) == 3
    for cluster in demo.CLUSTER.values():
        known = found[cluster]
        row = rows[known.cluster.name_en]
        assert row["energy"] == pytest.approx(float(known["energy"].value), rel=1e-9)
        assert row["coverage_pct"] == pytest.approx(known["energy"].coverage_pct, rel=1e-9)
        intensity = known["intensity"].value
        assert row["energy_intensity_kwh_per_10k_cny"] == pytest.approx(float(intensity), rel=1e-9)


def test_outputs_of_clusters_against_their_targets(district):
    span = Range(district.now - timedelta(days=731), district.now)
    *_, last, _ = demo._quarters(district.now)
    when = quarter(f"{last.year}-Q{last.month // 3 + 1}")
    with psycopg.connect(district.dsn) as connection:
        found = cluster_figures(connection, when)
    rows = panel(district, ("clusters", "progress", "all"), span)
    assert len(rows) == 9
    for row in rows:
        known = next(each for each in found.clusters if each.cluster.name_en == row["cluster"])
        assert row["quarter"] == str(when)
        assert row["output_this_year"] == pytest.approx(float(known["cumulative_output"].value))
        target = known.cluster.target(2025)
        wanted = (
            None if target is None else 100 * float(known["cumulative_output"].value) / float(target.output_100m_cny)
        )
        assert row["progress_2025"] == (None if wanted is None else pytest.approx(wanted))


def test_completeness_of_a_day(district):
    _, span = whole_day(district)
    [row] = [
        each
        for each in panel(district, ("quality", "calendar", "district"), span, district="pingshan")
        if each["metric"] == PARKS[0]
    ]
    with psycopg.connect(district.dsn) as connection:
        [stored] = connection.execute(
            "SELECT coverage_pct FROM park_completeness_1d WHERE park = %s AND day = %s",
            (PARKS[0], row["time"].astimezone(ZONE).date()),
        ).fetchall()
    assert row["value"] == pytest.approx(stored[0])


def test_cumulative_outputs_are_taken_apart(dsn, tmp_path):
    """100 in the first quarter, 250 until June, 30 in the third: alone 100, 150, 30; since January 100, 250, 280."""
    from datetime import UTC, datetime

    from parkgrid_accounting.clusters.intake import take_outputs
    from tests.accounting.clusters_feed import workbook

    stated = (
        ("2025-Q1", "累计", "100"),
        ("2025-Q2", "累计", "250"),
        ("2025-Q3", "当季", "30"),
        ("2024-Q3", "累计", "70"),
    )
    rows = [["new-energy", name, basis, amount, "亿元", "区统计局", ""] for name, basis, amount in stated]
    now = datetime(2026, 2, 1, tzinfo=UTC)
    assert not take_outputs(dsn, workbook(tmp_path / "o.xlsx", rows), "test", now).mistakes
    span = Range(now - timedelta(days=731), now)
    with psycopg.connect(dsn) as connection:
        alone = connection.execute(expand(query("clusters", "outputs", "all", "en"), span, 1, {}).encode()).fetchall()
        newest = connection.execute(expand(query("clusters", "progress", "all", "en"), span, 1, {}).encode()).fetchall()
    # Of 2024 only the cumulative figure of September is known: what July to September made alone is not.
    found = {at.astimezone(ZONE).date(): value for at, _, value in alone}
    assert found == {date(2024, 7, 1): None, date(2025, 1, 1): 100, date(2025, 4, 1): 150, date(2025, 7, 1): 30}
    [mine] = [row for row in newest if row[1] is not None]
    assert mine[:3] == ("New energy", "2025-Q3", 280)
