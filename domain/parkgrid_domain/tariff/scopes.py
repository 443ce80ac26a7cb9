"""Which days a schedule or curve is for, and whether all days of a year have exactly one."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import groupby, product

from parkgrid_domain.calendar import HOLIDAYS, KINDS
from parkgrid_domain.rule_file import Fields
from parkgrid_domain.tariff.plan import BANDS, QUARTERS, Scope, Weather

_LEAP_YEAR = 2024
YEAR = tuple(date(_LEAP_YEAR, 1, 1) + timedelta(days=number) for number in range(366))
"""Every day that a year can have."""
_RANGE = re.compile(r"(\d\d-\d\d)\.\.(\d\d-\d\d)")
_TIME = re.compile(r"([01]\d|2[0-4]):(00|15|30|45)")
_WEATHERS = ("any", "ordinary", "hot")


def scope(fields: Fields, place: int) -> Scope:
    """The days of one schedule or curve; without a condition it is for all days."""
    months = set(fields.choices("months", range(1, 13), range(1, 13)))
    dates = _dates(fields) if fields.has("dates") else {day for day in YEAR if day.month in months}
    if fields.has("dates") and fields.has("months"):
        fields.wrong("dates", "…", "give either months or dates, not both")
    kinds = set(fields.choices("days", (*KINDS, "holiday"), KINDS))
    if "holiday" in kinds:
        kinds = (kinds - {"holiday"}) | set(HOLIDAYS)
    weather: Weather = fields.choice("weather", _WEATHERS, "any")  # type: ignore[assignment]
    name = fields.text("name", "what people call these days", f"{place + 1}")
    return Scope(name, frozenset((day.month, day.day) for day in dates), frozenset(kinds), weather)


def _dates(fields: Fields) -> set[date]:
    text = fields.text("dates", "for example 12-15..02-28, both included")
    match = _RANGE.fullmatch(text)
    try:
        first, last = (date.fromisoformat(f"{_LEAP_YEAR}-{part}") for part in match.groups()) if match else (None, None)
    except ValueError:
        first = last = None
    if first is None or last is None:
        fields.wrong("dates", text, "must be two days of the year, both included, for example 12-15..02-28")
        return set()
    if first <= last:
        return {day for day in YEAR if first <= day <= last}
    return {day for day in YEAR if day >= first or day <= last}


def day_bands(fields: Fields) -> tuple[int, ...]:
    """The band of every quarter hour; gaps and overlaps of the day are reported."""
    found: list[list[int]] = [[] for _ in range(QUARTERS)]
    for entry in fields.tables("bands"):
        first, end = _quarter(entry, "from"), _quarter(entry, "to")
        band = BANDS.index(entry.choice("band", BANDS))
        entry.close()
        if first is not None and end is not None:
            if end <= first:
                entry.wrong("to", _time(end), f"must be later than from ({_time(first)}); split a span over midnight")
            for quarter in range(first, end):
                found[quarter].append(band)
    _report(fields, found, lambda bands: not bands, "gap: no band from {} to {}")
    _report(fields, found, lambda bands: len(bands) > 1, "overlap: more than one band from {} to {}")
    return tuple(bands[0] if bands else 0 for bands in found)


def _quarter(fields: Fields, key: str) -> int | None:
    text = fields.text(key, "a time of day, for example 08:00")
    match = _TIME.fullmatch(text)
    if match is None or text > "24:00":
        if text:
            fields.wrong(key, text, "must be a time on a quarter of an hour, 00:00 to 24:00")
        return None
    return int(match[1]) * 4 + int(match[2]) // 15


def _time(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


def _report(fields: Fields, found: list[list[int]], bad: Callable[[list[int]], bool], remedy: str) -> None:
    for is_bad, group in groupby(range(QUARTERS), lambda quarter: bad(found[quarter])):
        quarters = list(group)
        if is_bad:
            span = _time(quarters[0]), _time(quarters[-1] + 1)
            fields.wrong("bands", f"{span[0]}-{span[1]}", remedy.format(*span))


def check_year(fields: Fields, key: str, scopes: Sequence[Scope], *, hot_days: bool) -> None:
    """Report the days of a year, by kind and weather, that have no schedule or more than one."""
    mistakes: dict[str, list[str]] = {}
    for kind, hot in product(KINDS, (False, True) if hot_days else (False,)):
        counts = [(day, sum(each.holds(day, kind, hot=hot) for each in scopes)) for day in YEAR]
        for wrong, days in groupby(counts, lambda pair: min(pair[1], 2)):
            if wrong != 1:
                span = list(days)
                where = f"{span[0][0]:%m-%d}..{span[-1][0]:%m-%d}{', hot days' if hot else ''}"
                word = "no entry is" if not wrong else "more than one entry is"
                mistakes.setdefault(f"{word} for {where}", []).append(kind)
    for mistake, kinds in mistakes.items():
        fields.wrong(key, "all days" if len(kinds) == len(KINDS) else ", ".join(kinds), mistake)
