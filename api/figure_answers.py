"""The shapes of answers with figures, for the OpenAPI document only."""

from typing import Literal

from api.answers import Shape


class EnergyRow(Shape):
    """An interval as metered, or a sum by hour, day or month; a reactive register counts in kvarh instead of kWh."""

    gateway: str
    device: str
    device_class: str
    signal: str
    at_ms: int
    period_s: int
    energy_kwh: float | None = None
    energy_kvarh: float | None = None
    quality: Literal["good", "estimated", "missing"] | None = None
    expected: int | None = None
    received: int | None = None
    valid: int | None = None
    estimated: int | None = None
    late: int | None = None
    first_at_ms: int | None = None
    first_register_kwh: float | None = None
    first_register_kvarh: float | None = None
    last_at_ms: int | None = None
    last_register_kwh: float | None = None
    last_register_kvarh: float | None = None
    revision: int | None = None
    changed_at_ms: int | None = None
    cause: str | None = None
    good: int | None = None
    estimated_intervals: int | None = None
    missing_intervals: int | None = None
    expected_intervals: int | None = None
    coverage_pct: float | None = None
    revised_at_ms: int | None = None


class FormerRow(EnergyRow):
    """A former value of an interval, and who superseded it."""

    superseded_at_ms: int
    superseded_by: str
    superseded_cause: str


class IntervalRevisions(Shape):
    """Former values of the intervals of a span."""

    park: str
    time_zone: str
    unit: Literal["kWh", "kvarh"]
    from_ms: int
    to_ms: int
    as_of_ms: int
    address: str
    revisions: list[FormerRow]
    rows: int


class Intervals(Shape):
    """Energies of a span, with a row for every slot; null where nothing is known."""

    park: str
    time_zone: str
    resolution: Literal["15m", "1h", "1d", "1mo"]
    unit: Literal["kWh", "kvarh"]
    from_ms: int
    to_ms: int
    as_of_ms: int
    address: str
    intervals: list[EnergyRow]
    rows: int
