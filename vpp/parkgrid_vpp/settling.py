"""From frozen baselines and metered energy to the statements of an event: the first one, and revisions of it.

    frozen, adjusted ─▶ baseline ──┐
    registers ─▶ energy ───────────┼─▶ quarter hours of each resource ─▶ domain.vpp.statement ─▶ `statement`
    award, opt-outs, contract ─────┘

A revision is made where data that came later change a figure, or where a dispute was decided; the former one stays.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.baseline.load import Load
from parkgrid_domain.vpp.documents import (
    AdjustedResource,
    Award,
    FrozenResource,
    KnownLater,
    Resource,
    Statement,
)
from parkgrid_domain.vpp.pack import Pack
from parkgrid_domain.vpp.pilot import EventBook, Pilot
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Quarter
from parkgrid_domain.vpp.statement import FIRST, LATE, Identity, Member, figures_differ, statement, unverifies
from parkgrid_vpp.errors import PilotError
from parkgrid_vpp.evidence import Evidence, beside, read
from parkgrid_vpp.freezing import baseline_wh, resource_of
from parkgrid_vpp.rules import EventRules, rules_of

_QUARTERS_AN_HOUR = 4
_MAY_BE_KNOWN = ("counts", "not_read")
"""Outcomes of a day that may be seen differently later: another energy, or readings that were held back."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What the baseline of one resource was frozen as."""

    name: str
    w: int
    """What was awarded to it."""
    resource: Resource
    frozen: FrozenResource
    adjusted: AdjustedResource


def statements(connection: Connection, pilot: Pilot, event_id: str, cause: str = "") -> list[Statement]:
    """The statements that are to be written for an event now: the first of each award, or revisions of it.

    Without a cause a revision is made only where a figure has changed; with one, `dispute <id>`, always. Raises
    `PilotError` for an award whose baselines are not frozen and adjusted yet.
    """
    book = pilot.events[event_id]
    if book.awards is None:
        raise PilotError(f"the event {event_id} is not awarded: there is nothing to settle")
    rules = rules_of(pilot, book.event)
    quarters = quarters_of(book.event.from_, book.event.to)
    bases = {award.award: _bases(pilot, book, award) for award in book.awards.awards}
    times = times_of([each for award in bases.values() for each in award], rules, quarters)
    evidence = read_for([each for award in bases.values() for each in award], connection, times)
    made = []
    for award in book.awards.awards:
        if not bases[award.award]:
            continue  # Everybody opted out in time: there is nothing to state.
        members = [_member(book, basis, evidence, times) for basis in bases[award.award]]
        identity, former = _identity(book, award, cause)
        price = price_of(book, rules.pack)
        found = statement(rules.pack, book.event.direction, price, members, identity, rules.zone)
        # What was verified becomes unverified by a decided dispute only, never by what a site sends afterwards.
        late = former is not None and figures_differ(former, found) and not unverifies(former, found)
        if former is None or cause or late:
            made.append(found)
    return made


def price_of(book: EventBook, pack: Pack) -> Decimal:
    """The price of an awarded event, yuan/kWh: who opted out in time sets none, where the pack says so.

    A bid of which something opted out sets a price only if the least bid of the pack is left of it. Where no bid sets
    one, that of the award stands.
    """
    awards = book.awards
    if awards is None:
        raise PilotError(f"the event {book.event_id} is not awarded: it has no price")
    by_bids = book.event.setup == "pilot" and book.event.type == "invitation"
    cleared = by_bids and pack.fixed_cny_per_kwh is None
    if not cleared or pack.bidding.price_after_opt_out == "stands":
        return awards.price
    prices = []
    for each in awards.awards:
        excused = book.excused(each.operator)
        left_w = sum(part.w for part in each.parts if part.resource not in excused)
        if left_w == each.w or left_w >= max(1, pack.bidding.least_w):
            prices.append(book.bids[each.operator].bid.price)
    return max(prices, default=awards.price)


@dataclass(frozen=True, slots=True)
class Times:
    """The quarter hours that the statements of an event rest on."""

    event: tuple[datetime, ...]
    around: frozenset[datetime]
    """The event, and the quarter hour on each side."""
    days: Mapping[date, tuple[datetime, ...]]
    """The event's quarter hours on each day that counts for some baseline or was passed over unread."""


def times_of(bases: Sequence[Basis], rules: EventRules, quarters: Sequence[datetime]) -> Times:
    """The quarter hours of an event, and where they lie on the days that were chosen."""
    clock = Load({}, rules.zone)
    event_day = clock.day(quarters[0])
    days = {day.day for basis in bases for day in basis.frozen.days if day.outcome in _MAY_BE_KNOWN}
    there = {day: tuple(clock.on(quarters, (day - event_day).days)) for day in sorted(days)}
    return Times(tuple(quarters), beside(quarters), there)


def read_for(bases: Sequence[Basis], connection: Connection, times: Times) -> Evidence:
    """The event's quarter hours of every register, and those of the chosen days, read at once."""
    addresses = {term.register for basis in bases for term in basis.resource.meter}
    return read(connection, addresses, times.around.union(*times.days.values()), chosen_by=times.around)


def quarters_of_resource(basis: Basis, evidence: Evidence, quarters: tuple[datetime, ...]) -> tuple[Quarter, ...]:
    """What one resource was to do, would have drawn and drew in each quarter hour of an event."""
    metered = evidence.metered(basis.resource.meter, quarters)
    baseline = baseline_wh(basis.frozen, basis.adjusted, len(quarters))
    reason = "no_baseline" if baseline is None else "" if basis.frozen.eligible else "not_eligible"
    award_wh = basis.w // _QUARTERS_AN_HOUR
    return tuple(
        Quarter(
            at,
            award_wh,
            None if baseline is None else baseline[place],
            metered.energy_wh.get(at),
            reason or metered.unsure.get(at, ""),
        )
        for place, at in enumerate(quarters)
    )


def _bases(pilot: Pilot, book: EventBook, award: Award) -> list[Basis]:
    """The parts of an award that are still in it, in its order, with what their baselines were frozen as."""
    frozen, adjusted = book.frozen.get(award.award), book.adjusted.get(award.award)
    if frozen is None or adjusted is None:
        lacks = "frozen" if frozen is None else "adjusted"
        raise PilotError(f"the baselines of {award.award} are not {lacks} yet: that comes before its statement")
    of_frozen = {each.resource: each for each in frozen.resources}
    of_adjusted = {each.resource: each for each in adjusted.resources}
    excused = book.excused(award.operator)
    return [
        Basis(
            part.resource,
            part.w,
            resource_of(book, pilot, part.resource),
            of_frozen[part.resource],
            of_adjusted[part.resource],
        )
        for part in award.parts
        if part.resource not in excused
    ]


def _identity(book: EventBook, award: Award, cause: str) -> tuple[Identity, Statement | None]:
    """Which statement comes next for an award, and the one that stands."""
    revisions = book.statements.get(award.award, [])
    entry, former = revisions[-1] if revisions else (None, None)
    identity = Identity(
        event=book.event_id,
        award=award.award,
        operator=award.operator,
        revision=len(revisions) + 1,
        supersedes=None if entry is None else entry.digest,
        cause=cause or (FIRST if former is None else LATE),
    )
    return identity, former


def _member(book: EventBook, basis: Basis, evidence: Evidence, times: Times) -> Member:
    contract_id, contract = book.contracts[basis.name]
    return Member(
        resource=basis.name,
        w=basis.w,
        contract_id=contract_id,
        contract=contract,
        quarters=quarters_of_resource(basis, evidence, times.event),
        readings=evidence.digest(basis.resource.meter, times.around),
        findings=evidence.findings(basis.resource.meter, times.event),
        known_later=tuple(_known_later(basis, evidence, times)),
    )


def _known_later(basis: Basis, evidence: Evidence, times: Times) -> Iterator[KnownLater]:
    """The days, chosen or not read, whose energy over the event is another now than when the baseline was frozen."""
    chosen = [day for day in basis.frozen.days if day.outcome in _MAY_BE_KNOWN]
    totals = evidence.totals(basis.resource.meter, tuple(times.days[day.day] for day in chosen))
    for day, now_wh in zip(chosen, totals, strict=True):
        if now_wh != day.energy_wh:
            yield KnownLater(basis.name, day.day, day.energy_wh, now_wh)
