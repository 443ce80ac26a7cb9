"""A stored day is the sum of its intervals, in whatever order and parts they are written, in every time zone."""

import random
import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import pytest

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_ingest.store import Park as Described
from parkgrid_metering import notes
from parkgrid_metering.days import SUMMED, Days, Intervals
from parkgrid_metering.parks import Park
from tests.ingest.conftest import wait_until
from tests.metering.park import MINUTE_MS, PARK, SLOT_MS, meter, metering, ms

SUMS = """
SELECT i.register_id, date_trunc('day', i.at, p.time_zone) AS day, sum(i.energy_wh)::int8,
    max(i.changed_at) FILTER (WHERE i.revision > 1), max(i.changed_at), sum(i.expected), sum(i.received), sum(i.valid),
    sum(i.estimated), sum(i.late), count(*) FILTER (WHERE i.quality = 1), count(*) FILTER (WHERE i.quality = 2),
    count(*) FILTER (WHERE i.quality = 0)
FROM base.interval_energy AS i JOIN base.park AS p USING (park_id)
GROUP BY i.register_id, day ORDER BY i.register_id, day
"""
STORED = """
SELECT register_id, at, energy_wh, revised_at, changed_at, expected, received, valid, estimated, late, good,
    estimated_intervals, missing_rows
FROM base.energy_day ORDER BY register_id, at
"""


def assert_days_are_sums(park):
    """Compare with the intervals, and with days that are counted anew; the stored ones, so that a test sees some."""
    stored = park.ask(STORED)
    assert stored == park.ask(SUMS)
    assert stored == counted_anew(park)
    return stored


def counted_anew(park):
    """The days as they are counted from scratch, which changes nothing."""
    with psycopg.connect(park.dsn, autocommit=True) as connection, connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL timezone TO 'UTC'")
        connection.execute("DELETE FROM base.energy_day")
        connection.execute(
            """SELECT base.count_days(park_id, array_agg(register_id), array_agg(day)) FROM (
                 SELECT DISTINCT park_id, register_id, date_trunc('day', at, time_zone) AS day
                 FROM base.interval_energy JOIN base.park USING (park_id)
               ) AS days GROUP BY park_id"""
        )
        return connection.execute(STORED).fetchall()


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
        before = park.ask("SELECT at FROM base.energy_day")
        park.store.describe_park(Described(PARK.park, "", time_zone="Asia/Kathmandu"))
        after = park.ask("SELECT at FROM base.energy_day")
        assert {(at.hour, at.minute) for (at,) in after} == {(18, 15)}
        assert not set(before) & set(after)
        assert_days_are_sums(park)
        recount = "SELECT base.count_days(%s, array_agg(register_id), array_agg(at)) FROM base.energy_day"
        with psycopg.connect(dsn, autocommit=True) as connection:
            for removed in ("2026-03-05T20:00Z", "infinity"):
                connection.execute("DELETE FROM base.interval_energy WHERE at < %s", (removed,))
                connection.execute(recount, (park.number(),))
                left = assert_days_are_sums(park)
        assert left == []


def test_a_park_that_moves_to_another_zone_in_the_middle_of_a_round_has_whole_days(dsn, monkeypatch):
    """The round goes by the zone that it began with; the move waits for it, and then takes its intervals along."""
    with metering(dsn) as park:
        park.born(meter())
        park.store_readings(
            [
                (park.devices["m-1"], ms("05 00:00") + minute * MINUTE_MS, {"energy_import_kwh": minute})
                for minute in range(0, 2_881, 5)
            ],
            received_ms=ms("07 00:01"),
        )
        described = Described(PARK.park, "", time_zone="Asia/Kathmandu")
        move = threading.Thread(target=park.store.describe_park, args=(described,))
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        take = notes.take

        def take_and_move(*told):
            move.start()
            wait_until(lambda: park.ask(waits) == [(1,)], "the move waits for the round")
            return take(*told)

        monkeypatch.setattr(notes, "take", take_and_move)
        assert park.metered().inserted == 192
        move.join()
        days = [at for _, at, *_ in assert_days_are_sums(park)]
        assert {(at.hour, at.minute) for at in days} == {(18, 15)}
        assert park.ask("SELECT time_zone FROM parks") == [("Asia/Kathmandu",)]


AT_MIDNIGHT = (
    *("America/Havana", "Africa/Cairo", "Asia/Beirut", "America/Santiago", "America/Asuncion", "Atlantic/Azores"),
    "America/St_Johns",
)
"""Clocks are set at midnight there: a day begins at one o'clock, or has its first hour twice. In St John's they were
set back at a minute past midnight, until 2011: a day began, went on as the one before, and began again."""
OTHERS = (
    *("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Africa/Casablanca", "Antarctica/Troll", "UTC"),
    *("Asia/Kathmandu", "Pacific/Chatham", "Pacific/Apia", "Australia/Lord_Howe"),
)
FIRST, LAST = datetime(2010, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
QUARTERS = 300


def clock_changes(zone):
    """Instants at which clocks of a zone are set, to the hour."""
    found, offset = [], FIRST.astimezone(zone).utcoffset()
    for day in range((LAST - FIRST).days):
        at = FIRST + timedelta(days=day)
        later = at + timedelta(days=1)
        if later.astimezone(zone).utcoffset() != offset:
            found.append(
                next(
                    hour
                    for hour in (at + timedelta(hours=n) for n in range(25))
                    if (hour + timedelta(hours=1)).astimezone(zone).utcoffset() != offset
                )
            )
            offset = later.astimezone(zone).utcoffset()
    return found


def written(rng, register, start_ms):
    """Three days of quarters of a register, some of them missing, some not there."""
    rows = []
    for number in range(QUARTERS):
        if rng.random() < 0.8:
            quality = rng.choice((0, 1, 1, 1, 2))
            counts = [rng.randint(0, 20) for _ in range(5)]
            rows.append((register, start_ms + number * SLOT_MS, rng.randint(-50, 5_000), *counts, quality))
    return rows


def stored(connection, park_id, rows, changed_ms):
    """Write intervals as metering does, and have their days follow."""
    with connection.cursor().copy(
        "COPY base.interval_energy (park_id, register_id, at, energy_wh, expected, received, valid, estimated, late,"
        " quality, period_s, revision, cause, changed_at) FROM STDIN"
    ) as copy:
        for register, at_ms, energy, *counts, quality in rows:
            energy_wh = energy if quality else None
            copy.write_row(
                (park_id, register, from_ms(at_ms), energy_wh, *counts, quality, 900, 1, "", from_ms(changed_ms))
            )
    table = np.array(rows, np.int64)
    columns = {name: table[:, 2 + place] for place, name in enumerate((*SUMMED, "quality"))}
    columns["energy_wh"] = np.where(columns["quality"] == 0, 0, columns["energy_wh"])
    return Intervals(table[:, 0], table[:, 1], columns)


@pytest.mark.parametrize("zones", [AT_MIDNIGHT, OTHERS, pytest.param((), marks=pytest.mark.nightly)])
def test_days_added_to_are_those_counted_from_scratch_in_every_zone(dsn, zones):
    """Around settings of the clocks, and at other times: in parts, in any order, some of them changed later."""
    with metering(dsn) as park, psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET timezone TO 'UTC'")
        known = connection.execute("SELECT name FROM pg_timezone_names WHERE name ~ '^[A-Z].*/' ORDER BY name")
        for name in zones or random.Random(20260305).sample([name for (name,) in known], 100):
            rng = random.Random(name)
            [(park_id,)] = connection.execute(
                "INSERT INTO base.park (park, time_zone) VALUES (%s, %s) RETURNING park_id", (name, name)
            ).fetchall()
            changes = [to_ms(at) for at in clock_changes(ZoneInfo(name))]
            spells = [*rng.sample(changes, min(6, len(changes))), rng.randint(to_ms(FIRST), to_ms(LAST))]
            days = Days(Park(connection, park_id), name)
            for place, spell_ms in enumerate(spells):
                start_ms = (spell_ms // SLOT_MS - QUARTERS // 2) * SLOT_MS
                rows = [
                    row for register in (1, 2) for row in written(rng, 100 * park_id + 2 * place + register, start_ms)
                ]
                later = {row for row in rows if rng.random() < 0.2}
                for part in ([row for row in rows if row not in later], sorted(later)):
                    days.add(stored(connection, park_id, part, ms("05 00:00")), ms("05 00:00"))
                changed = np.array([row[:2] for row in rows if rng.random() < 0.02], np.int64).reshape(-1, 2)
                connection.execute(
                    "UPDATE base.interval_energy SET energy_wh = 7, quality = 2, revision = 2, changed_at = %s"
                    " WHERE park_id = %s AND (register_id, extract(epoch FROM at)::int8 * 1000) IN"
                    " (SELECT * FROM unnest(%s::int4[], %s::int8[]))",
                    (from_ms(ms("06 00:00")), park_id, changed[:, 0].tolist(), changed[:, 1].tolist()),
                )
                days.count(changed[:, 0], changed[:, 1])
        found = assert_days_are_sums(park)
        # Nothing is lost between days, and nothing is in two of them.
        [(count,)] = park.ask("SELECT count(*) FROM base.interval_energy")
        assert sum(sum(row[-3:]) for row in found) == count > QUARTERS


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
