"""How well chargers are used, what vehicles give back, and where the energy of a charge came from."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.indicators.bounds import SHARE, not_negative, part
from parkgrid_domain.indicators.definition import Indicator, Observed, Unavailable, Value

ORIGINS: dict[str, tuple[str, ...]] = {
    "pv": ("pv_kwh",),
    "storage": ("storage_discharged_kwh", "charger_returned_kwh"),
    "grid": ("grid_import_kwh",),
}
"""The sources of a park by origin; what vehicles gave back counts as storage on wheels."""
_NO_DEVICE = ("pv_kwh", "storage_discharged_kwh", "charger_returned_kwh")


def origin_shares(quantities: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Share of each origin in what fed the park, by interval, 0 to 1; nan where nothing fed it.

    Electricity has no label: within an interval every consumer is taken to have the mix of all sources.
    """
    parts = {origin: np.sum([quantities[name] for name in names], axis=0) for origin, names in ORIGINS.items()}
    total = np.sum(list(parts.values()), axis=0)
    safe = np.where(total > 0, total, np.nan)
    return {origin: part / safe for origin, part in parts.items()}


def _from(origin: str) -> Callable[[Observed], Value | Unavailable]:
    def compute(observed: Observed) -> Value | Unavailable:
        delivered = observed.series("charger_delivered_kwh")
        shares = origin_shares({name: observed.series(name) for names in ORIGINS.values() for name in names})
        drawn = {each: float(np.nansum(delivered * share)) for each, share in shares.items()}
        whole = float(delivered.sum())
        return Value(
            drawn[origin],
            details={
                "share": drawn[origin] / whole if whole > 0 else None,
                "charger_delivered_kwh": whole,
                "unattributed_kwh": whole - sum(drawn.values()),
            },
        )

    return compute


def _time_utilisation(observed: Observed) -> Value:
    known, busy = observed.energy("charger_known_min"), observed.energy("charger_charging_min")
    return Value(busy / known, details={"charging_h": busy / 60, "known_h": known / 60})


def _energy_utilisation(observed: Observed) -> Value | Unavailable:
    delivered, rated = observed.energy("charger_delivered_kwh"), observed.rating("charger_rated_kw")
    if rated <= 0:
        return Unavailable("the rated power is not above 0 kW", "额定功率不大于 0 kW")
    possible = rated * observed.hours
    return Value(delivered / possible, details={"charger_delivered_kwh": delivered, "possible_kwh": possible})


def _returned(observed: Observed) -> Value:
    delivered = observed.energy("charger_delivered_kwh")
    returned = observed.energy("charger_returned_kwh")
    return Value(
        returned,
        details={
            "charger_delivered_kwh": delivered,
            "returned_share": returned / delivered if delivered > 0 else None,
        },
    )


def _origin(origin: str, name_zh: str, name_en: str) -> Indicator:
    return Indicator(
        name=f"charging_from_{origin}_kwh",
        name_zh=name_zh,
        name_en=name_en,
        formula=f"Σ E_delivered,i · S_{origin},i / Σ S_i over intervals i; sources S: pv, storage (and V2G), grid "
        "import",
        unit="kWh",
        inputs=("charger_delivered_kwh", "grid_import_kwh"),
        optional=_NO_DEVICE,
        source="Proportional attribution within each interval [design default]: every consumer has the mix of all "
        "sources; storage is an origin of its own, whatever charged it.",
        compute=_from(origin),
        bounds=not_negative("a register only counts up"),
    )


CHARGING = (
    Indicator(
        name="charger_time_utilisation_ratio",
        name_zh="充电桩时间利用率",
        name_en="Utilisation of chargers by time",
        formula="minutes charging or discharging / minutes with a known state, over all chargers",
        unit="",
        inputs=("charger_known_min", "charger_charging_min"),
        source="Common definition [from memory, unverified]; the state that a charger shows at the end of each minute",
        compute=_time_utilisation,
        bounds=part("the states reported by the chargers", "充电桩状态数据"),
        display=SHARE,
    ),
    Indicator(
        name="charger_energy_utilisation_ratio",
        name_zh="充电桩能量利用率",
        name_en="Utilisation of chargers by energy",
        formula="E_delivered / (P_rated · t)",
        unit="",
        inputs=("charger_delivered_kwh",),
        ratings=("charger_rated_kw",),
        source="Common definition [from memory, unverified]",
        compute=_energy_utilisation,
        bounds=part("the registers and the rated power of the chargers", "充电桩电量寄存器与额定功率"),
        display=SHARE,
    ),
    Indicator(
        name="v2g_energy_kwh",
        name_zh="车网互动 V2G 电量",
        name_en="Vehicle-to-grid energy (V2G)",
        formula="Σ E_returned",
        unit="kWh",
        inputs=("charger_returned_kwh",),
        optional=("charger_delivered_kwh",),
        minimum_coverage_pct=95,
        source="Registers of the chargers; its price is a tariff",
        compute=_returned,
        bounds=not_negative("a register only counts up"),
    ),
    _origin("pv", "充电电量：来自光伏", "Charging energy from photovoltaics"),
    _origin("storage", "充电电量：来自储能", "Charging energy from storage"),
    _origin("grid", "充电电量：来自电网", "Charging energy from the grid"),
)
