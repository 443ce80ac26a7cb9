"""Numbers to stored integers, a matrix at a time: `Signal.steps` and the catalogue's limits, vectorised."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.signals import CATALOGUE, Signal

OVERLOAD = 1.2
"""A device's own power is out of range beyond this many times its rated power, in either direction."""
POWERS = frozenset({"active_power_kw", "demand_kw", *(f"active_power_{phase}_kw" for phase in "abc")})
"""The signals that this holds for."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the catalogue says about the columns of one matrix."""

    signals: tuple[Signal, ...]
    """The signals of the known columns."""
    positions: tuple[int, ...]
    """Where they stand in the matrix."""
    unknown: tuple[tuple[int, str], ...]
    """Position and name of the columns that the class does not have."""
    per_unit: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    limit: NDArray[np.float64]
    power: tuple[int, ...]
    """Which of the known columns a device's rated power bounds."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """The integers of a matrix; the masks are None when there is nothing to mark."""

    steps: NDArray[np.int64]
    unstorable: NDArray[np.bool_] | None
    out_of_range: NDArray[np.bool_] | None


@lru_cache(maxsize=256)
def layout(device_class: str, names: tuple[str, ...]) -> Layout:
    """The layout of a matrix whose columns are these signals of a class of the catalogue."""
    by_name = CATALOGUE[device_class].by_name
    positions = tuple(position for position, name in enumerate(names) if name in by_name)
    signals = tuple(by_name[names[position]] for position in positions)
    return Layout(
        signals,
        positions,
        tuple((position, name) for position, name in enumerate(names) if name not in by_name),
        np.array([signal.per_unit for signal in signals], np.float64),
        np.array([signal.low for signal in signals], np.float64),
        np.array([signal.high for signal in signals], np.float64),
        np.array([signal.storage_limit for signal in signals], np.float64),
        tuple(place for place, signal in enumerate(signals) if signal.name in POWERS),
    )


def scale(matrix: NDArray[np.float64], plan: Layout, most_kw: NDArray[np.float64] | None = None) -> Scaled:
    """Integers for the known columns of `matrix`, which is overwritten; `most_kw` bounds the powers of each row.

    Extremes are looked at first: the masks cost nothing as long as every value is in its range.
    """
    known = matrix[:, plan.positions] if plan.unknown else matrix
    lowest, highest = known.min(axis=0), known.max(axis=0)
    out_of_range = None
    if (lowest < plan.low).any() or (highest > plan.high).any():
        out_of_range = (known < plan.low) | (known > plan.high)
    if most_kw is not None and plan.power:
        power = np.abs(known[:, plan.power])
        if power.max() > most_kw.min():
            out_of_range = np.zeros(known.shape, np.bool_) if out_of_range is None else out_of_range
            out_of_range[:, plan.power] |= power > most_kw[:, None]
    with np.errstate(over="ignore"):
        steps = np.multiply(known, plan.per_unit, out=known)
    # Both Python's round() and rint round halves to even, on the same double product.
    np.rint(steps, out=steps)
    unstorable = None
    if out_of_range is not None:
        excess = np.abs(steps) > plan.limit
        if excess.any():
            unstorable = excess
            out_of_range &= ~excess
            steps[excess] = 0
    return Scaled(steps.astype(np.int64), unstorable, out_of_range)
