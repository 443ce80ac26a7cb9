"""`parkgrid up`: the whole chain with a simulated park, on this machine, in one command."""

import asyncio
import contextlib
import dataclasses
import json
import re
import sqlite3
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from contract.time import AcceleratedClock, SystemClock
from edge.agent import Agent
from edge.settings import EdgeSettings, load_settings
from ingest.store import Park
from ingest.store.opening import open_store
from ingest.store.settings import StoreSettings
from parkgrid import process, toml
from parkgrid.chain import Chain
from parkgrid.places import default_data_dir, occupied, page_port, passing_folder
from parkgrid.session import announcer, quiet_logs, stop_event, unless
from parkgrid.settling import settle_everything
from parkgrid.supervisor import PartError
from parkgrid.verdict import Before, Verdict, judge
from simulators.scenario import DEFAULT

GATEWAY = "gw-1"
_DAY_MS = 86_400_000
_SETTLE_S = 20.0
"""Start and end of a timed run, in seconds that its clock must cover beside the run itself."""
_LONGEST_DRAIN_S = 60.0
_TICK_S = 0.2
_PORTS = 40
"""Consecutive ports kept for the simulated devices, so that they come back on the same ones."""
_NEVER_S = 1e9
_READS_PER_SECOND = 1.0
"""How often a device is read at most, in seconds of this machine: accelerated time lengthens the period instead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line asks for."""

    for_s: float | None = None
    speed: float = 1.0
    data_dir: Path | None = None
    port: int | None = None
    dsn: str | None = None
    mqtt_url: str | None = None
    seed: int | None = None


def run(plan: Plan) -> int:
    """Bring everything up, wait, take everything down; the exit status."""
    console = Console(stderr=True)
    quiet_logs()
    with _folder(plan) as data_dir, occupied(data_dir):
        return asyncio.run(_run(plan, data_dir, console))


async def _run(plan: Plan, data_dir: Path, console: Console) -> int:
    stop = stop_event()
    chain = Chain(data_dir, announcer(console))
    try:
        house = _House(plan, chain, data_dir)
        with console.status("starting: database, broker, ingest, accounting, api, simulated park, edge"):
            await unless(stop, house.start())
        if stop.is_set():
            return 0
        print(f"parkgrid is up: {house.url}", flush=True)  # noqa: T201  (what the user came for)
        arrival = asyncio.create_task(house.arrive_in_the_present())
        arrival.add_done_callback(lambda task: stop.set() if not task.cancelled() and task.exception() else None)
        await _wait(plan.for_s, stop, chain, console)
        if not arrival.cancel():
            arrival.result()
        if plan.for_s is None:
            return 0
        with console.status("waiting until everything is stored"):
            verdict = await house.close_books()
        print(verdict.line(), flush=True)  # noqa: T201  (read by programs)
        for example in verdict.found.examples:
            console.print(example)
        return 0 if verdict.exact else 1
    finally:
        with console.status("stopping"):
            await chain.supervisor.close()


class _House:
    """One run: its clock, its ledger, its parts."""

    def __init__(self, plan: Plan, chain: Chain, data_dir: Path) -> None:
        self._plan = plan
        self._chain = chain
        self._data_dir = data_dir
        self._before: Before | None = None
        self._park: Mapping[str, Any] = {}
        self._clock: AcceleratedClock | None = None
        self._port = page_port(plan.port)
        self._edge_file = data_dir / "edge.toml"
        self._ledger = data_dir / "ledgers" / f"{time.time_ns()}.jsonl" if plan.for_s is not None else None
        self.url = f"http://127.0.0.1:{self._port}/"

    async def start(self) -> None:
        """Everything in the order of the chain; what does not wait for each other starts together."""
        chain = self._chain
        await chain.start_database(self._plan.dsn)
        await chain.start_broker(self._plan.mqtt_url)
        self._before = Before.of(chain.dsn)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(chain.start_ingest())
            tasks.create_task(chain.start_accounting())
            tasks.create_task(chain.start_api(self._port))
            tasks.create_task(self._start_park())
        await self._start_edge()

    async def arrive_in_the_present(self) -> None:
        """Once accelerated time has caught up, go on in real time: devices are read as often as they are made for."""
        clock = self._clock
        if clock is None or self._plan.for_s is not None:
            return
        behind_s = (clock.wall_start_ms - clock.start_ms) / 1000
        await asyncio.sleep(behind_s / (clock.speed - 1) - (SystemClock().now_ms() - clock.wall_start_ms) / 1000)
        await self._chain.supervisor.remove("edge")
        self._clock = None
        await self._start_edge()

    async def close_books(self) -> Verdict:
        """Stop reading devices, let the outbox run empty, and compare."""
        await self._chain.supervisor.remove("edge")
        await drain(load_settings(self._edge_file, {}), _LONGEST_DRAIN_S)
        database, broker = self._chain.database, self._chain.broker
        if self._ledger is None or self._before is None or database is None or broker is None:
            raise RuntimeError("only a run with --for keeps a ledger")
        await asyncio.to_thread(settle_everything, self._chain.dsn)
        return await asyncio.to_thread(judge, self._ledger, database, self._before, broker.kind)

    async def _start_park(self) -> None:
        endpoints = self._data_dir / "endpoints.json"
        endpoints.unlink(missing_ok=True)
        arguments = ["simulators", "--endpoints-out", str(endpoints), "--port-base", str(process.free_ports(_PORTS))]
        arguments += ["--scenario", str(_scenario(self._plan.seed, self._data_dir))]
        arguments += ["--state", str(self._data_dir / "park.json")]
        clock = self._clock = accelerated(self._plan, newest_ms(self._chain.dsn))
        if clock:
            arguments += ["--wall-start-ms", str(clock.wall_start_ms), "--start-ms", str(clock.start_ms)]
            arguments += ["--speed", str(clock.speed)]

        async def ready() -> bool:
            return endpoints.exists()

        await self._chain.start_command("simulators", arguments, ready)
        self._park = json.loads(endpoints.read_text("utf-8"))
        await asyncio.to_thread(describe, self._chain.dsn, park_of(self._park))

    async def _start_edge(self) -> None:
        toml.write(self._edge_file, self._edge_settings())

        async def ready() -> bool:
            return await asyncio.to_thread(self._heard_of)

        await self._chain.start_command("edge", ["edge", "--config", str(self._edge_file)], ready)

    def _edge_settings(self) -> dict[str, Any]:
        """The agent's settings: every device of the simulated park, on the park's own clock."""
        speed = self._clock.speed if self._clock else 1.0
        document: dict[str, Any] = {
            "park": self._park["park"],
            "gateway": GATEWAY,
            "simulated": True,
            "health_s": 10.0 * speed,
            "outbox": {"path": self._data_dir / "outbox.db"},
            "uplink": self._chain.mqtt_settings(),
            "clock": dataclasses.asdict(self._clock) if self._clock else None,
            "devices": [device_settings(endpoint, speed) for endpoint in self._park["endpoints"]],
        }
        if self._ledger:
            document["ledger"] = {"path": self._ledger}
        return document

    def _heard_of(self) -> bool:
        """Whether the store has heard of the gateway since this run began."""
        since = self._before.at if self._before else None
        with psycopg.connect(self._chain.dsn) as connection:
            query = "SELECT 1 FROM gateways WHERE park = %s AND gateway = %s AND online AND last_seen_at >= %s"
            return connection.execute(query, (self._park["park"], GATEWAY, since)).fetchone() is not None


def accelerated(plan: Plan, newest: int | None) -> AcceleratedClock | None:
    """The clock of an accelerated run, None for a run in real time.

    A timed run reaches the present at its end; another one starts a day back. Neither goes over what is stored already.
    """
    if plan.speed <= 1:
        return None
    now_ms = SystemClock().now_ms()
    if plan.for_s is None:
        clock = AcceleratedClock(now_ms, now_ms - _DAY_MS, plan.speed)
    else:
        clock = AcceleratedClock.covering(plan.for_s + _SETTLE_S, plan.speed, now_ms)
    start_ms = clock.start_ms if newest is None else min(max(clock.start_ms, newest + 1), now_ms)
    return AcceleratedClock(now_ms, start_ms, plan.speed)


def newest_ms(dsn: str) -> int | None:
    """The newest reading of the connection point, in milliseconds since the epoch."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT (extract(epoch FROM max(at)) * 1000)::int8 FROM grid_meter").fetchone()
    return row[0] if row else None


def park_of(document: Mapping[str, Any]) -> Park:
    """What people call a simulated park and where it lies, from the document of its endpoints."""
    names = (document[key] for key in ("park", "district", "name_zh", "name_en", "zone"))
    return Park(*names)


def describe(dsn: str, park: Park) -> None:
    """Name a park in a migrated database."""
    with contextlib.closing(open_store(dsn, StoreSettings())) as store:
        store.describe_park(park)


def device_settings(endpoint: Mapping[str, Any], speed: float) -> dict[str, Any]:
    """One device of a simulated park as the agent's settings name it."""
    kept = ("class", "driver", "name", "ratings", "point", "connection")
    period_s = max(float(endpoint["period_s"]), speed / _READS_PER_SECOND)
    return {"id": endpoint["device"], "period_s": period_s} | {name: endpoint[name] for name in kept}


async def drain(settings: EdgeSettings, patience_s: float) -> None:
    """Send what a stopped agent has left in its outbox; reads no device and accepts nothing new."""
    if not waiting(settings.outbox.path):
        return
    quiet = dataclasses.replace(settings, health_s=_NEVER_S)
    agent = Agent(quiet, poll=False)
    stop = asyncio.Event()
    running = asyncio.create_task(agent.run(stop))
    await agent.drained(patience_s)
    stop.set()
    await running


def waiting(outbox: Path) -> int:
    """How many batches an outbox that nobody uses now still holds."""
    with contextlib.closing(sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM batch").fetchone()[0])


def _folder(plan: Plan) -> AbstractContextManager[Path]:
    """The folder of a run: a given one, a passing one for a timed run, else the user's own, which stays."""
    if plan.data_dir or plan.for_s is None:
        return contextlib.nullcontext((plan.data_dir or default_data_dir()).absolute())
    return passing_folder()


def _scenario(seed: int | None, data_dir: Path) -> Path:
    """The standard park, with another seed if one is asked for."""
    if seed is None:
        return DEFAULT
    text = re.sub(r"^seed = .*$", f"seed = {seed}", DEFAULT.read_text("utf-8"), flags=re.MULTILINE)
    path = data_dir / "park.toml"
    path.write_text(text, "utf-8")
    return path


async def _wait(for_s: float | None, stop: asyncio.Event, chain: Chain, console: Console) -> None:
    """Until the time is over, a stop is asked for, or a part has failed for good. Raises `PartError`."""
    end = None if for_s is None else time.monotonic() + for_s
    bar = Progress(TextColumn("running"), BarColumn(), TimeRemainingColumn(), console=console, transient=True)
    with bar if for_s else contextlib.nullcontext():
        task = bar.add_task("running", total=for_s)
        while not stop.is_set() and (end is None or time.monotonic() < end):
            failed = chain.supervisor.failed
            if failed and failed.done():
                raise PartError(failed.result())
            await asyncio.sleep(_TICK_S)
            bar.advance(task, _TICK_S)
