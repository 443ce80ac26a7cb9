"""Settings: what is right is read, what is wrong is reported all at once, without a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from parkgrid_contract.settings import SettingsError
from parkgrid_contract.time import AcceleratedClock, SystemClock
from parkgrid_edge.settings import check_files, load_settings

pytestmark = pytest.mark.edge

RIGHT = """
park = "park-1"
gateway = "gw-1"
[outbox]
path = "{folder}/outbox.db"
[[devices]]
id = "m-1"
driver = "eastron_sdm630"
class = "grid_meter"
period_s = 2
ratio = 120
signals = ["active_power_kw", "energy_import_kwh"]
ratings = {{ rated_power_kw = 630 }}
point = {{ transformer = "T-7" }}
[devices.connection]
host = "192.0.2.1"
unit = 3
[[devices]]
id = "pv-1"
driver = "huawei_sun2000"
[devices.connection]
kind = "rtu"
serial = "/dev/ttyUSB0"
"""

WRONG = """
park = "Park 1"
gateway = "gw-1"
read_only = false
windw = 5
[outbox]
path = "o.db"
flush_s = 5.0
[uplink]
port = 70000
tls_key = "k.pem"
[clock]
speed = 60.0
[[devices]]
id = "pv-1"
driver = "huawei_sun200"
name = "PV\\u001b[2J"
period_s = -1
[devices.connection]
host = "192.0.2.1"
[[devices]]
id = "pv-1"
driver = "eastron_sdm630"
class = "pv_inverter"
[devices.connection]
kind = "rtu"
[[devices]]
id = "gw-1"
driver = "eastron_sdm630"
signals = ["active_power"]
connection = { host = "192.0.2.1", unit = 400 }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "edge.toml"
    path.write_text(text, "utf-8")
    return path


def test_right_settings_are_read(tmp_path):
    settings = load_settings(written(tmp_path, RIGHT.format(folder=tmp_path)), {})
    meter, inverter = settings.devices
    assert (meter.device_class, meter.period_s, meter.ratio) == ("grid_meter", 2.0, 120.0)
    assert meter.metering_point.transformer == "T-7"
    assert meter.signals == ("active_power_kw", "energy_import_kwh")
    assert inverter.device_class == "pv_inverter"
    assert settings.read_only
    assert (settings.outbox.flush_s, settings.uplink.window) == (1.0, 50)
    assert isinstance(settings.clock.clock(), SystemClock)


def test_environment_wins(tmp_path):
    environment = {
        "PARKGRID_EDGE_UPLINK_HOST": "broker.example",
        "PARKGRID_EDGE_UPLINK_WINDOW": "50",
        "PARKGRID_EDGE_CLOCK_WALL_START_MS": "2000",
        "PARKGRID_EDGE_CLOCK_START_MS": "1000",
        "PARKGRID_EDGE_CLOCK_SPEED": "60",
    }
    settings = load_settings(written(tmp_path, RIGHT.format(folder=tmp_path)), environment)
    assert (settings.uplink.host, settings.uplink.window) == ("broker.example", 50)
    assert settings.clock.clock() == AcceleratedClock(2000, 1000, 60.0)


def test_tls_without_own_authority_and_a_host_with_a_scheme(tmp_path):
    text = RIGHT.format(folder=tmp_path)
    secure = {"PARKGRID_EDGE_UPLINK_TLS": "true", "PARKGRID_EDGE_UPLINK_PASSWORD": "alone"}
    settings = load_settings(written(tmp_path, text), secure)
    assert settings.uplink.secure
    assert not load_settings(written(tmp_path, text), {}).uplink.secure
    with pytest.raises(SettingsError, match="without a scheme"):
        load_settings(written(tmp_path, text), {"PARKGRID_EDGE_UPLINK_HOST": "mqtts://broker.example"})


def test_every_mistake_is_reported_at_once(tmp_path):
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, WRONG), {})
    found = {problem.key: str(problem) for problem in caught.value.problems}
    assert set(found) == {
        "windw",
        "park",
        "read_only",
        "outbox.flush_s",
        "uplink.port",
        "uplink.tls_key",
        "clock.wall_start_ms",
        "clock.start_ms",
        "devices[0].driver",
        "devices[0].name",
        "devices[0].period_s",
        "devices[1].id",
        "devices[1].class",
        "devices[1].connection.serial",
        "devices[2].id",
        "devices[2].connection.unit",
        "devices[2].signals",
    }
    assert "'huawei_sun2000'" in found["devices[0].driver"]
    assert "'active_power_kw'" in found["devices[2].signals"]
    assert "devices[0].id" in found["devices[1].id"]
    assert "gateway" in found["devices[2].id"]
    assert all("edge.toml" in text for text in found.values())


@pytest.mark.parametrize("text", ["[outbox]\npath = 1", "devices = 3", "park = [", "[[devices]]\nid = 5\nsignals = 3"])
def test_wrong_shapes_are_problems_and_no_crash(tmp_path, text):
    with pytest.raises(SettingsError):
        load_settings(written(tmp_path, text), {})


def test_files_that_are_missing_are_named(tmp_path):
    text = RIGHT.format(folder=tmp_path) + f'[uplink]\ntls_ca = "{tmp_path}/ca.pem"\n'
    path = written(tmp_path, text.replace("outbox.db", ""))
    settings = load_settings(path, {})
    with pytest.raises(SettingsError) as caught:
        check_files(settings, str(path))
    assert [problem.key for problem in caught.value.problems] == ["uplink.tls_ca", "outbox.path"]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "parkgrid_edge", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.process
def test_command_line_answers_with_status_two_and_no_traceback(tmp_path):
    wrong = command("--config", str(written(tmp_path, WRONG)))
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 17
    missing = command("--config", str(tmp_path / "nothing.toml"))
    assert missing.returncode == 2
    assert "nothing.toml" in missing.stderr
    assert "create it" in missing.stderr


@pytest.mark.process
def test_check_says_that_all_is_right(tmp_path):
    right = command("--config", str(written(tmp_path, RIGHT.format(folder=tmp_path))), "--check")
    assert right.returncode == 0
    assert "park-1/gw-1, 2 devices" in right.stdout


@pytest.mark.process
def test_help_teaches():
    text = command("--help").stdout
    assert "[[devices]]" in text
    assert "PARKGRID_EDGE_" in text


def test_devices_on_one_serial_line_must_agree(tmp_path):
    path = tmp_path / "edge.toml"
    lines = RIGHT.format(folder=tmp_path)
    for number, extra in ((2, "baud = 19200"), (3, 'parity = "E"\nstop_bits = 2'), (4, "baud = 9600")):
        lines += f'[[devices]]\nid = "m-{number}"\ndriver = "eastron_sdm630"\n'
        lines += f'[devices.connection]\nkind = "rtu"\nserial = "/dev/ttyUSB0"\nunit = {number}\n{extra}\n'
    path.write_text(lines)
    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})
    end = "on the same line /dev/ttyUSB0: make them equal"
    assert [str(problem) for problem in caught.value.problems] == [
        f"{path}: devices[2].connection.baud = 19200: devices[1] uses 9600 {end}",
        f"{path}: devices[3].connection.parity = 'E': devices[1] uses 'N' {end}",
        f"{path}: devices[3].connection.stop_bits = 2: devices[1] uses 1 {end}",
    ]
