"""Nine clusters from files and meters to figures: expectations computed by hand in the golden folder."""

import csv
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from parkgrid_accounting.clusters.figures import ClusterFigures, cluster_figures
from parkgrid_domain.clusters.figures import DEFINITIONS
from parkgrid_domain.clusters.quarter import Quarter, quarter
from parkgrid_domain.period import period
from tests.accounting.clusters_feed import Meters, accounts_file, enterprises, outputs

GOLDEN = Path(__file__).parents[1] / "golden" / "clusters"
WHEN = quarter("2024-Q2")
DEVICES = {
    "grid-1": ("grid_meter", "A"),
    "pv-1": ("pv_inverter", "A"),
    "bess-1": ("storage", "A"),
    "load-1": ("meter", "B"),
}
PER_DAY = {
    ("grid-1", "energy_import_kwh"): 10_000,
    ("grid-1", "energy_export_kwh"): 50,
    ("pv-1", "energy_generated_kwh"): 1_000,
    ("bess-1", "energy_charged_kwh"): 200,
    ("bess-1", "energy_discharged_kwh"): 180,
    ("load-1", "energy_import_kwh"): 2_000,
}


def feed(dsn: str) -> Meters:
    """The golden files and the meters of their README."""
    assert outputs(dsn, GOLDEN / "quarters.csv").added == 12
    assert enterprises(dsn, GOLDEN / "enterprises.csv").added == 4
    meters = Meters(dsn, DEVICES)
    for (device, signal), kwh in PER_DAY.items():
        meters.quarter(device, signal, WHEN.months, kwh)
    return meters


def figures(dsn: str, when: Quarter = WHEN) -> ClusterFigures:
    with psycopg.connect(dsn) as connection:
        return cluster_figures(connection, when)


def estimate_days(dsn: str, device: str, days: int) -> None:
    """Make estimates of the first days of April that a device metered: their energy stays."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE base.interval_energy SET quality = 2 WHERE register_id IN (SELECT r.register_id FROM base.register"
            " r JOIN base.device d USING (device_id) WHERE d.device = %s) AND at >= '2024-04-01T00:00+08:00'"
            " AND at < '2024-04-01T00:00+08:00'::timestamptz + %s * INTERVAL '1 day'",
            (device, days),
        )
        connection.execute("SELECT base.move_days(park_id) FROM base.park")


def test_the_golden_quarter(dsn: str) -> None:
    feed(dsn)
    found = figures(dsn)
    with (GOLDEN / "expected.csv").open(encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    assert len({row["cluster"] for row in expected}) == 9
    for row in expected:
        figure = found[row["cluster"]][row["figure"]]
        assert figure.value is not None, (row, figure)
        assert float(figure.value) == pytest.approx(float(row["value"]), rel=1e-11), row
        assert (figure.bound, figure.unit) == (row["bound"], figure.unit), row
    (park,) = found.parks
    # 10,930 * 91; half of it to the vehicles and all of B to the semiconductors.
    assert (park.energy_kwh, park.attributed_kwh, park.unattributed_kwh) == (994_630, 679_315, 315_315)


def test_every_cluster_shows_every_figure_with_source_or_reason(dsn: str) -> None:
    feed(dsn)
    for cluster in figures(dsn).clusters:
        assert [figure.name for figure in cluster.figures] == [each.name for each in DEFINITIONS]
        for figure in cluster.figures:
            assert (figure.value is None) != (figure.unavailable is None), figure
            assert figure.value is None or figure.sources, figure
        with pytest.raises(KeyError):
            cluster["nothing"]


def test_elasticity_over_a_year_of_meters(dsn: str, tmp_path: Path) -> None:
    """Semiconductors: 2,000 kWh a day after 1,600 is 25 %; output 45.5 after 36.4 is 25 %: elasticity 1."""
    meters = feed(dsn)
    earlier = WHEN.year_before
    meters.quarter("load-1", "energy_import_kwh", earlier.months, 1_600)
    assert figures(dsn)["semiconductors-ic"]["elasticity"].unavailable.code == "no_output"
    heading = (GOLDEN / "quarters.csv").read_text("utf-8").splitlines()[0]
    file = tmp_path / "old.csv"
    file.write_text(f"{heading}\n半导体与集成电路,2023-Q2,当季,36.4,区统计局\n", "utf-8")
    assert outputs(dsn, file).added == 1
    assert figures(dsn)["semiconductors-ic"]["elasticity"].value == 1
    assert figures(dsn, earlier)["semiconductors-ic"]["elasticity"].value is None


def test_too_few_intervals_make_no_number(dsn: str, tmp_path: Path) -> None:
    """25 of 30 days of April, 61 of 61 of May and June: 86 of 91 days are 94.5 %; without June 61.5 %."""
    outputs(dsn, GOLDEN / "quarters.csv")
    enterprises(dsn, accounts_file(tmp_path / "e.csv", ["chips,半导体与集成电路,,gaoxin-nan,B,100,2023-01,,租约"]))
    meters = Meters(dsn, DEVICES)
    april, may, june = WHEN.months
    meters.month("load-1", "energy_import_kwh", april, 30_000, days=25)
    meters.month("load-1", "energy_import_kwh", may, 31_000)
    found = figures(dsn)["semiconductors-ic"]["energy"]
    assert found.value is None
    assert found.coverage_pct == pytest.approx(100 * 56 / 91)
    assert found.unavailable.zh == "数据覆盖率 61.5 % 低于 90 %"
    meters.month("load-1", "energy_import_kwh", june, 30_000)
    found = figures(dsn)["semiconductors-ic"]["energy"]
    assert (found.value, found.coverage_pct) == (86_000, pytest.approx(100 * 86 / 91))


def test_estimated_energy_marks_every_figure_that_rests_on_it(dsn: str) -> None:
    feed(dsn)
    before = figures(dsn)
    assert before["semiconductors-ic"]["energy"].estimated_pct == 0
    assert before["semiconductors-ic"]["quarter_output"].estimated_pct is None
    estimate_days(dsn, "load-1", 3)
    estimate_days(dsn, "grid-1", 1)
    found = figures(dsn)
    # Semiconductors: one register, 3 of 91 days. Vehicles: half of five registers, two of them one day of 91.
    chips, vehicles = found["semiconductors-ic"], found["intelligent-connected-vehicles"]
    for name in ("energy", "intensity", "intensity_equivalent", "intensity_equal_value"):
        assert chips[name].estimated_pct == pytest.approx(100 * 3 / 91), name
        assert vehicles[name].estimated_pct == pytest.approx(100 * 2 / (5 * 91)), name
    assert vehicles["pv_energy"].estimated_pct == vehicles["pv_share"].estimated_pct == 0
    # The park: grid meter, PV and storage of A; B has no grid meter of its own, so it does not count for the park.
    assert found.parks[0].estimated_pct == pytest.approx(100 * 2 / (5 * 91))
    assert chips["energy"].value == before["semiconductors-ic"]["energy"].value


def test_a_device_that_was_not_there_is_not_missing(dsn: str) -> None:
    feed(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO base.register (park_id, device_id, signal, period_s, method) "
            "SELECT park_id, device_id, 'energy_export_kwh', 900, 'register' FROM base.device WHERE device = 'load-1'"
        )
        assert figures(dsn)["semiconductors-ic"]["energy"].coverage_pct == 50
        connection.execute("UPDATE base.device SET retired = true WHERE device = 'load-1'")
    assert figures(dsn)["semiconductors-ic"]["energy"].coverage_pct == 100


def test_only_a_quarter_has_figures(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        assert cluster_figures(connection, period("2024-Q2")).quarter == WHEN
        with pytest.raises(ValueError, match="is not a quarter"):
            cluster_figures(connection, period("2024-05"))
        with pytest.raises(KeyError):
            cluster_figures(connection, WHEN)["nothing"]


def test_months_are_the_parks_own(dsn: str) -> None:
    """The first day of April in Shanghai starts at 16:00 UTC of 31 March and belongs to the second quarter."""
    meters = Meters(dsn, DEVICES)
    meters.month("load-1", "energy_import_kwh", WHEN.months[0], 30_000, days=1)
    outputs(dsn, GOLDEN / "quarters.csv")
    park = {when: figures(dsn, when).parks for when in (WHEN, WHEN.before)}
    assert park[WHEN][0].energy_kwh == Decimal(1_000)
    assert park[WHEN.before][0].energy_kwh == 0
    assert park[WHEN.before][0].coverage_pct == 0
