"""What is not in order, and whether the process is."""

from typing import Any, Literal

from parkgrid_api.answers.shape import Shape


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


class Health(Shape):
    """Whether the process and its database answer."""

    status: Literal["ok", "degraded"]
    database: Literal["ok", "unreachable"]
    migrations: int | None
    commit_notices: bool
    streams: int
    page: Literal["built", "not built"]
