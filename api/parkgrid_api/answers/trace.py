"""Where a figure came from."""

from typing import Any

from parkgrid_api.answers.shape import Shape


class TraceShape(Shape):
    """Where a figure came from, and what comes out when it is computed again from there."""

    address: str
    definition: dict[str, str]
    published: float | str | None = None
    recomputed: float | str | None = None
    equal: bool
    unit: str
    coverage_pct: float | None = None
    estimated_pct: float | None = None
    basis: str
    basis_zh: str
    unavailable: str | None = None
    unavailable_zh: str | None = None
    details: dict[str, Any]
    rules: list[dict[str, Any]]
    inputs: list[dict[str, Any]]
    registers: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    notes: list[str]
