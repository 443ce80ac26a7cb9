"""The 15-minute truth: energy of intervals from registers, with its quality, and what explains what is missing."""

from parkgrid_domain.energy.belief import NOTHING, Belief
from parkgrid_domain.energy.course import Course, Opening
from parkgrid_domain.energy.daylight import Daylight, Spread
from parkgrid_domain.energy.findings import Finding, FindingKind
from parkgrid_domain.energy.gaps import Evidence, Gap, GapCause, gaps
from parkgrid_domain.energy.intervals import Metered, interval_energy, metered
from parkgrid_domain.energy.neighbours import NOT_GOOD, Neighbours
from parkgrid_domain.energy.nodes import reach_ms
from parkgrid_domain.energy.power import Direction, integrated_power
from parkgrid_domain.energy.readings import (
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
