"""The energy between the readings of a register, as a cumulative count in whole Wh.

Between two knots (believed readings, and declared changes of the meter) the energy is

- a rise: W(new) - W(old), where W is the primary Wh of a register value, rounded once (`Declared.wh`);
- a fall through the top of a register of known width (`repair.rolls_over`, and within the power limit if there is one):
  W(modulus) - W(old) + W(new);
- a fall of at most a thousandth is no reset but the same count told more coarsely (a driver of another resolution, a
  counter kept as a short float): nothing was counted, estimated. A reset counts from zero, not from there;
- any other fall is a reset: W(new), counted from zero; what was counted before the reset is lost, so it is estimated;
- across a change whose old or new value was not declared: not known. Nothing is counted, the energy is a lower bound.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.energy.declared import Declared
from domain.energy.readings import INSTANTS, NONE, keys
from domain.energy.repair import Known, rolls_over, slips


@dataclass(frozen=True, slots=True)
class Knots:
    """Where the count of each register is known, sorted by register and instant."""

    key: NDArray[np.int64]
    place: NDArray[np.int64]
    """Index into the readings given, -1 for a declared change."""
    before: NDArray[np.int64]
    """The value that ends the stretch before; -1: not declared."""
    after: NDArray[np.int64]
    """The value that starts the stretch after; -1: not declared."""
    era_before: NDArray[np.int64]
    era_after: NDArray[np.int64]
    declaration: NDArray[np.int64]
    """In force from the knot on."""

    @property
    def register(self) -> NDArray[np.int64]:
        """The register of each knot."""
        return self.key // INSTANTS

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """The instant of each knot."""
        return self.key % INSTANTS


@dataclass(frozen=True, slots=True)
class Stretches:
    """What was counted up to each knot from the one before it; nothing at the first knot of a register."""

    energy_wh: NDArray[np.int64]
    span_ms: NDArray[np.int64]
    estimated: NDArray[np.bool_]
    unknown: NDArray[np.bool_]


def knots(known: Known, meters: Declared) -> Knots:
    """Readings and the declared changes between them as one sequence."""
    key = keys(known.register, known.at_ms)
    plain = Knots(key, known.place, known.steps, known.steps, known.era, known.era, known.declaration)
    return _with_changes(plain, meters) if len(meters.change_key) else plain


def stretches(chain: Knots, meters: Declared) -> Stretches:
    """Count between the knots."""
    register, at_ms = chain.register, chain.at_ms
    old, new, rule = chain.after[:-1], chain.before[1:], chain.declaration[:-1]
    inside = register[1:] == register[:-1]
    unknown = inside & ((old == NONE) | (new == NONE) | (chain.era_after[:-1] != chain.era_before[1:]))
    counted = inside & ~unknown
    span_ms = np.where(inside, at_ms[1:] - at_ms[:-1], 0)
    energy_wh, guessed = _rises(old, new, rule, register[:-1], span_ms, meters)
    return Stretches(
        energy_wh=_led(np.where(counted, energy_wh, 0)),
        span_ms=_led(span_ms),
        estimated=_led(unknown | (counted & guessed)),
        unknown=_led(unknown),
    )


def _rises(
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    rule: NDArray[np.int64],
    register: NDArray[np.int64],
    span_ms: NDArray[np.int64],
    meters: Declared,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Energy of each stretch and whether it is a guess: a reset, or a rise above the plausible power."""
    from_wh, to_wh = meters.wh(old, rule), meters.wh(new, rule)
    energy_wh = to_wh - from_wh
    falls = np.flatnonzero(new < old)
    modulus, which = meters.modulus[rule[falls]], rule[falls]
    through_top = meters.wh(np.maximum(modulus, 0), which) - from_wh[falls] + to_wh[falls]
    rolled = rolls_over(old[falls], new[falls], modulus)
    rolled &= meters.plausible(through_top, span_ms[falls], register[falls], which)
    from_zero = np.where(slips(old[falls], new[falls]), 0, to_wh[falls])
    energy_wh[falls] = np.where(rolled, through_top, from_zero)
    guessed = ~meters.plausible(energy_wh, span_ms, register, rule)
    guessed[falls] |= ~rolled
    return energy_wh, guessed


def _with_changes(plain: Knots, meters: Declared) -> Knots:
    """Put declared changes between the readings around them; a reading at the instant of a change starts the count."""
    place = np.searchsorted(plain.key, meters.change_key, side="left")
    inner = _between(plain, place, meters.change_key)
    era = meters.era(meters.change_key // INSTANTS, meters.change_key)
    same = np.flatnonzero(inner)
    same = same[plain.key[place[same]] == meters.change_key[same]]
    before, era_before = plain.before.copy(), plain.era_before.copy()
    before[place[same]] = meters.change_final[same]
    era_before[place[same]] = era[same] - 1
    inner[same] = False
    new = np.flatnonzero(inner & ((meters.change_initial != NONE) | (meters.change_final != NONE)))
    where, key = place[new], meters.change_key[new]
    return Knots(
        key=np.insert(plain.key, where, key),
        place=np.insert(plain.place, where, NONE),
        before=np.insert(before, where, meters.change_final[new]),
        after=np.insert(plain.after, where, meters.change_initial[new]),
        era_before=np.insert(era_before, where, era[new] - 1),
        era_after=np.insert(plain.era_after, where, era[new]),
        declaration=np.insert(plain.declaration, where, meters.at(key)),
    )


def _between(plain: Knots, place: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which changes have readings of their register on both sides."""
    inner = (place > 0) & (place < len(plain.key))
    register = key[inner] // INSTANTS
    inner[inner] = (plain.key[place[inner] - 1] // INSTANTS == register) & (
        plain.key[place[inner]] // INSTANTS == register
    )
    return inner


def _led(values: NDArray[Any]) -> NDArray[Any]:
    """The same with a zero in front, for the first knot."""
    return np.concatenate([np.zeros(1, dtype=values.dtype), values])
