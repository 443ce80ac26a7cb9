"""Rounds of metering: what commits touched becomes energy of intervals, and nothing else changes.

notes of touched slots ─▶ spans of registers ─▶ windows ─▶ readings ─▶ domain.energy ─▶ rows that differ
declarations          ─▶                          ▲  │                                   beliefs, findings
                                                  └──┘ overturned, or not yet as it was

A round is one transaction: notes go with the rows that come of them, so a killed round is simply repeated.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_contract import strict_json
from parkgrid_contract.crash import crash_point
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_database.errors import translated
from parkgrid_domain.energy import NOTHING, Finding, Metered, Readings, RegisterRule
from parkgrid_domain.energy.readings import NONE
from parkgrid_ingest.store import Throttle, without_pause
from parkgrid_metering import (
    answering,
    beliefs,
    completeness,
    findings,
    readings,
    registers,
    retry_queue,
    revisions,
)
from parkgrid_metering.beliefs import DAY_MS, Held, Judged
from parkgrid_metering.columns import Int64s
from parkgrid_metering.computing import metered_of, of_windows
from parkgrid_metering.findings import Found
from parkgrid_metering.neighbours import Inverters
from parkgrid_metering.opening import Opener
from parkgrid_metering.readings import PackedReadings
from parkgrid_metering.registers import LAST_MS, Register
from parkgrid_metering.retry_queue import Failure, Waiting
from parkgrid_metering.revisions import Author, Computed, Prepared, Written
from parkgrid_metering.statements import statement
from parkgrid_metering.work import (
    MOST_OF_ROUND,
    SLOT_MS,
    RegisterSpan,
    Touched,
    Window,
    due_ms,
    groups,
    of_round,
    spans,
)

_SPELL_MS = 6 * 3_600_000
_MINUTE_MS = 60_000
_READINGS_OF_PART = 150_000
Ends: TypeAlias = Int64s
"""Up to where the intervals of each window are told."""
_AHEAD = 4
"""Parts that wait to be written, at most: each is some megabytes."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a round did, or several."""

    inserted: int = 0
    """Intervals that got their first row."""
    changed: int = 0
    """Intervals whose former row was kept beside a new one."""
    readings: int = 0
    """Readings that were looked at."""
    pending: bool = False
    """Whether there is more to do at once."""
    failures: tuple[Failure, ...] = ()
    """Registers that were set aside."""

    def __add__(self, other: "Report") -> "Report":
        """Both together; pending is what the later one says."""
        return Report(
            self.inserted + other.inserted,
            self.changed + other.changed,
            self.readings + other.readings,
            other.pending,
            self.failures + other.failures,
        )


def run_rounds(connection: Connection, now_ms: int, throttle: Throttle = without_pause) -> Report:
    """Work off everything that maintenance and declarations have noted. Raises `StoreError`."""
    total = Report()
    while True:
        with translated():
            report = run_round(connection, now_ms, throttle)
        total += report
        if not report.pending:
            return total


def run_round(connection: Connection, now_ms: int, throttle: Throttle = without_pause) -> Report:
    """One round: a bounded part of what was noted, in one transaction."""
    if not _anything_dirty(connection, now_ms):
        return Report()
    with connection.transaction():
        connection.execute("SET LOCAL timezone TO 'UTC'")
        connection.execute("SET LOCAL jit TO off")
        # A crash takes a whole end of the log: notes go with the rows that came of them, so nothing is lost by it.
        connection.execute("SET LOCAL synchronous_commit TO off")
        # A group of readings is packed in memory, not through files.
        connection.execute("SET LOCAL work_mem TO '128MB'")
        connection.execute(statement("notes/one_round"))
        report = _Round(connection, now_ms, throttle).run()
        crash_point("metering.before_commit")
    return report


def _anything_dirty(connection: Connection, now_ms: int) -> bool:
    return connection.execute(statement("notes/anything_dirty"), {"now": from_ms(now_ms)}).fetchone() == (True,)


class _Round:
    """One round and what it has learned so far."""

    def __init__(self, connection: Connection, now_ms: int, throttle: Throttle) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._throttle = throttle
        self._report = Report()
        self._metered: dict[int, int] = {}
        self._parks: set[str] = set()
        self._limited: list[Register] = []
        self._computed: list[tuple[list[Register], Computed]] = []
        self._newest: dict[int, int] = {}
        self._begin: dict[int, int] = {}
        self._reached: dict[str, int] = {}
        self._all_reached: dict[str, int] = {}
        self._devices_of: dict[str, int] = {}
        self._failures: list[Failure] = []
        kept = connection.execute(statement("readings/kept_from"), {"classes": list(registers.METERED)})
        self._kept_ms = {(name, park): to_ms(at) for name, park, at in kept}
        self._inverters = Inverters(connection, (), self._kept_ms)

    def run(self) -> Report:
        """Read notes, compute what they touch, forget them."""
        connection = self._connection
        notes = connection.execute(statement("notes/read_notes"), binary=True).fetchall()
        registers.discover(connection, self._now_ms)
        known = registers.load(connection)
        by_class: dict[str, list[Register]] = {}
        for register in known:
            by_class.setdefault(register.device_class, []).append(register)
        self._devices_of = {name: len(registers.device_ids(members)) for name, members in by_class.items()}
        again = retry_queue.due(connection, self._now_ms)
        notes += self._again(known, again)
        touched = {
            name: self._touched(name, [row for row in notes if row[1] == name], by_class.get(name, []))
            for name in dict.fromkeys(row[1] for row in notes)
        }
        known = answering.noticed(connection, known, touched)
        self._inverters = Inverters(connection, known, self._kept_ms)
        self._newest = {device: newest for each in touched.values() for device, newest in each.newest_ms.items()}
        self._begin = {device: int(ms[0]) for each in touched.values() for device, ms in each.slots_ms.items()}
        self._reached = self._progress(known)
        self._all_reached = self._read_progress()
        work, waiting = of_round(self._work(known, touched), self._begin, MOST_OF_ROUND)
        self._compute([*self._declared(known, again), *work])
        failures = retry_queue.of_each(self._failures)
        retry_queue.keep(connection, failures, again, self._now_ms)
        registers.note_metered(connection, self._metered)
        connection.execute(statement("notes/forget_notes"), {"numbers": [row[0] for row in notes]})
        self._note_unfinished()
        self._note_waiting(waiting, touched)
        self._tell()
        pending = _anything_dirty(connection, self._now_ms)
        return replace(self._report, pending=pending, failures=failures)

    def _again(self, known: Iterable[Register], waiting: Sequence[Waiting]) -> list[tuple[Any, ...]]:
        """Notes, in the form of those read, by which registers that were set aside catch up with their park."""
        if not waiting:
            return []
        numbers = {each.register_id for each in waiting}
        reached: dict[str, Any] = dict(self._connection.execute(statement("notes/read_progress")).fetchall())
        return [
            (-1, each.device_class, [each.device_id], [to_ms(reached[each.park]) // _MINUTE_MS])
            for each in known
            if each.register_id in numbers and each.park in reached
        ]

    def _work(self, known: Iterable[Register], touched: Mapping[str, Touched]) -> list[RegisterSpan]:
        """The spans of every register in the parks that have news."""
        nothing = Touched({}, {})
        return [
            span
            for register in known
            if register.park in self._reached
            for span in spans([register], touched.get(register.device_class, nothing), self._reached)
        ]

    def _declared(self, known: Iterable[Register], again: Iterable[Waiting]) -> list[RegisterSpan]:
        rows = self._connection.execute(statement("notes/take_declared")).fetchall()
        rows += [(each.register_id, from_ms(each.from_ms), each.author.cause, each.author.by) for each in again]
        by_number = {register.register_id: register for register in known} if rows else {}
        found = []
        for number, from_at, cause, by in rows:
            register = by_number.get(number)
            if register is None:
                continue  # left out: it was told when registers were loaded
            counted_ms = register.counted_ms or 0
            if register.metered_ms is not None and register.metered_ms >= counted_ms:
                low_ms = max(to_ms(from_at), counted_ms)
                found.append(RegisterSpan(register, low_ms, LAST_MS, Author(cause, by), forward=False))
        return found

    def _touched(self, device_class: str, notes: Sequence[tuple[object, ...]], known: Sequence[Register]) -> Touched:
        """Pairs of device and slot; a note without devices is of any device of the class that has readings there."""
        empty = np.zeros(0, np.int64)
        devices, slots, anywhere = [empty], [empty], [empty]
        for _, _, named, minutes in notes:
            minutes_ms = np.array(minutes, np.int64) * _MINUTE_MS
            if named:
                devices.append(np.array(named, np.int64))
                slots.append(minutes_ms)
            else:
                anywhere.append(minutes_ms)
        wanted = np.unique(np.concatenate(anywhere))
        if len(wanted):
            found = self._probe(device_class, wanted, known)
            devices.append(found[:, 0])
            slots.append(found[:, 1])
        return Touched.of(np.concatenate(devices), np.concatenate(slots))

    def _probe(self, device_class: str, slots_ms: Int64s, known: Sequence[Register]) -> NDArray[np.int64]:
        mine = [register for register in known if register.device_class == device_class]
        query = sql.SQL(statement("readings/slots_with_readings")).format(source=sql.Identifier("base", device_class))
        devices = registers.device_ids(mine).tolist()
        found: list[tuple[int, int]] = []
        # Late slots may lie a year before the newest: what lies between is not looked at.
        for spell_ms in np.split(slots_ms, np.flatnonzero(np.diff(slots_ms) > _SPELL_MS) + 1):
            values = {
                "devices": devices,
                "slots": (spell_ms // _MINUTE_MS).tolist(),
                "low": from_ms(int(spell_ms[0])),
                "high": from_ms(int(spell_ms[-1]) + SLOT_MS),
            }
            found += self._connection.execute(query, values, prepare=False).fetchall()
        return np.array([(device, slot * _MINUTE_MS) for device, slot in found], np.int64).reshape(-1, 2)

    def _progress(self, known: Iterable[Register]) -> dict[str, int]:
        """How far the data of the parks with news reach."""
        reached: dict[str, int] = {}
        for register in known:
            newest_ms = self._newest.get(register.device_id)
            if newest_ms is not None:
                reached[register.park] = max(reached.get(register.park, 0), newest_ms)
        if reached:
            values = {"parks": list(reached), "newest": [from_ms(each) for each in reached.values()]}
            self._connection.execute(statement("notes/note_progress"), values)
        return {park: newest for park, newest in self._read_progress().items() if park in reached}

    def _read_progress(self) -> dict[str, int]:
        return {park: to_ms(newest) for park, newest in self._connection.execute(statement("notes/read_progress"))}

    def _compute(self, work: Sequence[RegisterSpan]) -> None:
        apart: list[completeness.Apart] = []
        while work:
            opener = Opener(self._connection, self._all_reached, self._begin)
            windows = opener.begin(work)
            while windows:
                for group in groups(windows):
                    began = time.monotonic()
                    self._meter_group(sorted(group, key=_by_signal_and_device), opener)
                    self._throttle(time.monotonic() - began)
                windows = opener.further()
            self._limited += opener.limited
            apart += opener.apart
            registers.note_sought(self._connection, opener.sought)
            work = self._inverters.anew(self._metered)
        # Only now: what neighbours said in the same spell tells causes apart.
        for registers_of, computed in self._computed:
            completeness.note_gaps(self._connection, registers_of, computed)
        completeness.note_apart(self._connection, list(dict.fromkeys(apart)))

    def _meter_group(self, group: Sequence[Window], opener: Opener) -> None:
        members = [each.span.register for each in group]
        packed = self._read(members, (min(w.read_from_ms for w in group), max(w.end_ms for w in group)))
        rules = self._inverters.beside(group, registers.rules(self._connection, members))
        # One part is written while the next is unpacked and computed; the connection belongs to the writing meanwhile.
        done: list[tuple[Sequence[Window], Ends, Computed]] = []
        writes: list[Future[Written]] = []
        judged: list[Judged] = []
        found: list[Found] = []
        with ThreadPoolExecutor(1, "metering") as writing:
            for part, ends, computed, made in self._parts(group, packed, rules, opener):
                prepared = Prepared.of(computed, self._now_ms)
                judged += _judged(part, ends, made)
                found += _found(part, ends, made)
                if len(writes) >= _AHEAD:
                    writes[-_AHEAD].result()
                writes.append(writing.submit(revisions.write, self._connection, prepared, self._now_ms))
                done.append((part, ends, computed))
        # At once and last: a short statement waits longer for its turn beside the computing than it takes.
        beliefs.keep(self._connection, judged)
        findings.keep(self._connection, found, self._now_ms)
        for (part, ends, computed), written in zip(done, writes, strict=True):
            self._computed.append(([each.span.register for each in part], computed))
            self._note(part, written.result(), ends)
            self._inverters.note(part, computed, written.result())

    def _read(self, members: Sequence[Register], span_ms: tuple[int, int]) -> PackedReadings:
        device_class = members[0].device_class
        devices = registers.device_ids(members).tolist()
        sources = sorted({register.source for register in members})
        # Rows are read in their order on the disk if at least half of them are wanted, which takes a third of the time.
        every = 2 * len(devices) >= self._devices_of.get(device_class, 0)
        return readings.read(self._connection, device_class, sources, devices, span_ms, every=every)

    def _parts(
        self, group: Sequence[Window], packed: PackedReadings, rules: Sequence[RegisterRule], opener: Opener
    ) -> Iterator[tuple[Sequence[Window], "Ends", Computed, Metered]]:
        """The group a few registers at a time: their numbers then stay in the processor's cache."""
        total = sum(packed.count(each.span.register.device_id) for each in group)
        count = max(1, min(len(group), total // _READINGS_OF_PART))
        edges = [len(group) * number // count for number in range(count + 1)]
        for start, end in pairwise(edges):
            part = group[start:end]
            given = of_windows(packed, part)
            self._report += Report(readings=len(given))
            yield from self._computed_of(part, given, rules[start:end], opener)

    def _computed_of(
        self, part: Sequence[Window], given: Readings, rules: Sequence[RegisterRule], opener: Opener
    ) -> Iterator[tuple[Sequence[Window], "Ends", Computed, Metered]]:
        def compute(mine: Readings, windows: Sequence[Window], known: Sequence[RegisterRule]) -> Metered:
            return metered_of(mine, windows, known, self._due_ms)

        for windows, mine, made in retry_queue.apart(compute, part, given, rules):
            if isinstance(made, Failure):
                self._failures.append(made)
                continue
            ends = np.array([self._end(each, place, made, opener) for place, each in enumerate(windows)], np.int64)
            wanted = self._wanted(windows, mine, made, ends)
            numbers = np.array([each.span.register.register_id for each in windows], np.int64)
            fresh = all(each.first and each.span.register.metered_ms is None for each in windows)
            authors = [each.span.author for each in windows]
            yield windows, ends, Computed(numbers, made.grid, made.table, wanted, fresh, authors), made

    def _due_ms(self, register: Register) -> int:
        return due_ms(register, self._all_reached.get(register.park, 0))

    def _end(self, window: Window, place: int, made: Metered, opener: Opener) -> int:
        """Up to where the intervals of a window are told, and what is to be computed after it."""
        course, edges = made.courses[place], made.openings[place].edges_ms
        register = window.span.register
        if register.method == "register" and opener.overturned(window, course.reopened_ms):
            return window.begin_ms
        told = dict(zip(edges, course.beliefs, strict=False))
        last_ms = int(made.last_ms[place])
        target_ms = register.floor(max(last_ms, self._due_ms(register) if window.head else 0))
        reached = [edge for edge in edges if edge <= target_ms]
        end_ms = reached[-1] if reached else window.begin_ms
        known_ms = max(last_ms, window.belief.at_ms)
        same = [at for at, belief in sorted(window.held.items()) if told.get(at) == belief and told[at].next_ms != NONE]
        if same and same[0] <= end_ms:
            opener.unchanged(window)
            return same[0]
        opener.reached(window, end_ms, told.get(end_ms, NOTHING), known_ms)
        return end_ms

    def _wanted(self, windows: Sequence[Window], given: Readings, made: Metered, ends: Int64s) -> NDArray[np.bool_]:
        """Which intervals are to have a row."""
        used = given.trust > 0
        bounds = np.searchsorted(given.register[used], np.arange(len(windows) + 1))
        at_ms = given.at_ms[used]
        low = []
        for place, each in enumerate(windows):
            mine = at_ms[bounds[place] : bounds[place + 1]]
            low.append(self._low(each, mine))
        starts = made.grid.edges_ms[None, :-1]
        wanted: NDArray[np.bool_] = (starts >= np.array(low)[:, None]) & (starts < ends[:, None])
        return wanted

    def _low(self, window: Window, at_ms: Int64s) -> int:
        """The first interval of a window with readings at these instants that may be written."""
        register = window.span.register
        kept_ms = self._kept_ms.get((register.device_class, register.park))
        if register.metered_ms is not None and kept_ms is not None and (window.first or window.begin_ms < kept_ms):
            # What lay before was removed: an interval that needed it is not computed again.
            there = at_ms[at_ms >= kept_ms]
            first_ms = int(there[0]) if len(there) else LAST_MS
            return max(window.begin_ms, register.floor(first_ms - 1) + register.period_ms)
        if not window.first:
            return window.begin_ms
        first_ms = int(at_ms[0]) if len(at_ms) else LAST_MS
        counted_ms = 0 if register.counted_ms is None or register.method == "power" else register.counted_ms
        return max(window.begin_ms, register.floor(first_ms), counted_ms)

    def _note(self, group: Sequence[Window], written: Written, ends: Int64s) -> None:
        for place, each in enumerate(group):
            register, end_ms = each.span.register, int(ends[place])
            if end_ms > max(each.begin_ms, self._metered.get(register.register_id, register.metered_ms or 0)):
                self._metered[register.register_id] = end_ms
        self._report += Report(int(written.inserted.sum()), int(written.changed.sum()))
        for place in np.flatnonzero((written.inserted | written.changed).any(axis=1)).tolist():
            self._parks.add(group[place].span.register.park)

    def _note_unfinished(self) -> None:
        """Leave a note for registers whose news reach further than one round goes."""
        left: dict[str, list[tuple[int, int]]] = {}
        # One that did not get on at all waits for the next news instead of turning in circles.
        for register in (each for each in self._limited if each.register_id in self._metered):
            reach_ms = max(self._newest.get(register.device_id, 0), self._reached.get(register.park, 0))
            left.setdefault(register.device_class, []).append((register.device_id, reach_ms // _MINUTE_MS))
        self._add_notes(left)

    def _note_waiting(self, waiting: Iterable[RegisterSpan], touched: Mapping[str, Touched]) -> None:
        """Leave the news of devices that had no place in this round for one of the next."""
        left: dict[str, list[tuple[int, int]]] = {}
        for register in {each.register.device_id: each.register for each in waiting}.values():
            mine = touched.get(register.device_class)
            slots_ms = mine.slots_ms.get(register.device_id) if mine else None
            if slots_ms is None:
                slots_ms = np.array([self._reached[register.park]], np.int64)
            pairs = ((register.device_id, slot) for slot in (slots_ms // _MINUTE_MS).tolist())
            left.setdefault(register.device_class, []).extend(pairs)
        self._add_notes(left)

    def _add_notes(self, left: Mapping[str, Sequence[tuple[int, int]]]) -> None:
        """Pairs of device and slot, by class."""
        for device_class, pairs in left.items():
            values = {
                "device_class": device_class,
                "devices": [device for device, _ in pairs],
                "slots": [slot for _, slot in pairs],
            }
            self._connection.execute(statement("notes/add_note"), values)

    def _tell(self) -> None:
        if self._parks:
            payloads = [strict_json.dumps({"park": park}).decode() for park in sorted(self._parks)]
            self._connection.execute(statement("notes/notify_changed"), {"payloads": payloads})


def _judged(windows: Sequence[Window], ends: Int64s, made: Metered) -> Iterator[Judged]:
    for place, each in enumerate(windows):
        end_ms = int(ends[place])
        if each.span.register.method != "register" or end_ms <= each.begin_ms:
            continue
        days = {each.span.register.floor(day) for day in range(each.begin_ms // DAY_MS * DAY_MS, end_ms + 1, DAY_MS)}
        told = zip(made.openings[place].edges_ms, made.courses[place].beliefs, strict=False)
        known = [Held(at, belief) for at, belief in told if belief.at_ms != NONE]
        held = tuple(each for each in known if each.at_ms == end_ms or (each.at_ms < end_ms and each.at_ms in days))
        yield Judged(each.span.register.register_id, each.begin_ms, end_ms, held)


def _found(windows: Sequence[Window], ends: Int64s, made: Metered) -> Iterator[Found]:
    mine: dict[int, list[Finding]] = {}
    for finding in made.findings:
        mine.setdefault(finding.register, []).append(finding)
    for place, each in enumerate(windows):
        if each.span.register.method == "register" and ends[place] > each.begin_ms:
            number = each.span.register.register_id
            yield Found(number, each.begin_ms, int(ends[place]), tuple(mine.get(place, ())))


def _by_signal_and_device(each: Window) -> tuple[str, int]:
    return each.span.register.signal, each.span.register.device_id
