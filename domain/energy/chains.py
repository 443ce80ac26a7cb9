"""Which readings of one register are believed: the chain of readings that is explained at the least cost.

A register only rises, and no faster than its power allows. Readings that follow each other like that form a run:

    kWh                    ┌─ a spike, a word of another register: a run of its own
     │              x x x ─┘
     │     o o o o        o o o o      the true count goes on below it
     │                              z z z z ── zeros: another run
     └────────────────────────────────────────▶ time

A chain leads from run to run. It may leave readings out, and it may break the rules, but each costs something, in
milliseconds of movement:

- A reading that is left out costs the time in which the register moved up to it, five minutes at most. One that shows
  the same value as the reading before it costs next to nothing: a register that stands still says nothing.
- A break costs a quarter of an hour (`PATIENCE_MS`): a reset (the new count is small enough to have been counted from
  zero), or a jump (nothing explains it).
- A register that comes back to its own count within a day costs a little less than a further break, however long it
  was away.
- A register that stood still and then shows what it would have counted meanwhile was stuck: one minute.

The cheapest chain is believed. So five minutes of zeros are left out; a meter that was replaced is believed when it has
counted for a quarter of an hour; a spike that comes back is never believed, however it is cut into rounds.

As long as nobody knows how fast a register counts (no rating, or no step yet), what does not fit is put on trial: it is
believed or not when the register has moved for a quarter of an hour, by what it counted in that time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from domain.energy.belief import NOTHING, Belief, Differences, Doubt, Mark, Trial, Unsure
from domain.energy.meter import ENOUGH, ENOUGH_MS, LEARNED, SLACK_MS, Meter, allowed_wh, mean_kw
from domain.energy.readings import NONE

PATIENCE_MS = 900_000
"""So much movement makes a break believed."""
MOVE_MS = 300_000
"""What one reading counts at most as movement: a slow register needs three."""
FLAT_MS = 1
"""What a reading with the value of the one before it counts: next to nothing, so that fewer are left out."""
BACK_MS = 899_000
"""What it costs at most to come back to a former count: less than a break."""
REMEMBERED_MS = 86_400_000
"""A register may come back to its own count after so long."""
STILL_MS = 900_000
"""A register that stood still so long at most may simply be refreshed that seldom."""
CATCH_UP_MS = 60_000
"""What it costs to believe that a register was stuck for longer."""
YOUNG_MS = 1_000
"""What a rise costs that does not fit while nothing is known of the register yet."""
LOOK_BACK_PERIODS = 16
YOUNG_PERIODS = 4
"""A count may turn out to begin so many readings later, or a quarter of an hour."""
MOST_CHAINS = 8
MOST_REMEMBERED = 2
UNDONE_MS = 850_000
"""What it costs at most that a leap was taken back: less than that."""
MOST_VALUES = 64
"""So many values back a chain may turn out to have been left."""
_LEAST_FIRST_MS = 2_000
_CHUNK = 2_048
_MINUTE_MS = 60_000


class Link(IntEnum):
    """How a believed reading follows the believed one before it."""

    DIRECT = 0
    """The register counted, through its top too."""
    STILL = 1
    """It had stood still and shows at once what it counted meanwhile."""
    RESET = 2
    """It began again from zero."""
    JUMP = 3
    """Nothing explains it: what was counted between is not known."""
    TRIAL = 4
    """Not known yet."""


def look_back_ms(period_ms: int) -> int:
    """How far back readings may still turn out to be false: a quarter of an hour, sixteen readings at least."""
    return max(PATIENCE_MS, LOOK_BACK_PERIODS * period_ms)


def reach_ms(period_ms: int) -> int:
    """How far before an instant readings are needed to go on from there."""
    return look_back_ms(period_ms) + MOVE_MS


@dataclass(frozen=True, slots=True)
class _Test:
    """A trial while it goes on."""

    anchor_ms: int
    anchor_steps: int
    begun_ms: int
    """How much had moved before its first reading."""
    first_ms: int
    first_steps: int
    paid_ms: int
    """What the break costs that began it."""
    rises: tuple[tuple[int, int, int], ...]

    def until(self, at_ms: int) -> "_Test | None":
        """The same at an earlier reading; None: it had not begun."""
        if at_ms <= self.anchor_ms:
            return None
        rises = tuple(rise for rise in self.rises if rise[0] <= at_ms)
        return replace(self, rises=rises)


@dataclass(slots=True, eq=False)
class _Node:
    """A reading, or a stretch of readings without any doubt, as the end of the cheapest chain that leads to it."""

    first: int
    """Place of the first reading of the stretch; `NONE`: a reading of a former round."""
    last: int
    at_ms: int
    steps: int
    since_ms: int
    moved_ms: int
    cost_ms: int
    parent: "_Node | None"
    link: Link
    smallest: Differences
    peak_kw: float
    seen_ms: int = 0
    """How much movement its power was learned from, at most `ENOUGH_MS`."""
    test: _Test | None = None
    jumps: frozenset[int] = frozenset()
    """Instants of readings of a trial that has ended and that no power explains."""
    led: bool = False
    """Whether it ever was the end of the best chain."""
    root: int = NONE
    """Of which chain of the former round it is."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to a reading."""

    parent: _Node | None
    """The believed reading before it; None: the count begins with it."""
    link: Link
    cost_ms: int = 0
    most_ms: int = BACK_MS
    """What the readings that it leaves out cost at most, above the cost of the best chain."""
    free_ms: int = 0
    """Movement that it leaves out and that costs nothing."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the readings of one count of a register."""

    places: tuple[tuple[int, int, Link], ...]
    """Believed readings in order: first and last place of a stretch, and how its first reading follows."""
    reopened_ms: int
    """From where on former rounds are overturned; `NONE`: from nowhere."""
    follower_ms: int
    """The first believed reading from the instant of the opening on; `NONE`: none."""


class Scan:
    """Judges the readings of one count of a register, in order."""

    def __init__(self, meter: Meter, at_ms: NDArray[np.int64], steps: NDArray[np.int64]) -> None:
        self._meter = meter
        self._at_ms = at_ms
        self._steps = steps
        self._look_back_ms = look_back_ms(meter.period_ms)
        self._reach_ms = reach_ms(meter.period_ms)
        self._young_ms = max(PATIENCE_MS, YOUNG_PERIODS * meter.period_ms)
        self._tips: list[_Node] = []
        self._moved_ms = 0
        self._begun_ms = 0
        self._first_ms = NONE
        self._last: tuple[int, int] = (NONE, NONE)
        self._before_last_ms = NONE
        self._lead_ms = NONE
        self._before_moved_ms = 0
        self._changed_ms = NONE
        self._run_steps = NONE
        self._doubted_ms = NONE
        self._next = 0
        self._forks: tuple[int, ...] = ()
        self._opening = NOTHING
        self._edge_ms = 0

    def open(self, opening: Belief, edge_ms: int) -> None:
        """Go on from what was believed before an instant."""
        self._opening, self._edge_ms = opening, edge_ms
        if opening.unsure is not None:
            self._restore_unsure(opening.unsure)
            self._next = int(np.searchsorted(self._at_ms, edge_ms, side="left"))
        elif opening.at_ms != NONE:
            values = (opening.anchor_ms, opening.anchor_steps, opening.since_ms)
            self._begin_at(
                _Node(
                    NONE,
                    NONE,
                    *values,
                    0,
                    0,
                    None,
                    Link.DIRECT,
                    opening.smallest,
                    opening.peak_kw,
                    opening.seen_ms,
                    root=0,
                )
            )
            self._forks = (opening.anchor_ms,)
            self._next = int(np.searchsorted(self._at_ms, opening.anchor_ms, side="right"))
            self.until(int(np.searchsorted(self._at_ms, edge_ms, side="left")))

    def open_at(self, at_ms: int, steps: int) -> None:
        """Begin with what was declared of a new meter."""
        self._begin_at(_Node(NONE, NONE, at_ms, steps, at_ms, 0, 0, None, Link.DIRECT, (), 0.0))

    def _begin_at(self, node: _Node) -> None:
        self._tips = [node]
        self._last = (node.at_ms, node.steps)
        self._before_last_ms = self._lead_ms = node.at_ms
        self._changed_ms, self._run_steps = node.since_ms, node.steps

    def _restore_unsure(self, unsure: Unsure) -> None:
        for root, doubt in enumerate(unsure.chains):
            node: _Node | None = None
            for mark in doubt.marks:
                node = _Node(
                    NONE,
                    NONE,
                    mark.at_ms,
                    mark.steps,
                    mark.since_ms,
                    -mark.behind_ms,
                    mark.cost_ms - mark.behind_ms,
                    node,
                    Link.DIRECT,
                    mark.smallest,
                    mark.peak_kw,
                    mark.seen_ms,
                    _began(doubt.trial).until(mark.at_ms) if doubt.trial else None,
                    root=root,
                )
            if node is not None:
                node.led = doubt.led
                self._tips.append(node)
        self._forks = tuple(doubt.fork_ms for doubt in unsure.chains)
        self._last = (unsure.at_ms, unsure.steps)
        self._before_last_ms, self._lead_ms = unsure.before_ms, unsure.at_ms
        self._changed_ms, self._run_steps = unsure.moved_ms, unsure.run_steps
        self._first_ms, self._begun_ms = unsure.first_ms, unsure.begun_ms
        self._doubted_ms = unsure.at_ms

    def until(self, place: int) -> None:
        """Judge the readings before a place."""
        while self._next < place:
            if not (self._clean(int(self._at_ms[self._next])) and self._pass_over(place)):
                self._judge(self._next)
                self._next += 1

    def _clean(self, at_ms: int) -> bool:
        """Whether nothing is open, and nothing was within the time that may still be looked back on."""
        from_ms = at_ms - self._reach_ms
        return (
            len(self._tips) == 1
            and self._tips[0].test is None
            and self._tips[0].at_ms == self._last[0]
            and (self._doubted_ms == NONE or self._doubted_ms < from_ms)
            and (self._first_ms == NONE or self._first_ms < from_ms)
        )

    # -- many readings at once

    def _pass_over(self, limit: int) -> bool:
        """Take the readings that follow without any question as one stretch; whether there was one."""
        low, tip, meter = self._next, self._tips[0], self._meter
        if meter.limit_kw is None and tip.seen_ms < ENOUGH_MS:
            return False
        high = min(limit, low + _CHUNK)
        at_ms = np.concatenate([[tip.at_ms], self._at_ms[low:high]])
        steps = np.concatenate([[tip.steps], self._steps[low:high]])
        differences = np.diff(steps)
        smallest = three_smallest(tip.smallest, differences)
        least = meter.step_wh(smallest) if len(tip.smallest) >= ENOUGH or meter.step_steps else 0
        wh = _whs(meter, steps)
        allowed = allowed_all(meter.power_kw(tip.peak_kw, tip.seen_ms), np.diff(at_ms)) + (least or 0)
        wrong = np.flatnonzero((differences < 0) | (np.diff(wh) > allowed))
        count = int(wrong[0]) if len(wrong) else high - low
        if not count:
            return False
        self._advance(tip, low, count, at_ms[: count + 1], steps[: count + 1], wh[: count + 1])
        return True

    def _advance(
        self,
        tip: _Node,
        low: int,
        count: int,
        at_ms: NDArray[np.int64],
        steps: NDArray[np.int64],
        wh: NDArray[np.int64],
    ) -> None:
        differences = np.diff(steps)
        changed = np.flatnonzero(differences) + 1
        self._moved_ms += FLAT_MS * (count - len(changed))
        if len(changed):
            self._moved_ms += _movement(at_ms, changed, self._changed_ms, self._before_last_ms)
            self._changed_ms = int(at_ms[changed[-1]])
        last = low + count - 1
        node = _Node(
            low,
            last,
            int(at_ms[-1]),
            int(steps[-1]),
            int(at_ms[changed[-1]]) if len(changed) else tip.since_ms,
            self._moved_ms,
            tip.cost_ms,
            tip,
            Link.DIRECT,
            three_smallest(tip.smallest, differences),
            tip.peak_kw,
            tip.seen_ms,
        )
        if self._meter.limit_kw is None:
            node.peak_kw = max(tip.peak_kw, self._peak(tip, low, at_ms[1:], wh[1:]))
        self._tips = [node]
        self._before_last_ms, self._last = int(at_ms[-2]), (node.at_ms, node.steps)
        self._next = last + 1

    def _peak(self, tip: _Node, low: int, at_ms: NDArray[np.int64], wh: NDArray[np.int64]) -> float:
        """The highest power that the readings of a stretch show (see `_power_kw`)."""
        # Nothing is open, so all readings of the last quarter of an hour are of the same chain.
        before = int(np.searchsorted(self._at_ms[:low], at_ms[0] - STILL_MS - _MINUTE_MS - self._look_back_ms))
        far_at, far_wh, root = self._at_ms[before:low], _whs(self._meter, self._steps[before:low]), _first(tip)
        since_ms = int(far_at[0]) if len(far_at) else NONE
        if before == 0 and root.first == NONE:
            inner = int(np.searchsorted(far_at, root.at_ms, side="right"))
            far_at = np.concatenate([[root.at_ms], far_at[inner:]])
            far_wh = np.concatenate([[self._meter.wh(root.steps)], far_wh[inner:]])
            since_ms = root.since_ms
        first = len(far_at)
        all_at, all_wh = np.concatenate([far_at, at_ms]), np.concatenate([far_wh, wh])
        begins = np.concatenate([[True], np.diff(all_wh) != 0])
        since = np.maximum.accumulate(np.where(begins, all_at, 0))
        since[: int(np.argmax(begins[1:])) + 1 if begins[1:].any() else len(since)] = since_ms
        ends = np.arange(first, len(all_at))
        starts = np.searchsorted(all_at, all_at[ends] - _MINUTE_MS, side="right") - 1
        ends, starts = ends[starts >= 0], starts[starts >= 0]
        still = np.minimum(all_at[ends] - since[starts], STILL_MS)
        spans = np.maximum(np.maximum(all_at[ends] - all_at[starts], still), 1)
        return float(((all_wh[ends] - all_wh[starts]) * 3_600.0 / spans).max(initial=0.0))

    # -- one reading

    def _judge(self, place: int) -> None:
        at_ms, steps = int(self._at_ms[place]), int(self._steps[place])
        if self._first_ms == NONE and not self._tips:
            self._begin(place, at_ms, steps)
            return
        follows = self._follows(at_ms, steps)
        before_ms = self._before_moved_ms = self._moved_ms
        self._move(at_ms, steps, follows=follows)
        ways = list(self._continued(at_ms, steps)) if follows else []
        best_ms = min(tip.cost_ms + before_ms - tip.moved_ms for tip in self._tips)
        node = min(
            (
                self._node(place, at_ms, steps, way, before_ms, best_ms)
                for way in ways or self._options(at_ms, steps, before_ms)
            ),
            key=lambda one: (one.cost_ms, self._rise(one), -one.parent.at_ms if one.parent else 0),
        )
        if not (len(self._tips) == 1 and node.link is Link.DIRECT and node.parent is self._tips[0]):
            self._doubted_ms = at_ms
        self._keep(node)
        self._before_last_ms, self._last = self._last[0], (at_ms, steps)

    def _begin(self, place: int, at_ms: int, steps: int) -> None:
        self._first_ms = self._changed_ms = at_ms
        self._begun_ms = self._moved_ms = min(max(self._meter.period_ms, _LEAST_FIRST_MS), MOVE_MS)
        self._run_steps = steps
        self._before_last_ms, self._last = at_ms, (at_ms, steps)
        self._tips = [_Node(place, place, at_ms, steps, at_ms, self._moved_ms, 0, None, Link.DIRECT, (), 0.0)]

    def _rise(self, node: _Node) -> int:
        return abs(node.steps - node.parent.steps) if node.parent else 0

    def _best(self) -> _Node:
        return min(self._tips, key=self._cost)

    def _cost(self, node: _Node) -> int:
        """Of a chain that leaves out everything since its last reading."""
        return node.cost_ms + self._moved_ms - node.moved_ms

    def _follows(self, at_ms: int, steps: int) -> bool:
        """Whether a reading goes on from the one before it, believed or not."""
        last_ms, last_steps = self._last
        if steps == last_steps:
            return True
        if steps < last_steps or at_ms - last_ms > self._look_back_ms:
            return False
        best, meter = self._best(), self._meter
        step = meter.step_wh(best.smallest) or 0
        return (
            meter.wh(steps) - meter.wh(last_steps)
            <= allowed_wh(meter.power_kw(best.peak_kw, best.seen_ms), at_ms - last_ms) + step
        )

    def _move(self, at_ms: int, steps: int, *, follows: bool) -> None:
        """Count what a reading with a new value moved: the time since the former one, where that had stood still.

        Else half the time since the last but one, so that two series that alternate weigh the same.
        """
        last_ms, last_steps = self._last
        if steps == last_steps:
            self._moved_ms += FLAT_MS
            self._begun_ms += FLAT_MS
            return
        tried = steps > last_steps and any(tip.test for tip in self._tips if tip.at_ms == last_ms)
        stood = (follows or tried) and self._changed_ms != last_ms
        moved = min(at_ms - self._changed_ms if stood else (at_ms - self._before_last_ms) // 2, MOVE_MS)
        self._moved_ms += moved
        self._begun_ms += moved
        self._changed_ms = at_ms
        if not follows:
            self._run_steps = steps

    def _continued(self, at_ms: int, steps: int) -> Iterator[_Way]:
        """Ways to a reading that goes on from the one before it: from there, or from just above where its run began."""
        for tip in self._tips:
            if tip.at_ms == self._last[0] or (steps >= tip.steps and self._slipped(tip, at_ms)):
                yield from self._ways(tip, at_ms, steps)

    def _slipped(self, tip: _Node, at_ms: int) -> bool:
        """Whether the present run began so little below a chain that one reading may have come back to it."""
        if not self._run_steps < tip.steps:
            return False
        meter = self._meter
        step = meter.step_wh(tip.smallest) or 0
        fall_wh = meter.wh(tip.steps) - meter.wh(self._run_steps)
        return fall_wh <= allowed_wh(meter.power_kw(tip.peak_kw, tip.seen_ms), at_ms - self._last[0]) + step

    def _options(self, at_ms: int, steps: int, before_ms: int) -> Iterator[_Way]:
        """Every way to a reading that does not go on from the one before it."""
        for tip in self._tips:
            yield from self._ways(tip, at_ms, steps)
        best = min(self._tips, key=lambda tip: (tip.cost_ms - tip.moved_ms, -tip.at_ms))
        for tip in {id(one): one for one in (best, *self._tips) if one is best or one.at_ms == self._last[0]}.values():
            yield from self._left(tip, at_ms, steps)
        yield _Way(best, self._break(best, at_ms, steps), PATIENCE_MS)
        if self._first_ms != NONE and at_ms - self._first_ms <= self._young_ms:
            yield _Way(None, Link.DIRECT, self._begun_ms - (self._moved_ms - before_ms))

    def _break(self, best: _Node, at_ms: int, steps: int) -> Link:
        meter = self._meter
        step = meter.step_wh(best.smallest) or 0
        from_zero = meter.wh(steps) <= allowed_wh(meter.power_kw(best.peak_kw, best.seen_ms), at_ms - best.at_ms) + step
        if 2 * steps <= best.steps and from_zero:
            return Link.RESET
        learns = meter.limit_kw is None and steps > best.steps
        return Link.TRIAL if learns else Link.JUMP

    def _left(self, tip: _Node, at_ms: int, steps: int) -> Iterator[_Way]:
        """The way from where a chain was last not above a reading: what it held since is then false."""
        values, node, after = 0, tip, tip
        while steps < node.steps:
            if node.first != node.last and steps >= int(self._steps[node.first]):
                last = (
                    node.first + int(np.searchsorted(self._steps[node.first : node.last + 1], steps, side="right")) - 1
                )
                node, after = self._cut(node, last), self._cut(node, last + 1)
                break
            if node.parent is None:
                return
            after = node if node.first == node.last else self._cut(node, node.first)
            node = node.parent
            values += node.steps != after.steps
        if node is tip or node.at_ms < at_ms - self._look_back_ms or values > MOST_VALUES:
            return
        for way in self._ways(node, at_ms, steps):
            if 2 * (after.steps - node.steps) >= tip.steps - steps:
                # It leapt up and came back: the leap itself is no movement.
                leap_ms = after.moved_ms - node.moved_ms - min(after.at_ms - node.at_ms, MOVE_MS)
                yield replace(way, most_ms=UNDONE_MS, free_ms=max(0, leap_ms))
            else:
                yield way

    def _cut(self, node: _Node, last: int) -> _Node:
        """A stretch up to a reading within it, as if the rest were not there."""
        parent = node.parent
        if last == node.last or parent is None:
            return node
        at_ms, steps = self._at_ms[node.first : node.last + 1], self._steps[node.first : node.last + 1]
        inner = last - node.first
        value = int(steps[inner])
        since_ms = int(at_ms[int(np.searchsorted(steps, value, side="left"))])
        if parent.steps == value:
            since_ms = parent.since_ms
        later = np.flatnonzero(np.diff(steps[inner:])) + 1
        before_ms = int(self._at_ms[last - 1]) if last else self._lead_ms
        moves = FLAT_MS * (node.last - last - len(later))
        if len(later):
            moves += _movement(at_ms[inner:], later, since_ms, before_ms)
        peak_kw = parent.peak_kw
        if self._meter.limit_kw is None:
            wh = _whs(self._meter, steps[: inner + 1])
            peak_kw = max(peak_kw, self._peak(parent, node.first, at_ms[: inner + 1], wh))
        return _Node(
            node.first,
            last,
            int(at_ms[inner]),
            value,
            since_ms,
            node.moved_ms - moves,
            node.cost_ms,
            parent,
            node.link,
            three_smallest(parent.smallest, np.diff(np.concatenate([[parent.steps], steps[: inner + 1]]))),
            peak_kw,
            parent.seen_ms,
        )

    def _ways(self, node: _Node, at_ms: int, steps: int) -> Iterator[_Way]:
        """How a reading can follow a believed one, with what it costs."""
        meter = self._meter
        rise = meter.rise_wh(node.steps, steps)
        # A trial is of readings that follow each other: what leaves out others proves nothing.
        if rise is None or (node.test is not None and node.at_ms != self._last[0]):
            return
        known = meter.step_wh(node.smallest)
        power, step = meter.power_kw(node.peak_kw, node.seen_ms), known or 0
        if rise <= allowed_wh(power, at_ms - node.at_ms) + step:
            yield _Way(node, Link.DIRECT)
        elif rise <= allowed_wh(power, at_ms - node.since_ms) + step:
            if known is None:
                yield _Way(node, Link.DIRECT)
            else:
                still = node.at_ms - node.since_ms
                yield _Way(self._stood(node), Link.STILL, 0 if still <= STILL_MS else CATCH_UP_MS)
        elif node.test is not None:
            yield _Way(node, Link.TRIAL)
        elif self._young(node):
            yield _Way(node, Link.TRIAL, YOUNG_MS)

    def _young(self, node: _Node) -> bool:
        """Whether nothing is known yet of how a register counts."""
        learns = self._meter.limit_kw is None and node.seen_ms < ENOUGH_MS
        return learns or self._meter.step_wh(node.smallest) is None

    def _stood(self, node: _Node) -> _Node:
        """The first reading of the value that a chain ends with."""
        while node.at_ms > node.since_ms:
            if node.first != node.last:
                part = self._at_ms[node.first : node.last + 1]
                inner = int(np.searchsorted(part, node.since_ms, side="left"))
                if int(part[inner]) == node.since_ms:
                    return self._cut(node, node.first + inner)
            if node.parent is None or node.parent.steps != node.steps:
                break
            node = node.parent
        return node

    def _node(self, place: int, at_ms: int, steps: int, way: "_Way", before_ms: int, best_ms: int) -> _Node:
        parent, link, cost, most_ms = way.parent, way.link, way.cost_ms, way.most_ms
        if parent is None:
            return _Node(place, place, at_ms, steps, at_ms, self._moved_ms, cost, None, Link.DIRECT, (), 0.0)
        since_ms = parent.since_ms if parent.steps == steps else at_ms
        return _Node(
            place,
            place,
            at_ms,
            steps,
            since_ms,
            self._moved_ms,
            min(parent.cost_ms + before_ms - parent.moved_ms - way.free_ms, best_ms + most_ms) + cost,
            parent,
            link,
            parent.smallest,
            parent.peak_kw,
            parent.seen_ms,
        )

    def _keep(self, node: _Node) -> None:
        """Make a reading the end of a chain, and forget chains that cannot become the best any more."""
        self._learn(node)
        parent = node.parent
        plain = (
            parent is not None
            and parent.at_ms == self._last[0]
            and (node.link is Link.DIRECT or parent.test is not None)
        )
        tips = [tip for tip in self._tips if not (plain and tip is parent)]
        tips.append(node)
        tips.sort(key=lambda tip: (self._cost(tip), -tip.at_ms))
        least, from_ms = self._cost(tips[0]), node.at_ms - REMEMBERED_MS
        tips[0].led = True
        open_ = [tip for tip in tips if self._cost(tip) <= least + PATIENCE_MS][:MOST_CHAINS]
        others = [tip for tip in tips if self._cost(tip) > least + PATIENCE_MS and tip.led and tip.at_ms >= from_ms]
        others.sort(key=lambda tip: -tip.at_ms)
        self._tips = open_ + others[:MOST_REMEMBERED]

    def _learn(self, node: _Node) -> None:
        """What a reading tells of the step and the power of its register."""
        parent, meter = node.parent, self._meter
        if parent is None:
            return
        rise = node.steps - parent.steps
        if node.link is Link.TRIAL or parent.test is not None:
            self._tried(node, parent, rise)
        elif node.link is Link.DIRECT and rise > 0:
            if meter.limit_kw is None:
                node.peak_kw = max(parent.peak_kw, self._power_kw(node, parent))
                node.seen_ms = min(ENOUGH_MS, parent.seen_ms + node.moved_ms - self._before_moved_ms)
            node.smallest = tuple(sorted((*parent.smallest, rise))[:ENOUGH])

    def _power_kw(self, node: _Node, parent: _Node) -> float:
        """The power that a reading shows: over the last minute, or since the register moved before that.

        At most a quarter of an hour without movement is looked at; a longer span between readings counts whole.
        """
        at_ms, steps, since_ms = self._back(parent, node.at_ms - _MINUTE_MS)
        if at_ms == NONE:
            return 0.0
        span_ms = max(node.at_ms - at_ms, min(node.at_ms - since_ms, STILL_MS), 1)
        return mean_kw(self._meter.wh(node.steps) - self._meter.wh(steps), span_ms)

    def _back(self, node: _Node | None, until_ms: int) -> tuple[int, int, int]:
        """The last reading of a chain at or before an instant: instant, value, since when it shows that value."""
        while node is not None and node.at_ms > until_ms:
            if node.first != node.last and int(self._at_ms[node.first]) <= until_ms:
                return self._within(node, until_ms)
            node = node.parent
        return (NONE, NONE, NONE) if node is None else (node.at_ms, node.steps, node.since_ms)

    def _within(self, node: _Node, until_ms: int) -> tuple[int, int, int]:
        part = slice(node.first, node.last + 1)
        inner = int(np.searchsorted(self._at_ms[part], until_ms, side="right")) - 1
        value = int(self._steps[part][inner])
        since_ms = int(self._at_ms[part][int(np.searchsorted(self._steps[part], value, side="left"))])
        if node.parent is not None and node.parent.steps == value:
            since_ms = node.parent.since_ms
        return int(self._at_ms[node.first + inner]), value, since_ms

    # -- trials

    def _tried(self, node: _Node, parent: _Node, rise: int) -> None:
        """A reading on trial; when enough has moved, the trial ends."""
        test = parent.test
        if test is None:
            young = self._young(parent)
            paid_ms = YOUNG_MS if young else PATIENCE_MS
            test = _Test(parent.at_ms, parent.steps, self._before_moved_ms, node.at_ms, node.steps, paid_ms, ())
        if rise > 0:
            test = replace(test, rises=(*test.rises, (node.at_ms, node.at_ms - parent.at_ms, rise)))
        node.test = test
        if node.moved_ms - test.begun_ms >= PATIENCE_MS and len(test.rises) >= ENOUGH:
            self._end(node, parent, test)

    def _end(self, node: _Node, parent: _Node, test: _Test) -> None:
        meter = self._meter
        smallest: Differences = tuple(sorted((*parent.smallest, *(rise for _, _, rise in test.rises)))[:ENOUGH])
        step = meter.step_wh(smallest) or 0
        rises = sorted(((at, span, max(0, meter.wh(rise) - step)) for at, span, rise in test.rises), key=_rate)
        total = sum(wh + step for _, _, wh in rises)
        span_ms = max(node.at_ms - test.anchor_ms, 1)
        jumps: set[int] = set()
        power = 0.0
        while rises:
            power = meter.limit_kw or LEARNED * max(parent.peak_kw, mean_kw(total, span_ms))
            at_ms, span, wh = rises[-1]
            if wh <= allowed_wh(power, span):
                break
            jumps.add(at_ms)
            total -= wh + step
            rises.pop()
        believed = [rise for at, _, rise in test.rises if at not in jumps]
        node.test = None
        node.jumps = frozenset(jumps)
        if not jumps:
            node.cost_ms -= test.paid_ms
        node.smallest = tuple(sorted((*parent.smallest, *believed))[:ENOUGH])
        if meter.limit_kw is None:
            node.peak_kw, node.seen_ms = max(parent.peak_kw, mean_kw(total, span_ms)), ENOUGH_MS

    # -- what comes of it

    def belief(self, edge_ms: int) -> Belief:
        """What is believed before an instant, after the readings before it were judged."""
        if not self._tips:
            return NOTHING
        ordered = sorted(self._tips, key=lambda tip: (self._cost(tip), -tip.at_ms))
        sure = _sure(ordered[0])
        anchor = self._anchor(sure, edge_ms - self._reach_ms) if self._clean(edge_ms) else None
        if anchor is not None:
            return Belief(
                sure.at_ms,
                sure.steps,
                anchor.at_ms,
                anchor.steps,
                anchor.since_ms,
                anchor.smallest,
                anchor.peak_kw,
                anchor.seen_ms,
            )
        least = self._cost(ordered[0])
        chains = tuple(self._doubt(tip, ordered[0], least) for tip in ordered)
        young = self._first_ms != NONE and edge_ms - self._first_ms <= self._young_ms
        begun = (self._first_ms, self._begun_ms - least) if young else (NONE, 0)
        rest = (self._before_last_ms, self._changed_ms, self._run_steps, *begun)
        unsure = Unsure(chains, *self._last, *rest)
        values = (sure.at_ms, sure.steps, sure.since_ms, sure.smallest, sure.peak_kw, sure.seen_ms)
        return Belief(sure.at_ms, sure.steps, *values, unsure)

    def _anchor(self, node: _Node | None, before_ms: int) -> _Node | None:
        """The last reading of a chain before an instant."""
        while node is not None and node.at_ms >= before_ms:
            if node.first != node.last and int(self._at_ms[node.first]) < before_ms:
                part = self._at_ms[node.first : node.last + 1]
                return self._cut(node, node.first + int(np.searchsorted(part, before_ms, side="left")) - 1)
            node = node.parent
        return node

    def _best_now(self) -> _Node:
        return min(self._tips, key=lambda tip: (self._cost(tip), -tip.at_ms))

    def _doubt(self, tip: _Node, best: _Node, least: int) -> Doubt:
        marks = [self._mark(node, least) for node in self._values(tip)]
        trial = None
        if tip.test:
            test = tip.test
            behind = self._moved_ms - test.begun_ms
            told = (test.first_ms, test.first_steps, test.paid_ms, test.rises)
            trial = Trial(test.anchor_ms, test.anchor_steps, behind, *told)
        return Doubt(tuple(reversed(marks)), self._fork(tip, best), tip.led, trial)

    def _mark(self, node: _Node, least: int) -> Mark:
        behind, cost = self._moved_ms - node.moved_ms, self._cost(node) - least
        learned = (node.smallest, node.peak_kw, node.seen_ms)
        return Mark(node.at_ms, node.steps, node.since_ms, behind, cost, *learned)

    def _values(self, tip: _Node) -> Iterator[_Node]:
        """The end of a chain from the last reading back: of each value the last reading."""
        from_ms, count, value = tip.at_ms - self._look_back_ms, 0, NONE
        at: _Node | None = tip
        while at is not None:
            for node in self._parts(at):
                if node.steps == value:
                    continue
                if node is not tip and (node.at_ms < from_ms or count > MOST_VALUES):
                    return
                yield node
                value, count = node.steps, count + 1
            at = at.parent

    def _parts(self, node: _Node) -> Iterator[_Node]:
        """A reading, or the last reading of each value of a stretch, from the last one back."""
        if node.first == node.last:
            yield node
            return
        part = self._steps[node.first : node.last + 1]
        for last in reversed([*np.flatnonzero(np.diff(part)).tolist(), len(part) - 1]):
            yield self._cut(node, node.first + last)

    def _fork(self, tip: _Node, best: _Node) -> int:
        if tip is best:
            return tip.at_ms
        mine, root = _line(tip)
        others, best_root = _line(best)
        shared = [at for at in mine if at in others]
        if shared:
            return max(shared)
        if NONE in (root, best_root):
            return NONE
        return min(self._forks[root], self._forks[best_root])

    def judged(self) -> Judged:
        """The best chain among the readings given, and what it overturns of former rounds."""
        if not self._tips:
            return Judged((), NONE, NONE)
        jumps: set[int] = set()
        walked: _Node | None = self._best_now()
        while walked is not None and walked.first != NONE:
            jumps |= walked.jumps
            walked = walked.parent
        places: list[tuple[int, int, Link]] = []
        node: _Node | None = _sure(self._best_now())
        while node is not None and node.first != NONE:
            places.append((node.first, node.last, _told(node, int(self._at_ms[node.first]), jumps)))
            node = node.parent
        places.reverse()
        kept_ms, follower_ms = self._border(node, places)
        return Judged(tuple(places), self._reopened(node, kept_ms, follower_ms), follower_ms)

    def _border(self, node: _Node | None, places: list[tuple[int, int, Link]]) -> tuple[int, int]:
        """The last believed reading before the instant of the opening and the first one from there on."""
        kept_ms = node.since_ms if node and places and places[0][2] is Link.STILL else (node.at_ms if node else NONE)
        for first, last, _ in places:
            if int(self._at_ms[last]) >= self._edge_ms:
                inner = int(np.searchsorted(self._at_ms[first : last + 1], self._edge_ms, side="left"))
                return (int(self._at_ms[first + inner - 1]) if inner else kept_ms), int(self._at_ms[first + inner])
            kept_ms = int(self._at_ms[last])
        return kept_ms, NONE

    def _reopened(self, node: _Node | None, kept_ms: int, follower_ms: int) -> int:
        opening = self._opening
        if opening.at_ms == NONE or (kept_ms == opening.at_ms and follower_ms == opening.next_ms):
            return NONE
        fork_ms = self._forks[node.root] if node is not None and node.root > 0 else kept_ms
        return max(0, min(kept_ms, fork_ms, opening.at_ms))


def _told(node: _Node, at_ms: int, jumps: set[int]) -> Link:
    if at_ms in jumps:
        return Link.JUMP
    return Link.DIRECT if node.link is Link.TRIAL else node.link


def _sure(node: _Node) -> _Node:
    """The last reading of a chain that is not on trial."""
    test = node.test
    if test is None:
        return node
    found: _Node | None = node
    while found is not None and found.at_ms > test.anchor_ms:
        found = found.parent
    if found is not None:
        return found
    values = (test.anchor_ms, test.anchor_steps, test.anchor_ms, test.begun_ms)
    return _Node(
        NONE, NONE, *values, node.cost_ms, None, Link.DIRECT, node.smallest, node.peak_kw, node.seen_ms, root=node.root
    )


def _first(node: _Node) -> _Node:
    """The first reading of a chain that is known."""
    while node.parent is not None:
        node = node.parent
    return node


def _line(node: _Node) -> tuple[set[int], int]:
    """Instants of the readings of a chain, ends of stretches only, and the chain of a former round that it goes on."""
    found: set[int] = set()
    at: _Node | None = node
    root = NONE
    while at is not None:
        found.add(at.at_ms)
        root = at.root
        at = at.parent
    return found, root


def _began(trial: Trial) -> _Test:
    return _Test(
        trial.anchor_ms,
        trial.anchor_steps,
        -trial.behind_ms,
        trial.first_ms,
        trial.first_steps,
        trial.paid_ms,
        trial.rises,
    )


def _rate(rise: tuple[int, int, int]) -> float:
    return rise[2] / (rise[1] + SLACK_MS)


def three_smallest(known: Differences, differences: NDArray[np.int64]) -> Differences:
    """The three smallest rises of those known and those given."""
    rises = differences[differences > 0]
    if len(known) >= ENOUGH:
        rises = rises[rises < known[-1]]
    if not len(rises):
        return known
    if len(rises) > ENOUGH:
        rises = np.partition(rises, ENOUGH - 1)[:ENOUGH]
    return tuple(sorted((*known, *rises.tolist()))[:ENOUGH])


def _movement(at_ms: NDArray[np.int64], changed: NDArray[np.intp], changed_ms: int, before_ms: int) -> int:
    """How much movement readings bring that go on from each other, in ms (see `Scan._move`).

    `changed` are the places, from 1, of readings with a new value; `changed_ms` is when the value changed before them,
    `before_ms` the reading before the first one.
    """
    two_back = np.concatenate([[before_ms], at_ms[:-2]])[changed - 1]
    former = np.concatenate([[changed_ms], at_ms[changed[:-1]]])
    moved = np.where(former == at_ms[changed - 1], (at_ms[changed] - two_back) // 2, at_ms[changed] - former)
    return int(np.minimum(moved, MOVE_MS).sum())


def allowed_all(power_kw: float, spans_ms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Wh that a register can rise by in each of some spans, without its step."""
    return power_kw * (spans_ms + SLACK_MS).astype(np.float64) / 3_600.0


def _whs(meter: Meter, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Primary Wh of values, as `Meter.wh`."""
    if meter.denominator == 1:
        return steps * meter.numerator
    whole, rest = np.divmod(steps, meter.denominator)
    part: NDArray[np.int64] = (rest * meter.numerator + meter.denominator // 2) // meter.denominator
    wh: NDArray[np.int64] = whole * meter.numerator + part
    return wh
