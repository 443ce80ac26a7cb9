"""The real system as separate processes, small and quick, with everything in reach that a fault needs.

devices (Modbus TCP) ─ edge ─ proxy ─ broker ─ proxy ─ ingest ─ database
                         └─ ledger, outside the system
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from parkgrid_proof.reconcile import Reconciliation, reconcile
from parkgrid_servers import broker as brokers
from parkgrid_servers import database as databases
from parkgrid_servers import process
from tests.faults.proxy import Link, Proxy

PARK = "proof-park"
DEVICES = (
    ("meter-1", "eastron_sdm630"),
    ("meter-2", "eastron_sdm630"),
    ("pv-1", "huawei_sun2000"),
    ("pv-2", "huawei_sun2000"),
    ("weather-1", "lambrecht_ws7"),
    ("meter-3", "eastron_sdm630"),
)
PATIENCE_S = 45.0
OUTBOX_DISK_MB = 8


class FaultTestError(AssertionError):
    """The system did not do in time what it must."""


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
    """Wait for a condition; seconds it took. What is long to find out is asked less often."""
    start = asked = time.monotonic()
    while not condition():
        if time.monotonic() - start > patience_s:
            raise FaultTestError(f"not within {patience_s:.0f} s: {what}")
        time.sleep(max(0.05, 2 * (time.monotonic() - asked)))
        asked = time.monotonic()
    return time.monotonic() - start


@dataclass(slots=True)
class Edge:
    """One gateway agent with its files."""

    gateway: str
    folder: Path
    outbox: Path
    devices: Mapping[str, tuple[str, int]]
    """Device to driver and port."""
    uplink_port: int
    period_s: float = 0.4
    keep_h: float = 72.0
    child: process.Process | None = None

    @property
    def ledger(self) -> Path:
        """What it offered and what its outbox accepted."""
        return self.folder / f"{self.gateway}.ledger"

    @property
    def log(self) -> Path:
        """Its log."""
        return self.folder / f"{self.gateway}.log"

    def start(self, crash_at: str = "") -> None:
        """Start the agent, armed to die at a point if one is named."""
        settings = self.folder / f"{self.gateway}.toml"
        settings.write_text(self._settings(), "utf-8")
        self.ledger.touch()
        command = [sys.executable, "-m", "parkgrid_edge", "--config", str(settings)]
        self.child = _start(f"edge {self.gateway}", command, self.log, crash_at)

    def _settings(self) -> str:
        lines = [
            f'park = "{PARK}"',
            f'gateway = "{self.gateway}"',
            "simulated = true",
            "health_s = 1.0",
            f'[outbox]\npath = "{self.outbox}"\nflush_s = 0.1\nmax_mb = 256.0\nkeep_acknowledged_h = {self.keep_h}',
            f'[uplink]\nhost = "127.0.0.1"\nport = {self.uplink_port}\nkeepalive_s = 2\nresend_s = 1.0\nwindow = 20',
            f'[ledger]\npath = "{self.ledger}"',
        ]
        for name, (driver, port) in self.devices.items():
            lines.append(f'[[devices]]\nid = "{name}"\ndriver = "{driver}"\nperiod_s = {self.period_s}')
            lines.append(f'[devices.connection]\nkind = "tcp"\nhost = "127.0.0.1"\nport = {port}\ntimeout_s = 1.0')
        return "\n".join(lines) + "\n"


@dataclass(slots=True)
class Ingest:
    """One ingest process."""

    name: str
    folder: Path
    broker_port: int
    dsn: str
    client_id: str = "parkgrid-ingest"
    child: process.Process | None = None

    def start(self, crash_at: str = "", more: str = "") -> None:
        """Start it, armed to die at a point if one is named; `more` are settings."""
        settings = self.folder / f"{self.name}.toml"
        settings.write_text(
            f'[store]\ndsn = "{self.dsn}"\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {self.broker_port}\nclient_id = "{self.client_id}"\nkeepalive_s = 5\n'
            f"{more}",
            "utf-8",
        )
        command = [sys.executable, "-m", "parkgrid_ingest", "--config", str(settings)]
        self.child = _start(self.name, command, self.folder / f"{self.name}.log", crash_at)


@dataclass(slots=True)
class System:
    """Everything, running."""

    folder: Path
    broker_kind: brokers.BrokerKind
    database: databases.RunningDatabase
    broker: brokers.RunningBroker
    to_edge: Proxy
    to_ingest: Proxy
    edge: Edge
    ingest: Ingest
    outbox_disk: Path
    refused: int = 0
    """How much nonsense was sent so far: exactly as much must be counted as refused."""
    further_edges: list[Edge] = field(default_factory=list)
    device_servers: list[process.Process] = field(default_factory=list)

    @property
    def ledgers(self) -> list[Path]:
        """The ledger of every gateway that ever ran."""
        return [edge.ledger for edge in (self.edge, *self.further_edges)]

    def query(self, statement: str, *arguments: object) -> list[tuple[object, ...]]:
        """Ask the database directly."""
        with psycopg.connect(self.database.dsn, connect_timeout=5) as connection:
            return connection.execute(statement.encode(), arguments).fetchall()

    def restart_broker(self, *, lose_everything: bool = False) -> None:
        """Start the broker again on its port after it was killed."""
        folder = self.folder / "broker"
        if lose_everything:
            for path in folder.glob("*.db"):
                path.unlink()
        self.broker = brokers.start(folder, self.broker.port, self.broker_kind)

    def restart_database(self) -> None:
        """Start the database again on its port after it was killed."""
        self.database = databases.start(self.folder / "database", _port(self.database.dsn))

    def back_up(self) -> Path:
        """A copy of the database's folder; load goes on meanwhile."""
        copy = self.folder / f"backup-{time.monotonic_ns()}"
        self.database.stop()
        subprocess.check_call(["cp", "-a", str(self.folder / "database"), str(copy)])
        self.restart_database()
        return copy

    def restore(self, copy: Path) -> None:
        """Put a copy in the place of the database; load goes on meanwhile."""
        self.database.stop()
        shutil.rmtree(self.folder / "database")
        subprocess.check_call(["cp", "-a", str(copy), str(self.folder / "database")])
        self.restart_database()

    def accepted(self) -> int:
        """Bytes of the ledger: grows exactly while samples are accepted."""
        return self.edge.ledger.stat().st_size

    def flowing(self, patience_s: float = PATIENCE_S) -> float:
        """Wait until new samples are accepted."""
        size = self.accepted()
        return until(lambda: self.accepted() > size + 2_000, "new samples accepted", patience_s)

    def reconciled(self, patience_s: float = PATIENCE_S) -> Reconciliation:
        """Reconcile while the load goes on, until everything that is accepted by now has arrived."""
        sizes = {ledger: ledger.stat().st_size for ledger in self.ledgers}
        found: list[Reconciliation] = []

        def arrived() -> bool:
            with suppress(psycopg.OperationalError):
                found.append(reconcile(self.ledgers, self.database.dsn, settled=sizes))
            return bool(found) and not found[-1].lost

        with suppress(FaultTestError):
            until(arrived, "everything accepted is stored", patience_s)
        if not found:
            raise FaultTestError("the database cannot be asked")
        return found[-1]

    def check_alive(self) -> None:
        """Every process that should run does."""
        for name, child in (("edge", self.edge.child), ("ingest", self.ingest.child)):
            if child is None or child.poll() is not None:
                status = None if child is None else child.returncode
                raise FaultTestError(f"{name} is not running any more, status {status}")

    def stop(self) -> None:
        """End everything by its own pid."""
        for edge in (self.edge, *self.further_edges):
            end(edge.child)
        end(self.ingest.child)
        for server in self.device_servers:
            end(server)
        self.to_edge.close()
        self.to_ingest.close()
        self.broker.stop()
        self.database.stop()


def end(child: process.Process | None) -> int | None:
    """Stop a child politely, even a frozen one; its status."""
    if child is None:
        return None
    if child.poll() is None:
        child.send_signal(signal.SIGCONT)
    return process.stop(child, signal.SIGTERM)


def kill(child: process.Process | None) -> None:
    """kill -9."""
    assert child is not None
    child.kill()
    child.wait()


@contextmanager
def running_system(folder: Path, broker_kind: brokers.BrokerKind, seed: int) -> Iterator[System]:
    """Start the whole chain, wait until readings arrive in the store, stop it all afterwards."""
    with _small_disk(folder / "outbox-disk") as disk:
        system = _assemble(folder, broker_kind, disk, seed)
        try:
            system.ingest.start()
            system.edge.start()
            until(lambda: _rows(system) > 0, "first readings stored")
            yield system
        finally:
            system.stop()


def _assemble(folder: Path, broker_kind: brokers.BrokerKind, disk: Path, seed: int) -> System:
    database = databases.start(folder / "database")
    broker = brokers.start(folder / "broker", prefer=broker_kind)
    to_edge, to_ingest = Proxy(broker.port, seed), Proxy(broker.port, seed + 1)
    ports: dict[str, int] = {driver: process.free_port() for _, driver in DEVICES}
    servers = [_serve_devices(folder, driver, port) for driver, port in ports.items()]
    devices = {name: (driver, ports[driver]) for name, driver in DEVICES}
    edge = Edge("gw-1", folder, disk / "gw-1.outbox", devices, to_edge.port)
    ingest = Ingest("ingest", folder, to_ingest.port, database.dsn)
    return System(folder, broker_kind, database, broker, to_edge, to_ingest, edge, ingest, disk, device_servers=servers)


def _serve_devices(folder: Path, driver: str, port: int) -> process.Process:
    command = [sys.executable, "-m", "parkgrid_bench.devices", "--port", str(port), "--driver", driver]
    return _start(f"devices {driver}", command, folder / f"devices-{driver}.log")


def _start(name: str, command: list[str], log: Path, crash_at: str = "") -> process.Process:
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": os.pathsep.join((str(root), os.environ.get("PYTHONPATH", "")))}
    if crash_at:
        environment["PARKGRID_CRASH_AT"] = crash_at
    return process.start(process.Child(name, command, log, environment, directory=root))


def _rows(system: System) -> int:
    try:
        return int(str(system.query("SELECT count(*) FROM base.meter")[0][0]))
    except psycopg.Error:
        return 0


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A file system of a few megabytes where we may mount one, else just a folder."""
    folder.mkdir()
    options = f"size={OUTBOX_DISK_MB}m,mode=755"
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        yield folder
    finally:
        if mounted:
            subprocess.check_call(["umount", "-l", str(folder)])


def _port(dsn: str) -> int:
    return int(psycopg.conninfo.conninfo_to_dict(dsn)["port"])


def describe(found: Reconciliation) -> str:
    """A finding in one line."""
    return json.dumps(found.as_json()) + "".join(f"\n    {line}" for line in found.examples)


__all__ = ["DEVICES", "PARK", "Edge", "FaultTestError", "Ingest", "Link", "System", "describe", "end", "kill", "until"]
