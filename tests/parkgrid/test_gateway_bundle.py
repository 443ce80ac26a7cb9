"""The archive that a gateway without internet is installed from: its content, and that it installs alone."""

import dataclasses
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import typing
import zipfile
from pathlib import Path

import pytest

from parkgrid_contract.settings import load
from parkgrid_edge.settings import ROLE, EdgeSettings
from tests.installed import ROOT, wheel_folder

pytestmark = pytest.mark.process

SCRIPT = ROOT / "scripts" / "gateway-bundle"
TEMPLATES = ROOT / "edge" / "bundle"
FOREIGN = {"paho_mqtt", "pymodbus", "pyserial", "structlog"}
OWN = {"parkgrid_contract", "parkgrid_edge"}
HERE = platform.machine()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_folder(tmp_path_factory.mktemp("wheels"), "parkgrid-edge")


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> dict[str, Path]:
    """One archive for each kind of machine."""
    folder = tmp_path_factory.mktemp("bundles")
    subprocess.run([SCRIPT, folder, "--wheels", wheels], check=True)
    return {path.stem.rpartition("-")[2]: path for path in folder.glob("*.zip")}


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert all(each.compress_type == zipfile.ZIP_STORED for each in archive.infolist())
        return {name: archive.read(name) for name in archive.namelist()}


def test_there_is_one_for_each_machine_with_the_agent_and_its_four_dependencies(bundles) -> None:
    assert set(bundles) == {"armv7l", "aarch64", "x86_64"}
    for machine, path in bundles.items():
        files = contents(path)
        names = {name.partition("/")[2].partition("-")[0] for name in files if name.startswith("wheels/")}
        assert names == OWN | FOREIGN
        assert json.loads(files["manifest.json"])["machine"] == machine


def test_the_manifest_has_the_hash_of_every_file_and_the_requirements_that_of_every_wheel(bundles) -> None:
    for path in bundles.values():
        files = contents(path)
        listed = json.loads(files.pop("manifest.json"))["files"]
        assert listed == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        pinned = re.findall(
            r"^\S+==\S+ --hash=sha256:([0-9a-f]{64})$", files["requirements.txt"].decode(), re.MULTILINE
        )
        assert sorted(pinned) == sorted(digest for name, digest in listed.items() if name.startswith("wheels/"))


def test_the_same_sources_give_the_same_bytes(bundles, wheels, tmp_path) -> None:
    subprocess.run([SCRIPT, tmp_path, "--wheels", wheels, "--machine", "armv7l"], check=True)
    (again,) = tmp_path.iterdir()
    assert again.name == bundles["armv7l"].name
    assert again.read_bytes() == bundles["armv7l"].read_bytes()


def test_nothing_tells_where_it_was_built_or_fetched_from(bundles) -> None:
    for name, content in contents(bundles["aarch64"]).items():
        inside = content
        if name.endswith(".whl"):
            with zipfile.ZipFile(bundles["aarch64"]) as archive, zipfile.ZipFile(archive.open(name)) as wheel:
                inside = b"".join(map(wheel.read, wheel.namelist())) if "parkgrid" in name else b""
        for told in (str(ROOT), str(Path.home()) + "/", "/simple", "index-url"):
            assert told.encode() not in inside, (name, told)
        if not name.endswith((".whl", "LICENSE")):
            assert b"://" not in inside, name


def keys_of(kind: type) -> set[str]:
    """Every key that the settings have, those of inner tables too."""
    found: set[str] = set()
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        found.add(field.name.removesuffix("_"))
        inner = [hints[field.name], *typing.get_args(hints[field.name])]
        for each in inner:
            found |= keys_of(each) if dataclasses.is_dataclass(each) else set()
    return found


@pytest.mark.parametrize("name", ["edge.toml", "edge.zh.toml"])
def test_the_skeleton_names_every_key_and_is_valid_as_it_is(name) -> None:
    text = (TEMPLATES / name).read_text("utf-8")
    named = set(re.findall(r"^(?:# )?\[*(?:devices\.)?(\w+)(?: =|\])", text, re.MULTILINE))
    named |= set(re.findall(r"[{,] (\w+) =", text))
    assert keys_of(EdgeSettings) - named == set()
    assert load(EdgeSettings, TEMPLATES / name, {}, ROLE).devices[0].id == "pv-1"


@pytest.mark.parametrize("name", ["edge.toml", "edge.zh.toml"])
def test_what_the_skeleton_shows_as_a_default_is_the_default(name, tmp_path) -> None:
    """Each number or flag that stands in a comment, taken in, changes nothing; examples and texts are left out."""
    text = (TEMPLATES / name).read_text("utf-8")
    begin, examples, rest = text.partition("# [ledger]")
    shown, count = re.subn(r"^# (\w+ = (?:[\d.]+|true|false) #)", r"\1", begin, flags=re.MULTILINE)
    assert count >= 12
    (tmp_path / "edge.toml").write_text(shown + examples + rest, "utf-8")
    assert load(EdgeSettings, tmp_path / "edge.toml", {}, ROLE) == load(EdgeSettings, TEMPLATES / name, {}, ROLE)


def test_the_units_start_what_the_script_installs() -> None:
    script = (TEMPLATES / "install.sh").read_text("utf-8")
    units = {path.name: path.read_text("utf-8") for path in TEMPLATES.glob("parkgrid-edge*")}
    assert set(units) == {"parkgrid-edge.service", "parkgrid-edge-trial.service", "parkgrid-edge-trial.path"}
    assert all(name in script for name in units)
    assert "/opt/parkgrid/current/bin/parkgrid-edge --config /etc/parkgrid/edge.toml" in units["parkgrid-edge.service"]
    assert "User=parkgrid" in units["parkgrid-edge.service"]
    trial = units["parkgrid-edge-trial.service"]
    assert "/opt/parkgrid/previous/bin/parkgrid-edge trial --config /etc/parkgrid/edge.toml" in trial
    # An update that cannot be ended now is ended later, however often that takes; nothing ends the attempt itself.
    for line in ("Restart=on-failure", "StartLimitIntervalSec=0", "SuccessExitStatus=1 4", "TimeoutStartSec=infinity"):
        assert f"\n{line}\n" in trial


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory, bundles) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", bundles[HERE], folder], check=True)
    return folder


def install(bundle: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the script; as root in a network of its own, which has no way out."""
    alone = ["unshare", "--net"] if os.geteuid() == 0 and shutil.which("unshare") else []
    command = [*alone, "sh", bundle / "install.sh", "--only-agent", folder]
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_it_installs_without_a_network_and_once_only(unpacked, tmp_path) -> None:
    folder = tmp_path / "opt"
    done = install(unpacked, folder)
    assert done.returncode == 0, done.stderr
    agent = folder / "current" / "bin" / "parkgrid-edge"
    asked = [agent, "--config", TEMPLATES / "edge.toml", "--check"]
    checked = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert checked.returncode == 0
    assert "gateway gaoxin-nan/gw-1, 1 devices" in checked.stdout
    assert (folder / "current" / "release.json").read_bytes() == (unpacked / "manifest.json").read_bytes()
    again = install(unpacked, folder)
    assert again.returncode == 1
    assert "has an agent already" in again.stderr


def test_an_altered_file_and_another_machine_are_refused_and_nothing_is_installed(bundles, unpacked, tmp_path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(unpacked, bad)
    (wheel,) = (bad / "wheels").glob("pymodbus-*")
    wheel.write_bytes(wheel.read_bytes() + b"x")
    done = install(bad, tmp_path / "opt")
    assert (done.returncode, (tmp_path / "opt").exists()) == (1, False)
    assert f"wheels/{wheel.name} is missing or not as in manifest.json" in done.stderr
    other = next(machine for machine in bundles if machine != HERE)
    with zipfile.ZipFile(bundles[other]) as archive:
        archive.extractall(tmp_path / "other")
    done = install(tmp_path / "other", tmp_path / "opt")
    assert (done.returncode, (tmp_path / "opt").exists()) == (1, False)
    assert f"this bundle is for {other}" in done.stderr
