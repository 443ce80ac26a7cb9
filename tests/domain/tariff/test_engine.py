"""The bill engine: what is conserved whatever the load, what is rounded where, and every component on its own."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.calendar import CalendarGapError
from parkgrid_domain.tariff.bill import Terms, document, from_document
from parkgrid_domain.tariff.engine import band_sums, price_sums
from parkgrid_domain.tariff.lines import TermsError
from parkgrid_domain.tariff.reader import examples, read_plan
from parkgrid_domain.tariff.usage import Series, quarters, spread
from tests.domain.tariff.months import billed, constant_kw, laid, only, plan_of, series, slot_ms, usage

GUANGDONG = plan_of("guangdong-2021-tou")
RETAIL = plan_of("retail-curve-2026")
SPOT = plan_of("spot-2026")
NOVEMBER = laid(GUANGDONG, "2026-11")
JULY = laid(GUANGDONG, "2026-07")
FEBRUARY = laid(GUANGDONG, "2026-02")
PEAK_TERMS = Terms("4401-1", "p", "measured_demand", Decimal(1000), None, Decimal("0.90"))

wh = st.integers(0, 2_000_000)


@st.composite
def loads(draw, count=FEBRUARY.count):
    """A month of energies: any beginning, repeated, with any single interval changed."""
    pattern = np.array(draw(st.lists(wh, min_size=1, max_size=120)), np.int64)
    values = np.resize(pattern, count)
    values[draw(st.integers(0, count - 1))] = draw(wh)
    return values


@given(loads(), st.lists(st.sampled_from([0, 1, 1, 1, 2]), min_size=1, max_size=50))
def test_the_lines_add_up_and_the_bands_hold_all_energy(values, qualities):
    quality = np.resize(np.array(qualities, np.int8), len(values))
    bill = billed(FEBRUARY, usage(len(values), [series(values, quality=quality)]), PEAK_TERMS)
    known = int(values[quality > 0].sum())
    assert bill.total_cny == sum(line.amount_cny for line in bill.lines)
    assert sum(line.quantity for line in bill.lines if line.code.startswith("energy.")) * 1000 == known
    assert bill.energy_kwh * 1000 == known
    assert bill.estimated_kwh * 1000 == int(values[quality == 2].sum())
    assert bill.coverage["import"].known == int((quality > 0).sum())
    for line in bill.lines:
        assert line.price is not None
        assert line.amount_cny == (line.quantity * line.price).quantize(Decimal("0.01"), ROUND_HALF_UP)


@given(loads(), st.lists(st.integers(0, FEBRUARY.count), max_size=6))
def test_any_partition_of_the_month_has_the_same_band_sums(values, cuts):
    edges = [0, *sorted(cuts), len(values)]
    whole = band_sums(FEBRUARY.band, values)
    parts = [band_sums(FEBRUARY.band[a:b], values[a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    assert {band: sum(part.get(band, 0) for part in parts) for band in whole} == whole


@given(loads(), st.integers(1, 5))
def test_an_account_with_several_meters_pays_as_if_it_had_one(values, meters):
    shares = [values // meters for _ in range(meters - 1)]
    shares.append(values - sum(shares, np.zeros_like(values)))
    one = billed(FEBRUARY, usage(len(values), [series(values)]), PEAK_TERMS)
    several = billed(FEBRUARY, usage(len(values), [series(each) for each in shares]), PEAK_TERMS)
    assert several.lines == one.lines
    assert several.peak == one.peak


@given(st.lists(wh, min_size=1, max_size=40), st.sampled_from([900, 1800, 3600, 86_400]))
def test_spreading_loses_nothing_and_stays_within_one_wh(values, period_s):
    energies = np.array(values, np.int64)
    parts = spread(energies, period_s).reshape(len(values), -1)
    assert parts.sum(axis=1).tolist() == values
    assert (parts.max(axis=1) - parts.min(axis=1) <= 1).all()


def test_an_hourly_register_is_spread_evenly_and_the_bill_says_so():
    # 08:00 on the 2nd, 4001 Wh in the hour: flat until 10:00, so all of it is flat; demand is the hour's 4.001 kW.
    hours = np.zeros(NOVEMBER.count // 4, np.int64)
    hours[24 + 8] = 4001
    bill = billed(NOVEMBER, usage(NOVEMBER.count, [series(hours, period_s=3600)]), PEAK_TERMS)
    assert bill.line("energy.flat").quantity == Decimal("4.001")
    assert bill.peak is not None
    assert (bill.peak.demand_kw, bill.peak.window_s) == (Decimal("4.001"), 3600)
    assert bill.peak.at_ms == slot_ms(NOVEMBER, 96 + 32)
    assert "coarse_registers" in {note.code for note in bill.notes}


@given(loads(), st.sampled_from(["guangdong-2021-tou", "retail-curve-2026"]))
def test_under_a_flat_price_every_kind_of_plan_costs_the_same(values, name):
    flat = {
        "guangdong-2021-tou": [("2.125", "1"), ("= 1.7\n", "= 1\n"), ("0.38", "1"), ("0.60", "0.5")],
        "retail-curve-2026": [(price, "0.50") for price in ("0.32", "0.52", "0.78", "0.55", "0.82", "0.76", "0.56")],
    }[name]
    plan = plan_of(name, *flat)
    bill = billed(laid(plan, "2026-04"), usage(30 * 96, [series(np.resize(values, 30 * 96))]))
    energy = [line for line in bill.lines if line.code.startswith("energy")]
    exact = Decimal(int(np.resize(values, 30 * 96).sum())) / 1000 * Decimal("0.5")
    # each of up to five lines is rounded by at most half a cent
    assert abs(sum(line.amount_cny for line in energy) - exact) <= Decimal("0.005") * len(energy)


def test_half_a_cent_is_rounded_up_at_the_line():
    # 25 Wh x 0.60 = 0.015 CNY -> 0.02; binary floats would say 0.01
    values = np.zeros(NOVEMBER.count, np.int64)
    values[32] = 25
    assert billed(NOVEMBER, usage(NOVEMBER.count, [series(values)])).line("energy.flat").amount_cny == Decimal("0.02")


def test_a_month_begins_at_midnight_in_shanghai():
    # 2026-10-31T16:00Z is 00:00 on 1 November: the first quarter hour is valley, the one before belongs to October.
    assert NOVEMBER.period.start_ms == 1_793_462_400_000
    assert NOVEMBER.count == 30 * 96
    assert NOVEMBER.band[0] == 3
    assert NOVEMBER.band[-1] == 2


WORKDAYS_ONLY = """
[[schedule]]
name = "workdays"
days = ["workday"]
bands = [{ from = "00:00", to = "24:00", band = "peak" }]
[[schedule]]
name = "weekends"
days = ["weekend"]
bands = [{ from = "00:00", to = "24:00", band = "flat" }]
[[schedule]]
name = "National Day"
days = ["national_day"]
bands = [{ from = "00:00", to = "24:00", band = "deep_valley" }]
[[schedule]]
name = "other holidays"
days = ["new_year", "spring_festival", "qingming", "labour_day", "dragon_boat", "mid_autumn"]
bands = [{ from = "00:00", to = "24:00", band = "valley" }]

"""


def by_kind_of_day():
    text = examples()["guangdong-2021-tou"]
    start, end = text.index("[hot_day]"), text.index("[[component]]")
    text = text[:start] + WORKDAYS_ONLY + text[end:]
    return read_plan(text.replace("valley = 0.38\n", "valley = 0.38\ndeep_valley = 0.2\n"), "p")


def test_make_up_workdays_are_workdays_and_holidays_are_not():
    october = laid(by_kind_of_day(), "2026-10")
    bill = billed(october, usage(october.count, [series(constant_kw(october.count, 1))]))
    # October 2026: 7 holidays (1 to 7), 6 free weekend days (11, 17, 18, 24, 25, 31; the 10th is worked), so
    # 31 - 7 - 6 = 18 workdays; a kW for a day is 24 kWh.
    quantities = {line.code: line.quantity for line in bill.lines if line.code.startswith("energy.")}
    assert quantities == {"energy.peak": 18 * 24, "energy.flat": 6 * 24, "energy.deep_valley": 7 * 24}


def test_a_plan_that_asks_for_kinds_of_days_needs_their_calendar():
    with pytest.raises(CalendarGapError, match="2031"):
        laid(by_kind_of_day(), "2031-01")
    assert laid(GUANGDONG, "2031-01").count == 31 * 96


def test_missing_intervals_are_not_charged_and_stand_in_the_way():
    quality = np.ones(NOVEMBER.count, np.int8)
    quality[:29] = 0  # 29 of 2880: 98.99 %
    bill = billed(NOVEMBER, usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 4), quality=quality)]))
    assert bill.coverage["import"].coverage_pct == Decimal("98.99")
    assert bill.energy_kwh == 2880 - 29
    assert [note.code for note in bill.blocks] == ["missing_import"]
    assert bill.provisional
    quality[28] = 2  # 28 missing: 99.02 %, one estimated
    better = billed(NOVEMBER, usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 4), quality=quality)]))
    assert better.coverage_pct == Decimal("99.02")
    assert not better.provisional
    assert better.estimated_kwh == 1


def test_measured_demand_costs_and_is_reduced_from_260_kwh_per_kva():
    # 400 kW throughout: 288,000 kWh on 1000 kVA = 288 kWh/kVA -> 400 kW x 32 x 0.9 = 11,520
    high = billed(NOVEMBER, usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 400))]), PEAK_TERMS)
    assert high.line("basic_demand").amount_cny == Decimal("11520.00")
    assert "526" in high.line("basic_demand").rule.clause
    # 361 kW: 259,920 kWh, 259.92 kWh/kVA -> 361 x 32 = 11,552
    low = billed(NOVEMBER, usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 361))]), PEAK_TERMS)
    assert low.line("basic_demand").amount_cny == Decimal("11552.00")
    assert low.peak is not None
    assert low.peak.cost_cny == Decimal("11552.00")


def test_the_peak_is_the_first_highest_interval_that_every_meter_knows():
    first, second = constant_kw(NOVEMBER.count, 100), constant_kw(NOVEMBER.count, 50)
    first[500], first[700], second[900] = 90_000, 80_000, 80_000
    quality = np.ones(NOVEMBER.count, np.int8)
    quality[500] = 0  # the second meter is silent at the highest moment of the first
    bill = billed(NOVEMBER, usage(NOVEMBER.count, [series(first), series(second, quality=quality)]), PEAK_TERMS)
    assert bill.peak is not None
    # 700: 320 + 50 = 370 kW; 900: 100 + 320 = 420 kW
    assert (bill.peak.demand_kw, bill.peak.at_ms) == (Decimal(420), slot_ms(NOVEMBER, 900))


def test_demand_above_105_percent_of_the_contract_costs_twice():
    values = constant_kw(NOVEMBER.count, 100)
    values[1000] = 300 * 250
    terms = Terms("a", "p", "contracted_demand", Decimal(1000), Decimal(200))
    bill = billed(NOVEMBER, usage(NOVEMBER.count, [series(values)]), terms)
    # 200 x 32 = 6,400; 300 - 210 = 90 kW x 64 = 5,760
    assert bill.line("basic_demand").amount_cny == Decimal("6400.00")
    assert bill.line("basic_excess").amount_cny == Decimal("5760.00")
    assert bill.peak is not None
    assert bill.peak.cost_cny == Decimal("5760.00")


def test_capacity_is_charged_by_the_kva():
    terms = Terms("a", "p", "capacity", Decimal(630))
    bill = billed(NOVEMBER, usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 1))]), terms)
    assert bill.line("basic_capacity").amount_cny == Decimal("14490.00")  # 630 x 23
    assert bill.peak is not None
    assert bill.peak.cost_cny == 0


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        (Terms("a", "p", "capacity"), "needs capacity_kva"),
        (Terms("a", "p", "contracted_demand"), "needs contracted_kw"),
        (Terms("a", "p", "none", power_factor_standard=Decimal("0.7")), "the rule knows"),
    ],
)
def test_an_agreement_that_a_plan_cannot_price_is_told(terms, told):
    reactive = [series(constant_kw(NOVEMBER.count, 1), "reactive_energy_import_kvarh")]
    used = usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 1))], reactive)
    with pytest.raises(TermsError, match=told):
        billed(NOVEMBER, used, terms)


def test_the_power_factor_adjusts_basic_and_energy_but_no_funds():
    active, reactive = constant_kw(NOVEMBER.count, 400), constant_kw(NOVEMBER.count, 248)
    used = usage(NOVEMBER.count, [series(active)], [series(reactive, "reactive_energy_import_kvarh")])
    bill = billed(NOVEMBER, used, PEAK_TERMS)
    line = bill.line("power_factor")
    funds = sum(each.amount_cny for each in bill.lines if each.code.startswith("fund_"))
    base = bill.total_cny - line.amount_cny - funds
    # 248/400 = 0.62 kvarh/kWh: 0.85 -> + 2.5 %
    assert (str(bill.power_factor), line.price, line.quantity) == ("0.85", Decimal("0.025"), base)
    # 400 kW x 30 days x (8 x 0.228 + 9 x 0.60 + 7 x 1.02) = 12,000 x 14.364 = 172,368; + 11,520 = 183,888 x 2.5 %
    assert base == Decimal("183888.00")
    assert line.amount_cny == Decimal("4597.20")


def test_without_a_reactive_register_the_adjustment_is_open_and_the_month_stays_open():
    bill = billed(NOVEMBER, usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 4))]), PEAK_TERMS)
    assert "power_factor" not in {line.code for line in bill.lines}
    assert [note.code for note in bill.blocks] == ["no_reactive_register"]


def test_reactive_energy_sent_back_counts_as_taken():
    zero = np.zeros(NOVEMBER.count, np.int64)
    back = [
        series(zero, "reactive_energy_import_kvarh"),
        series(constant_kw(NOVEMBER.count, 62), "reactive_energy_export_kvarh"),
    ]
    bill = billed(NOVEMBER, usage(NOVEMBER.count, [series(constant_kw(NOVEMBER.count, 100))], back), PEAK_TERMS)
    assert str(bill.power_factor) == "0.85"


def test_a_curve_prices_every_hour_and_is_rounded_once():
    # One day of 1 kWh an hour: the sum of the file's 24 prices, by hand
    # 8 x 0.32 + 2 x 0.52 + 2 x 0.78 + 2 x 0.55 + 0.78 + 2 x 0.82 + 0.78 + 0.76 + 5 x 0.56
    # = 2.56 + 1.04 + 1.56 + 1.10 + 0.78 + 1.64 + 0.78 + 0.76 + 2.80 = 13.02
    month = laid(RETAIL, "2026-11")
    bill = billed(month, usage(month.count, [series(only(month, date(2026, 11, 25), lambda n: constant_kw(n, 1)))]))
    line = bill.line("energy_curve")
    assert (line.amount_cny, line.quantity, line.price) == (Decimal("13.02"), 24, None)
    assert line.inputs["kwh at 0.32"] == "8"
    assert line.inputs["mean_price_cny_per_kwh"] == "0.542500"


def test_a_curve_of_96_points_may_change_every_quarter():
    rows = ", ".join(["0.10", "0.20", "0.30", "0.40"] * 24)
    text = examples()["retail-curve-2026"]
    start, end = text.index("prices_cny_per_kwh = [\n"), text.index("]\n", text.index("prices_cny_per_kwh = [\n"))
    month = laid(read_plan(text[:start] + f"prices_cny_per_kwh = [{rows}" + text[end:], "p"), "2026-11")
    values = np.zeros(month.count, np.int64)
    values[95] = 1000  # 23:45 on the first day
    assert billed(month, usage(month.count, [series(values)])).line("energy_curve").amount_cny == Decimal("0.40")


def test_spot_prices_and_the_margin_are_passed_through():
    prices = {SPOT_NOVEMBER_MS + number * 900_000: Decimal("0.4") for number in range(2880)}
    prices[SPOT_NOVEMBER_MS + 900_000] = Decimal("-0.05")
    month = laid(SPOT, "2026-11", spot=prices)
    values = np.zeros(month.count, np.int64)
    values[:3] = 100_000, 200_000, 300_000
    # 100 x 0.412 + 200 x (-0.038) + 300 x 0.412 = 41.2 - 7.6 + 123.6 = 157.2
    line = billed(month, usage(month.count, [series(values)])).line("energy_spot")
    assert (line.amount_cny, line.quantity) == (Decimal("157.20"), 600)


def test_energy_without_a_market_price_is_not_charged_and_stands_in_the_way():
    month = laid(SPOT, "2026-11", spot={SPOT_NOVEMBER_MS: Decimal("0.4")})
    values = np.zeros(month.count, np.int64)
    values[:3] = 1000
    bill = billed(month, usage(month.count, [series(values)]))
    assert bill.line("energy_spot").quantity == 1
    assert [note.code for note in bill.blocks] == ["price_missing"]
    assert "2 quarter hours" in bill.blocks[0].en


@given(loads())
def test_prices_hold_all_energy(values):
    month = laid(RETAIL, "2026-11")
    energies = np.resize(values, month.count)
    assert month.prices is not None
    assert sum(price_sums(month.prices, energies).values()) == int(energies.sum())


def test_an_example_and_a_plan_out_of_its_time_say_so():
    month = laid(plan_of("shenzhen-2024-agency"), "2026-07")
    bill = billed(month, usage(month.count, [series(constant_kw(month.count, 1))]))
    assert {"example_plan", "plan_not_valid"} <= {note.code for note in bill.notes}
    assert [note.code for note in bill.blocks] == ["plan_not_valid"]


@given(loads())
def test_a_bill_survives_its_document(values):
    reactive = [series(values // 2, "reactive_energy_import_kvarh")]
    returned = [series(values // 7, "energy_returned_kwh", device_class="charger")]
    bill = billed(FEBRUARY, usage(len(values), [series(values)], reactive, returned), PEAK_TERMS)
    assert from_document(document(bill)) == bill


def test_no_register_at_all_is_told():
    bill = billed(NOVEMBER, usage(NOVEMBER.count, []))
    assert bill.peak is None
    assert "no_register" in {note.code for note in bill.blocks}


def test_quarters_of_nothing_are_nothing():
    empty = quarters([], 96)
    assert (empty.total_wh, empty.coverage_pct, empty.registers) == (0, 0, 0)
    one = quarters([Series("meter", "energy_import_kwh", 900, np.ones(96, np.int64), np.ones(96, np.int8))], 96)
    assert one.coverage_pct == 100


SPOT_NOVEMBER_MS = 1_793_462_400_000
