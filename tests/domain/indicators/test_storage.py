"""Storage: no round trip above 1, and none from a battery whose state of charge was set anew."""

import pytest

from parkgrid_domain.indicators import INDICATORS
from tests.domain.indicators.cases import inputs

RAW, CORRECTED = "storage_round_trip_efficiency", "storage_round_trip_efficiency_soc_corrected"
ONE_WAY = 0.95
"""Of the battery of these tests: 0.9025 there and back."""
CAPACITY = {"storage_capacity_kwh": 200.0, "charge_efficiency": ONE_WAY}


def figure(name, quantities, **more):
    return INDICATORS[name].figure(inputs(quantities, **({"ratings": CAPACITY} | more)))


def cycles(count, steps=None):
    """Four hours of 25 kWh in and four of 22.5625 out, over and over; at some hours the gauge is set anew."""
    stored, columns = 40.0, {"in": [], "out": [], "start": [], "end": []}
    for hour in range(8 * count):
        taken, given = (25.0, 0.0) if hour % 8 < 4 else (0.0, 25.0 * ONE_WAY**2)
        columns["in"].append(taken)
        columns["out"].append(given)
        columns["start"].append(stored)
        stored += taken * ONE_WAY - given / ONE_WAY + (steps or {}).get(hour, 0.0)
        columns["end"].append(stored)
    names = ("storage_charged_kwh", "storage_discharged_kwh", "stored_start_kwh", "stored_end_kwh")
    return dict(zip(names, columns.values(), strict=True))


def test_a_battery_that_nobody_touches():
    found = figure(CORRECTED, cycles(1))
    assert found.value == pytest.approx(0.9025)
    assert figure(RAW, cycles(1)).value == pytest.approx(0.9025)


@pytest.mark.parametrize(("once", "step_kwh"), [(1.05, 13.345), (1.31, 29.551), (4.25, 74.827)])
def test_a_state_of_charge_that_is_set_anew_makes_no_round_trip(once, step_kwh):
    # 90.25 / (100 - step / 0.95): what was published once.
    assert 90.25 / (100 - step_kwh / ONE_WAY) == pytest.approx(once, abs=0.005)
    found = figure(CORRECTED, cycles(1, {7: step_kwh}))
    assert found.value is None
    assert "the state of charge changed without energy" in found.unavailable
    assert "at 2026-11-23T07:00+08:00" in found.unavailable
    assert "荷电状态无对应电量变化" in found.unavailable_zh


@pytest.mark.parametrize("step_kwh", [-60.0, -25.0, 25.0, 60.0])
def test_up_or_down_in_the_middle_too(step_kwh):
    assert figure(CORRECTED, cycles(2, {9: step_kwh})).value is None


def test_two_that_cancel_out_leave_the_figure_wrong_by_nothing_but_are_named():
    assert "was reset" in figure(CORRECTED, cycles(2, {3: 60.0, 9: -60.0})).unavailable


def test_a_small_correction_once_a_month_does_not_cost_the_figure():
    # 8 kWh of 200 at a full charge, in 30 cycles of 100 kWh: 0.3 % of the energy.
    found = figure(CORRECTED, cycles(30, {100: 8.0}))
    assert found.value == pytest.approx(0.9025, rel=0.005)


def test_an_instant_slip_of_the_gauge_s_last_digit_is_no_step():
    assert figure(CORRECTED, cycles(1, {2: 0.4, 5: -0.4})).value == pytest.approx(0.9025, rel=0.001)


@pytest.mark.parametrize("given", [105.0, 131.0, 425.0])
def test_more_out_than_in_is_no_efficiency(given):
    quantities = {"storage_charged_kwh": [100.0, 0.0], "storage_discharged_kwh": [0.0, given]}
    found = figure(RAW, quantities)
    assert found.value is None
    assert found.unavailable == (
        f"{given / 100:.4g} is not possible (range 0 to 1): "
        "check the state of charge at both ends and the registers of storage"
    )
    assert found.unavailable_zh.endswith("请检查期初、期末荷电状态与储能电量寄存器")


def test_cycles_of_a_capacity_in_other_units_are_none():
    found = figure("storage_equivalent_full_cycles", cycles(1), ratings={"storage_capacity_kwh": 0.2})
    assert found.value is None
    assert "the rated capacity of storage" in found.unavailable
