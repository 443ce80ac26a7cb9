"""How a route is described in the OpenAPI document: its parameters, its answer with an example, its refusals."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from api.answers import ProblemShape
from api.parameters import Parameter
from api.problems import MEDIA_TYPE

_TITLES = {
    401: ("A token is needed.", "Authorization", "", "send the header `Authorization: Bearer <token>`"),
    404: ("There is no such park.", "park", "gaoxin-bei", "see /api/v1/parks for the parks that exist"),
    422: ("The request has wrong values.", "points", "-1", "must be a whole number from 1 to 20000"),
    503: ("The database does not answer.", "service", "unavailable", "try again"),
}


class Direct(APIRoute):
    """A route whose function takes the request and gives the response: nothing is to be resolved or converted."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function itself."""
        return self.endpoint


def room(tag: str, prefix: str = "/api/v1") -> APIRouter:
    """A router for the addresses of one file."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Direct)


def described(
    summary: str,
    shape: type[BaseModel],
    example: Any,
    parameters: Sequence[Parameter] = (),
    *,
    found: bool = True,
) -> dict[str, Any]:
    """Arguments of a route: every answer has a schema and an example."""
    refusals = [401, 503, *([404] if not found or any(p.in_path for p in parameters) else [])]
    return {
        "summary": summary,
        "responses": {
            200: {"model": shape, "content": {"application/json": {"example": example}}, "description": summary},
            **{status: refusal(status) for status in sorted([*refusals, 422])},
        },
        "openapi_extra": {"parameters": [parameter.document() for parameter in parameters]},
        "response_model": None,
    }


def described_stream(example: str, description: str, parameters: Sequence[Parameter] = ()) -> dict[str, Any]:
    """Arguments of a route that sends events until somebody hangs up."""
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": example}}
    statuses = (401, *([404] if parameters else []), 422, 503)
    return {
        "summary": "The present of a park as a stream" if parameters else "The present of all parks as a stream",
        "responses": {
            200: {"description": description, "content": content},
            **{status: refusal(status) for status in statuses},
        },
        "openapi_extra": {"parameters": [parameter.document() for parameter in parameters]},
        "response_class": StreamingResponse,
        "response_model": None,
    }


def refusal(status: int) -> dict[str, Any]:
    """The description of a problem answer."""
    title, name, value, remedy = _TITLES[status]
    example = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "problems": [{"field": name, "value": value, "remedy": remedy}],
    }
    reference = {"$ref": f"#/components/schemas/{ProblemShape.__name__}"}
    return {"description": title, "content": {MEDIA_TYPE: {"schema": reference, "example": example}}}
