"""The past events of the pilot of `parkgrid up`: some twenty in a year, on workdays, of several kinds.

A year's events follow from the first day of the history alone, so that a history which was interrupted goes on with
the very same ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal

from parkgrid_contract.time import SHANGHAI
from parkgrid_demo.pilot.registry import ONE, TWO
from parkgrid_domain.calendar import WORKDAY, Calendar, CalendarGapError

Fate = Literal["settled", "cancelled", "opted_out", "silent", "disputed"]
FIRST_AFTER = timedelta(days=62)
"""From the first day of the history to the first event: forty days show how good a baseline is."""
_APART = timedelta(days=15)
_COUNT = 20
_LONGEST_SEARCH = 12
_DAY_AHEAD, _HOUR, _FAST = timedelta(hours=22), timedelta(hours=2), timedelta(minutes=45)
_SHENZHEN, _GUANGDONG, _SICHUAN = "shenzhen-precise-2023", "guangdong-2026", "sichuan-like-2023"
PRICES: Mapping[str, Mapping[str, Decimal]] = {
    ONE: {_SHENZHEN: Decimal(5), _GUANGDONG: Decimal("2.8"), _SICHUAN: Decimal("2.5")},
    TWO: {_SHENZHEN: Decimal(5), _GUANGDONG: Decimal("3.2"), _SICHUAN: Decimal(3)},
}
"""What each operator asks for, by the settlement pack, in yuan/kWh."""
OFFERS: Mapping[str, Mapping[str, int]] = {
    "shave": {"storage": 200_000, "chiller": 30_000, "compressor": 20_000, "v2g": 20_000},
    "fill": {"storage": 150_000},
}
"""What each resource offers, in W."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of call."""

    direction: Literal["shave", "fill"]
    begin: time
    hours: float
    before: timedelta
    """So long before its begin it was published."""
    pack: str
    target_kw: int
    zh: str
    en: str


_AFTERNOON = _Kind("shave", time(15), 2, _DAY_AHEAD, _SHENZHEN, 270, "午后削峰", "Afternoon peak shaving")
_MIDDAY = _Kind("fill", time(12), 2, _DAY_AHEAD, _GUANGDONG, 150, "午间填谷", "Midday valley filling")
_MORNING = _Kind("shave", time(10), 1, _HOUR, _GUANGDONG, 260, "上午削峰", "Morning peak shaving")
_URGENT = _Kind("shave", time(17), 1, _FAST, _SHENZHEN, 300, "紧急削峰", "Urgent peak shaving")
_HOT = _Kind("shave", time(14), 2, _DAY_AHEAD, _SICHUAN, 270, "高温削峰", "Hot day peak shaving")
_NOON = _Kind("fill", time(11, 30), 1, _HOUR, _GUANGDONG, 200, "光伏消纳填谷", "Valley filling at much sun")
_KINDS = (_AFTERNOON, _MIDDAY, _MORNING, _HOT, _NOON, _URGENT, _AFTERNOON, _MIDDAY, _HOT, _MORNING)
_FATES: Mapping[int, Fate] = {
    6: "silent",
    8: "disputed",
    11: "cancelled",
    13: "opted_out",
    16: "silent",
    19: "disputed",
}
"""What becomes of an event, by its place in the year; all others are settled, and nobody says anything."""


@dataclass(frozen=True, slots=True)
class PastEvent:
    """One event that is over."""

    place: int
    """In the year, from 0."""
    kind: _Kind
    day: date
    fate: Fate

    @property
    def start(self) -> datetime:
        """Its begin."""
        return datetime.combine(self.day, self.kind.begin, SHANGHAI)

    @property
    def end(self) -> datetime:
        """Its end."""
        return self.start + timedelta(hours=self.kind.hours)

    @property
    def published(self) -> datetime:
        """When it was published."""
        return self.start - self.kind.before

    @property
    def bids_until(self) -> datetime:
        """The last instant for bids: half of the time to its begin."""
        return self.published + self.kind.before / 2

    @property
    def opt_out_until(self) -> datetime:
        """The last instant to opt out."""
        return self.published + self.kind.before * 3 / 4

    @property
    def settled(self) -> datetime:
        """When every register was metered past its end."""
        return self.end + timedelta(minutes=20)

    @property
    def less(self) -> bool:
        """Whether less is to be drawn."""
        return self.kind.direction == "shave"


def past_events(first: date, until: datetime, calendar: Calendar) -> Iterator[PastEvent]:
    """The events that were settled before an instant, of a history that begins on a day."""
    for place in range(_COUNT):
        day = _workday(first + FIRST_AFTER + place * _APART, calendar)
        if day is None:
            continue
        found = PastEvent(place, _KINDS[place % len(_KINDS)], day, _FATES.get(place, "settled"))
        if found.settled < until:
            yield found


def _workday(day: date, calendar: Calendar) -> date | None:
    """The first workday from a day on; None where the calendar does not know it."""
    try:
        return next(
            found for back in range(_LONGEST_SEARCH) if calendar.kind(found := day + timedelta(days=back)) == WORKDAY
        )
    except (CalendarGapError, StopIteration):
        return None
