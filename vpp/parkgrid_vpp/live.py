"""Measured against promised while an event runs, minute by minute: a read for API and page; no money follows from it.

    power of each metered device, 1 min ─▶ what a resource draws ─▶ baseline less that ─▶ beside what was awarded

A minute in which a device has no power is not known, for its resource alone. The baseline is the frozen one, adjusted
once that has been done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.documents import ZERO, Award, Part, Resource
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_metering.registers import FILLED_BY, METERED, POWER
from parkgrid_vpp.freezing import baseline_wh, resource_of
from parkgrid_vpp.statements import statement

MINUTE = timedelta(minutes=1)
_W_OF_KW = 1_000
_QUARTERS_AN_HOUR = 4
_LEVEL = "_1m"
Device = tuple[str, str, str]
"""Park, gateway, device."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a resource or of an award, W."""

    at: datetime
    promised_w: int
    """Of an award, of its resources that are known in this minute."""
    moved_w: int | None
    """What was moved in the direction asked for; None: not known."""


@dataclass(frozen=True, slots=True)
class LiveResource:
    """What one resource does."""

    resource: str
    w: int
    minutes: tuple[Minute, ...]


@dataclass(frozen=True, slots=True)
class LiveAward:
    """What one operator's resources do, and all of them together."""

    award: str
    operator: str
    w: int
    resources: tuple[LiveResource, ...]
    """Without those that opted out in time."""
    minutes: tuple[Minute, ...]


def live(connection: Connection, pilot: Pilot, event_id: str, now: datetime) -> list[LiveAward]:
    """Every minute of an awarded event that is over, up to its end. Raises `StoreError`; empty before its award."""
    book = pilot.events[event_id]
    if book.awards is None:
        return []
    count = max(0, (min(now, book.event.to) - book.event.from_) // MINUTE)
    minutes = [book.event.from_ + place * MINUTE for place in range(count)]
    power = _power(connection, _devices(book, pilot), minutes)
    return [_award(book, pilot, award, power, minutes) for award in book.awards.awards]


def _award(
    book: EventBook,
    pilot: Pilot,
    award: Award,
    power: Mapping[Device, Mapping[datetime, int]],
    minutes: Sequence[datetime],
) -> LiveAward:
    excused = book.excused(award.operator)
    parts = [part for part in award.parts if part.resource not in excused]
    resources = tuple(_resource(book, pilot, award.award, part, power, minutes) for part in parts)
    together = []
    for column in zip(*(each.minutes for each in resources), strict=True):
        known = [each for each in column if each.moved_w is not None]
        moved = sum(each.moved_w or 0 for each in known) if known else None
        together.append(Minute(column[0].at, sum(each.promised_w for each in known), moved))
    return LiveAward(award.award, award.operator, sum(part.w for part in parts), resources, tuple(together))


def _resource(
    book: EventBook,
    pilot: Pilot,
    award: str,
    part: Part,
    power: Mapping[Device, Mapping[datetime, int]],
    minutes: Sequence[datetime],
) -> LiveResource:
    resource = resource_of(book, pilot, part.resource)
    curve = _curve(book, award, part.resource)
    sign = 1 if book.event.direction == "shave" else -1
    told = []
    for at in minutes:
        drawn = drawn_w(resource, power, at)
        place = (at - book.event.from_) // QUARTER
        moved = None if drawn is None or curve is None else sign * (curve[place] * _QUARTERS_AN_HOUR - drawn)
        told.append(Minute(at, part.w, moved))
    return LiveResource(part.resource, part.w, tuple(told))


def drawn_w(resource: Resource, power: Mapping[Device, Mapping[datetime, int]], at: datetime) -> int | None:
    """What a resource draws in a minute by its formula, negative where it gives back; None: not known."""
    total = 0
    for term in resource.meter:
        park, gateway, device, signal = term.register.split("/")
        found = power.get((park, gateway, device), {}).get(at)
        if found is None or signal not in FILLED_BY:
            return None
        total += term.sign * max(0, found if FILLED_BY[signal] == "+" else -found)
    return total


def _curve(book: EventBook, award: str, resource: str) -> list[int] | None:
    """The baseline of each quarter hour of the event, Wh; None where there is none."""
    frozen = next((each for each in book.frozen[award].resources if each.resource == resource), None)
    if frozen is None:
        return None
    count = (book.event.to - book.event.from_) // QUARTER
    given = book.adjusted.get(award)
    for adjusted in () if given is None else given.resources:
        if adjusted.resource == resource:
            return baseline_wh(frozen, adjusted, count)
    if frozen.baseline == ZERO:
        return [0] * count
    return None if frozen.curve_wh is None else list(frozen.curve_wh)


def _devices(book: EventBook, pilot: Pilot) -> list[Device]:
    given = () if book.awards is None else book.awards.awards
    terms = (term for each in given for part in each.parts for term in resource_of(book, pilot, part.resource).meter)
    named = {tuple(term.register.split("/")[:3]) for term in terms}
    return sorted((park, gateway, device) for park, gateway, device in named)


def _power(
    connection: Connection, devices: Sequence[Device], minutes: Sequence[datetime]
) -> dict[Device, dict[datetime, int]]:
    """The mean power of each device in each minute, W."""
    if not devices or not minutes:
        return {}
    parks, gateways, names = zip(*devices, strict=True)
    values = {"parks": list(parks), "gateways": list(gateways), "devices": list(names)}
    rows = connection.execute(statement("live/devices"), values).fetchall()
    by_class: dict[str, dict[int, Device]] = {}
    for number, device_class, *address in rows:
        if device_class in METERED:
            by_class.setdefault(device_class, {})[number] = (address[0], address[1], address[2])
    found: dict[Device, dict[datetime, int]] = {}
    for device_class, numbers in by_class.items():
        query = sql.SQL(statement("live/minutes")).format(
            view=sql.Identifier(f"{device_class}{_LEVEL}"), power=sql.Identifier(POWER)
        )
        asked = {"devices": list(numbers), "start": minutes[0], "stop": minutes[-1] + MINUTE}
        for number, at, kw in connection.execute(query, asked):
            found.setdefault(numbers[number], {})[at] = round(kw * _W_OF_KW)
    return found
