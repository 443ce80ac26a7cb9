"""Four data sets of other people, brought in as docs/your-own-data.md says: their totals and their bill hold."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from typer.testing import CliRunner

from accounting.figures.sessions import sessions_begun
from accounting.scope import Scope
from parkgrid.cli import app
from tests.parkgrid import own_data


def parkgrid(dsn: str, *words: str, code: int = 0) -> Any:
    found = CliRunner().invoke(app, list(words), env={"PARKGRID_DSN": dsn, "NO_COLOR": "1"})
    assert found.exit_code == code, found.output
    return found


def bring(dsn: str, folder: Path) -> dict[str, Any]:
    found = parkgrid(dsn, "import", str(folder), "--mapping", str(folder / "mapping.toml"), "--json")
    document: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    assert document["conflicting"] == 0
    assert not document["refused"]
    return document


def ask(dsn: str, query: str, *arguments: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query, arguments or None).fetchall()


def test_a_year_of_load_behind_a_display_that_rolls_over(dsn: str, tmp_path: Path) -> None:
    load = own_data.industrial_year(tmp_path)
    assert load.rolled_over >= 3
    assert bring(dsn, tmp_path)["stored"] == 35_041
    stored = dict(ask(dsn, "SELECT at, energy_kwh FROM interval_energy WHERE device = 'main' AND quality = 'good'"))
    assert stored == {at: float(energy) for at, energy in load.quarters.items()}
    plan = "guangdong-2021-tou"
    parkgrid(dsn, "bill", "plans", "load", plan, "--by", "li")
    parkgrid(
        dsn, "bill", "agree", "0500-17", "--park", "foundry", "--plan", plan, "--from", "2025-01-01", "--by", "li",
        "--basis", "measured_demand", "--capacity-kva", "2000",
    )  # fmt: skip
    for month in (3, 11):
        shown = json.loads(parkgrid(dsn, "bill", "show", "0500-17", f"2025-{month:02d}", "--json").stdout)
        assert Decimal(shown["total_cny"]) == own_data.bill(load.month(month), 2000)


def test_a_day_of_a_battery_by_the_second(dsn: str, tmp_path: Path) -> None:
    charged, discharged = own_data.battery_day(tmp_path)
    assert bring(dsn, tmp_path)["stored"] == 86_401
    sums = dict(ask(dsn, "SELECT signal, sum(energy_kwh) FROM interval_energy WHERE device = 'bat-1' GROUP BY signal"))
    # Every quarter of an hour is rounded to a whole Wh.
    assert sums["energy_charged_kwh"] == pytest.approx(charged, abs=96 * 0.0005)
    assert sums["energy_discharged_kwh"] == pytest.approx(discharged, abs=96 * 0.0005)
    qualities = ask(dsn, "SELECT DISTINCT quality FROM interval_energy WHERE energy_kwh > 0")
    assert qualities == [("estimated",)]
    assert ask(dsn, "SELECT count(*) FROM data_gaps") == [(0,)]


def test_a_fleet_with_holes_and_counters_that_begin_anew_every_day(dsn: str, tmp_path: Path) -> None:
    totals = own_data.fleet(tmp_path)
    bring(dsn, tmp_path)
    query = "SELECT device, sum(energy_kwh) FROM interval_energy WHERE energy_kwh IS NOT NULL GROUP BY device"
    found = {device: Decimal(str(total)).quantize(Decimal("0.001")) for device, total in ask(dsn, query)}
    assert found == totals
    # What number 4 made from noon on the eighth nobody has seen: missing, neither zero nor spread over the night.
    noon = datetime(2025, 4, 8, 12, tzinfo=own_data.CHINA)
    hole = "SELECT DISTINCT quality FROM interval_energy WHERE device = 'inv-4' AND at >= %s AND at < %s"
    assert ask(dsn, hole, noon, noon + timedelta(hours=12)) == [("missing",)]
    assert ask(dsn, "SELECT DISTINCT cause FROM data_gaps") == [("source",)]
    # Number 3 came back on the same day: what the hole held is known, how it lay in it is not.
    hole = "SELECT DISTINCT quality FROM interval_energy WHERE device = 'inv-3' AND at >= %s AND at < %s"
    assert ask(dsn, hole, noon - timedelta(days=3), noon - timedelta(days=3, hours=-3)) == [("estimated",)]


def test_a_hundred_sessions_over_midnight(dsn: str, tmp_path: Path) -> None:
    sessions = own_data.charging(tmp_path)
    assert len(sessions) == 100
    bring(dsn, tmp_path)
    zone = ZoneInfo("Asia/Shanghai")
    first, last = (int(datetime(2025, 5, day, 12, tzinfo=zone).timestamp() * 1000) for day in (1, 26))
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = list(sessions_begun(connection, Scope("depot"), first, last))
    by_start = {(each.device, each.session.start_ms): each.session for each in found}
    assert len(found) == len(by_start) == 100
    for session in sessions:
        told = by_start[session.device, int(session.start.timestamp() * 1000)]
        assert told.energy_kwh == pytest.approx(session.energy_wh / 1000, abs=0.001)
        assert 0 <= told.end_ms - int(session.end.timestamp() * 1000) <= 60_000
    total = sum(session.energy_wh for session in sessions) / 1000
    assert sum(each.session.energy_kwh for each in found) == pytest.approx(total, abs=0.001)
    metered = ask(dsn, "SELECT sum(energy_kwh) FROM interval_energy WHERE signal = 'energy_delivered_kwh'")
    assert metered[0][0] == pytest.approx(total, abs=1e-6)


def test_the_park_is_imported_and_nobody_is_online(dsn: str, tmp_path: Path) -> None:
    own_data.fleet(tmp_path)
    bring(dsn, tmp_path)
    assert ask(dsn, "SELECT online, imported, last_seen_at FROM gateways") == [(None, True, None)]
    assert ask(dsn, "SELECT latitude, longitude FROM parks") == [(22.7, 114.3)]
