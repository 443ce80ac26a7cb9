"""History for demonstration parks: generated readings, marked as simulated, through the store that measured ones take.

    scenario ─▶ process a park: physics, scaled integers ─▶ Store.commit ─▶ roll-ups meanwhile and to the end

    start ──period_s──▶ fine_from ──fine_period_s──▶ dense_from ──as the live park is read──▶ end ──go_on──▶ live

Each park's history is an epoch of its gateway, named by the span's first second, and its batches are its quarters of
an hour. So what is interrupted goes on where it was, and what is done twice adds nothing.
"""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from multiprocessing import get_context, parent_process
from pathlib import Path

import psycopg

from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.leash import leash
from parkgrid_contract.time import SystemClock, from_ms
from parkgrid_demo.prefill_rows import BATCH_MS, Part, Task, make
from parkgrid_edge.delivery.uplink import agent_version
from parkgrid_ingest.rows import BatchHeader, Commit
from parkgrid_ingest.store import Known, Park, Store
from parkgrid_metering.catching_up import Progress, quiet, rolling_up
from parkgrid_simulators import history
from parkgrid_simulators.plant import SimulatedDevice
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.state import ParkState

GATEWAY = "gw-1"
_DAY_MS = 86_400_000
_PART_DAYS = 31
"""Days of a part whose readings are 900 s apart, at most: what one process makes and one transaction stores."""
_MODEL = "parkgrid-sim"
_BEHIND = 10
"""How much nicer than others (`nice`) the making of readings is."""


class PrefillError(Exception):
    """This history cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class HistorySpan:
    """Which readings are made of every park."""

    start_ms: int
    end_ms: int
    """Both whole quarters of an hour; the end is left out."""
    period_s: int = 900
    """Seconds between two readings."""
    fine_from_ms: int | None = None
    """The midnight from which readings are `fine_period_s` apart."""
    fine_period_s: int = 60
    dense_from_ms: int | None = None
    """The quarter of an hour from which a park is read as often as when it is live, so that one cannot tell them apart.

    What is metered again when the live readings come is measured by what the devices promise then.
    """

    def period_at(self, at_ms: int, dense_s: int) -> int:
        """Seconds between readings at an instant, for a park whose devices are read every `dense_s` when it is live."""
        if self.dense_from_ms is not None and at_ms >= self.dense_from_ms:
            return dense_s
        return self.fine_period_s if self.fine_from_ms is not None and at_ms >= self.fine_from_ms else self.period_s

    def change_after(self, at_ms: int) -> int:
        """The next instant at which the distance of readings changes, or the end."""
        later = (each for each in (self.fine_from_ms, self.dense_from_ms) if each is not None and each > at_ms)
        return min((*later, self.end_ms))

    @property
    def epoch(self) -> int:
        """Under which its batches are stored: below that of any gateway that ever starts."""
        return self.start_ms // 1000

    @property
    def batches(self) -> int:
        """How many a park's history has."""
        return (self.end_ms - self.start_ms) // BATCH_MS


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of the history of one park."""

    park: str
    stored: int = 0
    """Readings that are new."""
    repeated: int = 0
    """Readings that were there already."""
    state: ParkState | None = field(default=None, compare=False)
    """Where the park stands at the end; None where everything was there already."""


@dataclass(slots=True)
class _Job:
    """One park on its way."""

    scenario: Scenario
    gateway: Gateway
    known: Known
    through: int
    """The last batch that is stored already."""
    next_ms: int
    dense_s: int
    filled: Filled = field(init=False)

    def __post_init__(self) -> None:
        self.filled = Filled(self.scenario.park)


def prefill(
    store: Store,
    dsn: str,
    parks: Sequence[Scenario],
    span: HistorySpan,
    *,
    states: Mapping[str, Path] | None = None,
    dense_s: Mapping[str, int] | None = None,
    tell: Progress = quiet,
    gateway: str = GATEWAY,
    roll_up: bool = True,
) -> tuple[Filled, ...]:
    """Make and store the history of these parks, and bring the roll-ups up to date.

    `dense_s` says, by park, how many seconds lie between readings from `HistorySpan.dense_from_ms` on (one
    where it does not).

    `roll_up=False` leaves the roll-ups to an ingest that is running: it works them off in the background.

    `states` names, by park, the file that its live simulation starts from (`simulators --state`). It is written
    before the park's last batches are, so that a complete history always has its state. Raises `PrefillError`,
    `StoreError`.
    """
    _check(parks, span)
    jobs = [
        _begin(store, dsn, scenario, span, Gateway(scenario.park, gateway), (dense_s or {}).get(scenario.park, 1))
        for scenario in parks
    ]
    open_jobs = [job for job in jobs if job.through < span.batches]
    done, parts = 0, sum(_part_count(job, span) for job in open_jobs)
    keeping = rolling_up(dsn, store.kind, tell) if roll_up else contextlib.nullcontext()
    with keeping, _workers(len(open_jobs), parts) as workers:
        for job, part in _parts(workers, open_jobs, span):
            if part.end_ms >= span.end_ms and states and job.scenario.park in states:
                part.state.save(states[job.scenario.park])
            _store(store, job, part, span)
            done += 1
            tell(f"readings of {job.scenario.park} to {from_ms(part.end_ms):%Y-%m-%d}", done / parts)
    return tuple(job.filled for job in jobs)


def go_on(
    store: Store,
    scenario: Scenario,
    span: HistorySpan,
    state: ParkState,
    until_ms: int,
    period_s: int,
    *,
    gateway: str = GATEWAY,
) -> Filled:
    """Readings from the end of a history up to an instant, by the live park's own steps: what a reader would have seen.

    They are the next batches of the same epoch, the last of them a part of a quarter of an hour. Roll-ups are left to
    ingest. Raises `StoreError`.
    """
    own = Gateway(scenario.park, gateway)
    known = store.registry()[own]
    job = _Job(scenario, own, known, span.batches, span.end_ms, period_s)
    ids = {device.device: known[device.device][0] for device in history.devices(scenario)}
    _store(store, job, make(Task(scenario, ids, span.end_ms, until_ms, period_s, state, as_live=True)), span)
    return job.filled


def birth(scenario: Scenario, span: HistorySpan) -> Birth:
    """How the gateway of a generated history announces itself; the coarser period is what it promises."""
    devices = tuple(_device(device, span.period_s) for device in history.devices(scenario))
    return Birth(agent_version(), span.epoch, span.start_ms, devices, simulated=True)


def _device(device: SimulatedDevice, period_s: int) -> Device:
    names = history.signals(device)
    return Device(
        device.device, device.device_class, names, device.name, _MODEL, "", period_s, device.ratings, device.point
    )


def _check(parks: Sequence[Scenario], span: HistorySpan) -> None:
    if span.start_ms % BATCH_MS or span.end_ms % BATCH_MS or span.start_ms >= span.end_ms:
        raise PrefillError(
            f"{from_ms(span.start_ms)} to {from_ms(span.end_ms)}: "
            "the end of a history must be after its start, both at full quarter hours"
        )
    if span.dense_from_ms is not None and span.dense_from_ms % BATCH_MS:
        raise PrefillError(f"{from_ms(span.dense_from_ms)}: dense readings begin with a quarter of an hour")
    for period_s in (span.period_s, span.fine_period_s):
        if period_s < 1 or BATCH_MS % (period_s * 1000):
            raise PrefillError(f"{period_s} s does not divide a quarter of an hour: take 60, 300 or 900 s")
    if span.end_ms > SystemClock().now_ms():
        raise PrefillError(f"{from_ms(span.end_ms)} is in the future: a history must end before now")
    for scenario in parks:
        fine_ms = span.fine_from_ms
        if fine_ms is not None and history.midnight_after(scenario, fine_ms - 1) != fine_ms:
            raise PrefillError(
                f"{from_ms(fine_ms)} is not a midnight in {scenario.site.zone}: fine readings begin at one"
            )
    names = [scenario.park for scenario in parks]
    if len(set(names)) < len(names):
        raise PrefillError(f"two scenarios are of one park: {', '.join(names)}")


def _begin(store: Store, dsn: str, scenario: Scenario, span: HistorySpan, gateway: Gateway, dense_s: int) -> _Job:
    """Name the park, note its birth and find out how much of its history is there."""
    site = scenario.site
    names = (scenario.park, scenario.district, scenario.name_zh, scenario.name_en)
    store.describe_park(Park(*names, site.zone, site.latitude, site.longitude))
    known = store.register(gateway, birth(scenario, span))
    wanted = {device.device: device.device_class for device in history.devices(scenario)}
    lacking = [name for name, kind in wanted.items() if known.get(name, (0, ""))[1] != kind]
    if lacking:
        raise PrefillError(
            f"{gateway.park}/{gateway.gateway} was born with other devices, without {', '.join(lacking)}: "
            "make the history before the live park, or use the live park's scenario"
        )
    ack = store.ack_of(gateway, span.epoch)
    if ack is None:
        _refuse_to_mix(dsn, gateway, span)
    return _Job(scenario, gateway, known, ack.through if ack else 0, span.start_ms, dense_s)


def _refuse_to_mix(dsn: str, gateway: Gateway, span: HistorySpan) -> None:
    """Registers of two sources in one span would run back and forth."""
    arguments = (gateway.park, gateway.gateway, from_ms(span.start_ms), from_ms(span.end_ms))
    with psycopg.connect(dsn) as connection:
        row = connection.execute(_OTHERS, arguments).fetchone()
    if row and row[0] is not None:
        raise PrefillError(
            f"{gateway.park}/{gateway.gateway} has readings of its own from {row[0]} to {row[1]}: "
            "let the history end before them"
        )


def _part_end(job: _Job, span: HistorySpan, start_ms: int) -> int:
    """Parts end at midnight, at the latest with the month, or where the distance of readings changes.

    A whole month at once is one partition in the store.
    """
    further_ms = (max(_PART_DAYS * span.period_at(start_ms, job.dense_s) // 900, 1) - 1) * _DAY_MS
    return min(
        history.midnight_after(job.scenario, start_ms) + further_ms,
        history.month_after(job.scenario, start_ms),
        span.change_after(start_ms),
    )


def _part_count(job: _Job, span: HistorySpan) -> int:
    count, start_ms = 0, span.start_ms
    while start_ms < span.end_ms:
        count, start_ms = count + 1, _part_end(job, span, start_ms)
    return count


@contextlib.contextmanager
def _workers(parks: int, parts: int) -> Iterator[Executor | None]:
    """A process for each park as far as there are processors; none for what is made at once here."""
    if parts <= 1:
        yield None
        return
    with ProcessPoolExecutor(
        min(parks, os.cpu_count() or 1), mp_context=get_context("spawn"), initializer=_begin_to_work
    ) as workers:
        try:
            yield workers
        except BaseException:
            workers.shutdown(wait=True, cancel_futures=True)
            raise


def _begin_to_work() -> None:
    """Behind those who store what is made, so that no more than the last part is left to be stored at the end.

    End with the process that started us, and only by its word: Ctrl-C in a terminal reaches every process.
    """
    os.nice(_BEHIND)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (starter := parent_process()) is not None:
        leash(signal.SIGTERM, starter.pid)()


def _parts(workers: Executor | None, jobs: Sequence[_Job], span: HistorySpan) -> Iterator[tuple[_Job, Part]]:
    """The parts of every park in their order; those of different parks as they come."""
    running: dict[Future[Part], _Job] = {_started(workers, job, span, None): job for job in jobs}
    while running:
        ready, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ready:
            job, part = running.pop(future), future.result()
            job.next_ms = part.end_ms
            if part.end_ms < span.end_ms:
                running[_started(workers, job, span, part.state)] = job
            yield job, part


def _started(workers: Executor | None, job: _Job, span: HistorySpan, state: ParkState | None) -> Future[Part]:
    end_ms = _part_end(job, span, job.next_ms)
    ids = {device: number for device, (number, _) in job.known.items()}
    task = Task(job.scenario, ids, job.next_ms, end_ms, span.period_at(job.next_ms, job.dense_s), state)
    if workers is not None:
        return workers.submit(make, task)
    future: Future[Part] = Future()
    future.set_result(make(task))
    return future


def _store(store: Store, job: _Job, part: Part, span: HistorySpan) -> None:
    first = (part.start_ms - span.start_ms) // BATCH_MS + 1
    last = -(-(part.end_ms - span.start_ms) // BATCH_MS)
    job.filled = replace(job.filled, state=part.state)
    if last <= job.through:
        return
    received_ms = {seq: min(span.start_ms + seq * BATCH_MS, part.end_ms) for seq in range(first, last + 1)}
    headers = [
        BatchHeader(job.gateway, span.epoch, seq, 1, backlog=True, received_ms=at_ms)
        for seq, at_ms in received_ms.items()
    ]
    found = store.commit(Commit(headers, part.rows))
    stored, repeated = job.filled.stored + found.stored, job.filled.repeated + found.repeated
    job.filled = replace(job.filled, stored=stored, repeated=repeated)


_OTHERS = """
SELECT min(m.at), max(m.at)
FROM public.grid_meter m JOIN public.devices d USING (park_id, device_id)
WHERE d.park = %s AND d.gateway = %s AND m.at >= %s AND m.at < %s
"""
