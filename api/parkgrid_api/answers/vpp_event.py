"""One event of the pilot: what was promised, baseline against metered, verdicts, money and where each stands."""

from typing import Literal

from parkgrid_api.answers.shape import Shape
from parkgrid_api.answers.vpp import (
    ChainHead,
    EligibilityShape,
    EntryShape,
    EventShort,
    MoneyStatus,
    VerdictCounts,
)
from parkgrid_domain.vpp.baseline.curve import Applied
from parkgrid_domain.vpp.baseline.days import Outcome
from parkgrid_domain.vpp.documents import ResourceKind
from parkgrid_domain.vpp.pack import Status
from parkgrid_domain.vpp.pilot import EventState
from parkgrid_domain.vpp.settlement import Direction, Verdict


class PlaceShape(Shape):
    """A place in the grid."""

    location: str
    name: str
    level: Literal["station", "line", "transformer", "account"]


class QuestionShape(Shape):
    """What only the market's operator can answer."""

    zh: str
    en: str


class PackShape(Shape):
    """The settlement rules of an event."""

    pack: str
    digest: str
    name_zh: str
    name_en: str
    status: Status
    source: str
    interval_min: int
    questions: list[QuestionShape]


class CourseStep(Shape):
    """A state that an event, or one award of it, came to."""

    state: EventState
    at_ms: int
    award: str | None
    by_event: str | None
    reason: str


class BidShape(Shape):
    """What an operator offered, the last in time."""

    bid: str
    operator: str
    price_cny_per_kwh: str
    kw: float
    resources: int
    at_ms: int
    entry: int


class LoserShape(Shape):
    """A bid, or one resource of it, that was not taken."""

    bid: str
    operator: str
    resource: str | None
    reason: str


class OptOutShape(Shape):
    """A resource that would not take part; late, it changes nothing."""

    operator: str
    resource: str
    at_ms: int
    in_time: bool
    reason: str


class QuarterShape(Shape):
    """One quarter hour; energy in kWh, `verdict` null before it was settled."""

    at_ms: int
    award_kwh: float
    baseline_kwh: float | None
    metered_kwh: float | None
    target_kwh: float | None
    """What the meter would have shown if exactly the award had been delivered; null without a baseline."""
    moved_kwh: float | None
    """Energy by which it went in the direction asked for; negative: the other way."""
    verdict: Verdict | None
    unsure: str
    """Why it could not be verified."""


class IntervalMoney(Shape):
    """One interval of the settlement rules, exact."""

    at_ms: int
    award_kwh: str
    response_kwh: str
    counted_kwh: str
    payment_cny: str
    penalty_cny: str
    quarters: int
    """Quarter hours of it that could be verified."""


class StatementShape(Shape):
    """What an award came to, and where it stands in the ledger."""

    statement: str
    revision: int
    cause: str
    status: MoneyStatus
    price_cny_per_kwh: str
    payment_cny: str
    penalty_cny: str
    net_cny: str
    entry: int
    at_ms: int
    by: str
    digest: str


class AwardShape(Shape):
    """One operator's award: the quarter hours of all its resources together, money, and every revision."""

    award: str
    bid: str
    operator: str
    operator_zh: str
    operator_en: str
    awarded_kw: float
    kw: float
    """Without what opted out in time."""
    resources: int
    verdicts: VerdictCounts | None
    quarters: list[QuarterShape]
    intervals: list[IntervalMoney]
    """Empty where the rules settle each resource by itself, or before it was settled."""
    statements: list[StatementShape]
    """The one that stands comes last."""


class DisputeStep(Shape):
    """One step of a dispute."""

    step: Literal["raised", "answered", "decided"]
    at_ms: int
    late: bool
    """It came after the day until which it was to follow."""
    text: str
    due: str


class DisputeShape(Shape):
    """A dispute about a statement."""

    dispute: str
    statement: str
    open: bool
    steps: list[DisputeStep]


class EventWhole(EventShort):
    """Everything about one event but its resources."""

    as_of_ms: int
    head: ChainHead | None
    bids_until_ms: int
    opt_out_until_ms: int
    targets: list[PlaceShape]
    """Empty: everywhere."""
    pack: PackShape
    price_cny_per_kwh: str | None
    """At which it was cleared."""
    course: list[CourseStep]
    bids: list[BidShape]
    losers: list[LoserShape]
    opt_outs: list[OptOutShape]
    awards: list[AwardShape]
    disputes: list[DisputeShape]
    entries_total: int
    entries: list[EntryShape]
    """Its entries in the ledger, the newest first, at most a page of them."""


class AwardPart(Shape):
    """What one resource is to contribute."""

    resource: str
    name_zh: str
    name_en: str
    park: str
    kind: ResourceKind
    kw: float
    opted_out: bool
    """Out in time: it need do nothing."""


class AwardOrder(Shape):
    """What an operator's site is to do: by how much, when, with what."""

    event: str
    award: str
    operator: str
    direction: Direction
    state: EventState
    from_ms: int
    to_ms: int
    opt_out_until_ms: int
    kw: float
    """Without what opted out in time."""
    price_cny_per_kwh: str
    parts: list[AwardPart]


class EventResourceRow(Shape):
    """One resource of an event, with the line of its money; null before it was settled."""

    resource: str
    name_zh: str
    name_en: str
    park: str
    kind: ResourceKind
    operator: str
    award: str
    kw: float
    opted_out: bool
    baseline: str | None
    eligible: bool | None
    promised_kwh: float
    measured_kwh: float | None
    verdicts: VerdictCounts | None
    note: str
    """Its unverified quarter hours, by reason."""
    status: MoneyStatus | None
    contract: str | None
    payment_cny: str | None
    penalty_cny: str | None
    operator_part_cny: str | None
    user_part_cny: str | None
    statement: str | None
    entry: int | None
    """The number of its statement in the ledger."""


class EventResources(Shape):
    """The resources of an event in the order of their identifiers."""

    event: str
    total: int
    resources: list[EventResourceRow]


class BaselineDay(Shape):
    """One day that was looked at for a baseline."""

    day: str
    outcome: Outcome
    energy_kwh: float | None
    """Over the event's quarter hours of that day."""
    window_kwh: float | None
    """Over those of the adjustment."""
    detail: str


class AdjustmentShape(Shape):
    """The same-day adjustment of a baseline."""

    applied: Applied
    factor: str
    shift_kwh: float
    capped: bool
    past_kwh: float | None
    today_kwh: float | None


class BaselineShape(Shape):
    """The baseline of a resource, frozen with the award."""

    name: str
    digest: str | None
    enough: bool
    eligible: bool
    readings: str
    """SHA-256 of the register readings that it was computed from."""
    days: list[BaselineDay]
    curve_kwh: list[float] | None
    """Before its adjustment, by quarter hour."""
    adjustment: AdjustmentShape | None
    """Null before it was made."""


class FindingTold(Shape):
    """An open finding of a register that made quarter hours unverified."""

    register: str
    kind: str
    from_ms: int
    to_ms: int


class LaterShape(Shape):
    """A day of a baseline whose energy is another now; it moves nothing and may be disputed."""

    day: str
    was_kwh: float | None
    is_kwh: float | None


class EventResource(EventResourceRow):
    """One resource of an event with every quarter hour."""

    frozen: BaselineShape | None
    eligibility: EligibilityShape | None
    """The latest, whatever it was at the award."""
    quarters: list[QuarterShape]
    intervals: list[IntervalMoney]
    """Empty where the rules settle the award as a whole, or before it was settled."""
    readings: str | None
    """SHA-256 of the register readings that its energy was computed from."""
    findings: list[FindingTold]
    known_later: list[LaterShape]
