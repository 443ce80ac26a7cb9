"""What is flagged bad, stale or out of range takes part in no roll-up, whether it comes now or was stored long ago."""

import json
from contextlib import closing

import pytest

from parkgrid_ingest.rows import Commit
from parkgrid_ingest.store.opening import open_store
from tests.ingest.readings import NOON_MS, all_rows, at, class_rows, drain, header

LEVELS = ("1m", "15m", "1d")
SECOND = 1_000
MINUTE = 60 * SECOND
MIDNIGHT = NOON_MS - 17 * 60 * MINUTE
"""In Shanghai."""


@pytest.fixture
def store(dsn):
    with closing(open_store(dsn)) as opened:
        yield opened


def spike():
    """A meter of 100 kW at 40 and 41 kW in turn for two minutes, 429,496 kW for 12 s of it; a counter beside it."""
    readings, flags = [], {}
    for second in range(120):
        power = 429_496_729 if 30 <= second < 42 else 40_000 + second % 2 * 1_000
        values = {"active_power_kw": power, "energy_import_kwh": 48_211_000 + 11 * second, "fault_code": 0}
        readings.append((1, NOON_MS + second * SECOND, values))
        if 30 <= second < 42:
            flags[second] = b'{"active_power_kw":"out_of_range"}'
    return readings, flags


def test_a_spike_takes_part_in_no_roll_up_and_stays_readable(dsn, store):
    """Of the first minute's 60 readings 24 at 40 kW and 24 at 41 kW are left."""
    readings, flags = spike()
    store.commit(Commit([header(1)], [class_rows("meter", readings, flags=flags)]))
    drain(store)
    for level in LEVELS:
        query = f"SELECT active_power_kw, active_power_kw_min, active_power_kw_max, samples FROM public.meter_{level}"
        for mean, low, high, samples in all_rows(dsn, query):
            assert (mean, low, high, samples) == (40.5, 40.0, 41.0, 60 if level == "1m" else 120)
    raw = "SELECT active_power_kw, flags, untrusted, energy_import_kwh FROM public.meter WHERE at = %s"
    assert all_rows(dsn, raw, at(NOON_MS + 35 * SECOND)) == [
        (None, {"active_power_kw": "out_of_range"}, {"active_power_kw": 429_496.729}, 48_211.385)
    ]
    assert all_rows(dsn, "SELECT count(*) FROM public.meter WHERE untrusted IS NOT NULL") == [(12,)]


@pytest.mark.parametrize("quality", ["bad", "stale", "out_of_range"])
def test_gauge_counter_and_state_are_left_out_alike(dsn, store, quality):
    good = {"active_power_kw": 5_000, "energy_import_kwh": 7_000, "fault_code": 3}
    wrong = {"active_power_kw": 90_000, "energy_import_kwh": 9_000_000, "fault_code": 77}
    flags = {1: json.dumps(dict.fromkeys(wrong, quality)).encode(), 2: json.dumps({"fault_code": quality}).encode()}
    readings = [(1, NOON_MS + n * SECOND, values) for n, values in enumerate((good, wrong, good | {"fault_code": 9}))]
    # A device of which nothing is trusted has a bucket and no value.
    readings.append((2, NOON_MS, wrong))
    flags[3] = flags[1]
    store.commit(Commit([header(1)], [class_rows("meter", readings, flags=flags)]))
    drain(store)
    for level in LEVELS:
        query = (
            "SELECT samples, active_power_kw, active_power_kw_max, energy_import_kwh_first, energy_import_kwh_last,"
            f" fault_code FROM public.meter_{level} ORDER BY device_id"
        )
        assert all_rows(dsn, query) == [(3, 5.0, 5.0, 7.0, 7.0, 3.0), (1, None, None, None, None, None)]


def test_estimates_take_part_and_their_quarters_are_noted(dsn, store):
    readings = [(1, MIDNIGHT + n * 5 * MINUTE, {"active_power_kw": 1_000 * n, "frequency_hz": 5_000}) for n in range(6)]
    flags = dict.fromkeys((3, 4), b'{"active_power_kw":"estimated"}')
    flags[0] = b'{"demand_kw":"estimated"}'  # of a value that is not there
    store.commit(Commit([header(1)], [class_rows("meter", readings, flags=flags)]))
    store.commit(Commit([header(2)], [class_rows("meter", readings[4:], flags={0: flags[4]})]))
    drain(store)
    query = "SELECT active_power_kw FROM public.meter_15m ORDER BY at"
    assert all_rows(dsn, query) == [(1.0,), (4.0,)]
    noted = "SELECT device_id, signal, at FROM public.estimates"
    assert all_rows(dsn, noted) == [(1, "active_power_kw", at(MIDNIGHT + 15 * MINUTE))]


def test_the_same_reading_once_more_is_no_conflict_and_another_one_is(dsn, store):
    flagged = {0: b'{"active_power_kw":"bad"}'}
    for seq, power in ((1, 5_000), (2, 5_000), (3, 6_000)):
        done = store.commit(
            Commit([header(seq)], [class_rows("meter", [(1, NOON_MS, {"active_power_kw": power})], flags=flagged)])
        )
        assert (done.stored, done.repeated, done.conflicting) == ((1, 0, 0), (0, 1, 0), (0, 0, 1))[seq - 1]
    ((kept, refused),) = all_rows(dsn, "SELECT kept, refused FROM public.conflicts")
    assert (kept["untrusted"], refused["untrusted"]) == ({"active_power_kw": 5.0}, {"active_power_kw": 6.0})
