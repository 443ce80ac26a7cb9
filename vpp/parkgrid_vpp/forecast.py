"""Forecasts of what resources draw: issued every six hours for 30 hours, stored as issued, scored against what came.

past quarter hours ─▶ seasonal-naive ─▶ one row a resource ─▶ capability
earlier rows ─▶ compared with what was metered ─▶ score in the new row ─▶ confidence
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from parkgrid_contract.time import SHANGHAI
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.calendar import packaged
from parkgrid_domain.vpp.capability.forecast import METHOD, UNSCORED, Score, score, seasonal_naive, sources
from parkgrid_domain.vpp.documents import Resource
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.quarters import QUARTER
from parkgrid_vpp.evidence import read
from parkgrid_vpp.statements import statement

ISSUED_EVERY = timedelta(hours=6)
LONG = 120
"""Quarter hours of a forecast: 30 hours, so that the newest one always covers the next 24."""
KEPT = timedelta(days=35)
SCORED_FOR = timedelta(days=7)
_SCORED_QUARTERS = 96
"""Of each forecast, its first day."""
_RESOURCES_AT_ONCE = 500
_STORED = frozenset({"storage"})
"""Kinds whose capability rests on their state of charge."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The newest forecast of a resource."""

    issued_at: datetime
    method: str
    start_at: datetime
    mean_w: Sequence[int | None]
    """Of each quarter hour; None where it is not known."""
    score: Score


def active(pilot: Pilot) -> dict[str, Resource]:
    """The resources that can be called, by identifier."""
    return {name: each for name, each in pilot.resources.items() if pilot.phase(name) == "active"}


def issue(connection: Connection, pilot: Pilot, now: datetime) -> int:
    """Issue a forecast for every active resource whose last one is six hours old; how many. Raises `StoreError`.

    One transaction for each 500 resources; what is older than 35 days is deleted.
    """
    wanted = {name: each for name, each in active(pilot).items() if each.kind not in _STORED}
    with translated():
        recent = newest(connection, wanted, now, within=ISSUED_EVERY)
        due = sorted(
            ((name, each) for name, each in wanted.items() if name not in recent), key=lambda each: each[1].park
        )
        answered = answered_quarters(pilot, now - KEPT)
        for first in range(0, len(due), _RESOURCES_AT_ONCE):
            with connection.transaction():
                part = dict(due[first : first + _RESOURCES_AT_ONCE])
                _issue(connection, part, answered, now)
    return len(due)


def _issue(
    connection: Connection, resources: Mapping[str, Resource], answered: Mapping[str, set[datetime]], now: datetime
) -> None:
    start = quarter_of(now)
    places = sources(packaged(), start, LONG, now, SHANGHAI)
    earlier = _earlier(connection, resources, now)
    compared = {at + place * QUARTER for each in earlier.values() for at, curve in each for place in range(len(curve))}
    past = {at for each in places for at in each} | {at for at in compared if at + QUARTER <= now}
    quarters = frozenset(past)
    evidence = read(connection, {term.register for each in resources.values() for term in each.meter}, quarters)
    for name, resource in resources.items():
        sure = evidence.metered(resource.meter, quarters).load().energy_wh
        energy = {at: wh for at, wh in sure.items() if at not in answered.get(name, ())}
        sun = resource.kind == "pv_curtailment"
        found = score(earlier.get(name, ()), energy, resource.down_w if sun else resource.up_w, -1 if sun else 1)
        values = {"park": resource.park, "resource": name, "issued_at": now, "method": METHOD, "start_at": start}
        scored = {"scored": found.quarters, "mae_w": found.mae_w, "bias_w": found.bias_w, "held": found.held}
        curve = {"mean_w": seasonal_naive(energy, places)}
        connection.execute(statement("capability/insert_forecast"), values | scored | curve)
    parks = sorted({each.park for each in resources.values()})
    connection.execute(statement("capability/delete_forecasts"), {"parks": parks, "before": now - KEPT})


def _earlier(
    connection: Connection, resources: Mapping[str, Resource], now: datetime
) -> dict[str, list[tuple[datetime, Sequence[int | None]]]]:
    """The forecasts of the days before, each as far as its first day."""
    values = _named(resources) | {"since": now - SCORED_FOR, "until": now}
    rows = connection.execute(statement("capability/forecasts_since"), values).fetchall()
    found: dict[str, list[tuple[datetime, Sequence[int | None]]]] = {}
    for name, start, curve in rows:
        found.setdefault(name, []).append((start, curve[:_SCORED_QUARTERS]))
    return found


def newest(
    connection: Connection, resources: Mapping[str, Resource], now: datetime, within: timedelta = ISSUED_EVERY * 2
) -> dict[str, Forecast]:
    """The newest forecast of resources that was issued within a time before `now`; none where there is none."""
    values = _named(resources) | {"now": now, "after": now - within}
    # Binary: arrays are not told as text.
    with connection.cursor(binary=True) as cursor:
        return {
            name: Forecast(issued, method, start, curve, Score(*scored))
            for name, issued, method, start, curve, *scored in cursor.execute(
                statement("capability/newest_forecasts"), values
            )
        }


@dataclass(frozen=True, slots=True)
class ParkScore:
    """How the forecasts of a park did over the seven days before their last issue."""

    park: str
    method: str
    issued_at: datetime
    score: Score
    """Errors are the means of its resources' quarter hours."""


def scores(connection: Connection, pilot: Pilot, now: datetime) -> list[ParkScore]:
    """The score of each park whose resources have a forecast. Raises `StoreError`.

    The method is seasonal-naive, which others are measured against: its own skill against seasonal-naive is 0.
    """
    wanted = active(pilot)
    with translated():
        found = newest(connection, wanted, now)
    by_park = sorted(found.items(), key=lambda each: wanted[each[0]].park)
    return [
        _park_score(park, [each for _, each in group])
        for park, group in groupby(by_park, key=lambda each: wanted[each[0]].park)
    ]


def _park_score(park: str, forecasts: Sequence[Forecast]) -> ParkScore:
    each = [forecast.score for forecast in forecasts]
    count = sum(one.quarters for one in each)
    mae, bias = (sum(getattr(one, name) * one.quarters for one in each) for name in ("mae_w", "bias_w"))
    total = Score(count, round(mae / count), round(bias / count), sum(one.held for one in each)) if count else UNSCORED
    return ParkScore(park, METHOD, max(forecast.issued_at for forecast in forecasts), total)


def answered_quarters(pilot: Pilot, since: datetime) -> dict[str, set[datetime]]:
    """The quarter hours since an instant in which each resource answers an event: they tell nothing of other days."""
    found: dict[str, set[datetime]] = {}
    for name, _, start, end, _ in promises(pilot, since):
        found.setdefault(name, set()).update(start + place * QUARTER for place in range((end - start) // QUARTER))
    return found


def promises(pilot: Pilot, since: datetime) -> Iterator[tuple[str, int, datetime, datetime, bool]]:
    """Each resource that was awarded in an event that ends after an instant: W, from, to, and whether it is a shave."""
    for book in pilot.events.values():
        event = book.event
        if book.awards is None or not book.alive or event.to <= since:
            continue
        for award in book.awards.awards:
            excused = book.excused(award.operator)
            for part in award.parts:
                if part.resource not in excused:
                    yield part.resource, part.w, event.from_, event.to, event.direction == "shave"


def _named(resources: Mapping[str, Resource]) -> dict[str, object]:
    return {"parks": [each.park for each in resources.values()], "resources": list(resources)}


def quarter_of(at: datetime) -> datetime:
    """The start of the quarter hour that an instant lies in, in UTC."""
    seconds = int(QUARTER.total_seconds())
    return datetime.fromtimestamp(int(at.timestamp()) // seconds * seconds, UTC)
