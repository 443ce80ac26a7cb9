"""Where a running `up` listens: noted in its data folder, found by the commands that look at it."""

import fcntl
import secrets
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from parkgrid import toml_writer
from parkgrid.data_folder import LOCK, RUNNING, PlaceError, default_data_dir
from parkgrid_contract import strict_toml

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_ELSEWHERE = ("192.0.2.1", 9)
"""An address of documentation (RFC 5737); a datagram socket that is connected to it sends nothing."""


@dataclass(frozen=True, slots=True)
class Running:
    """What the commands that look at a run need of it, and no more: logins that can read and nothing else."""

    dsn: str
    """The database as the api signs in; where the user named one, his address."""
    broker: str
    """The broker as a listener signs in; where the user named one, his address."""


def note(data_dir: Path, running: Running) -> None:
    """Write them down, for this user only."""
    toml_writer.write(data_dir / RUNNING, asdict(running))


def find(data_dir: Path | None, otherwise: str) -> Running:
    """The `up` that runs in a data folder, by default the user's own. Raises `PlaceError`, which names `otherwise`."""
    folder = data_dir or default_data_dir()
    nothing = f"no `parkgrid up` runs in {folder}: start it, name its folder with --data-dir, or give {otherwise}"
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    except PermissionError as error:
        raise PlaceError(f"{folder} cannot be read ({error.strerror}): run this as the user of `up`") from error
    except OSError as error:
        raise PlaceError(nothing) from error
    else:
        raise PlaceError(nothing)
    try:
        return Running(**strict_toml.loads((folder / RUNNING).read_text("utf-8")))
    except FileNotFoundError as error:
        raise PlaceError(
            f"what runs in {folder} has no database and broker yet: try again, or give {otherwise}"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise PlaceError(f"{folder / RUNNING} cannot be read ({error}): give {otherwise}") from error


def pilot_dsn(data_dir: Path | None, otherwise: str) -> str:
    """The database as the pilot's process signs in, which may append to its ledger. Raises `PlaceError`."""
    find(data_dir, otherwise)
    settings = (data_dir or default_data_dir()) / "vpp.toml"
    try:
        return str(strict_toml.loads(settings.read_text("utf-8"))["database"]["dsn"])
    except FileNotFoundError as error:
        raise PlaceError(f"the pilot's process has not started yet: try again, or give {otherwise}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlaceError(f"{settings} cannot be read ({error}): give {otherwise}") from error


def token(data_dir: Path) -> str:
    """The token of the page for other machines: made at the first use, kept for this user only."""
    path = data_dir / "page-token"
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), "ascii")
    return path.read_text("ascii").strip()


def near(host: str) -> str:
    """The address by which this machine itself reaches a server that listens on `host`."""
    return _bracketed(_ANY.get(host, host))


def far(host: str) -> str:
    """The address by which another machine reaches it: this machine's own, where it listens on all."""
    if host not in _ANY:
        return _bracketed(host)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        try:
            route.connect(_ELSEWHERE)
            return str(route.getsockname()[0])
        except OSError:
            return socket.gethostname()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
