"""When the demonstration of the pilot takes place: a workday that is over, in accelerated time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from parkgrid_contract.time import SHANGHAI, to_ms
from parkgrid_demo.prefill import HistorySpan
from parkgrid_domain.calendar import WORKDAY, Calendar, CalendarGapError

HISTORY_DAYS = 50
"""Calendar days before the event day: twenty like days are judged, each by the five before it; holidays lie between."""
_LONGEST_SEARCH = 30


class NoEventDayError(Exception):
    """No workday is known on which the demonstration could take place."""


@dataclass(frozen=True, slots=True)
class Called:
    """One call of the demonstration, in hours of the local day."""

    name: str
    from_h: int
    to_h: int


@dataclass(frozen=True, slots=True)
class Timetable:
    """The day of the demonstration."""

    day: date
    live_from: time
    """From when on the parks are read; before it lies the history."""
    calls: tuple[Called, ...]

    @property
    def span(self) -> HistorySpan:
        """The history before it: readings at every quarter hour."""
        return HistorySpan(to_ms(self.at(0) - timedelta(days=HISTORY_DAYS)), to_ms(self.opening))

    @property
    def opening(self) -> datetime:
        """When the parks begin to be read."""
        return datetime.combine(self.day, self.live_from, SHANGHAI).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """When everything has been measured: some time after the last call."""
        return self.at(max(each.to_h for each in self.calls)) + timedelta(minutes=40)

    def at(self, hour: int, minute: int = 0) -> datetime:
        """An instant of the day, by its local time."""
        return datetime.combine(self.day, time(hour, minute), SHANGHAI).astimezone(UTC)


def timetable(now: datetime, calendar: Calendar, *, short: bool) -> Timetable:
    """The last workday that is over. Raises `NoEventDayError` where the calendar knows none."""
    day = now.astimezone(SHANGHAI).date()
    for _ in range(_LONGEST_SEARCH):
        day -= timedelta(days=1)
        try:
            if calendar.kind(day) == WORKDAY:
                break
        except CalendarGapError as error:
            raise NoEventDayError(f"the demonstration needs a workday before {now:%Y-%m-%d}: {error}") from error
    shave = Called("shave", 15, 16 if short else 17)
    if short:
        return Timetable(day, time(14, 30), (shave,))
    return Timetable(day, time(10), (Called("fill", 11, 12), shave))
