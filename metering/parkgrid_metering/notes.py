"""Notes of what came in a park: read when a round begins, matched with registers, written and forgotten at its end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract import strict_json
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_metering import answering, registers, retry_queue
from parkgrid_metering.columns import Int64s
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import Register
from parkgrid_metering.retry_queue import Waiting
from parkgrid_metering.statements import statement
from parkgrid_metering.steps import News, Reach, Result
from parkgrid_metering.work import SLOT_MS, RegisterSpan, Touched

_MOST_NOTES = 5_000
"""Notes that a round takes up: each is of a commit."""
_SPELL_MS = 6 * 3_600_000
_MINUTE_MS = 60_000


def dirty_parks(connection: Connection, now_ms: int) -> list[int]:
    """The parks in which there is anything to do, by number."""
    return [number for (number,) in connection.execute(statement("notes/dirty_parks"), {"now": from_ms(now_ms)})]


def take(park: Park, now_ms: int) -> News:
    """Take what was noted, and tell the slots that it touches, and every register; new registers are added."""
    notes = park.execute("notes/take_notes", {"most": _MOST_NOTES}, binary=True).fetchall()
    registers.discover(park, now_ms)
    known = registers.load(park)
    again = retry_queue.due(park, now_ms)
    rows = [*notes, *_again(park, known, again)]
    touched = {
        name: _touched(park, name, [row for row in rows if row[0] == name], known)
        for name in dict.fromkeys(row[0] for row in rows)
    }
    return News(len(notes) < _MOST_NOTES, answering.noticed(park, known, touched), touched, again)


def _again(park: Park, known: Iterable[Register], waiting: Sequence[Waiting]) -> list[tuple[Any, ...]]:
    """Notes, in the form of those taken, by which registers that were set aside catch up with their park."""
    reached_ms = _read_progress(park) if waiting else None
    if reached_ms is None:
        return []
    numbers = {each.register_id for each in waiting}
    return [
        (each.device_class, [each.device_id], [reached_ms // _MINUTE_MS])
        for each in known
        if each.register_id in numbers
    ]


def _touched(park: Park, device_class: str, notes: Sequence[tuple[object, ...]], known: Iterable[Register]) -> Touched:
    """Pairs of device and slot; a note without devices is of any device of the class that has readings there."""
    empty = np.zeros(0, np.int64)
    devices, slots, anywhere = [empty], [empty], [empty]
    for _, named, minutes in notes:
        minutes_ms = np.array(minutes, np.int64) * _MINUTE_MS
        if named:
            devices.append(np.array(named, np.int64))
            slots.append(minutes_ms)
        else:
            anywhere.append(minutes_ms)
    wanted = np.unique(np.concatenate(anywhere))
    if len(wanted):
        found = _probe(park, device_class, wanted, known)
        devices.append(found[:, 0])
        slots.append(found[:, 1])
    return Touched.of(np.concatenate(devices), np.concatenate(slots))


def _probe(park: Park, device_class: str, slots_ms: Int64s, known: Iterable[Register]) -> NDArray[np.int64]:
    parts = {"source": sql.Identifier("base", device_class)}
    devices = registers.device_ids(each for each in known if each.device_class == device_class).tolist()
    found: list[tuple[int, int]] = []
    # Late slots may lie a year before the newest: what lies between is not looked at.
    for spell_ms in np.split(slots_ms, np.flatnonzero(np.diff(slots_ms) > _SPELL_MS) + 1):
        values = {
            "devices": devices,
            "slots": (spell_ms // _MINUTE_MS).tolist(),
            "low": from_ms(int(spell_ms[0])),
            "high": from_ms(int(spell_ms[-1]) + SLOT_MS),
        }
        found += park.read("readings/slots_with_readings", parts, values)
    return np.array([(device, slot * _MINUTE_MS) for device, slot in found], np.int64).reshape(-1, 2)


def note_reach(park: Park, news: News) -> Reach:
    """Note how far the news of the park reach, and read how far its data reach by now."""
    newest_ms = news.newest_ms()
    reached = [newest_ms[each.device_id] for each in news.known if each.device_id in newest_ms]
    if not reached:
        return Reach(_read_progress(park), with_news=False)
    row = park.execute("notes/note_progress", {"newest": from_ms(max(reached))}).fetchone()
    return Reach(to_ms(row[0]) if row else None, with_news=True)


def _read_progress(park: Park) -> int | None:
    row = park.execute("notes/read_progress").fetchone()
    return to_ms(row[0]) if row else None


def note_unfinished(park: Park, news: News, reach: Reach, result: Result) -> bool:
    """Leave a note for registers whose news reach further than one round goes; whether there are any."""
    newest_ms, metered_ms = news.newest_ms(), result.metered_ms()
    left: dict[str, list[tuple[int, int]]] = {}
    # One that did not get on at all waits for the next news instead of turning in circles.
    for register in (each for each in result.limited if each.register_id in metered_ms):
        reach_ms = max(newest_ms.get(register.device_id, 0), reach.news_ms)
        left.setdefault(register.device_class, []).append((register.device_id, reach_ms // _MINUTE_MS))
    return _add(park, left)


def note_waiting(park: Park, news: News, reach: Reach, waiting: Iterable[RegisterSpan]) -> bool:
    """Leave the news of devices that had no place in this round for one of the next; whether there are any."""
    left: dict[str, list[tuple[int, int]]] = {}
    for register in {each.register.device_id: each.register for each in waiting}.values():
        mine = news.touched.get(register.device_class)
        slots_ms = mine.slots_ms.get(register.device_id) if mine else None
        if slots_ms is None:
            slots_ms = np.array([reach.news_ms], np.int64)
        pairs = ((register.device_id, slot) for slot in (slots_ms // _MINUTE_MS).tolist())
        left.setdefault(register.device_class, []).extend(pairs)
    return _add(park, left)


def _add(park: Park, left: Mapping[str, Sequence[tuple[int, int]]]) -> bool:
    """Note pairs of device and slot, by class; whether there are any."""
    for device_class, pairs in left.items():
        values = {
            "device_class": device_class,
            "devices": [device for device, _ in pairs],
            "slots": [slot for _, slot in pairs],
        }
        park.execute("notes/add_note", values)
    return bool(left)


def notify(park: Park, name: str) -> None:
    """Tell listeners that the park, by its name, has new or changed intervals."""
    park.execute("notes/notify_changed", {"payload": strict_json.dumps({"park": name}).decode()})
