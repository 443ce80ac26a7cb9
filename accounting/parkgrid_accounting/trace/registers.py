"""The lower half of a trace: a register's stored intervals beside the same ones computed again from raw readings.

    interval_energy (what is published)          the views of the device classes (what came)
              │                                         │ readings, declarations
              ▼                                         ▼
         stored Wh, quality, revision   ◀─ equal? ─  domain.energy

Views only: whoever may read a figure may trace it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_accounting.statements import statement
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.energy import (
    Daylight,
    Declaration,
    Direction,
    Grid,
    IntervalQuality,
    IntervalTable,
    Neighbours,
    Opening,
    Readings,
    RegisterRule,
    Spread,
    integrated_power,
    metered,
    reach_ms,
)
from parkgrid_domain.energy.between import Instants, energy_between
from parkgrid_metering.beliefs import decode
from parkgrid_metering.columns import Int64s, unpacked
from parkgrid_metering.neighbours import good_intervals
from parkgrid_metering.parks import Park
from parkgrid_metering.registers import LIMIT_OF_RATED, daylight

_AFTER_MS = 7_200_000
"""Readings so long after a span are looked at: what follows it decides which of its readings are believed."""
_BESIDE_MS = 7_200_000
_POWER = "active_power_kw"
_EXPORTING = frozenset({"energy_export_kwh", "energy_charged_kwh"})
_MOST_LISTED = 10_000
_QUALITY = ("missing", "good", "estimated")


@dataclass(frozen=True, slots=True)
class Source:
    """One register and where its readings lie."""

    park_id: int
    register_id: int
    device_id: int
    park: str
    gateway: str
    device: str
    device_class: str
    signal: str
    unit: str
    period_s: int
    method: str
    reading_s: float
    rated_kw: float | None
    announced: bool
    """Whether its device announces the counter."""
    counted_ms: int | None
    """From when on its counter answers, where power stood in for it before."""
    zone: str
    """The park's time zone."""
    latitude: float | None
    longitude: float | None

    @property
    def key(self) -> dict[str, int]:
        """What its rows and those of its device are stored under, as its statements name it."""
        return {"park_id": self.park_id, "register": self.register_id, "device": self.device_id}

    @property
    def read(self) -> str:
        """The signal that is read for it."""
        return self.signal if self.method == "register" else _POWER

    def relation(self) -> dict[str, sql.Composable]:
        """The names that its statements are about; from the catalogue only."""
        signal = CATALOGUE[self.device_class].by_name[self.read].name
        return {
            "relation": sql.Identifier("public", CATALOGUE[self.device_class].name),
            "signal": sql.Identifier(signal),
            "name": sql.Literal(signal),
        }


@dataclass(frozen=True, slots=True)
class Declared:
    """What somebody declared about a register."""

    valid_from_ms: int
    modulus_steps: int | None
    ratio: str
    reason: str
    declared_by: str


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of one life of a gateway's outbox."""

    gateway: str
    epoch: int
    batches: str
    """Every sequence number, as ranges: `{[1,97),[99,100)}`."""
    readings: int
    first_received_ms: int
    last_received_ms: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One raw reading and the batch that it came in."""

    at_ms: int
    value: float
    quality: str
    received_ms: int
    epoch: int
    seq: int


@dataclass(frozen=True, slots=True)
class IntervalTrace:
    """One interval: as it is stored, and as the readings give it."""

    at_ms: int
    energy_wh: int | None
    quality: str
    revision: int | None
    recomputed_wh: int | None
    recomputed_quality: str
    equal: bool


@dataclass(frozen=True, slots=True)
class RegisterTrace:
    """A register behind a figure, with the intervals, readings and batches behind it."""

    source: Source
    intervals: tuple[IntervalTrace, ...]
    energy_wh: int
    """Sum of what is stored."""
    recomputed_wh: int
    good: int
    estimated: int
    missing: int
    revised: int
    """Intervals that have been corrected."""
    declarations: tuple[Declared, ...]
    readings: int
    batches: tuple[Batches, ...]

    @property
    def equal(self) -> bool:
        """Whether every interval is what its readings give."""
        return all(interval.equal for interval in self.intervals)

    def joined(self, after: "RegisterTrace") -> "RegisterTrace":
        """With what follows: power stood in for the counter first, then it counted."""
        return RegisterTrace(
            after.source,
            (*self.intervals, *after.intervals),
            self.energy_wh + after.energy_wh,
            self.recomputed_wh + after.recomputed_wh,
            self.good + after.good,
            self.estimated + after.estimated,
            self.missing + after.missing,
            self.revised + after.revised,
            after.declarations,
            self.readings + after.readings,
            (*self.batches, *after.batches),
        )

    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
        """The recomputed Wh of its slots, whether each is known, and whether it is an estimate."""
        energy = np.array([each.recomputed_wh or 0 for each in self.intervals], np.int64)
        known = np.array([each.recomputed_wh is not None for each in self.intervals], np.bool_)
        estimated = np.array([each.recomputed_quality == "estimated" for each in self.intervals], np.bool_)
        return energy, known, estimated


def sources(connection: Connection, **wanted: Any) -> list[Source]:
    """Registers by `registers` (numbers), or by `park`, `gateway`, `device`, `signal`."""
    bound = dict.fromkeys(("registers", "park", "gateway", "device", "signal")) | wanted
    return [Source(*row) for row in connection.execute(statement("traces/registers"), bound)]


def trace_register(
    connection: Connection,
    source: Source,
    start_ms: int,
    stop_ms: int,
    revision: int | None = None,
    known_at: datetime | None = None,
) -> RegisterTrace:
    """The intervals of a register in a span, stored and computed again; as it was known at an instant, if one is given.

    A span without any reading or row has no intervals to compare: all of its slots are missing.
    """
    counted_ms = start_ms if source.counted_ms is None else min(source.counted_ms, stop_ms)
    if counted_ms <= start_ms:
        return _trace(connection, source, start_ms, stop_ms, revision, known_at)
    by_power = _trace(connection, replace(source, method="power"), start_ms, counted_ms, revision, known_at)
    if counted_ms == stop_ms:
        return by_power
    return by_power.joined(_trace(connection, source, counted_ms, stop_ms, revision, known_at))


def _trace(
    connection: Connection,
    source: Source,
    start_ms: int,
    stop_ms: int,
    revision: int | None,
    known_at: datetime | None,
) -> RegisterTrace:
    rows = stored_rows(connection, source, start_ms, stop_ms, revision)
    source, others = _lit(connection, source, rows, start_ms, former=known_at is not None)
    stored = {row[0]: (row[1], row[2], row[12]) for row in rows}
    declared = _declarations(connection, source, known_at)
    # Of an interval in a long gap the reading that ends the gap lies far behind it.
    ended_ms = max([stop_ms, *(row[10] for row in rows if row[10] is not None)])
    opening, low, high = _opening(connection, source, start_ms, ended_ms)
    readings = _readings(connection, source, low, high, known_at)
    grid = Grid(start_ms, source.period_s * 1000, (stop_ms - start_ms) // (source.period_s * 1000))
    table = _table(source, readings, [each for each, _ in declared], grid, opening, others)
    intervals = tuple(_interval(grid, table, place, stored) for place in range(grid.count))
    first, last = _rests_on(table, start_ms, stop_ms)
    qualities = [each.quality for each in intervals]
    return RegisterTrace(
        source=source,
        intervals=intervals,
        energy_wh=sum(each.energy_wh or 0 for each in intervals),
        recomputed_wh=sum(each.recomputed_wh or 0 for each in intervals),
        good=qualities.count("good"),
        estimated=qualities.count("estimated"),
        missing=qualities.count("missing"),
        revised=sum(1 for each in intervals if (each.revision or 1) > 1),
        declarations=tuple(told for _, told in declared),
        readings=_count(readings, first, last),
        batches=_batches(connection, source, from_ms(first), from_ms(last), known_at),
    )


def energy_of_span(
    connection: Connection, source: Source, start_ms: int, stop_ms: int
) -> tuple[int | None, bool, tuple[int, int]]:
    """Wh that a counter counted between two instants by its readings; whether that is an estimate; their reach."""
    opening, low, high = _opening(connection, source, start_ms, stop_ms)
    readings = _readings(connection, source, low, high, None)
    rule = _rule(source, [each for each, _ in _declarations(connection, source, None)])
    instants = Instants(np.array([start_ms, stop_ms], np.int64), source.period_s * 1000)
    energy, quality = energy_between(readings, [rule], instants, openings=[opening])
    known = int(quality[0, 0]) != IntervalQuality.MISSING
    estimated = int(quality[0, 0]) == IntervalQuality.ESTIMATED
    return int(energy[0, 0]) if known else None, estimated, (to_ms(low), to_ms(high))


def listed(
    connection: Connection, source: Source, low_ms: int, high_ms: int, known_at: datetime | None
) -> list[Reading]:
    """The readings of a span one by one, each with its batch; at most ten thousand."""
    query = sql.SQL(statement("traces/listed")).format(**source.relation())
    bound = _bound(source, from_ms(low_ms), from_ms(high_ms), known_at) | {"most": _MOST_LISTED}
    return [Reading(*row) for row in connection.execute(query, bound)]


def stored_rows(
    connection: Connection, source: Source, start_ms: int, stop_ms: int, revision: int | None
) -> list[tuple[Any, ...]]:
    """The stored rows of a span, in the columns of `traces/intervals.sql`."""
    bound = source.key | {"start": from_ms(start_ms), "stop": from_ms(stop_ms), "revision": revision}
    return connection.execute(statement("traces/intervals"), bound).fetchall()


def _declarations(
    connection: Connection, source: Source, known_at: datetime | None
) -> list[tuple[Declaration, Declared]]:
    rows = connection.execute(statement("traces/declarations"), source.key | {"known_at": known_at}).fetchall()
    found = []
    for valid_from_ms, modulus, numerator, denominator, initial, final, reason, by, step in rows:
        ratio = Fraction(numerator, denominator)
        declaration = Declaration(valid_from_ms, modulus, ratio, initial, final, step)
        found.append((declaration, Declared(valid_from_ms, modulus, str(ratio), reason, by)))
    return found


def _opening(connection: Connection, source: Source, start_ms: int, stop_ms: int) -> tuple[Opening, datetime, datetime]:
    """What was believed at or before a span, and from where to where readings can have a say in it."""
    row = connection.execute(statement("traces/belief"), source.key | {"start": from_ms(start_ms)}).fetchone()
    reading_ms = max(1, round(source.reading_s * 1000))
    high_ms = stop_ms + _AFTER_MS + reach_ms(reading_ms)
    if row is None or source.method != "register":
        query = sql.SQL(statement("traces/first")).format(**source.relation())
        first = connection.execute(query, source.key).fetchone()
        counted = source.method == "register" and first is not None and first[0] is not None
        low = first[0] if counted and first else from_ms(max(0, start_ms - _BESIDE_MS))
        return Opening(), low, from_ms(high_ms)
    begin_ms, belief = to_ms(row[0]), decode(row[1])
    low_ms = begin_ms - reach_ms(reading_ms)
    return Opening(belief, begin_ms), from_ms(max(0, min(low_ms, max(0, belief.at_ms)))), from_ms(high_ms)


def _bound(source: Source, low: datetime, high: datetime, known_at: datetime | None) -> dict[str, Any]:
    return source.key | {"low": low, "high": high, "known_at": known_at}


def _readings(
    connection: Connection, source: Source, low: datetime, high: datetime, known_at: datetime | None
) -> Readings:
    query = sql.SQL(statement("traces/readings")).format(**source.relation())
    with connection.cursor(binary=True) as cursor:
        row = cursor.execute(query, _bound(source, low, high, known_at)).fetchone()
    at_ms, steps, trust = (_column(packed) for packed in row or (None, None, None))
    none = np.zeros(len(at_ms), np.int32)
    return Readings(none, at_ms, steps, trust.astype(np.int8), none.astype(np.bool_))


def _column(packed: bytes | None) -> Int64s:
    return unpacked([packed or b""])


def _rule(source: Source, declarations: list[Declaration]) -> RegisterRule:
    limit_kw = source.rated_kw * LIMIT_OF_RATED if source.rated_kw else None
    return RegisterRule(tuple(declarations), max(1, round(source.reading_s * 1000)), limit_kw, _daylight(source))


def _lit(
    connection: Connection, source: Source, rows: Sequence[tuple[Any, ...]], start_ms: int, *, former: bool
) -> tuple[Source, Neighbours | None]:
    """By what light gaps were spread: the park's place as it is, or as a former value says; what others counted."""
    told = {row[15] for row in rows}
    if former and told & {"clock", "neighbours"}:
        source = replace(source, latitude=None, longitude=None)
    light = _daylight(source)
    gaps = [row for row in rows if row[2] != "good" and row[8] is not None and row[10] is not None]
    if light is None or light.spread != Spread.CLOCK or not gaps or (former and "neighbours" not in told):
        return source, None
    period_ms = source.period_s * 1000
    low_ms = start_ms + (min(row[8] for row in gaps) - start_ms) // period_ms * period_ms
    others = [
        each.register_id
        for each in sources(connection, park=source.park, signal=source.signal)
        if each.register_id != source.register_id and _daylight(each)
    ]
    park = Park(connection, source.park_id)
    counted = good_intervals(park, others, period_ms, low_ms, max(row[10] for row in gaps))
    return source, Neighbours(low_ms, period_ms, counted)


def _daylight(source: Source) -> Daylight | None:
    return daylight((source.device_class, source.signal), source.zone, source.latitude, source.longitude)


def _table(
    source: Source,
    readings: Readings,
    declarations: list[Declaration],
    grid: Grid,
    opening: Opening,
    others: Neighbours | None,
) -> IntervalTable:
    # What is declared of a counter is not about the power that stands in for it.
    stands_in = source.method == "power" and source.announced
    rule = replace(_rule(source, [] if stands_in else declarations), neighbours=others)
    if source.method == "register":
        return metered(readings, [rule], grid, [opening]).table
    direction = Direction.EXPORT if source.signal in _EXPORTING else Direction.IMPORT
    return integrated_power(readings, [rule], grid, direction)


def _rests_on(table: IntervalTable, start_ms: int, stop_ms: int) -> tuple[int, int]:
    """The readings that bound the intervals of a span: what lies between them is what its energy rests on."""
    first, last = table.first_at_ms[table.first_at_ms >= 0], table.last_at_ms[table.last_at_ms >= 0]
    return min([start_ms, *first.tolist()]), max([stop_ms, *last.tolist()])


def _count(readings: Readings, first_ms: int, last_ms: int) -> int:
    return int(((readings.at_ms >= first_ms) & (readings.at_ms <= last_ms)).sum())


def _interval(
    grid: Grid, table: IntervalTable, place: int, stored: Mapping[int, tuple[int | None, str, int]]
) -> IntervalTrace:
    at_ms = grid.start_ms + place * grid.period_ms
    quality = _QUALITY[int(table.quality[0, place])]
    recomputed = None if quality == "missing" else int(table.energy_wh[0, place])
    energy, told, revision = stored.get(at_ms, (None, "missing", None))
    return IntervalTrace(at_ms, energy, told, revision, recomputed, quality, energy == recomputed)


def _batches(
    connection: Connection, source: Source, low: datetime, high: datetime, known_at: datetime | None
) -> tuple[Batches, ...]:
    query = sql.SQL(statement("traces/batches")).format(**source.relation())
    rows = connection.execute(query, _bound(source, low, high, known_at)).fetchall()
    return tuple(
        Batches(f"{park}/{gateway}", epoch, batches, count, first, last)
        for park, gateway, epoch, count, batches, first, last in rows
    )
