"""How soon each resource of an event answered, and how late its readings came: a read; no money follows from it.

lowest and highest power of each minute ─▶ the first minute with enough ─▶ its readings ─▶ response time
readings of the event, one a minute ─▶ received less measured ─▶ delay of telemetry

Response time: seconds from the start of the event until the measured power first reaches the promise, that is the share
of the award from which the pack calls a quarter hour delivered (`delivered_pct`). It lies between the last reading that
fell short and the first that did not. Of a resource with several devices, whose readings are of different instants, the
means of whole minutes are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Literal, TypeAlias

from psycopg import sql

from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.vpp.documents import Part, Resource
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_metering.registers import POWER
from parkgrid_vpp.freezing import resource_of
from parkgrid_vpp.live import (
    LEVEL,
    MINUTE,
    W_OF_KW,
    Device,
    ParkClass,
    by_class,
    curve_w,
    devices_of,
    minutes_of,
    of_term_w,
)
from parkgrid_vpp.statements import statement

MOST_RESOURCES = 100
"""Of one question: it looks at every minute of each."""
MOST_INSTANTS = 120
"""So many readings of a device tell its delay, spread evenly over the event, a minute or more apart."""
OWN_TIME_S = 3_600.0
"""A gateway that says it is simulated, and whose readings come later than that, lives on a time of its own."""
Answered: TypeAlias = Literal["reached", "not_reached", "unknown"]
WhyUnknown: TypeAlias = Literal["", "opted_out", "not_begun", "no_baseline", "no_reading", "own_time"]
_PERCENT = 100
_MINUTE_S = 60
_Range: TypeAlias = tuple[int, int, int]
"""Mean, lowest and highest power of a device in a minute, W."""
_Powers: TypeAlias = Mapping[Device, Mapping[datetime, _Range]]


@dataclass(frozen=True, slots=True)
class Delay:
    """How late readings of an event came: received at the centre less measured at the device."""

    why: WhyUnknown
    """Why nothing is known, then the numbers are 0."""
    readings: int
    median_s: float
    most_s: float


@dataclass(frozen=True, slots=True)
class Response:
    """How one resource answered."""

    resource: str
    award: str
    state: Answered
    why: WhyUnknown
    after_s: float | None
    """It had not reached the promise yet; seconds from the start."""
    by_s: float | None
    """It had reached it."""
    minutes: int
    """Minutes of the event that are over."""
    measured: int
    """Those of them in which its power is known."""
    delay: Delay


@dataclass(frozen=True, slots=True)
class _Asked:
    """A resource of an award, with what its power is held against."""

    award: str
    part: Part
    excused: bool
    resource: Resource
    devices: Sequence[Device]
    curve: Sequence[int] | None
    """The baseline of each quarter hour, W."""
    sign: int
    """1 where less is to be drawn."""
    start: datetime
    enough_w: float

    def enough(self, at: datetime, powers: Sequence[int]) -> bool | None:
        """Whether devices of these powers keep the promise at an instant; None: without a baseline."""
        if self.curve is None:
            return None
        drawn = 0
        for term in self.resource.meter:
            park, gateway, device, _ = term.register.split("/")
            one = of_term_w(term, powers[self.devices.index((park, gateway, device))])
            if one is None:
                return None
            drawn += one
        return self.sign * (self.curve[(at - self.start) // QUARTER] - drawn) >= self.enough_w


def responses(
    connection: Connection, pilot: Pilot, event_id: str, names: Sequence[str], delivered_pct: Decimal, now: datetime
) -> list[Response]:
    """How at most `MOST_RESOURCES` resources of an awarded event answered; `delivered_pct` is its pack's.

    Raises `StoreError`, and `ValueError` for more resources.
    """
    if len(names) > MOST_RESOURCES:
        raise ValueError(f"{len(names)} resources are more than {MOST_RESOURCES}: ask for them page by page")
    book = pilot.events[event_id]
    asked = list(_asked(book, pilot, frozenset(names), float(delivered_pct)))
    minutes = minutes_of(book, now)
    if not minutes:
        nothing = Delay("not_begun", 0, 0.0, 0.0)
        return [_unknown(each, "not_begun", 0, 0, nothing) for each in asked]
    with translated():
        classes = by_class(connection, devices_of([each.resource for each in asked]))
        powers = _powers(connection, classes, minutes)
        delays = _delays(connection, classes, minutes)
        courses = [_course(each, powers, minutes) for each in asked]
        first = {
            each.part.resource: (each.devices[0], minutes[place])
            for each, course in zip(asked, courses, strict=True)
            if len(each.devices) == 1 and (place := _first(course)) is not None
        }
        readings = _readings(connection, classes, first, minutes)
    return [
        _told(each, course, readings.get(each.part.resource, ()), minutes, _delay(each.devices, delays))
        for each, course in zip(asked, courses, strict=True)
    ]


def _asked(book: EventBook, pilot: Pilot, names: frozenset[str], pct: float) -> Iterator[_Asked]:
    sign = 1 if book.event.direction == "shave" else -1
    for award in () if book.awards is None else book.awards.awards:
        excused = book.excused(award.operator)
        for part in award.parts:
            if part.resource in names:
                resource = resource_of(book, pilot, part.resource)
                curve = curve_w(book, award.award, part.resource)
                out, enough_w = part.resource in excused, part.w * pct / _PERCENT
                devices = devices_of([resource])
                yield _Asked(award.award, part, out, resource, devices, curve, sign, book.event.from_, enough_w)


def _course(each: _Asked, powers: _Powers, minutes: Sequence[datetime]) -> list[bool | None]:
    """Whether the promise was, or at some reading may have been, kept in each minute; None: not known.

    Of one device the lowest and the highest power of a minute are compared, and 0 where its power changes its sign.
    """
    found: list[bool | None] = []
    for at in minutes:
        told = [powers.get(device, {}).get(at) for device in each.devices]
        known = [one for one in told if one is not None]
        if len(known) < len(told) or not known:
            found.append(None)
        elif len(known) == 1:
            mean, low, high = known[0]
            kept = [each.enough(at, [w]) for w in (mean, low, high, *([0] if low < 0 < high else []))]
            found.append(None if None in kept else any(kept))
        else:
            found.append(each.enough(at, [mean for mean, _, _ in known]))
    return found


def _first(course: Sequence[bool | None]) -> int | None:
    return next((place for place, kept in enumerate(course) if kept), None)


def _told(
    each: _Asked,
    course: Sequence[bool | None],
    readings: Sequence[tuple[datetime, int]],
    minutes: Sequence[datetime],
    delay: Delay,
) -> Response:
    measured, place = sum(kept is not None for kept in course), _first(course)
    if each.excused:
        return _unknown(each, "opted_out", len(minutes), measured, delay)
    if each.curve is None:
        return _unknown(each, "no_baseline", len(minutes), measured, delay)
    if measured == 0:
        return _unknown(each, "no_reading", len(minutes), measured, delay)
    if place is None:
        return Response(each.part.resource, each.award, "not_reached", "", None, None, len(minutes), measured, delay)
    after, by = _between(each, course[:place], readings, place)
    return Response(each.part.resource, each.award, "reached", "", after, by, len(minutes), measured, delay)


def _between(
    each: _Asked, before: Sequence[bool | None], readings: Sequence[tuple[datetime, int]], place: int
) -> tuple[float, float]:
    """Between which seconds the promise was reached; `before` are the minutes up to the one in which it was."""
    short = [at for at, kept in enumerate(before) if kept is False]
    after = float(short[-1] * _MINUTE_S) if short else 0.0
    for at, w in readings:
        seconds = (at - each.start).total_seconds()
        if each.enough(at, [w]):
            return after, seconds
        after = seconds
    # Several devices, or readings that are no longer kept: nothing finer than the minute is known.
    return (short[-1] + 1.0) * _MINUTE_S if short else 0.0, (place + 1.0) * _MINUTE_S


def _unknown(each: _Asked, why: WhyUnknown, minutes: int, measured: int, delay: Delay) -> Response:
    return Response(each.part.resource, each.award, "unknown", why, None, None, minutes, measured, delay)


def _powers(
    connection: Connection, classes: Mapping[ParkClass, Mapping[int, Device]], minutes: Sequence[datetime]
) -> dict[Device, dict[datetime, _Range]]:
    found: dict[Device, dict[datetime, _Range]] = {}
    for (park_id, device_class), numbers in classes.items():
        query = sql.SQL(statement("responses/extremes")).format(
            view=sql.Identifier(f"{device_class}{LEVEL}"),
            power=sql.Identifier(POWER),
            lowest=sql.Identifier(f"{POWER}_min"),
            highest=sql.Identifier(f"{POWER}_max"),
        )
        asked = {"park_id": park_id, "devices": list(numbers), **_span(minutes)}
        for number, at, *kw in connection.execute(query, asked):
            mean, low, high = (round(each * W_OF_KW) for each in kw)
            found.setdefault(numbers[number], {})[at] = (mean, low, high)
    return found


def _readings(
    connection: Connection,
    classes: Mapping[ParkClass, Mapping[int, Device]],
    first: Mapping[str, tuple[Device, datetime]],
    minutes: Sequence[datetime],
) -> dict[str, list[tuple[datetime, int]]]:
    """What the device of a resource told in a minute and in the one before it, W; by resource."""
    found: dict[str, list[tuple[datetime, int]]] = {}
    for (park_id, device_class), numbers in classes.items():
        by_device = {device: number for number, device in numbers.items()}
        wanted = [(name, by_device[device], at) for name, (device, at) in first.items() if device in by_device]
        if wanted:
            query = sql.SQL(statement("responses/readings")).format(
                view=sql.Identifier(device_class), power=sql.Identifier(POWER)
            )
            names, devices, starts = (list(column) for column in zip(*wanted, strict=True))
            asked = {"park_id": park_id, "devices": devices, "starts": [at - MINUTE for at in starts]}
            for place, at, kw in connection.execute(query, asked | _span(minutes)):
                found.setdefault(names[place - 1], []).append((at, round(kw * W_OF_KW)))
    return found


def _delays(
    connection: Connection, classes: Mapping[ParkClass, Mapping[int, Device]], minutes: Sequence[datetime]
) -> dict[Device, list[tuple[float, bool]]]:
    """The delays of some readings of each device in seconds, and whether it is simulated."""
    step = -(-len(minutes) // MOST_INSTANTS)
    found: dict[Device, list[tuple[float, bool]]] = {}
    for (park_id, device_class), numbers in classes.items():
        query = sql.SQL(statement("responses/delays")).format(view=sql.Identifier(device_class))
        asked = {"park_id": park_id, "devices": list(numbers), "instants": list(minutes[::step]), **_span(minutes)}
        for number, simulated, seconds in connection.execute(query, asked):
            found.setdefault(numbers[number], []).append((seconds, simulated))
    return found


def _delay(devices: Sequence[Device], delays: Mapping[Device, Sequence[tuple[float, bool]]]) -> Delay:
    told = [each for device in devices for each in delays.get(device, ())]
    if not told:
        return Delay("no_reading", 0, 0.0, 0.0)
    middle, most = median(seconds for seconds, _ in told), max(seconds for seconds, _ in told)
    if middle > OWN_TIME_S and any(simulated for _, simulated in told):
        return Delay("own_time", 0, 0.0, 0.0)
    return Delay("", len(told), middle, most)


def _span(minutes: Sequence[datetime]) -> dict[str, datetime]:
    return {"start": minutes[0], "stop": minutes[-1] + MINUTE}
