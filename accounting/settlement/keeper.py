"""Settlement: what commits touched becomes energy of intervals, and nothing else changes.

notes of touched slots ─▶ spans of registers ─▶ neighbours ─▶ readings ─▶ domain.energy ─▶ rows that differ
declarations          ─▶

A round is one transaction: notes go with the rows that come of them, so a killed round is simply repeated.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from accounting.settlement import aside, completeness, readings, registers, revisions
from accounting.settlement.aside import Failure, Waiting
from accounting.settlement.computing import of_registers, table_of
from accounting.settlement.readings import Nearest, PackedReadings
from accounting.settlement.registers import Register
from accounting.settlement.revisions import Author, Computed, Prepared, Written
from accounting.settlement.work import REACH, SLOT_MS, Span, Task, Touched, cut, due_ms, groups, spans, task
from accounting.store import Connection, Int64s, statement
from contract import strict_json
from contract.crash import crash_point
from contract.time import from_ms, to_ms
from domain.energy import NEIGHBOURS, Grid, IntervalTable, Readings, RegisterRule
from ingest.store import Breathe, without_pause
from ingest.store.connection import translated

_SPELL_MS = 6 * 3_600_000
_MINUTE_MS = 60_000
_READINGS_OF_PART = 150_000
_AHEAD = 4
"""Parts that wait to be written, at most: each is some megabytes."""
_BESIDE = REACH + NEIGHBOURS
"""Readings beside a span: those whose meaning it can change, and what these are judged by."""
LAST_MS = 4_102_444_800_000
"""2100-01-01: after every reading."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a settlement did."""

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


def settle(connection: Connection, now_ms: int, breathe: Breathe = without_pause) -> Report:
    """Work off everything that maintenance and declarations have noted. Raises `StoreError`."""
    total = Report()
    while True:
        with translated():
            report = settle_once(connection, now_ms, breathe)
        total += report
        if not report.pending:
            return total


def settle_once(connection: Connection, now_ms: int, breathe: Breathe = without_pause) -> Report:
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
        connection.execute(statement("one_settlement"))
        report = _Round(connection, now_ms, breathe).run()
        crash_point("accounting.before_commit")
    return report


def _anything_dirty(connection: Connection, now_ms: int) -> bool:
    return connection.execute(statement("anything_dirty"), {"now": from_ms(now_ms)}).fetchone() == (True,)


class _Round:
    """One round and what it has learned so far."""

    def __init__(self, connection: Connection, now_ms: int, breathe: Breathe) -> None:
        self._connection = connection
        self._now_ms = now_ms
        self._breathe = breathe
        self._report = Report()
        self._settled: dict[int, int] = {}
        self._parks: set[str] = set()
        self._limited: list[Register] = []
        self._computed: list[tuple[list[Register], Computed]] = []
        self._newest: dict[int, int] = {}
        self._reached: dict[str, int] = {}
        self._devices_of: dict[str, int] = {}
        self._failures: list[Failure] = []
        self._kept_from = frozenset(name for name, _ in connection.execute(statement("kept_from")))

    def run(self) -> Report:
        """Read notes, compute what they touch, forget them."""
        connection = self._connection
        notes = connection.execute(statement("read_notes"), binary=True).fetchall()
        registers.discover(connection, self._now_ms)
        known = registers.load(connection)
        by_class: dict[str, list[Register]] = {}
        for register in known:
            by_class.setdefault(register.device_class, []).append(register)
        self._devices_of = {name: len(registers.device_ids(members)) for name, members in by_class.items()}
        again = aside.due(connection, self._now_ms)
        notes += self._again(known, again)
        touched = {
            name: self._touched(name, [row for row in notes if row[1] == name], by_class.get(name, []))
            for name in dict.fromkeys(row[1] for row in notes)
        }
        self._newest = {device: newest for each in touched.values() for device, newest in each.newest_ms.items()}
        self._reached = self._progress(known)
        work = self._work(known, touched)
        self._compute([*self._declared(known, again), *work])
        failures = aside.of_each(self._failures)
        aside.keep(connection, failures, again, self._now_ms)
        registers.note_settled(connection, self._settled)
        connection.execute(statement("forget_notes"), {"numbers": [row[0] for row in notes]})
        self._note_unfinished()
        self._tell()
        pending = _anything_dirty(connection, self._now_ms)
        return replace(self._report, pending=pending, failures=failures)

    def _again(self, known: Iterable[Register], waiting: Sequence[Waiting]) -> list[tuple[Any, ...]]:
        """Notes, in the form of those read, by which registers that were set aside catch up with their park."""
        if not waiting:
            return []
        numbers = {each.register_id for each in waiting}
        reached: dict[str, Any] = dict(self._connection.execute(statement("read_progress")).fetchall())
        return [
            (-1, each.device_class, [each.device_id], [to_ms(reached[each.park]) // _MINUTE_MS])
            for each in known
            if each.register_id in numbers and each.park in reached
        ]

    def _work(self, known: Iterable[Register], touched: Mapping[str, Touched]) -> list[Span]:
        """The spans of every register in the parks that have news."""
        nothing = Touched({}, {})
        return [
            span
            for register in known
            if register.park in self._reached
            for span in spans([register], touched.get(register.device_class, nothing), self._reached)
        ]

    def _declared(self, known: Iterable[Register], again: Iterable[Waiting]) -> list[Span]:
        rows = self._connection.execute(statement("take_declared")).fetchall()
        rows += [(each.register_id, from_ms(each.from_ms), each.author.cause, each.author.by) for each in again]
        by_number = {register.register_id: register for register in known} if rows else {}
        found: list[Span] = []
        for number, from_at, cause, by in rows:
            register = by_number[number]
            first_ms = self._first((register.device_class, register.source), [register]).get(register.device_id)
            if register.settled_ms is not None and first_ms is not None:
                low_ms = register.floor(max(to_ms(from_at), first_ms))
                found += cut(register, low_ms, register.settled_ms, Author(cause, by))
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
        query = sql.SQL(statement("slots_with_readings")).format(source=sql.Identifier("base", device_class))
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
            self._connection.execute(statement("note_progress"), values)
        rows = self._connection.execute(statement("read_progress")).fetchall()
        return {park: to_ms(newest) for park, newest in rows if park in reached}

    def _compute(self, work: Sequence[Span]) -> None:
        by_source: dict[tuple[str, str], list[Span]] = {}
        for span in work:
            by_source.setdefault((span.register.device_class, span.register.source), []).append(span)
        tasks: list[Task] = []
        beside: list[Nearest] = []
        for source, members in by_source.items():
            made, nearest = self._tasks(source, members, len(tasks))
            tasks.extend(made)
            beside.append(nearest)
        context = Nearest.joined(beside)
        for group in groups(tasks):
            began = time.monotonic()
            self._settle_group(sorted(group, key=_by_signal_and_device), context)
            self._breathe(time.monotonic() - began)
        # Only now: what neighbours said in the same spell tells causes apart.
        for registers_of, computed in self._computed:
            completeness.note_gaps(self._connection, registers_of, computed)

    def _tasks(self, source: tuple[str, str], work: list[Span], place: int) -> tuple[list[Task], Nearest]:
        """Each span with the readings beside it; spans of registers that never had a reading fall away."""
        first_ms = self._first(source, [span.register for span in work if span.low_ms < 0])
        begun = [span if span.low_ms >= 0 else _begun(span, first_ms) for span in work]
        work = [span for span in begun if span is not None]
        self._limited += [span.register for span in work if span.forward and span.ended]
        devices = np.array([span.register.device_id for span in work], np.int64)
        low_ms = np.array([span.low_ms for span in work], np.int64)
        high_ms = np.array([span.high_ms for span in work], np.int64)
        old = np.flatnonzero([span.register.settled_ms is not None for span in work])
        ended = np.flatnonzero([span.ended for span in work])
        before = self._nearest(source, devices, low_ms, old, after=False)
        after = self._nearest(source, devices, high_ms, ended, after=True)
        places = np.arange(len(work))
        before_at = np.searchsorted(before.place, places, "left"), np.searchsorted(before.place, places, "right")
        after_at = np.searchsorted(after.place, places, "left"), np.searchsorted(after.place, places, "right")
        tasks = [
            task(
                span,
                place + number,
                before.at_ms[before_at[0][number] : before_at[1][number]],
                after.at_ms[after_at[0][number] : after_at[1][number]],
            )
            for number, span in enumerate(work)
        ]
        before = self._beyond(source, devices, np.array([each.low_ms for each in tasks], np.int64), before, after=False)
        after = self._beyond(source, devices, np.array([each.high_ms for each in tasks], np.int64), after, after=True)
        return tasks, Nearest.joined([before, after]).at(places + place)

    def _beyond(
        self, source: tuple[str, str], devices: Int64s, edges_ms: Int64s, found: Nearest, *, after: bool
    ) -> Nearest:
        """The same with neighbours beyond the edges of every task.

        A task begins and ends with whole intervals. Quick readings that were found beside its span all lie within the
        first or last of them, and what bounds that interval is further away:

            before the gap            found: REACH + NEIGHBOURS of one second each
                   │                                    ┌┴┐
            ───────●──────|────────────────────────●●●●●●●●|●●●●●●●  span
                          └ edge of the task               └ settled so far
        """
        outside = found.at_ms >= edges_ms[found.place] if after else found.at_ms < edges_ms[found.place]
        count = len(edges_ms)
        beyond = np.bincount(found.place[outside], minlength=count)
        looked = np.bincount(found.place, minlength=count)
        # Where fewer were found than were looked for, there are no others.
        short = np.flatnonzero((beyond < NEIGHBOURS) & (looked >= _BESIDE))
        if len(short) == 0:
            return found
        again = readings.nearest(self._connection, source, devices[short], edges_ms[short], NEIGHBOURS, after=after)
        return Nearest.joined([found.chosen(~np.isin(found.place, short)), again.at(short)])

    def _first(self, source: tuple[str, str], members: Sequence[Register]) -> dict[int, int]:
        """Device to its first usable reading."""
        if not members:
            return {}
        device_class, signal = source
        query = sql.SQL(statement("first_readings")).format(
            source=sql.Identifier("base", device_class), signal=sql.Identifier(signal), name=sql.Literal(signal)
        )
        values = {"devices": registers.device_ids(members).tolist()}
        rows = self._connection.execute(query, values, prepare=False).fetchall()
        return {device: to_ms(at) for device, at in rows if at is not None}

    def _nearest(
        self, source: tuple[str, str], devices: Int64s, bounds_ms: Int64s, chosen: Int64s, *, after: bool
    ) -> Nearest:
        if len(chosen) == 0:
            return Nearest.none()
        found = readings.nearest(self._connection, source, devices[chosen], bounds_ms[chosen], _BESIDE, after=after)
        return found.at(chosen)

    def _settle_group(self, group: Sequence[Task], context: Nearest) -> None:
        members = [each.span.register for each in group]
        low_ms = min(each.low_ms for each in group)
        high_ms = max(each.high_ms for each in group)
        packed = self._read(members, (low_ms, high_ms))
        beside = context.chosen((context.at_ms < low_ms) | (context.at_ms >= high_ms))
        grid = Grid(low_ms, members[0].period_ms, (high_ms - low_ms) // members[0].period_ms)
        rules = registers.rules(self._connection, members)
        # One part is written while the next is unpacked and computed; the connection belongs to the writing meanwhile.
        done: list[tuple[Sequence[Task], dict[int, int], Computed]] = []
        writes: list[Future[Written]] = []
        with ThreadPoolExecutor(1, "settlement") as writing:
            for part, settled_ms, computed in self._parts(group, packed, beside, rules, grid):
                prepared = Prepared.of(computed, self._now_ms)
                if len(writes) >= _AHEAD:
                    writes[-_AHEAD].result()
                writes.append(writing.submit(revisions.write, self._connection, prepared, self._now_ms))
                done.append((part, settled_ms, computed))
        for (part, settled_ms, computed), written in zip(done, writes, strict=True):
            self._computed.append(([each.span.register for each in part], computed))
            self._note(part, written.result(), settled_ms)

    def _read(self, members: Sequence[Register], span_ms: tuple[int, int]) -> PackedReadings:
        device_class = members[0].device_class
        devices = registers.device_ids(members).tolist()
        sources = sorted({register.source for register in members})
        # Rows are read in their order on the disk if at least half of them are wanted, which takes a third of the time.
        every = 2 * len(devices) >= self._devices_of.get(device_class, 0)
        return readings.read(self._connection, device_class, sources, devices, span_ms, every=every)

    def _parts(
        self,
        group: Sequence[Task],
        packed: PackedReadings,
        beside: Nearest,
        rules: Sequence[RegisterRule],
        grid: Grid,
    ) -> Iterator[tuple[Sequence[Task], dict[int, int], Computed]]:
        """The group a few registers at a time: their numbers then stay in the processor's cache."""
        total = sum(packed.count(each.span.register.device_id) for each in group)
        count = max(1, min(len(group), total // _READINGS_OF_PART))
        edges = [len(group) * number // count for number in range(count + 1)]
        for start, end in pairwise(edges):
            part = group[start:end]
            near = beside.under([each.place for each in part])
            given = of_registers(packed, [each.span.register for each in part], near)
            self._report += Report(readings=len(given))
            yield from self._computed_of(part, given, rules[start:end], grid)

    def _computed_of(
        self, part: Sequence[Task], given: Readings, rules: Sequence[RegisterRule], grid: Grid
    ) -> Iterator[tuple[Sequence[Task], dict[int, int], Computed]]:
        def compute(mine: Readings, tasks: Sequence[Task], known: Sequence[RegisterRule]) -> IntervalTable:
            return table_of(mine, [each.span.register for each in tasks], known, grid)

        for tasks, mine, made in aside.apart(compute, part, given, rules):
            if isinstance(made, Failure):
                self._failures.append(made)
                continue
            wanted, settled_ms = self._wanted(tasks, mine, grid)
            numbers = np.array([each.span.register.register_id for each in tasks], np.int64)
            fresh = all(each.span.register.settled_ms is None for each in tasks)
            authors = [each.span.author for each in tasks]
            yield tasks, settled_ms, Computed(numbers, grid, made, wanted, fresh, authors)

    def _note(self, group: Sequence[Task], written: Written, settled_ms: Mapping[int, int]) -> None:
        self._settled |= settled_ms
        self._report += Report(int(written.inserted.sum()), int(written.changed.sum()))
        for place in np.flatnonzero((written.inserted | written.changed).any(axis=1)).tolist():
            self._parks.add(group[place].span.register.park)

    def _wanted(self, group: Sequence[Task], given: Readings, grid: Grid) -> tuple[NDArray[np.bool_], dict[int, int]]:
        """Which intervals are to have a row, and up to where registers are settled by that."""
        low, high, settled_ms = [], [], {}
        used = given.trust > 0
        bounds = np.searchsorted(given.register[used], np.arange(len(group) + 1))
        at_ms = given.at_ms[used]
        for place, each in enumerate(group):
            mine = at_ms[bounds[place] : bounds[place + 1]]
            first_ms, last_ms = (int(mine[0]), int(mine[-1])) if len(mine) else (LAST_MS, 0)
            begin_ms, end_ms = self._range(each, first_ms, last_ms)
            low.append(begin_ms)
            high.append(end_ms)
            if each.span.forward and end_ms > max(begin_ms, each.span.register.settled_ms or 0):
                settled_ms[each.span.register.register_id] = end_ms
        starts = grid.edges_ms[None, :-1]
        return (starts >= np.array(low)[:, None]) & (starts < np.array(high)[:, None]), settled_ms

    def _range(self, each: Task, first_ms: int, last_ms: int) -> tuple[int, int]:
        """From the first interval that may be written to the end of the last one."""
        register = each.span.register
        begin_ms = max(each.low_ms, register.floor(first_ms))
        if each.first and register.settled_ms is not None and register.device_class in self._kept_from:
            # What lay before the first reading was removed: an interval that needed it is not computed again.
            begin_ms = max(each.low_ms, register.floor(first_ms - 1) + register.period_ms)
        if not each.span.forward:
            return begin_ms, each.high_ms
        reach_ms = max(last_ms, due_ms(register, self._reached.get(register.park, 0)))
        return begin_ms, min(each.high_ms, register.floor(reach_ms))

    def _note_unfinished(self) -> None:
        """Leave a note for registers whose news reach further than one round goes."""
        left: dict[str, list[tuple[int, int]]] = {}
        # One that did not get on at all waits for the next news instead of turning in circles.
        for register in (each for each in self._limited if each.register_id in self._settled):
            reach_ms = max(self._newest.get(register.device_id, 0), self._reached.get(register.park, 0))
            left.setdefault(register.device_class, []).append((register.device_id, reach_ms // _MINUTE_MS))
        for device_class, pairs in left.items():
            values = {
                "device_class": device_class,
                "devices": [device for device, _ in pairs],
                "slots": [slot for _, slot in pairs],
            }
            self._connection.execute(statement("add_note"), values)

    def _tell(self) -> None:
        if self._parks:
            payloads = [strict_json.dumps({"park": park}).decode() for park in sorted(self._parks)]
            self._connection.execute(statement("notify_changed"), {"payloads": payloads})


def _by_signal_and_device(each: Task) -> tuple[str, int]:
    return each.span.register.signal, each.span.register.device_id


def _begun(span: Span, first_ms: Mapping[int, int]) -> Span | None:
    """A span of a new register from its first reading on; None when there is none."""
    found = first_ms.get(span.register.device_id)
    return None if found is None else span.begun(found)
