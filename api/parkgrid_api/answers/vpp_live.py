"""An event of the pilot while it runs: promised and measured by minute, and how soon each resource answered."""

from parkgrid_api.answers.shape import Shape
from parkgrid_domain.vpp.documents import ResourceKind
from parkgrid_domain.vpp.pilot import EventState
from parkgrid_domain.vpp.settlement import Direction
from parkgrid_vpp.responses import Answered, WhyUnknown


class LiveNow(Shape):
    """The newest power that is known; null: nothing was measured in the last minutes. What is not known is not zero."""

    promised_kw: float
    """Of what was measured."""
    measured_kw: float | None
    """Mean power of a minute by which it went in the direction asked for; negative: the other way."""
    shortfall_kw: float | None
    """What is missing to the promise, at least 0."""


class AwardLive(LiveNow):
    """One operator's resources together."""

    award: str
    operator: str
    operator_zh: str
    operator_en: str
    kw: float
    """What it is to deliver, without what opted out in time."""
    unknown: int
    """Resources of which nothing was measured in the last minutes."""


class ResourceLive(LiveNow):
    """One resource."""

    resource: str
    name_zh: str
    name_en: str
    park: str
    kind: ResourceKind
    operator: str
    award: str
    kw: float
    at_ms: int | None
    """The minute of its newest power."""


class EventLive(LiveNow):
    """An event by minute, all awards together, and where each award and resource stands; it moves no money."""

    event: str
    direction: Direction
    state: EventState
    as_of_ms: int
    from_ms: int
    to_ms: int
    kw: float
    """What is to be delivered, without what opted out in time."""
    newest_ms: int | None
    """The newest minute in which anything was measured."""
    at_ms: list[int]
    """Minutes that are over; of an event with very many resources the newest."""
    promised: list[float]
    """By minute, of the resources that were measured in it, kW."""
    measured: list[float | None]
    awards: list[AwardLive]
    total: int
    resources: list[ResourceLive]
    """In the order of their identifiers."""


class EventResourceLive(Shape):
    """One resource of an event by minute."""

    event: str
    resource: str
    as_of_ms: int
    from_ms: int
    to_ms: int
    kw: float
    at_ms: list[int]
    measured: list[float | None]
    """Mean power by which it went in the direction asked for, kW; null: not known."""


class DelayShape(Shape):
    """How late readings of an event came: received at the centre less measured at the device, seconds."""

    why: WhyUnknown
    """Why nothing is known of it."""
    readings: int
    """So many were looked at: of each device at most 120, spread evenly over the event."""
    median_s: float | None
    most_s: float | None


class ResponseShape(Shape):
    """How one resource of an event answered."""

    resource: str
    name_zh: str
    name_en: str
    kind: ResourceKind
    operator: str
    award: str
    state: Answered
    """Whether its power ever reached the promise, that is `delivered_pct` of its award."""
    why: WhyUnknown
    """Why that cannot be known."""
    after_s: float | None
    """Seconds from the start at which it had not reached it yet."""
    by_s: float | None
    """Seconds from the start at which it had: the response time lies between the two."""
    minutes: int
    """Minutes of the event that are over."""
    measured: int
    """Those in which its power is known."""
    delay: DelayShape


class EventResponses(Shape):
    """How soon the resources of an event answered, in the order of their identifiers."""

    event: str
    state: EventState
    delivered_pct: str
    """The pack's: from this share of the award on a quarter hour is delivered."""
    total: int
    resources: list[ResponseShape]
