"""Metering through the store: golden cases, late data, and that nothing else changes."""

import pytest

from parkgrid_contract.identity import Gateway
from tests.metering.park import DAY_MS, METERED_AT, MINUTE_MS, SLOT_MS, meter, ms


def steady(park, device, first, last, wh_per_minute=100, start=1_000_000, step_ms=5 * MINUTE_MS):
    """A register that rises evenly: instants from `first` to `last` inclusive."""
    number = park.devices[device]
    return [
        (number, at, {"energy_import_kwh": start + (at - ms(first)) // MINUTE_MS * wh_per_minute})
        for at in range(ms(first), ms(last) + 1, step_ms)
    ]


def test_intervals_are_register_differences_and_only_those_that_ended(park):
    """100 Wh a minute are 1.5 kWh in a quarter; the quarter of 01:00 has not ended at 01:10."""
    park.born(meter())
    park.store_readings(steady(park, "m-1", "05 00:00", "05 01:10"))
    report = park.metered()
    assert report.inserted == 4
    assert park.energies() == {f"05 00:{minute:02}": (1.5, "good") for minute in (0, 15, 30, 45)}
    [row] = park.ask(
        "SELECT period_s, expected, received, valid, estimated, late, first_register_kwh, last_register_kwh, revision,"
        " cause, first_at, last_at FROM interval_energy ORDER BY at LIMIT 1"
    )
    assert row[:10] == (900, 3, 3, 3, 0, 0, 1000.0, 1001.5, 1, "")
    assert [f"{at:%H:%M}" for at in row[10:]] == ["00:00", "00:15"]


def test_metering_again_writes_nothing_even_when_everything_is_noted_again(park):
    park.born(meter())
    park.store_readings(steady(park, "m-1", "05 00:00", "05 12:00"))
    park.metered()
    before = park.dump()
    assert park.metered().inserted == 0
    park.ask(
        "INSERT INTO base.energy_dirty (park_id, device_class, devices, slots) SELECT park_id, 'meter',"
        " array_agg(device_id), array_agg(extract(epoch FROM at)::int / 60) FROM interval_energy"
        " JOIN registers USING (park_id, register_id) GROUP BY park_id RETURNING 1"
    )
    again = park.metered()
    assert (again.inserted, again.changed) == (0, 0)
    assert again.readings > 100
    assert park.dump() == before


def test_rounds_one_by_one_make_the_same_rows_as_one_round_for_all_without_a_revision(park):
    park.born(meter(), meter("m-2"))
    for at in range(ms("05 00:00"), ms("05 03:00") + 1, 5 * MINUTE_MS):
        wh = 1_000 + (at - ms("05 00:00")) // 1_000
        park.store_readings([(park.devices["m-1"], at, {"energy_import_kwh": wh})])
        park.store_readings([(park.devices["m-2"], at, {"energy_import_kwh": 2 * wh})])
        park.metered()
    assert len(park.energies()) == 12
    assert set(park.energies().values()) == {(0.9, "good")}
    assert set(park.energies("m-2").values()) == {(1.8, "good")}
    assert park.ask("SELECT count(*) FROM base.interval_energy_revision") == [(0,)]


@pytest.mark.parametrize("with_news", [("m-1",), ("m-1", "m-2")], ids=["few of a class", "most of a class"])
def test_news_of_some_devices_are_read_without_the_others(park, with_news):
    """Most of a class are read together with the rest, which is left out: also where it is flagged."""
    elsewhere = Gateway("biling-ic", "gw-1")
    park.born(meter("m-8"), meter("m-9"), gateway=elsewhere)
    estimated = {5: b'{"energy_import_kwh": "estimated"}'}
    for name in ("m-8", "m-9"):
        others = steady(park, name, "05 00:00", "05 01:00", wh_per_minute=7)
        park.store_readings(others, flags=estimated, gateway=elsewhere)
    park.metered()
    before = park.dump()
    park.born(*map(meter, with_news))
    for place, name in enumerate(with_news, 1):
        flagged = {12: b'{"energy_import_kwh": "bad"}'}
        park.store_readings(steady(park, name, "05 00:00", "05 01:00", wh_per_minute=100 * place), flags=flagged)
    # Of 13 readings the last one is bad: the quarter that it ends is not known yet, those before are.
    assert park.metered().inserted == 3 * len(with_news)
    for place, name in enumerate(with_news, 1):
        assert park.energies(name) == {f"05 00:{minute:02}": (1.5 * place, "good") for minute in (0, 15, 30)}
    theirs = {row[1] for row in before["interval_energy"]}
    assert [row for row in park.dump()["interval_energy"] if row[1] in theirs] == before["interval_energy"]


def quick(park, first, last, without=range(0)):
    """Every five seconds, 300 ms beside them: 3 Wh each, so 540 Wh in a quarter of an hour."""
    begun = ms("04 23:59")
    return [
        (park.devices["m-1"], at, {"energy_import_kwh": 1_000_000 + 3 * ((at - begun) // 5_000)})
        for at in range(ms(first) + 300, ms(last) + 300, 5_000)
        if at not in without
    ]


@pytest.mark.parametrize("gap", [(0, 0), (4, 13)], ids=["without a gap", "with one across an edge"])
def test_a_quarter_that_was_metered_is_not_lost_when_the_next_one_is(park, gap):
    """56 readings of five seconds are five minutes: all of them lie within the quarter before the one that is new."""
    without = range(ms("05 00:15") + (gap[0] - 9) * MINUTE_MS, ms("05 00:15") + (gap[1] - 9) * MINUTE_MS)
    park.born(meter(period_s=5.0))
    edges = ["04 23:59", "05 00:16", "05 00:31", "05 00:46", "05 01:01", "05 01:16"]
    for first, last in zip(edges, edges[1:], strict=False):
        park.store_readings(quick(park, first, last, without))
        park.metered(ms(last) + MINUTE_MS)
    found = park.energies()
    assert [found[f"05 {time}"][0] for time in ("00:00", "00:15", "00:30", "00:45", "01:00")] == [0.54] * 5
    assert [quality for _, quality in found.values()][-3:] == ["good"] * 3
    assert park.ask("SELECT count(*) FROM base.interval_energy_revision") == [(0,)]


def test_late_readings_do_not_lose_the_quarters_beside_them(park):
    park.born(meter(period_s=5.0))
    late = range(ms("05 00:40"), ms("05 00:41"))
    park.store_readings(quick(park, "04 23:59", "05 02:01", late))
    park.metered(ms("05 02:03"))
    before = park.energies()
    park.store_readings(quick(park, "05 00:40", "05 00:41"), received_ms=ms("05 02:05"))
    park.metered(ms("05 02:06"))
    assert {at: energy for at, (energy, _) in park.energies().items() if at >= "05 00:00"} == {
        f"05 {minute // 60:02}:{minute % 60:02}": 0.54 for minute in range(0, 120, 15)
    }
    assert len(park.energies()) == len(before)


def test_a_week_late_changes_exactly_the_affected_rows(park):
    """m-1 misses 10:05 to 10:55 on the 5th; a week later the readings of 10:20 to 10:30 come.

    Readings at 10:00 and 11:00 with 6 kWh between them: 1.5 kWh a quarter by share. The late ones say 10:20 is 1 kWh
    above 10:00, 10:25 2 kWh and 10:30 3 kWh: 0.75 until 10:15 (15 of 20 minutes), 2.25 until 10:30, then 1.5 and 1.5.
    """
    park.born(meter(), meter("m-2"))
    whole = steady(park, "m-1", "05 00:00", "12 11:00")
    gap = range(ms("05 10:05"), ms("05 11:00"))
    park.store_readings([reading for reading in whole if reading[1] not in gap])
    park.store_readings(steady(park, "m-2", "05 00:00", "12 11:00"))
    park.metered()
    before = park.dump()
    assert [park.energies()[f"05 10:{minute}"] for minute in ("00", "15", "30", "45")] == [(1.5, "estimated")] * 4
    start = 1_000_000 + 600 * 100
    late = {"05 10:20": start + 1_000, "05 10:25": start + 2_000, "05 10:30": start + 3_000}
    park.register_values(late, received_ms=ms("12 11:00"))
    now = METERED_AT + DAY_MS
    report = park.metered(now)
    assert (report.inserted, report.changed) == (0, 4)
    after = park.dump()
    energies = park.energies()
    assert [energies[f"05 10:{minute}"] for minute in ("00", "15", "30", "45")] == [
        (0.75, "estimated"),
        (2.25, "estimated"),
        (1.5, "estimated"),
        (1.5, "estimated"),
    ]
    differing = {view: [row for row in after[view] if row not in before[view]] for view in after}
    assert len(after["interval_energy"]) == len(before["interval_energy"])
    assert {(row[4], f"{row[7]:%d %H:%M}") for row in differing["interval_energy"]} == {
        ("m-1", f"05 10:{minute}") for minute in ("00", "15", "30", "45")
    }
    assert [f"{row[7]:%d %H}" for row in differing["energy_1h"]] == ["05 10"]
    assert [f"{row[7]:%d}" for row in differing["energy_1d"]] == [
        "04"
    ]  # the 5th in Shanghai begins at 16:00 on the 4th
    assert [row[4] for row in differing["energy_1mo"]] == ["m-1"]
    assert [row[4] for row in differing["completeness_1d"]] == ["m-1"]
    former = park.ask(
        "SELECT to_char(at, 'HH24:MI'), energy_kwh, quality, revision, superseded_by, superseded_cause,"
        " extract(epoch FROM superseded_at)::int8 * 1000 FROM interval_energy_revisions ORDER BY at"
    )
    assert former == [
        (f"10:{minute}", 1.5, "estimated", 1, "accounting", "late data", now) for minute in ("00", "15", "30", "45")
    ]
    assert park.ask("SELECT DISTINCT revision, cause FROM interval_energy WHERE revision > 1") == [(2, "late data")]
    late_counts = park.ask("SELECT sum(late)::int, sum(valid)::int - sum(received)::int FROM interval_energy")
    assert late_counts == [(3, 0)]


def test_all_late_data_make_the_table_as_if_nothing_had_been_late(park):
    park.born(meter(), meter("m-2"))
    whole = steady(park, "m-1", "05 00:00", "06 00:00")
    hole = range(ms("05 06:00"), ms("05 09:00"))
    park.store_readings([reading for reading in whole if reading[1] not in hole], received_ms=ms("06 00:01"))
    park.store_readings(steady(park, "m-2", "05 00:00", "06 00:00"))
    park.metered()
    park.store_readings([reading for reading in whole if reading[1] in hole], received_ms=ms("06 00:01"))
    park.metered()
    assert set(park.energies().values()) == {(1.5, "good")}
    assert len(park.energies()) == 96


@pytest.mark.parametrize(
    ("values", "ratings", "expected"),
    [
        pytest.param(
            {"05 00:00": 9_999_000, "05 00:05": 9_999_600, "05 00:10": 300, "05 00:15": 900},
            {"register_modulus_kwh": 10_000.0},
            {"05 00:00": (1.9, "good")},  # 10,000.000 - 9,999.000 + 0.900
            id="roll-over of a register of 10,000 kWh",
        ),
        pytest.param(
            {"05 00:00": 500_000, "05 00:05": 500_100, "05 00:10": 0, "05 00:15": 500_300, "05 00:20": 500_400},
            {},
            {"05 00:00": (0.3, "good")},
            id="a single false zero",
        ),
        pytest.param(
            {"05 00:00": 100, "05 00:05": 150, "05 00:10": 200, "05 00:15": 250, "05 00:20": 260},
            {"register_ratio": 80.0},
            {"05 00:00": (12.0, "good")},  # 150 Wh x 80
            id="transformer ratio",
        ),
        pytest.param(
            {"05 00:00": 0, "05 01:00": 4_000, "05 01:05": 4_100},
            {},
            {f"05 00:{minute:02}": (1.0, "estimated") for minute in (0, 15, 30, 45)},
            id="an outage over four intervals",
        ),
        pytest.param(
            {"05 00:05": 1_000, "05 00:10": 1_200, "05 00:20": 1_600, "05 00:30": 2_000, "05 00:35": 2_100},
            {},
            {"05 00:00": (None, "missing"), "05 00:15": (0.6, "good")},
            id="an edge between readings",  # at 00:15 half of 0.4 kWh of 00:10..00:20: 1.4, at 00:30 2.0
        ),
    ],
)
def test_golden_registers(park, values, ratings, expected):
    park.born(meter(ratings=ratings))
    park.register_values(values)
    park.metered()
    found = park.energies()
    assert {at: found[at] for at in expected} == {
        at: (energy if energy is None else pytest.approx(energy, abs=1e-9), quality)
        for at, (energy, quality) in expected.items()
    }


def test_the_order_of_arrival_does_not_matter(park):
    values = {"05 00:00": 100, "05 00:05": 200, "05 00:10": 350, "05 00:15": 400, "05 00:20": 420}
    park.born(meter())
    for at in ("05 00:20", "05 00:05", "05 00:15", "05 00:00", "05 00:10"):
        park.register_values({at: values[at]}, received_ms=ms("05 00:21"))
        park.metered()
    assert park.energies() == {"05 00:00": (0.3, "good")}


def test_a_register_that_falls_silent_has_missing_rows_up_to_the_data_of_its_park(park):
    park.born(meter(), meter("m-2"))
    park.store_readings(steady(park, "m-1", "05 00:00", "05 00:30"))
    park.store_readings(steady(park, "m-2", "05 00:00", "05 02:00"))
    park.metered()
    found = park.energies()
    assert found["05 00:00"] == found["05 00:15"] == (1.5, "good")
    missing = [at for at, row in found.items() if row == (None, "missing")]
    assert missing[0] == "05 00:30"
    assert missing[-1] >= "05 01:15"
    gaps = park.ask("SELECT device, to_char(from_at, 'HH24:MI'), cause FROM data_gaps")
    assert gaps == [("m-1", "00:30", "device")]
    # When it comes back, what it counted meanwhile is shared out, and the former rows are kept.
    park.store_readings(steady(park, "m-1", "05 02:00", "05 02:30", start=1_012_000))
    park.store_readings(steady(park, "m-2", "05 02:05", "05 02:30", start=1_012_500))
    park.metered()
    found = park.energies()
    assert found["05 01:00"] == (1.5, "estimated")
    assert found["05 02:15"] == (1.5, "good")
    assert park.ask("SELECT DISTINCT superseded_cause FROM interval_energy_revisions") == [("later reading",)]


def test_flags_decide_what_is_used(park):
    park.born(meter())
    number = park.devices["m-1"]
    park.store_readings(
        [
            (number, ms("05 00:00"), {"energy_import_kwh": 1_000}),
            (number, ms("05 00:05"), {"energy_import_kwh": 77_000}),
            (number, ms("05 00:10"), {"energy_import_kwh": 1_300}),
            (number, ms("05 00:15"), {"energy_import_kwh": 1_500}),
            (number, ms("05 00:20"), {"energy_import_kwh": 1_500}),
        ],
        flags={1: b'{"energy_import_kwh":"bad"}', 2: b'{"energy_import_kwh":"estimated"}'},
    )
    park.metered()
    assert park.energies() == {"05 00:00": (0.5, "estimated")}
    assert park.ask("SELECT received, valid, estimated FROM interval_energy") == [(3, 2, 1)]


def test_hourly_readings_make_hourly_intervals(park):
    park.born(meter(period_s=3_600.0))
    park.store_readings(steady(park, "m-1", "05 00:00", "05 06:00", step_ms=4 * SLOT_MS))
    park.metered()
    assert park.ask("SELECT DISTINCT period_s, energy_kwh, quality FROM interval_energy") == [(3600, 6.0, "good")]
    assert park.ask("SELECT count(*), min(coverage_pct) FROM energy_1h") == [(6, 100.0)]


def test_power_is_integrated_where_nothing_is_counted(park):
    """12 kW for an hour, -6 kW in the next: 3 kWh a quarter imported, then 1.5 kWh exported."""
    park.born(meter(signals=("active_power_kw",)))
    rows = [
        (park.devices["m-1"], ms("05 00:00") + n * 5 * MINUTE_MS, {"active_power_kw": 12_000 if n < 12 else -6_000})
        for n in range(25)
    ]
    park.store_readings(rows)
    park.metered()
    assert park.energies()["05 00:15"] == (3.0, "estimated")
    assert park.energies(signal="energy_export_kwh")["05 01:15"] == (1.5, "estimated")
    assert park.ask("SELECT DISTINCT method FROM registers") == [("power",)]


def test_a_store_that_a_former_version_metered_goes_on_from_its_last_day(park):
    """Nothing was held of what is believed: metered intervals stay as they are, new ones and late ones come right."""
    park.born(meter(ratings={"rated_power_kw": 100.0}))
    rows = steady(park, "m-1", "03 00:00", "05 12:00")
    late = rows.pop(-30)
    park.store_readings(rows)
    park.metered()
    before = park.energies()
    park.ask("DELETE FROM base.register_belief RETURNING 1")
    park.store_readings([late])
    park.store_readings(steady(park, "m-1", "05 12:05", "05 14:00", start=1_000_000 + 60 * 60 * 100 + 500))
    park.metered()
    after = park.energies()
    assert {at: after[at] for at in before} == dict.fromkeys(before, (1.5, "good"))
    assert after["05 13:30"] == (1.5, "good")
    assert len(after) == len(before) + 8


def test_a_late_reading_is_computed_until_a_day_comes_out_as_it_was(park):
    """Of twenty days only those of the day it belongs to, of the next one, and of some hours are looked at."""
    park.born(meter(ratings={"rated_power_kw": 100.0}))
    rows = steady(park, "m-1", "01 00:00", "20 00:00")
    late = rows.pop(2 * 288 + 100)
    park.store_readings(rows)
    park.metered()
    before = park.dump()["interval_energy"]
    park.store_readings([late], received_ms=ms("20 00:05"))
    report = park.metered()
    assert report.readings < 3 * 288
    assert report.changed == 1
    after = park.dump()["interval_energy"]
    assert sum(former != later for former, later in zip(before, after, strict=True)) == 1
