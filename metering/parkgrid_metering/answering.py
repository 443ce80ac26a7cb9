"""Counters that are announced and never answer: power stands in for them until they do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from psycopg import sql

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_ingest.parts import parts_of
from parkgrid_metering.columns import Int64s
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import LAST_MS, POWER, Register
from parkgrid_metering.work import SLOT_MS, Touched

SILENT_MS = 3_600_000
"""How long power is stored while the counter says nothing before it stands in for it. Since 2026-11: a device answers
for all its registers within some polls, and an hour is four intervals."""
_SPELL_MS = 6 * 3_600_000
_AT_ONCE_MS = 31 * 86_400_000


def first_readings(
    park: Park, source: tuple[str, str], after_ms: Mapping[int, int], before_ms: int = LAST_MS
) -> dict[int, int]:
    """Device to its first usable reading at or after an instant of its own.

    A long time is looked through a month at a time, from the oldest on, so that few partitions are open at once.
    """
    device_class, signal = source
    first: dict[int, int] = {}
    for low_ms, high_ms in _windows(park, device_class, min(after_ms.values(), default=before_ms), before_ms):
        left = {device: at for device, at in after_ms.items() if device not in first and at < high_ms}
        if left:
            first |= _first_of_window(park, (device_class, signal), left, (low_ms, high_ms))
        if len(first) == len(after_ms):
            break
    return first


def _windows(park: Park, device_class: str, low_ms: int, high_ms: int) -> Iterator[tuple[int, int]]:
    if high_ms - low_ms <= _AT_ONCE_MS:
        if low_ms < high_ms:
            yield low_ms, high_ms
        return
    end_ms = low_ms
    for part in parts_of(park.connection, device_class):
        from_at_ms, to_at_ms = max(low_ms, to_ms(part.from_at)), min(high_ms, to_ms(part.to_at))
        if end_ms < to_at_ms and from_at_ms < high_ms:
            end_ms = max(to_at_ms, from_at_ms + _AT_ONCE_MS)
            yield from_at_ms, min(end_ms, high_ms)


def _first_of_window(
    park: Park, source: tuple[str, str], after_ms: Mapping[int, int], span_ms: tuple[int, int]
) -> dict[int, int]:
    device_class, signal = source
    parts: dict[str, sql.Composable] = {
        "source": sql.Identifier("base", device_class),
        "signal": sql.Identifier(signal),
        "name": sql.Literal(signal),
    }
    values = {
        "devices": list(after_ms),
        "after": [from_ms(each) for each in after_ms.values()],
        "low": from_ms(max(span_ms[0], min(after_ms.values()))),
        "high": from_ms(span_ms[1]),
    }
    # Nothing is written: to undo it lets go of the locks on what was looked at.
    with park.connection.transaction(force_rollback=True):
        rows = park.read("readings/first_readings", parts, values)
    return {device: to_ms(at) for device, at in rows if at is not None}


@dataclass(frozen=True, slots=True)
class Silent:
    """What became of registers that never had a usable reading."""

    fallen: Sequence[tuple[Register, int]]
    """Those that are taken from power from now on, each with its first sample."""
    powered_ms: Mapping[int, int]
    """Device to its first sample of power, of those that wait for more of it."""


def fallen_back(park: Park, silent: Sequence[tuple[Register, int]], before_ms: int) -> Silent:
    """Let power stand in for counters that stay silent while it lasts; each with the instant to look from."""
    by_class: dict[str, dict[int, int]] = {}
    for register, after_ms in silent:
        if register.falls_back:
            devices = by_class.setdefault(register.device_class, {})
            devices[register.device_id] = min(after_ms, devices.get(register.device_id, after_ms))
    began: dict[int, int] = {}
    lasting: set[int] = set()
    for name, devices in by_class.items():
        found = first_readings(park, (name, POWER), devices, before_ms)
        later = {device: at + SILENT_MS for device, at in found.items()}
        lasting |= first_readings(park, (name, POWER), later, before_ms).keys()
        began |= found
    fallen = [each for each, _ in silent if each.falls_back and each.device_id in lasting]
    if fallen:
        park.execute("registers/fall_back", {"registers": [each.register_id for each in fallen]})
    return Silent([(replace(each, method="power"), began[each.device_id]) for each in fallen], began)


def noticed(park: Park, known: Sequence[Register], touched: Mapping[str, Touched]) -> list[Register]:
    """The same registers; of a counter that answers for the first time, from when on it counts."""
    by_source: dict[tuple[str, str], list[Register]] = {}
    for register in known:
        news = touched.get(register.device_class)
        if register.waits and news is not None and register.device_id in news.slots_ms:
            by_source.setdefault((register.device_class, register.signal), []).append(register)
    changed: dict[int, Register] = {}
    for source, waiting in by_source.items():
        slots_ms = touched[source[0]].slots_ms
        first = _first_answers(park, source, {each.device_id: slots_ms[each.device_id] for each in waiting})
        changed |= {
            each.register_id: _answered(each, first[each.device_id]) for each in waiting if each.device_id in first
        }
    if not changed:
        return list(known)
    counted = [None if each.counted_ms is None else from_ms(each.counted_ms) for each in changed.values()]
    park.execute("registers/note_answered", {"registers": list(changed), "counted": counted})
    return [changed.get(each.register_id, each) for each in known]


def _first_answers(park: Park, source: tuple[str, str], slots_ms: Mapping[int, Int64s]) -> dict[int, int]:
    """Device to its first usable reading in touched slots: nothing but the partitions with news is looked at."""
    every = np.unique(np.concatenate(list(slots_ms.values())))
    first: dict[int, int] = {}
    for spell_ms in np.split(every, np.flatnonzero(np.diff(every) > _SPELL_MS) + 1):
        after = {device: int(spell_ms[0]) for device in slots_ms if device not in first}
        first |= first_readings(park, source, after, int(spell_ms[-1]) + SLOT_MS)
    return first


def _answered(register: Register, at_ms: int) -> Register:
    """It counts from the first edge at or after its first reading; what was integrated before stays."""
    counted_ms = None if register.metered_ms is None else register.floor(at_ms - 1) + register.period_ms
    return replace(register, method="register", counted_ms=counted_ms)


def begins_after(register: Register, news_ms: Mapping[int, int]) -> int:
    """Where the first reading of a register may be; `news_ms` is where the news of each device begin."""
    if register.metered_ms is None and register.sought_ms is not None:
        return min(register.sought_ms, news_ms.get(register.device_id, register.sought_ms))
    return 0 if register.counted_ms is None or register.method == "power" else register.counted_ms - register.period_ms
