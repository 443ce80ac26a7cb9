"""What charging sessions are told from: minutes and readings of chargers, intervals of their registers."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from parkgrid_accounting.statements import statement
from parkgrid_contract.signals import CHARGER_STATES
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.energy import Declaration, Readings, RegisterRule
from parkgrid_domain.energy.between import StoredIntervals
from parkgrid_domain.indicators.visits import IN_SESSION, NOT_COUNTED, Shown
from parkgrid_metering.columns import Int64s, unpacked
from parkgrid_metering.registers import LIMIT_OF_RATED

DELIVERED, RETURNED, POWER = "energy_delivered_kwh", "energy_returned_kwh", "active_power_kw"
_SIGNALS = ("operating_state", "session_count", DELIVERED, RETURNED, POWER, "session_energy_kwh", "vehicle_soc_pct")
_MEASURED = (DELIVERED, "session_energy_kwh", POWER, "vehicle_soc_pct")
_THOUSANDTHS = frozenset(_SIGNALS[2:])
_ABSENT = -(2**62)
"""Stands for what is not told: no reading is so far below zero."""
_WIDTH = 2 + len(_SIGNALS)
_BEFORE_MS = 30 * 86_400_000
"""How far back the reading before a span is looked for."""


class ChargerSpan(NamedTuple):
    """Where readings of a charger are wanted: [start, stop)."""

    device_id: int
    start_ms: int
    stop_ms: int


@dataclass(frozen=True, slots=True)
class ChargerRegister:
    """A register of what a charger delivers or takes back."""

    register_id: int
    device_id: int
    signal: str
    period_ms: int
    """Length of its intervals."""
    method: str
    """`register`, or `power` where the charger has no counter."""
    rule: RegisterRule


@dataclass(frozen=True, slots=True)
class ChargerRows:
    """Readings of one charger, ascending: one row each, in the columns of `_SIGNALS`."""

    at_ms: Int64s
    columns: Mapping[str, Int64s]

    def shown(self) -> Shown:
        """What tells of vehicles; readings without a state are left out."""
        told = self.columns["operating_state"] != _ABSENT
        count = self.columns["session_count"][told]
        return Shown(
            self.at_ms[told],
            np.ones(int(told.sum()), np.bool_),
            self.columns["operating_state"][told],
            np.where(count == _ABSENT, NOT_COUNTED, count),
            *(_thousandths(self.columns[name][told]) for name in _MEASURED),
        )

    def readings(self, signal: str) -> Readings:
        """One signal in thousandths."""
        told = self.columns[signal] != _ABSENT
        count = int(told.sum())
        return Readings(
            np.zeros(count, np.int32),
            self.at_ms[told],
            self.columns[signal][told],
            np.ones(count, np.int8),
            np.zeros(count, np.bool_),
        )

    @classmethod
    def none(cls) -> "ChargerRows":
        """No reading."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, dict.fromkeys(_SIGNALS, nothing))


def read_minutes(
    connection: Connection, park_id: int, devices: Sequence[int], start_ms: int, stop_ms: int
) -> dict[int, Shown]:
    """What chargers of a park showed at the end of minutes, without idle ones, by device."""
    parameters = {
        "park_id": park_id,
        "devices": list(devices),
        "start": from_ms(start_ms),
        "stop": from_ms(stop_ms),
        "states": [CHARGER_STATES.index(state) for state in IN_SESSION],
    }
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for device_id, *shown in connection.execute(statement("sessions/minutes"), parameters):
        rows.setdefault(device_id, []).append(tuple(shown))
    return {device_id: _minutes(found) for device_id, found in rows.items()}


def _minutes(rows: list[tuple[Any, ...]]) -> Shown:
    at, state, count, *measured = zip(*rows, strict=True)
    return Shown(
        np.array(at, np.int64),
        np.zeros(len(rows), np.bool_),
        np.array(state, np.int64),
        np.array([NOT_COUNTED if each is None else each for each in count], np.int64),
        *(np.array(each, np.float64) for each in measured),
    )


def read_rows(connection: Connection, park_id: int, spans: Iterable[ChargerSpan]) -> dict[int, ChargerRows]:
    """The readings of a park's chargers in spans, each with the one before its span, by device."""
    wanted = list(_merged(spans))
    if not wanted:
        return {}
    low_ms = min(each.start_ms for each in wanted)
    parameters = {
        "park_id": park_id,
        "devices": [each.device_id for each in wanted],
        "starts": [from_ms(each.start_ms) for each in wanted],
        "stops": [from_ms(each.stop_ms) for each in wanted],
        "low": from_ms(low_ms),
        "before": from_ms(max(0, low_ms - _BEFORE_MS)),
        "high": from_ms(max(each.stop_ms for each in wanted)),
        "absent": _ABSENT,
    }
    query = sql.SQL(statement("sessions/readings")).format(
        packed=sql.SQL(" || ").join(_packed(name) for name in _SIGNALS),
        signals=sql.SQL(", ").join(sql.Identifier("c", name) for name in _SIGNALS),
    )
    with connection.cursor(binary=True) as cursor:
        # Never prepared: the planner is to see the spans and look at their partitions alone.
        row = cursor.execute(query, parameters, prepare=False).fetchone()
    table = unpacked([(row and row[0]) or b""]).reshape(-1, _WIDTH)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    # The reading before a span may lie in another one.
    table = table[np.append(True, (np.diff(table[:, :2], axis=0) != 0).any(axis=1))[: len(table)]]
    starts = np.flatnonzero(np.diff(table[:, 0], prepend=-1) != 0)
    parts = np.split(table, starts[1:]) if len(table) else []
    return {int(part[0, 0]): ChargerRows(part[:, 1], dict(zip(_SIGNALS, part.T[2:], strict=True))) for part in parts}


def _packed(name: str) -> sql.Composable:
    """A signal as a number, absent where it is flagged as not to be used."""
    value = "round(r.{signal} * 1000)::int8" if name in _THOUSANDTHS else "r.{signal}::int8"
    form = (
        "int8send(coalesce(CASE WHEN r.flags IS NULL OR coalesce(r.flags ->> {name}, 'good') IN ('good', 'estimated') "
        f"THEN {value} END, %(absent)s::int8))"
    )
    return sql.SQL(form).format(signal=sql.Identifier(name), name=sql.Literal(name))


def beyond(wanted: Iterable[ChargerSpan], spans: Iterable[ChargerSpan]) -> list[ChargerSpan]:
    """Those wanted that no other spans hold."""
    starts: dict[int, list[ChargerSpan]] = {}
    for span in _merged(spans):
        starts.setdefault(span.device_id, []).append(span)
    return [each for each in wanted if not _holds(starts.get(each.device_id, []), each)]


def _holds(spans: list[ChargerSpan], wanted: ChargerSpan) -> bool:
    place = bisect_right(spans, wanted.start_ms, key=lambda each: each.start_ms) - 1
    return place >= 0 and wanted.stop_ms <= spans[place].stop_ms


def _merged(spans: Iterable[ChargerSpan]) -> Iterable[ChargerSpan]:
    """Spans of a device that touch or overlap as one, in order."""
    held: ChargerSpan | None = None
    for span in sorted(set(spans)):
        if held is not None and held.device_id == span.device_id and span.start_ms <= held.stop_ms:
            held = held._replace(stop_ms=max(held.stop_ms, span.stop_ms))
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def read_registers(
    connection: Connection, park_id: int, devices: Sequence[int]
) -> dict[tuple[int, str], ChargerRegister]:
    """The registers of a park's chargers by device and signal, with what is declared of them."""
    chargers = {"park_id": park_id, "devices": list(devices)}
    rows = connection.execute(statement("sessions/registers"), chargers).fetchall()
    declared: dict[int, list[Declaration]] = {}
    numbers = {"park_id": park_id, "registers": [row[0] for row in rows]}
    for number, from_at_ms, modulus, above, below, initial, final in connection.execute(
        statement("sessions/declarations"), numbers
    ):
        held = Declaration(from_at_ms, modulus, Fraction(above, below), initial, final)
        declared.setdefault(number, []).append(held)
    found = {}
    for number, device_id, signal, period_s, method, reading_s, rated_kw, stands_in in rows:
        limit_kw = rated_kw * LIMIT_OF_RATED if rated_kw else None
        rule = RegisterRule(
            () if stands_in else tuple(declared.get(number, ())), max(1, round(reading_s * 1000)), limit_kw
        )
        found[device_id, signal] = ChargerRegister(number, device_id, signal, period_s * 1000, method, rule)
    return found


def read_intervals(
    connection: Connection, park_id: int, registers: Sequence[ChargerRegister], start_ms: int, stop_ms: int
) -> dict[int, StoredIntervals]:
    """The intervals of a park that begin in [start, stop), by register."""
    parameters = {
        "park_id": park_id,
        "registers": [each.register_id for each in registers],
        "start": from_ms(start_ms),
        "stop": from_ms(stop_ms),
    }
    periods = {each.register_id: each.period_ms for each in registers}
    with connection.cursor(binary=True) as cursor:
        rows = cursor.execute(statement("sessions/intervals"), parameters).fetchall()
    return {number: _stored(packed, periods[number]) for number, packed in rows}


def _stored(packed: bytes, period_ms: int) -> StoredIntervals:
    table = unpacked([packed]).reshape(-1, 7)
    at, energy, quality, first_at, first, last_at, last = table[np.argsort(table[:, 0], kind="stable")].T
    return StoredIntervals(at, period_ms, energy, quality.astype(np.int8), first_at, first, last_at, last)


def _thousandths(steps: Int64s) -> NDArray[np.float64]:
    return np.where(steps == _ABSENT, np.nan, steps / 1000.0)
