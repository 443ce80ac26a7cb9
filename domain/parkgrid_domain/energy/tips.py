"""The chains that are still in question, and what can be read off them."""

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy.belief import NOTHING
from parkgrid_domain.energy.meter import ENOUGH_MS, Meter, mean_kw
from parkgrid_domain.energy.nodes import (
    FLAT_MS,
    MINUTE_MS,
    PATIENCE_MS,
    STILL_MS,
    YOUNG_PERIODS,
    Node,
    first_known,
    look_back_ms,
    movement,
    powers_kw,
    reach_ms,
    three_smallest,
    whs,
)
from parkgrid_domain.energy.readings import NONE

_FIRST = np.zeros(1, dtype=np.int64)
"""Where one register begins."""


class Tips:
    """The readings of one count of a register, and the ends of the chains that may be the true one."""

    def __init__(self, meter: Meter, at_ms: NDArray[np.int64], steps: NDArray[np.int64]) -> None:
        self._meter = meter
        self._at_ms = at_ms
        self._steps = steps
        self._look_back_ms = look_back_ms(meter.period_ms)
        self._reach_ms = reach_ms(meter.period_ms)
        self._young_ms = max(PATIENCE_MS, YOUNG_PERIODS * meter.period_ms)
        self._tips: list[Node] = []
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

    def _best(self) -> Node:
        return self._tips[0] if len(self._tips) == 1 else min(self._tips, key=self._cost)

    def _cost(self, node: Node) -> int:
        """Of a chain that leaves out everything since its last reading."""
        return node.cost_ms + self._moved_ms - node.moved_ms

    def _young(self, node: Node) -> bool:
        """Whether nothing is known yet of how a register counts."""
        learns = self._meter.limit_kw is None and node.seen_ms < ENOUGH_MS
        return learns or self._meter.step_wh(node.smallest) is None

    def _cut(self, node: Node, last: int) -> Node:
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
            moves += movement(at_ms[inner:], later, since_ms, before_ms)
        peak_kw = parent.peak_kw
        if self._meter.limit_kw is None:
            wh = whs(self._meter, steps[: inner + 1])
            peak_kw = max(peak_kw, self._peak(parent, node.first, at_ms[: inner + 1], wh))
        return Node(
            node.first,
            last,
            int(at_ms[inner]),
            value,
            since_ms,
            node.moved_ms - moves,
            node.cost_ms,
            parent,
            node.link,
            three_smallest(parent.smallest, np.concatenate([[parent.steps], steps[: inner + 1]])),
            peak_kw,
            parent.seen_ms,
        )

    def _stood(self, node: Node) -> Node:
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

    def _back(self, node: Node | None, until_ms: int) -> tuple[int, int, int]:
        """The last reading of a chain at or before an instant: instant, value, since when it shows that value."""
        while node is not None and node.at_ms > until_ms:
            if node.first != node.last and int(self._at_ms[node.first]) <= until_ms:
                return self._within(node, until_ms)
            node = node.parent
        return (NONE, NONE, NONE) if node is None else (node.at_ms, node.steps, node.since_ms)

    def _within(self, node: Node, until_ms: int) -> tuple[int, int, int]:
        part = slice(node.first, node.last + 1)
        inner = int(np.searchsorted(self._at_ms[part], until_ms, side="right")) - 1
        value = int(self._steps[part][inner])
        since_ms = int(self._at_ms[part][int(np.searchsorted(self._steps[part], value, side="left"))])
        if node.parent is not None and node.parent.steps == value:
            since_ms = node.parent.since_ms
        return int(self._at_ms[node.first + inner]), value, since_ms

    def _power_kw(self, node: Node, parent: Node) -> float:
        """The power that a reading shows: over the last minute, or since the register moved before that.

        At most a quarter of an hour without movement is looked at; a longer span between readings counts whole.
        """
        at_ms, steps, since_ms = self._back(parent, node.at_ms - MINUTE_MS)
        if at_ms == NONE:
            return 0.0
        span_ms = max(node.at_ms - at_ms, min(node.at_ms - since_ms, STILL_MS), 1)
        return mean_kw(self._meter.wh(node.steps) - self._meter.wh(steps), span_ms)

    def _peak(self, tip: Node, low: int, at_ms: NDArray[np.int64], wh: NDArray[np.int64]) -> float:
        """The highest power that the readings of a stretch show (see `_power_kw`)."""
        # Nothing is open, so all readings of the last quarter of an hour are of the same chain.
        before = int(np.searchsorted(self._at_ms[:low], at_ms[0] - STILL_MS - MINUTE_MS - self._look_back_ms))
        far_at, far_wh, root = self._at_ms[before:low], whs(self._meter, self._steps[before:low]), first_known(tip)
        since_ms = int(far_at[0]) if len(far_at) else NONE
        if before == 0 and root.first == NONE:
            inner = int(np.searchsorted(far_at, root.at_ms, side="right"))
            far_at = np.concatenate([[root.at_ms], far_at[inner:]])
            far_wh = np.concatenate([[self._meter.wh(root.steps)], far_wh[inner:]])
            since_ms = root.since_ms
        powers = powers_kw(np.concatenate([far_at, at_ms]), np.concatenate([far_wh, wh]), _FIRST, np.array([since_ms]))
        return float(powers[len(far_at) :].max(initial=0.0))
