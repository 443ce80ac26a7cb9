"""Four data sets of other people, brought in as docs/your-own-data.md says: their totals and their bill hold."""

import json
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_accounting.figures.sessions import sessions_begun
from parkgrid_accounting.scope import Scope
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
    # The park is imported, and nobody is online.
    assert ask(dsn, "SELECT online, imported, last_seen_at FROM gateways") == [(None, True, None)]
    assert ask(dsn, "SELECT latitude, longitude FROM parks") == [(22.7, 114.3)]


def test_a_hundred_sessions_over_midnight(dsn: str, tmp_path: Path) -> None:
    sessions = own_data.charging(tmp_path)
    assert len(sessions) == 100
    bring(dsn, tmp_path)
    zone = ZoneInfo("Asia/Shanghai")
    first, last = (int(datetime(2025, 5, day, 12, tzinfo=zone).timestamp() * 1000) for day in (1, 26))
    with psycopg.connect(dsn, autocommit=True) as connection:
        told_of = sessions_begun(connection, Scope("depot"), first, last)
    found = told_of.listed
    by_start = {(each.device, each.session.visit.start_ms): each.session for each in found}
    assert len(found) == len(by_start) == 100
    for session in sessions:
        told = by_start[session.device, int(session.start.timestamp() * 1000)]
        assert told.energy_kwh == pytest.approx(session.energy_wh / 1000, abs=0.001)
        assert told.visit.end_ms == int(session.end.timestamp() * 1000)
    total = sum(session.energy_wh for session in sessions) / 1000
    assert sum(each.session.energy_kwh for each in found) == pytest.approx(total, abs=0.001)
    assert told_of.balance.registers_kwh == told_of.balance.sessions_kwh == pytest.approx(total, abs=1e-6)
    metered = ask(dsn, "SELECT sum(energy_kwh) FROM interval_energy WHERE signal = 'energy_delivered_kwh'")
    assert metered[0][0] == pytest.approx(total, abs=1e-6)


SMALL = """
name = "A week of a shop"
source = "made for a test"
park = "shop"
[time]
column = "t"
period_s = 3600
[[devices]]
device = "main"
device_class = "grid_meter"
driver = "eastron_sdm630"
file = "shop.csv"
[devices.counters.energy_import_kwh]
column = "E"
"""


def shop(folder: Path, *, of: float = 1.0) -> Path:
    """Three days by the hour of a meter that begins at 100 kWh and counts 2 kWh an hour."""
    start = datetime(2018, 3, 5, tzinfo=own_data.CHINA)
    rows = [((start + timedelta(hours=hour)).isoformat(), f"{100 + of * 2 * hour:.3f}") for hour in range(73)]
    own_data.write(folder / "shop.csv", ("t", "E"), rows)
    (folder / "mapping.toml").write_text(SMALL, "utf-8")
    return folder / "mapping.toml"


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "parkgrid.cli", *words]


def done(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=300, check=False)


def test_an_import_says_what_it_achieved(dsn: str, tmp_path: Path) -> None:
    mapping = str(shop(tmp_path))
    first = parkgrid(dsn, "import", str(tmp_path), "--mapping", mapping)
    assert "73 readings stored, 0 already stored, 0 differ" in first.output
    again = parkgrid(dsn, "import", str(tmp_path), "--mapping", mapping)
    assert "imported completely before" in again.output
    # A corrected file, 100 kWh at the start as before: all but the first reading contradict what is stored.
    shop(tmp_path, of=1.25)
    for _ in range(2):
        corrected = parkgrid(dsn, "import", str(tmp_path), "--mapping", mapping, code=1)
        assert "72 readings differ from those already stored" in corrected.output
    assert ask(dsn, "SELECT sum(energy_kwh) FROM interval_energy") == [(144.0,)]
    missing = parkgrid(dsn, "import", str(tmp_path), "--mapping", str(tmp_path / "none.toml"), code=2)
    assert "none.toml: file: cannot be read" in missing.output


def test_an_import_that_is_killed_goes_on(dsn: str, tmp_path: Path) -> None:
    own_data.industrial_year(tmp_path)
    words = ("import", str(tmp_path), "--mapping", str(tmp_path / "mapping.toml"), "--dsn", dsn)
    killed = subprocess.Popen(command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while ask(dsn, "SELECT count(*) FROM grid_meter") == [(0,)]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        killed.kill()
        killed.communicate()
    assert ask(dsn, "SELECT count(*) < 35041 FROM grid_meter") == [(True,)]
    rest = done(*words, "--json")
    assert rest.returncode == 0, rest.stderr
    assert ask(dsn, "SELECT count(*) FROM grid_meter") == [(35_041,)]
    good = "SELECT count(*) FILTER (WHERE quality = 'good'), count(*) FROM interval_energy"
    assert ask(dsn, good) == [(365 * 96, 365 * 96)]
    # Plain lines where nobody looks at a terminal.
    assert any(line.lstrip()[:1].isdigit() and " %  " in line for line in rest.stderr.splitlines())


def test_a_replay_twice_into_one_folder_and_then_the_page(server_dir: Path, tmp_path: Path) -> None:
    mapping = str(shop(tmp_path))
    words = ("replay", str(tmp_path), "--mapping", mapping, "--data-dir", str(server_dir), "--json")
    first = done(*words)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["stored"] == 73
    assert json.loads(first.stdout)["import_kwh"] == 144.0
    again = done(*words)
    assert again.returncode == 0, again.stderr
    assert "all 73 readings were already stored with the same values" in again.stderr
    assert [json.loads(again.stdout)[name] for name in ("stored", "repeated", "lost")] == [0, 73, 0]
    shop(tmp_path, of=1.25)
    corrected = done(*words)
    assert corrected.returncode == 1
    assert "72 readings differ from those already stored" in corrected.stderr
    assert json.loads(corrected.stdout)["conflicting"] == 72
    nothing = done(*words, "--from", "2030-01-01T00:00+08:00")
    assert (nothing.returncode, "choose --from and --to there" in nothing.stderr) == (2, True)
    shown = subprocess.Popen(
        command("show", "--data-dir", str(server_dir), "--port", "0"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert shown.stdout is not None
        url = shown.stdout.readline().split()[-1]
        page = httpx.get(url).raise_for_status().text
        assert "<html" in page
        [gateway] = httpx.get(f"{url}api/v1/parks/shop/live").raise_for_status().json()["gateways"]
        assert (gateway["online"], gateway["imported"]) == (None, True)
        day = httpx.get(f"{url}api/v1/parks/shop/day").raise_for_status().json()
        assert day["energy"]["grid_meter.energy_import_kwh"]["kwh"] in {46.0, 48.0, 0.0}
    finally:
        shown.send_signal(signal.SIGINT)
        shown.communicate(timeout=60)
    assert shown.returncode == 0
