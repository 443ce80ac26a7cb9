"""Looks at a machine as `parkgrid up` will find it, and says what to do about whatever is in the way."""

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile

MIN_PYTHON = (3, 11)
MIN_POSTGRES = 15
_GIGABYTE = 1e9
_DEMONSTRATION_GB = 1.5
"""What the demonstration with its year of history takes at its first start; see the README."""
_LEAST_FREE_GB = 1.0
"""What it is to have beside that, and what a data folder that is there needs."""
_COMFORTABLE_FREE_GB = 10.0
_SLOW_DISK_S = 0.1
_CLOCK_TOLERANCE_S = 60.0
_CLOCK_UNSYNCHRONISED = 5
"""What adjtimex(2) returns (TIME_ERROR) when nothing keeps the clock right."""
_BUILT = 1_767_225_600
"""2026-01-01T00:00Z: this program did not exist before it, so an earlier clock was never set."""
_NEEDED = ("psycopg", "fastapi", "uvicorn", "paho-mqtt", "pymodbus", "numpy", "msgspec", "structlog")


class State(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What to look at: the same choices that `parkgrid up` takes."""

    data_dir: Path
    port: int = 8080
    dsn: str | None = None
    mqtt_url: str | None = None


def examine(surroundings: Surroundings) -> Iterator[Finding]:
    """Every finding, as it is made."""
    yield python_version(sys.version_info[:3])
    yield packages()
    yield page()
    yield clock(time.time(), _kernel_clock_state())
    yield disk(surroundings.data_dir)
    yield port(surroundings.port, surroundings.data_dir)
    yield from database(surroundings.data_dir, surroundings.dsn)
    yield broker(surroundings.mqtt_url)


def python_version(version: tuple[int, ...]) -> Finding:
    """Whether Python is new enough."""
    text = ".".join(map(str, version))
    found = f"{platform.python_implementation()} {text} on {platform.system()} {platform.machine()}"
    if version < MIN_PYTHON:
        return Finding("Python", State.PROBLEM, found, "install Python 3.11 or newer")
    return Finding("Python", State.OK, found)


def packages(needed: tuple[str, ...] = _NEEDED) -> Finding:
    """Whether the libraries that `up` needs are installed."""
    versions: list[str] = []
    missing: list[str] = []
    for name in needed:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = "pip install parkgrid, or start through uv: uv run parkgrid up"
        return Finding("packages", State.PROBLEM, f"missing: {', '.join(missing)}", remedy)
    return Finding("packages", State.OK, ", ".join(versions))


def page() -> Finding:
    """Whether the page has been built."""
    api = importlib.util.find_spec("parkgrid_api")
    index = Path(next(iter(api.submodule_search_locations or ()), "")) / "web" / "dist" / "index.html" if api else None
    if index and index.is_file():
        return Finding("page", State.OK, "built")
    remedy = "install the package again without PARKGRID_SKIP_WEB_BUILD; the build brings its own node"
    return Finding("page", State.PROBLEM, "not built", remedy)


def clock(now_s: float, kernel_state: int | None) -> Finding:
    """Whether the machine's time can be believed: samples stamped more than five minutes ahead are refused."""
    found = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    keep = "let chrony or systemd-timesyncd keep the time; samples with a wrong clock are refused"
    if now_s < _BUILT:
        return Finding("clock", State.PROBLEM, f"{found}: was never set", keep)
    if kernel_state == _CLOCK_UNSYNCHRONISED:
        return Finding("clock", State.NOTE, f"{found}, not synchronised as far as this system knows", keep)
    return Finding("clock", State.OK, found)


def disk(data_dir: Path) -> Finding:
    """Whether the data folder can be written, durably and for a while, and a new one has room for the demonstration."""
    from parkgrid.data_folder import DATABASE
    from parkgrid_servers.database import cluster_major

    place = next((folder for folder in (data_dir, *data_dir.parents) if folder.exists()), Path("/"))
    free_gb = shutil.disk_usage(place).free / _GIGABYTE
    try:
        took_s = _sync_time_s(place)
    except OSError as error:
        remedy = f"make {place} writable, or name another --data-dir"
        return Finding("disk", State.PROBLEM, f"{data_dir}: {error.strerror}", remedy)
    found = f"{data_dir}: {free_gb:.1f} GB free, a durable write takes {took_s * 1000:.1f} ms"
    needed_gb = _LEAST_FREE_GB if cluster_major(data_dir / DATABASE) else _LEAST_FREE_GB + _DEMONSTRATION_GB
    if free_gb < needed_gb:
        remedy = f"free {needed_gb:g} GB, name another --data-dir, or leave the history out: up --no-history"
        return Finding("disk", State.PROBLEM, found, remedy)
    if free_gb < _COMFORTABLE_FREE_GB:
        return Finding("disk", State.NOTE, found, "enough for a trial; a park writes about 1 GB a month")
    if took_s > _SLOW_DISK_S:
        return Finding("disk", State.NOTE, found, "a slow disk delays every commit: prefer a local solid-state disk")
    return Finding("disk", State.OK, found)


def port(number: int, data_dir: Path | None = None) -> Finding:
    """Whether the page's port is free; where an `up` runs in `data_dir`, it may well be that which has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            if data_dir is not None and _runs(data_dir):
                found = f"{number}: {error.strerror}; a `parkgrid up` runs in {data_dir}"
                return Finding("port", State.NOTE, found, "nothing to do if this port is the one that it uses")
            remedy = f"stop what listens there (`ss -ltnp 'sport = :{number}'`), or choose another with --port"
            return Finding("port", State.PROBLEM, f"{number}: {error.strerror}", remedy)
    return Finding("port", State.OK, f"{number} is free")


def _runs(data_dir: Path) -> bool:
    """Whether an `up` runs in a data folder."""
    from parkgrid.data_folder import PlaceError
    from parkgrid.running_instance import find

    try:
        find(data_dir, "--port")
    except PlaceError:
        return False
    return True


def database(data_dir: Path, dsn: str | None) -> Iterator[Finding]:
    """Which database `up` would use, and whether it can."""
    from parkgrid.data_folder import DATABASE
    from parkgrid_servers import database as launcher

    folder = data_dir / DATABASE
    try:
        if dsn:
            yield from _given_database(dsn)
            return
        launcher.server_user(folder)
        chosen = launcher.choose(launcher.available(), launcher.cluster_major(folder))
    except launcher.DatabaseStartError as error:
        found, _, remedy = str(error).partition(": ")
        yield Finding("database", State.PROBLEM, found, remedy or "start it, or name another with --dsn")
        return
    yield Finding("database", State.OK, f"PostgreSQL {chosen.version} ({chosen.kind}, {chosen.folder})")


def broker(url: str | None) -> Finding:
    """Which broker `up` would use."""
    from parkgrid_contract.broker_probe import find_mosquitto
    from parkgrid_servers import broker as launcher

    if url:
        try:
            running = launcher.given(url)
        except launcher.BrokerStartError as error:
            return Finding("broker", State.PROBLEM, str(error), "start it, or leave --mqtt-url out")
        return Finding("broker", State.OK, f"{running.host}:{running.port} answers")
    program = find_mosquitto()
    if program:
        return Finding("broker", State.OK, f"mosquitto ({program})")
    if importlib.util.find_spec("amqtt"):
        remedy = "sufficient for a trial; otherwise apt install mosquitto"
        return Finding("broker", State.NOTE, f"amqtt {importlib.metadata.version('amqtt')} (fallback)", remedy)
    return Finding("broker", State.PROBLEM, "none", "apt install mosquitto, or pip install amqtt==0.12.1")


def _given_database(dsn: str) -> Iterator[Finding]:
    import psycopg

    from parkgrid_servers import database as launcher

    running = launcher.given(dsn)
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8,"
            " has_database_privilege(current_database(), 'CREATE'),"
            " (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb')",
        ).fetchone()
    server_s, may_create, timescale = row or (0.0, False, None)
    found = f"PostgreSQL {running.version}" + (f" with TimescaleDB {timescale}" if timescale else "")
    if int(running.version.split(".")[0]) < MIN_POSTGRES:
        yield Finding("database", State.PROBLEM, found, f"needs PostgreSQL {MIN_POSTGRES} or newer")
    elif not may_create:
        remedy = "grant the role CREATE on the database, or run `parkgrid db migrate` with the owner's DSN first"
        yield Finding("database", State.PROBLEM, f"{found}, but the role may not create tables", remedy)
    else:
        yield Finding("database", State.OK, found)
    ahead_s = server_s - time.time()
    if abs(ahead_s) > _CLOCK_TOLERANCE_S:
        remedy = "use the same time server for both clocks: samples are checked against the server's"
        yield Finding("database clock", State.PROBLEM, f"{ahead_s:+.0f} s against this machine", remedy)


def _sync_time_s(folder: Path) -> float:
    with NamedTemporaryFile(dir=folder, prefix=".parkgrid-") as file:
        file.write(b"0" * 4096)
        file.flush()
        before = time.perf_counter()
        os.fsync(file.fileno())
        return time.perf_counter() - before


def _kernel_clock_state() -> int | None:
    """What the kernel thinks of its clock, None where it cannot be asked; nothing is adjusted."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    return int(adjtimex(ctypes.create_string_buffer(512))) if adjtimex else None
