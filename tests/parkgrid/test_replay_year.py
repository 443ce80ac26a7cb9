"""Measured data through the whole chain: its indicators come out of stored intervals as its files have them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from parkgrid_accounting.figures.indicators import figures
from parkgrid_accounting.scope import Scope
from parkgrid_domain.period import period
from tests import citylearn

ZONE = ZoneInfo("Etc/GMT+8")
FIRST_ROW_OF = {"2016-08-27": 26 * 24 + 1}
"""The row of the hour that begins with a day: the files begin with the hour before 2016-08-01."""
NAMES = ("self_consumption_ratio", "self_sufficiency_ratio", "maximum_demand_kw")
YEARS_HIGHEST_KW, AT_MS = 49.0588, 1_472_439_600_000  # 2016-08-28T19:00-08:00


def _replayed(dsn: str, folder: Path, span: Sequence[str] = ()) -> dict[str, Any]:
    """The verdict of a replay into a database."""
    command = [sys.executable, "-m", "parkgrid.cli", "replay", str(citylearn.DATA), *span, "--json", "--dsn", dsn]
    run = subprocess.run(
        [*command, "--data-dir", str(folder)], capture_output=True, text=True, timeout=1800, check=False
    )
    assert run.returncode == 0, run.stderr
    verdict = json.loads(run.stdout.splitlines()[-1])
    assert verdict["accepted"] == verdict["stored"]
    assert (verdict["lost"], verdict["duplicated"], verdict["quarantined"]) == (0, 0, 0)
    return verdict


def _figures(dsn: str, span: str, hours: int) -> dict[str, Any]:
    """The indicators of a span, which has so many hours of the connection point's two registers."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        # The interval length is data: houses that report by the hour have hours, each present and none guessed.
        query = "SELECT period_s, quality, count(*) FROM interval_energy WHERE device = 'grid' GROUP BY 1, 2"
        assert connection.execute(query).fetchall() == [(3600, "good", 2 * hours)]
        found = figures(connection, Scope("citylearn-2022"), period(span, ZONE), list(NAMES))
        return {each.name: each for each in found}


@citylearn.needed
def test_measured_days_give_the_indicators_of_their_files(empty_dsn, server_dir):
    """Six days over the end of a month, with the highest hour of the year."""
    verdict = _replayed(empty_dsn, server_dir, ("--from", "2016-08-27T00:00-08:00", "--to", "2016-09-02T00:00-08:00"))
    hours = citylearn.of_hours(FIRST_ROW_OF["2016-08-27"], 6 * 24)
    found = _figures(empty_dsn, "2016-08-27..2016-09-02", 6 * 24)
    kwh = hours.kwh
    assert {name: verdict[name] for name in kwh} == pytest.approx(kwh, rel=0.001)
    assert found["self_consumption_ratio"].value == pytest.approx(1 - kwh["export_kwh"] / kwh["pv_kwh"], abs=1e-5)
    assert found["self_sufficiency_ratio"].value == pytest.approx(1 - kwh["import_kwh"] / kwh["load_kwh"], abs=1e-5)
    # The registers count whole Wh.
    assert max(hours.net_kwh) == pytest.approx(YEARS_HIGHEST_KW, abs=0.001)
    assert found["maximum_demand_kw"].value == pytest.approx(YEARS_HIGHEST_KW, abs=0.001)
    assert found["maximum_demand_kw"].at_ms == AT_MS


@pytest.mark.nightly
@citylearn.needed
def test_a_measured_year_gives_its_published_indicators(empty_dsn, server_dir):
    _replayed(empty_dsn, server_dir)
    found = _figures(empty_dsn, "2016-07-31..2017-08-01", 8760)
    # shared/docs/domain.md, and the files themselves: 1 - 28206.773 / 103425.400, 1 - 94425.398 / 169644.032
    assert found["self_consumption_ratio"].value == pytest.approx(0.727274, abs=5e-7)
    assert found["self_sufficiency_ratio"].value == pytest.approx(0.443391, abs=5e-7)
    assert found["maximum_demand_kw"].value == pytest.approx(YEARS_HIGHEST_KW, abs=0.001)
    assert found["maximum_demand_kw"].at_ms == AT_MS
