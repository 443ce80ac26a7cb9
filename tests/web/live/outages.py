"""A live park whose every link can be cut: devices, gateway, network, broker, ingest, database, its disk, api, and the
page's own link; and what the open page must say of each.

    device ─proxy─▶ gateway ─proxy─▶ broker ─▶ ingest ─▶ database (a small disk) ─▶ api ─proxy─▶ page
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from parkgrid_bench.dial import Dial
from parkgrid_bench.figures import BenchmarkError
from parkgrid_bench.live_park import LivePark
from parkgrid_bench.stack import Stack, running_stack
from parkgrid_servers import broker as brokers
from parkgrid_servers import database as databases
from parkgrid_servers import process
from tests.conftest import open_folder
from tests.faults.proxy import Link, Proxy

DISK_MB = 600
"""The database's own disk, where one may be mounted."""
KEEPALIVE_S = 30
"""As delivered: a gateway that hangs is given up by the broker after 45 s."""


class FarPark(LivePark):
    """A park whose gateway keeps the link alive as delivered, so that a silence is not at once a farewell."""

    def _edge_settings(self) -> str:
        return LivePark._edge_settings(self).replace("keepalive_s = 2", f"keepalive_s = {KEEPALIVE_S}")


@dataclass(slots=True)
class Stage:
    """The park, and the links between its parts."""

    park: LivePark
    broker: brokers.RunningBroker
    disk: Path | None
    """The database's disk when it is a small one of its own."""
    grid: Proxy
    meters: Proxy
    network: Proxy
    link: Proxy
    url: str = ""
    undo: list[Callable[[], None]] = field(default_factory=list)

    def cut(self, name: str) -> None:
        """Stage an outage."""
        getattr(self, f"_{name}")()

    def heal(self) -> None:
        """Take back what was cut."""
        while self.undo:
            self.undo.pop()()

    def _blocked(self, *proxies: Proxy, how: Link = Link.CUT) -> None:
        for proxy in proxies:
            proxy.set(how)

        def open_again() -> None:
            for proxy in proxies:
                proxy.set(Link.OPEN)
                proxy.reset_all()

        self.undo.append(open_again)

    def _simulator(self) -> None:
        self._blocked(self.grid, self.meters)

    def _device(self) -> None:
        self._blocked(self.grid)

    def _network(self) -> None:
        self._blocked(self.network, how=Link.STALLED)

    def _own_link(self) -> None:
        self._blocked(self.link, how=Link.STALLED)

    def _edge(self) -> None:
        self._ended(self.park.agent, self.park.start_agent)

    def _frozen_edge(self) -> None:
        agent = self.park.agent
        assert agent is not None
        os.kill(agent.pid, signal.SIGSTOP)
        self.undo.append(lambda: os.kill(agent.pid, signal.SIGCONT))

    def _api(self) -> None:
        self._ended(self.park.api, lambda: _patiently(self.park))

    def _ingest(self) -> None:
        self._ended(self.park.stack.ingest, self._start_ingest)

    def _broker(self) -> None:
        self._ended(self.broker.child, self._start_broker)

    def _database(self) -> None:
        server = self.park.stack.database
        port = int(psycopg.conninfo.conninfo_to_dict(server.dsn)["port"] or 0)

        def start() -> None:
            self.park.stack.database = databases.start(self.database_folder, port)

        self._ended(server.child, start)

    def _disk_full(self) -> None:
        """Full to the last byte, with a segment of the log to write into: what fails is the growth of a table."""
        assert self.disk is not None
        with psycopg.connect(self.park.stack.database.dsn, autocommit=True) as connection:
            connection.execute("SELECT pg_switch_wal()")
            connection.execute("CHECKPOINT")
        filler = self.disk / "filler"
        ended = threading.Event()

        def fill() -> None:
            """As whatever filled it would: what becomes free is taken at once."""
            with filler.open("wb", buffering=0) as file:
                while not ended.is_set():
                    with suppress(OSError):
                        file.write(b"\0" * 4_096)
                        continue
                    ended.wait(0.05)

        filling = threading.Thread(target=fill, name="filler")
        filling.start()

        def free() -> None:
            ended.set()
            filling.join()
            filler.unlink()

        self.undo.append(free)

    @property
    def database_folder(self) -> Path:
        return (self.disk or self.park.folder) / "database"

    def _ended(self, child: process.Process | None, start: Callable[[], None]) -> None:
        assert child is not None
        child.kill()
        child.wait()
        self.undo.append(start)

    def _start_broker(self) -> None:
        self.broker = brokers.start(self.park.folder / "broker", self.broker.port, self.broker.kind)

    def _start_ingest(self) -> None:
        stack = self.park.stack
        far, stack.broker = stack.broker, self.broker
        stack.start_ingest()
        stack.broker = far


@contextmanager
def staged() -> Iterator[Stage]:
    """The whole chain with its links; a disk of its own for the database where this user may mount one."""
    with ExitStack() as opened:
        folder = opened.enter_context(open_folder())
        disk = opened.enter_context(_small_disk(folder / "disk"))
        database = databases.start((disk or folder) / "database")
        stack = opened.enter_context(running_stack(folder, database=database))
        stage = opened.enter_context(_linked(stack, disk))
        opened.callback(_stop, stage)
        opened.callback(stage.heal)
        yield stage


@contextmanager
def _linked(stack: Stack, disk: Path | None) -> Iterator[Stage]:
    with ExitStack() as opened:

        def proxied(port: int) -> Proxy:
            proxy = Proxy(port)
            opened.callback(proxy.close)
            return proxy

        dials = [opened.enter_context(Dial("eastron_sdm630", active_power_kw=kw)) for kw in (100.0, 11.1)]
        grid, meters, network = (proxied(port) for port in (dials[0].port, dials[1].port, stack.broker.port))
        dials[0].port, dials[1].port = grid.port, meters.port
        broker = stack.broker
        stack.broker = replace(broker, port=network.port, child=None)
        park = FarPark(stack, stack.folder, dials[0], dials[1])
        opened.callback(park.stop)
        park.start_agent()
        _patiently(park)
        link = proxied(park.port)
        yield Stage(park, broker, disk, grid, meters, network, link, f"http://127.0.0.1:{link.port}")


def _stop(stage: Stage) -> None:
    """End the servers that run now, whichever time they were started."""
    stage.broker.stop()
    stage.park.stack.database.stop()


def _patiently(park: LivePark) -> None:
    """Start the api on a machine that has other things to do."""
    for _ in range(5):
        with suppress(BenchmarkError):
            park.start_api()
            return
        if park.api is not None:
            process.stop(park.api, signal.SIGTERM)
    raise AssertionError(f"the api does not start: {process.tail(park.folder / 'api.log')}")


@contextmanager
def _small_disk(where: Path) -> Iterator[Path | None]:
    """A mounted disk of its own; None where that is not allowed."""
    where.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0755", "tmpfs", str(where)]
    if mount is None or os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=False)
