"""How raw readings are cut in every store: by the day, and by the month where one comes whole or long after it."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from parkgrid_contract.time import to_ms
from parkgrid_ingest.parts import parts_of
from parkgrid_ingest.rows import Commit
from parkgrid_ingest.store import Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from tests.ingest.readings import account, all_rows, class_rows, drain, header, store_one
from tests.logins import acting

HOUR = timedelta(hours=1)


@pytest.fixture
def store(dsn):
    with closing(open_store(acting(dsn, "ingest"))) as opened:
        yield opened


def put(store: Store, seq: int, first: date, days: int, received: date | None = None) -> int:
    """Store an hourly row of the days from `first` on, received at their end unless told otherwise."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    readings = [(1, to_ms(start + hour * HOUR), {"active_power_kw": hour}) for hour in range(24 * days)]
    end = start + days * 24 * HOUR if received is None else datetime(*received.timetuple()[:3], tzinfo=UTC)
    arrived = header(seq, received_ms=to_ms(end))
    return store.commit(Commit([arrived], [class_rows("meter", readings)])).stored


def parts(dsn: str) -> list[str]:
    """Which partitions or chunks there are: the day of each, or its month."""
    with psycopg.connect(dsn) as connection:
        found = parts_of(connection, "meter")
    days = [(each.from_at.astimezone(UTC), (each.to_at - each.from_at).days) for each in found]
    return [f"{start:%Y%m%d}" if length == 1 else f"{start:%Y%m}" for start, length in days]


def test_a_whole_month_at_once_is_one_partition(dsn, store):
    # From the last day of June (which has no month of its own) to the second of August.
    assert put(store, 1, date(2025, 6, 30), 1 + 31 + 2) == 34 * 24
    assert parts(dsn) == ["20250630", "202507", "20250801", "20250802"]


def test_a_month_that_lacks_a_day_comes_by_the_day(dsn, store):
    put(store, 1, date(2025, 2, 1), 27)
    put(store, 2, date(2025, 2, 28), 1)
    assert parts(dsn) == [f"202502{day:02}" for day in range(1, 29)]


def test_a_month_of_which_a_day_is_there_already_comes_by_the_day(dsn, store):
    put(store, 1, date(2025, 4, 17), 1)
    put(store, 2, date(2025, 4, 1), 16)
    with closing(open_store(dsn)) as other:
        # It asks for all of April, of which it knows nothing: by its own word there is no partition.
        other_days = [date(2025, 4, 1) + timedelta(days=each) for each in range(30)]
        with psycopg.connect(dsn) as connection:
            made = connection.execute("SELECT base.ensure_days('meter', %s::date[])", (other_days,)).fetchone()
        # TimescaleDB makes days when their rows come.
        assert made == ((13,) if other.kind == "postgres" else (0,))
        assert put(other, 3, date(2025, 4, 18), 13) == 13 * 24
    assert len(parts(dsn)) == 30


def test_a_late_row_finds_its_month_after_a_restart(dsn, store):
    put(store, 1, date(2024, 2, 1), 29)
    late = to_ms(datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC))
    with closing(open_store(dsn)) as again:
        assert store_one(again, 2, [(1, late, {"active_power_kw": 1}), (2, late, {"active_power_kw": 1})]).stored == 2
    assert parts(dsn) == ["202402"]


def test_a_month_is_dropped_when_its_last_day_may_go(dsn, store):
    put(store, 1, date(2025, 6, 30), 32)
    assert parts(dsn) == ["20250630", "202507"]
    # Kept are 60 days before the seventh-newest day with readings, counted from Shanghai's midnight, 16:00 of UTC.
    settings = StoreSettings(raw_days=60)
    with closing(open_store(dsn, settings)) as keeping:
        put(keeping, 2, date(2025, 9, 29), 7)
        drain(keeping, to_ms(datetime(2025, 10, 6, tzinfo=UTC)))
        account(dsn)
        keeping.maintain(to_ms(datetime(2025, 10, 14, tzinfo=UTC)))
        assert parts(dsn)[:2] == ["202507", "20250929"]
    with closing(open_store(dsn, settings)) as keeping:
        put(keeping, 3, date(2025, 10, 6), 1)
        drain(keeping, to_ms(datetime(2025, 10, 14, tzinfo=UTC)))
        account(dsn)
        keeping.maintain(to_ms(datetime(2025, 10, 22, tzinfo=UTC)))
    assert parts(dsn)[0] == "20250929"
    assert all_rows(dsn, "SELECT count(*) FROM meter WHERE at < '2025-08-01Z'") == [(0,)]


def test_what_comes_long_after_its_time_comes_by_the_month(dsn, store):
    """A day a year, as from a clock that counts anything: 26 partitions, not one for each day in between."""
    days = [date(year, 3, 7) for year in range(2000, 2026)]
    for seq, day in enumerate(days, 1):
        put(store, seq, day, 1, received=date(2026, 1, 1))
    assert parts(dsn) == [f"{day:%Y%m}" for day in days]
    put(store, 100, date(2000, 3, 1), 31, received=date(2026, 1, 1))
    assert len(parts(dsn)) == len(days)


def test_a_month_of_which_days_are_there_gets_its_late_days_one_by_one(dsn, store):
    put(store, 1, date(2025, 9, 29), 1)
    put(store, 2, date(2025, 9, 2), 1, received=date(2026, 1, 1))
    assert parts(dsn) == ["20250902", "20250929"]


def test_tomorrow_is_made_ahead_for_live_classes_alone(dsn, store):
    now_ms = to_ms(datetime(2025, 10, 9, 12, tzinfo=UTC))
    put(store, 1, date(2016, 8, 1), 1, received=date(2025, 10, 9))
    assert store.maintain(now_ms).partitions == 0
    assert parts(dsn) == ["201608"]
