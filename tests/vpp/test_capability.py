"""Capability over a real database: forecasts issued from metered energy, scored, and what the plan leaves over."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.documents import Contract, Phase
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.capability import PilotCapability, capability
from parkgrid_vpp.forecast import ISSUED_EVERY, KEPT, issue, newest, scores
from tests.logins import acting
from tests.metering.park import metering
from tests.vpp import small_pilot
from tests.vpp.metered_park import GATEWAY, NOW_MS, Meters, local
from tests.vpp.small_pilot import awards, before_the_event, written

LOAD_W = 360_000
"""90 kWh a quarter hour."""
NOW = local("23 14:00")


@pytest.fixture
def meters(dsn: str) -> Iterator[Meters]:
    with metering(dsn) as park:
        made = Meters(park, {}, {})
        made.load = {local("23 10:00") + place * timedelta(minutes=15): 30_000 for place in range(4)}
        made.born()
        made.run([(local("21 22:00"), local("23 14:00"))])
        yield made


def pilot_now(*, awarded: bool = False) -> Pilot:
    pilot = Pilot()
    written(pilot, before_the_event())
    if awarded:
        written(pilot, [("ev-1", awards())])
    return pilot


def kw(found: PilotCapability, name: str, at: datetime) -> tuple[float, str, float, str]:
    slot = (at - found.start) // timedelta(minutes=15)
    up, down = found.resources[name].outlook.up, found.resources[name].outlook.down
    return round(float(up.kw[slot]), 3), up.limit_at(slot), round(float(down.kw[slot]), 3), down.limit_at(slot)


@pytest.mark.usefixtures("meters")
def test_a_forecast_is_the_last_like_day_and_is_stored_as_issued(dsn: str) -> None:
    pilot = pilot_now()
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        assert issue(connection, pilot, NOW) == 1
        assert issue(connection, pilot, NOW + timedelta(hours=5)) == 0
        found = newest(connection, pilot.resources, NOW)["load-1"]
        assert (found.method, found.start_at, len(found.mean_w)) == ("seasonal_naive", NOW, 120)
        # This afternoon as on Monday the 22nd; tomorrow morning as today: 30 kWh from 10 to 11.
        assert found.mean_w[0] == LOAD_W
        assert found.mean_w[80:84] == [120_000] * 4
        assert found.score.quarters == 0
        assert found.score.confidence_pct is None


@pytest.mark.usefixtures("meters")
def test_forecasts_are_scored_and_old_ones_go(dsn: str) -> None:
    pilot = pilot_now()
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        issue(connection, pilot, local("22 20:00"))
        assert issue(connection, pilot, NOW) == 1
        (park,) = scores(connection, pilot, NOW)
        # Of the 18 hours in between that could be forecast, one was otherwise: 360 kW forecast, 120 kW metered.
        score = park.score
        assert score.quarters - score.held == 4
        assert score.mae_w == score.bias_w == round(4 * 240_000 / score.quarters)
        assert score.confidence_pct == pytest.approx(100 * score.held / score.quarters)
        assert capability(connection, pilot, NOW).resources["load-1"].confidence_pct == score.confidence_pct
        issue(connection, pilot, NOW + KEPT + ISSUED_EVERY)
        kept = connection.execute("SELECT count(*) FROM public.vpp_forecasts").fetchone()
        assert kept == (1,)


def soc(meters: Meters, at: datetime, pct: int) -> None:
    """A reading of the storage's state of charge, in tenths of a per cent."""
    row = (meters.park.devices["storage-1"], to_ms(at), {"soc_pct": pct})
    meters.park.store_readings([row], "storage", received_ms=NOW_MS, gateway=GATEWAY)


def with_nameplate(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            """UPDATE base.device SET ratings = '{"capacity_kwh": 1000, "rated_power_kw": 500}'
               WHERE device = 'storage-1'"""
        )


def test_a_pool_is_what_plan_and_events_leave_over(dsn: str, meters: Meters) -> None:
    with_nameplate(dsn)
    soc(meters, NOW - timedelta(minutes=4), 500)
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        issue(connection, pilot_now(), NOW)
        free = capability(connection, pilot_now(), NOW)
        # vpp.md 5.2: 380 kWh can be given and 421.05 taken; the resource sustains for two hours.
        assert kw(free, "storage-1", local("23 15:00")) == (190, "energy", 210.526, "energy")
        assert kw(free, "load-1", local("23 15:00")) == (200, "power", 0, "power")
        assert kw(free, "load-1", local("24 10:00")) == (120, "plan", 0, "power")
        # The load's notice is half an hour, the storage's five minutes: from 14:00 on, both are asked too late.
        assert kw(free, "load-1", NOW)[1] == kw(free, "storage-1", NOW)[1] == "notice"
        assert kw(free, "load-1", local("23 14:15"))[1] == "notice"
        assert free.pool.up.kw[4] == pytest.approx(390)
        assert free.parks["park-a"].up.kw[4] == free.transformers["tr-1"].up.kw[4] == pytest.approx(390)
        issue(connection, pilot_now(awarded=True), local("24 09:59"))
        promised = capability(connection, pilot_now(awarded=True), local("24 09:59"))
        # Of the load 100 kW of 200 are promised, and it draws 360 kW as on Monday afternoon.
        assert kw(promised, "load-1", local("24 14:00")) == (100, "reserved", 0, "reserved")


def test_a_state_of_charge_that_is_old_tells_nothing(dsn: str, meters: Meters) -> None:
    with_nameplate(dsn)
    soc(meters, NOW - timedelta(minutes=31), 500)
    with psycopg.connect(acting(dsn, "api"), autocommit=True) as connection:
        found = capability(connection, pilot_now(), NOW)
        assert kw(found, "storage-1", local("23 15:00")) == (0, "unknown", 0, "unknown")
        assert kw(found, "load-1", local("23 15:00")) == (0, "unknown", 0, "unknown")


def test_a_transformer_lessens_what_is_behind_it(dsn: str, meters: Meters) -> None:
    pilot = pilot_now()
    written(pilot, [("tr-1", replace(pilot.locations["tr-1"], limit_w=400_000))])
    with_nameplate(dsn)
    soc(meters, NOW, 500)
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        issue(connection, pilot, NOW)
        found = capability(connection, pilot, NOW)
        # 360 kW are drawn by plan: 40 kW more can be carried.
        assert (found.pool.down.kw[4], found.pool.down.limit_at(4)) == (pytest.approx(40), "transformer")


@pytest.mark.usefixtures("meters")
def test_only_what_is_active_counts(dsn: str) -> None:
    pilot = pilot_now()
    written(pilot, [("load-1", Phase("suspended", local("23 00:00").date(), ""))])
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        assert issue(connection, pilot, NOW) == 0
        assert capability(connection, pilot, NOW).resources.keys() == {"storage-1"}
        assert capability(connection, pilot, NOW, only=["load-1"]).resources == {}


def test_the_contract_is_not_needed(dsn: str) -> None:
    """A pilot without readings has a capability too: nothing is known."""
    pilot = Pilot()
    acts = [each for each in [*small_pilot.rules(), *small_pilot.registry()] if not isinstance(each[1], Contract)]
    written(pilot, acts)
    with psycopg.connect(acting(dsn, "vpp"), autocommit=True) as connection:
        found = capability(connection, pilot, NOW)
        assert {each.outlook.up.limit_at(50) for each in found.resources.values()} == {"unknown"}
        assert scores(connection, pilot, NOW) == []
