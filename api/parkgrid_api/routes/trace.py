"""From a figure's address to everything that it came from, and to the same figure computed again."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from fastapi import APIRouter, Request, Response

from parkgrid_accounting.address import FORMS, Address, AddressError, parse
from parkgrid_accounting.trace.figure import trace
from parkgrid_api.answers.trace import TraceShape
from parkgrid_api.http import parameters
from parkgrid_api.http.language import told
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.http.problems import Mistake, refused
from parkgrid_api.routes.accounts import accounted
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services, answer

_START = b"/api/v1/trace/"
_ADDRESS = Parameter(
    "address",
    "The address of a figure, as answers and reports print it.",
    str,
    {"type": "string"},
    "indicator/gaoxin-nan/self_consumption_ratio/2026-11",
    in_path=True,
)
_EXAMPLE: TraceShape = {
    "address": "indicator/gaoxin-nan/self_consumption_ratio/2026-11",
    "definition": {
        "name": "self_consumption_ratio",
        "name_zh": "自发自用率",
        "name_en": "Self-consumption",
        "formula": "(PV - export) / PV",
        "unit": "",
        "source": "domain facts C.1",
    },
    "published": 0.727274,
    "recomputed": 0.727274,
    "equal": True,
    "unit": "",
    "coverage_pct": 99.2,
    "estimated_pct": 0.4,
    "basis": "",
    "basis_zh": "",
    "unavailable": None,
    "unavailable_zh": None,
    "details": {},
    "rules": [],
    "inputs": [],
    "registers": [],
    "readings": [],
    "notes": [],
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("trace")

    @router.get(
        "/trace/{address:path}",
        **described("Where a figure came from, and whether it comes out again", TraceShape, _EXAMPLE, (_ADDRESS,)),
    )
    async def of_a_figure(request: Request) -> Response:
        parameters.read(request, (_ADDRESS,))
        address = _address(request)
        now_ms = services.clock.now_ms()
        found = await accounted(services, "figure", address, lambda connection: trace(connection, address, now_ms))
        return answer(plain(asdict(found)))

    return router


def _address(request: Request) -> Address:
    """The address as it was written: an account's name may hold a percent-encoded slash."""
    written = request.scope["raw_path"].removeprefix(_START).decode("ascii", "replace")
    for sign in "@:=+":
        written = written.replace(f"%{ord(sign):02X}", sign).replace(f"%{ord(sign):02x}", sign)
    try:
        return parse(written)
    except AddressError as error:
        try:
            return parse(unquote(written))
        except AddressError:
            remedy = told(str(error), f"不是数值的地址；写法：{'；'.join(FORMS.values())}")
            raise refused([Mistake.of("address", written, remedy)]) from None


def plain(value: Any) -> Any:
    """A trace as JSON holds it: money as exact text."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return str(value) if isinstance(value, Decimal) else value
