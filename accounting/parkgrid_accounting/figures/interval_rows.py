"""Energies of many registers over any span, row by row, with a row for every slot whether or not anything is known.

Rows are read in slices that fit into memory, register by register, so that years of a park can be sent on while they
are read. Whoever calls holds one snapshot: all slices see the same state.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from parkgrid_accounting.keys import keys
from parkgrid_accounting.scope import Scope
from parkgrid_accounting.statements import statement
from parkgrid_contract.time import from_ms, to_ms
from parkgrid_database.connection import Connection

Row: TypeAlias = tuple[Any, ...]
_SLICE_ROWS = 4_000
_HOUR_S = 3_600
AS_METERED = (
    "energy_kwh",
    "quality",
    "expected",
    "received",
    "valid",
    "estimated",
    "late",
    "first_at_ms",
    "first_register_kwh",
    "last_at_ms",
    "last_register_kwh",
    "revision",
    "changed_at_ms",
    "cause",
    "spread",
)
"""What is told of an interval as it was metered, after its register and its start."""
SUMMED = (
    "energy_kwh",
    "good",
    "estimated_intervals",
    "missing_intervals",
    "expected_intervals",
    "coverage_pct",
    "revised_at_ms",
)
"""What is told of an hour, a day or a month."""


@dataclass(frozen=True, slots=True)
class Register:
    """One direction of one metering point."""

    park_id: int
    register_id: int
    gateway: str
    device: str
    device_class: str
    signal: str
    period_s: int
    """Length of its intervals."""
    zone: ZoneInfo
    """The park's time zone, in which its days are cut."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """How long the slots of an answer are."""

    name: str
    statement: str
    columns: tuple[str, ...]

    def slots(self, register: Register, start_ms: int, stop_ms: int) -> list[int]:
        """The starts of the slots of a register that begin in a span, in ms since the epoch."""
        match self.name:
            case "1d" | "1mo":
                return _local_slots(register.zone, start_ms, stop_ms, monthly=self.name == "1mo")
            case "1h":
                return _even_slots(register.zone, start_ms, stop_ms, _HOUR_S)
            case _:
                return _even_slots(register.zone, start_ms, stop_ms, register.period_s)

    def missing(self, register: Register, at_ms: int) -> tuple[Any, ...]:
        """What is told of a slot that nothing is known of."""
        if self.columns is AS_METERED:
            return (None, "missing", *(None,) * (len(AS_METERED) - 2))
        expected = self._length_s(register, at_ms) // register.period_s
        return (None, 0, 0, expected, expected, 0.0, None)

    def _length_s(self, register: Register, at_ms: int) -> int:
        if self.name == "1h":
            return _HOUR_S
        following = _local_slots(register.zone, at_ms + 1, at_ms + 32 * 86_400_000, monthly=self.name == "1mo")
        return (following[0] - at_ms) // 1000


RESOLUTIONS = {
    resolution.name: resolution
    for resolution in (
        Resolution("15m", "intervals/rows", AS_METERED),
        Resolution("1h", "intervals/rows_1h", SUMMED),
        Resolution("1d", "intervals/rows_1d", SUMMED),
        Resolution("1mo", "intervals/rows_1mo", SUMMED),
    )
}
"""By name; `15m` is a register's own interval, which is longer for a device that reports less often."""


def registers(
    connection: Connection,
    scope: Scope,
    device_class: str | None = None,
    signals: Sequence[str] | None = None,
    unit: str = "kWh",
) -> list[Register]:
    """The registers behind a scope that count in `unit` (kWh or kvarh)."""
    bound = {
        "park": scope.park,
        **scope.parameters(),
        "device_class": device_class,
        "signals": None if signals is None else list(signals),
        "unit": unit,
    }
    rows = connection.execute(statement("intervals/registers_of_scope"), bound).fetchall()
    return [_register(*row) for row in rows]


def _register(park_id: int, register_id: int, *named: Any) -> Register:
    gateway, device, device_class, signal, period_s, zone = named
    return Register(park_id, register_id, gateway, device, device_class, signal, period_s, ZoneInfo(zone))


def expected_rows(found: Sequence[Register], resolution: Resolution, start_ms: int, stop_ms: int) -> int:
    """How many rows the slots of a span make, about."""
    span_s = (stop_ms - start_ms) / 1000
    length_s = {"1h": 3_600, "1d": 86_400, "1mo": 2_629_746}
    return sum(round(span_s / length_s.get(resolution.name, register.period_s)) for register in found)


def energies(
    connection: Connection, found: Sequence[Register], resolution: Resolution, start_ms: int, stop_ms: int
) -> Iterator[list[Row]]:
    """Rows of `gateway, device, device_class, signal, at_ms, period_s` and the resolution's columns, in batches.

    A slot without a row in the store is there too, with None for what is not known.
    """
    for group in _groups(found, resolution, start_ms, stop_ms):
        for start, stop in _spans(group, resolution, start_ms, stop_ms):
            yield _filled(connection, group, resolution, start, stop)


def revisions(connection: Connection, found: Sequence[Register], start_ms: int, stop_ms: int) -> Iterator[list[Row]]:
    """The former values of intervals: `gateway, device, device_class, signal`, then the columns of the statement."""
    with connection.cursor("revisions") as cursor:
        cursor.execute(statement("intervals/revisions"), _bound(found, start_ms, stop_ms))
        while rows := cursor.fetchmany(_SLICE_ROWS):
            yield [(*_named(found[place - 1]), *told) for place, *told in rows]


def _bound(found: Sequence[Register], start_ms: int, stop_ms: int) -> dict[str, Any]:
    span = {"start": from_ms(start_ms), "stop": from_ms(stop_ms)}
    return keys("registers", ((register.park_id, register.register_id) for register in found)) | span


def _named(register: Register) -> tuple[str, str, str, str]:
    return register.gateway, register.device, register.device_class, register.signal


def _groups(found: Sequence[Register], resolution: Resolution, start_ms: int, stop_ms: int) -> Iterator[list[Register]]:
    """Registers whose rows together fit into a slice, at least one."""
    group: list[Register] = []
    rows = 0
    for register in found:
        own = expected_rows([register], resolution, start_ms, stop_ms)
        if group and rows + own > _SLICE_ROWS:
            yield group
            group, rows = [], 0
        group.append(register)
        rows += own
    if group:
        yield group


def _spans(group: Sequence[Register], resolution: Resolution, start_ms: int, stop_ms: int) -> Iterator[tuple[int, int]]:
    """The span in parts that fit into a slice; sums are not cut, since their view reads the whole register anyway."""
    if resolution.columns is SUMMED:
        yield start_ms, stop_ms
        return
    step_ms = max(1, _SLICE_ROWS // len(group)) * min(register.period_s for register in group) * 1000
    for start in range(start_ms, stop_ms, step_ms):
        yield start, min(start + step_ms, stop_ms)


def _filled(
    connection: Connection, group: Sequence[Register], resolution: Resolution, start_ms: int, stop_ms: int
) -> list[Row]:
    cursor = connection.execute(statement(resolution.statement), _bound(group, start_ms, stop_ms), binary=True)
    known: list[dict[int, tuple[Any, ...]]] = [{} for _ in group]
    for place, at_ms, *told in cursor.fetchall():
        known[place - 1][at_ms] = tuple(told)
    return [
        (*_named(register), at_ms, register.period_s, *(stored.get(at_ms) or resolution.missing(register, at_ms)))
        for register, stored in zip(group, known, strict=True)
        for at_ms in sorted(stored.keys() | resolution.slots(register, start_ms, stop_ms))
    ]


def _even_slots(zone: ZoneInfo, start_ms: int, stop_ms: int, length_s: int) -> list[int]:
    """Slots of an even length, counted from the local midnight before the span."""
    midnight = from_ms(start_ms).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    origin_ms, length_ms = to_ms(midnight), length_s * 1000
    first = origin_ms + -(-(start_ms - origin_ms) // length_ms) * length_ms
    return list(range(first, stop_ms, length_ms))


def _local_slots(zone: ZoneInfo, start_ms: int, stop_ms: int, *, monthly: bool) -> list[int]:
    """Local midnights in a span: of every day, or of every first day of a month."""
    found = []
    day = from_ms(start_ms).astimezone(zone).date()
    while (at_ms := to_ms(datetime(day.year, day.month, day.day, tzinfo=zone))) < stop_ms:
        if at_ms >= start_ms and (day.day == 1 or not monthly):
            found.append(at_ms)
        day += timedelta(days=1)
    return found
