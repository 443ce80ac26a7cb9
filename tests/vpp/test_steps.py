"""Events go on by themselves, over a real database: a whole event, a bad day, a crash at each step, one that fails."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from parkgrid_contract.time import to_ms
from parkgrid_domain.rule_file import version_of
from parkgrid_domain.vpp.documents import (
    AnyDocument,
    Awards,
    Contract,
    Dispute,
    Eligibility,
    OptOut,
    Part,
    Phase,
    Resource,
    Rules,
    Statement,
    Term,
)
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_metering.declarations import Wish, declare
from parkgrid_vpp.awarding import GivenAward, GivenAwards, award_from_above
from parkgrid_vpp.bundling import contents as bundle_of
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.ledger import Act, entries, follow, write
from parkgrid_vpp.service import Service
from parkgrid_vpp.settings import DatabaseSettings, VppSettings
from parkgrid_vpp.steps import Steps, Waits
from tests.logins import acting
from tests.metering.park import meter, metering
from tests.vpp import small_pilot
from tests.vpp.metered_park import CHARGED, DISCHARGED, FIVE, GATEWAY, LOAD, NOW_MS, QUARTER, Meters, local
from tests.vpp.small_pilot import BASELINE, START, bid, event

PAST = [(local(f"{day:02} 13:00"), local(f"{day:02} 18:00")) for day in range(12, 24)]
EVENT_DAY = (local("24 12:00"), local("24 18:00"))
COURSE = ["notified", "active", "ended", "baseline_computed", "evaluated", "settled"]


@dataclass
class At:
    """A clock that a test sets."""

    now: datetime

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return to_ms(self.now)


@dataclass
class Running:
    """The process of the pilot over one database, looked at by hand."""

    meters: Meters
    connection: psycopg.Connection
    clock: At
    pilot: Pilot
    service: Service
    steps: Steps

    def look(self, text: str) -> None:
        """Let it look once, in June, local time."""
        self.clock.now = local(text)
        self.service.look(self.connection, self.pilot, self.steps)

    def write(self, at: str, *acts: tuple[str, AnyDocument]) -> None:
        """What people do meanwhile."""
        told = [Act(subject, document) for subject, document in acts]
        write(self.connection, Pilot(), told, "tester", local(at))
        follow(self.connection, self.pilot)

    def through_the_event(self) -> None:
        """From its call to its statement."""
        self.meters.run(PAST)
        self.write("22 09:00", *published())
        self.look("23 18:30")
        self.meters.run([EVENT_DAY])
        for hour in ("24 14:00", "24 16:00", "24 18:30"):
            self.look(hour)

    def states(self, event_id: str = "ev-1") -> list[str]:
        return [each.state for _, each in self.pilot.events[event_id].states]

    def statements(self, event_id: str = "ev-1") -> list[Statement]:
        (revisions,) = self.pilot.events[event_id].statements.values()
        return [each for _, each in revisions]

    def statement(self, event_id: str = "ev-1") -> Statement:
        return self.statements(event_id)[-1]


def settings(dsn: str) -> VppSettings:
    return VppSettings(DatabaseSettings(acting(dsn, "vpp")), longest_wait_h=6, revise_every_s=1e-9)


def energies() -> tuple[dict[datetime, int], dict[datetime, int]]:
    """Both answer the event from 14:00 to 16:00: the storage with 500 kW, the load with 100 kW."""
    quarters = [START + place * QUARTER for place in range(8)]
    return dict.fromkeys(quarters, 65_000), dict.fromkeys(quarters, 125_000)


@pytest.fixture
def running(dsn: str) -> Iterator[Running]:
    with metering(dsn) as park, psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        meters = Meters(park, *energies(), fine_from=local("24 12:00"))
        meters.born()
        chosen = settings(dsn)
        clock, pilot = At(local("01 09:00")), Pilot()
        service = Service(chosen, clock)
        waits = Waits(timedelta(hours=chosen.longest_wait_h), timedelta(days=chosen.close_after_days))
        yield Running(meters, connection, clock, pilot, service, Steps(connection, pilot, waits))


def good_baseline() -> tuple[str, AnyDocument]:
    digest = version_of(small_pilot.baseline_text())
    errors = (Decimal(4), Decimal(1), Decimal(5))
    return "load-1", Eligibility(
        BASELINE, digest, date(2025, 6, 1), date(2026, 5, 31), 200, *errors, passes=True, why=""
    )


def published() -> list[tuple[str, AnyDocument]]:
    return [*small_pilot.rules(), *small_pilot.registry(), good_baseline(), ("ev-1", event()), ("ev-1", bid())]


def verdicts(statement: Statement, resource: str) -> list[str]:
    (found,) = (each for each in statement.resources if each.resource == resource)
    return [each.unsure or each.verdict for each in found.quarters]


def test_a_whole_event_goes_on_by_itself(running: Running) -> None:
    running.meters.run(PAST)
    running.write("22 09:00", *published())
    running.look("23 18:00")
    assert running.pilot.events["ev-1"].reached == "published", "bids are taken until the last second"
    running.look("23 18:01")
    assert running.states() == ["notified"]
    book = running.pilot.events["ev-1"]
    assert book.awards == Awards(Decimal(3), (replace(small_pilot.awards().awards[0], award="ev-1-op-1"),), (), 0)
    assert [len(each.days) > 0 for each in book.frozen["ev-1-op-1"].resources] == [False, True]
    running.look("24 13:58")
    assert running.states()[-1] == "ramping", "the load takes two minutes for 100 kW"
    running.look("24 14:00")
    running.look("24 16:00")
    assert running.states() == ["notified", "ramping", "active", "ended"]
    running.look("24 16:20")
    assert running.states()[-1] == "ended", "its registers are not metered yet"
    running.meters.run([EVENT_DAY])
    running.look("24 17:30")
    assert running.states()[3:] == ["ended", "baseline_computed", "evaluated", "settled"]
    statement = running.statement()
    assert (statement.status, statement.cause, statement.payment, statement.penalty) == ("simulation", "first", 3600, 0)
    assert set(verdicts(statement, "storage-1")) == set(verdicts(statement, "load-1")) == {"delivered"}
    head = running.pilot.head
    running.look("25 09:00")
    assert running.pilot.head == head, "nothing is due, so nothing is written"
    dispute = Dispute("d-1", "ev-1-op-1-1", "raised", "the curve", date(2026, 7, 1))
    running.write("25 10:00", ("ev-1", dispute), ("ev-1", replace(dispute, step="decided", text="stands")))
    running.look("25 11:00")
    assert (running.statement().revision, running.statement().cause) == (2, "dispute d-1")
    running.service.look(running.connection, running.pilot, running.steps)
    assert running.statement().revision == 2
    second_process_is_late(running)
    running.clock.now = local("24 17:30") + timedelta(days=40)
    running.service.look(running.connection, running.pilot, running.steps)
    assert running.pilot.events["ev-1"].state == "closed"


def second_process_is_late(running: Running) -> None:
    """It saw the decision and then waited for the ledger while the first one wrote the revision."""
    late = Pilot()
    decided = next(entry.number for entry in entries(running.connection) if entry.document.get("step") == "decided")
    late.follow(each for each in entries(running.connection) if each.number <= decided)
    Steps(running.connection, late, running.steps.waits).take("ev-1", running.clock.now)
    follow(running.connection, running.pilot)
    assert running.statement().revision == 2


def more_registry() -> list[tuple[str, AnyDocument]]:
    """A second load behind another account of the same transformer, whose formula takes the storage out."""
    registry = {name: each for name, each in small_pilot.registry() if not isinstance(each, Phase)}
    load, storage, contract = registry["load-1"], registry["storage-1"], registry["con-1"]
    assert isinstance(load, Resource)
    assert isinstance(storage, Resource)
    assert isinstance(contract, Contract)
    # The site's own load: what its meter draws, and what the storage gives back behind the same meter is added.
    site = (*load.meter, *(Term(each.register, -each.sign) for each in storage.meter))  # type: ignore[arg-type]
    return [
        ("site-1", replace(load, meter=site)),
        ("con-1", replace(contract, resources=("storage-1", "load-1", "site-1"))),
    ] + [
        ("site-1", Phase(phase, date(2026, 5, 1), ""))
        for phase in ("registered", "documents", "joint_test", "announced", "active")
    ]


@pytest.fixture
def bad_day(running: Running) -> Running:
    """225 kWh of load a quarter hour; the storage behind it gives 125 back from 14 to 16, then the load falls by 25."""
    days = [start + place * QUARTER for start, end in [*PAST, EVENT_DAY] for place in range((end - start) // QUARTER)]
    load = dict.fromkeys(days, 225_000)
    load |= dict.fromkeys(energies()[1], 100000)
    load |= dict.fromkeys([local("24 16:00") + place * QUARTER for place in range(4)], 200_000)
    running.meters.load = load
    running.meters.run(PAST)
    return running


def test_a_bad_day(bad_day: Running) -> None:
    """Two events on one transformer at once, opt-outs, a gateway that is offline, a swapped meter, a false register."""
    running = bad_day
    other = replace(event(START + timedelta(hours=1)), target_w=100_000)
    running.write(
        "22 09:00",
        *published(),
        *more_registry(),
        ("site-1", good_baseline()[1]),
        ("ev-2", other),
        ("ev-2", replace(bid(), bid="bid-2", parts=(Part("storage-1", 500_000), Part("site-1", 100_000)))),
    )
    running.look("23 18:30")
    running.write("23 18:40", ("ev-1", OptOut("op-1", "load-1", "in time")))
    running.look("23 20:00")
    awarded = running.pilot.events["ev-2"].awards
    assert awarded is not None
    refused = [(each.resource, each.reason) for each in awarded.losers]
    assert refused == [("storage-1", "storage-1 is awarded in ev-1, which overlaps")]
    running.write("24 11:30", ("ev-2", OptOut("op-1", "site-1", "too late")))
    old_meter = the_day(running)
    running.look("24 18:30")
    first_storage_statement(running)
    finding = ["finding"] * 7
    assert verdicts(running.statement("ev-2"), "site-1") == ["estimated", *finding]
    explain(running, old_meter)
    running.look("24 19:00")
    assert len(running.statements("ev-2")) == 1, "an hour lies between two statements that late data make"
    running.look("24 19:30")
    site_statement(running)
    running.meters.deliver()
    running.look("24 20:30")
    assert (running.statement().revision, running.statement().cause) == (2, "late data")
    assert verdicts(running.statement(), "storage-1") == ["delivered"] * 8
    assert running.statement().payment == 3000


def the_day(running: Running) -> int:
    """Offline from 14:30 to 15:15; another meter at 15:45; a false reading at 16:35. The old meter's last count."""
    offline = [("storage-1", local("24 14:30") + place * FIVE) for place in range(1, 9)]
    running.meters.run([(EVENT_DAY[0], local("24 15:45"))], without=offline)
    old_meter = running.meters.shown["energy_import_kwh"]
    running.meters.shown["energy_import_kwh"] = 0
    running.meters.run([(local("24 15:45"), EVENT_DAY[1])])
    running.meters.show(local("24 16:35") + timedelta(seconds=30), 900_000_000)
    return old_meter


def explain(running: Running, old_meter: int) -> None:
    """Somebody declares the change of the meter."""
    register = f"{small_pilot.PARK}/gw-1/load-1/energy_import_kwh"
    counts = (None, None, Decimal(old_meter) / 1000, Decimal(0), None)
    wish = Wish(register, local("24 15:45"), "Li Wei", "work order 4711", *counts)
    with psycopg.connect(acting(running.meters.park.dsn, "accounting"), autocommit=True) as connection:
        declare(connection, wish, NOW_MS)
    running.meters.park.metered(NOW_MS)


def first_storage_statement(running: Running) -> None:
    statement = running.statement()
    assert [each.resource for each in statement.resources] == ["storage-1"], "who opted out in time is not judged"
    unknown = ["estimated"] * 3
    assert verdicts(statement, "storage-1") == ["delivered"] * 2 + unknown + ["delivered"] * 3
    assert (statement.payment, statement.penalty) == (5 * 125 * 3, 0), "what is not known leaves both sides"


def site_statement(running: Running) -> None:
    statement = running.statement("ev-2")
    assert (statement.revision, statement.cause) == (2, "late data")
    assert [each.resource for each in statement.resources] == ["site-1"], "too late: it is judged as awarded"
    told = verdicts(statement, "site-1")
    assert told == ["estimated", *["not_delivered"] * 3, "delivered", *["finding"] * 3]
    # What the storage gave back is no reduction of the site: 100 imported and 125 from the storage are 225.
    assert {each.metered_wh for each in statement.resources[0].quarters[1:4]} == {225_000}
    # 15 o'clock: (50 % of 75 kWh - 0) x 3 yuan x 0.5; 16 o'clock: the one sure quarter hour has its 25 kWh.
    assert (statement.payment, statement.penalty) == (Decimal("75.00"), Decimal("56.25"))


def test_a_crash_before_each_step_leaves_a_consistent_ledger(running: Running, tmp_path: Path, dsn: str) -> None:
    running.meters.run([*PAST, (local("23 18:00"), local("23 20:00"))])
    running.write("22 09:00", *published())
    file = tmp_path / "vpp.toml"
    file.write_text(f'clock = "data"\nlook_every_s = 0.05\n[database]\ndsn = {acting(dsn, "vpp")!r}\n', "utf-8")
    for point, stored in [("1", "published"), ("2", "awarded")]:
        die(file, point)
        assert consistent(running).reached == stored
    running.meters.run([EVENT_DAY])
    for stored in ("ended", "baseline_computed"):
        die(file, "2")
        assert consistent(running).reached == stored
    running.look("24 18:30")
    assert running.states() == COURSE
    assert running.statement().payment == 3600


def die(file: Path, write: str) -> None:
    """The process, killed with a step written and not stored yet: that of the n-th transaction since its start."""
    command = [sys.executable, "-m", "parkgrid_vpp", "--config", str(file)]
    environment = os.environ | {"PARKGRID_CRASH_AT": f"vpp.written:{write}"}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def consistent(running: Running) -> EventBook:
    follow(running.connection, running.pilot)
    book = running.pilot.events["ev-1"]
    assert (book.awards is None) == (not book.frozen), "an award is never without its baselines"
    assert bool(book.adjusted) == ("baseline_computed" in running.states())
    assert bool(book.statements) == (book.reached == "settled"), "a statement is never without its state"
    return book


def test_an_event_that_fails_keeps_no_other_from_going_on(running: Running) -> None:
    running.meters.run([*PAST, EVENT_DAY])
    broken = small_pilot.PACK.text.replace("interval_min = 60", "interval_min = 7")
    digest = version_of(broken)
    wrong = replace(event(), rules=replace(event().rules, pack=digest))
    running.write("22 09:00", *small_pilot.rules(), (digest, Rules("pack", "broken", broken)), *small_pilot.registry())
    running.write("22 09:00", ("ev-0", wrong), ("ev-1", event()), ("ev-1", bid()), good_baseline())
    running.look("23 20:00")
    running.look("24 18:30")
    assert running.states() == COURSE
    assert running.pilot.events["ev-0"].reached == "published"
    told = {sample.name: sample for metric in running.service.metrics.registry.collect() for sample in metric.samples}
    assert told["parkgrid_vpp_failing"].labels == {"event": "ev-0"}


def test_nobody_waits_for_ever_for_a_register(running: Running) -> None:
    running.meters.run(PAST)
    running.write("22 09:00", *published())
    running.look("23 20:00")
    running.look("24 21:59")
    assert running.states()[-1] == "ended"
    running.look("24 22:00")
    assert running.states()[-1] == "settled"
    assert verdicts(running.statement(), "storage-1") == ["missing"] * 8
    # Nothing is verified: half of 600 kWh in each of two hours x 3 yuan x 0.5, until the readings come.
    assert (running.statement().payment, running.statement().penalty) == (0, 900)
    running.meters.run([EVENT_DAY])
    running.look("25 09:00")
    assert (running.statement().cause, running.statement().payment) == ("late data", 3600)


@pytest.mark.parametrize(
    ("given", "parts", "short_w"),
    [
        (GivenAward("up-1", "op-1", 350_000, ()), {"storage-1": 250_000, "load-1": 100_000}, 250_000),
        (GivenAward("up-1", "op-1", 600_000, (Part("storage-1", 400_000),)), {"storage-1": 400_000}, 200_000),
    ],
)
def test_an_award_from_above_is_spread_and_frozen(
    running: Running, given: GivenAward, parts: dict[str, int], short_w: int
) -> None:
    running.meters.run(PAST)
    running.write("22 09:00", *small_pilot.rules(), *small_pilot.registry(), good_baseline())
    running.write("22 09:00", ("ev-1", replace(event(), setup="upstream")))
    running.look("23 20:00")
    assert running.pilot.events["ev-1"].reached == "published"
    award_from_above(
        running.connection, running.pilot, "ev-1", GivenAwards(Decimal(3), (given,)), "the platform", local("23 20:30")
    )
    awards = running.pilot.events["ev-1"].awards
    assert awards is not None
    assert {part.resource: part.w for part in awards.awards[0].parts} == parts
    assert awards.short_w == short_w
    assert list(running.pilot.events["ev-1"].frozen) == ["ev-1-op-1"]


def test_events_without_an_award(running: Running) -> None:
    running.write("22 09:00", *small_pilot.rules(), *small_pilot.registry(), good_baseline())
    upstream = replace(event(), setup="upstream")
    running.write("22 09:00", ("ev-1", event()), ("ev-2", upstream), ("ev-3", event(START + timedelta(days=9))))
    # No calendar of the year of its days: that will not change, so it ends and says so.
    blind = replace(event(), rules=replace(event().rules, calendars={}))
    running.write("22 09:00", ("ev-4", blind), ("ev-4", bid()))
    running.look("23 20:00")
    assert running.states("ev-1") == ["closed"]
    assert running.states("ev-4") == ["cancelled"]
    assert (
        running.pilot.events["ev-4"].states[0][1].reason.startswith("not awarded: no baseline can be frozen for ev-4")
    )
    running.look("24 14:00")
    assert running.states("ev-2") == []
    given = GivenAwards(Decimal(3), (GivenAward("up-1", "op-1", 100_000, ()),))
    with pytest.raises(PilotError, match="began at"):
        award_from_above(running.connection, running.pilot, "ev-2", given, "x", local("24 14:01"))
    running.look("24 14:01")
    assert running.states("ev-2") == ["cancelled"]
    assert running.pilot.events["ev-2"].states[0][1].reason == "not awarded in time: it has begun"
    assert running.states("ev-3") == []
    with pytest.raises(PilotError, match="awarded here, from its bids"):
        award_from_above(running.connection, running.pilot, "ev-3", GivenAwards(Decimal(3), ()), "x", local("24 17:00"))


def test_an_award_that_everybody_left_in_time_has_no_statement(running: Running) -> None:
    """It would have nobody in it, and no bundle of it could be verified."""
    running.meters.run(PAST)
    running.write("22 09:00", *published())
    running.look("23 18:30")
    running.write("23 19:00", *(("ev-1", OptOut("op-1", name, "in time")) for name in ("load-1", "storage-1")))
    running.meters.run([EVENT_DAY])
    for hour in ("24 14:00", "24 16:00", "24 18:30"):
        running.look(hour)
    assert running.states() == COURSE
    assert running.pilot.events["ev-1"].statements == {}
    with pytest.raises(PilotError, match="there is a bundle once it has a statement"):
        bundle_of(running.connection, "ev-1", "op-1", local("25 12:00"))
    running.clock.now = local("24 18:30") + timedelta(days=40)
    running.service.look(running.connection, running.pilot, running.steps)
    assert running.pilot.events["ev-1"].state == "closed"


def test_false_readings_sent_afterwards_remove_no_penalty(running: Running) -> None:
    """Nobody answered; then three late readings of the load cannot be true. Its quarter hours stay as they were."""
    running.meters.load = dict.fromkeys((START + number * QUARTER for number in range(8)), 90_000)
    running.meters.storage = {}
    running.through_the_event()
    first = running.statement()
    assert first.penalty > 0
    for hour in ("14:20", "15:00", "15:40"):
        running.meters.show(local(f"24 {hour}") + timedelta(seconds=30), 900_000_000)
    running.look("25 09:00")
    assert running.statement() == first


def announced_anew(running: Running, energies_of: Mapping[datetime, int]) -> None:
    """The gateway says that its meter is a grid meter, and sends a history of its own for the afternoon."""
    park, now = running.meters.park, NOW_MS + 60_000
    storage = meter("storage-1", "storage", ("active_power_kw", CHARGED, DISCHARGED), period_s=900.0)
    park.born(meter("load-1", "grid_meter", period_s=900.0), storage, gateway=GATEWAY, at_ms=now)
    shown, rows = 5_000_000, []
    for place in range(24):
        at = EVENT_DAY[0] + place * QUARTER
        for step in range(3):
            told = shown + energies_of.get(at, 90_000) * step // 3
            rows.append((park.devices["load-1"], to_ms(at + step * FIVE), {LOAD: told}))
        shown += energies_of.get(at, 90_000)
    park.store_readings(rows, "grid_meter", received_ms=now, gateway=GATEWAY)
    park.metered(now)


def test_a_device_that_is_announced_anew_exchanges_no_history(running: Running) -> None:
    """Nobody answered: 900 yuan. Then the load's meter comes back under another class, with a history that was obeyed.

    If that history counted, the load would have done its 100 kW, and 600 yuan would be left.
    """
    running.meters.load, running.meters.storage = {}, {}
    running.through_the_event()
    first = running.statement()
    assert (first.payment, first.penalty) == (0, 900)
    announced_anew(running, dict.fromkeys(energies()[0], 65_000))
    running.look("25 09:00")
    assert running.statement() == first
    dispute = Dispute("d-1", "ev-1-op-1-1", "raised", "the meter is another", date(2026, 7, 1))
    running.write("25 10:00", ("ev-1", dispute), ("ev-1", replace(dispute, step="decided", text="it stands")))
    running.look("25 11:00")
    second = running.statement()
    assert (second.revision, second.payment, second.penalty) == (2, 0, 900), "what was read stays what was read"
    contents = bundle_of(running.connection, "ev-1", "op-1", local("25 12:00"))
    assert {name for number, name in contents.readings} == {"load-1", "storage-1"}
