"""The page in trouble: whom it blames, what it says of an address that names nothing, and how it looks on paper."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

import psycopg
import pytest

from parkgrid_api.answers.completeness import RegisterFinding
from parkgrid_api.answers.present import TroubleKind
from parkgrid_contract.announcement import Device
from tests.api.feed import Feed, now_ms
from tests.conftest import temporary_database
from tests.web.build_hook import ROOT
from tests.web.conftest import Visit, served

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase

Visits = Callable[..., Visit]


def test_the_api_s_own_words_are_known_in_both_languages() -> None:
    """A title that is reworded in the api would be a server without figures here."""
    page = (ROOT / "api" / "parkgrid_api" / "web" / "src" / "trouble.ts").read_text()
    said = "".join(
        (ROOT / "api" / "parkgrid_api" / name).read_text() for name in ("database.py", "stream.py", "http/turns.py")
    )
    titles = re.findall(r'^ +"(.+?)": "[a-z]+",$', page, re.MULTILINE)
    assert len(titles) == 10
    assert [title for title in titles if f'"{title}"' not in said] == []


def test_everything_that_the_server_names_has_words() -> None:
    words = json.loads((ROOT / "api" / "parkgrid_api" / "web" / "src" / "locales" / "zh.json").read_text())
    kinds = get_args(TroubleKind)
    assert {f"{form}.{kind}" for kind in kinds for form in ("short", "trouble")} <= set(words)
    assert {f"finding.{kind}" for kind in get_args(get_type_hints(RegisterFinding)["kind"])} <= set(words)
    # A new one of a gateway is shown by its name.
    problems = "wrong_device", "other_transaction", "line_settings_differ", "two_names", "unusable_driver"
    assert {f"problem.{problem}" for problem in problems} <= set(words)


@dataclass
class Place:
    """A park that fell silent, with a device that has a problem, and a finding; and where it is served."""

    url: str


@pytest.fixture(scope="module")
def place(
    database_server: "RunningDatabase", template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with temporary_database(database_server.dsn, template_database) as (_, dsn):
        write(dsn)
        with served(dsn, tmp_path_factory.mktemp("api")) as url:
            yield Place(url)


def write(dsn: str) -> None:
    feed = Feed(dsn)
    signals = ("active_power_kw", "energy_import_kwh")
    feed.announce(
        [
            Device("grid-1", "grid_meter", signals, name="并网点总表 / Grid meter", period_s=60.0),
            Device("load-1", "meter", signals, period_s=60.0, problem="wrong_device"),
            Device("gw-1", "gateway", ("outbox_batches",), period_s=10.0),
        ]
    )
    feed.write({"grid-1": {"active_power_kw": 120.0}, "load-1": {"active_power_kw": 120.0}}, now_ms())
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    with psycopg.connect(feed.dsn) as connection:
        row = connection.execute(
            "INSERT INTO base.register (park_id, device_id, signal, period_s, method)"
            " SELECT park_id, device_id, 'energy_import_kwh', 900, 'register' FROM devices WHERE device = 'grid-1'"
            " RETURNING park_id, register_id"
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO base.register_finding VALUES (%s, %s, %s, 'jumped', %s, 48211000, 53211000, 5000000, 0, %s)",
            (*row, at, at - timedelta(seconds=10), at),
        )
    feed.store.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "finding", "problem"),
    [
        ("en", "The register jumped from 48211.000 to 53211.000 kWh", "Check address, unit and driver"),
        ("zh", "读数从 48211.000 跳到 53211.000 kWh；5000.000 kWh 未计入。", "请检查地址、单元号和驱动"),
    ],
)
def test_findings_and_problems_have_their_place(
    place: Place, visit: Visits, tmp_path: Path, language: str, finding: str, problem: str
) -> None:
    seen = visit(place).open(lang=language, view="quality")
    seen.page.wait_for_selector(f"[aria-labelledby='findings-title'] td:has-text('{finding}')")
    seen.page.wait_for_selector(f"[aria-labelledby='problems-title'] td:has-text('{problem}')")
    seen.page.screenshot(path=tmp_path / f"quality-{language}.png", full_page=True)
    assert seen.complaints == []


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "unknown", "none", "wrong"),
    [
        ("en", "There is no park “atlantis”.", "There are no readings of 1999-12-31.", "“2026-02-30” in the address"),
        ("zh", "没有园区“atlantis”。", "1999-12-31 没有读数。", "地址中的“2026-02-30”不是日期"),
    ],
)  # fmt: skip
def test_an_address_that_names_nothing_is_said(
    place: Place, visit: Visits, language: str, unknown: str, none: str, wrong: str
) -> None:
    seen = visit(place).open(lang=language, view="park", park="atlantis")
    seen.page.wait_for_selector(f"main h2:has-text('{unknown}')")
    assert seen.page.locator(".flow").count() == 0  # no other park in its place
    assert seen.page.locator(".choices a").count() == 1
    seen.open(lang=language, view="quality", of="atlantis")
    seen.page.wait_for_selector(f"main :text('{unknown}')")
    seen.open(lang=language, view="park", date="2026-02-30")
    seen.page.wait_for_selector(f"main :text('{wrong}')")
    seen.open(lang=language, view="park", date="1999-12-31")
    for card in (".day", ".today", "[aria-labelledby='sankey-title']"):
        seen.page.wait_for_selector(f"{card}:has-text('{none}')")
    seen.open(lang=language, view="devices", date="1999-12-31")
    seen.page.wait_for_selector(f".card:has-text('{none}')")
    seen.page.get_by_role("button", name="Newest day" if language == "en" else "最近一天").click()
    seen.until("!location.search.includes('date=')")
    seen.until("!document.body.innerText.includes(given.none)", none=none)


@pytest.mark.browser
@pytest.mark.parametrize("view", ["park", "devices", "quality", "time", "district"])
def test_paper_is_as_wide_as_the_page(place: Place, visit: Visits, tmp_path: Path, view: str) -> None:
    """On A4, 186 mm between the margins, nothing is cut off, and there is nothing to be clicked."""
    seen = visit(place, width=1440).open(lang="zh", view=view, theme="dark")
    seen.page.wait_for_selector(".answer:not(.skeleton)")
    seen.until("!document.querySelector('main .skeleton')", 20_000)
    seen.page.pdf(path=tmp_path / f"{view}.pdf", prefer_css_page_size=True)
    seen.page.emulate_media(media="print")
    seen.page.set_viewport_size({"width": 703, "height": 1000})
    wide = seen.page.evaluate(
        "[...document.querySelectorAll('main *')].filter((one) => one.getClientRects().length"
        " && one.getBoundingClientRect().right > 704).map((one) => one.outerHTML.slice(0, 120))"
    )
    assert wide == []
    assert seen.page.locator("nav").is_hidden()
    assert "rgb(255, 255, 255)" in str(seen.page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.browser
def test_a_phone_shows_that_a_table_goes_on(place: Place, visit: Visits) -> None:
    seen = visit(place, width=390, height=844).open(lang="zh", view="quality")
    box = seen.page.locator(".scroll:has(table)").first
    seen.page.wait_for_selector(".scroll[data-more~='right']")
    box = seen.page.locator(".scroll[data-more~='right']").first
    assert "左右滑动" in box.evaluate("(one) => getComputedStyle(one, '::before').content")
    box.evaluate("(one) => { one.scrollLeft = one.scrollWidth; }")
    seen.until("document.querySelector('.scroll[data-more=left]') !== null")
