"""Gaps: spells of metered intervals with fewer readings than planned, each with the part of the way that failed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_domain.energy import Grid
from parkgrid_domain.energy.gaps import Evidence, GapCause, gaps
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import Register
from parkgrid_metering.revisions import Computed

_TOLERATED = 0.1
"""Share of planned readings that may be missing from an interval: polls drift across its edges."""
_Spell = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Apart:
    """Where the readings of a register lie too far apart to have intervals between them."""

    register_id: int
    from_ms: int
    to_ms: int
    cause: GapCause = GapCause.DEVICE


def note_gaps(park: Park, members: Sequence[Register], computed: Computed) -> None:
    """Replace the gaps of the computed intervals by what they now show."""
    grid, table = computed.grid, computed.table
    wanted = computed.wanted & (table.expected > 0)
    short = wanted & (table.expected - table.valid > _TOLERATED * table.expected)
    lines = np.flatnonzero(wanted.any(axis=1))
    former = _former(park, computed, lines)
    affected = [line for line in lines.tolist() if short[line].any() or int(computed.registers[line]) in former]
    if not affected:
        return
    # Witnesses are asked about the spell in which something is missing, and about nothing else.
    missing = np.flatnonzero(short.any(axis=0))
    hull = (int(missing[0]), int(missing[-1]) + 1) if len(missing) else (0, 0)
    evidence = _Witnesses(park, [members[line] for line in affected], grid, hull)
    for line in affected:
        slots = np.flatnonzero(wanted[line])
        first, last = int(slots[0]), int(slots[-1]) + 1
        part = Grid(grid.start_ms + first * grid.period_ms, grid.period_ms, last - first)
        found = gaps(
            part,
            table.expected[line, first:last],
            table.valid[line, first:last],
            evidence.of(members[line], slice(first, last)),
            _TOLERATED,
        )
        register = int(computed.registers[line])
        low_ms, high_ms = part.start_ms, part.start_ms + part.period_ms * part.count
        spells = [(gap.start_ms, gap.end_ms, gap.cause.value) for gap in found]
        _replace(park, register, _joined([*_outside(former.get(register, []), low_ms, high_ms), *spells]), former)


def note_apart(park: Park, found: Iterable[Apart]) -> None:
    """Between readings that do not belong together there are no intervals, and one gap."""
    for each in found:
        bounds = {"low": from_ms(each.from_ms), "high": from_ms(each.to_ms)}
        rows = park.execute("gaps/gaps_of_registers", bounds | {"registers": [each.register_id]}).fetchall()
        former = [(to_ms(start), to_ms(end), cause) for _, start, end, cause in rows]
        spells = [*_outside(former, each.from_ms, each.to_ms), (each.from_ms, each.to_ms, each.cause.value)]
        _replace(park, each.register_id, _joined(spells), {each.register_id: former})


def _former(park: Park, computed: Computed, lines: NDArray[np.int64]) -> dict[int, list[_Spell]]:
    """The gaps that were known within the grid or right beside it."""
    grid = computed.grid
    values = {
        "registers": computed.registers[lines].tolist(),
        "low": from_ms(grid.start_ms),
        "high": from_ms(grid.start_ms + grid.period_ms * grid.count),
    }
    found: dict[int, list[_Spell]] = {}
    for register, start, end, cause in park.execute("gaps/gaps_of_registers", values):
        found.setdefault(register, []).append((to_ms(start), to_ms(end), cause))
    return found


def _outside(spells: Iterable[_Spell], low_ms: int, high_ms: int) -> list[_Spell]:
    """What of known gaps lies outside the span that is computed again."""
    parts = []
    for start, end, cause in spells:
        parts += [(start, min(end, low_ms), cause), (max(start, high_ms), end, cause)]
    return [part for part in parts if part[0] < part[1]]


def _joined(spells: Iterable[_Spell]) -> list[_Spell]:
    """In order; neighbours with one cause become one."""
    joined: list[_Spell] = []
    for start, end, cause in sorted(spells):
        if joined and joined[-1][1] == start and joined[-1][2] == cause:
            joined[-1] = (joined[-1][0], end, cause)
        else:
            joined.append((start, end, cause))
    return joined


def _replace(park: Park, register: int, spells: Sequence[_Spell], former: dict[int, list[_Spell]]) -> None:
    before = former.get(register, [])
    if sorted(before) == list(spells):
        return
    park.execute("gaps/forget_gaps", {"register": register, "starts": [from_ms(start) for start, _, _ in before]})
    values = {
        "register": register,
        "starts": [from_ms(start) for start, _, _ in spells],
        "ends": [from_ms(end) for _, end, _ in spells],
        "causes": [cause for _, _, cause in spells],
    }
    park.execute("gaps/add_gaps", values)


def note_heard(park: Park, written: Iterable[tuple[Computed, NDArray[np.bool_]]]) -> None:
    """Note when registers were read as planned: other parks look there whether anybody at all was heard.

    `written`: computed intervals, and which of them have a new row.
    """
    instants: set[int] = set()
    for computed, new in written:
        table, grid = computed.table, computed.grid
        heard = (new & (10 * table.valid >= 9 * table.expected)).any(axis=0)
        instants.update((grid.start_ms + np.flatnonzero(heard) * grid.period_ms).tolist())
    if instants:
        park.execute("gaps/note_heard", {"instants": [from_ms(each) for each in sorted(instants)]})


class _Witnesses:
    """What else was seen in the intervals of a grid: neighbours, gateways, holes in sequences."""

    def __init__(self, park: Park, members: Sequence[Register], grid: Grid, hull: tuple[int, int]) -> None:
        self._grid = grid
        values = {
            "devices": sorted({register.device_id for register in members}),
            "low": from_ms(grid.start_ms + grid.period_ms * hull[0]),
            "high": from_ms(grid.start_ms + grid.period_ms * hull[1]),
        }
        self._siblings: dict[int, set[int]] = {}
        self._gateway_of: dict[int, str] = {}
        for device, gateway, sibling in park.execute("gaps/siblings", values):
            self._gateway_of[device] = gateway
            self._siblings.setdefault(device, set()).update([] if sibling is None else [sibling])
        self._readings = self._slots(park.execute("gaps/slots_of_devices", values))
        self._alive = self._slots(park.execute("gaps/slots_of_gateways", values))
        self._dropped = self._slots(park.execute("gaps/slots_dropped", values))
        self._restored = self._slots(park.execute("gaps/slots_restored", values))
        self._late = self._slots(park.execute("gaps/slots_late", values))
        self._imported = {name for (name,) in park.execute("gaps/imported_gateways", values)}
        anybody = self._slots(("", at, at) for (at,) in park.execute("gaps/slots_of_anybody", values))
        self._anybody = anybody.get("", np.zeros(grid.count, np.bool_))

    def _slots(self, rows: Iterable[Sequence[Any]]) -> dict[Any, NDArray[np.bool_]]:
        """By the first column: which intervals hold an instant of [second, third]."""
        found: dict[Any, NDArray[np.bool_]] = {}
        for name, start, end in rows:
            mask = found.setdefault(name, np.zeros(self._grid.count, np.bool_))
            first = max(0, (to_ms(start) - self._grid.start_ms) // self._grid.period_ms)
            last = (to_ms(end) - self._grid.start_ms) // self._grid.period_ms
            mask[first : max(first, last + 1)] = True
        return found

    def of(self, register: Register, part: slice) -> Evidence:
        """The evidence for one register."""
        nothing = np.zeros(self._grid.count, np.bool_)
        siblings = self._siblings.get(register.device_id, set())
        seen = nothing.copy()
        for sibling in siblings:
            seen |= self._readings.get(sibling, nothing)
        gateway = self._gateway_of.get(register.device_id, "")
        return Evidence(
            siblings=seen[part],
            has_siblings=bool(siblings),
            gateway=self._alive.get(gateway, nothing)[part],
            dropped=self._dropped.get(gateway, nothing)[part],
            came_later=self._late.get(gateway, nothing)[part],
            all_silent=~self._anybody[part],
            restored=self._restored.get(gateway, nothing)[part],
            imported=gateway in self._imported,
        )
