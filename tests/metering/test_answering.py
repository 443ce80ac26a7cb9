"""Counters that never answer, and readings that lie too far apart: what metering makes of them."""

from datetime import UTC, datetime, timedelta

import psycopg

from parkgrid_accounting.trace.registers import sources, trace_register
from parkgrid_contract.time import to_ms
from tests.metering.park import MINUTE_MS, meter, ms

_SIGNALS = ("active_power_kw", "energy_delivered_kwh")


def power(park, device, first, last, kw, device_class="charger", without=(), **more):
    """The same power every five minutes, from `first` to `last` inclusive."""
    number = park.devices[device]
    park.store_readings(
        [
            (number, at, {"active_power_kw": round(kw * 1000)} | more)
            for at in range(ms(first), ms(last) + 1, 5 * MINUTE_MS)
            if at not in without
        ],
        device_class,
    )


def both(park, device, first, last, kw, wh, device_class="charger"):
    """Power, and a counter that rises by 100 Wh every five minutes from `wh` on."""
    number = park.devices[device]
    park.store_readings(
        [
            (number, at, {"active_power_kw": round(kw * 1000), "energy_delivered_kwh": wh + 100 * place})
            for place, at in enumerate(range(ms(first), ms(last) + 1, 5 * MINUTE_MS))
        ],
        device_class,
    )


def methods(park):
    return park.ask("SELECT signal, method, counted_from FROM registers ORDER BY signal")


def test_a_counter_that_never_answers_is_replaced_by_power_after_an_hour(park):
    """7.2 kW are 1.8 kWh a quarter; before there is an hour of it nobody knows whether the counter will come."""
    park.born(meter("c-1", "charger", _SIGNALS))
    power(park, "c-1", "05 00:00", "05 00:55", 7.2)
    park.metered()
    assert park.energies("c-1", "energy_delivered_kwh") == {}
    assert methods(park) == [("energy_delivered_kwh", "register", None)]
    power(park, "c-1", "05 01:00", "05 01:00", 7.2)
    park.metered()
    assert park.energies("c-1", "energy_delivered_kwh") == {
        f"05 00:{minute:02}": (1.8, "estimated") for minute in (0, 15, 30, 45)
    }
    assert methods(park) == [("energy_delivered_kwh", "power", None)]


def test_ratios_of_a_counter_are_not_those_of_its_power(park):
    """A meter of ratio 80 whose display never answers: 12 kW are 3 kWh a quarter and not 240."""
    park.born(meter(signals=("active_power_kw", "energy_import_kwh"), ratings={"register_ratio": 80.0}))
    power(park, "m-1", "05 00:00", "05 01:00", 12, "meter")
    park.metered()
    assert set(park.energies().values()) == {(3.0, "estimated")}


def test_power_is_not_bridged_over_more_than_three_periods(park):
    """Fifteen minutes without samples are three periods and bridged; twenty are not, and touch two quarters."""
    park.born(meter("c-1", "charger", _SIGNALS))
    three = [ms("05 00:20"), ms("05 00:25")]
    four = [ms("05 01:05"), ms("05 01:10"), ms("05 01:15")]
    power(park, "c-1", "05 00:00", "05 02:00", 7.2, without=[*three, *four])
    park.metered()
    found = park.energies("c-1", "energy_delivered_kwh")
    assert {at for at, (_, quality) in found.items() if quality == "missing"} == {"05 01:00", "05 01:15"}
    assert {each for each in found.values() if each[1] != "missing"} == {(1.8, "estimated")}
    assert len(found) == 8


def test_a_counter_that_begins_to_answer_counts_from_the_next_edge_on(park):
    """Until 02:10 power (1.8 kWh a quarter); the counter, 0.3 kWh a quarter, from the edge after its first reading."""
    park.born(meter("c-1", "charger", _SIGNALS))
    power(park, "c-1", "05 00:00", "05 02:05", 7.2)
    park.metered()
    before = park.energies("c-1", "energy_delivered_kwh")
    both(park, "c-1", "05 02:10", "05 03:30", 7.2, 500_000)
    park.metered()
    found = park.energies("c-1", "energy_delivered_kwh")
    by_power = [f"05 0{hour}:{minute:02}" for hour in (0, 1, 2) for minute in (0, 15, 30, 45)][:9]
    counted = ["05 02:15", "05 02:30", "05 02:45", "05 03:00", "05 03:15"]
    assert found == dict.fromkeys(by_power, (1.8, "estimated")) | dict.fromkeys(counted, (0.3, "good"))
    assert {at: found[at] for at in before} == before
    assert park.ask("SELECT count(*) FROM base.interval_energy_revision") == [(0,)]
    assert methods(park) == [("energy_delivered_kwh", "register", datetime(2026, 3, 5, 2, 15, tzinfo=UTC))]


def test_news_on_both_sides_of_the_first_answer_stay_on_their_sides(park):
    """Late power before it is integrated, late counts after it are counted, late counts before it change nothing."""
    park.born(meter("c-1", "charger", _SIGNALS))
    hole = [ms("05 00:20"), ms("05 00:25"), ms("05 00:30"), ms("05 00:35")]
    power(park, "c-1", "05 00:00", "05 02:05", 7.2, without=hole)
    park.metered()
    both(park, "c-1", "05 02:10", "05 03:30", 7.2, 500_000)
    park.metered()
    assert park.energies("c-1", "energy_delivered_kwh")["05 00:15"] == (None, "missing")
    power(park, "c-1", "05 00:20", "05 00:35", 7.2)
    park.metered()
    number = park.devices["c-1"]
    park.store_readings([(number, ms("05 01:01"), {"energy_delivered_kwh": 499_000})], "charger")
    park.store_readings([(number, ms("05 02:31"), {"energy_delivered_kwh": 500_420})], "charger")
    park.metered()
    found = park.energies("c-1", "energy_delivered_kwh")
    assert [found[f"05 {at}"] for at in ("00:15", "00:30", "01:00", "02:00")] == [(1.8, "estimated")] * 4
    assert [found[f"05 {at}"] for at in ("02:15", "02:30", "03:15")] == [(0.3, "good")] * 3


def test_a_trace_computes_both_sides_again(park):
    park.born(meter("c-1", "charger", _SIGNALS))
    power(park, "c-1", "05 00:00", "05 02:05", 7.2)
    park.metered()
    both(park, "c-1", "05 02:10", "05 03:30", 7.2, 500_000)
    park.metered()
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        [source] = sources(connection, device="c-1", signal="energy_delivered_kwh")
        traced = trace_register(connection, source, ms("05 00:00"), ms("05 03:30"))
        before = trace_register(connection, source, ms("05 00:00"), ms("05 01:00"))
    assert traced.equal
    assert (traced.recomputed_wh, traced.good, traced.estimated, traced.missing) == (9 * 1800 + 5 * 300, 5, 9, 0)
    assert (before.recomputed_wh, before.equal, before.source.read) == (4 * 1800, True, "active_power_kw")


def far_off(park, days):
    """An hour of a counter, one reading so many days later, and an hour more that follows the first."""
    number = park.devices["m-1"]
    far_ms = ms("05 00:30") + days * 86_400_000
    rows = [(number, ms("05 00:00") + n * 5 * MINUTE_MS, {"energy_import_kwh": 1_000_000 + 100 * n}) for n in range(13)]
    park.store_readings([*rows, (number, far_ms, {"energy_import_kwh": 1_001_300})])
    park.metered()


def test_one_far_off_stamp_makes_no_rows_between(park):
    """Twenty-five years between two readings: 0.3 kWh a quarter before, one gap, and nothing else."""
    park.born(meter(), meter("m-2"))
    number = park.devices["m-2"]
    park.store_readings(
        [(number, ms("05 00:00") + n * 5 * MINUTE_MS, {"energy_import_kwh": 100 * n}) for n in range(13)]
    )
    far_off(park, 9_131)
    assert park.energies() == {f"05 00:{minute:02}": (0.3, "good") for minute in (0, 15, 30, 45)}
    assert park.energies("m-2") == park.energies()
    [(start, end)] = park.ask("SELECT from_at, to_at FROM data_gaps WHERE device = 'm-1'")
    assert start == datetime(2026, 3, 5, 1, tzinfo=UTC)
    assert end == datetime(2026, 3, 5, 0, 30, tzinfo=UTC) + timedelta(days=9_131)


def test_readings_before_a_far_off_stamp_go_on(park):
    """The register goes on in its own time: 0.3 kWh a quarter, as if there had been no far-off stamp."""
    park.born(meter(), meter("m-2"))
    far_off(park, 9_131)
    for name in ("m-1", "m-2"):
        number = park.devices[name]
        rows = [
            (number, ms("05 01:05") + n * 5 * MINUTE_MS, {"energy_import_kwh": 1_001_300 + 100 * n}) for n in range(12)
        ]
        park.store_readings(rows)
        park.metered()
    quarters = [f"05 0{hour}:{minute:02}" for hour in (0, 1) for minute in (0, 15, 30, 45)]
    assert park.energies() == dict.fromkeys(quarters, (0.3, "good"))
    assert {at for at, (energy, _) in park.energies("m-2").items() if energy == 0.3} == set(quarters[5:])


def test_a_stamp_within_400_days_is_still_the_same_register(park):
    park.born(meter())
    far_off(park, 40)
    [(count, energy)] = park.ask("SELECT count(*), sum(energy_kwh) FROM interval_energy WHERE device = 'm-1'")
    assert count == 4 + 40 * 96 - 2
    assert round(energy, 3) == 1.3


def test_a_far_off_past_stamp_makes_no_rows_between(park):
    park.born(meter())
    number = park.devices["m-1"]
    park.store_readings([(number, to_ms(datetime(2001, 1, 1, tzinfo=UTC)), {"energy_import_kwh": 5})])
    park.store_readings(
        [(number, ms("05 00:00") + n * 5 * MINUTE_MS, {"energy_import_kwh": 1_000 + 100 * n}) for n in range(13)]
    )
    park.metered()
    assert park.energies() == {f"05 00:{minute:02}": (0.3, "good") for minute in (0, 15, 30, 45)}


def test_a_far_off_past_stamp_that_comes_late_changes_nothing(park):
    park.born(meter())
    number = park.devices["m-1"]
    rows = [(number, ms("05 00:00") + n * 5 * MINUTE_MS, {"energy_import_kwh": 1_000 + 100 * n}) for n in range(13)]
    park.store_readings(rows)
    park.metered()
    before = park.dump()
    park.store_readings([(number, to_ms(datetime(2001, 1, 1, tzinfo=UTC)), {"energy_import_kwh": 5})])
    park.metered()
    after = park.dump()
    assert after["interval_energy"] == before["interval_energy"]
    assert after["interval_energy_revisions"] == []
