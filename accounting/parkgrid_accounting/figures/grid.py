"""The intervals that the inputs of a figure lie on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import from_ms


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal half-open intervals, named by their start."""

    start_ms: int
    period_s: int
    count: int

    @property
    def period_ms(self) -> int:
        """Length of an interval in milliseconds."""
        return self.period_s * 1000

    @property
    def stop_ms(self) -> int:
        """The end of the last interval."""
        return self.start_ms + self.count * self.period_ms

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """The starts of all intervals."""
        return self.start_ms + np.arange(self.count, dtype=np.int64) * self.period_ms

    def parameters(self) -> dict[str, object]:
        """What the statements need to place an instant in a slot."""
        return {
            "start_ms": self.start_ms,
            "stop_ms": self.stop_ms,
            "period_ms": self.period_ms,
            "start": from_ms(self.start_ms),
            "stop": from_ms(self.stop_ms),
        }
