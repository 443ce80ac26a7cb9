"""The virtual power plant pilot: headline, funnel, registry, operators, ledger. Money is exact text, in yuan."""

from typing import Any, Literal

from parkgrid_api.answers.shape import Shape
from parkgrid_domain.vpp.capability.headroom import Limit
from parkgrid_domain.vpp.documents import ContractType, PhaseName, Provenance, ResourceKind
from parkgrid_domain.vpp.pilot import EventState
from parkgrid_domain.vpp.settlement import Direction

StageName = Literal["registered", "tested", "available", "responded", "settled"]
MoneyStatus = Literal["simulation", "payable"]


class ChainHead(Shape):
    """The last entry of the ledger: whoever has it can tell whether what came before was changed."""

    number: int
    digest: str
    at_ms: int


class EntryShape(Shape):
    """One act, as it stands in the ledger."""

    number: int
    kind: str
    subject: str
    at_ms: int
    by: str
    previous: str
    digest: str


class EntryWhole(EntryShape):
    """One act with everything that it says."""

    document: dict[str, Any]


class Entries(Shape):
    """Entries of the ledger in their order, and its head."""

    head: ChainHead | None
    entries: list[EntryShape]


class EventEntries(Shape):
    """Entries about one event, the newest first."""

    head: ChainHead | None
    event: str
    total: int
    entries: list[EntryShape]


class MoneyShape(Shape):
    """What statements come to; what a pack that is not verified gives is a simulation, and is never added to others."""

    status: MoneyStatus
    statements: int
    payment_cny: str
    penalty_cny: str
    net_cny: str


class VerdictCounts(Shape):
    """Quarter hours by what they came to."""

    delivered: int
    partial: int
    not_delivered: int
    unverified: int


class EventShort(Shape):
    """An event as a list shows it; verdicts and energy are those of its awards, money that of its statements."""

    event: str
    name_zh: str
    name_en: str
    direction: Direction
    type: Literal["invitation", "direct"]
    notice_class: Literal["day_ahead", "hour", "fast", "minute", "second"]
    setup: Literal["pilot", "upstream"]
    state: EventState
    from_ms: int
    to_ms: int
    target_kw: float
    awarded_kw: float
    """Without what opted out in time."""
    short_kw: float | None
    """What of the target nobody took; null before it was awarded."""
    operators: int
    resources: int
    promised_kwh: float
    """Of the quarter hours whose energy could be verified; before it was settled, of all."""
    measured_kwh: float | None
    """What was moved in the direction asked for, less what went the other way; null before it was settled."""
    verdicts: VerdictCounts | None
    money: list[MoneyShape]
    open_disputes: int


class EventList(Shape):
    """Events, those that begin last first."""

    as_of_ms: int
    head: ChainHead | None
    total: int
    events: list[EventShort]


class StageShape(Shape):
    """How many resources have come so far, and what they can do together."""

    stage: StageName
    resources: int
    up_kw: float
    """The largest reduction of what they draw."""
    down_kw: float
    """The largest increase."""


class FunnelShape(Shape):
    """The stages of the resources of one park, cluster or transformer, or of all.

    registered: in the pilot and has not left; tested: its joint test is written; available: active, under a contract in
    force, at a place that is proven; responded: moved energy in an event; settled: did so in an event that is settled.
    """

    kind: Literal["all", "park", "cluster", "transformer"]
    id: str
    name_zh: str
    name_en: str
    stages: list[StageShape]


class PilotSummary(Shape):
    """The pilot at this moment and in this calendar year of Shenzhen."""

    as_of_ms: int
    head: ChainHead | None
    """Null: nothing was ever written."""
    year: int
    events: int
    """All that were ever published."""
    under_way: list[EventShort]
    coming: list[EventShort]
    """Published, awarded or notified."""
    settled: int
    """Events of this year with a statement."""
    shaved_kwh: float
    """Verified energy moved in peak-shaving events of this year."""
    filled_kwh: float
    money: list[MoneyShape]
    """Of this year's events; empty: no statement."""
    verdicts: VerdictCounts
    """Quarter hours of the awards of this year's events."""
    open_disputes: int
    funnel: list[FunnelShape]


class AdjustableSide(Shape):
    """One direction over the quarter hours of the next day, in kW, minutes that it can be held, and what limits it."""

    kw: list[float]
    minutes: list[float]
    limit: list[Limit]


class AdjustableFacts(Shape):
    """What one resource needs and what its capability rests on."""

    ramp_kw_per_min: float
    notice_min: int
    recovery_min: int
    confidence_pct: float | None
    """How often nine tenths of what was promised were there; of a resource without a forecast the accuracy of its last
    capability test. Null: not known."""
    method: str | None
    """Of its forecast; null: it has none."""
    issued_ms: int | None


class Adjustable(Shape):
    """What the pool, one park, transformer or resource can do, given the plan and the events that were accepted."""

    kind: Literal["all", "park", "transformer", "resource"]
    id: str
    name_zh: str
    name_en: str
    up: AdjustableSide
    """Reduction of what is drawn."""
    down: AdjustableSide
    facts: AdjustableFacts | None
    """Of a resource alone."""


class CapabilityShape(Shape):
    """The capability of the next 24 hours, by quarter hour."""

    head: ChainHead | None
    at_ms: list[int]
    total: int
    of: list[Adjustable]
    """The pool first, then parks and transformers; with an operator or a resource named, each resource last. Empty: no
    resource is active."""


class PhaseStep(Shape):
    """A step of a resource on its way into the pilot."""

    phase: PhaseName
    on: str
    note: str


class ResourceContract(Shape):
    """By which contract an operator may offer a resource."""

    contract: str
    operator: str
    type: ContractType
    valid_from: str
    valid_to: str | None
    """The first day after validity."""
    in_force: bool
    operator_pct: str
    user_pct: str


class EligibilityShape(Shape):
    """How good a baseline was over the history of a resource."""

    rule: str
    digest: str
    from_day: str
    to_day: str
    days: int
    mae_kw: str
    bias_pct: str
    rrmse_pct: str
    passes: bool
    why: str


class ResourceShape(Shape):
    """Something that can be adjusted."""

    resource: str
    name_zh: str
    name_en: str
    park: str
    account: str
    transformer: str | None
    kind: ResourceKind
    up_kw: float
    down_kw: float
    ramp_kw_per_min: float
    notice_min: int
    sustain_min: int
    recovery_min: int
    baseline: str
    phase: PhaseName | None
    phases: list[PhaseStep]
    provenance: Provenance
    """The least proven of its place and all places above."""
    unproven: list[str]
    """Places that keep it from being awarded."""
    contracts: list[ResourceContract]
    eligibility: EligibilityShape | None


class ResourceList(Shape):
    """Resources in the order of their identifiers."""

    head: ChainHead | None
    total: int
    resources: list[ResourceShape]


class OperatorShort(Shape):
    """An operator: what it may offer today, and what its resources earned this year."""

    operator: str
    name_zh: str
    name_en: str
    resources: int
    up_kw: float
    down_kw: float
    events: int
    """In which it was awarded this year."""
    money: list[MoneyShape]


class OperatorList(Shape):
    """Operators in the order of their identifiers."""

    head: ChainHead | None
    year: int
    total: int
    operators: list[OperatorShort]


class Invitation(Shape):
    """An event as one operator sees it."""

    event: str
    name_zh: str
    name_en: str
    direction: Direction
    state: EventState
    from_ms: int
    to_ms: int
    bids_until_ms: int
    opt_out_until_ms: int
    takes_bids: bool
    """Whether a bid may be given now."""
    target_kw: float
    bid: str | None
    bid_kw: float | None
    price_cny_per_kwh: str | None
    """Of its bid."""
    award: str | None
    awarded_kw: float | None


class Earning(Shape):
    """What one event brought an operator, by the statement that stands."""

    event: str
    name_zh: str
    name_en: str
    from_ms: int
    statement: str
    revision: int
    status: MoneyStatus
    payment_cny: str
    penalty_cny: str
    net_cny: str
    operator_part_cny: str
    user_part_cny: str
    entry: int
    """Its number in the ledger."""
    digest: str


class OperatorEarnings(Shape):
    """What stays with an operator and goes to its users in a year, apart for simulations."""

    status: MoneyStatus
    operator_part_cny: str
    user_part_cny: str


class OperatorSide(OperatorShort):
    """An operator's own side: invitations, awards, earnings; the newest first."""

    year: int
    head: ChainHead | None
    invitations_total: int
    invitations: list[Invitation]
    earnings_total: int
    earnings: list[Earning]
    earned: list[OperatorEarnings]
    """Of this year's events."""
