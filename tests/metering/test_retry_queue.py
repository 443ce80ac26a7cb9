"""One register that cannot be computed stops nobody else, is told of, and catches up when it can be computed."""

import psycopg
import pytest
from prometheus_client import generate_latest

from parkgrid_metering import judging, registers
from parkgrid_metering.parks import Park
from parkgrid_metering.retry_queue import RETRY_FIRST_S, RETRY_MOST_S, Failure
from parkgrid_metering.revisions import Author
from parkgrid_metering.rounds import Report
from parkgrid_metering.service import Metrics
from tests.metering.park import METERED_AT, MINUTE_MS, meter, metering, ms

NAMES = tuple(f"m-{number}" for number in range(1, 6))
VIEW = "SELECT device, reason, attempts, extract(epoch FROM retry_at - tried_at)::int FROM registers_set_aside"


class FaultError(Exception):
    """What no code of the core expects."""


@pytest.fixture
def faulty(monkeypatch):
    """The registers, by number, whose computation fails; the rest is computed as ever."""
    broken: set[int] = set()
    real = judging.metered_of

    def metered_of(given, windows, rules, due_ms):
        numbers = [each.span.register.register_id for each in windows]
        if hit := [number for number in numbers if number in broken]:
            raise FaultError(f"register {hit[0]} cannot be")
        return real(given, windows, rules, due_ms)

    monkeypatch.setattr(judging, "metered_of", metered_of)
    return broken


def store(park, first, last, names=NAMES, received_ms=None, shift=0):
    rows = [
        (park.devices[name], at, {"energy_import_kwh": shift + (at - ms("05 00:00")) // MINUTE_MS * (10 + place)})
        for place, name in enumerate(names)
        for at in range(ms(first), ms(last) + 1, 5 * MINUTE_MS)
    ]
    park.store_readings(rows, received_ms=received_ms)


def numbers(park):
    return dict(park.ask("SELECT device, register_id FROM registers"))


def metered(park, now_ms=METERED_AT):
    report = park.metered(now_ms)
    return {failure.register_id for failure in report.failures}


def test_the_others_are_metered_and_the_one_catches_up(dsn, faulty, database_server, template_database):
    from tests.conftest import temporary_database

    with metering(dsn) as park, temporary_database(database_server.dsn, template_database) as (_, whole_dsn):
        park.born(*map(meter, NAMES))
        store(park, "05 00:00", "05 02:00")
        metered(park)
        known = numbers(park)
        faulty.add(known["m-3"])
        store(park, "05 02:05", "05 06:00")
        # A reading of the past that has to wait with its register.
        park.register_values({"05 01:02": 721}, device="m-3", received_ms=ms("05 06:01"))
        assert metered(park) == {known["m-3"]}
        counts = dict(park.ask("SELECT device, count(*) FROM interval_energy GROUP BY device"))
        assert counts == dict.fromkeys(NAMES, 24) | {"m-3": 8}
        [(device, reason, attempts, pause_s)] = park.ask(VIEW)
        assert (device, reason) == ("m-3", f"FaultError: register {known['m-3']} cannot be")
        assert (attempts, pause_s) == (1, RETRY_FIRST_S)
        # Not before its time, and then once.
        assert metered(park) == set()
        later = METERED_AT + RETRY_FIRST_S * 1000
        assert metered(park, later) == {known["m-3"]}
        assert park.ask(VIEW)[0][2:] == (2, 2 * RETRY_FIRST_S)
        faulty.clear()
        assert metered(park, later + 2 * RETRY_FIRST_S * 1000) == set()
        assert park.ask(VIEW) == []
        with metering(whole_dsn) as whole:
            whole.born(*map(meter, NAMES))
            store(whole, "05 00:00", "05 06:00")
            whole.register_values({"05 01:02": 721}, device="m-3", received_ms=ms("05 06:01"))
            whole.metered()
            assert {name: park.energies(name) for name in NAMES} == {name: whole.energies(name) for name in NAMES}


def test_a_register_that_fails_from_its_first_reading_on(dsn, faulty):
    with metering(dsn) as park:
        park.born(*map(meter, NAMES))
        with psycopg.connect(dsn, autocommit=True) as connection:
            registers.discover(Park(connection, park.number()), METERED_AT)
        faulty.update(numbers(park).values())
        store(park, "05 00:00", "05 02:00")
        assert metered(park) == set(numbers(park).values())
        assert park.ask("SELECT count(*) FROM interval_energy") == [(0,)]
        faulty.clear()
        assert metered(park, METERED_AT + RETRY_FIRST_S * 1000) == set()
        assert park.ask("SELECT count(*) FROM interval_energy") == [(5 * 8,)]


def test_pauses_grow_to_an_hour_and_no_further(dsn, faulty):
    with metering(dsn) as park:
        park.born(meter())
        with psycopg.connect(dsn, autocommit=True) as connection:
            registers.discover(Park(connection, park.number()), METERED_AT)
        faulty.update(numbers(park).values())
        store(park, "05 00:00", "05 02:00", ("m-1",))
        now_ms, pauses = METERED_AT, []
        for _ in range(9):
            metered(park, now_ms)
            pauses.append(park.ask(VIEW)[0][3])
            now_ms += pauses[-1] * 1000
        assert pauses == [60, 120, 240, 480, 960, 1920, RETRY_MOST_S, RETRY_MOST_S, RETRY_MOST_S]


def test_failures_are_counted():
    metrics = Metrics()
    failure = Failure(7, 0, Author("late data"), "FaultError: no")
    metrics.count(Report(failures=(failure, failure)), 0.1)
    assert b"parkgrid_metering_set_aside_total 2.0" in generate_latest(metrics.registry)
