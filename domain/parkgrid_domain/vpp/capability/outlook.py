"""The capability of the next 24 hours, by quarter hour: of a resource, a transformer, a park, a pool.

    plan (forecast, or the state of charge and accepted events) ─▶ what is left over ─▶ declared limits ─▶ transformer

The same rules as `resources` and `headroom` (the tests compare them), on arrays of all quarter hours at once, because
a pool has a thousand resources. All powers in kW, `up` is less drawn, `down` is more; the powers can be held as long as
the resource is declared to sustain.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.vpp.capability.headroom import Limit
from parkgrid_domain.vpp.capability.resources import Storage
from parkgrid_domain.vpp.documents import ResourceKind

SLOTS = 96
LIMITS: tuple[Limit, ...] = get_args(Limit)
"""Limits by their number in an array."""
_CODE = {limit: code for code, limit in enumerate(LIMITS)}
_H, _MIN = 0.25, 15
_PCT = 100.0
_DAY_MIN = SLOTS * _MIN
Kw: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction over the quarter hours."""

    kw: Kw
    """At least 0."""
    limit: Codes
    """Numbers of `LIMITS`: what limits it."""
    minutes: Kw
    """How long it can be held."""

    def limit_at(self, slot: int) -> Limit:
        """What limits a quarter hour."""
        return LIMITS[int(self.limit[slot])]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Both directions, and what flows by plan."""

    up: Direction
    down: Direction
    planned_kw: Kw
    """Drawn by plan; 0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What is registered of a resource."""

    kind: ResourceKind
    up_kw: float
    down_kw: float
    notice_min: int
    sustain_min: int
    recovery_min: int


@dataclass(frozen=True, slots=True)
class Promise:
    """An accepted event: the slots from `first` to before `last`; either may lie outside the 24 hours."""

    first: int
    last: int
    kw: float
    up: bool


def of_resource(
    declared: Declared,
    forecast_kw: Kw | None = None,
    battery: tuple[Storage, float] | None = None,
    promises: Sequence[Promise] = (),
) -> Outlook:
    """The outlook of one resource.

    `forecast_kw` is what it draws from the first slot on, not a number where that is not known, at least `SLOTS` long;
    a storage has its plant and state of charge (0 to 100) instead.
    """
    if declared.kind == "storage":
        free = _unknown() if battery is None else _storage(declared, *battery, promises)
    elif forecast_kw is None:
        free = _unknown()
    else:
        free = (
            _sun(declared, forecast_kw) if declared.kind == "pv_curtailment" else _load(declared, forecast_kw, promises)
        )
    return _called(declared, free, promises)


def _unknown() -> Outlook:
    nothing = Direction(np.zeros(SLOTS), np.full(SLOTS, _CODE["unknown"], np.int8), np.zeros(SLOTS))
    return Outlook(nothing, nothing, np.zeros(SLOTS))


def _lesser(one: Kw, limit: Limit, other: Kw | float, other_limit: Limit) -> tuple[Kw, Codes]:
    """The side that limits in each slot; of equal ones the first. Never below 0."""
    codes = np.where(one <= other, _CODE[limit], _CODE[other_limit]).astype(np.int8)
    return np.maximum(np.minimum(one, other), 0.0), codes


def _storage(declared: Declared, plant: Storage, soc_pct: float, promises: Sequence[Promise]) -> Outlook:
    hold_h = max(_H, declared.sustain_min / 60)
    give, take, planned = _promised(promises)
    # Before each slot, promised energy has been given and taken.
    given, taken = (np.concatenate([[0.0], np.cumsum(np.maximum(0, sign * planned))[:-1]]) * _H for sign in (1, -1))
    change = taken * plant.charge_efficiency - given / plant.discharge_efficiency
    stored = soc_pct / _PCT * plant.energy_kwh + change
    low, high = plant.low_pct / _PCT * plant.energy_kwh, plant.high_pct / _PCT * plant.energy_kwh
    above = np.maximum(0, np.maximum(0, stored - low) * plant.discharge_efficiency - give)
    below = np.maximum(0, np.maximum(0, high - stored) / plant.charge_efficiency - take)
    up = _battery_side(above, give, hold_h, min(declared.up_kw, plant.discharge_kw), planned)
    down = _battery_side(below, take, hold_h, min(declared.down_kw, plant.charge_kw), -planned)
    return Outlook(up, down, -planned)


def _promised(promises: Sequence[Promise]) -> tuple[Kw, Kw, Kw]:
    """From each slot on, the energy still to give and to take; and the planned power, positive where it gives."""
    give, take, planned = np.zeros(SLOTS), np.zeros(SLOTS), np.zeros(SLOTS)
    slots = np.arange(SLOTS)
    for each in promises:
        left = np.clip(each.last - np.maximum(slots, each.first), 0, None) * _H * each.kw
        if each.up:
            give += left
        else:
            take += left
        planned += np.where(_within(each), each.kw if each.up else -each.kw, 0.0)
    return give, take, planned


def _battery_side(energy: Kw, reserved: Kw, hold_h: float, most_kw: float, planned: Kw) -> Direction:
    busy = np.maximum(0, planned)
    kw, limit = _lesser(most_kw - busy, "power", energy / hold_h, "energy")
    limit[(limit == _CODE["energy"]) & (reserved > 0)] = _CODE["reserved"]
    limit[(limit == _CODE["power"]) & (busy > 0)] = _CODE["reserved"]
    minutes = np.divide(energy * 60, kw, out=np.zeros(SLOTS), where=kw > 0)
    return Direction(kw, limit, np.minimum(minutes, _DAY_MIN))


def _load(declared: Declared, forecast_kw: Kw, promises: Sequence[Promise]) -> Outlook:
    """Less is drawn as far as something is drawn during all of the hold; more as far as is declared."""
    drawn, known = _lowest(forecast_kw, declared)
    busy_up, busy_down = _busy(promises, up=True), _busy(promises, up=False)
    up_kw, up_limit = _lesser(declared.up_kw - busy_up, "power", drawn - busy_up, "plan")
    down_kw = np.maximum(declared.down_kw - busy_down, 0.0)
    down_limit = np.where(busy_down > 0, _CODE["reserved"], _CODE["power"]).astype(np.int8)
    if promises:
        up_limit[busy_up > 0] = _CODE["reserved"]
    up = _where_known(Direction(up_kw, up_limit, _held(declared, up_kw)), known)
    down = _where_known(Direction(down_kw, down_limit, _held(declared, down_kw)), known)
    return Outlook(up, down, _planned(forecast_kw))


def _busy(promises: Sequence[Promise], *, up: bool) -> Kw:
    """What is promised in one direction."""
    return sum((np.where(_within(each), each.kw, 0.0) for each in promises if each.up is up), np.zeros(SLOTS))


def _planned(forecast_kw: Kw) -> Kw:
    first = forecast_kw[:SLOTS]
    return np.where(np.isnan(first), 0.0, first)


def _sun(declared: Declared, forecast_kw: Kw) -> Outlook:
    """Curtailment gives less than the sun allows during all of the hold; never more."""
    given, known = _lowest(-forecast_kw, declared)
    kw, limit = _lesser(np.full(SLOTS, declared.down_kw), "power", given, "plan")
    nothing = Direction(np.zeros(SLOTS), np.full(SLOTS, _CODE["plan"], np.int8), np.zeros(SLOTS))
    down = _where_known(Direction(kw, limit, _held(declared, kw)), known)
    return Outlook(nothing, down, _planned(forecast_kw))


def _lowest(forecast_kw: Kw, declared: Declared) -> tuple[Kw, NDArray[np.bool_]]:
    """The lowest of the known powers during the hold from each slot on, and where its own is known."""
    hold = max(1, -(-declared.sustain_min // _MIN))
    padded = np.concatenate([np.where(np.isnan(forecast_kw), inf, forecast_kw), np.full(hold, inf)])
    lowest = np.lib.stride_tricks.sliding_window_view(padded, hold)[:SLOTS].min(axis=1)
    known = ~np.isnan(forecast_kw[:SLOTS])
    return np.where(known, np.maximum(0, lowest), 0.0), known


def _held(declared: Declared, kw: Kw) -> Kw:
    return np.where(kw > 0, float(declared.sustain_min), 0.0)


def _where_known(side: Direction, known: NDArray[np.bool_]) -> Direction:
    if known.all():
        return side
    limit = np.where(known, side.limit, _CODE["unknown"]).astype(np.int8)
    return Direction(np.where(known, side.kw, 0.0), limit, np.where(known, side.minutes, 0.0))


def _called(declared: Declared, free: Outlook, promises: Sequence[Promise]) -> Outlook:
    """Nothing within the notice, during a promise the other way, and while it recovers from one."""
    slots = np.arange(SLOTS)
    up, down = free.up, free.down
    for each in promises:
        recovering = (slots >= each.last) & (slots < each.last + -(-declared.recovery_min // _MIN))
        up, down = _never(up, recovering, "recovery"), _never(down, recovering, "recovery")
        if each.up:
            down = _never(down, _within(each), "reserved")
        else:
            up = _never(up, _within(each), "reserved")
    early = slots * _MIN < declared.notice_min
    return Outlook(_never(up, early, "notice"), _never(down, early, "notice"), free.planned_kw)


def _never(side: Direction, there: NDArray[np.bool_], limit: Limit) -> Direction:
    if not there.any():
        return side
    kw, minutes = np.where(there, 0.0, side.kw), np.where(there, 0.0, side.minutes)
    return Direction(kw, np.where(there, _CODE[limit], side.limit).astype(np.int8), minutes)


def _within(promise: Promise) -> NDArray[np.bool_]:
    slots = np.arange(SLOTS)
    return (slots >= promise.first) & (slots < promise.last)


def together(members: Iterable[Outlook], limit_kw: float | None = None) -> Outlook:
    """Resources together; behind one transformer with what it may carry in each direction, its limit lessens them.

    What flows through the transformer by plan is what its members are planned to draw: other load behind it is not
    known here.
    """
    known = list(members)
    planned = sum((each.planned_kw for each in known), np.zeros(SLOTS))
    most = inf if limit_kw is None else limit_kw
    up = _sum([each.up for each in known], most + planned)
    return Outlook(up, _sum([each.down for each in known], most - planned), planned)


def _sum(sides: Sequence[Direction], most: Kw) -> Direction:
    """The sum, limited; named is what limits the larger part, and held is as long as all of it can be held."""
    if not sides:
        return Direction(np.zeros(SLOTS), np.full(SLOTS, _CODE["plan"], np.int8), np.zeros(SLOTS))
    kw = np.stack([each.kw for each in sides])
    limits, minutes = np.stack([each.limit for each in sides]), np.stack([each.minutes for each in sides])
    total = kw.sum(axis=0)
    # Where nothing can be done, the reason of most members.
    weights = np.where(total > 0, kw, 1.0)
    limit = np.stack([(weights * (limits == code)).sum(axis=0) for code in range(len(LIMITS))]).argmax(axis=0)
    bound = most < total
    limit[bound] = _CODE["transformer"]
    kept = np.maximum(0, np.where(bound, most, total))
    shortest = np.where(kw > 0, minutes, _DAY_MIN).min(axis=0)
    return Direction(kept, limit.astype(np.int8), np.where(kept > 0, shortest, 0.0))
