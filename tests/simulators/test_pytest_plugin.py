"""The pytest plug-in as a stranger's project uses it: a run of its own, warnings as errors, two workers."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "simulators-in-ci.md"
FIRST = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)[0]
"""The first test of the document, word for word."""
SECOND = """
import socket
import struct
import pytest

def ask(device, function, address, count):
    with socket.create_connection((device.host, device.port), timeout=5) as connection:
        connection.settimeout(5)
        connection.sendall(struct.pack(">HHHBBHH", 1, 0, 6, device.unit, function, address, count))
        return connection.recv(260)[7:]

@pytest.mark.parkgrid_scenario("julongshan_pedf_office", speed=0, start="2026-07-01T09:30")
def test_a_scenario_by_name(parkgrid_park):
    assert parkgrid_park.scenario.park == "julongshan-pedf"
    assert parkgrid_park.clock.now().isoformat() == "2026-07-01T09:30:00+08:00"
    parkgrid_park.clock.advance(900)
    assert parkgrid_park.clock.now().isoformat() == "2026-07-01T09:45:00+08:00"

@pytest.mark.parkgrid_scenario("own.toml")
def test_a_scenario_by_path(parkgrid_park):
    assert list(parkgrid_park.addresses) == ["main"]

@pytest.mark.parkgrid_scenario(speed=0)
def test_one_device_and_its_faults(parkgrid_device):
    meter = parkgrid_device("SDM630", rated_power_kw=40)
    good = ask(meter, 4, 0x34, 2)
    assert good == b"\\x04\\x04" + struct.pack(">f", round(1000 * meter.values()["active_power_kw"]))
    meter.inject("exception", code=6)
    assert ask(meter, 4, 0x34, 2) == b"\\x84\\x06"
    assert meter.clear() == 1
    assert ask(meter, 4, 0x34, 2) == good

def test_the_sun(parkgrid_device):
    inverter = parkgrid_device("huawei_sun2000", start="2026-06-21T02:00", speed=0)
    assert inverter.values()["active_power_kw"] == 0
    inverter.park.sun.set(irradiance_w_m2=800)
    inverter.park.clock.advance(10)
    assert inverter.values()["active_power_kw"] > 30

def test_wrong_names_are_explained(parkgrid_device, parkgrid_park):
    with pytest.raises(ValueError, match="did you mean 'huawei_sun2000'"):
        parkgrid_device("huawei_sun200")
    with pytest.raises(ValueError, match="device_class="):
        parkgrid_device("sunspec")
    with pytest.raises(ValueError, match="'pv-9'.*did you mean pv-"):
        parkgrid_park["pv-9"]
    with pytest.raises(ValueError, match="code = 300: must be a whole number between 1 and 255"):
        parkgrid_park["pv-1"].inject("exception", code=300)

def test_a_broker(parkgrid_broker):
    with socket.create_connection((parkgrid_broker.host, parkgrid_broker.port), timeout=5) as client:
        client.sendall(b"\\x10\\x0c\\x00\\x04MQTT\\x04\\x02\\x00\\x0a\\x00\\x00")
        assert client.recv(4) == b"\\x20\\x02\\x00\\x00"
"""
WRONG = """
import pytest

@pytest.mark.parkgrid_scenario("nowhere")
def test_nowhere(parkgrid_park):
    raise AssertionError

@pytest.mark.parkgrid_scenario(sped=2)
def test_typing_mistake(parkgrid_park):
    raise AssertionError

@pytest.mark.parkgrid_scenario(start="yesterday")
def test_no_time(parkgrid_park):
    raise AssertionError
"""
OWN = """
park = "own"
[[devices]]
id = "main"
device_class = "grid_meter"
driver = "eastron_sdm630"
ratings = { rated_power_kw = 100 }
"""
LIGHT = """
import sys

def test_nothing_heavy():
    heavy = {"numpy", "pymodbus", "parkgrid_edge", "parkgrid_domain", "parkgrid_contract", "amqtt", "fastapi"}
    assert "parkgrid_simulators.pytest_plugin" in sys.modules
    assert not heavy & {name.partition(".")[0] for name in sys.modules}
"""


def outsider(folder: Path, *arguments: str, **files: str) -> subprocess.CompletedProcess[str]:
    """pytest in a project of its own, as strict as ours."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n", "utf-8")
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:schemathesis",
        "-p",
        "no:asyncio",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_strangers_project_is_green_on_two_workers(tmp_path) -> None:
    run = outsider(tmp_path, "-n", "2", test_first__py=FIRST, test_second__py=SECOND, own__toml=OWN)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "7 passed" in run.stdout


def test_nothing_heavy_is_imported_before_a_fixture_is_used(tmp_path) -> None:
    run = outsider(tmp_path, test_light__py=LIGHT)
    assert run.returncode == 0, run.stdout + run.stderr


def test_wrong_marks_are_explained(tmp_path) -> None:
    run = outsider(tmp_path, test_wrong__py=WRONG)
    assert "3 errors" in run.stdout
    assert "scenario 'nowhere': no file of that name" in run.stdout
    assert "ours are: biling_ic_park" in run.stdout
    assert "['sped']: it takes a scenario, speed= and start=" in run.stdout
    assert "must be a local time between 2000 and 2200" in run.stdout
    assert "Traceback" not in run.stdout


@pytest.mark.parkgrid_scenario(speed=0)
def test_our_own_run_has_the_fixtures_too(parkgrid_park) -> None:
    before = parkgrid_park.values("pv-1")
    assert parkgrid_park.values("pv-1") == before
    parkgrid_park.stop()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(parkgrid_park["pv-1"].address[:2], timeout=2)
