"""The present: newest readings, the flow of power, gateway health, once or as a stream."""

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from parkgrid_api.answers.present import (
    ChainState,
    Figure,
    Flow,
    Gateways,
    GatewayState,
    Live,
    Overview,
    State,
    TroubleShape,
)
from parkgrid_api.http import parameters
from parkgrid_api.routes.describe import described, described_stream, room
from parkgrid_api.services import Services, answer, gateway_rows

_NOW = 1795392000000
_GATEWAY_EXAMPLE: GatewayState = {
    "park": "gaoxin-nan",
    "gateway": "gw-1",
    "online": True,
    "epoch": 1882673152000000,
    "agent_version": "0.1.0",
    "simulated": False,
    "birth_ms": _NOW - 3_600_000,
    "last_seen_ms": _NOW - 400,
    "status_ms": _NOW - 3_600_000,
    "last_seen_age_s": 0.4,
    "imported": False,
    "clock_refused_ms": None,
    "health_at_ms": _NOW - 5_000,
    "health_period_s": 10.0,
    "health": {"cpu_pct": 7.5, "outbox_batches": 2.0, "outbox_oldest_s": 1.0, "clock_offset_ms": -3.0},
}


def _figure(kw: float, *, devices: int = 1, soc_pct: float | None = None) -> Figure:
    figure: Figure = {
        "kw": kw,
        "state": State.LIVE,
        "age_s": 0.8,
        "stale_after_s": 5.0,
        "devices": devices,
        "reporting": devices,
        "estimated": False,
        "measured": True,
    }
    return figure if soc_pct is None else {**figure, "soc_pct": soc_pct}


FLOW_EXAMPLE: Flow = {
    "pv": _figure(1960.0, devices=12),
    "storage": _figure(-60.0, soc_pct=96.0),
    "grid": _figure(1240.0),
    "load": _figure(2710.0, devices=4),
    "ev": _figure(430.0, devices=8),
}
"""The flow of a park, for the examples of the document."""
CHAIN_EXAMPLE: ChainState = {
    "ingest": "running",
    "ingest_since_ms": None,
    "broker": "connected",
    "store": "storing",
    "since_ms": _NOW - 3_600_000,
}
TROUBLE_EXAMPLE: TroubleShape = {
    "kind": "device_silent",
    "gateway": "gw-1",
    "since_ms": _NOW - 42_000,
    "count": 1,
    "of": 18,
    "devices": [{"device": "pv-1", "name": "1 号逆变器"}],
    "delay_s": None,
}
"""What stands before the database, and one trouble, for the examples of the document."""
_OVERVIEW_EXAMPLE: Overview = {
    "park": "gaoxin-nan",
    "as_of_ms": _NOW,
    "newest_ms": _NOW - 800,
    "simulated": False,
    "flow": FLOW_EXAMPLE,
    "loss_kw": 0.0,
    "pv_of_use": 0.6242,
    "dc": {**_figure(128.0), "voltage_v": 748.2, "reference_voltage_v": 750.0, "target_power_kw": 130.0},
    "gateways": [_GATEWAY_EXAMPLE],
    "chain": CHAIN_EXAMPLE,
    "troubles": [TROUBLE_EXAMPLE],
    "demonstration": None,
}
_LIVE_EXAMPLE: Live = {
    **_OVERVIEW_EXAMPLE,
    "devices": [
        {
            "gateway": "gw-1",
            "device": "bess-1",
            "device_class": "storage",
            "name": "储能 1 号",
            "simulated": False,
            "at_ms": _NOW - 800,
            "received_ms": _NOW - 300,
            "age_s": 0.8,
            "stale_after_s": 5.0,
            "stale": False,
            "values": {"active_power_kw": -60.0, "soc_pct": 96.0},
            "flags": {},
        },
    ],
}
_STREAM_EXAMPLE = 'retry: 2000\n\nid: 41\nevent: live\ndata: {"park":"gaoxin-nan","as_of_ms":1795392000000,…}\n\n'
_STREAM = (
    "Server-sent events `live` (an `Overview`: `/live` without devices) and `problem` (a `ProblemShape`); "
    "at most two a second"
)


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("now")
    of_park = (parameters.PARK,)

    @router.get("/parks/{park}/live", **described("The present of a park", Live, _LIVE_EXAMPLE, of_park))
    async def live(request: Request) -> Response:
        park = parameters.read(request, of_park)["park"]
        await services.registry.park(park)
        overview, readings = await services.live.overview(park)
        devices = [reading.document(overview["as_of_ms"]) for reading in readings]
        return answer(Live(**overview, devices=devices))

    @router.get("/parks/{park}/stream", **described_stream(_STREAM_EXAMPLE, _STREAM, of_park))
    async def stream(request: Request) -> Response:
        park = parameters.read(request, of_park)["park"]
        await services.registry.park(park)
        services.hub.refuse_when_full()
        events = services.hub.events(park, request.headers.get("last-event-id", ""))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, headers=headers, media_type="text/event-stream")

    page = (
        parameters.filter_name("park"),
        parameters.limit(services.settings.limits.page),
    )

    @router.get("/gateways", **described("Gateways and their health", Gateways, {"gateways": [_GATEWAY_EXAMPLE]}, page))
    async def gateways(request: Request) -> Response:
        values = parameters.read(request, page)
        of = await services.registry.filter(values["park"])
        rows = await gateway_rows(services.database, of, services.clock.now_ms(), values["limit"])
        return answer(Gateways(gateways=rows))

    return router
