"""The application over a real, migrated database; asked in process, with its lifespan running."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from parkgrid_api.app import create_app
from parkgrid_api.http.middleware import AccessMiddleware
from parkgrid_api.page import Page
from parkgrid_api.services import Services
from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_contract.time import SystemClock
from tests.api.feed import Feed

PATIENCE_S = 60.0


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--http-cases", type=int, default=None, help="requests made up from the OpenAPI document, in all")


@dataclass
class Api:
    """A client of the application, and what it runs on."""

    client: httpx.AsyncClient
    services: Services
    document: dict[str, Any]

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
        yield Api(client, services, app.openapi())


@pytest.fixture
async def api(feed: Feed) -> AsyncIterator[Api]:
    async with running(ApiSettings(DatabaseSettings(feed.dsn, role="parkgrid_api"))) as found:
        yield found


@dataclass
class Served:
    """A real api process."""

    url: str
    process: "subprocess.Popen[str]"
    log: Path

    def stop(self, patience_s: float = 10.0) -> int:
        self.process.terminate()
        return self.process.wait(patience_s)


@pytest.fixture
def serve(dsn: str, free_port: Callable[[], int], tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts `python -m parkgrid_api` as it is deployed; ends it by its own pid."""
    started: list[Served] = []

    def start(**environment: str) -> Served:
        port = int(environment.get("PARKGRID_API_PORT") or free_port())
        log = tmp_path / f"api-{port}.log"
        settings = {"PARKGRID_API_DATABASE_DSN": dsn, "PARKGRID_API_PORT": str(port), **environment}
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "parkgrid_api"],
                env={**os.environ, **settings},
                stdout=output,
                stderr=output,
                text=True,
            )
        served = Served(f"http://127.0.0.1:{port}", process, log)
        started.append(served)
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(served):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        return served

    yield start
    for served in started:
        if served.process.poll() is None:
            served.process.kill()
            served.process.wait()


def _answers(served: Served) -> bool:
    try:
        return httpx.get(f"{served.url}/healthz", timeout=2).json()["status"] == "ok"
    except httpx.HTTPError:
        return False
