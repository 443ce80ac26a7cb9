"""One question, asked of the page, of Grafana's panel, of the api and of the exported workbook: one answer."""

import io
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import openpyxl
import psycopg
import pytest

from parkgrid_contract.time import SHANGHAI, from_ms
from parkgrid_dashboards.check.macros import Range, expand
from parkgrid_dashboards.queries import query
from parkgrid_demo.prefill import HistorySpan, prefill
from parkgrid_demo.prefill_rows import BATCH_MS
from parkgrid_ingest.store.opening import open_store
from parkgrid_metering.rounds import run_rounds
from parkgrid_simulators.scenario import DEFAULT, load_scenario
from tests.web.conftest import Visit

if TYPE_CHECKING:
    from parkgrid_servers.database import RunningDatabase

pytestmark = pytest.mark.browser
Visits = Callable[..., Visit]
PARK = "pingshan-park"
DAY_MS = 86_400_000
CLASSES = {
    "import": ("grid_meter", "energy_import_kwh", "From the grid"),
    "generated": ("pv_inverter", "energy_generated_kwh", "PV generation"),
    "charged": ("storage", "energy_charged_kwh", "Into storage"),
    "discharged": ("storage", "energy_discharged_kwh", "From storage"),
}
"""Column of Grafana's panel: class and register of the api, words of the page."""


@dataclass(frozen=True, slots=True)
class Day:
    """A whole metered day of a simulated park."""

    day: date
    dsn: str

    @property
    def span(self) -> Range:
        start = datetime(self.day.year, self.day.month, self.day.day, tzinfo=SHANGHAI)
        return Range(start, start + timedelta(days=1))


@pytest.fixture
def yesterday(dsn: str) -> Day:
    now_ms = time.time_ns() // 1_000_000
    end_ms = now_ms // BATCH_MS * BATCH_MS
    with closing(open_store(dsn)) as store:
        prefill(store, dsn, [load_scenario(DEFAULT)], HistorySpan(end_ms - 2 * DAY_MS, end_ms))
    with psycopg.connect(dsn) as connection:
        run_rounds(connection, now_ms)
    return Day(from_ms(end_ms).astimezone(SHANGHAI).date() - timedelta(days=1), dsn)


def of_grafana(day: Day, language: str) -> dict[str, float]:
    """The sums over the bars of the park's energy panel, its charged energy drawn downwards."""
    text = expand(query("park", "energy", "park", language), day.span, 900_000, {"park": [PARK]})
    with psycopg.connect(day.dsn) as connection:
        cursor = connection.execute(text.encode())
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    sums = {name: sum(row[at] or 0 for row in rows) for at, name in enumerate(names) if name != "time"}
    return {name: -value if name in {"charged", "export"} else value for name, value in sums.items()}


def of_api(url: str, day: Day) -> dict[str, float]:
    """The days of the registers, from the intervals."""
    return {name: sum(row["energy_kwh"] for row in intervals(url, day, name).json()["intervals"]) for name in CLASSES}


def intervals(url: str, day: Day, name: str, **more: str) -> httpx.Response:
    kind, signal, _ = CLASSES[name]
    asked = {"from": day.span.start.isoformat(), "to": day.span.end.isoformat(), "device_class": kind, "signal": signal}
    answer = httpx.get(f"{url}/api/v1/parks/{PARK}/intervals", params={"resolution": "1d", **asked, **more}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer


def of_workbook(url: str, day: Day) -> dict[str, float]:
    """The quarters of an hour of an exported workbook, added up as a person would do with SUM()."""
    sums = {}
    for name in CLASSES:
        book = openpyxl.load_workbook(io.BytesIO(intervals(url, day, name, resolution="15m", format="xlsx").content))
        cells = [row for sheet in book for row in sheet.iter_rows(values_only=True)]
        head = next(row for row in cells if any(str(cell).startswith("energy_kwh") for cell in row))
        column = next(at for at, cell in enumerate(head) if str(cell).startswith("energy_kwh"))
        values = [row[column] for row in cells[cells.index(head) + 1 :]]
        sums[name] = sum(value for value in values if isinstance(value, int | float))
    return sums


def of_page(seen: Visit, day: Day) -> dict[str, str]:
    """The labels of the picture of the day's energy."""
    seen.open(lang="en", view="park", park=PARK, date=day.day.isoformat())
    seen.page.wait_for_selector(".sankey-band", timeout=20_000)
    told: dict[str, str] = seen.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.sankey-box g')].map((one) => [
            one.querySelector('.label-name').textContent.replace('■ ', ''),
            one.querySelector('.sankey-number').firstChild.textContent.replace('\\u202f', ' ')]))"""
    )
    return told


def rounded(kwh: float) -> str:
    """As the page writes an energy: three significant digits, MWh from 1,000 kWh."""
    number, unit = (kwh / 1_000, "MWh") if kwh >= 1_000 else (kwh, "kWh")
    digits = 2 if number < 10 else 1 if number < 100 else 0
    return f"{number:,.{digits}f} {unit}"


def test_page_grafana_api_and_workbook_agree(
    database_server: "RunningDatabase", yesterday: Day, serve: Callable[..., Any], visit: Visits
) -> None:
    assert database_server
    served = serve()
    api = of_api(served.url, yesterday)
    # A day on which every class did something, or nothing is compared: PV and storage of a park at work.
    assert min(api.values()) > 10
    book = of_workbook(served.url, yesterday)
    for language in ("zh", "en"):
        grafana = of_grafana(yesterday, language)
        # Intervals are whole watt-hours: sums of the same numbers, so only the order of adding may show.
        assert {name: grafana[name] for name in CLASSES} == pytest.approx(api, abs=1e-6)
    assert book == pytest.approx(api, abs=1e-6)
    page = of_page(visit(served), yesterday)
    assert {told: page[told] for *_, told in CLASSES.values()} == {
        told: rounded(api[name]) for name, (*_, told) in CLASSES.items()
    }
