"""Where things lie on this machine: the data folder, the lock that keeps two `up` apart, the port of the page."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parkgrid_servers import process

LOCK, RUNNING = "in-use", "running.toml"
DATABASE = "database"
"""Where in the data folder the embedded database lies."""
ISSUED = "issued"
"""Where the digests of the pilot's chain stand that were given to others."""
_PAGE_PORT, _PAGE_PORTS = 8080, 20


class PlaceError(Exception):
    """A folder or a port cannot be used; the message says what to do."""


def default_data_dir() -> Path:
    """Root's servers run as somebody else, who must not need to enter root's home."""
    if os.geteuid() == 0:
        return Path("/var/lib/parkgrid")
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "parkgrid"


def page_port(asked: int | None) -> int:
    """The port of the page: the one asked for (0: any), else 8080 or the next free one. Raises `PlaceError`."""
    if asked == 0:
        return process.free_port()
    if asked is not None:
        if not process.is_free(asked):
            raise PlaceError(f"port {asked} is taken: choose another with --port, or --port 0 for a free one")
        return asked
    free = next(filter(process.is_free, range(_PAGE_PORT, _PAGE_PORT + _PAGE_PORTS)), None)
    return free if free is not None else process.free_port()


@contextmanager
def occupied(data_dir: Path) -> Iterator[None]:
    """Hold a data folder for this process. Raises `PlaceError` when another one holds it.

    Meanwhile every file that is made is 0600 and every folder 0700. Root's parts are other users, who enter a folder
    that is made here, but cannot list it.
    """
    former = os.umask(0o077)
    try:
        with _held(data_dir):
            yield
    finally:
        os.umask(former)


@contextmanager
def _held(data_dir: Path) -> Iterator[None]:
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
        lock = (data_dir / LOCK).open("a+")
    except OSError as error:
        raise PlaceError(f"{data_dir} cannot be written ({error.strerror}): name another --data-dir") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PlaceError(f"{data_dir} is in use: stop the other `parkgrid`, or name another --data-dir") from error
        # Where a run listened that was killed.
        (data_dir / RUNNING).unlink(missing_ok=True)
        try:
            yield
        finally:
            (data_dir / RUNNING).unlink(missing_ok=True)


@contextmanager
def passing_folder() -> Iterator[Path]:
    """A folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="parkgrid-"))
    # The database server of root is another user and must be able to enter.
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
