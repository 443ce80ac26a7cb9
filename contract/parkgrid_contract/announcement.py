"""What a gateway says about itself: birth (who and what it is) and status (whether it is there)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parkgrid_contract import ranges, strict_json
from parkgrid_contract.identity import IDENTIFIER, NO_POINT, MeteringPoint, identifier
from parkgrid_contract.ranges import MAX_BIRTH_BYTES, MAX_DEVICES, MAX_STATUS_BYTES
from parkgrid_contract.refusal import Reason, RefusedError
from parkgrid_contract.signals import CATALOGUE, DeviceClass


@dataclass(frozen=True, slots=True)
class Device:
    """One device behind a gateway, as announced."""

    device: str
    """Identifier, unique within the gateway."""
    device_class: str
    """A class of the catalogue."""
    signals: tuple[str, ...]
    """The signals of its class that it reports."""
    name: str = ""
    """What people call it; any language."""
    model: str = ""
    firmware: str = ""
    period_s: float = 1.0
    """Seconds between two readings: what completeness is measured against."""
    ratings: Mapping[str, float] = field(default_factory=dict)
    """Nameplate figures with units in their names, for example `rated_power_kw`."""
    point: MeteringPoint = NO_POINT
    problem: str = ""
    """A name for what keeps it from being read until a person mends it, such as `other_transaction`; empty without."""


@dataclass(frozen=True, slots=True)
class Birth:
    """The retained announcement of a gateway, sent before its first telemetry on every connection."""

    agent_version: str
    epoch: int
    at_ms: int
    devices: tuple[Device, ...]
    simulated: bool = False
    """Whether the readings come from simulators; shown wherever they are shown."""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a gateway is connected; `online: false` is also its last will."""

    online: bool
    epoch: int
    at_ms: int


def encode_birth(birth: Birth) -> bytes:
    """The payload of a birth."""
    return strict_json.dumps(
        {
            "agent_version": birth.agent_version,
            "epoch": birth.epoch,
            "at": birth.at_ms,
            "simulated": birth.simulated,
            "devices": [_device_document(device) for device in birth.devices],
        },
    )


def decode_birth(payload: bytes) -> Birth:
    """Read a birth strictly: an unknown class or signal refuses it whole, since its owner must mend it.

    Raises `RefusedError`.
    """
    document = _object(strict_json.loads(payload, "birth", MAX_BIRTH_BYTES), "birth")
    items = strict_json.field(document, "devices", list, "birth")
    if len(items) > MAX_DEVICES:
        raise RefusedError(Reason.TOO_MANY, "birth.devices", f"{len(items)}, at most {MAX_DEVICES}")
    devices = tuple(_read_device(item, f"birth.devices[{index}]") for index, item in enumerate(items))
    if len({device.device for device in devices}) != len(devices):
        raise RefusedError(Reason.DUPLICATE_KEY, "birth.devices", "a device appears twice")
    return Birth(
        agent_version=_text(document, "agent_version", "birth"),
        epoch=_epoch(document, "birth"),
        at_ms=_stamp(document, "birth"),
        devices=devices,
        simulated=strict_json.field(document, "simulated", bool, "birth", default=False),
    )


def encode_status(status: Status) -> bytes:
    """The payload of a status."""
    return strict_json.dumps({"online": status.online, "epoch": status.epoch, "at": status.at_ms})


def decode_status(payload: bytes) -> Status:
    """Read a status. Raises `RefusedError`."""
    document = _object(strict_json.loads(payload, "status", MAX_STATUS_BYTES), "status")
    return Status(
        online=strict_json.field(document, "online", bool, "status"),
        epoch=_epoch(document, "status"),
        at_ms=_stamp(document, "status"),
    )


def _device_document(device: Device) -> dict[str, Any]:
    point = device.point
    return {
        "device": device.device,
        "class": device.device_class,
        "name": device.name,
        "model": device.model,
        "firmware": device.firmware,
        "period_s": device.period_s,
        "ratings": dict(device.ratings),
        "signals": list(device.signals),
        "point": {
            "station": point.station,
            "line": point.line,
            "transformer": point.transformer,
            "account": point.account,
        },
        "problem": device.problem,
    }


def _read_device(item: object, where: str) -> Device:
    document = _object(item, where)
    class_name = strict_json.field(document, "class", str, where)
    device_class = CATALOGUE.get(class_name)
    if device_class is None:
        raise RefusedError(Reason.UNKNOWN_CLASS, f"{where}.class", class_name)
    point = strict_json.field(document, "point", dict, where, {})
    period_s = strict_json.number(document, "period_s", where)
    return Device(
        device=identifier(document.get("device"), f"{where}.device"),
        device_class=class_name,
        signals=_signals(document, device_class, where),
        name=_text(document, "name", where),
        model=_text(document, "model", where),
        firmware=_text(document, "firmware", where),
        period_s=ranges.real(period_s, ranges.MIN_PERIOD_S, ranges.MAX_PERIOD_S, f"{where}.period_s"),
        ratings=_ratings(document, where),
        point=MeteringPoint(
            *(_text(point, part, f"{where}.point") for part in ("station", "line", "transformer", "account")),
        ),
        problem=_text(document, "problem", where),
    )


def _signals(document: Mapping[str, Any], device_class: DeviceClass, where: str) -> tuple[str, ...]:
    names = strict_json.field(document, "signals", list, where)
    known = device_class.by_name
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise RefusedError(Reason.UNKNOWN_SIGNAL, f"{where}.signals", name)
    if len(set(names)) != len(names):
        raise RefusedError(Reason.DUPLICATE_KEY, f"{where}.signals", "a signal appears twice")
    return tuple(names)


def _ratings(document: Mapping[str, Any], where: str) -> dict[str, float]:
    where = f"{where}.ratings"
    found = strict_json.field(document, "ratings", dict, where, {})
    if len(found) > ranges.MAX_RATINGS:
        raise RefusedError(Reason.TOO_MANY, where, f"{len(found)}, at most {ranges.MAX_RATINGS}")
    for name in found:
        if not IDENTIFIER.fullmatch(name):
            raise RefusedError(Reason.WRONG_IDENTITY, where, name)
    most = ranges.MAX_RATING
    return {name: ranges.real(strict_json.number(found, name, where), -most, most, f"{where}.{name}") for name in found}


def _object(document: object, where: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise RefusedError(Reason.WRONG_SHAPE, where, document)
    return document


def _text(document: Mapping[str, Any], name: str, where: str) -> str:
    return ranges.text(strict_json.field(document, name, str, where, ""), f"{where}.{name}")


def _epoch(document: Mapping[str, Any], where: str) -> int:
    return ranges.whole(strict_json.field(document, "epoch", int, where), 1, ranges.MAX_EPOCH, f"{where}.epoch")


def _stamp(document: Mapping[str, Any], where: str) -> int:
    return ranges.whole(strict_json.field(document, "at", int, where), 0, ranges.MAX_STAMP_MS, f"{where}.at")
