"""`parkgrid replay`: measured data through simulated Modbus devices, edge, broker, ingest and store, and back.

Time is stepped: at each instant of the data every device is read once over real Modbus TCP, and the next instant comes
when the agent has taken the readings. Nothing else differs from a live park.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from parkgrid import toml_writer
from parkgrid.data_folder import occupied, passing_folder
from parkgrid.import_measured import declare_breaks, park_of
from parkgrid.local_system import LocalSystem
from parkgrid.long_running import announcer, quiet_logs, run_until_stopped, stop_event
from parkgrid.progress import progress, waiting
from parkgrid.running_instance import note
from parkgrid.simulated_park import describe
from parkgrid_contract.identity import Gateway
from parkgrid_contract.settings import Problem
from parkgrid_contract.time import SystemClock, from_ms, to_ms
from parkgrid_edge.agent import Agent
from parkgrid_edge.settings import EdgeSettings, load_settings
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.catching_up import catch_up
from parkgrid_proof.verdict import Before, Verdict, judge
from parkgrid_simulators.clock import SteppedClock
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.plant import Endpoint
from parkgrid_simulators.replay import Replay, ReplayError

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
    with waiting(console, "reading and checking the data"):
        source = Replay.open(request.directory, request.mapping)
        if not source.steps(_milliseconds(request.start), _milliseconds(request.end)):
            remedy = (
                f"have rows from {from_ms(source.start_ms)} to {from_ms(source.end_ms)}: choose --from and --to there"
            )
            raise ReplayError([Problem(str(request.directory), "files", "no row in the span", remedy)])
    folder = contextlib.nullcontext(request.data_dir.absolute()) if request.data_dir else passing_folder()
    with folder as data_dir, occupied(data_dir):
        return asyncio.run(_run(request, source, data_dir, console))


async def _run(request: Request, source: Replay, data_dir: Path, console: Console) -> int:
    stop = stop_event()
    system = LocalSystem(data_dir, announcer(console))
    verdict: list[Verdict] = []

    async def work() -> None:
        with waiting(console, "starting: database, broker, ingest"):
            await system.start_database(request.dsn)
            await system.start_broker(request.mqtt_url, [Gateway(source.mapping.park, GATEWAY)])
            note(data_dir, system.running)
            await system.start_ingest()
        verdict.append(await _Run(request, source, system, data_dir).complete(console))

    try:
        await run_until_stopped(stop, work())
    finally:
        await system.supervisor.close()
    if not verdict:
        return 1
    _tell(verdict[0], as_json=request.as_json, console=console)
    return 0 if verdict[0].exact and verdict[0].found.accepted else 1


class _Run:
    """One replay over a system that is up."""

    def __init__(self, request: Request, source: Replay, system: LocalSystem, data_dir: Path) -> None:
        self._source = source
        self._system = system
        self._folder = data_dir
        self._ledger = data_dir / "ledgers" / f"{time.time_ns()}.jsonl"
        self._steps = source.steps(_milliseconds(request.start), _milliseconds(request.end))
        self._clock = SteppedClock(self._steps[0])

    async def complete(self, console: Console) -> Verdict:
        """Serve the devices, read them at every instant, wait until everything is stored, and compare."""
        before = Before.of(self._system.dsn)
        await asyncio.to_thread(describe, self._system.dsn, park_of(self._source.mapping))
        server = ModbusServer(self._source, self._clock)
        try:
            settings = self._settings(await server.start())
            agent = Agent(settings, self._clock, poll=False)
            stop = asyncio.Event()
            running = asyncio.create_task(agent.run(stop))
            try:
                await self._step_through(agent, console)
                with waiting(console, "waiting until everything is stored"):
                    await agent.drained(_LONGEST_DRAIN_S)
            finally:
                stop.set()
                await running
        finally:
            await server.stop()
        with waiting(console, "computing the energy of every interval"):
            await asyncio.to_thread(self._compute_energies)
        figures = totals(self._system.dsn, self._source.mapping.park)
        database, broker = self._system.database, self._system.broker
        if database is None or broker is None:
            raise RuntimeError("a replay begins when the system is up")
        return await asyncio.to_thread(judge, [self._ledger], database, before, broker.kind, figures)

    def _compute_energies(self) -> None:
        """What the files do not have is declared, and lacks nothing on our way; then all energies."""
        gateway = Gateway(self._source.mapping.park, GATEWAY)
        with contextlib.closing(open_store(self._system.dsn)) as store:
            store.mark_imported(gateway)
        declare_breaks(self._system.dsn, gateway, self._source.series, SystemClock().now_ms())
        catch_up(self._system.dsn)

    async def _step_through(self, agent: Agent, console: Console) -> None:
        with progress(console) as tell:
            for number, at_ms in enumerate(self._steps, 1):
                self._clock.advance_to(at_ms)
                await agent.poller.poll_once()
                while agent.outbox.stats.batches > _MOST_WAITING:  # noqa: ASYNC110  (a number, not an event)
                    await asyncio.sleep(_WAIT_S)
                tell(f"replaying: {number} of {len(self._steps)} instants", number / len(self._steps))

    def _settings(self, endpoints: tuple[Endpoint, ...]) -> EdgeSettings:
        document: dict[str, Any] = {
            "park": self._source.mapping.park,
            "gateway": GATEWAY,
            "simulated": True,  # its devices are; its time is its own
            "health_s": _HEALTH_S,
            # What was replayed can be replayed again.
            "outbox": {"path": self._folder / "outbox.db", "keep_acknowledged_h": 0.0},
            "uplink": self._system.mqtt_settings(str(Gateway(self._source.mapping.park, GATEWAY))),
            "ledger": {"path": self._ledger},
            "devices": [_device(endpoint, self._source.period_ms / 1000) for endpoint in endpoints],
        }
        return load_settings(toml_writer.write(self._folder / "edge.toml", document), {})


def totals(dsn: str, park: str) -> dict[str, float]:
    """Energies of a park in kWh as the store has them, by what the registers count."""
    with psycopg.connect(dsn) as connection:
        return {
            name: round(_energy(connection, park, device_class, counter), 3)
            for name, (device_class, counter) in _TOTALS.items()
        }


def _energy(connection: "psycopg.Connection[Any]", park: str, device_class: str, counter: str) -> float:
    row = connection.execute(_ENERGY, (park, device_class, counter)).fetchone()
    return float(row[0]) if row else 0.0


def _device(endpoint: Endpoint, period_s: float) -> Mapping[str, Any]:
    document = endpoint.document()
    kept = ("class", "driver", "name", "ratings", "point", "connection")
    return {"id": document["device"], "period_s": period_s} | {name: document[name] for name in kept}


def _milliseconds(instant: datetime | None) -> int | None:
    return None if instant is None else to_ms(instant)


def _tell(verdict: Verdict, *, as_json: bool, console: Console) -> None:
    for example in verdict.found.examples:
        console.print(example, highlight=False, soft_wrap=True)
    for sentence in _remarks(verdict):
        console.print(sentence, highlight=False, soft_wrap=True)
    if as_json:
        print(verdict.line(), flush=True)  # noqa: T201  (read by programs)
        return
    found = verdict.found
    print(  # noqa: T201
        f"accepted {found.accepted}, stored {found.stored}, already stored {found.repeated}, "
        f"different {found.conflicting}, lost {found.lost}, duplicated {found.duplicated}"
    )
    for name, value in verdict.figures.items():
        print(f"{name:12} {value:14.3f}")  # noqa: T201  (the command's answer)


def _remarks(verdict: Verdict) -> Iterator[str]:
    found = verdict.found
    if not found.accepted:
        yield "error: no device had a reading, so nothing is stored: compare --from and --to with the files"
    elif found.repeated and not (found.stored or found.conflicting):
        yield f"all {found.repeated} readings were already stored with the same values"
    if found.conflicting:
        yield (
            f"error: {found.conflicting} readings differ from those already stored: the first ones are kept, the view "
            "`conflicts` has both. Replay corrected data into an empty folder or another park"
        )


_ENERGY = """
SELECT coalesce(sum(energy_kwh), 0) FROM interval_energy
WHERE park = %s AND device_class = %s AND signal = %s AND quality <> 'missing'
"""
_TOTALS = {
    "load_kwh": ("meter", "energy_import_kwh"),
    "pv_kwh": ("pv_inverter", "energy_generated_kwh"),
    "import_kwh": ("grid_meter", "energy_import_kwh"),
    "export_kwh": ("grid_meter", "energy_export_kwh"),
}
