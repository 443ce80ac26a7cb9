"""Every view on a real server with a district of three parks: an operator's path, a bureau's path, and what must hold
on each view in both languages and on every screen: nothing wider than the screen, no complaint, no barrier."""

import io
import json
import os
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import openpyxl
import psycopg
import pytest

from parkgrid_metering.rounds import run_rounds
from tests.conftest import temporary_database
from tests.web.build_hook import ROOT, hook
from tests.web.conftest import Visit, served
from tests.web.district import District

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase

pytestmark = pytest.mark.browser
AXE = ROOT / "api" / "parkgrid_api" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = Path(os.environ.get("PARKGRID_PICTURES", ""))
"""Where pictures of every view are kept, for people who look; none are taken without it."""
VIEWS = ("district", "park", "devices", "time", "quality", "clusters", "vpp", "wall")


@dataclass
class Place:
    """A served district that goes on living."""

    url: str
    dsn: str
    district: District


@pytest.fixture(scope="module")
def living(database_server: "RunningDatabase", template_database: str, tmp_path_factory: Any) -> Iterator[Place]:
    with temporary_database(database_server.dsn, template_database) as (_, dsn):
        district = District(dsn)
        district.write_days(3, 60)
        district.refuse()
        with psycopg.connect(dsn) as connection:
            run_rounds(connection, time.time_ns() // 1_000_000)
        ended = threading.Event()
        writing = threading.Thread(target=_live, args=(district, ended))
        writing.start()
        try:
            with served(dsn, tmp_path_factory.mktemp("api")) as url:
                yield Place(url, dsn, district)
        finally:
            ended.set()
            writing.join()
            district.close()


def _live(district: District, ended: threading.Event) -> None:
    while not ended.wait(1.0):
        district.write_now()


@pytest.fixture(scope="module")
def axe(built_page: Path) -> str:
    """The accessibility engine, from the page's own locked development packages."""
    assert built_page.is_dir()
    if not AXE.is_file():
        node, npm = hook.node_and_npm()
        hook.run([node, npm, "ci", "--no-progress", "--prefer-offline"], ROOT / "api" / "parkgrid_api" / "web")
    return AXE.read_text()


class Walk:
    """One visitor who looks at every view; each look checks what must hold everywhere."""

    def __init__(self, seen: Visit, width: int, axe: str | None, name: str) -> None:
        self.seen, self.width, self.axe, self.name = seen, width, axe, name
        self.page = seen.page

    def look(self, what: str) -> None:
        self.page.wait_for_selector(".answer:not(.skeleton), .wall-board", timeout=20_000)
        self.seen.until("!document.querySelector('main .skeleton')", 20_000)
        self.page.wait_for_timeout(150)
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.width, what
        if PICTURES.name:
            self.page.screenshot(path=PICTURES / f"{self.name}-{what}.png", full_page=True)
        if self.axe:
            found = barriers(self.page, self.axe)
            assert found == [], (what, found)
        assert self.seen.complaints == [], what
        assert self.seen.foreign == [], what

    def tab(self, number: int, what: str) -> None:
        self.page.locator("nav a").nth(number).click()
        self.seen.until(f"new URLSearchParams(location.search).get('view') === '{VIEWS[number]}'")
        self.look(what)


def barriers(page: Any, axe: str) -> list[tuple[str, str, Any]]:
    """What axe-core calls serious or critical."""
    page.evaluate(axe)
    found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        (one["id"], one["impact"], [node["html"][:160] for node in one["nodes"][:3]])
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


SCREENS = [
    pytest.param(390, 844, "en", "light", True, id="phone-en"),
    pytest.param(1440, 900, "zh", "dark", True, id="desk-zh"),
    pytest.param(1920, 1080, "en", "dark", False, id="hall-en"),
    pytest.param(390, 844, "zh", "dark", True, id="phone-zh", marks=pytest.mark.nightly),
    pytest.param(1440, 900, "en", "light", True, id="desk-en", marks=pytest.mark.nightly),
    pytest.param(1920, 1080, "zh", "light", False, id="hall-zh", marks=pytest.mark.nightly),
]
"""Every width, language, theme always, and by night those of them together that are left."""


def in_turn(*cases: tuple[Any, ...]) -> list[Any]:
    """Each case in one language, in turn; by night in the other too. A text too long shows in one or the other."""
    turns = [(case, ("zh", "en") if number % 2 else ("en", "zh")) for number, case in enumerate(cases)]
    return [pytest.param(*case, language) for case, (language, _) in turns] + [
        pytest.param(*case, language, marks=pytest.mark.nightly) for case, (_, language) in turns
    ]


Visits = Callable[..., Visit]


@pytest.fixture
def walk(living: Place, visit: Visits, axe: str) -> Callable[..., Walk]:
    def start(width: int, height: int, language: str, theme: str, *, checked: bool, **query: str) -> Walk:
        seen = visit(living, width, height).open(lang=language, theme=theme, **query)
        return Walk(seen, width, axe if checked else None, f"{width}-{language}-{theme}")

    return start


@pytest.mark.parametrize(("width", "height", "language", "theme", "checked"), SCREENS)
def test_an_operators_path(
    walk: Callable[..., Walk], width: int, height: int, language: str, theme: str, checked: bool
) -> None:
    walking = walk(width, height, language, theme, checked=checked)
    page, seen = walking.page, walking.seen
    walking.look("district")
    page.locator("tr[data-park='julongshan-pedf'] a").click()
    page.wait_for_selector(".flow-svg")
    page.wait_for_selector(".u-wrap canvas")
    page.wait_for_selector(".sankey-band")
    page.wait_for_selector(".dc-strip")
    assert {"en": "Julongshan PEDF office park", "zh": "聚龙山光储直柔园区"}[language] in (
        page.text_content(".answer") or ""
    )
    walking.look("park")
    page.locator("nav a").nth(2).click()
    for kind in ("pv_inverter", "storage", "charger", "grid_meter", "dc_bus", "weather"):
        page.locator(f"#tab-{kind}").click()
        page.wait_for_selector(".line-chart canvas")
        walking.look(f"devices-{kind}")
        assert f"class={kind}" in page.url
    walking.tab(3, "time")
    page.wait_for_selector(".line-chart canvas")
    page.locator(".toolbar select").select_option("day")
    seen.until("document.querySelectorAll('.legend li').length >= 3")
    walking.look("time-compared")
    assert "compare=day" in page.url


@pytest.mark.parametrize(("width", "height", "language", "theme", "checked"), SCREENS)
def test_a_bureaus_path(
    walk: Callable[..., Walk], width: int, height: int, language: str, theme: str, checked: bool
) -> None:
    walking = walk(width, height, language, theme, checked=checked)
    page = walking.page
    page.wait_for_selector("tr[data-park]")
    page.locator("th .sort").nth(1).click()
    assert "sort=name" in page.url
    names = page.locator("tr[data-park] th").all_text_contents()
    assert len(names) == 3
    walking.look("district-by-name")
    walking.tab(4, "quality")
    page.wait_for_selector(".calendar .cell.full")
    page.locator(".calendar .cell.full").first.click()
    walking.look("quality-of-a-day")
    assert re.search(r"day=\d{4}-\d\d-\d\d", page.url)
    walking.tab(5, "clusters")
    page.wait_for_selector(".bullet")
    told = page.locator(".bullet .traced").first.get_attribute("title") or ""
    assert "深坪府" in told, told  # the plan that the figure comes from
    page.locator(".bullet .traced").first.click()
    page.wait_for_selector("dialog .big")
    walking.look("clusters-traced")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.locator("nav a").nth(7).click()
    page.wait_for_selector(".wall-numbers b")
    page.wait_for_selector(".wall-curve")
    walking.look("wall")


def test_the_wall_is_readable_from_afar_and_turns(living: Place, visit: Visits, tmp_path: Path) -> None:
    for width, height in ((1920, 1080), (3840, 2160)):
        seen = visit(living, width, height).open(lang="zh", view="wall", pause="3")
        seen.page.wait_for_selector(".wall-curve")
        sizes = seen.page.evaluate(
            "[...document.querySelectorAll('.wall-numbers b')].map((one) => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert len(sizes) >= 5
        assert min(sizes) >= height / 18
        assert seen.page.evaluate("document.documentElement.scrollHeight") <= height
        boxes = seen.page.evaluate(
            "[...document.querySelectorAll('.wall-card')].map((one) => one.scrollHeight - one.clientHeight)"
        )
        assert max(boxes) <= 2, boxes
        title = ".wall-card:nth-of-type(3) h2"
        first = seen.page.text_content(title)
        seen.until(f"document.querySelector('{title}').textContent !== given.first", first=first)
        seen.page.screenshot(path=(PICTURES if PICTURES.name else tmp_path) / f"wall-{height}.png")
        assert seen.complaints == []


# Texts that lie on another, or reach over what holds them; a name on two lines is one text.
_COLLISIONS = """({ texts, inside }) => {
    const box = (one) => one.getBoundingClientRect();
    const found = [...document.querySelectorAll(texts)].filter((one) => one.getClientRects().length);
    const reaches = (a, room) => a.left < room.left - 1 || a.right > room.right + 1
        || a.top < room.top - 1 || a.bottom > room.bottom + 1;
    const lies = (a, b) => a.left < b.right - 1 && a.right > b.left + 1 && a.top < b.bottom - 2 && a.bottom > b.top + 2;
    const over = found.filter((one) => reaches(box(one), box(one.closest(inside))));
    const pairs = found.flatMap((one, at) => found.slice(at + 1).filter((other) => lies(box(one), box(other)))
        .map((other) => [one.textContent, other.textContent]));
    return { shown: found.length, over: over.map((one) => one.textContent), pairs };
}"""


@pytest.mark.parametrize(("width", "height", "language"), in_turn((3840, 2160), (1920, 1080), (1440, 900), (390, 844)))
def test_nothing_on_the_wall_lies_on_anything(
    living: Place, visit: Visits, width: int, height: int, language: str
) -> None:
    seen = visit(living, width, height).open(lang=language, view="wall", pause="600")
    seen.page.wait_for_selector(".wall-curve")
    if width > height:  # a phone has no eight metres
        sizes = (
            "[...document.querySelectorAll('.wall-numbers b')].map((one) => parseFloat(getComputedStyle(one).fontSize))"
        )
        assert min(seen.page.evaluate(sizes)) >= height / 18
    # Longer numbers than the present ones: what is sent back in sunshine has a sign.
    seen.page.evaluate(
        "document.querySelectorAll('.wall-numbers b').forEach((one) => { one.firstChild.data = '−88.8'; })"
    )
    numbers = {"texts": ".wall-numbers b, .wall-name, .wall-need, .wall-title, .wall-share", "inside": ".wall-card"}
    found = seen.page.evaluate(_COLLISIONS, numbers)
    assert found["shown"] >= 16
    assert (found["over"], found["pairs"]) == ([], [])
    assert seen.page.evaluate(_COLLISIONS, {"texts": ".wall-curve text", "inside": "svg"})["pairs"] == []


@pytest.mark.parametrize(
    ("view", "width", "language"), in_turn(("district", 1920), ("district", 1440), ("district", 390), ("wall", 1920))
)
def test_names_on_the_map_keep_apart(living: Place, visit: Visits, view: str, width: int, language: str) -> None:
    seen = visit(living, width, 1080).open(lang=language, view=view)
    seen.page.wait_for_selector(".map .park-name")
    names = {"texts": ".map .park-name, .map .area-name, .map .place text", "inside": ".map"}
    found = seen.page.evaluate(_COLLISIONS, names)
    assert (found["over"], found["pairs"]) == ([], [])
    assert seen.page.locator(".map .park-name").count() == 3
    circles = {"texts": ".map .park-ring-ground, .map .area-name, .map .place text", "inside": ".map"}
    assert seen.page.evaluate(_COLLISIONS, circles)["pairs"] == []


def test_the_district_has_its_day_under_its_map(living: Place, visit: Visits) -> None:
    seen = visit(living).open(lang="en", view="district")
    seen.page.wait_for_selector(".day .u-wrap canvas", timeout=20_000)
    seen.until("!document.querySelector('main .skeleton')", 20_000)
    sums = dict.fromkeys(("pv_inverter.energy_generated_kwh", "grid_meter.energy_import_kwh"), 0.0)
    for place in living.district.places:
        day = httpx.get(f"{living.url}/api/v1/parks/{place.park}/day?step=15m", timeout=20).json()
        sums = {key: total + day["energy"][key]["kwh"] for key, total in sums.items()}
    told = seen.page.locator(".district-figures").inner_text()
    for kwh in sums.values():
        # Three digits of a sum that goes on growing while it is read.
        number = kwh / 1_000 if kwh >= 999.5 else kwh
        assert any(f"{number * grown:.3g}"[:3] in told.replace(",", "") for grown in (1, 0.999, 1.001)), (kwh, told)
    assert "covered by on-site PV" in (seen.page.text_content(".answer") or "")
    assert "4 of 4" in told or "3 of 3" in told
    assert seen.complaints == []


@pytest.mark.parametrize("width", [390, 1440, 1920])
def test_the_calendar_shows_its_last_day(living: Place, visit: Visits, width: int) -> None:
    seen = visit(living, width, 900).open(lang="zh", view="quality")
    # Each park's row comes when its days have been answered.
    seen.until("document.querySelectorAll('.calendar .days').length === 4 && document.querySelector('.cell.full')")
    rooms = seen.page.evaluate(
        """() => [...document.querySelectorAll('.calendar .days')].slice(1).map((days) => {
            const card = days.closest('.card').getBoundingClientRect();
            const boxes = [...days.querySelectorAll('.cell')].map((one) => one.getBoundingClientRect());
            const most = Math.max(...boxes.map((box) => box.right));
            return [boxes.length, card.right - most, Math.min(...boxes.map((box) => box.width))];
        })"""
    )
    assert len(rooms) == 3
    for days, room, narrowest in rooms:
        assert days == 31
        assert room >= 12
        assert narrowest >= 16  # a finger finds it
    assert seen.page.evaluate(
        "document.querySelector('.calendar').scrollWidth <= document.querySelector('.calendar').clientWidth"
    )


def test_an_address_shows_the_same_again(living: Place, visit: Visits) -> None:
    seen = visit(living).open(lang="en", view="time", park="pingshan-park")
    page = seen.page
    page.wait_for_selector(".line-chart canvas")
    page.locator(".chips select").nth(1).select_option("energy_import_kwh")
    seen.until("document.querySelectorAll('.line-chart').length === 2")  # another unit: a chart of its own
    page.get_by_role("button", name="6 h").click()
    page.get_by_role("button", name="Earlier").click()
    seen.until("new URLSearchParams(location.search).has('from')")
    page.wait_for_timeout(500)
    shown = page.locator(".span-text").text_content()
    again = visit(living)
    again.page.goto(page.url)
    again.page.wait_for_selector(".line-chart canvas")
    assert again.page.locator(".span-text").text_content() == shown
    assert again.page.locator(".line-chart").count() == 2
    page.go_back()
    page.go_back()
    seen.until("!new URLSearchParams(location.search).has('from')")
    assert seen.complaints + again.complaints == []


def test_what_is_seen_can_be_taken_along(living: Place, visit: Visits) -> None:
    seen = visit(living).open(lang="en", view="time", park="biling-ic-park", range="6h")
    page = seen.page
    page.wait_for_selector(".line-chart canvas")
    files: dict[str, bytes] = {}
    for form in ("CSV", "XLSX", "PNG"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=form).click()
        files[form] = Path(waiting.value.path()).read_bytes()
        # The name says what it is of, and from when to when by the park's clock.
        stamp = r"\d{4}-\d\d-\d\dT\d{4}"
        assert re.fullmatch(
            rf"parkgrid-biling-ic-park-{stamp}_{stamp}\.{form.lower()}", waiting.value.suggested_filename
        )
    lines = files["CSV"].decode("utf-8-sig").strip().split("\r\n")
    heading = (
        page.locator(".line-chart li")
        .nth(1)
        .evaluate(
            "(one) => { one = one.cloneNode(true); one.querySelectorAll('b, span').forEach((part) => part.remove());"
            " return one.textContent.trim(); }"
        )
    )
    assert lines[0] == f"Time (Asia/Shanghai),{heading} [kW]"
    newest = datetime.strptime(lines[-1][:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    assert abs(time.time() - newest.timestamp()) < 1_800
    assert len(lines) > 300  # six hours of minutes, less what the moment of asking costs
    with zipfile.ZipFile(io.BytesIO(files["XLSX"])) as packed:
        assert packed.testzip() is None
    sheet = openpyxl.load_workbook(io.BytesIO(files["XLSX"])).active
    assert sheet is not None
    rows = [row for row in sheet.iter_rows(values_only=True) if row[0] and str(row[0]).startswith("20")]
    assert len(rows) == len(lines) - 1
    for row, line in zip(rows[:20], lines[1:21], strict=True):
        told = line.split(",")
        assert (row[0], float(str(row[1]))) == (told[0], float(told[1]))
    assert files["PNG"].startswith(b"\x89PNG")
    assert len(files["PNG"]) > 10_000
    assert seen.complaints == []


def test_a_figure_is_followed_back(living: Place, visit: Visits) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3_600 - 86_400))  # yesterday in Shenzhen
    address = f"indicator/pingshan-park/self_consumption_ratio/{day}"
    published = httpx.get(f"{living.url}/api/v1/trace/{address}").json()
    seen = visit(living).open(lang="en", view="park", park="pingshan-park", trace=address)
    seen.page.wait_for_selector("dialog .big")
    told = seen.page.inner_text("dialog")
    assert published["published"] == published["recomputed"]
    assert "the same value" in told
    assert "pingsh-gw/pv-1/energy_generated_kwh" in told
    assert "96 / 96" in told
    assert address in told
    seen.page.get_by_role("button", name="Close").click()
    seen.until("!location.search.includes('trace')")
    assert seen.page.locator("dialog").count() == 0
    assert seen.complaints == []


def test_keys_move_and_zoom(living: Place, visit: Visits) -> None:
    seen = visit(living).open(lang="en", view="time", park="pingshan-park", range="24h")
    page = seen.page
    page.wait_for_selector(".line-chart canvas")
    page.get_by_role("button", name="24 h").focus()
    page.keyboard.press("+")
    seen.until("new URLSearchParams(location.search).has('from')")
    at = "Date.parse(new URLSearchParams(location.search).get('{}'))"
    length = f"({at.format('to')} - {at.format('from')})"
    assert page.evaluate(length) == pytest.approx(12 * 3_600_000, rel=0.01)
    before = page.url
    page.keyboard.press("ArrowLeft")
    seen.until("location.href !== given.before", before=before)
    assert page.evaluate(length) == pytest.approx(12 * 3_600_000, rel=0.01)
    box = page.locator(".line-chart .u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 60, steps=4)
    page.mouse.up()
    seen.until(f"{length} < 4 * 3600000")
    assert page.evaluate(length) == pytest.approx(3 * 3_600_000, rel=0.05)


@pytest.mark.timing
def test_a_change_reaches_the_pixel_soon(living: Place, visit: Visits, nightly: bool) -> None:
    seen = visit(living).open(lang="en", view="park", park="biling-ic-park")
    seen.page.wait_for_selector(".pulse.live")
    seen.page.evaluate(
        """() => {
            window.__changes = [];
            const number = () => document.querySelector("[data-part='load'] .label-number")?.textContent;
            let last = number();
            new MutationObserver(() => {
                const now = number();
                if (now !== last) { last = now; window.__changes.push(Date.now()); }
            }).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    # Noise of the machine passes, a slow page stays.
    for first in (0, 12, 24):
        delays = _delays(living, seen, range(first, first + (12 if nightly else 6)))
        if delays[-2] < 2_000:
            break
    assert delays[-2] < 2_000, delays


def _delays(living: Place, seen: Visit, turns: range) -> list[float]:
    """Milliseconds from the write of a changed value until the page shows it, in order of size."""
    delays = []
    for turn in turns:
        written = time.time() * 1000
        # A minute ahead: newer than what the writer of the district's present puts in between.
        reading = {"load-1": {"active_power_kw": 1_000 + 100 * turn}}
        living.district.feeds["biling-ic-park"].write(reading, int(written) + 60_000 + turn)
        seen.until("window.__changes.some((at) => at > given.written)", written=written)
        delays.append(seen.page.evaluate("(written) => window.__changes.find((at) => at > written)", written) - written)
        time.sleep(0.6)
    return sorted(delays)


@pytest.mark.nightly
def test_memory_stays_flat(living: Place, visit: Visits) -> None:
    seen = visit(living, 1920, 1080).open(lang="zh", view="wall", pause="3")
    seen.page.wait_for_selector(".wall-curve")
    session = seen.page.context.new_cdp_session(seen.page)

    def used() -> tuple[float, int]:
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")["usedSize"]
        nodes = session.send("Memory.getDOMCounters")["nodes"]
        return heap / 1e6, nodes

    seen.page.wait_for_timeout(10_000)  # three turns: every park was shown once
    before = used()
    seen.page.wait_for_timeout(20_000)
    after = used()
    assert after[0] - before[0] < 1.5, (before, after)
    assert after[1] - before[1] < 600, (before, after)


def test_every_state_of_the_district_is_told(dsn: str, serve: Callable[..., Any], visit: Visits) -> None:
    from tests.web.district import replace_places

    district = District(dsn, replace_places(silent=True), period_s=60)
    district.write_now()
    try:
        seen = visit(serve()).open(lang="en")
        seen.page.wait_for_selector("tr[data-park]")
        # Worst first: the one whose gateway is offline.
        assert seen.page.locator("tr[data-park]").first.get_attribute("data-park") == "julongshan-pedf"
        assert "gateway offline" in (seen.page.locator("tr[data-park]").first.text_content() or "")
        assert "Julongshan PEDF office park: gateway julong-gw is offline" in (seen.page.text_content(".answer") or "")
        assert seen.page.locator("tr[data-park='julongshan-pedf'] .missing").count() >= 2
        for view in ("quality", "clusters", "devices", "time"):
            seen.open(lang="en", view=view, park="julongshan-pedf")
            seen.page.wait_for_selector(".answer:not(.skeleton)")
            seen.until("!document.querySelector('main .skeleton')", 20_000)
        assert seen.complaints == []
    finally:
        district.close()


def test_the_catalogues_of_words_reach_every_view(living: Place, visit: Visits) -> None:
    """No key is shown as it is, and the other language is nowhere but in names that devices have."""
    english = json.loads((ROOT / "api" / "parkgrid_api" / "web" / "src" / "locales" / "en.json").read_text())
    for view in VIEWS:
        seen = visit(living).open(lang="zh", view=view, park="pingshan-park")
        seen.page.wait_for_selector(".answer:not(.skeleton), .wall-board")
        seen.until("!document.querySelector('main .skeleton')", 20_000)
        text = seen.page.inner_text("body")
        assert not re.search(r"\b[a-z]+\.[a-z_]+(\.[a-z_]+)?\b(?<!\.toml)", text), view
        for key in ("view.district", "gateways.title", "flow.title", "today", "quarantine.title", "time.hint"):
            assert english[key] not in text, (view, key)
