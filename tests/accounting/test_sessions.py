"""Energy of charging sessions out of the store: the difference of the registers at their own ends."""

import json
from datetime import datetime

import psycopg
import pytest

from parkgrid_accounting.figures.sessions import Sessions
from parkgrid_accounting.trace.figure import NotTracedError, trace
from parkgrid_contract.time import to_ms
from tests.accounting.charging import CHARGING, FREE, gun, show, steps, told
from tests.accounting.conftest import park
from tests.metering.park import MINUTE_MS, Metering

__all__ = ["park"]


def at(text: str) -> int:
    """An instant of March 2026 in Shanghai, as `05 12:31` or `05 12:31:20`."""
    return to_ms(datetime.fromisoformat(f"2026-03-{text}+08:00"))


def test_each_session_has_the_difference_of_its_registers_at_its_own_ends(park: Metering) -> None:
    # 120 kW are 2 kWh a minute: 31 minutes from 12:00, 24 minutes from 12:36.
    park.born(gun())

    def shown(minute: int) -> dict[str, float]:
        first, second = min(max(minute, 0), 31), min(max(minute - 36, 0), 24)
        busy = 0 <= minute < 31 or 36 <= minute < 60
        return {
            "energy_delivered_kwh": 5_000 + 2 * (first + second),
            "operating_state": CHARGING if busy else FREE,
            "session_count": 7 + (minute >= 0) + (minute >= 36),
        }

    noon = at("05 12:00")
    show(park, ((noon + minute * MINUTE_MS, shown(minute)) for minute in range(-30, 121)))
    park.metered()
    found = told(park, at("05 00:00"), at("06 00:00"))
    ends = [(each.session.visit.start_ms, each.session.visit.end_ms) for each in found.listed]
    assert ends == [(noon, at("05 12:31")), (at("05 12:36"), at("05 13:00"))]
    assert [each.session.energy_kwh for each in found.listed] == [62, 48]
    assert [each.session.quality for each in found.listed] == ["good", "good"]
    balance = found.balance
    assert (balance.registers_kwh, balance.sessions_kwh, balance.outside_kwh) == (110, 110, 0)


def charge(minutes: dict[int, tuple[int, int, float]], first_ms: int, count: int) -> list[tuple[int, dict[str, float]]]:
    """Readings by the minute: what changes at a minute holds on; state, count, kWh a minute."""
    readings, register = [], 5_000.0
    state, number, rate = FREE, 0, 0.0
    for minute in range(count + 1):
        state, number, after = minutes.get(minute, (state, number, rate))
        values = {"energy_delivered_kwh": register, "operating_state": state, "session_count": number}
        readings.append((first_ms + minute * MINUTE_MS, values))
        register, rate = register + after, after
    return readings


def of(found: Sessions) -> list[tuple[str, float | None, str]]:
    return [(each.device, each.session.energy_kwh, each.session.quality) for each in found.listed]


def test_sessions_over_midnight_and_the_end_of_a_month_are_told_whole_where_they_began(park: Metering) -> None:
    # From 23:40 to 00:20 on the last of March: 40 minutes of 1.5 kWh, then one of 10 minutes from 02:00.
    park.born(gun())
    begin = at("31 22:00")
    plan = {100: (CHARGING, 1, 1.5), 140: (FREE, 1, 0), 240: (CHARGING, 2, 1.5), 250: (FREE, 2, 0)}
    show(park, charge(plan, begin, 300))
    park.metered(now_ms=at("31 22:00") + 86_400_000)
    april = begin + 120 * MINUTE_MS
    march = told(park, at("01 00:00"), april)
    assert of(march) == [("gun-1", 60, "good")]
    assert (march.balance.registers_kwh, march.balance.sessions_kwh, march.balance.outside_kwh) == (30, 30, 0)
    next_month = told(park, april, april + 30 * 86_400_000)
    assert of(next_month) == [("gun-1", 15, "good")]
    # Half of the first one lies in April.
    assert (next_month.balance.registers_kwh, next_month.balance.sessions_kwh) == (45, 45)
    # A span may begin and end within an interval, and within a session.
    inner = told(park, begin + 110 * MINUTE_MS, begin + 131 * MINUTE_MS)
    assert of(inner) == []
    assert (inner.balance.registers_kwh, inner.balance.sessions_kwh) == (31.5, 31.5)


def test_a_zero_in_mid_session_and_values_that_are_flagged_are_no_energy(park: Metering) -> None:
    park.born(gun())
    noon = at("05 12:00")
    readings = charge({10: (CHARGING, 1, 2), 41: (FREE, 1, 0)}, noon, 90)
    readings[20][1]["energy_delivered_kwh"] = 0.0
    flagged = {
        25: {"energy_delivered_kwh": 4_000_000.0},
        30: {"operating_state": FREE},
        31: {"session_count": 77},
    }
    for minute, wrong in flagged.items():
        readings[minute][1].update(wrong)
    show(park, [each for place, each in enumerate(readings) if place not in flagged])
    for minute, wrong in flagged.items():
        rows = [(park.devices["gun-1"], readings[minute][0], steps(readings[minute][1]))]
        marks = json.dumps(dict.fromkeys(wrong, "bad")).encode()
        park.store_readings(rows, "charger", flags={0: marks})
    park.metered()
    found = told(park, at("05 00:00"), at("06 00:00"))
    assert of(found) == [("gun-1", 62, "good")]
    assert (found.balance.registers_kwh, found.balance.outside_kwh) == (62, 0)


def test_an_estimate_reaches_the_session(park: Metering) -> None:
    # No reading from 12:20 to 12:40: what each of the two intervals had is an estimate, the whole is not.
    park.born(gun())
    readings = charge(
        {10: (CHARGING, 1, 2), 41: (FREE, 1, 0), 60: (CHARGING, 2, 1), 70: (FREE, 2, 0)}, at("05 12:00"), 90
    )
    show(park, [each for place, each in enumerate(readings) if not 20 <= place < 40])
    park.metered()
    found = told(park, at("05 00:00"), at("06 00:00"))
    assert of(found) == [("gun-1", 62, "estimated"), ("gun-1", 10, "good")]
    assert found.balance.estimated


def test_what_a_second_gun_gives_is_its_own(park: Metering) -> None:
    park.born(gun(), gun("gun-2"))
    noon = at("05 12:00")
    show(park, charge({10: (CHARGING, 1, 2), 41: (FREE, 1, 0)}, noon, 90))
    show(park, charge({12: (CHARGING, 9, 1), 50: (FREE, 9, 0)}, noon, 90), "gun-2")
    park.metered()
    found = told(park, at("05 00:00"), at("06 00:00"))
    assert of(found) == [("gun-1", 62, "good"), ("gun-2", 38, "good")]
    assert found.balance.registers_kwh == 100
    assert of(told(park, at("05 00:00"), at("06 00:00"), device="gun-2")) == [("gun-2", 38, "good")]


def test_a_session_that_never_ends_has_what_the_register_counted_so_far(park: Metering) -> None:
    # Nine days at 1.2 kWh an hour, read every quarter of an hour; before it a visit of an hour.
    park.born(gun(period_s=900.0))
    begin = at("05 00:00")

    def shown(quarter: int) -> dict[str, float]:
        first, second = min(max(quarter - 4, 0), 4), max(quarter - 12, 0)
        state = CHARGING if 4 <= quarter < 8 or quarter >= 12 else FREE
        return {
            "energy_delivered_kwh": 100 + 10 * first + 0.3 * second,
            "operating_state": state,
            "session_count": (quarter >= 4) + (quarter >= 12),
        }

    count = 9 * 96
    show(park, ((begin + quarter * 900_000, shown(quarter)) for quarter in range(count + 1)))
    park.metered(now_ms=begin + count * 900_000)
    found = told(park, begin, begin + 86_400_000)
    assert [energy for _, energy, _ in of(found)] == [40, pytest.approx(0.3 * (count - 12))]
    assert [each.session.visit.goes_on for each in found.listed] == [False, True]
    assert found.listed[1].session.origin_kwh is None
    # In the first day: 40 kWh and 0.3 kWh in each of 84 quarters.
    assert found.balance.registers_kwh == found.balance.sessions_kwh == pytest.approx(65.2)
    # Read in parts of a week, and from the middle of it: the same.
    later = told(park, begin + 86_400_000, begin + 9 * 86_400_000)
    assert of(later) == []
    assert later.balance.registers_kwh == later.balance.sessions_kwh == pytest.approx(0.3 * 96 * 8)


def test_what_is_not_metered_yet_is_counted_from_the_readings(park: Metering) -> None:
    # Metered up to 12:15; the last reading is that of 12:27, two minutes after the vehicle left.
    park.born(gun())
    noon = at("05 12:00")
    readings = charge({10: (CHARGING, 1, 2), 25: (FREE, 1, 0)}, noon, 27)
    show(park, readings)
    park.metered()
    assert park.energies(signal="energy_delivered_kwh", device="gun-1").keys() == {"05 04:00"}
    found = told(park, at("05 00:00"), at("06 00:00"))
    assert of(found) == [("gun-1", 30, "good")]
    # Nothing is known of where the park's energy came from.
    assert (found.listed[0].session.origin_kwh, found.listed[0].session.unattributed_kwh) == (None, 30)
    assert found.balance.registers_kwh == 30


def test_readings_at_any_second_split_an_interval(park: Metering) -> None:
    # 0.5 kWh in each 15 s from 12:10:07 to 12:41:07, read at 7, 22, 37 and 52 s; the next one from 12:41:22 on.
    park.born(gun(period_s=15.0))
    noon = at("05 12:00:07")

    def shown(place: int) -> dict[str, float]:
        first, second = min(max(place - 40, 0), 124), max(min(place, 200) - 165, 0)
        state = CHARGING if 40 <= place < 164 or 165 <= place < 200 else FREE
        return {
            "energy_delivered_kwh": 5_000 + 0.5 * (first + second),
            "operating_state": state,
            "session_count": (place >= 40) + (place >= 165),
        }

    show(park, ((noon + place * 15_000, shown(place)) for place in range(-80, 361)))
    park.metered()
    found = told(park, at("05 00:00"), at("06 00:00"))
    assert of(found) == [("gun-1", 62, "good"), ("gun-1", 17.5, "good")]
    ends = [(each.session.visit.start_ms, each.session.visit.end_ms) for each in found.listed]
    assert ends == [(at("05 12:10:07"), at("05 12:41:07")), (at("05 12:41:22"), at("05 12:50:07"))]
    assert found.balance.outside_kwh == 0


def test_a_charger_without_a_counter_has_what_its_power_gives_as_an_estimate(park: Metering) -> None:
    # 60 kW from 12:10 to 12:40, read at its beginning and end as well: 30 kWh, 5 of them before 12:15.
    park.born(gun(signals=("active_power_kw", "operating_state", "session_count")))
    noon = at("05 12:00")
    readings = [
        (
            noon + second * 1000,
            {
                "active_power_kw": 60.0 if 600 <= second < 2_400 else 0.0,
                "operating_state": CHARGING if 600 <= second < 2_400 else FREE,
                "session_count": int(second >= 600),
            },
        )
        for second in sorted({*range(0, 4_800, 60), 599, 2_399})
    ]
    show(park, readings)
    park.metered()
    found = told(park, at("05 00:00"), at("06 00:00"))
    ((_, energy, quality),) = of(found)
    assert (energy, quality) == (pytest.approx(30, abs=0.02), "estimated")
    assert found.balance.registers_kwh == pytest.approx(
        sum(kwh for kwh, _ in park.energies("gun-1", "energy_delivered_kwh").values() if kwh)
    )


def test_a_session_is_traced_to_its_readings(park: Metering) -> None:
    park.born(gun())
    noon = at("05 12:00")
    show(park, charge({10: (CHARGING, 1, 2), 41: (FREE, 1, 0)}, noon, 90))
    park.metered()
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        found = trace(connection, "session/gaoxin-nan/gw-1/gun-1/2026-03-05T04:10:00Z", noon)
        with pytest.raises(NotTracedError, match="no session of gw-1/gun-1 begins at 2026-03-05"):
            trace(connection, "session/gaoxin-nan/gw-1/gun-1/2026-03-05T04:11:00Z", noon)
    assert (found.published, found.recomputed, found.equal) == (62, 62, True)
    assert found.details["end_ms"] == at("05 12:41")
    # Its intervals hold nothing else: 10, 30 and 22 kWh.
    assert [each.energy_wh for each in found.registers[0].intervals] == [10_000, 30_000, 22_000]
    assert (found.readings[0].at_ms, found.readings[0].value) == (noon, 5_000)
    assert found.registers[0].batches[0].gateway == "gaoxin-nan/gw-1"
