"""The test of an adjustable capability: an agreed step that the site carries out, judged by readings a minute.

First response, time to 90 % of the step, mean of each quarter hour of the hold and its accuracy
`1 - |change - commanded| / |commanded|`, and how the site comes back (可调节能力测试).
"""

from collections.abc import Sequence
from dataclasses import dataclass

MINUTES_OF_QUARTER = 15
_REACHED = 0.9
_NOTICED = 0.05
"""A change of a twentieth of the step is a response; less is noise of the load."""


@dataclass(frozen=True, slots=True)
class QuarterOfTest:
    """A quarter hour of the hold."""

    mean_kw: float
    accuracy: float
    """1 where it did exactly what was commanded; negative where it missed by more than the step."""


@dataclass(frozen=True, slots=True)
class StepTest:
    """What a step test showed."""

    first_response_min: int | None
    """None where it never moved."""
    reached_min: int | None
    """When it had done 90 % of the step; None where it never did."""
    quarters: tuple[QuarterOfTest, ...]
    rebound_kw: float | None
    """After the hold: the largest deviation from the level before, against the step's direction positive; None where
    no minute after the hold was read."""


def step_test(before_kw: float, commanded_kw: float, minutes_kw: Sequence[float], hold_min: int) -> StepTest:
    """Judge readings from the command on, one a minute; the hold is a whole number of quarter hours.

    `commanded_kw` is the step, negative where less is to be drawn. Raises `ValueError` for a step of 0, a hold that is
    no whole number of quarter hours, or fewer readings than the hold has minutes.
    """
    if commanded_kw == 0:
        raise ValueError("a step of 0 kW tests nothing")
    if hold_min <= 0 or hold_min % MINUTES_OF_QUARTER:
        raise ValueError(f"a hold of {hold_min} minutes is not a whole number of quarter hours")
    if len(minutes_kw) < hold_min:
        raise ValueError(f"{len(minutes_kw)} readings are fewer than the {hold_min} minutes of the hold")
    done = [(kw - before_kw) / commanded_kw for kw in minutes_kw]
    held = done[:hold_min]
    starts = range(0, hold_min, MINUTES_OF_QUARTER)
    quarters = tuple(_quarter(before_kw, commanded_kw, minutes_kw[at : at + MINUTES_OF_QUARTER]) for at in starts)
    after = done[hold_min:]
    return StepTest(
        first_response_min=next((minute for minute, part in enumerate(held) if part >= _NOTICED), None),
        reached_min=next((minute for minute, part in enumerate(held) if part >= _REACHED), None),
        quarters=quarters,
        rebound_kw=max(-part for part in after) * abs(commanded_kw) if after else None,
    )


def _quarter(before_kw: float, commanded_kw: float, minutes_kw: Sequence[float]) -> QuarterOfTest:
    mean_kw = sum(minutes_kw) / len(minutes_kw)
    return QuarterOfTest(mean_kw, 1 - abs(mean_kw - before_kw - commanded_kw) / abs(commanded_kw))
