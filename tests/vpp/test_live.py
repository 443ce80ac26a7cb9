"""Measured against promised, minute by minute, and how soon it answered, out of what is stored of a running event."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.documents import Frozen, FrozenResource, OptOut
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.live import LiveResource, live
from parkgrid_vpp.responses import Delay, responses
from tests.logins import acting
from tests.metering.park import Metering, meter, metering
from tests.vpp.metered_park import GATEWAY
from tests.vpp.small_pilot import BASELINE, START, awards, before_the_event, shipped_baseline_digest, written

NOTHING = "0" * 64


@pytest.fixture
def park(dsn: str) -> Iterator[Metering]:
    """Three minutes of the event: the load falls from 400 to 310 kW, the storage gives back 480 kW, then is silent."""
    with metering(dsn) as opened:
        signals = ("active_power_kw", "energy_charged_kwh", "energy_discharged_kwh")
        now_ms = to_ms(START) + 180_000
        opened.born(meter("load-1"), meter("storage-1", "storage", signals), gateway=GATEWAY, at_ms=now_ms)
        steps = [to_ms(START) + 20_000 * place for place in range(9)]
        load = [
            (opened.devices["load-1"], at, {"active_power_kw": 400_000 - 45_000 * (place // 3)})
            for place, at in enumerate(steps)
        ]
        storage = [(opened.devices["storage-1"], at, {"active_power_kw": 480_000}) for at in steps[:6]]
        opened.store_readings(load, "meter", received_ms=now_ms, gateway=GATEWAY)
        opened.store_readings(storage, "storage", received_ms=now_ms, gateway=GATEWAY)
        opened.metered(now_ms)
        yield opened


def awarded(*more: OptOut) -> Pilot:
    pilot = Pilot()
    curve = (100_000,) * 8
    frozen = Frozen(
        "aw-1",
        (
            FrozenResource("storage-1", "zero", None, (), True, None, True, NOTHING, ()),
            FrozenResource("load-1", BASELINE, shipped_baseline_digest(), (), True, curve, True, NOTHING, ()),
        ),
    )
    written(pilot, [*before_the_event(), *(("ev-1", each) for each in more), ("ev-1", awards()), ("ev-1", frozen)])
    return pilot


def moved(resource: LiveResource) -> list[int | None]:
    return [each.moved_w for each in resource.minutes]


def test_each_minute_beside_what_was_promised(park: Metering) -> None:
    with psycopg.connect(acting(park.dsn, "api"), autocommit=True) as connection:
        (award,) = live(connection, awarded(), "ev-1", START + timedelta(seconds=200))
        storage, load = award.resources
        assert moved(storage) == [480_000, 480_000, None], "a silent device is not known, not zero"
        assert moved(load) == [0, 45_000, 90_000], "100 kWh a quarter hour are 400 kW"
        assert [(each.promised_w, each.moved_w) for each in award.minutes] == [
            (600_000, 480_000),
            (600_000, 525_000),
            (100_000, 90_000),
        ]
        assert live(connection, awarded(), "ev-1", START - timedelta(hours=1))[0].minutes == ()
        (alone,) = live(connection, awarded(), "ev-1", START + timedelta(seconds=200), "load-1")
        assert [moved(each) for each in alone.resources] == [[0, 45_000, 90_000]]


def test_how_soon_it_answered_and_how_late_its_readings_came(park: Metering) -> None:
    both, later = ["load-1", "storage-1"], START + timedelta(seconds=200)
    with psycopg.connect(acting(park.dsn, "api"), autocommit=True) as connection:
        # 90 of 100 kW from the reading at 120 s on, and 480 of 500 kW from the first one.
        storage, load = responses(connection, awarded(), "ev-1", both, Decimal(90), later)
        assert (storage.state, storage.after_s, storage.by_s) == ("reached", 0, 0)
        assert (load.state, load.after_s, load.by_s) == ("reached", 100, 120)
        # All readings were received after three minutes; the first of each minute is looked at.
        assert load.delay == Delay("", 3, 120, 180)
        assert storage.delay == Delay("", 2, 150, 180)
        storage, load = responses(connection, awarded(), "ev-1", both, Decimal(100), later)
        assert (storage.state, storage.minutes, storage.measured) == ("not_reached", 3, 2)
        assert (load.state, load.measured) == ("not_reached", 3)
        (early,) = responses(connection, awarded(), "ev-1", ["load-1"], Decimal(90), START)
        assert (early.state, early.why) == ("unknown", "not_begun")
        (out,) = responses(
            connection, awarded(OptOut("op-1", "storage-1", "x")), "ev-1", ["storage-1"], Decimal(90), later
        )
        assert (out.state, out.why) == ("unknown", "opted_out")


def test_who_opted_out_in_time_is_not_expected(park: Metering) -> None:
    with psycopg.connect(acting(park.dsn, "api"), autocommit=True) as connection:
        (award,) = live(
            connection, awarded(OptOut("op-1", "storage-1", "repair")), "ev-1", START + timedelta(minutes=1)
        )
        assert [each.resource for each in award.resources] == ["load-1"]
        assert (award.w, award.minutes[0].promised_w) == (100_000, 100_000)
