"""An officer of the bureau goes through the view of the pilot, in both languages: headline, event, resource, the entry
that a yuan stands in, the operator's side. Each look is held against axe, and kept for the docs with `--pictures`."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from parkgrid_contract.announcement import Device
from parkgrid_contract.identity import Gateway
from parkgrid_contract.time import to_ms
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.ledger import write
from tests.api.feed import Feed
from tests.conftest import temporary_database
from tests.vpp.settled_pilot import acts
from tests.web.conftest import Visit, served
from tests.web.pictures.test_pictures import Visits, folder, small_png
from tests.web.test_views import axe, barriers

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase

__all__ = ["axe", "folder"]
pytestmark = pytest.mark.browser
KEPT = ("vpp", "vpp-event", "vpp-live")
"""The pictures that the docs show."""
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=7)


@pytest.fixture(scope="module")
def pilot(database_server: "RunningDatabase", template_database: str, tmp_path_factory: Any) -> Iterator[Any]:
    """A served park with a ledger in which events were settled, and one without a ledger."""
    with temporary_database(database_server.dsn, template_database) as (_, dsn):
        feed = Feed(dsn, Gateway("park-a", "gw-1"))
        grid = Device("grid-1", "grid_meter", ("active_power_kw",), "并网点总表 / Grid meter", period_s=60.0)
        rated = {"capacity_kwh": 1000.0, "rated_power_kw": 500.0}
        storage = Device("storage-1", "storage", ("active_power_kw", "soc_pct"), ratings=rated, period_s=20.0)
        feed.announce([grid, storage])
        with served(dsn, tmp_path_factory.mktemp("api")) as url:
            yield SimpleNamespace(url=url, dsn=dsn, feed=feed)
        feed.store.close()


def look(seen: Visit, axe: str, folder: Path | None, name: str, language: str) -> str:
    """Nothing is missing, wider than the screen or a barrier; the text of the view."""
    seen.page.wait_for_selector(".answer:not(.skeleton)", timeout=20_000)
    seen.until("!document.querySelector('main .skeleton')", 20_000)
    seen.page.wait_for_timeout(200)
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= seen.page.viewport_size["width"], name
    found = barriers(seen.page, axe)
    assert found == [], (name, found)
    assert (seen.complaints, seen.foreign) == ([], []), name
    if folder is not None and name in KEPT:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.{language}.png").write_bytes(small_png(seen.page.screenshot()))
    text: str = seen.page.inner_text("main")
    return text


def test_without_a_pilot_the_view_says_how_it_begins(pilot: Any, visit: Visits, axe: str) -> None:
    seen = visit(pilot).open(lang="en", view="vpp")
    text = look(seen, axe, None, "vpp-empty", "en")
    assert "No pilot yet." in text
    assert "parkgrid vpp registry import" in text


WORDS = {
    "en": (
        "Peak shaving",
        "simulation",
        "partly delivered",
        "a register finding is open",
        "Operator one",
        "too low",
        "Missing now",
    ),
    "zh": ("削峰", "模拟", "部分完成", "表底异常尚未处理", "一号运营商", "过低", "当前缺口"),
}


@pytest.mark.parametrize(("language", "width", "theme"), [("en", 1440, "light"), ("zh", 1440, "light")])
def test_an_officers_path(
    pilot: Any, visit: Visits, axe: str, folder: Path | None, language: str, width: int, theme: str
) -> None:
    told(pilot)
    pilot.feed.write({"grid-1": {"active_power_kw": 120.0}}, time.time_ns() // 1_000_000)
    shaving, simulation, partly, finding, operator, too_low, missing = WORDS[language]
    seen = visit(pilot, width, 1200).open(lang=language, theme=theme, view="vpp")
    page = seen.page
    page.wait_for_selector("tr[data-event='ev-1']")
    # The next 24 hours of the storage: it has something to give, and every quarter hour says what limits it.
    page.locator("section[aria-labelledby='vpp-day'] select").select_option("park/park-a")
    page.wait_for_selector("section[aria-labelledby='vpp-day'] tbody tr")
    text = look(seen, axe, folder, "vpp", language)
    assert "1,890.00" in text
    stamped(page, simulation)
    # Registered, tested, available, responded, and none settled while the dispute is open.
    funnel = page.locator("section[aria-labelledby='vpp-funnel'] tbody tr").first.locator("td b").all_text_contents()
    assert funnel == ["2", "2", "2", "2", "0"]

    page.locator("tr[data-event='ev-1'] a").click()
    page.wait_for_selector("tr[data-resource='load-1']")
    page.wait_for_selector(".line-chart canvas")
    text = look(seen, axe, folder, "vpp-event", language)
    assert shaving in text
    assert operator in text
    assert partly in text
    stamped(page, simulation)

    statements = page.locator("section[aria-labelledby='event-money'] tbody tr").first
    assert statements.locator("button").count() == 3, "PDF, XLSX, and the bundle of the newest"
    with page.expect_download() as given:
        statements.locator("button").first.click()
    assert given.value.suggested_filename == "ev-1-op-1-1.pdf"
    assert Path(given.value.path()).read_bytes().startswith(b"%PDF")

    page.locator("tr[data-resource='load-1'] a").first.click()
    page.wait_for_selector("section[aria-labelledby='resource-baseline']")
    text = look(seen, axe, folder, "vpp-resource", language)
    assert finding in text
    assert too_low in text
    assert "390.00" in text
    stamped(page, simulation)

    page.locator("section[aria-labelledby='resource-line'] a").click()
    page.wait_for_selector(".document")
    look(seen, axe, None, "vpp-entry", language)
    assert '"net": "1890.00"' in (page.text_content(".document") or "")

    # Under way: 400 kW promised, 380 kW measured in the newest minute, the second page of its entries.
    seen.open(lang=language, theme=theme, view="vpp", event="ev-2")
    page.wait_for_selector("section[aria-labelledby='event-live'] .line-chart canvas")
    page.wait_for_selector("section[aria-labelledby='event-responses'] tbody tr")
    text = look(seen, axe, folder, "vpp-live", language)
    assert missing in text
    assert page.locator("section[aria-labelledby='event-live'] tbody .alarm").all_text_contents() == ["20.0\u202fkW"]
    answered = page.locator("section[aria-labelledby='event-responses'] tbody td").all_text_contents()
    assert ("80" in answered[0], "100" in answered[0]) == (True, True)

    seen.open(lang=language, theme=theme, view="vpp", operator="op-1")
    page.wait_for_selector("section[aria-labelledby='operator-earnings'] tbody tr")
    text = look(seen, axe, folder, "vpp-operator", language)
    assert "567.00" in text
    stamped(page, simulation)


@pytest.mark.parametrize("address", [{}, {"event": "ev-1"}, {"event": "ev-1", "resource": "load-1"}, {"event": "ev-2"}])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    pilot: Any, visit: Visits, axe: str, address: dict[str, str]
) -> None:
    told(pilot)
    seen = visit(pilot, 390, 844).open(lang="zh", theme="dark", view="vpp", **address)
    look(seen, axe, None, "phone", "zh")


def stamped(page: Any, word: str) -> None:
    """Beside every yuan stands that it is a simulation."""
    yuans = page.locator(".yuan")
    assert yuans.count() > 0
    assert [text for text in yuans.all_inner_texts() if word not in text] == []


def told(pilot: Any) -> None:
    """Write the ledger, and what the storage did in the event that is under way; once."""
    with psycopg.connect(pilot.dsn, autocommit=True) as connection:
        if connection.execute("SELECT FROM vpp_entries LIMIT 1").fetchone() is None:
            ledger = Pilot()
            for at, group in groupby(acts(START), key=lambda each: each[0]):
                write(connection, ledger, [act for _, act in group], "能源局 / the bureau", at)
            start = to_ms(START + timedelta(hours=2))
            times = [start + 20_000 * place for place in range(180)]
            # It is filled with 400 kW from the sixth reading on, and with a little less in the last minutes.
            power = [-150.0] * 5 + [-400.0] * 160 + [-380.0] * 15
            pilot.feed.series("storage-1", times, active_power_kw=power, soc_pct=[60.0] * len(times))
            pilot.feed.maintain()
    pilot.feed.write({"storage-1": {"active_power_kw": 0.0, "soc_pct": 60.0}}, time.time_ns() // 1_000_000)
