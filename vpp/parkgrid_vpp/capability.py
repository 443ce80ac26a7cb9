"""The capability of the next 24 hours, from what is stored: per resource, transformer, park and pool.

newest forecast ─┐
newest SoC ──────┼─▶ domain.vpp.capability.outlook ─▶ resource ─▶ transformer (its limit) ─▶ park ─▶ pool
accepted events ─┘
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import nan

import numpy as np

from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp.capability.outlook import SLOTS, Declared, Kw, Outlook, Promise, of_resource, together
from parkgrid_domain.vpp.capability.resources import Storage
from parkgrid_domain.vpp.documents import CapabilityTest, Resource
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_vpp.forecast import Forecast, active, newest, promises, quarter_of
from parkgrid_vpp.statements import statement

SOC_KEPT = timedelta(minutes=30)
"""A state of charge that is older tells nothing."""
LOW_PCT, HIGH_PCT = 10.0, 90.0
EFFICIENCY = 0.95
"""One way. Window and efficiency are assumed: nameplates do not state them (vpp.md 5.2)."""
_W_PER_KW = 1000
_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class ResourceCapability:
    """What one resource can do, and what that rests on."""

    resource: str
    outlook: Outlook
    ramp_kw_per_min: float
    notice_min: int
    recovery_min: int
    confidence_pct: float | None
    """In how many of the last seven days' quarter hours nine tenths of the promise were there; of a resource without a
    forecast, such as a storage, the least accuracy of its last capability test. None: not known."""
    forecast: Forecast | None


@dataclass(frozen=True, slots=True)
class PilotCapability:
    """The capability of everything that is active, from the quarter hour of `start` on."""

    start: datetime
    resources: Mapping[str, ResourceCapability]
    transformers: Mapping[str, Outlook]
    parks: Mapping[str, Outlook]
    pool: Outlook


def capability(
    connection: Connection, pilot: Pilot, now: datetime, only: Iterable[str] | None = None
) -> PilotCapability:
    """The capability of active resources, or of those of `only` that are, as a pool. Raises `StoreError`."""
    wanted = active(pilot)
    if only is not None:
        chosen = set(only)
        wanted = {name: each for name, each in wanted.items() if name in chosen}
    start = quarter_of(now)
    with translated():
        forecasts = newest(connection, wanted, now)
        batteries = _batteries(connection, wanted, now)
    kept = _promised(pilot, start)
    found = {
        name: _of_resource(
            name, each, forecasts.get(name), batteries.get(name), kept.get(name, ()), pilot.tests.get(name, ()), start
        )
        for name, each in wanted.items()
    }
    return _added_up(pilot, wanted, found, start)


def _of_resource(
    name: str,
    resource: Resource,
    forecast: Forecast | None,
    battery: tuple[Storage, float] | None,
    kept: Sequence[Promise],
    tests: Sequence[CapabilityTest],
    start: datetime,
) -> ResourceCapability:
    confidence = _tested_pct(tests) if forecast is None else forecast.score.confidence_pct
    declared = Declared(
        resource.kind,
        resource.up_w / _W_PER_KW,
        resource.down_w / _W_PER_KW,
        resource.notice_min,
        resource.sustain_min,
        resource.recovery_min,
    )
    curve = None if forecast is None else _from(forecast, start)
    return ResourceCapability(
        name,
        of_resource(declared, curve, battery, kept),
        resource.ramp_w_per_min / _W_PER_KW,
        resource.notice_min,
        resource.recovery_min,
        confidence,
        forecast,
    )


def _tested_pct(tests: Sequence[CapabilityTest]) -> float | None:
    """The least accuracy of the last test, in per cent, from 0 to 100."""
    if not tests:
        return None
    least = min(float(each.accuracy) for each in tests[-1].quarters)
    return _PERCENT * min(1.0, max(0.0, least))


def _from(forecast: Forecast, start: datetime) -> Kw:
    """A forecast in kW from a quarter hour on, not a number where it says nothing."""
    passed = (start - forecast.start_at) // QUARTER
    # None becomes not a number.
    values = np.array(forecast.mean_w[max(0, passed) :], np.float64) / _W_PER_KW
    return np.concatenate([values, np.full(max(0, SLOTS - len(values)), nan)])


def _promised(pilot: Pilot, start: datetime) -> dict[str, list[Promise]]:
    """What each resource promised in events that are not over, or from which it may still recover."""
    found: dict[str, list[Promise]] = {}
    for name, w, first, last, up in promises(pilot, start - timedelta(days=7)):
        slots = ((first - start) // QUARTER, (last - start) // QUARTER)
        if slots[0] < SLOTS:
            found.setdefault(name, []).append(Promise(*slots, w / _W_PER_KW, up))
    return found


def _batteries(
    connection: Connection, resources: Mapping[str, Resource], now: datetime
) -> dict[str, tuple[Storage, float]]:
    """The plant and state of charge of each storage whose devices all told them lately."""
    devices = {
        name: sorted({term.register.rpartition("/")[0] for term in each.meter})
        for name, each in resources.items()
        if each.kind == "storage"
    }
    named = [device.split("/") for each in devices.values() for device in each]
    if not named:
        return {}
    values = dict(zip(("parks", "gateways", "devices"), map(list, zip(*named, strict=True)), strict=True))
    rows = {row[0] - 1: row[1:] for row in connection.execute(statement("capability/storages"), values)}
    found, first = {}, 0
    for name, each in devices.items():
        told = [rows.get(place) for place in range(first, first + len(each))]
        first += len(each)
        battery = _battery([row for row in told if row is not None and _usable(row, now)], len(each))
        if battery is not None:
            found[name] = battery
    return found


def _usable(row: Sequence[object], now: datetime) -> bool:
    at, soc, _, _, capacity, power = row
    return isinstance(at, datetime) and now - at <= SOC_KEPT and None not in (soc, capacity, power)


def _battery(told: Sequence[Sequence[float]], devices: int) -> tuple[Storage, float] | None:
    """Devices as one battery; None unless all of them are known."""
    energy = sum(row[4] for row in told)
    if len(told) != devices or energy <= 0:
        return None
    charge, discharge = (sum(min(row[5], row[at] if row[at] is not None else row[5]) for row in told) for at in (2, 3))
    plant = Storage(energy, max(0.0, charge), max(0.0, discharge), EFFICIENCY, EFFICIENCY, LOW_PCT, HIGH_PCT)
    return plant, sum(row[1] * row[4] for row in told) / energy


def _added_up(
    pilot: Pilot, wanted: Mapping[str, Resource], found: Mapping[str, ResourceCapability], start: datetime
) -> PilotCapability:
    """By park and transformer: a transformer's limit lessens what its resources can do together."""
    behind: dict[str, dict[str, list[Outlook]]] = {}
    for name, each in found.items():
        by_park = behind.setdefault(_transformer(pilot, wanted[name]), {})
        by_park.setdefault(wanted[name].park, []).append(each.outlook)
    transformers: dict[str, Outlook] = {}
    parts: dict[str, list[Outlook]] = {}
    for name, by_park in behind.items():
        limit = _limit(pilot, name)
        transformers[name] = together([each for part in by_park.values() for each in part], limit)
        for park, part in by_park.items():
            # A transformer is of one park, as a rule.
            parts.setdefault(park, []).append(transformers[name] if len(by_park) == 1 else together(part, limit))
    parks = {park: together(each) for park, each in parts.items()}
    pool = together(transformers.values())
    return PilotCapability(start, found, {name: each for name, each in transformers.items() if name}, parks, pool)


def _transformer(pilot: Pilot, resource: Resource) -> str:
    places = pilot.path(resource.account)
    return next((name for name in places if pilot.locations[name].level == "transformer"), "")


def _limit(pilot: Pilot, transformer: str) -> float | None:
    place = pilot.locations.get(transformer)
    return None if place is None or place.limit_w is None else place.limit_w / _W_PER_KW
