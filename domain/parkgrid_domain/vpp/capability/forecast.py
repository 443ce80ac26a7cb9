"""The forecast of what a resource draws: seasonal-naive, the same quarter hour of the last like day; and its score.

Seasonal-naive is the method that every other one has to beat. None does here, so it is what is used, and named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from parkgrid_contract.time import SHANGHAI
from parkgrid_domain.calendar import Calendar, CalendarGapError
from parkgrid_domain.vpp.baseline.days import kind_of
from parkgrid_domain.vpp.baseline.load import Load
from parkgrid_domain.vpp.quarters import QUARTER

METHOD = "seasonal_naive"
LOOK_BACK_DAYS = 28
LIKE_DAYS = 3
"""Where the last like day was not read, or the resource answered an event then, the one before it counts."""
_WEEK = 7
_HELD = 0.9
"""So much of what was promised must have been there."""
_W_PER_WH = 4
"""Mean power of a quarter hour."""
_PERCENT = 100.0


@dataclass(frozen=True, slots=True)
class Score:
    """How forecasts did against what was metered afterwards."""

    quarters: int
    """Quarter hours that were metered and forecast; 0: nothing is known."""
    mae_w: int
    """Mean absolute error."""
    bias_w: int
    """Mean of forecast less metered: positive where too much was forecast."""
    held: int
    """Quarter hours in which nine tenths of the capability that the forecast promised were there."""

    @property
    def confidence_pct(self) -> float | None:
        """How often the promised capability was there; None where nothing was scored."""
        return _PERCENT * self.held / self.quarters if self.quarters else None


UNSCORED = Score(0, 0, 0, 0)


def like_days(calendar: Calendar, day: date) -> Iterator[date]:
    """The days before one that are of its kind (workday, weekend, holiday), the latest first.

    For a day of a year whose holidays are not known: the same days of the weeks before.
    """
    for back in range(1, LOOK_BACK_DAYS + 1):
        earlier = day - timedelta(days=back)
        try:
            like = kind_of(calendar, earlier) == kind_of(calendar, day)
        except CalendarGapError:
            like = back % _WEEK == 0
        if like:
            yield earlier


def sources(
    calendar: Calendar, start: datetime, count: int, issued_at: datetime, zone: ZoneInfo = SHANGHAI
) -> list[list[datetime]]:
    """For each quarter hour from `start` on, the same one of the last like days that were over at `issued_at`."""
    clock = Load({}, zone)
    days: dict[date, list[date]] = {}
    found = []
    for at in (start + place * QUARTER for place in range(count)):
        day = clock.day(at)
        if day not in days:
            days[day] = list(like_days(calendar, day))
        there = (clock.on([at], (earlier - day).days)[0] for earlier in days[day])
        found.append([each for each in there if each + QUARTER <= issued_at][:LIKE_DAYS])
    return found


def seasonal_naive(energy_wh: Mapping[datetime, int], places: Sequence[Sequence[datetime]]) -> list[int | None]:
    """Mean power in W of each quarter hour; None where none of its sources is sure.

    `energy_wh` is what is sure of the past, without the quarter hours in which the resource answered an event.
    """
    found = (next((energy_wh[at] for at in each if at in energy_wh), None) for each in places)
    return [None if energy is None else energy * _W_PER_WH for energy in found]


def score(
    forecasts: Sequence[tuple[datetime, Sequence[int | None]]],
    energy_wh: Mapping[datetime, int],
    most_w: int,
    sign: int,
) -> Score:
    """Compare forecasts (first quarter hour, W of each) with sure energies.

    A resource promises at most `most_w` of what it draws (`sign` 1) or gives (-1).
    """
    pairs = [
        (forecast, energy_wh[at] * _W_PER_WH)
        for start, curve in forecasts
        for at, forecast in ((start + place * QUARTER, each) for place, each in enumerate(curve))
        if forecast is not None and at in energy_wh
    ]
    if not pairs:
        return UNSCORED
    errors = [forecast - metered for forecast, metered in pairs]
    held = sum(max(0, sign * metered) >= _HELD * min(most_w, max(0, sign * forecast)) for forecast, metered in pairs)
    return Score(len(pairs), round(sum(map(abs, errors)) / len(pairs)), round(sum(errors) / len(pairs)), held)
