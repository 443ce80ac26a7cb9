"""A reason in Chinese says names, not identifiers."""

import re

from domain.indicators import INDICATORS
from domain.indicators.definition import Inputs
from domain.indicators.named import NAMES_ZH


def test_every_input_of_an_indicator_has_a_chinese_name() -> None:
    asked = {name for each in INDICATORS.values() for name in (*each.inputs, *each.ratings, *each.factors)}
    assert asked <= set(NAMES_ZH)


def test_a_missing_quantity_is_told_by_its_name() -> None:
    nothing = Inputs(0, 900, 96, {})
    found = INDICATORS["self_consumption_ratio"].figure(nothing)
    assert found.unavailable == "no quantity pv_kwh, grid_export_kwh"
    assert found.unavailable_zh == "缺少数据：光伏发电量、上网电量"
    for each in INDICATORS.values():
        for grid in (nothing, Inputs(0, 900, 96, {}, fine=Inputs(0, 60, 1440, {}))):
            why = each.figure(grid).unavailable_zh or ""
            assert not re.search(r"[a-z]+_[a-z]+", why), (each.name, why)
