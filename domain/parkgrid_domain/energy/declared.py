"""What was declared of the registers of a call, as arrays: ratio and width in force, and where another count starts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.daylight import Daylight
from parkgrid_domain.energy.neighbours import Neighbours
from parkgrid_domain.energy.readings import INSTANTS, NONE, Declaration, RegisterRule, keys, register_of

LARGEST_WH = 2**60
"""A reading of more steps or primary Wh than it (1.15 EWh) is no reading; below it no sum of this package overflows."""
MOST_RATIO = 2**61
"""Numerator times denominator of a ratio stay below it."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything declared, sorted by register and instant; before its first declaration ratio 1, width unknown."""

    key: NDArray[np.int64]
    numerator: NDArray[np.int64]
    """Of the ratio times Wh per step."""
    denominator: NDArray[np.int64]
    modulus: NDArray[np.int64]
    """-1: not known."""
    change_key: NDArray[np.int64]
    """Where another count starts: another meter or another ratio."""
    change_initial: NDArray[np.int64]
    change_final: NDArray[np.int64]
    period_ms: NDArray[np.int64]
    limit_kw: NDArray[np.float64]
    """Infinite where no limit is known."""
    step: NDArray[np.int64]
    """The declared step of each declaration, in stored steps; 0: not declared."""
    daylight: tuple[Daylight | None, ...]
    """Of each register: where it stands, if it counts photovoltaics."""
    neighbours: tuple[Neighbours | None, ...]
    """Of each register: what others beside it counted."""

    def at(self, key: NDArray[np.int64]) -> NDArray[np.int64]:
        """The index of the declaration in force at each key."""
        if len(self.key) == len(self.period_ms):
            # Each register has its first declaration and no other.
            return register_of(key)
        return np.searchsorted(self.key, key, side="right") - 1

    def era(self, register: NDArray[np.int64], key: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each key that differs exactly between registers and across changes of the count."""
        if not len(self.change_key):
            return register
        return register + np.searchsorted(self.change_key, key, side="right")

    def last_of(self, declaration: int) -> int:
        """The last declaration of the same count: a width or a step that becomes known later holds for all of it."""
        eras = self.era(register_of(self.key), self.key)
        return int(np.searchsorted(eras, eras[declaration], side="right")) - 1

    def wh(self, steps: NDArray[np.int64], declaration: NDArray[np.int64]) -> NDArray[np.int64]:
        """Primary Wh of register values, each rounded half up once: floor(steps * ratio * Wh per step + 1/2)."""
        if bool((self.denominator == 1).all() & (self.numerator == self.numerator[:1]).all()):
            # Almost always: one ratio for all, which saves a look at the declaration of each.
            return steps * self.numerator[:1]
        numerator, denominator = self.numerator[declaration], self.denominator[declaration]
        if bool((denominator == 1).all()):
            return steps * numerator
        whole, rest = np.divmod(steps, denominator)
        return whole * numerator + (rest * numerator + denominator // 2) // denominator

    def countable(self, steps: NDArray[np.int64], declaration: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Values the register can show: not negative, below its width, small enough to compute with."""
        modulus = self.modulus[declaration]
        worth = steps * (self.numerator / self.denominator)[declaration]
        small = (steps >= 0) & (steps < LARGEST_WH) & (worth < LARGEST_WH)
        fits: NDArray[np.bool_] = small & ((modulus < 0) | (steps < modulus))
        return fits


def declared(rules: Sequence[RegisterRule], wh_per_step: int) -> Declared:
    """Put the declarations of all registers into arrays."""
    entries = [entry for index, rule in enumerate(rules) for entry in _entries(index, rule)]
    changes = [entry for entry in entries if entry[2]]
    return Declared(
        key=_keys(entries),
        numerator=_column([_checked(entry[1].ratio, wh_per_step).numerator for entry in entries]),
        denominator=_column([(entry[1].ratio * wh_per_step).denominator for entry in entries]),
        modulus=_column([_or_none(entry[1].modulus_steps) for entry in entries]),
        change_key=_keys(changes),
        change_initial=_column([_or_none(entry[1].initial_steps) for entry in changes]),
        change_final=_column([_or_none(entry[1].final_steps) for entry in changes]),
        period_ms=_column([rule.period_ms for rule in rules]),
        limit_kw=np.array([np.inf if rule.limit_kw is None else rule.limit_kw for rule in rules], dtype=np.float64),
        step=_column([entry[1].step_steps or 0 for entry in entries]),
        daylight=tuple(rule.daylight for rule in rules),
        neighbours=tuple(rule.neighbours for rule in rules),
    )


_Entry = tuple[int, Declaration, bool]
_UNDECLARED = Declaration(0, None, Fraction(1))


def _entries(index: int, rule: RegisterRule) -> Iterator[_Entry]:
    """The declarations of one register, the later of two for one instant, each with whether another count starts."""
    before = _UNDECLARED
    yield index, before, False
    latest = {declaration.valid_from_ms: declaration for declaration in rule.declarations}
    for _, declaration in sorted(latest.items()):
        known = declaration.initial_steps is not None or declaration.final_steps is not None
        changes = declaration.valid_from_ms > 0 and (known or declaration.ratio != before.ratio)
        yield index, declaration, changes
        before = declaration


def _keys(entries: Sequence[_Entry]) -> NDArray[np.int64]:
    register = _column([entry[0] for entry in entries])
    instants = _column([min(max(entry[1].valid_from_ms, 0), INSTANTS - 1) for entry in entries])
    return keys(register, instants)


def _checked(ratio: Fraction, wh_per_step: int) -> Fraction:
    worth = ratio * wh_per_step
    if worth <= 0 or worth.numerator * worth.denominator >= MOST_RATIO:
        raise ValueError(
            f"a ratio of {ratio} cannot be counted with: give a positive one of at most nine digits a side"
        )
    return worth


def _or_none(value: int | None) -> int:
    return NONE if value is None else value


def _column(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
