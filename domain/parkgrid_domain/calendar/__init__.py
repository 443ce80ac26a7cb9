"""Chinese holidays and make-up workdays (调休): dated data, one file a year, each with its source.

A day that no file covers has no kind: whoever asks for it is told which file is missing, not given a guess.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources

from parkgrid_contract import strict_toml

WORKDAY = "workday"
"""A day on which people work, a make-up workday at a weekend included."""
WEEKEND = "weekend"
"""A Saturday or Sunday that is neither a holiday nor worked."""
HOLIDAYS = (
    "new_year",
    "spring_festival",
    "qingming",
    "labour_day",
    "dragon_boat",
    "mid_autumn",
    "national_day",
)
"""The holidays, in the order of the year; every day off of the notice counts, days moved by 调休 included."""
KINDS = (WORKDAY, WEEKEND, *HOLIDAYS)
_SATURDAY = 5


class CalendarGapError(ValueError):
    """A day is asked for that no calendar file covers."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The holidays and make-up workdays of some years."""

    holidays: Mapping[date, str]
    workdays: frozenset[date]
    years: frozenset[int]
    texts: Mapping[str, str]
    """The files it was read from: name to text, so that a closing can keep what it used."""

    def kind(self, day: date) -> str:
        """`workday`, `weekend` or the name of the holiday. Raises `CalendarGapError` for a year without a file."""
        if day.year not in self.years:
            raise CalendarGapError(
                f"{day}: no holidays are known for {day.year}: add parkgrid_domain/calendar/data/cn-{day.year}.toml"
            )
        if day in self.holidays:
            return self.holidays[day]
        return WORKDAY if day in self.workdays or day.weekday() < _SATURDAY else WEEKEND


def calendar(texts: Mapping[str, str]) -> Calendar:
    """A calendar out of the texts of its files. Raises `ValueError` for a file that contradicts itself."""
    holidays: dict[date, str] = {}
    workdays: set[date] = set()
    years = set()
    for name, text in texts.items():
        document = strict_toml.loads(text)
        for holiday in document["holidays"]:
            if holiday["name"] not in HOLIDAYS:
                raise ValueError(f"{name}: holiday {holiday['name']!r} is none of {', '.join(HOLIDAYS)}")
            holidays.update((day, holiday["name"]) for day in _days(holiday["from"], holiday["until"]))
        workdays.update(document["workdays"])
        years.add(document["year"])
    if both := sorted(workdays & holidays.keys()):
        raise ValueError(f"{both[0]} is both a holiday and a make-up workday: correct one of them")
    return Calendar(holidays, frozenset(workdays), frozenset(years), dict(texts))


@cache
def packaged() -> Calendar:
    """The calendar of the years that this version ships."""
    folder = resources.files(__name__) / "data"
    return calendar({file.name: file.read_text("utf-8") for file in _sorted(folder.iterdir())})


def _sorted(files: Iterable[resources.abc.Traversable]) -> list[resources.abc.Traversable]:
    return sorted((file for file in files if file.name.endswith(".toml")), key=lambda file: file.name)


def _days(first: date, until: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((until - first).days)]
