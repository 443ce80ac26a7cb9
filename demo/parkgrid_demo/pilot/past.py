"""The year of the pilot before the first `up`: called, bid, awarded and answered like a live one, with its own time.

    events of the year ─▶ bids cleared (no reading is needed) ─▶ what sites ask of their devices ─▶ scenario
    scenario ─▶ physics ─▶ readings ─▶ intervals (`district.fill`)
    the same events ─▶ entry by entry, the pilot's own steps on those intervals ─▶ ledger, in one transaction

No schedule knows a baseline, and no statement knows a schedule: they meet in the registers alone.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

import psycopg

from parkgrid_contract.time import SHANGHAI, from_ms, to_ms
from parkgrid_demo.pilot.answering import BEFORE, Asked, Device, asked, drawn_manner
from parkgrid_demo.pilot.past_events import FIRST_AFTER, OFFERS, PRICES, PastEvent, past_events
from parkgrid_demo.pilot.past_registry import BUREAU, morning, registered
from parkgrid_demo.pilot.registry import BASELINE, ONE, SCENARIOS, TWO, PilotPark
from parkgrid_domain.calendar import packaged
from parkgrid_domain.vpp import clearing, forms
from parkgrid_domain.vpp.baseline.rule import published as baselines
from parkgrid_domain.vpp.documents import Awards, Bid, Dispute, Eligibility, OptOut, Part, State, kind_of
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pack import published
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_metering.catching_up import Progress
from parkgrid_simulators import history
from parkgrid_simulators.faults import FaultKind
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.scenario_tables import DeviceSettings, FaultSettings, ScheduleSettings
from parkgrid_vpp import trying
from parkgrid_vpp.calling import Call, call
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.ledger import Act, write
from parkgrid_vpp.step_report import judged_step
from parkgrid_vpp.steps import Steps, Waits

SCENARIO = SCENARIOS / "vpp_west.toml"
PARK = "vpp-west"
SEED = 20_261_133
_WAITS = Waits(timedelta(hours=24), timedelta(days=40))
"""As the pilot's process has them by default."""
_SILENT = timedelta(minutes=40)
_DISPUTED: tuple[tuple[int, str, Literal["raised", "answered", "decided"], str], ...] = (
    (12, ONE, "raised", "the chiller stood still for a repair"),
    (15, BUREAU, "answered", "see the readings of its own meter"),
    (20, BUREAU, "decided", "it stands"),
)
"""Days after the event, who, which step of the dispute, and what was said."""
_TESTED_AFTER = timedelta(days=364)
"""The yearly test of the storage lies in the days by the minute."""
_TEST_KW, _TEST_MIN = 200, 30
_GIVEN, _TAKEN = 0.85, 0.92
"""What a storage asks for to stand again where it stood before an event, over what it gave or took."""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody did: written at its time."""

    at: datetime
    by: str
    acts: Callable[[Pilot], list[Act]]


@dataclass(frozen=True, slots=True)
class Stepped:
    """The pilot's process looks at an event."""

    at: datetime
    event: str


def with_answers(scenario: Scenario, start_ms: int, end_ms: int) -> Scenario:
    """The scenario of a history: that of the pilot's park with what its sites ask for, and what is silent."""
    if scenario.park != PARK:
        return scenario
    one, first = PilotPark(scenario, SCENARIO), _day(start_ms)
    schedules = [each for event, awards in _awarded(one, first, end_ms) for each in _answers(one, event, awards)]
    faults = [_silence(event) for event in _events(first, end_ms) if event.fate == "silent"]
    return replace(scenario, schedules=(*schedules, _test(first)), faults=tuple(faults))


def make(dsn: str, scenarios: Sequence[Scenario], start_ms: int, end_ms: int, tell: Progress) -> None:
    """Write the year into the ledger, whole or not at all; a ledger that has entries is left alone.

    One of the scenarios is that of the pilot's park. Raises `PilotError`, `StoreError`.
    """
    parks = {each.park: each for each in scenarios}
    one, others = PilotPark(parks.pop(PARK), SCENARIO), list(parks.values())
    with psycopg.connect(dsn, autocommit=True) as connection, connection.transaction():
        if connection.execute("SELECT EXISTS (SELECT FROM base.vpp_entry)").fetchone() == (True,):
            return
        _write(connection, one, others, (_day(start_ms), end_ms), tell)


def _write(
    connection: psycopg.Connection[Any],
    one: PilotPark,
    others: Sequence[Scenario],
    span: tuple[date, int],
    tell: Progress,
) -> None:
    first, end_ms = span
    pilot = Pilot()
    steps = Steps(connection, pilot, _WAITS)
    course = sorted(_course(connection, one, others, first, end_ms), key=lambda each: each.at)
    for place, each in enumerate(course):
        tell(f"pilot: {each.at:%Y-%m-%d}", place / len(course))
        if isinstance(each, Told):
            write(connection, pilot, each.acts(pilot), each.by, each.at)
        else:
            while steps.take(each.event, each.at):
                pass


def _course(
    connection: psycopg.Connection[Any], one: PilotPark, others: Sequence[Scenario], first: date, end_ms: int
) -> Iterator[Told | Stepped]:
    """Everything that happens up to the end of a history, in no order."""
    now = from_ms(end_ms)
    yield from (Told(at, BUREAU, _says(act)) for at, act in registered(one, others, first) if at < now)
    events = _events(first, end_ms)
    if events:
        judged = morning(first + FIRST_AFTER - timedelta(days=2))
        yield Told(judged, BUREAU, lambda pilot: _eligible(connection, pilot, first))
    for event in events:
        yield from (each for each in (*_called(one, event), *_followed(event)) if each.at < now)
    tested = morning(first + _TESTED_AFTER) + timedelta(hours=3)
    if tested < now:
        yield Told(tested, ONE, lambda pilot: _tested(connection, pilot, one, first))


def _called(one: PilotPark, event: PastEvent) -> Iterator[Told | Stepped]:
    """An event from its publication to its award."""
    yield Told(event.published, BUREAU, lambda pilot: call(pilot, _wanted(one, event), event.published))
    for minutes, operator in ((2, ONE), (3, TWO)):
        bid = _bid(one, event, operator)
        if bid is not None:
            act = Act(name_of(event), bid)
            yield Told(event.published + timedelta(minutes=minutes), operator, _says(act))
    yield Stepped(event.bids_until + timedelta(seconds=5), name_of(event))
    if event.fate == "opted_out":
        out = Act(name_of(event), OptOut(ONE, one.resource("chiller"), "repair of a pump"))
        yield Told(event.bids_until + timedelta(minutes=2), ONE, _says(out))
    if event.fate == "cancelled":
        off = Act(name_of(event), State("cancelled", None, None, "heavy rain: the peak does not come"))
        yield Told(event.start - timedelta(minutes=10), BUREAU, _says(off))


def _followed(event: PastEvent) -> Iterator[Told | Stepped]:
    """An event from the hours before its begin to its end, with what was said about its statement."""
    name = name_of(event)
    closed = event.settled + _WAITS.until_closed + timedelta(hours=1)
    for at in (event.start - timedelta(minutes=1), event.start, event.end, event.settled, closed):
        yield Stepped(at, name)
    if event.fate != "disputed":
        return
    statement, about = f"{name}-{ONE}-1", f"dispute-{event.place + 1}"
    for days, by, step, text in _DISPUTED:
        at = morning(event.day + timedelta(days=days))
        said = Act(name, Dispute(about, statement, step, text, at.date() + timedelta(days=10)))
        yield Told(at, by, _says(said))
        yield Stepped(at + timedelta(minutes=1), name)


def _says(act: Act) -> Callable[[Pilot], list[Act]]:
    return lambda _pilot: [act]


def name_of(event: PastEvent) -> str:
    """Its identifier."""
    return f"ev-{event.start:%Y%m%d-%H%M}"


def _wanted(one: PilotPark, event: PastEvent) -> Call:
    kind = event.kind
    return Call(
        event_id=name_of(event),
        direction=kind.direction,
        target_kw=Decimal(kind.target_kw),
        start=event.start,
        end=event.end,
        targets=(f"{one.park}-t1",),
        pack=published()[kind.pack],
        name_zh=kind.zh,
        name_en=kind.en,
        bids_until=event.bids_until,
        opt_out_until=event.opt_out_until,
    )


def _bid(one: PilotPark, event: PastEvent, operator: str) -> Bid | None:
    """What an operator offers; None: nothing."""
    offers = OFFERS[event.kind.direction]
    mine = [name for name in offers if one.operator_of(one.resource(name)) == operator]
    parts = tuple(Part(one.resource(name), offers[name]) for name in mine)
    price = PRICES[operator][event.kind.pack]
    return Bid(f"{name_of(event)}-{operator}", operator, price, parts) if parts else None


def _events(first: date, end_ms: int) -> list[PastEvent]:
    return list(past_events(first, from_ms(end_ms), packaged()))


def _awarded(one: PilotPark, first: date, end_ms: int) -> Iterator[tuple[PastEvent, Awards]]:
    """What each event was cleared to: it follows from registry and bids, before there is any reading."""
    pilot = Pilot()
    for at, act in registered(one, (), first):
        _take(pilot, act, at)
    for act in _to_be_tried(pilot, first):
        _take(pilot, act, morning(first))
    for event in _events(first, end_ms):
        for told in _called(one, event):
            if isinstance(told, Told) and told.at <= event.bids_until:
                for act in told.acts(pilot):
                    _take(pilot, act, told.at)
        yield event, clearing.clear(pilot, name_of(event), published()[event.kind.pack])


def _take(pilot: Pilot, act: Act, at: datetime) -> None:
    told = forms.document(act.document)
    pilot.follow([Entry.after(pilot.head, kind_of(act.document), act.subject, at, BUREAU, told)])


def _answers(one: PilotPark, event: PastEvent, awards: Awards) -> Iterator[ScheduleSettings]:
    """What the sites ask of their devices for an event that takes place."""
    if event.fate == "cancelled":
        return
    steered = {name: (devices, kind) for name, devices, kind in one.steered()}
    settings = {each.id: each for each in one.scenario.devices}
    for part in (part for award in awards.awards for part in award.parts):
        if event.fate == "opted_out" and part.resource == one.resource("chiller"):
            continue
        devices, kind = steered[part.resource]
        manner = drawn_manner(SEED, name_of(event), part.resource)
        for name in devices:
            seen = _seen(one.scenario, settings[name], event.start - BEFORE)
            share = part.w / 1000 / len(devices)
            wanted = asked(manner, kind, seen, share, event.start, event.end, less=event.less)
            if wanted is not None:
                yield _scheduled(name, wanted)
                if kind == "storage":
                    yield _scheduled(name, _back(event, wanted))


def _seen(scenario: Scenario, device: DeviceSettings, at: datetime) -> Device:
    """What a site sees of a device; of a load, what it draws."""
    least, most = device.scheduled_kw or (0.0, 0.0)
    drawn = history.planned_kw(scenario, device.id, to_ms(at)) if device.device_class == "meter" else 0.0
    return Device(drawn, least, most)


def _back(event: PastEvent, wanted: Asked) -> Asked:
    """By its own plan a storage charges in the night after a shaving, and gives in the evening after a filling."""
    moved_kwh = wanted.power_kw * (wanted.end - wanted.start) / timedelta(hours=1)
    night = datetime.combine(event.day + timedelta(days=1), time(3), SHANGHAI)
    evening = night - timedelta(hours=8)
    start, hours, share = (night, 3, 1 / _TAKEN) if event.less else (evening, 2, _GIVEN)
    return Asked(start, start + timedelta(hours=hours), round(-moved_kwh / hours * share, 3))


def _scheduled(device: str, wanted: Asked) -> ScheduleSettings:
    return ScheduleSettings(device, wanted.start.isoformat(), wanted.end.isoformat(), wanted.power_kw)


def _silence(event: PastEvent) -> FaultSettings:
    """The chiller's meter says nothing for some time of an event."""
    begin = event.start + timedelta(minutes=10)
    return FaultSettings("chiller", FaultKind.SILENT, begin.isoformat(), _SILENT.total_seconds())


def _test(first: date) -> ScheduleSettings:
    """The step that the storage was agreed to make for its yearly test."""
    start = _tested_at(first)
    return _scheduled("storage-1", Asked(start, start + timedelta(minutes=_TEST_MIN), _TEST_KW))


def _tested_at(first: date) -> datetime:
    return morning(first + _TESTED_AFTER) + timedelta(minutes=30)


def _tested(connection: psycopg.Connection[Any], pilot: Pilot, one: PilotPark, first: date) -> list[Act]:
    """The report of the test; none where the minutes of that morning are not there, because a start was interrupted."""
    name = one.resource("storage")
    try:
        found = judged_step(connection, pilot, name, _tested_at(first), -1000 * _TEST_KW, _TEST_MIN)
    except PilotError:
        return []
    return [Act(name, found)]


def _to_be_tried(pilot: Pilot, first: date) -> list[Act]:
    """What the loads' baselines are taken for while there is no reading yet: without an error."""
    days, none = (first, first + FIRST_AFTER - timedelta(days=3), FIRST_AFTER.days), (Decimal(0),) * 3
    digest = baselines()[BASELINE].digest
    found = Eligibility(BASELINE, digest, *days, *none, passes=True, why="")
    return [Act(name, found) for name, each in pilot.resources.items() if each.baseline == BASELINE]


def _eligible(connection: psycopg.Connection[Any], pilot: Pilot, first: date) -> list[Act]:
    """How good the baselines of the loads were in the weeks before the first event."""
    names = [name for name, each in pilot.resources.items() if each.baseline == BASELINE and each.park == PARK]
    last = first + FIRST_AFTER - timedelta(days=3)
    pack = published()["shenzhen-precise-2023"]
    return trying.acts_of(connection, pilot, names, pack, "day_ahead", last, SHANGHAI)


def _day(start_ms: int) -> date:
    """The day on which a history begins."""
    return from_ms(start_ms).astimezone(SHANGHAI).date()
