"""What a park consumes, whether its meters agree, and how much of its photovoltaics stays at home."""

import numpy as np

from parkgrid_domain.indicators.bounds import SHARE, not_negative, part
from parkgrid_domain.indicators.definition import Bounds, Display, Indicator, Observed, Unavailable, Value

_CONSUMPTION = "E_load = E_import - E_export + E_pv + E_discharged - E_charged"
_ROUNDING_KWH = 1e-9
"""Below the resolution of every register: what is left of a difference of equal doubles."""
SOURCES = ("grid_import_kwh", "pv_kwh", "storage_discharged_kwh", "charger_returned_kwh")
SINKS = ("grid_export_kwh", "storage_charged_kwh", "charger_delivered_kwh", "load_kwh")


def consumed_kwh(observed: Observed) -> float:
    """Everything that is consumed behind the connection points, chargers and losses included, in kWh.

    E_load = E_import - E_export + E_pv + E_discharged - E_charged (OpenEMS computes the same).
    """
    gained = observed.energy("grid_import_kwh") + observed.energy("pv_kwh") + observed.energy("storage_discharged_kwh")
    return gained - observed.energy("grid_export_kwh") - observed.energy("storage_charged_kwh")


def _residual(observed: Observed) -> Value | Unavailable:
    supplied, taken = (sum(observed.energy(name) for name in names) for names in (SOURCES, SINKS))
    if supplied <= _ROUNDING_KWH:
        return Unavailable("nothing was supplied in this period", "本期无供电量")
    residual_pct = 100 * (supplied - taken) / supplied
    limit_pct = observed.factor("balance_alarm_pct")
    alarm = f"residual above {limit_pct:g} %" if abs(residual_pct) > limit_pct else None
    return Value(
        residual_pct,
        details={
            "alarm": alarm,
            "supplied_kwh": supplied,
            "taken_kwh": taken,
            "residual_kwh": supplied - taken,
            **{name: observed.energy(name) for name in (*SOURCES, *SINKS) if observed.has(name)},
        },
    )


def _consumption(observed: Observed) -> Value:
    return Value(consumed_kwh(observed))


def _self_consumption(observed: Observed) -> Value | Unavailable:
    pv, exported = observed.energy("pv_kwh"), observed.energy("grid_export_kwh")
    if pv <= _ROUNDING_KWH:
        return Unavailable("no photovoltaic energy in this period", "本期无光伏发电量")
    ratio = float(np.clip((pv - exported) / pv, 0, 1))
    return Value(ratio, details={"pv_kwh": pv, "grid_export_kwh": exported})


def _self_sufficiency(observed: Observed) -> Value | Unavailable:
    imported, load = observed.energy("grid_import_kwh"), consumed_kwh(observed)
    if load <= _ROUNDING_KWH:
        return Unavailable(f"no consumption in this period ({load:g} kWh)", f"本期无用电量（{load:g} kWh）")
    ratio = float(np.clip(1 - imported / load, 0, 1))
    return Value(ratio, details={"consumption_kwh": load, "grid_import_kwh": imported})


BALANCE = (
    Indicator(
        name="energy_balance_residual_pct",
        name_zh="能量平衡残差",
        name_en="Residual of the energy balance",
        formula="100 (E_import + E_pv + E_discharged + E_returned - E_export - E_charged - E_delivered - E_load)"
        " / (E_import + E_pv + E_discharged + E_returned)",
        unit="%",
        inputs=("grid_import_kwh", "load_kwh"),
        optional=(
            "grid_export_kwh",
            "pv_kwh",
            "storage_discharged_kwh",
            "storage_charged_kwh",
            "charger_delivered_kwh",
            "charger_returned_kwh",
        ),
        factors=("balance_alarm_pct",),
        source="Bus balance: sources = sinks + losses; a DC bus is an inner node and does not enter. What is consumed "
        "without a meter of its own (losses, auxiliaries) is the residual. Alarm threshold: dated data [design "
        "default].",
        compute=_residual,
        # It is a check itself: what cannot be true is what it has to show.
        bounds=Bounds(None, None, "the residual of a balance may be anything", "", ""),
        display=Display(digits=1),
    ),
    Indicator(
        name="consumption_kwh",
        name_zh="用电量",
        name_en="Electricity consumption",
        formula=_CONSUMPTION,
        unit="kWh",
        inputs=("grid_import_kwh",),
        optional=("grid_export_kwh", "pv_kwh", "storage_discharged_kwh", "storage_charged_kwh"),
        minimum_coverage_pct=95,
        source="OpenEMS/openems, UI utilities [verified]; chargers and all losses but those of storage are part of it.",
        compute=_consumption,
        bounds=not_negative("consumption cannot be negative"),
    ),
    Indicator(
        name="self_consumption_ratio",
        name_zh="自发自用率",
        name_en="Self-consumption",
        formula="(E_pv - E_export) / E_pv, clipped to 0..1",
        unit="",
        inputs=("pv_kwh", "grid_import_kwh"),
        optional=("grid_export_kwh",),
        source="OpenEMS/openems, UI utilities [verified]; no photovoltaic energy: unavailable, where OpenEMS returns "
        "0. Energy that storage took from the grid and exports counts against photovoltaics. A connection whose meter "
        "announces no export register exports nothing; one that announces it and does not tell it is a gap.",
        compute=_self_consumption,
        bounds=part(),
        display=SHARE,
    ),
    Indicator(
        name="self_sufficiency_ratio",
        name_zh="自给率",
        name_en="Self-sufficiency",
        formula=f"1 - E_import / E_load, clipped to 0..1; {_CONSUMPTION}",
        unit="",
        inputs=("grid_import_kwh",),
        optional=("grid_export_kwh", "pv_kwh", "storage_discharged_kwh", "storage_charged_kwh"),
        source="OpenEMS/openems, UI utilities [verified]; no consumption: unavailable, where OpenEMS returns 100 %. "
        "Energy that storage took from the grid is import when it is charged, so its discharge in the same period is "
        "not local.",
        compute=_self_sufficiency,
        bounds=part(),
        display=SHARE,
    ),
)
