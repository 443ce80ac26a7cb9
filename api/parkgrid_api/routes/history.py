"""The history of one device: raw rows or a roll-up, chosen by span and points; the database writes the JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from parkgrid_api import statements
from parkgrid_api.answers.history import History
from parkgrid_api.http import parameters
from parkgrid_api.http.language import told
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.http.problems import Mistake, refused
from parkgrid_api.http.revalidation import revalidated
from parkgrid_api.resolution import BY_NAME, RAW, Resolution, choose
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services
from parkgrid_contract.identity import Gateway
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import from_ms

_MOST_POINTS = 20_000
_POINTS = Parameter(
    "points",
    "Most points wanted; decides which roll-up answers when `resolution` is `auto`.",
    parameters.whole(1, _MOST_POINTS),
    {"type": "integer", "minimum": 1, "maximum": _MOST_POINTS},
    1500,
    default=1500,
)
_SIGNALS = Parameter(
    "signals",
    "Signal names separated by commas; without it, all that the device announced.",
    parameters.names,
    {"type": "string"},
    "active_power_kw",
)
_RESOLUTION = Parameter(
    "resolution",
    "`auto`, or the relation to read.",
    parameters.one_of("auto", *BY_NAME),
    {"type": "string", "enum": ["auto", *BY_NAME]},
    "auto",
    default="auto",
)
_PARAMETERS = (
    parameters.PARK,
    parameters.GATEWAY,
    parameters.DEVICE,
    _SIGNALS,
    parameters.FROM,
    parameters.TO,
    _POINTS,
    _RESOLUTION,
)
_EXAMPLE: History = {
    "park": "gaoxin-nan",
    "gateway": "gw-1",
    "device": "pv-1",
    "device_class": "pv_inverter",
    "resolution": "15m",
    "bucket_ms": 900000,
    "from_ms": 1795392000000,
    "to_ms": 1795393800000,
    "as_of_ms": 1795393800000,
    "rows": 2,
    "truncated": True,
    "next_from_ms": 1795392900001,
    "estimated": {"active_power_kw": [1795392900000]},
    "history": {
        "at_ms": [1795392000000, 1795392900000],
        "samples": [900, 900],
        "curves": {"active_power_kw": {"mean": [61.2, 63.0], "min": [55.1, 60.4], "max": [64.0, 66.2]}},
    },
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("history")

    @router.get(
        "/devices/{park}/{gateway}/{device}/history",
        **described("The history of a device", History, _EXAMPLE, _PARAMETERS, kept=True),
    )
    async def history(request: Request) -> Response:
        key = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        body = services.cache.get(key)
        if body is None:
            body = await _answer(services, key, parameters.read(request, _PARAMETERS))
        return revalidated(request, body)

    return router


async def _answer(services: Services, key: str, values: Mapping[str, Any]) -> bytes:
    device = await services.registry.device(Gateway(values["park"], values["gateway"]), values["device"])
    signals = _signals(device, values["signals"])
    start, stop = parameters.span_ms(values, services.clock.now_ms())
    most = services.settings.limits.rows
    resolution = choose(values["resolution"], stop - start, device["period_s"], values["points"], most)
    statement = statements.history(device["device_class"], signals, resolution)
    row = {**await services.registry.key(device["park"]), "device_id": device["device_id"]}
    bound = {**row, "start": from_ms(start), "stop": from_ms(stop), "rows": most}
    head = {
        "park": device["park"],
        "gateway": device["gateway"],
        "device": device["device"],
        "device_class": device["device_class"],
        "resolution": resolution.name,
        "bucket_ms": resolution.bucket_ms,
        "from_ms": start,
        "to_ms": stop,
    }

    async def question() -> bytes:
        head["as_of_ms"] = services.clock.now_ms()
        (row,) = await services.database.rows(statement, bound)
        head["estimated"] = {} if resolution is RAW else await _estimated(services, bound, signals, resolution)
        truncated = row["rows"] >= most
        head.update(rows=row["rows"], truncated=truncated, next_from_ms=row["newest_ms"] + 1 if truncated else None)
        return b'%b,"history":%b}' % (msgspec.json.encode(head)[:-1], row["body"])

    return await services.cache.ask(key, device["park"], question)


async def _estimated(
    services: Services, bound: Mapping[str, Any], signals: tuple[str, ...], resolution: Resolution
) -> dict[str, list[int]]:
    """By signal the starts of the buckets that hold estimates; those of a minute are known by their quarter."""
    rows = await services.database.rows(statements.plain("estimates_of_device"), {**bound, "signals": list(signals)})
    found: dict[str, dict[int, None]] = {}
    for row in rows:
        start_ms = resolution.bucket_of(row["at_ms"])
        found.setdefault(row["signal"], {})[start_ms] = None
    return {signal: list(starts) for signal, starts in found.items()}


def _signals(device: Mapping[str, Any], wanted: tuple[str, ...] | None) -> tuple[str, ...]:
    """The wanted signals, each one of the device's class; `statements` refuses any other once more."""
    known = CATALOGUE[device["device_class"]].by_name
    if wanted is None:
        return tuple(name for name in device["signals"] if name in known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        kind = device["device_class"]
        remedy = told(f"is not a signal of a {kind}; see /api/v1/signals", f"不是 {kind} 的信号；见 /api/v1/signals")
        raise refused([Mistake.of("signals", name, remedy) for name in unknown[:10]])
    return wanted
