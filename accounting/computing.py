"""From raw readings to the tables of the pure core: picking, joining and numbering, without touching the database."""

from collections.abc import Sequence

import numpy as np

from accounting.readings import RawReadings
from accounting.registers import Register
from accounting.store import ABSENT, Int64s
from domain.energy import Grid, IntervalTable, Readings, RegisterRule, interval_energy
from domain.energy.power import Direction, integrated_power


def of_signal(raw: RawReadings, devices: Int64s, members: Sequence[tuple[int, Register]]) -> Readings:
    """The readings of one signal's registers, each under its place in the group."""
    source = members[0][1].source
    line = np.full(len(devices), -1, np.int32)
    own_time = np.zeros(len(devices), np.bool_)
    for place, register in members:
        at = int(np.searchsorted(devices, register.device_id))
        line[at], own_time[at] = place, register.own_time
    chosen = (line[raw.device] >= 0) & (raw.steps[source] != ABSENT)
    if chosen.all():
        return Readings(
            line[raw.device], raw.at_ms, raw.steps[source], raw.trust[source], raw.late & ~own_time[raw.device]
        )
    device = raw.device[chosen]
    late = raw.late[chosen] & ~own_time[device]
    return Readings(line[device], raw.at_ms[chosen], raw.steps[source][chosen], raw.trust[source][chosen], late)


def of_part(given: Readings, chosen: slice, first: int) -> Readings:
    """Readings of some registers, which are numbered from 0 again."""
    register = given.register[chosen] - np.int32(first)
    return Readings(register, given.at_ms[chosen], given.steps[chosen], given.trust[chosen], given.late[chosen])


def joined(parts: Sequence[Readings]) -> Readings:
    """All together, in order of register and instant."""
    parts = [part for part in parts if len(part)] or list(parts[:1])
    if len(parts) == 1:
        return parts[0]
    register = np.concatenate([part.register for part in parts])
    at_ms = np.concatenate([part.at_ms for part in parts])
    key = (register.astype(np.int64) << 43) | at_ms
    steps, trust, late = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("steps", "trust", "late")
    )
    if (key[1:] > key[:-1]).all():
        return Readings(register, at_ms, steps, trust, late)
    order = np.argsort(key, kind="stable")
    return Readings(register[order], at_ms[order], steps[order], trust[order], late[order])


def table_of(given: Readings, members: Sequence[Register], rules: Sequence[RegisterRule], grid: Grid) -> IntervalTable:
    """The intervals of registers of one method: differences of counters, or integrated power."""
    if members[0].method == "register":
        return interval_energy(given, rules, grid)
    direction = Direction.IMPORT if members[0].sign > 0 else Direction.EXPORT
    return integrated_power(given, rules, grid, direction)
