"""The whole system on one machine, part by part, each under the supervisor with its own settings file and log.

database ─ broker ─┬─ ingest
                   ├─ metering
                   ├─ vpp
                   ├─ api
                   └─ simulators ─ edge
"""

import asyncio
import functools
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from psycopg.conninfo import make_conninfo

from parkgrid import toml_writer
from parkgrid.data_folder import DATABASE, ISSUED
from parkgrid.running_instance import Running, near
from parkgrid_contract.identity import Gateway
from parkgrid_database.roles import NAMES, Login, Role, make_logins
from parkgrid_servers import broker as brokers
from parkgrid_servers import database as databases
from parkgrid_servers import process, shared_subscriptions, unprivileged
from parkgrid_servers.broker_access import INGEST_WORKERS
from parkgrid_servers.supervisor import Part, Supervisor

if TYPE_CHECKING:
    import subprocess

_T = TypeVar("_T")
Announce = Callable[[str, str, float], None]
"""Told of every part that is up: its name, what it is, and the seconds it took."""
_HTTP_PATIENCE_S = 2.0
_SHARED_KEEPALIVE_S = 10
"""A broker goes on giving its share to a frozen worker for half as long again."""
_LOGINS: tuple[Role, ...] = ("ingest", "accounting", "vpp", "api")
"""The roles that are started here; the boards have their login in a deployment."""


@dataclass(slots=True)
class LocalSystem:
    """The parts that are up, and their addresses."""

    data_dir: Path
    announce: Announce
    supervisor: Supervisor = field(default_factory=Supervisor)
    dsn: str = ""
    database: databases.RunningDatabase | None = None
    broker: brokers.RunningBroker | None = None
    _dsns: Mapping[Role, str] = field(default_factory=dict)
    """The login of each role that is started here."""
    _compiling: "subprocess.Popen[bytes] | None" = None

    async def start_database(self, dsn: str | None) -> None:
        """A given database, or one of our own; its schema is brought up to date."""
        from parkgrid_database.migrate import migrate

        since = time.monotonic()
        self._compiling = unprivileged.compiled()
        if dsn:
            self.database = databases.given(dsn)
        else:
            port, folder = process.free_port(), self.data_dir / DATABASE

            def start() -> process.Process:
                self.database = databases.start(folder, port)
                return _there(self.database.child)

            await self._add("database", start, _at_once, folder / "postgres.log", databases.STOP_SIGNAL)
        running = _there(self.database)
        self.dsn = running.dsn
        migrate(self.dsn)
        self._dsns = dict.fromkeys(_LOGINS, self.dsn) if dsn else _signed_in(self.dsn)
        self.announce("database", f"PostgreSQL {running.version} ({running.kind})", _since(since))

    async def start_broker(self, url: str | None, gateways: Sequence[Gateway]) -> None:
        """A given broker, or one of our own that lets these gateways in."""
        since = time.monotonic()
        if url:
            self.broker = brokers.given(url)
        else:
            port, folder = process.free_port(), self.data_dir / "broker"

            def start() -> process.Process:
                self.broker = brokers.start(folder, port, gateways=gateways, user=unprivileged.user())
                return _there(self.broker.child)

            await self._add("broker", start, _at_once, folder / "mosquitto.log")
        self.announce("broker", _there(self.broker).kind, _since(since))

    async def start_ingest(self, workers: int = 1) -> None:
        """One worker, or several where the broker shares a subscription among them."""
        if workers > 1 and not await asyncio.to_thread(shared_subscriptions.are_there, _there(self.broker)):
            self.announce("ingest", f"one worker and not {workers}: the broker has no shared subscriptions", 0.0)
            workers = 1
        # Whoever may read telemetry and knows the name of a group can take a share of it.
        share = f"ingest-{token_hex(8)}" if workers > 1 else ""
        async with asyncio.TaskGroup() as tasks:
            for name in INGEST_WORKERS[:workers]:
                tasks.create_task(self._start_ingest(name, share))

    async def _start_ingest(self, name: str, share: str) -> None:
        """Ready when its metrics are served, which is after its first subscription."""
        port = process.free_port()
        mqtt = self.mqtt_settings(name)
        if share:
            mqtt |= {"share": share, "client_id": name, "keepalive_s": _SHARED_KEEPALIVE_S}
        document = {"store": {"dsn": self._dsns["ingest"], "migrate": False}, "mqtt": mqtt, "metrics": {"port": port}}
        ready = functools.partial(http_answers, f"http://127.0.0.1:{port}/metrics")
        await self.start_role(name, document, ready, program="parkgrid_ingest")

    async def start_metering(self) -> None:
        """Ready when it has its connection to the database."""
        port = process.free_port()
        document = {"database": {"dsn": self._dsns["accounting"]}, "metrics": {"port": port}}
        ready = functools.partial(http_answers, f"http://127.0.0.1:{port}/metrics")
        await self.start_role("metering", document, ready, program="parkgrid.metering")

    async def start_vpp(self, clock: Literal["system", "data"] = "system") -> None:
        """The pilot's process; ready when it has its connection to the database."""
        port = process.free_port()
        document = {
            "clock": clock,
            "database": {"dsn": self._dsns["vpp"]},
            "metrics": {"port": port},
            "issued": str(self._issued()),
        }
        await self.start_role("vpp", document, lambda: http_answers(f"http://127.0.0.1:{port}/metrics"))

    async def start_api(self, port: int, host: str = "127.0.0.1", token: str | None = None) -> None:
        """Ready when it has asked the database."""
        database = {"dsn": self._dsns["api"]}
        document = {
            "host": host,
            "port": port,
            "token": token,
            "demonstration": True,
            "database": database,
            "issued": str(self._issued()),
        }
        await self.start_role("api", document, lambda: http_answers(f"http://{near(host)}:{port}/healthz"))

    def _issued(self) -> Path:
        """Where the digests of the pilot's chain stand that were given to others."""
        return unprivileged.own_folder(self.data_dir / ISSUED)

    async def start_role(
        self,
        name: str,
        document: Mapping[str, Any],
        ready: Callable[[], Awaitable[bool]],
        program: str | None = None,
    ) -> None:
        """One of our own processes: `python -m program --config name.toml`; `parkgrid_name` unless told otherwise."""
        config = unprivileged.own_file(toml_writer.write(self.data_dir / f"{name}.toml", document))
        await self.start_command(name, [program or f"parkgrid_{name}", "--config", str(config)], ready)

    async def start_command(self, name: str, arguments: Sequence[str], ready: Callable[[], Awaitable[bool]]) -> None:
        """`python -m arguments`, supervised; as `nobody` where we are root."""
        since = time.monotonic()
        if self._compiling is not None:
            await asyncio.to_thread(self._compiling.wait)
        log = self.data_dir / "logs" / f"{name}.log"
        command, user = [sys.executable, "-m", *arguments], unprivileged.user()
        child = process.Child(name, command, log, _environment(), user, directory=self.data_dir if user else None)
        await self._add(name, lambda: process.start(child), ready, log)
        self.announce(name, f"log in {log}", _since(since))

    @property
    def running(self) -> Running:
        """What other commands need to look at this run, once database and broker are up."""
        return Running(self._dsns["api"], _there(self.broker).url)

    def mqtt_settings(self, username: str) -> dict[str, Any]:
        """The broker as the settings of a role name it that signs in as `username`."""
        return _there(self.broker).settings(username)

    async def _add(
        self,
        name: str,
        start: Callable[[], process.Process],
        ready: Callable[[], Awaitable[bool]],
        log: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        part = Part(name, start, ready, lambda: process.tail(log), stop_signal)
        await self.supervisor.add(part)


def _signed_in(dsn: str) -> dict[Role, str]:
    """Addresses with the login of each role, whose password is made anew at each start."""
    made = [Login(role, NAMES[role], token_urlsafe(24)) for role in _LOGINS]
    make_logins(dsn, made)
    return {each.role: make_conninfo(dsn, user=each.name, password=each.password) for each in made}


async def http_answers(url: str) -> bool:
    """Whether a local address answers with success."""
    return await asyncio.to_thread(_http_answers, url)


def _http_answers(url: str) -> bool:
    try:
        # A proxy named in the environment must not be asked for this machine's own address.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=_HTTP_PATIENCE_S) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004  (HTTP OK)
    except (OSError, urllib.error.URLError):
        return False


async def _at_once() -> bool:
    """A launcher of ours returns only when what it started answers."""
    return True


def _there(thing: _T | None) -> _T:
    if thing is None:
        raise RuntimeError("asked for before it was started")
    return thing


def _environment() -> dict[str, str | None]:
    """Settings come from the files written here, not from a shell that was set up for a role of its own."""
    of_roles = ("PARKGRID_EDGE_", "PARKGRID_INGEST_", "PARKGRID_METERING_", "PARKGRID_VPP_", "PARKGRID_API_")
    return {name: None for name in os.environ if name.startswith(of_roles)} | {"PYTHONUNBUFFERED": "1"}


def _since(start: float) -> float:
    return time.monotonic() - start
