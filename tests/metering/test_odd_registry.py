"""Whatever a gateway once announced and the store still has: accounting loads it, or leaves it out and says so."""

import psycopg
import pytest

from parkgrid_contract.ranges import MAX_PERIOD_S
from parkgrid_metering import registers
from parkgrid_metering.parks import Park
from tests.metering.park import MINUTE_MS, meter, ms


def stored_anyway(park, statement):
    """Put into the registry what no birth can say any more."""
    with psycopg.connect(park.dsn) as connection:
        connection.execute(statement)


def meter_both(park):
    rows = [
        (park.devices[name], at, {"energy_import_kwh": (at - ms("05 00:00")) // MINUTE_MS})
        for name in ("m-1", "m-2")
        for at in range(ms("05 00:00"), ms("05 02:00") + 1, 5 * MINUTE_MS)
    ]
    park.store_readings(rows)
    park.metered()
    return dict(park.ask("SELECT device, count(*)::int FROM interval_energy GROUP BY 1"))


@pytest.mark.parametrize("period", ["1e308", "'Infinity'", "'NaN'", "0", "-1", "1e-300"])
def test_a_period_that_nobody_can_count_with_stops_nobody(park, period):
    park.born(meter("m-1"), meter("m-2"))
    stored_anyway(park, f"UPDATE base.device SET period_s = {period} WHERE device = 'm-2'")
    assert meter_both(park)["m-1"] == 8
    (told,) = park.ask("SELECT period_s FROM devices WHERE device = 'm-2'")
    assert 0.01 <= told[0] <= MAX_PERIOD_S


@pytest.mark.parametrize(
    "ratings",
    [
        '{"register_modulus_kwh": 1e300}',
        '{"register_ratio": 1e300}',
        '{"register_ratio": "x"}',
        '{"rated_power_kw": []}',
    ],
)
def test_a_nameplate_that_cannot_be_is_not_believed_and_stops_nobody(park, ratings):
    park.born(meter("m-1"), meter("m-2"))
    stored_anyway(park, f"UPDATE base.device SET ratings = '{ratings}' WHERE device = 'm-2'")
    assert meter_both(park) == {"m-1": 8, "m-2": 8}
    assert park.ask("SELECT count(*) FROM register_declarations") == [(0,)]


def test_a_register_that_cannot_be_read_is_left_out(park, monkeypatch):
    real = registers.daylight

    def daylight(named, zone, *place):
        if named == ("meter", "energy_import_kwh") and len(broken) == 0:
            broken.append(1)
            raise OverflowError("no such place")
        return real(named, zone, *place)

    broken: list[int] = []
    park.born(meter("m-1"), meter("m-2"))
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        here = Park(connection, park.number())
        registers.discover(here, 0)
        monkeypatch.setattr(registers, "daylight", daylight)
        assert len(registers.load(here)) == 1
        assert len(registers.load(here)) == 2
