"""The spans that figures are published for, as people write them.

    2026-11-25              a day           2026-Q4     a quarter
    2026-11                 a month         2026        a year
    2026-11-01..2026-11-08  days, the last one excluded

Days are local to the park; Asia/Shanghai unless its data says otherwise.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from parkgrid_contract.time import SHANGHAI, Interval, to_ms

_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_QUARTER = re.compile(r"(\d{4})-Q([1-4])", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EARLIEST, _LATEST = date(2000, 1, 1), date(2200, 1, 1)
"""The years that readings can have."""
_OUTSIDE = "it is outside the years 2000 to 2199"
_QUARTER_MONTHS = 3
_LAST_MONTH = 12


@dataclass(frozen=True, slots=True)
class Period:
    """A span of whole local days, named as it was written."""

    text: str
    first: date
    """The first local day."""
    end: date
    """The local day after the last one."""
    zone: ZoneInfo = SHANGHAI

    def __str__(self) -> str:
        """The name it was written as."""
        return self.text

    @property
    def interval(self) -> Interval:
        """The half-open span of instants, from local midnight to local midnight."""
        return Interval(_midnight(self.first, self.zone), _midnight(self.end, self.zone))

    @property
    def start_ms(self) -> int:
        """Milliseconds since the epoch of its first instant."""
        return to_ms(self.interval.start)

    @property
    def end_ms(self) -> int:
        """Milliseconds since the epoch of the first instant after it."""
        return to_ms(self.interval.end)

    @property
    def days(self) -> list[date]:
        """Its local days in order."""
        return list(_each_day(self.first, self.end))


def period(text: str, zone: ZoneInfo = SHANGHAI) -> Period:
    """Read a period; a text that names none raises `ValueError` and says what is understood."""
    try:
        first, end = _bounds(text)
        if first == _LATEST:
            raise ValueError(_OUTSIDE)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not a period ({error}): write a day (2026-11-25), a month (2026-11), a quarter (2026-Q4), "
            "a year (2026) or days (2026-11-01..2026-11-08, the last one excluded)",
        ) from None
    return Period(text, first, end, zone)


def month_of(day: date, zone: ZoneInfo = SHANGHAI) -> Period:
    """The month that a local day lies in."""
    return period(f"{day.year:04}-{day.month:02}", zone)


def _bounds(text: str) -> tuple[date, date]:
    first, mark, end = text.partition("..")
    if mark:
        days = _day(first), _day(end)
        if days[0] >= days[1]:
            raise ValueError("it must end after it starts")
        return days
    if _DAY.fullmatch(text):
        day = _day(text)
        return day, day + timedelta(days=1)
    if month := _MONTH.fullmatch(text):
        return _months(int(month[1]), int(month[2]), 1)
    if quarter := _QUARTER.fullmatch(text):
        return _months(int(quarter[1]), int(quarter[2]) * _QUARTER_MONTHS - 2, _QUARTER_MONTHS)
    if _YEAR.fullmatch(text):
        return _months(int(text), 1, _LAST_MONTH)
    raise ValueError("its form is not known")


def _day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a day")
    return _within(date.fromisoformat(text))


def _within(day: date) -> date:
    if not _EARLIEST <= day <= _LATEST:
        raise ValueError(_OUTSIDE)
    return day


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    _within(date(year, month, 1))
    after = month - 1 + count
    return date(year, month, 1), date(year + after // _LAST_MONTH, after % _LAST_MONTH + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _each_day(day: date, end: date) -> Iterator[date]:
    while day < end:
        yield day
        day += timedelta(days=1)
