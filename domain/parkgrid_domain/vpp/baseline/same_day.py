"""Baselines that take the event day itself: 3 hours before and 2 after (PJM), and the days most like it (PJM)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from parkgrid_domain.vpp.baseline.load import Load, mean_wh
from parkgrid_domain.vpp.quarters import QUARTER, quarters_of


@dataclass(frozen=True, slots=True)
class Around:
    """Hours before and after an event, each beside a gap that is skipped; in minutes, multiples of 15."""

    before_min: int = 180
    after_min: int = 120
    skip_min: int = 60


def around(rule: Around, load: Load, quarters: Sequence[datetime]) -> list[int] | None:
    """The mean of the hours around the event, the same for each quarter hour; None where one of them is not sure."""
    start, end, skip = quarters[0], quarters[-1] + QUARTER, timedelta(minutes=rule.skip_min)
    before = quarters_of(start - skip - timedelta(minutes=rule.before_min), start - skip)
    after = quarters_of(end + skip, end + skip + timedelta(minutes=rule.after_min))
    energy = load.over([*before, *after])
    return None if energy is None else [mean_wh(sum(energy), len(energy))] * len(quarters)


def most_alike(load: Load, quarters: Sequence[datetime], days: Sequence[date], count: int = 3) -> list[date] | None:
    """The days nearest to the event day outside the event and the hour on each side of it, the nearest first.

    Nearness is the sum of squared differences of the local day's quarter hours; of equally near days the more recent
    one is taken. None where the event day is not sure or fewer than `count` of the days are.
    """
    hour = timedelta(hours=1)
    left_out = set(quarters_of(quarters[0] - hour, quarters[-1] + QUARTER + hour))
    day = load.day(quarters[0])
    midnight = datetime(day.year, day.month, day.day, tzinfo=load.zone)
    outside = [at for at in quarters_of(midnight, midnight + timedelta(days=1)) if at not in left_out]
    today = load.over(outside)
    if today is None or not outside:
        return None
    found: list[tuple[int, int, date]] = []
    for each in days:
        theirs = load.over(load.on(outside, (each - day).days))
        if theirs is not None:
            distance = sum((mine - their) ** 2 for mine, their in zip(today, theirs, strict=True))
            found.append((distance, -each.toordinal(), each))
    return [each for _, _, each in sorted(found)[:count]] if len(found) >= count else None
