"""One local day of a park: power curves by class and what the energy registers gained."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Request, Response

from parkgrid_api import statements
from parkgrid_api.answers.history import ClassPower, Day, DayPower, Energy
from parkgrid_api.http import parameters
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.http.revalidation import revalidated
from parkgrid_api.resolution import BY_NAME, day_resolution
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services
from parkgrid_contract.time import from_ms, to_ms

_DATE = Parameter(
    "date",
    "The local day; without it, the day of the newest reading (today, unless time is replayed).",
    parameters.day,
    {"type": "string", "format": "date"},
    "2026-11-23",
)
_STEP = Parameter(
    "step",
    "Length of a bucket; `auto` takes 1m where the park's devices report once a minute or more often, else 15m.",
    parameters.one_of("auto", "1m", "15m"),
    {"type": "string", "enum": ["auto", "1m", "15m"]},
    "auto",
    default="auto",
)
_PARAMETERS = (parameters.PARK, _DATE, _STEP)
_NO_POWER: ClassPower = {
    "devices": 0,
    "kw": [None, None],
    "reporting": [0, 0],
    "samples": [0, 0],
    "estimated_ms": [],
}
_EXAMPLE: Day = {
    "park": "gaoxin-nan",
    "date": "2026-11-23",
    "time_zone": "Asia/Shanghai",
    "resolution": "15m",
    "bucket_ms": 900000,
    "period_ms": 600000,
    "from_ms": 1795363200000,
    "to_ms": 1795449600000,
    "as_of_ms": 1795392000000,
    "at_ms": [1795363200000, 1795364100000],
    "power": {
        "pv": {"devices": 2, "kw": [0.0, None], "reporting": [2, 0], "samples": [180, 0], "estimated_ms": []},
        "storage": _NO_POWER,
        "grid": _NO_POWER,
        "load": _NO_POWER,
        "ev": _NO_POWER,
    },
    "energy": {"pv_inverter.energy_generated_kwh": {"kwh": 8100.0, "devices": 2, "reporting": 2, "resets": 0}},
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("history")

    @router.get("/parks/{park}/day", **described("One day of a park", Day, _EXAMPLE, _PARAMETERS, kept=True))
    async def day(request: Request) -> Response:
        key = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        body = services.cache.get(key)
        if body is None:
            values = parameters.read(request, _PARAMETERS)
            park = await services.registry.park(values["park"])

            async def question() -> bytes:
                return msgspec.json.encode(await _document(services, park, values["date"], values["step"]))

            body = await services.cache.ask(key, values["park"], question)
        return revalidated(request, body)

    return router


async def _document(services: Services, park: Mapping[str, Any], wanted: date | None, step: str) -> Day:
    devices = [row for row in await services.registry.devices(park["park"]) if not row["retired"]]
    announced = [row["period_s"] for row in devices if row["device_class"] in statements.POWER_CLASSES]
    resolution = day_resolution(announced) if step == "auto" else BY_NAME[step]
    zone = ZoneInfo(park["time_zone"])
    key = await services.registry.key(park["park"])
    local_day = wanted or await _newest_day(services, key, zone)
    start, stop = day_span(local_day, zone)
    bound = {**key, "start": from_ms(start), "stop": from_ms(stop)}
    as_of_ms = services.clock.now_ms()
    power = await services.database.rows(statements.day_power(resolution.suffix), bound)
    energy = await services.database.rows(statements.energies(), bound)
    estimates = await services.database.rows(statements.plain("estimates_of_power"), bound)
    grid = list(range(start, stop, resolution.bucket_ms))
    return {
        "park": park["park"],
        "date": local_day.isoformat(),
        "time_zone": park["time_zone"],
        "resolution": "1m" if resolution is BY_NAME["1m"] else "15m",
        "bucket_ms": resolution.bucket_ms,
        "period_ms": _longest_ms([row["period_s"] for row in power] or announced),
        "from_ms": start,
        "to_ms": stop,
        "as_of_ms": as_of_ms,
        "at_ms": grid,
        "power": _curves(power, estimates, grid, [row["device_class"] for row in devices]),
        "energy": {f"{row['device_class']}.{row['signal']}": _energy(row) for row in energy},
    }


async def _newest_day(services: Services, key: Mapping[str, Any], zone: ZoneInfo) -> date:
    rows = await services.database.rows(statements.newest(), key)
    newest = max((row["at_ms"] for row in rows), default=services.clock.now_ms())
    return from_ms(newest).astimezone(zone).date()


def day_span(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """The half-open span of a local day in epoch milliseconds; 23 or 25 hours where a zone changes its clocks."""
    following = day + timedelta(days=1)
    start, stop = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (day, following))
    return to_ms(start), to_ms(stop)


def _longest_ms(periods_s: Iterable[float]) -> int | None:
    """What a silence is measured by; None in a park without power devices."""
    longest = max(periods_s, default=None)
    return None if longest is None else round(longest * 1000)


def _curves(
    rows: Iterable[Mapping[str, Any]], estimates: Iterable[Mapping[str, Any]], grid: list[int], classes: list[str]
) -> DayPower:
    """Each class on the same grid of buckets; a bucket without a report is null, never 0."""
    place = {at_ms: index for index, at_ms in enumerate(grid)}
    curves = {name: _empty(classes.count(name), len(grid)) for name in statements.POWER_CLASSES}
    for row in rows:
        index = place.get(row["at_ms"])
        if index is not None and row["kw"] is not None:
            curve = curves[row["device_class"]]
            curve["kw"][index] = round(row["kw"], 3)
            curve["reporting"][index] = row["reporting"]
            curve["samples"][index] = row["samples"]
    for row in estimates:
        if row["device_class"] in curves:
            curves[row["device_class"]]["estimated_ms"].append(row["at_ms"])
    return {
        "pv": curves["pv_inverter"],
        "storage": curves["storage"],
        "grid": curves["grid_meter"],
        "load": curves["meter"],
        "ev": curves["charger"],
    }


def _empty(devices: int, buckets: int) -> ClassPower:
    return {
        "devices": devices,
        "kw": [None] * buckets,
        "reporting": [0] * buckets,
        "samples": [0] * buckets,
        "estimated_ms": [],
    }


def _energy(row: Mapping[str, Any]) -> Energy:
    """A sum is only given when no register ran backwards and every device reported."""
    known = row["devices"] and row["devices"] == row["reporting"] and not row["resets"]
    return {
        "kwh": round(row["kwh"], 3) if known and row["kwh"] is not None else None,
        "devices": row["devices"],
        "reporting": row["reporting"],
        "resets": row["resets"],
    }
