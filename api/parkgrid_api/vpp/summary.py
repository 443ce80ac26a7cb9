"""The headline of the pilot and its funnel."""

from collections.abc import Mapping
from datetime import date, datetime

from parkgrid_api.answers.vpp import EventShort, FunnelShape, PilotSummary, StageShape
from parkgrid_api.vpp.amounts import counted, head, kilo, local_day, money, year_of
from parkgrid_api.vpp.events import short
from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_domain.vpp.progress import STAGES, Group, Stage, delivered_wh, groups, stages_of, standing

Names = Mapping[str, tuple[str, str]]
"""Of parks: Chinese, English."""
UNDER_WAY = frozenset({"ramping", "active", "ending"})
COMING = frozenset({"published", "awarded", "notified"})
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
        "shaved_kwh": kilo(delivered_wh(found, "shave")),
        "filled_kwh": kilo(delivered_wh(found, "fill")),
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


def funnel(pilot: Pilot, day: date, names: Names) -> list[FunnelShape]:
    """How far the resources have come: all, then by park, cluster and transformer."""
    reached = stages_of(pilot, day, pilot.events.values())
    return [_funnel(pilot, group, names, reached) for group in groups(pilot)]


def _funnel(pilot: Pilot, group: Group, names: Names, reached: Mapping[Stage, set[str]]) -> FunnelShape:
    stages: list[StageShape] = [
        {
            "stage": stage,
            "resources": len(inside),
            "up_kw": kilo(sum(pilot.resources[each].up_w for each in inside)),
            "down_kw": kilo(sum(pilot.resources[each].down_w for each in inside)),
        }
        for stage, inside in ((stage, reached[stage] & group.resources) for stage in STAGES)
    ]
    told = group.name_zh, group.name_en
    zh, en = names.get(group.id, told) if group.kind == "park" else told
    return {"kind": group.kind, "id": group.id, "name_zh": zh, "name_en": en, "stages": stages}
