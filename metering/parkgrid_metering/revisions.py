"""Intervals into the store: new ones come in, changed ones leave their former row behind, equal ones stay.

Their days follow in the same transaction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract.time import from_ms
from parkgrid_domain.energy import Grid, IntervalQuality, IntervalTable
from parkgrid_metering.columns import ABSENT, CopyColumn, Int64s, Stream, copy_in, instants_ms, unpacked
from parkgrid_metering.days import SUMMED, Days, Intervals
from parkgrid_metering.parks import Park

_INTERVALS = sql.Identifier("base", "interval_energy")
_STAGING = sql.Identifier("interval_energy_staged")
_COMPARED = (
    "quality",
    "energy_wh",
    "received",
    "valid",
    "estimated",
    "late",
    "first_at_ms",
    "first_steps",
    "last_at_ms",
    "last_steps",
    "spread",
)
"""What makes a row another one. What was expected follows the device's present plan and is no news about the past."""


@dataclass(frozen=True, slots=True)
class Author:
    """Why rows change, and by whom."""

    cause: str
    by: str = "accounting"


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the computed intervals, as masks over registers and intervals."""

    inserted: NDArray[np.bool_]
    changed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Computed:
    """Intervals of registers as they are to be."""

    registers: Int64s
    """The register of each row of the table."""
    grid: Grid
    table: IntervalTable
    wanted: NDArray[np.bool_]
    """Which intervals are to have a row."""
    fresh: bool
    """Whether none of them can have one yet."""
    authors: Sequence[Author]
    """For each register, who changes it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Computed intervals on their way into the store: what can be done before it is the connection's turn."""

    computed: Computed
    columns: dict[str, NDArray[np.int64]]
    fresh: Stream | None
    """The rows, where none of them can be there yet."""

    @classmethod
    def of(cls, park: Park, computed: Computed, now_ms: int) -> "Prepared":
        """Intervals of a park as they are stored."""
        columns = _columns(computed.table)
        fresh = _new_rows(park, computed, columns, computed.wanted, now_ms) if computed.fresh else None
        return cls(computed, columns, fresh)


def write(park: Park, days: Days, prepared: Prepared, now_ms: int) -> Written:
    """Make the store hold the computed intervals and their days, and nothing else different."""
    computed, columns = prepared.computed, prepared.columns
    if prepared.fresh is not None:
        copy_in(park.connection, _INTERVALS, prepared.fresh)
        written = Written(computed.wanted, np.zeros_like(computed.wanted))
    else:
        present, differs = _compared(park, computed, columns)
        written = Written(computed.wanted & ~present, computed.wanted & differs)
        if written.inserted.any():
            rows = _new_rows(park, computed, columns, written.inserted, now_ms)
            copy_in(park.connection, _INTERVALS, rows)
        for author, mask in _by_author(computed.authors, written.changed):
            _replace(park, computed, columns, mask, author, now_ms)
    _keep_days(days, computed, columns, written, now_ms)
    return written


def _keep_days(
    days: Days, computed: Computed, columns: dict[str, NDArray[np.int64]], written: Written, now_ms: int
) -> None:
    new = written.inserted
    values = {name: getattr(computed.table, name)[new] if name == "expected" else columns[name][new] for name in SUMMED}
    values["energy_wh"] = np.where(values["energy_wh"] == ABSENT, 0, values["energy_wh"])
    days.add(Intervals(*_places(computed, new), values | {"quality": columns["quality"][new]}), now_ms)
    days.count(*_places(computed, written.changed))


def _places(computed: Computed, mask: NDArray[np.bool_]) -> tuple[Int64s, Int64s]:
    """Register and start of the intervals of a mask, in order of both."""
    line, slot = np.nonzero(mask)
    return computed.registers[line], computed.grid.start_ms + slot * computed.grid.period_ms


def _by_author(authors: Sequence[Author], changed: NDArray[np.bool_]) -> Iterator[tuple[Author, NDArray[np.bool_]]]:
    rows = changed.any(axis=1)
    for author in dict.fromkeys(authors):
        mine = rows & np.array([each == author for each in authors], np.bool_)
        if mine.any():
            yield author, changed & mine[:, None]


def _columns(table: IntervalTable) -> dict[str, NDArray[np.int64]]:
    """The table as it is stored: absent instead of -1, no energy where it is missing."""
    found = {name: getattr(table, name).astype(np.int64) for name in _COMPARED}
    found["energy_wh"] = np.where(table.quality == IntervalQuality.MISSING, ABSENT, found["energy_wh"])
    for at, steps in (("first_at_ms", "first_steps"), ("last_at_ms", "last_steps")):
        found[steps] = np.where((found[steps] == -1) | (found[at] == -1), ABSENT, found[steps])
        found[at] = np.where(found[at] == -1, ABSENT, found[at])
    return found


def _compared(
    park: Park, computed: Computed, columns: dict[str, NDArray[np.int64]]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which intervals have a row, and which of those say something else."""
    grid = computed.grid
    values = {
        "registers": computed.registers.tolist(),
        "low": from_ms(grid.start_ms),
        "high": from_ms(grid.start_ms + grid.period_ms * grid.count),
        "absent": ABSENT + 1,
    }
    rows = park.execute("intervals/stored_intervals", values, binary=True).fetchall()
    present = np.zeros(computed.wanted.shape, np.bool_)
    differs = np.zeros(computed.wanted.shape, np.bool_)
    if not rows:
        return present, differs
    order = np.argsort(computed.registers)
    place = order[np.searchsorted(computed.registers, [row[0] for row in rows], sorter=order)]
    line = np.repeat(place, [len(row[1]) // 8 for row in rows])
    slot, rest = np.divmod(instants_ms(unpacked([row[1] for row in rows])) - grid.start_ms, grid.period_ms)
    on_grid = rest == 0
    line, slot = line[on_grid], slot[on_grid]
    present[line, slot] = True
    for position, name in enumerate(_COMPARED, 3):
        differs[line, slot] |= unpacked([row[position] for row in rows])[on_grid] != columns[name][line, slot]
    return present, differs


def _new_rows(
    park: Park, computed: Computed, columns: dict[str, NDArray[np.int64]], mask: NDArray[np.bool_], now_ms: int
) -> Stream:
    count = int(mask.sum())
    extra = [
        CopyColumn("park_id", 4, np.full(count, park.park_id, np.int64)),
        CopyColumn("changed_at", 8, np.full(count, now_ms, np.int64), instant=True),
        CopyColumn("revision", 4, np.ones(count, np.int64)),
    ]
    return Stream.of([*_rows(computed, columns, mask), *extra], {"cause": ""})


def _replace(
    park: Park,
    computed: Computed,
    columns: dict[str, NDArray[np.int64]],
    mask: NDArray[np.bool_],
    author: Author,
    now_ms: int,
) -> None:
    park.execute("intervals/create_staging")
    park.execute("intervals/clear_staging")
    copy_in(park.connection, _STAGING, Stream.of(_rows(computed, columns, mask), {}))
    values = {"now": from_ms(now_ms), "by": author.by, "cause": author.cause}
    park.execute("intervals/supersede", values)
    park.execute("intervals/replace_intervals", values)


def _rows(computed: Computed, columns: dict[str, NDArray[np.int64]], mask: NDArray[np.bool_]) -> list[CopyColumn]:
    registers, at_ms = _places(computed, mask)
    return [
        CopyColumn("register_id", 4, registers),
        CopyColumn("at", 8, at_ms, instant=True),
        CopyColumn("period_s", 4, np.full(len(at_ms), computed.grid.period_ms // 1000, np.int64)),
        CopyColumn("energy_wh", 8, columns["energy_wh"][mask], nullable=True),
        CopyColumn("quality", 2, columns["quality"][mask]),
        CopyColumn("expected", 4, computed.table.expected[mask].astype(np.int64)),
        *(CopyColumn(name, 4, columns[name][mask]) for name in ("received", "valid", "estimated", "late")),
        CopyColumn("first_at", 8, columns["first_at_ms"][mask], instant=True, nullable=True),
        CopyColumn("first_steps", 8, columns["first_steps"][mask], nullable=True),
        CopyColumn("last_at", 8, columns["last_at_ms"][mask], instant=True, nullable=True),
        CopyColumn("last_steps", 8, columns["last_steps"][mask], nullable=True),
        *_spread(columns["spread"][mask]),
    ]


def _spread(values: NDArray[np.int64]) -> list[CopyColumn]:
    """By what gaps were spread; left to its default where there was none, as almost always."""
    return [CopyColumn("spread", 2, values)] if values.any() else []
