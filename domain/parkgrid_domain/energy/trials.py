"""What a believed reading tells of its register, and trials: rises of which nobody knows yet whether they are true."""

from dataclasses import replace

from parkgrid_domain.energy.belief import Differences
from parkgrid_domain.energy.meter import ENOUGH, ENOUGH_MS, LEARNED, SLACK_MS, allowed_wh, mean_kw
from parkgrid_domain.energy.nodes import (
    MOST_CHAINS,
    MOST_CHEAP,
    MOST_REMEMBERED,
    PATIENCE_MS,
    REMEMBERED_MS,
    YOUNG_MS,
    Link,
    Node,
    Test,
    grain,
)
from parkgrid_domain.energy.tips import Tips


class Trials(Tips):
    """Keeps a reading as the end of a chain, and learns from it."""

    def _keep(self, node: Node) -> None:
        """Make a reading the end of a chain, and forget chains that cannot become the best any more."""
        self._best().led = True
        self._learn(node)
        parent = node.parent
        plain = (
            parent is not None
            and parent.at_ms == self._last[0]
            and (node.link is Link.DIRECT or parent.test is not None)
        )
        if plain and len(self._tips) == 1 and self._tips[0] is parent:
            # As nearly always: one chain, which goes on.
            node.led = True
            self._tips = [node]
            return
        tips = [tip for tip in self._tips if not (plain and tip is parent)]
        tips.append(node)
        # Costs as they compare: what has moved meanwhile is the same for all.
        tips.sort(key=lambda tip: (tip.cost_ms - tip.moved_ms, -tip.at_ms))
        most, from_ms = tips[0].cost_ms - tips[0].moved_ms + PATIENCE_MS, node.at_ms - REMEMBERED_MS
        tips[0].led = True
        open_ = [tip for tip in tips if tip.cost_ms - tip.moved_ms <= most]
        others = [tip for tip in tips[len(open_) :] if tip.led and tip.at_ms >= from_ms]
        # Where two series alternate, the cheapest ends are all of one of them: the newest ends are kept too.
        if len(open_) > MOST_CHEAP:
            open_[MOST_CHEAP:] = sorted(open_[MOST_CHEAP:], key=lambda tip: -tip.at_ms)[: MOST_CHAINS - MOST_CHEAP]
        others.sort(key=lambda tip: -tip.at_ms)
        self._tips = open_ + others[:MOST_REMEMBERED]

    def _learn(self, node: Node) -> None:
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
            node.smallest = tuple(sorted((*parent.smallest, grain(rise, node.steps)))[:ENOUGH])

    def _tried(self, node: Node, parent: Node, rise: int) -> None:
        """A reading on trial; when enough has moved, the trial ends."""
        test = parent.test
        if test is None:
            young = self._young(parent)
            paid_ms = YOUNG_MS if young else PATIENCE_MS
            test = Test(parent.at_ms, parent.steps, self._before_moved_ms, node.at_ms, node.steps, paid_ms, ())
        if rise > 0:
            test = replace(
                test, rises=(*test.rises, (node.at_ms, node.at_ms - parent.at_ms, rise, grain(rise, node.steps)))
            )
        node.test = test
        if node.moved_ms - test.begun_ms >= PATIENCE_MS and len(test.rises) >= ENOUGH:
            self._end(node, parent, test)

    def _end(self, node: Node, parent: Node, test: Test) -> None:
        meter = self._meter
        step = meter.step_wh(_shared((*parent.smallest, *(told for _, _, _, told in test.rises)))) or 0
        rises = sorted(((at, span, max(0, meter.wh(rise) - step)) for at, span, rise, _ in test.rises), key=_rate)
        total = sum(wh + step for _, _, wh in rises)
        span_ms = max(node.at_ms - test.anchor_ms, 1)
        jumps: set[int] = set()
        while rises:
            at_ms, span, wh = rises[-1]
            # A rise is judged by the others and by the past, never by itself.
            others_kw = mean_kw(total - wh - step, span_ms - span) if span_ms > span else 0.0
            if wh <= allowed_wh(meter.limit_kw or LEARNED * max(parent.peak_kw, others_kw), span):
                break
            jumps.add(at_ms)
            total, span_ms = total - wh - step, max(span_ms - span, 1)
            rises.pop()
        believed = [told for at, _, _, told in test.rises if at not in jumps]
        node.test = None
        node.jumps = frozenset(jumps)
        if not jumps:
            node.cost_ms -= test.paid_ms
        node.smallest = tuple(sorted((*parent.smallest, *believed))[:ENOUGH])
        if meter.limit_kw is None:
            node.peak_kw, node.seen_ms = max(parent.peak_kw, mean_kw(total, span_ms)), ENOUGH_MS


def _shared(grains: Differences) -> Differences:
    """The smallest grains of a trial, without the largest one: a rise is no proof of the step that would explain it.

    Where a register leaps from zero, the grain of the leap is the whole count.
    """
    others = sorted(grains)[:-1][:ENOUGH]
    return (*others, *others[-1:] * (ENOUGH - len(others)))


def _rate(rise: tuple[int, int, int]) -> float:
    return rise[2] / (rise[1] + SLACK_MS)
