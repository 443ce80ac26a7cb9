"""A plan laid over a month: the band and price of each quarter hour, worked out once for all accounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.calendar import WORKDAY, Calendar
from parkgrid_domain.period import Period
from parkgrid_domain.tariff.plan import QUARTERS, Plan, Scope
from parkgrid_domain.tariff.usage import QUARTER_MS

NO_PRICE = -1
_QUARTER_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Prices:
    """Which price holds in which quarter hour."""

    distinct: tuple[Decimal, ...]
    """CNY/kWh."""
    place: NDArray[np.int32]
    """For each quarter hour the place in `distinct`; -1 where no price is known."""


@dataclass(frozen=True, slots=True)
class MonthPlan:
    """A plan on the quarter hours of one month."""

    plan: Plan
    period: Period
    band: NDArray[np.int8]
    """The band of each quarter hour; all 0 where the plan has no bands."""
    prices: Prices | None
    """Of the curve or the market series."""
    hot_days: tuple[date, ...]
    unknown_days: tuple[date, ...]
    """Days without a forecast, where the plan asks for one and the answer matters: taken as ordinary."""

    @property
    def count(self) -> int:
        """Quarter hours of the month."""
        return len(self.band)


def month_plan(
    plan: Plan,
    period: Period,
    calendar: Calendar,
    forecasts: Mapping[date, Decimal] | None = None,
    spot: Mapping[int, Decimal] | None = None,
) -> MonthPlan:
    """Lay a plan over a month.

    `forecasts` are maxima in °C by day, `spot` prices in CNY/kWh by the start of their quarter hour in ms. Raises
    `CalendarGapError` when the plan asks what kind of day it is and no calendar knows.
    """
    if period.zone.key != plan.zone.key:
        raise ValueError(f"plan {plan.plan_id} keeps {plan.zone.key}, the period {period.zone.key}: use the plan's")
    days, quarter, local = _clock(period)
    hot, unknown = _hot_days(plan, local, forecasts or {})
    by_day = _Days(plan, calendar, hot)
    band = np.zeros(len(days), np.int8)
    if plan.schedules:
        rows = np.array([plan.schedules[by_day.find(day, _SCHEDULE)].bands for day in local], np.int8)
        band = rows[days, quarter]
    prices = None
    if plan.curves:
        prices = _curve_prices(plan, [by_day.find(day, _CURVE) for day in local], days, quarter)
    elif plan.spot is not None:
        prices = _spot_prices(plan.spot.margin, period, len(days), spot or {})
    return MonthPlan(plan, period, band, prices, tuple(sorted(hot)), unknown)


_SCHEDULE, _CURVE = "schedules", "curves"


class _Days:
    """Finds the one schedule or curve of a day; asks the calendar only where the kind of day matters."""

    def __init__(self, plan: Plan, calendar: Calendar, hot: frozenset[date]) -> None:
        self._scopes: dict[str, list[Scope]] = {
            _SCHEDULE: [each.scope for each in plan.schedules],
            _CURVE: [each.scope for each in plan.curves],
        }
        self._calendar = calendar
        self._hot = hot

    def find(self, day: date, what: str) -> int:
        scopes = self._scopes[what]
        by_kind = len({scope.kinds for scope in scopes}) > 1
        kind = self._calendar.kind(day) if by_kind else WORKDAY
        hot = day in self._hot
        # The reader has seen to it that every day has exactly one.
        return next(place for place, scope in enumerate(scopes) if scope.holds(day, kind, hot=hot))


def _clock(period: Period) -> tuple[NDArray[np.int32], NDArray[np.int32], list[date]]:
    """For each quarter hour the number of its local day and the local quarter of that day; and the days."""
    stamps = range(period.start_ms, period.end_ms, QUARTER_MS)
    moments = [datetime.fromtimestamp(stamp / 1000, period.zone) for stamp in stamps]
    first = period.first.toordinal()
    days = np.array([moment.toordinal() - first for moment in moments], np.int32)
    quarter = np.array([moment.hour * 4 + moment.minute // _QUARTER_MINUTES for moment in moments], np.int32)
    return days, quarter, period.days


def _hot_days(
    plan: Plan, days: Sequence[date], forecasts: Mapping[date, Decimal]
) -> tuple[frozenset[date], tuple[date, ...]]:
    if plan.hot_day is None:
        return frozenset(), ()
    scopes = [*(each.scope for each in plan.schedules), *(each.scope for each in plan.curves)]
    scopes = [scope for scope in scopes if scope.weather != "any"]
    asked = [day for day in days if any((day.month, day.day) in scope.dates for scope in scopes)]
    threshold = plan.hot_day.at_least_c
    hot = frozenset(day for day in asked if day in forecasts and forecasts[day] >= threshold)
    return hot, tuple(day for day in asked if day not in forecasts)


def _curve_prices(
    plan: Plan, curve_of_day: Sequence[int], days: NDArray[np.int32], quarter: NDArray[np.int32]
) -> Prices:
    distinct = sorted({price for curve in plan.curves for price in curve.prices})
    places = {price: place for place, price in enumerate(distinct)}
    rows = np.array(
        [
            [places[price] for price in plan.curves[number].prices for _ in range(QUARTERS // _points(plan, number))]
            for number in curve_of_day
        ],
        np.int32,
    )
    return Prices(tuple(distinct), rows[days, quarter])


def _points(plan: Plan, number: int) -> int:
    return len(plan.curves[number].prices)


def _spot_prices(margin: Decimal, period: Period, count: int, spot: Mapping[int, Decimal]) -> Prices:
    found = [spot.get(period.start_ms + number * QUARTER_MS) for number in range(count)]
    distinct = sorted({price for price in found if price is not None})
    places = {price: place for place, price in enumerate(distinct)}
    place = np.array([NO_PRICE if price is None else places[price] for price in found], np.int32)
    return Prices(tuple(price + margin for price in distinct), place)
