"""A round works on one park: nothing is asked of the others, and processes share the parks between them."""

import threading
from contextlib import contextmanager
from importlib.resources import files

import psycopg
import pytest

from parkgrid_contract.identity import Gateway
from parkgrid_metering import days, passes, rounds
from tests.ingest.conftest import wait_until
from tests.ingest.readings import drain
from tests.logins import acting
from tests.metering.park import METERED_AT, MINUTE_MS, PARK, meter, ms

OTHERS = (Gateway("biling-ic", "gw-1"), Gateway("guangming", "gw-1"))
OF_NO_PARK = {
    "notes/dirty_parks",  # which parks have something to do
    "notes/rollups_waiting",  # whether anybody rolls up at all
    "notes/notify_changed",  # names it in its payload
    "registers/parks",  # numbers of parks by name
    "gaps/note_heard",  # one small table of the whole district
    "days/local_days",  # a time zone's own
    "intervals/create_staging",  # a table of the session
    "intervals/clear_staging",
}


class Logged(psycopg.Cursor):
    """A cursor that remembers what it is given."""

    log: list = []  # noqa: RUF012 - one for the test that empties it

    def execute(self, query, params=None, **more):
        self.log.append((query if isinstance(query, str) else query.as_string(self), params))
        return super().execute(query, params, **more)

    def copy(self, statement, params=None, **more):
        self.log.append((statement.as_string(self), None))
        return super().copy(statement, params, **more)


def hour(park, device, first, gateway=PARK):
    """Five minutes of 500 Wh each, for an hour."""
    rows = [
        (park.devices[device], at, {"energy_import_kwh": (at - ms("05 00:00")) // MINUTE_MS * 100})
        for at in range(ms(first), ms(first) + 61 * MINUTE_MS, 5 * MINUTE_MS)
    ]
    park.store_readings(rows, gateway=gateway)


def logged_round(park):
    """What one pass over the parks asks, of which one has news; what it did, and its statements."""
    drain(park.store, METERED_AT)
    Logged.log.clear()
    days._CUTS.clear()
    with psycopg.connect(acting(park.dsn, "accounting"), autocommit=True, cursor_factory=Logged) as connection:
        report = rounds.run_pass(connection, METERED_AT)
    return report, list(Logged.log)


def test_a_round_asks_nothing_of_other_parks_however_many_there_are(park):
    """Of three parks one has news: its statements are as many as when it was alone, and all of them name it."""
    park.born(meter())
    for first in ("05 00:00", "05 01:00"):
        hour(park, "m-1", first)
        alone, among_none = logged_round(park)
    for number, gateway in enumerate(OTHERS):
        park.born(meter(f"other-{number}"), gateway=gateway)
        hour(park, f"other-{number}", "05 00:00", gateway)
        hour(park, f"other-{number}", "05 02:00", gateway)
    park.metered()
    before = park.ask("SELECT * FROM base.interval_energy WHERE park_id <> %s ORDER BY 1, 2, 3", park.number())
    hour(park, "m-1", "05 02:00")
    report, statements = logged_round(park)
    assert (alone.inserted, report.inserted) == (4, 4)
    assert [text for text, _ in statements] == [text for text, _ in among_none]
    unnamed = {text for text, values in statements if (values or {}).get("park_id") != park.number()}
    copied = {text for text in unnamed if text.startswith("COPY ")}
    # Their rows carry it; every other one is known to concern no park's tables.
    assert copied == {text for text in copied if '"park_id"' in text}
    known = {sql_text(name).strip() for name in OF_NO_PARK}
    assert {text for text in unnamed - copied if "base." in text or "public." in text} <= known
    assert len(before) == 2 * 12
    after = park.ask("SELECT * FROM base.interval_energy WHERE park_id <> %s ORDER BY 1, 2, 3", park.number())
    assert after == before


def sql_text(name):
    return files("parkgrid_metering").joinpath(f"sql/{name}.sql").read_text("utf-8")


def test_every_statement_names_the_park():
    """The park leads every key: a statement that does not name it searches all of them."""
    folder = files("parkgrid_metering").joinpath("sql")
    names = {
        f"{group.name}/{each.name.removesuffix('.sql')}"
        for group in folder.iterdir()
        if group.is_dir()
        for each in group.iterdir()
    }
    assert len(names) > 50
    without = {name for name in names if not {"%(park_id)s", "park_id = ANY(%(parks)s)"} & set(_words(name))}
    assert without == OF_NO_PARK


def _words(name):
    text = sql_text(name)
    return [each for each in ("%(park_id)s", "park_id = ANY(%(parks)s)") if each in text]


@contextmanager
def metered_elsewhere(dsn, park_id):
    """Another process that is in the middle of a round of a park."""
    with psycopg.connect(acting(dsn, "accounting")) as other:
        rounds.Park(other, park_id).execute("notes/await_round")
        yield other


@pytest.fixture
def two(park):
    """Two parks with news of an hour each."""
    park.born(meter())
    park.born(meter("other"), gateway=OTHERS[0])
    hour(park, "m-1", "05 00:00")
    hour(park, "other", "05 00:00", OTHERS[0])
    drain(park.store, METERED_AT)
    return park


def test_a_park_that_another_process_meters_is_left_to_it(two, dsn):
    with (
        metered_elsewhere(dsn, two.number()),
        psycopg.connect(acting(dsn, "accounting"), autocommit=True) as connection,
    ):
        report = rounds.run_pass(connection, METERED_AT)
        assert (report.inserted, report.elsewhere, report.pending) == (4, 1, False)
        assert (two.energies("m-1"), len(two.energies("other"))) == ({}, 4)
    assert two.metered().inserted == 4
    assert two.energies("m-1") == two.energies("other")


def test_whoever_asks_for_everything_waits_for_what_others_meter(two, dsn):
    found = []
    waiting = threading.Thread(target=lambda: found.append(two.metered()))
    with metered_elsewhere(dsn, two.number()):
        waiting.start()
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: two.ask(waits) == [(1,)], "it waits for the other process")
        assert (two.energies("m-1"), len(two.energies("other"))) == ({}, 4)
    waiting.join()
    [report] = found
    assert (report.inserted, report.pending, report.elsewhere) == (8, False, 0)
    assert two.energies("m-1") == two.energies("other")


def test_two_processes_share_the_parks(two, dsn, monkeypatch):
    """While one is in its round the other meters the other park: neither waits, and nothing is metered twice."""
    real, inside, beside = passes.meter, threading.Event(), threading.Event()

    def meter_slowly(this, work):
        if this.park.park_id == two.number():
            inside.set()
            assert beside.wait(60)
        return real(this, work)

    def one_pass():
        with psycopg.connect(acting(dsn, "accounting"), autocommit=True) as connection:
            return rounds.run_pass(connection, METERED_AT)

    monkeypatch.setattr(passes, "meter", meter_slowly)
    reports = []
    first = threading.Thread(target=lambda: reports.append(one_pass()))
    first.start()
    assert inside.wait(60)
    reports.append(one_pass())
    beside.set()
    first.join()
    assert sorted((each.inserted, each.elsewhere) for each in reports) == [(4, 0), (4, 1)]
    assert two.energies("m-1") == two.energies("other")
    assert two.ask("SELECT count(*) FROM base.interval_energy_revision") == [(0,)]
    assert two.ask("SELECT count(*) FROM base.energy_dirty") == [(0,)]


def test_a_park_with_work_without_end_delays_no_other_by_more_than_a_round(two, dsn, monkeypatch):
    """Each pass has one bounded round of it, and every other park has its own in the same pass."""
    monkeypatch.setattr(rounds, "MOST_OF_ROUND", 100)
    names = [f"far-{number}" for number in range(6)]
    two.born(*map(meter, names))
    for name in names:
        readings = [(two.devices[name], ms(at), {"energy_import_kwh": 0}) for at in ("05 02:00", "12 00:00")]
        two.store_readings(readings, received_ms=ms("12 00:01"))
    drain(two.store, METERED_AT)
    with psycopg.connect(acting(dsn, "accounting"), autocommit=True) as connection:
        for number in range(3):
            if number:
                hour(two, "other", f"05 0{number}:00", OTHERS[0])
                drain(two.store, METERED_AT)
            assert rounds.run_pass(connection, METERED_AT).pending
            assert len(two.energies("other")) == 4 * (number + 1)
            assert min(len(two.energies(name)) for name in names) == 0
        rounds.run_rounds(connection, METERED_AT)
    # From the fifth, two o'clock, to the twelfth.
    assert {len(two.energies(name)) for name in names} == {7 * 96 - 8}
