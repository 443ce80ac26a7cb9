"""The page at the end of the real chain: a register that is turned reaches it, and every part that is cut is named."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from parkgrid_bench import pages
from parkgrid_bench.live_park import PARK, LivePark, living
from parkgrid_bench.stack import running_stack
from parkgrid_servers import broker as brokers
from parkgrid_servers import database as databases
from tests.conftest import open_folder
from tests.web.conftest import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]


@pytest.fixture(scope="module")
def park(built_page: Path) -> Iterator[LivePark]:
    """Database, broker, ingest, api, agent and Modbus devices of this module's own: they are going to be killed."""
    assert built_page.is_dir()
    with open_folder() as folder:
        database = databases.start(folder / "database")
        with running_stack(folder, database=database) as stack, living(stack) as found:
            try:
                yield found
            finally:
                stack.broker.stop()
                stack.database.stop()


def test_a_turned_register_reaches_the_pixel(park: LivePark, browser: "Browser") -> None:
    page = pages.watched(browser, park)
    delays = pages.delays_s(park, page, 6)
    # Here only that each of them arrives: how soon is `parkgrid bench --only page_pixel_p95`, on a quiet machine.
    assert len(delays) == 6
    assert min(delays) > 0
    page.close()


def number_is(seen: Visit, kw: float, patience_ms: int = 45_000) -> None:
    told = "document.querySelector(`[data-part='grid'] .label-number`)?.textContent === given.text"
    seen.until(told, patience_ms, text=f"{kw:.0f} kW")


def opened(park: LivePark, visit: Visits, language: str, kw: float) -> Visit:
    """The park's page in a language, live, with a number that stands there when the cut comes."""
    park.grid.turn("active_power_kw", kw)
    seen = visit(park).open(lang=language, view="park", park=PARK)
    number_is(seen, kw)
    seen.page.wait_for_selector(".pulse.live")
    return seen


def told_as_old(seen: Visit, kw: float, what: str, picture: Path) -> None:
    """The page says which part is gone; the last number stays, greyed, and nothing calls it live."""
    seen.page.wait_for_selector(f"main :text('{what}')", timeout=30_000)
    seen.page.wait_for_selector("[data-part='grid'].old", timeout=15_000)
    number_is(seen, kw, 1_000)
    assert seen.page.locator(".pulse.live").count() == 0
    seen.page.screenshot(path=picture)
    colour = "getComputedStyle(document.querySelector(`[data-part='grid'] .label-number`)).fill"
    ink = "getComputedStyle(document.querySelector('.answer')).color"
    assert seen.page.evaluate(f"{colour} !== {ink}")


def found_again(park: LivePark, seen: Visit, kw: float) -> None:
    """By itself: nobody reloads the page, and the number is one that was never there before the cut."""
    park.grid.turn("active_power_kw", kw)
    number_is(seen, kw)
    seen.page.wait_for_selector(".pulse.live", timeout=10_000)
    seen.until("document.querySelector('[data-trouble]') === null")
    assert "old" not in (seen.page.locator("[data-part='grid']").first.get_attribute("class") or "")


def test_a_killed_agent_is_named_and_comes_back(park: LivePark, visit: Visits, tmp_path: Path) -> None:
    seen = opened(park, visit, "en", 310)
    assert park.agent is not None
    park.agent.kill()
    park.agent.wait()
    told_as_old(seen, 310, "Gateway gw-live has been offline since", tmp_path / "agent.png")
    park.start_agent()
    found_again(park, seen, 320)


def test_a_killed_broker_is_named_and_comes_back(park: LivePark, visit: Visits, tmp_path: Path) -> None:
    seen = opened(park, visit, "zh", 410)
    running = park.stack.broker
    running.kill()
    told_as_old(seen, 410, "连接不上消息服务（MQTT）", tmp_path / "broker.png")
    park.stack.broker = brokers.start(park.folder / "broker", running.port, running.kind)
    found_again(park, seen, 420)


def test_a_killed_ingest_is_named_and_comes_back(park: LivePark, visit: Visits, tmp_path: Path) -> None:
    seen = opened(park, visit, "en", 610)
    park.stack.ingest.kill()
    park.stack.ingest.wait()
    told_as_old(seen, 610, "the ingest service does not run or does not answer", tmp_path / "ingest.png")
    park.stack.start_ingest()
    found_again(park, seen, 620)


def test_a_killed_database_is_named_and_comes_back(park: LivePark, visit: Visits, tmp_path: Path) -> None:
    seen = opened(park, visit, "en", 510)
    port = int(psycopg.conninfo.conninfo_to_dict(park.stack.database.dsn)["port"] or 0)
    park.stack.database.kill()
    told_as_old(seen, 510, "database does not answer", tmp_path / "database.png")
    park.stack.database = databases.start(park.folder / "database", port)
    found_again(park, seen, 520)
