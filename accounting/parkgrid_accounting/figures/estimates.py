"""Where gauges and states are estimates: by the quarter of an hour, as ingest noted it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_accounting.figures.grid import Grid
from parkgrid_accounting.figures.site import SiteDevice
from parkgrid_accounting.keys import keys
from parkgrid_accounting.statements import statement
from parkgrid_database.connection import Connection
from parkgrid_metering.columns import unpacked

_SLOT_MS = 900_000


@dataclass(frozen=True, slots=True)
class Estimates:
    """The quarters of an hour of a span in which values of a signal are estimated."""

    slots: Mapping[tuple[int, str], NDArray[np.int64]]
    """Device and signal to the starts of quarters, in ms."""

    def within(self, devices: Collection[int], signals: Collection[str], grid: Grid) -> NDArray[np.bool_]:
        """Which intervals of a grid share time with such a quarter of any of these devices and signals.

        A grid's intervals are quarters of an hour, parts of them, or whole numbers of them.
        """
        marked = np.zeros(grid.count, np.bool_)
        found = [self.slots[key] for key in self.slots if key[0] in devices and key[1] in signals]
        if found:
            first = (np.concatenate(found) - grid.start_ms) // grid.period_ms
            places = (first[:, None] + np.arange(max(1, _SLOT_MS // grid.period_ms))).ravel()
            marked[places[(places >= 0) & (places < grid.count)]] = True
        return marked


def read_estimates(connection: Connection, devices: Iterable[SiteDevice], grid: Grid) -> Estimates:
    """The estimates of devices in the span of a grid."""
    parameters = grid.parameters() | keys("devices", (each.key for each in devices))
    rows = connection.execute(statement("indicators/estimates"), parameters, binary=True).fetchall()
    return Estimates({(device_id, signal): unpacked([slots]) for device_id, signal, slots in rows})
