"""A real Chromium on the real page over the real api; the page is built by the package's own build hook."""

import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.api import serving
from tests.api.conftest import serve
from tests.api.feed import Feed
from tests.api.serving import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

__all__ = ["serve"]
ROOT = Path(__file__).parents[2]
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@functools.cache
def chromium() -> str | None:
    named = os.environ.get("PARKGRID_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def built_page() -> Path:
    """The page of these sources: built now if it is missing or old."""
    from tests.web.build_hook import hook

    web = ROOT / "api" / "parkgrid_api" / "web"
    digest = hook.sources_digest(web)
    if hook.built_digest(web) != digest:
        hook.build_page(web, digest)
    return web / "dist"


@pytest.fixture(scope="module")
def browser(built_page: Path) -> "Iterator[Browser]":
    program = chromium()
    assert (built_page / "index.html").is_file()
    if program is None:
        pytest.skip(
            "NO BROWSER: the page was NOT tested; install chromium (Debian: apt install chromium fonts-noto-cjk)"
        )
    from playwright.sync_api import sync_playwright

    # For a module, not the session: while it is open its event loop runs, and asynchronous tests need their own.
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield found
        found.close()


@contextmanager
def served(dsn: str, folder: Path) -> Iterator[str]:
    """A real api process for a module; its address."""
    running = serving.start(dsn, folder)
    try:
        yield running.url
    finally:
        running.kill()


class Visit:
    """One visit of the page, with everything that it complained about."""

    def __init__(self, context: "BrowserContext", url: str) -> None:
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.page = context.new_page()
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request", lambda request: None if request.url.startswith(url) else self.foreign.append(request.url)
        )
        self.url = url

    def _note(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} {message.location}")

    def open(self, **query: str) -> "Visit":
        text = "&".join(f"{name}={value}" for name, value in query.items())
        self.page.goto(f"{self.url}/?{text}")
        return self

    def number(self, part: str) -> str:
        return self.page.locator(f'[data-part="{part}"] .label-number').first.text_content() or ""

    def until(self, expression: str, patience_ms: int = 30_000, **values: Any) -> None:
        self.page.wait_for_function(f"(given) => {expression}", arg=json.loads(json.dumps(values)), timeout=patience_ms)

    def until_number(self, part: str, text: str, patience_ms: int = 30_000) -> None:
        self.until(
            "document.querySelector(`[data-part='${given.part}'] .label-number`)?.textContent === given.text",
            patience_ms,
            part=part,
            text=text,
        )


@pytest.fixture
def visit(browser: "Browser") -> Iterator[Callable[..., Visit]]:
    contexts: list[BrowserContext] = []

    def start(served: Served, width: int = 1440, height: int = 900, **more: Any) -> Visit:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", **more)
        contexts.append(context)
        return Visit(context, served.url)

    yield start
    for context in contexts:
        context.close()


@pytest.fixture
def feed(dsn: str) -> Iterator[Feed]:
    writer = Feed(dsn)
    yield writer
    writer.store.close()
