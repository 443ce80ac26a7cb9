"""What is believed at an instant, as a state with which a later round goes on, and what became of the readings."""

from collections.abc import Iterator

import numpy as np

from parkgrid_domain.energy.belief import NOTHING, Belief, Doubt, Mark, Trial, Unsure
from parkgrid_domain.energy.nodes import MINUTE_MS, MOST_VALUES, Judged, Link, Node, line_of, sure_end
from parkgrid_domain.energy.readings import NONE
from parkgrid_domain.energy.tips import Tips


class Closing(Tips):
    """Tells what came of judging the readings."""

    def belief(self, edge_ms: int) -> Belief:
        """What is believed before an instant, after the readings before it were judged."""
        if not self._tips:
            return NOTHING
        ordered = sorted(self._tips, key=lambda tip: (self._cost(tip), -tip.at_ms))
        sure = sure_end(ordered[0])
        anchor = self._anchor(sure, edge_ms - self._reach_ms) if self._clean(edge_ms) else None
        if anchor is not None:
            return Belief(
                sure.at_ms,
                sure.steps,
                anchor.at_ms,
                anchor.steps,
                anchor.since_ms,
                anchor.smallest,
                self._peak_after(sure, anchor),
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

    def _anchor(self, node: Node | None, before_ms: int) -> Node | None:
        """The last reading of a chain before an instant."""
        while node is not None and node.at_ms >= before_ms:
            if node.first != node.last and int(self._at_ms[node.first]) < before_ms:
                part = self._at_ms[node.first : node.last + 1]
                return self._cut(node, node.first + int(np.searchsorted(part, before_ms, side="left")) - 1)
            node = node.parent
        return node

    def _peak_after(self, end: Node, anchor: Node) -> float:
        """The power shown up to a minute after the anchor: a later round cannot look back over the anchor."""
        if self._meter.limit_kw is not None:
            return anchor.peak_kw
        later = self._anchor(end, anchor.at_ms + MINUTE_MS + 1)
        return later.peak_kw if later else anchor.peak_kw

    def _best_now(self) -> Node:
        return min(self._tips, key=lambda tip: (self._cost(tip), -tip.at_ms))

    def _doubt(self, tip: Node, best: Node, least: int) -> Doubt:
        marks = [self._mark(node, least) for node in self._values(tip)]
        trial = None
        if tip.test:
            test = tip.test
            behind = self._moved_ms - test.begun_ms
            told = (test.first_ms, test.first_steps, test.paid_ms, test.rises)
            trial = Trial(test.anchor_ms, test.anchor_steps, behind, *told)
        return Doubt(tuple(reversed(marks)), self._fork(tip, best), tip.led, trial)

    def _mark(self, node: Node, least: int) -> Mark:
        behind, cost = self._moved_ms - node.moved_ms, self._cost(node) - least
        learned = (node.smallest, node.peak_kw, node.seen_ms)
        return Mark(node.at_ms, node.steps, node.since_ms, behind, cost, *learned)

    def _values(self, tip: Node) -> Iterator[Node]:
        """The end of a chain from the last reading back: of each value the last reading.

        The last one is the value before those that may still turn out to be false, however long ago it was.
        """
        from_ms, count, value = tip.at_ms - self._look_back_ms, 0, NONE
        at: Node | None = tip
        while at is not None:
            for node in self._parts(at):
                if node.steps == value:
                    continue
                if count > MOST_VALUES:
                    return
                yield node
                if node.at_ms < from_ms:
                    return
                value, count = node.steps, count + 1
            at = at.parent

    def _parts(self, node: Node) -> Iterator[Node]:
        """A reading, or the last reading of each value of a stretch, from the last one back."""
        if node.first == node.last:
            yield node
            return
        part = self._steps[node.first : node.last + 1]
        for last in reversed([*np.flatnonzero(np.diff(part)).tolist(), len(part) - 1]):
            yield self._cut(node, node.first + last)

    def _fork(self, tip: Node, best: Node) -> int:
        if tip is best:
            return tip.at_ms
        mine, root = line_of(tip)
        others, best_root = line_of(best)
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
        walked: Node | None = self._best_now()
        while walked is not None and walked.first != NONE:
            jumps |= walked.jumps
            walked = walked.parent
        places: list[tuple[int, int, Link]] = []
        node: Node | None = sure_end(self._best_now())
        while node is not None and node.first != NONE:
            places.append((node.first, node.last, _told(node, int(self._at_ms[node.first]), jumps)))
            node = node.parent
        places.reverse()
        kept_ms, follower_ms = self._border(node, places)
        return Judged(tuple(places), self._reopened(node, kept_ms, follower_ms), follower_ms)

    def _border(self, node: Node | None, places: list[tuple[int, int, Link]]) -> tuple[int, int]:
        """The last believed reading before the instant of the opening and the first one from there on."""
        kept_ms = node.since_ms if node and places and places[0][2] is Link.STILL else (node.at_ms if node else NONE)
        for first, last, _ in places:
            if int(self._at_ms[last]) >= self._edge_ms:
                inner = int(np.searchsorted(self._at_ms[first : last + 1], self._edge_ms, side="left"))
                return (int(self._at_ms[first + inner - 1]) if inner else kept_ms), int(self._at_ms[first + inner])
            kept_ms = int(self._at_ms[last])
        return kept_ms, NONE

    def _reopened(self, node: Node | None, kept_ms: int, follower_ms: int) -> int:
        opening = self._opening
        if opening.at_ms == NONE or (kept_ms == opening.at_ms and follower_ms == opening.next_ms):
            return NONE
        fork_ms = self._forks[node.root] if node is not None and node.root > 0 else kept_ms
        return max(0, min(kept_ms, fork_ms, opening.at_ms))


def _told(node: Node, at_ms: int, jumps: set[int]) -> Link:
    if at_ms in jumps:
        return Link.JUMP
    return Link.DIRECT if node.link is Link.TRIAL else node.link
