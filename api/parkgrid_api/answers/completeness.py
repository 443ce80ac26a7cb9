"""How complete readings are, which changes of registers cannot be true, and which devices need repair."""

from typing import Literal

from parkgrid_api.answers.shape import ParkPeriod, Shape


class CompleteRegister(Shape):
    """Expected and received readings of a register."""

    gateway: str
    device: str
    device_class: str
    signal: str
    expected: int | None
    received: int | None
    valid: int | None
    estimated: int | None
    late: int | None
    good_intervals: int
    estimated_intervals: int
    intervals: int
    coverage_pct: float | None


class CompleteDay(Shape):
    """A park's completeness on a local day."""

    day: str
    registers: int
    coverage_pct: float | None
    coverage_pct_min: float | None
    expected: int
    received: int
    valid: int
    estimated: int
    late: int


class Completeness(ParkPeriod):
    """How complete a park's readings are over a period; the score is the mean over its registers."""

    score_pct: float | None
    days: list[CompleteDay]
    registers: list[CompleteRegister]


class DataGap(Shape):
    """A time without readings, and the part of the chain that failed."""

    gateway: str
    device: str
    signal: str
    from_ms: int
    to_ms: int
    cause: Literal["device", "gateway", "link", "ingest", "source"]


class DataGaps(Shape):
    """Times without readings that overlap a period."""

    park: str
    period: str
    gaps: list[DataGap]


class RegisterFinding(Shape):
    """A change of a register that cannot be true."""

    gateway: str
    device: str
    signal: str
    kind: Literal["jumped", "reset", "left_out", "too_much"]
    at_ms: int
    """The first accepted reading after it; for `left_out` the first of those readings, for `too_much` the interval."""
    from_ms: int
    """The accepted reading before it."""
    from_register_kwh: float | None
    register_kwh: float | None
    energy_kwh: float
    """The energy that would have been counted; for a reset, the energy that was counted."""
    readings: int
    """Number of readings that were left out."""


class RegisterFindings(Shape):
    """Changes of registers in a period that cannot be true."""

    park: str
    period: str
    findings: list[RegisterFinding]


class DeviceProblem(Shape):
    """A device that is not read until the named problem is repaired."""

    park: str
    gateway: str
    device: str
    device_class: str
    problem: str
    """As the gateway names it: `wrong_device`, `other_transaction`, `line_settings_differ`, `two_names`, or another."""


class DeviceProblems(Shape):
    """Devices that need repair."""

    problems: list[DeviceProblem]
