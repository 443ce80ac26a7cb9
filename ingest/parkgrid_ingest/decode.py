"""Payload bytes to readings: a fast path for what is provably fine, the strict reference for everything else.

    payload ──▶ msgspec, typed ──▶ every doubt excluded? ──yes──▶ Payload
                     │ error              │ no
                     └────────────────────┴──▶ contract.telemetry.decode_batch: its verdict and its reasons stand

The fast path is allowed to doubt, never to accept what the reference refuses: a differential property test holds the
two together.
"""

import re

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from parkgrid_contract.identity import IDENTIFIER
from parkgrid_contract.ranges import MAX_EPOCH, MAX_PAYLOAD_BYTES, MAX_SEQ
from parkgrid_contract.refusal import Refusal
from parkgrid_contract.sample import Quality
from parkgrid_contract.telemetry import Mark, decode_batch

_ENVELOPE_KEYS = 5
_SAMPLE_KEYS = 3
_KNOWN_IDENTIFIERS_MAX = 65_536
_LARGE_BYTES = 4_096
_COLON = ord(":")


class Reading(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One sample as it came: the shape of `parkgrid_contract.sample.Sample`, built without Python code."""

    device: str
    at_ms: int = msgspec.field(name="at")
    values: dict[str, float]
    flags: dict[str, Quality] | UnsetType = UNSET


class Payload(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One telemetry batch as it came: the shape of `parkgrid_contract.telemetry.Batch`."""

    epoch: int
    seq: int
    floor: int
    backlog: bool
    samples: list[Reading]
    acked: tuple[int, int] | UnsetType = UNSET
    again: int | UnsetType = UNSET

    @property
    def claim(self) -> Mark | None:
        """Up to where the gateway was told that its batches are committed."""
        return None if self.acked is UNSET else self.acked

    @property
    def comes_again(self) -> int:
        """Up to which seq the batches of this epoch were committed before a restore; 0: none."""
        return 0 if self.again is UNSET else self.again


_FRAME = re.compile(rb'\{"epoch":(\d{1,16}),"seq":(\d{1,16}),"floor":(\d{1,16}),"backlog":(true|false),"samples":')
_DECODE = msgspec.json.Decoder(Payload).decode
_identifiers: set[str] = set()


def decode(payload: bytes) -> tuple[Payload, tuple[Refusal, ...]]:
    """The batch in `payload` and what of it was refused. Raises `RefusedError` when nothing can be read."""
    batch = decode_fast(payload)
    return (batch, ()) if batch is not None else decode_strict(payload)


def decode_fast(payload: bytes) -> Payload | None:
    """The batch if every doubt is excluded, otherwise None."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        batch = _DECODE(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not (1 <= batch.floor <= batch.seq <= MAX_SEQ and 1 <= batch.epoch <= MAX_EPOCH):
        return None
    keys = _sound_keys(batch.samples)
    if batch.acked is not UNSET:
        keys += 1 if _is_mark(batch.acked) else -_ENVELOPE_KEYS
    if batch.again is not UNSET:
        keys += 1 if 1 <= batch.again <= MAX_SEQ else -_ENVELOPE_KEYS
    # Every member of an object needs one colon: a surplus is a doubled key or a colon inside a name, both doubtful.
    return batch if _colons(payload) == keys + _ENVELOPE_KEYS else None


def decode_strict(payload: bytes) -> tuple[Payload, tuple[Refusal, ...]]:
    """The same through the reference of the contract. Raises `RefusedError`."""
    decoded = decode_batch(payload)
    batch = decoded.batch
    samples = [
        Reading(sample.device, sample.at_ms, dict(sample.values), dict(sample.flags) if sample.flags else UNSET)
        for sample in batch.samples
    ]
    acked, again = batch.acked or UNSET, batch.again or UNSET
    return Payload(batch.epoch, batch.seq, batch.floor, batch.backlog, samples, acked, again), decoded.refusals


def frame(payload: bytes) -> Payload | None:
    """Epoch, seq and floor of a payload that cannot be decoded, if it still begins as `frame_batch` writes it.

    With them a batch that is refused whole can be passed, instead of being sent again for ever.
    """
    found = _FRAME.match(payload)
    if not found:
        return None
    epoch, seq, floor = (int(number) for number in found.groups()[:3])
    sound = 1 <= floor <= seq <= MAX_SEQ and 1 <= epoch <= MAX_EPOCH
    return Payload(epoch, seq, floor, found[4] == b"true", []) if sound else None


def _is_mark(mark: Mark) -> bool:
    return 1 <= mark[0] <= MAX_EPOCH and 1 <= mark[1] <= MAX_SEQ


def _sound_keys(samples: list[Reading]) -> int:
    """How many object members the samples have; far below any real count when one of them is in doubt."""
    keys = _SAMPLE_KEYS * len(samples)
    for reading in samples:
        values = reading.values
        if not values or (reading.device not in _identifiers and not _is_identifier(reading.device)):
            return -_ENVELOPE_KEYS
        if not -MAX_SEQ <= reading.at_ms <= MAX_SEQ:
            return -_ENVELOPE_KEYS
        keys += len(values)
        if reading.flags is not UNSET:
            keys += 1 + len(reading.flags)
            reading.flags = _telling(reading.flags, values)
    return keys


def _colons(payload: bytes) -> int:
    if len(payload) < _LARGE_BYTES:
        return payload.count(b":")
    # bytes.count stops at every hit; a comparison of the whole block costs a tenth of it.
    return int(np.count_nonzero(np.frombuffer(payload, np.uint8) == _COLON))


def _is_identifier(text: str) -> bool:
    if not IDENTIFIER.fullmatch(text):
        return False
    if len(_identifiers) >= _KNOWN_IDENTIFIERS_MAX:
        _identifiers.clear()
    _identifiers.add(text)
    return True


def _telling(flags: dict[str, Quality], values: dict[str, float]) -> dict[str, Quality] | UnsetType:
    """The flags that say something: of a value that is there, and not good."""
    kept: dict[str, Quality] = {
        name: quality for name, quality in flags.items() if name in values and quality is not Quality.GOOD
    }
    return kept or UNSET
