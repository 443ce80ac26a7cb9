"""Metered energy by quarter hour, and how an event's quarter hours lie on other days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from parkgrid_contract.time import SHANGHAI


@dataclass(frozen=True, slots=True)
class Load:
    """What one meter drew, in whole Wh a quarter hour, negative where it gave back; only what is sure."""

    energy_wh: Mapping[datetime, int]
    """By the start of the quarter hour, in UTC."""
    zone: ZoneInfo = SHANGHAI
    unsure: Mapping[datetime, str] = field(default_factory=dict)
    """Why a quarter hour has no sure energy, where that is known."""

    def over(self, quarters: Sequence[datetime]) -> list[int] | None:
        """The energy of each quarter hour, or None if one is not sure."""
        found = [self.energy_wh.get(at) for at in quarters]
        sure = [each for each in found if each is not None]
        return sure if len(sure) == len(found) else None

    def why(self, quarters: Sequence[datetime]) -> str:
        """Why the first quarter hour that is not sure is not; empty if all are."""
        return next((self.unsure.get(at, "missing") for at in quarters if at not in self.energy_wh), "")

    def on(self, quarters: Sequence[datetime], days: int) -> list[datetime]:
        """The same quarter hours of the local clock so many days later; earlier where it is negative."""
        shift = timedelta(days=days)
        utc = ZoneInfo("UTC")
        return [
            (at.astimezone(self.zone).replace(tzinfo=None) + shift).replace(tzinfo=self.zone).astimezone(utc)
            for at in quarters
        ]

    def day(self, at: datetime) -> date:
        """The local day of an instant."""
        return at.astimezone(self.zone).date()


def mean_wh(total_wh: int, count: int) -> int:
    """A mean in whole Wh, half away from zero."""
    whole, rest = divmod(abs(total_wh), count)
    return (whole + (2 * rest >= count)) * (1 if total_wh >= 0 else -1)
