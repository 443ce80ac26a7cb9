"""However readings arrive, in whatever parts they are metered: the rows are those of metering everything."""

import random

import psycopg
import pytest

from parkgrid_metering.rounds import run_rounds
from tests.conftest import temporary_database
from tests.metering.park import METERED_AT, MINUTE_MS, meter, metering, ms

COLUMNS = (
    "device, signal, at, energy_wh, quality, expected, received, valid, estimated, first_at, first_register_kwh,"
    " last_at, last_register_kwh"
)
DEVICES = (
    meter(period_s=60.0),
    meter("m-2", period_s=300.0, ratings={"register_modulus_kwh": 100.0, "register_ratio": 40.0}),
    meter("m-3", period_s=300.0, signals=("active_power_kw", "energy_import_kwh", "energy_export_kwh")),
    meter("m-4", period_s=3_600.0),
)


def readings(rng, park):
    """Half a day of four meters: outages, false zeros, a roll-over, resets, a second direction, flags."""
    found = []
    for name, step in (("m-1", 1), ("m-2", 5), ("m-3", 5), ("m-4", 60)):
        count = rng.randint(0, 90_000)
        quiet = range(rng.randint(0, 500), rng.randint(500, 700))
        for minute in range(0, 721, step):
            count += rng.randint(0, 200)
            if rng.random() < 0.002:
                count = 0
            if minute in quiet and rng.random() < 0.9:
                continue
            value = 0 if rng.random() < 0.01 else count % 100_000
            values = {"energy_import_kwh": value}
            if name == "m-3":
                values["energy_export_kwh"] = None if rng.random() < 0.2 else minute
            found.append((park.devices[name], ms("05 00:00") + minute * MINUTE_MS, values))
    return found


def intervals(park):
    return park.ask(f"SELECT {COLUMNS} FROM interval_energy ORDER BY device, signal, at")


@pytest.mark.parametrize("seed", range(4))
def test_parts_in_any_order_equal_the_whole(dsn, database_server, template_database, seed):
    rng = random.Random(20260305 + seed)
    with metering(dsn) as park, temporary_database(database_server.dsn, template_database) as (_, whole_dsn):
        park.born(*DEVICES)
        rows = readings(rng, park)
        with metering(whole_dsn) as whole:
            whole.born(*DEVICES)
            whole.store_readings(rows, received_ms=ms("05 12:01"))
            whole.metered()
            wanted = intervals(whole)
        # Mostly in order, some of it much later, some of it not at all in order.
        late = {place for place in range(len(rows)) if rng.random() < 0.1}
        waves = [[row for place, row in enumerate(rows) if place not in late], [rows[place] for place in sorted(late)]]
        for wave in waves:
            ordered = sorted(wave, key=lambda row: row[1] + rng.randint(0, 40 * MINUTE_MS))
            for start in range(0, len(ordered), 150):
                park.store_readings(ordered[start : start + 150], received_ms=ms("05 12:01"))
                if rng.random() < 0.7:
                    park.metered()
        park.metered()
        found = intervals(park)
        assert found == wanted
        # What the revisions remember is a chain without a hole.
        chains = park.ask(
            "SELECT i.revision - 1 = (SELECT count(*) FROM base.interval_energy_revision AS r"
            " WHERE r.register_id = i.register_id AND r.at = i.at) FROM base.interval_energy AS i GROUP BY 1"
        )
        assert chains == [(True,)]


def test_a_login_of_accounting_may_meter(park, dsn):
    """The group `parkgrid_accounting` has what metering needs, and cannot change what was declared."""
    park.born(meter())
    park.register_values({f"05 00:{minute:02}": minute * 100 for minute in range(0, 35, 5)})
    park.store.maintain(METERED_AT)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET ROLE parkgrid_accounting")
        assert run_rounds(connection, METERED_AT).inserted == 2
    park.register_values({"05 00:12": 1_190}, received_ms=ms("05 02:00"))
    park.store.maintain(METERED_AT)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET ROLE parkgrid_accounting")
        assert run_rounds(connection, METERED_AT).changed == 1
