"""Days on which a meter, its bus, its gateway or its clock did something odd, through the store.

Every register is true at 36 kW: 600 Wh a minute, 9 kWh a quarter of an hour. Where it comes back to its own count, the
right energy is therefore 9 kWh in each quarter, in whatever order its readings arrive.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from parkgrid_accounting.bills.bill import bill_of
from parkgrid_accounting.bills.supply import Agreement, agree, load_plan
from parkgrid_contract.announcement import Device, MeteringPoint
from parkgrid_contract.time import to_ms
from parkgrid_domain.tariff.bill import Terms
from parkgrid_domain.tariff.reader import examples
from tests.accounting.billing import At
from tests.accounting.charging import gun, show, told
from tests.accounting.test_sessions import CHARGING, FREE, at, charge, of
from tests.metering.park import DAY_MS, MINUTE_MS, SLOT_MS, Metering, meter, ms

FIRST_MS = ms("05 13:00")
"""Three hours before midnight in Shanghai: minute 180."""
MINUTES = 360
RATED = {"ratings": {"rated_power_kw": 100.0}}


def true(minute: int) -> int:
    return 48_211_000 + 600 * minute


def torn(minute: int) -> int:
    """The upper word is one poll old."""
    return (true(minute - 1) >> 16 << 16) | (true(minute) & 0xFFFF)


def odd(change: Callable[[int], int | None], first: int, last: int) -> Callable[[int], int | None]:
    """A change that holds for some minutes."""
    return lambda minute: change(minute) if first <= minute <= last else true(minute)


def after_an_outage(minute: int) -> int | None:
    """Nothing for two hours, then ten minutes of what the limit would just allow."""
    return None if minute < 240 else true(minute) + 100_000


def before_an_outage(minute: int) -> int | None:
    return 0 if minute < 160 else None


ODD = {
    "addresses of two meters swapped for an hour": (lambda minute: 12_900_000 + 200 * minute, 150, 209),
    "the other one stands higher": (lambda minute: 91_000_000 + 900 * minute, 150, 209),
    "two gateways take turns of ten minutes": (
        lambda minute: 12_900_000 + 200 * minute if minute // 10 % 2 else true(minute), 120, 239),
    "a factor of ten comes and goes": (lambda minute: true(minute) * (10 if minute % 2 else 1), 150, 209),
    "new software begins at zero and is undone": (lambda minute: 600 * (minute - 150), 150, 199),
    "the sign bit is set": (lambda minute: true(minute) | 1 << 31, 170, 189),
    "one bit is wrong": (lambda minute: true(minute) ^ 1 << 17, 150, 199),
    "one digit is wrong": (lambda minute: true(minute) - 8_000_000, 174, 186),
    "words of two polls": (torn, 1, MINUTES),
    "the last hour is sent once more": (lambda minute: true(minute - 60), 150, 209),
    "it stands still and catches up": (lambda _: true(120), 120, 239),
    "false after an outage": (after_an_outage, 121, 249),
    "one false reading after an outage": (after_an_outage, 121, 240),
    "zeros before an outage": (before_an_outage, 150, 239),
}  # fmt: skip
"""What is told, and in which minutes."""
PARTS = (range(130), range(130, 185), range(185, MINUTES + 1))
ORDERS: dict[str, tuple[range, ...]] = {
    "at once": (range(MINUTES + 1),),
    "in rounds": PARTS,
    "the last part first": (PARTS[2], PARTS[0], PARTS[1]),
    "every second one later": (range(0, MINUTES + 1, 2), range(0), range(1, MINUTES + 1, 2)),
}


def named(case: str, order: str) -> str:
    return f"m-{list(ODD).index(case)}-{list(ORDERS).index(order)}"


def test_a_register_that_comes_back_to_its_own_count_gives_its_own_energy(park: Metering) -> None:
    pairs = [(case, order) for case in ODD for order in ORDERS]
    park.born(*(meter(named(*pair), period_s=60.0, **RATED) for pair in pairs))
    for number in range(3):
        rows = []
        for case, order in pairs:
            parts, shown = ORDERS[order], odd(*ODD[case])
            for minute in parts[number] if number < len(parts) else ():
                value = shown(minute)
                if value is not None:
                    instant = FIRST_MS + minute * MINUTE_MS
                    rows.append((park.devices[named(case, order)], instant, {"energy_import_kwh": value}))
        park.store_readings(rows, received_ms=FIRST_MS + (number + 1) * DAY_MS)
        park.metered()
    for case, (_, first, last) in ODD.items():
        found = {order: park.energies(named(case, order)) for order in ORDERS}
        assert all(each == found["at once"] for each in found.values()), case
        energies = list(found["at once"].values())
        assert [energy for energy, _ in energies] == [pytest.approx(9.0, abs=0.001)] * 24, case
        near = range(first // 15 - 1, last // 15 + 2)
        assert {mark for slot, (_, mark) in enumerate(energies) if slot not in near} <= {"good"}, case
    assert park.ask("SELECT DISTINCT kind FROM register_findings") == [("left_out",)]


@pytest.mark.parametrize("period_min", [5, 15])
def test_zeros_of_a_meter_without_a_rating_are_no_energy_when_its_count_comes(park: Metering, period_min: int) -> None:
    """A device answers zeros until it has reached its meter: the whole count is no energy of a quarter of an hour."""
    park.born(*(meter(f"m-{zeros}", period_s=60.0 * period_min) for zeros in (1, 3, 9)))
    for zeros in (1, 3, 9):
        rows = [
            (park.devices[f"m-{zeros}"], FIRST_MS + place * period_min * MINUTE_MS, {
                "energy_import_kwh": 0 if place < zeros else 48_211_000 + 600 * place * period_min})
            for place in range(MINUTES // period_min + 1)
        ]  # fmt: skip
        park.store_readings(rows)
    park.metered()
    for zeros in (1, 3, 9):
        energies = list(park.energies(f"m-{zeros}").values())
        until = -(-(zeros * period_min) // 15)
        assert max(energy or 0 for energy, _ in energies) <= 9
        assert energies[until:] == [(9.0, "good")] * (24 - until)
    # Where the zeros go on for longer than a count may begin late, the leap is named.
    [(kind, energy)] = park.ask("SELECT kind, energy_kwh FROM register_findings WHERE device = 'm-9'")
    assert (kind, energy) == ("jumped", 48_211 + 0.6 * 9 * period_min)


def test_a_session_takes_no_false_count_at_its_end_or_after_an_outage(park: Metering) -> None:
    """62 kWh from 12:10 to 12:41 and 40 kWh from 13:00 to 13:20, at 120 kW, on three guns."""
    park.born(gun(), gun("gun-2"), gun("gun-3"))
    hours = {10: (CHARGING, 1, 2.0), 41: (FREE, 1, 0.0), 60: (CHARGING, 2, 2.0), 80: (FREE, 2, 0.0)}
    sign, swapped, silent = (charge(hours, at("05 12:00"), 120) for _ in range(3))
    for minute in range(38, 44):
        sign[minute][1]["energy_delivered_kwh"] += 2_147_483.648
    for minute in range(36, 44):
        swapped[minute][1]["energy_delivered_kwh"] = 311.0
    # Twenty minutes of outage, and the first three readings after it are 15 kWh too high: 171 kW, which a gun may give.
    for minute in (35, 36, 37):
        silent[minute][1]["energy_delivered_kwh"] += 15
    show(park, sign)
    show(park, swapped, "gun-2")
    show(park, [each for minute, each in enumerate(silent) if not 15 <= minute < 35], "gun-3")
    park.metered()
    found = told(park, at("05 00:00"), at("06 00:00"))
    # The first one ends between 54 kWh at 12:37 and 62 at 12:44, the second between 50 at 12:35 and 62 at 12:44.
    assert sorted(of(found)) == [
        ("gun-1", 40, "good"), ("gun-1", 58.571, "estimated"),
        ("gun-2", 40, "good"), ("gun-2", 58, "estimated"),
        ("gun-3", 40, "good"), ("gun-3", 62, "estimated"),
    ]  # fmt: skip
    # What the first vehicles may not have had is nobody's, and nothing is lost: 3 x 102 kWh.
    assert (found.balance.registers_kwh, found.balance.outside_kwh) == (306, 7.429)


def test_a_battery_whose_two_registers_change_places_for_an_hour(park: Metering) -> None:
    """It is charged until 18:00 and gives from then on; the register that stood still has never moved before."""
    signals = ("energy_charged_kwh", "energy_discharged_kwh")
    park.born(Device("bess", "storage", signals, period_s=60.0, **RATED))
    rows = []
    for minute in range(MINUTES + 1):
        pair = (true(min(minute, 300)), 40_100_000 + 600 * max(0, minute - 300))
        told_values = dict(zip(signals, pair[::-1] if 150 <= minute < 210 else pair, strict=True))
        rows.append((park.devices["bess"], FIRST_MS + minute * MINUTE_MS, told_values))
    park.store_readings(rows, "storage")
    park.metered()
    for signal, energies in zip(signals, ([9.0] * 20 + [0.0] * 4, [0.0] * 20 + [9.0] * 4), strict=True):
        found = list(park.energies("bess", signal).values())
        assert [each for each, _ in found] == pytest.approx(energies, abs=0.001)
        assert {mark for slot, (_, mark) in enumerate(found) if slot not in range(9, 15)} == {"good"}


def test_an_inverter_that_wakes_with_a_false_count_gives_nothing_at_night(park: Metering) -> None:
    """Two quarters 300 kWh too high at night, which 1,500 kW would allow, and 40 minutes of zeros."""
    park.born(Device("pv-1", "pv_inverter", ("energy_generated_kwh",), period_s=300.0,
                     ratings={"rated_power_kw": 1500.0}))  # fmt: skip
    values = [8_620_000] * 73
    values[30:36] = [8_920_000] * 6
    values[50:58] = [0] * 8
    rows = [(park.devices["pv-1"], FIRST_MS + place * 5 * MINUTE_MS, {"energy_generated_kwh": value})
            for place, value in enumerate(values)]  # fmt: skip
    park.store_readings(rows, "pv_inverter")
    park.metered()
    assert [energy for energy, _ in park.energies("pv-1", "energy_generated_kwh").values()] == [0.0] * 24


def test_another_meter_s_values_over_the_end_of_the_month_are_on_neither_bill(park: Metering) -> None:
    """March at 36 kW; from 23:00 on the 31st to 01:00 the meter's address answers with another one's count."""
    point = MeteringPoint("坪山站", "F12", "T3", "4403-1")
    park.born(Device("grid-1", "grid_meter", ("energy_import_kwh", "energy_export_kwh"), period_s=900.0, point=point,
                     ratings={"rated_power_kw": 100.0}))  # fmt: skip
    begin, days = to_ms(datetime(2026, 2, 28, 16, tzinfo=UTC)), 32
    month_end = 31 * 96
    rows = []
    for slot in range(days * 96 + 1):
        value = 91_000_000 + 5_000 * slot if month_end - 4 <= slot <= month_end + 4 else 48_211_000 + 9_000 * slot
        rows.append((park.devices["grid-1"], begin + slot * SLOT_MS, {"energy_import_kwh": value}))
    park.store_readings(rows, "grid_meter")
    park.metered(begin + (days + 1) * DAY_MS)
    with psycopg.connect(park.dsn, autocommit=True) as connection:
        agreed_at = At(datetime(2026, 1, 2, tzinfo=UTC))
        load_plan(connection, examples()["guangdong-2021-tou"], "guangdong-2021-tou", "anna", agreed_at)
        terms = Terms("4403-1", "gaoxin-nan", "measured_demand", Decimal(1000), Decimal(800), None)
        agree(connection, Agreement(terms, "guangdong-2021-tou", date(2026, 1, 1)), "anna", agreed_at)
        bill = bill_of(connection, "4403-1", "2026-03", clock=At(datetime(2026, 4, 3, tzinfo=UTC)))
    # 31 days x 36 kW x (8 x 0.228 + 9 x 0.60 + 7 x 1.02) = 31 x 36 x 14.364 = 16,030.22; 36 kW x 32 = 1,152.
    energy = [line for line in bill.lines if line.code.startswith("energy.")]
    assert sum(line.amount_cny for line in energy) == Decimal("16030.22")
    assert bill.line("basic_demand").amount_cny == Decimal("1152.00")
    assert bill.peak is not None
    assert bill.peak.demand_kw == 36
    # Five quarters from 22:45 on touch it: what they hold is an estimate, and the line that holds them says so.
    assert bill.estimated_kwh == 45
    assert [bool(line.marks) for line in energy].count(True) >= 1
