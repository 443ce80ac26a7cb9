"""What a bill says of estimated and missing intervals: on the line that rests on them, in kWh and in intervals."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from parkgrid_domain.tariff.bill import Bill, Mark, Terms, document, from_document
from parkgrid_domain.tariff.usage import Series, quarters
from tests.domain.tariff.months import IMPORT, billed, constant_kw, laid, plan_of, series, slot_ms, usage

GUANGDONG = plan_of("guangdong-2021-tou")
NOVEMBER = laid(GUANGDONG, "2026-11")
COUNT = NOVEMBER.count
DEMAND = Terms("4401-1", "p", "measured_demand", None, None, Decimal("0.90"))
TWO_O_CLOCK, ELEVEN, NOON = (8 * 96 + hour * 4 for hour in (2, 11, 12))
"""On the 9th: valley, peak and flat."""
REACTIVE = "reactive_energy_import_kvarh"


def marks(bill: Bill, code: str) -> dict[str, tuple[str, str, int, int]]:
    found = bill.line(code).marks
    assert found is not None
    return {
        each.of: (str(each.estimated), each.unit, each.estimated_intervals, each.missing_intervals) for each in found
    }


def month(kw: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A constant power, all of it good."""
    return constant_kw(COUNT, kw), np.ones(COUNT, np.int8)


def doubtful() -> Bill:
    """400 kW: an estimated peak of 600 kW at 11:00, noon missing, an ordinary estimate at 02:00; 248 kvar."""
    values, quality = month()
    values[ELEVEN] = 150_000
    quality[[TWO_O_CLOCK, ELEVEN]], quality[NOON] = 2, 0
    reactive = series(constant_kw(COUNT, 248), REACTIVE, quality=np.where(np.arange(COUNT) == 5, 2, 1).astype(np.int8))
    return billed(NOVEMBER, usage(COUNT, [series(values, quality=quality)], [reactive]), DEMAND)


def test_a_line_says_how_much_of_it_is_estimated_and_how_many_intervals_are_missing() -> None:
    bill = doubtful()
    assert marks(bill, "energy.valley") == {"import": ("100", "kWh", 1, 0)}
    assert marks(bill, "energy.peak") == {"import": ("150", "kWh", 1, 0)}
    assert marks(bill, "energy.flat") == {"import": ("0", "kWh", 0, 1)}
    # 30 days x 7 h x 400 kW + 50 = 84,050 kWh x 1.02; 30 x 9 x 400 - 100 = 107,900 x 0.60
    assert bill.line("energy.peak").amount_cny == Decimal("85731.00")
    assert bill.line("energy.flat").amount_cny == Decimal("64740.00")
    funds = [
        line for line in bill.lines if line.code.partition(".")[0] not in {"energy", "basic_demand", "power_factor"}
    ]
    assert len(funds) == 3
    for line in funds:
        assert marks(bill, line.code) == {"import": ("250", "kWh", 2, 1)}, line.code
    assert {mark.of for mark in bill.marks or ()} == {"import", "reactive", "peak"}


def test_a_demand_line_says_that_its_interval_is_an_estimate_and_what_the_good_ones_give() -> None:
    bill = doubtful()
    line, peak = bill.line("basic_demand"), bill.peak
    assert peak is not None
    assert (peak.demand_kw, peak.at_ms, peak.estimated, peak.missing) == (600, slot_ms(NOVEMBER, ELEVEN), True, 1)
    assert (peak.good_kw, peak.good_at_ms) == (400, slot_ms(NOVEMBER, 0))
    # 600 x 32 and 400 x 32
    assert (line.amount_cny, peak.cost_cny, peak.good_cost_cny) == (*[Decimal("19200.00")] * 2, Decimal("12800.00"))
    assert marks(bill, "basic_demand") == {"peak": ("600", "kW", 1, 1)}
    assert (line.inputs["peak_quality"], line.inputs["good_peak_kw"]) == ("estimated", "400")
    (note,) = (note for note in bill.notes if note.code == "estimated_peak")
    assert note.zh == "最大需量 600 kW 出自估算时段；有效时段中的最大值为 400 kW。"
    assert "600 kW is from an estimated interval; the highest good one has 400 kW" in note.en
    assert not note.blocks


def test_a_power_factor_line_rests_on_active_and_reactive_energy_and_on_the_demand_in_its_base() -> None:
    assert marks(doubtful(), "power_factor") == {
        "import": ("250", "kWh", 2, 1),
        "reactive": ("62", "kvarh", 1, 0),
        "peak": ("600", "kW", 1, 1),
    }


def test_a_month_of_good_intervals_carries_no_mark() -> None:
    values, quality = month()
    bill = billed(NOVEMBER, usage(COUNT, [series(values, quality=quality)]), DEMAND)
    assert bill.marks == ()
    assert all(line.marks == () for line in bill.lines)
    assert bill.peak is not None
    assert (bill.peak.estimated, bill.peak.missing, bill.peak.good_kw) == (False, 0, 400)
    assert bill.peak.good_cost_cny == bill.peak.cost_cny == Decimal("12800.00")
    assert "peak_quality" not in bill.line("basic_demand").inputs


def test_a_good_interval_as_high_as_an_estimated_one_is_the_peak() -> None:
    values, quality = month()
    values[[ELEVEN, ELEVEN + 96]] = 150_000
    quality[ELEVEN] = 2
    bill = billed(NOVEMBER, usage(COUNT, [series(values, quality=quality)]), DEMAND)
    assert bill.peak is not None
    assert (bill.peak.demand_kw, bill.peak.estimated, bill.peak.at_ms) == (600, False, slot_ms(NOVEMBER, ELEVEN + 96))
    assert marks(bill, "basic_demand") == {}


def test_a_month_of_estimates_has_no_good_peak() -> None:
    bill = billed(NOVEMBER, usage(COUNT, [series(month()[0], quality=2)]), DEMAND)
    assert bill.peak is not None
    assert (bill.peak.estimated, bill.peak.good_kw, bill.peak.good_at_ms, bill.peak.good_cost_cny) == (
        *(True, None, None, None),
    )
    assert bill.line("basic_demand").inputs["good_peak_kw"] == "-"
    assert "there is no good interval" in next(note.en for note in bill.notes if note.code == "estimated_peak")


def test_one_estimated_meter_of_two_marks_the_sum_of_both() -> None:
    values, quality = month(200)
    values[ELEVEN], quality[ELEVEN] = 100_000, 2
    used = usage(COUNT, [series(month(200)[0]), series(values, quality=quality)])
    bill = billed(NOVEMBER, used, DEMAND)
    assert bill.peak is not None
    # 200 + 400 kW, of which 100 kWh in the quarter are the estimated meter's
    assert (bill.peak.demand_kw, bill.peak.estimated, bill.peak.good_kw) == (600, True, 400)
    assert marks(bill, "energy.peak") == {"import": ("100", "kWh", 1, 0)}


def test_demand_above_the_contract_that_only_an_estimate_reaches_says_so() -> None:
    values, quality = month()
    values[ELEVEN], quality[ELEVEN] = 150_000, 2
    terms = Terms("4401-1", "p", "contracted_demand", None, Decimal(450), None)
    bill = billed(NOVEMBER, usage(COUNT, [series(values, quality=quality)]), terms)
    # the contract of 450 kW holds to 105 % = 472.5; (600 - 472.5) x 64 = 8,160.00, and nothing for 400 kW
    assert bill.line("basic_excess").amount_cny == Decimal("8160.00")
    assert marks(bill, "basic_excess") == {"peak": ("600", "kW", 1, 0)}
    assert marks(bill, "basic_demand") == {}
    assert bill.peak is not None
    assert (bill.peak.cost_cny, bill.peak.good_cost_cny) == (Decimal("8160.00"), 0)


def test_a_price_that_depends_on_the_use_per_kva_rests_on_the_energy() -> None:
    values, quality = month()
    quality[TWO_O_CLOCK] = 2
    terms = replace(DEMAND, capacity_kva=Decimal(1000))
    bill = billed(NOVEMBER, usage(COUNT, [series(values, quality=quality)]), terms)
    assert marks(bill, "basic_demand") == {"import": ("100", "kWh", 1, 0)}


def test_a_charge_by_capacity_rests_on_no_interval() -> None:
    terms = Terms("4401-1", "p", "capacity", Decimal(1000), None, None)
    bill = billed(NOVEMBER, usage(COUNT, [series(month()[0], quality=2)]), terms)
    assert marks(bill, "basic_capacity") == {}


def test_a_coarse_estimate_is_shared_by_the_bands_that_it_lies_in() -> None:
    # 08:00 to 12:00 in one interval: two hours flat, two hours peak; 8,001 Wh are 16 x 500 and one more in the first.
    values, quality = np.zeros(COUNT // 16, np.int64), np.ones(COUNT // 16, np.int8)
    values[2], quality[2], quality[4] = 8001, 2, 0
    bill = billed(NOVEMBER, usage(COUNT, [Series("grid_meter", IMPORT, 14_400, values, quality)]), DEMAND)
    # 16:00 to 20:00 is missing: three hours peak, one flat
    assert marks(bill, "energy.flat") == {"import": ("4.001", "kWh", 8, 4)}
    assert marks(bill, "energy.peak") == {"import": ("4", "kWh", 8, 12)}
    assert marks(bill, "energy.valley") == {}


def test_a_market_line_and_feed_in_carry_their_own_marks() -> None:
    values, quality = month()
    quality[NOON], quality[NOON + 1] = 2, 0
    curve = laid(plan_of("retail-curve-2026"), "2026-11")
    bill = billed(curve, usage(COUNT, [series(values, quality=quality)]))
    assert marks(bill, "energy_curve") == {"import": ("100", "kWh", 1, 1)}
    returned = np.zeros(COUNT, np.int64)
    returned[ELEVEN] = 20_000
    doubt = np.where(np.arange(COUNT) == ELEVEN, 2, 1).astype(np.int8)
    charger = series(returned, "energy_returned_kwh", quality=doubt, device_class="charger")
    fed = billed(NOVEMBER, usage(COUNT, [series(values)], returned=[charger]))
    assert marks(fed, "v2g.peak") == {"v2g": ("20", "kWh", 1, 0)}
    assert marks(fed, "v2g.flat") == {}
    assert marks(fed, "energy.peak") == {}


def test_what_has_not_passed_is_not_missing() -> None:
    values, quality = month()
    quality[96:] = 0
    group = quarters([series(values, quality=quality)], COUNT, 97)
    assert (int(group.missing.sum()), group.expected, group.known_count) == (1, 97, 96)


def test_a_document_keeps_the_marks_and_one_of_before_says_that_it_has_none() -> None:
    bill = doubtful()
    told = document(bill)
    assert from_document(told) == bill
    del told["marks"]
    for line in told["lines"]:
        del line["marks"]
    for name in ("estimated", "missing", "good_kw", "good_at_ms", "good_cost_cny"):
        del told["peak"][name]
    former = from_document(told)
    assert former.marks is None
    assert all(line.marks is None for line in former.lines)
    assert former.peak is not None
    assert (former.peak.estimated, former.peak.missing, former.total_cny) == (None, None, bill.total_cny)


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2026, 11, 30)])
def test_marks_of_bands_add_up_to_the_mark_of_the_month(day: date) -> None:
    values, quality = month()
    first = (day.day - 1) * 96
    quality[first : first + 96 : 3], quality[first + 1 : first + 96 : 7] = 2, 0
    bill = billed(NOVEMBER, usage(COUNT, [series(values, quality=quality)]), DEMAND)
    found = [mark for line in bill.lines if line.code.startswith("energy.") for mark in line.marks or ()]
    estimates, missing = int((quality == 2).sum()), int((quality == 0).sum())
    whole = Mark("import", "kWh", Decimal(estimates * 100), estimates, missing)
    assert sum(mark.estimated for mark in found) == whole.estimated == bill.estimated_kwh
    assert sum(mark.estimated_intervals for mark in found) == estimates
    assert sum(mark.missing_intervals for mark in found) == missing
    assert (bill.marks or ())[0] == whole
