"""A small park with all that may answer a call: storage, two V2G guns, flexible loads, an inverter, a charger."""

from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.scenario_tables import DeviceSettings, ScheduleSettings, StrategySettings, V2gSettings
from parkgrid_simulators.weather import PINGSHAN


def _device(name: str, device_class: str, driver: str, rated: float, **more) -> DeviceSettings:
    ratings = {"rated_power_kw": rated, **more.pop("ratings", {})}
    return DeviceSettings(name, device_class, driver, ratings=ratings, **more)


def pilot_park(*schedules: tuple[str, str, str, float], **changes) -> Scenario:
    """The park, with schedules as (device, from, to, kW)."""
    devices = (
        _device("grid", "grid_meter", "eastron_sdm630", 2000),
        _device("load-fab", "meter", "eastron_sdm630", 400),
        _device(
            "chiller", "meter", "eastron_sdm630", 200, flexibility="interruptible", least_kw=20.0, off_plan_min=120
        ),
        _device("furnace", "meter", "eastron_sdm630", 100, flexibility="shiftable", least_kw=5.0, most_kw=130.0),
        _device("pv-1", "pv_inverter", "huawei_sun2000", 150),
        _device("storage-1", "storage", "huawei_luna2000", 500, ratings={"capacity_kwh": 1000}),
        _device("charger-1", "charger", "alpitronic_hypercharger", 120),
        _device("v2g-1", "charger", "parkgrid_v2g", 60, flexibility="v2g"),
        _device("v2g-2", "charger", "parkgrid_v2g", 60, flexibility="v2g"),
        DeviceSettings("weather", "weather", "lambrecht_ws7"),
    )
    made = Scenario(
        "pilot-park",
        devices,
        schedules=tuple(ScheduleSettings(*one) for one in schedules),
        **{"v2g": V2gSettings(soc_spread_pct=0.0), "strategy": StrategySettings(peak=()), **changes},
    )
    assert not list(made.problems())
    return made


def local(day, hour: float = 0.0) -> int:
    """An instant of a local day of the park, in milliseconds."""
    return PINGSHAN.midnight_ms(day) + round(hour * 3_600_000)
