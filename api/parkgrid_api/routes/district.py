"""All parks at this moment, once or as a stream: what a district's map and a wall screen show."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from parkgrid_api import statements
from parkgrid_api.answers.parks import Park, Supply, SupplyAgreement
from parkgrid_api.answers.present import District, ParkNow, TroubleShape
from parkgrid_api.http import parameters
from parkgrid_api.live import Figure, Reading, flow, flow_document, newest_ms, pv_of_use
from parkgrid_api.routes.describe import described, described_stream, room
from parkgrid_api.routes.live import CHAIN_EXAMPLE, FLOW_EXAMPLE, TROUBLE_EXAMPLE
from parkgrid_api.services import Services, answer
from parkgrid_api.stream import DISTRICT
from parkgrid_api.troubles import troubles
from parkgrid_contract.time import from_ms

_MOST_PARKS = 10_000
_MOST_GATEWAYS = 10_000
_NOW = 1795392000000
_EXAMPLE: District = {
    "as_of_ms": _NOW,
    "pv_of_use": 0.6242,
    "parks": [
        {
            "park": "gaoxin-nan",
            "district": "pingshan",
            "name_zh": "高新南",
            "name_en": "Gaoxin South",
            "time_zone": "Asia/Shanghai",
            "simulated": False,
            "gateways": 2,
            "gateways_online": 2,
            "devices": 18,
            "newest_ms": _NOW - 800,
            "flow": FLOW_EXAMPLE,
            "pv_of_use": 0.6242,
            "troubles": [TROUBLE_EXAMPLE],
        },
    ],
    "chain": CHAIN_EXAMPLE,
    "demonstration": None,
}
_SUPPLY_EXAMPLE: Supply = {
    "park": "gaoxin-nan",
    "agreements": [
        {
            "account": "0400123",
            "plan_id": "guangdong-2021-tou",
            "demand_basis": "contracted_demand",
            "contracted_kw": 2000.0,
            "capacity_kva": 3150.0,
            "valid_from": "2026-01-01",
            "valid_to": "2027-01-01",
        },
    ],
}
_STREAM = "Server-sent events `live` (a `District`) and `problem` (a `ProblemShape`); at most two a second"
_STREAM_EXAMPLE = 'retry: 2000\n\nid: 41\nevent: live\ndata: {"as_of_ms":1795392000000,"parks":[…]}\n\n'


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("now")
    services.hub.also(DISTRICT, lambda _: _encoded(services))

    @router.get("/district", **described("The present of all parks", District, _EXAMPLE))
    async def district(request: Request) -> Response:
        parameters.read(request, ())
        return answer(await _document(services))

    @router.get("/district/stream", **described_stream(_STREAM_EXAMPLE, _STREAM))
    async def stream(request: Request) -> Response:
        parameters.read(request, ())
        services.hub.refuse_when_full()
        events = services.hub.events(DISTRICT, request.headers.get("last-event-id", ""))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    one_park = (parameters.PARK,)

    @router.get(
        "/parks/{park}/supply",
        **described("The supply agreements of a park that hold today", Supply, _SUPPLY_EXAMPLE, one_park),
    )
    async def supply(request: Request) -> Response:
        park = await services.registry.park(parameters.read(request, one_park)["park"])
        day = from_ms(services.clock.now_ms()).astimezone(ZoneInfo(park["time_zone"])).date()
        bound = {"park": park["park"], "day": day}
        rows = await services.database.rows_of(SupplyAgreement, statements.plain("supply"), bound)
        return answer(Supply(park=park["park"], agreements=rows))

    return router


async def _encoded(services: Services) -> bytes:
    return msgspec.json.encode(await _document(services))


async def _document(services: Services) -> District:
    parks = await services.database.rows_of(Park, statements.plain("parks"), {"park": None, "limit": _MOST_PARKS})
    rows = await services.database.rows(statements.district())
    seen = await services.database.rows(statements.plain("gateways_seen"), {"limit": _MOST_GATEWAYS})
    now_ms = services.clock.now_ms()
    readings: dict[str, list[Reading]] = {}
    for newest in rows:
        readings.setdefault(newest["park"], []).append(Reading.of_columns(newest))
    gateways: dict[str, list[Mapping[str, Any]]] = {}
    for gateway in seen:
        gateways.setdefault(gateway["park"], []).append(gateway)
    chain, on_its_way = services.commits.chain(), services.commits.demonstration()
    flows = {row["park"]: flow(readings.get(row["park"], []), now_ms) for row in parks}
    told = []
    for row in parks:
        name = row["park"]
        found = troubles(readings.get(name, []), gateways.get(name, []), chain, now_ms, on_its_way)
        told.append(_park(row, readings.get(name, []), flows[name], [each.document() for each in found]))
    return {
        "as_of_ms": now_ms,
        "pv_of_use": pv_of_use(*flows.values()),
        "parks": told,
        "chain": chain.document(),
        "demonstration": None if on_its_way is None else on_its_way.document(),
    }


def _park(row: Park, readings: list[Reading], figures: Mapping[str, Figure], told: list[TroubleShape]) -> ParkNow:
    return {
        "park": row["park"],
        "district": row["district"],
        "name_zh": row["name_zh"],
        "name_en": row["name_en"],
        "time_zone": row["time_zone"],
        "simulated": row["simulated"],
        "gateways": row["gateways"],
        "gateways_online": row["gateways_online"],
        "devices": row["devices"],
        "newest_ms": newest_ms(readings),
        "flow": flow_document(figures),
        "pv_of_use": pv_of_use(figures),
        "troubles": told,
    }
