"""A round of metering is bounded by intervals: what one gateway has sent keeps nobody else waiting."""

import psycopg
import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_database.errors import StoreFullError
from parkgrid_metering import rounds
from parkgrid_metering.registers import Register
from parkgrid_metering.work import LATE, LONGEST_MS, RegisterSpan, of_round
from tests.conftest import temporary_database
from tests.ingest.readings import drain
from tests.logins import acting
from tests.metering.park import DAY_MS, METERED_AT, SLOT_MS, meter, metering, ms

IMPORT = "energy_import_kwh"
HEAVY = Gateway("elsewhere", "gw-1")


def span(device, low_ms, high_ms):
    register = Register(
        device, device, "meter", IMPORT, 1, "elsewhere", SLOT_MS, "register", 1_000, "UTC", None, None, own_time=False
    )
    return RegisterSpan(register, low_ms, high_ms, LATE, forward=True)


def test_the_devices_with_the_least_to_do_go_first_and_one_always_goes():
    day, month = span(1, 0, DAY_MS), span(2, 0, 30 * DAY_MS)
    year, beginning = span(3, 0, 365 * DAY_MS), span(4, -1, 40 * DAY_MS)
    work, begins = [year, month, beginning, day], {4: 38 * DAY_MS}
    assert of_round(work, begins, 10**9) == (work, [])
    assert of_round(work, begins, 500) == ([beginning, day], [year, month])
    assert of_round(work, begins, 1) == ([day], [year, month, beginning])
    assert of_round([year], begins, 1) == ([year], [])
    # The first computation of a year is no longer than that of a month.
    most = 2 * (LONGEST_MS + DAY_MS) // SLOT_MS
    assert of_round([year, span(2, 0, 300 * DAY_MS)], begins, most)[1] == []
    # All registers of a device go together.
    assert of_round([month, span(2, 0, DAY_MS), day], begins, 400) == ([day], [month, span(2, 0, DAY_MS)])


def filled(park):
    """Three meters with two readings ten days apart, in a park of their own, and one beside them for an hour."""
    park.born(meter("m-1"))
    park.born(*(meter(f"far-{number}") for number in range(3)), gateway=HEAVY)
    for number in range(3):
        device = park.devices[f"far-{number}"]
        readings = [(device, ms(at), {IMPORT: wh}) for at, wh in (("01 00:00", 0), ("11 00:00", 960_000))]
        park.store_readings(readings, received_ms=ms("11 00:01"), gateway=HEAVY)
    times = range(ms("11 00:00"), ms("11 01:00") + 1, 300_000)
    park.store_readings([(park.devices["m-1"], at, {IMPORT: at // 300_000}) for at in times])


def test_a_long_gap_of_many_meters_is_metered_round_by_round_and_comes_out_the_same(
    park, monkeypatch, database_server, template_database
):
    filled(park)
    with temporary_database(database_server.dsn, template_database) as (_, other), metering(other) as whole:
        filled(whole)
        whole.metered()
        expected = whole.dump()
    monkeypatch.setattr(rounds, "MOST_OF_ROUND", 1_000)
    drain(park.store, METERED_AT)
    with psycopg.connect(acting(park.dsn, "accounting"), autocommit=True) as connection:
        first = rounds.run_pass(connection, METERED_AT)
        assert first.pending
        metered = dict(park.ask("SELECT device, count(*) FROM interval_energy GROUP BY 1"))
        assert metered["m-1"] == 4
        assert sum(metered.values()) < 1_000
        count = 1
        while rounds.run_pass(connection, METERED_AT).pending:
            count += 1
            assert count < 10
    assert park.dump() == expected


def test_a_full_disk_is_reported_as_one(park):
    filled(park)
    drain(park.store, METERED_AT)
    with psycopg.connect(park.dsn, autocommit=True) as owner:
        owner.execute(
            "CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS "
            "$$BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END$$"
        )
        owner.execute("CREATE TRIGGER full_disk BEFORE INSERT ON base.interval_energy EXECUTE FUNCTION no_space()")
    with (
        psycopg.connect(acting(park.dsn, "accounting"), autocommit=True) as connection,
        pytest.raises(StoreFullError, match="no space left"),
    ):
        rounds.run_rounds(connection, METERED_AT)
