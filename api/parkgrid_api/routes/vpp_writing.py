"""Bids, opt-outs and disputes over HTTP. These addresses exist only where a token for writing is set."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from parkgrid_api.answers.vpp import EntryShape
from parkgrid_api.http import parameters
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import Mistake, Problem, ProblemError, refused
from parkgrid_api.routes import vpp_examples as examples
from parkgrid_api.routes.describe import described, refusal, room
from parkgrid_api.routes.vpp import EVENT
from parkgrid_api.services import Services, answer
from parkgrid_api.vpp.entries import shape
from parkgrid_api.vpp.follower import ledger_closed
from parkgrid_api.vpp.writing import append
from parkgrid_contract.time import from_ms
from parkgrid_domain.vpp import forms
from parkgrid_domain.vpp.documents import AnyDocument, Bid, Dispute, OptOut
from parkgrid_vpp.errors import ClosedLedgerError, RefusedActError
from parkgrid_vpp.ledger import Act

MOST_BYTES = 1_000_000
"""Of one body: a bid of five thousand resources has some three hundred thousand."""
HEADER = "write-token"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One address that writes."""

    path: str
    summary: str
    form: type[AnyDocument]
    example: Mapping[str, Any]
    given: Mapping[str, Any]
    """What is the same in each."""


_KINDS = (
    _Kind("bids", "Bid in an event", Bid, examples.BID, {}),
    _Kind("opt-outs", "Take a resource out of an event", OptOut, examples.OPT_OUT, {}),
    _Kind("disputes", "Raise a dispute about a statement", Dispute, examples.DISPUTE, {"step": "raised"}),
)


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = room("virtual power plant: writing")
    for kind in _KINDS:
        _add(router, services, kind)
    return router


def _add(router: APIRouter, services: Services, kind: _Kind) -> None:
    settings = services.settings.writing
    token = settings.bearer.encode()

    async def write(request: Request) -> Response:
        _authorise(request, token)
        event = parameters.read(request, (EVENT,))["event"]
        body = await _body(request)
        by, document = _by(body), _document(kind, body)
        at = from_ms(services.clock.now_ms())
        try:
            entry = await services.pilot.write(lambda pilot: append(settings, pilot, Act(event, document), by, at))
        except RefusedActError as error:
            raise _conflict(event, error) from error
        except ClosedLedgerError as error:
            raise ledger_closed(error) from error
        response = answer(shape(entry))
        response.status_code = HTTPStatus.CREATED
        return response

    router.add_api_route(f"/vpp/events/{{event}}/{kind.path}", write, methods=["POST"], **_described(kind))


def _described(kind: _Kind) -> dict[str, Any]:
    found = described(kind.summary, EntryShape, examples.ENTRY_SHORT, (EVENT,))
    found["responses"][201] = found["responses"].pop(200)
    found["responses"][409] = refusal(409)
    found["openapi_extra"]["parameters"].append(
        {
            "name": "Write-Token",
            "in": "header",
            "required": True,
            "description": "The token for writing. Whoever has it may say any name in `by`.",
            "schema": {"type": "string"},
            "example": "...",
        }
    )
    found["openapi_extra"]["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}, "example": dict(kind.example)}},
    }
    return found


def _authorise(request: Request, token: bytes) -> None:
    if hmac.compare_digest(request.headers.get(HEADER, "").encode("latin-1"), token):
        return
    remedy = told("send the header `Write-Token: <token>`", "请发送请求头 `Write-Token: <写入令牌>`")
    title = told("A token for writing is needed.", "需要写入令牌。")
    raise ProblemError(Problem(HTTPStatus.UNAUTHORIZED, title, (Mistake("Write-Token", "", remedy),)))


async def _body(request: Request) -> dict[str, Any]:
    kept = bytearray()
    async for piece in request.stream():
        kept += piece
        if len(kept) > MOST_BYTES:
            remedy = told(f"must have at most {MOST_BYTES} bytes", f"最多 {MOST_BYTES} 字节")
            raise refused([Mistake("body", f"> {MOST_BYTES}", remedy)])
    try:
        found = json.loads(kept)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise refused([Mistake.of("body", bytes(kept[:100]), told("must be a JSON object", "必须是 JSON 对象"))])
    return found


def _by(body: dict[str, Any]) -> str:
    by = body.pop("by", None)
    most = 150
    if not isinstance(by, str) or not by.strip() or len(by) > most or not by.isprintable():
        remedy = told(f"must say who does it, in 1 to {most} characters", f"须写明操作人，1 到 {most} 个字符")
        raise refused([Mistake.of("by", by, remedy)])
    return by


def _document(kind: _Kind, body: dict[str, Any]) -> AnyDocument:
    try:
        return forms.read(kind.form, {**body, **kind.given})
    except forms.DocumentError as error:
        found = [each.partition(": ") for each in error.problems[:20]]
        raise refused([Mistake.of(where, "", remedy) for where, _, remedy in found]) from error


def _conflict(event: str, error: RefusedActError) -> ProblemError:
    title = told("This may not be written.", "不能写入。")
    return ProblemError(Problem(HTTPStatus.CONFLICT, title, (Mistake.of("event", event, str(error)),)))
