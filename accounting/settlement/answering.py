"""Counters that are announced and never answer: power stands in for them until they do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from psycopg import sql

from accounting.settlement.registers import POWER, Register
from accounting.settlement.work import SLOT_MS, Touched
from accounting.store import Connection, Int64s, statement
from contract.time import from_ms, to_ms

SILENT_MS = 3_600_000
"""How long power is stored while the counter says nothing before it stands in for it. Since 2026-11: a device answers
for all its registers within some polls, and an hour is four intervals."""
_SPELL_MS = 6 * 3_600_000
_LAST_MS = 4_102_444_800_000
"""2100-01-01: after every reading."""


def first_readings(
    connection: Connection, source: tuple[str, str], after_ms: Mapping[int, int], before_ms: int = _LAST_MS
) -> dict[int, int]:
    """Device to its first usable reading at or after an instant of its own."""
    if not after_ms:
        return {}
    device_class, signal = source
    query = sql.SQL(statement("first_readings")).format(
        source=sql.Identifier("base", device_class), signal=sql.Identifier(signal), name=sql.Literal(signal)
    )
    values = {
        "devices": list(after_ms),
        "after": [from_ms(each) for each in after_ms.values()],
        "low": from_ms(min(after_ms.values())),
        "high": from_ms(before_ms),
    }
    rows = connection.execute(query, values, prepare=False).fetchall()
    return {device: to_ms(at) for device, at in rows if at is not None}


def fallen_back(connection: Connection, silent: Sequence[Register]) -> list[tuple[Register, int]]:
    """Those that are taken from power from now on, and its first sample; `silent` never had a usable reading."""
    by_class: dict[str, dict[int, int]] = {}
    for register in silent:
        if register.falls_back:
            by_class.setdefault(register.device_class, {})[register.device_id] = 0
    first: dict[int, int] = {}
    for name, devices in by_class.items():
        began = first_readings(connection, (name, POWER), devices)
        lasting = first_readings(connection, (name, POWER), {device: at + SILENT_MS for device, at in began.items()})
        first.update({device: began[device] for device in lasting})
    fallen = [register for register in silent if register.falls_back and register.device_id in first]
    if fallen:
        connection.execute(statement("fall_back"), {"registers": [each.register_id for each in fallen]})
    return [(replace(each, method="power"), first[each.device_id]) for each in fallen]


def noticed(connection: Connection, known: Sequence[Register], touched: Mapping[str, Touched]) -> list[Register]:
    """The same registers; of a counter that answers for the first time, from when on it counts."""
    by_source: dict[tuple[str, str], list[Register]] = {}
    for register in known:
        news = touched.get(register.device_class)
        if register.waits and news is not None and register.device_id in news.slots_ms:
            by_source.setdefault((register.device_class, register.signal), []).append(register)
    changed: dict[int, Register] = {}
    for source, waiting in by_source.items():
        slots_ms = touched[source[0]].slots_ms
        first = _first_answers(connection, source, {each.device_id: slots_ms[each.device_id] for each in waiting})
        changed |= {
            each.register_id: _answered(each, first[each.device_id]) for each in waiting if each.device_id in first
        }
    if not changed:
        return list(known)
    counted = [None if each.counted_ms is None else from_ms(each.counted_ms) for each in changed.values()]
    connection.execute(statement("note_answered"), {"registers": list(changed), "counted": counted})
    return [changed.get(each.register_id, each) for each in known]


def _first_answers(connection: Connection, source: tuple[str, str], slots_ms: Mapping[int, Int64s]) -> dict[int, int]:
    """Device to its first usable reading in touched slots: nothing but the partitions with news is looked at."""
    every = np.unique(np.concatenate(list(slots_ms.values())))
    first: dict[int, int] = {}
    for spell_ms in np.split(every, np.flatnonzero(np.diff(every) > _SPELL_MS) + 1):
        after = {device: int(spell_ms[0]) for device in slots_ms if device not in first}
        first |= first_readings(connection, source, after, int(spell_ms[-1]) + SLOT_MS)
    return first


def _answered(register: Register, at_ms: int) -> Register:
    """It counts from the first edge at or after its first reading; what was integrated before stays."""
    counted_ms = None if register.settled_ms is None else register.floor(at_ms - 1) + register.period_ms
    return replace(register, method="register", counted_ms=counted_ms)


def edge_before(registers: Iterable[Register]) -> dict[int, int]:
    """Device to where its counter may have begun: nothing before it is looked for."""
    return {
        each.device_id: 0 if each.counted_ms is None or each.method == "power" else each.counted_ms - each.period_ms
        for each in registers
    }
