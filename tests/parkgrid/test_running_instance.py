"""The commands that look at a running `up` find it by its folder, and say what to do where none runs."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid.data_folder import PlaceError, occupied
from parkgrid.running_instance import Running, far, find, near, note, pilot_dsn, token
from parkgrid.up import DISTRICT
from parkgrid_accounting.address import parse
from parkgrid_contract import strict_toml

ROOT = Path(__file__).parents[2]
THERE = Running("host=/run dbname=parkgrid password=a'b", "mqtt://u:p%40s@127.0.0.1:1884")
DOCUMENT = (ROOT / "docs" / "data-access.md").read_text("utf-8")


def test_a_running_one_is_found_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match=rf"no `parkgrid up` runs in {tmp_path}.*or give a database with --dsn"):
        find(tmp_path, "a database with --dsn")
    with occupied(tmp_path):
        with pytest.raises(PlaceError, match="no database and broker yet"):
            find(tmp_path, "--dsn")
        note(tmp_path, THERE)
        assert (tmp_path / "running.toml").stat().st_mode & 0o777 == 0o600
        assert find(tmp_path, "--dsn") == THERE
        with pytest.raises(PlaceError, match="the pilot's process has not started yet: try again, or give --dsn"):
            pilot_dsn(tmp_path, "--dsn")
        (tmp_path / "vpp.toml").write_text('[database]\ndsn = "host=/run user=vpp"\n')
        assert pilot_dsn(tmp_path, "--dsn") == "host=/run user=vpp"
        (tmp_path / "running.toml").write_text("dsn = 1\n")
        with pytest.raises(PlaceError, match="cannot be read"):
            find(tmp_path, "--dsn")
    with pytest.raises(PlaceError, match="no `parkgrid up` runs"):
        find(tmp_path, "--dsn")


def test_what_a_killed_run_left_is_not_believed(tmp_path: Path) -> None:
    note(tmp_path, THERE)
    with pytest.raises(PlaceError, match="no `parkgrid up` runs"):
        find(tmp_path, "--dsn")
    with occupied(tmp_path), pytest.raises(PlaceError, match="yet"):
        find(tmp_path, "--dsn")


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["trace", "indicator/pingshan-park/self_consumption_ratio/2026-11"], "--dsn"),
        (["report", "month", "pingshan-park", "2026-11", "--out", "x.xlsx"], "--dsn"),
        (["report", "quarter", "pingshan-park", "2026-Q4", "--out", "x.pdf"], "--dsn"),
        (["tap", "--count", "1"], "--broker"),
        (["parks", "list"], "--dsn"),
    ],
)
def test_without_a_running_one_a_command_says_what_to_do(arguments: list[str], remedy: str, tmp_path: Path) -> None:
    found = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path)], env={"PARKGRID_DSN": None})
    assert found.exit_code != 0
    assert f"error: no `parkgrid up` runs in {tmp_path}: start it" in found.output
    assert remedy in found.output


def test_commands_of_the_pilot_look_for_a_running_one(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["vpp", "--data-dir", str(tmp_path), "events"], env={"PARKGRID_DSN": None})
    assert found.exit_code == 1
    assert f"error: no `parkgrid up` runs in {tmp_path}: start it" in found.output


def test_the_token_for_other_machines_stays(tmp_path: Path) -> None:
    first = token(tmp_path)
    assert len(first) == 64
    assert token(tmp_path) == first
    assert (tmp_path / "page-token").stat().st_mode & 0o777 == 0o600


@pytest.mark.process
def test_where_a_server_is_reached() -> None:
    assert [near(host) for host in ("0.0.0.0", "::", "10.0.0.5", "fd00::5")] == [
        "127.0.0.1", "[::1]", "10.0.0.5", "[fd00::5]",
    ]  # fmt: skip
    assert far("10.0.0.5") == "10.0.0.5"
    assert far("0.0.0.0") not in {"", "0.0.0.0"}


def test_the_document_asks_for_what_the_demonstration_has() -> None:
    """Every park, device and account that docs/data-access.md names is one of the scenarios of `up`."""
    scenarios = [strict_toml.loads(path.read_text("utf-8")) for path in DISTRICT]
    parks = {each["park"] for each in scenarios}
    [first] = [each for each in scenarios if each["park"] == "pingshan-park"]
    named = set(re.findall(r"parks/([a-z][\w-]+)/", DOCUMENT))
    named |= set(re.findall(r"grid\.\w+\(\"([\w-]+)\"", DOCUMENT))
    named |= set(re.findall(r"parkgrid report \w+ ([\w-]+) ", DOCUMENT))
    addresses = [parse(text) for text in re.findall(r"^parkgrid trace (\S+)", DOCUMENT, re.MULTILINE)]
    assert len(addresses) == 3
    named |= {each.park for each in addresses}
    assert named == {"pingshan-park"} <= parks
    text = json.dumps(first)
    assert '"account": "park-main"' in text
    assert "bill/pingshan-park/park-main/" in DOCUMENT
    assert any(each.get("id") == "pv-1" for each in first["devices"])
