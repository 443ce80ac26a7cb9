"""Headroom of one resource, and of many behind one transformer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Limit: TypeAlias = Literal[
    "power",  # rated power
    "energy",  # what the storage may still give or take
    "reserved",  # energy kept for an event that was accepted
    "floor",  # the state of charge that a driver keeps
    "departure",  # the time until a vehicle leaves
    "plan",  # nothing more is planned that could be left out
    "least_load",  # what a load needs in any case
    "transformer",  # what the transformer carries
    "notice",  # it is too late to tell it
    "recovery",  # it recovers from an event
    "unknown",  # no forecast, or no state of charge: nothing is promised
]
"""What limits a capability; the words for people are in the page and the reports."""


@dataclass(frozen=True, slots=True)
class Side:
    """One direction."""

    kw: float
    """At least 0."""
    limit: Limit


@dataclass(frozen=True, slots=True)
class Headroom:
    """What a resource can do on top of its plan."""

    up: Side
    down: Side


def least(*sides: Side) -> Side:
    """The side that limits; of equal ones the first. Never below 0."""
    found = min(sides, key=lambda side: side.kw)
    return found if found.kw > 0 else Side(0.0, found.limit)


def behind_transformer(members: Iterable[Headroom], net_kw: float, import_kw: float, export_kw: float) -> Headroom:
    """The headroom of resources behind one transformer.

    `net_kw` is what flows through it by plan, import positive; `import_kw` and `export_kw` are what it may carry, at
    least 0. Its limit can only lessen what its members could do.
    """
    known = list(members)
    up, down = sum(each.up.kw for each in known), sum(each.down.kw for each in known)
    return Headroom(
        least(Side(up, _binding(each.up for each in known)), Side(export_kw + net_kw, "transformer")),
        least(Side(down, _binding(each.down for each in known)), Side(import_kw - net_kw, "transformer")),
    )


def pooled(members: Iterable[Headroom]) -> Headroom:
    """The headroom of a pool: the sum of its transformers."""
    known = list(members)
    return Headroom(
        Side(sum(each.up.kw for each in known), _binding(each.up for each in known)),
        Side(sum(each.down.kw for each in known), _binding(each.down for each in known)),
    )


def _binding(sides: Iterable[Side]) -> Limit:
    """What limits the larger part of a sum; of one without members, the plan."""
    weight: dict[Limit, float] = {}
    for side in sides:
        weight[side.limit] = weight.get(side.limit, 0.0) + side.kw
    return max(weight, key=lambda limit: (weight[limit], limit)) if weight else "plan"
