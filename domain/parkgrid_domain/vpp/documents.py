"""What each kind of entry says. Powers in whole W, energies in whole Wh, money in yuan, instants in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeAlias

from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.baseline.curve import Applied
from parkgrid_domain.vpp.baseline.days import Outcome
from parkgrid_domain.vpp.forms import (
    Amount,
    Count,
    Identifier,
    Minutes,
    Money,
    Named,
    Note,
    OfferedWatts,
    Percent,
    Price,
    Quarter,
    RegisterAddress,
    Sha256,
    Share,
    SignedWatts,
    WattHours,
    Watts,
    Whole,
)
from parkgrid_domain.vpp.ledger import canonical
from parkgrid_domain.vpp.settlement import Direction, Verdict

Provenance: TypeAlias = Literal["declared", "verified", "unverified"]
"""How a place in the grid is known: said by its operator, verified by a document, or not at all."""
ResourceKind: TypeAlias = Literal[
    "storage", "v2g", "charger_pool", "interruptible", "shiftable", "pv_curtailment", "pedf"
]
ContractType: TypeAlias = Literal["day_ahead", "hour", "direct"]
"""日前响应型, 小时响应型, 直控型."""
PhaseName: TypeAlias = Literal["registered", "documents", "joint_test", "announced", "active", "suspended", "left"]
StateName: TypeAlias = Literal[
    "notified",
    "acknowledged",
    "ramping",
    "active",
    "ending",
    "ended",
    "baseline_computed",
    "evaluated",
    "settled",
    "closed",
    "cancelled",
    "superseded",
]
ZERO = "zero"
"""The baseline of a resource that settles on its own meter: storage and vehicles that give back."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The text of a rule file; its subject is the text's SHA-256."""

    type: Literal["pack", "baseline", "calendar"]
    id: Named
    text: str


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of a virtual power plant (虚拟电厂运营商)."""

    name_zh: Named
    name_en: Named


@dataclass(frozen=True, slots=True)
class Location:
    """A place in the grid: station, line, transformer, account (站-线-变-户)."""

    level: Literal["station", "line", "transformer", "account"]
    name: Named
    parent: Identifier | None
    provenance: Provenance
    evidence: Note
    """Of a verified place, the document."""
    park: Identifier | None
    """Of an account."""
    limit_w: Watts | None
    """Of a transformer: what it may carry."""


@dataclass(frozen=True, slots=True)
class Term:
    """One register of a formula."""

    register: RegisterAddress
    sign: Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that can be adjusted, behind one account. What it draws is the sum of `meter`."""

    name_zh: Named
    name_en: Named
    park: Identifier
    account: Identifier
    kind: ResourceKind
    up_w: Watts
    """The largest reduction of what is drawn."""
    down_w: Watts
    """The largest increase."""
    ramp_w_per_min: Watts
    notice_min: Minutes
    sustain_min: Minutes
    recovery_min: Minutes
    meter: tuple[Term, ...]
    baseline: Named
    """The name of a baseline, or `zero`."""


@dataclass(frozen=True, slots=True)
class Contract:
    """An operator may offer resources of an account, and how payment and penalty are shared, in per cent."""

    operator: Identifier
    account: Identifier
    type: ContractType
    valid_from: date
    valid_to: date | None
    """The first day after validity."""
    resources: tuple[Identifier, ...]
    notice_min: Minutes
    operator_pct: Share
    user_pct: Share
    penalty_operator_pct: Share
    penalty_user_pct: Share
    equipment: Note
    liability: Note


@dataclass(frozen=True, slots=True)
class Phase:
    """Where a resource stands on its way into the pilot."""

    phase: PhaseName
    on: date
    note: Note


@dataclass(frozen=True, slots=True)
class Eligibility:
    """How good a baseline was over the history of a resource."""

    rule: Named
    digest: Sha256
    from_: date
    to: date
    days: Count
    mae_kw: Amount
    bias_pct: Amount
    rrmse_pct: Amount
    passes: bool
    why: Note


@dataclass(frozen=True, slots=True)
class HeldQuarter:
    """A quarter hour of the hold of a capability test."""

    mean_w: SignedWatts
    accuracy: Percent
    """1 - |change - commanded| / |commanded|: 1 where it did exactly what was agreed."""


@dataclass(frozen=True, slots=True)
class CapabilityTest:
    """An agreed step that a site carried out itself (可调节能力测试), with the power of every minute that counts."""

    from_: datetime
    """On the minute: when the step was to begin."""
    step_w: SignedWatts
    """Negative where less is to be drawn."""
    hold_min: Annotated[int, Whole(15, 1440, 15)]
    before_w: SignedWatts
    """The mean of the minutes before."""
    minutes_before_w: tuple[SignedWatts, ...]
    minutes_w: tuple[SignedWatts, ...]
    """From the step on: the hold, and what was read after it."""
    first_response_min: Minutes | None
    reached_min: Minutes | None
    """When nine tenths of the step were done."""
    quarters: tuple[HeldQuarter, ...]
    rebound_w: SignedWatts | None
    """After the hold, the largest deviation from the level before, against the step's direction positive."""


@dataclass(frozen=True, slots=True)
class RuleDigests:
    """The rules of an event, by the digest of their texts."""

    pack: Sha256
    baselines: dict[str, Sha256]
    """By name."""
    calendars: dict[str, Sha256]
    """By year."""


@dataclass(frozen=True, slots=True)
class Event:
    """A call of the bureau, as published."""

    name_zh: Named
    name_en: Named
    direction: Direction
    type: Literal["invitation", "direct"]
    """邀约, 直控."""
    notice_class: Literal["day_ahead", "hour", "fast", "minute", "second"]
    setup: Literal["pilot", "upstream"]
    """`pilot`: operators bid and the award is cleared; `upstream`: an award arrives from a platform above."""
    from_: Quarter
    to: Quarter
    target_w: OfferedWatts
    targets: tuple[Identifier, ...]
    """Places in the grid; none: everywhere."""
    bids_until: datetime
    opt_out_until: datetime
    rules: RuleDigests
    zone: Named


@dataclass(frozen=True, slots=True)
class State:
    """An event, or one award of it, has come to a state."""

    state: StateName
    award: Identifier | None
    by_event: Identifier | None
    """Of a superseded event, the one that takes its place."""
    reason: Note


@dataclass(frozen=True, slots=True)
class Part:
    """What one resource contributes."""

    resource: Identifier
    w: OfferedWatts


@dataclass(frozen=True, slots=True)
class Bid:
    """What an operator offers."""

    bid: Identifier
    operator: Identifier
    price: Price
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class OptOut:
    """A resource will not take part."""

    operator: Identifier
    resource: Identifier
    reason: Note


@dataclass(frozen=True, slots=True)
class Award:
    """What one operator is to deliver."""

    award: Identifier
    bid: Identifier
    operator: Identifier
    w: OfferedWatts
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Loser:
    """A bid, or one resource of it, that was not taken."""

    bid: Identifier
    operator: Identifier
    resource: Identifier | None
    reason: Note


@dataclass(frozen=True, slots=True)
class Awards:
    """What clearing came to."""

    price: Price
    awards: tuple[Award, ...]
    losers: tuple[Loser, ...]
    short_w: Watts
    """What of the target nobody delivers."""


@dataclass(frozen=True, slots=True)
class FindingTold:
    """An open finding that made a quarter hour unsure; kept here, since it vanishes once somebody explains it."""

    register: RegisterAddress
    kind: Literal["jumped", "reset", "left_out", "too_much"]
    from_: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class DayTold:
    """One day that was looked at for a baseline."""

    day: date
    outcome: Outcome
    energy_wh: WattHours | None
    window_wh: WattHours | None
    """Over the adjustment's window of that day; None where it is not sure or the rule has no adjustment."""
    detail: Note


@dataclass(frozen=True, slots=True)
class FrozenResource:
    """The baseline of one resource before its adjustment."""

    resource: Identifier
    baseline: Named
    rule: Sha256 | None
    days: tuple[DayTold, ...]
    enough: bool
    curve_wh: tuple[WattHours, ...] | None
    eligible: bool
    readings: Sha256
    findings: tuple[FindingTold, ...]


@dataclass(frozen=True, slots=True)
class Frozen:
    """The baselines of an award, frozen with it."""

    award: Identifier
    resources: tuple[FrozenResource, ...]


@dataclass(frozen=True, slots=True)
class AdjustedResource:
    """The same-day adjustment of one resource."""

    resource: Identifier
    applied: Applied
    factor: Percent
    shift_wh: WattHours
    capped: bool
    past_wh: WattHours | None
    today_wh: WattHours | None
    readings: Sha256
    findings: tuple[FindingTold, ...]


@dataclass(frozen=True, slots=True)
class AdjustedAward:
    """The same-day adjustments of an award, frozen when their window was read."""

    award: Identifier
    resources: tuple[AdjustedResource, ...]


@dataclass(frozen=True, slots=True)
class QuarterTold:
    """One quarter hour of a resource or of an award."""

    at: Quarter
    award_wh: WattHours
    baseline_wh: WattHours | None
    metered_wh: WattHours | None
    unsure: Note
    moved_wh: WattHours | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class IntervalTold:
    """One interval of the pack, exact."""

    at: Quarter
    award_kwh: Amount
    response_kwh: Amount
    counted_kwh: Amount
    payment_cny: Amount
    penalty_cny: Amount
    quarters: Count


@dataclass(frozen=True, slots=True)
class SettledResource:
    """What one resource did."""

    resource: Identifier
    note: Note
    readings: Sha256
    findings: tuple[FindingTold, ...]
    quarters: tuple[QuarterTold, ...]
    intervals: tuple[IntervalTold, ...]
    """Only where the pack settles each resource by itself."""


@dataclass(frozen=True, slots=True)
class Line:
    """The money of one resource, in yuan."""

    resource: Identifier
    contract: Identifier
    payment: Money
    penalty: Money
    operator_part: Money
    """Of payment less penalty."""
    user_part: Money


@dataclass(frozen=True, slots=True)
class KnownLater:
    """A day of a baseline whose energy is another now than when the baseline was frozen; it moves nothing."""

    resource: Identifier
    day: date
    was_wh: WattHours | None
    is_wh: WattHours | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What an award came to."""

    statement: Identifier
    award: Identifier
    operator: Identifier
    revision: Count
    supersedes: Sha256 | None
    cause: Note
    status: Literal["simulation", "payable"]
    pack: Sha256
    direction: Direction
    price: Price
    resources: tuple[SettledResource, ...]
    quarters: tuple[QuarterTold, ...]
    intervals: tuple[IntervalTold, ...]
    payment: Money
    penalty: Money
    net: Money
    lines: tuple[Line, ...]
    known_later: tuple[KnownLater, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """One step of a dispute about a statement."""

    dispute: Identifier
    statement: Identifier
    step: Literal["raised", "answered", "decided"]
    text: Note
    due: date
    """Until when the next step is to follow."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The ledger goes on although entries of it are lost for ever; a person of the centre says so, with its key.

    What was issued of the lost entries is another history from then on: the entries after `after` up to `through`.
    """

    after: Count
    """The last entry that the lost history and this one have in common; 0: none."""
    through: Count
    """The newest entry that is known to be lost."""
    digest: Sha256
    """The digest of that entry."""
    reason: Annotated[str, forms.Text(500, 1)]
    signature: Annotated[str, forms.Text(128, 128, r"[0-9a-f]{128}", "128 hexadecimal digits")]
    """The centre's, over `signed`."""

    def signed(self, by: str) -> bytes:
        """What the centre signs: canonical JSON of the other fields and of who declares it."""
        told = {"after": self.after, "through": self.through, "digest": self.digest, "reason": self.reason, "by": by}
        return canonical(told).encode()


AnyDocument: TypeAlias = (
    Rules
    | Operator
    | Location
    | Resource
    | Contract
    | Phase
    | Eligibility
    | CapabilityTest
    | Event
    | State
    | Bid
    | OptOut
    | Awards
    | Frozen
    | AdjustedAward
    | Statement
    | Dispute
    | Loss
)
KINDS: Mapping[str, type[Any]] = {
    "rules": Rules,
    "operator": Operator,
    "location": Location,
    "resource": Resource,
    "contract": Contract,
    "phase": Phase,
    "eligibility": Eligibility,
    "test": CapabilityTest,
    "event": Event,
    "state": State,
    "bid": Bid,
    "opt_out": OptOut,
    "award": Awards,
    "frozen": Frozen,
    "adjusted": AdjustedAward,
    "statement": Statement,
    "dispute": Dispute,
    "loss": Loss,
}
"""The kind of an entry and what it says."""
_KIND_OF = {form: kind for kind, form in KINDS.items()}


def kind_of(document: AnyDocument) -> str:
    """The kind of entry that a document makes."""
    return _KIND_OF[type(document)]


def read(kind: str, told: object) -> AnyDocument:
    """The document of a kind. Raises `DocumentError` for an unknown kind or with every mistake."""
    form = KINDS.get(kind)
    if form is None:
        raise forms.DocumentError([f"{kind} is not a kind of entry: {', '.join(KINDS)}"])
    found: AnyDocument = forms.read(form, told)
    return found
