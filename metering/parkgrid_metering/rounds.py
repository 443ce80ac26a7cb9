"""Rounds of metering: what commits touched becomes energy of intervals, and nothing else changes.

notes of touched slots ─▶ spans of registers ─▶ windows ─▶ readings ─▶ domain.energy ─▶ rows that differ
declarations          ─▶                          ▲  │                                   beliefs, findings
                                                  └──┘ overturned, or not yet as it was

A round is one transaction: notes go with the rows that come of them, so a killed round is simply repeated.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from parkgrid_contract.crash import crash_point
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_ingest.store import Throttle, without_pause
from parkgrid_metering import notes, passes, registers, retry_queue
from parkgrid_metering.neighbours import Inverters
from parkgrid_metering.registers import LAST_MS, Register
from parkgrid_metering.retry_queue import Failure
from parkgrid_metering.revisions import Author
from parkgrid_metering.statements import statement
from parkgrid_metering.steps import News, Plan, Reach, Round
from parkgrid_metering.work import MOST_OF_ROUND, RegisterSpan, Touched, of_round, spans


@dataclass(frozen=True, slots=True)
class Report:
    """What a round did, or several."""

    inserted: int = 0
    """Intervals that got their first row."""
    changed: int = 0
    """Intervals whose former row was kept beside a new one."""
    readings: int = 0
    """Readings that were looked at."""
    pending: bool = False
    """Whether there is more to do at once."""
    failures: tuple[Failure, ...] = ()
    """Registers that were set aside."""

    def __add__(self, other: "Report") -> "Report":
        """Both together; pending is what the later one says."""
        return Report(
            self.inserted + other.inserted,
            self.changed + other.changed,
            self.readings + other.readings,
            other.pending,
            self.failures + other.failures,
        )


def run_rounds(connection: Connection, now_ms: int, throttle: Throttle = without_pause) -> Report:
    """Work off everything that maintenance and declarations have noted. Raises `StoreError`."""
    total = Report()
    while True:
        with translated():
            report = run_round(connection, now_ms, throttle)
        total += report
        if not report.pending:
            return total


def run_round(connection: Connection, now_ms: int, throttle: Throttle = without_pause) -> Report:
    """One round: a bounded part of what was noted, in one transaction."""
    if not notes.anything_dirty(connection, now_ms):
        return Report()
    with _without_collector(), connection.transaction():
        connection.execute("SET LOCAL timezone TO 'UTC'")
        connection.execute("SET LOCAL jit TO off")
        # A crash takes a whole end of the log: notes go with the rows that came of them, so nothing is lost by it.
        connection.execute("SET LOCAL synchronous_commit TO off")
        # A group of readings is packed in memory, not through files.
        connection.execute("SET LOCAL work_mem TO '128MB'")
        connection.execute(statement("notes/one_round"))
        report = _round(connection, now_ms, throttle)
        crash_point("metering.before_commit")
    return report


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the collector of reference cycles: a round makes none, and its many small values are looked at in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _round(connection: Connection, now_ms: int, throttle: Throttle) -> Report:
    """Read notes, compute what they touch, forget them."""
    kept_ms = _kept_ms(connection)
    news = notes.read(connection, now_ms)
    reach = notes.note_reach(connection, news)
    plan = _planned(connection, news, reach)
    inverters = Inverters(connection, news.known, kept_ms)
    this = Round(connection, now_ms, throttle, news, reach, kept_ms, _devices_of(news.known), inverters)
    result = passes.meter(this, plan.taken)
    failures = retry_queue.of_each(result.failures)
    retry_queue.keep(connection, failures, news.again, now_ms)
    registers.note_metered(connection, result.metered_ms())
    notes.forget(connection, news)
    notes.note_unfinished(connection, news, reach, result)
    notes.note_waiting(connection, news, reach, plan.waiting)
    notes.notify(connection, result.parks())
    pending = notes.anything_dirty(connection, now_ms)
    return Report(result.inserted(), result.changed(), result.readings, pending, failures)


def _kept_ms(connection: Connection) -> dict[tuple[str, str], int]:
    kept = connection.execute(statement("readings/kept_from"), {"classes": list(registers.METERED)})
    return {(name, park): to_ms(at) for name, park, at in kept}


def _devices_of(known: Iterable[Register]) -> dict[str, int]:
    return Counter(device_class for device_class, _ in {(each.device_class, each.device_id) for each in known})


def _planned(connection: Connection, news: News, reach: Reach) -> Plan:
    """What is declared at once, and of what came as much as a round takes up."""
    nothing = Touched({}, {})
    work = [
        span
        for register in news.known
        if register.park in reach.news_ms
        for span in spans([register], news.touched.get(register.device_class, nothing), reach.news_ms)
    ]
    taken, waiting = of_round(work, news.begin_ms(), MOST_OF_ROUND)
    return Plan([*_declared(connection, news), *taken], waiting)


def _declared(connection: Connection, news: News) -> list[RegisterSpan]:
    """The spans of declarations, and of registers that are tried again."""
    rows = connection.execute(statement("notes/take_declared")).fetchall()
    rows += [(each.register_id, from_ms(each.from_ms), each.author.cause, each.author.by) for each in news.again]
    by_number = {register.register_id: register for register in news.known} if rows else {}
    found = []
    for number, from_at, cause, by in rows:
        register = by_number.get(number)
        if register is None:
            continue  # left out: it was told when registers were loaded
        counted_ms = register.counted_ms or 0
        if register.metered_ms is not None and register.metered_ms >= counted_ms:
            low_ms = max(to_ms(from_at), counted_ms)
            found.append(RegisterSpan(register, low_ms, LAST_MS, Author(cause, by), forward=False))
    return found
