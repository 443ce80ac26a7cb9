"""From raw readings to the tables of the pure core: picking, joining and numbering, without touching the database."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from accounting.settlement.readings import Nearest, PackedReadings
from accounting.settlement.registers import Register
from domain.energy import Grid, IntervalTable, Readings, RegisterRule, in_order, interval_energy, keys
from domain.energy.power import Direction, integrated_power


def of_registers(packed: PackedReadings, members: Sequence[Register], near: Nearest) -> Readings:
    """The readings of registers, each under its place among them; `near` are those beside the span."""
    own_time = np.array([register.own_time for register in members], np.bool_)
    parts: list[Readings] = []
    first = 0
    for source, same in groupby(members, lambda register: register.source):
        devices = [register.device_id for register in same]
        parts.append(_moved(packed.of(source, devices), first, own_time))
        first += len(devices)
    if len(near.place):
        never_late = np.zeros(len(near.place), np.bool_)
        parts.append(Readings(near.place.astype(np.int32), near.at_ms, near.steps, near.trust, never_late))
    return _joined(parts)


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


def table_of(given: Readings, members: Sequence[Register], rules: Sequence[RegisterRule], grid: Grid) -> IntervalTable:
    """The intervals of registers of one method: differences of counters, or integrated power."""
    if members[0].method == "register":
        return interval_energy(given, rules, grid)
    direction = Direction.IMPORT if members[0].sign > 0 else Direction.EXPORT
    return integrated_power(given, rules, grid, direction)
