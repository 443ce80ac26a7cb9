"""Charging sessions: what each vehicle took and gave back, and where its energy came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from parkgrid_accounting.figures.sessions import SessionOf, Sessions, sessions_begun
from parkgrid_accounting.scope import Scope
from parkgrid_api.answers.energy import ChargingSessions, ChargingSessionShape
from parkgrid_api.http import parameters
from parkgrid_api.http.exports import Row, Table
from parkgrid_api.http.problems import Mistake, refused
from parkgrid_api.http.revalidation import revalidated
from parkgrid_api.routes.accounts import MOST_DAYS, accounted, too_many_days
from parkgrid_api.routes.describe import described, room
from parkgrid_api.routes.tables import chosen, columns_of, whole
from parkgrid_api.services import Services
from parkgrid_database.connection import Connection

_DAY_MS = 86_400_000
_PLACES = ("park", "gateway", "device", "line", "transformer", "account")
_PARAMETERS = (
    parameters.PARK,
    parameters.FROM,
    parameters.TO,
    *parameters.PLACES,
    parameters.FORMAT,
    parameters.BOM,
)
_COLUMNS = columns_of(ChargingSessionShape)
_AT = 1795392000000
_EXAMPLE: ChargingSessions = {
    "park": "gaoxin-nan",
    "time_zone": "Asia/Shanghai",
    "from_ms": _AT,
    "to_ms": _AT + _DAY_MS,
    "as_of_ms": _AT + _DAY_MS,
    "registers_kwh": 32.5,
    "in_sessions_kwh": 30.0,
    "outside_sessions_kwh": 2.5,
    "sessions": [
        {
            "gateway": "gw-1",
            "device": "gun-1",
            "name": "Super-charger gun 1",
            "start_ms": _AT,
            "end_ms": _AT + 1_920_000,
            "state": "ended",
            "charging_min": 30,
            "energy_kwh": 30.0,
            "returned_kwh": 0.0,
            "from_pv_kwh": 24.0,
            "from_storage_kwh": 0.0,
            "from_grid_kwh": 6.0,
            "unattributed_kwh": 0.0,
            "displayed_kwh": 29.98,
            "peak_kw": 61.5,
            "soc_start_pct": 32.0,
            "soc_end_pct": 81.5,
            "quality": "good",
            "coverage_pct": 100.0,
            "origin_quality": "good",
        }
    ],
    "rows": 1,
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("energy")

    @router.get(
        "/parks/{park}/sessions",
        **described(
            "Charging sessions that began in a span, with the origin of their energy",
            ChargingSessions,
            _EXAMPLE,
            _PARAMETERS,
            kept=True,
        ),
    )
    async def sessions(request: Request) -> Response:
        values = parameters.read(request, _PARAMETERS)
        form = chosen(request, values)
        question = await _question(services, values)
        if form.name != "json":
            table, rows = await _answer(services, question)
            return whole(form, f"{question.scope.park}-sessions", table, rows)

        async def body() -> bytes:
            table, rows = await _answer(services, question)
            return b"".join(form.encode(table, [rows]))

        key = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        kept = services.cache.get(key) or await services.cache.ask(key, question.scope.park, body)
        told = revalidated(request, kept)
        told.headers["Vary"] = "Accept"
        return told

    return router


@dataclass(frozen=True, slots=True)
class _Question:
    """A request for sessions, understood."""

    scope: Scope
    start_ms: int
    stop_ms: int
    zone: ZoneInfo
    names: Mapping[tuple[str, str], str | None]
    """What people call the guns, by gateway and device."""
    bom: bool


async def _question(services: Services, values: Mapping[str, Any]) -> _Question:
    park = await services.registry.park(values["park"])
    start_ms, stop_ms = parameters.span_ms(values, services.clock.now_ms())
    if stop_ms - start_ms > MOST_DAYS * _DAY_MS:
        raise refused([Mistake.of("from", start_ms, too_many_days(MOST_DAYS))])
    devices = await services.registry.devices(values["park"])
    return _Question(
        Scope(**{part: values[part] for part in _PLACES}),
        start_ms,
        stop_ms,
        ZoneInfo(park["time_zone"]),
        {(each["gateway"], each["device"]): each["name"] for each in devices},
        values["bom"] == "true",
    )


async def _answer(services: Services, question: _Question) -> tuple[Table, list[Row]]:
    scope, as_of_ms = question.scope, services.clock.now_ms()

    def compute(connection: Connection) -> Sessions:
        return sessions_begun(connection, scope, question.start_ms, question.stop_ms)

    found = await accounted(services, "park", scope.park, compute)
    head = {
        "park": scope.park,
        "time_zone": str(question.zone),
        "from_ms": question.start_ms,
        "to_ms": question.stop_ms,
        "as_of_ms": as_of_ms,
        "registers_kwh": found.balance.registers_kwh,
        "in_sessions_kwh": found.balance.sessions_kwh,
        "outside_sessions_kwh": found.balance.outside_kwh,
    }
    told = [_row(each, question.names.get((each.gateway, each.device))) for each in found.listed]
    rows: list[Row] = [[row[column.member] for column in _COLUMNS] for row in map(dict, told)]
    return Table("sessions", _COLUMNS, head, question.zone, question.bom), rows


def _row(found: SessionOf, name: str | None) -> ChargingSessionShape:
    session, visit = found.session, found.session.visit
    origin = session.origin_kwh
    return {
        "gateway": found.gateway,
        "device": found.device,
        "name": name or None,
        "start_ms": visit.start_ms,
        "end_ms": visit.end_ms,
        "state": "under_way" if visit.goes_on else "ended",
        "charging_min": visit.charging_min,
        "energy_kwh": session.energy_kwh,
        "returned_kwh": session.returned_kwh,
        "from_pv_kwh": None if origin is None else origin["pv"],
        "from_storage_kwh": None if origin is None else origin["storage"],
        "from_grid_kwh": None if origin is None else origin["grid"],
        "unattributed_kwh": session.unattributed_kwh,
        "displayed_kwh": visit.displayed_kwh,
        "peak_kw": visit.peak_kw,
        "soc_start_pct": visit.soc_start_pct,
        "soc_end_pct": visit.soc_end_pct,
        "quality": session.quality.value,
        "coverage_pct": visit.coverage_pct,
        "origin_quality": None if origin is None else "estimated" if session.origin_estimated else "good",
    }
