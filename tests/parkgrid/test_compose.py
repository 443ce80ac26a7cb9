"""docker-compose.yml: valid by the Compose specification's schema, without a default password, built from the locks.

The schema comes with `check-jsonschema` (a copy of compose-spec's, Apache-2.0), or from the file that
PARKGRID_COMPOSE_SCHEMA names. The rules that matter most are checked without it, too.
"""

import importlib.util
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml

from parkgrid_database.roles import NAMES, ROLES
from parkgrid_servers.broker_access import INGEST_WORKERS

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
SECRET = re.compile(r"PASSWORD|TOKEN|SECRET")


def _schema() -> Path | None:
    named = os.environ.get("PARKGRID_COMPOSE_SCHEMA")
    package = importlib.util.find_spec("check_jsonschema")
    if named or package is None or package.origin is None:
        return Path(named) if named else None
    return Path(package.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"


def test_it_is_valid_by_the_specification():
    path = _schema()
    if path is None:
        pytest.skip("no schema here: pip install check-jsonschema, or name one in PARKGRID_COMPOSE_SCHEMA")
    schema = json.loads(path.read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    broken = {**COMPOSE, "services": {"api": {"image": 7}}}
    assert list(validator.iter_errors(broken)), "a schema that takes everything proves nothing"


def test_every_role_is_there():
    assert set(SERVICES) == {
        *(
            "broker",
            "database",
            "migrate",
            "ingest",
            "ingest-2",
            "metering",
            "vpp",
            "api",
            "grafana",
            "edge",
            "simulators",
        ),
    }
    assert all("image" in service for service in SERVICES.values())
    assert all(not service["image"].endswith(":latest") and ":" in service["image"] for service in SERVICES.values())


def test_no_secret_has_a_default():
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    asked = re.findall(r"\$\{(\w+)(:?[?-])?", text)
    secrets = {(name, how) for name, how in asked if SECRET.search(name)}
    assert secrets
    assert {how for _, how in secrets} == {":?"}
    for line in (ROOT / "docker" / "example.env").read_text("utf-8").splitlines():
        if SECRET.search(line) and not line.startswith("#"):
            assert line.endswith("="), f"{line} gives a secret away"


def test_every_secret_asked_for_is_in_the_example():
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text("utf-8")))
    given = set(re.findall(r"^(\w+)=", (ROOT / "docker" / "example.env").read_text("utf-8"), re.MULTILINE))
    assert asked == given


def test_what_runs_for_long_says_whether_it_is_well():
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name != "migrate"), name


def test_ports_are_open_to_this_machine_only():
    for service in SERVICES.values():
        for port in service.get("ports", ()):
            assert re.match(r"(\$\{\w+:-127\.0\.0\.1\}|127\.0\.0\.1):", port)
    broker = SERVICES["broker"]["ports"]
    assert [port for port in broker if "1883" in port] == ["127.0.0.1:1883:1883"], "what is in the clear stays here"


def test_files_that_are_mounted_and_built_from_exist():
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists(), source
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).exists()


@pytest.mark.parametrize(("name", "lock"), [("server", "requirements-server.lock"), ("edge", "requirements-edge.lock")])
def test_images_are_built_from_a_lock_by_hash(name, lock):
    text = (ROOT / "docker" / f"{name}.Dockerfile").read_text("utf-8")
    assert f"--require-hashes --no-deps -r {lock}" in text
    assert (ROOT / lock).exists()
    assert "USER parkgrid" in text


def test_the_example_edge_settings_are_right():
    from parkgrid_edge.settings import load_settings

    settings = load_settings(ROOT / "docker" / "edge.toml", {})
    assert str(settings.identity) == SERVICES["edge"]["environment"]["PARKGRID_EDGE_UPLINK_USERNAME"]
    assert str(settings.identity) == SERVICES["broker"]["environment"]["PARKGRID_GATEWAY"]
    assert settings.outbox.path.is_relative_to("/var/lib/parkgrid")


def test_each_role_has_a_login_of_its_own_and_only_migrate_is_the_administrator():
    signs_in = {
        name: match[1]
        for name, service in SERVICES.items()
        for text in (service.get("environment") or {}).values()
        if (match := re.match(r"postgresql://(\w+):", text))
    }
    expected = {"migrate": "parkgrid", "ingest": "ingest", "metering": "accounting", "vpp": "vpp", "api": "api"}
    assert signs_in == expected | {"ingest-2": "ingest"}
    assert SERVICES["grafana"]["environment"]["PARKGRID_GRAFANA_DB_USER"] == NAMES["grafana"]
    asked = {name for name in SERVICES["migrate"]["environment"] if name.endswith("_DB_PASSWORD")}
    assert asked == {f"PARKGRID_{role.upper()}_DB_PASSWORD" for role in ROLES}
    assert not asked & set(SERVICES["database"]["environment"])


def test_a_second_ingest_worker_differs_by_its_login_at_the_broker_alone():
    from parkgrid_contract.settings import load
    from parkgrid_ingest.settings import IngestSettings

    def settings(name, group):
        asked = SERVICES[name]["environment"].items()
        own = {key: text.replace("${PARKGRID_INGEST_GROUP:-}", group) for key, text in asked}
        return load(IngestSettings, None, own, "ingest").mqtt

    assert settings("ingest", "").share == ""
    assert settings("ingest", "").name == "ingest"
    one, other = settings("ingest", "a-group-of-two"), settings("ingest-2", "a-group-of-two")
    assert (one.share, other.share) == ("a-group-of-two",) * 2
    assert (one.username, other.username) == INGEST_WORKERS[:2]
    assert replace(one, username=None) == replace(other, username=None)
    assert SERVICES["ingest-2"]["profiles"] == ["workers"]
    start = (ROOT / "docker" / "mosquitto-start.sh").read_text("utf-8")
    numbers = " ".join(name.removeprefix("ingest-") for name in INGEST_WORKERS[1:])
    assert f"for number in {numbers}; do" in start


def test_the_example_edge_polls_the_simulated_park_where_it_is_served():
    from parkgrid_edge.settings import load_settings
    from parkgrid_simulators.scenario import DEFAULT, load_scenario

    settings = load_settings(ROOT / "docker" / "edge.toml", {})
    scenario = load_scenario(DEFAULT)
    assert settings.park == scenario.park
    assert [device.id for device in settings.devices] == [device.id for device in scenario.devices]
    assert {device.connection.host for device in settings.devices} == {"simulators"}
    first = int(SERVICES["simulators"]["command"][-1])
    assert min(device.connection.port for device in settings.devices) == first
