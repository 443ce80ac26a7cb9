"""A stored day is the sum of its intervals, whoever writes them and in whatever order."""

import random

import psycopg

from tests.metering.park import MINUTE_MS, meter, metering, ms

SUMMED = """
SELECT i.register_id, date_trunc('day', i.at, p.time_zone) AS day, sum(i.energy_wh)::int8,
    max(i.changed_at) FILTER (WHERE i.revision > 1), max(i.changed_at), sum(i.expected), sum(i.received), sum(i.valid),
    sum(i.estimated), sum(i.late), count(*) FILTER (WHERE i.quality = 1), count(*) FILTER (WHERE i.quality = 2),
    count(*) FILTER (WHERE i.quality = 0)
FROM base.interval_energy AS i JOIN base.register USING (register_id) JOIN base.device USING (device_id)
JOIN base.park AS p USING (park)
GROUP BY i.register_id, day ORDER BY i.register_id, day
"""
STORED = """
SELECT register_id, at, energy_wh, revised_at, changed_at, expected, received, valid, estimated, late, good,
    estimated_intervals, missing_rows
FROM base.energy_day ORDER BY register_id, at
"""


def assert_days_are_sums(park):
    """Compare; the stored days, so that a test can see that there are any."""
    stored = park.ask(STORED)
    assert stored == park.ask(SUMMED)
    return stored


def test_days_are_the_sums_of_their_intervals_after_random_rounds(dsn):
    rng = random.Random(20260306)
    with metering(dsn) as park:
        park.born(meter(), meter("m-2", period_s=3_600.0))
        for device, step in (("m-1", 5), ("m-2", 60)):
            count, rows = 0, []
            for minute in range(0, 4 * 1_440, step):
                count += rng.randint(0, 50)
                if rng.random() < 0.97:
                    rows.append(
                        (park.devices[device], ms("05 00:00") + minute * MINUTE_MS, {"energy_import_kwh": count})
                    )
            rng.shuffle(rows)
            for start in range(0, len(rows), 300):
                park.store_readings(rows[start : start + 300], received_ms=ms("09 00:01"))
                park.metered(ms("09 00:02") + start)
                assert_days_are_sums(park)
        stored = assert_days_are_sums(park)
        # Four days of two registers and the rest of a local day; the shuffled readings have revised some of them.
        assert len({row[0] for row in stored}) == 2
        assert len(stored) >= 8
        assert any(row[3] for row in stored)


def test_days_follow_the_time_zone_of_their_park_and_the_removal_of_intervals(dsn):
    with metering(dsn) as park:
        park.born(meter())
        rows = [
            (park.devices["m-1"], ms("05 00:00") + minute * MINUTE_MS, {"energy_import_kwh": minute})
            for minute in range(0, 2_881, 5)
        ]
        park.store_readings(rows, received_ms=ms("07 00:01"))
        park.metered()
        assert sum(row[2] for row in assert_days_are_sums(park)) == 2_880
        with psycopg.connect(dsn, autocommit=True) as connection:
            before = park.ask("SELECT at FROM base.energy_day")
            connection.execute("UPDATE base.park SET time_zone = 'Asia/Kathmandu'")
            after = park.ask("SELECT at FROM base.energy_day")
            assert {(at.hour, at.minute) for (at,) in after} == {(18, 15)}
            assert not set(before) & set(after)
            assert_days_are_sums(park)
            connection.execute("DELETE FROM base.interval_energy WHERE at < %s", ("2026-03-05T20:00Z",))
            assert_days_are_sums(park)
            connection.execute("TRUNCATE base.interval_energy")
            assert assert_days_are_sums(park) == []


def test_sums_of_days_tell_what_is_missing(dsn):
    """Twelve hours of a day, 48 of 96 quarters at 10 Wh a minute: 7,200 Wh; March has 31 x 96 quarters."""
    with metering(dsn) as park:
        park.born(meter())
        rows = [
            (park.devices["m-1"], ms("04 16:00") + minute * MINUTE_MS, {"energy_import_kwh": 10 * minute})
            for minute in range(0, 721, 5)
        ]
        park.store_readings(rows, received_ms=ms("05 04:01"))
        park.metered()
        [day] = park.ask("SELECT energy_wh, good, missing_intervals, expected_intervals, coverage_pct FROM energy_1d")
        assert day == (7_200, 48, 48, 96, 50.0)
        [month] = park.ask(
            "SELECT energy_wh, good, missing_intervals, expected_intervals FROM energy_1mo WHERE park = (SELECT park"
            " FROM registers LIMIT 1)"
        )
        assert month == (7_200, 48, 31 * 96 - 48, 31 * 96)
