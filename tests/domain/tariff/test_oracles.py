"""Published and hand-computed figures of Guangdong and Shenzhen: hours, prices, days, V2G, power factor."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from parkgrid_domain.tariff import power_factor
from parkgrid_domain.tariff.plan import BANDS
from tests.domain.tariff.months import billed, constant_kw, laid, only, plan_of, series, usage

FUNDS = ("fund_water", "fund_resettlement", "fund_renewables")
# The flat price 0.60 of the oracle in place of the composed price of 2024, so that only the ratios differ.
SHENZHEN = plan_of(
    "guangdong-2021-tou", ("sharp = 2.125", "sharp = 1.9125"), ("peak = 1.7\n", "peak = 1.53\n"), ("0.38", "0.32")
)
GUANGDONG = plan_of("guangdong-2021-tou")


def hours(month, day):
    """Hours of each band of a local day."""
    first = (day - month.period.first).days * 96
    bands, counts = np.unique(month.band[first : first + 96], return_counts=True)
    return {BANDS[band]: count / 4 for band, count in zip(bands.tolist(), counts.tolist(), strict=True)}


def energy_cost(month, day):
    """What a constant 1 MW costs on one day, without funds."""
    bill = billed(month, usage(month.count, [series(only(month, day, lambda count: constant_kw(count, 1000)))]))
    return sum(line.amount_cny for line in bill.lines if line.code not in FUNDS)


def test_hours_of_an_ordinary_day_are_8_9_7():
    assert hours(laid(GUANGDONG, "2026-11"), date(2026, 11, 25)) == {"valley": 8, "flat": 9, "peak": 7}


def test_hours_of_a_sharp_day_are_peak_4_and_sharp_3():
    july = laid(GUANGDONG, "2026-07")
    for day in july.period.days:
        assert hours(july, day) == {"valley": 8, "flat": 9, "peak": 4, "sharp": 3}


def test_a_flat_load_pays_0_9975_of_the_flat_price():
    # (8 x 0.38 + 9 x 1 + 7 x 1.7) / 24 = 23.94 / 24
    day = hours(laid(GUANGDONG, "2026-11"), date(2026, 11, 25))
    mean = sum(Decimal(day[name]) * GUANGDONG.ratio(BANDS.index(name)) for name in day) / 24
    assert mean == Decimal("0.9975")


@pytest.mark.parametrize(
    ("plan", "prices"),
    [
        (GUANGDONG, {"sharp": "1.275", "peak": "1.02", "flat": "0.60", "valley": "0.228"}),
        (SHENZHEN, {"sharp": "1.1475", "peak": "0.918", "flat": "0.60", "valley": "0.192"}),
    ],
)
def test_prices_by_band_with_a_flat_price_of_0_60(plan, prices):
    month = laid(plan, "2026-07")
    bill = billed(month, usage(month.count, [series(constant_kw(month.count, 4))]))
    assert {name: bill.line(f"energy.{name}").price for name in prices} == {
        name: Decimal(price) for name, price in prices.items()
    }


@pytest.mark.parametrize(
    ("plan", "normal", "sharp"),
    [(GUANGDONG, "14364.00", "15129.00"), (SHENZHEN, "13362.00", "14050.50")],
)
def test_a_constant_megawatt_day(plan, normal, sharp):
    # Guangdong: 1000 x (8 x 0.228 + 9 x 0.60 + 7 x 1.02) = 14,364; sharp day + 1000 x 3 x (1.275 - 1.02) = 15,129
    # Shenzhen:  1000 x (8 x 0.192 + 9 x 0.60 + 7 x 0.918) = 13,362; + 1000 x 3 x (1.1475 - 0.918) = 14,050.50
    assert energy_cost(laid(plan, "2026-11"), date(2026, 11, 25)) == Decimal(normal)
    assert energy_cost(laid(plan, "2026-07"), date(2026, 7, 14)) == Decimal(sharp)


def test_a_day_forecast_at_35_degrees_is_sharp_and_one_at_34_9_is_not():
    maxima = {date(2026, 10, 5): "35", date(2026, 10, 6): "34.9"}
    october = laid(GUANGDONG, "2026-10", maxima)
    assert hours(october, date(2026, 10, 5))["sharp"] == 3
    assert "sharp" not in hours(october, date(2026, 10, 6))
    assert october.hot_days == (date(2026, 10, 5),)
    assert len(october.unknown_days) == 29
    assert energy_cost(october, date(2026, 10, 5)) == Decimal("15129.00")


def test_july_asks_for_no_forecast():
    july = laid(GUANGDONG, "2026-07", {date(2026, 7, 1): "20"})
    assert (july.hot_days, july.unknown_days) == ((), ())


def v2g(month, first_quarter, wh):
    values = np.zeros(month.count, np.int64)
    values[first_quarter] = wh
    used = usage(
        month.count,
        [series(np.zeros(month.count, np.int64))],
        returned=[series(values, "energy_returned_kwh", device_class="charger")],
    )
    return billed(month, used)


def test_20_kwh_of_v2g_at_peak_earn_15_402():
    # 20 kWh x 0.453 x 1.7 = 15.402, on the bill 15.40 in favour of the account; 2026-01-13, 10:00
    january = laid(GUANGDONG, "2026-01")
    line = v2g(january, 12 * 96 + 40, 20_000).line("v2g.peak")
    assert line.quantity * line.price == Decimal("-15.402")
    assert line.amount_cny == Decimal("-15.40")


def test_v2g_prices_of_sharp_and_valley():
    # 0.453 x 1.7 x 1.25 = 0.962625; 0.453 x 0.38 = 0.17214
    july = laid(GUANGDONG, "2026-07")
    assert v2g(july, 60, 1000).line("v2g.sharp").price == Decimal("-0.962625")
    assert v2g(july, 0, 1000).line("v2g.valley").price == Decimal("-0.17214")


@pytest.mark.parametrize(
    ("kvarh", "factor", "pct"),
    [
        (48_432, "0.90", "0"),
        (32_868, "0.95", "-0.75"),
        (62_000, "0.85", "2.5"),
        (102_020, "0.70", "10"),
        (120_000, "0.64", "17"),
    ],
)
def test_power_factor_of_100000_kwh(kvarh, factor, pct):
    found = power_factor.power_factor(100_000_000, kvarh * 1000)
    assert str(found) == factor
    assert power_factor.packaged().standard(Decimal("0.90")).adjustment_pct(found) == Decimal(pct)


@pytest.mark.parametrize(
    ("standard", "rows"),
    [
        (
            "0.90",
            (
                "1.00 -0.75 0.95 -0.75 0.94 -0.60 0.93 -0.45 0.92 -0.30 0.91 -0.15 0.90 0 0.89 0.5 0.71 9.5 0.70 10"
                " 0.69 11 0.66 14 0.65 15 0.64 17 0.63 19 0.60 25"
            ),
        ),
        (
            "0.85",
            "1.00 -1.10 0.94 -1.10 0.93 -0.95 0.90 -0.50 0.86 -0.10 0.85 0 0.84 0.5 0.65 10 0.64 11 0.60 15 0.59 17",
        ),
        ("0.80", "1.00 -1.30 0.92 -1.30 0.91 -1.15 0.81 -0.10 0.80 0 0.79 0.5 0.60 10 0.59 11 0.55 15 0.54 17"),
    ],
)
def test_rows_of_the_power_factor_table(standard, rows):
    table = power_factor.packaged().standard(Decimal(standard))
    cells = [Decimal(cell) for cell in rows.split()]
    for factor, pct in zip(cells[::2], cells[1::2], strict=True):
        assert table.adjustment_pct(factor) == pct, factor


def test_a_power_factor_is_rounded_half_up_at_the_second_decimal():
    # 179 / sqrt(179² + q²) = 0.895 for q = sqrt(200² - 179²) = sqrt(7959) = 89.2132277…: the two integers around it.
    assert str(power_factor.power_factor(179_000_000, 89_213_227)) == "0.90"
    assert str(power_factor.power_factor(179_000_000, 89_213_228)) == "0.89"
    assert power_factor.power_factor(0, 0) is None
    assert str(power_factor.power_factor(3, 4)) == "0.60"


def test_a_standard_that_the_rule_does_not_know_is_refused():
    with pytest.raises(ValueError, match=r"0\.90, 0\.85, 0\.80"):
        power_factor.packaged().standard(Decimal("0.88"))
