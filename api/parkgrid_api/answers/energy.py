"""Energies by interval, and charging sessions."""

from typing import Literal, NotRequired

from parkgrid_api.answers.shape import Shape


class EnergyRow(Shape):
    """An interval as metered, or a sum by hour, day or month; a reactive register counts in kvarh instead of kWh."""

    gateway: str
    device: str
    device_class: str
    signal: str
    at_ms: int
    period_s: int
    energy_kwh: NotRequired[float | None]
    energy_kvarh: NotRequired[float | None]
    quality: NotRequired[Literal["good", "estimated", "missing"] | None]
    expected: NotRequired[int | None]
    received: NotRequired[int | None]
    valid: NotRequired[int | None]
    estimated: NotRequired[int | None]
    late: NotRequired[int | None]
    first_at_ms: NotRequired[int | None]
    first_register_kwh: NotRequired[float | None]
    first_register_kvarh: NotRequired[float | None]
    last_at_ms: NotRequired[int | None]
    last_register_kwh: NotRequired[float | None]
    last_register_kvarh: NotRequired[float | None]
    revision: NotRequired[int | None]
    changed_at_ms: NotRequired[int | None]
    cause: NotRequired[str | None]
    spread: NotRequired[Literal["sun", "neighbours", "clock"] | None]
    """By what the energy of a gap was spread over its time; none: evenly, or there is no gap."""
    good: NotRequired[int | None]
    estimated_intervals: NotRequired[int | None]
    missing_intervals: NotRequired[int | None]
    expected_intervals: NotRequired[int | None]
    coverage_pct: NotRequired[float | None]
    revised_at_ms: NotRequired[int | None]


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


class ChargingSessionShape(Shape):
    """What one vehicle took and gave back; the three origins and what is not attributed make up its energy.

    Origins are null while a session is under way, and where none of it is known.
    """

    gateway: str
    device: str
    name: str | None
    start_ms: int
    end_ms: int
    state: Literal["ended", "under_way"]
    charging_min: int
    energy_kwh: float | None
    returned_kwh: float | None
    from_pv_kwh: float | None
    from_storage_kwh: float | None
    from_grid_kwh: float | None
    unattributed_kwh: float | None
    displayed_kwh: float | None
    peak_kw: float | None
    soc_start_pct: float | None
    soc_end_pct: float | None
    quality: Literal["good", "estimated", "incomplete"]
    coverage_pct: float
    origin_quality: Literal["good", "estimated"] | None


class ChargingSessions(Shape):
    """The sessions of a park that began in a span, by start and charger.

    Beside them what the registers of its chargers counted in the span: `registers_kwh` is `in_sessions_kwh` (of
    sessions whenever they began, the part in the span) and `outside_sessions_kwh` together.
    """

    park: str
    time_zone: str
    from_ms: int
    to_ms: int
    as_of_ms: int
    registers_kwh: float
    in_sessions_kwh: float
    outside_sessions_kwh: float
    sessions: list[ChargingSessionShape]
    rows: int
