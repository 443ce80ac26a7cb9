"""What is not in order: refused content with its reason, conflicting values, gaps in the sequences."""

from collections.abc import Mapping
from typing import Any, TypedDict, TypeVar

from fastapi import APIRouter, Request, Response

from parkgrid_api import statements
from parkgrid_api.answers.oversight import Conflicts, Gaps, Quarantine, QuarantineEntry, Restores
from parkgrid_api.http import parameters
from parkgrid_api.http.parameters import Parameter
from parkgrid_api.routes.describe import described, room
from parkgrid_api.services import Services, answer
from parkgrid_contract.refusal import Reason
from parkgrid_contract.time import from_ms

Entries = TypeVar("Entries", Conflicts, Gaps, Restores)
_REASON = Parameter(
    "reason",
    "Only entries with this reason.",
    parameters.one_of(*Reason),
    {"type": "string", "enum": [reason.value for reason in Reason]},
    "unknown_signal",
)
_PARK = parameters.filter_name("park")
_GATEWAY = parameters.filter_name("gateway")
_AT = 1795392000000


class _Where(TypedDict):
    park: str
    gateway: str


_WHERE: _Where = {"park": "gaoxin-nan", "gateway": "gw-1"}
_QUARANTINE_EXAMPLE: Quarantine = {
    "total": 3,
    "reasons": {"unknown_signal": 3},
    "entries": [
        {
            "quarantine_id": 12,
            "received_ms": _AT,
            **_WHERE,
            "epoch": 1882673152000000,
            "seq": 42,
            "device": "pv-1",
            "reason": "unknown_signal",
            "location": "samples[0].values.power",
            "content": "12.5",
            "occurrences": 3,
        },
    ],
}
_CONFLICTS_EXAMPLE: Conflicts = {
    "entries": [
        {
            "conflict_id": 1,
            "received_ms": _AT,
            **_WHERE,
            "device": "pv-1",
            "device_class": "pv_inverter",
            "at_ms": _AT - 1000,
            "kept": {"active_power_kw": 12.5},
            "refused": {"active_power_kw": 13.0},
        },
    ],
}
_GAPS_EXAMPLE: Gaps = {
    "entries": [
        {**_WHERE, "epoch": 1882673152000000, "first_seq": 10, "last_seq": 19, "noted_ms": _AT, "cause": "gateway"}
    ],
}
_RESTORES_EXAMPLE: Restores = {
    "entries": [
        {
            **_WHERE,
            "acked_epoch": 1882673152000000,
            "acked_through": 5210,
            "held_epoch": 1882673152000000,
            "held_through": 4711,
            "held_ms": _AT - 3_600_000,
            "noted_ms": _AT,
        }
    ],
}
_SUMMARIES = {
    "conflicts": "Second values for stored readings",
    "gaps": "Sequence numbers that never came",
    "restores": "Restores of the database, as gateways showed them",
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("what is not in order")
    limit = parameters.limit(services.settings.limits.page)
    span = (parameters.FROM, parameters.TO, limit)
    refused = (_PARK, _GATEWAY, _REASON, *span)

    @router.get("/quarantine", **described("What was refused, and why", Quarantine, _QUARANTINE_EXAMPLE, refused))
    async def quarantine(request: Request) -> Response:
        bound = await _bound(services, parameters.read(request, refused))
        counted = await services.database.rows(statements.plain("quarantine_reasons"), bound)
        entries = await services.database.rows_of(QuarantineEntry, statements.plain("quarantine"), bound)
        reasons = {row["reason"]: row["occurrences"] for row in counted}
        return answer(Quarantine(total=sum(reasons.values()), reasons=reasons, entries=entries))

    _add_list(router, services, "conflicts", Conflicts, _CONFLICTS_EXAMPLE, (_PARK, *span))
    _add_list(router, services, "gaps", Gaps, _GAPS_EXAMPLE, (_PARK, _GATEWAY, *span))
    _add_list(router, services, "restores", Restores, _RESTORES_EXAMPLE, (_PARK, _GATEWAY, *span))
    return router


def _add_list(
    router: APIRouter,
    services: Services,
    name: str,
    shape: type[Entries],
    example: Entries,
    listed: tuple[Parameter, ...],
) -> None:
    """An address that answers with the entries of one statement."""

    async def entries(request: Request) -> Response:
        bound = await _bound(services, parameters.read(request, listed))
        return answer({"entries": await services.database.rows(statements.plain(name), bound)})

    router.add_api_route(f"/{name}", entries, name=name, **described(_SUMMARIES[name], shape, example, listed))


async def _bound(services: Services, values: Mapping[str, Any]) -> dict[str, Any]:
    start, stop = parameters.span_ms(values, services.clock.now_ms())
    return {**values, **await services.registry.filter(values["park"]), "start": from_ms(start), "stop": from_ms(stop)}
