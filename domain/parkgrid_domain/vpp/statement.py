"""What an award came to, as the document of its statement: verdicts at both levels, money, and who gets which part.

    quarters of each resource ─┬─ covers ──▶ summed where sure ──▶ settled once ─────────┐
                               └─ does not ▶ settled each ──▶ exact amounts summed ──────┴─▶ payment, penalty
    payment ─▶ resources, by what each verifiably moved ─▶ operator and user, by contract
    penalty ─▶ resources, by what each verifiably lacked ─▶ operator and user, by contract

All parts sum to their whole, to the cent.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, Inexact, InvalidOperation
from zoneinfo import ZoneInfo

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.money import cents
from parkgrid_domain.vpp.documents import (
    Contract,
    FindingTold,
    IntervalTold,
    KnownLater,
    Line,
    QuarterTold,
    SettledResource,
    Statement,
)
from parkgrid_domain.vpp.forms import MOST_ITEMS
from parkgrid_domain.vpp.pack import Pack
from parkgrid_domain.vpp.settlement import (
    Direction,
    Interval,
    Judged,
    Quarter,
    Settled,
    settle,
    silent_wh,
    unverified,
)
from parkgrid_domain.vpp.shares import divided

FIRST, LATE = "first", "late data"
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


@dataclass(frozen=True, slots=True)
class Member:
    """One resource of an award, with its quarter hours."""

    resource: str
    w: int
    contract_id: str
    contract: Contract
    quarters: tuple[Quarter, ...]
    readings: str
    """SHA-256 of its evidence lines."""
    findings: tuple[FindingTold, ...] = ()
    known_later: tuple[KnownLater, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Which statement it is."""

    event: str
    award: str
    operator: str
    revision: int = 1
    supersedes: str | None = None
    """The digest of the entry of the statement before."""
    cause: str = FIRST


def statement(
    pack: Pack,
    direction: Direction,
    price: Decimal,
    members: Sequence[Member],
    identity: Identity,
    zone: ZoneInfo = SHANGHAI,
) -> Statement:
    """The statement of an award whose resources are `members`, in the award's order."""
    each = [settle(pack, direction, price, member.quarters, zone) for member in members]
    quarters = together(pack, members)
    whole = settle(pack, direction, price, quarters, zone)
    payment, penalty = (whole.payment_cny, whole.penalty_cny) if pack.covers else _summed(each)
    return Statement(
        statement=f"{identity.event}-{identity.operator}-{identity.revision}",
        award=identity.award,
        operator=identity.operator,
        revision=identity.revision,
        supersedes=identity.supersedes,
        cause=identity.cause,
        status="payable" if pack.payable else "simulation",
        pack=pack.digest,
        direction=direction,
        price=price,
        resources=tuple(
            _resource(member, settled, whole.verified_pct if pack.covers else settled.verified_pct, pack)
            for member, settled in zip(members, each, strict=True)
        ),
        quarters=_quarters(quarters, whole.judged),
        intervals=_intervals(whole.intervals) if pack.covers else (),
        payment=payment,
        penalty=penalty,
        net=payment - penalty,
        lines=lines(pack, members, each, payment, penalty, too_little=whole.verified_pct is not None),
        # More than a document holds would leave the event without a statement; they move nothing.
        known_later=tuple(known for member in members for known in member.known_later)[:MOST_ITEMS],
    )


def together(pack: Pack, members: Sequence[Member]) -> list[Quarter]:
    """The quarter hours of an award: the sums of its resources whose own quarter hour can be verified.

    One that cannot leaves award, baseline and energy alike; where none can, the first reason stands.
    """
    return [_sum_of(pack, column) for column in zip(*(member.quarters for member in members), strict=True)]


def lines(
    pack: Pack,
    members: Sequence[Member],
    each: Sequence[Settled],
    payment: Decimal,
    penalty: Decimal,
    *,
    too_little: bool = False,
) -> tuple[Line, ...]:
    """The money of each resource, and what of it is the operator's and the user's.

    `too_little`: less of the award is verified than the pack asks for.
    """
    silent = too_little and pack.unverified.penalty == "whole"
    paid = divided(payment, _weights(members, [_earned(pack, settled) for settled in each])) if members else {}
    charged = (
        divided(penalty, _weights(members, [_owed(pack, settled, silent=silent) for settled in each]))
        if members
        else {}
    )
    return tuple(_line(member, paid[member.resource], charged[member.resource]) for member in members)


def figures_differ(one: Statement, other: Statement) -> bool:
    """Whether two statements of an award differ in a verdict, an energy or an amount."""
    return _figures(one) != _figures(other)


def unverifies(former: Statement, later: Statement) -> bool:
    """Whether a quarter hour of a resource that was verified is so no more: late data may not do that by themselves.

    Else whoever fails would send false readings afterwards, and the penalty would be gone.
    """
    now = {(each.resource, quarter.at): quarter.verdict for each in later.resources for quarter in each.quarters}
    return any(
        quarter.verdict != "unverified" and now.get((each.resource, quarter.at)) == "unverified"
        for each in former.resources
        for quarter in each.quarters
    )


def _figures(told: Statement) -> Statement:
    resources = tuple(replace(each, readings="", findings=(), note="") for each in told.resources)
    same = {"statement": "", "revision": 0, "supersedes": None, "cause": "", "known_later": ()}
    return replace(told, resources=resources, **same)  # type: ignore[arg-type]


def _sum_of(pack: Pack, column: Sequence[Quarter]) -> Quarter:
    sure = [each for each in column if not unverified(pack, each)]
    silent = sum(silent_wh(pack, each) for each in column)
    if not sure:
        award_wh = sum(each.award_wh for each in column)
        return Quarter(column[0].at, award_wh, None, None, unverified(pack, column[0]), silent)
    return Quarter(
        column[0].at,
        sum(each.award_wh for each in sure),
        sum(each.baseline_wh or 0 for each in sure),
        sum(each.metered_wh or 0 for each in sure),
        silent_wh=silent,
    )


def _summed(each: Sequence[Settled]) -> tuple[Decimal, Decimal]:
    payment = _total(interval.payment_cny for settled in each for interval in settled.intervals)
    penalty = _total(interval.penalty_cny for settled in each for interval in settled.intervals)
    return cents(payment), cents(penalty)


def _earned(pack: Pack, settled: Settled) -> Decimal:
    """By what a payment is shared: what was verifiably moved, or each one's own amount where none covers another."""
    if not pack.covers:
        return _total(each.payment_cny for each in settled.intervals)
    return Decimal(sum(max(0, each.moved_wh or 0) for each in settled.judged))


def _owed(pack: Pack, settled: Settled, *, silent: bool) -> Decimal:
    """By what a penalty is shared: what was verifiably lacking, and with `silent` what cannot be verified as well."""
    if not pack.covers:
        return _total(each.penalty_cny for each in settled.intervals)
    lacking = sum(max(0, each.award_wh - each.moved_wh) for each in settled.judged if each.moved_wh is not None)
    return Decimal(lacking + (sum(each.silent_wh for each in settled.judged) if silent else 0))


def _weights(members: Sequence[Member], weights: Sequence[Decimal]) -> Mapping[str, Decimal]:
    named = {member.resource: weight for member, weight in zip(members, weights, strict=True)}
    return named if any(named.values()) else {member.resource: Decimal(member.w) for member in members}


def _line(member: Member, payment: Decimal, penalty: Decimal) -> Line:
    terms = member.contract
    paid = divided(payment, {"operator": terms.operator_pct, "user": terms.user_pct})
    charged = divided(penalty, {"operator": terms.penalty_operator_pct, "user": terms.penalty_user_pct})
    operator_part, user_part = (paid[who] - charged[who] for who in ("operator", "user"))
    return Line(member.resource, member.contract_id, payment, penalty, operator_part, user_part)


def _resource(member: Member, settled: Settled, verified_pct: Decimal | None, pack: Pack) -> SettledResource:
    return SettledResource(
        resource=member.resource,
        note=_note(settled.judged, verified_pct, pack),
        readings=member.readings,
        findings=member.findings,
        quarters=_quarters(member.quarters, settled.judged),
        intervals=() if pack.covers else _intervals(settled.intervals),
    )


def _note(judged: Sequence[Judged], verified_pct: Decimal | None, pack: Pack) -> str:
    """How many quarter hours are unverified, for each reason: `estimated 2, finding 1`; and what follows from it."""
    counts: dict[str, int] = {}
    for each in judged:
        if each.reason:
            counts[each.reason] = counts.get(each.reason, 0) + 1
    found = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()))
    if verified_pct is None:
        return found
    least = f"{pack.unverified.least_pct} %"
    too_little = f"{verified_pct} % of the award is verified, less than {least}: nothing is paid"
    return f"{found}; {too_little}" if found else too_little


def _quarters(quarters: Sequence[Quarter], judged: Sequence[Judged]) -> tuple[QuarterTold, ...]:
    return tuple(
        QuarterTold(
            quarter.at,
            quarter.award_wh,
            quarter.baseline_wh,
            quarter.metered_wh,
            quarter.unsure if verdict.moved_wh is not None else verdict.reason,
            verdict.moved_wh,
            verdict.verdict,
        )
        for quarter, verdict in zip(quarters, judged, strict=True)
    )


def _intervals(intervals: Sequence[Interval]) -> tuple[IntervalTold, ...]:
    return tuple(
        IntervalTold(
            at=each.at,
            award_kwh=_plain(each.award_kwh),
            response_kwh=_plain(each.response_kwh),
            counted_kwh=_plain(each.counted_kwh),
            payment_cny=_plain(each.payment_cny),
            penalty_cny=_plain(each.penalty_cny),
            quarters=each.quarters,
        )
        for each in intervals
    )


def _plain(amount: Decimal) -> Decimal:
    """The same number without trailing zeros, so that one amount has one text."""
    return Decimal(f"{_EXACT.normalize(amount):f}")


def _total(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for each in amounts:
        total = _EXACT.add(total, each)
    return total
