"""Super-chargers: vehicles that arrive, queue, plug in, charge along their curve and leave; guns that share a cabinet.

The arrivals of a day are a pure function of seed and date, a non-homogeneous Poisson process; the rest follows.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, NamedTuple

from parkgrid_contract.signals import CHARGER_STATES

_AVAILABLE, _CHARGING, _FINISHING = (CHARGER_STATES.index(name) for name in ("available", "charging", "finishing"))
_DAY_S = 86_400
# Arrivals by local hour relative to the mean: taxis at noon, in the evening and when the valley price begins.
_HOURLY = (
    1.8, 0.9, 0.5, 0.4, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9, 1.0, 1.2,
    1.6, 1.6, 1.1, 1.0, 0.9, 1.0, 1.4, 1.5, 1.5, 1.4, 1.3, 1.1,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VehicleClass:
    """Vehicles of one kind: constant power up to a knee, then falling with a straight line to full."""

    name: str
    share: float
    battery_kwh: float
    power_kw: float
    knee_soc: float = 0.5
    end_share: float = 0.2
    """Share of its power that it still takes when full."""

    def power_at(self, soc: float) -> float:
        """Most power at the gun in kW at a state of charge, 0 to 1."""
        if soc <= self.knee_soc:
            return self.power_kw
        fallen = (soc - self.knee_soc) / (1.0 - self.knee_soc)
        return self.power_kw * (1.0 - (1.0 - self.end_share) * min(fallen, 1.0))


CLASSES = (
    VehicleClass("5C 800 V", 0.10, 100.0, 480.0),
    VehicleClass("fast", 0.40, 78.0, 190.0),
    VehicleClass("usual", 0.50, 60.0, 95.0),
)
"""The mix at a super-charging station (design default)."""


@dataclass(slots=True)
class Vehicle:
    """One visit."""

    kind: VehicleClass
    soc: float
    target: float
    linger_s: float
    """Seconds that it stays plugged in after its target is reached."""

    @property
    def wanted_kw(self) -> float:
        """Power it would take now."""
        return self.kind.power_at(self.soc) if self.soc < self.target else 0.0

    def charge(self, power_kw: float, seconds: float) -> None:
        """Take energy from the gun for a time."""
        self.soc = min(self.soc + power_kw * seconds / 3600 / self.kind.battery_kwh, 1.0)


class Plugged(NamedTuple):
    """A gun as it is read at an instant, or at many: then each of these is an array."""

    state: Any
    sessions: Any
    limit_kw: Any
    session_base: Any
    vehicle_kw: Any = 0.0
    """The most its vehicle ever takes; nothing without one."""
    soc: Any = math.nan
    """Of its vehicle, 0 to 1; nan without one."""


@dataclass(slots=True)
class Gun:
    """One connector."""

    limit_kw: float
    """Set-point: the most it may give."""
    vehicle: Vehicle | None = None
    power_kw: float = 0.0
    idle_s: float = 0.0
    sessions: int = 0
    session_base: int = 0
    """The cumulative energy when the session began, in the unit of the park's registers."""
    scheduled_kw: float | None = None
    """The most that a schedule leaves it now."""

    @property
    def state(self) -> int:
        """Code of the catalogue's charger states."""
        if self.vehicle is None:
            return _AVAILABLE
        return _CHARGING if self.vehicle.soc < self.vehicle.target else _FINISHING

    @property
    def most_kw(self) -> float:
        """The most it may give now."""
        return self.limit_kw if self.scheduled_kw is None else min(self.limit_kw, self.scheduled_kw)

    @property
    def plugged(self) -> Plugged:
        """What is read of it besides its power and its registers."""
        told = self.state, self.sessions, self.limit_kw, self.session_base
        vehicle = self.vehicle
        return Plugged(*told) if vehicle is None else Plugged(*told, vehicle.kind.power_kw, vehicle.soc)


@dataclass(slots=True)
class Station:
    """Guns on cabinets, and the queue in front of them."""

    name: str
    seed: int
    guns: list[Gun]
    gun_power_kw: float = 480.0
    guns_per_cabinet: int = 2
    cabinet_power_kw: float = 720.0
    module_kw: float = 40.0
    """A cabinet hands out its power in modules of this size."""
    arrivals_per_day: float = 90.0
    efficiency: float = 0.95
    standby_kw: float = 0.6
    """Consumption of one cabinet at rest."""
    queue_length: int = 4
    """Vehicles that wait before others drive on."""
    queue: deque[Vehicle] = field(default_factory=deque)
    came: int = 0
    """Vehicles of the day that have come, whether they stayed or not."""
    _coming: deque[tuple[float, Vehicle]] = field(default_factory=deque)

    def begin_day(self, day: date, came: int = 0) -> None:
        """Draw the visits of a local day, of which some have come already."""
        self._coming = deque(arrivals(self.seed, self.name, day, self.arrivals_per_day)[came:])
        self.came = came

    def step(self, second: float, seconds: float, registers: list[int]) -> None:
        """Let vehicles come and go at a second of the day, and set the power of every gun until the next step."""
        while self._coming and self._coming[0][0] <= second:
            _, vehicle = self._coming.popleft()
            self.came += 1
            if len(self.queue) < self.queue_length:
                self.queue.append(vehicle)
        for gun, register in zip(self.guns, registers, strict=True):
            if gun.vehicle is not None or self.queue:
                self._plug(gun, register, seconds)
        for first in range(0, len(self.guns), self.guns_per_cabinet):
            cabinet = self.guns[first : first + self.guns_per_cabinet]
            visits = [(gun, gun.vehicle) for gun in cabinet if gun.vehicle is not None]
            if visits:
                self._share(visits, seconds)

    def losses_kw(self) -> float:
        """Conversion losses and standby of all cabinets."""
        cabinets = -(-len(self.guns) // self.guns_per_cabinet)
        delivered = sum(gun.power_kw for gun in self.guns)
        return delivered * (1.0 / self.efficiency - 1.0) + cabinets * self.standby_kw

    def _plug(self, gun: Gun, register: int, seconds: float) -> None:
        if gun.vehicle is not None and gun.vehicle.soc >= gun.vehicle.target:
            gun.idle_s += seconds
            if gun.idle_s >= gun.vehicle.linger_s:
                gun.vehicle, gun.power_kw = None, 0.0
        if gun.vehicle is None and self.queue:
            gun.vehicle, gun.idle_s = self.queue.popleft(), 0.0
            gun.sessions += 1
            gun.session_base = register

    def _share(self, visits: list[tuple[Gun, Vehicle]], seconds: float) -> None:
        """Divide what a cabinet has among the vehicles at its guns."""
        wanted = [min(vehicle.wanted_kw, self.gun_power_kw, gun.most_kw) for gun, vehicle in visits]
        shares = share_modules(wanted, self.cabinet_power_kw, self.module_kw)
        for (gun, vehicle), power in zip(visits, shares, strict=True):
            # Whole watts, so that every register of the park counts the same energy.
            gun.power_kw = int(power * 1000) / 1000
            vehicle.charge(gun.power_kw, seconds)


def share_modules(wanted_kw: list[float], cabinet_kw: float, module_kw: float) -> list[float]:
    """What each gun of a cabinet gets: its wish if all fit, else whole modules, the poorest gun first."""
    if sum(wanted_kw) <= cabinet_kw:
        return wanted_kw
    modules = int(cabinet_kw // module_kw)
    given = [0] * len(wanted_kw)
    while modules:
        open_guns = [gun for gun, wish in enumerate(wanted_kw) if given[gun] * module_kw < wish]
        if not open_guns:
            break
        given[min(open_guns, key=lambda gun: given[gun])] += 1
        modules -= 1
    return [min(wish, count * module_kw) for wish, count in zip(wanted_kw, given, strict=True)]


def arrivals(seed: int, station: str, day: date, per_day: float) -> list[tuple[float, Vehicle]]:
    """Visits of a local day: second of the day and vehicle, by thinning of a Poisson process."""
    random = Random(f"{seed}/arrivals/{station}/{day.isoformat()}")  # noqa: S311  physics, not secrets
    if not per_day:
        return []
    scale = per_day * len(_HOURLY) / sum(_HOURLY) / _DAY_S
    peak = max(_HOURLY) * scale
    found: list[tuple[float, Vehicle]] = []
    second = random.expovariate(peak)
    while second < _DAY_S:
        if random.random() * peak < _HOURLY[int(second // 3600)] * scale:
            found.append((second, _vehicle(random)))
        second += random.expovariate(peak)
    return found


def _vehicle(random: Random) -> Vehicle:
    kind = random.choices(CLASSES, [kind.share for kind in CLASSES])[0]
    arrival = min(max(random.betavariate(2.4, 5.6), 0.05), 0.7)
    return Vehicle(kind, arrival, random.uniform(0.8, 0.97), random.expovariate(1 / 240.0))
