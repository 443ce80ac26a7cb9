"""The newest row of each device, kept by the commit, is the one that a search of the raw rows would find."""

import random
from contextlib import closing

import pytest

from parkgrid_contract.signals import CATALOGUE
from parkgrid_ingest.rows import Commit
from parkgrid_ingest.store.opening import open_store
from tests.ingest.readings import (
    NOON_MS,
    all_rows,
    at,
    class_rows,
    every_signal,
    header,
    store_one,
)

DAY = 86_400_000


@pytest.fixture
def store(dsn):
    with closing(open_store(dsn)) as opened:
        yield opened


def kept(dsn, device_class="meter"):
    return all_rows(dsn, f"SELECT * FROM public.{device_class}_newest ORDER BY park_id, device_id")


def searched(dsn, device_class="meter"):
    newest_first = "ORDER BY park_id, device_id, at DESC"
    return all_rows(dsn, f"SELECT DISTINCT ON (park_id, device_id) * FROM public.{device_class} {newest_first}")


def test_late_repeated_and_conflicting_rows_in_any_order(dsn, store):
    """Thirty commits with a pinned seed; after each, both ways give the same rows."""
    chance = random.Random(20261129)
    sent = []
    for seq in range(1, 31):
        readings = [
            (chance.randrange(1, 6), NOON_MS - chance.randrange(3 * DAY), {"active_power_kw": chance.randrange(9_000)})
            for _ in range(chance.randrange(1, 12))
        ]
        readings += chance.sample(sent, min(len(sent), 3))  # again
        readings += [(device, ms, {"active_power_kw": 1}) for device, ms, _ in chance.sample(sent, min(len(sent), 2))]
        readings += [(device, ms, {"active_power_kw": 2}) for device, ms, _ in readings[:2]]  # two of one instant
        store_one(store, seq, readings)
        sent += readings
        assert kept(dsn) == searched(dsn)
    assert {device for _, device, *_ in kept(dsn)} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("device_class", sorted(CATALOGUE))
def test_every_class_with_all_of_its_signals(dsn, store, device_class):
    store_one(store, 1, [(1, NOON_MS, every_signal(device_class, 100))], device_class)
    store_one(store, 2, [(1, NOON_MS + 1_000, every_signal(device_class, 200))], device_class)
    assert kept(dsn, device_class) == searched(dsn, device_class)
    assert [row[2] for row in kept(dsn, device_class)] == [at(NOON_MS + 1_000)]


def test_what_the_newest_row_does_not_have_is_not_left_over_from_the_former(dsn, store):
    flags = {0: b'{"active_power_kw":"out_of_range"}'}
    values = {"active_power_kw": 90_000, "energy_import_kwh": 7_000}
    store.commit(Commit([header(1)], [class_rows("meter", [(1, NOON_MS, values)], flags=flags)]))
    query = "SELECT active_power_kw, energy_import_kwh, flags, untrusted FROM public.meter_newest"
    assert all_rows(dsn, query) == [(None, 7.0, {"active_power_kw": "out_of_range"}, {"active_power_kw": 90.0})]
    store_one(store, 2, [(1, NOON_MS + 1_000, {"active_power_kw": 5_000})])
    assert all_rows(dsn, query) == [(5.0, None, None, None)]


def test_a_commit_that_is_undone_leaves_the_former_row(dsn, store):
    """A value that the column cannot hold is refused after the class before it was stored."""
    store_one(store, 1, [(1, NOON_MS, {"active_power_kw": 5_000})])
    bad = class_rows("storage", [(2, NOON_MS, {"soc_pct": 2**40})])
    good = class_rows("meter", [(1, NOON_MS + 1_000, {"active_power_kw": 6_000})])
    assert store.commit(Commit([header(2)], [good, bad])).poisoned == 1
    assert kept(dsn) == searched(dsn)
    assert [row[2] for row in kept(dsn)] == [at(NOON_MS)]
