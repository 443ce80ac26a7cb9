"""Energies over the wire: every slot there, nothing invented, four forms alike, and years in bounded memory."""

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import psutil
import psycopg
import pyarrow.parquet as pq
import pytest

from parkgrid_api.settings import ApiSettings, DatabaseSettings, LimitSettings
from parkgrid_servers.database import RunningDatabase
from tests.api.conftest import Api, Served, running, starting
from tests.api.energy import DAY_MS, MIDNIGHT, QUARTER_MS, correct, register, store_intervals, store_span
from tests.api.feed import Feed
from tests.conftest import _close_to_visitors as close_to_visitors
from tests.conftest import temporary_database

PATH = "/parks/gaoxin-nan/intervals"
HOUR = {"from": MIDNIGHT, "to": MIDNIGHT + 4 * QUARTER_MS}


@pytest.fixture
def pv(feed: Feed) -> int:
    """An hour of which the third quarter is missing and the fourth has no row at all."""
    register_id = register(feed.dsn, "pv-1", "energy_generated_kwh")
    store_intervals(feed.dsn, register_id, MIDNIGHT, [12_345, 0, None])
    return register_id


@pytest.mark.usefixtures("pv")
async def test_every_slot_is_there_and_nothing_is_invented(api: Api) -> None:
    answer = await api.get(PATH, **HOUR)
    assert answer["rows"] == 4
    assert (answer["unit"], answer["resolution"], answer["time_zone"]) == ("kWh", "15m", "Asia/Shanghai")
    first, second, third, fourth = answer["intervals"]
    assert first.pop("changed_at_ms")
    assert first == {
        "gateway": "gw-1",
        "device": "pv-1",
        "device_class": "pv_inverter",
        "signal": "energy_generated_kwh",
        "at_ms": MIDNIGHT,
        "period_s": 900,
        "energy_kwh": 12.345,
        "quality": "good",
        "expected": 15,
        "received": 15,
        "valid": 15,
        "estimated": 0,
        "late": 0,
        "first_at_ms": MIDNIGHT,
        "first_register_kwh": 1000.0,
        "last_at_ms": MIDNIGHT + QUARTER_MS,
        "last_register_kwh": 1012.345,
        "revision": 1,
        "cause": "first",
        "spread": None,
    }
    assert (second["energy_kwh"], second["quality"]) == (0, "good")
    assert (third["energy_kwh"], third["quality"], third["expected"]) == (None, "missing", 15)
    assert (fourth["energy_kwh"], fourth["quality"], fourth["expected"]) == (None, "missing", None)
    assert fourth["at_ms"] == MIDNIGHT + 3 * QUARTER_MS


@pytest.mark.usefixtures("pv")
async def test_a_span_inside_a_slot_takes_the_slots_that_begin_in_it(api: Api) -> None:
    answer = await api.get(PATH, **{"from": MIDNIGHT + 1, "to": MIDNIGHT + QUARTER_MS + 1})
    assert [row["at_ms"] for row in answer["intervals"]] == [MIDNIGHT + QUARTER_MS]


@pytest.mark.usefixtures("pv")
async def test_sums_count_what_is_missing(api: Api) -> None:
    (hour,) = (await api.get(PATH, resolution="1h", **HOUR))["intervals"]
    assert (hour["energy_kwh"], hour["good"], hour["missing_intervals"], hour["coverage_pct"]) == (12.345, 2, 2, 50)
    two_days = {"from": MIDNIGHT, "to": MIDNIGHT + 2 * DAY_MS}
    day, empty = (await api.get(PATH, resolution="1d", **two_days))["intervals"]
    assert (day["at_ms"], day["energy_kwh"], day["good"], day["expected_intervals"]) == (MIDNIGHT, 12.345, 2, 96)
    assert (empty["at_ms"], empty["energy_kwh"]) == (MIDNIGHT + DAY_MS, None)
    assert (empty["missing_intervals"], empty["expected_intervals"], empty["coverage_pct"]) == (96, 96, 0)
    # November has 30 days of 96 intervals; December, of which nothing is known, 31.
    months = await api.get(PATH, resolution="1mo", **{"from": MIDNIGHT, "to": MIDNIGHT + 31 * DAY_MS})
    november, december = months["intervals"]
    assert (november["energy_kwh"], november["expected_intervals"]) == (12.345, 2_880)
    assert (december["energy_kwh"], december["expected_intervals"]) == (None, 2_976)


async def test_a_device_that_reports_hourly_has_hourly_slots(api: Api, feed: Feed) -> None:
    hourly = register(feed.dsn, "load-1", "energy_import_kwh", 3_600)
    daily = register(feed.dsn, "grid-1", "energy_import_kwh", 86_400)
    store_intervals(feed.dsn, hourly, MIDNIGHT, [5_000], 3_600)
    store_intervals(feed.dsn, daily, MIDNIGHT, [70_000], 86_400)
    day = {"from": MIDNIGHT, "to": MIDNIGHT + DAY_MS}
    rows = (await api.get(PATH, **day))["intervals"]
    assert [row["period_s"] for row in rows] == [86_400] + [3_600] * 24
    assert [row["energy_kwh"] for row in rows] == [70, 5] + [None] * 23
    hours = (await api.get(PATH, resolution="1h", **day))["intervals"]
    assert {row["device"] for row in hours} == {"load-1"}
    days = (await api.get(PATH, resolution="1d", **day))["intervals"]
    assert {row["device"]: row["energy_kwh"] for row in days} == {"grid-1": 70, "load-1": 5}


async def test_filters(api: Api, feed: Feed) -> None:
    wanted = {
        ("pv-1", "energy_generated_kwh"): 1_000,
        ("pv-2", "energy_generated_kwh"): 2_000,
        ("grid-1", "energy_import_kwh"): 3_000,
        ("grid-1", "energy_export_kwh"): 4_000,
        ("grid-1", "reactive_energy_import_kvarh"): 5_000,
    }
    for (device, signal), wh in wanted.items():
        store_intervals(feed.dsn, register(feed.dsn, device, signal), MIDNIGHT, [wh])
    with psycopg.connect(feed.dsn) as connection:
        connection.execute(
            "UPDATE base.device SET line = 'F12', transformer = '3 号', account = '04' WHERE device = 'pv-2'"
        )
    quarter = {"from": MIDNIGHT, "to": MIDNIGHT + QUARTER_MS}

    async def found(**query: str) -> list[tuple[str, float]]:
        rows = (await api.get(PATH, **quarter, **query))["intervals"]
        return [(row["device"], row["energy_kwh"]) for row in rows]

    assert await found() == [("grid-1", 4), ("grid-1", 3), ("pv-1", 1), ("pv-2", 2)]
    assert await found(device="pv-1") == [("pv-1", 1)]
    assert await found(device_class="grid_meter", signal="energy_import_kwh") == [("grid-1", 3)]
    assert await found(gateway="gw-2") == []
    for place in ({"line": "F12"}, {"transformer": "3 号"}, {"account": "04"}):
        assert await found(**place) == [("pv-2", 2)]
    reactive = await api.get(PATH, **quarter, signal="reactive_energy_import_kvarh")
    assert reactive["unit"] == "kvarh"
    (row,) = reactive["intervals"]
    assert (row["energy_kvarh"], row["last_register_kvarh"]) == (5, 1005)
    assert "energy_kwh" not in row


@pytest.mark.usefixtures("pv")
async def test_four_forms_carry_the_same_numbers(api: Api, feed: Feed) -> None:
    store_intervals(
        feed.dsn, register(feed.dsn, "grid-1", "energy_import_kwh"), MIDNIGHT, [1, 999_999_999, 0, 7], cause="=1+1"
    )
    told = (await api.get(PATH, **HOUR))["intervals"]

    async def body(**query: str) -> httpx.Response:
        answer = await api.client.get(f"/api/v1{PATH}", params={**HOUR, **query})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"] == f'attachment; filename="gaoxin-nan-intervals.{query["format"]}"'
        return answer

    lines = list(csv.DictReader(io.StringIO((await body(format="csv")).text)))
    sheet = openpyxl.load_workbook(io.BytesIO((await body(format="xlsx")).content)).worksheets[0]
    heading, *cells = sheet.iter_rows(values_only=True)
    records = pq.read_table(io.BytesIO((await body(format="parquet")).content)).to_pylist()
    assert len(told) == 8
    for row, line, cell, record in zip(told, lines, cells, records, strict=True):
        sheet_row = dict(zip((str(name).partition(" ")[0] for name in heading), cell, strict=True))
        assert list(sheet_row) == list(line) == list(record) == [name.removesuffix("_ms") for name in row]
        for name in ("energy_kwh", "first_register_kwh", "last_register_kwh", "expected", "revision", "period_s"):
            assert sheet_row[name] == record[name] == row[name], name
            assert line[name] == "" if row[name] is None else float(line[name]) == row[name], name
        for name in ("device", "signal", "quality"):
            assert sheet_row[name] == record[name] == line[name] == row[name]
        assert sheet_row["cause"] == record["cause"] == row["cause"]
        assert line["cause"] == {"=1+1": "'=1+1", None: ""}.get(row["cause"], row["cause"])
        at = datetime.fromtimestamp(row["at_ms"] / 1000, UTC)
        assert datetime.fromisoformat(line["at"]) == record["at"] == at
        assert sheet_row["at"] == (at + timedelta(hours=8)).replace(tzinfo=None)
    assert (await body(format="csv", bom="true")).content.startswith(b"\xef\xbb\xbf")


@pytest.mark.usefixtures("pv")
async def test_the_accept_header_chooses_and_format_wins(api: Api) -> None:
    path = f"/api/v1{PATH}"
    answer = await api.client.get(path, params=HOUR, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    answer = await api.client.get(path, params={**HOUR, "format": "json"}, headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "application/json"
    answer = await api.client.get(path, params=HOUR, headers={"Accept": "image/png"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["problems"][0]["remedy"]


async def test_former_values_stay_readable(api: Api, feed: Feed, pv: int) -> None:
    correct(feed.dsn, pv, MIDNIGHT, 13_000, "metering")
    correct(feed.dsn, pv, MIDNIGHT, 13_500, "operator")
    now = (await api.get(PATH, **HOUR))["intervals"][0]
    assert (now["energy_kwh"], now["revision"], now["cause"]) == (13.5, 3, "late")
    answer = await api.get(f"{PATH}/revisions", **HOUR)
    assert answer["rows"] == 2
    told = [(row["energy_kwh"], row["revision"], row["superseded_by"]) for row in answer["revisions"]]
    assert told == [(12.345, 1, "metering"), (13.0, 2, "operator")]
    assert (await api.get(f"{PATH}/revisions", device="pv-2", **HOUR))["rows"] == 0
    lines = await api.client.get(f"/api/v1{PATH}/revisions", params={**HOUR, "format": "csv"})
    assert len(lines.text.splitlines()) == 3


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"signal": "soc_pct"}, "signal"),
    ({"signal": "energy_import_kwh,reactive_energy_import_kvarh"}, "signal"),
    ({"resolution": "1m"}, "resolution"),
    ({"format": "xls"}, "format"),
    ({"bom": "yes"}, "bom"),
    ({"line": ""}, "line"),
    ({"account": "x" * 201}, "account"),
    ({"transformer": "a\x00b"}, "transformer"),
    ({"device_class": "windmill"}, "device_class"),
    ({"device": "PV 1"}, "device"),
    ({"from": "2001-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
]


async def test_wrong_values_are_refused_with_a_remedy(api: Api) -> None:
    for query, field in WRONG:
        (mistake,) = await api.refused(PATH, 422, **query)
        assert mistake["field"] == field, query
        assert mistake["remedy"]
    await api.refused("/parks/nowhere/intervals", 404)


async def test_a_sheet_that_is_too_long_is_refused_before_it_is_written(api: Api, feed: Feed) -> None:
    register(feed.dsn, "pv-1", "energy_generated_kwh")
    (mistake,) = await api.refused(PATH, 422, format="xlsx", **{"from": MIDNIGHT - 1_500 * DAY_MS, "to": MIDNIGHT})
    assert "csv, parquet or arrow" in mistake["remedy"]


@pytest.mark.usefixtures("pv")
async def test_so_many_tables_at_a_time_and_no_more(feed: Feed) -> None:
    settings = ApiSettings(DatabaseSettings(feed.dsn), limits=LimitSettings(exports=1))
    async with running(settings) as api:
        api.services.figures._exports["10.9.8.7"] += 1
        (mistake,) = await api.refused(PATH, 503, **HOUR)
        assert "try again" in mistake["remedy"]
        del api.services.figures._exports["10.9.8.7"]
        for _ in range(3):
            assert (await api.get(PATH, **HOUR))["rows"] == 4
        assert api.services.figures._exports.total() == 0


YEAR = {"from": MIDNIGHT - 365 * DAY_MS, "to": MIDNIGHT}
REGISTERS = 8
YEAR_ROWS = 365 * 96 * REGISTERS


@pytest.fixture(scope="module")
def kept_year(database_server: RunningDatabase, template_database: str) -> Iterator[str]:
    """The name of a database with a year of eight registers: 280,320 intervals."""
    with temporary_database(database_server.dsn, template_database) as (name, dsn):
        feed = Feed(dsn)
        feed.announce()
        _fill_a_year(dsn)
        feed.store.close()
        close_to_visitors(database_server.dsn, name)
        yield name


@pytest.fixture
def year(database_server: RunningDatabase, kept_year: str, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts an api process over a copy of the year."""
    with temporary_database(database_server.dsn, kept_year) as (_, dsn), starting(dsn, tmp_path) as start:
        yield start


def _fill_a_year(dsn: str) -> None:
    for device, signal in (
        ("pv-1", "energy_generated_kwh"),
        ("pv-2", "energy_generated_kwh"),
        ("grid-1", "energy_import_kwh"),
        ("grid-1", "energy_export_kwh"),
        ("load-1", "energy_import_kwh"),
        ("gun-1", "energy_delivered_kwh"),
        ("bess-1", "energy_charged_kwh"),
        ("bess-1", "energy_discharged_kwh"),
    ):
        store_span(dsn, register(dsn, device, signal), YEAR["from"], YEAR["to"])


@pytest.mark.timing
def test_years_are_sent_in_bounded_memory(year: Callable[..., Served], tmp_path: Path, nightly: bool) -> None:
    served = year()
    process = psutil.Process(served.process.pid)
    with httpx.Client(base_url=served.url, timeout=60) as client:
        client.get(f"/api/v1{PATH}", params={**HOUR, "format": "parquet"})  # loads pyarrow
        before_mb = process.memory_info().rss / 1e6
        for form in ("json", "parquet", *(("csv", "arrow") if nightly else ())):
            most_mb, first_s, size = before_mb, None, 0
            started = time.monotonic()
            file = tmp_path / f"year.{form}"
            with (
                client.stream("GET", f"/api/v1{PATH}", params={**YEAR, "format": form}) as answer,
                file.open("wb") as out,
            ):
                assert answer.status_code == 200
                for piece in answer.iter_bytes():
                    first_s = first_s or time.monotonic() - started
                    most_mb = max(most_mb, process.memory_info().rss / 1e6)
                    size += out.write(piece)
            # The whole table is 70 MB as CSV and 130 MB as JSON.
            assert most_mb - before_mb < 100, (form, before_mb, most_mb)
            assert first_s is not None
            assert first_s < 5
        if nightly:
            with (tmp_path / "year.csv").open() as lines:
                assert sum(1 for _ in lines) == YEAR_ROWS + 1
        told = json.loads((tmp_path / "year.json").read_bytes())
        assert told["rows"] == YEAR_ROWS == len(told["intervals"])
        table = pq.read_table(tmp_path / "year.parquet")
        assert table.num_rows == YEAR_ROWS
        # An average hour is 11.5: each day of a register has 96 x 1000 Wh + 4 x (0 + 1 + … + 23) Wh = 97.104 kWh.
        total_kwh = sum(table["energy_kwh"].to_pylist())
        assert total_kwh == pytest.approx(365 * REGISTERS * 97.104, abs=1e-3)
        assert sum(row["energy_kwh"] for row in told["intervals"]) == pytest.approx(total_kwh, abs=1e-6)


@pytest.mark.timing
async def test_a_long_download_does_not_hold_up_the_others(year: Callable[..., Served]) -> None:
    served = year()
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:

        async def download() -> int:
            quarter = {**YEAR, "from": MIDNIGHT - 92 * DAY_MS}
            async with client.stream("GET", f"/api/v1{PATH}", params={**quarter, "format": "csv"}) as answer:
                return sum([len(piece) async for piece in answer.aiter_bytes()])

        under_way = asyncio.create_task(download())
        waits = []
        while not under_way.done():
            started = time.monotonic()
            assert (await client.get("/api/v1/parks")).status_code == 200
            waits.append(time.monotonic() - started)
            await asyncio.sleep(0.05)
        assert await under_way > 10_000_000
        assert len(waits) >= 5
        assert sorted(waits)[len(waits) // 2] < 0.5


def test_a_client_that_leaves_frees_its_place(year: Callable[..., Served]) -> None:
    served = year(PARKGRID_API_LIMITS_EXPORTS="1")
    with httpx.Client(base_url=served.url, timeout=30) as client:
        for _ in range(3):
            with client.stream("GET", f"/api/v1{PATH}", params={**YEAR, "format": "csv"}) as answer:
                assert answer.status_code == 200
                next(answer.iter_bytes())
            deadline = time.monotonic() + 10
            while client.get(f"/api/v1{PATH}", params=HOUR).status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
