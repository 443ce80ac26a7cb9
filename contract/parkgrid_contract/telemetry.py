"""The telemetry batch and its acknowledgement.

Wire form of a batch (JSON, UTF-8, compact):

    {"epoch": 1799…, "seq": 42, "floor": 40, "backlog": false,
     "samples": [{"device": "pv-1", "at": 1795399200000, "values": {"active_power_kw": 12.5}, "flags": {}}]}

`(epoch, seq)` is contiguous per gateway. `floor` is the lowest seq that the outbox still holds: everything below it is
either acknowledged or was dropped by the stated policy, so ingest can pass a hole and record it instead of waiting for
ever. `flags` is left out when every value is good.

Two members may stand behind `samples`; whoever does not know them passes over them, as ingest of an older version does:

    "acked": [1799…, 41]   epoch and seq up to which the gateway was told that its batches are committed. A store that
                           holds less was restored from a backup.
    "again": 900           batches of this epoch up to this seq were committed before a restore and come again. What of
                           them is below the floor is lost by the restore, not dropped by the gateway.

Wire form of an acknowledgement:

    {"epoch": 1799…, "through": 41, "beyond": [[44, 50]], "restored": {"acked": [1799…, 900], "held": [1799…, 41]}}

`restored` is there only where the store holds less than was acknowledged: `acked` repeats the claim that it cannot
confirm, `held` is the newest of the gateway's epochs that it has a beginning of, with its `through`; left out when it
has none. An edge that was not told what `acked` says passes over it, as an edge of an older version does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from parkgrid_contract import strict_json
from parkgrid_contract.identity import identifier
from parkgrid_contract.ranges import MAX_EPOCH, MAX_PAYLOAD_BYTES, MAX_SEQ, whole
from parkgrid_contract.refusal import Reason, Refusal, RefusedError, shorten
from parkgrid_contract.sample import NO_FLAGS, Quality, Sample
from parkgrid_contract.time import FUTURE_TOLERANCE_MS, OLDEST_MS

MAX_BATCH_BYTES = 65_536
"""What an edge puts into one batch at most."""
MAX_RANGES = 64
Mark = tuple[int, int]
"""An epoch, and a seq of it up to which everything is committed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything a gateway read in one flush window."""

    epoch: int
    """Names one life of an outbox; changes when the outbox is rebuilt. 1 to `MAX_EPOCH`."""
    seq: int
    """Position within the epoch, contiguous from 1."""
    floor: int
    """Lowest seq still held by the outbox, at most `seq`."""
    backlog: bool
    """Sent late: must not overwrite what is shown as live."""
    samples: tuple[Sample, ...]
    acked: Mark | None = None
    """Up to where the gateway was told that its batches are committed."""
    again: int = 0
    """Up to this seq the batches of this epoch were committed before a restore."""


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """The readable part of a batch: good samples are kept, the others are refused with a reason."""

    batch: Batch
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """A store says that it holds less than was acknowledged."""

    acked: Mark
    """The claim that it cannot confirm."""
    held: Mark | None
    """The newest epoch of the gateway that it has a beginning of; everything before that epoch is held as well."""


@dataclass(frozen=True, slots=True)
class Ack:
    """What ingest has committed of one epoch: everything up to `through`, and the ranges `beyond` it."""

    epoch: int
    through: int
    """Everything up to and including this seq is committed; 0 when nothing is."""
    beyond: tuple[tuple[int, int], ...] = ()
    """Committed ranges after the first hole, both ends included, ascending: live overtakes backlog."""
    restored: Restored | None = None

    def covers(self, seq: int) -> bool:
        """Whether a seq is committed."""
        return seq <= self.through or any(first <= seq <= last for first, last in self.beyond)


def sample_document(sample: Sample) -> dict[str, Any]:
    """The wire form of one sample."""
    document: dict[str, Any] = {"device": sample.device, "at": sample.at_ms, "values": dict(sample.values)}
    if sample.flags:
        document["flags"] = {name: quality.value for name, quality in sample.flags.items()}
    return document


def encode_batch(batch: Batch) -> bytes:
    """The payload of a batch."""
    return frame_batch(
        batch.epoch,
        batch.seq,
        batch.floor,
        backlog=batch.backlog,
        samples=encode_samples(batch.samples),
        acked=batch.acked,
        again=batch.again,
    )


def encode_samples(samples: tuple[Sample, ...]) -> bytes:
    """The JSON array of samples, as the outbox stores it; it is the same each time it is sent."""
    return strict_json.dumps([sample_document(sample) for sample in samples])


def frame_batch(
    epoch: int, seq: int, floor: int, *, backlog: bool, samples: bytes, acked: Mark | None = None, again: int = 0
) -> bytes:
    """A payload from an already encoded array of samples, so that sending again needs no encoding."""
    flag = b"true" if backlog else b"false"
    more = b',"acked":[%d,%d]' % acked if acked else b""
    if again:
        more += b',"again":%d' % again
    return b'{"epoch":%d,"seq":%d,"floor":%d,"backlog":%b,"samples":%b%b}' % (epoch, seq, floor, flag, samples, more)


def decode_batch(payload: bytes) -> DecodedBatch:
    """Read a payload strictly; a bad envelope raises `RefusedError`, a bad sample is refused alone."""
    document = strict_json.loads(payload, "batch", MAX_PAYLOAD_BYTES)
    if not isinstance(document, dict):
        raise RefusedError(Reason.WRONG_SHAPE, "batch", document)
    epoch = _epoch(document, "batch")
    seq = _positive(document, "seq")
    floor = _positive(document, "floor")
    if floor > seq:
        raise RefusedError(Reason.WRONG_SHAPE, "batch.floor", f"{floor} is above seq {seq}")
    backlog = strict_json.field(document, "backlog", bool, "batch")
    acked = _mark(document["acked"], "batch.acked") if "acked" in document else None
    again = _positive(document, "again") if "again" in document else 0
    items = strict_json.field(document, "samples", list, "batch")
    samples: list[Sample] = []
    refusals: list[Refusal] = []
    for index, item in enumerate(items):
        _read_sample(item, f"samples[{index}]", samples, refusals)
    return DecodedBatch(Batch(epoch, seq, floor, backlog, tuple(samples), acked, again), tuple(refusals))


def encode_ack(ack: Ack) -> bytes:
    """The payload of an acknowledgement."""
    document: dict[str, Any] = {"epoch": ack.epoch, "through": ack.through, "beyond": [list(r) for r in ack.beyond]}
    if ack.restored:
        held = {"held": list(ack.restored.held)} if ack.restored.held else {}
        document["restored"] = {"acked": list(ack.restored.acked), **held}
    return strict_json.dumps(document)


def decode_ack(payload: bytes) -> Ack:
    """Read an acknowledgement. Raises `RefusedError`."""
    document = strict_json.loads(payload, "ack", MAX_PAYLOAD_BYTES)
    if not isinstance(document, dict):
        raise RefusedError(Reason.WRONG_SHAPE, "ack", document)
    through = strict_json.field(document, "through", int, "ack")
    if not 0 <= through <= MAX_SEQ:
        raise RefusedError(Reason.WRONG_SHAPE, "ack.through", through)
    ranges = strict_json.field(document, "beyond", list, "ack", [])
    restored = _restored(document["restored"]) if "restored" in document else None
    return Ack(_epoch(document, "ack"), through, _ranges(ranges, through), restored)


def time_reason(at_ms: int, now_ms: int) -> Reason | None:
    """Why a time stamp is not accepted at server time `now_ms`, or None."""
    if at_ms < OLDEST_MS:
        return Reason.TIME_TOO_OLD
    if at_ms > now_ms + FUTURE_TOLERANCE_MS:
        return Reason.TIME_IN_FUTURE
    return None


def _positive(document: Mapping[str, Any], name: str, where: str = "batch") -> int:
    return whole(strict_json.field(document, name, int, where), 1, MAX_SEQ, f"{where}.{name}")


def _epoch(document: Mapping[str, Any], where: str) -> int:
    return whole(strict_json.field(document, "epoch", int, where), 1, MAX_EPOCH, f"{where}.epoch")


def _mark(item: object, where: str) -> Mark:
    match item:
        case [int(epoch), int(seq)] if not isinstance(epoch, bool) and not isinstance(seq, bool):
            return whole(epoch, 1, MAX_EPOCH, where), whole(seq, 1, MAX_SEQ, where)
    raise RefusedError(Reason.WRONG_SHAPE, where, item)


def _restored(item: object) -> Restored:
    if not isinstance(item, dict):
        raise RefusedError(Reason.WRONG_SHAPE, "ack.restored", item)
    held = item.get("held")
    return Restored(
        _mark(item.get("acked"), "ack.restored.acked"),
        None if held is None else _mark(held, "ack.restored.held"),
    )


def _ranges(items: list[Any], through: int) -> tuple[tuple[int, int], ...]:
    ranges: list[tuple[int, int]] = []
    end = through
    for item in items[:MAX_RANGES]:
        match item:
            case [int(first), int(last)] if end < first <= last <= MAX_SEQ:
                ranges.append((first, last))
                end = last
            case _:
                raise RefusedError(Reason.WRONG_SHAPE, "ack.beyond", item)
    return tuple(ranges)


def _read_sample(item: object, where: str, samples: list[Sample], refusals: list[Refusal]) -> None:
    try:
        if not isinstance(item, dict):
            raise RefusedError(Reason.WRONG_SHAPE, where, item)
        device = identifier(item.get("device"), f"{where}.device")
        if "at" not in item:
            raise RefusedError(Reason.TIME_MISSING, f"{where}.at")
        at_ms = strict_json.field(item, "at", int, where)
        if not -MAX_SEQ <= at_ms <= MAX_SEQ:
            raise RefusedError(Reason.TIME_IN_FUTURE if at_ms > 0 else Reason.TIME_TOO_OLD, f"{where}.at", at_ms)
        raw_values = strict_json.field(item, "values", dict, where)
        raw_flags = strict_json.field(item, "flags", dict, where, {})
    except RefusedError as error:
        refusals.append(error.refusal)
        return
    values = _read_values(raw_values, where, refusals)
    flags = _read_flags(raw_flags, values, where, refusals)
    if values:
        samples.append(Sample(device, at_ms, values, flags))
    elif not raw_values:
        refusals.append(Refusal(Reason.EMPTY, where, device))


def _read_values(raw: Mapping[str, Any], where: str, refusals: list[Refusal]) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, value in raw.items():
        if not strict_json.is_finite_number(value):
            refusals.append(Refusal(Reason.NOT_A_NUMBER, f"{where}.values.{shorten(name, 64)}", shorten(value)))
        else:
            values[name] = value
    return values


def _read_flags(
    raw: Mapping[str, Any],
    values: dict[str, float],
    where: str,
    refusals: list[Refusal],
) -> Mapping[str, Quality]:
    """Flags by signal; a value whose flag cannot be read is refused with it, since its quality is unknown."""
    if not raw:
        return NO_FLAGS
    flags: dict[str, Quality] = {}
    for name, text in raw.items():
        if name not in values:
            continue
        try:
            quality = Quality(text)
        except ValueError:
            refusals.append(Refusal(Reason.UNKNOWN_QUALITY, f"{where}.flags.{shorten(name, 64)}", shorten(text)))
            del values[name]
            continue
        if quality is not Quality.GOOD:
            flags[name] = quality
    return flags or NO_FLAGS
