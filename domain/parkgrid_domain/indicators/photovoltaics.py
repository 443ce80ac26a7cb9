"""How well photovoltaics work: yield, performance ratio, and whether each inverter produced when there was light."""

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import from_ms
from parkgrid_domain.indicators.bounds import RATIO, SHARE, part
from parkgrid_domain.indicators.definition import Bounds, Indicator, Observed, Unavailable, Value
from parkgrid_domain.indicators.irradiance import screen_irradiance
from parkgrid_domain.indicators.modules import screen_generation, screen_module_temperature

REFERENCE_KW_M2 = 1.0
"""G_ref of standard test conditions (IEC 61724-1)."""
REFERENCE_C = 25.0
"""Module temperature of standard test conditions."""
_W_PER_KW = 1000
_DAY_MS = 86_400_000
_HOURS_A_DAY = 24


def _rating_note(observed: Observed) -> dict[str, float | str | None]:
    rated = observed.rating("pv_rated_kwp")
    share = observed.inputs.ratings.get("pv_rating_of_inverters_pct", 0.0)
    note = f"{share:.0f} % of the rating is of inverters: no module rating is announced" if share > 0 else None
    return {"pv_rated_kwp": rated, "rating_note": note}


def _insolation_kwh_m2(observed: Observed) -> float:
    """H on the modules over the used intervals; what the sensor reads by night is not in it (see `irradiance`)."""
    return float(observed.series("irradiance_plane_w_m2").sum()) / _W_PER_KW * observed.interval_h


def _specific_yield(observed: Observed) -> Value | Unavailable:
    energy = observed.energy("pv_kwh")
    if observed.rating("pv_rated_kwp") <= 0:
        return Unavailable("the rated power is not above 0 kWp", "额定容量不大于 0 kWp")
    return Value(
        energy / observed.rating("pv_rated_kwp"),
        details={"pv_kwh": energy, "hours": observed.hours} | _rating_note(observed),
    )


def _too_dark(observed: Observed, insolation_kwh_m2: float) -> Unavailable | None:
    """Why nothing is divided by so little light."""
    least = observed.factor("pv_least_irradiation_kwh_m2_d") * observed.hours / _HOURS_A_DAY
    if insolation_kwh_m2 > least:
        return None
    return Unavailable(
        f"irradiation on the modules was {insolation_kwh_m2:.3g} kWh/m², not above {least:.3g}",
        f"本期组件面辐照量 {insolation_kwh_m2:.3g} kWh/m²，不高于 {least:.3g}",
    )


def _performance_ratio(observed: Observed) -> Value | Unavailable:
    insolation, energy = _insolation_kwh_m2(observed), observed.energy("pv_kwh")
    if why := _too_dark(observed, insolation):
        return why
    final_yield, reference_yield = energy / observed.rating("pv_rated_kwp"), insolation / REFERENCE_KW_M2
    return Value(
        final_yield / reference_yield,
        details={
            "final_yield_kwh_per_kwp": final_yield,
            "reference_yield_h": reference_yield,
            "pv_kwh": energy,
            "irradiation_kwh_m2": insolation,
        }
        | _rating_note(observed),
    )


def _corrected_performance_ratio(observed: Observed) -> Value | Unavailable:
    given = observed.inputs.ratings.get("pv_temperature_coefficient_per_k")
    gamma = observed.factor("pv_temperature_coefficient_per_k") if given is None else given
    if why := _too_dark(observed, _insolation_kwh_m2(observed)):
        return why
    irradiance = observed.series("irradiance_plane_w_m2") / _W_PER_KW
    warm = 1 + gamma * (observed.series("module_temperature_c") - REFERENCE_C)
    expected = (
        observed.rating("pv_rated_kwp") * float((warm * irradiance).sum()) / REFERENCE_KW_M2 * observed.interval_h
    )
    if expected <= 0:
        return Unavailable("the temperature correction leaves no expected energy", "温度修正后预期发电量不大于 0")
    energy = observed.energy("pv_kwh")
    details: dict[str, float | str | None] = {"pv_kwh": energy, "expected_kwh": expected, "gamma_per_k": gamma}
    return Value(energy / expected, details=details | _rating_note(observed))


def _availability(observed: Observed) -> Value | Unavailable:
    limit_w_m2 = observed.factor("pv_light_w_m2")
    light = observed.series("irradiance_plane_w_m2") >= limit_w_m2
    if not light.any():
        return Unavailable(
            f"no interval with {limit_w_m2:g} W/m² or more", f"本期无辐照度达到 {limit_w_m2:g} W/m² 的时段"
        )
    inverters = observed.members("pv_kwh")
    producing = sum(int((energy[light] > 0).sum()) for energy in inverters.values())
    # An inverter that was built within the period counts from then on.
    watched = sum(int(np.isfinite(energy[light]).sum()) for energy in inverters.values())
    dark = _days_without_output(observed, light, inverters)
    return Value(
        producing / watched,
        details={
            "alarm": f"no output under irradiance: {', '.join(dark)}" if dark else None,
            "days_without_output": float(len(dark)),
            "light_h": float(light.sum()) * observed.interval_h,
            "inverters": float(len(inverters)),
        },
    )


def _days_without_output(
    observed: Observed, light: NDArray[np.bool_], inverters: dict[str, NDArray[np.float64]]
) -> list[str]:
    """Every inverter and local day with light and not one watt-hour."""
    offset = datetime.fromtimestamp(observed.inputs.start_ms / 1000, observed.inputs.zone).utcoffset() or timedelta()
    days = (observed.at_ms + offset // timedelta(milliseconds=1)) // _DAY_MS
    found: list[str] = []
    for day in np.unique(days[light]):
        lit = light & (days == day)
        named = from_ms(int(day) * _DAY_MS).date().isoformat()
        found += [f"{name} on {named}" for name, energy in inverters.items() if _nothing(energy[lit])]
    return found


def _nothing(energy: NDArray[np.float64]) -> bool:
    known = energy[np.isfinite(energy)]
    return known.size > 0 and float(known.sum()) <= 0


_LOOK_AT = "the irradiance sensor (scale, snow, dirt, clock) and the rating of the modules"
_LOOK_AT_ZH = "辐照度传感器（量程、积雪、污染、时钟）和组件额定容量"
_PR_BOUNDS = Bounds(
    0.0,
    1.1,
    "modules at -10 °C give 1.14 of their rating (γ = -0.4 %/K), 3 % above the nameplate; inverter, wiring, soiling "
    "and reflection take at least 6 %: 1.10 [computed, design default]",
    _LOOK_AT,
    _LOOK_AT_ZH,
)
_CORRECTED_BOUNDS = Bounds(
    0.0, 1.05, "as for the plain ratio, at 25 °C: 0.97, and 8 % for sensors of temperature and irradiance [computed, "
    "design default]", _LOOK_AT, _LOOK_AT_ZH,
)  # fmt: skip
_YIELD_BOUNDS = Bounds(
    0.0,
    0.6,
    "14.4 kWh/kWp a day: more than any place on earth gives to a plane that follows the sun [computed, design default]",
    "the registers of the inverters and the rating of the modules",
    "逆变器电量寄存器和组件额定容量",
    per_hour=True,
)
_LIGHT_CHECKS = (screen_generation, screen_irradiance)
_NEEDS_PLANE = "Only with irradiance in the plane of the modules; horizontal irradiance does not replace it."
PHOTOVOLTAICS = (
    Indicator(
        name="pv_specific_yield_kwh_per_kwp",
        name_zh="光伏单位容量发电量",
        name_en="Specific yield",
        formula="Y_f = E_ac / P_0",
        unit="kWh/kWp",
        inputs=("pv_kwh",),
        ratings=("pv_rated_kwp",),
        minimum_coverage_pct=95,
        source="IEC 61724-1, final yield [formula from memory of the standard]",
        compute=_specific_yield,
        bounds=_YIELD_BOUNDS,
        display=RATIO,
        checks=(screen_generation,),
    ),
    Indicator(
        name="performance_ratio",
        name_zh="系统效率 PR",
        name_en="Performance ratio",
        formula="PR = Y_f / Y_r = (E_ac / P_0) / (H_poa / 1 kW/m²)",
        unit="",
        inputs=("pv_kwh", "irradiance_plane_w_m2"),
        ratings=("pv_rated_kwp",),
        source=f"IEC 61724-1 [formula from memory of the standard]. {_NEEDS_PLANE} Outages are not taken out.",
        compute=_performance_ratio,
        bounds=_PR_BOUNDS,
        display=RATIO,
        checks=_LIGHT_CHECKS,
        factors=("pv_least_irradiation_kwh_m2_d",),
    ),
    Indicator(
        name="performance_ratio_temperature_corrected",
        name_zh="温度修正系统效率 PR'",
        name_en="Temperature-corrected performance ratio",
        formula="PR' = E_ac / Σ P_0 (1 + γ (T_mod - 25 °C)) G / (1 kW/m²) Δt",
        unit="",
        inputs=("pv_kwh", "irradiance_plane_w_m2", "module_temperature_c"),
        ratings=("pv_rated_kwp",),
        factors=("pv_temperature_coefficient_per_k", "pv_least_irradiation_kwh_m2_d"),
        source=f"IEC 61724-1, correction to 25 °C [formula from memory of the standard]. {_NEEDS_PLANE} γ of the "
        "nameplate, or the dated default.",
        compute=_corrected_performance_ratio,
        bounds=_CORRECTED_BOUNDS,
        display=RATIO,
        checks=(*_LIGHT_CHECKS, screen_module_temperature),
    ),
    Indicator(
        name="pv_availability_ratio",
        name_zh="光伏可用率",
        name_en="Availability of photovoltaics",
        formula="inverter intervals with output under light / inverter intervals under light (G_poa >= threshold)",
        unit="",
        inputs=("pv_kwh", "irradiance_plane_w_m2"),
        factors=("pv_light_w_m2",),
        source="Time-based availability in the sense of IEC TS 63019 [from memory, unverified]; threshold: dated data "
        "[design default]. An inverter without a watt-hour on a local day with light raises the alarm.",
        compute=_availability,
        bounds=part("the states reported by the inverters", "逆变器数据"),
        display=SHARE,
        checks=_LIGHT_CHECKS,
    ),
)
