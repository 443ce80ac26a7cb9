"""What the energies of a day and of each charging session look like: what is not there, what is missing, where it came
from."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from parkgrid_contract.announcement import Device
from tests.accounting.conftest import park
from tests.accounting.indicator_day import park_plans, run
from tests.api.charging_day import charged
from tests.api.conftest import Served
from tests.api.feed import Feed, devices, now_ms
from tests.metering.park import Metering
from tests.web.conftest import Visit
from tests.web.test_page import balanced

__all__ = ["park"]
pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
Serve = Callable[..., Served]
GUN = ("active_power_kw", "energy_delivered_kwh")


def written(feed: Feed, *guns: Device) -> None:
    """A park with these guns; each reports what the day knows of `gun-1`, as far as it announced it."""
    others = tuple(each for each in devices(period_s=60) if each.device_class != "charger")
    feed.announce((*others, *guns))
    for pv in (100.0, 160.0):
        readings = balanced(pv, 200, 50, 0)
        told = readings.pop("gun-1")
        shown = {gun.device: {name: told[name] for name in gun.signals if name in told} for gun in guns}
        feed.write(readings | shown, now_ms())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_park_that_cannot_give_back_shows_no_vehicle_to_grid(
    feed: Feed, serve: Serve, visit: Visits, language: str
) -> None:
    written(feed, Device("gun-1", "charger", GUN, period_s=60))
    seen = visit(serve()).open(lang=language, view="park")
    seen.page.wait_for_selector(".sankey-band")
    word, warning = {"en": ("Vehicle-to-grid", "not complete"), "zh": ("车网互动 V2G", "不完整")}[language]
    assert word not in seen.page.inner_text(".today")
    assert "—" not in seen.page.inner_text(".energies")
    assert word not in (seen.page.text_content("main") or "")
    assert warning not in (seen.page.text_content("main") or "")
    assert seen.complaints == []


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "No energy for Vehicle-to-grid (1 of 2 registers reported), so the diagram is not complete."),
        ("zh", "没有电量：车网互动 V2G（2 个计数器中有 1 个上报），图形不完整。"),
    ],
)
def test_a_register_without_a_sum_is_named(feed: Feed, serve: Serve, visit: Visits, language: str, told: str) -> None:
    silent = Device("gun-2", "charger", ("energy_returned_kwh",), period_s=60)
    written(feed, Device("gun-1", "charger", (*GUN, "energy_returned_kwh"), period_s=60))
    others = tuple(each for each in devices(period_s=60) if each.device_class != "charger")
    feed.announce((*others, Device("gun-1", "charger", (*GUN, "energy_returned_kwh"), period_s=60), silent))
    seen = visit(serve()).open(lang=language, view="park")
    seen.page.wait_for_selector(".sankey-band")
    assert told in (seen.page.text_content("main") or "")
    assert "—" in seen.page.inner_text(".energies")
    assert seen.complaints == []


@pytest.mark.parametrize(
    ("language", "bar", "state", "later"),
    [
        # As worked out in charging_day.py.
        ("en", "PV 4.50 kWh, Storage 1.80 kWh, Grid 2.70 kWh", "under way", "shown when the session has ended"),
        ("zh", "光伏 4.50 kWh、储能 1.80 kWh、电网 2.70 kWh", "进行中", "会话结束后给出"),
    ],
)
def test_sessions_show_where_their_energy_came_from(
    park: Metering, serve: Serve, visit: Visits, language: str, bar: str, state: str, later: str
) -> None:
    charged(park)
    seen = visit(serve()).open(lang=language, view="devices", **{"class": "charger"})
    seen.page.wait_for_selector(".sessions tbody tr")
    rows = seen.page.locator(".sessions tbody tr")
    assert rows.count() == 3
    # The newest is on top: gun-1 at night, gun-2 in the evening, gun-1 in the morning.
    assert state in rows.nth(0).inner_text()
    # What is still charging has an energy and no origin.
    assert later in rows.nth(0).inner_text()
    cells = [each.replace("\u202f", " ") for each in rows.nth(0).locator("td.number").all_inner_texts()]
    assert cells[0].startswith("1.50 kWh")
    assert all(each.startswith("—") for each in cells[1:4])
    assert "7.50 kWh" in rows.nth(1).inner_text().replace("\u202f", " ")
    morning = rows.nth(2).locator(".origin")
    assert (morning.get_attribute("aria-label") or "").replace("\u202f", " ") == bar
    widths = morning.locator("span").evaluate_all("all => all.map((one) => parseFloat(one.style.width))")
    assert widths == pytest.approx([50, 20, 30], abs=0.01)
    assert "40 → 55 %" in rows.nth(2).inner_text()
    guns = seen.page.locator("section[aria-labelledby='guns-table']")
    assert guns.locator("tbody .origin").count() == 1
    assert later in guns.inner_text()
    assert seen.complaints == []


@pytest.mark.parametrize(
    ("language", "text"), [("en", "No session on this day or the day before."), ("zh", "当日和前一日没有充电会话。")]
)
def test_a_park_without_sessions_says_so(feed: Feed, serve: Serve, visit: Visits, language: str, text: str) -> None:
    written(feed, Device("gun-1", "charger", GUN, period_s=60))
    seen = visit(serve()).open(lang=language, view="devices", **{"class": "charger"})
    seen.until("document.querySelector('[aria-labelledby=sessions-title] .empty') !== null")
    assert text in seen.page.inner_text("[aria-labelledby='sessions-title']")
    assert seen.complaints == []


def test_sessions_that_cannot_be_read_say_so(feed: Feed, serve: Serve, visit: Visits) -> None:
    written(feed, Device("gun-1", "charger", GUN, period_s=60))
    seen = visit(serve())
    problem = '{"type":"about:blank","title":"The query takes too long.","status":503,"problems":[]}'
    seen.page.route(
        "**/sessions?*", lambda route: route.fulfill(status=503, content_type="application/problem+json", body=problem)
    )
    seen.open(lang="en", view="devices", **{"class": "charger"})
    seen.until("document.querySelector('[aria-labelledby=sessions-title] [role=status]') !== null")
    assert "The query takes too long." in seen.page.inner_text("[aria-labelledby='sessions-title']")


@pytest.mark.parametrize(
    ("health", "shown"),
    [({"outbox_batches": 2.0}, "not synchronised"), ({"outbox_batches": 2.0, "clock_offset_ms": -3.0}, "-3 ms")],
)
def test_a_clock_that_nothing_disciplines_is_said(
    feed: Feed, serve: Serve, visit: Visits, health: dict[str, float], shown: str
) -> None:
    feed.announce(devices(period_s=60))
    feed.write(balanced(100, 200, 50, 0) | {"gw-1": health}, now_ms())
    seen = visit(serve()).open(lang="en", view="park")
    seen.page.wait_for_selector(".gateways tbody tr")
    assert shown in seen.page.inner_text(".gateways tbody tr")
    seen.open(lang="en", view="quality")
    seen.page.wait_for_selector("[aria-labelledby='all-gateways'] tbody tr")
    assert shown in seen.page.inner_text("[aria-labelledby='all-gateways'] tbody tr")
    assert seen.complaints == []


@pytest.mark.parametrize(
    ("announced", "shares", "notes"),
    [
        # 310.2 kWh of import until 20:00, 648 of photovoltaics, 28.8 out of storage and 36 into it: 1 - 310.2 / 951.
        (("energy_import_kwh",), ["100 %", "67 %"], ["", ""]),
        (
            ("energy_import_kwh", "energy_export_kwh"),
            ["—", "—"],
            ["coverage 0.0 % is below the minimum of 90 %"] * 2,
        ),
    ],
    ids=["import only", "an export that is never told"],
)
def test_shares_of_the_day_are_the_api_s(
    park: Metering, serve: Serve, visit: Visits, announced: tuple[str, ...], shares: list[str], notes: list[str]
) -> None:
    plans = {name: replace(plan, until_minute=1200) for name, plan in park_plans().items()}
    grid = plans["grid"]
    plans["grid"] = replace(grid, device=replace(grid.device, signals=announced), flows=grid.flows[:1])
    run(park, plans)
    for view, where in (("park", ".today"), ("district", ".district-today")):
        seen = visit(serve()).open(lang="en", view=view)
        seen.until(f"document.querySelectorAll('{where} .share-note').length === 2")
        numbers = seen.page.locator(f"{where} .shares dd:not(.share-note)").all_inner_texts()
        told = [text.split(" reason")[0].replace("\u202f", " ").strip() for text in numbers]
        assert [text.splitlines()[0][: len(share)] for text, share in zip(told, shares, strict=True)] == shares
        assert seen.page.locator(f"{where} .share-note").all_inner_texts() == notes
        assert seen.complaints == []
