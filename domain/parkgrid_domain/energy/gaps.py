"""Where readings are missing, and which part of the way failed.

A slot has a gap when fewer readings are valid than were planned. The first line that fits names the cause:

| what is seen in the slot                                                          | cause   |
|-----------------------------------------------------------------------------------|---------|
| the gateway stands for files or a foreign store                                   | source  |
| another device of the gateway has readings                                        | device  |
| the gateway has no other device, and its own samples are there                    | device  |
| it was lost by a restore of the database, and did not come again                  | restore |
| no gateway at all has any reading, now or later                                   | ingest  |
| batches of the gateway are missing from its sequence                              | link    |
| the gateway's own samples are there, those of its other devices are not           | gateway |
| some readings of the gateway came, but late                                       | link    |
| nothing                                                                           | gateway |

What an import lacks its source lacks: no part of our way was asked. Of a gateway neighbours come first: when they came
through, the whole way was open. A gateway whose devices are all silent while it reports itself has lost its field side.
One that is silent and leaves no hole in its sequence recorded nothing: it was off.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.readings import Grid


class GapCause(StrEnum):
    """The part of the way that failed."""

    DEVICE = "device"
    GATEWAY = "gateway"
    LINK = "link"
    INGEST = "ingest"
    SOURCE = "source"
    """The data that were imported do not have it."""
    RESTORE = "restore"
    """It was stored, and the database was then restored from an older backup."""


_CAUSES = tuple(GapCause)
_LINES = (GapCause.DEVICE, GapCause.RESTORE, GapCause.INGEST, GapCause.LINK, GapCause.GATEWAY, GapCause.LINK)
"""Of the decision table, the two for a device taken as one; below them it is the gateway."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen in each slot of a grid, for the gateway of one device."""

    siblings: NDArray[np.bool_]
    """Another device of the gateway has readings."""
    has_siblings: bool
    """There is another device behind the gateway at all."""
    gateway: NDArray[np.bool_]
    """The gateway's own samples are there."""
    dropped: NDArray[np.bool_]
    """Batches of the gateway are missing from its sequence."""
    came_later: NDArray[np.bool_]
    """Some readings of the gateway came late."""
    all_silent: NDArray[np.bool_]
    """No gateway has any reading."""
    restored: NDArray[np.bool_]
    """It lies between the last that a restored database held of the gateway and its first word after the restore."""
    imported: bool = False
    """The gateway stands for files or a foreign store."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A spell [start, end) with fewer valid readings than planned, from one cause."""

    start_ms: int
    end_ms: int
    cause: GapCause
    missing: int
    """Readings that were planned and are not there."""


def gaps(
    grid: Grid,
    expected: NDArray[np.int32],
    valid: NDArray[np.int32],
    evidence: Evidence,
    tolerated: float = 0.0,
) -> list[Gap]:
    """Gaps of one register in order; neighbouring slots with one cause are one gap.

    `tolerated` is the share of planned readings that may be missing from a slot without a gap (range 0 to 1), for polls
    that drift across the edge of a slot.
    """
    missing = np.maximum(expected - valid, 0)
    causes = np.where(missing > tolerated * expected, _causes(evidence), -1)
    starts = np.flatnonzero(np.diff(causes, prepend=-1, append=-1))
    return [
        _gap(grid, int(start), int(end), int(causes[start]), missing)
        for start, end in pairwise(starts)
        if causes[start] >= 0
    ]


def _gap(grid: Grid, start: int, end: int, cause: int, missing: NDArray[np.int32]) -> Gap:
    return Gap(
        start_ms=grid.start_ms + start * grid.period_ms,
        end_ms=grid.start_ms + end * grid.period_ms,
        cause=_CAUSES[cause],
        missing=int(missing[start:end].sum()),
    )


def _causes(evidence: Evidence) -> NDArray[np.int64]:
    """The decision table as an index into the causes."""
    if evidence.imported:
        return np.full(len(evidence.gateway), _CAUSES.index(GapCause.SOURCE), np.int64)
    alone = evidence.gateway & (not evidence.has_siblings)
    lines = [
        evidence.siblings | alone,
        evidence.restored,
        evidence.all_silent,
        evidence.dropped,
        evidence.gateway,
        evidence.came_later,
    ]
    found = [_CAUSES.index(cause) for cause in _LINES]
    decided: NDArray[np.int64] = np.select(
        lines, [np.full(len(alone), index) for index in found], _CAUSES.index(GapCause.GATEWAY)
    )
    return decided
