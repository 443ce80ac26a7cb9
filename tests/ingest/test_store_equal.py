"""Both stores give the same answers to the same input: run when a server is named beside the embedded one."""

import os
import random
from contextlib import ExitStack, closing

import pytest

from parkgrid_contract.refusal import Reason
from parkgrid_contract.signals import CATALOGUE
from parkgrid_database.migrate import migrate
from parkgrid_ingest.rows import Commit, Quarantined
from parkgrid_ingest.store.opening import open_store
from parkgrid_servers import database
from tests.conftest import TEST_DSN, open_folder, temporary_database
from tests.ingest.readings import EPOCH, GATEWAY, NOON_MS, all_rows, birth, class_rows, drain, header

DAY = 86_400_000
VIEWS = [f"{name}{suffix}" for name in CATALOGUE for suffix in ("", "_1m", "_15m", "_1d")]


@pytest.fixture
def two_dsns():
    """A fresh database on the named server, and one on an embedded server of plain PostgreSQL."""
    named = os.environ.get(TEST_DSN)
    if not named:
        pytest.skip(f"{TEST_DSN} names no second server")
    with ExitStack() as stack:
        running = database.start(stack.enter_context(open_folder()))
        stack.callback(running.stop)
        pair = [stack.enter_context(temporary_database(server))[1] for server in (named, running.dsn)]
        for dsn in pair:
            migrate(dsn)
        yield pair


def commits(rng):
    """Rows of every class over three days: late, doubled, contradicting, flagged, partly absent, with holes."""
    seq = 0
    for round_ in range(12):
        headers, rows, refused = [], [], []
        for device_class in CATALOGUE:
            seq += rng.choice((1, 1, 1, 3))
            names = [signal.name for signal in CATALOGUE[device_class].signals]
            readings = []
            for _ in range(40):
                ms = NOON_MS + rng.randrange(-2 * DAY, DAY) // 1_000 * 1_000 if round_ else NOON_MS + rng.randrange(DAY)
                values = {name: rng.choice([None, rng.randint(0, 900)]) for name in names}
                readings.append((rng.randint(1, 3), ms, values | {names[0]: rng.randint(0, 900)}))
            device, ms, values = readings[3]
            readings += [*readings[:3], (device, ms, values | {names[0]: 901})]
            flags = {5: b'{"%s":"stale"}' % names[0].encode()}
            rows.append(class_rows(device_class, readings, len(headers), flags))
            refused.append(
                Quarantined(
                    *(GATEWAY.park, GATEWAY.gateway, EPOCH, seq, "x", Reason.UNKNOWN_DEVICE, "device", "{}"),
                    len(headers),
                )
            )
            headers.append(header(seq, max(1, seq - 5)))
        yield Commit(headers, rows, refused)


def fill(dsn):
    rng = random.Random(7)
    with closing(open_store(dsn)) as store:
        store.register(GATEWAY, birth())
        outcomes = []
        for number, commit in enumerate(commits(rng)):
            outcomes += [store.commit(commit), store.commit(commit)]
            if number % 4 == 3:
                drain(store, NOON_MS + DAY + number)
        drain(store, NOON_MS + 2 * DAY)
        return store.kind, outcomes


@pytest.mark.process
def test_both_stores_answer_alike(two_dsns):
    (first, first_outcomes), (second, second_outcomes) = (fill(dsn) for dsn in two_dsns)
    if first == second:
        pytest.skip(f"both servers offer the store {first}")
    assert {first, second} == {"postgres", "timescale"}
    assert first_outcomes == second_outcomes
    assert sum(outcome.conflicting for outcome in first_outcomes) > 0
    for view in VIEWS:
        one, other = (all_rows(dsn, f"SELECT * FROM public.{view} ORDER BY device_id, at") for dsn in two_dsns)
        assert len(one) > 0
        assert one == other, view
    for query in (
        "SELECT device_id, device_class, at, kept, refused FROM conflicts ORDER BY device_class, at, refused::text",
        "SELECT park, gateway, epoch, seq, device, reason, occurrences FROM quarantine ORDER BY seq",
        "SELECT park, gateway, epoch, first_seq, last_seq FROM sequence_gaps ORDER BY first_seq",
        "SELECT park, gateway, device, device_class, name, period_s, signals, simulated, retired FROM devices",
    ):
        one, other = (all_rows(dsn, query) for dsn in two_dsns)
        assert len(one) > 0
        assert one == other
