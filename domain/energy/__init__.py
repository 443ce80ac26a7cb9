"""The 15-minute truth: energy of intervals from registers, with its quality, and what explains what is missing."""

from domain.energy.belief import NOTHING, Belief
from domain.energy.course import Course, Opening
from domain.energy.daylight import Daylight, Spread
from domain.energy.findings import Finding, FindingKind
from domain.energy.gaps import Evidence, Gap, GapCause, gaps
from domain.energy.intervals import Metered, interval_energy, metered
from domain.energy.neighbours import NOT_GOOD, Neighbours
from domain.energy.nodes import reach_ms
from domain.energy.power import Direction, integrated_power
from domain.energy.readings import (
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
    "NOTHING",
    "NOT_GOOD",
    "Belief",
    "Course",
    "Daylight",
    "Declaration",
    "Direction",
    "Evidence",
    "Finding",
    "FindingKind",
    "Gap",
    "GapCause",
    "Grid",
    "IntervalQuality",
    "IntervalTable",
    "Metered",
    "Neighbours",
    "Opening",
    "Readings",
    "RegisterRule",
    "Spread",
    "gaps",
    "in_order",
    "integrated_power",
    "interval_energy",
    "keys",
    "metered",
    "reach_ms",
]
