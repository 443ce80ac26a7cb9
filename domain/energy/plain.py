"""Registers whose readings all simply go on from each other: what is believed of them, without judging each reading.

It comes to what `chains` would come to, under a declared limit as under one that was learned before.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from domain.energy.belief import Belief
from domain.energy.course import Course, Known, Opening
from domain.energy.declared import Declared
from domain.energy.meter import ENOUGH_MS, LEARNED, Meter, allowed_ms, allowed_wh
from domain.energy.nodes import MINUTE_MS, powers_kw, reach_ms, three_smallest, whs
from domain.energy.readings import INSTANTS, NONE


def plain(known: Known, meters: Declared, bounds: NDArray[np.int64], openings: Sequence[Opening]) -> NDArray[np.bool_]:
    """Registers with a known limit whose readings all go on from the one before them, and nothing is open."""
    found = np.zeros(len(openings), dtype=np.bool_)
    if not len(known.steps):
        return found
    limit_kw = _limits_kw(meters, openings)
    wh = meters.wh(known.steps, known.declaration)
    rise = np.diff(wh, prepend=wh[:1])
    span = np.diff(known.at_ms, prepend=known.at_ms[:1])
    fits = (np.diff(known.steps, prepend=known.steps[:1]) >= 0) & (
        rise <= limit_kw[known.register] * allowed_ms(span) / 3_600.0
    )
    fits &= np.diff(known.era, prepend=known.era[:1]) == 0
    firsts = bounds[:-1][bounds[:-1] < bounds[1:]]
    fits[firsts] = True
    wrong = np.add.reduceat(~fits, firsts)
    register = known.register[firsts]
    found[register] = (wrong == 0) & np.isfinite(limit_kw[register])
    for place in np.flatnonzero(found).tolist():
        belief = openings[place].belief
        found[place] = belief.unsure is None and _goes_on(known, meters, int(bounds[place]), belief)
    return found


def _limits_kw(meters: Declared, openings: Sequence[Opening]) -> NDArray[np.float64]:
    """The declared limit of each register, else the one that was learned; infinite: not known yet."""
    beliefs = [opening.belief for opening in openings]
    learned = [LEARNED * belief.peak_kw if belief.seen_ms >= ENOUGH_MS else np.inf for belief in beliefs]
    return np.where(np.isfinite(meters.limit_kw), meters.limit_kw, learned)


def _goes_on(known: Known, meters: Declared, first: int, belief: Belief) -> bool:
    """Whether the first reading given follows the anchor of what was believed."""
    if belief.at_ms == NONE:
        return True
    register, declaration = int(known.register[first]), int(known.declaration[first])
    anchor = np.array([register * INSTANTS + belief.anchor_ms], np.int64)
    if int(meters.era(known.register[first : first + 1], anchor)[0]) != int(known.era[first]):
        return False
    meter = Meter.of(meters, register, declaration)
    rise = meter.wh(int(known.steps[first])) - meter.wh(belief.anchor_steps)
    span = int(known.at_ms[first]) - belief.anchor_ms
    if span <= 0:
        return span == 0 and rise == 0
    return 0 <= rise <= allowed_wh(meter.power_kw(belief.peak_kw, belief.seen_ms), span)


def plain_course(mine: Known, meters: Declared, register: int, opening: Opening) -> Course | None:
    """The course of a register without any question; None: it is too young for that."""
    at_ms, steps, first = mine.at_ms, mine.steps, opening.belief
    reach = reach_ms(int(meters.period_ms[register]))
    edges = [*opening.edges_ms, int(at_ms[-1]) + 1]
    tips = np.searchsorted(at_ms, edges) - 1
    anchors = np.searchsorted(at_ms, [edge - reach for edge in edges]) - 1
    if first.at_ms == NONE and (anchors[0] < 0 or edges[0] - reach <= int(at_ms[0])):
        return None
    # An opening's anchor comes before the readings given, or is the first of them.
    led = int(first.at_ms != NONE and int(at_ms[0]) > first.anchor_ms)
    whole = np.concatenate([[first.anchor_steps], steps]) if led else steps
    peaks_kw = _peaks_kw(mine, meters, register, first, led)
    beliefs: list[Belief] = []
    done, smallest = 0, first.smallest
    for tip, anchor in zip(tips.tolist(), anchors.tolist(), strict=True):
        last_ms, last_steps = (int(at_ms[tip]), int(steps[tip])) if tip >= 0 else (first.at_ms, first.steps)
        if anchor < 0:
            beliefs.append(replace(first, at_ms=last_ms, steps=last_steps, next_ms=NONE))
            continue
        end = anchor + 1 + led
        smallest = three_smallest(smallest, whole[done:end])
        done = max(done, end - 1)
        value, anchor_ms = int(steps[anchor]), int(at_ms[anchor])
        same = int(np.searchsorted(steps, value, side="left"))
        stood = same == 0 and first.at_ms != NONE and first.anchor_steps == value
        since_ms = first.since_ms if stood else int(at_ms[same])
        peak_kw = first.peak_kw
        if peaks_kw is not None:
            # A later round cannot look back over the anchor, so the minute after it is in.
            shown = int(np.searchsorted(at_ms, anchor_ms + MINUTE_MS, side="right")) - 1
            peak_kw = max(peak_kw, float(peaks_kw[min(shown, tip)]))
        beliefs.append(Belief(last_ms, last_steps, anchor_ms, value, since_ms, smallest, peak_kw, first.seen_ms))
    return Course(tuple(beliefs), _reopened_ms(at_ms, opening))


def _peaks_kw(mine: Known, meters: Declared, register: int, first: Belief, led: int) -> NDArray[np.float64] | None:
    """The highest power shown up to each reading; None: a limit is declared."""
    if np.isfinite(meters.limit_kw[register]):
        return None
    meter = Meter.of(meters, register, meters.last_of(int(mine.declaration[0])))
    at_ms, wh = mine.at_ms, whs(meter, mine.steps)
    if led:
        at_ms = np.concatenate([[first.anchor_ms], at_ms])
        wh = np.concatenate([[meter.wh(first.anchor_steps)], wh])
    return np.maximum.accumulate(powers_kw(at_ms, wh, first.since_ms))[led:]


def _reopened_ms(at_ms: NDArray[np.int64], opening: Opening) -> int:
    belief = opening.belief
    if belief.at_ms == NONE:
        return NONE
    begin = int(np.searchsorted(at_ms, opening.begin_ms))
    kept_ms = int(at_ms[begin - 1]) if begin else belief.anchor_ms
    follower_ms = int(at_ms[begin]) if begin < len(at_ms) else NONE
    if kept_ms == belief.at_ms and follower_ms == belief.next_ms:
        return NONE
    return min(kept_ms, belief.at_ms)
