"""Measured against promised while an event runs, minute by minute: a read for API and page; no money follows from it.

    power of each metered device, 1 min ─▶ what a resource draws ─▶ baseline less that ─▶ beside what was awarded

A minute in which a device has no power is not known, for its resource alone. The baseline is the frozen one, adjusted
once that has been done.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp.documents import ZERO, Award, Part, Resource, Term
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_metering.registers import FILLED_BY, METERED, POWER
from parkgrid_vpp.freezing import baseline_wh, resource_of
from parkgrid_vpp.statements import statement

MINUTE = timedelta(minutes=1)
MOST = 200_000
"""Minutes of resources that one look reads: of an event with more of them, the newest."""
W_OF_KW = 1_000
_QUARTERS_AN_HOUR = 4
LEVEL = "_1m"
Device = tuple[str, str, str]
"""Park, gateway, device."""
ParkClass = tuple[int, str]
"""Number of a park, and a class of devices: a question about readings is about one of each."""


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


def live(
    connection: Connection, pilot: Pilot, event_id: str, now: datetime, only: str | None = None
) -> list[LiveAward]:
    """Every minute of an awarded event that is over, up to its end; of a large event the newest, `MOST` in all.

    `only` is the one resource that is asked for. Raises `StoreError`; empty before the award.
    """
    book = pilot.events[event_id]
    if book.awards is None:
        return []
    wanted = {part.resource for award in book.awards.awards for part in award.parts if only in (None, part.resource)}
    minutes = minutes_of(book, now)[-(MOST // max(1, len(wanted))) :]
    with translated():
        power = _power(connection, devices_of([resource_of(book, pilot, each) for each in wanted]), minutes)
    return [_award(book, pilot, award, wanted, power, minutes) for award in book.awards.awards]


def minutes_of(book: EventBook, now: datetime) -> list[datetime]:
    """The minutes of an event that are over."""
    count = max(0, (min(now, book.event.to) - book.event.from_) // MINUTE)
    return [book.event.from_ + place * MINUTE for place in range(count)]


def _award(
    book: EventBook,
    pilot: Pilot,
    award: Award,
    wanted: Collection[str],
    power: Mapping[Device, Mapping[datetime, int]],
    minutes: Sequence[datetime],
) -> LiveAward:
    excused = book.excused(award.operator)
    parts = [part for part in award.parts if part.resource in wanted and part.resource not in excused]
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
    curve = curve_w(book, award, part.resource)
    sign = 1 if book.event.direction == "shave" else -1
    told = []
    for at in minutes:
        drawn = drawn_w(resource, power, at)
        place = (at - book.event.from_) // QUARTER
        told.append(Minute(at, part.w, None if drawn is None or curve is None else sign * (curve[place] - drawn)))
    return LiveResource(part.resource, part.w, tuple(told))


def drawn_w(resource: Resource, power: Mapping[Device, Mapping[datetime, int]], at: datetime) -> int | None:
    """What a resource draws in a minute by its formula, negative where it gives back; None: not known."""
    total = 0
    for term in resource.meter:
        found = power.get(_device(term), {}).get(at)
        drawn = None if found is None else of_term_w(term, found)
        if drawn is None:
            return None
        total += drawn
    return total


def of_term_w(term: Term, w: int) -> int | None:
    """What a term of a formula makes of its device's power; None: its register counts no active power."""
    direction = FILLED_BY.get(term.register.rpartition("/")[2])
    return None if direction is None else term.sign * max(0, w if direction == "+" else -w)


def curve_w(book: EventBook, award: str, resource: str) -> list[int] | None:
    """The baseline of each quarter hour of the event as mean power, W; None where there is none."""
    energy = _curve_wh(book, award, resource)
    return None if energy is None else [each * _QUARTERS_AN_HOUR for each in energy]


def _curve_wh(book: EventBook, award: str, resource: str) -> list[int] | None:
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


def devices_of(resources: Iterable[Resource]) -> list[Device]:
    """The devices whose registers make up resources."""
    return sorted({_device(term) for each in resources for term in each.meter})


def _device(term: Term) -> Device:
    park, gateway, device, _ = term.register.split("/")
    return park, gateway, device


def by_class(connection: Connection, devices: Sequence[Device]) -> dict[ParkClass, dict[int, Device]]:
    """The metered devices in use by park and class, and by number."""
    if not devices:
        return {}
    parks, gateways, names = zip(*devices, strict=True)
    values = {"parks": list(parks), "gateways": list(gateways), "devices": list(names)}
    found: dict[ParkClass, dict[int, Device]] = {}
    for park_id, number, device_class, *address in connection.execute(statement("live/devices"), values):
        if device_class in METERED:
            found.setdefault((park_id, device_class), {})[number] = (address[0], address[1], address[2])
    return found


def _power(
    connection: Connection, devices: Sequence[Device], minutes: Sequence[datetime]
) -> dict[Device, dict[datetime, int]]:
    """The mean power of each device in each minute, W."""
    found: dict[Device, dict[datetime, int]] = {}
    if not minutes:
        return found
    for (park_id, device_class), numbers in by_class(connection, devices).items():
        query = sql.SQL(statement("live/minutes")).format(
            view=sql.Identifier(f"{device_class}{LEVEL}"), power=sql.Identifier(POWER)
        )
        span = {"start": minutes[0], "stop": minutes[-1] + MINUTE}
        asked = {"park_id": park_id, "devices": list(numbers), **span}
        for number, at, kw in connection.execute(query, asked):
            found.setdefault(numbers[number], {})[at] = round(kw * W_OF_KW)
    return found
