"""What open pages say in trouble. `--outages FILE` stages every outage and writes what was said as a table; without it
the three run that a page gets wrong most easily: its own link, a gateway that hangs, one device that falls silent.
"""

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from parkgrid_bench.live_park import GATEWAY, PARK
from parkgrid_contract.time import SHANGHAI
from tests.web.conftest import Visit
from tests.web.live.outages import Stage, staged

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
AFTER_S = (5, 20, 60)
_QUIET = {"gateway_quiet"}
_DEVICES = {"devices_silent"}
SAID: dict[str, tuple[set[str], set[str], set[str]]] = {
    "simulator": (_QUIET | _DEVICES, _DEVICES, _DEVICES),
    "device": ({"device_silent"}, {"device_silent"}, {"device_silent"}),
    "edge": ({"gateway_offline"}, {"gateway_offline"}, {"gateway_offline"}),
    "frozen_edge": (_QUIET, {"gateway_silent"}, {"gateway_offline"}),
    "network": (_QUIET, {"gateway_silent"}, {"gateway_offline"}),
    "broker": ({"broker"}, {"broker"}, {"broker"}),
    "ingest": ({"ingest"}, {"ingest"}, {"ingest"}),
    "database": ({"database"}, {"database"}, {"database"}),
    "api": ({"link"}, {"link"}, {"link"}),
    "own_link": ({"link"}, {"link"}, {"link"}),
    "disk_full": ({"disk_full", ""}, {"disk_full"}, {"disk_full"}),
}
"""What may be said after 5, 20 and 60 s: the kind of the trouble; nothing only while readings still find room."""
BEFORE_S, AFTERWARDS_S = 4.0, 6.0
"""How far the instant that is told may lie from the cut: what was read within a second or two before it may still have
been on its way, and what fails may be noticed some seconds after it. Never an hour before it."""
FILLS_S = 45.0
"""A full disk is met only when a table has to grow."""
_AT = re.compile(r"\b(\d\d):(\d\d):(\d\d)\b")
VIEWS = [("park", "zh"), ("park", "en"), ("quality", "zh"), ("quality", "en")]
_STATE = """() => ({
  kinds: [...document.querySelectorAll('[data-trouble]')].map((one) => one.dataset.trouble).join(','),
  trouble: [...document.querySelectorAll('[data-trouble]')].map((one) => one.innerText.replace(/^▲ /, '')).join(' / '),
  answer: document.querySelector('.answer')?.innerText ?? '',
  pulse: document.querySelector('.pulse')?.innerText ?? '',
  old: document.querySelector('.pulse.lost') !== null,
  dimmed: document.querySelector('main').classList.contains('all-old'),
})"""
_SOME_OLD = "some figures are old", "部分数据已过时"
_OF_ALL = {"broker", "ingest", "database", "link", "own_network", "disk_full"}


@pytest.fixture(scope="module")
def stage(built_page: Path) -> Iterator[Stage]:
    assert built_page.is_dir()
    with staged() as found:
        yield found


def opened(stage: Stage, visit: Visits, view: str, language: str) -> Visit:
    seen = visit(stage).open(lang=language, view=view, **({"park": PARK} if view == "park" else {"of": PARK}))
    healthy(seen)
    return seen


def healthy(seen: Visit, patience_ms: int = 90_000) -> None:
    """Live, with nothing to complain about."""
    seen.page.wait_for_selector(".pulse.live", timeout=patience_ms)
    seen.until("document.querySelectorAll('[data-trouble]').length === 0", patience_ms)


def said(seen: Visit) -> dict[str, Any]:
    found: dict[str, Any] = seen.page.evaluate(_STATE)
    return found


@pytest.fixture
def table(request: pytest.FixtureRequest) -> Path | None:
    """Where the table goes; None in a normal run."""
    found: Path | None = request.config.getoption("--outages")
    return found


SHORT = [("own_link", "link"), ("frozen_edge", "gateway_silent"), ("device", "device_silent")]


@pytest.mark.parametrize(("name", "kind"), SHORT)
def test_what_is_out_of_order_is_named_and_found_again(
    stage: Stage, visit: Visits, name: str, kind: str, table: Path | None
) -> None:
    if table is not None:
        pytest.skip("the whole staging runs")
    pages = {view: opened(stage, visit, *view) for view in (VIEWS[0], VIEWS[3])}
    cut = datetime.now(SHANGHAI)
    stage.cut(name)
    try:
        for (view, language), seen in pages.items():
            seen.page.wait_for_selector(f"[data-trouble='{kind}']", timeout=40_000)
            words = said(seen)
            check(words, name, view, language)
            assert true_since(words["trouble"], cut, name), (words, cut)
            assert "message broker" not in words["trouble"]
            assert "消息服务" not in words["trouble"]
    finally:
        stage.heal()
    for seen in pages.values():
        healthy(seen)


def true_since(told: str, cut: datetime, name: str) -> bool:
    """Whether the instant that is told is that of the cut, within seconds."""
    found = _AT.search(told)
    if found is None:
        return False
    hour, minute, second = (int(part) for part in found.groups())
    told_at = cut.replace(hour=hour, minute=minute, second=second, microsecond=0)
    # Around midnight the nearest of that name is meant.
    off_s = (told_at - cut).total_seconds()
    off_s = (off_s + 43_200) % 86_400 - 43_200
    return -BEFORE_S <= off_s <= (FILLS_S if name == "disk_full" else AFTERWARDS_S)


def check(words: dict[str, Any], name: str, view: str, language: str) -> None:
    """The culprit by name, and old values in the past tense and dimmed."""
    if name in ("edge", "frozen_edge", "network", "simulator", "device"):
        assert GATEWAY in words["trouble"], words
    if name == "device":
        assert "grid" in words["trouble"], words
    if _OF_ALL & set(words["kinds"].split(",")):
        assert words["dimmed"], words
        assert words["kinds"].count(",") == 0, words
    if view == "park":
        # The connection point has sent nothing since: its power is told with the instant that it is of.
        assert words["answer"][:1].isdigit() if language == "zh" else words["answer"].startswith("At "), words


@pytest.mark.parametrize("name", SAID)
def test_every_outage_is_told_right_from_the_first_seconds_on(
    stage: Stage, visit: Visits, name: str, table: Path | None, tmp_path: Path
) -> None:
    if table is None:
        pytest.skip("a quarter of an hour: --outages FILE")
    if name == "disk_full" and stage.disk is None:
        pytest.skip("NO DISK: the full disk was NOT staged; it takes root")
    pages = {view: opened(stage, visit, *view) for view in VIEWS}
    cut = datetime.now(SHANGHAI)
    stage.cut(name)
    began = time.monotonic()
    wrong = []
    try:
        for after_s, allowed in zip(AFTER_S, SAID[name], strict=True):
            for seen in pages.values():
                # The browser's own clock goes on meanwhile.
                seen.page.wait_for_timeout(max(0.0, (began + after_s - time.monotonic()) * 1000))
            for (view, language), seen in pages.items():
                words = said(seen)
                # In the first seconds the age may be known before the cause is, and at first of some readings only.
                only_old = not words["kinds"] and (words["old"] or any(each in words["answer"] for each in _SOME_OLD))
                right = words["kinds"] in allowed or (after_s == AFTER_S[0] and only_old)
                right = right and (not words["kinds"] or true_since(words["trouble"], cut, name))
                write(table, name, after_s, view, language, words, right=right)
                seen.page.screenshot(path=tmp_path / f"{name}-{after_s}-{view}-{language}.png")
                if not right:
                    wrong.append((after_s, view, language, words))
                elif after_s > AFTER_S[0] and view == "park":
                    check(words, name, view, language)
    finally:
        stage.heal()
    for seen in pages.values():
        healthy(seen)
    assert wrong == []


HEAD = "| outage | after | view | right | pulse | sentence | told |\n|---|---|---|---|---|---|---|\n"


def write(
    table: Path, name: str, after_s: int, view: str, language: str, words: dict[str, Any], *, right: bool
) -> None:
    """One row of the table."""
    if not table.exists():
        table.write_text(HEAD, "utf-8")
    told = (words["pulse"], words["answer"], words["trouble"])
    cells = (name, f"{after_s} s", f"{view} {language}", "yes" if right else "NO", *told)
    with table.open("a", encoding="utf-8") as file:
        file.write("| " + " | ".join(cell.replace("\n", " ").replace("|", "/") for cell in cells) + " |\n")
