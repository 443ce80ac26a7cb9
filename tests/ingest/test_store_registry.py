"""Gateways, devices and parks as the views show them."""

from contextlib import closing
from dataclasses import replace

import psycopg
import pytest

from parkgrid_contract.announcement import Device, Status
from parkgrid_contract.identity import Gateway, MeteringPoint
from parkgrid_ingest.gateways import listed
from parkgrid_ingest.store import Park
from parkgrid_ingest.store.opening import open_store
from tests.ingest.readings import EPOCH, GATEWAY, NOON_MS, all_rows, at, birth

ONLINE = "SELECT online FROM public.gateways"


@pytest.fixture
def store(dsn):
    with closing(open_store(dsn)) as opened:
        yield opened


def test_a_birth_is_seen_whole(dsn, store):
    point = MeteringPoint("坪山站", "F12", "T-7", "0755-1")
    meter = Device("meter-1", "meter", ("active_power_kw",), "总表 <b>", "DTSD", "1.2", 0.5, {"rated_kw": 630.0}, point)
    known = store.register(GATEWAY, birth(EPOCH, meter))
    assert known == {"meter-1": (known["meter-1"][0], "meter")}
    assert store.registry() == {GATEWAY: known}
    seen = all_rows(
        dsn,
        """SELECT park, gateway, device, device_class, name, model, firmware, period_s, ratings, signals,
                  station, line, transformer, account, simulated, retired FROM public.devices""",
    )
    assert seen == [
        (
            *("gaoxin-nan", "gw-1", "meter-1", "meter", "总表 <b>", "DTSD", "1.2", 0.5, {"rated_kw": 630.0}),
            *(["active_power_kw"], "坪山站", "F12", "T-7", "0755-1", True, False),
        )
    ]
    gateways = "SELECT park, gateway, epoch, agent_version, simulated, birth_at FROM public.gateways"
    assert all_rows(dsn, gateways) == [("gaoxin-nan", "gw-1", EPOCH, "0.1.0", True, at(NOON_MS))]


def test_ids_stay_and_absent_devices_retire(dsn, store):
    one, two = (Device(f"meter-{n}", "meter", ("active_power_kw",)) for n in (1, 2))
    first = store.register(GATEWAY, birth(EPOCH, one, two))
    assert set(store.register(GATEWAY, birth(EPOCH, one))) == {"meter-1"}
    assert store.register(GATEWAY, birth(EPOCH + 1, two, replace(one, name="new"))) == first
    assert set(store.register(GATEWAY, birth(EPOCH + 1, two))) == {"meter-2"}
    assert all_rows(dsn, "SELECT device, name, retired FROM devices ORDER BY device") == [
        ("meter-1", "new", True),
        ("meter-2", "", False),
    ]
    assert store.registry()[GATEWAY] == first  # what a retired one said may still be on its way


def test_the_problem_of_a_device_is_seen_as_long_as_it_lasts(dsn, store):
    meter = Device("meter-1", "meter", ("active_power_kw",))
    query = "SELECT park, gateway, device, device_class, problem FROM device_problems"
    store.register(GATEWAY, birth(EPOCH, meter))
    assert all_rows(dsn, query) == []
    store.register(GATEWAY, birth(EPOCH, replace(meter, problem="other_transaction")))
    assert all_rows(dsn, query) == [("gaoxin-nan", "gw-1", "meter-1", "meter", "other_transaction")]
    store.register(GATEWAY, birth(EPOCH, meter))
    assert all_rows(dsn, query) == []


def test_a_device_that_changes_its_class_is_another_device(store):
    first = store.register(GATEWAY, birth(EPOCH, Device("x", "meter", ("active_power_kw",))))["x"]
    second = store.register(GATEWAY, birth(EPOCH, Device("x", "grid_meter", ("active_power_kw",))))["x"]
    assert (first[1], second[1]) == ("meter", "grid_meter")
    assert first[0] != second[0]
    assert store.registry()[GATEWAY] == {"x": second}


def test_a_birth_of_an_older_epoch_changes_nothing(dsn, store):
    known = store.register(GATEWAY, birth(EPOCH))
    assert store.register(GATEWAY, birth(EPOCH - 1, Device("old", "meter", ("active_power_kw",)))) == known
    assert all_rows(dsn, "SELECT epoch FROM gateways") == [(EPOCH,)]


def test_the_last_will_of_an_older_epoch_is_history(dsn, store):
    store.set_status(GATEWAY, Status(online=True, epoch=EPOCH, at_ms=NOON_MS), NOON_MS)
    assert all_rows(dsn, ONLINE) == []
    store.register(GATEWAY, birth(EPOCH))
    store.set_status(GATEWAY, Status(online=True, epoch=EPOCH, at_ms=NOON_MS), NOON_MS)
    store.set_status(GATEWAY, Status(online=False, epoch=EPOCH - 1, at_ms=NOON_MS), NOON_MS + 1)
    assert all_rows(dsn, ONLINE) == [(True,)]
    store.set_status(GATEWAY, Status(online=False, epoch=EPOCH, at_ms=NOON_MS), NOON_MS + 2)
    assert all_rows(dsn, ONLINE) == [(False,)]


def test_a_gateway_was_heard_last_when_it_said_something_itself(dsn, store):
    """Not when its last will comes, and not when a broker hands over what it kept."""
    seen = "SELECT last_seen_at, online FROM gateways"
    store.register(GATEWAY, birth(EPOCH))
    born_ms = all_rows(dsn, "SELECT (extract(epoch FROM last_seen_at) * 1000)::int8 FROM gateways")[0][0]
    heard_ms = born_ms + 60_000
    # Its own clock is a day behind.
    store.set_status(GATEWAY, Status(online=True, epoch=EPOCH, at_ms=heard_ms - 86_400_000), heard_ms)
    assert all_rows(dsn, seen) == [(at(heard_ms), True)]
    will = Status(online=False, epoch=EPOCH, at_ms=heard_ms - 86_400_000)
    store.set_status(GATEWAY, will, heard_ms + 400_000)
    assert all_rows(dsn, seen) == [(at(heard_ms), False)]
    # Ingest starts again and is told what the broker kept.
    store.register(GATEWAY, birth(EPOCH), retained=True)
    store.set_status(GATEWAY, will, None)
    assert all_rows(dsn, seen) == [(at(heard_ms), False)]
    store.set_status(GATEWAY, Status(online=True, epoch=EPOCH, at_ms=heard_ms), None)
    assert all_rows(dsn, seen) == [(at(heard_ms), True)]
    with psycopg.connect(dsn) as connection:
        assert [each.heard_at for each in listed(connection)] == [at(heard_ms)]


def test_parks_are_named_before_or_after_their_first_birth(dsn, store):
    store.describe_park(Park("gaoxin-nan", "pingshan", "高新南", "Hi-tech South"))
    store.register(GATEWAY, birth())
    store.register(Gateway("unnamed", "gw"), birth())
    store.describe_park(Park("unnamed", "pingshan"))
    assert all_rows(
        dsn, "SELECT park, district, name_zh, name_en, time_zone, latitude, longitude FROM parks ORDER BY park"
    ) == [
        ("gaoxin-nan", "pingshan", "高新南", "Hi-tech South", "Asia/Shanghai", None, None),
        ("unnamed", "pingshan", "", "", "Asia/Shanghai", None, None),
    ]
