"""The charging sessions of a scope, each with the origin of its energy (光伏、储能、电网).

minutes ─▶ where vehicles came or left ─▶ readings around it ─▶ visits ─┐
intervals of the registers ────────────────────── cut at the visits ────┼─▶ sessions, balance
sources of the park ─────────────────────────────────── mix ────────────┘
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from parkgrid_accounting.figures.inputs import NOTHING_GIVEN, Given, inputs_of
from parkgrid_accounting.figures.session_energy import pieces_of
from parkgrid_accounting.figures.session_rows import (
    DELIVERED,
    RETURNED,
    ChargerRegister,
    ChargerRows,
    ChargerSpan,
    beyond,
    read_intervals,
    read_minutes,
    read_registers,
    read_rows,
)
from parkgrid_accounting.figures.site import Site, SiteDevice, site_of
from parkgrid_accounting.scope import Scope
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.energy.between import Pieces
from parkgrid_domain.indicators.charging import ORIGINS, origin_shares
from parkgrid_domain.indicators.definition import Inputs
from parkgrid_domain.indicators.sessions import NOTHING, Balance, ChargingSession, Mix, balance, charging_session
from parkgrid_domain.indicators.visits import Shown, Visit, changes_ms, visits_of
from parkgrid_domain.period import Period

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_PART_MS = 7 * _DAY_MS
"""What is read at a time: the readings of a year would not fit into memory."""
_LEAD_MS = _HOUR_MS
"""How far before a part is looked for a vehicle that was there at its start."""
_AHEAD_MS = (_DAY_MS, 6 * _DAY_MS, 31 * _DAY_MS)
"""How far after a part is looked for the end of a session, further only for those that had none."""
_TAIL_MS = 6 * _HOUR_MS
"""How far beyond the stored intervals readings are counted."""


@dataclass(frozen=True, slots=True)
class SessionOf:
    """A session and the charger that it was at."""

    gateway: str
    device: str
    session: ChargingSession


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions that began in a span, whole, by start and charger, beside what the registers counted in the span."""

    listed: list[SessionOf]
    balance: Balance


def sessions_begun(
    connection: Connection, scope: Scope, start_ms: int, stop_ms: int, given: Given = NOTHING_GIVEN
) -> Sessions:
    """The sessions that began in [start, stop). Raises `UnknownParkError`.

    A session is told with all of its energy, wherever the span ends. The sources are those of the whole park, however
    the scope is narrowed: a charger has the mix of its park.
    """
    site, park = site_of(connection, scope), site_of(connection, Scope(scope.park))
    listed: list[SessionOf] = []
    total = NOTHING
    for first, end in pairwise([*range(start_ms, stop_ms, _PART_MS), stop_ms]):
        chargers = site.devices_of("charger", first, end)
        if chargers and end > first:
            part = _Part.read(connection, chargers, first, end)
            mix = _mix(connection, park, *part.reach_ms, given)
            listed += sorted(part.sessions(mix), key=_by_start_and_charger)
            total += part.balance()
    return Sessions(listed, total)


def _by_start_and_charger(found: SessionOf) -> tuple[int, str, str]:
    return found.session.visit.start_ms, found.gateway, found.device


@dataclass(frozen=True, slots=True)
class _Part:
    """The chargers of a scope in a span."""

    chargers: Sequence[SiteDevice]
    start_ms: int
    stop_ms: int
    visits: Mapping[int, list[Visit]]
    pieces: Mapping[tuple[int, str], Pieces]
    """By device and signal, cut at the ends of visits and of the span."""

    @classmethod
    def read(cls, connection: Connection, chargers: Sequence[SiteDevice], start_ms: int, stop_ms: int) -> "_Part":
        """Everything that is stored of the chargers in a span, and of sessions that lie in it in part."""
        park_id = chargers[0].park_id
        registers = read_registers(connection, park_id, [each.device_id for each in chargers])
        longest_ms = {
            each.device_id: max((r.period_ms for r in registers.values() if r.device_id == each.device_id), default=0)
            for each in chargers
        }
        minutes = _minutes(connection, chargers, start_ms, stop_ms)
        spans = [
            _around(each.device_id, at_ms, longest_ms[each.device_id])
            for each in chargers
            for at_ms in (start_ms, stop_ms, *_changes(minutes.get(each.device_id)))
        ]
        rows = read_rows(connection, park_id, spans)
        told = {each.device_id: _told(each, minutes, rows) for each in chargers}
        ends = [
            _around(device_id, at_ms, longest_ms[device_id])
            for device_id, found in told.items()
            for visit in found
            for at_ms in (visit.from_ms, visit.to_ms)
        ]
        if missed := beyond(ends, spans):
            rows = read_rows(connection, park_id, [*spans, *missed])
        pieces = _pieces(connection, park_id, list(registers.values()), told, rows, (start_ms, stop_ms))
        return cls(chargers, start_ms, stop_ms, told, pieces)

    @property
    def reach_ms(self) -> tuple[int, int]:
        """From where to where sessions of the part lie."""
        found = [visit for each in self.visits.values() for visit in each]
        low_ms = min((visit.from_ms for visit in found), default=self.start_ms)
        return min(self.start_ms, low_ms), max([self.stop_ms, *(visit.to_ms for visit in found)])

    def sessions(self, mix: Mix) -> Iterator[SessionOf]:
        """The sessions that begin in the span."""
        for charger in self.chargers:
            delivered, returned = (self.pieces.get((charger.device_id, name)) for name in (DELIVERED, RETURNED))
            for visit in self.visits[charger.device_id]:
                if self.start_ms <= visit.start_ms < self.stop_ms:
                    session = charging_session(visit, delivered, returned, mix)
                    yield SessionOf(charger.gateway, charger.device, session)

    def balance(self) -> Balance:
        """What the registers of the chargers counted in the span."""
        total = NOTHING
        for charger in self.chargers:
            delivered = self.pieces.get((charger.device_id, DELIVERED))
            if delivered is not None:
                found = self.visits[charger.device_id]
                total += balance(found, delivered, (self.start_ms, self.stop_ms))
        return total


def _told(charger: SiteDevice, minutes: Mapping[int, Shown], rows: Mapping[int, ChargerRows]) -> list[Visit]:
    """The visits of a charger."""
    if charger.device_id not in minutes:
        return []
    read = rows.get(charger.device_id, ChargerRows.none())
    shown = minutes[charger.device_id].with_readings(read.shown(), read.at_ms)
    return visits_of(shown, round(charger.period_s * 1000))


def _minutes(connection: Connection, chargers: Sequence[SiteDevice], start_ms: int, stop_ms: int) -> dict[int, Shown]:
    """What chargers showed in a span, and after it until the vehicles that were there at its end had left."""
    park_id, devices = chargers[0].park_id, [each.device_id for each in chargers]
    found = read_minutes(connection, park_id, devices, start_ms - _LEAD_MS, stop_ms)
    low_ms = stop_ms
    for ahead_ms in _AHEAD_MS:
        there = [device_id for device_id, shown in found.items() if shown.occupied(stop_ms)]
        if not there:
            break
        more = read_minutes(connection, park_id, there, low_ms, low_ms + ahead_ms)
        low_ms += ahead_ms
        for device_id, shown in more.items():
            found[device_id] = found[device_id].followed(shown)
        if not more:
            break
    return {device_id: shown.until_left(stop_ms) for device_id, shown in found.items()}


def _changes(minutes: Shown | None) -> list[int]:
    return [] if minutes is None else changes_ms(minutes).tolist()


def _around(device_id: int, at_ms: int, period_ms: int) -> ChargerSpan:
    """The intervals of a charger in which a minute lies, with the minute before it."""
    quarter_ms = 900_000
    if period_ms <= quarter_ms:
        low_ms, high_ms = (at_ms - _MINUTE_MS) // quarter_ms, (at_ms + _MINUTE_MS - 1) // quarter_ms
        return ChargerSpan(device_id, low_ms * quarter_ms, (high_ms + 1) * quarter_ms)
    # Long intervals begin at the park's midnight, wherever that is.
    return ChargerSpan(device_id, at_ms - _MINUTE_MS - period_ms, at_ms + _MINUTE_MS + period_ms)


def _pieces(
    connection: Connection,
    park_id: int,
    registers: Sequence[ChargerRegister],
    told: Mapping[int, list[Visit]],
    rows: Mapping[int, ChargerRows],
    span_ms: tuple[int, int],
) -> dict[tuple[int, str], Pieces]:
    """The stored intervals of chargers, and what was counted after the last one, cut at the ends of visits."""
    wanted = [each for each in registers if each.signal in {DELIVERED, RETURNED}]
    until_ms = {device_id: max([span_ms[1], *(each.to_ms for each in found)]) for device_id, found in told.items()}
    low_ms = min([span_ms[0], *(each.from_ms for found in told.values() for each in found)])
    high_ms = max(until_ms.values())
    longest_ms = max((each.period_ms for each in wanted), default=0)
    stored = read_intervals(connection, park_id, wanted, low_ms - longest_ms, high_ms)
    stops = {number: int(each.at_ms[-1]) + each.period_ms for number, each in stored.items()}
    open_spans = [
        ChargerSpan(each.device_id, stop_ms, min(until_ms[each.device_id] + 1, stop_ms + _TAIL_MS))
        for each in wanted
        if (stop_ms := stops.get(each.register_id, high_ms)) < until_ms[each.device_id]
    ]
    tails = read_rows(connection, park_id, open_spans)
    none = ChargerRows.none()
    return {
        (each.device_id, each.signal): pieces_of(
            each,
            stored[each.register_id],
            rows.get(each.device_id, none),
            tails.get(each.device_id, none),
            told[each.device_id],
            span_ms,
        )
        for each in wanted
        if each.register_id in stored
    }


def _mix(connection: Connection, park: Site, start_ms: int, stop_ms: int, given: Given) -> Mix:
    """Where the energy of the park came from, on the days of a span."""
    first = from_ms(start_ms).astimezone(park.zone).date()
    last = from_ms(stop_ms).astimezone(park.zone).date() + timedelta(days=1)
    names = [name for origin in ORIGINS.values() for name in origin]
    inputs = inputs_of(connection, park, Period(f"{first}..{last}", first, last, park.zone), names, given)
    known = [inputs.quantities[name].estimated for name in names if name in inputs.quantities]
    estimated = np.logical_or.reduce([np.zeros(inputs.count, np.bool_), *known])
    shares = origin_shares({name: _source(inputs, name) for name in names})
    return Mix(inputs.start_ms, inputs.period_s * 1000, shares, estimated)


def _source(park: Inputs, name: str) -> NDArray[np.float64]:
    """A source of the park; zeros where it has no such device, but unknown where its connection is not metered."""
    if name in park.quantities:
        return park.quantities[name].values
    return np.full(park.count, np.nan if name == "grid_import_kwh" else 0.0)
