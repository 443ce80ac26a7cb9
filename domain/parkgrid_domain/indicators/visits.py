"""Visits of vehicles to a charger, told from what the charger shows: when each came and left, to the reading.

    state      available │ occupied  charging  charging  finishing │ available
    count          7     │    8         8         8         8      │     8
    register     100.0   │  100.0     104.0     109.0     109.0    │   109.0
                     └────────── its energy: 9 kWh ──────────────────┘

A visit begins when a vehicle comes (or the count rises while another leaves) and ends when the charger is free. One
that does not count is told by its display too, which begins at zero with each vehicle. The energy of a visit lies
between the last reading before it and the first one after it. Where one vehicle follows another between two readings,
the display of the second says how much of that is its own; without a display all of it is, since the first had
finished.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.signals import CHARGER_STATES

IN_SESSION = ("occupied", "charging", "discharging", "finishing")
_CODES = [CHARGER_STATES.index(state) for state in IN_SESSION]
_CHARGING = CHARGER_STATES.index("charging")
_POWERED = [CHARGER_STATES.index(state) for state in ("charging", "discharging")]
_DISPLAY_TOLERANCE_KWH = 0.05
"""Display and register are rounded, and read one after the other."""
_TOLERANCE_PERIODS = 2.5
_TOLERANCE_LEAST_MS = 90_000
"""A longer time without a reading is a gap, as for intervals."""
_MINUTE_MS = 60_000
NOT_COUNTED = -1


@dataclass(frozen=True, slots=True)
class Shown:
    """What one charger showed, ascending: readings, and minutes for which no reading is needed.

    A minute stands at its start with what was shown at its end.
    """

    at_ms: NDArray[np.int64]
    read: NDArray[np.bool_]
    """Whether it is a reading at its instant, no minute."""
    state: NDArray[np.int64]
    """Code of `CHARGER_STATES`."""
    session_count: NDArray[np.int64]
    """-1 where the charger does not count."""
    delivered_kwh: NDArray[np.float64]
    """Cumulative register; nan where it has none."""
    session_kwh: NDArray[np.float64]
    """The charger's own display of the session's energy (the highest of a minute); nan where it has none."""
    power_kw: NDArray[np.float64]
    """Power (the highest of a minute), negative towards the grid; nan where it is not measured."""
    soc_pct: NDArray[np.float64]
    """State of charge of the vehicle; nan where the charger is not told."""

    def chosen(self, which: NDArray[np.bool_]) -> "Shown":
        """Some of it."""
        return Shown(*(each[which] for each in self.columns()))

    def with_readings(self, readings: "Shown", read_ms: NDArray[np.int64]) -> "Shown":
        """The same with readings instead of minutes; `read_ms` are all instants, with those whose state is not used."""
        minutes = self.chosen(~np.isin(self.at_ms // _MINUTE_MS, read_ms // _MINUTE_MS))
        pairs = zip(minutes.columns(), readings.columns(), strict=True)
        together = [np.concatenate(pair) for pair in pairs]
        order = np.argsort(together[0], kind="stable")
        return Shown(*(each[order] for each in together))

    def followed(self, later: "Shown") -> "Shown":
        """The same with what was shown after it."""
        return Shown(*(np.concatenate(pair) for pair in zip(self.columns(), later.columns(), strict=True)))

    def occupied(self, at_ms: int) -> bool:
        """Whether a vehicle that was there before an instant is not known to have left after it."""
        inside = np.isin(self.state, _CODES)
        return bool(len(inside)) and bool(inside[-1]) and not self._left(at_ms).any()

    def until_left(self, at_ms: int) -> "Shown":
        """The same up to where a vehicle that was there at an instant has left."""
        left = np.flatnonzero(self._left(at_ms))
        return self.chosen(np.arange(len(self.at_ms)) <= left[0]) if len(left) else self

    def _left(self, at_ms: int) -> NDArray[np.bool_]:
        """Rows from an instant on that show no vehicle, or another count than the row before."""
        counted = np.diff(self.session_count, prepend=self.session_count[:1]) != 0
        left: NDArray[np.bool_] = (self.at_ms >= at_ms) & (counted | ~np.isin(self.state, _CODES))
        return left

    def columns(self) -> tuple[NDArray[Any], ...]:
        """Everything, in the order of the fields."""
        return (
            self.at_ms,
            self.read,
            self.state,
            self.session_count,
            self.delivered_kwh,
            self.session_kwh,
            self.power_kw,
            self.soc_pct,
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle at a charger."""

    start_ms: int
    """The first reading that shows it."""
    end_ms: int
    """The first reading that shows that it has left; the last reading of all while it is there."""
    from_ms: int
    """Its energy lies between this instant"""
    to_ms: int
    """and this one."""
    from_kwh: float | None
    """The register at its beginning where no reading is: as the display of this vehicle tells it."""
    goes_on: bool
    unsure: bool
    """Whether some of its energy may be another vehicle's, or the other way round."""
    displayed_kwh: float | None
    """The highest energy that the charger itself displayed."""
    peak_kw: float | None
    """The highest power to the vehicle; 0 where it only gave back, None where no power is measured."""
    soc_start_pct: float | None
    soc_end_pct: float | None
    """State of charge of the vehicle at the first and the last time that it is told of."""
    charging_min: int
    coverage_pct: float
    """Minutes of it of which the charger told (or longer periods, if it is read less often), of all; 0 to 100 %."""


@dataclass(frozen=True, slots=True)
class _Change:
    """An instant between two readings at which one vehicle had left and the next one came."""

    at_ms: int
    delivered_kwh: float
    """The register at that instant."""


def changes_ms(minutes: Shown) -> NDArray[np.int64]:
    """The minutes in which a vehicle may have come or left, and which have to be looked at reading by reading."""
    if not len(minutes.at_ms):
        return minutes.at_ms
    inside = np.isin(minutes.state, _CODES)
    changed = np.ones(len(inside), np.bool_)
    shown = np.nan_to_num(minutes.session_kwh, nan=-1.0)
    changed[1:] = (inside[1:] != inside[:-1]) | (minutes.session_count[1:] != minutes.session_count[:-1])
    changed[1:] |= inside[1:] & (minutes.session_count[1:] == NOT_COUNTED) & (shown[1:] < shown[:-1])
    return minutes.at_ms[changed]


def visits_of(shown: Shown, period_ms: int) -> list[Visit]:
    """Every visit in order; `period_ms` is the planned distance of readings."""
    if not len(shown.at_ms):
        return []
    line = _line(shown, period_ms)
    begins = np.flatnonzero(line.begins)
    changes = {place: change for place in begins.tolist() if (change := line.change(place)) is not None}
    return [line.visit(place, changes) for place in begins.tolist()]


@dataclass(frozen=True, slots=True)
class _Line:
    """What was shown, with what follows from the row before."""

    shown: Shown
    inside: NDArray[np.bool_]
    """Rows that show a vehicle, or that one was there since the row before."""
    begins: NDArray[np.bool_]
    ends: NDArray[np.int64]
    """The last row of the visit that a row belongs to."""
    vehicle: NDArray[np.bool_]
    """Rows that show a vehicle."""
    powered: NDArray[np.bool_]
    """Rows in which it charged or gave back."""
    rise: NDArray[np.int64]
    """How much the count has risen since the row before."""
    tolerance_ms: int
    """A longer time without a row is a gap."""
    period_ms: int
    """The planned distance of rows."""

    def visit(self, first: int, changes: dict[int, _Change]) -> Visit:
        """The visit that begins in a row."""
        shown, last = self.shown, int(self.ends[first])
        rows = slice(first, last + 1)
        gone = last + 1 < len(shown.at_ms)
        after = min(last + 1, len(shown.at_ms) - 1)
        unseen = not self.vehicle[first]
        start_ms = int(shown.at_ms[max(first - 1, 0) if unseen else first])
        end_ms = int(shown.at_ms[first if unseen else after])
        from_ms, doubt = self._begun(first, changes)
        to_ms, doubted = self._ended(last, changes) if gone and not unseen else (end_ms, False)
        by_minute = not all(shown.read[[first, max(first - 1, 0), after]])
        power, soc, displayed = (_finite(each[rows]) for each in (shown.power_kw, shown.soc_pct, shown.session_kwh))
        return Visit(
            start_ms,
            end_ms,
            from_ms,
            to_ms,
            changes[first].delivered_kwh if first in changes else None,
            goes_on=not gone and not unseen,
            unsure=doubt or doubted or by_minute,
            displayed_kwh=float(displayed.max()) if displayed.size else None,
            peak_kw=max(0.0, float(power.max())) if power.size else None,
            soc_start_pct=float(soc[0]) if soc.size else None,
            soc_end_pct=float(soc[-1]) if soc.size else None,
            charging_min=round(self._powered_ms(first, after if gone else last) / _MINUTE_MS),
            coverage_pct=self._coverage_pct(rows, start_ms, end_ms),
        )

    def change(self, first: int) -> _Change | None:
        """Between which two values the register stood when a vehicle came, if the display of that vehicle tells."""
        shown, before = self.shown, first - 1
        if before < 0 or (self.rise[first] <= 1 and not self.inside[before]):
            return None
        rise_kwh = shown.delivered_kwh[first] - shown.delivered_kwh[before]
        own_kwh = shown.session_kwh[first]
        if not (0 <= own_kwh <= rise_kwh + _DISPLAY_TOLERANCE_KWH) or rise_kwh <= 0:
            return None
        own_kwh = min(own_kwh, rise_kwh)
        span_ms = int(shown.at_ms[first] - shown.at_ms[before])
        at_ms = int(shown.at_ms[first]) - round(span_ms * own_kwh / rise_kwh)
        return _Change(at_ms, float(shown.delivered_kwh[first] - own_kwh))

    def _begun(self, first: int, changes: dict[int, _Change]) -> tuple[int, bool]:
        """From when on energy is this vehicle's, and whether that is in doubt."""
        shown, before = self.shown, max(first - 1, 0)
        if first in changes:
            return changes[first].at_ms, False
        others = self.rise[first] > 1 or (self.inside[before] and before < first)
        if not others:
            return int(shown.at_ms[before]), False
        if self._gap(first):
            return int(shown.at_ms[first]), True
        return int(shown.at_ms[before]), self._in_doubt(first)

    def _ended(self, last: int, changes: dict[int, _Change]) -> tuple[int, bool]:
        """Until when energy is this vehicle's, and whether that is in doubt."""
        after = last + 1
        if not self.begins[after]:
            return int(self.shown.at_ms[after]), False
        if after in changes and self.rise[after] <= 1:
            return changes[after].at_ms, False
        return int(self.shown.at_ms[last]), self._in_doubt(after)

    def _in_doubt(self, first: int) -> bool:
        """Whether what was counted before a row may belong to the vehicle before."""
        before = first - 1
        counted = self.shown.delivered_kwh[first] != self.shown.delivered_kwh[before]
        many = bool(self.rise[first] > 1)
        return counted and (many or self._gap(first) or bool(self.powered[before]))

    def _gap(self, place: int) -> bool:
        return place > 0 and bool(self.shown.at_ms[place] - self.shown.at_ms[place - 1] > self.tolerance_ms)

    def _powered_ms(self, first: int, after: int) -> int:
        """How long it charged or gave back; after the last reading of that before a gap, as long as one period."""
        spans = np.diff(self.shown.at_ms[first : after + 1])
        powered = self.powered[first : after + 1]
        held = powered[1:] | (spans <= self.tolerance_ms)
        return int(np.where(held, spans, self.period_ms)[powered[:-1]].sum())

    def _coverage_pct(self, rows: slice, start_ms: int, end_ms: int) -> float:
        places = np.maximum(self.shown.at_ms[rows] - start_ms, 0) // self.period_ms
        planned = -(-(end_ms - start_ms) // self.period_ms)
        return 100.0 * min(1.0, len(np.unique(places)) / planned) if planned else 100.0


def _line(shown: Shown, period_ms: int) -> _Line:
    count = _counts(shown.session_count)
    rise = np.maximum(np.diff(count, prepend=count[:1]), 0)
    rise[1:][count[:-1] == NOT_COUNTED] = 0
    vehicle, powered = np.isin(shown.state, _CODES), np.isin(shown.state, _POWERED)
    inside = vehicle | (rise > 0)
    anew = (rise > 0) | _displayed_anew(shown)
    begins = inside & (anew | ~np.concatenate(([False], inside[:-1])))
    # After a visit that no row shows, the same vehicle cannot be there: one that is has begun a visit of its own.
    unseen = (rise > 0) & ~vehicle
    begins[1:] |= inside[1:] & unseen[:-1]
    tolerance_ms = max(round(_TOLERANCE_PERIODS * period_ms), _TOLERANCE_LEAST_MS)
    over = np.flatnonzero(np.append(begins | ~inside, [True]))
    ends = over[np.searchsorted(over, np.arange(len(inside)), side="right")] - 1
    return _Line(shown, inside, begins, ends, vehicle, powered, rise, tolerance_ms, max(period_ms, _MINUTE_MS))


def _counts(told: NDArray[np.int64]) -> NDArray[np.int64]:
    """The count that holds in each row: one that comes and goes again is no count, and one that is absent stays.

    A count that falls for good begins anew, without a vehicle.
    """
    there = np.flatnonzero(told != NOT_COUNTED)
    if not len(there):
        return told
    new = np.flatnonzero(np.diff(told[there], prepend=NOT_COUNTED) != 0)
    runs = told[there][new].tolist()
    held: list[int] = []
    for number, value in enumerate(runs):
        following = runs[number + 1] if number + 1 < len(runs) else None
        held.append(held[-1] if held and following == held[-1] else value)
    of_there = np.repeat(held, np.diff(new, append=len(there)))
    place = np.searchsorted(there, np.arange(len(told)), side="right") - 1
    return np.where(place >= 0, of_there[np.maximum(place, 0)], NOT_COUNTED)


def _displayed_anew(shown: Shown) -> NDArray[np.bool_]:
    """Where a charger that does not count shows the display of another vehicle while it charges.

    It is lower than before, and no higher than what was delivered since then; where only minutes are known, since the
    one before that: in the minute of the change the former vehicle's display is the one that was kept.
    """
    told = np.flatnonzero(np.isfinite(shown.session_kwh))
    display, delivered = shown.session_kwh[told], shown.delivered_kwh[told]
    before = np.concatenate((display[:1], display[:-1]))
    one = np.concatenate((delivered[:1], delivered[:-1]))
    two = np.concatenate((one[:1], one[:-1]))
    since = np.where(shown.read[told], one, two)
    # A charger without a register has nothing to compare with.
    within = np.isnan(delivered) | (display <= delivered - since + _DISPLAY_TOLERANCE_KWH)
    found = np.zeros(len(shown.at_ms), np.bool_)
    counted = shown.session_count[told] != NOT_COUNTED
    found[told] = (display < before) & within & (shown.state[told] == _CHARGING) & ~counted
    return found


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]
