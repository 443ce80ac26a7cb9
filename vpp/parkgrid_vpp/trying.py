"""Trying rules on what was metered: how good a resource's baseline was over a year, and what another pack had paid."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from parkgrid_database.connection import Connection
from parkgrid_domain import calendar
from parkgrid_domain.vpp.baseline.rule import BaselineRule, read_rule
from parkgrid_domain.vpp.documents import ZERO, Award, Eligibility, Event, Resource, Rules
from parkgrid_domain.vpp.eligibility import USUAL_HOURS, Hours, days_of, rests_on, tried
from parkgrid_domain.vpp.pack import Pack
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Verdict
from parkgrid_domain.vpp.statement import Identity, Member, statement
from parkgrid_vpp.calling import baseline_text
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.evidence import read
from parkgrid_vpp.freezing import (
    adjusted_resource,
    answered,
    frozen_resource,
    least_w,
    others_of,
    pasts_of,
    resource_of,
)
from parkgrid_vpp.ledger import Act
from parkgrid_vpp.rules import EventRules
from parkgrid_vpp.settling import Basis, price_of, quarters_of_resource

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What an award would have come to under other rules."""

    event: str
    award: str
    payment_cny: Decimal
    penalty_cny: Decimal
    verdicts: Mapping[Verdict, int]
    """Quarter hours of the award."""

    @property
    def net_cny(self) -> Decimal:
        """Payment less penalty."""
        return self.payment_cny - self.penalty_cny


def eligibility(
    connection: Connection,
    pilot: Pilot,
    name: str,
    rule: BaselineRule,
    pack: Pack,
    notice_class: str,
    last: date,
    zone: ZoneInfo,
) -> Eligibility:
    """How good a resource's baseline was over the year up to `last`, to be written as its `eligibility`.

    Raises `PilotError` for a resource that is not registered or that settles on its own meter.
    """
    resource = loads(pilot, [name])[name]
    china, hours = calendar.packaged(), usual_hours(pilot, notice_class)
    first = last - _YEAR + timedelta(days=1)
    earliest = date(min(china.years), 1, 1) + timedelta(days=rule.look_back_days)
    days = days_of(max(first, earliest), last, rule, china)
    if not days:
        raise PilotError(f"no day of the year up to {last} is one that {rule.name} speaks of")
    quarters = frozenset(rests_on(days, hours, rule, zone))
    evidence = read(connection, {term.register for term in resource.meter}, quarters)
    load = evidence.metered(resource.meter, quarters).load(zone)
    return tried(resource.baseline, rule, pack, load, china, days, hours, answered(pilot).get(name, ()))


def acts_of(
    connection: Connection,
    pilot: Pilot,
    names: Sequence[str],
    pack: Pack,
    notice_class: str,
    last: date,
    zone: ZoneInfo,
) -> list[Act]:
    """The `eligibility` of resources, each by the rule that it names, after the rules that the ledger lacks."""
    rules: dict[str, Act] = {}
    found = []
    for name in names:
        baseline = loads(pilot, [name])[name].baseline
        text = baseline_text(pilot, baseline)
        rule = read_rule(text, f"{baseline}.toml")
        if rule.digest not in pilot.rules:
            rules[rule.digest] = Act(rule.digest, Rules("baseline", baseline, text))
        found.append(Act(name, eligibility(connection, pilot, name, rule, pack, notice_class, last, zone)))
    return [*rules.values(), *found]


def loads(pilot: Pilot, names: Sequence[str] = ()) -> dict[str, Resource]:
    """The resources of these names, or all, that are measured against a baseline. Raises `PilotError` for another."""
    if not names:
        return {name: each for name, each in pilot.resources.items() if each.baseline != ZERO}
    for name in names:
        resource = pilot.resources.get(name)
        if resource is None or resource.baseline == ZERO:
            lacks = "is not registered" if resource is None else "settles on its own meter and needs no baseline"
            raise PilotError(f"the resource {name} {lacks}")
    return {name: pilot.resources[name] for name in names}


def usual_hours(pilot: Pilot, notice_class: str) -> Hours:
    """The hours of most events of a notice class; without one, those that are usual."""
    hours: Counter[Hours] = Counter()
    for book in pilot.events.values():
        if book.alive and book.event.notice_class == notice_class:
            zone = ZoneInfo(book.event.zone)
            start, end = (each.astimezone(zone).time() for each in (book.event.from_, book.event.to))
            hours[Hours(start, end)] += 1
    return hours.most_common(1)[0][0] if hours else USUAL_HOURS[notice_class]


def replay(
    connection: Connection,
    pilot: Pilot,
    operator: str,
    pack: Pack,
    rule: BaselineRule,
    first: date,
    last: date,
) -> list[Replayed]:
    """What an operator would have been paid for its awards of some local days under a pack and a baseline.

    Everything is computed from the intervals as they are known now; loads take the baseline, storage and vehicles stay
    on their own meters. The price is that of the event within the pack's bounds, or the pack's fixed one. Whether the
    baseline is eligible is a question of its own: see `eligibility`. Nothing is written.
    """
    found = []
    for name, book in pilot.events.items():
        day = book.event.from_.astimezone(ZoneInfo(book.event.zone)).date()
        if book.awards is None or not book.alive or not first <= day <= last:
            continue
        rules = EventRules(pack, {rule.name: rule}, calendar.packaged(), ZoneInfo(book.event.zone))
        busy = answered(pilot, name, least_w(pack, book.awards.awards))
        price = _price(pack, price_of(book, pack))
        mine = (award for award in book.awards.awards if award.operator == operator)
        found += [_replayed(connection, pilot, book, award, rules, price, busy) for award in mine]
    return found


def _price(pack: Pack, price: Decimal) -> Decimal:
    if pack.fixed_cny_per_kwh is not None:
        return pack.fixed_cny_per_kwh
    return min(max(price, pack.least_cny_per_kwh), pack.most_cny_per_kwh)


def _replayed(
    connection: Connection,
    pilot: Pilot,
    book: EventBook,
    award: Award,
    rules: EventRules,
    price: Decimal,
    busy: Mapping[str, Collection[date]],
) -> Replayed:
    excused = book.excused(award.operator)
    parts = {part.resource: part.w for part in award.parts if part.resource not in excused}
    (rule,) = rules.baselines
    resources = {name: _with_rule(resource_of(book, pilot, name), rule) for name in parts}
    others = others_of(pilot, book, resources, rules.pack)
    bases = _bases(connection, resources, parts, rules, book, busy, others)
    quarters = tuple(quarters_of(book.event.from_, book.event.to))
    evidence = read(connection, {term.register for each in resources.values() for term in each.meter}, quarters)
    members = [
        Member(each.name, each.w, *book.contracts[each.name], quarters_of_resource(each, evidence, quarters), "")
        for each in bases
    ]
    identity = Identity(book.event_id, award.award, award.operator)
    made = statement(rules.pack, book.event.direction, price, members, identity, rules.zone)
    verdicts = Counter(each.verdict for each in made.quarters)
    return Replayed(book.event_id, award.award, made.payment, made.penalty, dict(verdicts))


def _with_rule(resource: Resource, rule: str) -> Resource:
    return resource if resource.baseline == ZERO else replace(resource, baseline=rule)


def _bases(
    connection: Connection,
    resources: Mapping[str, Resource],
    parts: Mapping[str, int],
    rules: EventRules,
    book: EventBook,
    busy: Mapping[str, Collection[date]],
    others: Mapping[str, Collection[Event]],
) -> Sequence[Basis]:
    """Baselines as they would be frozen and adjusted, from what is known now."""
    pasts = pasts_of(resources.values(), rules, quarters_of(book.event.from_, book.event.to))
    addresses = {term.register for each in resources.values() if each.baseline in pasts for term in each.meter}
    wanted = {at for past in pasts.values() for at in past.looked_at | past.today}
    evidence = read(connection, addresses, wanted)
    found = []
    for name, resource in resources.items():
        past = pasts.get(resource.baseline)
        frozen = frozen_resource(name, resource, rules, past, evidence, busy.get(name, ()), able=True)
        adjusted = adjusted_resource(frozen, resource, rules, past, evidence, book.event.direction, others[name])
        found.append(Basis(name, parts[name], resource, frozen, adjusted))
    return found
