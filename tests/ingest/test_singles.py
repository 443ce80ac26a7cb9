"""Quarters of an hour that hold one reading: no roll-up row repeats it, and roll-ups answer as if there were one."""

import random
from contextlib import closing

import psycopg
import pytest

from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import Gateway
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from tests.ingest.readings import EPOCH, NOON_MS, account, all_rows, birth, drain, store_one
from tests.ingest.test_rollup import check, expected, flat, stored
from tests.logins import acting

MINUTE, QUARTER, DAY = 60_000, 900_000, 86_400_000
POWER = ("active_power_kw", "energy_import_kwh")
TABLES = ("single", "1m", "15m")


@pytest.fixture
def store(dsn):
    with closing(open_store(acting(dsn, "ingest"))) as opened:
        yield opened


def rows(dsn, device, table):
    """How many rows of a device a table of roll-ups has; a window of an aggregate is not counted."""
    return all_rows(dsn, f"SELECT count(*) FROM base.meter_{table} WHERE device_id = %s", device)[0][0]


def counted(dsn, device):
    return tuple(rows(dsn, device, table) for table in TABLES)


def values(n):
    return {"active_power_kw": n, "energy_import_kwh": None if n % 7 == 0 else 10 * n}


def roll_up(store, now_ms):
    while (report := store.roll_up(now_ms)).pending or report.buckets:
        pass
    drain(store, now_ms)


def sparse_and_dense():
    """Device 1 is read every quarter of an hour, 2 every 5 minutes, 3 every 20 s for an hour, 4 twice a day."""
    found = {(1, NOON_MS - n * QUARTER + n * 400): values(n) for n in range(1, 150)}
    found |= {(2, NOON_MS - n * 300_000): values(n) for n in range(1, 150)}
    found |= {(3, NOON_MS - n * 20_000): values(n) for n in range(1, 180)}
    # In the eighth minute of its quarter of an hour: the minute and the quarter do not begin at the same instant.
    return found | {(4, NOON_MS - n * DAY // 2 + 7 * MINUTE): values(n) for n in range(1, 5)}


@pytest.mark.parametrize("work", [drain, roll_up])
def test_a_reading_that_is_alone_in_its_quarter_has_no_rows_of_its_own(dsn, store, work):
    readings = sparse_and_dense()
    store_one(store, 1, flat(readings))
    work(store, NOON_MS + DAY)
    check(dsn, readings, names=POWER)
    if store.kind == "postgres":
        assert counted(dsn, 1) == (149, 0, 0)
        assert counted(dsn, 2) == (0, 149, 50)
        assert counted(dsn, 3) == (0, 60, 4)
        assert counted(dsn, 4) == (0, 4, 4)
    # A second reading of a quarter, in its first minute and in another one; and a reading between the others.
    late = {(1, NOON_MS - 4 * QUARTER + 30_000): values(1), (1, NOON_MS - 8 * QUARTER + 8 * MINUTE): values(2)}
    late |= {(1, NOON_MS - 300 * QUARTER): values(3)}
    store_one(store, 2, flat(late))
    work(store, NOON_MS + DAY)
    check(dsn, readings | late, names=POWER)
    if store.kind == "postgres":
        assert counted(dsn, 1) == (148, 3, 2)


def test_whatever_the_order_the_roll_ups_are_those_of_the_readings(dsn, store):
    rng = random.Random(900)
    readings = {}
    for _ in range(700):
        ms = NOON_MS - rng.randrange(200) * QUARTER + rng.choice((0, 0, 0, 5_000, 59_999, 60_000, 899_999))
        readings[rng.randint(1, 3), ms] = values(rng.randrange(900))
    left = flat(readings)
    rng.shuffle(left)
    for seq in range(1, 15):
        part, left = left[:50], left[50:]
        store_one(store, seq, part)
        now_ms = NOON_MS - rng.randrange(-1, 200) * QUARTER
        rng.choice((store.maintain, store.maintain, store.roll_up))(now_ms)
    drain(store, NOON_MS + DAY)
    check(dsn, readings, names=POWER)


def test_a_device_that_is_read_every_quarter_of_an_hour_needs_no_rows_while_it_is_live(dsn, store):
    slow, quick = (Device(name, "meter", POWER, name, "M1", "1.0", period_s=s) for name, s in (("s", 900), ("q", 1)))
    known = store.register(Gateway("gaoxin-nan", "gw-1"), birth(EPOCH, slow, quick))
    first, second = known["s"][0], known["q"][0]
    readings = {(device, NOON_MS + 120): values(1) for device in (first, second)}
    store_one(store, 1, flat(readings))
    drain(store, NOON_MS + 500)
    check(dsn, readings, names=POWER)
    if store.kind == "postgres":
        assert (counted(dsn, first), counted(dsn, second)) == ((1, 0, 0), (0, 1, 1))


def test_what_leaves_one_level_stays_in_the_other(dsn):
    with closing(open_store(dsn, StoreSettings(rollup_1m_days=10))) as store:
        readings = {(1, NOON_MS - n * DAY): values(n) for n in range(100)}
        store_one(store, 1, flat(readings))
        drain(store, NOON_MS + DAY)
        account(dsn)
        store.maintain(NOON_MS + 9 * DAY)
        minutes, wanted = stored(dsn, "1m", names=POWER), expected(readings, "1m", names=POWER)
        assert 17 <= len(minutes) < 17 + 31
        assert [row[:3] for row in minutes] == [row[:3] for row in wanted[-len(minutes) :]]
        for level in ("15m", "1d"):
            found = stored(dsn, level, names=POWER)
            assert [row[:3] for row in found] == [row[:3] for row in expected(readings, level, names=POWER)]
        assert counted(dsn, 1) == (len(minutes), 0, 100 - len(minutes))


def test_single_readings_are_found_along_the_key(dsn, store):
    """As one table: device by device, without a look at what lies outside the time that is asked for."""
    store_one(store, 1, [(device, NOON_MS - n * QUARTER, values(n)) for device in range(1, 40) for n in range(96)])
    roll_up(store, NOON_MS + DAY)
    asked = (
        "EXPLAIN SELECT d.device_id, r.at FROM unnest(ARRAY[1, 2]) AS d (device_id) JOIN public.meter_1m AS r"
        " USING (device_id) WHERE r.park_id = 1 AND r.at >= '2025-10-09 08:00Z' AND r.at < '2025-10-09 09:00Z'"
    )
    with psycopg.connect(dsn) as connection:
        connection.execute("ANALYZE base.meter_single")
        plan = "\n".join(line for (line,) in connection.execute(asked))
    assert "meter_single_pkey" in plan
    assert "(park_id = 1) AND (device_id = d.device_id) AND (at >=" in plan
