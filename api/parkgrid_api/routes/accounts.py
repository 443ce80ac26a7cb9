"""How routes read a period and tell what accounting could not do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from parkgrid_accounting.errors import AccountingError
from parkgrid_api.answers.shape import ParkPeriod
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import Mistake, not_found, refused
from parkgrid_api.services import Services
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.period import Period, month_of

Answer = TypeVar("Answer")
MOST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Asked:
    """A park and a period in its own time."""

    park: str
    park_id: int
    """The number that its rows are stored under."""
    zone: ZoneInfo
    period: Period
    now_ms: int

    @property
    def stop_ms(self) -> int:
        """The end of the period, or now while it runs."""
        return max(self.period.start_ms, min(self.period.end_ms, self.now_ms))

    def bound(self, **more: Any) -> dict[str, Any]:
        """What statements about it are given."""
        return {
            "park": self.park,
            "park_id": self.park_id,
            "time_zone": str(self.zone),
            "start": from_ms(self.period.start_ms),
            "stop": from_ms(self.stop_ms),
            **more,
        }

    def head(self) -> ParkPeriod:
        """What an answer says of it."""
        return {
            "park": self.park,
            "period": self.period.text,
            "from_ms": self.period.start_ms,
            "to_ms": self.period.end_ms,
            "as_of_ms": self.now_ms,
        }


async def asked(services: Services, values: Mapping[str, Any]) -> Asked:
    """The park and period of a request; this month without one."""
    park = await services.registry.park(values["park"])
    zone, now_ms = ZoneInfo(park["time_zone"]), services.clock.now_ms()
    park_id = (await services.registry.key(park["park"]))["park_id"]
    if values["period"] is None:
        return Asked(park["park"], park_id, zone, month_of(from_ms(now_ms).astimezone(zone).date(), zone), now_ms)
    found = replace(values["period"], zone=zone)
    if (found.end - found.first).days > MOST_DAYS:
        raise refused([Mistake.of("period", found.text, too_many_days(MOST_DAYS))])
    return Asked(park["park"], park_id, zone, found, now_ms)


def too_many_days(most: int) -> str:
    """What is said of a period that is too long."""
    return told(f"has more than {most} days: request a shorter time span", f"超过 {most} 天：请缩短后分次查询")


async def accounted(services: Services, name: str, value: object, function: Callable[[Connection], Answer]) -> Answer:
    """What accounting says; a 404 with its own words for what does not exist."""
    try:
        return await services.figures.ask(function)
    except AccountingError as error:
        raise not_found(name, value, str(error)) from error
