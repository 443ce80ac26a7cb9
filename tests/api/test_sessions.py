"""Charging sessions over the wire: the origin of each one's energy, worked out by hand in `charging_day.py`."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import openpyxl
import pyarrow.parquet as pq
import pytest

from parkgrid_api.settings import ApiSettings, DatabaseSettings
from tests.accounting.conftest import park
from tests.api.charging_day import DAY, at_ms, charged
from tests.api.conftest import Api, running
from tests.metering.park import Metering

__all__ = ["park"]
PATH = "/parks/gaoxin-nan/sessions"
SPAN = {"from": str(DAY.start_ms), "to": str(DAY.end_ms)}


@pytest.fixture
async def api(park: Metering) -> AsyncIterator[Api]:
    charged(park)
    async with running(ApiSettings(DatabaseSettings(park.dsn))) as found:
        yield found


async def test_each_session_with_the_origin_of_its_energy(api: Api) -> None:
    answer = await api.get(PATH, **SPAN)
    schema = api.document["paths"]["/api/v1/parks/{park}/sessions"]["get"]["responses"]["200"]["content"]
    jsonschema.validate(answer, {**schema["application/json"]["schema"], "components": api.document["components"]})
    morning, evening, night = answer["sessions"]
    assert answer["rows"] == 3
    # 6 kWh of 60 / 30 / 10 % and 3 kWh of 30 / 0 / 70 %: 3.6 + 0.9, 1.8, 0.6 + 2.1. At 10:30 it had left.
    assert morning == {
        "gateway": "gw-1",
        "device": "gun-1",
        "name": None,
        "start_ms": at_ms("10:00"),
        "end_ms": at_ms("10:30"),
        "state": "ended",
        "charging_min": 30,
        "energy_kwh": pytest.approx(9),
        "returned_kwh": 0,
        "from_pv_kwh": pytest.approx(4.5),
        "from_storage_kwh": pytest.approx(1.8),
        "from_grid_kwh": pytest.approx(2.7),
        "unattributed_kwh": pytest.approx(0, abs=1e-9),
        "displayed_kwh": None,
        "peak_kw": pytest.approx(24),  # 400 Wh a minute
        "soc_start_pct": 40,
        "soc_end_pct": 54.5,  # half a percent a minute, until 10:29
        "quality": "good",
        "coverage_pct": 100,
        "origin_quality": "good",
    }
    assert (evening["device"], evening["start_ms"]) == ("gun-2", at_ms("22:00"))
    assert evening["energy_kwh"] == pytest.approx(15)
    assert evening["returned_kwh"] == pytest.approx(7.5)
    assert evening["from_grid_kwh"] == pytest.approx(15)
    assert evening["from_storage_kwh"] == pytest.approx(0)
    assert evening["peak_kw"] == pytest.approx(60)
    assert (night["device"], night["start_ms"], night["state"]) == ("gun-1", at_ms("23:45"), "under_way")
    # What is still charging has no origin yet.
    assert night["energy_kwh"] == pytest.approx(1.5)
    origin = ("from_pv_kwh", "from_storage_kwh", "from_grid_kwh", "unattributed_kwh", "origin_quality")
    assert [night[name] for name in origin] == [None] * 5
    # 9 + 15 + 1.5 kWh
    assert (answer["registers_kwh"], answer["in_sessions_kwh"], answer["outside_sessions_kwh"]) == (25.5, 25.5, 0)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"device": "gun-2"}, [("gun-2", 15)]),
        ({"gateway": "gw-1", "device": "gun-1", "to": str(at_ms("12:00"))}, [("gun-1", 9)]),
        # A session belongs to the span it began in, with all of its energy.
        ({"to": str(at_ms("10:01"))}, [("gun-1", 9)]),
        ({"from": str(at_ms("10:01")), "to": str(at_ms("22:00"))}, []),
        ({"from": str(at_ms("22:00")), "to": str(at_ms("22:01"))}, [("gun-2", 15)]),
        ({"transformer": "t9"}, []),
        ({"transformer": "t1", "line": "f1", "device": "gun-2"}, [("gun-2", 15)]),
    ],
)
async def test_a_list_is_narrowed(api: Api, query: dict[str, str], expected: list[tuple[str, float]]) -> None:
    found = (await api.get(PATH, **{**SPAN, **query}))["sessions"]
    assert [(each["device"], pytest.approx(each["energy_kwh"])) for each in found] == expected


async def test_a_park_whose_connection_is_not_metered_attributes_nothing(park: Metering) -> None:
    charged(park, "grid")
    async with running(ApiSettings(DatabaseSettings(park.dsn))) as found:
        morning = (await found.get(PATH, **SPAN))["sessions"][0]
    assert morning["energy_kwh"] == morning["unattributed_kwh"] == pytest.approx(9)
    assert morning["from_pv_kwh"] is morning["from_grid_kwh"] is None


async def test_a_park_without_storage_has_no_share_of_it(park: Metering) -> None:
    charged(park, "bess", "gun-2")
    async with running(ApiSettings(DatabaseSettings(park.dsn))) as found:
        morning = (await found.get(PATH, **SPAN))["sessions"][0]
    # The first quarter is fed by 9 + 1.5 kWh: of 6 kWh 6 · 9 / 10.5 are from the sun.
    assert morning["from_storage_kwh"] == 0
    assert morning["from_pv_kwh"] == pytest.approx(6 * 9 / 10.5 + 0.9)
    assert morning["from_grid_kwh"] == pytest.approx(6 * 1.5 / 10.5 + 2.1)


async def test_the_same_in_four_forms(api: Api) -> None:
    told = (await api.get(PATH, **SPAN))["sessions"]
    bodies: dict[str, bytes] = {}
    for form in ("csv", "xlsx", "parquet"):
        answer = await api.client.get(f"/api/v1{PATH}", params={**SPAN, "format": form})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-disposition"] == f'attachment; filename="gaoxin-nan-sessions.{form}"'
        bodies[form] = answer.content
    lines = list(csv.DictReader(io.StringIO(bodies["csv"].decode())))
    sheet = openpyxl.load_workbook(io.BytesIO(bodies["xlsx"])).worksheets[0]
    headings, *cells = list(sheet.iter_rows(values_only=True))
    records: list[dict[str, Any]] = pq.read_table(io.BytesIO(bodies["parquet"])).to_pylist()
    assert lines[0]["start"] == "2026-03-05T10:00:00+08:00"
    assert headings[3] == "start (Asia/Shanghai)"
    assert len(told) == len(lines) == len(cells) == len(records)
    for member, line, cell, record in zip(told, lines, cells, records, strict=True):
        for name in ("energy_kwh", "from_pv_kwh", "from_storage_kwh", "from_grid_kwh", "returned_kwh", "peak_kw"):
            assert (float(line[name]) if line[name] else None) == record[name] == member[name]
            assert cell[headings.index(name)] == (
                None if member[name] is None else pytest.approx(member[name], rel=1e-15)
            )
        assert line["state"] == record["state"] == member["state"]


async def test_the_same_content_is_not_sent_twice(api: Api) -> None:
    first = await api.client.get(f"/api/v1{PATH}", params=SPAN)
    again = await api.client.get(f"/api/v1{PATH}", params=SPAN, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]


async def test_what_cannot_be_asked(api: Api) -> None:
    (unknown,) = await api.refused("/parks/nowhere/sessions", 404)
    assert unknown["field"] == "park"
    (long,) = await api.refused(PATH, 422, **{"from": "2024-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"})
    assert "400 days" in long["remedy"]
    (form,) = await api.refused(PATH, 422, format="pdf")
    assert form["field"] == "format"
