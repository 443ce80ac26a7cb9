"""Gateways on other machines than this one, emulated: Debian's Python for them, run by qemu-user, with the real bundle.

Nothing is installed here and nobody needs to be root: apt fetches the packages into a folder of their own, where they
are unpacked. There, `python3` is a script of two lines that calls the emulator, so whatever starts `sys.executable`
stays on the emulated machine.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.installed import ROOT, wheel_folder

_OLDEST = (3, 11)
_TOOLS = (f"pytest=={version('pytest')}", f"pytest-asyncio=={version('pytest-asyncio')}", "hypothesis==6.155.2")
"""Python alone: later versions of hypothesis have compiled parts, which armv7l lacks."""
_OF_AN_EMULATED_PROGRAM = 1 << 40
"""Below it qemu-user puts what belongs to the program; its own code and what it has translated lie far above."""


class MissingError(Exception):
    """A machine cannot be emulated here; the message says what is missing."""


@dataclass(frozen=True)
class Machine:
    """A kind of machine that gateways are."""

    name: str
    architecture: str
    """As Debian calls it."""
    emulator: str
    processor: str


MACHINES = (
    Machine("armv7l", "armhf", "qemu-arm", "cortex-a7"),
    Machine("aarch64", "arm64", "qemu-aarch64", "cortex-a53"),
)
"""The processors are those of a Raspberry Pi 2 and a Raspberry Pi 3."""


def installed(machine: Machine, folder: Path) -> Path:
    """The environment of an agent that the bundle's own script has installed. Raises `MissingError`."""
    for program in ("apt-get", "dpkg", "dpkg-deb"):
        if not shutil.which(program):
            raise MissingError(f"{program} is not installed: Debian's packages of {machine.architecture} are needed")
    python = _python(machine, folder)
    wheels = wheel_folder(folder / "wheels", "parkgrid-edge")
    build = [str(ROOT / "scripts" / "gateway-bundle"), str(folder), "--wheels", str(wheels), "--machine", machine.name]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (bundle,) = folder.glob(f"parkgrid-gateway-*-{machine.name}.zip")
    shutil.unpack_archive(bundle, folder / "bundle")
    script = ["sh", str(folder / "bundle" / "install.sh"), "--only-agent", str(folder / "opt")]
    subprocess.run(script, env={"PATH": "/usr/bin:/bin", "PYTHON": str(python)}, check=True, stdout=subprocess.DEVNULL)
    return (folder / "opt" / "current").resolve()


def with_test_tools(environment: Path) -> None:
    """Add what runs tests."""
    (packages,) = environment.glob("lib/python3.*/site-packages")
    install = ["uv", "pip", "install", "--quiet", "--target", str(packages), "--no-build", "--python-platform", "linux"]
    version_of_python = packages.parent.name.removeprefix("python")
    # From outside the tree, whose own versions are for machines with compiled packages.
    subprocess.run([*install, "--python-version", version_of_python, *_TOOLS], cwd=environment, check=True)


def resident_kb(pid: int) -> tuple[int, int]:
    """Memory of an emulated process: all of it, and the part that is the program's own."""
    whole = own = address = 0
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if found := re.match(r"([0-9a-f]+)-[0-9a-f]+ ", line):
            address = int(found[1], 16)
        elif line.startswith("Rss:"):
            size = int(line.split()[1])
            whole += size
            own += size if address < _OF_AN_EMULATED_PROGRAM else 0
    return whole, own


def _python(machine: Machine, folder: Path) -> Path:
    """The Python of a machine, as a program that may be started here."""
    root = _unpacked(folder / machine.architecture, machine.architecture, "python3", "python3-venv", "ca-certificates")
    # Where Debian has merged both folders, the link between them is in none of these packages.
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    python = root / "usr" / "bin" / "python3"
    real = python.resolve()
    if tuple(map(int, real.name.removeprefix("python").split("."))) < _OLDEST:
        raise MissingError(f"this system's packages have {real.name}; the agent needs 3.11 or newer")
    command = [str(_emulator(machine, folder)), "-cpu", machine.processor, "-L", str(root)]
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec {shlex.join(command)} -0 "$0" {shlex.quote(str(real))} "$@"\n')
    python.chmod(0o755)
    return python


def _emulator(machine: Machine, folder: Path) -> Path:
    """The emulator that is installed, else one that is unpacked beside."""
    for name in (f"{machine.emulator}-static", machine.emulator):
        if found := shutil.which(name):
            return Path(found)
    here = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    root = _unpacked(folder / "emulator", here, "qemu-user-static")
    return root / "usr" / "bin" / f"{machine.emulator}-static"


def _unpacked(folder: Path, architecture: str, *packages: str) -> Path:
    """Packages and what they need, from where this system's own come from."""
    state, cache, root = folder / "state", folder / "cache", folder / "root"
    for each in (state / "lists" / "partial", cache / "archives" / "partial", root):
        each.mkdir(parents=True)
    (state / "status").touch()
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Dir::State": state,
        "Dir::State::status": state / "status",
        "Dir::Cache": cache,
        "Debug::NoLocking": "1",
    }
    apt = ["apt-get", "--quiet=2", *(f"--option={name}={value}" for name, value in options.items())]
    # Where one source of several fails, what the others have may be enough.
    listed = _run([*apt, "update"])
    fetched = _run([*apt, "install", "--yes", "--no-install-recommends", "--download-only", *packages])
    if fetched.returncode:
        said = " ".join((listed.stderr + fetched.stderr).split())[-600:]
        raise MissingError(f"packages of {architecture} cannot be fetched: {said}")
    for package in sorted((cache / "archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
    shutil.rmtree(cache)
    return root


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
