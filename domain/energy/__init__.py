"""The 15-minute truth: energy of intervals from registers, with its quality, and what explains what is missing."""

from domain.energy.gaps import Evidence, Gap, GapCause, gaps
from domain.energy.intervals import interval_energy
from domain.energy.power import Direction, integrated_power
from domain.energy.readings import (
    NEIGHBOURS,
    Declaration,
    Grid,
    IntervalQuality,
    IntervalTable,
    Readings,
    RegisterRule,
    in_order,
    keys,
)

__all__ = [
    "NEIGHBOURS",
    "Declaration",
    "Direction",
    "Evidence",
    "Gap",
    "GapCause",
    "Grid",
    "IntervalQuality",
    "IntervalTable",
    "Readings",
    "RegisterRule",
    "gaps",
    "in_order",
    "integrated_power",
    "interval_energy",
    "keys",
]
