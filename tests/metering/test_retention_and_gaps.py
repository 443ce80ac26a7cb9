"""What was removed is never turned into missing, and what is missing has a cause."""

from datetime import UTC, datetime
from decimal import Decimal

import psycopg

from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import from_ms
from parkgrid_ingest.store.settings import StoreSettings
from parkgrid_metering.declarations import Wish, declare
from tests.metering.park import DAY_MS, METERED_AT, MINUTE_MS, PARK, SLOT_MS, meter, metering, ms


def even(park, device, first, last, step_ms=15 * MINUTE_MS):
    """100 Wh a minute since the first of March."""
    number = park.devices[device]
    return [
        (number, at, {"energy_import_kwh": (at - ms("01 00:00")) // MINUTE_MS * 100})
        for at in range(ms(first), ms(last) + 1, step_ms)
    ]


def test_intervals_outlive_the_readings_they_were_made_of(dsn):
    with metering(dsn) as park:
        park.born(meter(period_s=900.0))
        park.store_readings(even(park, "m-1", "01 00:00", "11 12:00"))
        park.metered()
        before, devices = park.dump(), park.devices
    assert len(before["interval_energy"]) == 10 * 96 + 48
    with metering(dsn, StoreSettings(raw_days=2)) as park:
        park.devices, park.seq = devices, 100_000
        park.metered()
        park.metered(METERED_AT + 8 * DAY_MS)
        [(oldest,)] = park.ask("SELECT min(at) FROM meter")
        assert oldest.day == 2  # the readings of the first day are gone
        park.ask(
            "INSERT INTO base.energy_dirty (park_id, device_class, devices, slots) SELECT park_id, 'meter',"
            " array_agg(device_id), array_agg(extract(epoch FROM at)::int / 60) FROM interval_energy"
            " JOIN registers USING (park_id, register_id) GROUP BY park_id RETURNING 1"
        )
        report = park.metered()
        assert report.readings > 100
        assert park.dump() == before
        # What is still there is still corrected, by a late reading between two others.
        park.store_readings([(park.devices["m-1"], ms("05 10:05"), {"energy_import_kwh": 4 * 144_000 + 60_400})])
        assert park.metered().changed == 1


def test_a_device_that_falls_silent_among_its_neighbours_blames_itself(park):
    park.born(meter(), meter("m-2"))
    park.store_readings(even(park, "m-1", "05 00:00", "05 01:00", 5 * MINUTE_MS))
    park.store_readings(even(park, "m-1", "05 02:00", "05 03:00", 5 * MINUTE_MS))
    park.store_readings(even(park, "m-2", "05 00:00", "05 03:00", 5 * MINUTE_MS))
    park.metered()
    gaps = park.ask(
        "SELECT device, signal, to_char(from_at, 'HH24:MI'), to_char(to_at, 'HH24:MI'), cause FROM data_gaps"
    )
    assert gaps == [("m-1", "energy_import_kwh", "01:00", "02:00", "device")]
    [(expected, valid, coverage)] = park.ask(
        "SELECT expected, valid, coverage_pct FROM completeness_1d WHERE device = 'm-1'"
    )
    assert (expected, valid) == (36, 25)  # three hours at five minutes; 01:00 is there, the other eleven are not
    assert coverage == 100 * 25 / 36
    [(registers, score)] = park.ask("SELECT registers, coverage_pct FROM park_completeness_1d")
    assert (registers, score) == (2, (100 * 25 / 36 + 100) / 2)


def test_a_gap_that_is_filled_later_is_a_gap_no_more(park):
    park.born(meter(), meter("m-2"))
    whole = even(park, "m-1", "05 00:00", "05 03:00", 5 * MINUTE_MS)
    hole = range(ms("05 01:00"), ms("05 02:30"))
    park.store_readings([reading for reading in whole if reading[1] not in hole])
    park.store_readings(even(park, "m-2", "05 00:00", "05 03:00", 5 * MINUTE_MS))
    park.metered()
    assert len(park.ask("SELECT * FROM data_gaps")) == 1
    half = [reading for reading in whole if reading[1] in hole and reading[1] < ms("05 01:45")]
    park.store_readings(half, received_ms=ms("05 04:00"))
    park.metered()
    spells = park.ask("SELECT to_char(from_at, 'HH24:MI'), to_char(to_at, 'HH24:MI') FROM data_gaps")
    assert spells == [("01:45", "02:30")]
    rest = [reading for reading in whole if reading[1] in hole and reading not in half]
    park.store_readings(rest, received_ms=ms("05 04:00"))
    park.metered()
    assert park.ask("SELECT * FROM data_gaps") == []


def test_a_gateway_that_falls_silent_as_a_whole(park):
    """Both its meters are silent from 01:00 to 02:00, its own samples too; another gateway goes on."""
    other = type(PARK)(PARK.park, "gw-2")
    park.born(meter(), meter("m-2"))
    park.born(meter("m-3"), gateway=other)
    for name in ("m-1", "m-2"):
        park.store_readings(even(park, name, "05 00:00", "05 01:00", 5 * MINUTE_MS))
        park.store_readings(even(park, name, "05 02:00", "05 03:00", 5 * MINUTE_MS))
    park.store_readings(even(park, "m-3", "05 00:00", "05 03:00", 5 * MINUTE_MS), gateway=other)
    park.metered()
    assert set(park.ask("SELECT device, cause FROM data_gaps")) == {("m-1", "gateway"), ("m-2", "gateway")}


def test_what_a_restore_of_the_database_lost_is_no_fault_of_the_gateway(park):
    """Stored until 01:00, restored at 02:00: the hour between is the restore's, the silence after 03:00 is not."""
    other = type(PARK)(PARK.park, "gw-2")
    park.born(meter(), meter("m-2"))
    park.born(meter("elsewhere"), gateway=other)
    for first, last in (("05 00:00", "05 01:00"), ("05 02:00", "05 03:00"), ("05 04:00", "05 05:00")):
        for device in ("m-1", "m-2"):
            park.store_readings(even(park, device, first, last, 5 * MINUTE_MS))
    # The other gateway's outbox kept everything: it came again.
    park.store_readings(even(park, "elsewhere", "05 00:00", "05 05:00", 5 * MINUTE_MS), gateway=other)
    with psycopg.connect(park.dsn) as connection:
        connection.execute(
            "INSERT INTO base.store_restore (park, gateway, acked_epoch, acked_through, held_epoch, held_through,"
            " held_at, noted_at) VALUES (%s, %s, 9, 99, 8, 20, %s, %s)",
            (PARK.park, PARK.gateway, from_ms(ms("05 01:00")), from_ms(ms("05 02:00"))),
        )
    park.metered()
    gaps = park.ask(
        "SELECT device, to_char(from_at, 'HH24:MI'), to_char(to_at, 'HH24:MI'), cause FROM data_gaps ORDER BY 1, 2"
    )
    assert gaps == [
        (device, *spell)
        for device in ("m-1", "m-2")
        for spell in (("01:00", "02:00", "restore"), ("03:00", "04:00", "gateway"))
    ]


def test_nobody_at_all_is_heard(park):
    """All gateways are silent from 01:00 to 02:00: what they share is ingest."""
    other = type(PARK)(PARK.park, "gw-2")
    park.born(meter())
    park.born(meter("m-3"), gateway=other)
    for name, gateway in (("m-1", PARK), ("m-3", other)):
        park.store_readings(even(park, name, "05 00:00", "05 01:00", 5 * MINUTE_MS), gateway=gateway)
        park.store_readings(even(park, name, "05 02:00", "05 03:00", 5 * MINUTE_MS), gateway=gateway)
    park.metered()
    assert {cause for (cause,) in park.ask("SELECT cause FROM data_gaps WHERE from_at > '2026-03-05 01:00Z'")} <= {
        "ingest"
    }
    assert park.ask("SELECT count(*) FROM data_gaps") != [(0,)]


def test_a_park_whose_only_gateway_is_silent_knows_whether_others_were_heard(park):
    """From 01:00 to 02:00 another park is heard, so ingest was there; from 03:00 to 04:00 nobody is."""
    other = Gateway("guangming", "gw-1")
    park.born(meter())
    park.born(meter("m-3"), gateway=other)
    for first, last in (("05 00:00", "05 03:00"), ("05 04:00", "05 05:00")):
        park.store_readings(even(park, "m-3", first, last, 5 * MINUTE_MS), gateway=other)
    park.metered()
    for first, last in (("05 00:00", "05 01:00"), ("05 02:00", "05 03:00"), ("05 04:00", "05 05:00")):
        park.store_readings(even(park, "m-1", first, last, 5 * MINUTE_MS))
    park.metered()
    spells = "SELECT to_char(from_at, 'HH24:MI'), to_char(to_at, 'HH24:MI'), cause FROM data_gaps WHERE device = 'm-1'"
    assert park.ask(f"{spells} ORDER BY from_at") == [("01:00", "02:00", "gateway"), ("03:00", "04:00", "ingest")]


def test_readings_that_come_much_later_are_counted_as_late(park):
    park.born(meter(), meter("m-2"))
    park.store_readings(even(park, "m-1", "05 00:00", "05 01:00", 5 * MINUTE_MS), received_ms=ms("05 03:00"))
    park.store_readings(even(park, "m-2", "05 00:00", "05 01:00", 5 * MINUTE_MS))
    park.metered()
    assert park.ask("SELECT device, late, received FROM completeness_1d ORDER BY device") == [
        ("m-1", 12, 12),
        ("m-2", 0, 12),
    ]


def test_a_declaration_about_removed_readings_leaves_what_was_made_of_them(dsn):
    """A step is declared from the fourth of March on, the readings around it are gone: nothing is metered anew."""
    with metering(dsn) as park:
        park.born(meter(period_s=900.0))
        park.store_readings(even(park, "m-1", "01 00:05", "14 12:05"))
        park.metered()
        before = park.dump()
    with metering(dsn, StoreSettings(raw_days=2)) as park:
        park.metered()
        for hour in range(5):
            park.metered(METERED_AT + 8 * DAY_MS + hour * 4 * SLOT_MS)
        [(oldest,)] = park.ask("SELECT min(at) FROM meter")
        assert oldest.day > 4
        wish = Wish(
            f"{PARK.park}/{PARK.gateway}/m-1/energy_import_kwh",
            datetime(2026, 3, 4, tzinfo=UTC),
            "somebody",
            "the data sheet",
            step_kwh=Decimal("0.1"),
        )
        with psycopg.connect(dsn, autocommit=True) as connection:
            declare(connection, wish, METERED_AT)
        assert park.metered().readings > 100
        assert park.dump() == before


def test_what_one_park_lost_is_not_taken_for_the_others(dsn):
    """Of two parks one lost old readings: in the other an earlier reading still completes the first interval."""
    other = Gateway("guangming", "gw-1")
    with metering(dsn, StoreSettings(raw_days=2)) as park:
        park.born(meter(period_s=900.0))
        park.store_readings(even(park, "m-1", "01 00:00", "11 12:00"))
        park.born(meter("n-1", period_s=900.0), gateway=other)
        park.store_readings(even(park, "n-1", "05 10:07", "05 12:07"), gateway=other)
        park.metered()
        park.metered(METERED_AT + 8 * DAY_MS)
        assert park.ask("SELECT DISTINCT park FROM base.removed_span") == [(PARK.park,)]
        park.store_readings(even(park, "n-1", "05 09:52", "05 09:52"), gateway=other, received_ms=ms("05 13:00"))
        park.metered()
        assert park.energies("n-1")["05 10:00"] == (1.5, "good")
