"""`parkgrid up` and `parkgrid replay` whole: real processes, real bytes, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid.running_instance import far, find
from parkgrid.simulated_park import describe, park_of
from parkgrid_contract.time import SHANGHAI
from parkgrid_ingest.store import Park
from tests import citylearn


def _start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "parkgrid.cli", *arguments, "--data-dir", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _of_folder(folder: Path) -> list[str]:
    """The command lines of processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command and path.parent.name != str(os.getpid()):
            found.append(command)
    return found


def _nothing_left(folder: Path) -> None:
    deadline = time.monotonic() + 30
    while left := _of_folder(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _pid_of(folder: Path, marker: str) -> int:
    """The process whose command line names the folder and holds a marker, as soon as there is one."""
    deadline = time.monotonic() + 30
    while True:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(folder) in command and marker in command:
                return int(path.parent.name)
        assert time.monotonic() < deadline, f"no process with {marker}"
        time.sleep(0.05)


def test_parts_killed_one_after_the_other_come_back_and_nothing_is_lost(server_dir):
    options = ("--for", "25", "--speed", "60", "--port", "0", "--seed", "7", "--parks", "4")
    running = _start(server_dir, "up", *options)
    try:
        first = running.stdout.readline()
        assert first.startswith("parkgrid is up: http://127.0.0.1:"), running.stderr.read()
        assert _open_to_others(running.pid) == set()
        _nobody_has_more_than_it_needs(server_dir, running.pid)
        _pid_of(server_dir, "-m parkgrid_demo.pilot.site")
        for marker in ("-m parkgrid_ingest", "-m parkgrid_edge", "/broker", "postgres -D"):
            os.kill(_pid_of(server_dir, marker), signal.SIGKILL)
            time.sleep(2.5)  # let the chain notice before the next blow; what counts is judged at the end
        output, errors = running.communicate(timeout=180)
    finally:
        running.kill()
    assert running.returncode == 0, errors
    assert errors.count("part ended") >= 4
    verdict = json.loads(output.splitlines()[-1])
    assert verdict["accepted"] == verdict["stored"] > 50
    assert [verdict[name] for name in ("lost", "duplicated", "quarantined", "altered", "alien")] == [0, 0, 0, 0, 0]
    assert verdict["store"] == "postgres"
    assert verdict["broker"] in {"mosquitto", "amqtt"}
    _nothing_left(server_dir)


def _nobody_has_more_than_it_needs(folder: Path, launcher: int) -> None:
    """Parts are not root, even where the launcher is; they sign in as roles; nothing of theirs is open to others."""
    parts = {int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent(path) == launcher}
    assert len(parts) >= 8
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in parts}
    if os.geteuid() == 0:
        assert 0 not in owners
    else:
        assert owners == {os.geteuid()}
    users = {
        login: tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))[table]["dsn"]
        for login, name, table in (
            ("ingest", "ingest", "store"),
            ("accounting", "metering", "database"),
            ("vpp", "vpp", "database"),
            ("api", "api", "database"),
        )
    }
    assert all(f"user={name} " in f"{dsn} " for name, dsn in users.items())
    for path in folder.rglob("*"):
        mode = path.lstat().st_mode & 0o777
        # What root's parts pass through is closed to listing. Binaries of the server are no secret, and its data, which
        # come and go, lie in a closed folder.
        if "server-" in str(path) or path.is_symlink() or folder / "database" / "postgres" in path.parents:
            continue
        allowed = 0o711 if path.is_dir() and os.geteuid() == 0 else 0o700
        assert not mode & ~allowed, f"{path} is {mode:o}"


def _other_commands_find_it(folder: Path) -> None:
    """Without any other option, and with the rights of a reader."""
    there = find(folder, "")
    assert conninfo_to_dict(there.dsn)["user"] == "api"
    assert urlsplit(there.broker).username == "tap"
    today = datetime.now(SHANGHAI)
    month, quarter = f"{today:%Y-%m}", f"{today:%Y}-Q{(today.month + 2) // 3}"
    commands = [
        ["tap", "--count", "1", "--for", "60", "--json"],
        ["trace", f"indicator/pingshan-park/self_consumption_ratio/{month}", "--json"],
        ["report", "month", "pingshan-park", month, "--out", str(folder / "month.xlsx")],
        ["report", "quarter", "pingshan-park", quarter, "--out", str(folder / "quarter.csv")],
    ]
    for command in commands:
        found = CliRunner().invoke(app, [*command, "--data-dir", str(folder)], env={"PARKGRID_DSN": None})
        assert found.exit_code == 0, found.output
        assert "pingshan-park" in found.output or Path(command[-1]).stat().st_size > 0, found.output


def _open_to_others(launcher: int) -> set[int]:
    """The ports at which parts listen on more than loopback."""
    parts = [Path(f"/proc/{launcher}"), *(path for path in Path("/proc").glob("[0-9]*") if _parent(path) == launcher)]
    held = {str(file.readlink()) for part in parts for file in (part / "fd").iterdir() if file.is_symlink()}
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{launcher}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _, port = fields[1].partition(":")
            listens = fields[3] == "0A" and f"socket:[{fields[9]}]" in held
            if listens and address not in _LOOPBACK:
                ports.add(int(port, 16))
    return ports


_LOOPBACK = ("0100007F", "00000000000000000000000001000000")
"""127.0.0.1 and ::1, as the kernel lists them."""


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0


def test_accelerated_time_goes_on_in_real_time_and_a_killed_launcher_takes_everything_with_it(server_dir):
    # A day at 3600 times real time takes 24 seconds; from then on every device is read each second again.
    running = _start(server_dir, "up", "--speed", "3600", "--port", "0", "--parks", "1", "--no-history")
    try:
        url = running.stdout.readline().split()[-1]
        edge = server_dir / "edge.toml"
        assert tomllib.loads(edge.read_text("utf-8"))["devices"][0]["period_s"] == 3600
        deadline = time.monotonic() + 90
        while "clock" in (settings := tomllib.loads(edge.read_text("utf-8"))):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert min(device["period_s"] for device in settings["devices"]) == 1
        while not _reads_each_second(url, settings["park"]):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert len(_of_folder(server_dir)) > 5
    finally:
        running.kill()
        running.communicate()
    _nothing_left(server_dir)


def _reads_each_second(url: str, park: str) -> bool:
    """Whether the connection point was read three times within the last ten seconds."""
    now_ms = int(time.time() * 1000)
    query = f"signals=active_power_kw&from={now_ms - 10_000}&to={now_ms}&resolution=raw"
    address = f"{url}api/v1/devices/{park}/gw-1/grid/history?{query}"
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  (its own address)
        return json.load(answer)["rows"] >= 3


def test_other_machines_reach_the_page_alone_and_ctrl_c_ends_everything(server_dir):
    running = _start(server_dir, "up", "--host", "0.0.0.0", "--port", "0", "--parks", "1", "--no-history")
    try:
        line = running.stdout.readline()
        assert line.startswith("parkgrid is up: "), running.stderr.read()
        url = urlsplit(line.split()[-1])
        assert url.hostname == far("0.0.0.0")
        assert _open_to_others(running.pid) == {url.port}
        # A second address of this machine's, as another machine's would be.
        page = f"http://127.0.0.2:{url.port}"
        with urllib.request.urlopen(f"{page}/healthz", timeout=10) as answer:  # noqa: S310  (its own address)
            assert answer.status == 200
        for wrong in (None, "0" * 64):
            with pytest.raises(urllib.error.HTTPError, match="401"):
                _asked(f"{page}/api/v1/parks", wrong)
        token = (server_dir / "page-token").read_text().strip()
        [park] = _asked(f"{page}/api/v1/parks", token)["parks"]
        assert (park["park"], park["name_en"], park["district"]) == (
            "pingshan-park",
            "Pingshan demonstration park",
            "pingshan",
        )
        _other_commands_find_it(server_dir)
        second = _start(server_dir, "up", "--port", "0")
        _, errors = second.communicate(timeout=60)
        assert second.returncode == 1
        assert "is in use" in errors
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
        assert running.returncode == 0
        assert f"http://{url.netloc}/ answers; it asks for the token {token}\n" in errors
    finally:
        running.kill()
        running.communicate()
    _nothing_left(server_dir)


def _asked(url: str, token: str | None):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:  # noqa: S310  (its own)
        return json.load(answer)


# By day the year's replay takes measured days through the same chain (test_replay_year.py).
@pytest.mark.nightly
@citylearn.needed
def test_a_day_of_measured_data_comes_back_as_its_own_totals(server_dir):
    day = ("--from", "2016-08-01T00:00-08:00", "--to", "2016-08-02T00:00-08:00")
    running = _start(server_dir, "replay", str(citylearn.DATA), *day, "--json")
    output, errors = running.communicate(timeout=300)
    assert running.returncode == 0, errors
    verdict = json.loads(output.splitlines()[-1])
    # 25 instants of 36 devices.
    assert verdict["accepted"] == verdict["stored"] == 25 * 36
    assert (verdict["lost"], verdict["duplicated"], verdict["quarantined"]) == (0, 0, 0)
    for name, energy in citylearn.of_hours(1, 24).kwh.items():
        assert verdict[name] == pytest.approx(energy, rel=0.001)
    _nothing_left(server_dir)


def test_a_park_is_called_by_its_name(dsn):
    document = {"park": "p", "district": "pingshan", "name_zh": "坪山", "name_en": "Ping", "zone": "Asia/Shanghai"}
    describe(dsn, park_of(document | {"latitude": 22.69, "longitude": 114.35}))
    describe(dsn, Park("replayed", "", "A year", "A year", "Etc/GMT+8"))
    # Who names it again without coordinates does not move it.
    describe(dsn, Park("p", "pingshan", "坪山", "Ping"))
    with psycopg.connect(dsn) as connection:
        query = "SELECT park, district, name_zh, name_en, time_zone, latitude, longitude FROM parks ORDER BY park"
        assert connection.execute(query).fetchall() == [
            ("p", "pingshan", "坪山", "Ping", "Asia/Shanghai", 22.69, 114.35),
            ("replayed", "", "A year", "A year", "Etc/GMT+8", None, None),
        ]
