"""Parks, their devices, supply agreements and the catalogue of signals."""

from typing import Literal

from parkgrid_api.answers.shape import Shape
from parkgrid_contract.signals import SignalKind


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


class CatalogueSignal(Shape):
    """One signal of the catalogue."""

    name: str
    unit: str
    kind: SignalKind
    resolution: float
    low: float
    high: float
    states: list[str]


class Signals(Shape):
    """The catalogue by device class."""

    classes: dict[str, list[CatalogueSignal]]
