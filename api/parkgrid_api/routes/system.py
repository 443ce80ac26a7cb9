"""The process itself: health, metrics where enabled, and the page."""

from fastapi import APIRouter, Request, Response

from parkgrid_api import statements
from parkgrid_api.answers.oversight import Health, LedgerState
from parkgrid_api.http.problems import ProblemError
from parkgrid_api.routes.describe import described
from parkgrid_api.services import Services, answer

_EXAMPLE: Health = {
    "status": "ok",
    "database": "ok",
    "migrations": 3,
    "commit_notices": True,
    "streams": 1,
    "page": "built",
    "ledger": "open",
}
_EXAMPLE_ILL: Health = {
    **_EXAMPLE,
    "status": "degraded",
    "database": "unreachable",
    "migrations": None,
    "ledger": "unknown",
}


def routes(services: Services) -> APIRouter:
    """The addresses of this file."""
    router = APIRouter(tags=["the process"])

    healthy = described("Whether the process and its database answer", Health, _EXAMPLE)
    ill = {"description": "The database does not answer.", "model": Health}
    healthy["responses"][503] = {**ill, "content": {"application/json": {"example": _EXAMPLE_ILL}}}

    @router.get("/healthz", **healthy)
    async def healthz() -> Response:
        try:
            (row,) = await services.database.rows(statements.plain("health"))
            migrations, ledger = row["migrations"], row["ledger"]
        except ProblemError:
            migrations, ledger = None, "unknown"
        response = answer(_health(services, migrations, ledger))
        response.status_code = 200 if migrations is not None else 503
        return response

    if services.settings.metrics:
        router.add_api_route("/metrics", lambda: metrics(services), include_in_schema=False, response_model=None)

    @router.api_route("/{name:path}", methods=["GET", "HEAD"], include_in_schema=False, response_model=None)
    async def page(request: Request, name: str) -> Response:
        return services.page.respond(request, name)

    return router


def metrics(services: Services) -> Response:
    """The process's figures in Prometheus's text format."""
    figures = {
        "parkgrid_api_streams": services.hub.clients,
        "parkgrid_api_history_cache_hits_total": services.cache.hits,
        "parkgrid_api_history_cache_misses_total": services.cache.misses,
        "parkgrid_api_commit_notices_connected": int(services.commits.connected),
    }
    lines = (
        f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}\n{name} {value}\n"
        for name, value in figures.items()
    )
    return Response("".join(lines), media_type="text/plain; version=0.0.4")


def _health(services: Services, migrations: int | None, ledger: LedgerState) -> Health:
    reachable = migrations is not None
    return {
        "status": "ok" if reachable and services.commits.connected else "degraded",
        "database": "ok" if reachable else "unreachable",
        "migrations": migrations,
        "commit_notices": services.commits.connected,
        "streams": services.hub.clients,
        "page": "built" if services.page.built else "not built",
        "ledger": ledger,
    }
