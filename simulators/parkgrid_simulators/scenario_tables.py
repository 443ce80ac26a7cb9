"""The tables of a scenario's TOML file: each key with its type, range, default and meaning."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from parkgrid_contract.identity import MeteringPoint
from parkgrid_contract.ranges import text_problem
from parkgrid_contract.settings import between, setting
from parkgrid_contract.time import BEYOND_MS, OLDEST_MS, to_ms
from parkgrid_simulators.faults import FAULTS, FaultKind
from parkgrid_simulators.plant import SimulatedDevice
from parkgrid_simulators.schedules import Entry

_MONTHS = 12
_PUREST, _MOST_TURBID = 1.0, 10.0
"""Linke turbidity of air without aerosol and water, and of more than any climatology knows."""


def _twelve(months: tuple[float, ...]) -> str | None:
    """A rule: none, or one for each month."""
    right = len(months) in {0, _MONTHS} and all(_PUREST <= month <= _MOST_TURBID for month in months)
    return None if right else f"must be twelve numbers between {_PUREST:g} and {_MOST_TURBID:g}, January first"


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Where the park stands."""

    latitude: float = setting(22.69, help="degrees north", check=between(-90, 90, "degrees"))
    longitude: float = setting(114.35, help="degrees east", check=between(-180, 180, "degrees"))
    altitude_m: float = setting(50.0, help="metres above the sea", check=between(-500, 9_000, "m"))
    zone: str = setting("Asia/Shanghai", help="time zone")
    linke_turbidity: tuple[float, ...] = setting(
        (), help="turbidity of each month; none: by the climatology", check=_twelve
    )
    sky: Literal["auto", "fair", "broken", "overcast"] = setting("auto", help="kind of sky; auto draws one a day")


@dataclass(frozen=True, slots=True)
class StrategySettings:
    """What the storage does."""

    peak_import_kw: float = setting(1_500.0, help="import above which it discharges", check=between(0.1, 1e6, "kW"))
    valley: tuple[str, ...] = setting(("00:00-08:00",), help="low-price hours, 00:00-08:00")
    peak: tuple[str, ...] = setting(("10:00-12:00", "14:00-19:00"), help="high-price hours")
    valley_share: float = setting(0.5, help="share of the rating for charging in the valley", check=between(0, 1))


@dataclass(frozen=True, slots=True)
class StationSettings:
    """Arrivals at the super-chargers."""

    arrivals_per_day: float = setting(90.0, help="vehicles a day", check=between(0, 10_000))
    guns_per_cabinet: int = setting(2, help="guns that share one cabinet", check=between(1, 64))
    cabinet_power_kw: float = setting(720.0, help="power that a cabinet shares out", check=between(1, 100_000, "kW"))


@dataclass(frozen=True, slots=True)
class V2gSettings:
    """Vehicles at the guns that give back: one a day at each, the figures drawn around these."""

    arrival: str = setting("08:30", help="local time at which they arrive")
    departure: str = setting("18:00", help="local time at which they depart, on the next day if it is before arrival")
    spread_min: float = setting(30.0, help="minutes by which each time is drawn apart", check=between(0, 240, "min"))
    battery_kwh: float = setting(60.0, help="capacity of a battery", check=between(1, 1_000, "kWh"))
    arrival_soc_pct: float = setting(45.0, help="state of charge at arrival", check=between(5, 95, "%"))
    target_soc_pct: float = setting(80.0, help="state of charge wanted at departure", check=between(5, 100, "%"))
    floor_soc_pct: float = setting(30.0, help="state of charge that a driver keeps", check=between(5, 95, "%"))
    soc_spread_pct: float = setting(
        8.0, help="by how much each state of charge is drawn apart", check=between(0, 20, "%")
    )
    efficiency: float = setting(0.95, help="one way, from the gun's meter to the battery", check=between(0.5, 1))


@dataclass(frozen=True, slots=True)
class PointSettings:
    """Where a device hangs in the grid (站-线-变-户)."""

    station: str = setting("", help="substation", check=text_problem)
    line: str = setting("", help="line", check=text_problem)
    transformer: str = setting("", help="transformer district", check=text_problem)
    account: str = setting("", help="account with the supplier", check=text_problem)

    def metering(self) -> MeteringPoint:
        """The same as the contract names it."""
        return MeteringPoint(self.station, self.line, self.transformer, self.account)


@dataclass(frozen=True, slots=True)
class DcBusSettings:
    """The direct-current bus of a PEDF building (光储直柔), metered at its interface converter."""

    id: str = setting(help="identifier, unique in the park")
    rated_power_kw: float = setting(help="rating of the interface converter", check=between(0.1, 1e6, "kW"))
    driver: str = setting("acrel_djsf1352", help="a driver, for example eastron_sdm630")
    name_zh: str = setting("", help="its Chinese name", check=text_problem)
    name_en: str = setting("", help="its English name", check=text_problem)
    nominal_voltage_v: float = setting(375.0, help="nominal voltage", check=between(1, 10_000, "V"))
    loads: tuple[str, ...] = setting((), help="meters of loads on the bus; inverters, storage and chargers are on it")
    period_s: float = setting(1.0, help="seconds between readings", check=between(0.05, 86_400, "s"))
    point: PointSettings = setting(PointSettings(), help="where it is connected in the grid")

    def simulated(self) -> SimulatedDevice:
        """The meter of the bus as its server presents it."""
        ratings = {"rated_power_kw": self.rated_power_kw, "nominal_voltage_v": self.nominal_voltage_v}
        return SimulatedDevice(
            self.id, "dc_bus", self.driver, self.name_zh, self.name_en, self.period_s, ratings, self.point.metering()
        )


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """One device."""

    id: str = setting(help="identifier, unique in the park")
    device_class: Literal["grid_meter", "meter", "pv_inverter", "storage", "charger", "weather"] = setting(help="class")
    driver: str = setting(help="a driver, for example eastron_sdm630")
    name_zh: str = setting("", help="its Chinese name", check=text_problem)
    name_en: str = setting("", help="its English name", check=text_problem)
    period_s: float = setting(1.0, help="seconds between readings", check=between(0.05, 86_400, "s"))
    bus: str = setting("", help="devices of one bus share a port", check=text_problem)
    ratings: Mapping[str, float] = setting(factory=dict, help="nameplate: rated_power_kw, capacity_kwh")
    point: PointSettings = setting(PointSettings(), help="where it is connected in the grid")
    shape: Literal["one_shift", "two_shift", "three_shift", "office"] = setting("one_shift", help="of a load")
    cooling_share: float = setting(0.25, help="of a load: part of its rating for cooling", check=between(0, 1))
    power_factor: float = setting(0.93, help="of a load", check=between(0.5, 1))
    flexibility: Literal["none", "interruptible", "shiftable", "v2g"] = setting(
        "none", help="of a load: interruptible or shiftable; of a charger: v2g, it gives back"
    )
    least_kw: float = setting(0.0, help="of a flexible load: its least power", check=between(0, 1e6, "kW"))
    most_kw: float | None = setting(
        None, help="of a flexible load: its most power; none: its rating", check=between(0.1, 1e6, "kW")
    )
    off_plan_min: int = setting(
        240,
        help="of a flexible load: minutes of a local day that it may run off its plan",
        check=between(0, 1440, "min"),
    )
    dc_ac_ratio: float = setting(1.2, help="of an inverter: module over inverter rating", check=between(0.5, 3))
    tilt_deg: float = setting(15.0, help="of an inverter's modules", check=between(0, 90, "degrees"))
    azimuth_deg: float = setting(180.0, help="of an inverter's modules", check=between(0, 360, "degrees"))
    cloud_lag_min: int = setting(0, help="minutes a cloud needs from the station", check=between(-60, 60, "min"))

    def simulated(self) -> SimulatedDevice:
        """The device as its servers present it."""
        return SimulatedDevice(
            self.id, self.device_class, self.driver, self.name_zh, self.name_en, self.period_s, self.ratings,
            self.point.metering(), self.bus,
        )  # fmt: skip

    @property
    def scheduled_kw(self) -> tuple[float, float] | None:
        """The least and the most power that a schedule may ask of it; None: it takes no schedule."""
        rated = self.ratings.get("rated_power_kw", 0.0)
        match self.device_class:
            case "storage":
                return -rated, rated
            case "charger":
                return (-rated if self.flexibility == "v2g" else 0.0), rated
            case "pv_inverter":
                return 0.0, rated
            case "meter" if self.flexibility != "none":
                return self.least_kw, rated if self.most_kw is None else self.most_kw
            case _:
                return None


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """What a device is asked for over a span of time, as `PUT /schedules` of the control port does it."""

    device: str = setting(help="identifier of the device")
    from_: str = setting(help="instant at which it begins, 2026-06-21T14:00; without an offset in the park's time")
    to: str = setting(help="instant at which it ends")
    power_kw: float = setting(help="power with the sign of the device's own", check=between(-1e6, 1e6, "kW"))

    def entry(self, zone: str) -> Entry:
        """The same as instants. Raises `ValueError` with the remedy."""
        return Entry(local_ms(self.from_, zone), local_ms(self.to, zone), self.power_kw)


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """One fault on the timeline."""

    device: str = setting(help="identifier of the device")
    kind: FaultKind = setting(help="what goes wrong")
    start: str = setting(help="instant with its offset, 2026-06-21T12:00:00+08:00, or 19:00 for every local day")
    duration_s: float | None = setting(
        None, help="how long, in simulated seconds; none: for good", check=between(0.001, 1e9, "s")
    )
    share: float | None = setting(None, help="part of the answers that it spoils")
    code: int | None = setting(None, help="of exception: its code")
    address: int | None = setting(None, help="of refused: the first address")
    count: int | None = setting(None, help="of refused: how many addresses")
    delay_s: float | None = setting(None, help="of late: real time until the answer")
    word: int | None = setting(None, help="of spike: what every register reads")
    mask: int | None = setting(None, help="of word_glitch: the bits that are turned over")
    distance_kwh: float | None = setting(None, help="of counter_wrap: what may still be counted before the end")
    fall_kwh: float | None = setting(None, help="of counter_fall: how far they fall")
    behind_s: float | None = setting(None, help="of late_clock: how far the device's clock is behind")

    @property
    def parameters(self) -> dict[str, float]:
        """Those that are given, by name."""
        names = {parameter.name for rule in FAULTS.values() for parameter in rule.parameters}
        return {name: value for name in sorted(names) if (value := getattr(self, name)) is not None}


def local_ms(text: str, zone: str) -> int:
    """The instant of a local time like 2026-06-21T12:00, in milliseconds. Raises `ValueError` with the remedy."""
    remedy = "must be a local time between 2000 and 2200, like 2026-06-21T12:00"
    try:
        found = datetime.fromisoformat(text)
        at_ms = to_ms(found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone)))
    except (ValueError, OverflowError, TypeError):
        raise ValueError(remedy) from None
    if not OLDEST_MS <= at_ms < BEYOND_MS:
        raise ValueError(remedy)
    return at_ms


def minutes_of(text: str) -> tuple[int, int]:
    """`10:00-12:00` as minutes of the day; `24:00` is its end. Raises `ValueError`."""
    start, end = (minute_of(part) for part in text.split("-"))
    if start >= end:
        raise ValueError(text)
    return start, end


def minute_of(text: str) -> int:
    """`10:00` as a minute of the day. Raises `ValueError`."""
    if text == "24:00":
        return 1_440
    found = time.fromisoformat(text)
    return found.hour * 60 + found.minute
