"""How a reading can follow the believed ones, and what each way costs."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from parkgrid_domain.energy.meter import ENOUGH_MS, allowed_wh
from parkgrid_domain.energy.nodes import (
    CATCH_UP_MS,
    MINUTE_MS,
    MOST_VALUES,
    MOVE_MS,
    PATIENCE_MS,
    STILL_MS,
    STOOD_MOST_MS,
    UNDONE_MS,
    UNLIMITED_MS,
    YOUNG_MS,
    Link,
    Node,
    Way,
)
from parkgrid_domain.energy.readings import NONE
from parkgrid_domain.energy.tips import Tips


class Ways(Tips):
    """Finds the ways to a reading."""

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

    def _continued(self, at_ms: int, steps: int) -> Iterator[Way]:
        """Ways to a reading that goes on from the one before it: from there, or from just above where its run began."""
        for tip in self._tips:
            if tip.at_ms == self._last[0] or (steps >= tip.steps and self._slipped(tip, at_ms)):
                yield from self._ways(tip, at_ms, steps)

    def _slipped(self, tip: Node, at_ms: int) -> bool:
        """Whether the present run began so little below a chain that one reading may have come back to it."""
        if not self._run_steps < tip.steps:
            return False
        meter = self._meter
        step = meter.step_wh(tip.smallest) or 0
        fall_wh = meter.wh(tip.steps) - meter.wh(self._run_steps)
        return fall_wh <= allowed_wh(meter.power_kw(tip.peak_kw, tip.seen_ms), at_ms - self._last[0]) + step

    def _options(self, at_ms: int, steps: int, before_ms: int) -> Iterator[Way]:
        """Every way to a reading that does not go on from the one before it."""
        for tip in self._tips:
            yield from self._ways(tip, at_ms, steps)
        best = min(self._tips, key=lambda tip: (tip.cost_ms - tip.moved_ms, -tip.at_ms))
        for tip in {id(one): one for one in (best, *self._tips) if one is best or one.at_ms == self._last[0]}.values():
            yield from self._left(tip, at_ms, steps)
        yield Way(best, self._break(best, at_ms, steps), PATIENCE_MS)
        if self._first_ms != NONE and at_ms - self._first_ms <= self._young_ms:
            yield Way(None, Link.DIRECT, self._begun_ms - (self._moved_ms - before_ms))

    def _break(self, best: Node, at_ms: int, steps: int) -> Link:
        meter = self._meter
        step = meter.step_wh(best.smallest) or 0
        from_zero = meter.wh(steps) <= allowed_wh(meter.power_kw(best.peak_kw, best.seen_ms), at_ms - best.at_ms) + step
        if 2 * steps <= best.steps and from_zero:
            return Link.RESET
        learns = meter.limit_kw is None and steps > best.steps
        return Link.TRIAL if learns else Link.JUMP

    def _left(self, tip: Node, at_ms: int, steps: int) -> Iterator[Way]:
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
        from_ms = at_ms - self._look_back_ms
        # The last reading before an outage may be older: nothing was between it and what is false.
        silent = after.moved_ms - node.moved_ms <= MOVE_MS + MINUTE_MS
        if node is tip or values > MOST_VALUES or (after.since_ms if silent else node.at_ms) < from_ms:
            return
        for way in self._ways(node, at_ms, steps):
            if 2 * (after.steps - node.steps) >= tip.steps - steps:
                # It leapt up and came back: the leap itself is no movement.
                leap_ms = after.moved_ms - node.moved_ms - min(after.at_ms - node.at_ms, MOVE_MS)
                yield replace(way, most_ms=UNDONE_MS, free_ms=max(0, leap_ms))
            else:
                # A count that fell below its past: all that was believed since then has to be paid for.
                yield replace(way, most_ms=UNLIMITED_MS)

    def _ways(self, node: Node, at_ms: int, steps: int) -> Iterator[Way]:
        """How a reading can follow a believed one, with what it costs."""
        meter = self._meter
        rise = meter.rise_wh(node.steps, steps)
        # A trial is of readings that follow each other: what leaves out others proves nothing.
        if rise is None or (node.test is not None and node.at_ms != self._last[0]):
            return
        known = meter.step_wh(node.smallest)
        power, step = meter.power_kw(node.peak_kw, node.seen_ms), known or 0
        if rise <= allowed_wh(power, at_ms - node.at_ms) + step:
            yield Way(node, Link.DIRECT)
        elif self._may_have_stood(node, at_ms, known) and rise <= allowed_wh(power, at_ms - node.since_ms) + step:
            if known is None:
                yield Way(node, Link.DIRECT)
            else:
                still = node.at_ms - node.since_ms
                yield Way(self._stood(node), Link.STILL, 0 if still <= STILL_MS else CATCH_UP_MS)
        elif node.test is not None:
            yield Way(node, Link.TRIAL)
        elif self._young(node):
            yield Way(node, Link.TRIAL, YOUNG_MS)

    def _may_have_stood(self, node: Node, at_ms: int, step_wh: int | None) -> bool:
        """Whether a register may show at once what it counted since it stood still: for some hours, by a known limit.

        One whose step is not known yet may have stood for as long as one step takes.
        """
        learned = self._meter.limit_kw is not None or node.seen_ms >= ENOUGH_MS
        return learned and (step_wh is None or at_ms - node.since_ms <= STOOD_MOST_MS)
