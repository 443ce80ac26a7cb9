"""Power and energy registers of one device, in whole numbers: watts, and watt-milliseconds."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

WATT_MS_PER_KWH = 3_600_000_000
"""Energy registers count watt-milliseconds."""


class Metered(NamedTuple):
    """A flow as it is read at an instant, or at many: then each of these is an array."""

    watts: Any
    var: Any
    taken: Any
    given: Any
    reactive: Any
    reactive_given: Any

    def after(self, milliseconds: Any) -> "Metered":
        """What is read a while later, at the same power."""
        energy, reactive = self.watts * milliseconds, self.var * milliseconds
        if type(energy) is int and type(reactive) is int:
            return Metered(
                self.watts,
                self.var,
                self.taken + max(energy, 0),
                self.given - min(energy, 0),
                self.reactive + max(reactive, 0),
                self.reactive_given - min(reactive, 0),
            )
        return Metered(
            self.watts,
            self.var,
            self.taken + np.maximum(energy, 0),
            self.given - np.minimum(energy, 0),
            self.reactive + np.maximum(reactive, 0),
            self.reactive_given - np.minimum(reactive, 0),
        )


@dataclass(slots=True)
class Flow:
    """One device's power, held from one step to the next, and its two registers."""

    watts: int = 0
    var: int = 0
    taken: int = 0
    """Energy of positive power, in watt-milliseconds."""
    given: int = 0
    """Energy of negative power, in watt-milliseconds."""
    reactive: int = 0
    reactive_given: int = 0

    @property
    def now(self) -> Metered:
        """What is read of it."""
        return Metered(self.watts, self.var, self.taken, self.given, self.reactive, self.reactive_given)

    def hold(self, milliseconds: int) -> None:
        """Let time pass at this power."""
        if self.watts >= 0:
            self.taken += self.watts * milliseconds
        else:
            self.given -= self.watts * milliseconds
        if self.var >= 0:
            self.reactive += self.var * milliseconds
        else:
            self.reactive_given -= self.var * milliseconds
