"""The pictures that README and docs show, taken from the page itself.

    uv run scripts/test tests/web/pictures --pictures docs/pictures

brings up the demonstration district with its year of history and writes them. Without the option the same views are
taken from a small district and judged, and nothing is written.
"""

import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from PIL import Image

from parkgrid_metering.rounds import run_rounds
from parkgrid_servers import process
from tests.conftest import open_folder, temporary_database
from tests.web.conftest import Visit
from tests.web.district import District

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
PARK = "pingshan-park"
MOST_BYTES = 200_000
FEWEST_COLOURS = 32
"""A picture in which less is drawn is an empty page."""
UP_PATIENCE_S = 300.0
LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Picture:
    """One view as it is shown: its address, what must stand in it, and its size."""

    query: dict[str, str]
    drawn: str
    width: int = 1440
    height: int = 960


PICTURES = {
    "park": Picture({"view": "park", "park": PARK}, ".flow-svg .ribbon", height=1080),
    "district": Picture({"view": "district"}, "tr[data-park]"),
    "time": Picture({"view": "time", "park": PARK, "range": "7d"}, ".line-chart canvas"),
    "quality": Picture({"view": "quality"}, ".calendar .cell"),
    "clusters": Picture({"view": "clusters"}, ".bullet"),
    "wall": Picture({"view": "wall", "pause": "600"}, ".wall-curve", 1920, 1080),
}


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Path | None:
    chosen: Path | None = request.config.getoption("--pictures", default=None)
    return chosen


@pytest.fixture(scope="module")
def shown(
    request: pytest.FixtureRequest, folder: Path | None, built_page: Path, tmp_path_factory: Any
) -> Iterator[SimpleNamespace]:
    """The address of a district: the whole demonstration for pictures that stay, else a small one."""
    assert built_page.is_dir()
    with ExitStack() as opened:
        if folder is not None:
            yield demonstration(opened)
        else:
            server = request.getfixturevalue("database_server")
            template = request.getfixturevalue("template_database")
            yield small(opened, server, template, tmp_path_factory.mktemp("pictures") / "api.log")


def demonstration(opened: ExitStack) -> SimpleNamespace:
    """`parkgrid up` as a newcomer starts it, in a folder of its own."""
    data_dir = opened.enter_context(open_folder())
    command = [sys.executable, "-m", "parkgrid.cli", "up", "--port", "0", "--data-dir", str(data_dir)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def end() -> None:
        running.send_signal(signal.SIGINT)
        try:
            running.communicate(timeout=60)
        finally:
            running.kill()

    opened.callback(end)
    assert running.stdout is not None
    line = running.stdout.readline()
    assert line.startswith("parkgrid is up: http"), line
    return whole(line.split()[-1].rstrip("/"))


def whole(url: str) -> SimpleNamespace:
    """Wait until every park of the district has a present and most of its history is metered."""
    deadline = time.monotonic() + UP_PATIENCE_S
    while True:
        parks = httpx.get(f"{url}/api/v1/parks", timeout=20).json()["parks"]
        live = [httpx.get(f"{url}/api/v1/parks/{one['park']}/live", timeout=20).json() for one in parks]
        if len(live) > 1 and all(one["flow"]["grid"]["state"] == "live" for one in live):
            return SimpleNamespace(url=url)
        assert time.monotonic() < deadline, [one["flow"]["grid"] for one in live]
        time.sleep(1.0)


def small(opened: ExitStack, server: "RunningDatabase", template: str, log: Path) -> SimpleNamespace:
    """Two days of three parks, and their present."""
    _, dsn = opened.enter_context(temporary_database(server.dsn, template))
    district = District(dsn)
    opened.callback(district.close)
    district.write_days(2, 300)
    with psycopg.connect(dsn) as connection:
        run_rounds(connection, time.time_ns() // 1_000_000)
    district.write_now()
    port = process.free_port()
    environment = {"PARKGRID_API_DATABASE_DSN": dsn, "PARKGRID_API_PORT": str(port)}
    api = process.start(process.Child("api", [sys.executable, "-m", "parkgrid_api"], log, environment))
    opened.callback(process.stop, api, signal.SIGTERM)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while True:
        try:
            assert httpx.get(f"{url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return SimpleNamespace(url=url)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_taken(
    shown: SimpleNamespace, visit: Visits, folder: Path | None, name: str, nightly: bool
) -> None:
    # The views themselves are walked through in both languages elsewhere.
    for language in LANGUAGES if folder or nightly else LANGUAGES[:1]:
        _take(shown, visit, folder, name, language)


def _take(shown: SimpleNamespace, visit: Visits, folder: Path | None, name: str, language: str) -> None:
    picture = PICTURES[name]
    seen = visit(shown, picture.width, picture.height).open(lang=language, theme="light", **picture.query)
    seen.page.wait_for_selector(picture.drawn, timeout=30_000)
    seen.until("!document.querySelector('main .skeleton')", 30_000)
    # What is drawn after the last answer: charts that measure themselves, the first seconds of motion.
    seen.page.wait_for_timeout(3_000 if folder else 300)
    taken = small_png(seen.page.screenshot())
    assert seen.complaints == []
    assert len(taken) <= MOST_BYTES
    image = Image.open(io.BytesIO(taken))
    assert image.size == (picture.width, picture.height)
    assert len(image.convert("RGB").getcolors(1 << 24) or []) >= FEWEST_COLOURS
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.{language}.png").write_bytes(taken)


def small_png(screenshot: bytes) -> bytes:
    """As few colours as keep the picture under its limit, from 256 down."""
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    for colours in (256, 128, 64):
        written = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        if written.tell() <= MOST_BYTES:
            break
    return written.getvalue()
