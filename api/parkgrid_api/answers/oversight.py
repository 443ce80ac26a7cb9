"""What is not in order, and whether the process is."""

from typing import Any, Literal, TypeAlias

from parkgrid_api.answers.shape import Shape

LedgerState: TypeAlias = Literal["open", "lacking", "restored", "unknown"]


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
    cause: Literal["gateway", "restore"]
    """Who lost them: the gateway's outbox gave them up, or the database was restored from an older backup."""


class Gaps(Shape):
    """Gaps in the sequences, newest first."""

    entries: list[Gap]


class Restore(Shape):
    """A gateway had been told that more is stored than the database holds: it was restored from a backup."""

    park: str
    gateway: str
    acked_epoch: int
    acked_through: int
    """The batch up to which the gateway had been told that everything is stored."""
    held_epoch: int | None
    held_through: int | None
    """What the restored database held of it; null: nothing."""
    held_ms: int | None
    """When the last batch that it held had arrived."""
    noted_ms: int


class Restores(Shape):
    """Restores of the database as its gateways showed them, newest first."""

    entries: list[Restore]


class Health(Shape):
    """Whether the process and its database answer."""

    status: Literal["ok", "degraded"]
    database: Literal["ok", "unreachable"]
    migrations: int | None
    commit_notices: bool
    streams: int
    page: Literal["built", "not built"]
    ledger: LedgerState
    """If the pilot's ledger takes entries: not while it lacks what was issued, nor before a restore was compared."""
