"""Where a figure came from."""

from typing import Any

from parkgrid_api.answers.shape import Shape


class TracedDefinition(Shape):
    """What a traced figure is."""

    name: str
    name_zh: str
    name_en: str
    formula: str
    unit: str
    source: str


class TracedRule(Shape):
    """A dated number or a rule that a figure used, with its version."""

    name: str
    value: str
    version: str
    source: str


class TracedInput(Shape):
    """One quantity that entered a figure: a sum of an energy, a mean of anything else, over the intervals known."""

    name: str
    unit: str
    value: float | None
    recomputed: float | None
    """The same from the readings; null for what is taken as stored."""
    known: int
    """Intervals that are known."""
    count: int
    estimated: int
    registers: list[str]
    """`gateway/device/signal` of each."""


class TraceShape(Shape):
    """Where a figure came from, and what comes out when it is computed again from there."""

    address: str
    definition: TracedDefinition
    published: float | str | None
    recomputed: float | str | None
    equal: bool
    unit: str
    coverage_pct: float | None
    estimated_pct: float | None
    basis: str
    basis_zh: str
    unavailable: str | None
    unavailable_zh: str | None
    details: dict[str, float | int | str | None]
    rules: list[TracedRule]
    inputs: list[TracedInput]
    registers: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    notes: list[str]
