"""`parkgrid up`: the whole system with a district of simulated parks, on this machine, in one command."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from parkgrid.data_folder import PlaceError, default_data_dir, occupied, page_port, passing_folder
from parkgrid.local_system import LocalSystem
from parkgrid.long_running import announcer, quiet_logs, run_until_stopped, stop_event
from parkgrid.pilot_sites import start_sites
from parkgrid.progress import progress, waiting
from parkgrid.running_instance import far, note, token
from parkgrid.simulated_park import PORTS, SimulatedPark, newest_ms, seeded
from parkgrid.simulated_park import waiting as batches_waiting
from parkgrid.startup_notifications import StartupNotifications
from parkgrid_api.settings import is_loopback
from parkgrid_contract.ranges import MAX_PERIOD_S
from parkgrid_contract.time import AcceleratedClock, SystemClock
from parkgrid_demo import district
from parkgrid_demo.pilot import past
from parkgrid_demo.pilot.registry import PilotPark
from parkgrid_edge.agent import Agent
from parkgrid_edge.settings import EdgeSettings, load_settings
from parkgrid_metering.catching_up import Progress, catch_up, quiet
from parkgrid_proof.verdict import Before, Verdict, judge
from parkgrid_servers import process
from parkgrid_servers.supervisor import PartError
from parkgrid_simulators.scenario import DEFAULT, SCENARIOS

DISTRICT = (DEFAULT, SCENARIOS / "biling_ic_park.toml", SCENARIOS / "julongshan_pedf_office.toml", past.SCENARIO)
"""A park with photovoltaics, storage and super-chargers, one of integrated circuits in three shifts, a PEDF office, and
one whose storage, V2G guns and interruptible loads answer the calls of the pilot."""
_DAY_MS = 86_400_000
_START_AND_END_S = 20.0
"""Start and end of a timed run, in seconds for each park that its clock must cover beside the run itself."""
_LONGEST_DRAIN_S = 60.0
_TICK_S = 0.2
_SITES_LOOK_S = 5.0
"""How often the sites of the pilot look for an award: they answer six minutes before an event."""


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
    scenarios: tuple[Path, ...] = ()
    """Scenario files; without any the demonstration district, or one park for a run that is timed or accelerated."""
    history: bool | None = None
    """Whether a year is made before the first start; None: unless the run is timed or accelerated."""
    host: str = "127.0.0.1"
    """Where the page listens; off loopback it asks for a token."""
    ingest_workers: int = 1
    """Ingest processes that share the telemetry, where the broker can."""

    @property
    def brief(self) -> bool:
        """Whether this is a run for a proof or for a quick look, which should not have to wait."""
        return self.for_s is not None or self.speed > 1

    @property
    def parks(self) -> tuple[Path, ...]:
        """The scenario files of the run."""
        return self.scenarios or (DISTRICT[:1] if self.brief else DISTRICT)

    @property
    def with_history(self) -> bool:
        """Whether a year is made before the first start."""
        return not self.brief if self.history is None else self.history


def run(plan: Plan) -> int:
    """Bring everything up, wait, take everything down; the exit status."""
    console = Console(stderr=True)
    quiet_logs()
    with _folder(plan) as data_dir, occupied(data_dir):
        return asyncio.run(_run(plan, data_dir, console))


def scenario_file(name: str) -> Path:
    """A scenario that ships, by its name, or a file. Raises `PlaceError` for neither."""
    shipped = SCENARIOS / f"{name}.toml"
    if shipped.is_file():
        return shipped
    if not Path(name).is_file():
        names = ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.toml")))
        raise PlaceError(f"{name!r} is no scenario and no file: name one of {names}, or a TOML file")
    return Path(name).absolute()


async def _run(plan: Plan, data_dir: Path, console: Console) -> int:
    stop = stop_event()
    system = LocalSystem(data_dir, announcer(console))
    run = UpRun(plan, system, data_dir)
    try:
        with _shown(plan, console) as tell:
            await run_until_stopped(stop, run.start(tell))
        if stop.is_set():
            return 0
        print(f"parkgrid is up: {run.url}", flush=True)  # noqa: T201  (what the user came for)
        arrival = asyncio.create_task(run.arrive_in_the_present())
        arrival.add_done_callback(lambda task: stop.set() if not task.cancelled() and task.exception() else None)
        await _wait(plan.for_s, stop, system, console)
        if not arrival.cancel():
            arrival.result()
        if plan.for_s is None:
            return 0
        with waiting(console, "waiting until everything is stored"):
            verdict = await run.close_books()
        print(verdict.line(), flush=True)  # noqa: T201  (read by programs)
        for each in verdict.found.examples:
            console.print(each)
        return 0 if verdict.exact else 1
    finally:
        run.leave()
        with waiting(console, "stopping"):
            await system.supervisor.close()


@contextlib.contextmanager
def _shown(plan: Plan, console: Console) -> Iterator[Progress]:
    """What a user sees while it starts: a bar where a year is made, else that it is under way."""
    if plan.with_history:
        with progress(console) as tell:
            tell("starting", 0.0)
            yield tell
    else:
        with waiting(console, "starting: database, broker, ingest, metering, vpp, api, simulated parks, edge"):
            yield quiet


class _LeftError(Exception):
    """The user left while a history was being made; the next run goes on with it."""


class UpRun:
    """One run: its clock, its ledgers, its parts."""

    def __init__(self, plan: Plan, system: LocalSystem, data_dir: Path) -> None:
        self._plan = plan
        self._system = system
        self._data_dir = data_dir
        self._before: Before | None = None
        self._clock: AcceleratedClock | None = None
        self._left = False
        self._handovers: Sequence[district.Handover] = ()
        self._readings_made = asyncio.Event()
        self._port = page_port(plan.port)
        files = [seeded(path, plan.seed, data_dir) for path in plan.parks]
        run = f"{time.time_ns()}"
        self._parks = [
            SimulatedPark(
                path,
                data_dir,
                first=place == 0,
                ledger=data_dir / "ledgers" / f"{run}-{path.stem}.jsonl" if plan.for_s else None,
                control=path.stem == past.SCENARIO.stem,
            )
            for place, path in enumerate(files)
        ]
        self.url = f"http://{far(plan.host)}:{self._port}/"

    async def start(self, tell: Progress) -> None:
        """Each part after those that it needs; what does not wait for each other starts together."""
        system = self._system
        await system.start_database(self._plan.dsn)
        await system.start_broker(self._plan.mqtt_url, [park.gateway for park in self._parks])
        note(self._data_dir, system.running)
        with StartupNotifications(system.dsn, [park.park for park in self._parks]) as notifications:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._start_page())
                tasks.create_task(self._prepare(notifications.with_progress(tell)))
                tasks.create_task(self._start_live())
            notifications.history_complete()
            tell("gateways, the last minutes, metering", 1.0)
            await self._start_edges()
            await self._join()
            # Meanwhile every device is read for the first time: none of them is silent before that.
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(system.start_metering())
                tasks.create_task(system.start_vpp("system" if self._clock is None else "data"))
            await self._start_sites()

    async def _start_sites(self) -> None:
        """What stands at the sites of the pilot's park: it answers whoever calls an event while this runs."""
        pairs = [(PilotPark(each.scenario, each.path), each) for each in self._parks if each.park == past.PARK]
        if pairs:
            seed, secret = past.SEED, self._token
            await start_sites(self._system, pairs, port=self._port, seed=seed, every_s=_SITES_LOOK_S, token=secret)

    async def _start_page(self) -> None:
        """Tell its address as soon as it answers: what is made meanwhile appears on it."""
        host, since, secret = self._plan.host, time.monotonic(), self._token
        await self._system.start_api(self._port, host, secret)
        told = f"{self.url} answers" + (f"; it asks for the token {secret}" if secret else "")
        self._system.announce("page", told, time.monotonic() - since)

    @property
    def _token(self) -> str | None:
        """What the page asks for; None: nothing, since only this machine reaches it."""
        return None if is_loopback(self._plan.host) else token(self._data_dir)

    def leave(self) -> None:
        """Let a history end where it is."""
        self._left = True

    async def arrive_in_the_present(self) -> None:
        """Once accelerated time has caught up, go on in real time: devices are read as often as they are made for."""
        clock = self._clock
        if clock is None or self._plan.for_s is not None:
            return
        behind_s = (clock.wall_start_ms - clock.start_ms) / 1000
        await asyncio.sleep(behind_s / (clock.speed - 1) - (SystemClock().now_ms() - clock.wall_start_ms) / 1000)
        await self._stop_edges()
        self._clock = None
        await self._start_edges()

    async def close_books(self) -> Verdict:
        """Stop reading devices, let the outboxes run empty, and compare."""
        await self._stop_edges()
        for park in self._parks:
            await drain(load_settings(park.edge_file, {}), _LONGEST_DRAIN_S)
        ledgers = [park.ledger for park in self._parks if park.ledger]
        database, broker = self._system.database, self._system.broker
        if not ledgers or self._before is None or database is None or broker is None:
            raise RuntimeError("only a run with --for keeps a ledger")
        await asyncio.to_thread(catch_up, self._system.dsn)
        return await asyncio.to_thread(judge, ledgers, database, self._before, broker.kind)

    async def _prepare(self, tell: Progress) -> None:
        """The year before, as far as it is missing."""
        if not self._plan.with_history:
            self._readings_made.set()
            return
        loop = asyncio.get_running_loop()
        since, phase = time.monotonic(), time.monotonic()
        phases: list[str] = []

        def told(what: str, share: float) -> None:
            if self._left:
                raise _LeftError
            tell(what, share)

        def done(name: str) -> None:
            nonlocal phase
            phases.append(f"{name} {time.monotonic() - phase:.1f} s")
            phase = time.monotonic()
            loop.call_soon_threadsafe(self._readings_made.set)

        clock = accelerated(self._plan, None)
        until_ms = clock.start_ms if clock else SystemClock().now_ms()
        parks = {park.state: park.scenario for park in self._parks}
        read_every_s = {} if clock else {park.park: park.read_every_s for park in self._parks}
        handovers = await asyncio.to_thread(
            district.fill, self._system.dsn, self._data_dir, parks, until_ms, told, done, read_every_s
        )
        self._readings_made.set()
        if handovers is not None:
            self._handovers = [] if self._plan.brief else handovers
            self._system.announce("history", ", ".join(phases), time.monotonic() - since)

    async def _join(self) -> None:
        """The minutes in which everything else was made and started, up to the first live reading."""
        if self._handovers:
            await asyncio.to_thread(district.join, self._system.dsn, self._handovers, SystemClock().now_ms())

    async def _start_live(self) -> None:
        """As soon as readings and registers of the past are there; bills are made meanwhile."""
        system = self._system
        await self._readings_made.wait()
        self._before = Before.of(system.dsn)
        self._clock = accelerated(self._plan, newest_ms(system.dsn))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(system.start_ingest(self._plan.ingest_workers))
            ports = process.free_ports(PORTS * len(self._parks))
            for place, park in enumerate(self._parks):
                tasks.create_task(park.start_simulator(system, self._clock, ports + PORTS * place))

    async def _start_edges(self) -> None:
        since = self._before.at if self._before else None
        async with asyncio.TaskGroup() as tasks:
            for park in self._parks:
                tasks.create_task(park.start_edge(self._system, self._clock, since))

    async def _stop_edges(self) -> None:
        for park in self._parks:
            await park.stop_edge(self._system)


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
        clock = AcceleratedClock.covering(plan.for_s + _START_AND_END_S * len(plan.parks), plan.speed, now_ms)
    start_ms = clock.start_ms if newest is None else min(max(clock.start_ms, newest + 1), now_ms)
    return AcceleratedClock(now_ms, start_ms, plan.speed)


async def drain(settings: EdgeSettings, patience_s: float) -> None:
    """Send what a stopped agent has left in its outbox; reads no device and accepts nothing new."""
    if not batches_waiting(settings.outbox.path):
        return
    quiet = dataclasses.replace(settings, health_s=MAX_PERIOD_S)
    agent = Agent(quiet, poll=False)
    stop = asyncio.Event()
    running = asyncio.create_task(agent.run(stop))
    await agent.drained(patience_s)
    stop.set()
    await running


def _folder(plan: Plan) -> AbstractContextManager[Path]:
    """The folder of a run: a given one, a passing one for a timed run, else the user's own, which stays."""
    if plan.data_dir or plan.for_s is None:
        return contextlib.nullcontext((plan.data_dir or default_data_dir()).absolute())
    return passing_folder()


async def _wait(for_s: float | None, stop: asyncio.Event, system: LocalSystem, console: Console) -> None:
    """Until the time is over, a stop is asked for, or a part has failed for good. Raises `PartError`."""
    end = None if for_s is None else time.monotonic() + for_s
    bar = RichProgress(TextColumn("running"), BarColumn(), TimeRemainingColumn(), console=console, transient=True)
    with bar if for_s else contextlib.nullcontext():
        task = bar.add_task("running", total=for_s)
        while not stop.is_set() and (end is None or time.monotonic() < end):
            failed = system.supervisor.failed
            if failed and failed.done():
                raise PartError(failed.result())
            await asyncio.sleep(_TICK_S)
            bar.advance(task, _TICK_S)
