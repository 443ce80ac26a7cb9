"""Which readings of a register are believed.

A register only rises, so a reading that leaves the order of its neighbours and is followed by a return to it is false:
a failed read stored as zero, a full-scale word, a spike. In order of the steps below:

1. Untrusted readings are not believed, nor values the register cannot show (negative, at or above its declared width).
2. Dips: up to three readings in a row, all below the reading before them, when the reading after them is not below it.
   A run of two or three that itself rises is a counter that counts again after a reset, and stays.
3. The same for readings on either side of what remains (spikes above the reading after them, and mixtures).
   In both steps the rise from the reading before to the one after must be plausible where a limit is known.
4. A fall that no roll-over explains, or a rise above the limit, is held back while it is among the last three readings
   known: a later reading decides whether it was false.

No step looks across a declared change of the count.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.energy.declared import Declared
from domain.energy.readings import Readings, keys

LONGEST_RUN = 3
"""False readings in a row that are still told from a reset."""
NEAR_TOP = 10
"""A fall is a roll-over when the rise through the top is at most a tenth of the register's width."""

SLIP = 1_000
"""A fall of at most this part of the count is a coarser reading of the same count, not a reset."""


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

    def take(self, which: NDArray[np.bool_]) -> "Known":
        """Only the readings marked."""
        return Known(
            self.place[which],
            self.register[which],
            self.era[which],
            self.declaration[which],
            self.at_ms[which],
            self.steps[which],
        )


def believed(readings: Readings, meters: Declared) -> Known:
    """The readings that count, in order."""
    known = _trusted(readings, meters)
    if not _suspicious(known, meters):
        return known
    known = known.take(~_false(known, meters, dips_only=True))
    known = known.take(~_false(known, meters, dips_only=False))
    return known.take(~_held_back(known, meters))


def rolls_over(
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    modulus: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Falls that a register of known width explains by passing its top: modulus - before + after <= modulus / 10."""
    rolled: NDArray[np.bool_] = (after < before) & (modulus > 0) & (modulus - before + after <= modulus // NEAR_TOP)
    return rolled


def slips(before: NDArray[np.int64], after: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Falls too small for a reset: before - after <= before / 1000."""
    slipped: NDArray[np.bool_] = (after < before) & (before - after <= before // SLIP)
    return slipped


def _trusted(readings: Readings, meters: Declared) -> Known:
    key = keys(readings.register, readings.at_ms)
    declaration = meters.at(key)
    usable = (readings.trust > 0) & meters.countable(readings.steps, declaration)
    register = readings.register.astype(np.int64)
    everything = Known(
        np.arange(len(readings), dtype=np.int64),
        register,
        meters.era(register, key),
        declaration,
        readings.at_ms,
        readings.steps,
    )
    return everything if bool(usable.all()) else everything.take(usable)


def _suspicious(known: Known, meters: Declared) -> bool:
    """Whether any reading falls or rises above the limit; almost always none does."""
    return bool((_falls(known) | _leaps(known, meters)).any())


def _falls(known: Known) -> NDArray[np.bool_]:
    falls: NDArray[np.bool_] = (known.era[1:] == known.era[:-1]) & (known.steps[1:] < known.steps[:-1])
    return falls


def _leaps(known: Known, meters: Declared) -> NDArray[np.bool_]:
    leaps: NDArray[np.bool_] = (known.era[1:] == known.era[:-1]) & ~_plausible(
        known, meters, slice(None, -1), slice(1, None)
    )
    return leaps


def _plausible(
    known: Known,
    meters: Declared,
    first: NDArray[np.int64] | slice,
    last: NDArray[np.int64] | slice,
) -> NDArray[np.bool_]:
    """Whether the rises from some readings to others are plausible."""
    declaration = known.declaration[first]
    rise_wh = meters.wh(known.steps[last], declaration) - meters.wh(known.steps[first], declaration)
    return meters.plausible(rise_wh, known.at_ms[last] - known.at_ms[first], known.register[first], declaration)


def _false(known: Known, meters: Declared, *, dips_only: bool) -> NDArray[np.bool_]:
    false = np.zeros(len(known.steps), dtype=np.bool_)
    falls = np.flatnonzero(_falls(known))
    for run in range(1, LONGEST_RUN + 1):
        # a run that leaves the order holds a fall, so only the few windows around one are looked at
        starts = np.unique(falls[:, None] - np.arange(run + 1))
        starts = starts[(starts >= 0) & (starts + run + 1 < len(false))]
        found = starts[_leaves_order(known, meters, starts, run, dips_only=dips_only)]
        false[found[:, None] + np.arange(1, run + 1)] = True
    return false


def _leaves_order(
    known: Known,
    meters: Declared,
    starts: NDArray[np.int64],
    run: int,
    *,
    dips_only: bool,
) -> NDArray[np.bool_]:
    """Whether the readings between each start and the one after its run are out of order and these two are in order."""
    ends = starts + run + 1
    before, after = known.steps[starts], known.steps[ends]
    inner = known.steps[starts[:, None] + np.arange(1, run + 1)]
    below = (inner < before[:, None]).all(axis=1)
    either = ((inner < before[:, None]) | (inner > after[:, None])).all(axis=1)
    counts_again = below & (np.diff(inner, axis=1) >= 0).all(axis=1) & (inner[:, -1] > inner[:, 0])
    ordered = (known.era[starts] == known.era[ends]) & (before <= after)
    outside = (below if dips_only else either) & ~counts_again
    leaves: NDArray[np.bool_] = ordered & outside & _plausible(known, meters, starts, ends)
    return leaves


def _held_back(known: Known, meters: Declared) -> NDArray[np.bool_]:
    """Readings from a fall or leap on that is among the last three of its register."""
    modulus = meters.modulus[known.declaration[:-1]]
    unsure = (_falls(known) & ~rolls_over(known.steps[:-1], known.steps[1:], modulus)) | _leaps(known, meters)
    starts = np.flatnonzero(unsure) + 1
    ends = np.searchsorted(known.register, known.register[starts], side="right")
    starts = starts[ends - starts <= LONGEST_RUN]
    held = np.zeros(len(known.steps), dtype=np.bool_)
    for place in range(LONGEST_RUN):
        later = np.minimum(starts + place, len(held) - 1)
        held[later[known.era[later] == known.era[starts]]] = True
    return held
