"""Who may call the control port, how much they may send and how long they may take; every refusal as `problems`."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from parkgrid_simulators.control_errors import BusyError, ControlError, Problem, UnknownNameError, shown

BODY_S = 10.0
"""A body that takes longer holds a connection for nothing."""
_MOST_BODY_BYTES = 262_144
_LONGEST_VALUE = 200
_MOST_PROBLEMS = 50
_BAD, _UNAUTHORIZED, _NOT_FOUND, _NO_METHOD, _TOO_SLOW, _BUSY, _TOO_LARGE, _UNPROCESSABLE = (
    400, 401, 404, 405, 408, 409, 413, 422,
)  # fmt: skip


class Refusal(BaseModel):
    """One thing that is wrong with a request."""

    key: str
    value: str
    remedy: str


class Refusals(BaseModel):
    """Why a request was refused."""

    problems: list[Refusal]


def guard(app: FastAPI, hosts: tuple[str, ...]) -> None:
    """Put the guard before an application; without hosts a request may call it by any name."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ControlError, _refused)
    app.add_exception_handler(HTTPException, _failed)
    app.add_middleware(_Guard, hosts=hosts)


def entry(token: str | None) -> Callable[[Request], Awaitable[None]]:
    """What lets a request in that carries the token, or to `/health`."""

    async def enter(request: Request) -> None:
        if token is None or request.url.path == "/health":
            return
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not secrets.compare_digest(given, f"Bearer {token}".encode()):
            remedy = "send the header Authorization: Bearer with the token of --control-token-file"
            raise HTTPException(_UNAUTHORIZED, remedy, {"WWW-Authenticate": "Bearer"})

    return enter


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  it is registered for these
    found = [
        (".".join(str(part) for part in one["loc"][1:]) or "body", one.get("input"), one["msg"])
        for one in error.errors()
    ]
    return _answer(_UNPROCESSABLE, *found)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ControlError)  # noqa: S101  it is registered for these
    status = {UnknownNameError: _NOT_FOUND, BusyError: _BUSY}.get(type(error), _UNPROCESSABLE)
    return _answer(status, *error.problems)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    """What the framework refuses: paths, methods, bodies."""
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for these
    found: dict[int, Problem] = {
        _BAD: ("body", "(not shown)", "is not JSON, or nested too deeply: send what GET /openapi.json describes"),
        _NOT_FOUND: ("path", request.url.path, "there is no such path: GET /openapi.json lists those there are"),
        _NO_METHOD: ("method", request.method, "this path does not take it: GET /openapi.json lists what it takes"),
        _UNAUTHORIZED: ("authorization", "(not shown)", error.detail),
    }
    problem = found.get(error.status_code, ("body", "(not shown)", error.detail))
    return _answer(error.status_code, problem, headers=error.headers)


def _answer(status: int, *problems: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The values as Python writes them: not every number that comes in can stand in JSON."""
    told = problems[:_MOST_PROBLEMS]
    if more := len(problems) - len(told):
        told += (("…", more, "more problems: correct the others first"),)
    found = [
        {"key": key[:_LONGEST_VALUE], "value": shown(value)[:_LONGEST_VALUE], "remedy": remedy}
        for key, value, remedy in told
    ]
    return JSONResponse({"problems": found}, status, headers)


class _Guard:
    """Refuses other host names, and bodies that are larger or slower than any request of ours."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and count what comes in."""
        host = Request(scope).headers.get("host", "")
        if self._hosts and _name_of(host) not in self._hosts:
            remedy = f"call it by one of: {', '.join(self._hosts)}"
            await _answer(_BAD, ("host", host, remedy))(scope, receive, send)
            return
        await self._app(scope, _Counted(receive), send)


class _Counted:
    """What comes in of one request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._got, self._whole = 0, False
        self._end_s = asyncio.get_running_loop().time() + BODY_S

    async def __call__(self) -> Message:
        """The next part of the body; after the last one, that the client has gone."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._end_s):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(_TOO_SLOW, f"the body is too slow: send it within {BODY_S:g} s") from None
        self._got += len(message.get("body", b""))
        if self._got > _MOST_BODY_BYTES:
            raise HTTPException(_TOO_LARGE, f"the body is too large: send at most {_MOST_BODY_BYTES} bytes")
        self._whole = not message.get("more_body", False)
        return message


def _name_of(host: str) -> str:
    """A host header without its port."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
