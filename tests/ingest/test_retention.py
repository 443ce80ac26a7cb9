"""Retention by park: what goes, when, and what stays, on both stores."""

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import structlog

from parkgrid import database_schema
from parkgrid_contract.announcement import Birth, Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import to_ms
from parkgrid_database.errors import StoreUnavailableError
from parkgrid_ingest.retention import newest_days, removals
from parkgrid_ingest.rows import Commit
from parkgrid_ingest.store import Store
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from tests.ingest.readings import account, all_rows, class_rows, drain, header
from tests.logins import acting

DAY = 86_400_000
NOW = to_ms(datetime(2026, 11, 1, 4, tzinfo=UTC))
TWO_YEARS = StoreSettings(raw_days=730)
HOURS = 24


class Park:
    """A park with one meter over a store."""

    def __init__(self, store: Store, name: str, device_class: str = "meter") -> None:
        self.gateway = Gateway(name, "gw-1")
        self._store, self._class, self._seq = store, device_class, 0
        known = store.register(self.gateway, Birth("0", 1, NOW, (Device("m-1", device_class, ("active_power_kw",)),)))
        self.device: int = known["m-1"][0]

    def put(self, first: str, days: int, per_day: int = HOURS, value: int = 1, received_ms: int = NOW) -> int:
        """Store readings of whole days of UTC; how many were new."""
        start = to_ms(datetime.fromisoformat(first).replace(tzinfo=UTC))
        step = DAY // per_day
        rows = [(self.device, start + n * step, {"active_power_kw": value + n}) for n in range(days * per_day)]
        stored = 0
        for place in range(0, len(rows), 20_000):
            self._seq += 1
            arrived = header(self._seq, gateway=self.gateway, received_ms=received_ms)
            part = class_rows(self._class, rows[place : place + 20_000])
            try:
                stored += self._store.commit(Commit([arrived], [part])).stored
            except StoreUnavailableError:  # a partition that this writer knew is gone: the next attempt makes it
                stored += self._store.commit(Commit([arrived], [part])).stored
        return stored


@pytest.fixture
def store(dsn):
    with closing(open_store(acting(dsn, "ingest"), TWO_YEARS)) as opened:
        yield opened


def pass_days(dsn: str, store: Store, days: int, since_ms: int = NOW) -> int:
    """Maintenance now and then for some days, accounting beside it; what retention dropped."""
    dropped = 0
    for hour in range(0, days * 24 + 1, 24):
        while (report := store.maintain(since_ms + hour * 3_600_000)).pending:
            dropped += report.dropped
        dropped += report.dropped
        account(dsn)
    return dropped


def counts(dsn: str, relation: str = "meter") -> Mapping[str, int]:
    return dict(
        all_rows(dsn, f"SELECT park, count(*) FROM {relation} JOIN devices USING (device_id) GROUP BY park ORDER BY 1")
    )


def test_an_old_park_beside_a_new_one_loses_nothing(dsn, store):
    """The seen case: 36,116 readings of 2015 went within the hour after a park of 2024 had been imported."""
    old, new = Park(store, "old"), Park(store, "new")
    assert old.put("2015-01-01", 365) == 8_760
    assert new.put("2024-10-01", 365) == 8_760
    drain(store, NOW)
    assert pass_days(dsn, store, 10) == 0
    assert counts(dsn) == {"new": 8_760, "old": 8_760}
    assert removals(dsn) == []


def test_a_replay_of_2020_into_a_live_database_is_stored(dsn, store):
    """The seen case: accepted 10, stored 0."""
    live, replay = Park(store, "live"), Park(store, "replay")
    live.put("2026-10-01", 31)
    drain(store, NOW)
    pass_days(dsn, store, 1)
    assert replay.put("2020-05-01", 1, per_day=10) == 10
    drain(store, NOW + 2 * DAY)
    pass_days(dsn, store, 10, NOW + 2 * DAY)
    assert counts(dsn) == {"live": 31 * 24, "replay": 10}
    for level in ("1m", "15m", "1d"):
        assert all_rows(dsn, f"SELECT sum(samples)::int FROM meter_{level} WHERE at < '2021-01-01'") == [(10,)]


def test_what_no_park_needs_is_announced_and_goes_a_week_later(dsn, store, capsys):
    """The live park has ten days of 2022 and ten of now: those of 2022 go, whole, at the end of their notice."""
    live, old = Park(store, "live"), Park(store, "old")
    live.put("2022-03-01", 10)
    old.put("2015-01-01", 40)
    live.put("2026-10-22", 10)
    with structlog.testing.capture_logs() as logs:
        drain(store, NOW)
        account(dsn)
        assert store.maintain(NOW + 3_600_000).dropped == 0
    assert counts(dsn)["live"] == 480
    told = removals(dsn)
    assert sum(each.rows for each in told) == 240
    assert {each.parks for each in told} == {("live",)}
    assert {(each.relation, each.kept_days, each.removed_at) for each in told} == {("meter", 730, None)}
    assert {each.due_at - each.announced_at for each in told} == {timedelta(days=7)}
    [said] = [line for line in logs if line["event"] == "removal_announced"]
    assert (said["relation"], said["rows"], said["parks"]) == ("meter", 240, ["live"])
    assert database_schema.status(dsn) == 0
    shown = capsys.readouterr().out
    assert "meter" in shown
    assert "240 rows of live" in shown
    assert "goes on 2026-11-08" in shown
    # A minute before it is due nothing has gone.
    store.maintain(NOW + 7 * DAY - 60_000)
    assert counts(dsn)["live"] == 480
    with structlog.testing.capture_logs() as logs:
        store.maintain(NOW + 7 * DAY + 2 * 3_600_000)
    assert counts(dsn) == {"live": 240, "old": 960}
    gone = [line for line in logs if line["event"] == "removed"]
    assert sum(line["rows"] for line in gone) == 240
    assert {tuple(line["parks"]) for line in gone} == {("live",)}
    assert all(each.removed_at is not None for each in removals(dsn))
    # Roll-ups stay, and so does every row of the other park.
    assert all_rows(dsn, "SELECT sum(samples)::int FROM meter_1d") == [(480 + 960,)]
    database_schema.status(dsn)
    shown = capsys.readouterr().out
    assert "removed on 2026-11-08" in shown


def test_from_a_part_that_another_park_needs_the_rows_of_one_go(dsn, store):
    """Both have readings of March 2022; it is recent for one of them. What comes late has days of notice of its own."""
    live, old = Park(store, "live"), Park(store, "old")
    live.put("2022-03-01", 31)
    old.put("2022-03-01", 31)
    live.put("2026-10-22", 10)
    drain(store, NOW)
    pass_days(dsn, store, 6)
    assert {each.parks for each in removals(dsn)} == {("live",)}
    assert counts(dsn) == {"live": 41 * 24, "old": 31 * 24}
    newest = all_rows(dsn, "SELECT park, at FROM meter_newest JOIN devices USING (park_id, device_id) ORDER BY park")
    pass_days(dsn, store, 3, NOW + 6 * DAY)
    assert counts(dsn) == {"live": 10 * 24, "old": 31 * 24}
    assert sum(each.rows for each in removals(dsn) if each.removed_at) == 31 * 24
    assert all_rows(dsn, "SELECT sum(samples)::int FROM meter_1d") == [(72 * 24,)]
    assert newest == all_rows(
        dsn, "SELECT park, at FROM meter_newest JOIN devices USING (park_id, device_id) ORDER BY park"
    )
    # A late reading of the other park is rolled up; of this one it leaves the roll-ups as they were.
    assert live.put("2022-03-05T00:10", 1, per_day=1) == old.put("2022-03-05T00:10", 1, per_day=1) == 1
    drain(store, NOW + 10 * DAY)
    totals = (
        "SELECT park, sum(samples)::int FROM meter_1d JOIN devices USING (park_id, device_id) GROUP BY 1 ORDER BY 1"
    )
    assert all_rows(dsn, totals) == [("live", 41 * 24), ("old", 31 * 24 + 1)]
    pass_days(dsn, store, 9, NOW + 10 * DAY)
    assert counts(dsn) == {"live": 10 * 24, "old": 31 * 24 + 1}
    # Nothing is left to announce.
    assert all(each.removed_at for each in removals(dsn))


def test_six_days_of_wrong_stamps_move_no_border(dsn, store):
    """A park of 2015 with stamps of this month on six days of Shanghai; from the seventh on it is what they say."""
    park = Park(store, "old")
    park.put("2015-01-01", 60)
    park.put("2026-10-25", 5)
    drain(store, NOW)
    assert pass_days(dsn, store, 9) == 0
    assert counts(dsn) == {"old": 65 * 24}
    park.put("2026-10-30", 1)
    drain(store, NOW + 10 * DAY)
    pass_days(dsn, store, 9, NOW + 10 * DAY)
    assert counts(dsn) == {"old": 6 * 24}


def test_a_day_beyond_the_present_is_no_evidence(dsn, store):
    """Whatever got into the store by another way than admission."""
    park = Park(store, "old")
    park.put("2015-01-01", 60)
    park.put("2029-01-01", 30)
    drain(store, NOW)
    with psycopg.connect(dsn) as connection:
        assert newest_days(connection, datetime(2026, 11, 1, tzinfo=UTC)) == {
            # Sixty days of UTC touch sixty-one of Shanghai, up to the second of March; the seventh-newest is the 24th.
            "old": datetime(2015, 2, 23, 16, tzinfo=UTC)
        }
    assert pass_days(dsn, store, 9) == 0


def test_what_is_added_to_an_announced_part_has_its_own_notice(dsn, store):
    live = Park(store, "live")
    live.put("2022-03-01", 10)
    live.put("2026-10-22", 10)
    drain(store, NOW)
    pass_days(dsn, store, 6)
    # The day before it is due, fifty minutes apart from what is there.
    assert live.put("2022-03-01T00:10", 3) == 72
    drain(store, NOW + 6 * DAY)
    pass_days(dsn, store, 6, NOW + 6 * DAY)
    kept = all_rows(dsn, "SELECT count(*) FROM meter WHERE at < '2026-01-01'")[0][0]
    # All ten days are one month.
    assert kept == 240 + 72
    assert any(each.removed_at is None for each in removals(dsn))
    pass_days(dsn, store, 3, NOW + 12 * DAY)
    assert counts(dsn) == {"live": 240}


def test_what_has_no_energy_yet_stays(dsn, store):
    """Accounting does not run: its notes wait, and so do the readings that they speak of."""
    live = Park(store, "live")
    live.put("2022-03-01", 10)
    live.put("2026-10-22", 10)
    drain(store, NOW)
    with structlog.testing.capture_logs() as logs:
        for hour in range(0, 9 * 24, 24):
            store.maintain(NOW + hour * 3_600_000)
    assert counts(dsn) == {"live": 480}
    assert len([line for line in logs if line["event"] == "removal_waits"]) == 1
    account(dsn)
    store.maintain(NOW + 9 * DAY)
    assert counts(dsn) == {"live": 240}


def test_longer_days_withdraw_what_was_announced(dsn, store):
    live = Park(store, "live")
    live.put("2022-03-01", 10)
    live.put("2026-10-22", 10)
    drain(store, NOW)
    account(dsn)
    store.maintain(NOW + 3_600_000)
    assert removals(dsn)
    for settings in (StoreSettings(raw_days=3_650), StoreSettings(raw_days=0)):
        with closing(open_store(dsn, settings)) as longer:
            longer.maintain(NOW + 2 * 3_600_000)
        assert removals(dsn) == []
        store.maintain(NOW + 4 * 3_600_000)
        assert removals(dsn)
        with closing(open_store(dsn, settings)) as longer:
            longer.maintain(NOW + 9 * DAY)
            assert counts(dsn) == {"live": 480}
        store.maintain(NOW + 9 * DAY)


def test_history_that_comes_where_others_lost_theirs_is_rolled_up(dsn, store):
    """The live park's March of 2022 is gone; another park brings its own March, and nobody's roll-up changes."""
    live = Park(store, "live")
    live.put("2022-03-01", 10)
    live.put("2026-10-22", 10)
    drain(store, NOW)
    account(dsn)
    before = {level: rollups(dsn, level) for level in ("1m", "15m", "1d")}
    pass_days(dsn, store, 9)
    assert counts(dsn) == {"live": 240}
    assert {level: rollups(dsn, level) for level in before} == before
    other = Park(store, "other")
    other.put("2022-03-03", 4, value=500)
    # What comes late of the park that lost its rows is stored, and spoils nothing.
    live.put("2022-03-04T00:10", 1, value=9_000)
    drain(store, NOW + 10 * DAY)
    assert counts(dsn) == {"live": 240 + 24, "other": 96}
    for level, rows in before.items():
        now = rollups(dsn, level)
        assert [row for row in now if row[0] == live.device] == rows, level
        mine = [row for row in now if row[0] == other.device]
        assert sum(row[2] for row in mine) == 96, level
        powers = [0.001 * (500 + n) for n in range(96)]
        assert sum(row[2] * row[3] for row in mine) == pytest.approx(sum(powers)), level
    # A second round and news of the neighbour leave them as they are, too.
    other.put("2022-03-03T00:20", 4, value=700)
    drain(store, NOW + 11 * DAY)
    for level, rows in before.items():
        assert [row for row in rollups(dsn, level) if row[0] == live.device] == rows, level
        assert sum(row[2] for row in rollups(dsn, level) if row[0] == other.device) == 192, level


def rollups(dsn: str, level: str) -> list[tuple[object, ...]]:
    return all_rows(dsn, f"SELECT device_id, at, samples, active_power_kw FROM meter_{level} ORDER BY device_id, at")


def test_a_history_in_bulk_leaves_what_lost_its_rows_alone(dsn, store):
    """`roll_up` works whole days off, also for a park that has lost some of them."""
    live = Park(store, "live")
    live.put("2022-03-01", 10)
    live.put("2026-10-22", 10)
    drain(store, NOW)
    pass_days(dsn, store, 9)
    before = {level: rollups(dsn, level) for level in ("1m", "15m", "1d")}
    live.put("2022-03-04T00:10", 1, value=9_000)
    live.put("2022-06-01", 2, value=100)
    other = Park(store, "other")
    other.put("2022-03-01", 31)
    while store.roll_up(NOW + 10 * DAY).pending:
        pass
    drain(store, NOW + 10 * DAY)
    for level, rows in before.items():
        now = rollups(dsn, level)
        march = [row for row in now if row[0] == live.device and row[1] < datetime(2022, 5, 1, tzinfo=UTC)]
        assert march == [row for row in rows if row[1] < datetime(2022, 5, 1, tzinfo=UTC)], level
        june = [row for row in now if row[0] == live.device and row[1].year == 2022 and row not in march]
        assert sum(row[2] for row in june) == 48, level
        assert sum(row[2] for row in now if row[0] == other.device) == 31 * 24, level


def test_rollups_go_by_park_too(dsn):
    """Two years of minutes are kept: those of an old park from 2015 stay, those of the live park's 2022 go."""
    with closing(open_store(dsn, StoreSettings(raw_days=0, rollup_1m_days=730))) as store:
        live, old = Park(store, "live"), Park(store, "old")
        live.put("2022-03-01", 31)
        old.put("2015-01-01", 40)
        live.put("2026-10-22", 10)
        drain(store, NOW)
        account(dsn)
        days = rollups(dsn, "1d")
        store.maintain(NOW + 3_600_000)
        announced = removals(dsn)
        assert {each.relation for each in announced} == {"meter_1m"}
        assert counts(dsn, "meter_1m") == {"live": 41 * 24, "old": 960}
        store.maintain(NOW + 8 * DAY)
        left = counts(dsn, "meter_1m")
        assert left["old"] == 960
        assert left["live"] == 41 * 24 - sum(each.rows for each in announced)
        # Months of Shanghai on plain PostgreSQL: the hours of the first of April there are their own month.
        assert 240 <= left["live"] <= 240 + 8
        assert counts(dsn, "meter_15m") == {"live": 41 * 24, "old": 960}
        assert rollups(dsn, "1d") == days
        live.put("2022-03-04T00:10", 1, value=9_000)
        drain(store, NOW + 9 * DAY)
        assert rollups(dsn, "1d") == days


def test_a_keeper_that_is_killed_between_removal_and_record_leaves_both_or_none(dsn, store):
    live = Park(store, "live")
    live.put("2022-03-01", 10)
    live.put("2026-10-22", 10)
    drain(store, NOW)
    account(dsn)
    store.maintain(NOW + 3_600_000)
    with psycopg.connect(dsn) as blocker:
        blocker.execute("LOCK TABLE base.removed_span IN ACCESS EXCLUSIVE MODE")
        with (
            closing(open_store(dsn, StoreSettings(lock_timeout_s=0.2))) as impatient,
            pytest.raises(Exception, match="lock timeout"),
        ):
            impatient.maintain(NOW + 8 * DAY)
    assert counts(dsn) == {"live": 480}
    store.maintain(NOW + 9 * DAY)
    assert counts(dsn) == {"live": 240}
    assert sum(each.rows for each in removals(dsn) if each.removed_at) == 240
