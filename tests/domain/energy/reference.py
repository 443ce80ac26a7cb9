"""The 15-minute truth once more, slow and obvious: one register, lists, exact fractions.

Written from the rules alone, to be compared with the arrays of the product.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from domain.energy import Declaration, Grid, IntervalQuality, RegisterRule

HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one register."""

    at_ms: int
    steps: int
    trust: int = 1


@dataclass(frozen=True, slots=True)
class Row:
    """What is told of one interval."""

    energy_wh: int | None
    quality: IntervalQuality
    received: int
    valid: int
    estimated: int
    first: tuple[int, int]
    last: tuple[int, int]


@dataclass(slots=True)
class Knot:
    """A reading or a declared change."""

    at_ms: int
    before: int | None
    after: int | None
    count_before: int
    count_after: int
    flagged: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one knot to the next."""

    start_ms: int
    end_ms: int
    energy_wh: int
    doubtful: bool
    unknown: bool


class Meter:
    """One register and what was declared of it."""

    def __init__(self, rule: RegisterRule) -> None:
        """Changes are the declarations with which another count starts."""
        self.rule = rule
        self.declarations = [Declaration(0, None, Fraction(1)), *rule.declarations]
        self.changes: list[Declaration] = []
        for old, new in zip(self.declarations, self.declarations[1:], strict=False):
            told = new.initial_steps is not None or new.final_steps is not None
            if new.valid_from_ms > 0 and (told or new.ratio != old.ratio):
                self.changes.append(new)

    def at(self, at_ms: int) -> Declaration:
        """The declaration in force."""
        return [one for one in self.declarations if one.valid_from_ms <= at_ms][-1]

    def count(self, at_ms: int) -> int:
        """Which count a reading belongs to."""
        return sum(change.valid_from_ms <= at_ms for change in self.changes)

    def wh(self, steps: int, at_ms: int) -> int:
        """Primary Wh of a value."""
        return floor(steps * self.at(at_ms).ratio + HALF)

    def plausible(self, energy_wh: int, start_ms: int, end_ms: int) -> bool:
        """Within the limit, with the slack of one period and 1000 steps."""
        if self.rule.limit_kw is None:
            return True
        span_ms = end_ms - start_ms + max(self.rule.period_ms, 60_000)
        return energy_wh <= self.rule.limit_kw * span_ms / 3600 + 1000 * self.at(start_ms).ratio

    def rise(self, old: Reading, new: Reading) -> int:
        """The difference of two readings."""
        return self.wh(new.steps, old.at_ms) - self.wh(old.steps, old.at_ms)

    def wrapped(self, old: Reading, new: Reading) -> int | None:
        """Energy of a roll-over near the top, or None."""
        modulus = self.at(old.at_ms).modulus_steps
        if new.steps < old.steps and modulus is not None and modulus - old.steps + new.steps <= modulus // 10:
            return self.wh(modulus, old.at_ms) + self.rise(old, new)
        return None


def believed(readings: list[Reading], meter: Meter) -> list[Reading]:
    """The readings that count."""
    known = [one for one in readings if one.trust and 0 <= one.steps < 2**60]
    known = [one for one in known if one.steps * meter.at(one.at_ms).ratio < 2**60]
    known = [one for one in known if one.steps < (meter.at(one.at_ms).modulus_steps or 2**62)]
    known = _without(known, meter, lambda a, x, _: x < a)
    known = _without(known, meter, lambda a, x, b: x < a or x > b)
    return _settled(known, meter)


def _without(known: list[Reading], meter: Meter, leaves: Callable[[int, int, int], bool]) -> list[Reading]:
    false: set[int] = set()
    for run in (1, 2, 3):
        for first in range(len(known) - run - 1):
            a, *inner, b = known[first : first + run + 2]
            values = [one.steps for one in inner]
            if meter.count(a.at_ms) != meter.count(b.at_ms) or a.steps > b.steps:
                continue
            if not all(leaves(a.steps, value, b.steps) for value in values):
                continue
            if all(value < a.steps for value in values) and values == sorted(values) and values[0] < values[-1]:
                continue
            if meter.plausible(meter.rise(a, b), a.at_ms, b.at_ms):
                false.update(range(first + 1, first + run + 1))
    return [one for place, one in enumerate(known) if place not in false]


def _settled(known: list[Reading], meter: Meter) -> list[Reading]:
    held: set[int] = set()
    for place in range(max(1, len(known) - 3), len(known)):
        old, new = known[place - 1], known[place]
        if meter.count(old.at_ms) != meter.count(new.at_ms):
            continue
        falls = new.steps < old.steps and meter.wrapped(old, new) is None
        if falls or not meter.plausible(meter.rise(old, new), old.at_ms, new.at_ms):
            same = [n for n in range(place, len(known)) if meter.count(known[n].at_ms) == meter.count(new.at_ms)]
            held.update(same)
    return [one for place, one in enumerate(known) if place not in held]


def knots(known: list[Reading], meter: Meter) -> list[Knot]:
    """Readings and declared changes between them."""
    chain: list[Knot] = []
    for one in known:
        count = meter.count(one.at_ms)
        knot = Knot(one.at_ms, one.steps, one.steps, count, count, one.trust > 1)
        for number, change in enumerate(meter.changes, start=1):
            if not chain or not chain[-1].at_ms < change.valid_from_ms <= one.at_ms:
                continue
            if change.valid_from_ms == one.at_ms:
                knot.before, knot.count_before = change.final_steps, number - 1
            elif change.initial_steps is not None or change.final_steps is not None:
                values = change.final_steps, change.initial_steps
                chain.append(Knot(change.valid_from_ms, *values, number - 1, number, flagged=False))
        chain.append(knot)
    return chain


def stretches(chain: list[Knot], meter: Meter, grid: Grid) -> list[Stretch]:
    """What was counted between the knots."""
    longest = min(max(2.5 * meter.rule.period_ms, 90_000), 1.05 * grid.period_ms)
    found = []
    for a, b in zip(chain, chain[1:], strict=False):
        doubtful = a.flagged or b.flagged or b.at_ms - a.at_ms > longest
        if a.after is None or b.before is None or a.count_after != b.count_before:
            found.append(Stretch(a.at_ms, b.at_ms, 0, doubtful=True, unknown=True))
            continue
        old, new = Reading(a.at_ms, a.after), Reading(b.at_ms, b.before)
        energy_wh, reset = meter.rise(old, new), False
        if new.steps < old.steps:
            through = meter.wrapped(old, new)
            reset = through is None or not meter.plausible(through, a.at_ms, b.at_ms)
            slip = old.steps - new.steps <= old.steps // 1000
            from_zero = 0 if slip else meter.wh(new.steps, a.at_ms)
            energy_wh = from_zero if reset or through is None else through
        above = not meter.plausible(energy_wh, a.at_ms, b.at_ms)
        found.append(Stretch(a.at_ms, b.at_ms, energy_wh, doubtful or reset or above, unknown=False))
    return found


def rows(readings: list[Reading], rule: RegisterRule, grid: Grid) -> list[Row]:
    """Every interval of the grid."""
    meter = Meter(rule)
    known = believed(readings, meter)
    chain = knots(known, meter)
    counted = stretches(chain, meter, grid)
    starts = [grid.start_ms + n * grid.period_ms for n in range(grid.count)]
    return [_row(start, start + grid.period_ms, readings, known, chain, counted) for start in starts]


def _row(
    start: int,
    end: int,
    readings: list[Reading],
    known: list[Reading],
    chain: list[Knot],
    counted: list[Stretch],
) -> Row:
    inside = [one for one in known if start <= one.at_ms < end]
    firsts = [knot for knot in chain if knot.at_ms <= start]
    lasts = [knot for knot in chain if knot.at_ms >= end]
    within = [one for one in counted if one.start_ms < end and one.end_ms > start]
    energy_wh = None
    quality = IntervalQuality.MISSING
    if firsts and lasts and not all(one.unknown for one in within):
        energy_wh = _count(counted, end) - _count(counted, start)
        quality = IntervalQuality.ESTIMATED if any(one.doubtful for one in within) else IntervalQuality.GOOD
    return Row(
        energy_wh,
        quality,
        received=sum(start <= one.at_ms < end for one in readings),
        valid=len(inside),
        estimated=sum(one.trust > 1 for one in inside),
        first=(firsts[-1].at_ms, _told(firsts[-1].after)) if firsts else (-1, -1),
        last=(lasts[0].at_ms, _told(lasts[0].before)) if lasts else (-1, -1),
    )


def _count(counted: list[Stretch], at_ms: int) -> int:
    total = 0
    for one in counted:
        if one.end_ms <= at_ms:
            total += one.energy_wh
        elif one.start_ms < at_ms:
            total += floor(Fraction(one.energy_wh * (at_ms - one.start_ms), one.end_ms - one.start_ms) + HALF)
    return total


def _told(value: int | None) -> int:
    return -1 if value is None else value
