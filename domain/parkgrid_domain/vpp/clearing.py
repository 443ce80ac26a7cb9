"""Clearing: the bids of an event become awards, the cheapest first, and whoever gets nothing is told why.

    bids by price, then by entry ─▶ each part: may it be awarded? ─▶ taken until the target is reached
                                                └─ no: the reason           └─ the last part is cut to the target

What nobody delivers of the target is `short_w`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from parkgrid_domain.vpp.baseline.rule import read_rule
from parkgrid_domain.vpp.documents import (
    ZERO,
    Award,
    Awards,
    Bid,
    CapabilityTest,
    Event,
    Loser,
    Part,
    Resource,
    Term,
)
from parkgrid_domain.vpp.eligibility import unfit
from parkgrid_domain.vpp.forms import MOST_ITEMS
from parkgrid_domain.vpp.pack import Pack, read_pack
from parkgrid_domain.vpp.pilot import EventBook, Pilot, day_of
from parkgrid_domain.vpp.quarters import quarters_of
from parkgrid_domain.vpp.settlement import Direction

STEP_W = 100
"""What is bid and awarded comes in steps of 0.1 kW."""
_LONGEST_REASON = 500
"""A document that says more is refused, and then the event would have no award at all."""


MOST_QUARTERS, MOST_READINGS = 40_000, 1_500_000
"""Of one award: quarter hours of its resources, which its statement holds one by one, and lines of readings in a bundle
of it. A larger one could not be stored or verified: a document has at most 32 MB, the verifier reads two million
lines."""
_REVISIONS = 4
"""So many statements of an award fit in a bundle at least."""


@dataclass(frozen=True, slots=True)
class SiteMeters:
    """What is known of the grid meters behind which resources lie."""

    registers: Collection[str] = ()
    """Those of grid meters: behind one lies everything of an account."""
    one_supply: Collection[str] = ()
    """Parks that have one grid meter: behind it lies everything of the park, whatever its account."""


_NO_SITE = SiteMeters()


@dataclass(slots=True)
class _Cleared:
    """What was taken so far."""

    left_w: int
    counted: "_Counted"
    taken: dict[str, str] = field(default_factory=dict)
    """Resource to the bid that it was awarded with."""
    awards: list[Award] = field(default_factory=list)
    losers: list[Loser] = field(default_factory=list)
    price: Decimal = Decimal(0)
    """The highest accepted."""

    def lost(self, bid: Bid, resource: str | None, reason: str) -> None:
        """Note a bid, or one part of it, that gets nothing or less."""
        self.losers.append(_loser(bid.bid, bid.operator, resource, reason))


@dataclass(slots=True)
class _Counted:
    """The registers that awards at the same time rest on, so that one kWh is never paid twice."""

    site_meters: SiteMeters
    by: dict[Term, str] = field(default_factory=dict)
    """A register with its sign, and the resource that counts it."""
    resources: dict[str, Resource] = field(default_factory=dict)
    """As people are told of them, for example `storage-1 in ev-2`."""
    own_meters: Mapping[str, Sequence[tuple[str, Resource]]] = field(default_factory=dict)
    """By park, what settles on its own meter, awarded or not: it is taken out of its site before the baseline."""

    @classmethod
    def elsewhere(cls, pilot: Pilot, event: Event, site_meters: SiteMeters) -> "_Counted":
        """What events that overlap rest on."""
        own: dict[str, list[tuple[str, Resource]]] = {}
        for name, each in pilot.resources.items():
            if each.baseline == ZERO and pilot.phase(name, day_of(event)) not in ("", "left"):
                own.setdefault(each.park, []).append((name, each))
        found = cls(site_meters, own_meters=own)
        for book in pilot.overlapping(event.from_, event.to):
            for award in () if book.awards is None else book.awards.awards:
                for part in award.parts:
                    if part.resource not in book.excused(award.operator):
                        found.add(f"{part.resource} in {book.event_id}", book.resources[part.resource])
        return found

    def twice(self, name: str, resource: Resource) -> str:
        """Why a resource may not be awarded, by itself or beside the others; empty if it may."""
        of_site = resource.baseline == ZERO and next(
            (each.register for each in resource.meter if each.register in self.site_meters.registers), None
        )
        if of_site:
            return (
                f"{name} settles on its own meter, but {of_site} is a grid meter's: it would be paid for all that the"
                " site draws"
            )
        shared = next((each for each in resource.meter if each in self.by), None)
        if shared is not None:
            return f"the register {shared.register} of {name} is counted for {self.by[shared]}: it is not paid twice"
        beside = ((other, each) for other, each in self.resources.items() if self._may_share(resource, each))
        for other, each in beside:
            for (of_site, site), (of_own, own) in (
                ((name, resource), (other, each)),
                ((other, each), (name, resource)),
            ):
                inside = self._inside(site, own)
                if inside:
                    return (
                        f"the meter of {of_site} shows what {of_own} does as well: take {inside} out of the formula of"
                        f" {of_site}, else it is paid twice"
                    )
        return self._not_taken_out(name, resource)

    def _not_taken_out(self, name: str, site: Resource) -> str:
        """Why a site may not be awarded without a storage: whoever charges it before an event raises the baseline."""
        for own, each in self.own_meters.get(site.park, ()) if self._by_site_meter(site) else ():
            inside = self._inside(site, each) if self._may_share(each, site) else ""
            if inside:
                return (
                    f"the meter of {name} shows what {own} does as well: take {inside} out of the formula of {name},"
                    " else its charging is in the baseline"
                )
        return ""

    def _inside(self, site: Resource, own: Resource) -> str:
        """A register behind a site's meter that the formula of the site does not take out; empty if there is none."""
        if site.baseline == ZERO or not self._by_site_meter(site) or self._by_site_meter(own):
            return ""
        out = {(each.register, -each.sign) for each in site.meter}
        return next((each.register for each in own.meter if (each.register, each.sign) not in out), "")

    def _may_share(self, one: Resource, other: Resource) -> bool:
        # An account has one park.
        if one.park != other.park:
            return False
        return one.account == other.account or one.park in self.site_meters.one_supply

    def _by_site_meter(self, resource: Resource) -> bool:
        return any(each.register in self.site_meters.registers for each in resource.meter)

    def add(self, name: str, resource: Resource) -> None:
        """Note an awarded resource."""
        self.by.update(dict.fromkeys(resource.meter, name))
        self.resources[name] = resource


@dataclass(slots=True)
class _Size:
    """How large the statement of an award and the bundle of it become."""

    quarters: int = 0
    readings: int = 0

    def beyond(self, pilot: Pilot, event: Event, resource: Resource) -> str:
        """Why one more resource is too much; empty, and it is counted, where it is not."""
        count = len(quarters_of(event.from_, event.to))
        lines = _REVISIONS * (count + 2)
        if resource.baseline != ZERO:
            text = pilot.rules[event.rules.baselines[resource.baseline]].text
            rule = read_rule(text, resource.baseline)
            window = (rule.adjustment.from_min - rule.adjustment.to_min) // 15
            # Each quarter hour of the event and of the window, and the one on each side.
            lines += rule.look_back_days * (count + window + 4) + window + 2
        quarters, readings = self.quarters + count, self.readings + lines * len(resource.meter)
        if quarters > MOST_QUARTERS or readings > MOST_READINGS:
            return (
                f"the award is too large to be settled and verified: at most {MOST_QUARTERS} quarter hours of resources"
                f" and {MOST_READINGS} readings; call a shorter event, or offer less through one operator"
            )
        self.quarters, self.readings = quarters, readings
        return ""


def clear(pilot: Pilot, event_id: str, pack: Pack, site_meters: SiteMeters = _NO_SITE) -> Awards:
    """The awards of a published event from the bids that the ledger holds."""
    book = pilot.events[event_id]
    cleared = _Cleared(book.event.target_w, _Counted.elsewhere(pilot, book.event, site_meters))
    for offered in sorted(book.bids.values(), key=lambda each: (each.bid.price, each.number)):
        bid = offered.bid
        why = _price_refused(pack, bid)
        if why:
            cleared.lost(bid, None, why)
        else:
            _take(pilot, book, bid, cleared, pack.bidding.least_w)
    price = cleared.price if pack.fixed_cny_per_kwh is None else pack.fixed_cny_per_kwh
    return Awards(price, tuple(cleared.awards), _told(cleared.losers), cleared.left_w)


def award_id(event_id: str, bid: Bid) -> str:
    """The identifier of the award of an operator in an event."""
    return f"{event_id}-{bid.operator}"


def part_refused(pilot: Pilot, book: EventBook, operator: str, part: Part) -> str:
    """Why a part of a bid may not be awarded, with the values; empty if it may."""
    return next(_reasons(pilot, book, operator, part), "")


def _loser(bid: str, operator: str, resource: str | None, reason: str) -> Loser:
    return Loser(bid, operator, resource, reason if len(reason) <= _LONGEST_REASON else f"{reason[:497]}...")


def _told(losers: Sequence[Loser]) -> tuple[Loser, ...]:
    """As many as a document holds; the last one says how many there were."""
    if len(losers) <= MOST_ITEMS:
        return tuple(losers)
    left = losers[MOST_ITEMS - 1]
    more = f"{len(losers) - MOST_ITEMS + 1} more that get nothing or less are not told"
    return *losers[: MOST_ITEMS - 1], Loser(left.bid, left.operator, None, more)


def _take(pilot: Pilot, book: EventBook, bid: Bid, cleared: _Cleared, least_w: int) -> None:
    able = _able(pilot, book, bid, cleared)
    able_w = sum(part.w for part in able)
    if able and able_w < least_w:
        cleared.lost(bid, None, f"{able_w} W may be awarded, which is less than the least bid of {least_w} W")
        return
    parts, size = [], _Size()
    for part in able:
        if not cleared.left_w:
            cleared.lost(bid, part.resource, "not needed: cheaper or earlier bids reach the target")
            continue
        why = size.beyond(pilot, book.event, pilot.resources[part.resource])
        if why:
            cleared.lost(bid, part.resource, why)
            continue
        got = min(part.w, cleared.left_w)
        if got < part.w:
            cleared.lost(bid, part.resource, f"cut from {part.w} W to {got} W: the target is reached")
        cleared.left_w -= got
        cleared.taken[part.resource] = bid.bid
        cleared.counted.add(part.resource, pilot.resources[part.resource])
        parts.append(Part(part.resource, got))
    if parts:
        total = sum(part.w for part in parts)
        cleared.awards.append(Award(award_id(book.event_id, bid), bid.bid, bid.operator, total, tuple(parts)))
        cleared.price = max(cleared.price, bid.price)


def _able(pilot: Pilot, book: EventBook, bid: Bid, cleared: _Cleared) -> list[Part]:
    """The parts of a bid that may be awarded; the others are told why not.

    Each is compared with the earlier parts of the bid as well: what is refused of it does not make up its least size.
    """
    able, of_bid = [], _Counted(cleared.counted.site_meters)
    for part in bid.parts:
        why = part_refused(pilot, book, bid.operator, part)
        if not why and part.resource in cleared.taken:
            why = f"{part.resource} is awarded with the bid {cleared.taken[part.resource]}, which is cheaper or earlier"
        if not why:
            resource = pilot.resources[part.resource]
            why = cleared.counted.twice(part.resource, resource) or of_bid.twice(part.resource, resource)
        if why:
            cleared.lost(bid, part.resource, why)
        else:
            of_bid.add(part.resource, pilot.resources[part.resource])
            able.append(part)
    return able


def _price_refused(pack: Pack, bid: Bid) -> str:
    if pack.least_cny_per_kwh <= bid.price <= pack.most_cny_per_kwh:
        return ""
    bounds = f"{pack.least_cny_per_kwh} to {pack.most_cny_per_kwh} yuan/kWh"
    return f"the price {bid.price} yuan/kWh lies outside the bounds of {pack.pack_id}, {bounds}"


def _reasons(pilot: Pilot, book: EventBook, operator: str, part: Part) -> Iterator[str]:
    name, event = part.resource, book.event
    resource = pilot.resources.get(name)
    if resource is None:
        yield f"the resource {name} is not registered"
        return
    if name in book.excused(operator):
        yield "opted out"
    day, wanted = day_of(event), pilot.contract_type(event)
    phase = pilot.phase(name, day)
    if phase != "active":
        yield f"not active: {name} is {phase or 'not yet registered for the pilot'}"
    if pilot.contract_of(operator, name, day, wanted) is None:
        of_type = f" of the type {wanted}" if wanted else ""
        yield f"no contract{of_type} of {operator} for {name} is in force on {day}"
    unproven = pilot.unproven(name)
    if unproven:
        yield f"not proven where it lies: {', '.join(unproven)}"
    if not pilot.under(name, event.targets):
        yield f"not under the targets: {', '.join(event.targets)}"
    most = resource.up_w if event.direction == "shave" else resource.down_w
    if part.w > most:
        yield f"{part.w} W is more than the {most} W that {name} is registered with"
    tested = shown_w(pilot.tests.get(name, ()), event.direction)
    if tested is not None and part.w > tested:
        yield f"{part.w} W is more than the {tested} W that {name} showed in its last test: have it tested again"
    yield from _unfit(pilot, event, name, resource)
    yield from _in_time(event, resource.notice_min)
    other = pilot.promised(name, event.from_, event.to)
    if other is not None:
        yield f"{name} is awarded in {other}, which overlaps"


def _unfit(pilot: Pilot, event: Event, name: str, resource: Resource) -> Iterator[str]:
    """A method that fails cannot pay: else a bid that nobody can be charged for would set the price."""
    if resource.baseline == ZERO:
        return
    pack = read_pack(pilot.rules[event.rules.pack].text, "pack")
    digest = event.rules.baselines.get(resource.baseline)
    why = unfit(pilot.eligibility.get(name), digest, pack, day_of(event))
    if why:
        yield f"{name} cannot be paid by its baseline {resource.baseline}: {why}"


def _in_time(event: Event, notice_min: int) -> Iterator[str]:
    given = event.from_ - event.bids_until
    if given < timedelta(minutes=notice_min):
        yield f"needs {notice_min} min of notice; between award and begin are {given // timedelta(minutes=1)} min"


def shown_w(tests: Sequence[CapabilityTest], direction: Direction) -> int | None:
    """What a resource showed in its last test in the direction of an event, W; None where it was not tested in it.

    That is the agreed step if nine tenths of it were reached, else the most that it held for a quarter hour.
    """
    sign = -1 if direction == "shave" else 1
    last = next((each for each in reversed(tests) if each.step_w * sign > 0), None)
    if last is None:
        return None
    if last.reached_min is not None:
        return abs(last.step_w)
    return max((sign * (each.mean_w - last.before_w) for each in last.quarters), default=0)


def _most_w(pilot: Pilot, name: str, direction: Direction) -> int:
    """What a resource is registered with, at most what it showed."""
    resource, tested = pilot.resources[name], shown_w(pilot.tests.get(name, ()), direction)
    registered = resource.up_w if direction == "shave" else resource.down_w
    return registered if tested is None else min(registered, max(0, tested))


@dataclass(frozen=True, slots=True)
class FromAbove:
    """What a platform above gives one operator."""

    name: str
    """The identifier that the platform gives it."""
    operator: str
    w: int
    parts: tuple[Part, ...] = ()
    """By resource; none: it is spread here."""


def from_above(
    pilot: Pilot, event_id: str, price: Decimal, given: Sequence[FromAbove], site_meters: SiteMeters = _NO_SITE
) -> Awards:
    """The awards of an event as a platform above gives them, each spread over its operator's resources.

    A resource that may not be awarded is left out with its reason; what is beyond all of them is said as well.
    """
    book = pilot.events[event_id]
    awards, losers, counted = [], [], _Counted.elsewhere(pilot, book.event, site_meters)
    for each in given:
        parts: tuple[Part, ...] = ()
        size = _Size()
        for part in each.parts or _spread(pilot, book, each):
            why = part_refused(pilot, book, each.operator, part)
            why = why or counted.twice(part.resource, pilot.resources[part.resource])
            why = why or size.beyond(pilot, book.event, pilot.resources[part.resource])
            if why:
                losers.append(_loser(each.name, each.operator, part.resource, why))
            else:
                counted.add(part.resource, pilot.resources[part.resource])
                parts = (*parts, part)
        total = sum(part.w for part in parts)
        if total < each.w:
            left = f"{each.w - total} W of the {each.w} W from above are beyond the resources of {each.operator}"
            losers.append(_loser(each.name, each.operator, None, left))
        if parts:
            awards.append(Award(f"{event_id}-{each.operator}", each.name, each.operator, total, parts))
    short_w = max(0, book.event.target_w - sum(each.w for each in awards))
    return Awards(price, tuple(awards), _told(losers), short_w)


def _spread(pilot: Pilot, book: EventBook, given: FromAbove) -> tuple[Part, ...]:
    day, wanted = day_of(book.event), pilot.contract_type(book.event)
    most = {
        name: _most_w(pilot, name, book.event.direction)
        for name in sorted(pilot.resources)
        if pilot.contract_of(given.operator, name, day, wanted) is not None
    }
    able = [
        (name, w)
        for name, w in most.items()
        if w >= STEP_W and not part_refused(pilot, book, given.operator, Part(name, w // STEP_W * STEP_W))
    ]
    return shared(given.w, able)


def shared(total_w: int, most_w: Sequence[tuple[str, int]], step_w: int = STEP_W) -> tuple[Part, ...]:
    """An award from above over an operator's resources, each at most its own power, in proportion to it.

    What is left by rounding to `step_w` goes to the resources in their order. What is beyond all of them is not shared:
    compare the sum of the parts with `total_w`.
    """
    all_w = sum(most // step_w * step_w for _, most in most_w)
    wanted = min(total_w, all_w) // step_w * step_w
    given = {
        name: wanted * (most // step_w * step_w) // all_w // step_w * step_w if all_w else 0 for name, most in most_w
    }
    for name, most in most_w:
        room = most // step_w * step_w - given[name]
        given[name] += min(room, wanted - sum(given.values()))
    return tuple(Part(name, w) for name, w in given.items() if w)
