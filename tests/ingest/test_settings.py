"""Ingest's settings: every mistake at once, with its remedy; the environment over the file."""

from pathlib import Path

import pytest

from parkgrid_contract.settings import SettingsError, load
from parkgrid_ingest.__main__ import main
from parkgrid_ingest.settings import IngestSettings

FULL = """
[mqtt]
host = "broker.example"
port = 8883
client_id = "ingest-a"
username = "ingest"
password = "secret"
tls_ca = "/etc/ca.pem"
[store]
dsn = "postgresql://ingest@db/parkgrid"
raw_days = 400
[commit]
max_values = 100000
max_wait_ms = 10
[metrics]
port = 9105
"""

WRONG = """
colour = "green"
[mqtt]
port = 0
keepalive_s = 1
password = "alone"
[store]
raw_days = -4
[commit]
max_valves = 4
max_wait_ms = "soon"
"""


@pytest.mark.parametrize("name", ["ingest", "a" * 41, "with/levels", "with+signs", "with spaces"])
def test_a_group_is_named_so_that_it_can_be_subscribed_to_and_not_be_guessed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text(f'[mqtt]\nshare = "{name}"\n[store]\ndsn = "x"\n', "utf-8")
    with pytest.raises(SettingsError) as error:
        load(IngestSettings, path, {}, "ingest")
    (problem,) = error.value.problems
    assert problem.key == "mqtt.share"
    assert "openssl rand" in problem.remedy
    assert "(not shown)" in str(problem)


def test_workers_of_a_group_have_names_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text('[mqtt]\nusername = "ingest"\n[store]\ndsn = "x"\n', "utf-8")
    assert load(IngestSettings, path, {}, "ingest").mqtt.name == "ingest"
    shared = load(IngestSettings, path, {"PARKGRID_INGEST_MQTT_SHARE": "0123456789abcdef"}, "ingest").mqtt
    assert shared.name.startswith("ingest-")
    assert shared.name != "ingest"
    assert "0123456789abcdef" not in repr(shared)
    named = {"PARKGRID_INGEST_MQTT_SHARE": "0123456789abcdef", "PARKGRID_INGEST_MQTT_CLIENT_ID": "w-2"}
    assert load(IngestSettings, path, named, "ingest").mqtt.name == "w-2"


def test_a_full_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text(FULL, "utf-8")
    settings = load(IngestSettings, path, {"PARKGRID_INGEST_STORE_DSN": "postgresql://other/db"}, "ingest")
    assert settings.mqtt.host == "broker.example"
    assert settings.store.dsn == "postgresql://other/db"
    assert settings.store.raw_days == 400
    assert settings.store.migrate
    assert settings.metrics.port == 9105


def test_the_environment_alone_is_enough() -> None:
    settings = load(IngestSettings, None, {"PARKGRID_INGEST_STORE_DSN": "postgresql://db"}, "ingest")
    assert (settings.mqtt.host, settings.mqtt.port, settings.metrics.port) == ("127.0.0.1", 1883, None)


def test_every_mistake_is_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text(WRONG, "utf-8")
    assert main(["--config", str(path), "--check"]) == 2
    said = capsys.readouterr().err
    for part in ("colour", "mqtt.port", "mqtt.keepalive_s", "store.dsn", "store.raw_days", "max_values", "max_wait_ms"):
        assert part in said, part
    assert "Traceback" not in said
    assert said.count(str(path)) >= 7


def test_rules_across_keys(tmp_path: Path) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text('[store]\ndsn = "x"\n[mqtt]\npassword = "alone"\ntls_cert = "/c.pem"\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(IngestSettings, path, {}, "ingest")
    assert {problem.key for problem in caught.value.problems} == {"mqtt.tls_cert", "mqtt.password"}
    assert "alone" not in str(caught.value)


def test_check_says_that_a_right_file_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ingest.toml"
    path.write_text(FULL, "utf-8")
    assert main(["--config", str(path), "--check"]) == 0
    assert "valid" in capsys.readouterr().out
