"""What an account used in a month, on quarter hours: energies as exact Wh, whatever the interval of its registers.

    register, hourly      |        1001 Wh        |
    quarter hours         | 251 | 250 | 250 | 250 |     spread evenly, nothing lost: the remainder goes first

A register that reports more coarsely than 15 minutes is spread evenly; the bill says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

QUARTER_S = 900
QUARTER_MS = QUARTER_S * 1000
MISSING = 0
ESTIMATED = 2
"""The qualities of an interval; 1 is good."""
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Series:
    """The intervals of one register over the whole span of a bill; the missing ones have quality 0."""

    device_class: str
    signal: str
    period_s: int
    energy_wh: NDArray[np.int64]
    """Wh or varh of each interval."""
    quality: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Quarters:
    """Some registers together, on the quarter hours of a bill."""

    energy_wh: NDArray[np.int64]
    """What is known; a missing quarter hour adds nothing."""
    known: NDArray[np.bool_]
    """Quarter hours that every register knows."""
    rate: NDArray[np.int64]
    """Mean power over the registers' own intervals, in units of Wh a day: kW x 24,000."""
    estimates_wh: NDArray[np.int64]
    """What of `energy_wh` is an estimate."""
    estimates: NDArray[np.int32]
    """How many registers of each quarter hour have an estimate."""
    missing: NDArray[np.int32]
    """How many registers do not know the quarter hour; 0 where it has not passed yet."""
    expected: int
    known_count: int
    """Quarter hours, counted for each register."""
    coarsest_period_s: int
    registers: int

    @property
    def total_wh(self) -> int:
        """Everything that is known."""
        return int(self.energy_wh.sum())

    @property
    def estimated_wh(self) -> int:
        """What of it is an estimate."""
        return int(self.estimates_wh.sum())

    @property
    def estimated_count(self) -> int:
        """Quarter hours with an estimate, counted for each register."""
        return int(self.estimates.sum())

    @property
    def coverage_pct(self) -> Decimal:
        """Known quarter hours of all registers, per cent with two decimals, rounded down."""
        return Decimal(self.known_count * 10_000 // self.expected) / 100 if self.expected else Decimal(0)


def spread(energy_wh: NDArray[np.int64], period_s: int) -> NDArray[np.int64]:
    """Energies of coarse intervals on quarter hours: evenly, the remainder of whole Wh on the first ones."""
    parts = period_s // QUARTER_S
    if parts == 1:
        return energy_wh
    share, remainder = np.divmod(energy_wh, parts)
    return (share[:, None] + (np.arange(parts) < remainder[:, None])).reshape(-1).astype(np.int64)


def quarters(series: Sequence[Series], count: int, elapsed: int | None = None) -> Quarters:
    """Registers added up over `count` quarter hours, of which `elapsed` have passed and are expected."""
    energy, rate, estimates_wh = (np.zeros(count, np.int64) for _ in range(3))
    estimates, missing = np.zeros(count, np.int32), np.zeros(count, np.int32)
    known = np.ones(count, np.bool_)
    passed = np.arange(count) < (count if elapsed is None else elapsed)
    known_count = 0
    for each in series:
        parts = each.period_s // QUARTER_S
        present = each.quality != MISSING
        guessed = each.quality == ESTIMATED
        values = np.where(present, each.energy_wh, 0)
        slots = np.repeat(present, parts)
        energy += spread(values, each.period_s)
        rate += np.repeat(values * (_DAY_S // each.period_s), parts)
        estimates_wh += spread(np.where(guessed, values, 0), each.period_s)
        estimates += np.repeat(guessed, parts)
        missing += passed & ~slots
        known &= slots
        known_count += int(slots.sum())
    return Quarters(
        energy_wh=energy,
        known=known,
        rate=rate,
        estimates_wh=estimates_wh,
        estimates=estimates,
        missing=missing,
        expected=int(passed.sum()) * len(series),
        known_count=known_count,
        coarsest_period_s=max((each.period_s for each in series), default=QUARTER_S),
        registers=len(series),
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """Everything that a bill needs to know of an account's registers."""

    imported: Quarters
    reactive: Quarters
    fed_in: Mapping[tuple[str, str], Quarters]
    """By device class and signal."""
