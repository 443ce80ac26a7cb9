"""Reconciliation finds each kind of breach, and nothing where there is none. Rows are put into the store by hand."""

import json
from datetime import UTC, datetime

import psycopg
import pytest

from parkgrid_proof.ledger import LedgerError, read_offers
from parkgrid_proof.reconcile import reconcile

EPOCH = 7_000_000
# 2026-11-01T00:00:00Z in milliseconds.
START_MS = 1_793_491_200_000


class Books:
    """A ledger and a store with one gateway and one weather station, both filled by hand."""

    def __init__(self, dsn, folder):
        self.dsn = dsn
        self.ledger = folder / "gw.ledger"
        self.ledger.touch()
        self.number = 0
        with psycopg.connect(dsn) as connection:
            [self.park_id] = connection.execute(
                "INSERT INTO base.park (park) VALUES ('p') RETURNING park_id"
            ).fetchone()
            connection.execute(
                "INSERT INTO base.gateway_birth (park, gateway, epoch, agent_version, simulated, birth_at)"
                " VALUES ('p', 'gw', %s, '1', true, now())",
                (EPOCH,),
            )
            [self.epoch_id] = connection.execute(
                "INSERT INTO base.gateway_epoch (park_id, gateway, epoch) VALUES (%s, 'gw', %s) RETURNING epoch_id",
                (self.park_id, EPOCH),
            ).fetchone()
            [self.device_id] = connection.execute(
                "INSERT INTO base.device (park_id, park, gateway, device, device_class, name, model, firmware,"
                " period_s, ratings, signals, station, line, transformer, account)"
                " VALUES (%s, 'p', 'gw', 'w-1', 'weather', '', '', '', 1, '{}', '{}', '', '', '', '')"
                " RETURNING device_id",
                (self.park_id,),
            ).fetchone()

    def line(self, **document):
        with self.ledger.open("a", encoding="utf-8") as ledger:
            ledger.write(json.dumps(document) + "\n")

    def offer(self, *samples, accept=True):
        self.number += 1
        self.line(offered=list(samples), n=self.number)
        if accept:
            self.line(accepted=self.number, epoch=EPOCH, n=self.number)

    def store(self, at_s, flags=None, table="weather", untrusted=None, **steps):
        steps["untrusted"] = "NULL" if untrusted is None else f"'{json.dumps(untrusted)}'"
        names = ", ".join(steps)
        with psycopg.connect(self.dsn) as connection:
            connection.execute(
                f"INSERT INTO base.{table} (park_id, device_id, at, received_at, epoch_id, seq, flags, {names})"
                f" VALUES (%s, %s, %s, now(), %s, 1, %s, {', '.join(map(str, steps.values()))})",
                (self.park_id, self.device_id, moment(at_s), self.epoch_id, json.dumps(flags) if flags else None),
            )

    def reconcile(self, **options):
        return reconcile([self.ledger], self.dsn, **options)


def moment(at_s):
    return datetime.fromtimestamp(START_MS / 1000 + at_s, UTC)


def sample(at_s, flags=None, **values):
    document = {"device": "w-1", "at": START_MS + round(at_s * 1000), "values": values}
    return document | ({"flags": flags} if flags else {})


@pytest.fixture
def books(dsn, tmp_path):
    with psycopg.connect(dsn) as connection:
        partitioned = connection.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'base.weather'::regclass")
        if partitioned.fetchone()[0]:
            connection.execute(
                "CREATE TABLE base.weather_test PARTITION OF base.weather"
                " FOR VALUES FROM ('2026-10-31T16:00Z') TO ('2026-11-02T16:00Z')"
            )
    return Books(dsn, tmp_path)


def counts(found):
    return {name: value for name, value in found.as_json().items() if value}


def test_agrees_on_what_is_equal(books):
    # 23.44 °C at a resolution of 0.1 is stored as 234 steps; 71 °C is above the catalogue's 70; 1.25 mm rounds to even.
    books.offer(sample(0, temperature_c=23.44, humidity_pct=50), sample(1, temperature_c=71.0))
    books.offer(sample(2, {"wind_speed_m_s": "stale"}, wind_speed_m_s=3, rain_mm=1.25))
    books.store(0, temperature_c=234, humidity_pct=500)
    books.store(1, {"temperature_c": "out_of_range"}, untrusted={"temperature_c": 71})
    books.store(2, {"wind_speed_m_s": "stale"}, untrusted={"wind_speed_m_s": 3}, rain_mm=12)
    found = books.reconcile()
    assert counts(found) == {"accepted": 3, "stored": 3}, found.examples
    assert found.exact
    assert found.examples == ()


def test_finds_what_is_lost(books):
    books.offer(sample(0, temperature_c=20), sample(1, temperature_c=20))
    books.store(0, temperature_c=200)
    found = books.reconcile()
    assert counts(found) == {"accepted": 2, "stored": 1, "lost": 1}
    assert not found.exact
    assert found.examples == (f"lost: p/gw/w-1 at 2026-11-01 00:00:01+00, epoch {EPOCH} seq 1",)


def test_what_was_only_offered_may_be_stored_or_not(books):
    books.offer(sample(0, temperature_c=20), accept=False)
    books.offer(sample(1, temperature_c=20), accept=False)
    books.store(0, temperature_c=200)
    assert counts(books.reconcile()) == {"stored": 1}


def test_running_numbers_that_begin_again_belong_to_the_last_offer(books):
    books.offer(sample(0, temperature_c=20), accept=False)
    books.number = 0
    books.offer(sample(1, temperature_c=20))
    books.store(1, temperature_c=200)
    assert counts(books.reconcile()) == {"accepted": 1, "stored": 1}


@pytest.mark.parametrize(
    ("flags", "steps"),
    [
        (None, {"temperature_c": 201}),
        ({"temperature_c": "estimated"}, {"temperature_c": 200}),
        ({"temperature_c": "stale"}, {"untrusted": {"temperature_c": 20}}),
    ],
)
def test_finds_what_is_altered_in_value_or_flag(books, flags, steps):
    books.offer(sample(0, temperature_c=20))
    books.store(0, flags, **steps)
    assert counts(books.reconcile()) == {"accepted": 1, "stored": 1, "altered": 1}


def test_a_value_too_much_or_too_few_is_altered(books):
    books.offer(sample(0, temperature_c=20), sample(1, temperature_c=20, humidity_pct=40))
    books.store(0, temperature_c=200, humidity_pct=0)
    books.store(1, temperature_c=200)
    assert counts(books.reconcile()) == {"accepted": 2, "stored": 2, "altered": 2}


def test_finds_what_nobody_offered(books):
    books.offer(sample(0, temperature_c=20))
    books.store(0, temperature_c=200)
    books.store(5, temperature_c=200)
    found = books.reconcile()
    assert counts(found) == {"accepted": 1, "stored": 2, "alien": 1}
    assert counts(books.reconcile(received_since=datetime(2100, 1, 1, tzinfo=UTC))) == {"accepted": 1, "repeated": 1}


def test_finds_a_sample_stored_twice(books):
    books.offer(sample(0, temperature_c=20))
    books.store(0, temperature_c=200)
    with psycopg.connect(books.dsn) as connection:
        connection.execute("ALTER TABLE base.weather DROP CONSTRAINT weather_pkey CASCADE")
    books.store(0, temperature_c=200)
    assert counts(books.reconcile()) == {"accepted": 1, "stored": 2, "duplicated": 1}


def test_a_value_that_does_not_fit_is_refused_and_its_neighbours_count(books):
    # int2 holds 1,800 W/m² at 0.1: at most 3,276.7.
    books.offer(sample(0, irradiance_plane_w_m2=9_999, temperature_c=20, colour=3))
    books.store(0, temperature_c=200)
    assert counts(books.reconcile()) == {"accepted": 1, "stored": 1}


def test_a_refused_sample_is_not_lost_when_the_store_says_so(books):
    books.offer(sample(0, temperature_c=20))
    with psycopg.connect(books.dsn) as connection:
        connection.execute(
            "INSERT INTO base.quarantine (received_at, last_received_at, park, gateway, epoch, seq, device, reason,"
            " location, content, occurrences)"
            " VALUES (now(), now(), 'p', 'gw', %s, 1, 'w-1', 'time_in_future', 'at', '', 3)",
            (EPOCH,),
        )
    assert counts(books.reconcile()) == {"accepted": 1, "quarantined": 3}


def test_acceptances_after_the_settled_size_need_not_be_stored(books):
    books.offer(sample(0, temperature_c=20))
    books.store(0, temperature_c=200)
    settled = {books.ledger: books.ledger.stat().st_size}
    books.offer(sample(1, temperature_c=20))
    books.offer(sample(2, temperature_c=20))
    books.store(2, temperature_c=200)
    assert counts(books.reconcile(settled=settled)) == {"accepted": 1, "stored": 2}


def test_a_torn_last_line_says_nothing_and_a_broken_one_is_told(books):
    books.offer(sample(0, temperature_c=20))
    with books.ledger.open("ab") as ledger:
        ledger.write(b'{"offered":[{"dev')
    assert len(list(read_offers(books.ledger))) == 1
    with books.ledger.open("ab") as ledger:
        ledger.write(b"\n")
    with pytest.raises(LedgerError, match=r"gw\.ledger: byte \d+"):
        list(read_offers(books.ledger))


def test_an_acceptance_without_its_offer_is_told(books):
    books.line(accepted=1, epoch=EPOCH, n=1)
    with pytest.raises(LedgerError, match="without having been offered"):
        list(read_offers(books.ledger))
