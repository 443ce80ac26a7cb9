"""Roll-ups against an independent recomputation in plain Python, whatever the order in which rows arrive."""

import random
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest

from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_database.errors import StoreUnavailableError
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from tests.ingest.readings import NOON_MS, account, all_rows, at, drain, store_one
from tests.logins import acting

MINUTE = 60_000
DAY = 86_400_000
SHANGHAI = timezone(timedelta(hours=8))
LEVELS = {"1m": timedelta(minutes=1), "15m": timedelta(minutes=15), "1d": timedelta(days=1)}
NAMES = ("active_power_kw", "power_factor", "energy_import_kwh", "fault_code")


@pytest.fixture
def store(dsn):
    with closing(open_store(acting(dsn, "ingest"))) as opened:
        yield opened


def bucket(ms: int, level: str) -> datetime:
    """The start of the bucket by the calendar of Shanghai, not by arithmetic on epochs."""
    local = datetime.fromtimestamp(ms / 1000, SHANGHAI)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight + (local - midnight) // LEVELS[level] * LEVELS[level]).astimezone(UTC)


def expected(readings, level, device_class="meter", names=NAMES):
    """Every bucket of the level, recomputed from readings {(device, ms): values}."""
    groups = defaultdict(list)
    for (device, ms), values in sorted(readings.items()):
        groups[device, bucket(ms, level)].append(values)
    rows = []
    for (device, start), members in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1])):
        row = [device, start, len(members)]
        for name in names:
            signal = CATALOGUE[device_class].by_name[name]
            found = [values[name] for values in members if values.get(name) is not None]
            in_unit = [steps * signal.resolution for steps in found]
            match signal.kind, in_unit:
                case SignalKind.GAUGE, []:
                    row += [None, None, None]
                case SignalKind.GAUGE, _:
                    row += [sum(in_unit) / len(in_unit), min(in_unit), max(in_unit)]
                case SignalKind.COUNTER, []:
                    row += [None, None]
                case SignalKind.COUNTER, _:
                    row += [in_unit[0], in_unit[-1]]
                case _, []:
                    row += [None]
                case _:
                    row += [in_unit[-1]]
        rows.append(row)
    return rows


def stored(dsn, level, device_class="meter", names=NAMES):
    columns = []
    for name in names:
        match CATALOGUE[device_class].by_name[name].kind:
            case SignalKind.GAUGE:
                columns += [name, f"{name}_min", f"{name}_max"]
            case SignalKind.COUNTER:
                columns += [f"{name}_first", f"{name}_last"]
            case _:
                columns.append(name)
    query = (
        f"SELECT device_id, at, samples, {', '.join(columns)} FROM public.{device_class}_{level} ORDER BY device_id, at"
    )
    return [list(row) for row in all_rows(dsn, query)]


def check(dsn, readings, device_class="meter", names=NAMES):
    for level in LEVELS:
        found, wanted = stored(dsn, level, device_class, names), expected(readings, level, device_class, names)
        assert [row[:3] for row in found] == [row[:3] for row in wanted], level
        for one, other in zip(found, wanted, strict=True):
            assert one == [
                value if not isinstance(value, float) else pytest.approx(value, rel=1e-12, abs=1e-12) for value in other
            ]


def random_readings(rng, count, first_ms, span_ms, names=NAMES):
    found = {}
    for _ in range(count):
        values = {name: rng.choice([None, rng.randint(-900, 900)]) for name in names}
        values[names[0]] = rng.randint(-30_000, 30_000)
        found[rng.randint(1, 4), first_ms + rng.randrange(span_ms)] = values
    return found


def flat(readings):
    return [(device, ms, values) for (device, ms), values in readings.items()]


def test_a_day_of_shanghai_begins_at_its_midnight(dsn, store):
    midnight = int(datetime(2025, 10, 10, tzinfo=SHANGHAI).timestamp() * 1000)
    readings = {(1, midnight + shift): {"active_power_kw": n} for n, shift in enumerate((-1, 0, 1, DAY - 1, DAY))}
    store_one(store, 1, flat(readings))
    drain(store, midnight + DAY)
    assert all_rows(dsn, "SELECT at, samples FROM meter_1d ORDER BY at") == [
        (datetime(2025, 10, 8, 16, tzinfo=UTC), 1),
        (datetime(2025, 10, 9, 16, tzinfo=UTC), 3),
        (datetime(2025, 10, 10, 16, tzinfo=UTC), 1),
    ]
    check(dsn, readings, names=("active_power_kw",))


def test_late_doubled_and_shuffled_rows_come_out_exact(dsn, store):
    rng = random.Random(20251009)
    readings = random_readings(rng, 1_500, NOON_MS - 3 * DAY, 3 * DAY)
    rows = flat(readings)
    rng.shuffle(rows)
    for seq, start in enumerate(range(0, len(rows), 150), 1):
        repeated = rng.sample(rows[:start], 20) if start else []
        store_one(store, seq, [*rows[start : start + 150], *repeated])
        if seq % 3 == 0:
            store.maintain(NOON_MS + seq)
    drain(store, NOON_MS + DAY)
    check(dsn, readings)


def test_rows_that_arrive_after_a_round_change_its_buckets(dsn, store):
    readings = {
        (1, NOON_MS - DAY + n * 1_000): {"active_power_kw": n, "energy_import_kwh": n} for n in range(0, 7200, 7)
    }
    readings |= {(1, NOON_MS): {"active_power_kw": 1, "energy_import_kwh": 9_000}}
    store_one(store, 1, flat(readings))
    drain(store)
    check(dsn, readings, names=("active_power_kw", "energy_import_kwh"))
    late = {
        (1, NOON_MS - DAY + n * 1_000): {"active_power_kw": -n, "energy_import_kwh": n} for n in range(1, 7200, 700)
    }
    early = {(1, NOON_MS - DAY - 5): {"active_power_kw": 5, "energy_import_kwh": -1}}
    store_one(store, 2, flat(late | early))
    drain(store, NOON_MS + MINUTE)
    check(
        dsn,
        early | late | readings if not late.keys() & readings.keys() else readings | early,
        names=("active_power_kw", "energy_import_kwh"),
    )


def test_the_newest_minutes_are_there_after_one_round(dsn, store):
    readings = {}
    for seq in range(1, 6):
        fresh = {(d, NOON_MS + seq * 20_000 + d): {"active_power_kw": seq * d} for d in range(1, 6)}
        readings |= fresh
        store_one(store, seq, flat(fresh))
        store.maintain(NOON_MS + seq * 20_000)
        check(dsn, readings, names=("active_power_kw",))


@pytest.mark.parametrize("device_class", sorted(CATALOGUE))
def test_every_class_rolls_every_signal(dsn, store, device_class):
    rng = random.Random(device_class)
    names = tuple(signal.name for signal in CATALOGUE[device_class].signals)
    readings = random_readings(rng, 120, NOON_MS - 2 * 3_600_000, 2 * 3_600_000, names)
    store_one(store, 1, flat(readings), device_class)
    drain(store)
    check(dsn, readings, device_class, names)


def test_a_year_of_hourly_rows_is_rolled_up_in_chunks(dsn, nightly):
    with closing(open_store(dsn, StoreSettings(rollup_chunk=3_000 if nightly else 700))) as store:
        hours = 24 * (365 if nightly else 90)
        start = NOON_MS - hours * 3_600_000
        readings = {(d, start + n * 3_600_000): {"active_power_kw": n % 977 * d} for d in (1, 2) for n in range(hours)}
        rows = flat(readings)
        for seq, first in enumerate(range(0, len(rows), 4_000), 1):
            store_one(store, seq, rows[first : first + 4_000])
        drain(store)
        check(dsn, readings, names=("active_power_kw",))


def test_a_killed_round_is_repeated(dsn, store):
    readings = {(1, NOON_MS + n * 1_000): {"active_power_kw": n} for n in range(100)}
    store_one(store, 1, flat(readings))
    with psycopg.connect(dsn) as connection:
        # The round fails in its middle: its level of days cannot be written.
        target = "meter_1d" if store.kind == "postgres" else "rollup_progress"
        connection.execute(f"LOCK TABLE base.{target} IN ACCESS EXCLUSIVE MODE")
        with (
            closing(open_store(dsn, StoreSettings(lock_timeout_s=0.2))) as impatient,
            pytest.raises(Exception, match="lock timeout"),
        ):
            impatient.maintain(NOON_MS)
    drain(store)
    check(dsn, readings, names=("active_power_kw",))


def test_a_late_row_cannot_spoil_a_bucket_whose_rows_are_gone(dsn):
    with closing(open_store(dsn, StoreSettings(raw_days=2))) as store:
        start = NOON_MS - 20 * DAY
        readings = {(1, start + n * 3_600_000): {"active_power_kw": n} for n in range(24 * 20)}
        store_one(store, 1, flat(readings))
        drain(store)
        account(dsn)
        store.maintain(NOON_MS + 8 * DAY)
        oldest, count = all_rows(dsn, "SELECT min(at), count(*) FROM meter")[0]
        # Two days before the seventh-newest day, which began at Shanghai's midnight, in whole days of UTC.
        assert oldest == datetime(2025, 9, 30, tzinfo=UTC)
        assert count == sum(oldest <= at(ms) for _, ms in readings) < len(readings)
        check(dsn, readings, names=("active_power_kw",))
        late = [(1, start + 1_000, {"active_power_kw": 99_999})]
        try:
            store_one(store, 2, late)
        except StoreUnavailableError:
            store_one(store, 2, late)
        drain(store, NOON_MS + 8 * DAY + 2 * 3_600_000)
        account(dsn)
        check(dsn, readings, names=("active_power_kw",))
        # It is stored, and has days of notice of its own.
        assert all_rows(dsn, "SELECT min(at) FROM meter") == [(at(start + 1_000),)]
        assert all_rows(dsn, "SELECT rows, parks FROM removals WHERE removed_at IS NULL") == [(1, ["gaoxin-nan"])]
        store.maintain(NOON_MS + 16 * DAY)
        check(dsn, readings, names=("active_power_kw",))
        assert all_rows(dsn, "SELECT min(at) FROM meter") == [(oldest,)]


def test_rollups_have_a_retention_of_their_own(dsn):
    with closing(open_store(dsn, StoreSettings(raw_days=5, rollup_1m_days=30))) as store:
        start = NOON_MS - 200 * DAY
        readings = {(1, start + n * DAY): {"active_power_kw": n} for n in range(100)}
        store_one(store, 1, flat(readings))
        drain(store)
        assert len(stored(dsn, "1m")) == 100
        store.maintain(NOON_MS + 8 * DAY)
        minutes = stored(dsn, "1m", names=("active_power_kw",))
        wanted = expected(readings, "1m", names=("active_power_kw",))
        # 30 days before the seventh-newest, and what of its month lies before them.
        assert 37 <= len(minutes) < 37 + 31
        assert [row[:3] for row in minutes] == [row[:3] for row in wanted[-len(minutes) :]]
        assert [row[:3] for row in stored(dsn, "1d")] == [row[:3] for row in expected(readings, "1d")]


def test_roll_ups_let_others_have_the_processor_between_slices(dsn, store):
    readings = [(device, NOON_MS + n * MINUTE, {"active_power_kw": n}) for device in (1, 2) for n in range(600)]
    store_one(store, 1, readings)
    worked = []
    while store.maintain(NOON_MS, worked.append).pending:
        pass
    counted = "SELECT device_id, count(*), sum(samples) FROM public.meter_1m GROUP BY 1 ORDER BY 1"
    assert all_rows(dsn, counted) == [(1, 600, 600), (2, 600, 600)]
    assert all(seconds > 0 for seconds in worked)
    assert len(worked) >= 3, "1,200 buckets of a minute, 80 of 15 minutes and 2 of a day go in slices"


def test_partitions_are_made_ahead(dsn, store):
    if store.kind != "postgres":
        pytest.skip("TimescaleDB makes its chunks itself")
    store_one(store, 1, [(1, NOON_MS, {"active_power_kw": 1})])
    assert store.maintain(NOON_MS).partitions == 1
    parts = "SELECT to_regclass('base.meter_20251009') IS NOT NULL, to_regclass('base.meter_20251010') IS NOT NULL"
    assert all_rows(dsn, parts) == [(True, True)]


def test_a_dropped_partition_is_made_again(dsn, store):
    if store.kind != "postgres":
        pytest.skip("TimescaleDB makes its chunks itself")
    store_one(store, 1, [(1, NOON_MS, {"active_power_kw": 1})])
    with psycopg.connect(dsn) as connection:
        connection.execute("DROP TABLE base.meter_20251009")
    with pytest.raises(Exception, match="dropped"):
        store_one(store, 2, [(1, NOON_MS + 1, {"active_power_kw": 1})])
    assert store_one(store, 2, [(1, NOON_MS + 1, {"active_power_kw": 1})]).stored == 1


def test_late_rows_enter_a_compressed_chunk(dsn, store):
    if store.kind != "timescale":
        pytest.skip("plain PostgreSQL has no columnstore")
    readings = {
        (d, NOON_MS - 3 * DAY + n * 10_000): {"active_power_kw": n, "energy_import_kwh": n}
        for d in (1, 2)
        for n in range(3000)
    }
    readings[1, NOON_MS] = {"active_power_kw": 7, "energy_import_kwh": 9_999}
    store_one(store, 1, flat(readings))
    drain(store)
    compressed = "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed AND hypertable_name = 'meter'"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for (chunk,) in connection.execute(
            "SELECT show_chunks('base.meter', older_than => %s::timestamptz)", (at(NOON_MS - DAY),)
        ).fetchall():
            connection.execute("CALL convert_to_columnstore(%s::regclass)", (chunk,))
    assert all_rows(dsn, compressed)[0][0] >= 1
    late = {
        (1, NOON_MS - 3 * DAY + n * 10_000 + 5): {"active_power_kw": -n, "energy_import_kwh": n} for n in range(500)
    }
    doubled = dict(list(readings.items())[:200])
    changed = {(2, NOON_MS - 3 * DAY): {"active_power_kw": 4_242, "energy_import_kwh": 0}}
    done = store_one(store, 2, flat(late) + flat(doubled) + flat(changed))
    assert (done.stored, done.repeated, done.conflicting) == (500, 200, 1)
    drain(store)
    assert all_rows(dsn, "SELECT count(*) FROM meter") == [(len(readings) + 500,)]
    check(dsn, readings | late, names=("active_power_kw", "energy_import_kwh"))


def test_news_of_metered_classes_is_passed_on_with_the_notes_and_nothing_else_is(dsn, store):
    """09:00 and 09:20 lie in the quarters that begin at 540 and 555 minutes of that day; weather counts no energy."""
    quarter = NOON_MS // MINUTE // 15 * 15
    late = NOON_MS + 20 * MINUTE
    store_one(store, 1, [(1, NOON_MS, {"active_power_kw": 1}), (2, late, {"active_power_kw": 1})])
    store_one(store, 2, [(3, NOON_MS, {"temperature_c": 1})], "weather")
    drain(store)
    notes = all_rows(dsn, "SELECT device_class, devices, slots FROM base.energy_dirty")
    assert {device_class for device_class, _, _ in notes} == {"meter"}
    pairs = {pair for _, devices, slots in notes for pair in zip(devices, slots, strict=True)}
    assert pairs == {(1, quarter), (2, late // MINUTE // 15 * 15)}
    assert all_rows(dsn, "SELECT count(*) FROM base.rollup_dirty") == [(0,)]
