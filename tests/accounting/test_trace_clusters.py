"""Cluster figures followed back: stated outputs to their cells, energies to the registers of the cluster's accounts."""

from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_accounting.trace.answer import NotTracedError
from tests.accounting.clusters_feed import accounts_file, enterprises, outputs, quarter_rows, workbook
from tests.accounting.february import ACCOUNT, AFTER_MS, Month, february, kept_month

__all__ = ["february", "kept_month"]


@pytest.fixture
def cluster(february: Month, tmp_path: Path) -> Month:
    """The month's account belongs to an enterprise of the new-energy cluster by 60 %."""
    outputs(february.dsn, workbook(tmp_path / "outputs.xlsx", quarter_rows("2026-Q1")))
    row = f"ent-1,new-energy,10,gaoxin-nan,{ACCOUNT},60,2026-01,,合同"
    enterprises(february.dsn, accounts_file(tmp_path / "accounts.csv", [row]))
    return february


def test_an_output_is_traced_to_its_cell(cluster: Month) -> None:
    found = cluster.trace("cluster/new-energy/quarter_output/2026-Q1", AFTER_MS)
    assert found.published == found.recomputed == Decimal("150.75")
    assert found.equal
    assert found.registers == ()
    (rule,) = [each for each in found.rules if "2026-Q1" in each.name]
    assert "outputs.xlsx" in rule.version
    assert rule.source == "区统计局 2026-Q1 快报"


def test_an_energy_is_traced_to_registers_and_batches(cluster: Month) -> None:
    found = cluster.trace("cluster/new-energy/energy/2026-Q1", AFTER_MS)
    # 60 % of what the account took less what it gave; the meter was there in February alone.
    took, gave = (cluster.wh(("grid-1", f"energy_{way}_kwh")) for way in ("import", "export"))
    assert found.published == found.recomputed == Decimal(took - gave) * Decimal("0.6") / 1000
    assert found.equal
    # 9 quarter hours of both registers across the outage, of 28 x 96 that are known.
    assert found.estimated_pct == pytest.approx(100 * 9 / 2688)
    intensity = cluster.trace("cluster/new-energy/intensity/2026-Q1", AFTER_MS)
    # 10 % of 150.75 亿元 is 150,750 万元.
    assert intensity.published == intensity.recomputed
    assert float(intensity.published or 0) == pytest.approx((took - gave) * 0.6 / 1000 / 150_750, rel=1e-12)
    assert intensity.coverage_pct is not None
    assert intensity.basis == "metered enterprises only: 10 % of the cluster's output"
    printed = CliRunner().invoke(app, ["trace", intensity.address, "--dsn", cluster.dsn]).output
    line = next(each for each in printed.splitlines() if "coverage" in each)
    assert "of the intervals of: metered enterprises only: 10 % of the cluster's output" in line
    counted = {}
    for each in found.registers:
        key = (each.source.device, each.source.signal)
        counted[key] = counted.get(key, 0) + each.recomputed_wh
        assert each.equal
    assert counted == {
        register: cluster.wh(register)
        for register in (("grid-1", "energy_import_kwh"), ("grid-1", "energy_export_kwh"))
    }
    with pytest.raises(NotTracedError, match="no figure 'happiness'"):
        cluster.trace("cluster/new-energy/happiness/2026-Q1", AFTER_MS)
