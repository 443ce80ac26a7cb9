"""Parks, their devices, and the catalogue of signals: what there is."""

import msgspec
from fastapi import APIRouter, Request, Response

from parkgrid_api.answers.parks import CatalogueSignal, Devices, Park, Parks, Signals
from parkgrid_api.http import parameters
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services, answer
from parkgrid_contract.signals import CATALOGUE, Signal

_PARKS_EXAMPLE: Parks = {
    "parks": [
        {
            "park": "gaoxin-nan",
            "district": "pingshan",
            "name_zh": "高新南",
            "name_en": "Gaoxin South",
            "time_zone": "Asia/Shanghai",
            "gateways": 2,
            "gateways_online": 2,
            "devices": 18,
            "simulated": False,
        },
    ],
}
_DEVICES_EXAMPLE: Devices = {
    "park": "gaoxin-nan",
    "devices": [
        {
            "device_id": 7,
            "district": "pingshan",
            "park": "gaoxin-nan",
            "gateway": "gw-1",
            "device": "pv-1",
            "device_class": "pv_inverter",
            "name": "屋顶 1 号逆变器",
            "model": "SUN2000-100KTL-M2",
            "firmware": "V500R001",
            "period_s": 1.0,
            "ratings": {"rated_power_kw": 100.0},
            "signals": ["active_power_kw", "energy_generated_kwh"],
            "station": "坪山站",
            "line": "F12",
            "transformer": "T3",
            "account": "0400123",
            "simulated": False,
            "retired": False,
            "first_seen_ms": 1795392000000,
        },
    ],
}


def _signal(signal: Signal) -> CatalogueSignal:
    return {
        "name": signal.name,
        "unit": signal.unit,
        "kind": signal.kind,
        "resolution": signal.resolution,
        "low": signal.low,
        "high": signal.high,
        "states": list(signal.states),
    }


_CATALOGUE: Signals = {
    "classes": {name: [_signal(signal) for signal in known.signals] for name, known in CATALOGUE.items()}
}
_CATALOGUE_BODY = msgspec.json.encode(_CATALOGUE)
_SIGNALS_EXAMPLE: Signals = {"classes": {"storage": [_signal(CATALOGUE["storage"].by_name["soc_pct"])]}}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("what there is")

    @router.get("/parks", **described("All parks", Parks, _PARKS_EXAMPLE))
    async def list_parks(request: Request) -> Response:
        parameters.read(request, ())
        return answer(Parks(parks=await services.registry.parks()))

    one_park = (parameters.PARK,)
    park_example = _PARKS_EXAMPLE["parks"][0]

    @router.get("/parks/{park}", **described("One park", Park, park_example, one_park))
    async def show_park(request: Request) -> Response:
        values = parameters.read(request, one_park)
        return answer(await services.registry.park(values["park"]))

    @router.get("/parks/{park}/devices", **described("The devices of a park", Devices, _DEVICES_EXAMPLE, one_park))
    async def list_devices(request: Request) -> Response:
        park = parameters.read(request, one_park)["park"]
        return answer(Devices(park=park, devices=await services.registry.devices(park)))

    @router.get("/signals", **described("The catalogue of signals by device class", Signals, _SIGNALS_EXAMPLE))
    async def list_signals(request: Request) -> Response:
        parameters.read(request, ())
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response(_CATALOGUE_BODY, headers=headers, media_type="application/json")

    return router
