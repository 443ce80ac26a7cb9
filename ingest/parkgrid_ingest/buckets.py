"""Buckets of the roll-ups: where each begins, and sets of them by device."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ZONE_MINUTES = 480
"""Asia/Shanghai is eight hours ahead of UTC."""
MINUTES = {"1m": 1, "15m": 15, "1d": 1440}


def bucket_starts(minutes: NDArray[Any], level: str) -> NDArray[np.int64]:
    """First minute of the buckets that these minutes lie in; days start at midnight in Shanghai."""
    step = MINUTES[level]
    starts: NDArray[np.int64] = (minutes.astype(np.int64) + _ZONE_MINUTES) // step * step - _ZONE_MINUTES
    return starts


@dataclass(frozen=True, slots=True)
class Place:
    """What is maintained at once: a class of a park."""

    park_id: int
    device_class: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """Distinct buckets: device and first minute, ordered by minute."""

    devices: NDArray[np.int64]
    minutes: NDArray[np.int64]

    @classmethod
    def distinct(cls, devices: NDArray[Any], minutes: NDArray[Any]) -> "Pairs":
        """Without repetitions."""
        packed = np.unique((minutes.astype(np.int64) << 32) | devices.astype(np.int64))
        return cls(packed & 0xFFFFFFFF, packed >> 32)

    def apart(self, minutes: int) -> "list[Pairs]":
        """The same cut where more than so many minutes lie between two."""
        if len(self.minutes) == 0:
            return []
        cuts = np.flatnonzero(np.diff(self.minutes) > minutes) + 1
        parts = zip(np.split(self.devices, cuts), np.split(self.minutes, cuts), strict=True)
        return [Pairs(devices, found) for devices, found in parts]

    def at_level(self, level: str) -> "Pairs":
        """The coarser buckets that hold these."""
        return Pairs.distinct(self.devices, bucket_starts(self.minutes, level))
