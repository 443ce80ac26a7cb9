"""The curve of a baseline and its same-day adjustment: whole Wh a quarter hour, rounded half away from zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal, TypeAlias

from parkgrid_domain.vpp.baseline.load import Load, mean_wh
from parkgrid_domain.vpp.baseline.rule import Adjustment
from parkgrid_domain.vpp.quarters import quarters_of

Applied: TypeAlias = Literal["none", "factor", "shift", "not_read"]
PLACES = Decimal("0.000001")
"""A factor is frozen with six decimal places, half away from zero."""


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The same-day adjustment of a curve, as it is frozen."""

    applied: Applied
    """`shift` also where a factor is asked for and the days show no positive load in the window; `not_read` where the
    window of the event day is not sure: then the curve stays as it is, or is shifted against the site by the rule."""
    factor: Decimal
    """1 unless a factor is applied."""
    shift_wh: int
    """Added to each quarter hour; 0 unless a shift is applied, or the window was not read and the rule says so."""
    capped: bool
    past_wh: int | None
    """Mean of the chosen days over the window, Wh a quarter hour."""
    today_wh: int | None
    """The same of the event day."""

    def of(self, curve_wh: Sequence[int]) -> list[int]:
        """The baseline: the curve with the adjustment on it."""
        return [_whole(Fraction(self.factor) * each) + self.shift_wh for each in curve_wh]


NOTHING = Adjusted("none", Decimal(1), 0, capped=False, past_wh=None, today_wh=None)


def mean_curve(load: Load, quarters: Sequence[datetime], days: Sequence[date]) -> list[int]:
    """The mean of days over an event's quarter hours. Raises `ValueError` without a day or for one that is not sure."""
    rows = [_sure(load, quarters, day) for day in days]
    if not rows:
        raise ValueError("a baseline needs at least one day")
    return [mean_wh(sum(column), len(rows)) for column in zip(*rows, strict=True)]


def window_of(rule: Adjustment, quarters: Sequence[datetime]) -> list[datetime]:
    """The quarter hours before an event by which its curve is adjusted; none where the rule does not adjust."""
    if rule.kind == "none":
        return []
    start = quarters[0]
    return quarters_of(start - timedelta(minutes=rule.from_min), start - timedelta(minutes=rule.to_min))


def adjustment(
    rule: Adjustment, load: Load, quarters: Sequence[datetime], days: Sequence[date], curve_wh: Sequence[int]
) -> Adjusted:
    """The adjustment by the hours before the event, over the chosen days and the event day."""
    window = window_of(rule, quarters)
    past = [_total(load.over(load.on(window, (day - load.day(quarters[0])).days))) for day in days]
    return adjusted_by(rule, len(window), past, _total(load.over(window)), curve_wh)


def adjusted_by(
    rule: Adjustment,
    count: int,
    past_wh: Sequence[int | None],
    today_wh: int | None,
    curve_wh: Sequence[int],
    direction: Literal["shave", "fill"] | None = None,
) -> Adjusted:
    """The adjustment by sums over a window of `count` quarter hours: of the chosen days, and of the event day.

    None is a sum that is not sure; a chosen day without one is left out. `direction` is that of the event; without it,
    as where a rule is only tried, a window that is not sure moves nothing.
    """
    if rule.kind == "none":
        return NOTHING
    known = [each for each in past_wh if each is not None]
    if today_wh is None or not known:
        against = 0 if direction is None else _against(rule, curve_wh, direction)
        return Adjusted("not_read", Decimal(1), against, capped=False, past_wh=None, today_wh=None)
    exact_past, exact_today = Fraction(sum(known), len(known) * count), Fraction(today_wh, count)
    means = mean_wh(sum(known), len(known) * count), mean_wh(today_wh, count)
    if rule.kind == "multiplicative" and exact_past > 0 and exact_today >= 0:
        wanted = exact_today / exact_past
        factor = min(max(wanted, _part(rule.least_pct)), _part(rule.most_pct))
        return Adjusted("factor", _places(factor), 0, factor != wanted, *means)
    wanted = exact_today - exact_past
    mean = _mean(curve_wh)
    low, high = (_part(rule.least_pct) - 1) * mean, (_part(rule.most_pct) - 1) * mean
    shift = min(max(wanted, low), high)
    return Adjusted("shift", Decimal(1), _whole(shift), shift != wanted, *means)


def _against(rule: Adjustment, curve_wh: Sequence[int], direction: Literal["shave", "fill"]) -> int:
    """A shift that is not in the site's favour: a reading that is held back must not be worth an adjustment."""
    part = _part(rule.unread_pct) * _mean(curve_wh)
    return _whole(-part if direction == "shave" else part)


def _mean(curve_wh: Sequence[int]) -> Fraction:
    return Fraction(abs(sum(curve_wh)), len(curve_wh))


def _total(energy_wh: Sequence[int] | None) -> int | None:
    return None if energy_wh is None else sum(energy_wh)


def _sure(load: Load, quarters: Sequence[datetime], day: date) -> list[int]:
    there = load.on(quarters, (day - load.day(quarters[0])).days)
    found = load.over(there)
    if found is None:
        raise ValueError(f"{day} is not sure over the event: {load.why(there)}")
    return found


def _part(pct: Decimal) -> Fraction:
    return Fraction(pct) / 100


def _places(number: Fraction) -> Decimal:
    return (Decimal(number.numerator) / Decimal(number.denominator)).quantize(PLACES, ROUND_HALF_UP)


def _whole(number: Fraction) -> int:
    return mean_wh(number.numerator, number.denominator)
