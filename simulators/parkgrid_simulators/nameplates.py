"""The physics behind each device of a scenario, as its nameplate says."""

from parkgrid_simulators.flexible_load import MINUTE_MS, FlexibleLoad
from parkgrid_simulators.flow import WATT_MS_PER_KWH, Flow
from parkgrid_simulators.load import Load
from parkgrid_simulators.pv import PvArray
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.scenario_tables import DeviceSettings, minutes_of
from parkgrid_simulators.storage import Battery, Strategy
from parkgrid_simulators.v2g import V2gGun

_BASE_HOURS = 10.0
"""Registers of a park do not begin at zero: this many hours at rated power have passed already."""


def array_of(device: DeviceSettings) -> PvArray:
    """The modules behind an inverter."""
    return PvArray(
        rated_power_kw=device.ratings["rated_power_kw"],
        dc_ac_ratio=device.dc_ac_ratio,
        tilt_deg=device.tilt_deg,
        azimuth_deg=device.azimuth_deg,
        cloud_lag_min=device.cloud_lag_min,
    )


def load_of(device: DeviceSettings) -> Load:
    """A metered load."""
    return Load(
        name=device.id,
        rated_power_kw=device.ratings["rated_power_kw"],
        shape=device.shape,
        cooling_share=device.cooling_share,
        machine_kw=device.ratings["rated_power_kw"] * 0.05,
        power_factor=device.power_factor,
    )


def flexible_of(device: DeviceSettings) -> FlexibleLoad:
    """What a flexible load may do beside its plan."""
    least_kw, most_kw = device.scheduled_kw or (0.0, 0.0)
    return FlexibleLoad(
        shiftable=device.flexibility == "shiftable",
        least_w=round(1000 * least_kw),
        most_w=round(1000 * most_kw),
        day_ms=device.off_plan_min * MINUTE_MS,
    )


def v2g_gun_of(device: DeviceSettings) -> V2gGun:
    """A gun that gives back."""
    return V2gGun(device.ratings["rated_power_kw"], device.ratings["rated_power_kw"])


def battery_of(device: DeviceSettings) -> Battery:
    """A storage."""
    return Battery(capacity_kwh=device.ratings["capacity_kwh"], power_kw=device.ratings["rated_power_kw"])


def strategy_of(scenario: Scenario) -> Strategy:
    """What the storage of a park does."""
    settings = scenario.strategy
    return Strategy(
        peak_import_kw=settings.peak_import_kw,
        valley=tuple(minutes_of(text) for text in settings.valley),
        peak=tuple(minutes_of(text) for text in settings.peak),
        valley_share=settings.valley_share,
    )


def first_flow(device: DeviceSettings) -> Flow:
    """Registers of a device that has been in service for a while."""
    base = round(_BASE_HOURS * device.ratings.get("rated_power_kw", 0.0)) * WATT_MS_PER_KWH
    given = {"storage": base * 9 // 8, "grid_meter": base // 20}.get(device.device_class, 0)
    return Flow(taken=base, given=given, reactive=base // 4)
