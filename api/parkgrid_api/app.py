"""The application: routes, problem answers, and what runs beside them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from parkgrid_api.answers.present import Overview
from parkgrid_api.answers.shape import ProblemShape
from parkgrid_api.http.language import told
from parkgrid_api.http.middleware import AccessMiddleware
from parkgrid_api.http.problems import Mistake, Problem, ProblemError
from parkgrid_api.page import Page
from parkgrid_api.routes import (
    bills,
    clusters,
    completeness,
    day,
    district,
    history,
    indicators,
    intervals,
    live,
    oversight,
    parks,
    sessions,
    system,
    trace,
    vpp,
    vpp_files,
    vpp_live,
    vpp_writing,
)
from parkgrid_api.routes.describe import Direct
from parkgrid_api.services import Services, answer
from parkgrid_api.settings import ApiSettings
from parkgrid_contract.time import Clock, SystemClock

log = structlog.get_logger()
VERSION = "0.1.0"
_SUMMARY = "Live values, history and data quality of energy parks. Instants are milliseconds since the epoch (UTC)."


def create_app(services: Services) -> FastAPI:
    """The application over given services, without the guard around it."""
    app = FastAPI(
        title="parkgrid",
        version=VERSION,
        summary=_SUMMARY,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lambda _: _running(services),
        redirect_slashes=False,
        servers=[{"url": services.settings.base_path or "/"}],
    )
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_error)
    # Side by side, what is asked most first: an included router is searched twice for every request.
    for room in (
        history,
        live,
        district,
        day,
        parks,
        intervals,
        sessions,
        indicators,
        bills,
        completeness,
        trace,
        clusters,
        vpp,
        vpp_files,
        vpp_live,
        oversight,
    ):
        app.router.routes += room.routes(services).routes
    if services.settings.writing.bearer:
        app.router.routes += vpp_writing.routes(services).routes
    if services.settings.documents:
        app.add_api_route("/api/v1/openapi.json", lambda: answer(_document(app)), include_in_schema=False)
    app.router.routes += system.routes(services).routes
    return app


def guarded(settings: ApiSettings, clock: Clock | None = None, page: Page | None = None) -> tuple[ASGIApp, Services]:
    """The application as it is served, and the services that it runs on."""
    services = Services.of(settings, clock or SystemClock(), page or Page())
    return AccessMiddleware(create_app(services), settings), services


def openapi(settings: ApiSettings) -> dict[str, object]:
    """The OpenAPI document; needs no database."""
    return _document(create_app(Services.of(settings, SystemClock(), Page())))


def _document(app: FastAPI) -> dict[str, object]:
    """The document of the application, with the shapes of problem answers and of the events of a park's stream."""
    routes = [route.documented() if isinstance(route, Direct) else route for route in app.routes]
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=routes, servers=app.servers
    )
    schemas: dict[str, object] = document["components"]["schemas"]
    for shape in (ProblemShape, Overview):
        schema = TypeAdapter(shape).json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}), **{shape.__name__: schema})
    for route in routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _whole_examples(route, document["paths"][route.path_format][method.lower()]["responses"])
    return document


def _whole_examples(route: APIRoute, responses: dict[str, Any]) -> None:
    """The examples as they were written: FastAPI leaves out every member that is null, and answers do not."""
    for status, response in route.responses.items():
        for form, content in response.get("content", {}).items():
            responses[str(status)]["content"][form]["example"] = content["example"]


@contextlib.asynccontextmanager
async def _running(services: Services) -> AsyncIterator[None]:
    """Connect, follow the commits, and let everything go at the end."""
    await services.database.open()
    await services.figures.open()
    following = asyncio.create_task(services.commits.follow())
    try:
        yield
    finally:
        await services.hub.close()
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await services.figures.close()
        await services.database.close()


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class only
    return error.problem.response()


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = HTTPStatus(error.status_code)
    remedy = told(
        "the addresses are listed in the OpenAPI document (`python -m parkgrid_api --openapi`)",
        "所有地址见 OpenAPI 文档（`python -m parkgrid_api --openapi`）",
    )
    mistake = Mistake.of("address", f"{request.method} {request.scope['path']}", remedy)
    return Problem(status, f"{status.phrase}.", (mistake,), dict(error.headers or {})).response()


async def _on_error(request: Request, error: Exception) -> Response:
    """The answer to a fault of ours: it says nothing of the inside."""
    log.error("request failed", path=request.url.path, error=repr(error)[:200])
    remedy = told("the operator finds the cause in the log of the api", "原因见 api 的日志")
    title = told("The server made a mistake.", "服务器内部出错。")
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, title, (Mistake("service", "failed", remedy),)).response()
