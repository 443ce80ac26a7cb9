"""How far the pilot has come: the statements that stand, what they moved, and the stages of the resources by place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias, get_args

from parkgrid_domain.clusters.plan import plan
from parkgrid_domain.vpp.documents import QuarterTold, Statement
from parkgrid_domain.vpp.ledger import Entry
from parkgrid_domain.vpp.pilot import EventBook, Pilot, holds_on
from parkgrid_domain.vpp.settlement import Direction

Stage: TypeAlias = Literal["registered", "tested", "available", "responded", "settled"]
STAGES: tuple[Stage, ...] = get_args(Stage)
GroupKind: TypeAlias = Literal["all", "park", "cluster", "transformer"]
Standing: TypeAlias = tuple[EventBook, Entry, Statement]
"""A statement that stands, with its event and its entry."""
PAID = frozenset({"delivered", "partial"})
"""Verdicts of a response."""
_TESTED = frozenset({"joint_test", "announced", "active", "suspended"})


def standing(books: Iterable[EventBook], operator: str | None = None) -> list[Standing]:
    """The newest revision of each statement, of all operators or of one."""
    return [
        (book, *revisions[-1])
        for book in books
        for revisions in book.statements.values()
        if operator is None or revisions[-1][1].operator == operator
    ]


def moved_wh(quarters: Iterable[QuarterTold]) -> int:
    """Verified energy that went in the direction asked for, less what went the other way."""
    return sum(each.moved_wh or 0 for each in quarters)


def delivered_wh(found: Iterable[Standing], direction: Direction) -> int:
    """Energy of the quarter hours of awards that were delivered, wholly or partly."""
    return sum(
        quarter.moved_wh or 0
        for _, _, statement in found
        if statement.direction == direction
        for quarter in statement.quarters
        if quarter.verdict in PAID
    )


def available(pilot: Pilot, resource: str, day: date) -> bool:
    """Whether a resource may be awarded on a day."""
    return pilot.phase(resource, day) == "active" and _may_be_offered(pilot, resource, day)


def _may_be_offered(pilot: Pilot, resource: str, day: date) -> bool:
    contracts = (pilot.contracts[name] for name in pilot.offered.get(resource, ()))
    return any(resource in each.resources and holds_on(each, day) for each in contracts) and not pilot.unproven(
        resource
    )


def stages_of(pilot: Pilot, day: date, books: Iterable[EventBook]) -> dict[Stage, set[str]]:
    """The resources of each stage on a day, of which some answered these events; later phases do not count yet."""
    listed = list(books)
    phases = {name: [step.phase for step in steps if step.on <= day] for name, steps in pilot.phases.items()}
    staying = {name for name, reached in phases.items() if reached and reached[-1] != "left"}
    active = {name for name in staying if phases[name][-1] == "active"}
    return {
        "registered": staying,
        "tested": {name for name in staying if not _TESTED.isdisjoint(phases[name])},
        "available": {name for name in active if _may_be_offered(pilot, name, day)},
        "responded": staying & responded(listed),
        "settled": staying & responded(book for book in listed if book.state in ("settled", "closed")),
    }


def responded(books: Iterable[EventBook]) -> set[str]:
    """The resources that delivered in an event, wholly or partly."""
    return {
        resource.resource
        for _, _, statement in standing(books)
        for resource in statement.resources
        if any(quarter.verdict in PAID for quarter in resource.quarters)
    }


@dataclass(frozen=True, slots=True)
class Group:
    """The resources of one park, cluster or transformer, or all."""

    kind: GroupKind
    id: str
    name_zh: str
    """Of a park, its identifier: its name is not in the ledger."""
    name_en: str
    resources: frozenset[str]


def groups(pilot: Pilot) -> Iterator[Group]:
    """All resources, then those of each park, cluster and transformer that has some."""
    yield Group("all", "all", "全部", "All", frozenset(pilot.resources))
    for park in sorted({each.park for each in pilot.resources.values()}):
        yield Group("park", park, park, park, _in_parks(pilot, (park,)))
    for cluster in plan().clusters:
        if inside := _in_parks(pilot, cluster.parks):
            yield Group("cluster", cluster.id, cluster.name_zh, cluster.name_en, inside)
    for transformer in sorted(name for name, each in pilot.locations.items() if each.level == "transformer"):
        if inside := frozenset(name for name in pilot.resources if pilot.under(name, (transformer,))):
            name = pilot.locations[transformer].name
            yield Group("transformer", transformer, name, name, inside)


def _in_parks(pilot: Pilot, parks: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name, each in pilot.resources.items() if each.park in set(parks))
