"""How much of what storage took it gave back, and how hard it was used."""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import from_ms
from parkgrid_domain.indicators.bounds import RATIO, SHARE
from parkgrid_domain.indicators.definition import Bounds, Indicator, Inputs, Observed, Screened, Unavailable, Value

Floats = NDArray[np.float64]
_NOT_CHARGED = Unavailable("storage was not charged in this period", "本期储能无充电量")


def _energies(observed: Observed) -> tuple[float, float]:
    return observed.energy("storage_charged_kwh"), observed.energy("storage_discharged_kwh")


def _raw(observed: Observed) -> Value | Unavailable:
    charged, discharged = _energies(observed)
    if charged <= 0:
        return _NOT_CHARGED
    return Value(
        discharged / charged,
        details={
            "storage_charged_kwh": charged,
            "storage_discharged_kwh": discharged,
            "note": "true only if the state of charge is the same at both ends; see the corrected figure",
        },
    )


def charging_efficiency(charged_kwh: float, discharged_kwh: float, stored_kwh: float) -> float:
    """The one-way efficiency η that closes E_chg η - E_dis / η = ΔE, for equal losses in both directions.

    With it, RTE = E_dis / (E_chg - ΔE / η_c) is η² exactly.
    """
    return (stored_kwh + sqrt(stored_kwh**2 + 4 * charged_kwh * discharged_kwh)) / (2 * charged_kwh)


def _corrected(observed: Observed) -> Value | Unavailable:
    charged, discharged = _energies(observed)
    if charged <= 0:
        return _NOT_CHARGED
    if discharged <= 0:
        return Unavailable("storage was not discharged in this period", "本期储能无放电量")
    stored = observed.energy("stored_end_kwh") - observed.energy("stored_start_kwh")
    efficiency = observed.inputs.ratings.get("charge_efficiency") or charging_efficiency(charged, discharged, stored)
    comparable = charged - stored / efficiency
    if comparable <= 0:
        return Unavailable(
            f"the stored energy rose by {stored:.3f} kWh, more than {charged:.3f} kWh of charging can explain",
            f"储能电量增加 {stored:.3f} kWh，超过充电量 {charged:.3f} kWh 所能解释的范围",
        )
    return Value(
        discharged / comparable,
        details={
            "storage_charged_kwh": charged,
            "storage_discharged_kwh": discharged,
            "stored_change_kwh": stored,
            "charge_efficiency": efficiency,
        },
    )


def _cycles(observed: Observed) -> Value | Unavailable:
    charged, discharged = _energies(observed)
    capacity = observed.rating("storage_capacity_kwh")
    if capacity <= 0:
        return Unavailable("the rated capacity is not above 0 kWh", "额定容量不大于 0 kWh")
    return Value(
        discharged / capacity,
        details={
            "storage_discharged_kwh": discharged,
            "storage_capacity_kwh": capacity,
            "cycles_of_throughput": (charged + discharged) / (2 * capacity),
        },
    )


def screen_state_of_charge(grid: Inputs) -> Screened:
    """Refuses stored energy that moved by itself: a battery whose state of charge was set anew.

    How much of what is charged arrives, and how much is taken for what is discharged, is learned from the intervals
    themselves, as the middle one of each: the few that jump do not move it.
    """
    charged, discharged, start, end = (
        grid.quantities[name].values
        for name in ("storage_charged_kwh", "storage_discharged_kwh", "stored_start_kwh", "stored_end_kwh")
    )
    moved = end - start
    usual = grid.ratings.get("charge_efficiency", _USUAL)
    arrives, leaves = _middle(moved, charged, discharged, usual), _middle(-moved, discharged, charged, 1 / usual)
    explained = arrives * charged - leaves * discharged
    capacity = grid.ratings.get("storage_capacity_kwh") or float(np.nanmax(np.r_[0.0, start, end]))
    allowed = grid.factors["storage_soc_step_pct"].value / 100 * capacity + _LOSSES_DIFFER * (charged + discharged)
    beyond = np.abs(moved - explained)
    jumps = np.where(beyond > allowed, beyond, 0.0)
    most = grid.factors["storage_soc_reset_pct"].value / 100 * float(np.nansum(charged))
    if jumps.sum() <= most:
        return Screened()
    place = int(jumps.argmax())
    at = from_ms(grid.start_ms + place * grid.period_s * 1000).astimezone(grid.zone).isoformat(timespec="minutes")
    return Screened(
        refused=Unavailable(
            f"the state of charge changed without energy: by {moved[place]:.4g} kWh at {at} with "
            f"{charged[place]:.4g} kWh charged and {discharged[place]:.4g} kWh discharged; it was reset",
            f"荷电状态无对应电量变化：{at} 变化 {moved[place]:.4g} kWh，充电 {charged[place]:.4g} kWh，"
            f"放电 {discharged[place]:.4g} kWh，疑似重新标定",
        )
    )


def _middle(moved: Floats, by: Floats, against: Floats, usual: float) -> float:
    """The middle of what was stored or taken for each kWh of one direction, in intervals that have only that one."""
    alone = (by > 0) & (against == 0) & np.isfinite(moved)
    return float(np.median(moved[alone] / by[alone]).clip(_LEAST, _MOST)) if alone.any() else usual


_USUAL = 0.95
"""One-way efficiency where neither the nameplate nor an interval tells one [design default]."""
_LEAST, _MOST = 0.5, 2.0
"""One-way efficiencies from 0.5, in both directions: below, three quarters would be lost there and back."""
_LOSSES_DIFFER = 0.05
"""How much losses of an interval differ from the usual ones, as a share of its energy."""
_LOOK_AT = "the state of charge at both ends and the registers of storage"
_LOOK_AT_ZH = "期初、期末荷电状态与储能电量寄存器"
_EFFICIENCY_BOUNDS = Bounds(0.0, 1.0, "discharged energy cannot exceed charged energy", _LOOK_AT, _LOOK_AT_ZH)
_RESET_FACTORS = ("storage_soc_step_pct", "storage_soc_reset_pct")
_TERMINALS = (
    "Energies at the alternating-current terminals; auxiliaries count only where they hang behind those registers."
)
STORAGE = (
    Indicator(
        name="storage_round_trip_efficiency",
        name_zh="储能往返效率",
        name_en="Round-trip efficiency of storage",
        formula="RTE = E_dis / E_chg",
        unit="",
        inputs=("storage_charged_kwh", "storage_discharged_kwh"),
        source=f"Common definition. {_TERMINALS}",
        compute=_raw,
        bounds=_EFFICIENCY_BOUNDS,
        display=SHARE,
    ),
    Indicator(
        name="storage_round_trip_efficiency_soc_corrected",
        name_zh="储能往返效率（SOC 修正）",
        name_en="Round-trip efficiency of storage, corrected for the state of charge",
        formula="RTE = E_dis / (E_chg - ΔE / η_c); η_c of the nameplate, else the root of E_chg η - E_dis / η = ΔE",
        unit="",
        inputs=("storage_charged_kwh", "storage_discharged_kwh", "stored_start_kwh", "stored_end_kwh"),
        source=f"ΔE is the change of stored energy over the used intervals. {_TERMINALS}",
        compute=_corrected,
        bounds=_EFFICIENCY_BOUNDS,
        display=SHARE,
        factors=_RESET_FACTORS,
        checks=(screen_state_of_charge,),
    ),
    Indicator(
        name="storage_equivalent_full_cycles",
        name_zh="储能等效满循环次数",
        name_en="Equivalent full cycles",
        formula="N = E_dis / E_rated; alternative in the details: (E_chg + E_dis) / (2 E_rated)",
        unit="",
        inputs=("storage_charged_kwh", "storage_discharged_kwh"),
        ratings=("storage_capacity_kwh",),
        source="Discharged energy over rated capacity",
        compute=_cycles,
        bounds=Bounds(
            0.0,
            2.0,
            "no storage of a park is emptied twice an hour [design default]",
            "the registers and the rated capacity of storage",
            "储能电量寄存器与额定容量",
            per_hour=True,
        ),
        display=RATIO,
    ),
)
