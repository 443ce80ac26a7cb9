"""The energy between the readings of a register, as a cumulative count in whole Wh.

Between two knots (believed readings, and declared changes of the meter) the energy is

- a rise: W(new) - W(old), where W is the primary Wh of a register value, rounded once (`Declared.wh`);
- through the top of a register of known width: W(modulus) - W(old) + W(new);
- after a reset: W(new), counted from zero; what was counted before the reset is lost, so it is estimated;
- after a stand-still that was caught up at once: the rise, estimated;
- across a jump, and across a change whose old or new value was not declared or does not fit: not known. A short one is
  estimated by the power before and after it, of a longer one nothing is counted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.course import Known
from parkgrid_domain.energy.declared import Declared
from parkgrid_domain.energy.meter import NEAR_TOP, allowed_ms
from parkgrid_domain.energy.nodes import Link
from parkgrid_domain.energy.readings import INSTANTS, NONE, instant_of, keys, register_of

BESIDE_MS = 600_000
"""The power before and after a jump is that of ten minutes on either side."""
BRIDGED_MS = 945_000
"""A jump across a quarter of an hour, and a twentieth more since no poll is exactly on time, is still estimated."""


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
    link: NDArray[np.int8]
    """How it follows the knot before it (`Link`)."""

    @property
    def register(self) -> NDArray[np.int64]:
        """The register of each knot."""
        return register_of(self.key)

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """The instant of each knot."""
        return instant_of(self.key)


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
    plain = Knots(key, known.place, known.steps, known.steps, known.era, known.era, known.declaration, known.link)
    return _with_changes(plain, meters) if len(meters.change_key) else plain


def stretches(chain: Knots, meters: Declared) -> Stretches:
    """Count between the knots."""
    register, at_ms = chain.register, chain.at_ms
    old, new, rule = chain.after[:-1], chain.before[1:], chain.declaration[:-1]
    inside = register[1:] == register[:-1]
    span_ms = np.where(inside, at_ms[1:] - at_ms[:-1], 0)
    energy_wh, fits = _rises(old, new, rule, meters)
    link = chain.link[1:]
    reset = link == Link.RESET
    energy_wh[reset] = meters.wh(new[reset], rule[reset])
    declared = (chain.place[1:] == NONE) | (chain.place[:-1] == NONE)
    fits |= reset
    fits[declared] &= energy_wh[declared] <= _limits_wh(
        register[:-1][declared], span_ms[declared], rule[declared], meters
    )
    known = (old != NONE) & (new != NONE) & (chain.era_after[:-1] == chain.era_before[1:])
    unknown = inside & (~known | ~fits | (link == Link.JUMP))
    counted = _led(np.where(inside & ~unknown, energy_wh, 0))
    estimated = _led(unknown | (inside & (reset | (link == Link.STILL))))
    made = Stretches(counted, _led(span_ms), estimated, _led(unknown))
    return _bridged(chain, made, meters) if bool(unknown.any()) else made


def _limits_wh(
    register: NDArray[np.int64], span_ms: NDArray[np.int64], rule: NDArray[np.int64], meters: Declared
) -> NDArray[np.float64]:
    """What registers can rise by at most, with a step of each."""
    limits_wh: NDArray[np.float64] = meters.limit_kw[register] * allowed_ms(span_ms) / 3_600.0
    return limits_wh + meters.wh(meters.step[rule], rule)


def _rises(
    old: NDArray[np.int64],
    new: NDArray[np.int64],
    rule: NDArray[np.int64],
    meters: Declared,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Energy of each stretch, through the top where the register fell, and whether that explains it."""
    energy_wh = meters.wh(new, rule) - meters.wh(old, rule)
    fits = new >= old
    falls = np.flatnonzero(~fits)
    if len(falls):
        modulus = meters.modulus[rule[falls]]
        top = meters.wh(np.maximum(modulus, 0), rule[falls])
        fits[falls] = (modulus > 0) & (modulus - old[falls] + new[falls] <= modulus // NEAR_TOP)
        energy_wh[falls] = np.where(fits[falls], top + energy_wh[falls], 0)
    return energy_wh, fits


def _bridged(chain: Knots, made: Stretches, meters: Declared) -> Stretches:
    """Short stretches of which nothing is known get the mean power of the minutes before and after them."""
    energy_wh, unknown = made.energy_wh.copy(), made.unknown.copy()
    total = np.cumsum(made.energy_wh)
    short = np.flatnonzero(made.unknown & (made.span_ms <= BRIDGED_MS))
    for end in short.tolist():
        register = int(chain.register[end])
        low = int(np.searchsorted(chain.key, chain.key[end - 1] - BESIDE_MS))
        high = int(np.searchsorted(chain.key, chain.key[end] + BESIDE_MS, side="right")) - 1
        low = _first_of(chain, register, low)
        span_ms = int(chain.at_ms[end - 1] - chain.at_ms[low] + chain.at_ms[high] - chain.at_ms[end])
        if span_ms <= 0:
            continue
        counted = int(total[high] - total[end] + total[end - 1] - total[low])
        share_wh = counted * int(made.span_ms[end]) // span_ms
        limit_kw = float(meters.limit_kw[register])
        most = share_wh if np.isinf(limit_kw) else int(limit_kw * int(made.span_ms[end]) / 3_600.0)
        energy_wh[end], unknown[end] = min(share_wh, most), False
    return Stretches(energy_wh, made.span_ms, made.estimated, unknown)


def _first_of(chain: Knots, register: int, place: int) -> int:
    """The place, or the first one of a register when it lies before that."""
    return max(place, int(np.searchsorted(chain.key, register * INSTANTS)))


def _with_changes(plain: Knots, meters: Declared) -> Knots:
    """Put declared changes between the readings around them; a reading at the instant of a change starts the count."""
    place = np.searchsorted(plain.key, meters.change_key, side="left")
    inner = _between(plain, place, meters.change_key)
    era = meters.era(register_of(meters.change_key), meters.change_key)
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
        link=np.insert(plain.link, where, 0),
    )


def _between(plain: Knots, place: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which changes have readings of their register on both sides."""
    inner = (place > 0) & (place < len(plain.key))
    register = register_of(key[inner])
    inner[inner] = (register_of(plain.key[place[inner] - 1]) == register) & (
        register_of(plain.key[place[inner]]) == register
    )
    return inner


def _led(values: NDArray[Any]) -> NDArray[Any]:
    """The same with a zero in front, for the first knot."""
    return np.concatenate([np.zeros(1, dtype=values.dtype), values])
