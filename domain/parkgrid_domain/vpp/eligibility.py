"""Whether a baseline is good enough to pay by: every past day is treated as if it had an event, and compared.

each day of a year that the rule speaks of, without an event ─▶ baseline as for an event at the usual hours
                                                              ─▶ beside what was metered: MAE, bias, RRMSE
at least so many days, errors within the pack's limits ─▶ passes; else the first reason why not
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.calendar import WORKDAY, Calendar
from parkgrid_domain.vpp.baseline.accuracy import accuracy
from parkgrid_domain.vpp.baseline.curve import adjustment, mean_curve, window_of
from parkgrid_domain.vpp.baseline.days import choose, kind_of
from parkgrid_domain.vpp.baseline.load import Load
from parkgrid_domain.vpp.baseline.rule import BaselineRule
from parkgrid_domain.vpp.documents import Eligibility
from parkgrid_domain.vpp.pack import Pack
from parkgrid_domain.vpp.quarters import quarters_of

ELIGIBLE_FOR_DAYS = 366
"""So many days after the last day that was looked at, a baseline's eligibility has to be found anew."""
_PLACES = Decimal("0.001")
_MOST_PCT = Decimal(99_999)


@dataclass(frozen=True, slots=True)
class Hours:
    """Local hours at which an event usually is; an end at or before the start lies on the next day."""

    start: time
    end: time

    def on(self, day: date, zone: ZoneInfo = SHANGHAI) -> tuple[datetime, ...]:
        """The quarter hours of an event on a local day, in UTC."""
        last = day if self.end > self.start else day + timedelta(days=1)
        start, end = datetime.combine(day, self.start, zone), datetime.combine(last, self.end, zone)
        return tuple(quarters_of(start, end))


_AFTERNOON = Hours(time(14), time(16))
USUAL_HOURS: Mapping[str, Hours] = {
    "day_ahead": _AFTERNOON,
    "hour": _AFTERNOON,
    "fast": Hours(time(14), time(15)),
    "minute": Hours(time(14), time(15)),
    "second": Hours(time(14), time(15)),
}
"""Where a notice class had no event yet: the afternoon peak of Guangdong's time of use, two hours, or one."""


def days_of(first: date, last: date, rule: BaselineRule, calendar: Calendar) -> list[date]:
    """The days from `first` to `last`, both included, that a rule speaks of."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [day for day in days if rule.like_days != "workday" or kind_of(calendar, day) == WORKDAY]


def rests_on(days: Collection[date], hours: Hours, rule: BaselineRule, zone: ZoneInfo = SHANGHAI) -> set[datetime]:
    """All quarter hours that trying a rule on days looks at."""
    clock = Load({}, zone)
    found: set[datetime] = set()
    earliest = min(days) - timedelta(days=rule.look_back_days)
    for number in range((max(days) - earliest).days + 1):
        quarters = hours.on(earliest + timedelta(days=number), clock.zone)
        found.update(quarters, window_of(rule.adjustment, quarters))
    return found


def tried(
    name: str,
    rule: BaselineRule,
    pack: Pack,
    load: Load,
    calendar: Calendar,
    days: Collection[date],
    hours: Hours,
    busy: Collection[date] = (),
) -> Eligibility:
    """How good a rule is for a load; `busy` are days with an event, `name` is what the resource calls the rule."""
    baseline: list[int] = []
    metered: list[int] = []
    count = 0
    for base, energy in _pairs(rule, load, calendar, days, hours, busy):
        baseline += base
        metered += energy
        count += 1
    found = accuracy(baseline, metered)
    mae, bias, rrmse = (
        (Decimal(0), Decimal(0), Decimal(0))
        if found is None
        else (_places(found.mae_kw), _places(found.bias_pct), _places(found.rrmse_pct))
    )
    why = "nothing was drawn on these days" if found is None else why_not(pack, count, bias, rrmse)
    return Eligibility(name, rule.digest, min(days), max(days), count, mae, bias, rrmse, passes=not why, why=why)


def why_not(pack: Pack, days: int, bias_pct: Decimal, rrmse_pct: Decimal) -> str:
    """What of the errors lies outside the limits of a pack; empty where nothing does."""
    limits = pack.eligibility
    if days < limits.least_days:
        return f"{days} days could be compared, {limits.least_days} are needed"
    if rrmse_pct > limits.rrmse_pct:
        return f"RRMSE is {rrmse_pct} %, at most {limits.rrmse_pct} % is allowed"
    if abs(bias_pct) > limits.bias_pct:
        return f"bias is {bias_pct} %, at most {limits.bias_pct} % of either sign is allowed"
    return ""


def unfit(found: Eligibility | None, digest: str | None, pack: Pack, day: date) -> str:
    """Why a load may not be paid by its baseline on a day; empty where it may.

    `found` is how good the baseline was when it was tried last, `digest` that of the text that the event names for it.
    """
    if digest is None:
        return "the event does not name this baseline"
    if found is None or found.digest != digest:
        return "this text of the baseline was not tried: `parkgrid vpp eligibility` does it"
    if not 0 <= (day - found.to).days <= ELIGIBLE_FOR_DAYS:
        return f"it was tried up to {found.to}, not within the {ELIGIBLE_FOR_DAYS} days before {day}: try it again"
    return why_not(pack, found.days, found.bias_pct, found.rrmse_pct)


def _pairs(
    rule: BaselineRule,
    load: Load,
    calendar: Calendar,
    days: Collection[date],
    hours: Hours,
    busy: Collection[date],
) -> Iterator[tuple[list[int], list[int]]]:
    """Baseline and energy of each day on which both are sure."""
    for day in sorted(set(days) - set(busy)):
        quarters = hours.on(day, load.zone)
        energy = load.over(quarters)
        if energy is None:
            continue
        choice = choose(rule, load, calendar, quarters, busy)
        if choice.enough:
            curve = mean_curve(load, quarters, choice.counting)
            yield adjustment(rule.adjustment, load, quarters, choice.counting, curve).of(curve), energy


def _places(number: float) -> Decimal:
    """Three decimal places; what is beyond all limits is told as the largest number."""
    return max(-_MOST_PCT, min(_MOST_PCT, Decimal(number))).quantize(_PLACES, ROUND_HALF_UP) + 0
