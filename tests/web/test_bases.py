"""What a number of the page is of: part of a cluster, the consumption of a day, some of the devices."""

import csv
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from parkgrid_contract.announcement import Device
from parkgrid_contract.time import SHANGHAI, to_ms
from tests.accounting.clusters_feed import outputs
from tests.accounting.conftest import park
from tests.accounting.indicator_day import DAY, park_plans, run
from tests.accounting.test_clusters_figures import feed as golden_clusters
from tests.api.conftest import Served
from tests.api.feed import Feed
from tests.metering.park import Metering
from tests.web.conftest import Visit

__all__ = ["park"]
pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
Serve = Callable[..., Served]


def plain(text: str | None) -> str:
    return (text or "").replace("\u202f", " ").replace("\xa0", " ")


@pytest.mark.parametrize(
    ("language", "basis", "headline", "column", "example"),
    [
        (
            "en",
            "metered enterprises only: 0.125 % of the cluster's output",
            "Semiconductors and integrated circuits needs the highest growth to 2025: 41 % a year",
            "Share of all parks' PV",
            "example outputs",
        ),
        (
            "zh",
            "仅为计量企业，占集群产值 0.125 %",
            "至 2025 年需年均增速最高的是半导体与集成电路（41 %）",
            "占全区光伏比",
            "示例产值",
        ),
    ],
)
def test_a_cluster_says_what_part_of_it_a_figure_is_of(
    dsn: str,
    serve: Serve,
    visit: Visits,
    tmp_path: Path,
    language: str,
    basis: str,
    headline: str,
    column: str,
    example: str,
) -> None:
    golden_clusters(dsn)
    stated = tmp_path / "example.csv"
    with stated.open("w", encoding="utf-8", newline="") as file:
        heads = ("产业集群", "季度", "口径", "产值（亿元）", "来源", "备注")
        csv.writer(file).writerows([heads, ("生物医药", "2024-Q2", "当季", "41", "示例", "示例")])
    assert outputs(dsn, stated).revised == 1
    seen = visit(serve()).open(lang=language, view="clusters", quarter="2024-Q2")
    seen.page.wait_for_selector("tbody td .num")
    page = seen.page
    assert headline in plain(page.text_content(".answer"))
    assert example in plain(page.text_content(".answer"))
    row = page.locator("tbody tr", has_text="智能网联汽车" if language == "zh" else "Intelligent connected")
    told = plain(row.inner_text())
    assert "46.8 kWh" in told
    assert told.count({"en": "of 0.125 % of output", "zh": "占集群产值 0.125 %"}[language]) == 5
    assert plain(row.locator(".basis").first.get_attribute("title")) == basis
    note = plain(row.locator("[title*='kWh'], [title*='interval']").first.get_attribute("title"))
    assert "100 %" not in note or basis in note
    assert column in plain(page.inner_text("thead"))
    assert seen.complaints == []


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "750 kWh consumed, self-sufficiency 43 %."), ("zh", "当日用电 750 kWh，自给率 43 %。")],
)
def test_the_sentence_of_the_day_counts_consumption(
    park: Metering, serve: Serve, visit: Visits, language: str, told: str
) -> None:
    """430.2 in - 321 out + 648 PV + 28.8 from storage - 36 into it = 750 kWh; 1 - 430.2 / 750 = 42.6 %."""
    run(park, park_plans())
    seen = visit(serve()).open(lang=language, view="park", date=DAY.text)
    seen.page.wait_for_selector(".sankey-band")
    seen.until("document.querySelector('[aria-labelledby=sankey-title] p')?.textContent.includes('750')")
    assert plain(seen.page.inner_text("[aria-labelledby='sankey-title'] p")) == told
    assert seen.complaints == []


@pytest.mark.parametrize(("language", "note"), [("en", "some devices gave no power"), ("zh", "部分设备没有功率数据")])
def test_a_silent_meter_is_no_fall_of_the_load(
    feed: Feed, serve: Serve, visit: Visits, language: str, note: str
) -> None:
    signals = ("active_power_kw", "energy_import_kwh")
    meters = [Device(name, "meter", signals, period_s=60.0) for name in ("hall", "office")]
    feed.announce([Device("grid", "grid_meter", signals, period_s=60.0), *meters])
    now = datetime.now(SHANGHAI).replace(second=0, microsecond=0)
    midnight = now.replace(hour=0, minute=0)
    minutes = range(max(0, (now - midnight) // timedelta(minutes=1) - 240), (now - midnight) // timedelta(minutes=1))
    at = [to_ms(midnight) + 60_000 * minute for minute in minutes]
    if len(at) < 30:
        pytest.skip("the local day has just begun: there is no day to be drawn yet")
    silent = set(at[len(at) // 3 : len(at) // 2])
    for device, kw in (("grid", 550.8), ("office", 13.8)):
        feed.series(device, at, active_power_kw=[kw] * len(at))
    told = [ms for ms in at if ms not in silent]
    feed.series("hall", told, active_power_kw=[537.0] * len(told))
    feed.maintain()
    seen = visit(serve()).open(lang=language, view="park")
    seen.page.wait_for_selector(".day .u-over")
    seen.until("document.querySelector('.day .small')?.textContent.includes('▨')")
    assert note in plain(seen.page.inner_text(".day"))
    box = seen.page.locator(".day .u-over").bounding_box()
    assert box is not None
    share = (next(iter(sorted(silent))) - to_ms(midnight)) / 86_400_000 + 0.002
    seen.page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
    seen.until("document.querySelector('.day .legend')?.textContent.includes('(1/2)')")
    assert seen.complaints == []
