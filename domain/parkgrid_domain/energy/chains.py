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

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.belief import Belief, Trial, Unsure
from parkgrid_domain.energy.closing import Closing
from parkgrid_domain.energy.meter import ENOUGH, ENOUGH_MS
from parkgrid_domain.energy.nodes import (
    FLAT_MS,
    MOVE_MS,
    Link,
    Node,
    Test,
    Way,
    allowed_all,
    movement,
    three_smallest,
    whs,
)
from parkgrid_domain.energy.readings import NONE
from parkgrid_domain.energy.trials import Trials
from parkgrid_domain.energy.ways import Ways

_LEAST_FIRST_MS = 2_000
_CHUNK = 2_048


class Scan(Ways, Trials, Closing):
    """Judges the readings of one count of a register, in order."""

    def open(self, opening: Belief, edge_ms: int) -> None:
        """Go on from what was believed before an instant."""
        self._opening, self._edge_ms = opening, edge_ms
        if opening.unsure is not None:
            self._restore_unsure(opening.unsure)
            self._next = int(np.searchsorted(self._at_ms, edge_ms, side="left"))
        elif opening.at_ms != NONE:
            values = (opening.anchor_ms, opening.anchor_steps, opening.since_ms)
            self._begin_at(
                Node(
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
        self._begin_at(Node(NONE, NONE, at_ms, steps, at_ms, 0, 0, None, Link.DIRECT, (), 0.0))

    def _begin_at(self, node: Node) -> None:
        self._tips = [node]
        self._last = (node.at_ms, node.steps)
        self._before_last_ms = self._lead_ms = node.at_ms
        self._changed_ms, self._run_steps = node.since_ms, node.steps

    def _restore_unsure(self, unsure: Unsure) -> None:
        for root, doubt in enumerate(unsure.chains):
            node: Node | None = None
            for mark in doubt.marks:
                node = Node(
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

    def _pass_over(self, limit: int) -> bool:
        """Take the readings that follow without any question as one stretch; whether there was one."""
        low, tip, meter = self._next, self._tips[0], self._meter
        if meter.limit_kw is None and tip.seen_ms < ENOUGH_MS:
            return False
        high = min(limit, low + _CHUNK)
        at_ms = np.concatenate([[tip.at_ms], self._at_ms[low:high]])
        steps = np.concatenate([[tip.steps], self._steps[low:high]])
        differences = np.diff(steps)
        smallest = three_smallest(tip.smallest, steps)
        least = meter.step_wh(smallest) if len(tip.smallest) >= ENOUGH or meter.step_steps else 0
        wh = whs(meter, steps)
        allowed = allowed_all(meter.power_kw(tip.peak_kw, tip.seen_ms), np.diff(at_ms)) + (least or 0)
        wrong = np.flatnonzero((differences < 0) | (np.diff(wh) > allowed))
        count = int(wrong[0]) if len(wrong) else high - low
        if not count:
            return False
        self._advance(tip, low, count, at_ms[: count + 1], steps[: count + 1], wh[: count + 1])
        return True

    def _advance(
        self,
        tip: Node,
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
            self._moved_ms += movement(at_ms, changed, self._changed_ms, self._before_last_ms)
            self._changed_ms = int(at_ms[changed[-1]])
        last = low + count - 1
        node = Node(
            low,
            last,
            int(at_ms[-1]),
            int(steps[-1]),
            int(at_ms[changed[-1]]) if len(changed) else tip.since_ms,
            self._moved_ms,
            tip.cost_ms,
            tip,
            Link.DIRECT,
            three_smallest(tip.smallest, steps),
            tip.peak_kw,
            tip.seen_ms,
        )
        if self._meter.limit_kw is None:
            node.peak_kw = max(tip.peak_kw, self._peak(tip, low, at_ms[1:], wh[1:]))
        self._tips = [node]
        self._before_last_ms, self._last = int(at_ms[-2]), (node.at_ms, node.steps)
        self._next = last + 1

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
        if len(ways) == 1:
            node = self._node(place, at_ms, steps, ways[0], before_ms, best_ms)
        else:
            node = min(
                (
                    self._node(place, at_ms, steps, way, before_ms, best_ms)
                    for way in ways or self._options(at_ms, steps, before_ms)
                ),
                key=_worth,
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
        self._tips = [Node(place, place, at_ms, steps, at_ms, self._moved_ms, 0, None, Link.DIRECT, (), 0.0)]

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

    def _node(self, place: int, at_ms: int, steps: int, way: "Way", before_ms: int, best_ms: int) -> Node:
        parent, link, cost, most_ms = way.parent, way.link, way.cost_ms, way.most_ms
        if parent is None:
            return Node(place, place, at_ms, steps, at_ms, self._moved_ms, cost, None, Link.DIRECT, (), 0.0)
        since_ms = parent.since_ms if parent.steps == steps else at_ms
        return Node(
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


def _worth(node: Node) -> tuple[int, float, int, int]:
    """What decides between ways to a reading: their cost, and of equal ones what they cost without its upper bounds."""
    parent = node.parent
    if parent is None:
        return node.cost_ms, float("inf"), 0, 0
    return node.cost_ms, parent.cost_ms - parent.moved_ms, abs(node.steps - parent.steps), -parent.at_ms


def _began(trial: Trial) -> Test:
    return Test(
        trial.anchor_ms,
        trial.anchor_steps,
        -trial.behind_ms,
        trial.first_ms,
        trial.first_steps,
        trial.paid_ms,
        trial.rises,
    )
