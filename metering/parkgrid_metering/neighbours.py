"""Inverters of a park without coordinates: what others counted in a gap of one tells when it counted.

    rows of an inverter changed ─▶ gaps of it and of the others at that time ─▶ computed again in the same round,
                                                                               with the good intervals beside them

Good intervals never rest on what others counted, so this comes to an end: what is computed again is no news to anybody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_domain.energy import NOT_GOOD, Neighbours, RegisterRule, Spread
from parkgrid_metering.columns import Int64s, instants_ms, unpacked
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import Register
from parkgrid_metering.revisions import Author, Computed, Written
from parkgrid_metering.work import RegisterSpan, Window

BESIDE = Author("neighbouring inverters")
_JOIN_MS = 86_400_000
"""Gaps so near to each other are computed together."""


class Inverters:
    """Registers of photovoltaics in a park that has several of them and no coordinates."""

    def __init__(self, park: Park, known: Iterable[Register]) -> None:
        self._park = park
        members = {
            each.register_id: each
            for each in known
            if each.method == "register" and each.daylight and each.daylight.spread == Spread.CLOCK
        }
        self._members = members if len(members) > 1 else {}
        self._changed: list[Int64s] = []

    def note(self, windows: Sequence[Window], computed: Computed, written: Written) -> None:
        """Remember which intervals changed."""
        changed, grid = written.inserted | written.changed, computed.grid
        for place, each in enumerate(windows):
            if each.span.register.register_id in self._members:
                at_ms = grid.start_ms + np.flatnonzero(changed[place]) * grid.period_ms
                self._changed.append(at_ms)

    def anew(self, metered_ms: Mapping[int, int]) -> list[RegisterSpan]:
        """What is to be computed again since intervals changed; `metered_ms`: up to where registers are by now."""
        changed, self._changed = self._changed, []
        if not changed:
            return []
        found: list[RegisterSpan] = []
        longest_ms = max(each.period_ms for each in self._members.values())
        runs = list(_runs(np.unique(np.concatenate(changed)), longest_ms))
        for number, hulls in self._gaps(list(self._members), runs).items():
            register = self._members[number]
            register = replace(register, metered_ms=metered_ms.get(number, register.metered_ms))
            found += _spans(register, hulls)
        return found

    def beside(self, windows: Sequence[Window], rules: Sequence[RegisterRule]) -> list[RegisterRule]:
        """The rules with what others counted across the gaps that the store knows of."""
        mine = {
            each.span.register.register_id: each.span.register
            for each in windows
            if each.span.register.register_id in self._members and each.span.register.metered_ms is not None
        }
        if not mine:
            return list(rules)
        whole = (min(each.begin_ms for each in windows), max(each.end_ms for each in windows))
        hulls = {number: _whole(hulls) for number, hulls in self._gaps(list(mine), [whole]).items()}
        beside: dict[int, Neighbours] = {}
        for alike in _alike([mine[number] for number in hulls]):
            beside |= self._beside(alike, _whole([hulls[each.register_id] for each in alike]))
        return [
            replace(rule, neighbours=beside.get(each.span.register.register_id))
            for each, rule in zip(windows, rules, strict=True)
        ]

    def _gaps(self, numbers: Sequence[int], runs: Sequence[tuple[int, int]]) -> dict[int, list[tuple[int, int]]]:
        """By register: the readings around intervals of these times that are not good, in order."""
        values = {
            "registers": list(numbers),
            "lows": [from_ms(low) for low, _ in runs],
            "highs": [from_ms(high) for _, high in runs],
        }
        found: dict[int, list[tuple[int, int]]] = {}
        for number, first, last in self._park.execute("intervals/unsure_spans", values):
            found.setdefault(number, []).append((to_ms(first), to_ms(last)))
        return found

    def _beside(self, alike: Sequence[Register], hull: tuple[int, int]) -> dict[int, Neighbours]:
        period_ms = alike[0].period_ms
        others = [each.register_id for each in self._members.values() if each.period_ms == period_ms]
        start_ms = alike[0].floor(hull[0])
        energy_wh = good_intervals(self._park, others, period_ms, start_ms, hull[1])
        return {
            each.register_id: Neighbours(start_ms, period_ms, energy_wh, others.index(each.register_id))
            for each in alike
        }


def good_intervals(
    park: Park, registers: Sequence[int], period_ms: int, start_ms: int, stop_ms: int
) -> NDArray[np.int64]:
    """Wh of the good intervals from a start on: one row a register, one column an interval, up to the stop."""
    count = -((start_ms - stop_ms) // period_ms)
    energy_wh = np.full((len(registers), count), NOT_GOOD, np.int64)
    values = {
        "registers": list(registers),
        "low": from_ms(start_ms),
        "high": from_ms(start_ms + count * period_ms),
        "period_s": period_ms // 1000,
    }
    for number, at, counted in park.execute("intervals/good_intervals", values, binary=True):
        slot, rest = np.divmod(instants_ms(unpacked([at])) - start_ms, period_ms)
        energy_wh[registers.index(number), slot[rest == 0]] = unpacked([counted])[rest == 0]
    return energy_wh


def _runs(slots_ms: Int64s, period_ms: int) -> Iterator[tuple[int, int]]:
    """From the first to the end of the last of intervals that follow one another."""
    if len(slots_ms):
        for run in np.split(slots_ms, np.flatnonzero(np.diff(slots_ms) > period_ms) + 1):
            yield int(run[0]), int(run[-1]) + period_ms


def _spans(register: Register, hulls: Sequence[tuple[int, int]]) -> Iterator[RegisterSpan]:
    """Gaps as spans, those near to each other as one; none of which readings were removed."""
    low_ms = high_ms = -_JOIN_MS
    for first_ms, last_ms in (hull for hull in hulls if hull[0] >= (register.kept_ms or 0)):
        if first_ms > high_ms + _JOIN_MS:
            if high_ms > low_ms:
                yield _span(register, low_ms, high_ms)
            low_ms = first_ms
        high_ms = max(high_ms, last_ms)
    if high_ms > low_ms:
        yield _span(register, low_ms, high_ms)


def _span(register: Register, low_ms: int, high_ms: int) -> RegisterSpan:
    return RegisterSpan(
        register, register.floor(low_ms), register.floor(high_ms - 1) + register.period_ms, BESIDE, forward=False
    )


def _whole(hulls: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return min(low for low, _ in hulls), max(high for _, high in hulls)


def _alike(registers: Iterable[Register]) -> list[list[Register]]:
    """Those with intervals of one length."""
    found: dict[int, list[Register]] = {}
    for register in registers:
        found.setdefault(register.period_ms, []).append(register)
    return list(found.values())
