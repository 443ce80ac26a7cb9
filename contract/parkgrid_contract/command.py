"""Commands down and results up: signed, expiring, counted. Expected outcomes are values, not exceptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from parkgrid_contract import strict_json
from parkgrid_contract.identity import Gateway, identifier
from parkgrid_contract.refusal import Reason, RefusedError

MAX_COMMAND_BYTES = 4_096


class Outcome(StrEnum):
    """What became of a command at the edge."""

    APPLIED = "applied"
    CLIPPED = "clipped"
    """Applied at a limit of the device instead of the value asked for."""
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Command:
    """One set-point for one device."""

    command_id: str
    gateway: Gateway
    device: str
    signal: str
    """The signal to set, for example `setpoint_kw`; its unit is the catalogue's."""
    value: float
    not_before_ms: int
    expires_ms: int
    counter: int
    """Monotone per gateway; the edge keeps the highest one it has seen, durably."""
    issuer: str
    signature: bytes = b""
    """Ed25519 over `signed_bytes`."""

    def signed_bytes(self) -> bytes:
        """The canonical bytes under the signature: compact JSON with sorted keys, without the signature itself."""
        document = _command_document(self)
        return strict_json.dumps(dict(sorted(document.items())))


@dataclass(frozen=True, slots=True)
class Result:
    """What the edge did with a command."""

    command_id: str
    outcome: Outcome
    at_ms: int
    value: float | None = None
    """The value that was written, when one was."""
    detail: str = ""


def encode_command(command: Command) -> bytes:
    """The payload of a command."""
    return strict_json.dumps(_command_document(command) | {"signature": command.signature.hex()})


def decode_command(payload: bytes) -> Command:
    """Read a command; says nothing about its signature. Raises `RefusedError`."""
    document = _load(payload, "command")
    signature = strict_json.field(document, "signature", str, "command")
    try:
        signature_bytes = bytes.fromhex(signature)
    except ValueError as error:
        raise RefusedError(Reason.WRONG_SHAPE, "command.signature", signature) from error
    return Command(
        command_id=identifier(document.get("id"), "command.id"),
        gateway=Gateway(
            identifier(document.get("park"), "command.park"),
            identifier(document.get("gateway"), "command.gateway"),
        ),
        device=identifier(document.get("device"), "command.device"),
        signal=strict_json.field(document, "signal", str, "command"),
        value=strict_json.number(document, "value", "command"),
        not_before_ms=strict_json.field(document, "not_before", int, "command"),
        expires_ms=strict_json.field(document, "expires", int, "command"),
        counter=strict_json.field(document, "counter", int, "command"),
        issuer=strict_json.field(document, "issuer", str, "command"),
        signature=signature_bytes,
    )


def encode_result(result: Result) -> bytes:
    """The payload of a result."""
    return strict_json.dumps(
        {
            "id": result.command_id,
            "outcome": result.outcome.value,
            "at": result.at_ms,
            "value": result.value,
            "detail": result.detail,
        },
    )


def decode_result(payload: bytes) -> Result:
    """Read a result. Raises `RefusedError`."""
    document = _load(payload, "result")
    name = strict_json.field(document, "outcome", str, "result")
    try:
        outcome = Outcome(name)
    except ValueError as error:
        raise RefusedError(Reason.WRONG_SHAPE, "result.outcome", name) from error
    return Result(
        command_id=identifier(document.get("id"), "result.id"),
        outcome=outcome,
        at_ms=strict_json.field(document, "at", int, "result"),
        value=None if document.get("value") is None else strict_json.number(document, "value", "result"),
        detail=strict_json.field(document, "detail", str, "result", ""),
    )


def _command_document(command: Command) -> dict[str, Any]:
    return {
        "id": command.command_id,
        "park": command.gateway.park,
        "gateway": command.gateway.gateway,
        "device": command.device,
        "signal": command.signal,
        "value": float(command.value),
        "not_before": command.not_before_ms,
        "expires": command.expires_ms,
        "counter": command.counter,
        "issuer": command.issuer,
    }


def _load(payload: bytes, where: str) -> Mapping[str, Any]:
    document = strict_json.loads(payload, where, MAX_COMMAND_BYTES)
    if not isinstance(document, dict):
        raise RefusedError(Reason.WRONG_SHAPE, where, document)
    return document
