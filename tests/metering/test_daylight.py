"""Photovoltaics across an outage, through the store: nothing at night, and the interval says by what it is spread."""

import psycopg

from parkgrid_accounting.address import IntervalAddress
from parkgrid_accounting.trace.figure import trace
from parkgrid_contract.announcement import Device
from parkgrid_ingest.store import Park
from tests.metering.park import METERED_AT, MINUTE_MS, PARK, meter, ms

GENERATED = "energy_generated_kwh"
NIGHT = [f"05 {hour:02}:{minute:02}" for hour in range(11, 22) for minute in (0, 15, 30, 45)]
"""11 to 22 h UTC: 19 to 6 h in Shenzhen, where the sun of early March is up from 6:40 to 18:30."""


def inverter() -> Device:
    return meter("pv-1", "pv_inverter", ("active_power_kw", GENERATED), ratings={"rated_power_kw": 1500.0})


def outage(park, first="05 08:00", last="06 02:00", rise_wh=1_900_000) -> None:
    """Readings every five minutes of a count that stands, but for an outage in which it rises."""
    number = park.devices["pv-1"]
    for begin, end, wh in (("05 07:00", first, 8_620_000), (last, "06 03:00", 8_620_000 + rise_wh)):
        instants = range(ms(begin), ms(end) + 1, 5 * MINUTE_MS)
        park.store_readings([(number, at, {GENERATED: wh}) for at in instants], "pv_inverter")


def placed(park, latitude=22.69, longitude=114.35) -> None:
    park.store.describe_park(Park(PARK.park, "", latitude=latitude, longitude=longitude))


def spreads(park) -> dict[str, str | None]:
    rows = park.ask("SELECT at, spread FROM interval_energy WHERE signal = %s ORDER BY at", GENERATED)
    return {f"{at:%d %H:%M}": spread for at, spread in rows}


def total_kwh(park) -> float:
    return round(sum(energy or 0 for energy, _ in park.energies("pv-1", GENERATED).values()), 3)


def test_an_outage_over_the_night_has_no_energy_in_the_dark(park):
    park.born(inverter())
    placed(park)
    outage(park)
    park.metered()
    energies, told = park.energies("pv-1", GENERATED), spreads(park)
    assert {energies[at] for at in NIGHT} == {(0.0, "estimated")}
    assert energies["05 08:00"][0] > energies["05 09:30"][0] > 0
    assert total_kwh(park) == 1_900
    assert {told[at] for at in NIGHT} == {"sun"}
    assert told["05 07:45"] is None
    assert told["06 02:00"] is None
    before = park.dump()
    park.metered()
    assert park.dump() == before


def test_the_end_of_an_outage_that_comes_later_gives_the_same(park):
    """Rounds before the end leave nothing behind but a revision at most, and the same energies come of it."""
    park.born(inverter())
    placed(park)
    outage(park)
    park.metered()
    once = park.energies("pv-1", GENERATED)
    number = park.devices["pv-1"]
    park.store_readings([(number, ms("05 16:00"), {GENERATED: 8_700_000})], "pv_inverter", received_ms=ms("06 04:00"))
    park.metered()
    energies = park.energies("pv-1", GENERATED)
    assert energies != once
    before_night = sum(energies[at][0] or 0 for at in energies if at < "05 11:00")
    assert round(before_night, 3) == 80.0
    assert {energies[at] for at in NIGHT} == {(0.0, "estimated")}
    assert total_kwh(park) == 1_900


def test_without_coordinates_the_clock_is_used_until_they_are_stated(park):
    park.born(inverter())
    outage(park)
    park.metered()
    energies = park.energies("pv-1", GENERATED)
    assert {energies[at] for at in NIGHT} == {(0.0, "estimated")}
    assert {spreads(park)[at] for at in NIGHT} == {"clock"}
    assert park.ask("SELECT time_zone FROM parks") == [("Asia/Shanghai",)]
    assert energies["05 10:00"][0] == 0.0
    placed(park)
    park.metered()
    # The sun sets at 18:30: half an hour of light that the clock had called night.
    assert park.energies("pv-1", GENERATED)["05 10:00"][0] > 0
    assert {spreads(park)[at] for at in NIGHT} == {"sun"}
    assert total_kwh(park) == 1_900
    [(cause, former)] = park.ask(
        "SELECT superseded_cause, spread FROM interval_energy_revisions WHERE at = '2026-03-05 10:00+00'"
    )
    assert (cause, former) == ("coordinates of the park", "clock")


def test_a_trace_comes_to_the_same(park):

    park.born(inverter())
    placed(park)
    outage(park)
    park.metered()
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        for at in ("05 09:00", "05 15:00"):
            found = trace(
                connection, IntervalAddress(PARK.park, PARK.gateway, "pv-1", GENERATED, ms(at), None), METERED_AT
            )
            assert found.equal
            assert found.details["spread"] == "sun"


def test_what_a_meter_counted_in_an_outage_stays_even(park):
    park.born(meter())
    placed(park)
    park.register_values({"05 08:00": 0, "05 08:05": 0, "06 02:00": 72_000, "06 02:15": 72_000})
    park.metered()
    energies = park.energies()
    assert energies["05 15:00"] == energies["06 01:00"]
    assert set(park.ask("SELECT DISTINCT spread FROM interval_energy")) == {(None,)}
