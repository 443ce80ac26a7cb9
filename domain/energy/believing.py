"""Which readings of many registers are believed, and what is believed before given instants.

Almost always every reading of a register simply goes on from the one before it. That is seen for all registers at once;
only the others are judged reading by reading (`chains`).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from domain.energy.belief import NOTHING, Belief
from domain.energy.chains import Scan
from domain.energy.declared import Declared
from domain.energy.meter import Meter, allowed_ms, allowed_wh
from domain.energy.nodes import Judged, reach_ms, three_smallest
from domain.energy.readings import INSTANTS, NONE, Readings, keys


@dataclass(frozen=True, slots=True)
class Known:
    """Readings in order with all that judges them."""

    place: NDArray[np.int64]
    """Index into the readings given."""
    register: NDArray[np.int64]
    era: NDArray[np.int64]
    """Same number: same register and same count."""
    declaration: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    steps: NDArray[np.int64]
    link: NDArray[np.int8]
    """How each follows the one before it (`Link`)."""

    def take(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Known":
        """Only the readings marked."""
        return Known(
            self.place[which],
            self.register[which],
            self.era[which],
            self.declaration[which],
            self.at_ms[which],
            self.steps[which],
            self.link[which],
        )


@dataclass(frozen=True, slots=True)
class Opening:
    """Where the judging of a register goes on."""

    belief: Belief = NOTHING
    begin_ms: int = 0
    """`belief` holds just before it; readings from `reach_ms` before it on are given."""
    edges_ms: tuple[int, ...] = ()
    """Instants, rising, before which the belief is wanted."""


@dataclass(frozen=True, slots=True)
class Course:
    """What became of one register."""

    beliefs: tuple[Belief, ...]
    """Before each of the instants that were asked for, and at the end."""
    reopened_ms: int
    """From where on former rounds are overturned; `NONE`: from nowhere."""


def believed(readings: Readings, meters: Declared, openings: Sequence[Opening]) -> tuple[Known, list[Course]]:
    """The readings that count, in order, and the course of belief of each register."""
    known = _trusted(readings, meters)
    bounds = np.searchsorted(known.register, np.arange(len(openings) + 1))
    plain = _plain(known, meters, bounds, openings)
    counts = np.ones(len(known.steps), dtype=np.bool_)
    courses: list[Course] = []
    for register, opening in enumerate(openings):
        mine = slice(int(bounds[register]), int(bounds[register + 1]))
        at_ms, steps = known.at_ms[mine], known.steps[mine]
        course = _plain_course(at_ms, steps, meters, register, opening) if plain[register] else None
        if course is None:
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


# -- without any question


def _plain(known: Known, meters: Declared, bounds: NDArray[np.int64], openings: Sequence[Opening]) -> NDArray[np.bool_]:
    """Registers with a rating whose readings all go on from the one before them, and nothing is open."""
    if not len(known.steps):
        return np.zeros(len(openings), dtype=np.bool_)
    wh = meters.wh(known.steps, known.declaration)
    rise = np.diff(wh, prepend=wh[:1])
    span = np.diff(known.at_ms, prepend=known.at_ms[:1])
    register = known.register
    fits = (np.diff(known.steps, prepend=known.steps[:1]) >= 0) & (
        rise <= meters.limit_kw[register] * allowed_ms(span) / 3_600.0
    )
    fits &= np.diff(known.era, prepend=known.era[:1]) == 0
    firsts = bounds[:-1][bounds[:-1] < bounds[1:]]
    fits[firsts] = True
    wrong = np.add.reduceat(~fits, firsts) if len(firsts) else np.zeros(0, np.int64)
    plain = np.zeros(len(openings), dtype=np.bool_)
    plain[register[firsts]] = (wrong == 0) & np.isfinite(meters.limit_kw[register[firsts]])
    for place in np.flatnonzero(plain).tolist():
        belief = openings[place].belief
        plain[place] = belief.unsure is None and _goes_on(known, meters, int(bounds[place]), belief)
    return plain


def _goes_on(known: Known, meters: Declared, first: int, belief: Belief) -> bool:
    """Whether the first reading given follows the anchor of what was believed."""
    if belief.at_ms == NONE:
        return True
    register, declaration = int(known.register[first]), int(known.declaration[first])
    if int(meters.era(known.register[first : first + 1], _key(register, belief.anchor_ms))[0]) != int(known.era[first]):
        return False
    meter = Meter.of(meters, register, declaration)
    rise = meter.wh(int(known.steps[first])) - meter.wh(belief.anchor_steps)
    span = int(known.at_ms[first]) - belief.anchor_ms
    if span <= 0:
        return span == 0 and rise == 0
    return 0 <= rise <= allowed_wh(meter.power_kw(belief.peak_kw, belief.seen_ms), span)


def _key(register: int, at_ms: int) -> NDArray[np.int64]:
    return np.array([register * INSTANTS + at_ms], np.int64)


def _plain_course(
    at_ms: NDArray[np.int64], steps: NDArray[np.int64], meters: Declared, register: int, opening: Opening
) -> Course | None:
    """The course of a register without any question; None: it is too young for that."""
    reach = reach_ms(int(meters.period_ms[register]))
    first = opening.belief
    young_ms = int(at_ms[0]) if first.at_ms == NONE else NONE
    edges = [*opening.edges_ms, int(at_ms[-1]) + 1]
    tips = np.searchsorted(at_ms, edges) - 1
    anchors = np.searchsorted(at_ms, [edge - reach for edge in edges]) - 1
    if young_ms != NONE and (edges[0] - reach <= young_ms):
        return None
    beliefs: list[Belief] = []
    done, smallest = 0, first.smallest
    # An opening's anchor comes before the readings given, or is the first of them.
    before = int(at_ms[0]) > first.anchor_ms if first.at_ms != NONE else False
    whole = np.concatenate([[first.anchor_steps], steps]) if before else steps
    for tip, anchor in zip(tips.tolist(), anchors.tolist(), strict=True):
        if anchor < 0 or tip < 0:
            if first.at_ms == NONE:
                return None
            last_ms, last_steps = (int(at_ms[tip]), int(steps[tip])) if tip >= 0 else (first.at_ms, first.steps)
            beliefs.append(replace(first, at_ms=last_ms, steps=last_steps, next_ms=NONE))
            continue
        end = anchor + 1 + int(before)
        smallest = three_smallest(smallest, whole[done:end])
        done = max(done, end - 1)
        value = int(steps[anchor])
        same = int(np.searchsorted(steps, value, side="left"))
        since_ms = int(at_ms[same])
        if same == 0 and first.at_ms != NONE and first.anchor_steps == value:
            since_ms = first.since_ms
        beliefs.append(
            Belief(
                int(at_ms[tip]),
                int(steps[tip]),
                int(at_ms[anchor]),
                value,
                since_ms,
                smallest,
                first.peak_kw,
                first.seen_ms,
            )
        )
    return Course(tuple(beliefs), _plain_reopened(at_ms, opening))


def _plain_reopened(at_ms: NDArray[np.int64], opening: Opening) -> int:
    belief = opening.belief
    if belief.at_ms == NONE:
        return NONE
    begin = int(np.searchsorted(at_ms, opening.begin_ms))
    kept_ms = int(at_ms[begin - 1]) if begin else belief.anchor_ms
    follower_ms = int(at_ms[begin]) if begin < len(at_ms) else NONE
    if kept_ms == belief.at_ms and follower_ms == belief.next_ms:
        return NONE
    return min(kept_ms, belief.at_ms)


# -- reading by reading


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
        mine = np.flatnonzero(changes.era(changes.change_key // INSTANTS, changes.change_key) == era)
        if len(mine) and int(changes.change_initial[mine[0]]) != NONE:
            at_ms = int(changes.change_key[mine[0]] % INSTANTS)
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
