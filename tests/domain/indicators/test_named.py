"""A reason in Chinese says names, not identifiers."""

import re

import numpy as np

from parkgrid_domain.indicators import INDICATORS
from parkgrid_domain.indicators.definition import Factor, Inputs, Quantity
from parkgrid_domain.indicators.named import NAMES_ZH


def test_every_input_of_an_indicator_has_a_chinese_name() -> None:
    asked = {name for each in INDICATORS.values() for name in (*each.inputs, *each.ratings, *each.factors)}
    assert asked <= set(NAMES_ZH)


def test_a_coverage_of_minutes_is_called_so() -> None:
    """A meter that is read every 15 minutes: whole in the calendar, one minute of 15 in a demand by the minute."""
    kw = np.full(1440, np.nan)
    kw[::15] = 5.0
    one = Quantity("grid_import_kw", "kW", kw, np.zeros(1440, np.bool_))
    factor = Factor("demand_slide_min", 1.0, "min", "test")
    fine = Inputs(0, 60, 1440, {"grid_import_kw": one})
    found = INDICATORS["maximum_demand_sliding_kw"].figure(
        Inputs(0, 900, 96, {}, factors={"demand_slide_min": factor}, fine=fine)
    )
    assert found.unavailable == "coverage of minutes 6.7 % is below the minimum of 95 %"
    assert found.unavailable_zh == "分钟数据完整率 6.7 % 低于最低要求 95 %"


def test_a_missing_quantity_is_told_by_its_name() -> None:
    nothing = Inputs(0, 900, 96, {})
    found = INDICATORS["self_consumption_ratio"].figure(nothing)
    assert found.unavailable == "no quantity pv_kwh, grid_import_kwh"
    assert found.unavailable_zh == "缺少数据：光伏发电量、电网取电量"
    for each in INDICATORS.values():
        for grid in (nothing, Inputs(0, 900, 96, {}, fine=Inputs(0, 60, 1440, {}))):
            why = each.figure(grid).unavailable_zh or ""
            assert not re.search(r"[a-z]+_[a-z]+", why), (each.name, why)
