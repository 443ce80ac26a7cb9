"""Vehicles that stay for hours at a gun and give back (V2G): departure, target and the driver's floor.

    E' = E + eta * P * dt while charging, E - P * dt / eta while giving back; P is the power at the gun's own meter.

A vehicle gives back only what it can charge again until it departs, and nothing below the floor. Its normal plan is to
charge as soon as it is plugged in.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from parkgrid_contract.signals import CHARGER_STATES
from parkgrid_simulators.chargers import Plugged, VehicleClass
from parkgrid_simulators.scenario_tables import V2gSettings, minute_of

_AVAILABLE, _OCCUPIED, _CHARGING, _DISCHARGING, _FINISHING = (
    CHARGER_STATES.index(name) for name in ("available", "occupied", "charging", "discharging", "finishing")
)
_MINUTE_MS, _DAY_MS, _HOUR_MS = 60_000, 86_400_000, 3_600_000
_KNEE_SOC, _END_SHARE = 0.9, 0.2
"""At the power of such a gun, below 1C, a battery takes all of it until it is nearly full (design default)."""
STANDBY_KW = 0.1
"""Consumption of one such gun at rest."""


@dataclass(slots=True)
class ParkedVehicle:
    """One visit: how full the battery is, and what its driver asks for; states of charge from 0 to 1."""

    kind: VehicleClass
    soc: float
    target: float
    floor: float
    departure_ms: int
    efficiency: float = 0.95
    """One way, between the gun's meter and the battery."""

    def least_soc(self, power_kw: float, left_ms: int) -> float:
        """The least state of charge from which the target is reached in a time, at a gun of a power."""
        power_kw = min(power_kw, self.kind.power_kw)
        if left_ms <= 0 or power_kw <= 0:
            return self.target
        hours, per_hour = left_ms / _HOUR_MS, power_kw * self.efficiency / self.kind.battery_kwh
        knee = self._knee(power_kw)
        if self.target > knee:
            # Above the knee the power falls with a straight line, so the battery fills along an exponential.
            slope = (1.0 - self.kind.end_share) * self.kind.power_kw / (power_kw * (1.0 - self.kind.knee_soc))
            share = self.kind.power_at(self.target) / power_kw
            whole = -math.log(share) / (slope * per_hour)
            if hours <= whole:
                return knee + (1.0 - share * math.exp(slope * per_hour * hours)) / slope
            hours -= whole
        return min(self.target, knee) - per_hour * hours

    def power_kw(self, wanted_kw: float | None, gun_kw: float, at_ms: int, seconds: float) -> tuple[float, str]:
        """Power at the gun for a step, giving back negative, and what kept it from the wanted one."""
        per_kw = seconds / 3600 * self.efficiency / self.kind.battery_kwh
        takes = min(gun_kw, self.kind.power_at(self.soc))
        most = max(0.0, min(takes, (self.target - self.soc) / per_kw))
        if wanted_kw is None:
            return most, ""
        # One step more than is needed, so that whole watts and the last step cannot miss the target.
        reserve = self.least_soc(gun_kw, self.departure_ms - at_ms - round(2000 * seconds))
        needed = min(most, max(0.0, (reserve - self.soc) / per_kw))
        if wanted_kw < needed:
            given, reason = self._given(-wanted_kw, gun_kw, reserve, per_kw)
            return (needed, "departure") if needed > 0 else (-given, reason)
        if wanted_kw > most:
            return most, "target" if most < takes else "vehicle"
        return wanted_kw, ""

    def hold(self, power_kw: float, seconds: float) -> None:
        """Take or give energy for a time."""
        energy_kwh = power_kw * seconds / 3600
        battery_kwh = energy_kwh * self.efficiency if power_kw >= 0 else energy_kwh / self.efficiency
        self.soc = min(self.soc + battery_kwh / self.kind.battery_kwh, 1.0)

    def _given(self, wanted_kw: float, gun_kw: float, reserve: float, per_kw: float) -> tuple[float, str]:
        """What it gives of a wanted power, both positive."""
        # Per kW at the gun the battery gives 1 / efficiency, where charging brings it the efficiency.
        room = max(0.0, self.soc - max(self.floor, reserve)) / per_kw * self.efficiency**2
        bound = "floor" if self.floor >= reserve else "departure"
        given = min(wanted_kw, gun_kw, self.kind.power_kw, room)
        if given >= wanted_kw:
            return given, ""
        return given, bound if given == room else "vehicle"

    def _knee(self, power_kw: float) -> float:
        """From where on the battery, not the gun, sets the power."""
        fallen = (1.0 - power_kw / self.kind.power_kw) / (1.0 - self.kind.end_share) if self.kind.end_share < 1 else 1.0
        return self.kind.knee_soc + min(fallen, 1.0) * (1.0 - self.kind.knee_soc)


@dataclass(slots=True)
class V2gGun:
    """One gun at which vehicles stay."""

    rated_kw: float
    limit_kw: float
    """Set-point: the most power, in both directions."""
    vehicle: ParkedVehicle | None = None
    power_kw: float = 0.0
    sessions: int = 0
    session_base: int = 0
    """Delivered less returned energy when the session began, in the unit of the park's registers."""
    visited: str = ""
    """The local day of the last visit."""

    @property
    def plugged(self) -> Plugged:
        """What is read of it besides its power and its registers."""
        told = self._state, self.sessions, self.limit_kw, self.session_base
        vehicle = self.vehicle
        return Plugged(*told) if vehicle is None else Plugged(*told, vehicle.kind.power_kw, vehicle.soc)

    @property
    def _state(self) -> int:
        if self.vehicle is None:
            return _AVAILABLE
        if self.power_kw:
            return _CHARGING if self.power_kw > 0 else _DISCHARGING
        return _FINISHING if self.vehicle.soc >= self.vehicle.target - 1e-6 else _OCCUPIED


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle to come."""

    arrival_ms: int
    vehicle: ParkedVehicle


class V2gGuns:
    """The guns of a park at which vehicles stay: one visit a day at each."""

    def __init__(self, guns: Mapping[str, V2gGun], settings: V2gSettings, seed: int) -> None:
        self.guns = guns
        self._settings, self._seed = settings, seed
        self._day = ""
        self._visits: Mapping[str, Visit] = {}

    def begin_day(self, day: date, start_ms: int) -> None:
        """Draw the visits of a local day."""
        self._day = day.isoformat()
        self._visits = {
            name: visit(Random(f"{self._seed}/v2g/{name}/{self._day}"), self._settings, gun.rated_kw, start_ms)  # noqa: S311  physics, not secrets
            for name, gun in self.guns.items()
        }

    def come_and_go(self, name: str, at_ms: int, register: int) -> None:
        """Let the vehicle of a gun leave or arrive at the beginning of a step."""
        gun, coming = self.guns[name], self._visits[name]
        if gun.vehicle is not None and gun.vehicle.departure_ms <= at_ms:
            gun.vehicle, gun.power_kw = None, 0.0
        if gun.vehicle is None and gun.visited != self._day and coming.arrival_ms <= at_ms:
            gun.visited = self._day
            if at_ms < coming.vehicle.departure_ms:
                # Not the drawn one itself: a day may be drawn again.
                gun.vehicle = _vehicle(_described(coming.vehicle))
                gun.sessions, gun.session_base = gun.sessions + 1, register

    def losses_kw(self) -> float:
        """Standby; what is lost in conversion is lost behind the guns' meters."""
        return STANDBY_KW * len(self.guns)

    @property
    def state(self) -> Mapping[str, Mapping[str, Any]]:
        """Guns and vehicles as plain values."""
        return {
            name: {
                "limit_kw": gun.limit_kw,
                "sessions": gun.sessions,
                "session_base": gun.session_base,
                "visited": gun.visited,
                "vehicle": _described(gun.vehicle) if gun.vehicle else None,
            }
            for name, gun in self.guns.items()
        }

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Put guns and vehicles back; a gun that the state does not know begins empty."""
        for name, saved in state.items():
            if gun := self.guns.get(name):
                gun.limit_kw, gun.visited = float(saved["limit_kw"]), str(saved["visited"])
                gun.sessions, gun.session_base = int(saved["sessions"]), int(saved["session_base"])
                gun.vehicle = _vehicle(saved["vehicle"]) if saved["vehicle"] else None


def decide(gun: V2gGun, wanted_kw: float | None, at_ms: int, seconds: float) -> str:
    """Set the power of a gun for a step, in whole watts; what kept it from the wanted one."""
    if gun.vehicle is None:
        gun.power_kw = 0.0
        return "no_vehicle" if wanted_kw else ""
    wanted_kw = None if wanted_kw is None else min(max(wanted_kw, -gun.limit_kw), gun.limit_kw)
    power_kw, reason = gun.vehicle.power_kw(wanted_kw, min(gun.rated_kw, gun.limit_kw), at_ms, seconds)
    gun.power_kw = int(power_kw * 1000) / 1000
    gun.vehicle.hold(gun.power_kw, seconds)
    return reason


def visit(random: Random, settings: V2gSettings, rated_kw: float, start_ms: int) -> Visit:
    """The vehicle of one gun on a local day that begins at an instant."""
    first, last = minute_of(settings.arrival), minute_of(settings.departure)
    stay = last - first if last > first else last - first + 1440
    spread = settings.spread_min
    arrival_ms = start_ms + round((first + random.uniform(-spread, spread)) * _MINUTE_MS)
    departure_ms = start_ms + round((first + stay + random.uniform(-spread, spread)) * _MINUTE_MS)
    arrival, target, floor = (
        min(max(percent + random.uniform(-settings.soc_spread_pct, settings.soc_spread_pct), 5.0), 100.0) / 100
        for percent in (settings.arrival_soc_pct, settings.target_soc_pct, settings.floor_soc_pct)
    )
    kind = VehicleClass("parked", 1.0, settings.battery_kwh, rated_kw, _KNEE_SOC, _END_SHARE)
    return Visit(arrival_ms, ParkedVehicle(kind, arrival, target, floor, departure_ms, settings.efficiency))


def _described(vehicle: ParkedVehicle) -> dict[str, Any]:
    return {
        "battery_kwh": vehicle.kind.battery_kwh,
        "power_kw": vehicle.kind.power_kw,
        "soc": vehicle.soc,
        "target": vehicle.target,
        "floor": vehicle.floor,
        "departure_ms": vehicle.departure_ms,
        "efficiency": vehicle.efficiency,
    }


def _vehicle(saved: Mapping[str, Any]) -> ParkedVehicle:
    battery_kwh, power_kw = float(saved["battery_kwh"]), float(saved["power_kw"])
    kind = VehicleClass("parked", 1.0, battery_kwh, power_kw, _KNEE_SOC, _END_SHARE)
    soc, target, floor = (float(saved[name]) for name in ("soc", "target", "floor"))
    return ParkedVehicle(kind, soc, target, floor, int(saved["departure_ms"]), float(saved["efficiency"]))
