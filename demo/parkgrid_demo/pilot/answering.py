"""How a site of the demonstration answers an award: how well is drawn with a seed, what it asks of its devices follows.

It knows the award, what its own device draws shortly before, and the device's bounds; it knows nothing of baselines.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

Manner: TypeAlias = Literal["whole", "partly", "late", "not_at_all"]
Steering: TypeAlias = Literal["storage", "v2g", "load"]
BEFORE = timedelta(minutes=6)
"""So long before the event a site looks at what a load draws, and asks its devices."""
_MANNERS: tuple[Manner, ...] = ("whole", "whole", "whole", "partly", "late", "not_at_all")
_LATE = timedelta(minutes=30)
_PARTLY = 0.7
_MORE = 1.02
"""A site that means to deliver asks for a little more than it must."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a site sees of one of its devices."""

    power_kw: float
    """What it draws, or gives, when the site looks."""
    least_kw: float
    most_kw: float
    """The bounds of its schedule."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a device: a power over a span."""

    start: datetime
    end: datetime
    power_kw: float


def drawn_manner(seed: int, event: str, resource: str) -> Manner:
    """How a resource answers an event."""
    return random.Random(f"{seed}/{event}/{resource}").choice(_MANNERS)  # noqa: S311  physics, not secrets


def asked(
    manner: Manner, steering: Steering, device: Device, kw: float, start: datetime, end: datetime, *, less: bool
) -> Asked | None:
    """What is asked of one device that is to move `kw` (draw less, or more) from `start` to `end`; None: nothing."""
    if manner == "not_at_all":
        return None
    kw *= _PARTLY if manner == "partly" else _MORE
    if manner == "late":
        start = min(start + _LATE, end - timedelta(minutes=1))
    return Asked(start, end, _wanted_kw(steering, device, kw, less=less))


def _wanted_kw(steering: Steering, device: Device, kw: float, *, less: bool) -> float:
    """The power to ask of a device, with the sign of its own power: a storage discharges with positive power."""
    if steering == "storage":
        wanted = kw if less else -kw
    elif steering == "v2g":
        wanted = -kw if less else kw
    else:
        wanted = device.power_kw + (-kw if less else kw)
    return round(min(max(wanted, device.least_kw), device.most_kw), 3)
