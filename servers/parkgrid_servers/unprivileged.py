"""Started by root, every part of the chain runs as `nobody`; started by anybody else, nothing of this applies.

`nobody` may not enter root's home, where the interpreter and our code often lie. We change no permissions there and
copy nothing: root opens the folders that Python needs, and the part finds them under /proc/self/fd, which needs no way
to them.
"""

import fcntl
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NAME = "nobody"
_FIRST_DESCRIPTOR = 200
"""From here on: no descriptor that anything else opens, and the same one in every run."""
_PROGRAMS = (
    *(f"parkgrid_{room}.__main__" for room in ("api", "ingest", "edge", "simulators", "vpp")),
    "parkgrid.metering",
)


@dataclass(frozen=True, slots=True)
class Start:
    """How somebody else starts one of our programs."""

    command: Sequence[str]
    environment: Mapping[str, str | None]
    descriptors: tuple[int, ...] = ()
    """Kept open for it."""


def user() -> pwd.struct_passwd | None:
    """Who the parts run as: `nobody` for root, None (ourselves) for anybody else."""
    return pwd.getpwnam(_NAME) if os.geteuid() == 0 else None


def own_folder(path: Path) -> Path:
    """A folder that a part may write in, with everything in it: 0700, and root's child's own."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    who = user()
    if who is not None:
        for each in (path, *path.rglob("*")):
            os.chown(each, who.pw_uid, who.pw_gid, follow_symlinks=False)
    return path


def own_file(path: Path) -> Path:
    """A file of ours in a folder of ours that a part may read; it holds passwords, so nobody else may."""
    who = user()
    if who is not None:
        os.chown(path, who.pw_uid, who.pw_gid)
    return path


def taken_along(folder: Path, former: Path, names: Sequence[str]) -> Path:
    """Files that a former version kept in another folder, moved to where they belong now."""
    for name in names:
        for path in former.glob(f"{name}*"):
            if path.is_file() and not (folder / path.name).exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                shutil.move(path, folder / path.name)
    return folder


def start_as(who: pwd.struct_passwd, command: Sequence[str]) -> Start:
    """A command of ours so that `who` can start it."""
    at_home = {"HOME": who.pw_dir, "USER": who.pw_name, "LOGNAME": who.pw_name, "XDG_CONFIG_HOME": None}
    if command[0] != sys.executable or _reachable():
        return Start(command, at_home)
    home, paths, descriptors = _opened()
    program = Path(sys.executable).resolve().relative_to(Path(sys.base_prefix).resolve())
    python = {
        "PYTHONHOME": home,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",
        "LD_LIBRARY_PATH": f"{home}/lib",
    }
    return Start([f"{home}/{program}", *command[1:]], {**at_home, **python}, descriptors)


def compiled() -> "subprocess.Popen[bytes] | None":
    """Compile our programs in place where nobody has yet: whoever runs them later may not, and would at each start."""
    if user() is None or sys.dont_write_bytecode:
        return None
    known = importlib.util.find_spec("uvicorn")
    if known is None or known.origin is None or Path(importlib.util.cache_from_source(known.origin)).exists():
        return None
    return subprocess.Popen([sys.executable, "-c", f"import {', '.join(_PROGRAMS)}"], stdin=subprocess.DEVNULL)


def _folders() -> list[Path]:
    """What Python searches besides its own library."""
    library = Path(os.__file__).parent.resolve()
    found = dict.fromkeys(Path(each or ".").resolve() for each in sys.path)
    return [each for each in found if each.is_dir() and each != library and each != library / "lib-dynload"]


def _reachable() -> bool:
    needed = (Path(sys.executable).absolute(), Path(sys.executable).resolve(), *_folders())
    return all(parent.stat().st_mode & 0o001 for each in needed for parent in (each, *each.parents))


@cache
def _opened() -> tuple[str, tuple[str, ...], tuple[int, ...]]:
    """Python's home and its search path as open folders."""
    descriptors = [_open(each) for each in (Path(sys.base_prefix).resolve(), *_folders())]
    home, *paths = (f"/proc/self/fd/{each}" for each in descriptors)
    return home, tuple(paths), tuple(descriptors)


def _open(folder: Path) -> int:
    first = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        return fcntl.fcntl(first, fcntl.F_DUPFD_CLOEXEC, _FIRST_DESCRIPTOR)
    finally:
        os.close(first)
