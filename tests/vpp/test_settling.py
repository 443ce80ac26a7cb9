"""One event over a real database: frozen at award, adjusted once, settled, revised by late data; what moves nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest

from parkgrid_domain.rule_file import version_of
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.baseline.rule import read_rule
from parkgrid_domain.vpp.documents import (
    AnyDocument,
    Eligibility,
    Frozen,
    OptOut,
    Resource,
    RuleDigests,
    Rules,
    State,
    Statement,
)
from parkgrid_domain.vpp.pack import published
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.evidence import read
from parkgrid_vpp.freezing import adjust, freeze, past_of
from parkgrid_vpp.rules import rules_of
from parkgrid_vpp.settling import statements
from parkgrid_vpp.trying import eligibility, replay
from tests.logins import acting
from tests.vpp import small_pilot
from tests.vpp.metered_park import FIVE, NOW_MS, STORAGE_WH, Meters, answering, local
from tests.vpp.small_pilot import awards, bid, written

RULE = "caiso-10-of-10"
RULE_TEXT = small_pilot.baseline_text(RULE)
LOAD_WH = 25_000
"""Of the award, a quarter hour."""
CHOSEN = [date(2026, 6, day) for day in (23, 22, 18, 17, 16, 15, 12, 11, 10, 9)]
"""19 June is the Dragon Boat Festival."""
PAST = [(local(f"{day:02} 09:00"), local(f"{day:02} 18:00")) for day in range(9, 23)]
PAST.append((local("23 09:00"), local("23 20:00")))


@pytest.fixture
def meters(dsn: str) -> Iterator[Meters]:
    with answering(dsn) as made:
        yield made


def acts_before() -> list[tuple[str, AnyDocument]]:
    """The small pilot, whose load has the mean of ten days with the factor of the day, found good enough."""
    digest = version_of(RULE_TEXT)
    registry = [
        (name, replace(each, baseline=RULE) if name == "load-1" and isinstance(each, Resource) else each)
        for name, each in small_pilot.registry()
    ]
    good = Eligibility(
        RULE, digest, date(2025, 6, 1), date(2026, 5, 31), 200, *map(Decimal, "410"), passes=True, why=""
    )
    event = small_pilot.event()
    rules = RuleDigests(event.rules.pack, {RULE: digest}, event.rules.calendars)
    return [
        *small_pilot.rules(),
        (digest, Rules("baseline", RULE, RULE_TEXT)),
        *registry,
        ("load-1", good),
        ("ev-1", replace(event, rules=rules)),
        ("ev-1", bid()),
    ]


def pilot_before() -> Pilot:
    """A pilot with these acts."""
    pilot = Pilot()
    written(pilot, acts_before())
    return pilot


def to_the_event(meters: Meters, connection: psycopg.Connection) -> Pilot:
    """Awarded and frozen the evening before, adjusted when it begins."""
    meters.run(PAST, without=[("load-1", local("23 14:00"))])
    pilot = pilot_before()
    frozen = freeze(connection, pilot, "ev-1", awards())
    written(pilot, [("ev-1", awards()), *(("ev-1", each) for each in frozen)])
    meters.run([(local("23 20:00"), local("24 14:00"))])
    written(pilot, [("ev-1", each) for each in adjust(connection, pilot, "ev-1")])
    return pilot


def over(pilot: Pilot) -> None:
    """Everything up to where statements may be written."""
    states = ("notified", "active", "ending", "ended", "baseline_computed", "evaluated")
    written(pilot, [("ev-1", State(each, None, None, "")) for each in states])


def reasons(statement: Statement, resource: str) -> list[str]:
    (found,) = (each for each in statement.resources if each.resource == resource)
    return [each.unsure for each in found.quarters]


def verdicts(statement: Statement, resource: str = "") -> list[str]:
    if not resource:
        return [each.verdict for each in statement.quarters]
    (found,) = (each for each in statement.resources if each.resource == resource)
    return [each.verdict for each in found.quarters]


def test_from_an_award_to_its_second_statement(meters: Meters) -> None:
    with psycopg.connect(acting(meters.park.dsn, "vpp"), autocommit=True) as connection:
        pilot = to_the_event(meters, connection)
        (frozen,), (adjusted,) = pilot.events["ev-1"].frozen.values(), pilot.events["ev-1"].adjusted.values()
        check_frozen(frozen)
        assert [(each.applied, each.factor, each.today_wh) for each in adjusted.resources] == [
            ("none", 1, None),
            ("factor", Decimal("1.050000"), 94_500),
        ]
        offline = [("storage-1", local("24 15:00") + place * FIVE) for place in range(1, 9)]
        meters.run([(local("24 14:00"), local("24 18:00"))], without=offline)
        meters.show(local("24 15:55") + timedelta(seconds=30), 900_000_000)
        over(pilot)
        (first,) = statements(connection, pilot, "ev-1")
        check_first(first)
        written(pilot, [("ev-1", first)])
        # Nothing has changed; then a chosen day has: it moves nothing, so there is nothing to write.
        assert statements(connection, pilot, "ev-1") == []
        late = [each for each in meters.kept if each[0] == "storage-1"]
        meters.kept = [
            ("load-1", at, {name: value - 3_000 for name, value in each.items()}) for _, at, each in meters.kept[:1]
        ]
        meters.deliver()
        assert statements(connection, pilot, "ev-1") == []
        meters.kept = late
        meters.deliver()
        (second,) = statements(connection, pilot, "ev-1")
        check_second(second, pilot)
        written(pilot, [("ev-1", second)])
        (third,) = statements(connection, pilot, "ev-1", "dispute d-1")
        assert (third.revision, third.cause, third.net) == (3, "dispute d-1", second.net)
        year = (date(2026, 1, 1), date(2026, 12, 31))
        rule = read_rule(RULE_TEXT, "caiso.toml")
        packs = [published()[name] for name in ("guangdong-2026", "sichuan-like-2023")]
        replayed = [replay(connection, pilot, "op-1", pack, rule, *year)[0] for pack in packs]
        assert replay(connection, pilot, "op-2", packs[0], rule, *year) == []
        check_eligibility(connection, pilot)
    # By what is known now a chosen day has 3 kWh more at 14:00: 300 Wh of the mean of ten, 315 with the factor.
    # Sichuan: nothing is too little to be paid; 90 % of 550 kWh less 362.5 cost 1.1 x 3 yuan.
    assert [(each.payment_cny, each.penalty_cny) for each in replayed] == [
        (Decimal("2888.45"), 0),
        (Decimal("2888.45"), Decimal("437.25")),
    ]
    assert replayed[0].verdicts == {"delivered": 5, "partial": 2, "not_delivered": 1}


def check_eligibility(connection: psycopg.Connection, pilot: Pilot) -> None:
    """One day of the year has ten like days before it: 18 June is the eighth, 24 June has an event."""
    rule, zone = read_rule(RULE_TEXT, "caiso.toml"), ZoneInfo("Asia/Shanghai")
    found = eligibility(connection, pilot, "load-1", rule, small_pilot.PACK, "day_ahead", date(2026, 6, 24), zone)
    assert (found.days, found.passes, found.why) == (0, False, "nothing was drawn on these days")
    with pytest.raises(PilotError, match="storage-1 settles on its own meter"):
        eligibility(connection, pilot, "storage-1", rule, small_pilot.PACK, "day_ahead", date(2026, 6, 24), zone)


def check_frozen(frozen: Frozen) -> None:
    storage, load = frozen.resources
    assert (storage.baseline, storage.curve_wh, storage.days, storage.eligible) == ("zero", None, (), True)
    assert [day.day for day in load.days if day.outcome == "counts"] == CHOSEN
    assert {day.energy_wh for day in load.days if day.outcome == "counts"} == {720_000}
    assert {day.window_wh for day in load.days if day.outcome == "counts"} == {12 * 90_000}
    assert load.curve_wh == (90_000,) * 8
    assert load.eligible


def check_first(first: Statement) -> None:
    """Worked out by hand: 14:00 all is delivered; 15:00 the storage is offline for 40 min, then does not answer."""
    assert (first.status, first.cause, first.revision) == ("simulation", "first", 1)
    assert reasons(first, "storage-1") == [""] * 4 + ["estimated"] * 3 + [""]
    assert reasons(first, "load-1") == [""] * 6 + ["finding"] * 2
    assert verdicts(first, "load-1") == ["delivered"] * 4 + ["partial", "not_delivered", "unverified", "unverified"]
    assert verdicts(first) == ["delivered"] * 4 + ["partial", "not_delivered", "unverified", "not_delivered"]
    assert [each.award_wh for each in first.quarters] == [150_000] * 4 + [25_000, 25_000, 150_000, 125_000]
    hours = [(each.award_kwh, each.response_kwh, each.counted_kwh, each.penalty_cny) for each in first.intervals]
    # 87.5 kWh are half of 175 kWh; 12.5 were moved: 75 kWh x 3 yuan x 0.5.
    assert hours == [(600, 600, 600, 0), (175, Decimal("12.5"), 0, Decimal("112.5"))]
    assert (first.payment, first.penalty, first.net) == (1800, Decimal("112.50"), Decimal("1687.50"))
    # 500 of 612.5 kWh moved, 125 of 162.5 kWh short; 30 : 70 of the payment, the penalty is the operator's.
    assert [(*map(str, (each.payment, each.penalty, each.operator_part, each.user_part)),) for each in first.lines] == [
        ("1469.39", "86.54", "354.28", "1028.57"),
        ("330.61", "25.96", "73.22", "231.43"),
    ]
    (load,) = (each for each in first.resources if each.resource == "load-1")
    assert [(each.register, each.kind) for each in load.findings] == [
        ("park-a/gw-1/load-1/energy_import_kwh", "left_out")
    ]
    assert load.note == "finding 2"
    assert first.known_later == ()


def check_second(second: Statement, pilot: Pilot) -> None:
    assert (second.cause, second.revision) == ("late data", 2)
    assert second.supersedes == pilot.events["ev-1"].statements["aw-1"][0][0].digest
    assert verdicts(second, "storage-1") == ["delivered"] * 5 + ["partial", "delivered", "not_delivered"]
    # 150 + 150 + 125 + 125 kWh awarded and verified, 137.5 + 100 + 125 + 0 moved.
    assert [(each.award_kwh, each.counted_kwh) for each in second.intervals] == [(600, 600), (550, Decimal("362.5"))]
    assert (second.payment, second.penalty) == (Decimal("2887.50"), 0)
    assert [(each.resource, each.day, each.was_wh, each.is_wh) for each in second.known_later] == [
        ("load-1", date(2026, 6, 23), 720_000, 723_000)
    ]


def test_an_opt_out_in_time_leaves_the_award_and_a_late_one_does_not(meters: Meters) -> None:
    with psycopg.connect(acting(meters.park.dsn, "vpp"), autocommit=True) as connection:
        pilot = to_the_event(meters, connection)
        meters.run([(local("24 14:00"), local("24 18:00"))])
        in_time = pilot.events["ev-1"].event.opt_out_until
        written(pilot, [("ev-1", OptOut("op-1", "load-1", "maintenance"))], at=in_time)
        written(pilot, [("ev-1", OptOut("op-1", "storage-1", "maintenance"))], at=in_time + timedelta(minutes=1))
        over(pilot)
        (found,) = statements(connection, pilot, "ev-1")
    assert [each.resource for each in found.resources] == ["storage-1"]
    assert [each.award_wh for each in found.quarters] == [STORAGE_WH] * 8
    assert [each.resource for each in found.lines] == ["storage-1"]


def test_a_baseline_that_was_never_found_good_enough_cannot_be_paid(meters: Meters) -> None:
    with psycopg.connect(acting(meters.park.dsn, "vpp"), autocommit=True) as connection:
        meters.run(PAST)
        pilot = pilot_before()
        pilot.eligibility.clear()
        (frozen,) = freeze(connection, pilot, "ev-1", awards())
        written(pilot, [("ev-1", awards()), ("ev-1", frozen)])
        with pytest.raises(PilotError, match="aw-1 are not adjusted yet"):
            statements(connection, pilot, "ev-1")
        meters.run([(local("23 20:00"), local("24 18:00"))])
        written(pilot, [("ev-1", each) for each in adjust(connection, pilot, "ev-1")])
        over(pilot)
        (found,) = statements(connection, pilot, "ev-1")
    assert not frozen.resources[1].eligible
    assert reasons(found, "load-1") == ["not_eligible"] * 8
    assert forms.read(Statement, forms.document(found)) == found


def test_what_was_frozen_is_found_again_after_late_data(meters: Meters) -> None:
    """By its digest, from the rows as they were known; as they are known now they are others."""
    with psycopg.connect(acting(meters.park.dsn, "vpp"), autocommit=True) as connection:
        meters.run(PAST, without=[("load-1", local("23 14:00"))])
        pilot = pilot_before()
        (frozen,) = freeze(connection, pilot, "ev-1", awards())
        ((known_at,),) = meters.park.ask("SELECT max(changed_at) FROM base.interval_energy")
        meters.deliver(now_ms=NOW_MS + 60_000)
        rules, meter = rules_of(pilot, pilot.events["ev-1"].event), pilot.resources["load-1"].meter
        quarters = quarters_of(local("24 14:00"), local("24 16:00"))
        looked_at = past_of(rules.baselines[RULE], rules, quarters).looked_at
        addresses = {each.register for each in meter}
        then, now = (read(connection, addresses, looked_at, as_of) for as_of in (known_at, None))
    assert then.digest(meter, looked_at) == frozen.resources[1].readings != now.digest(meter, looked_at)
    changed = set(now.lines(meter, looked_at)) - set(then.lines(meter, looked_at))
    assert [(row[1], row[2], row[4]) for row in map(json.loads, sorted(changed))] == [
        ("2026-06-23T05:45:00Z", 2, 90_000),
        ("2026-06-23T06:00:00Z", 2, 90_000),
    ]
