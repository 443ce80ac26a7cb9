"""From a published figure back to the readings it came from, and forward again from those.

    address ─▶ definition, rules, inputs ─▶ intervals ─▶ registers ─▶ readings ─▶ batches (gateway, epoch, seq)
                                                             │
    published  ◀────────────── equal? ──────────────▶  computed again from the readings

Indicators and bills are computed again by the one definition that published them, from energies that were computed
again from the raw readings. Inputs that are no energies (irradiance, states, prices) are taken as stored, and said so.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from parkgrid_accounting.address import (
    Address,
    BillAddress,
    ClusterAddress,
    IndicatorAddress,
    IntervalAddress,
    SessionAddress,
    parse,
)
from parkgrid_accounting.trace.answer import Definition, Input, NotTracedError, Rule, Trace
from parkgrid_accounting.trace.bills import trace_bill
from parkgrid_accounting.trace.clusters import trace_cluster
from parkgrid_accounting.trace.indicators import trace_indicator
from parkgrid_accounting.trace.registers import (
    Reading,
    Source,
    listed,
    sources,
    stored_rows,
    trace_register,
)
from parkgrid_accounting.trace.sessions import trace_session
from parkgrid_database.connection import Connection

__all__ = ["Definition", "Input", "NotTracedError", "Rule", "Trace", "trace"]
_ENERGY = Definition(
    name="interval_energy",
    name_zh="区间电量",
    name_en="energy of an interval",
    formula="(register at the end - register at the start) x ratio, roll-over and meter change as declared, edges "
    "interpolated between the readings beside them",
    unit="kWh",
    source="docs: the 15-minute truth; readings are cumulative registers of the device",
)


def trace(connection: Connection, address: Address | str, now_ms: int) -> Trace:
    """Everything that a figure came from, and whether it comes out again.

    Raises `AddressError` for a text that is no address and `AccountingError` for a figure that does not exist.
    """
    found = parse(address) if isinstance(address, str) else address
    match found:
        case IntervalAddress():
            return _interval(connection, found)
        case SessionAddress():
            return trace_session(connection, found)
        case IndicatorAddress():
            return trace_indicator(connection, found, now_ms)
        case BillAddress():
            return trace_bill(connection, found, now_ms)
        case ClusterAddress():
            return trace_cluster(connection, found)


def _interval(connection: Connection, address: IntervalAddress) -> Trace:
    source = _source(connection, address)
    stop_ms = address.start_ms + source.period_s * 1000
    rows, current = (
        [
            row
            for row in stored_rows(connection, source, address.start_ms, stop_ms, revision)
            if row[0] == address.start_ms
        ]
        for revision in (address.revision, None)
    )
    if not rows:
        raise NotTracedError(_why_not(address, source, current))
    row = rows[0]
    former = bool(current) and current[0][12] != row[12]
    known_at = row[13] if former else None
    register = trace_register(connection, source, address.start_ms, stop_ms, row[12] if former else None, known_at)
    (interval,) = register.intervals
    return Trace(
        address=str(address),
        definition=replace(_ENERGY, name=source.signal, unit=source.unit),
        published=_kwh(interval.energy_wh),
        recomputed=_kwh(interval.recomputed_wh),
        equal=interval.equal,
        unit=source.unit,
        coverage_pct=None if not row[3] else min(100.0, 100.0 * row[5] / row[3]),
        unavailable="no readings bound this interval" if interval.energy_wh is None else None,
        unavailable_zh="该时段前后没有读数" if interval.energy_wh is None else None,
        details=_details(row),
        registers=(register,),
        readings=_beside(connection, source, row, address.start_ms, stop_ms, known_at),
        notes=_notes(former=former, known_at=known_at, current=current),
    )


def _source(connection: Connection, address: IntervalAddress) -> Source:
    named = {name: getattr(address, name) for name in ("park", "gateway", "device", "signal")}
    found = sources(connection, **named)
    if not found:
        raise NotTracedError(
            f"no register {'/'.join(named.values())}: see /api/v1/parks/{address.park}/devices for the devices"
        )
    return found[0]


def _why_not(address: IntervalAddress, source: Source, current: Sequence[tuple[Any, ...]]) -> str:
    if current:
        return f"{address} does not exist: its revisions are 1 to {current[0][12]}"
    length = f"an interval of this register is {source.period_s} s long"
    return f"nothing is stored for {address}: no row, so it is missing, or no interval starts there ({length})"


def _details(row: tuple[Any, ...]) -> dict[str, float | int | str | None]:
    names = ("quality", "expected", "received", "valid", "estimated", "late")
    edges = ("first_at_ms", "first_register_kwh", "last_at_ms", "last_register_kwh", "revision")
    told = dict(zip((*names, *edges), row[2:13], strict=True))
    return {**told, "changed_at": row[13].isoformat(), "cause": row[14], "spread": row[15]}


def _beside(
    connection: Connection, source: Source, row: tuple[Any, ...], start_ms: int, stop_ms: int, known_at: datetime | None
) -> tuple[Reading, ...]:
    """The readings that bound the interval and those in it."""
    low = start_ms if row[8] is None else min(start_ms, row[8])
    high = stop_ms if row[10] is None else max(stop_ms, row[10])
    return tuple(listed(connection, source, low, high, known_at))


def _notes(*, former: bool, known_at: datetime | None, current: Sequence[tuple[Any, ...]]) -> tuple[str, ...]:
    if not former or known_at is None:
        return ()
    until, later = known_at.isoformat(), current[0][12]
    return (f"a former value, superseded by revision {later}: computed again from the readings received until {until}",)


def _kwh(energy_wh: int | None) -> float | None:
    return None if energy_wh is None else energy_wh / 1000
