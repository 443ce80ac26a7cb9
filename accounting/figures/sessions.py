"""The charging sessions of a scope, each with the origin of its energy (光伏、储能、电网)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from accounting.figures.inputs import NOTHING_GIVEN, Given, read_inputs
from accounting.figures.site import site_of
from accounting.scope import Scope
from accounting.store import Connection, statement
from contract.signals import CHARGER_STATES
from contract.time import from_ms
from domain.indicators.charging import ORIGINS, origin_shares
from domain.indicators.definition import Inputs
from domain.indicators.sessions import IN_SESSION, ChargerMinutes, ChargingSession, Mix, charging_sessions
from domain.period import Period

_DAY = timedelta(days=1)
_PART_DAYS = 31
"""Days that are read at a time: the minutes of a year would not fit into memory."""
_LEAD_MS = 900_000
"""How far before the period is looked for the registers at its start and the session that was under way."""


@dataclass(frozen=True, slots=True)
class SessionOf:
    """A session and the charger that it was at."""

    gateway: str
    device: str
    session: ChargingSession


def sessions(connection: Connection, scope: Scope, period: Period, given: Given = NOTHING_GIVEN) -> list[SessionOf]:
    """The sessions of a scope's chargers in a period, by charger and start. Raises `UnknownParkError`.

    The sources are those of the whole park, however the scope is narrowed: a charger has the mix of its park.
    """
    site = site_of(connection, scope)
    names = [name for origin in ORIGINS.values() for name in origin]
    delivered = "charger_delivered_kwh"
    park = read_inputs(connection, Scope(scope.park), period, [*names, delivered], given)
    mix = Mix(park.start_ms, park.period_s * 1000, origin_shares({name: _source(park, name) for name in names}))
    chargers = {each.device_id: each for each in site.devices_of("charger", park.start_ms, mix.stop_ms)}
    parameters = {
        "devices": list(chargers),
        "from": from_ms(park.start_ms - _LEAD_MS),
        "stop": from_ms(mix.stop_ms + _LEAD_MS),
        "states": [CHARGER_STATES.index(state) for state in IN_SESSION],
    }
    metered = {each.name: each.values for each in park.members.get(delivered, ())}
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for device_id, *shown in connection.execute(statement("indicator_charger_minutes"), parameters):
        rows.setdefault(device_id, []).append(tuple(shown))
    return [
        SessionOf(charger.gateway, charger.device, session)
        for device_id, charger in chargers.items()
        for session in charging_sessions(_minutes(rows.get(device_id, [])), mix, metered.get(charger.name))
    ]


def sessions_begun(
    connection: Connection, scope: Scope, start_ms: int, stop_ms: int, given: Given = NOTHING_GIVEN
) -> Iterator[SessionOf]:
    """The sessions that began in [start, stop), whole, by start and charger. Raises `UnknownParkError`.

    A session is told with all of its energy, wherever the span ends; one that is longer than a day may be cut off.
    """
    zone = site_of(connection, scope).zone
    last = _local(stop_ms - 1, zone) + _DAY
    first = _local(start_ms, zone)
    while first < last:
        end = min(first + timedelta(days=_PART_DAYS), last)
        # A day more on either side: what lies there belongs to sessions that began before, or go on.
        around = Period(f"{first}..{end}", first - _DAY, end + _DAY, zone)
        part = range(max(start_ms, _midnight_ms(first, zone)), min(stop_ms, _midnight_ms(end, zone)))
        begun = (each for each in sessions(connection, scope, around, given) if each.session.start_ms in part)
        yield from sorted(begun, key=lambda each: (each.session.start_ms, each.gateway, each.device))
        first = end


def _local(instant_ms: int, zone: ZoneInfo) -> date:
    return from_ms(instant_ms).astimezone(zone).date()


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    return Period(str(day), day, day + _DAY, zone).start_ms


def _source(park: Inputs, name: str) -> NDArray[np.float64]:
    """A source of the park; zeros where it has no such device, but unknown where its connection is not metered."""
    if name in park.quantities:
        return park.quantities[name].values
    return np.full(park.count, np.nan if name == "grid_import_kwh" else 0.0)


def _minutes(rows: list[tuple[Any, ...]]) -> ChargerMinutes:
    at, state, count, *measured = zip(*rows, strict=True) if rows else ((),) * 8
    return ChargerMinutes(
        np.array(at, np.int64),
        np.array(state, np.int64),
        np.array([-1 if each is None else each for each in count], np.int64),
        *(np.array(each, np.float64) for each in measured),
    )
