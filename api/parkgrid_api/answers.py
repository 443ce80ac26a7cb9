"""The shapes of the answers, for the OpenAPI document only: no answer passes through a model on its way out."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Values = dict[str, float]
Series = list[float | None]
StateName = Literal["live", "stale", "incomplete", "missing", "none"]


class Shape(BaseModel):
    """A closed object: a key that is not described is a mistake."""

    model_config = ConfigDict(extra="forbid")


class MistakeShape(Shape):
    """One thing wrong with a request."""

    field: str
    value: str
    remedy: str


class ProblemShape(Shape):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    problems: list[MistakeShape]


class Park(Shape):
    """A park and what it has."""

    park: str
    district: str | None
    name_zh: str | None
    name_en: str | None
    time_zone: str
    gateways: int
    gateways_online: int
    devices: int
    simulated: bool


class Parks(Shape):
    """All parks."""

    parks: list[Park]


class Device(Shape):
    """A device as announced by its gateway."""

    device_id: int
    district: str | None
    park: str
    gateway: str
    device: str
    device_class: str
    name: str | None
    model: str | None
    firmware: str | None
    period_s: float
    ratings: dict[str, float] | None
    signals: list[str]
    station: str | None
    line: str | None
    transformer: str | None
    account: str | None
    simulated: bool
    retired: bool
    first_seen_ms: int | None


class Devices(Shape):
    """The devices of a park."""

    park: str
    devices: list[Device]


class LiveDevice(Shape):
    """The newest reading of a device; absent signals are absent."""

    gateway: str
    device: str
    device_class: str
    name: str | None
    simulated: bool
    at_ms: int | None
    received_ms: int | None
    age_s: float | None
    stale_after_s: float
    stale: bool
    values: Values
    flags: dict[str, str]


class Figure(Shape):
    """One power of the flow and how far it is the present one."""

    kw: float | None
    state: StateName
    age_s: float | None
    stale_after_s: float
    devices: int
    reporting: int
    estimated: bool
    measured: bool
    soc_pct: float | None = None


class Flow(Shape):
    """Sources feed the bus (grid, pv, storage positive), sinks draw from it (load, ev positive)."""

    pv: Figure
    storage: Figure
    grid: Figure
    load: Figure
    ev: Figure


class DcBus(Figure):
    """A PEDF building's direct-current bus: power through its interface, voltage, and what was asked for."""

    voltage_v: float | None
    reference_voltage_v: float | None
    target_power_kw: float | None


class ChainState(Shape):
    """How the parts between the gateways and the database stand, as ingest's signs of life tell."""

    ingest: Literal["running", "silent", "unknown"]
    ingest_since_ms: int | None = None
    """When an ingest that is silent now was heard last."""
    broker: Literal["connected", "lost", "unknown"]
    store: Literal["storing", "disk_full", "unavailable", "unknown"]
    since_ms: int | None
    """Since when broker and store stand like this."""


class NamedDevice(Shape):
    """A device by its identifier and by what it is called."""

    device: str
    name: str


class TroubleShape(Shape):
    """Something out of order on the way of a park's readings; what follows from a cause is not listed beside it."""

    kind: Literal[
        "ingest",
        "disk_full",
        "store",
        "broker",
        "gateway_offline",
        "gateway_silent",
        "gateway_quiet",
        "devices_silent",
        "device_silent",
        "gateway_late",
        "gateway_clock",
    ]
    gateway: str | None
    since_ms: int | None
    count: int
    """Devices that are silent."""
    of: int
    """Devices of the gateway."""
    devices: list[NamedDevice]
    """The first few of the silent ones."""
    delay_s: float | None = None
    """Of `gateway_late`: seconds from a reading's stamp to its arrival."""


class DemonstrationShape(Shape):
    """What `parkgrid up` does before its parks are live; of these nothing is missed meanwhile."""

    phase: Literal["history", "starting"]
    share: float | None
    """How much of the history is written, 0 to 1."""
    parks: list[str]


class ParkNow(Shape):
    """One park of the district at this moment."""

    park: str
    district: str | None
    name_zh: str | None
    name_en: str | None
    time_zone: str
    simulated: bool
    gateways: int
    gateways_online: int
    devices: int
    newest_ms: int | None
    flow: Flow
    pv_of_use: float | None
    troubles: list[TroubleShape]


class District(Shape):
    """Every park at this moment."""

    as_of_ms: int
    pv_of_use: float | None
    parks: list[ParkNow]
    chain: ChainState
    demonstration: DemonstrationShape | None = None


class SupplyAgreement(Shape):
    """What was agreed with the supplier for an account (户); the demand that it may reach, where one was agreed."""

    account: str
    plan_id: str
    demand_basis: Literal["none", "capacity", "contracted_demand", "measured_demand"]
    contracted_kw: float | None
    capacity_kva: float | None
    valid_from: str
    valid_to: str | None


class Supply(Shape):
    """The supply agreements of a park that hold today."""

    park: str
    agreements: list[SupplyAgreement]


class GatewayState(Shape):
    """A gateway, whether it is there, and what it last said about itself."""

    park: str
    gateway: str
    online: bool | None
    epoch: int | None
    agent_version: str | None
    simulated: bool
    imported: bool
    """Whether it stands for files or a foreign store: then it is neither online nor offline."""
    birth_ms: int | None
    last_seen_ms: int | None
    """When ingest heard it last, by the server's clock; what the broker kept of it is no sign of life."""
    status_ms: int | None
    """What its last status says, by the gateway's own clock; of a last will, when the gateway connected."""
    last_seen_age_s: float | None
    clock_refused_ms: int | None = None
    """When readings of it were refused last for their stamps, if that was within the last seconds."""
    health_at_ms: int | None
    health_period_s: float | None
    """How often it tells of itself."""
    health: Values


class Overview(Shape):
    """What every event of the live stream carries."""

    park: str
    as_of_ms: int
    newest_ms: int | None
    simulated: bool
    flow: Flow
    loss_kw: float | None
    pv_of_use: float | None
    dc: DcBus | None
    gateways: list[GatewayState]
    chain: ChainState
    troubles: list[TroubleShape]
    demonstration: DemonstrationShape | None = None


class Live(Overview):
    """The overview with the newest reading of every device."""

    devices: list[LiveDevice]


class Gateways(Shape):
    """All gateways."""

    gateways: list[GatewayState]


class Curve(Shape):
    """Columns of a signal: value of raw rows; mean, min, max of a gauge; first, last of a counter; last of a state."""

    value: Series | None = None
    mean: Series | None = None
    min: Series | None = None
    max: Series | None = None
    first: Series | None = None
    last: Series | None = None


class HistoryColumns(Shape):
    """Columns of equal length, by time."""

    at_ms: list[int]
    samples: list[int] | None = None
    flags: list[list[Any]] | None = None
    curves: dict[str, Curve]


class History(Shape):
    """The history of one device.

    `estimated` names by signal the starts of buckets that hold estimates, of 15 minutes at least; of raw readings their
    flags say it.
    """

    park: str
    gateway: str
    device: str
    device_class: str
    resolution: Literal["raw", "1m", "15m", "1d"]
    bucket_ms: int
    from_ms: int
    to_ms: int
    as_of_ms: int
    rows: int
    truncated: bool
    next_from_ms: int | None
    estimated: dict[str, list[int]]
    history: HistoryColumns


class ClassPower(Shape):
    """The power of one class by bucket, how many devices it is the sum of, and of how many readings of theirs.

    `estimated_ms` are the starts of the quarters of an hour in which some of it is an estimate.
    """

    devices: int
    kw: Series
    reporting: list[int]
    samples: list[int]
    estimated_ms: list[int]


class Energy(Shape):
    """What registers gained; `kwh` is null where none can tell."""

    kwh: float | None
    devices: int
    reporting: int
    resets: int


class Day(Shape):
    """One local day of a park; `period_ms` is the longest period of the power devices that reported."""

    park: str
    date: str
    time_zone: str
    resolution: Literal["1m", "15m"]
    bucket_ms: int
    period_ms: int | None
    from_ms: int
    to_ms: int
    as_of_ms: int
    at_ms: list[int]
    power: dict[str, ClassPower]
    energy: dict[str, Energy]


class QuarantineEntry(Shape):
    """Something that was refused, with the reason."""

    quarantine_id: int
    received_ms: int
    park: str | None
    gateway: str | None
    epoch: int | None
    seq: int | None
    device: str | None
    reason: str
    location: str | None
    content: str | None
    occurrences: int


class Quarantine(Shape):
    """What was refused in a span, counted by reason."""

    total: int
    reasons: dict[str, int]
    entries: list[QuarantineEntry]


class Conflict(Shape):
    """A second value for a stored reading: the first was kept."""

    conflict_id: int
    received_ms: int
    park: str | None
    gateway: str | None
    device: str | None
    device_class: str
    at_ms: int
    kept: Any
    refused: Any


class Conflicts(Shape):
    """Conflicting readings, newest first."""

    entries: list[Conflict]


class Gap(Shape):
    """Sequence numbers that never came."""

    park: str
    gateway: str
    epoch: int
    first_seq: int
    last_seq: int
    noted_ms: int


class Gaps(Shape):
    """Gaps in the sequences, newest first."""

    entries: list[Gap]


class CatalogueSignal(Shape):
    """One signal of the catalogue."""

    name: str
    unit: str
    kind: Literal["gauge", "counter", "state"]
    resolution: float
    low: float
    high: float
    states: list[str]


class Signals(Shape):
    """The catalogue by device class."""

    classes: dict[str, list[CatalogueSignal]]


class Health(Shape):
    """Whether the process and its database answer."""

    status: Literal["ok", "degraded"]
    database: Literal["ok", "unreachable"]
    migrations: int | None = None
    commit_notices: bool
    streams: int
    page: Literal["built", "not built"]
