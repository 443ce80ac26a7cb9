"""(i) What the page promises, on the real chain: from a register to the pixel, and what open pages cost the api."""

import asyncio
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from parkgrid_bench.edge import resident_mb
from parkgrid_bench.figures import BenchmarkError, Figure, Progress
from parkgrid_bench.live_park import PARK, LivePark, cpu_s, living
from parkgrid_bench.stack import Stack
from parkgrid_demo.prefill import HistorySpan, prefill
from parkgrid_demo.prefill_rows import BATCH_MS
from parkgrid_ingest.store.opening import open_store
from parkgrid_simulators.scenario import SCENARIOS, load_scenario

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHANGES = 25
"""Changes of a register in one pair."""
PAGES = 100
BROWSERS = 2
"""Of these pages, how many are real browsers; the others ask what a browser was seen to ask, when it asked it."""
WATCHED_S = 20.0
"""How long one page is watched before the others do as it does."""
WINDOW_S = 20.0
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
_PATIENCE_MS = 30_000
_NUMBER = "document.querySelector(\"[data-part='grid'] .label-number\")?.textContent"
_STEP_KW = 10
_YEAR_MS = 366 * 86_400_000
_OF_A_YEAR = "means of a day"
"""Stands under a chart of a year and under none of a day."""


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Debian's browser, driven by playwright (both are for development only)."""
    program = os.environ.get("PARKGRID_CHROMIUM") or shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BenchmarkError("no playwright: install the group dev (`uv sync`)") from error
    if program is None:
        raise BenchmarkError("no browser: install chromium (Debian: apt install chromium fonts-noto-cjk)")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))
        try:
            yield found
        finally:
            found.close()


def pixel(stack: Stack, pairs: int, tell: Progress) -> Figure:
    """The figure `page_pixel_p95`: seconds from a register's change until the frame that shows it, 95 % of them."""
    figure = Figure("page_pixel_p95")
    found: list[float] = []
    with living(stack) as park, chromium() as browser:
        page = watched(browser, park)
        for number in range(1, pairs + 1):
            delays = delays_s(park, page, CHANGES)
            found += delays
            figure.ratios.append(quantiles(delays, n=20)[-1])
            tell(f"page_pixel_p95: run {number} of {pairs}: {figure.ratios[-1]:.2f} s")
    figure.detail = f"p50 {median(found):.2f} s, worst {max(found):.2f} s of {len(found)} changes, devices read at 1 s"
    return figure


def watched(browser: "Browser", park: LivePark) -> "Page":
    """The park's page, noting when each number of the connection point was on the screen."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page.goto(f"{park.url}/?lang=en&view=park&park={PARK}")
    page.wait_for_function(f"() => /[1-9]/.test({_NUMBER} ?? '')", timeout=_PATIENCE_MS)
    page.evaluate(_WATCH)
    return page


def delays_s(park: LivePark, page: "Page", changes: int) -> list[float]:
    """Turn the register so often, at instants that no period divides; seconds until each is seen."""
    delays = []
    for number in range(changes):
        # Never the number that stands there, always three digits.
        kw = 200.0 + _STEP_KW * ((number * 7) % 70)
        page.evaluate("window.shownAt = {}")
        turned_ms = park.grid.turn("active_power_kw", kw)
        page.wait_for_function(f"() => window.shownAt['{kw:.0f} kW']", timeout=_PATIENCE_MS)
        delays.append((page.evaluate(f"window.shownAt['{kw:.0f} kW']") - turned_ms) / 1000)
        page.wait_for_timeout(130 + (number * 379) % 1_000)
    return delays


_WATCH = f"""() => {{
    window.shownAt = {{}};
    let last = '';
    const note = () => {{
        const text = {_NUMBER} ?? '';
        if (text === last) return;
        last = text;
        // The first frame after the change is painted when the second begins.
        requestAnimationFrame(() => requestAnimationFrame(() => {{
            window.shownAt[text] ??= performance.timeOrigin + performance.now();
        }}));
    }};
    new MutationObserver(note).observe(document.body, {{ subtree: true, childList: true, characterData: true }});
}}"""


@dataclass(frozen=True, slots=True)
class Habit:
    """What an open page asks beside its stream."""

    stream: str
    questions: tuple[tuple[float, str], ...]
    """Seconds after the page was opened, and the address."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What open pages cost the api over a window."""

    cores: float
    """Seconds of a processor a second."""
    mb: float
    events: int
    questions: int
    trouble: str
    """The last answer that was none; empty when every question was answered."""


def open_pages(stack: Stack, pairs: int, tell: Progress) -> Figure:
    """The figure `page_cores_100`: processor seconds of the api a second with a hundred pages of one park open."""
    figure = Figure("page_cores_100")
    costs: list[Cost] = []
    with living(stack) as park, chromium() as browser, ThreadPoolExecutor(1) as clients:
        habit = habit_of(browser, park, WATCHED_S)
        tell(f"page_cores_100: a page asks {len(habit.questions)} times in {WATCHED_S:.0f} s beside its stream")
        real = [watched(browser, park) for _ in range(BROWSERS)]
        idle_mb = resident_mb(_there(park.api).pid)
        for number in range(1, pairs + 1):
            # In a thread of its own: playwright's loop runs in this one.
            opened = clients.submit(asyncio.run, _cost(park, habit, PAGES - len(real), WINDOW_S))
            costs.append(opened.result())
            figure.ratios.append(costs[-1].cores)
            # Every page hears of every second, and more often than twice a second none of them.
            heard = costs[-1].events / (PAGES - len(real)) / WINDOW_S
            figure.correct = figure.correct and 0.8 <= heard <= 2.1 and not costs[-1].trouble  # noqa: PLR2004
            tell(
                f"page_cores_100: window {number} of {pairs}: {costs[-1].cores:.2f} cores, {heard:.2f} events/s a page"
            )
    asked = median(cost.questions for cost in costs) / WINDOW_S
    memory = f"{costs[-1].mb:.0f} MB resident ({idle_mb:.0f} MB with {BROWSERS} pages)"
    figure.detail = f"{memory}, {asked:.0f} questions/s beside the streams"
    return figure


def habit_of(browser: "Browser", park: LivePark, watched_s: float) -> Habit:
    """What a real page asks after it was opened, as it is seen to ask it."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
    asked: list[tuple[float, str]] = []
    started = time.monotonic()
    page.on("request", lambda request: asked.append((time.monotonic() - started, request.url.removeprefix(park.url))))
    page.goto(f"{park.url}/?lang=en&view=park&park={PARK}")
    page.wait_for_timeout(watched_s * 1000)
    page.close()
    streams = [path for _, path in asked if path.endswith("/stream")]
    if not streams:
        raise BenchmarkError(f"the page opened no stream, only {[path for _, path in asked]}")
    questions = tuple((at, path) for at, path in asked if path.startswith("/api/") and not path.endswith("/stream"))
    return Habit(streams[-1], questions)


async def _cost(park: LivePark, habit: Habit, clients: int, window_s: float) -> Cost:
    """Open so many pages over five seconds, let them come to rest, and measure a window."""
    child, counted = _there(park.api), _Counted()
    tasks = [
        asyncio.create_task(work)
        for number in range(clients)
        for work in (
            _listen(park.port, habit.stream, counted, 5.0 * number / clients),
            _ask_again(park.port, habit, counted, 5.0 * number / clients),
        )
    ]
    try:
        await asyncio.sleep(8.0)
        if counted.open < clients:
            raise BenchmarkError(f"{counted.open} of {clients} streams are open: {counted.trouble}")
        before, started, events, questions = cpu_s(child), time.monotonic(), counted.events, counted.questions
        await asyncio.sleep(window_s)
        used = (cpu_s(child) - before) / (time.monotonic() - started)
        return Cost(
            used, resident_mb(child.pid), counted.events - events, counted.questions - questions, counted.trouble
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class _Counted:
    open: int = 0
    events: int = 0
    questions: int = 0
    trouble: str = ""


async def _listen(port: int, path: str, counted: _Counted, delay_s: float) -> None:
    """One stream on a connection of its own."""
    await asyncio.sleep(delay_s)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_request(port, path, "keep-alive"))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            counted.trouble = head[:80].decode("ascii", "replace")
            return
        counted.open += 1
        while piece := await reader.read(1 << 16):
            counted.events += len(re.findall(rb"event: live\n", piece))
    finally:
        writer.close()


async def _ask_again(port: int, habit: Habit, counted: _Counted, delay_s: float) -> None:
    """The questions of one page, opened after the delay; what it asked in the watched span it goes on asking."""
    await asyncio.sleep(delay_s)
    loop = asyncio.get_running_loop()
    started = loop.time()
    # The opening is in the first turn only; what a page repeats is what it asked after its first five seconds.
    repeated = [(at, path) for at, path in habit.questions if at > 5.0]  # noqa: PLR2004
    for turn in itertools.count():
        for at, path in habit.questions if turn == 0 else repeated:
            await asyncio.sleep(max(0.0, started + turn * WATCHED_S + at - loop.time()))
            await _question(port, path, counted)
        await asyncio.sleep(max(0.05, started + (turn + 1) * WATCHED_S - loop.time()))


async def _question(port: int, path: str, counted: _Counted) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(ConnectionError):
        writer.write(_request(port, path, "close"))
        answer = await reader.read()
        counted.questions += 1
        if not answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304")):
            counted.trouble = f"{path}: {answer[:80]!r}"
    writer.close()


def _request(port: int, path: str, connection: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: {connection}\r\n\r\n".encode()


def _there(child: Any) -> Any:
    if child is None:
        raise BenchmarkError("the api was not started")
    return child


def year(stack: Stack, pairs: int, tell: Progress) -> Figure:
    """The figure `page_year_ms`: a year of a park's grid power, from the click to the frame that shows it."""
    figure = Figure("page_year_ms")
    end_ms = time.time_ns() // 1_000_000 // BATCH_MS * BATCH_MS
    scenario = load_scenario(SCENARIOS / "julongshan_pedf_office.toml")
    tell("page_year_ms: making a year of a park")
    with closing(open_store(stack.database.dsn)) as store:
        [filled] = prefill(store, stack.database.dsn, [scenario], HistorySpan(end_ms - _YEAR_MS, end_ms))
    figure.correct = filled.stored >= _YEAR_MS // BATCH_MS
    with living(stack) as park, chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
        page.goto(f"{park.url}/?lang=en&view=time&park={scenario.park}")
        page.wait_for_selector(".line-chart canvas", timeout=_PATIENCE_MS)
        for number in range(1, pairs + 1):
            page.get_by_role("button", name="24 h").click()
            page.wait_for_function(f"() => !document.body.innerText.includes('{_OF_A_YEAR}')", timeout=_PATIENCE_MS)
            page.wait_for_timeout(300)
            figure.ratios.append(drawn_ms(page, "1 y", _OF_A_YEAR))
            tell(f"page_year_ms: click {number} of {pairs}: {figure.ratios[-1]:.0f} ms")
    figure.detail = f"first click {figure.ratios[0]:.0f} ms, {filled.stored:,} readings of the park stored"
    return figure


def drawn_ms(page: "Page", button: str, sign: str) -> float:
    """Milliseconds from a click on a button until the frame in which a text stands that only its answer shows."""
    return float(page.evaluate(_DRAWN, [button, sign]))


_DRAWN = """([button, sign]) => new Promise((done) => {
    const started = performance.now();
    const watch = new MutationObserver(() => {
        if (!document.body.innerText.includes(sign)) return;
        watch.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - started)));
    });
    watch.observe(document.body, { subtree: true, childList: true, characterData: true });
    [...document.querySelectorAll('button')].find((one) => one.textContent === button).click();
})"""
