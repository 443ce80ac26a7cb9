"""Bounds that several indicators share, and how their figures are shown."""

from parkgrid_domain.indicators.definition import Bounds, Display

SHARE = Display(share=True, digits=0)
"""A share of 0 to 1, told in whole per cent."""
RATIO = Display(digits=2)
"""A number around 1 that is not told in per cent."""

_PART = "a share is at most 100 %"
_ENERGY = "the registers and ratios of its inputs"
_ENERGY_ZH = "相关电表读数与倍率"


def part(look_at: str = _ENERGY, look_at_zh: str = _ENERGY_ZH) -> Bounds:
    """0 to 1."""
    return Bounds(0.0, 1.0, _PART, look_at, look_at_zh)


def not_negative(why: str, look_at: str = _ENERGY, look_at_zh: str = _ENERGY_ZH) -> Bounds:
    """0 and more."""
    return Bounds(0.0, None, why, look_at, look_at_zh)
