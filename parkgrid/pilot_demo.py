"""`parkgrid demo vpp`: a pilot from two calls to statements that a stranger recomputes, at accelerated time.

history of like days ─▶ registry, eligibility, calls, bids ─▶ event day over Modbus, broker and store
                                                               │  site programs answer, as well as they do
bundles ◀─ statements ◀─ the pilot's process ◀─ meters ◀───────┘
   └─▶ verifier, another code path                verdicts ◀─▶ what the simulators really did
"""

import asyncio
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from parkgrid.data_folder import PlaceError, occupied
from parkgrid.local_system import LocalSystem
from parkgrid.long_running import quiet_logs, run_until_stopped, stop_event
from parkgrid.pilot_sites import start_sites
from parkgrid.progress import progress
from parkgrid.simulated_park import PORTS, SimulatedPark
from parkgrid_contract.time import SHANGHAI, AcceleratedClock, SystemClock, to_ms
from parkgrid_demo.pilot import calls
from parkgrid_demo.pilot.answering import Manner
from parkgrid_demo.pilot.judging import Difference, differences, truth_of, verdicts
from parkgrid_demo.pilot.registry import GATEWAY, PilotPark, parks, registered
from parkgrid_demo.pilot.timetable import Timetable, timetable
from parkgrid_demo.prefill import prefill
from parkgrid_domain.calendar import packaged
from parkgrid_domain.vpp.documents import Statement
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.catching_up import Progress, catch_up
from parkgrid_servers import process
from parkgrid_vpp import verify as verifier
from parkgrid_vpp.bundle import write as write_bundle
from parkgrid_vpp.bundling import contents, operators_of
from parkgrid_vpp.centre_key import load_or_create, write_public
from parkgrid_vpp.ledger import follow, write

SPEED = 60.0
"""Simulated seconds a second: a device that is read every simulated minute is read once a second."""
_LOOK_S = 0.5
_PATIENCE_S = 180.0
"""So much longer than the day takes at its speed."""
_BUREAU = "district energy bureau (demonstration)"
_SILENT = timedelta(minutes=35)
_OVER = ("settled", "closed")
_MANNERS: Mapping[str, Manner] = {
    "north-compressor": "not_at_all",
    "north-v2g": "partly",
    "south-chiller": "partly",
    "south-compressor": "late",
    "east-compressor": "not_at_all",
}
"""Sites that answer badly by themselves; all others do what was awarded."""
SILENT = {True: "north-chiller", False: "east-chiller"}
"""The resource whose meter says nothing for a while, in the short form and in the whole."""


class PilotDemoError(Exception):
    """The demonstration did not come to its end; the message says where and what to look at."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demonstration came to."""

    day: date
    statements: Sequence[Statement]
    verdicts: Mapping[str, int]
    differences: Sequence[Difference]
    """Quarter hours that were not judged by what the simulators really did."""
    bundles: Sequence[Path]
    verifier: int
    """Its exit status; 0: every amount was computed again to the cent, and the centre signed it."""
    said: str

    @property
    def good(self) -> bool:
        """Whether the verifier agrees, the meters told the truth, and every verdict occurs."""
        return self.verifier == 0 and not self.differences and all(self.verdicts.values())

    def told(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "day": self.day.isoformat(),
            "statements": [
                {
                    "statement": each.statement,
                    "status": each.status,
                    "payment_cny": f"{each.payment:.2f}",
                    "penalty_cny": f"{each.penalty:.2f}",
                }
                for each in self.statements
            ],
            "verdicts": dict(self.verdicts),
            "differences": [str(each) for each in self.differences],
            "bundles": [str(each) for each in self.bundles],
            "verified": self.verifier == 0,
            "good": self.good,
        }


@dataclass(slots=True)
class PilotRun:
    """One run of the demonstration."""

    data_dir: Path
    short: bool
    tell: Progress
    system: LocalSystem
    seed: int = 20_261_130
    table: Timetable = field(init=False)
    pilot_parks: list[PilotPark] = field(init=False)
    pilot: Pilot = field(default_factory=Pilot)
    api_url: str = ""
    _simulated: list[SimulatedPark] = field(init=False)
    _clock: AcceleratedClock | None = None
    _truth: Mapping[tuple[str, datetime], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pilot_parks = parks(short=self.short)
        self.table = timetable(datetime.now(UTC), packaged(), short=self.short)
        self._simulated = [
            SimulatedPark(each.path, self.data_dir, first=True, ledger=None, control=True) for each in self.pilot_parks
        ]

    async def start(self) -> None:
        """Database, broker and page; then the history, and what is registered by it; then the event day begins."""
        system = self.system
        await system.start_database(None)
        await system.start_broker(None, [each.gateway for each in self._simulated])
        port = process.free_port()
        await system.start_api(port)
        self.api_url = f"http://127.0.0.1:{port}"
        await asyncio.to_thread(self._make_history)
        await asyncio.to_thread(self._register)
        await self._begin_day()

    def _make_history(self) -> None:
        """Readings of every park up to the event day, as energy of intervals."""
        self.tell(f"{len(self.pilot_parks)} parks: readings of the days before {self.table.day}", 0.02)
        states = {each.park: each.state for each in self._simulated}
        scenarios = [each.scenario for each in self.pilot_parks]
        with closing(open_store(self.system.dsn)) as store:
            prefill(store, self.system.dsn, scenarios, self.table.span, states=states, tell=self._part(0.02, 0.2))
        catch_up(self.system.dsn)

    def _register(self) -> None:
        """The registry, how good each baseline was, the calls, and what is bid for them."""
        self.tell("registry, eligibility, calls and bids", 0.2)
        opening = self.table.opening
        rules = calls.rules(self.table)
        with psycopg.connect(self.system.dsn, autocommit=True) as connection:
            registry = registered(self.pilot_parks, self.table.day - timedelta(days=30))
            write(connection, self.pilot, [*rules, *registry], _BUREAU, opening - timedelta(days=30))
            judged = calls.eligibility(connection, self.pilot, self.table)
            events = [calls.published(self.table, each, self.pilot_parks) for each in self.table.calls]
            write(connection, self.pilot, [*judged, *events], _BUREAU, opening - timedelta(hours=1))
            for each in self.table.calls:
                for operator, bid in calls.bids(self.table, each, self.pilot_parks):
                    write(connection, self.pilot, [bid], operator, opening)

    async def _begin_day(self) -> None:
        """The simulated parks on one clock, their gateways, and everything that follows their readings."""
        system = self.system
        self._clock = AcceleratedClock(SystemClock().now_ms(), self.table.span.end_ms, SPEED)
        ports = process.free_ports(PORTS * len(self._simulated))
        await system.start_ingest()
        since = datetime.now(UTC)
        async with asyncio.TaskGroup() as tasks:
            for place, park in enumerate(self._simulated):
                tasks.create_task(park.start_simulator(system, self._clock, ports + PORTS * place))
        async with asyncio.TaskGroup() as tasks:
            for park in self._simulated:
                tasks.create_task(park.start_edge(system, self._clock, since))
        await system.start_metering()
        await system.start_vpp(clock="data")
        pairs = zip(self.pilot_parks, self._simulated, strict=True)
        port = int(self.api_url.rpartition(":")[2])
        await start_sites(system, pairs, port=port, seed=self.seed, every_s=_LOOK_S, manners=_MANNERS)

    async def follow(self) -> None:
        """Until every call is settled. Raises `PilotDemoError` if that takes too long."""
        await self._until_settled()
        self._truth = await asyncio.to_thread(self._true_energies)

    def _true_energies(self) -> dict[tuple[str, datetime], float]:
        """What the simulators really did since the event day began, whatever their meters said."""
        span = urllib.parse.urlencode({"from": self.table.opening.isoformat(), "to": self.table.end.isoformat()})
        found = {}
        for park in self._simulated:
            with urllib.request.urlopen(f"{park.control_url}/truth?{span}", timeout=30) as answer:  # noqa: S310
                found.update(truth_of(park.park, GATEWAY, json.load(answer)))
        return found

    def prove(self) -> Outcome:
        """Bundles beside the public key, the verifier's word on them, and the statements beside the truth."""
        self.tell("bundles, verifier, comparison with the simulators", 0.97)
        folder, secret = self.data_dir / "bundles", self.data_dir / "keys"
        for each in (folder, secret):
            each.mkdir(exist_ok=True)
        # What is handed on must not lie beside what is secret.
        key = load_or_create(secret)
        public = write_public(folder, key)
        paths = []
        with psycopg.connect(self.system.dsn, autocommit=True) as connection:
            for event in self.pilot.events:
                for operator in operators_of(self.pilot, event):
                    path = folder / f"{event}-{operator}.bundle"
                    path.write_bytes(write_bundle(contents(connection, event, operator, datetime.now(UTC)), key))
                    paths.append(path)
        # As a stranger would: a process of its own that imports nothing of ours.
        command = [sys.executable, "-I", verifier.__file__, *map(str, paths), "--key", str(public)]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        books = self.pilot.events.values()
        statements = [found for book in books for each in book.statements if (found := book.latest(each))]
        different = differences(statements, self.pilot.resources, self._truth)
        return Outcome(self.table.day, statements, verdicts(statements), different, paths, said.returncode, said.stdout)

    async def _until_settled(self) -> None:
        began_ms, end_ms = self.table.span.end_ms, to_ms(self.table.end)
        deadline = time.monotonic() + (end_ms - began_ms) / 1000 / SPEED + _PATIENCE_S
        silent_at = self.table.at(self.table.calls[-1].from_h, 10)
        silenced = False
        with psycopg.connect(self.system.dsn, autocommit=True) as connection:
            while time.monotonic() < deadline:
                await asyncio.to_thread(follow, connection, self.pilot)
                now_ms = self._clock.now_ms() if self._clock else began_ms
                states = {name: book.reached for name, book in self.pilot.events.items()}
                share = min(1.0, (now_ms - began_ms) / (end_ms - began_ms))
                told = ", ".join(f"{name} {state}" for name, state in states.items())
                self.tell(f"{_clock_time(now_ms)} on {self.table.day}: {told}", 0.25 + 0.7 * share)
                if not silenced and now_ms >= to_ms(silent_at):
                    silenced = True
                    await asyncio.to_thread(self._silence)
                if all(state in _OVER for state in states.values()):
                    return
                failed = self.system.supervisor.failed
                if failed and failed.done():
                    raise PilotDemoError(failed.result())
                await asyncio.sleep(_LOOK_S)
        raise PilotDemoError(f"the calls came to {states}: the logs are in {self.data_dir / 'logs'}")

    def _silence(self) -> None:
        """What the field does: one meter says nothing for a while."""
        resource = SILENT[self.short]
        park, device = _device_of(self.pilot_parks, resource)
        url = next(each.control_url for each in self._simulated if each.park == park)
        body = {"device": device, "kind": "silent", "duration_s": _SILENT.total_seconds()}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/faults", json.dumps(body).encode(), headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    def _part(self, low: float, high: float) -> Progress:
        return lambda what, share: self.tell(what, low + share * (high - low))


def _device_of(pilot_parks: Sequence[PilotPark], resource: str) -> tuple[str, str]:
    return next(
        (park.park, devices[0]) for park in pilot_parks for name, devices, _ in park.steered() if name == resource
    )


def _clock_time(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, SHANGHAI).strftime("%H:%M")


def run(data_dir: Path, *, short: bool) -> int:
    """The whole demonstration; the last line is one JSON object, the exit status 0 only if the verifier agrees."""
    console = Console(stderr=True)
    quiet_logs()
    if data_dir.exists() and any(data_dir.iterdir()):
        raise PlaceError(f"{data_dir} is not empty: a demonstration begins in a new folder, name another --data-dir")
    since = time.monotonic()
    with occupied(data_dir), progress(console) as tell:
        found = asyncio.run(_run(data_dir.absolute(), tell, short=short))
    if found is None:
        return 0
    console.print(found.said, highlight=False)
    sys.stdout.write(json.dumps(found.told() | {"seconds": round(time.monotonic() - since)}, ensure_ascii=False) + "\n")
    return 0 if found.good else 1


async def _run(data_dir: Path, tell: Progress, *, short: bool) -> Outcome | None:
    """The outcome; None if the user left."""
    stop = stop_event()
    system = LocalSystem(data_dir, lambda *_: None)
    demonstration = PilotRun(data_dir, short, tell, system)
    try:
        await run_until_stopped(stop, demonstration.start())
        await run_until_stopped(stop, demonstration.follow())
        return None if stop.is_set() else await asyncio.to_thread(demonstration.prove)
    finally:
        await system.supervisor.close()


async def _at_once() -> bool:
    """A site program has nothing to wait for."""
    return True
