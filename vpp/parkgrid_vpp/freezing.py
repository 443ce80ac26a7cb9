"""Baselines of an award: frozen with it, and adjusted once when the hours before the event have been metered.

    award ─▶ every candidate day of the look-back, as its registers are known now ─▶ days with reasons, curve   `frozen`
    event day, the window before the event ─▶ factor or shift, capped                                         `adjusted`

What is frozen is taken from the document for ever: a later correction of a chosen day moves nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.baseline.curve import NOTHING, Adjusted, adjusted_by, mean_curve, window_of
from parkgrid_domain.vpp.baseline.days import Day, choose
from parkgrid_domain.vpp.baseline.load import Load
from parkgrid_domain.vpp.baseline.rule import BaselineRule
from parkgrid_domain.vpp.documents import (
    ZERO,
    AdjustedAward,
    AdjustedResource,
    Award,
    Awards,
    DayTold,
    Event,
    Frozen,
    FrozenResource,
    Resource,
)
from parkgrid_domain.vpp.eligibility import unfit
from parkgrid_domain.vpp.pack import Pack
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Direction
from parkgrid_vpp.evidence import Evidence, beside, read
from parkgrid_vpp.rules import EventRules, rules_of


@dataclass(frozen=True, slots=True)
class Past:
    """What of the past the baselines by one rule rest on."""

    quarters: tuple[datetime, ...]
    """Of the event."""
    window: tuple[datetime, ...]
    """Before it on the event day; none where the rule does not adjust."""
    looked_at: frozenset[datetime]
    """Event and window of every candidate day, and the quarter hour on each side."""

    @property
    def today(self) -> frozenset[datetime]:
        """The window of the event day, and the quarter hour on each side."""
        return beside(self.window)


def past_of(rule: BaselineRule, rules: EventRules, quarters: Sequence[datetime]) -> Past:
    """The quarter hours that a rule looks at for an event."""
    clock = Load({}, rules.zone)
    window = window_of(rule.adjustment, quarters)
    there = {
        at for back in range(1, rule.look_back_days + 1) for part in (quarters, window) for at in clock.on(part, -back)
    }
    return Past(tuple(quarters), tuple(window), frozenset(beside(there)))


def freeze(connection: Connection, pilot: Pilot, event_id: str, awards: Awards) -> list[Frozen]:
    """The frozen baselines of each award of an event, to be written in the transaction of the awards."""
    event = pilot.events[event_id].event
    rules = rules_of(pilot, event)
    quarters = quarters_of(event.from_, event.to)
    resources = {part.resource: pilot.resources[part.resource] for each in awards.awards for part in each.parts}
    pasts = pasts_of(resources.values(), rules, quarters)
    evidence = read(
        connection,
        {term.register for each in resources.values() if each.baseline in pasts for term in each.meter},
        {at for past in pasts.values() for at in past.looked_at},
    )
    busy, day = answered(pilot, event_id, least_w(rules.pack, awards.awards)), quarters[0].astimezone(rules.zone).date()
    made = {}
    for name, resource in resources.items():
        rule = rules.baselines.get(resource.baseline)
        able = rule is not None and not unfit(pilot.eligibility.get(name), rule.digest, rules.pack, day)
        made[name] = frozen_resource(
            name, resource, rules, pasts.get(resource.baseline), evidence, busy.get(name, ()), able=able
        )
    return [Frozen(each.award, tuple(made[part.resource] for part in each.parts)) for each in awards.awards]


def pasts_of(resources: Iterable[Resource], rules: EventRules, quarters: Sequence[datetime]) -> dict[str, Past]:
    """The past that each baseline in use rests on, by its name."""
    names = {resource.baseline for resource in resources} & rules.baselines.keys()
    return {name: past_of(rules.baselines[name], rules, quarters) for name in names}


def frozen_resource(
    name: str,
    resource: Resource,
    rules: EventRules,
    past: Past | None,
    evidence: Evidence,
    busy: Collection[date],
    *,
    able: bool,
) -> FrozenResource:
    """The baseline of one resource before its adjustment; `busy` are the days on which its account answered."""
    rule = rules.baselines.get(resource.baseline)
    if rule is None or past is None:
        zero = resource.baseline == ZERO
        nothing = Evidence({}).digest((), ())
        return FrozenResource(name, resource.baseline, None, (), zero, None, zero, nothing, ())
    load = evidence.metered(resource.meter, past.looked_at).load(rules.zone)
    choice = choose(rule, load, rules.calendar, past.quarters, busy)
    return FrozenResource(
        resource=name,
        baseline=resource.baseline,
        rule=rule.digest,
        days=tuple(_told(day, load, past) for day in choice.days),
        enough=choice.enough,
        curve_wh=tuple(mean_curve(load, past.quarters, choice.counting)) if choice.enough else None,
        eligible=able,
        readings=evidence.digest(resource.meter, past.looked_at),
        findings=evidence.findings(resource.meter, past.looked_at),
    )


def _told(day: Day, load: Load, past: Past) -> DayTold:
    back = (day.day - load.day(past.quarters[0])).days
    window = load.over(load.on(past.window, back)) if past.window else None
    return DayTold(day.day, day.outcome, day.energy_wh, None if window is None else sum(window), day.detail)


def adjust(connection: Connection, pilot: Pilot, event_id: str) -> list[AdjustedAward]:
    """The same-day adjustments of each frozen award that has none yet: once, when the window has been metered."""
    book = pilot.events[event_id]
    rules = rules_of(pilot, book.event)
    due = [each for award, each in book.frozen.items() if award not in book.adjusted]
    resources = {each.resource: resource_of(book, pilot, each.resource) for frozen in due for each in frozen.resources}
    pasts = pasts_of(resources.values(), rules, quarters_of(book.event.from_, book.event.to))
    evidence = read(
        connection,
        {term.register for each in resources.values() if each.baseline in pasts for term in each.meter},
        {at for past in pasts.values() for at in past.today},
    )
    others = others_of(pilot, book, resources, rules.pack)
    return [
        AdjustedAward(
            frozen.award,
            tuple(
                adjusted_resource(
                    each,
                    resources[each.resource],
                    rules,
                    pasts.get(each.baseline),
                    evidence,
                    book.event.direction,
                    others[each.resource],
                )
                for each in frozen.resources
            ),
        )
        for frozen in due
    ]


def adjusted_resource(
    frozen: FrozenResource,
    resource: Resource,
    rules: EventRules,
    past: Past | None,
    evidence: Evidence,
    direction: Direction,
    others: Collection[Event] = (),
) -> AdjustedResource:
    """The adjustment of one frozen baseline: its past from the document, the event day from the registers.

    `others` are the other events that loads of its account answered.
    """
    found, quarters = NOTHING, frozenset() if past is None else past.today
    if past is not None and frozen.curve_wh is not None and _adjusts(rules, frozen.baseline, past.window, others):
        today = evidence.metered(resource.meter, quarters).load(rules.zone).over(past.window)
        chosen = [day.window_wh for day in frozen.days if day.outcome == "counts"]
        rule = rules.baselines[frozen.baseline].adjustment
        total = None if today is None else sum(today)
        found = adjusted_by(rule, len(past.window), chosen, total, frozen.curve_wh, direction)
    return AdjustedResource(
        frozen.resource,
        found.applied,
        found.factor,
        found.shift_wh,
        found.capped,
        found.past_wh,
        found.today_wh,
        evidence.digest(resource.meter, quarters),
        evidence.findings(resource.meter, quarters),
    )


def _adjusts(rules: EventRules, baseline: str, window: Sequence[datetime], others: Collection[Event]) -> bool:
    """Whether a baseline is adjusted at all: it has a window, and not one that another event was paid for."""
    if not window:
        return False
    busy = any(each.from_ <= window[-1] and window[0] < each.to for each in others)
    return not busy or rules.baselines[baseline].adjustment.event_window == "counts"


def baseline_wh(frozen: FrozenResource, adjusted: AdjustedResource, count: int) -> list[int] | None:
    """The baseline over the quarter hours of the event; None where there is none."""
    if frozen.baseline == ZERO:
        return [0] * count
    if frozen.curve_wh is None:
        return None
    factor = Adjusted(
        adjusted.applied,
        Decimal(adjusted.factor),
        adjusted.shift_wh,
        capped=adjusted.capped,
        past_wh=adjusted.past_wh,
        today_wh=adjusted.today_wh,
    )
    return factor.of(frozen.curve_wh)


def least_w(pack: Pack, awards: Iterable[Award]) -> dict[str, Decimal]:
    """By resource, from which power on what its account was to do in another event makes that day an event day."""
    return {part.resource: pack.event_day_pct * part.w / 100 for each in awards for part in each.parts}


def answered(pilot: Pilot, but: str = "", least_w: Mapping[str, Decimal] | None = None) -> dict[str, set[date]]:
    """The local days on which each resource, or another load behind its account, answered an event.

    With `least_w` only events in which the loads of the account were awarded at least so much, by resource.
    """
    events = _by_account(pilot, but)
    return {
        name: set().union(*(_days(book) for w, book in events[resource.account] if w >= (least_w or {}).get(name, 0)))
        for name, resource in pilot.resources.items()
        if resource.baseline != ZERO and resource.account in events
    }


def others_of(pilot: Pilot, of: EventBook, resources: Mapping[str, Resource], pack: Pack) -> dict[str, list[Event]]:
    """By resource of an event, the other events that make a day an event day for it."""
    events, least = _by_account(pilot, of.event_id), least_w(pack, of.awards.awards if of.awards else ())
    return {
        name: [book.event for w, book in events.get(resource.account, ()) if w >= least.get(name, 0)]
        for name, resource in resources.items()
    }


def _by_account(pilot: Pilot, but: str) -> dict[str, list[tuple[int, EventBook]]]:
    """The events that take place, or have, with what the loads of each account were awarded in them."""
    found: dict[str, list[tuple[int, EventBook]]] = {}
    for name, book in pilot.events.items():
        if name != but and book.awards is not None and book.alive:
            for account, w in _awarded_w(pilot, book).items():
                found.setdefault(account, []).append((w, book))
    return found


def _awarded_w(pilot: Pilot, book: EventBook) -> dict[str, int]:
    """By account, what its own loads, not a metered storage behind it, were to do in an event."""
    found: dict[str, int] = {}
    for each in () if book.awards is None else book.awards.awards:
        excused = book.excused(each.operator)
        for part in each.parts:
            resource = resource_of(book, pilot, part.resource)
            if part.resource not in excused and resource.baseline != ZERO:
                found[resource.account] = found.get(resource.account, 0) + part.w
    return found


def _days(book: EventBook) -> set[date]:
    clock = Load({}, ZoneInfo(book.event.zone))
    return {clock.day(at) for at in quarters_of(book.event.from_, book.event.to)}


def resource_of(book: EventBook, pilot: Pilot, name: str) -> Resource:
    """A resource as it was registered when the event was awarded."""
    return book.resources.get(name) or pilot.resources[name]
