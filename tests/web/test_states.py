"""What the page does when parts behind it fail, when it is open for long, and when a year is asked for."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import psycopg
import pytest

from tests.api.feed import Feed, devices, now_ms
from tests.web.conftest import Visit

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
POWERS = {"grid-1": {"active_power_kw": 120.0}, "pv-1": {"active_power_kw": 40.0}, "load-1": {"active_power_kw": 160.0}}


def name_of(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    assert row is not None
    return str(row[0])


def let_in(server: str, name: str, *, allowed: bool) -> None:
    """Cut the database off, with everything that is connected, or let it be reached again."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {'true' if allowed else 'false'}")
        if not allowed:
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


@pytest.mark.parametrize(("language", "told"), [("zh", "数据库没有应答"), ("en", "The database does not answer")])
def test_a_lost_database_is_told_and_found_again(
    database_server: "RunningDatabase",
    dsn: str,
    serve: Callable[..., Any],
    visit: Visits,
    language: str,
    told: str,
) -> None:
    feed = Feed(dsn)
    feed.announce(devices(period_s=60))
    feed.write(POWERS, now_ms())
    feed.store.close()
    seen = visit(serve()).open(lang=language, view="park")
    seen.page.wait_for_selector(".pulse.live")
    name = name_of(dsn)
    let_in(database_server.dsn, name, allowed=False)
    try:
        seen.page.wait_for_selector(f"[data-trouble='database']:has-text('{told}')", timeout=20_000)
        assert seen.page.locator(".pulse.lost").count() == 1
        # What was known stays, and is not passed off as the present.
        assert seen.number("load") == "160 kW"
    finally:
        let_in(database_server.dsn, name, allowed=True)
    again = Feed(dsn, seq=feed.seq)
    again.announce(devices(period_s=60))
    again.write({**POWERS, "load-1": {"active_power_kw": 170.0}}, now_ms())
    seen.page.wait_for_selector(".pulse.live", timeout=30_000)
    seen.until_number("load", "170 kW")
    assert seen.page.locator("[data-trouble='database']").count() == 0
    again.store.close()


def test_missed_events_leave_the_page_with_the_newest(feed: Feed, serve: Callable[..., Any], visit: Visits) -> None:
    feed.announce(devices(period_s=60))
    feed.write(POWERS, now_ms())
    seen = visit(serve()).open(lang="en", view="park")
    seen.page.wait_for_selector(".pulse.live")
    seen.page.context.set_offline(True)
    for power in (200.0, 210.0, 220.0):
        feed.write({**POWERS, "load-1": {"active_power_kw": power}}, now_ms())
        time.sleep(0.7)
    seen.page.context.set_offline(False)
    seen.until_number("load", "220 kW")


@pytest.mark.nightly
def test_the_park_page_does_not_grow(feed: Feed, serve: Callable[..., Any], visit: Visits) -> None:
    """In real time, what `live/test_memory.py` holds always with an hour that passes in seconds."""
    feed.announce(devices(period_s=60))
    seen = visit(serve()).open(lang="en", view="park")
    session = seen.page.context.new_cdp_session(seen.page)

    def live_for(seconds: float) -> tuple[float, int]:
        until, power = time.monotonic() + seconds, 100.0
        while time.monotonic() < until:
            power += 1
            feed.write({**POWERS, "load-1": {"active_power_kw": power}}, now_ms())
            time.sleep(0.25)
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
        return heap, session.send("Memory.getDOMCounters")["nodes"]

    before = live_for(8)
    after = live_for(20)  # some 40 events
    assert after[0] - before[0] < 1.0, (before, after)
    assert after[1] - before[1] < 300, (before, after)


@pytest.mark.timing
def test_a_year_is_drawn_soon_after_the_click(feed: Feed, serve: Callable[..., Any], visit: Visits) -> None:
    feed.announce(devices({"grid-1": "grid_meter"}, period_s=900))
    quarter_ms = 900_000
    end = now_ms() // quarter_ms * quarter_ms
    at = np.arange(end - 366 * 86_400_000, end, quarter_ms)
    power = 1_000 + 500 * np.sin(at / 86_400_000 * 2 * np.pi)
    feed.series("grid-1", list(at), active_power_kw=list(power))
    feed.maintain()
    seen = visit(serve()).open(lang="en", view="time")
    seen.page.wait_for_selector(".line-chart canvas")
    delays = []
    for _ in range(4):
        seen.page.get_by_role("button", name="24 h").click()
        seen.until("!document.body.innerText.includes('means of a day')")
        seen.page.wait_for_timeout(400)
        delays.append(
            seen.page.evaluate(
                """() => new Promise((done) => {
                    const started = performance.now();
                    const watch = new MutationObserver(() => {
                        if (!document.body.innerText.includes('means of a day')) return;
                        watch.disconnect();
                        requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - started)));
                    });
                    watch.observe(document.body, { subtree: true, childList: true, characterData: true });
                    [...document.querySelectorAll('button')].find((one) => one.textContent === '1 y').click();
                })"""
            )
        )
    assert min(delays) <= 500, delays
    assert seen.complaints == []
