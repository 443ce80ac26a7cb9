"""What the instruments of a park meet at an instant, before each of them makes its readings of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from parkgrid_simulators.chargers import Plugged
from parkgrid_simulators.flow import Metered


class Measurements(NamedTuple):
    """What the instruments of a park meet at an instant of a day, or at many: then each number is an array."""

    at_ms: Any
    begun_ms: Any
    """The beginning of the step, at which all that follows stood as it is told here."""
    minute: Any
    """Of the day, at the instant: a number, or a list of them."""
    flows: Mapping[str, Metered]
    guns: Mapping[str, Plugged]
    energy_kwh: Any
    """In the storage."""
    target_kw: Any
    """Of the bus."""


def together(measurements: Sequence[Measurements]) -> Measurements:
    """Sights of many instants as one of all of them; whole numbers stay whole, a float holds no register's digits."""
    at_ms, begun_ms, minute, flows, guns, energy_kwh, target_kw = zip(*measurements, strict=True)
    metered = np.array([[*each.values()] for each in flows], np.int64).transpose(1, 2, 0)
    plugged = zip(*(each.values() for each in guns), strict=True)
    return Measurements(
        np.array(at_ms),
        np.array(begun_ms),
        list(minute),
        {name: Metered(*columns) for name, columns in zip(flows[0], metered, strict=True)},
        {name: Plugged(*map(np.array, zip(*rows, strict=True))) for name, rows in zip(guns[0], plugged, strict=True)},
        np.array(energy_kwh),
        np.array(target_kw),
    )
