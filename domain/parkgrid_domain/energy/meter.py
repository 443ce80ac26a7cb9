"""One register as plain numbers, for judging its readings one by one: what a rise is worth and what power allows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.belief import Differences
from parkgrid_domain.energy.declared import Declared
from parkgrid_domain.energy.readings import NONE

SLACK_MS = 60_000
"""A register may be read a little after it was written."""
QUICK_MS = 300_000
"""Between readings further apart than that it makes no difference, and the limit is that of the interval itself."""
LEARNED = 5.0
"""Where no rating is declared, a register may count five times as fast as it was ever seen to."""
YOUNG_KW = 10_000.0
"""The limit of a register without a rating that has hardly moved yet: about what one 10 kV line carries. A choice of
ours, wide on purpose; it ends with the first quarter of an hour of movement."""
ENOUGH_MS = 900_000
"""So much movement tells how fast a register counts."""
NEAR_TOP = 10
"""A fall is a roll-over when the rise through the top is at most a tenth of the register's width."""
ENOUGH = 3
"""So many rises tell the step of a register: the third smallest grain is the smallest that is no exception."""
_MS_PER_HOUR_W = 3_600.0


@dataclass(frozen=True, slots=True)
class Meter:
    """What is declared of one register from an instant on."""

    numerator: int
    """Of the primary Wh of one step."""
    denominator: int
    modulus: int
    """`NONE`: not known."""
    limit_kw: float | None
    """The highest plausible power; None: not declared, so it is learned."""
    step_steps: int
    """The declared step of the register, in stored steps; 0: not declared."""
    period_ms: int

    @classmethod
    def of(cls, meters: Declared, register: int, declaration: int) -> "Meter":
        """The register as declared."""
        limit_kw = float(meters.limit_kw[register])
        return cls(
            int(meters.numerator[declaration]),
            int(meters.denominator[declaration]),
            int(meters.modulus[declaration]),
            None if limit_kw == float("inf") else limit_kw,
            int(meters.step[declaration]),
            int(meters.period_ms[register]),
        )

    def wh(self, steps: int) -> int:
        """Primary Wh of a value of the register, as `Declared.wh`."""
        if self.denominator == 1:
            return steps * self.numerator
        whole, rest = divmod(steps, self.denominator)
        return whole * self.numerator + (rest * self.numerator + self.denominator // 2) // self.denominator

    def rise_wh(self, old: int, new: int) -> int | None:
        """What was counted from one value to a later one, through the top too; None: the register fell."""
        if new >= old:
            return self.wh(new) - self.wh(old)
        if self.modulus == NONE or self.modulus - old + new > self.modulus // NEAR_TOP:
            return None
        return self.wh(self.modulus) - self.wh(old) + self.wh(new)

    def step_wh(self, smallest: Differences) -> int | None:
        """The step of the register in primary Wh: declared, else learned; None: not known yet."""
        if self.step_steps:
            return self.wh(self.step_steps)
        return self.wh(smallest[ENOUGH - 1]) if len(smallest) >= ENOUGH else None

    def power_kw(self, peak_kw: float, seen_ms: int) -> float:
        """The power that no believed rise exceeds; `seen_ms` is how much movement it was learned from."""
        if self.limit_kw is not None:
            return self.limit_kw
        return LEARNED * peak_kw if seen_ms >= ENOUGH_MS else max(YOUNG_KW, LEARNED * peak_kw)


def energy_wh(power_kw: float, span_ms: int) -> float:
    """Wh that a power gives in a span."""
    return power_kw * span_ms / _MS_PER_HOUR_W


def allowed_wh(power_kw: float, span_ms: int) -> float:
    """Wh that a register can rise by between two readings, without its step."""
    return energy_wh(power_kw, max(span_ms, min(span_ms + SLACK_MS, QUICK_MS)))


def allowed_ms(spans_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """The spans whose power a register can rise by between two readings, as `allowed_wh`."""
    return np.maximum(spans_ms, np.minimum(spans_ms + SLACK_MS, QUICK_MS)).astype(np.float64)


def mean_kw(wh: float, span_ms: int) -> float:
    """The power that gives so many Wh in a span."""
    return wh * _MS_PER_HOUR_W / span_ms
