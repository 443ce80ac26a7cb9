"""An update from end to end: the real bundle and key, the real agent as a process, a broker, and what the store got."""

import hashlib
import json
import os
import platform
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_edge.update.archive import opened
from parkgrid_edge.update.command import main
from parkgrid_edge.update.signature import is_signed
from tests.edge.bundles import signed
from tests.edge.ingest_double import IngestDouble, wait_for
from tests.installed import ROOT, wheel_folder

CLI = CliRunner()
# What systemd does: end the agent that runs and start the one that the link leads to.
RESTART = """
import os, pathlib, signal, subprocess, sys, time
folder, config = map(pathlib.Path, sys.argv[1:])
known = folder / "pid"
if known.exists():
    former = int(known.read_text())
    os.kill(former, signal.SIGTERM)
    while pathlib.Path(f"/proc/{former}/cmdline").exists() and pathlib.Path(f"/proc/{former}/cmdline").read_bytes():
        time.sleep(0.02)
with (folder / "agent.log").open("ab") as log:
    agent = [folder / "current" / "bin" / "parkgrid-edge", "--config", config]
    known.write_text(str(subprocess.Popen(agent, stderr=log, stdout=log, start_new_session=True).pid))
"""


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_the_gateways_check_agrees_with_the_library(seed: bytes, message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert signed(seed, message) == (public, signature)
    assert is_signed(public, message, signature)
    altered = bytearray(signature)
    altered[bit // 8] ^= 1 << bit % 8
    assert not is_signed(public, message, bytes(altered))


def key_in(folder: Path) -> str:
    done = CLI.invoke(app, ["gateway", "key", str(folder)])
    assert done.exit_code == 0, done.output
    return (folder / "update.pub").read_text("ascii").strip()


def test_a_key_is_its_owners_alone_and_never_written_over(tmp_path) -> None:
    public = key_in(tmp_path)
    assert len(public) == 64
    assert stat.S_IMODE((tmp_path / "update.key").stat().st_mode) == 0o600
    private = (tmp_path / "update.key").read_text()
    again = CLI.invoke(app, ["gateway", "key", str(tmp_path)])
    assert again.exit_code == 1
    assert "exists" in again.output
    assert (tmp_path / "update.key").read_text() == private
    (tmp_path / "update.key").chmod(0o644)
    done = CLI.invoke(app, ["gateway", "sign", str(tmp_path), "none.zip"])
    assert done.exit_code == 1
    assert "has mode 644" in done.output


def test_only_a_bundle_that_is_as_its_manifest_says_is_signed(tmp_path) -> None:
    key_in(tmp_path)
    path = tmp_path / "other.zip"
    path.write_bytes(b"no zip file")
    assert CLI.invoke(app, ["gateway", "sign", str(tmp_path), str(path)]).exit_code == 1
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps({"format": "parkgrid-gateway-1", "files": {"a": "0" * 64}}))
        archive.writestr("a", "altered")
    done = CLI.invoke(app, ["gateway", "sign", str(tmp_path), str(path)])
    assert done.exit_code == 1
    assert "files that are not as in its manifest" in done.output


@pytest.mark.parametrize(
    ("told", "name", "reason"),
    [
        ({"version": "0.2"}, "a", "'0.2' is not a version"),
        ({}, ".hidden", "'.hidden' is not a name of a bundle"),
        ({"python": 3}, "a", "its manifest is wrong"),
    ],
)
def test_what_gateways_would_refuse_is_not_signed(tmp_path, told, name, reason) -> None:
    key_in(tmp_path)
    path = tmp_path / "bundle.zip"
    whole = {"format": "parkgrid-gateway-1", "version": "0.2.0", "machine": "armv7l", "python": "3.11", **told}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps({**whole, "files": {name: _sha256(b"x")}}))
        archive.writestr(name, "x")
    before = path.read_bytes()
    done = CLI.invoke(app, ["gateway", "sign", str(tmp_path), str(path)])
    assert done.exit_code == 1
    assert f"is not signed: gateways would refuse it, since {reason}" in " ".join(done.output.split())
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bundle.zip", "update.key", "update.pub"]


def test_a_signed_archive_is_what_a_gateway_takes(tmp_path) -> None:
    public = key_in(tmp_path)
    path = tmp_path / "bundle.zip"
    manifest = {"format": "parkgrid-gateway-1", "version": "0.2.0", "machine": "armv7l", "python": "3.11"}
    # Packed, as another program may have written it.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps({**manifest, "files": {"a": _sha256(b"x" * 99)}}))
        archive.writestr("a", "x" * 99)
    for _ in range(2):
        assert CLI.invoke(app, ["gateway", "sign", str(tmp_path), str(path)]).exit_code == 0
        assert dict(opened(path, public).files) == {"a": b"x" * 99}


def test_half_a_key_is_not_left_behind(tmp_path) -> None:
    (tmp_path / "update.pub").mkdir()
    done = CLI.invoke(app, ["gateway", "key", str(tmp_path)])
    assert done.exit_code == 1
    assert "cannot be written" in done.output
    assert [each.name for each in tmp_path.iterdir()] == ["update.pub"]


@dataclass
class Running:
    """A gateway that was installed from the bundle, with its agent as a process."""

    folder: Path
    config: Path
    keys: Path
    bundle: Path

    def update(self, version: str, **changed: bytes) -> Path:
        """A signed archive like the installed one, of another version."""
        path = self.folder / f"{version}.zip"
        with zipfile.ZipFile(self.bundle) as read:
            files = {**{name: read.read(name) for name in read.namelist()}, **changed}
        told = json.loads(files.pop("manifest.json"))
        told |= {"version": version, "files": {name: _sha256(content) for name, content in files.items()}}
        with zipfile.ZipFile(path, "w") as written:
            for name, content in {**files, "manifest.json": json.dumps(told).encode()}.items():
                written.writestr(name, content)
        assert CLI.invoke(app, ["gateway", "sign", str(self.keys), str(path)]).exit_code == 0
        return path


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def gateway(tmp_path: Path, broker) -> Iterator[Running]:
    wheels = wheel_folder(tmp_path / "wheels", "parkgrid-edge")
    kind = platform.machine()
    build = [ROOT / "scripts" / "gateway-bundle", tmp_path / "bundles", "--wheels", wheels, "--machine", kind]
    subprocess.run(build, check=True)
    (bundle,) = (tmp_path / "bundles").glob("*.zip")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", bundle, tmp_path / "bundle"], check=True)
    folder = tmp_path / "opt"
    install = ["sh", tmp_path / "bundle" / "install.sh", "--only-agent", folder]
    subprocess.run(install, env={"PATH": os.environ["PATH"], "PYTHON": sys.executable}, check=True, timeout=120)
    (tmp_path / "restart.py").write_text(RESTART)
    config = tmp_path / "edge.toml"
    restart = json.dumps([sys.executable, str(tmp_path / "restart.py"), str(folder), str(config)])
    config.write_text(
        f'park = "park-1"\ngateway = "gw-1"\nhealth_s = 0.5\n[outbox]\npath = "{tmp_path}/outbox.db"\nflush_s = 0.1\n'
        f'[uplink]\nport = {broker.port}\n[ledger]\npath = "{tmp_path}/ledger"\n'
        f'[update]\nkey = "{key_in(tmp_path)}"\nfolder = "{folder}"\nrestart = {restart}\nwait_s = 60\n'
    )
    config.chmod(0o640)
    subprocess.run(json.loads(restart), check=True)
    yield Running(folder, config, tmp_path, bundle)
    os.kill(int((folder / "pid").read_text()), signal.SIGTERM)


@pytest.mark.process
def test_an_update_keeps_every_reading_and_one_that_does_not_store_goes_back(gateway, broker, tmp_path, capsys) -> None:
    mask = os.umask(0o022)
    with IngestDouble(broker.port) as store:
        wait_for(lambda: len(store.stored) > 3, "readings of the installed release")
        assert main(["update", str(gateway.update("0.2.0")), "--config", str(gateway.config)]) == 0
        after = len(store.stored)
        wait_for(lambda: len(store.stored) > after, "readings of the new release")
        assert (gateway.folder / "current").readlink().name.startswith("0.2.0-")
        # From now on the store confirms nothing: the next release cannot show that it stores.
        store.acknowledges = False
        text = gateway.config.read_text().replace("wait_s = 60", "wait_s = 2")
        gateway.config.write_text(text)
        assert main(["update", str(gateway.update("0.3.0")), "--config", str(gateway.config)]) == 1
        assert (gateway.folder / "current").readlink().name.startswith("0.2.0-")
        assert "no reading of it was stored within 2 s" in capsys.readouterr().out
        store.acknowledges = True
        accepted = accepted_by(tmp_path / "ledger")
        assert len(accepted) > 10
        wait_for(lambda: accepted <= set(store.stored), "all that was accepted, under every release")
        assert not store.contradicted
    os.umask(mask)


def accepted_by(ledger: Path) -> set[tuple[str, int]]:
    """Device and time of each reading that an agent accepted, as its ledger says."""
    from tests.edge.test_agent import accepted_by as read

    return set(read(ledger))
