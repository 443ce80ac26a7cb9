"""From raw readings to the tables of the pure core: picking, joining and numbering, without touching the database."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy import (
    NOTHING,
    Course,
    Direction,
    Grid,
    Metered,
    Opening,
    Readings,
    RegisterRule,
    in_order,
    integrated_power,
    keys,
    metered,
)
from parkgrid_domain.energy.readings import NONE
from parkgrid_metering.columns import Int64s
from parkgrid_metering.readings import PackedReadings
from parkgrid_metering.registers import Register
from parkgrid_metering.work import Window

DueMs = Callable[[Register], int]
"""Up to where a register that says nothing is given missing intervals."""


def of_windows(packed: PackedReadings, windows: Sequence[Window]) -> Readings:
    """The readings of windows, each under the place of its window, and the last believed ones before them."""
    own_time = np.array([each.span.register.own_time for each in windows], np.bool_)
    parts: list[Readings] = []
    first = 0
    for source, same in groupby(windows, lambda each: each.span.register.source):
        devices = [each.span.register.device_id for each in same]
        parts.append(_moved(packed.of(source, devices), first, own_time))
        first += len(devices)
    given = _joined(parts)
    low = np.array([each.read_from_ms for each in windows], np.int64)
    high = np.array([each.end_ms for each in windows], np.int64)
    inside = (given.at_ms >= low[given.register]) & (given.at_ms < high[given.register])
    given = given if bool(inside.all()) else given.chosen(inside)
    return _with_tips(given, windows, low)


def _with_tips(given: Readings, windows: Sequence[Window], low_ms: Int64s) -> Readings:
    """The same with the last believed reading of each register where it lies further back than what was read."""
    tips = [(place, each.belief) for place, each in enumerate(windows) if NONE != each.belief.at_ms < low_ms[place]]
    if not tips:
        return given
    count = len(tips)
    beside = Readings(
        np.array([place for place, _ in tips], np.int32),
        np.array([belief.at_ms for _, belief in tips], np.int64),
        np.array([belief.steps for _, belief in tips], np.int64),
        np.ones(count, np.int8),
        np.zeros(count, np.bool_),
    )
    return _joined([given, beside])


def _moved(given: Readings, first: int, own_time: NDArray[np.bool_]) -> Readings:
    register = given.register + np.int32(first)
    return replace(given, register=register, late=given.late & ~own_time[register])


def of_part(given: Readings, chosen: slice, first: int) -> Readings:
    """Readings of some registers, which are numbered from 0 again."""
    part = given.chosen(chosen)
    return replace(part, register=part.register - np.int32(first))


def _joined(parts: Sequence[Readings]) -> Readings:
    """All together, in order of register and instant."""
    if len(parts) == 1:
        return parts[0]
    register = np.concatenate([part.register for part in parts])
    at_ms = np.concatenate([part.at_ms for part in parts])
    steps, trust, late = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("steps", "trust", "late")
    )
    together = Readings(register, at_ms, steps, trust, late)
    key = keys(register, at_ms)
    return together if (key[1:] > key[:-1]).all() else in_order(together)


def metered_of(given: Readings, windows: Sequence[Window], rules: Sequence[RegisterRule], due: DueMs) -> Metered:
    """The intervals of windows of one method: differences of counters, or integrated power."""
    low_ms = min(each.begin_ms for each in windows)
    high_ms = max(each.end_ms for each in windows)
    register = windows[0].span.register
    grid = Grid(low_ms, register.period_ms, max(1, -(-(high_ms - low_ms) // register.period_ms)))
    used = given.trust > 0
    bounds = np.searchsorted(given.register[used], np.arange(len(windows) + 1))
    at_ms = given.at_ms[used]
    openings = []
    last_ms = np.full(len(windows), NONE, np.int64)
    for place, each in enumerate(windows):
        mine = at_ms[bounds[place] : bounds[place + 1]]
        last_ms[place] = int(mine[-1]) if len(mine) else NONE
        edges = each.edges_ms(int(last_ms[place]), due(each.span.register))
        openings.append(Opening(each.belief, each.begin_ms, edges))
    if register.method == "register":
        return metered(given, rules, grid, openings)
    table = integrated_power(given, rules, grid, Direction.IMPORT if register.sign > 0 else Direction.EXPORT)
    courses = [Course(tuple(NOTHING for _ in range(len(opening.edges_ms) + 1)), NONE) for opening in openings]
    return Metered(grid, table, openings, courses, last_ms, ())
