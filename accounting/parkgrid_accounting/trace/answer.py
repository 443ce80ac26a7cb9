"""What a trace says: one shape for every kind of figure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from parkgrid_accounting.errors import AccountingError
from parkgrid_accounting.trace.registers import Reading, RegisterTrace

Number: TypeAlias = float | Decimal | None
_CLOSE = 1e-9
"""Sums of floats in another order may differ in their last digits; nothing that is published shows a tenth of it."""


class NotTracedError(AccountingError):
    """The figure does not exist; the message says what does."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a figure is."""

    name: str
    name_zh: str
    name_en: str
    formula: str
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A dated number or a rule that a figure used, with its version."""

    name: str
    value: str
    version: str
    source: str


@dataclass(frozen=True, slots=True)
class Input:
    """One quantity that entered a figure."""

    name: str
    unit: str
    value: float | None
    """Sum of an energy, mean of anything else, over the intervals that are known."""
    recomputed: float | None
    """The same from the readings; None for what is taken as stored."""
    known: int
    """Intervals that are known."""
    count: int
    estimated: int
    registers: tuple[str, ...] = ()
    """`gateway/device/signal` of each."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a figure came from, and what comes out when it is computed again from there."""

    address: str
    definition: Definition
    published: Number
    recomputed: Number
    equal: bool
    unit: str
    coverage_pct: float | None
    estimated_pct: float | None = None
    basis: str = ""
    """What part the figure, and its coverage with it, is of; empty for the whole."""
    basis_zh: str = ""
    unavailable: str | None = None
    """Why there is no number."""
    unavailable_zh: str | None = None
    details: Mapping[str, float | int | str | None] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    inputs: tuple[Input, ...] = ()
    registers: tuple[RegisterTrace, ...] = ()
    readings: tuple[Reading, ...] = ()
    """Raw readings one by one, where the figure is a single interval."""
    notes: tuple[str, ...] = ()


def same(published: Number, recomputed: Number) -> bool:
    """Whether two values are one figure: money to the cent, everything else but for the last digits of a float."""
    if published is None or recomputed is None:
        return published is recomputed
    if isinstance(published, Decimal) or isinstance(recomputed, Decimal):
        return Decimal(published) == Decimal(recomputed)
    return math.isclose(published, recomputed, rel_tol=_CLOSE, abs_tol=_CLOSE)
