"""How much of what storage took it gave back, and how hard it was used."""

from math import sqrt

from domain.indicators.definition import Indicator, Observed, Unavailable, Value

_NOT_CHARGED = Unavailable("storage took no energy in this period", "本期储能无充电量")


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
        return Unavailable("storage gave no energy in this period", "本期储能无放电量")
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
    ),
)
