"""Three parks of a district, written through the real store: days of history, and the present on demand."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.announcement import Birth, Device, Status
from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason
from parkgrid_contract.signals import CATALOGUE
from parkgrid_ingest.store import Park
from tests.api.feed import EPOCH, Feed, now_ms

SHANGHAI = ZoneInfo("Asia/Shanghai")
Column = NDArray[np.float64]
Columns = dict[str, dict[str, Column]]


@dataclass(frozen=True, slots=True)
class Place:
    """A park to be written: what it is called, what stands in it, how large it is."""

    park: str
    name_zh: str
    name_en: str
    pv_kw: float
    storage_kw: float
    load_kw: float
    guns: int
    shape: str
    dc: bool = False
    silent: bool = False

    @property
    def gateway(self) -> Gateway:
        return Gateway(self.park, f"{self.park[:6].strip('-')}-gw")

    def devices(self) -> dict[str, tuple[str, str, dict[str, float]]]:
        """Name, class and ratings of each device."""
        listed: dict[str, tuple[str, str, dict[str, float]]] = {
            "grid": ("grid_meter", "并网点总表", {"rated_power_kw": 6_000.0}),
            "load-1": ("meter", "一号厂房", {}),
            "load-2": ("meter", "办公楼", {}),
            self.gateway.gateway: ("gateway", self.gateway.gateway, {}),
        }
        if self.pv_kw:
            for number, share in enumerate((0.5, 0.3, 0.2), 1):
                listed[f"pv-{number}"] = (
                    "pv_inverter",
                    f"屋顶 {number} 号逆变器",
                    {"rated_power_kw": self.pv_kw * share},
                )
            listed["weather"] = ("weather", "气象站", {})
        if self.storage_kw:
            ratings = {"rated_power_kw": self.storage_kw, "capacity_kwh": 2 * self.storage_kw}
            listed["bess-1"] = ("storage", "储能 1 号", ratings)
        for number in range(1, self.guns + 1):
            listed[f"gun-{number}"] = ("charger", f"超充 {number} 号枪", {"rated_power_kw": 240.0})
        if self.dc:
            listed["dc-bus"] = ("dc_bus", "直流母线", {"rated_power_kw": 500.0, "nominal_voltage_v": 750.0})
        return listed


PLACES = (
    Place("pingshan-park", "坪山示范园区", "Pingshan demonstration park", 1_800, 500, 1_400, 6, "day"),
    Place("biling-ic-park", "碧岭半导体园区", "Biling semiconductor park", 900, 1_000, 3_700, 2, "flat"),
    Place("julongshan-pedf", "聚龙山光储直柔园区", "Julongshan PEDF office park", 420, 120, 380, 4, "office", dc=True),
)


class District:
    """Writes the parks; the last one can be left silent or offline."""

    def __init__(self, dsn: str, places: tuple[Place, ...] = PLACES, *, period_s: float = 60.0) -> None:
        self.places = places
        self.registers: dict[tuple[str, str, str], tuple[int, float]] = {}
        self.feeds = {place.park: Feed(dsn, place.gateway) for place in places}
        for place in places:
            self._announce(place, period_s)

    def close(self) -> None:
        for feed in self.feeds.values():
            feed.store.close()

    def _announce(self, place: Place, period_s: float) -> None:
        feed = self.feeds[place.park]
        feed.store.describe_park(Park(place.park, "pingshan", place.name_zh, place.name_en))
        listed = tuple(
            Device(name, kind, tuple(CATALOGUE[kind].by_name), name=label, period_s=period_s, ratings=ratings)
            for name, (kind, label, ratings) in place.devices().items()
        )
        at = now_ms()
        feed.known = feed.store.register(place.gateway, Birth("0.1.0", EPOCH, at, listed, True))
        feed.store.set_status(place.gateway, Status(not place.silent, EPOCH, at), at)

    def write_days(self, days: int, step_s: int = 300) -> None:
        """History up to now."""
        end = datetime.now(SHANGHAI).replace(second=0, microsecond=0)
        start = (end - timedelta(days=days)).replace(hour=0, minute=0)
        at_s = np.arange(int(start.timestamp()), int(end.timestamp()), step_s, np.int64)
        for place in self.places:
            feed = self.feeds[place.park]
            for device, columns in columns_of(place, at_s, step_s).items():
                feed.series(device, list(at_s * 1000), **{name: list(values) for name, values in columns.items()})
                for name, values in columns.items():
                    self.registers[place.park, device, name] = int(at_s[-1]), float(values[-1])
            feed.maintain()

    def write_now(self, **powers: Mapping[str, float]) -> None:
        """The present of every park that is not silent."""
        at = now_ms()
        at_s = np.array([at // 1000 - 1, at // 1000], np.int64)
        for place in self.places:
            if place.silent:
                continue
            columns = columns_of(place, at_s, 1)
            readings = {
                device: {name: self._onward(place, device, name, at // 1000, values) for name, values in found.items()}
                for device, found in columns.items()
            }
            for device, values in powers.items():
                readings[device] = {**readings.get(device, {}), **values}
            self.feeds[place.park].write(readings, at)

    def _onward(self, place: Place, device: str, name: str, at_s: int, values: Column) -> float:
        """A gauge as it is; a register goes on from where the history left it."""
        key = (place.park, device, name)
        if not name.startswith("energy_") or key not in self.registers:
            return float(values[-1])
        before_s, reading = self.registers[key]
        gained = float(values[-1] - values[-2]) * (at_s - before_s)
        self.registers[key] = at_s, reading + gained
        return reading + gained

    def refuse(self) -> None:
        """Something that was not taken."""
        feed = self.feeds[self.places[0].park]
        refused = [("pv-1", Reason.UNKNOWN_SIGNAL, "12.5"), ("pv-1", Reason.TIME_IN_FUTURE, "2031-01-01")]
        feed.write({}, now_ms(), refused=refused)


def columns_of(place: Place, at_s: NDArray[np.int64], step_s: int) -> Columns:
    """Powers that balance at every instant, registers that are their integral from a fixed origin."""
    local = (at_s + 8 * 3_600) % 86_400 / 3_600
    day = (at_s + 8 * 3_600) // 86_400
    cloud = 0.75 + 0.25 * np.sin(day * 1.7) + 0.06 * np.sin(at_s / 700)
    sun = np.maximum(0.0, np.sin((local - 6.2) / 11.6 * np.pi)) ** 1.2 * cloud
    work = {
        "day": 0.35 + 0.65 * np.clip(np.minimum(local - 7, 20 - local) / 2, 0, 1),
        "flat": 0.86 + 0.1 * np.sin(local / 24 * 2 * np.pi - 1.8),
        "office": 0.12 + 0.88 * np.clip(np.minimum(local - 8, 19 - local) / 1.5, 0, 1),
    }[place.shape]
    load = place.load_kw * work * (1 + 0.03 * np.sin(at_s / 900))
    pv = 0.85 * place.pv_kw * sun
    storage = place.storage_kw * np.where(
        (local >= 1) & (local < 5), -0.5, np.where((local >= 17) & (local < 19.2), 0.8, 0.0)
    )
    guns = {
        f"gun-{n}": 180.0 * np.clip(np.sin(at_s / 2_600 + n * 1.9) * 1.6 - 0.7, 0, 1) * (0.4 + 0.6 * work)
        for n in range(1, place.guns + 1)
    }
    charging = sum(guns.values(), np.zeros(len(at_s)))
    grid = load + charging - pv - storage
    total = _integral(at_s, step_s)
    columns: Columns = {
        "grid": {
            "active_power_kw": grid,
            "demand_kw": grid,
            "power_factor": np.full(len(at_s), 0.94),
            "energy_import_kwh": 1e6 + total(np.maximum(grid, 0)),
            "energy_export_kwh": 1e3 + total(np.maximum(-grid, 0)),
        },
        place.gateway.gateway: {
            "outbox_batches": np.full(len(at_s), 2.0),
            "outbox_oldest_s": np.full(len(at_s), 1.0),
            "clock_offset_ms": -3 + 2 * np.sin(at_s / 4_000),
            "samples_dropped": np.zeros(len(at_s)),
            "link_reconnects": np.floor(at_s % 8_640_000 / 200_000.0),
            "cpu_pct": 7 + 2 * np.sin(at_s / 3_000),
        },
    }
    for name, share in (("load-1", 0.7), ("load-2", 0.3)):
        columns[name] = {"active_power_kw": load * share, "energy_import_kwh": 5e5 + total(load * share)}
    if place.pv_kw:
        for name, share in (("pv-1", 0.5), ("pv-2", 0.3), ("pv-3", 0.2)):
            weak = 0.82 if name == "pv-3" else 1.0
            power = pv * share * weak / (0.8 + 0.2 * 0.82)
            columns[name] = {
                "active_power_kw": power,
                "energy_generated_kwh": 3e5 + total(power),
                "temperature_c": 25 + 25 * sun,
            }
        columns["weather"] = {
            "irradiance_plane_w_m2": 980 * sun,
            "temperature_c": 17 + 8 * np.sin((local - 9) / 24 * 2 * np.pi),
            "module_temperature_c": 18 + 30 * sun,
            "humidity_pct": 65 - 15 * sun,
            "wind_speed_m_s": 2 + np.sin(at_s / 5_000),
        }
    if place.storage_kw:
        # 0.5 of the power for 4 h is a full battery of two hours; 0.8 for 2.2 h takes most of it out again.
        stored = np.interp(local, [0, 1, 5, 17, 19.2, 24], [14, 14, 96, 96, 14, 14])
        columns["bess-1"] = {
            "active_power_kw": storage,
            "soc_pct": stored,
            "soh_pct": np.full(len(at_s), 97.5),
            "charge_limit_kw": np.full(len(at_s), place.storage_kw),
            "discharge_limit_kw": np.full(len(at_s), place.storage_kw),
            "cell_temperature_max_c": 24 + np.abs(storage) / place.storage_kw * 8,
            "energy_charged_kwh": 2e5 + total(np.maximum(-storage, 0)),
            "energy_discharged_kwh": 1.8e5 + total(np.maximum(storage, 0)),
            "cycle_count": 400 + (at_s - at_s[0]) / 86_400.0,
        }
    for name, power in guns.items():
        columns[name] = {
            "active_power_kw": power,
            "vehicle_soc_pct": 20 + 60 * np.abs(np.sin(at_s / 5_200 + 1.0)),
            "session_energy_kwh": power / 6,
            "limit_kw": np.full(len(at_s), 240.0),
            "energy_delivered_kwh": 4e4 + total(power),
            "energy_returned_kwh": np.full(len(at_s), 300.0),
            "session_count": np.floor(at_s % 31_536_000 / 9_000.0),
            "operating_state": np.where(power > 0, 3.0, 1.0),
        }
    if place.dc:
        columns["dc-bus"] = {
            "voltage_v": 750 + 6 * np.sin(at_s / 800),
            "reference_voltage_v": np.full(len(at_s), 750.0),
            "active_power_kw": 0.4 * load - 0.5 * pv,
            "target_power_kw": 0.4 * load - 0.5 * pv + 4 * np.sin(at_s / 600),
        }
    return columns


def _integral(at_s: NDArray[np.int64], step_s: int) -> Callable[[Column], Column]:
    """A register's reading: the days since a fixed origin at a mean, then the sum of what is given."""
    base = (at_s[0] - 1_750_000_000) / 3_600.0

    def total(power: Column) -> Column:
        return base * 10 + np.cumsum(power) * step_s / 3_600.0

    return total


def replace_places(**changes: object) -> tuple[Place, ...]:
    """The same places, the last one changed."""
    return (*PLACES[:-1], replace(PLACES[-1], **changes))  # type: ignore[arg-type]


def keep_alive(district: District, seconds: float, pause_s: float = 1.0) -> None:
    """Write the present once a second for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        district.write_now()
        time.sleep(pause_s)
