"""Which days make a baseline: an ordered procedure, and for each day that is left out the reason.

the day before, and back ─▶ other kind? event? not read? ─▶ the Y most recent left
                                    ▲                         │
                                    └── replaced by earlier ◀─┤ below 25 %, above 200 % of the sample: dropped,
                                                              ▼ repeated until none is
                                                         X of Y count
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypeAlias

from parkgrid_domain.calendar import HOLIDAYS, WORKDAY, Calendar
from parkgrid_domain.vpp.baseline.load import Load
from parkgrid_domain.vpp.baseline.rule import BaselineRule

Outcome: TypeAlias = Literal[
    "counts", "not_picked", "other_kind", "event_day", "not_read", "too_low", "too_high", "not_needed"
]
_HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Day:
    """One day that was looked at."""

    day: date
    outcome: Outcome
    energy_wh: int | None = None
    """Over the event's quarter hours; None where not all are sure."""
    detail: str = ""
    """What a reader needs to see that it is so: the kind, why it was not read, the mean it was compared with in Wh."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The days of a baseline, the most recent first."""

    days: tuple[Day, ...]
    enough: bool
    """Whether there were as many like days as the rule needs, and not too many that were not read."""

    @property
    def counting(self) -> list[date]:
        """The days that count, the most recent first."""
        return [each.day for each in self.days if each.outcome == "counts"]


def choose(
    rule: BaselineRule, load: Load, calendar: Calendar, quarters: Sequence[datetime], events: Collection[date]
) -> Choice:
    """The days of a baseline for an event over these quarter hours.

    `events` are the local days on which the site answered an event. Raises `CalendarGapError` for a day of a year whose
    holidays are not known.
    """
    event_day = load.day(quarters[0])
    seen = list(_seen(rule, load, calendar, quarters, events))
    eligible = [each for each in seen if each.outcome == "counts"]
    dropped: dict[date, Day] = {}
    while True:
        sample = [each for each in eligible if each.day not in dropped][: rule.candidates]
        news = list(_too_far(rule, sample))
        if not news:
            break
        dropped.update((each.day, each) for each in news)
    inside = {each.day for each in sample}
    oldest = min(inside | dropped.keys(), default=event_day)
    unread = sum(each.outcome == "not_read" and each.day >= oldest for each in seen)
    # Whoever could hold back readings of any number of days would choose the days of its own baseline.
    few_unread = rule.most_unread_days is None or unread <= rule.most_unread_days
    enough = len(sample) >= rule.least_days and few_unread
    picked = {each.day for each in _picked(rule, sample)} if enough else set()
    found = [dropped.get(each.day) or _told(each, picked, inside) for each in seen]
    return Choice(tuple(each for each in found if each.day >= oldest or not enough), enough)


def kind_of(calendar: Calendar, day: date) -> str:
    """`workday`, `weekend` or `holiday`; a make-up workday is a workday."""
    kind = calendar.kind(day)
    return _HOLIDAY if kind in HOLIDAYS else kind


def _seen(
    rule: BaselineRule, load: Load, calendar: Calendar, quarters: Sequence[datetime], events: Collection[date]
) -> Iterator[Day]:
    event_day = load.day(quarters[0])
    wanted = WORKDAY if rule.like_days == "workday" else kind_of(calendar, event_day)
    for back in range(rule.skip_days + 1, rule.look_back_days + 1):
        day = event_day - timedelta(days=back)
        kind = kind_of(calendar, day) if rule.like_days != "any" else ""
        there = load.on(quarters, -back)
        energy = load.over(there)
        total = None if energy is None else sum(energy)
        touched = {load.day(at) for at in there}
        if kind and kind != wanted:
            yield Day(day, "other_kind", total, kind)
        elif not touched.isdisjoint(events):
            yield Day(day, "event_day", total)
        elif total is None:
            yield Day(day, "not_read", None, load.why(there))
        else:
            yield Day(day, "counts", total)


def _too_far(rule: BaselineRule, sample: Sequence[Day]) -> Iterator[Day]:
    """Days too far from the mean of the sample; without a sample above zero there is nothing to compare with."""
    total = sum(each.energy_wh or 0 for each in sample)
    if total <= 0:
        return
    mean = Decimal(total) / len(sample)
    for each in sample:
        share = Decimal(100 * (each.energy_wh or 0)) * len(sample)
        if rule.low_pct and share < rule.low_pct * total:
            yield replace(each, outcome="too_low", detail=f"{mean:.0f}")
        elif rule.high_pct and share > rule.high_pct * total:
            yield replace(each, outcome="too_high", detail=f"{mean:.0f}")


def _picked(rule: BaselineRule, sample: Sequence[Day]) -> Sequence[Day]:
    """X of Y: of equal days the more recent one."""
    if rule.pick == "all":
        return sample
    by_energy = sorted(sample, key=lambda each: (-(each.energy_wh or 0), -each.day.toordinal()))
    if rule.pick == "highest":
        return by_energy[: rule.chosen]
    out = (len(by_energy) - rule.chosen) // 2
    return by_energy[out : out + rule.chosen]


def _told(day: Day, picked: Collection[date], inside: Collection[date]) -> Day:
    if day.outcome != "counts" or day.day in picked:
        return day
    return replace(day, outcome="not_picked" if day.day in inside else "not_needed")
