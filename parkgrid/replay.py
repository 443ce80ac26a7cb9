"""`parkgrid replay`: measured data through simulated Modbus devices, edge, broker, ingest and store, and back.

Time is stepped: at each instant of the data every device is read once over real Modbus TCP, and the next instant comes
when the agent has taken the readings. Nothing else differs from a live park.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from contract.time import to_ms
from edge.agent import Agent
from edge.settings import EdgeSettings, load_settings
from ingest.store import Park
from parkgrid import toml
from parkgrid.chain import Chain
from parkgrid.places import occupied, passing_folder
from parkgrid.session import announcer, quiet_logs, stop_event, unless
from parkgrid.settling import settle_everything
from parkgrid.site import describe
from parkgrid.verdict import Before, Verdict, judge
from simulators.clock import SteppedClock
from simulators.modbus_server import ModbusServer
from simulators.plant import Endpoint
from simulators.replay import Replay

GATEWAY = "gw-replay"
_MOST_WAITING = 200
"""Batches in the outbox above which the next instant waits: a year must not pile up in front of the store."""
_WAIT_S = 0.02
_LONGEST_DRAIN_S = 300.0
_HEALTH_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asks for."""

    directory: Path
    mapping: Path | None = None
    start: datetime | None = None
    end: datetime | None = None
    data_dir: Path | None = None
    dsn: str | None = None
    mqtt_url: str | None = None
    as_json: bool = False


def run(request: Request) -> int:
    """Replay, compare, and print what the store says; the exit status. Raises `ReplayError` for data that is wrong."""
    console = Console(stderr=True)
    quiet_logs()
    with console.status("reading and checking the data"):
        source = Replay.open(request.directory, request.mapping)
    folder = nullcontext(request.data_dir.absolute()) if request.data_dir else passing_folder()
    with folder as data_dir, occupied(data_dir):
        return asyncio.run(_run(request, source, data_dir, console))


async def _run(request: Request, source: Replay, data_dir: Path, console: Console) -> int:
    stop = stop_event()
    chain = Chain(data_dir, announcer(console))
    verdict: list[Verdict] = []

    async def work() -> None:
        with console.status("starting: database, broker, ingest"):
            await chain.start_database(request.dsn)
            await chain.start_broker(request.mqtt_url)
            await chain.start_ingest()
        verdict.append(await _Run(request, source, chain, data_dir).complete(console))

    try:
        await unless(stop, work())
    finally:
        await chain.supervisor.close()
    if not verdict:
        return 1
    _tell(verdict[0], as_json=request.as_json, console=console)
    return 0 if verdict[0].exact else 1


class _Run:
    """One replay over a chain that is up."""

    def __init__(self, request: Request, source: Replay, chain: Chain, data_dir: Path) -> None:
        self._source = source
        self._chain = chain
        self._folder = data_dir
        self._ledger = data_dir / "ledgers" / f"{time.time_ns()}.jsonl"
        self._steps = source.steps(_milliseconds(request.start), _milliseconds(request.end))
        self._clock = SteppedClock(self._steps[0])

    async def complete(self, console: Console) -> Verdict:
        """Serve the devices, read them at every instant, wait until everything is stored, and compare."""
        before = Before.of(self._chain.dsn)
        mapping = self._source.mapping
        await asyncio.to_thread(
            describe, self._chain.dsn, Park(mapping.park, "", mapping.name, mapping.name, mapping.zone)
        )
        server = ModbusServer(self._source, self._clock)
        try:
            settings = self._settings(await server.start())
            agent = Agent(settings, self._clock, poll=False)
            stop = asyncio.Event()
            running = asyncio.create_task(agent.run(stop))
            try:
                await self._step_through(agent, console)
                with console.status("waiting until everything is stored"):
                    await agent.drained(_LONGEST_DRAIN_S)
            finally:
                stop.set()
                await running
        finally:
            await server.stop()
        with console.status("settling the energy of every interval"):
            await asyncio.to_thread(settle_everything, self._chain.dsn)
        figures = totals(self._chain.dsn, self._source.mapping.park)
        database, broker = self._chain.database, self._chain.broker
        if database is None or broker is None:
            raise RuntimeError("a replay begins when the chain is up")
        return await asyncio.to_thread(judge, [self._ledger], database, before, broker.kind, figures)

    async def _step_through(self, agent: Agent, console: Console) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("replaying", total=len(self._steps))
            for at_ms in self._steps:
                self._clock.advance_to(at_ms)
                await agent.poller.poll_once()
                while agent.outbox.stats.batches > _MOST_WAITING:  # noqa: ASYNC110  (a number, not an event)
                    await asyncio.sleep(_WAIT_S)
                bar.advance(task)

    def _settings(self, endpoints: tuple[Endpoint, ...]) -> EdgeSettings:
        document: dict[str, Any] = {
            "park": self._source.mapping.park,
            "gateway": GATEWAY,
            "simulated": True,
            "health_s": _HEALTH_S,
            "outbox": {"path": self._folder / "outbox.db"},
            "uplink": self._chain.mqtt_settings(),
            "ledger": {"path": self._ledger},
            "devices": [_device(endpoint, self._source.period_ms / 1000) for endpoint in endpoints],
        }
        return load_settings(toml.write(self._folder / "edge.toml", document), {})


def totals(dsn: str, park: str) -> dict[str, float]:
    """Energies of a park in kWh as the store has them: last minus first reading of each counter, summed by device."""
    with psycopg.connect(dsn) as connection:
        return {
            name: round(_energy(connection, park, device_class, counter), 3)
            for name, (device_class, counter) in _TOTALS.items()
        }


def _energy(connection: "psycopg.Connection[Any]", park: str, device_class: str, counter: str) -> float:
    query = sql.SQL(
        "SELECT coalesce(sum(used), 0) FROM ("
        " SELECT (array_agg({counter} ORDER BY at DESC))[1] - (array_agg({counter} ORDER BY at))[1] AS used"
        " FROM {view} JOIN devices USING (device_id)"
        " WHERE park = {park} AND {counter} IS NOT NULL GROUP BY device_id) AS devices",
    ).format(counter=sql.Identifier(counter), view=sql.Identifier(device_class), park=sql.Literal(park))
    row = connection.execute(query).fetchone()
    return float(row[0]) if row else 0.0


def _device(endpoint: Endpoint, period_s: float) -> Mapping[str, Any]:
    document = endpoint.document()
    kept = ("class", "driver", "name", "ratings", "point", "connection")
    return {"id": document["device"], "period_s": period_s} | {name: document[name] for name in kept}


def _milliseconds(instant: datetime | None) -> int | None:
    return None if instant is None else to_ms(instant)


def _tell(verdict: Verdict, *, as_json: bool, console: Console) -> None:
    for example in verdict.found.examples:
        console.print(example)
    if as_json:
        print(verdict.line(), flush=True)  # noqa: T201  (read by programs)
        return
    found = verdict.found
    print(f"accepted {found.accepted}, stored {found.stored}, lost {found.lost}, doubled {found.duplicated}")  # noqa: T201
    for name, value in verdict.figures.items():
        print(f"{name:12} {value:14.3f}")  # noqa: T201  (the command's answer)


_TOTALS = {
    "load_kwh": ("meter", "energy_import_kwh"),
    "pv_kwh": ("pv_inverter", "energy_generated_kwh"),
    "import_kwh": ("grid_meter", "energy_import_kwh"),
    "export_kwh": ("grid_meter", "energy_export_kwh"),
}
