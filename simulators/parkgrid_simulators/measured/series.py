"""Columns to what a device would have shown: running counts, gauges, and where a count goes on from an unknown past.

    energy of each row    1.5   2.5    —    0.25          — : blank, or the row is missing
    running count       0   1.5   4     4      4.25
                        ├────┼────┤ ?   ├──────┤          ? : unknown, so a break: never zero, never spread

Energies are added up as exact decimals, so the last count is the exact sum of what the files say.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from decimal import Decimal

from parkgrid_contract.time import from_ms, to_ms
from parkgrid_simulators.measured.mapping import DeviceMapping

SIGNS: Mapping[str, int] = {
    "energy_import_kwh": 1,
    "energy_export_kwh": -1,
    "energy_generated_kwh": 1,
    "energy_discharged_kwh": 1,
    "energy_charged_kwh": -1,
    "energy_delivered_kwh": 1,
    "energy_returned_kwh": -1,
}
"""Counters and the sign that their energy has in the active power."""
POWER = "active_power_kw"
_HOUR_MS = 3_600_000
_ORDINARY = 2.5
"""Readings further apart than so many periods have a gap between them."""
Points = Mapping[int, Decimal | None]
"""Instant in ms to value; None where the file has a blank."""


@dataclass(frozen=True, slots=True)
class Break:
    """From this instant on a count goes on, and what was counted between it and the value before is not known."""

    signal: str
    at_ms: int
    initial: Decimal
    """What the count is at the instant."""


@dataclass(frozen=True, slots=True)
class Count:
    """One running counter."""

    points: Points
    breaks: tuple[Break, ...] = ()
    rows: Points = field(default_factory=dict)
    """Energy by end of row, where the file has energies of rows."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one device showed, by instant."""

    mapping: DeviceMapping
    at_ms: Sequence[int] = ()
    values: Mapping[str, Sequence[Decimal | None]] = field(default_factory=dict)
    breaks: tuple[Break, ...] = ()
    rows: Mapping[str, Points] = field(default_factory=dict)
    """Energies of rows by counter."""

    def count(self, signal: str, at_ms: int) -> Decimal:
        """A running counter at the last instant not after this one at which it is known; 0 before the first."""
        values = self.values.get(signal, ())
        for place in range(bisect_right(self.at_ms, at_ms) - 1, -1, -1):
            value = values[place]
            if value is not None:
                return value
        return Decimal(0)


def series_of(mapping: DeviceMapping, counts: Mapping[str, Count], gauges: Mapping[str, Points]) -> Series:
    """Counters and gauges side by side, at every instant at which one of them has something to say."""
    by_signal: dict[str, Points] = {name: count.points for name, count in counts.items()} | dict(gauges)
    at_ms = sorted({at for points in by_signal.values() for at, value in points.items() if value is not None})
    return Series(
        mapping,
        at_ms,
        {name: [points.get(at) for at in at_ms] for name, points in by_signal.items()},
        tuple(each for count in counts.values() for each in count.breaks),
        {name: count.rows for name, count in counts.items() if count.rows},
    )


def added_up(signal: str, rows: Points, period_ms: int) -> Count:
    """The running count of the energies of rows, each named by its end."""
    total, known_ms = Decimal(0), None
    points: dict[int, Decimal | None] = {}
    breaks: list[Break] = []
    for end_ms, energy in rows.items():
        if energy is None:
            continue
        start_ms = end_ms - period_ms
        if known_ms != start_ms:
            points[start_ms] = total
            if known_ms is not None:
                breaks.append(Break(signal, start_ms, total))
        total += energy
        points[end_ms] = total
        known_ms = end_ms
    return Count(points, tuple(breaks), rows)


def mean_power(rows: Mapping[str, Points], period_ms: int) -> Points:
    """The mean power of each row in kW, at its end; known where every energy of the row is."""
    signed = [(SIGNS[name], points) for name, points in rows.items() if name in SIGNS]
    hours = Decimal(period_ms) / _HOUR_MS
    power: dict[int, Decimal | None] = {}
    for end_ms in sorted({end for _, points in signed for end in points}):
        total: Decimal | None = Decimal(0)
        for sign, points in signed:
            energy = points.get(end_ms)
            if total is None or energy is None:
                total = None
            else:
                total += sign * energy
        power[end_ms] = None if total is None else total / hours
    return power


def without_resets(signal: str, points: Points, period_ms: int, zone: tzinfo) -> Count:
    """A count that begins anew every day as one that goes on.

    Once a local day a fall is taken for the reset, unless the count is back within an hour: that is a false reading and
    stays one. So is every further fall of a day. Where readings are missing around the reset while the count was still
    rising, or for a day and more, what was counted meanwhile is unknown: a break at the midnight before the next one.
    """
    known = [(at, value) for at, value in points.items() if value is not None]
    counted = _Daily(signal, known, period_ms, zone)
    return Count(dict(counted.points()), tuple(counted.breaks))


class _Daily:
    """One pass over the readings of a daily count."""

    def __init__(self, signal: str, known: Sequence[tuple[int, Decimal]], period_ms: int, zone: tzinfo) -> None:
        self._signal = signal
        self._known = known
        self._period_ms = period_ms
        self._zone = zone
        self.breaks: list[Break] = []

    def points(self) -> Iterator[tuple[int, Decimal | None]]:
        base, day = Decimal(0), self._day(self._known[0][0]) if self._known else None
        for place, (at_ms, value) in enumerate(self._known):
            today = self._day(at_ms)
            if place and today != day and self._begins_anew(place):
                base += self._known[place - 1][1]
                day = today
                midnight_ms = self._midnight(at_ms)
                if self._lost(place) and midnight_ms > self._known[place - 1][0]:
                    self.breaks.append(Break(self._signal, midnight_ms, base))
                    if midnight_ms < at_ms:
                        yield midnight_ms, base
            yield at_ms, base + value

    def _begins_anew(self, place: int) -> bool:
        (before_ms, before), (at_ms, value) = self._known[place - 1], self._known[place]
        if value < before:
            return not any(later >= before for later in self._within_an_hour(place))
        return value > before and at_ms - before_ms > _ORDINARY * self._period_ms

    def _within_an_hour(self, place: int) -> Iterator[Decimal]:
        for at_ms, value in self._known[place + 1 :]:
            if at_ms > self._known[place][0] + _HOUR_MS:
                return
            yield value

    def _lost(self, place: int) -> bool:
        """Whether energy was counted that nobody has seen."""
        (before_ms, before), (at_ms, _) = self._known[place - 1], self._known[place]
        if at_ms - before_ms <= _ORDINARY * self._period_ms:
            return False
        rising = place > 1 and before > self._known[place - 2][1]
        return rising or (self._day(at_ms) - self._day(before_ms)).days > 1

    def _day(self, at_ms: int) -> date:
        return from_ms(at_ms).astimezone(self._zone).date()

    def _midnight(self, at_ms: int) -> int:
        day = self._day(at_ms)
        return to_ms(datetime(day.year, day.month, day.day, tzinfo=self._zone))


def balance(series: Iterable[Series], mapping: DeviceMapping, period_ms: int) -> Series:
    """The meter of the connection point: what is missing or left over in every row, known where every part is."""
    signed = [
        (1 if one.mapping.role == "load" else -1, rows)
        for one in series
        if one.mapping.role in {"load", "generation"}
        for rows in one.rows.values()
    ]
    imported: dict[int, Decimal | None] = {}
    exported: dict[int, Decimal | None] = {}
    for end_ms in sorted({end for _, rows in signed for end in rows}):
        parts = [(sign, rows.get(end_ms)) for sign, rows in signed]
        known = [sign * energy for sign, energy in parts if energy is not None]
        net = sum(known, Decimal(0)) if len(known) == len(parts) else None
        imported[end_ms] = None if net is None else max(net, Decimal(0))
        exported[end_ms] = None if net is None else max(-net, Decimal(0))
    counts = {
        name: added_up(name, rows, period_ms)
        for name, rows in (("energy_import_kwh", imported), ("energy_export_kwh", exported))
    }
    power = mean_power({name: count.rows for name, count in counts.items()}, period_ms)
    return series_of(mapping, counts, {POWER: power})
