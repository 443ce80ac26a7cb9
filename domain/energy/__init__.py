"""The 15-minute truth: energy of intervals from registers, with its quality, and what explains what is missing."""

from domain.energy.intervals import interval_energy
from domain.energy.readings import (
    NEIGHBOURS,
    Declaration,
    Grid,
    IntervalQuality,
    IntervalTable,
    Readings,
    RegisterRule,
)

__all__ = [
    "NEIGHBOURS",
    "Declaration",
    "Grid",
    "IntervalQuality",
    "IntervalTable",
    "Readings",
    "RegisterRule",
    "interval_energy",
]
