"""Power and energy registers of one device, in whole numbers: watts, and watt-milliseconds."""

from dataclasses import dataclass
from typing import Any, NamedTuple

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

    def after(self, milliseconds: int) -> Metered:
        """The registers a while later, at the same power."""
        if milliseconds == 0:
            return Metered(self.watts, self.var, self.taken, self.given, self.reactive, self.reactive_given)
        energy, reactive = self.watts * milliseconds, self.var * milliseconds
        return Metered(
            self.watts,
            self.var,
            self.taken + max(energy, 0),
            self.given - min(energy, 0),
            self.reactive + max(reactive, 0),
            self.reactive_given - min(reactive, 0),
        )

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
