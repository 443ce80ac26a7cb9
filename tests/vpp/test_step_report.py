"""A step that a site carried out, read minute by minute from the store, judged, and kept as an entry."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import psycopg
import pytest
from typer.testing import CliRunner

from parkgrid.cli import app
from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.documents import CapabilityTest, Phase
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.capability import capability
from parkgrid_vpp.errors import PilotError, RefusedActError
from parkgrid_vpp.ledger import Act, follow, write
from parkgrid_vpp.step_report import judged_step
from tests.ingest.readings import drain
from tests.logins import acting
from tests.metering.park import meter, metering
from tests.vpp.metered_park import GATEWAY, NOW_MS, Meters, local
from tests.vpp.small_pilot import registry, rules

BEGAN = local("20 14:00")
MINUTE = timedelta(minutes=1)


def stepped(minute: int) -> float:
    """vpp.md 5.2: dead time 2 min, 100 kW a minute, rests at 605 kW for an hour, then 1,000 and 1,040 kW."""
    if minute >= 60:
        return 1_000 if minute == 60 else 1_040
    return 1_000 if minute <= 2 else max(605, 1_000 - 100 * (minute - 2))


@pytest.fixture
def site(dsn: str) -> Iterator[str]:
    """The small pilot in the ledger, and a load and a storage that took a step."""
    with metering(dsn) as park:
        meters = Meters(park)
        storage = meter("storage-1", "storage", ("active_power_kw", "energy_charged_kwh"), period_s=60.0)
        park.born(meter("load-1", period_s=60.0), storage, gateway=GATEWAY, at_ms=NOW_MS)
        minutes = range(-15, 62)
        for name, device_class, sign in (("load-1", "meter", 1), ("storage-1", "storage", -1)):
            rows = [
                (meters.park.devices[name], to_ms(BEGAN + minute * MINUTE), power(sign * stepped(minute)))
                for minute in minutes
            ]
            park.store_readings(rows, device_class, received_ms=NOW_MS, gateway=GATEWAY)
        drain(park.store)
    with psycopg.connect(dsn, autocommit=True) as connection:
        write(connection, Pilot(), [Act(*each) for each in [*rules(), *registry()]], "x", local("01 00:00"))
    return dsn


def power(kw: float) -> dict[str, int]:
    return {"active_power_kw": round(kw * 1000)}


def followed(dsn: str) -> Pilot:
    pilot = Pilot()
    with psycopg.connect(dsn, autocommit=True) as connection:
        follow(connection, pilot)
    return pilot


def run(*arguments: object):
    return CliRunner().invoke(app, ["vpp", "test", *map(str, arguments)])


def test_a_step_is_judged_as_the_oracle_and_kept_with_its_minutes(site: str) -> None:
    arguments = ("load-1", "--from", BEGAN.isoformat(), "--step-kw", "-400", "--dsn", site)
    dry = run(*arguments, "--by", "Li Wei", "--dry-run")
    assert dry.stdout.splitlines() == [
        "before 1000.0 kW, step -400.0 kW for 60 min",
        "first response after 3 min, 90 % after 6 min",
        "quarter hours (accuracy): 723.0 kW (0.6925), 605.0 kW (0.9875), 605.0 kW (0.9875), 605.0 kW (0.9875)",
        "rebound 40.0 kW",
    ]
    assert followed(site).tests == {}
    done = json.loads(run(*arguments, "--by", "Li Wei", "--json").stdout)
    assert (done["entry"], done["reached_min"], len(done["minutes_w"])) == (23, 6, 62)
    (kept,) = followed(site).tests["load-1"]
    assert [each.accuracy for each in kept.quarters] == [Decimal("0.6925"), *[Decimal("0.9875")] * 3]
    assert kept.minutes_w[:7] == (1_000_000, 1_000_000, 1_000_000, 900_000, 800_000, 700_000, 605_000)
    assert kept.minutes_before_w == (1_000_000,) * 15


def test_a_storage_that_charges_less_is_read_with_the_sign_of_its_registers(site: str) -> None:
    with psycopg.connect(acting(site, "vpp"), autocommit=True) as connection:
        pilot = Pilot()
        follow(connection, pilot)
        found = judged_step(connection, pilot, "storage-1", BEGAN, -400_000, 60)
        assert (found.before_w, found.minutes_w[10], found.rebound_w) == (1_000_000, 605_000, 40_000)
        # Without a forecast, the least accuracy of the last test is the confidence.
        write(connection, pilot, [Act("storage-1", found)], "x", local("21 00:00"))
        shown = capability(connection, pilot, local("21 00:00"))
        assert shown.resources["storage-1"].confidence_pct == pytest.approx(69.25)


@pytest.mark.parametrize(
    ("start", "step_w", "hold", "says"),
    [
        (BEGAN + 10 * MINUTE, -1, 60, "8 of 75 minutes of load-1 were not read, the first at 2026-06-20 07:02Z"),
        (BEGAN, 0, 60, "a step of 0 kW tests nothing"),
        (BEGAN, -1, 50, "not a whole number of quarter hours"),
        (BEGAN + timedelta(seconds=1), -1, 15, "a test begins on a minute"),
    ],
)
def test_what_cannot_be_judged_says_why(site: str, start: datetime, step_w: int, hold: int, says: str) -> None:
    pilot = followed(site)
    with psycopg.connect(acting(site, "vpp"), autocommit=True) as connection, pytest.raises(PilotError, match=says):
        judged_step(connection, pilot, "load-1", start, step_w, hold)


def test_who_left_is_not_tested(site: str) -> None:
    pilot = followed(site)
    with psycopg.connect(acting(site, "vpp"), autocommit=True) as connection:
        found = judged_step(connection, pilot, "load-1", BEGAN, -400_000, 60)
        gone = Act("load-1", Phase("left", local("20 00:00").date(), ""))
        with pytest.raises(RefusedActError, match="load-1 is left: it is not tested"):
            write(connection, pilot, [gone, Act("load-1", found)], "x", local("21 00:00"))
        with pytest.raises(RefusedActError, match="is not over"):
            write(connection, pilot, [Act("load-1", found)], "x", BEGAN + 61 * MINUTE)
        assert isinstance(found, CapabilityTest)
