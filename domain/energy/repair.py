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
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from domain.energy.declared import Declared
from domain.energy.readings import Readings, keys

LONGEST_RUN = 3
"""False readings in a row that are still told from a reset."""
NEAR_TOP = 10
"""A fall is a roll-over when the rise through the top is at most a tenth of the register's width."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Readings in order with all that judges them."""

    place: NDArray[np.int64]
    """Index into the readings given."""
    register: NDArray[np.int64]
    era: NDArray[np.int64]
    """Same number: same register and same count."""
    declaration: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    steps: NDArray[np.int64]

    def take(self, which: NDArray[np.bool_]) -> "Sequence":
        """Only the readings marked."""
        return Sequence(
            self.place[which],
            self.register[which],
            self.era[which],
            self.declaration[which],
            self.at_ms[which],
            self.steps[which],
        )


def believed(readings: Readings, meters: Declared) -> Sequence:
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


def _trusted(readings: Readings, meters: Declared) -> Sequence:
    key = keys(readings.register, readings.at_ms)
    declaration = meters.at(key)
    usable = (readings.trust > 0) & meters.countable(readings.steps, declaration)
    register = readings.register.astype(np.int64)
    everything = Sequence(
        np.arange(len(readings), dtype=np.int64),
        register,
        meters.era(register, key),
        declaration,
        readings.at_ms,
        readings.steps,
    )
    return everything if bool(usable.all()) else everything.take(usable)


def _suspicious(known: Sequence, meters: Declared) -> bool:
    """Whether any reading falls or rises above the limit; almost always none does."""
    return bool((_falls(known) | _leaps(known, meters)).any())


def _falls(known: Sequence) -> NDArray[np.bool_]:
    falls: NDArray[np.bool_] = (known.era[1:] == known.era[:-1]) & (known.steps[1:] < known.steps[:-1])
    return falls


def _leaps(known: Sequence, meters: Declared) -> NDArray[np.bool_]:
    leaps: NDArray[np.bool_] = (known.era[1:] == known.era[:-1]) & ~_plausible(known, meters, 1)
    return leaps


def _plausible(known: Sequence, meters: Declared, distance: int) -> NDArray[np.bool_]:
    """Whether the rise between readings so many places apart is plausible."""
    declaration = known.declaration[:-distance]
    rise_wh = meters.wh(known.steps[distance:], declaration) - meters.wh(known.steps[:-distance], declaration)
    span_ms = known.at_ms[distance:] - known.at_ms[:-distance]
    return meters.plausible(rise_wh, span_ms, known.register[:-distance], declaration)


def _false(known: Sequence, meters: Declared, *, dips_only: bool) -> NDArray[np.bool_]:
    false = np.zeros(len(known.steps), dtype=np.bool_)
    for run in range(1, LONGEST_RUN + 1):
        _mark_runs(known, meters, run, false, dips_only=dips_only)
    return false


def _mark_runs(known: Sequence, meters: Declared, run: int, false: NDArray[np.bool_], *, dips_only: bool) -> None:
    """Mark the runs of this length that leave the order between the readings around them."""
    windows = len(known.steps) - run - 1
    if windows <= 0:
        return
    inner = [known.steps[1 + place : 1 + place + windows] for place in range(run)]
    before, after = known.steps[:windows], known.steps[run + 1 :]
    below = np.logical_and.reduce([value < before for value in inner])
    outside = below if dips_only else np.logical_and.reduce([(value < before) | (value > after) for value in inner])
    rising = np.logical_and.reduce([low <= high for low, high in pairwise(inner)])
    counts_again = below & rising & (inner[-1] > inner[0])
    marked = (known.era[:windows] == known.era[run + 1 :]) & (before <= after) & outside & ~counts_again
    starts = np.flatnonzero(marked & _plausible(known, meters, run + 1))
    for place in range(run):
        false[starts + 1 + place] = True


def _held_back(known: Sequence, meters: Declared) -> NDArray[np.bool_]:
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
