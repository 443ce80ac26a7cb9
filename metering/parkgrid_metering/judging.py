"""What windows come to: up to where intervals are told, which of them have a row, what is believed and found."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from parkgrid_domain.energy import NOTHING, Finding, Metered, Readings, RegisterRule
from parkgrid_domain.energy.readings import NONE
from parkgrid_metering import retry_queue
from parkgrid_metering.beliefs import DAY_MS, Held, Judged
from parkgrid_metering.columns import Int64s
from parkgrid_metering.computing import metered_of
from parkgrid_metering.findings import Found
from parkgrid_metering.opening import Opener
from parkgrid_metering.registers import LAST_MS
from parkgrid_metering.retry_queue import Failure
from parkgrid_metering.revisions import Computed
from parkgrid_metering.steps import Judgement, Part, Round
from parkgrid_metering.work import Window


def judgements(this: Round, part: Part, opener: Opener) -> Iterator[Judgement | Failure]:
    """Compute a part, in smaller parts where one of its registers fails; `opener` learns what comes after it."""

    def compute(given: Readings, windows: Sequence[Window], rules: Sequence[RegisterRule]) -> Metered:
        return metered_of(given, windows, rules, this.reach.due_ms)

    for windows, given, made in retry_queue.apart(compute, part.windows, part.given, part.rules):
        yield made if isinstance(made, Failure) else _judgement(this, windows, given, made, opener)


def _judgement(this: Round, windows: Sequence[Window], given: Readings, made: Metered, opener: Opener) -> Judgement:
    ends_ms = np.array([_end(this, each, place, made, opener) for place, each in enumerate(windows)], np.int64)
    computed = Computed(
        registers=np.array([each.span.register.register_id for each in windows], np.int64),
        grid=made.grid,
        table=made.table,
        wanted=_wanted(windows, given, made, ends_ms),
        fresh=all(each.first and each.span.register.metered_ms is None for each in windows),
        authors=[each.span.author for each in windows],
    )
    return Judgement(
        windows, ends_ms, computed, list(_judged(windows, ends_ms, made)), list(_found(windows, ends_ms, made))
    )


def _end(this: Round, window: Window, place: int, made: Metered, opener: Opener) -> int:
    """Up to where the intervals of a window are told, and what is to be computed after it."""
    course, edges = made.courses[place], made.openings[place].edges_ms
    register = window.span.register
    if register.method == "register" and opener.overturned(window, course.reopened_ms):
        return window.begin_ms
    told = dict(zip(edges, course.beliefs, strict=False))
    last_ms = int(made.last_ms[place])
    target_ms = register.floor(max(last_ms, this.reach.due_ms(register) if window.head else 0))
    reached = [edge for edge in edges if edge <= target_ms]
    end_ms = reached[-1] if reached else window.begin_ms
    known_ms = max(last_ms, window.belief.at_ms)
    same = [at for at, belief in sorted(window.held.items()) if told.get(at) == belief and told[at].next_ms != NONE]
    if same and same[0] <= end_ms:
        opener.unchanged(window)
        return same[0]
    opener.reached(window, end_ms, told.get(end_ms, NOTHING), known_ms)
    return end_ms


def _wanted(windows: Sequence[Window], given: Readings, made: Metered, ends_ms: Int64s) -> NDArray[np.bool_]:
    """Which intervals are to have a row."""
    used = given.trust > 0
    bounds = np.searchsorted(given.register[used], np.arange(len(windows) + 1))
    at_ms = given.at_ms[used]
    low = []
    for place, each in enumerate(windows):
        mine = at_ms[bounds[place] : bounds[place + 1]]
        low.append(_low(each, mine))
    starts = made.grid.edges_ms[None, :-1]
    wanted: NDArray[np.bool_] = (starts >= np.array(low)[:, None]) & (starts < ends_ms[:, None])
    return wanted


def _low(window: Window, at_ms: Int64s) -> int:
    """The first interval of a window with readings at these instants that may be written."""
    register = window.span.register
    kept_ms = register.kept_ms
    if register.metered_ms is not None and kept_ms is not None and (window.first or window.begin_ms < kept_ms):
        # What lay before was removed: an interval that needed it is not computed again.
        there = at_ms[at_ms >= kept_ms]
        first_ms = int(there[0]) if len(there) else LAST_MS
        return max(window.begin_ms, register.floor(first_ms - 1) + register.period_ms)
    if not window.first:
        return window.begin_ms
    first_ms = int(at_ms[0]) if len(at_ms) else LAST_MS
    counted_ms = 0 if register.counted_ms is None or register.method == "power" else register.counted_ms
    return max(window.begin_ms, register.floor(first_ms), counted_ms)


def _judged(windows: Sequence[Window], ends_ms: Int64s, made: Metered) -> Iterator[Judged]:
    for place, each in enumerate(windows):
        end_ms = int(ends_ms[place])
        if each.span.register.method != "register" or end_ms <= each.begin_ms:
            continue
        days = {each.span.register.floor(day) for day in range(each.begin_ms // DAY_MS * DAY_MS, end_ms + 1, DAY_MS)}
        told = zip(made.openings[place].edges_ms, made.courses[place].beliefs, strict=False)
        known = [Held(at, belief) for at, belief in told if belief.at_ms != NONE]
        held = tuple(each for each in known if each.at_ms == end_ms or (each.at_ms < end_ms and each.at_ms in days))
        yield Judged(each.span.register.register_id, each.begin_ms, end_ms, held)


def _found(windows: Sequence[Window], ends_ms: Int64s, made: Metered) -> Iterator[Found]:
    mine: dict[int, list[Finding]] = {}
    for finding in made.findings:
        mine.setdefault(finding.register, []).append(finding)
    for place, each in enumerate(windows):
        if each.span.register.method == "register" and ends_ms[place] > each.begin_ms:
            number = each.span.register.register_id
            yield Found(number, each.begin_ms, int(ends_ms[place]), tuple(mine.get(place, ())))
