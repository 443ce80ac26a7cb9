"""The README's first command and its page in a real browser: what a newcomer sees, with nothing put in by hand."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.web.test_page import Visits

pytestmark = pytest.mark.browser
_READING = "document.querySelector(`[data-part='load'] .label-number`)?.textContent"


@pytest.fixture
def first_start(server_dir: Path, built_page: Path) -> Iterator[SimpleNamespace]:
    """`parkgrid up` while it writes the year of history of its first start; ended before it is through."""
    assert built_page.is_dir()
    command = [sys.executable, "-m", "parkgrid.cli", "up", "--parks", "1", "--port", "0", "--data-dir", str(server_dir)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(running.stderr.readline, "")
        url = next(found[0] for line in lines if (found := re.findall(r"(http://\S+)/ answers", line)))
        # Nobody waits for the pipe afterwards: it holds the few lines of the time until the end.
        yield SimpleNamespace(url=url)
        running.send_signal(signal.SIGINT)
        # Its present step comes to an end first, which takes its time on a busy machine.
        running.communicate(timeout=300)
    finally:
        running.kill()
        running.communicate()


@pytest.fixture
def up(server_dir: Path, built_page: Path) -> Iterator[SimpleNamespace]:
    """`parkgrid up`, until its page is there; ended as a user ends it."""
    assert built_page.is_dir()
    command = [
        sys.executable,
        "-m",
        "parkgrid.cli",
        "up",
        "--speed",
        "60",
        "--port",
        "0",
        "--data-dir",
        str(server_dir),
    ]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = running.stdout.readline()
        assert line.startswith("parkgrid is up: http"), running.stderr.read()
        yield SimpleNamespace(url=line.split()[-1].rstrip("/"))
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
        assert running.returncode == 0
    finally:
        running.kill()
        running.communicate()


def test_the_simulated_park_lives_in_both_languages(up: SimpleNamespace, visit: Visits) -> None:
    for language, title in (("zh", "坪山"), ("en", "Pingshan")):
        seen = visit(up).open(lang=language)
        seen.until(f"/[1-9]/.test({_READING} ?? '')", patience_ms=30_000)
        first = seen.page.evaluate(_READING)
        # A simulated minute a second: the load wanders by more than its third digit within a few of them.
        seen.until(f"{_READING} !== given.first", patience_ms=60_000, first=first)
        assert title in seen.page.inner_text("body")
        assert seen.complaints == []
        assert seen.foreign == []


WRITING = {"zh": "正在写入演示用的历史数据，已完成", "en": "The history of the demonstration is being written:"}


def test_a_history_that_is_being_written_is_no_trouble(first_start: SimpleNamespace, visit: Visits) -> None:
    for language, view in (("zh", "park"), ("en", "quality"), ("zh", "wall"), ("en", "district")):
        seen = visit(first_start).open(lang=language, view=view)
        seen.until("document.body.innerText.includes(given.words)", patience_ms=60_000, words=WRITING[language])
        assert re.search(r"\d+\s%", seen.page.inner_text("main"))
        alarmed = ".alarm, .bad, .rank-1, .rank-2, [data-trouble], [role=alert], .pulse.lost, .wall-pulse.old"
        assert seen.page.locator(alarmed).count() == 0
        assert "▲" not in seen.page.inner_text("body")
