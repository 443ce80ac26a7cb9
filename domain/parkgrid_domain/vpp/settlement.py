"""What a response amounts to: verdicts a quarter hour, counted energy, payment and penalty by a settlement pack.

    award, baseline, metered ─▶ verdict of each quarter hour
                             ─▶ by quarter hour or hour of the local clock:
                                response = direction x (baseline - metered), at least 0
                                         ─▶ counted kWh ─▶ payment
                                         ─▶ what is missing ─▶ penalty
                             ─▶ one line of each, rounded to the cent

An unverified quarter hour is neither delivered nor a breach: it leaves both sides of its interval, the award and the
response. Where a pack says how much of an award must be verified and less is, nothing is paid, and the pack says
whether the penalty counts such a quarter hour as one in which nothing was moved: silence is never worth more than a
failure. All arithmetic is exact; the only rounding is the line's, half away from zero.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from itertools import groupby
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.money import cents
from parkgrid_domain.vpp.pack import Pack
from parkgrid_domain.vpp.quarters import off_the_quarter

Direction: TypeAlias = Literal["shave", "fill"]
"""削峰, less is drawn than the baseline; 填谷, more is drawn."""
Verdict: TypeAlias = Literal["delivered", "partial", "not_delivered", "unverified"]
MOST_WH = 10**12
"""Energy of one quarter hour: four thousand gigawatts, more than any pool has."""
NO_BASELINE, NOT_ELIGIBLE = "no_baseline", "not_eligible"
_KNOWN_BEFORE = (NO_BASELINE, NOT_ELIGIBLE)
"""Reasons that were known with the award: no meter was silent."""
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
_PCT = Decimal("0.01")
_KWH = Decimal("0.001")


class SettlementError(ValueError):
    """What cannot be settled, with the value and the remedy."""


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter hour of an award, in whole Wh."""

    at: datetime
    """Its start, aware."""
    award_wh: int
    """What was awarded for it: kW x 250; at least 0."""
    baseline_wh: int | None
    metered_wh: int | None
    """Energy drawn, negative where more was given back; None where it is not known."""
    unsure: str = ""
    """Why the energy cannot be verified; empty where it can."""
    silent_wh: int | None = None
    """Of several resources together: what was awarded to those whose meters cannot be believed. None: one resource."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one quarter hour came to."""

    at: datetime
    award_wh: int
    moved_wh: int | None
    """Energy by which it went in the direction asked for, negative the other way; None where it is unverified."""
    verdict: Verdict
    reason: str
    silent_wh: int = 0
    """What was awarded and cannot be verified because of meters."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What one interval of the pack came to, exact."""

    at: datetime
    award_kwh: Decimal
    """Of its verified quarter hours; of all, where too little is verified and the penalty counts the whole award."""
    response_kwh: Decimal
    """Of its verified quarter hours together, at least 0."""
    counted_kwh: Decimal
    payment_cny: Decimal
    penalty_cny: Decimal
    """At least 0."""
    quarters: int
    """How many of its quarter hours are verified."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an award came to."""

    judged: tuple[Judged, ...]
    intervals: tuple[Interval, ...]
    payment_cny: Decimal
    """The line, rounded to the cent."""
    penalty_cny: Decimal
    verified_pct: Decimal | None = None
    """How much of the award is verified, rounded down to 0.1, where that is less than the pack asks for."""

    @property
    def net_cny(self) -> Decimal:
        """Payment less penalty; negative where the penalty is larger."""
        return self.payment_cny - self.penalty_cny


def settle(
    pack: Pack, direction: Direction, price_cny_per_kwh: Decimal, quarters: Sequence[Quarter], zone: ZoneInfo = SHANGHAI
) -> Settled:
    """Settle one award over its quarter hours, in order of time.

    Raises `SettlementError` for quarter hours that are not in order, not on the quarter, or beyond what can be.
    """
    _check(quarters, price_cny_per_kwh)
    judged = tuple(_judged(pack, direction, quarter) for quarter in quarters)
    step = timedelta(minutes=pack.interval_min)
    too_little = _too_little(pack, judged)
    intervals = tuple(
        _interval(pack, price_cny_per_kwh, at, list(members), too_little=too_little is not None)
        for at, members in groupby(judged, key=lambda each: _start(each.at, step, zone))
    )
    payment = _sum(each.payment_cny for each in intervals)
    penalty = _sum(each.penalty_cny for each in intervals)
    return Settled(judged, intervals, cents(payment), cents(penalty), too_little)


def counted(pack: Pack, award_kwh: Decimal, response_kwh: Decimal) -> Decimal:
    """What of a response counts, kWh."""
    floor = _share(award_kwh, pack.payment.from_pct)
    full = _share(award_kwh, pack.payment.full_to_pct)
    if response_kwh < floor or award_kwh == 0:
        return Decimal(0)
    if response_kwh <= full:
        return response_kwh
    return _EXACT.add(full, _share(_EXACT.subtract(response_kwh, full), pack.payment.beyond_pct))


def penalty_cny(pack: Pack, price: Decimal, award_kwh: Decimal, response_kwh: Decimal) -> Decimal:
    """What a response that is too small costs, exact; at least 0."""
    if pack.penalty is None:
        return Decimal(0)
    short = max(Decimal(0), _EXACT.subtract(_share(award_kwh, pack.penalty.below_pct), response_kwh))
    return _EXACT.multiply(_EXACT.multiply(short, price), pack.penalty.factor)


def _judged(pack: Pack, direction: Direction, quarter: Quarter) -> Judged:
    reason, silent = unverified(pack, quarter), silent_wh(pack, quarter)
    if reason or quarter.baseline_wh is None or quarter.metered_wh is None:
        return Judged(quarter.at, quarter.award_wh, None, "unverified", reason, silent)
    less_wh = quarter.baseline_wh - quarter.metered_wh
    moved_wh = less_wh if direction == "shave" else -less_wh
    return Judged(quarter.at, quarter.award_wh, moved_wh, _verdict(pack, quarter.award_wh, moved_wh), "", silent)


def unverified(pack: Pack, quarter: Quarter) -> str:
    """Why a quarter hour cannot be verified under a pack; empty where it can."""
    if quarter.baseline_wh is None:
        return quarter.unsure or "no_baseline"
    if quarter.metered_wh is None:
        return quarter.unsure or "no_reading"
    return "" if quarter.unsure == "estimated" and pack.estimated == "counts" else quarter.unsure


def silent_wh(pack: Pack, quarter: Quarter) -> int:
    """What was awarded for a quarter hour and cannot be verified because of meters, Wh."""
    if quarter.silent_wh is not None:
        return quarter.silent_wh
    reason = unverified(pack, quarter)
    return quarter.award_wh if reason and reason not in _KNOWN_BEFORE else 0


def _too_little(pack: Pack, judged: Sequence[Judged]) -> Decimal | None:
    """How much of an award is verified, in per cent, if that is less than the pack asks for."""
    sure = sum(each.award_wh for each in judged if each.moved_wh is not None)
    whole = sure + sum(each.silent_wh for each in judged)
    if not whole or 100 * sure >= pack.unverified.least_pct * whole:
        return None
    return Decimal(1000 * sure // whole) / 10


def _verdict(pack: Pack, award_wh: int, moved_wh: int) -> Verdict:
    if 100 * moved_wh >= pack.delivered_pct * award_wh:
        return "delivered"
    return "partial" if moved_wh > 0 and 100 * moved_wh >= pack.payment.from_pct * award_wh else "not_delivered"


def _interval(pack: Pack, price: Decimal, at: datetime, members: Sequence[Judged], *, too_little: bool) -> Interval:
    sure = [each for each in members if each.moved_wh is not None]
    awarded_wh = sum(each.award_wh for each in sure)
    if too_little and pack.unverified.penalty == "whole":
        awarded_wh += sum(each.silent_wh for each in members)
    award = _EXACT.multiply(Decimal(awarded_wh), _KWH)
    response = _EXACT.multiply(Decimal(max(0, sum(each.moved_wh or 0 for each in sure))), _KWH)
    counts = Decimal(0) if too_little else counted(pack, award, response)
    penalty = penalty_cny(pack, price, award, response)
    return Interval(at, award, response, counts, _EXACT.multiply(counts, price), penalty, len(sure))


def _start(at: datetime, step: timedelta, zone: ZoneInfo) -> datetime:
    local = at.astimezone(zone)
    past = timedelta(minutes=local.minute) % step
    return at - past


def _share(amount: Decimal, pct: Decimal) -> Decimal:
    return _EXACT.multiply(_EXACT.multiply(amount, pct), _PCT)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = Decimal(0)
    for each in amounts:
        total = _EXACT.add(total, each)
    return total


def _check(quarters: Sequence[Quarter], price_cny_per_kwh: Decimal) -> None:
    if not price_cny_per_kwh.is_finite() or price_cny_per_kwh < 0:
        raise SettlementError(f"the price is {price_cny_per_kwh} yuan/kWh: it is a number of at least 0")
    before: datetime | None = None
    for quarter in quarters:
        if off_the_quarter(quarter.at):
            raise SettlementError(f"{quarter.at} is not the start of a quarter hour with a zone")
        if before is not None and quarter.at <= before:
            raise SettlementError(f"{quarter.at} does not come after {before}: give each quarter hour once, in order")
        if not 0 <= quarter.award_wh <= MOST_WH:
            raise SettlementError(
                f"the award of {quarter.at} is {quarter.award_wh} Wh: it lies between 0 and {MOST_WH}"
            )
        for name, energy_wh in (("baseline", quarter.baseline_wh), ("energy", quarter.metered_wh)):
            if energy_wh is not None and abs(energy_wh) > MOST_WH:
                raise SettlementError(f"the {name} of {quarter.at} is {energy_wh} Wh: at most {MOST_WH} is possible")
        before = quarter.at
