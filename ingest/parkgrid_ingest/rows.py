"""What ingest hands to a store: columns of scaled integers, never one object per value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.identity import Gateway
from parkgrid_contract.refusal import Reason
from parkgrid_contract.telemetry import Ack, Mark, Restored

Present = NDArray[np.bool_] | None
"""Which rows have a value; None when all of them do."""


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """Which batch some rows came in."""

    gateway: Gateway
    epoch: int
    seq: int
    floor: int
    """Lowest seq that the outbox still held when it sent this batch."""
    backlog: bool
    received_ms: int
    acked: Mark | None = None
    """Up to where the gateway was told that its batches are committed."""
    again: int = 0
    """Up to this seq the batches of this epoch were committed before the store was restored."""


@dataclass(frozen=True, slots=True)
class Older:
    """One gateway was told more than the store holds: the store was restored from a backup."""

    gateway: Gateway
    restored: Restored
    is_news: bool
    """Whether it is written down for the first time."""


@dataclass(slots=True)
class ClassRows:
    """The rows of one device class, column by column."""

    device_class: str
    batch: NDArray[np.int32]
    """Index of each row's batch in `Commit.batches`."""
    device_id: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    values: Mapping[str, NDArray[np.int64]]
    """Signal to stored steps; a signal missing here is absent in every row."""
    present: Mapping[str, Present] = field(default_factory=dict)
    """Signal to the rows that have a value; None, or no entry, when all of them do."""
    flags: Mapping[int, bytes] = field(default_factory=dict)
    """Row index to a JSON object {signal: quality}, for rows with values that are not good."""
    untrusted: Mapping[int, bytes] = field(default_factory=dict)
    """Row index to a JSON object {signal: value in its unit}: what the store took out of the columns (`quality`)."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that was refused, kept for the operator with its reason."""

    park: str | None
    gateway: str | None
    epoch: int | None
    seq: int | None
    device: str | None
    reason: Reason
    location: str
    """Where in the message it stood."""
    content: str
    """What it was, shortened."""
    batch: int | None = None
    """Index in `Commit.batches`: a re-sent batch does not count its refusals twice. None for no batch."""
    occurrences: int = 1
    """How often the same was refused at the same place of this batch."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction makes durable."""

    batches: Sequence[BatchHeader]
    rows: Sequence[ClassRows] = ()
    quarantined: Sequence[Quarantined] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a commit."""

    acks: Mapping[tuple[Gateway, int], Ack]
    """By gateway and epoch: what that gateway may now trim."""
    stored: int
    """Rows that are new."""
    repeated: int
    """Rows that were there already with the same content, or whose batch was."""
    conflicting: int
    """Rows whose key was there already with other content: the first is kept, both are recorded."""
    poisoned: int = 0
    """Batches that the database refused for their content: quarantined whole, their neighbours stored."""
    poisoned_by: Sequence[Gateway] = ()
    """Who sent them, one entry a batch."""
    left_out: Sequence[Gateway] = ()
    """Senders of batches that are neither stored nor acknowledged: they would tear one more hole into a sequence that
    has too many. One entry a batch."""
    older: Sequence[Older] = ()
    """Gateways that were told more than the store holds."""
