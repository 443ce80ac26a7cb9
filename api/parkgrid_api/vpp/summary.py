"""The headline of the pilot and its funnel."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime

from parkgrid_api.answers.vpp import EventShort, FunnelShape, PilotSummary, StageName, StageShape
from parkgrid_api.vpp.amounts import counted, head, kilo, local_day, money, standing, year_of
from parkgrid_api.vpp.events import short
from parkgrid_contract.time import to_ms
from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.vpp.documents import Statement
from parkgrid_domain.vpp.pilot import EventBook, Pilot, holds_on

Names = Mapping[str, tuple[str, str]]
"""Of parks: Chinese, English."""
STAGES: tuple[StageName, ...] = ("registered", "tested", "available", "responded", "settled")
UNDER_WAY = frozenset({"ramping", "active", "ending"})
COMING = frozenset({"published", "awarded", "notified"})
_TESTED = frozenset({"joint_test", "announced", "active", "suspended"})
_PAID = frozenset({"delivered", "partial"})
_MOST = 20
"""Events of one kind that the headline names, the newest."""


def summary(pilot: Pilot, now: datetime, names: Names) -> PilotSummary:
    """The pilot at an instant."""
    year = year_of(now)
    books = [book for book in pilot.events.values() if year_of(book.event.from_) == year]
    found = standing(books)
    return {
        "as_of_ms": to_ms(now),
        "head": head(pilot),
        "year": year,
        "events": len(pilot.events),
        "under_way": _named(pilot, UNDER_WAY),
        "coming": _named(pilot, COMING),
        "settled": len({book.event_id for book, _, _ in found}),
        "shaved_kwh": _moved(found, "shave"),
        "filled_kwh": _moved(found, "fill"),
        "money": money(statement for _, _, statement in found),
        "verdicts": counted(each for _, _, statement in found for each in statement.quarters),
        "open_disputes": sum(len(book.open_disputes()) for book in pilot.events.values()),
        "funnel": funnel(pilot, local_day(now), names),
    }


def _named(pilot: Pilot, states: frozenset[str]) -> list[EventShort]:
    """The events in one of these states that begin last, in the order in which they begin."""
    found = sorted(
        (book for book in pilot.events.values() if book.reached in states), key=lambda book: book.event.from_
    )
    return [short(book) for book in found[-_MOST:]]


def _moved(found: Iterable[tuple[EventBook, object, Statement]], direction: str) -> float:
    """Energy of the quarter hours that were delivered, wholly or partly, in kWh."""
    return kilo(
        sum(
            quarter.moved_wh or 0
            for _, _, statement in found
            if statement.direction == direction
            for quarter in statement.quarters
            if quarter.verdict in _PAID
        )
    )


def funnel(pilot: Pilot, day: date, names: Names) -> list[FunnelShape]:
    """How far the resources have come: all, then by park, cluster and transformer."""
    reached = stages_of(pilot, day)
    found = [_funnel(pilot, "all", "all", ("全部", "All"), reached)]
    for park in sorted({each.park for each in pilot.resources.values()}):
        inside = {name for name, each in pilot.resources.items() if each.park == park}
        found.append(_funnel(pilot, "park", park, names.get(park, (park, park)), _within(reached, inside)))
    for cluster in plan().clusters:
        inside = {name for name, each in pilot.resources.items() if each.park in cluster.parks}
        if inside:
            told = (cluster.name_zh, cluster.name_en)
            found.append(_funnel(pilot, "cluster", cluster.id, told, _within(reached, inside)))
    for transformer in sorted(name for name, each in pilot.locations.items() if each.level == "transformer"):
        inside = {name for name in pilot.resources if pilot.under(name, (transformer,))}
        if inside:
            name = pilot.locations[transformer].name
            found.append(_funnel(pilot, "transformer", transformer, (name, name), _within(reached, inside)))
    return found


def stages_of(pilot: Pilot, day: date) -> dict[StageName, set[str]]:
    """The resources of each stage."""
    answered = _answered(pilot.events.values())
    paid = _answered(book for book in pilot.events.values() if book.state in ("settled", "closed"))
    staying = {name for name in pilot.resources if pilot.phase(name) not in ("", "left")}
    return {
        "registered": staying,
        "tested": {name for name in staying if not _TESTED.isdisjoint(step.phase for step in pilot.phases[name])},
        "available": {name for name in staying if available(pilot, name, day)},
        "responded": staying & answered,
        "settled": staying & paid,
    }


def available(pilot: Pilot, resource: str, day: date) -> bool:
    """Whether a resource may be awarded on a day."""
    contracts = (pilot.contracts[name] for name in pilot.offered.get(resource, ()))
    bound = any(resource in each.resources and holds_on(each, day) for each in contracts)
    return bound and pilot.phase(resource) == "active" and not pilot.unproven(resource)


def _answered(books: Iterable[EventBook]) -> set[str]:
    return set(_moving(books))


def _moving(books: Iterable[EventBook]) -> Iterator[str]:
    for _, _, statement in standing(books):
        for resource in statement.resources:
            if any(quarter.verdict in _PAID for quarter in resource.quarters):
                yield resource.resource


def _within(reached: Mapping[StageName, set[str]], inside: set[str]) -> dict[StageName, set[str]]:
    return {stage: names & inside for stage, names in reached.items()}


def _funnel(
    pilot: Pilot, kind: str, name: str, told: tuple[str, str], reached: Mapping[StageName, set[str]]
) -> FunnelShape:
    stages: list[StageShape] = [
        {
            "stage": stage,
            "resources": len(reached[stage]),
            "up_kw": kilo(sum(pilot.resources[each].up_w for each in reached[stage])),
            "down_kw": kilo(sum(pilot.resources[each].down_w for each in reached[stage])),
        }
        for stage in STAGES
    ]
    return {"kind": kind, "id": name, "name_zh": told[0], "name_en": told[1], "stages": stages}  # type: ignore[typeddict-item]
