"""The application over a real, migrated database; asked in process, with its lifespan running."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from parkgrid_api.app import create_app, openapi
from parkgrid_api.http.middleware import AccessMiddleware
from parkgrid_api.page import Page
from parkgrid_api.services import Services
from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_contract.time import SystemClock
from tests.api import serving
from tests.api.feed import Feed
from tests.api.serving import Served


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--http-cases", type=int, default=None, help="requests made up from the OpenAPI document, in all")


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document, made once for all tests."""
    return openapi(ApiSettings(DatabaseSettings("")))


@dataclass
class Api:
    """A client of the application, and what it runs on."""

    client: httpx.AsyncClient
    services: Services

    @property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document: most tests do without it, and it takes a second."""
        return document()

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, status: int, **query: Any) -> list[dict[str, str]]:
        answer = await self.client.get(f"/api/v1{path}", params=query)
        assert answer.status_code == status, (path, query, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert all(set(mistake) == {"field", "value", "remedy"} for mistake in problem["problems"])
        return problem["problems"]


@pytest.fixture
def feed(dsn: str) -> Iterator[Feed]:
    writer = Feed(dsn)
    writer.announce()
    yield writer
    writer.store.close()


@asynccontextmanager
async def running(settings: ApiSettings, page: Page | None = None) -> AsyncIterator[Api]:
    services = Services.of(settings, SystemClock(), page or Page(Path("nowhere")))
    app = create_app(services)
    transport = httpx.ASGITransport(app=AccessMiddleware(app, settings), raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        yield Api(client, services)


@pytest.fixture
async def api(feed: Feed) -> AsyncIterator[Api]:
    async with running(ApiSettings(DatabaseSettings(feed.dsn, role="parkgrid_api"))) as found:
        yield found


@pytest.fixture
def serve(dsn: str, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts an api process over the test's database."""
    with starting(dsn, tmp_path) as start:
        yield start


@contextmanager
def starting(dsn: str, folder: Path) -> Iterator[Callable[..., Served]]:
    """A function that starts an api process over a database; all are ended."""
    started: list[Served] = []

    def start(**environment: str) -> Served:
        started.append(serving.start(dsn, folder, environment))
        return started[-1]

    try:
        yield start
    finally:
        for served in started:
            served.kill()
