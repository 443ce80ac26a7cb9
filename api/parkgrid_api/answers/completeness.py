"""How complete readings are, and what registers and devices cannot be believed."""

from typing import Literal

from parkgrid_api.answers.shape import ParkPeriod, Shape


class CompleteRegister(Shape):
    """How much of what should have come from a register came."""

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
    """A spell without readings and the part of the way that failed."""

    gateway: str
    device: str
    signal: str
    from_ms: int
    to_ms: int
    cause: Literal["device", "gateway", "link", "ingest", "source", "restore"]


class DataGaps(Shape):
    """Spells without readings that touch a period."""

    park: str
    period: str
    gaps: list[DataGap]


class RegisterFinding(Shape):
    """Something that a register cannot have counted."""

    gateway: str
    device: str
    signal: str
    kind: Literal["jumped", "reset", "left_out", "too_much"]
    at_ms: int
    """The first believed reading after it; of readings left out the first of them; of too much its interval."""
    from_ms: int
    """The believed reading before it."""
    from_register_kwh: float | None
    register_kwh: float | None
    energy_kwh: float
    """What would have been booked; of a reset, what was."""
    readings: int
    """Readings that are not believed."""


class RegisterFindings(Shape):
    """What registers cannot have counted in a period."""

    park: str
    period: str
    findings: list[RegisterFinding]


class DeviceProblem(Shape):
    """A device that is not read until a person mends what is named."""

    park: str
    gateway: str
    device: str
    device_class: str
    problem: str
    """As the gateway names it: `wrong_device`, `other_transaction`, `line_settings_differ`, `two_names`, or another."""


class DeviceProblems(Shape):
    """Devices that need repair."""

    problems: list[DeviceProblem]
