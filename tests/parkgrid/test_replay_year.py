"""A measured year through the whole chain: its indicators come out of stored intervals as published."""

import json
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from parkgrid_accounting.figures.indicators import figures
from parkgrid_accounting.scope import Scope
from parkgrid_domain.period import period

CITYLEARN = Path(__file__).resolve().parents[3] / "shared" / "data" / "citylearn_2022"
HOURS = 8760
ZONE = ZoneInfo("Etc/GMT+8")


@pytest.mark.skipif(not CITYLEARN.is_dir(), reason="the CityLearn data is not beside this repository")
def test_a_measured_year_gives_its_published_indicators(empty_dsn, server_dir):
    command = [sys.executable, "-m", "parkgrid.cli", "replay", str(CITYLEARN), "--json", "--dsn", empty_dsn]
    run = subprocess.run(
        [*command, "--data-dir", str(server_dir)], capture_output=True, text=True, timeout=1800, check=False
    )
    assert run.returncode == 0, run.stderr
    verdict = json.loads(run.stdout.splitlines()[-1])
    assert verdict["accepted"] == verdict["stored"]
    assert (verdict["lost"], verdict["duplicated"], verdict["quarantined"]) == (0, 0, 0)
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        # The interval length is data: houses that report by the hour have hours, each present and none guessed.
        query = "SELECT period_s, quality, count(*) FROM interval_energy WHERE device = 'grid' GROUP BY 1, 2"
        assert connection.execute(query).fetchall() == [(3600, "good", 2 * HOURS)]
        found = {
            each.name: each
            for each in figures(
                connection,
                Scope("citylearn-2022"),
                period("2016-07-31..2017-08-01", ZONE),
                ["self_consumption_ratio", "self_sufficiency_ratio", "maximum_demand_kw"],
            )
        }
    # shared/docs/domain.md, and the files themselves: 1 - 28206.773 / 103425.400, 1 - 94425.398 / 169644.032
    assert found["self_consumption_ratio"].value == pytest.approx(0.727274, abs=5e-7)
    assert found["self_sufficiency_ratio"].value == pytest.approx(0.443391, abs=5e-7)
    # The registers count whole Wh.
    assert found["maximum_demand_kw"].value == pytest.approx(49.0588, abs=0.001)
    assert found["maximum_demand_kw"].at_ms == 1_472_439_600_000  # 2016-08-28T19:00-08:00
