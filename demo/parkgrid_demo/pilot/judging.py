"""Statements of the demonstration beside what the simulators really did."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from parkgrid_domain.vpp.documents import QuarterTold, Resource, Statement

_LEAST_WH = 250
_MINUTES = 15
"""At the pace of the demonstration a reading may lie a minute from the edge of a quarter hour, and what is between two
readings is a straight line: an error of what was awarded for one minute is tolerated."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A quarter hour whose statement and truth do not agree."""

    resource: str
    at: datetime
    metered_wh: int
    true_wh: float

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.resource} {self.at:%Y-%m-%dT%H:%MZ}: judged by {self.metered_wh} Wh, truly {self.true_wh:.0f} Wh"


def differences(
    statements: Iterable[Statement], resources: Mapping[str, Resource], truth: Mapping[tuple[str, datetime], float]
) -> list[Difference]:
    """Quarter hours that were judged by another energy than the simulators' own.

    `truth` says what each register counted in a quarter hour, in Wh, by address and start.
    """
    found: list[Difference] = []
    for statement in statements:
        for told in statement.resources:
            for quarter in told.quarters:
                found += _different(told.resource, resources[told.resource], quarter, truth)
    return found


def _different(
    name: str, resource: Resource, quarter: QuarterTold, truth: Mapping[tuple[str, datetime], float]
) -> Sequence[Difference]:
    if quarter.metered_wh is None or quarter.unsure:
        return ()
    true_wh = sum(term.sign * truth[term.register, quarter.at] for term in resource.meter)
    if abs(true_wh - quarter.metered_wh) <= max(_LEAST_WH, quarter.award_wh // _MINUTES):
        return ()
    return (Difference(name, quarter.at, quarter.metered_wh, true_wh),)


def verdicts(statements: Iterable[Statement]) -> dict[str, int]:
    """How often each verdict was given to a resource's quarter hour."""
    found = dict.fromkeys(("delivered", "partial", "not_delivered", "unverified"), 0)
    for statement in statements:
        for resource in statement.resources:
            for quarter in resource.quarters:
                found[quarter.verdict] += 1
    return found


def truth_of(park: str, gateway: str, told: Mapping[str, Any]) -> dict[tuple[str, datetime], float]:
    """The answer of a control port's `/truth` by address of the register and start of the quarter hour, in Wh."""
    found = {}
    for quarter in told["quarters"]:
        at = datetime.fromisoformat(quarter["start"])
        for device, energies in quarter["devices"].items():
            for signal, kwh in energies.items():
                found[f"{park}/{gateway}/{device}/{signal}", at] = kwh * 1000
    return found
