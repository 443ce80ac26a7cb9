"""Charging sessions traced: the intervals a session lies in, and its energy once more from the readings alone.

published    intervals, cut at the session's ends, summed
recomputed   register at the end - register at the beginning, from the raw readings of the session in one piece
"""

from parkgrid_accounting.address import SessionAddress
from parkgrid_accounting.figures.session_rows import DELIVERED
from parkgrid_accounting.figures.sessions import sessions_begun
from parkgrid_accounting.scope import Scope
from parkgrid_accounting.trace.answer import Definition, NotTracedError, Trace
from parkgrid_accounting.trace.registers import Source, energy_of_span, listed, sources, trace_register
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.indicators.sessions import ChargingSession

_WH_PER_KWH = 1000
_ROUNDED_KWH = 0.002
"""Either end may lie between two readings, where the count is rounded to whole Wh."""
_DEFINITION = Definition(
    name="session_energy",
    name_zh="会话电量",
    name_en="energy of a charging session",
    formula="register at the end - register at the beginning, as believed in the intervals between; where no reading "
    "is at an end, between the two beside it",
    unit="kWh",
    source="docs/data-access.md; readings are the cumulative register of the charger",
)


def trace_session(connection: Connection, address: SessionAddress) -> Trace:
    """A session with the intervals and the readings behind it. Raises `NotTracedError`."""
    session = _session(connection, address)
    named = {"park": address.park, "gateway": address.gateway, "device": address.device}
    source = next(iter(sources(connection, **named, signal=DELIVERED)), None)
    if source is None or source.method != "register":
        return _without_register(address, session)
    visit, period_ms = session.visit, source.period_s * 1000
    energy_wh, estimated, (low_ms, high_ms) = energy_of_span(connection, source, visit.from_ms, visit.to_ms)
    again = None if energy_wh is None else energy_wh / _WH_PER_KWH
    start_ms, stop_ms = visit.from_ms // period_ms * period_ms, -(-visit.to_ms // period_ms) * period_ms
    equal = session.energy_kwh is not None and again is not None and abs(session.energy_kwh - again) <= _ROUNDED_KWH
    return Trace(
        address=str(address),
        definition=_DEFINITION,
        published=session.energy_kwh,
        recomputed=again,
        equal=equal,
        unit="kWh",
        coverage_pct=visit.coverage_pct,
        details=_details(session) | {"recomputed_estimated": int(estimated)},
        registers=(trace_register(connection, source, start_ms, stop_ms),),
        readings=tuple(listed(connection, source, max(low_ms, start_ms), min(high_ms, stop_ms), None)),
        notes=_notes(source, session),
    )


def _session(connection: Connection, address: SessionAddress) -> ChargingSession:
    scope = Scope(address.park, address.gateway, address.device)
    found = sessions_begun(connection, scope, address.start_ms, address.start_ms + 1).listed
    if not found:
        raise NotTracedError(
            f"no session of {address.gateway}/{address.device} begins at {from_ms(address.start_ms).isoformat()}: "
            f"/api/v1/parks/{address.park}/sessions lists those that begin in a span"
        )
    return found[0].session


def _details(session: ChargingSession) -> dict[str, float | int | str | None]:
    visit = session.visit
    return {
        "start_ms": visit.start_ms,
        "end_ms": visit.end_ms,
        "from_ms": visit.from_ms,
        "to_ms": visit.to_ms,
        "quality": str(session.quality),
        "displayed_kwh": visit.displayed_kwh,
        "returned_kwh": session.returned_kwh,
        **{f"from_{name}_kwh": energy_kwh for name, energy_kwh in (session.origin_kwh or {}).items()},
        "unattributed_kwh": session.unattributed_kwh,
    }


def _without_register(address: SessionAddress, session: ChargingSession) -> Trace:
    return Trace(
        address=str(address),
        definition=_DEFINITION,
        published=session.energy_kwh,
        recomputed=session.energy_kwh,
        equal=True,
        unit="kWh",
        coverage_pct=session.visit.coverage_pct,
        details=_details(session),
        notes=("the charger has no register of what it delivers: from its power or its display, not computed again",),
    )


def _notes(source: Source, session: ChargingSession) -> tuple[str, ...]:
    notes = [f"taken as stored, not computed again: origins; the readings listed are those of {source.signal}"]
    if session.visit.from_kwh is not None:
        notes.append(
            f"another vehicle left between two readings: by the display of this one the register stood at "
            f"{session.visit.from_kwh:.3f} kWh when it came"
        )
    return tuple(notes)
