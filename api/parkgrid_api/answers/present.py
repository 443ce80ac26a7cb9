"""The present of a park or of all: powers, devices, gateways, and what is out of order."""

from enum import StrEnum
from typing import Literal, NotRequired

from parkgrid_api.answers.shape import Shape, Values

TroubleKind = Literal[
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
IngestState = Literal["running", "silent", "unknown"]
BrokerState = Literal["connected", "lost", "unknown"]
StoreState = Literal["storing", "disk_full", "unavailable", "unknown"]
Phase = Literal["history", "starting"]


class State(StrEnum):
    """How far a figure can be taken as the present one, best first."""

    LIVE = "live"
    """Every device reported within two periods."""
    STALE = "stale"
    """The last value of at least one device is older than two periods."""
    INCOMPLETE = "incomplete"
    """At least one device gave no usable value; the figure is the sum of the others."""
    MISSING = "missing"
    """No device gave a usable value."""
    NONE = "none"
    """The park has no such device."""


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
    state: State
    age_s: float | None
    stale_after_s: float
    devices: int
    reporting: int
    estimated: bool
    measured: bool
    soc_pct: NotRequired[float]


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

    ingest: IngestState
    ingest_since_ms: int | None
    """When an ingest that is silent now was heard last."""
    broker: BrokerState
    store: StoreState
    since_ms: int | None
    """Since when broker and store stand like this."""


class NamedDevice(Shape):
    """A device by its identifier and by what it is called."""

    device: str
    name: str


class TroubleShape(Shape):
    """Something out of order on the way of a park's readings; what follows from a cause is not listed beside it."""

    kind: TroubleKind
    gateway: str | None
    since_ms: int | None
    count: int
    """Devices that are silent."""
    of: int
    """Devices of the gateway."""
    devices: list[NamedDevice]
    """The first few of the silent ones."""
    delay_s: float | None
    """Of `gateway_late`: seconds from a reading's stamp to its arrival."""


class DemonstrationShape(Shape):
    """What `parkgrid up` does before its parks are live; of these nothing is missed meanwhile."""

    phase: Phase
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
    demonstration: DemonstrationShape | None


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
    clock_refused_ms: int | None
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
    demonstration: DemonstrationShape | None


class Live(Overview):
    """The overview with the newest reading of every device."""

    devices: list[LiveDevice]


class Gateways(Shape):
    """All gateways."""

    gateways: list[GatewayState]
