"""The releases of a gateway, each in a folder of its own, and the links that say which one runs.

    FOLDER/releases/0.1.0-…/    an environment; `release.json`, its manifest, is written last and makes it complete
    FOLDER/current              the release that is started
    FOLDER/previous             the release from before the update; it ends an update that was cut off
    FOLDER/trial.json           only while an update is on trial
    FOLDER/.back                then: a link that takes the place of `current` if the update goes back

A link is exchanged by one rename, and what it leads to is on the disk before: at every moment it leads to a release
that is complete. The way back is one rename, too, of a link that is there already: it needs no room on a disk that the
new release has filled.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parkgrid_contract.crash import crash_point
from parkgrid_edge.update.archive import MOST_MANIFEST, Bundle

MARK, BACK = "release.json", ".back"
_RELEASES = "releases"
_SLOWEST_S = 1800
_ROOM_BYTES = 100 << 20
"""What must be free before: an environment has some 31 MB, and readings need room meanwhile."""
_SHOWN = 2000


class NotInstalledError(Exception):
    """An update could not be installed; what ran before still runs. The message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the releases of this gateway are."""

    folder: Path

    @property
    def trial(self) -> Path:
        """The note about an update on trial."""
        return self.folder / "trial.json"

    @property
    def result(self) -> Path:
        """How the last update ended."""
        return self.folder / "result.json"

    def release(self, name: str) -> Path:
        """The folder of a release."""
        return self.folder / _RELEASES / name

    def linked(self, link: str) -> str:
        """The name of the release that a link leads to; empty if there is none."""
        try:
            return (self.folder / link).readlink().name
        except OSError:
            return ""

    def link(self, link: str, name: str) -> None:
        """Let a link lead to a release: to the old or the new one at every moment, also after a power cut."""
        fresh = self.folder / f".{link}.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path(_RELEASES, name))
        _sync(self.folder)
        fresh.replace(self.folder / link)
        _sync(self.folder)

    def go_back(self, name: str) -> None:
        """Let `current` lead to the release from before, by the link that `begin` has made for it."""
        if self.linked("current") == name:
            return
        if self.linked(BACK) != name:
            self.link(BACK, name)
        (self.folder / BACK).replace(self.folder / "current")
        _sync(self.folder)

    def version(self) -> str:
        """The version that is started here. Raises `NotInstalledError` where nothing of a bundle is installed."""
        document = read_json(self.folder / "current" / MARK)
        if not isinstance(document.get("version"), str):
            raise NotInstalledError(f"{self.folder} has no agent that was installed from a bundle by install.sh")
        return str(document["version"])

    def tidy(self) -> None:
        """Delete the releases that no link leads to."""
        (self.folder / BACK).unlink(missing_ok=True)
        used = {self.linked("current"), self.linked("previous")}
        for each in (self.folder / _RELEASES).iterdir():
            if each.name not in used:
                shutil.rmtree(each, ignore_errors=True)


def install(bundle: Bundle, place: Place, config: Path) -> str:
    """Install a bundle beside what runs, complete and on the disk; gives its name. Raises `NotInstalledError`."""
    place.tidy()
    target = place.release(bundle.name)
    source = place.release(f".{bundle.name}.files")
    os.umask(0o022)
    try:
        _check_room(place.folder)
        _write(bundle, source)
        _run([sys.executable, "-I", "-m", "venv", "--clear", str(target)], "no environment could be made")
        crash_point("update.installing")
        pip = [str(target / "bin" / "python"), "-I", "-m", "pip", "--isolated", "--disable-pip-version-check"]
        only = [
            "--no-index",
            "--only-binary=:all:",
            "--require-hashes",
            "--no-cache-dir",
            "--find-links",
            str(source / "wheels"),
        ]
        _run([*pip, "install", "--quiet", *only, "--requirement", str(source / "requirements.txt")], "pip failed")
        agent = str(target / "bin" / "parkgrid-edge")
        _run([agent, "--config", str(config), "--check"], f"{bundle.version} does not accept {config}")
        (target / MARK).write_bytes(bundle.manifest)
        shutil.rmtree(source)
    except (OSError, NotInstalledError) as error:
        shutil.rmtree(target, ignore_errors=True)
        shutil.rmtree(source, ignore_errors=True)
        raise NotInstalledError(str(error)) from error
    # Some thousand small files: one call for all of them.
    os.sync()
    return bundle.name


def read_json(path: Path) -> dict[str, Any]:
    """A note of ours; empty if it is missing or unreadable."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MOST_MANIFEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a note so that a power cut leaves the old one or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(json.dumps(document) + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync(path.parent)


def remove(path: Path) -> None:
    """Remove a note, for good."""
    path.unlink(missing_ok=True)
    _sync(path.parent)


def _check_room(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _ROOM_BYTES:
        raise NotInstalledError(f"{folder} has {free >> 20} MB free, and {_ROOM_BYTES >> 20} MB are needed: free space")


def _write(bundle: Bundle, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wheels").mkdir(parents=True)
    for name, content in bundle.files.items():
        (folder / name).write_bytes(content)


def _run(command: Sequence[str], what: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    environment["PIP_CONFIG_FILE"] = os.devnull
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=_SLOWEST_S, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalledError(f"{what}: {error}") from error
    if done.returncode:
        raise NotInstalledError(f"{what}: {(done.stderr or done.stdout).strip()[-_SHOWN:]}")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
