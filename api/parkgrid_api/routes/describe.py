"""How a route is described in the OpenAPI document: its parameters, its answer with an example, its refusals."""

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.responses import StreamingResponse

from parkgrid_api.answers.shape import ProblemShape
from parkgrid_api.http.exports import FORMATS
from parkgrid_api.http.parameters import FORMAT, Parameter
from parkgrid_api.http.problems import MEDIA_TYPE

Answer = TypeVar("Answer")
_TITLES = {
    400: ("A header came more than once.", "host", "2 times", "send it once"),
    401: ("A token is needed.", "Authorization", "", "send the header `Authorization: Bearer <token>`"),
    404: ("There is no such park.", "park", "gaoxin-bei", "see /api/v1/parks for the parks that exist"),
    406: ("This format is not available.", "Accept", "image/png", "use one of application/json, text/csv"),
    409: ("This may not be written.", "event", "summer-7", "bids for summer-7 were taken until 2026-06-23 10:00"),
    421: ("This server does not accept this host name.", "Host", "example.org", "add the name to allowed_hosts"),
    422: ("The request has wrong values.", "points", "-1", "must be a whole number from 1 to 20000"),
    503: ("The database does not answer.", "service", "unavailable", "try again"),
}
_ALWAYS = (400, 401, 421, 422, 503)
"""What any address can answer: who asks, by which name and with which values is judged before the question."""


class Direct(APIRoute):
    """A route whose function takes the request and gives the response: nothing is to be resolved or converted.

    Nothing is made of the shapes of its answers before the document is asked for: that takes most of a second for all
    routes, and each start of the api would pay for it.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, responses: dict[int | str, Any] | None = None, **others: Any
    ) -> None:
        """`responses` are kept for the document."""
        super().__init__(path, endpoint, **others)
        self.documented = partial(APIRoute, path, endpoint, responses=responses, **others)
        """The same route as FastAPI describes it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function itself."""
        return self.endpoint


def room(tag: str, prefix: str = "/api/v1") -> APIRouter:
    """A router for the addresses of one file."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=Direct)


def described(
    summary: str,
    shape: type[Answer],
    example: Answer,
    parameters: Sequence[Parameter] = (),
    *,
    found: bool = True,
    kept: bool = False,
) -> dict[str, Any]:
    """Arguments of a route: every answer has a schema and an example; `kept` ones can be asked about again."""
    names_one = not found or any(parameter.in_path for parameter in parameters)
    tables = FORMAT in parameters
    refusals = [*_ALWAYS, *([404] if names_one else []), *([406] if tables else [])]
    content = {"application/json": {"example": example}, **(_forms() if tables else {})}
    unchanged = {304: {"description": "The client has this answer: its ETag stood in `If-None-Match`."}}
    return {
        "summary": summary,
        "responses": {
            200: {"model": shape, "content": content, "description": summary},
            **(unchanged if kept else {}),
            **{status: refusal(status) for status in sorted(refusals)},
        },
        "openapi_extra": {"parameters": [parameter.document() for parameter in parameters]},
        "response_model": None,
    }


def described_stream(example: str, description: str, parameters: Sequence[Parameter] = ()) -> dict[str, Any]:
    """Arguments of a route that sends events until somebody hangs up."""
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": example}}
    statuses = sorted((*_ALWAYS, *([404] if parameters else [])))
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


def described_file(summary: str, media_type: str, parameters: Sequence[Parameter]) -> dict[str, Any]:
    """Arguments of a route that answers with a file."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}, "example": "PK"}}
    return {
        "summary": summary,
        "responses": {
            200: {"description": f"{summary}.", "content": content},
            **{status: refusal(status) for status in sorted((*_ALWAYS, 404))},
        },
        "openapi_extra": {"parameters": [parameter.document() for parameter in parameters]},
        "response_class": Response,
        "response_model": None,
    }


def _forms() -> dict[str, Any]:
    """The other forms of an answer that is a table."""
    others = [form.media_type.partition(";")[0] for form in FORMATS.values() if form.name != "json"]
    schemas = {name: {"type": "string", **({} if name == "text/csv" else {"format": "binary"})} for name in others}
    return {name: {"schema": schema, "example": "gateway,device\r\n"} for name, schema in schemas.items()}


def refusal(status: int) -> dict[str, Any]:
    """The description of a problem answer."""
    title, name, value, remedy = _TITLES[status]
    example: ProblemShape = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "problems": [{"field": name, "value": value, "remedy": remedy}],
    }
    reference = {"$ref": f"#/components/schemas/{ProblemShape.__name__}"}
    return {"description": title, "content": {MEDIA_TYPE: {"schema": reference, "example": example}}}
