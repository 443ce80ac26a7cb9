"""The shapes of answers with figures, for the OpenAPI document only."""

from typing import Any, Literal

from parkgrid_api.answers import Shape


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
    spread: Literal["sun", "neighbours", "clock"] | None = None
    """By what the energy of a gap was spread over its time; none: evenly, or there is no gap."""
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


class ChargingSessionShape(Shape):
    """What one vehicle took and gave back; the three origins and what is not attributed make up its energy.

    Origins are null while a session is under way, and where none of it is known.
    """

    gateway: str
    device: str
    name: str | None = None
    start_ms: int
    end_ms: int
    state: Literal["ended", "under_way"]
    charging_min: int
    energy_kwh: float | None = None
    returned_kwh: float | None = None
    from_pv_kwh: float | None = None
    from_storage_kwh: float | None = None
    from_grid_kwh: float | None = None
    unattributed_kwh: float | None = None
    displayed_kwh: float | None = None
    peak_kw: float | None = None
    soc_start_pct: float | None = None
    soc_end_pct: float | None = None
    quality: Literal["good", "estimated", "incomplete"]
    coverage_pct: float
    origin_quality: Literal["good", "estimated"] | None = None


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


class BoundsShape(Shape):
    """What an indicator can be at all; `per_hour` means that the upper bound is that of each hour."""

    low: float | None = None
    high: float | None = None
    per_hour: bool
    why: str


class DisplayShape(Shape):
    """How a figure is shown: a share of 0 to 1 in per cent; digits after the point, null for three significant ones."""

    share: bool
    digits: int | None = None


class IndicatorShape(Shape):
    """What an indicator is."""

    name: str
    name_zh: str
    name_en: str
    formula: str
    unit: str
    inputs: list[str]
    optional_inputs: list[str]
    ratings: list[str]
    factors: list[str]
    minimum_coverage_pct: float
    bounds: BoundsShape
    display: DisplayShape
    source: str


class Definitions(Shape):
    """Every indicator."""

    indicators: list[IndicatorShape]


class AnyFigureShape(Shape):
    """An indicator over a period; null with the reason where there is no number."""

    name: str
    name_zh: str
    name_en: str
    value: float | None = None
    unit: str
    display: DisplayShape
    coverage_pct: float
    estimated_pct: float
    unavailable: str | None = None
    unavailable_zh: str | None = None
    at_ms: int | None = None
    details: dict[str, float | str | None]


class FigureShape(AnyFigureShape):
    """An indicator of a scope."""

    address: str


class DistrictFigureShape(AnyFigureShape):
    """An indicator of parks together, with the addresses of those of each park."""

    addresses: list[str]


class Figures(Shape):
    """The indicators of a scope over a period; `until_ms` is where they end while it runs."""

    park: str
    period: str
    from_ms: int
    to_ms: int
    as_of_ms: int
    until_ms: int
    provisional: bool
    indicators: list[FigureShape]


class DistrictFigures(Shape):
    """The indicators of parks together over a period; `until_ms` is where they end while it runs."""

    parks: list[str]
    period: str
    from_ms: int
    to_ms: int
    as_of_ms: int
    until_ms: int
    provisional: bool
    indicators: list[DistrictFigureShape]


class CompleteRegister(Shape):
    """How much of what should have come from a register came."""

    gateway: str
    device: str
    device_class: str
    signal: str
    expected: int | None = None
    received: int | None = None
    valid: int | None = None
    estimated: int | None = None
    late: int | None = None
    good_intervals: int
    estimated_intervals: int
    intervals: int
    coverage_pct: float | None = None


class CompleteDay(Shape):
    """A park's completeness on a local day."""

    day: str
    registers: int
    coverage_pct: float | None = None
    coverage_pct_min: float | None = None
    expected: int
    received: int
    valid: int
    estimated: int
    late: int


class Completeness(Shape):
    """How complete a park's readings are over a period; the score is the mean over its registers."""

    park: str
    period: str
    from_ms: int
    to_ms: int
    as_of_ms: int
    score_pct: float | None = None
    days: list[CompleteDay]
    registers: list[CompleteRegister]


class DataGap(Shape):
    """A spell without readings and the part of the way that failed."""

    gateway: str
    device: str
    signal: str
    from_ms: int
    to_ms: int
    cause: Literal["device", "gateway", "link", "ingest", "source"]


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
    """What a person has to mend at devices."""

    problems: list[DeviceProblem]


class MarkShape(Shape):
    """How much of something that a line rests on is an estimate, in its unit, and how many quarter hours are missing.

    `of` is `import`, `reactive`, the code of a feed-in line, or `peak`: the interval of the highest demand.
    """

    of: str
    unit: str
    estimated: str
    estimated_intervals: int
    missing_intervals: int


class PeakShape(Shape):
    """The highest demand and what it costs; whether its interval is an estimate, and the highest of the good ones."""

    demand_kw: str
    at_ms: int
    window_s: int
    cost_cny: str
    estimated: bool | None = None
    missing: int | None = None
    good_kw: str | None = None
    good_at_ms: int | None = None
    good_cost_cny: str | None = None


class BillLineShape(Shape):
    """One line of a bill; its numbers are exact texts.

    `marks` is null in a month that was closed before they were kept; `marks_zh` and `marks_en` say them in words.
    """

    code: str
    name_zh: str
    name_en: str
    quantity: str
    unit: str
    price: str | None = None
    amount_cny: str
    inputs: dict[str, str]
    rule: dict[str, str]
    marks: list[MarkShape] | None = None
    marks_zh: str
    marks_en: str
    address: str


class BillShape(Shape):
    """What an account owes for a month."""

    account: str
    park: str
    month: str
    plan_id: str
    plan_version: str
    plan_name_zh: str
    plan_name_en: str
    total_cny: str
    energy_kwh: str
    estimated_kwh: str
    coverage_pct: str | None = None
    provisional: bool
    peak: PeakShape | None = None
    marks: list[MarkShape] | None = None
    marks_zh: str
    marks_en: str
    lines: list[BillLineShape]
    document: dict[str, Any]


class BillAnswer(Shape):
    """The bill that holds, what other plans would cost, and the revisions of a closed month."""

    bill: BillShape
    compared: list[BillShape]
    revisions: list[dict[str, Any]]


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
