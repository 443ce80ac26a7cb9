"""Indicators, bills, completeness and traces over the wire: the same figures as in the room of accounting, in words
for those who ask wrongly."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import jsonschema
import openpyxl
import psycopg
import pyarrow.parquet as pq
import pytest

from parkgrid_accounting.bills.bill import bill_of
from parkgrid_accounting.bills.closings import close_month
from parkgrid_api.app import openapi
from parkgrid_api.settings import ApiSettings, DatabaseSettings
from parkgrid_domain.indicators import INDICATORS
from tests.accounting.billing import At
from tests.accounting.february import ACCOUNT, AFTER, MONTH, Month, february, kept_month
from tests.api.conftest import Api, running

__all__ = ["february", "kept_month"]
PERIOD = {"period": "2026-02"}
BILL = f"/accounts/{quote(ACCOUNT, safe='')}/bills/2026-02"
IMPORT, EXPORT = ("grid-1", "energy_import_kwh"), ("grid-1", "energy_export_kwh")
PV = ("pv-1", "energy_generated_kwh")


@pytest.fixture
async def api(february: Month) -> AsyncIterator[Api]:
    async with running(ApiSettings(DatabaseSettings(february.dsn))) as found:
        yield found


def fits(api: Api, address: str, document: object) -> None:
    content = api.document["paths"][f"/api/v1{address}"]["get"]["responses"]["200"]["content"]
    jsonschema.validate(document, {**content["application/json"]["schema"], "components": api.document["components"]})


async def test_every_definition_is_told(api: Api) -> None:
    answer = await api.get("/indicators")
    assert [each["name"] for each in answer["indicators"]] == list(INDICATORS)
    assert all(each["formula"] and each["source"] and each["name_zh"] for each in answer["indicators"])
    assert all(each["bounds"]["why"] for each in answer["indicators"])
    shown = {each["name"]: each["display"] for each in answer["indicators"]}
    assert shown["self_consumption_ratio"] == {"share": True, "digits": 0}
    assert shown["performance_ratio"] == {"share": False, "digits": 2}
    fits(api, "/indicators", answer)


async def test_indicators_of_a_park(api: Api, february: Month) -> None:
    answer = await api.get("/parks/gaoxin-nan/indicators", **PERIOD)
    fits(api, "/parks/{park}/indicators", answer)
    assert not answer["provisional"]
    found = {each["name"]: each for each in answer["indicators"]}
    took, gave, pv = (february.kwh(register) for register in (IMPORT, EXPORT, PV))
    assert found["self_consumption_ratio"]["value"] == pytest.approx((pv - gave) / pv, rel=1e-9)
    assert found["consumption_kwh"]["value"] == pytest.approx(took - gave + pv, rel=1e-9)
    assert found["performance_ratio"]["value"] is None
    assert found["performance_ratio"]["unavailable"]
    assert found["performance_ratio"]["unavailable_zh"]
    for each in answer["indicators"]:
        traced = await api.get(f"/trace/{each['address']}")
        assert traced["published"] == each["value"], each["name"]
        assert traced["equal"], each["name"]


async def test_a_period_of_which_nothing_is_metered_yet_has_no_value(api: Api, february: Month) -> None:
    """Also where the place of the park is known: there is no sun to be computed of no interval."""
    with psycopg.connect(february.dsn, autocommit=True) as connection:
        connection.execute("UPDATE base.park SET latitude = 22.69, longitude = 114.35")
    for until in ("now", "metered"):
        answer = await api.get("/parks/gaoxin-nan/indicators", period="2199-01-01", until=until)
        assert {each["value"] for each in answer["indicators"]} == {None}
        answer = await api.get("/parks/gaoxin-nan/indicators", period="2026-03-01", until=until)
        assert len(answer["indicators"]) == len(INDICATORS)


async def test_indicators_of_parks_together(api: Api) -> None:
    answer = await api.get("/district/indicators", period="2026-02-10")
    fits(api, "/district/indicators", answer)
    one = await api.get("/parks/gaoxin-nan/indicators", period="2026-02-10")
    alone = {each["name"]: each for each in one["indicators"]}
    assert answer["parks"] == ["gaoxin-nan"]
    assert [each["name"] for each in answer["indicators"]] == [
        "consumption_kwh",
        "self_consumption_ratio",
        "self_sufficiency_ratio",
    ]
    for each in answer["indicators"]:
        same = alone[each["name"]]
        assert each["value"] == same["value"] is not None
        assert each["addresses"] == [same["address"]]
    refused = await api.client.get("/api/v1/district/indicators", params={"period": "2026-Q1"})
    assert (refused.status_code, "park by park" in refused.text) == (422, True)


async def test_a_running_period_ends_where_energy_is_metered(api: Api) -> None:
    # The readings end with February, the clock of the test is later: until now, most of the year is missing.
    span = {"period": "2026-02-20..2026-03-20", "names": "consumption_kwh"}
    now = await api.get("/parks/gaoxin-nan/indicators", **span)
    metered = await api.get("/parks/gaoxin-nan/indicators", **span, until="metered")
    assert now["indicators"][0]["value"] is None
    assert metered["until_ms"] < now["until_ms"]
    assert metered["provisional"]
    assert metered["indicators"][0]["value"] is not None
    assert metered["indicators"][0]["coverage_pct"] > 95


async def test_indicators_in_four_forms(api: Api) -> None:
    names = ("consumption_kwh", "self_consumption_ratio", "performance_ratio")
    question = {**PERIOD, "names": ",".join(names)}
    told = (await api.get("/parks/gaoxin-nan/indicators", **question))["indicators"]
    bodies = {}
    for form in ("csv", "xlsx", "parquet"):
        answer = await api.client.get("/api/v1/parks/gaoxin-nan/indicators", params={**question, "format": form})
        assert answer.status_code == 200, answer.text
        bodies[form] = answer.content
    lines = list(csv.DictReader(io.StringIO(bodies["csv"].decode())))
    cells = list(openpyxl.load_workbook(io.BytesIO(bodies["xlsx"])).worksheets[0].iter_rows(values_only=True))[1:]
    records = pq.read_table(io.BytesIO(bodies["parquet"])).to_pylist()
    assert len(told) == len(lines) == len(cells) == len(records) == 3
    for member, line, cell, record in zip(told, lines, cells, records, strict=True):
        assert record["value"] == member["value"]
        assert cell[3] == (None if member["value"] is None else pytest.approx(member["value"], rel=1e-15))
        assert (float(line["value"]) if line["value"] else None) == member["value"]
        assert line["address"] == cell[-1] == record["address"] == member["address"]


async def test_indicators_of_a_place(api: Api) -> None:
    park, account = [
        (await api.get("/parks/gaoxin-nan/indicators", names="maximum_demand_kw", **PERIOD, **place))["indicators"][0]
        for place in ({}, {"account": ACCOUNT})
    ]
    assert account["value"] == park["value"]
    assert account["address"] == f"indicator/gaoxin-nan/account={quote(ACCOUNT, safe='')}/maximum_demand_kw/2026-02"
    assert (await api.get(f"/trace/{account['address']}"))["equal"]
    device = await api.get(
        "/parks/gaoxin-nan/indicators", names="maximum_demand_kw", gateway="gw-1", device="pv-1", **PERIOD
    )
    assert device["indicators"][0]["unavailable"] == "no quantity grid_import_kwh"


async def test_completeness_counts_the_outage(api: Api) -> None:
    answer = await api.get("/parks/gaoxin-nan/completeness", **PERIOD)
    fits(api, "/parks/{park}/completeness", answer)
    assert len(answer["days"]) == 28
    worst = min(answer["days"], key=lambda day: day["coverage_pct"])
    assert worst["day"] == "2026-02-11"
    # 26 of the day's 288 readings are missing.
    assert worst["coverage_pct"] == pytest.approx(100 * 262 / 288)
    assert {each["device"] for each in answer["registers"]} == {"grid-1", "pv-1"}
    for each in answer["registers"]:
        assert (each["expected"], each["intervals"]) == (28 * 288, 28 * 96)
        assert each["valid"] == 28 * 288 - 26
    assert answer["score_pct"] == pytest.approx(100 * (28 * 288 - 26) / (28 * 288))


async def test_gaps_have_a_cause(api: Api) -> None:
    answer = await api.get("/parks/gaoxin-nan/gaps", **PERIOD)
    fits(api, "/parks/{park}/gaps", answer)
    assert {each["device"] for each in answer["gaps"]} == {"grid-1", "pv-1"}
    assert {each["cause"] for each in answer["gaps"]} <= {"device", "gateway", "link", "ingest"}
    for each in answer["gaps"]:
        outage = MONTH.start_ms + 10 * 86_400_000 + 36_300_000
        assert each["from_ms"] <= outage < each["to_ms"]
    assert (await api.get("/parks/gaoxin-nan/gaps", period="2026-02-12"))["gaps"] == []


async def test_a_jump_of_a_register_is_a_finding(api: Api, february: Month) -> None:
    """What accounting found is told with its values, in the period that it lies in and in no other."""
    at = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
    with february.connection() as connection:
        [row] = connection.execute(
            "SELECT park_id, register_id FROM registers WHERE device = 'grid-1' AND signal = 'energy_import_kwh'"
        ).fetchall()
        connection.execute(
            "INSERT INTO base.register_finding VALUES (%s, %s, %s, 'jumped', %s, 48211000, 53211000, 5000000, 0, %s)",
            (*row, at, at - timedelta(seconds=10), at),
        )
    try:
        answer = await api.get("/parks/gaoxin-nan/findings", **PERIOD)
        fits(api, "/parks/{park}/findings", answer)
        [found] = [each for each in answer["findings"] if each["kind"] == "jumped"]
        assert (found["from_register_kwh"], found["register_kwh"], found["energy_kwh"]) == (48211, 53211, 5000)
        assert found["at_ms"] - found["from_ms"] == 10_000
        other = await api.get("/parks/gaoxin-nan/findings", period="2026-02-12")
        assert [each for each in other["findings"] if each["kind"] == "jumped"] == []
    finally:
        with february.connection() as connection:
            connection.execute("DELETE FROM base.register_finding WHERE kind = 'jumped'")


async def test_an_open_bill_and_a_comparison(api: Api, february: Month) -> None:
    with february.connection() as connection:
        expected = bill_of(connection, ACCOUNT, "2026-02", clock=At(AFTER))
    answer = await api.get(BILL, plan=expected.plan_id)
    fits(api, "/accounts/{account}/bills/{month}", answer)
    assert answer["bill"]["total_cny"] == str(expected.total_cny)
    assert [line["amount_cny"] for line in answer["bill"]["lines"]] == [str(each.amount_cny) for each in expected.lines]
    assert answer["compared"] == answer["revisions"] == []
    for line in answer["bill"]["lines"]:
        traced = await api.get(f"/trace/{line['address']}")
        assert traced["published"] == traced["recomputed"] == line["amount_cny"]


async def test_a_closed_bill_with_its_revisions(api: Api, february: Month) -> None:
    with february.connection() as connection:
        closed = close_month(connection, ACCOUNT, "2026-02", "anna", clock=At(AFTER))
    answer = await api.get(BILL)
    (revision,) = answer["revisions"]
    assert (revision["revision"], revision["closed_by"]) == (1, "anna")
    assert revision["total_cny"] == answer["bill"]["total_cny"] == str(closed.total_cny)
    assert answer["bill"]["lines"][0]["address"].endswith("@1")
    assert (await api.get(BILL, revision=1))["bill"] == answer["bill"]
    (mistake,) = await api.refused(BILL, 404, revision=2)
    assert "is not closed in revision 2" in mistake["remedy"]


async def test_a_bill_says_on_the_line_what_is_estimated(api: Api, february: Month) -> None:
    bill = (await api.get(BILL))["bill"]
    estimated = f"{february.outage_wh(('grid-1', 'energy_import_kwh')) / 1000:g}"
    whole = {"of": "import", "unit": "kWh", "estimated": estimated, "estimated_intervals": 9, "missing_intervals": 0}
    # The outage of the 11th, 10:00 to 12:15: eight quarter hours of the peak band, the ninth is flat.
    lines = {line["code"]: line for line in bill["lines"]}
    assert {code: [mark["estimated_intervals"] for mark in line["marks"]] for code, line in lines.items()} == {
        "energy.valley": [],
        "energy.flat": [1],
        "energy.peak": [8],
        **{code: [9] for code in lines if not code.startswith("energy.")},
    }
    assert (bill["marks"], bill["marks_en"]) == ([whole], f"{estimated} kWh estimated (9 quarter hours)")
    assert bill["estimated_kwh"] == estimated
    assert (bill["peak"]["estimated"], bill["peak"]["missing"]) == (False, 0)
    fund = next(line for code, line in lines.items() if not code.startswith("energy."))
    assert fund["marks_zh"] == f"估算 {estimated} kWh（9 个时段）"
    assert fund["marks_en"] == f"{estimated} kWh estimated (9 quarter hours)"
    text = (await api.client.get(f"/api/v1{BILL}", params={"format": "csv"})).text
    rows = {row["code"]: row for row in csv.DictReader(io.StringIO(text))}
    row = rows[fund["code"]]
    assert (Decimal(row["estimated_kwh"]), row["estimated_intervals"], row["missing_intervals"]) == (
        *(Decimal(estimated), "9", "0"),
    )
    assert (rows["energy.valley"]["estimated_kwh"], row["marks_en"]) == ("0", fund["marks_en"])
    traced = await api.get(f"/trace/{fund['address']}")
    assert traced["equal"]
    assert traced["details"]["marks_en"] == fund["marks_en"]
    # 9 of 28 x 96 intervals
    assert traced["estimated_pct"] == pytest.approx(100 * 9 / 2688)
    assert not any("the inputs of the line" in note for note in traced["notes"])


async def test_a_bill_as_a_table(api: Api) -> None:
    lines = (await api.get(BILL))["bill"]["lines"]
    text = (await api.client.get(f"/api/v1{BILL}", params={"format": "csv"})).text
    rows = list(csv.DictReader(io.StringIO(text)))
    body = (await api.client.get(f"/api/v1{BILL}", params={"format": "parquet"})).content
    records = pq.read_table(io.BytesIO(body)).to_pylist()
    assert [row["amount_cny"] for row in rows] == [line["amount_cny"] for line in lines]
    assert [record["amount_cny"] for record in records] == [Decimal(line["amount_cny"]) for line in lines]
    assert [row["address"] for row in rows] == [line["address"] for line in lines]


async def test_a_trace_ends_at_the_batches(api: Api) -> None:
    start = "2026-02-03T00:00:00Z"
    answer = await api.get(f"/trace/interval/gaoxin-nan/gw-1/pv-1/energy_generated_kwh/{start}")
    fits(api, "/trace/{address}", answer)
    assert answer["equal"]
    assert answer["published"] == answer["recomputed"] > 0
    assert all(reading["seq"] for reading in answer["readings"])
    (register,) = answer["registers"]
    assert register["batches"][0]["gateway"] == "gaoxin-nan/gw-1"
    encoded = await api.get(f"/trace/{quote(answer['address'], safe='/')}")
    assert encoded == answer


WRONG = [
    ("/parks/gaoxin-nan/indicators", 422, {"names": "happiness"}, "names"),
    ("/parks/gaoxin-nan/indicators", 422, {"period": "2026-13"}, "period"),
    ("/parks/gaoxin-nan/indicators", 422, {"period": "2026-01-01..2028-01-01"}, "period"),
    ("/parks/gaoxin-nan/indicators", 422, {"device": "pv-1"}, "device"),
    ("/parks/gaoxin-nan/indicators", 422, {"line": "F1", "account": "2"}, "account"),
    ("/parks/nowhere/indicators", 404, {}, "park"),
    ("/parks/gaoxin-nan/completeness", 422, {"period": "٢٠٢٦"}, "period"),
    ("/parks/nowhere/gaps", 404, {}, "park"),
    ("/accounts/unknown/bills/2026-02", 404, {}, "bill"),
    ("/accounts/x/bills/2026-Q1", 422, {}, "month"),
    ("/accounts/x/bills/2026-2", 422, {}, "month"),
    (BILL, 404, {"plan": "free-electricity"}, "bill"),
    (BILL, 422, {"revision": "0"}, "revision"),
    ("/trace/nonsense", 422, {}, "address"),
    ("/trace/indicator/gaoxin-nan/happiness/2026-02", 404, {}, "figure"),
    ("/trace/indicator/nowhere/load_factor/2026-02", 404, {}, "figure"),
    ("/trace/interval/gaoxin-nan/gw-1/pv-1/energy_generated_kwh/2020-01-01T00:00:00Z", 404, {}, "figure"),
]


@pytest.mark.usefixtures("february")
async def test_what_is_wrong_is_named(api: Api) -> None:
    for path, status, query, field in WRONG:
        mistakes = await api.refused(path, status, **query)
        assert field in {mistake["field"] for mistake in mistakes}, path
        assert all(mistake["remedy"] for mistake in mistakes)


def test_the_document_knows_the_addresses() -> None:
    paths = openapi(ApiSettings(DatabaseSettings("")))["paths"]
    assert {
        "/api/v1/indicators",
        "/api/v1/parks/{park}/indicators",
        "/api/v1/accounts/{account}/bills/{month}",
        "/api/v1/trace/{address}",
    } <= set(paths)  # type: ignore[call-overload]


async def test_answers_need_views_alone(february: Month) -> None:
    """With the role of the api, which may read views and nothing else."""
    settings = ApiSettings(replace(DatabaseSettings(february.dsn), role="parkgrid_api"))
    async with running(settings) as api:
        assert (await api.get("/parks/gaoxin-nan/indicators", **PERIOD))["indicators"]
        assert (await api.get("/parks/gaoxin-nan/completeness", **PERIOD))["days"]
        lines = (await api.get(BILL))["bill"]["lines"]
        for address in (lines[0]["address"], "indicator/gaoxin-nan/consumption_kwh/2026-02"):
            assert (await api.get(f"/trace/{address}"))["equal"]
        assert (await api.get("/parks/gaoxin-nan/intervals", **{"from": MONTH.start_ms, "to": MONTH.end_ms}))["rows"]
