"""An event while it runs, and how soon it was answered: what `parkgrid_vpp` reads, as answers."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from parkgrid_api.answers.vpp_live import (
    AwardLive,
    DelayShape,
    EventLive,
    EventResourceLive,
    EventResponses,
    LiveNow,
    ResourceLive,
    ResponseShape,
)
from parkgrid_api.vpp.amounts import kilo, kilo_or_none, text
from parkgrid_api.vpp.events import pack_of
from parkgrid_contract.time import to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_vpp.live import MINUTE, LiveAward, LiveResource, Minute, live
from parkgrid_vpp.responses import Delay, Response, responses

KEPT_S = 5.0
"""So long what was read of an event is told again: with a thousand resources it takes most of a second."""
_KEPT = 4
_LATELY = 3 * MINUTE
"""A resource whose newest minute is further behind the event's newest is not known at present."""


class LiveEvents:
    """Events as they were read lately; a pilot is asked by one question at a time, so nothing is read twice."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, datetime, list[LiveAward]]] = OrderedDict()

    def of(
        self, connection: Connection, pilot: Pilot, book: EventBook, now: datetime
    ) -> tuple[datetime, list[LiveAward]]:
        """The minutes of an event, and when they were read; none of one that was broken off."""
        event = book.event_id
        kept = self._kept.get(event)
        if kept is None or self._clock() >= kept[0]:
            kept = (self._clock() + KEPT_S, now, live(connection, pilot, event, now) if book.alive else [])
            self._kept.pop(event, None)
            self._kept[event] = kept
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return kept[1], kept[2]


def event_live(
    pilot: Pilot, book: EventBook, read: tuple[datetime, Sequence[LiveAward]], skip: int, most: int
) -> EventLive:
    """An event with a page of its resources."""
    as_of, awards = read
    minutes = [award.minutes for award in awards if award.minutes]
    together = [_sum(column) for column in zip(*minutes, strict=True)]
    newest = next((each.at for each in reversed(together) if each.moved_w is not None), None)
    present = {each.resource: _present(each, newest) for award in awards for each in award.resources}
    rows = sorted(((each, award) for award in awards for each in award.resources), key=lambda row: row[0].resource)
    return {
        "event": book.event_id,
        "direction": book.event.direction,
        "state": book.state,
        "as_of_ms": to_ms(as_of),
        "from_ms": to_ms(book.event.from_),
        "to_ms": to_ms(book.event.to),
        "kw": kilo(sum(award.w for award in awards)),
        "newest_ms": None if newest is None else to_ms(newest),
        "at_ms": [to_ms(each.at) for each in together],
        "promised": [kilo(each.promised_w) for each in together],
        "measured": [kilo_or_none(each.moved_w) for each in together],
        **_now(present.values()),
        "awards": [_award(pilot, award, [present[each.resource] for each in award.resources]) for award in awards],
        "total": len(rows),
        "resources": [_resource(book, award, each, present[each.resource]) for each, award in rows[skip : skip + most]],
    }


def _sum(column: Sequence[Minute]) -> Minute:
    known = [each.moved_w for each in column if each.moved_w is not None]
    return Minute(column[0].at, sum(each.promised_w for each in column), sum(known) if known else None)


def _present(of: LiveResource, newest: datetime | None) -> Minute | None:
    """The newest minute of a resource that is known, if it is not long past."""
    if newest is None:
        return None
    return next(
        (each for each in reversed(of.minutes) if each.moved_w is not None and newest - each.at < _LATELY), None
    )


def _now(present: Iterable[Minute | None]) -> LiveNow:
    known = [each for each in present if each is not None]
    promised = sum(each.promised_w for each in known)
    moved = sum(each.moved_w or 0 for each in known) if known else None
    return {
        "promised_kw": kilo(promised),
        "measured_kw": kilo_or_none(moved),
        "shortfall_kw": None if moved is None else kilo(max(0, promised - moved)),
    }


def _award(pilot: Pilot, of: LiveAward, present: Sequence[Minute | None]) -> AwardLive:
    operator = pilot.operators[of.operator]
    return {
        "award": of.award,
        "operator": of.operator,
        "operator_zh": operator.name_zh,
        "operator_en": operator.name_en,
        "kw": kilo(of.w),
        "unknown": present.count(None),
        **_now(present),
    }


def _resource(book: EventBook, award: LiveAward, of: LiveResource, present: Minute | None) -> ResourceLive:
    known = book.resources[of.resource]
    return {
        "resource": of.resource,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "park": known.park,
        "kind": known.kind,
        "operator": award.operator,
        "award": award.award,
        "kw": kilo(of.w),
        "at_ms": None if present is None else to_ms(present.at),
        **_now([present]),
    }


def resource_live(
    connection: Connection, pilot: Pilot, book: EventBook, resource: str, now: datetime
) -> EventResourceLive | None:
    """One resource by minute; None: it is not expected to do anything in this event."""
    read = live(connection, pilot, book.event_id, now, resource)
    found = next((each for award in read for each in award.resources), None)
    if found is None:
        return None
    return {
        "event": book.event_id,
        "resource": resource,
        "as_of_ms": to_ms(now),
        "from_ms": to_ms(book.event.from_),
        "to_ms": to_ms(book.event.to),
        "kw": kilo(found.w),
        "at_ms": [to_ms(each.at) for each in found.minutes],
        "measured": [kilo_or_none(each.moved_w) for each in found.minutes],
    }


def event_responses(
    connection: Connection, pilot: Pilot, book: EventBook, now: datetime, skip: int, most: int
) -> EventResponses:
    """How soon a page of an event's resources answered."""
    awards = () if book.awards is None else book.awards.awards
    names = sorted(part.resource for award in awards for part in award.parts)
    operators = {award.award: award.operator for award in awards}
    pct = pack_of(pilot, book).delivered_pct
    found = responses(connection, pilot, book.event_id, names[skip : skip + most], pct, now)
    return {
        "event": book.event_id,
        "state": book.state,
        "delivered_pct": text(pct),
        "total": len(names),
        "resources": [
            _response(book, operators[each.award], each) for each in sorted(found, key=lambda each: each.resource)
        ],
    }


def _response(book: EventBook, operator: str, of: Response) -> ResponseShape:
    known = book.resources[of.resource]
    return {
        "resource": of.resource,
        "name_zh": known.name_zh,
        "name_en": known.name_en,
        "kind": known.kind,
        "operator": operator,
        "award": of.award,
        "state": of.state,
        "why": of.why,
        "after_s": of.after_s,
        "by_s": of.by_s,
        "minutes": of.minutes,
        "measured": of.measured,
        "delay": _delay(of.delay),
    }


def _delay(of: Delay) -> DelayShape:
    known = not of.why
    return {
        "why": of.why,
        "readings": of.readings,
        "median_s": of.median_s if known else None,
        "most_s": of.most_s if known else None,
    }
