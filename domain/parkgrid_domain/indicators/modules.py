"""Whether the energy of photovoltaics and the temperature of their modules can be true."""

from dataclasses import replace

import numpy as np

from parkgrid_domain.indicators.definition import Inputs, Screened, Unavailable
from parkgrid_domain.indicators.irradiance import GENERATED
from parkgrid_domain.indicators.sky import sky_over

_MOST_BY_NIGHT = 0.01
"""Share of generated energy that rounding and shifted intervals may put into the dark."""
_COLDEST_C, _HOTTEST_C = -40.0, 105.0
"""Modules are tested from -40 to 85 °C (IEC 61215) and run up to 105 °C where they are hot (IEC TS 63126) [from memory,
unverified]."""


def screen_generation(grid: Inputs) -> Screened:
    """Refuses energy of photovoltaics that was counted in the dark: a clock is wrong, or a register."""
    energy = grid.quantities[GENERATED].values
    dark = sky_over(grid).dark if grid.place is not None else np.zeros(grid.count, np.bool_)
    whole, night = float(np.nansum(energy)), float(np.nansum(energy[dark]))
    if night <= _MOST_BY_NIGHT * whole:
        return Screened()
    return Screened(
        refused=Unavailable(
            f"{100 * night / whole:.1f} % of the energy was counted while the sun was below the "
            "horizon: check the clock of the gateway and the registers",
            f"{100 * night / whole:.1f} % 的发电量出现在太阳落山后，请检查网关时钟与电表读数",
        )
    )


def screen_module_temperature(grid: Inputs) -> Screened:
    """Module temperatures without those that no module has."""
    quantity = grid.quantities["module_temperature_c"]
    possible = (quantity.values >= _COLDEST_C) & (quantity.values <= _HOTTEST_C)
    false = np.isfinite(quantity.values) & ~possible
    if not false.any():
        return Screened()
    share = 100 * float(false.sum()) / len(false)
    doubt = Unavailable(
        f"module temperature is not between {_COLDEST_C:g} and {_HOTTEST_C:g} °C in {share:.1f} % of the intervals",
        f"{share:.1f} % 的时段组件温度不在 {_COLDEST_C:g} 至 {_HOTTEST_C:g} °C 之间",
    )
    left = replace(quantity, values=np.where(possible, quantity.values, np.nan))
    return Screened({quantity.name: left}, (doubt,), {"module_temperature_struck_pct": share})
