"""PEDF (光储直柔): whether the bus kept its voltage, followed its target, and how much of the building runs on DC."""

import numpy as np

from parkgrid_domain.indicators.balance import consumed_kwh
from parkgrid_domain.indicators.bounds import SHARE, not_negative, part
from parkgrid_domain.indicators.definition import Display, Indicator, Observed, Unavailable, Value


def _time_in_band(observed: Observed) -> Value:
    low, high = observed.factor("dc_band_low_pct"), observed.factor("dc_band_high_pct")
    derated = observed.factor("dc_band_derated_low_pct")
    volts = np.concatenate(list(observed.members("dc_voltage_pct").values()))
    inside = float(((volts >= low) & (volts <= high)).mean())
    reduced = float(((volts >= derated) & (volts < low)).mean())
    return Value(
        inside,
        details={
            "derated_share": reduced,
            "outside_share": 1 - inside - reduced,
            "lowest_pct": float(volts.min()),
            "highest_pct": float(volts.max()),
        },
    )


def _tracking_error(observed: Observed) -> Value | Unavailable:
    target = observed.series("dc_target_power_kw")
    asked = float(np.abs(target).sum())
    if asked <= 0:
        return Unavailable("the target power of the interface was zero in this period", "本期接口目标功率为零")
    error = np.abs(observed.series("dc_power_kw") - target)
    return Value(
        100 * float(error.sum()) / asked,
        details={"mean_error_kw": float(error.mean()), "mean_target_kw": asked / len(target)},
    )


def _share(observed: Observed) -> Value | Unavailable:
    whole = consumed_kwh(observed)
    if whole <= 0:
        return Unavailable(f"no consumption in this period ({whole:g} kWh)", f"本期无用电量（{whole:g} kWh）")
    through = observed.energy("dc_import_kwh") - observed.energy("dc_export_kwh")
    behind = whole - (observed.energy("grid_import_kwh") - observed.energy("grid_export_kwh"))
    direct = through + behind
    return Value(float(np.clip(direct / whole, 0, 1)), details={"direct_current_kwh": direct, "consumption_kwh": whole})


DIRECT_CURRENT = (
    Indicator(
        name="pedf_time_in_voltage_band_ratio",
        name_zh="直流母线电压合格时间占比",
        name_en="Time of the DC bus in its voltage band",
        formula="minutes with U / U_n inside the band / minutes, over all buses",
        unit="",
        inputs=("dc_voltage_pct",),
        factors=("dc_band_low_pct", "dc_band_high_pct", "dc_band_derated_low_pct"),
        by_minute=True,
        source="Bands of T/CABEE 030-2022 [from memory, unverified], dated data; means of one minute",
        compute=_time_in_band,
        bounds=part(),
        display=SHARE,
    ),
    Indicator(
        name="pedf_tracking_error_pct",
        name_zh="接口功率跟踪误差",
        name_en="Tracking error of the interface power",
        formula="100 Σ |P - P_target| / Σ |P_target| over minutes",
        unit="%",
        inputs=("dc_power_kw", "dc_target_power_kw"),
        by_minute=True,
        source="Flexibility tracking error [design default]; means of one minute",
        compute=_tracking_error,
        bounds=not_negative("the error is an absolute value"),
        display=Display(digits=1),
    ),
    Indicator(
        name="pedf_dc_share_ratio",
        name_zh="直流用电占比",
        name_en="Share of consumption on direct current",
        formula="(E_dc,import - E_dc,export + E_pv + E_discharged - E_charged) / E_load",
        unit="",
        inputs=("dc_import_kwh", "grid_import_kwh"),
        optional=("dc_export_kwh", "grid_export_kwh", "pv_kwh", "storage_discharged_kwh", "storage_charged_kwh"),
        source="[design default]; takes photovoltaics and storage of the scope to hang on the DC bus, as PEDF "
        "means, so a scope with others on the AC side overstates it.",
        compute=_share,
        bounds=part(),
        display=SHARE,
    ),
)
