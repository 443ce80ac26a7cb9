"""Rounds of metering: what commits touched becomes energy of intervals, and nothing else changes.

notes of touched slots ─▶ spans of registers ─▶ windows ─▶ readings ─▶ domain.energy ─▶ rows that differ
declarations          ─▶                          ▲  │                                   beliefs, findings
                                                  └──┘ overturned, or not yet as it was

A round is about one park, and one transaction: notes go with the rows that come of them, so a killed round is simply
repeated. Processes that meter the same database share its parks: a lock a park, which a round holds until it commits.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from parkgrid_contract.crash import crash_point
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_ingest.store import Throttle, without_pause
from parkgrid_metering import completeness, notes, passes, registers, retry_queue
from parkgrid_metering.days import Days
from parkgrid_metering.neighbours import Inverters
from parkgrid_metering.notes import dirty_parks
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import LAST_MS, Register
from parkgrid_metering.retry_queue import Failure
from parkgrid_metering.revisions import Author
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
    """Whether a round left something for the next one, which is due at once."""
    failures: tuple[Failure, ...] = ()
    """Registers that were set aside."""
    elsewhere: int = 0
    """Parks that another process meters at this moment."""

    def __add__(self, other: "Report") -> "Report":
        """Both together."""
        return Report(
            self.inserted + other.inserted,
            self.changed + other.changed,
            self.readings + other.readings,
            self.pending or other.pending,
            self.failures + other.failures,
            self.elsewhere + other.elsewhere,
        )


def run_rounds(connection: Connection, now_ms: int, throttle: Throttle = without_pause) -> Report:
    """Work off everything that maintenance and declarations have noted of any park. Raises `StoreError`."""
    total, wait = Report(), False
    with translated():
        while parks := dirty_parks(connection, now_ms):
            reports = [run_round(connection, each, now_ms, throttle, wait=wait) for each in parks]
            total = sum(reports, total)
            # What only others meter is waited for: whoever asked for this relies on nothing being left.
            wait = all(each.elsewhere for each in reports)
    return replace(total, pending=False, elsewhere=0)


def run_pass(connection: Connection, now_ms: int, throttle: Throttle = without_pause) -> Report:
    """One round for each park with something to do, so that none waits for more than one round of another."""
    return sum((run_round(connection, each, now_ms, throttle) for each in dirty_parks(connection, now_ms)), Report())


def run_round(
    connection: Connection, park_id: int, now_ms: int, throttle: Throttle = without_pause, *, wait: bool = False
) -> Report:
    """One round of a park: a bounded part of what was noted there, in one transaction.

    A park that another process meters is left to it: its process goes on while there is more to do. `wait` waits for
    the end of that round instead.
    """
    park = Park(connection, park_id)
    with _without_collector(), connection.transaction():
        if not _begun(park, wait=wait):
            return Report(elsewhere=1)
        report = _round(park, now_ms, throttle)
        crash_point("metering.before_commit")
    return report


def _begun(park: Park, *, wait: bool) -> bool:
    """Take the park for this transaction; False: another process has it."""
    begun = (park.execute("notes/begin_round").fetchone() or (False,))[0] is True
    if not begun and wait:
        park.execute("notes/await_round")
    return begun or wait


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


def _round(park: Park, now_ms: int, throttle: Throttle) -> Report:
    """Take notes, and compute what they touch."""
    news = notes.take(park, now_ms)
    reach = notes.note_reach(park, news)
    plan = _planned(park, news, reach)
    inverters = Inverters(park, news.known)
    days = Days(park, news.known[0].zone if news.known else "UTC")
    this = Round(park, days, now_ms, throttle, news, reach, _devices_of(news.known), inverters)
    result = passes.meter(this, plan.taken)
    failures = retry_queue.of_each(result.failures)
    retry_queue.keep(park, failures, news.again, now_ms)
    registers.note_metered(park, result.metered_ms())
    unfinished = notes.note_unfinished(park, news, reach, result)
    waiting = notes.note_waiting(park, news, reach, plan.waiting)
    pending = unfinished or waiting or not news.all
    report = Report(result.inserted(), result.changed(), result.readings, pending, failures)
    if report.inserted or report.changed:
        notes.notify(park, news.known[0].park)
        completeness.note_heard(park, result.rewritten())
    return report


def _devices_of(known: Iterable[Register]) -> dict[str, int]:
    return Counter(device_class for device_class, _ in {(each.device_class, each.device_id) for each in known})


def _planned(park: Park, news: News, reach: Reach) -> Plan:
    """What is declared at once, and of what came as much as a round takes up."""
    nothing = Touched({}, {})
    work = [
        span
        for register in (news.known if reach.with_news else ())
        for span in spans([register], news.touched.get(register.device_class, nothing), reach.news_ms)
    ]
    taken, waiting = of_round(work, news.begin_ms(), MOST_OF_ROUND)
    return Plan([*_declared(park, news), *taken], waiting)


def _declared(park: Park, news: News) -> list[RegisterSpan]:
    """The spans of declarations, and of registers that are tried again."""
    rows = park.execute("notes/take_declared").fetchall()
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
