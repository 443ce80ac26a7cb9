"""Which readings of many registers are believed, and what is believed before given instants.

Almost always every reading of a register simply goes on from the one before it. That is seen for all registers at once
(`plain`); only the others are judged reading by reading (`chains`).
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.belief import Belief
from parkgrid_domain.energy.chains import Scan
from parkgrid_domain.energy.course import Course, Known, Opening
from parkgrid_domain.energy.declared import Declared
from parkgrid_domain.energy.meter import Meter
from parkgrid_domain.energy.nodes import Judged
from parkgrid_domain.energy.plain import plain_courses
from parkgrid_domain.energy.readings import NONE, Readings, instant_of, keys, register_of


def believed(readings: Readings, meters: Declared, openings: Sequence[Opening]) -> tuple[Known, list[Course]]:
    """The readings that count, in order, and the course of belief of each register."""
    known = _trusted(readings, meters)
    bounds = np.searchsorted(known.register, np.arange(len(openings) + 1))
    plain = plain_courses(known, meters, bounds, openings)
    counts = np.ones(len(known.steps), dtype=np.bool_)
    courses: list[Course] = []
    for register, opening in enumerate(openings):
        course = plain[register]
        if course is None:
            mine = slice(int(bounds[register]), int(bounds[register + 1]))
            judging = _Judging(known.take(mine), meters, register, opening)
            course, counts[mine], known.link[mine] = judging.run()
        courses.append(course)
    chain = known if bool(counts.all()) else known.take(counts)
    return chain, courses


def _trusted(readings: Readings, meters: Declared) -> Known:
    key = keys(readings.register, readings.at_ms)
    declaration = meters.at(key)
    usable = (readings.trust > 0) & meters.countable(readings.steps, declaration)
    register = readings.register.astype(np.int64)
    everything = Known(
        np.arange(len(readings), dtype=np.int64),
        register,
        meters.era(register, key),
        declaration,
        readings.at_ms,
        readings.steps,
        np.zeros(len(readings), dtype=np.int8),
    )
    return everything if bool(usable.all()) else everything.take(usable)


def _key(register: int, at_ms: int) -> NDArray[np.int64]:
    return keys(np.array([register], np.int64), np.array([at_ms], np.int64))


class _Judging:
    """One register, count by count."""

    def __init__(self, mine: Known, meters: Declared, register: int, opening: Opening) -> None:
        self._mine = mine
        self._meters = meters
        self._register = register
        self._opening = opening
        self._counts = np.zeros(len(mine.steps), dtype=np.bool_)
        self._link = np.zeros(len(mine.steps), dtype=np.int8)
        self._beliefs: list[Belief] = []
        self._reopened_ms = NONE

    def run(self) -> tuple[Course, NDArray[np.bool_], NDArray[np.int8]]:
        """The course of belief, which readings count, and how each follows."""
        mine, opening = self._mine, self._opening
        edges = list(opening.edges_ms)
        starts = np.flatnonzero(np.diff(mine.era, prepend=-1)).tolist()
        bounds = [*starts, len(mine.steps)]
        begun_era = self._era_of(opening.belief)
        last: Belief = opening.belief
        opened = opening.belief.at_ms == NONE and opening.belief.unsure is None
        scan: Scan | None = None
        for low, high in itertools.pairwise(bounds):
            era = int(mine.era[low])
            if not opened and era < begun_era:
                continue
            former, scan = scan, self._scan(low, high)
            while former is not None and edges and edges[0] <= int(mine.at_ms[low]):
                self._beliefs.append(former.belief(edges.pop(0)))
            if not opened and era == begun_era:
                scan.open(opening.belief, opening.begin_ms)
                self._remember(low, high)
            elif low:
                self._open_count(scan, era, low)
            opened = True
            self._through(scan, low, high, edges)
            last = scan.belief(int(mine.at_ms[high - 1]) + 1)
            self._note(scan.judged(), low, era == begun_era)
        if not opened:
            scan = self._scan(0, 0)
            scan.open(opening.belief, opening.begin_ms)
            self._beliefs += [scan.belief(edge) for edge in edges]
            last = opening.belief
            if opening.belief.next_ms != NONE:
                self._reopened_ms = opening.belief.at_ms
        else:
            self._beliefs += [last] * len(edges)
        return Course((*self._beliefs, last), self._reopened_ms), self._counts, self._link

    def _era_of(self, belief: Belief) -> int:
        at_ms = belief.unsure.at_ms if belief.unsure else belief.at_ms
        if at_ms == NONE:
            return NONE
        register = np.array([self._register], np.int64)
        return int(self._meters.era(register, _key(self._register, at_ms))[0])

    def _scan(self, low: int, high: int) -> Scan:
        declaration = (
            int(self._mine.declaration[low])
            if high > low
            else int(self._meters.at(_key(self._register, self._opening.begin_ms))[0])
        )
        meter = Meter.of(self._meters, self._register, self._meters.last_of(declaration))
        return Scan(meter, self._mine.at_ms[low:high], self._mine.steps[low:high])

    def _open_count(self, scan: Scan, era: int, low: int) -> None:
        """Begin with what the new meter was declared to show."""
        changes = self._meters
        mine = np.flatnonzero(changes.era(register_of(changes.change_key), changes.change_key) == era)
        if len(mine) and int(changes.change_initial[mine[0]]) != NONE:
            at_ms = int(instant_of(changes.change_key)[mine[0]])
            if at_ms < int(self._mine.at_ms[low]):
                scan.open_at(at_ms, int(changes.change_initial[mine[0]]))

    def _remember(self, low: int, high: int) -> None:
        """Of the readings before the opening those count that its best chain holds."""
        belief = self._opening.belief
        unsure = belief.unsure
        if unsure is None:
            self._counts[low:high] = self._mine.at_ms[low:high] == belief.anchor_ms
            return
        sure_ms = belief.at_ms
        told = [mark.at_ms for mark in unsure.chains[0].marks if mark.at_ms <= sure_ms]
        self._counts[low:high] = np.isin(self._mine.at_ms[low:high], [*told, sure_ms])

    def _through(self, scan: Scan, low: int, high: int, edges: list[int]) -> None:
        at_ms = self._mine.at_ms[low:high]
        final = high == len(self._mine.steps)
        while edges and (final or edges[0] <= int(at_ms[-1])):
            scan.until(int(np.searchsorted(at_ms, edges[0], side="left")))
            self._beliefs.append(scan.belief(edges.pop(0)))
        scan.until(len(at_ms))

    def _note(self, judged: Judged, low: int, continued: bool) -> None:
        for first, last, link in judged.places:
            self._counts[low + first : low + last + 1] = True
            self._link[low + first] = link
        if continued and judged.reopened_ms != NONE:
            self._reopened_ms = judged.reopened_ms
