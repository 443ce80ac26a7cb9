"""Headroom of storage, vehicles, loads and photovoltaics. Powers in kW, energies in kWh, times in hours."""

from dataclasses import dataclass
from math import inf

from parkgrid_domain.vpp.capability.headroom import Headroom, Limit, Side, least

_PCT = 100.0


@dataclass(frozen=True, slots=True)
class Storage:
    """A battery with its converter, at the alternating-current side."""

    energy_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float
    """0 to 1, more than 0."""
    discharge_efficiency: float
    low_pct: float
    high_pct: float
    """The window of the state of charge."""


def storage(
    plant: Storage, soc_pct: float, hold_h: float, planned_kw: float = 0.0, reserved_kwh: tuple[float, float] = (0, 0)
) -> Headroom:
    """What a battery at a state of charge can add to its plan for `hold_h`.

    `planned_kw` is positive while it discharges. `reserved_kwh` is kept for accepted events, at the alternating-current
    side: what it must still be able to give, and to take.
    """
    above = max(0.0, soc_pct - plant.low_pct) / _PCT * plant.energy_kwh * plant.discharge_efficiency
    below = max(0.0, plant.high_pct - soc_pct) / _PCT * plant.energy_kwh / plant.charge_efficiency
    give, take = reserved_kwh
    up = least(Side(plant.discharge_kw, "power"), _for(above, give, hold_h))
    down = least(Side(plant.charge_kw, "power"), _for(below, take, hold_h))
    return Headroom(least(Side(up.kw - planned_kw, up.limit)), least(Side(down.kw + planned_kw, down.limit)))


def _for(energy_kwh: float, reserved_kwh: float, hold_h: float) -> Side:
    limit: Limit = "reserved" if reserved_kwh > 0 else "energy"
    return Side(max(0.0, energy_kwh - reserved_kwh) / hold_h, limit)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle at a gun, with what its driver wants."""

    energy_kwh: float
    charge_kw: float
    discharge_kw: float
    """0 where the gun gives nothing back."""
    charge_efficiency: float
    discharge_efficiency: float
    target_pct: float
    """The state of charge at departure."""
    floor_pct: float
    """The driver's least state of charge at any time."""


def needed_kwh(vehicle: Vehicle, soc_pct: float) -> float:
    """What it must still draw until departure."""
    return max(0.0, vehicle.target_pct - soc_pct) / _PCT * vehicle.energy_kwh / vehicle.charge_efficiency


def slack_h(vehicle: Vehicle, soc_pct: float, left_h: float) -> float:
    """How long it may stand still and still leave as its driver wants; negative where it cannot."""
    return left_h - needed_kwh(vehicle, soc_pct) / vehicle.charge_kw


def vehicle(car: Vehicle, soc_pct: float, left_h: float, hold_h: float, planned_kw: float = 0.0) -> Headroom:
    """What a vehicle can add to its plan for `hold_h`; `planned_kw` is positive while it charges.

    Up: it charges less or gives back, as far as it can charge again before it leaves. Down: it charges more, as far as
    its target.
    """
    drawn = needed_kwh(car, soc_pct)
    later = max(0.0, left_h - hold_h) * car.charge_kw
    # Within the hold it draws at least what it cannot draw afterwards.
    must_kw = max(0.0, drawn - later) / hold_h
    spare = max(0.0, later - drawn)
    both = car.charge_efficiency * car.discharge_efficiency
    above = max(0.0, soc_pct - car.floor_pct) / _PCT * car.energy_kwh * car.discharge_efficiency
    give = least(
        Side(car.discharge_kw, "power"), Side(above / hold_h, "floor"), Side(spare * both / hold_h, "departure")
    )
    if must_kw > 0:
        up = Side(planned_kw - must_kw, "departure")
    elif car.discharge_kw > 0:
        up = Side(planned_kw + give.kw, give.limit)
    else:
        up = Side(planned_kw, "plan")
    room = least(Side(car.charge_kw, "power"), Side(drawn / hold_h, "energy"))
    return Headroom(least(up), least(Side(room.kw - planned_kw, room.limit)))


def load(planned_kw: float, least_kw: float, most_kw: float, left_h: float = inf, hold_h: float = 0.25) -> Headroom:
    """What an interruptible or shiftable load can do: fall to its least, or rise to its most.

    `left_h` is how long it may still be interrupted today; a shorter time than the hold leaves nothing.
    """
    if hold_h > left_h:
        return Headroom(Side(0.0, "plan"), least(Side(most_kw - planned_kw, "power")))
    return Headroom(least(Side(planned_kw - least_kw, "least_load")), least(Side(most_kw - planned_kw, "power")))


def photovoltaics(expected_kw: float) -> Headroom:
    """What curtailment can do: give less than the sun allows; never more."""
    return Headroom(Side(0.0, "plan"), least(Side(expected_kw, "plan")))
