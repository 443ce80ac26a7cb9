"""A folder in the memory's file system for the session's database server, where there is room for it.

A database has some 600 files. ext4 gives the inode of a removed file out again only minutes later, and looks at all of
these for each new file: after a hundred databases, making one more costs five times the processor.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (a file system; names in it are drawn)
_PREFIX = "parkgrid-test-server-"
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_BYTES_A_SERVER = 1 << 30
"""Each process of a run has one."""
_LEAST_BYTES = 4 << 30


def has_room(file_system: Path = SHARED_MEMORY) -> bool:
    """Whether the file system is there, and it and the memory have room for the servers of a whole run."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    try:
        room = min(_free_memory(), shutil.disk_usage(file_system).free)
    except OSError:
        return False
    return os.access(file_system, os.W_OK | os.X_OK) and room >= max(_LEAST_BYTES, processes * _BYTES_A_SERVER)


@contextmanager
def open_folder(file_system: Path = SHARED_MEMORY) -> Iterator[Path]:
    """A folder that the server's unprivileged user may enter; those that killed runs left are removed before."""
    with ExitStack() as in_use:
        with _lock(file_system):
            for left in file_system.glob(f"{_PREFIX}*"):
                with suppress(OSError), _lock(left, fcntl.LOCK_NB):
                    shutil.rmtree(left)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=file_system))
            in_use.enter_context(_lock(folder))
        folder.chmod(0o755)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _free_memory() -> int:
    """What is available to us, in bytes: half a container's limit, since its page cache counts as used."""
    lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    available = next(int(line.split()[1]) * 1_024 for line in lines if line.startswith("MemAvailable:"))
    limits = [Path(path).read_text("ascii").strip() for path in _LIMITS if Path(path).is_file()]
    return min([available, *(int(limit) // 2 for limit in limits if limit.isdigit())])


@contextmanager
def _lock(folder: Path, how: int = 0) -> Iterator[None]:
    """Hold a folder for ourselves. With LOCK_NB, raises `OSError` when somebody else does."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | how)
        yield
    finally:
        os.close(opened)
