"""The readings of registers with all that judges them, where judging goes on, and what came of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.belief import NOTHING, Belief


@dataclass(frozen=True, slots=True)
class Known:
    """Readings in order with all that judges them."""

    place: NDArray[np.int64]
    """Index into the readings given."""
    register: NDArray[np.int64]
    era: NDArray[np.int64]
    """Same number: same register and same count."""
    declaration: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    steps: NDArray[np.int64]
    link: NDArray[np.int8]
    """How each follows the one before it (`Link`)."""

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Known":
        """Only the readings marked."""
        return Known(
            self.place[which],
            self.register[which],
            self.era[which],
            self.declaration[which],
            self.at_ms[which],
            self.steps[which],
            self.link[which],
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """Where the judging of a register goes on."""

    belief: Belief = NOTHING
    begin_ms: int = 0
    """`belief` holds just before it; readings from `reach_ms` before it on are given."""
    edges_ms: tuple[int, ...] = ()
    """Instants, rising, before which the belief is wanted."""


@dataclass(frozen=True, slots=True)
class Course:
    """What became of one register."""

    beliefs: tuple[Belief, ...]
    """Before each of the instants that were asked for, and at the end."""
    reopened_ms: int
    """From where on former rounds are overturned; `NONE`: from nowhere."""
