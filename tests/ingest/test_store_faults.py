"""Two writers, a frozen writer, a killed writer: whatever happens, every batch is stored once and the rest goes on."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import psycopg
import pytest

from parkgrid_contract.telemetry import Ack
from parkgrid_database.errors import StoreError, StoreUnavailableError
from parkgrid_ingest.rows import Commit
from parkgrid_ingest.store.opening import open_store
from parkgrid_ingest.store.settings import StoreSettings
from tests.ingest.readings import EPOCH, GATEWAY, NOON_MS, all_rows, class_rows, drain, header, store_one

KEY = (GATEWAY, EPOCH)
BATCHES = 60


def commit_of(seqs):
    """Batches of ten rows each; every value says which batch it came in."""
    readings = [(n, NOON_MS + seq * 1_000, {"active_power_kw": seq * 100 + n}) for seq in seqs for n in range(10)]
    places = [place for place in range(len(seqs)) for _ in range(10)]
    return Commit([header(seq) for seq in seqs], [class_rows("meter", readings, places)])


def check_exactly_once(dsn):
    rows = all_rows(dsn, "SELECT device_id, at, active_power_kw, seq FROM public.meter")
    expected = {(n, seq, (seq * 100 + n) / 1000) for seq in range(1, BATCHES + 1) for n in range(10)}
    assert len(rows) == len(expected)
    assert {(device, seq, value) for device, _, value, seq in rows} == expected
    assert all_rows(dsn, "SELECT count(*) FROM conflicts") == [(0,)]
    with closing(open_store(dsn)) as store:
        assert store.ack_of(*KEY) == Ack(EPOCH, BATCHES)
        drain(store)
    assert all_rows(dsn, "SELECT sum(samples) FROM meter_1d") == [(len(expected),)]


def persist(store, commit, seconds=60):
    """Send the same again, as an edge does, until it is taken."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return store.commit(commit)
        except StoreUnavailableError:
            assert time.monotonic() < deadline


def write_everything(dsn, seed):
    rng = random.Random(seed)
    order = list(range(1, BATCHES + 1))
    rng.shuffle(order)
    with closing(open_store(dsn)) as store:
        while order:
            size = rng.randint(1, 5)
            persist(store, commit_of(order[:size]))
            order = order[size:]


def test_two_processes_that_send_the_same_store_it_once(dsn):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_everything, args=(dsn, seed)) for seed in (1, 2, 3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    check_exactly_once(dsn)


def test_threads_share_one_store(dsn):
    with closing(open_store(dsn)) as store:
        parts = [list(range(first, BATCHES + 1, 4)) for first in range(1, 5)]
        threads = [
            threading.Thread(target=lambda seqs=seqs: [store.commit(commit_of([s])) for s in seqs]) for seqs in parts
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            store.maintain(NOON_MS)
        for thread in threads:
            thread.join(30)
    check_exactly_once(dsn)


_STOPPING_WRITER = """
import os, signal, sys
from parkgrid_ingest.store.opening import open_store
from parkgrid_database.errors import StoreError
from tests.ingest.test_store_faults import commit_of
import parkgrid_ingest.store.commit as module

passed = []
def stop(name):
    if name == sys.argv[2] and not passed:
        passed.append(name)
        print("stopping", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
module.crash_point = stop
store = open_store(sys.argv[1])
try:
    print("committed", store.commit(commit_of([1, 2])).stored, flush=True)
except StoreError as error:
    print("failed", type(error).__name__, flush=True)
    print("again", store.commit(commit_of([1, 2])).repeated, flush=True)
"""

_HALF_COPY_WRITER = """
import os, signal, sys
import psycopg
from parkgrid_ingest.store.opening import open_store
from parkgrid_database.errors import StoreError
from tests.ingest.test_store_faults import commit_of

write = psycopg.Copy.write
def half(self, buffer):
    if not passed:
        passed.append(1)
        write(self, bytes(buffer)[:200])
        print("stopping", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        write(self, bytes(buffer)[200:])
    else:
        write(self, buffer)
passed = []
psycopg.Copy.write = half
store = open_store(sys.argv[1])
try:
    print("committed", store.commit(commit_of([1, 2])).stored, flush=True)
except StoreError as error:
    print("failed", type(error).__name__, flush=True)
    print("again", store.commit(commit_of([1, 2])).repeated, flush=True)
"""


@pytest.mark.timing
@pytest.mark.parametrize(
    ("program", "point"),
    [
        (_STOPPING_WRITER, "ingest.before_copy"),
        (_STOPPING_WRITER, "ingest.before_commit"),
        (_HALF_COPY_WRITER, "inside the copy"),
    ],
)
def test_a_frozen_writer_neither_blocks_its_replacement_nor_writes_twice(dsn, program, point):
    frozen = subprocess.Popen([sys.executable, "-c", program, dsn, point], stdout=subprocess.PIPE, text=True)
    assert frozen.stdout
    try:
        assert frozen.stdout.readline() == "stopping\n"
        settings = StoreSettings(lock_timeout_s=0.3, frozen_writer_s=1.0)
        with closing(open_store(dsn, settings)) as replacement:
            started = time.monotonic()
            assert persist(replacement, commit_of([1, 2, 3]), 30).stored == 30
            assert time.monotonic() - started < 15
            os.kill(frozen.pid, signal.SIGCONT)
            answers = frozen.communicate(timeout=30)[0].splitlines()
            assert answers == ["failed StoreUnavailableError", "again 20"]
            assert replacement.ack_of(*KEY) == Ack(EPOCH, 3)
    finally:
        if frozen.poll() is None:
            frozen.kill()
            frozen.wait(10)
    assert all_rows(dsn, "SELECT count(*) FROM meter") == [(30,)]


@pytest.mark.parametrize("point", ["ingest.before_copy", "ingest.after_copy", "ingest.before_commit"])
def test_a_writer_that_dies_leaves_nothing_half_done(dsn, point):
    program = (
        "import sys; from parkgrid_ingest.store.opening import open_store;"
        " from tests.ingest.test_store_faults import commit_of;"
        "store = open_store(sys.argv[1]); store.commit(commit_of([1])); store.commit(commit_of([2, 3]))"
    )
    environment = os.environ | {"PARKGRID_CRASH_AT": f"{point}:2"}
    died = subprocess.run([sys.executable, "-c", program, dsn], env=environment, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL
    with closing(open_store(dsn)) as store:
        done = persist(store, commit_of([1, 2, 3]))
        assert (done.stored, done.repeated, done.acks) == (20, 10, {KEY: Ack(EPOCH, 3)})
        drain(store)
    assert all_rows(dsn, "SELECT sum(samples) FROM meter_1m") == [(30,)]


def test_a_long_reader_does_not_stop_the_writer(dsn):
    with closing(open_store(dsn)) as store, psycopg.connect(dsn) as reader:
        reader.execute("SELECT count(*) FROM public.meter")
        assert store_one(store, 1, [(1, NOON_MS, {"active_power_kw": 1})]).stored == 1
        store.maintain(NOON_MS)


def test_a_lock_that_stays_is_an_error_in_time(dsn):
    settings = StoreSettings(lock_timeout_s=0.2)
    with closing(open_store(dsn, settings)) as store, psycopg.connect(dsn) as rude:
        store.commit(commit_of([1]))
        rude.execute("SELECT * FROM base.gateway_epoch FOR UPDATE")
        with pytest.raises(StoreError, match="lock timeout"):
            store.commit(commit_of([2]))
        rude.rollback()
        assert store.commit(commit_of([2])).stored == 10


def test_partitions_made_by_two_at_once(dsn):
    """A new day begins for both writers in the same instant."""
    barrier = threading.Barrier(4)
    failures: list[BaseException] = []

    def write(device):
        try:
            with closing(open_store(dsn)) as store:
                barrier.wait(20)
                readings = [(device, NOON_MS + day * 86_400_000, {"active_power_kw": day}) for day in range(20)]
                rows = class_rows("meter", readings)
                persist(store, Commit([header(1, epoch=EPOCH + device)], [rows]))
        except (StoreError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(device,)) for device in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert all_rows(dsn, "SELECT count(*) FROM meter") == [(80,)]
