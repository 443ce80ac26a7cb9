"""A reading in the gateway and in a batch: a `Sample`. Ingest stores its values as a row."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from parkgrid_contract.signals import DeviceClass


class Quality(StrEnum):
    """How far a value can be trusted; a flag is sent only if it is not good."""

    GOOD = "good"
    ESTIMATED = "estimated"
    """Integrated, interpolated or simulated by somebody else than the device."""
    STALE = "stale"
    """Older than two periods of its device when it was read."""
    OUT_OF_RANGE = "out_of_range"
    """Outside the catalogue's or the device's own range; kept, but no truth is built on it."""
    BAD = "bad"
    """The device itself says that the value is not valid."""


UNTRUSTED = frozenset({Quality.STALE, Quality.OUT_OF_RANGE, Quality.BAD})
"""Qualities of values on which nothing is built: no roll-up, figure or energy takes part of them."""
NO_FLAGS: Mapping[str, Quality] = {}


@dataclass(frozen=True, slots=True)
class Sample:
    """What one device said at one instant.

    An absent value is absent: a failed read has no entry in `values`, never 0 and never NaN.
    """

    device: str
    """Identifier of the device within its gateway."""
    at_ms: int
    """The device's time (or the gateway's at the moment of reading): milliseconds since 1970-01-01T00:00Z."""
    values: Mapping[str, float]
    """Signal name to value, in the unit of the catalogue."""
    flags: Mapping[str, Quality] = field(default_factory=lambda: NO_FLAGS)
    """Signal name to quality, for values that are not good."""


def measured(device_class: DeviceClass, device: str, at_ms: int, values: Mapping[str, float]) -> Sample:
    """A sample of what was measured, in the catalogue's units: this is where a reading is rounded, and nowhere else.

    At the catalogue's resolution what is accepted is exactly what is stored. A value outside its signal's range is
    flagged; one that is not finite, or that the class does not have, is left out.
    """
    known = device_class.by_name
    kept: dict[str, float] = {}
    flags: dict[str, Quality] = {}
    for name, number in values.items():
        signal = known.get(name)
        if signal is None or not math.isfinite(number):
            continue
        value = kept[name] = signal.rounded(number)
        if not signal.low <= value <= signal.high:
            flags[name] = Quality.OUT_OF_RANGE
    return Sample(device, at_ms, kept, flags or NO_FLAGS)
