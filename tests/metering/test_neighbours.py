"""Photovoltaics across an outage in a park without coordinates: other inverters tell when it was generated."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import psycopg
import pytest

from parkgrid_accounting.address import IntervalAddress
from parkgrid_accounting.trace.figure import trace
from parkgrid_metering.declarations import Wish, declare
from parkgrid_metering.neighbours import Inverters
from tests.conftest import temporary_database
from tests.metering.park import METERED_AT, MINUTE_MS, PARK, SLOT_MS, meter, metering, ms
from tests.metering.test_daylight import GENERATED, placed

FIRST, LAST = "05 00:00", "05 10:00"
SHAPE = [5, 10, 30, 80, 120, 130, 90, 60, 20, 10, 0, 0, 0, 0, 0, 0, 40, 90, 150, 200] * 2
"""Wh of each quarter of an hour of a neighbour from 8 to 18 h of Shenzhen: a cloud for an hour and a half."""


def inverters(park, count=2):
    park.born(
        *(
            meter(f"pv-{number}", "pv_inverter", ("active_power_kw", GENERATED), ratings={"rated_power_kw": 100.0})
            for number in range(1, count + 1)
        )
    )


def counts(shape=SHAPE, first=FIRST, start=1_000_000):
    """A reading every five minutes of a count that rises by the shape."""
    found, count = {}, start
    for place, wh in enumerate(shape):
        for third in range(3):
            found[ms(first) + place * SLOT_MS + third * 5 * MINUTE_MS] = count + wh * third // 3
        count += wh
    found[ms(first) + len(shape) * SLOT_MS] = count
    return found


def without(told, first, last):
    return {at: count for at, count in told.items() if not ms(first) < at < ms(last)}


def said(park, device, told, **more):
    number = park.devices[device]
    park.store_readings([(number, at, {GENERATED: count}) for at, count in told.items()], "pv_inverter", **more)


def spread(park, device="pv-1"):
    rows = park.ask(
        "SELECT at, energy_wh, spread FROM interval_energy WHERE device = %s AND signal = %s ORDER BY at",
        device,
        GENERATED,
    )
    return {f"{at:%d %H:%M}": (energy, by) for at, energy, by in rows}


def test_all_inverters_of_a_park_share_what_they_counted(park, monkeypatch):
    """A copy for each of a thousand inverters took 23 GB for a month."""
    told = []

    def beside(self, alike, hull):
        told.append(real(self, alike, hull))
        return told[-1]

    real = Inverters._beside
    monkeypatch.setattr(Inverters, "_beside", beside)
    inverters(park, 4)
    for number in range(1, 5):
        said(park, f"pv-{number}", without(counts(), "05 01:00", "05 08:00"))
    park.metered()
    assert max(map(len, told)) == 4
    for each in told:
        assert len({id(others.energy_wh) for others in each.values()}) == 1
        assert len({others.own for others in each.values()}) == len(each)


def test_a_neighbour_that_was_read_all_through_tells_when(park):
    """pv-1 counts twice what pv-2 does and is not read from 01:00 to 08:00: each quarter has twice the neighbour's."""
    inverters(park)
    said(park, "pv-1", without(counts([2 * wh for wh in SHAPE]), "05 01:00", "05 08:00"))
    said(park, "pv-2", counts())
    park.metered()
    mine, beside = spread(park), spread(park, "pv-2")
    inside = [at for at in mine if "05 01:00" <= at < "05 08:00"]
    assert {mine[at][1] for at in inside} == {"neighbours"}
    assert {by for at, (_, by) in mine.items() if at not in inside} == {None}
    assert max(abs(mine[at][0] - 2 * beside[at][0]) for at in inside) <= 2
    assert sum(energy for energy, _ in mine.values()) == 2 * sum(SHAPE)
    before = park.dump()
    assert park.metered().changed == 0
    assert park.dump() == before


def test_what_a_neighbour_says_later_is_taken_up(park):
    """First only the clock is known; then the neighbour's readings come; then its ratio is declared within the gap."""
    inverters(park)
    gap = without(counts([2 * wh for wh in SHAPE]), "05 01:00", "05 08:00")
    said(park, "pv-1", gap)
    said(park, "pv-2", without(counts(), "05 01:15", "05 07:45"))
    park.metered()
    assert spread(park)["05 03:00"][1] == spread(park, "pv-2")["05 03:00"][1] == "clock"
    said(park, "pv-2", counts(), received_ms=ms("06 00:00"))
    park.metered()
    assert spread(park)["05 03:00"] == (0, "neighbours")
    [(cause, former)] = park.ask(
        "SELECT superseded_cause, spread FROM interval_energy_revisions"
        " WHERE device = 'pv-1' AND at = '2026-03-05 03:00Z'"
    )
    assert (cause, former) == ("neighbouring inverters", "clock")
    share = spread(park)["05 06:15"][0]
    wish = Wish(
        f"{PARK.park}/{PARK.gateway}/pv-2/{GENERATED}",
        datetime(2026, 3, 5, 6, tzinfo=UTC),
        "somebody",
        "another transformer",
        ratio=Fraction(3),
        final_kwh=Decimal(1000),
        initial_kwh=Decimal(1000),
    )
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        declare(connection, wish, METERED_AT)
    park.metered()
    assert spread(park)["05 06:15"][0] != share
    assert sum(energy for energy, _ in spread(park).values()) == 2 * sum(SHAPE)


def test_a_trace_comes_to_the_same(park):
    inverters(park)
    said(park, "pv-1", without(counts([2 * wh for wh in SHAPE]), "05 01:00", "05 08:00"))
    park.metered()
    said(park, "pv-2", counts())
    park.metered()
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        for revision, by in ((None, "neighbours"), (1, "clock")):
            address = IntervalAddress(PARK.park, PARK.gateway, "pv-1", GENERATED, ms("05 06:00"), revision)
            found = trace(connection, address, METERED_AT)
            assert found.equal
            assert found.details["spread"] == by


def test_coordinates_come_first(park):
    inverters(park)
    placed(park)
    said(park, "pv-1", without(counts(), "05 01:00", "05 08:00"))
    said(park, "pv-2", counts())
    park.metered()
    assert spread(park)["05 03:00"][1] == "sun"
    [(number,)] = park.ask("UPDATE base.park SET latitude = NULL, longitude = NULL RETURNING park_id")
    park.ask("SELECT base.spread_anew(%s)", number)
    park.metered()
    assert spread(park)["05 03:00"] == (0, "neighbours")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (1, 2))])
def test_any_order_and_any_rounds_give_the_same(dsn, database_server, template_database, seed):
    """Three inverters with outages of their own, read in parts: late ones, out of order, metered in between."""
    rng = random.Random(20260305 + seed)
    columns = "device, at, energy_wh, quality, spread, valid, first_at, last_at"
    query = f"SELECT {columns} FROM interval_energy ORDER BY device, at"
    rows = []
    for number in (1, 2, 3):
        told = counts([rng.randint(0, 2_000) * (place % 7 > 0) for place in range(40)])
        for _ in range(rng.randint(1, 2) if number > 1 else 3):
            at = ms(FIRST) + rng.randint(1, 30) * SLOT_MS + rng.randint(0, 2) * 5 * MINUTE_MS
            span = rng.choice([5, 20, 45, 120, 240]) * MINUTE_MS
            told = {instant: count for instant, count in told.items() if not at < instant < at + span}
        rows += [(f"pv-{number}", at, count) for at, count in told.items()]
    with metering(dsn) as park, temporary_database(database_server.dsn, template_database) as (_, whole_dsn):
        with metering(whole_dsn) as whole:
            inverters(whole, 3)
            for device, at, count in rows:
                said(whole, device, {at: count}, received_ms=ms("05 12:00"))
            whole.metered()
            wanted = whole.ask(query)
        assert "neighbours" in {by for *_, by, _, _, _ in wanted}
        inverters(park, 3)
        late = {row for row in rows if rng.random() < 0.2}
        waves = [[row for row in rows if row not in late], [row for row in rows if row in late]]
        for wave in waves:
            ordered = sorted(wave, key=lambda row: row[1] + rng.randint(0, 90 * MINUTE_MS))
            for start in range(0, len(ordered), 40):
                for device, at, count in ordered[start : start + 40]:
                    said(park, device, {at: count}, received_ms=ms("05 12:00"))
                if rng.random() < 0.7:
                    park.metered()
        park.metered()
        assert park.ask(query) == wanted
