"""The commit: exactly once, in one transaction, with what was refused beside what was stored."""

import itertools
import json
from contextlib import closing

import numpy as np
import psycopg
import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.telemetry import Ack
from parkgrid_database.errors import SetupError, StoreUnavailableError
from parkgrid_ingest.rows import Commit, Quarantined
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from tests.ingest.readings import (
    EPOCH,
    GATEWAY,
    NOON_MS,
    all_rows,
    at,
    class_rows,
    every_signal,
    header,
    one_batch,
    store_one,
)
from tests.logins import acting

KEY = (GATEWAY, EPOCH)
POWER = "SELECT device_id, at, active_power_kw FROM public.meter ORDER BY device_id, at"


@pytest.fixture
def store(dsn):
    with closing(open_store(acting(dsn, "ingest"))) as opened:
        yield opened


def readings(first, count, value=1_000):
    return [(1, NOON_MS + number * 1_000, {"active_power_kw": value}) for number in range(first, first + count)]


def refusal(batch, seq=1, **changes):
    entry = {
        "park": GATEWAY.park,
        "gateway": GATEWAY.gateway,
        "epoch": EPOCH,
        "seq": seq,
        "device": "meter-9",
        "reason": Reason.UNKNOWN_DEVICE,
        "location": "device",
        "content": "{}",
        "batch": batch,
    }
    return Quarantined(**(entry | changes))


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_class_stores_every_signal(dsn, store, name):
    device_class = CATALOGUE[name]
    low, high = every_signal(name, 1), {s.name: s.storage_limit for s in device_class.signals}
    negative = {s.name: -s.storage_limit for s in device_class.signals}
    instants = [NOON_MS, NOON_MS + 1, NOON_MS + 86_400_000]
    done = store_one(store, 1, list(zip([7, 7, 8], instants, [low, high, negative], strict=True)), name)
    assert (done.stored, done.repeated, done.conflicting) == (3, 0, 0)
    names = [signal.name for signal in device_class.signals]
    rows = all_rows(dsn, f"SELECT device_id, at, seq, flags, {', '.join(names)} FROM base.{name} ORDER BY at")
    expected = [
        (device, at(ms), 1, None, *(values[signal] for signal in names))
        for device, ms, values in zip([7, 7, 8], instants, [low, high, negative], strict=True)
    ]
    assert rows == expected


def test_absent_values_are_null_and_flags_stay_with_their_row(dsn, store):
    patterns = list(itertools.product([None, 5], repeat=3))
    names = ("active_power_kw", "power_factor", "energy_import_kwh")
    rows = [(1, NOON_MS + n, dict(zip(names, pattern, strict=True))) for n, pattern in enumerate(patterns)]
    flags = {0: b'{"active_power_kw":"stale"}', 5: b'{"power_factor":"bad","active_power_kw":"estimated"}'}
    store.commit(Commit([header(1)], [class_rows("meter", rows, flags=flags)]))
    stored = all_rows(dsn, f"SELECT flags, {', '.join(names)}, demand_kw FROM base.meter ORDER BY at")
    expected = [(json.loads(flags[n]) if n in flags else None, *pattern, None) for n, pattern in enumerate(patterns)]
    assert stored == expected


def test_a_batch_is_stored_once_however_often_it_comes(dsn, store):
    first = store_one(store, 1, readings(0, 5))
    again = store_one(store, 1, readings(0, 5))
    assert (first.stored, again.stored, again.repeated) == (5, 0, 5)
    assert first.acks == again.acks == {KEY: Ack(EPOCH, 1)}
    assert len(all_rows(dsn, POWER)) == 5


def test_a_batch_that_stands_twice_in_one_commit_is_stored_once(dsn, store):
    rows = class_rows("meter", readings(0, 3) * 2, [0, 0, 0, 1, 1, 1])
    done = store.commit(Commit([header(1), header(1)], [rows], [refusal(0), refusal(1)]))
    assert (done.stored, done.repeated, done.conflicting) == (3, 3, 0)
    assert all_rows(dsn, "SELECT occurrences FROM quarantine") == [(1,)]


def test_live_may_overtake_backlog(store):
    orders = [5, 1, 6, 3, 2, 4]
    acks = [store_one(store, seq, readings(seq * 10, 2)).acks[KEY] for seq in orders]
    assert acks == [
        Ack(EPOCH, 0, ((5, 5),)),
        Ack(EPOCH, 1, ((5, 5),)),
        Ack(EPOCH, 1, ((5, 6),)),
        Ack(EPOCH, 1, ((3, 3), (5, 6))),
        Ack(EPOCH, 3, ((5, 6),)),
        Ack(EPOCH, 6),
    ]
    assert store.ack_of(*KEY) == Ack(EPOCH, 6)
    assert store.ack_of(GATEWAY, EPOCH + 1) is None


def test_a_dropped_hole_is_passed_and_recorded(dsn, store):
    gaps = "SELECT park, gateway, epoch, first_seq, last_seq FROM public.sequence_gaps ORDER BY first_seq"
    store_one(store, 2, readings(20, 1))
    assert store_one(store, 9, readings(90, 1), floor=8).acks[KEY] == Ack(EPOCH, 7, ((9, 9),))
    assert all_rows(dsn, gaps) == [(*_names(), EPOCH, 1, 1), (*_names(), EPOCH, 3, 7)]
    late = store_one(store, 5, readings(50, 1), floor=4)
    assert (late.stored, late.acks[KEY]) == (1, Ack(EPOCH, 7, ((9, 9),)))
    assert all_rows(dsn, gaps) == [(*_names(), EPOCH, 1, 1), (*_names(), EPOCH, 3, 4), (*_names(), EPOCH, 6, 7)]
    assert store_one(store, 5, readings(50, 1)).repeated == 1


def _names():
    return GATEWAY.park, GATEWAY.gateway


def test_epochs_and_gateways_are_counted_apart(dsn, store):
    other = Gateway("gaoxin-nan", "gw-2")
    headers = [header(1), header(1, epoch=EPOCH + 9), header(3, gateway=other)]
    rows = class_rows("meter", [(n, NOON_MS, {"active_power_kw": n}) for n in (1, 2, 3)], [0, 1, 2])
    done = store.commit(Commit(headers, [rows]))
    assert done.acks == {
        KEY: Ack(EPOCH, 1),
        (GATEWAY, EPOCH + 9): Ack(EPOCH + 9, 1),
        (other, EPOCH): Ack(EPOCH, 0, ((3, 3),)),
    }
    origin = "SELECT device_id, gateway, epoch FROM meter JOIN base.gateway_epoch USING (park_id, epoch_id) ORDER BY 1"
    assert all_rows(dsn, origin) == [(1, "gw-1", EPOCH), (2, "gw-1", EPOCH + 9), (3, "gw-2", EPOCH)]


def test_a_repetition_is_recognised_and_a_contradiction_recorded(dsn, store):
    store_one(store, 1, readings(0, 3))
    mixed = [*readings(1, 1), *readings(2, 1, value=2_000), *readings(3, 1)]
    done = store_one(store, 2, mixed)
    assert (done.stored, done.repeated, done.conflicting) == (1, 1, 1)
    assert [value for *_, value in all_rows(dsn, POWER)] == [1.0, 1.0, 1.0, 1.0]
    conflicts = "SELECT device_id, device_class, at, kept, refused FROM public.conflicts"
    expected = (1, "meter", at(NOON_MS + 2_000), {"active_power_kw": 1}, {"active_power_kw": 2})
    assert all_rows(dsn, conflicts) == [expected]
    store_one(store, 2, mixed)
    assert all_rows(dsn, conflicts) == [expected]


def test_a_contradiction_within_one_commit_keeps_the_first(dsn, store):
    rows = class_rows("meter", [*readings(0, 1), *readings(0, 1, value=3_000), *readings(0, 1)], [0, 0, 1])
    done = store.commit(Commit([header(1), header(2)], [rows]))
    assert (done.stored, done.repeated, done.conflicting) == (1, 1, 1)
    assert [value for *_, value in all_rows(dsn, POWER)] == [1.0]


def test_absent_and_flag_count_when_two_rows_are_compared(store):
    store_one(store, 1, readings(0, 2))
    other = class_rows("meter", [(1, NOON_MS, {"active_power_kw": None, "demand_kw": 0}), *readings(1, 1)])
    other.flags = {1: b'{"active_power_kw":"bad"}'}
    assert store.commit(Commit([header(2)], [other])).conflicting == 2


def test_refusals_are_kept_with_their_batch_and_counted(dsn, store):
    loose = refusal(
        None, park=None, gateway=None, epoch=None, seq=None, device=None, reason=Reason.NOT_JSON, content="\x00\ud800"
    )
    store.commit(one_batch(1, readings(0, 1), refused=[refusal(0), loose, loose]))
    store.commit(one_batch(1, readings(0, 1), refused=[refusal(0), loose]))
    seen = all_rows(
        dsn, "SELECT park, epoch, seq, device, reason, content, occurrences FROM quarantine ORDER BY reason"
    )
    assert seen == [
        (None, None, None, None, "not_json", "\ufffd?", 3),
        (GATEWAY.park, EPOCH, 1, "meter-9", "unknown_device", "{}", 1),
    ]


def test_refusals_without_any_batch_are_kept(dsn, store):
    store.commit(Commit([], (), [refusal(None)]))
    assert all_rows(dsn, "SELECT count(*) FROM quarantine") == [(1,)]


@pytest.mark.parametrize(
    "poisonous",
    [
        (1, NOON_MS + 5, {"power_factor": 40_000}),
        (1, NOON_MS + 5, {"active_power_kw": -(2**31)}),
        (1, -5, {"active_power_kw": 1}),
        (1, 2**52, {"active_power_kw": 1}),
    ],
)
@pytest.mark.parametrize("place", [0, 3, 7])
def test_poison_is_isolated_and_its_neighbours_are_stored(dsn, store, poisonous, place):
    good = {n: (1, NOON_MS + n * 1_000, {"active_power_kw": n}) for n in range(8) if n != place}
    rows = class_rows("meter", [good.get(n, poisonous) for n in range(8)], range(8))
    done = store.commit(
        Commit([header(n + 1) for n in range(8)], [rows], [refusal(None, location="topic"), refusal(place, place + 1)])
    )
    assert (done.stored, done.poisoned, done.acks) == (7, 1, {KEY: Ack(EPOCH, 8)})
    assert len(all_rows(dsn, POWER)) == 7
    seen = all_rows(dsn, "SELECT reason, seq, content LIKE '%%steps%%' FROM quarantine WHERE reason = 'poison'")
    assert seen == [("poison", place + 1, True)]
    assert all_rows(dsn, "SELECT count(*), sum(occurrences) FROM quarantine WHERE reason <> 'poison'") == [(2, 2)]


def test_flags_that_are_no_json_are_poison_too(store):
    rows = class_rows("meter", readings(0, 2), [0, 1], {1: b"{broken"})
    done = store.commit(Commit([header(1), header(2)], [rows]))
    assert (done.stored, done.poisoned) == (1, 1)


def test_a_signal_outside_the_catalogue_is_a_mistake_of_the_program(store):
    with pytest.raises(SetupError, match="flux_capacitor"):
        store_one(store, 1, [(1, NOON_MS, {"flux_capacitor": 1})])
    assert store.ack_of(*KEY) is None
    assert store_one(store, 1, readings(0, 1)).stored == 1


def test_a_table_that_is_missing_is_not_blamed_on_the_batch(dsn, store):
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE base.weather RENAME TO weather_away")
    with pytest.raises(SetupError, match="migrated"):
        store_one(store, 1, [(1, NOON_MS, {"temperature_c": 1})], "weather")
    assert all_rows(dsn, "SELECT count(*) FROM quarantine") == [(0,)]


def test_a_lost_connection_is_retriable_and_comes_back(dsn, store):
    store_one(store, 1, readings(0, 1))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'parkgrid ingest%' AND datname = current_database()"
        )
    with pytest.raises(StoreUnavailableError):
        store_one(store, 2, readings(1, 1))
    assert store_one(store, 2, readings(1, 1)).acks[KEY] == Ack(EPOCH, 2)


def test_a_database_restored_to_an_earlier_time_is_noticed(dsn, store):
    other = Gateway("other", "gw-9")
    store_one(store, 1, readings(0, 1))
    with psycopg.connect(dsn) as connection:
        # The same number now belongs to another gateway, as it may after a restore.
        connection.execute("INSERT INTO base.park (park) VALUES (%s)", (other.park,))
        connection.execute(
            "UPDATE base.gateway_epoch SET gateway = %s, park_id = (SELECT park_id FROM base.park WHERE park = %s)",
            (other.gateway, other.park),
        )
    assert store_one(store, 2, readings(1, 1)).acks[KEY] == Ack(EPOCH, 0, ((2, 2),))
    assert store.ack_of(other, EPOCH) == Ack(EPOCH, 1)


def test_listeners_are_told_a_few_times_a_second_and_nothing_is_forgotten(dsn, store):
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("LISTEN parkgrid_commit")
        for seq in range(1, 21):
            store_one(store, seq, readings(seq, 1))
        store.commit(Commit([header(1, gateway=Gateway("p", "late"))]))
        store.maintain(NOON_MS)
        heard = [json.loads(notice.payload) for notice in connection.notifies(timeout=1, stop_after=None)]
    assert 2 <= len(heard) <= 8
    assert {"park": GATEWAY.park, "gateway": GATEWAY.gateway} in heard
    assert {"park": "p", "gateway": "late"} in heard


def test_a_year_of_days_in_one_commit(dsn, store):
    days = [(1, NOON_MS + n * 86_400_000, {"active_power_kw": n}) for n in range(366)]
    assert store_one(store, 1, days).stored == 366
    assert all_rows(dsn, "SELECT count(DISTINCT at::date) FROM meter") == [(366,)]


def test_old_quarantine_is_summed_up(dsn):
    with closing(open_store(dsn, StoreSettings(quarantine_rows=100))) as store:
        for seq in range(1, 5):
            entries = [refusal(0, seq, location=f"samples[{n}]") for n in range(60)]
            store.commit(Commit([header(seq)], (), entries))
        store.maintain(NOON_MS)
        assert all_rows(dsn, "SELECT sum(occurrences), count(*) FROM quarantine") == [(240, 101)]
        store.commit(Commit([header(9)], (), [refusal(0, 9, location=f"x[{n}]") for n in range(50)]))
        store.maintain(NOON_MS + 3_600_000)
        assert all_rows(dsn, "SELECT sum(occurrences), count(*) FROM quarantine") == [(290, 101)]


def test_whoever_fills_the_quarantine_has_nobody_else_s_rows_summed_up(dsn):
    other = Gateway("p", "other")
    with closing(open_store(dsn, StoreSettings(quarantine_rows=100))) as store:
        told = [refusal(None, park=other.park, gateway=other.gateway, location=f"samples[{n}]") for n in range(40)]
        store.commit(Commit([header(1, gateway=other)], (), told))
        for seq in range(1, 5):
            store.commit(Commit([header(seq)], (), [refusal(0, seq, location=f"samples[{n}]") for n in range(60)]))
        store.maintain(NOON_MS)
    rows = "SELECT gateway, count(*), sum(occurrences)::int8, max(seq) FROM quarantine GROUP BY 1 ORDER BY 1"
    assert all_rows(dsn, rows) == [(GATEWAY.gateway, 61, 240, 4), ("other", 40, 40, 1)]


def test_columns_of_any_layout_are_taken(dsn, store):
    """The consumer hands over slices of one matrix: not contiguous, in any order of columns."""
    matrix = np.arange(12, dtype=np.int64).reshape(4, 3)
    rows = class_rows("meter", [(1, NOON_MS + n, {"demand_kw": 0}) for n in range(4)])
    rows.values = {"demand_kw": matrix[:, 2], "active_power_kw": matrix[:, 0], "fault_code": matrix[::-1, 1]}
    store.commit(Commit([header(1)], [rows]))
    assert all_rows(dsn, "SELECT demand_kw, active_power_kw, fault_code FROM base.meter ORDER BY at") == [
        (2, 0, 10),
        (5, 3, 7),
        (8, 6, 4),
        (11, 9, 1),
    ]
