"""The bad-input matrix's row 'API query', names of every kind, and SQL in every place where a name can stand."""

import logging
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parkgrid_api.http import parameters
from tests.api.conftest import Api
from tests.api.feed import Feed, devices, now_ms

PATH = "/devices/gaoxin-nan/gw-1/pv-1/history"
SQL = ["'", "pv-1'--", '"; DROP TABLE base.park; --', "pv-1/**/", "$1", "%s", "pv-1 OR 1=1", "{relation}"]
NAMES = ["<script>alert(1)</script>", "\u202e3.14\u202c", "🔥" * 20, "раrk", "高新南", "x" * 200, "a&b\"c'd"]


WRONG: list[tuple[dict[str, object], str]] = [
    ({"from": "2026-11-23T10:00:00+08:00", "to": "2026-11-23T09:00:00+08:00"}, "from"),
    ({"from": "2026-11-23T10:00:00+08:00", "to": "2026-11-23T10:00:00+08:00"}, "from"),
    ({"from": "2001-01-01T00:00:00Z", "to": "2100-12-31T00:00:00Z"}, "from"),
    ({"from": "2026-01-01T00:00:00Z", "to": "2026-12-31T00:00:00Z", "resolution": "raw"}, "from"),
    ({"from": "2026-11-23T10:00:00"}, "from"),
    ({"from": "2026-11-23"}, "from"),
    ({"from": "yesterday"}, "from"),
    ({"from": "1795392000"}, "from"),
    ({"from": "1795392000000000000"}, "from"),
    ({"from": "١٧٩٥٣٩٢٠٠٠٠٠٠"}, "from"),
    ({"to": "２０２６-11-23T10:00:00Z"}, "to"),
    ({"to": "2026-02-30T00:00:00Z"}, "to"),
    ({"to": "9999-12-31T23:59:59-23:59"}, "to"),
    ({"to": "NaN"}, "to"),
    ({"points": "-1"}, "points"),
    ({"points": "0"}, "points"),
    ({"points": "1e3"}, "points"),
    ({"points": "１００"}, "points"),
    ({"points": "20001"}, "points"),
    ({"points": "9" * 400}, "points"),
    ({"points": ["10", "20"]}, "points"),
    ({"points": ""}, "points"),
    ({"signals": ",".join(f"signal_{n}" for n in range(400))}, "signals"),
    ({"signals": ",".join(["s"] * 10_000)}, "signals"),
    ({"signals": "soc_pct"}, "signals"),
    ({"signals": "active_power_kw,"}, "signals"),
    ({"signals": "device_id"}, "signals"),
    ({"resolution": "1h"}, "resolution"),
    ({"resolution": "1M"}, "resolution"),
    ({"limit": "1"}, "limit"),
    ({"signal": "active_power_kw"}, "signal"),
    ({"points[]": "1"}, "points[]"),
]


async def test_a_wrong_value_is_named_with_its_remedy(api: Api) -> None:
    for query, field in WRONG:
        (mistake,) = await api.refused(PATH, 422, **query)
        assert mistake["field"] == field, query
        assert mistake["remedy"]
        assert len(mistake["value"]) <= 100


async def test_every_mistake_at_once(api: Api) -> None:
    mistakes = await api.refused(PATH, 422, points="-1", to="never", colour="red")
    assert {mistake["field"] for mistake in mistakes} == {"points", "to", "colour"}


async def test_a_near_miss_is_recognised(api: Api) -> None:
    (mistake,) = await api.refused(PATH, 422, signal="soc_pct")
    assert "signals" in mistake["remedy"]


WRONG_DAYS = ["2026-13-01", "20261123", "today", "२०२६-११-२३", "1999-12-31", "2026-W47-1", "0001-01-01"]


async def test_a_wrong_day(api: Api) -> None:
    for date in WRONG_DAYS:
        (mistake,) = await api.refused("/parks/gaoxin-nan/day", 422, date=date)
        assert mistake["field"] == "date"


UNKNOWN = [
    ("/parks/gaoxin-bei", "park"),
    ("/parks/gaoxin-bei/live", "park"),
    ("/parks/gaoxin-bei/stream", "park"),
    ("/parks/gaoxin-bei/day", "park"),
    ("/parks/gaoxin-bei/devices", "park"),
    ("/devices/gaoxin-nan/gw-1/pv-9/history", "device"),
    ("/devices/gaoxin-nan/gw-2/pv-1/history", "device"),
    ("/devices/gaoxin-bei/gw-1/pv-1/history", "device"),
    ("/nowhere", "page"),
]


async def test_what_does_not_exist(api: Api) -> None:
    for path, field in UNKNOWN:
        (mistake,) = await api.refused(path, 404)
        assert mistake["field"] == field


HOSTILE_PLACES = (
    "/parks/{}",
    "/parks/{}/live",
    "/parks/{}/day",
    "/parks/{}/stream",
    "/devices/{}/gw-1/pv-1/history",
    "/devices/gaoxin-nan/gw-1/{}/history",
)
HOSTILE_QUERIES = (
    (PATH, "signals"),
    ("/quarantine", "park"),
    ("/quarantine", "reason"),
    ("/quarantine", "gateway"),
    ("/conflicts", "park"),
    ("/gaps", "gateway"),
    ("/gateways", "park"),
    ("/parks/gaoxin-nan/day", "step"),
    ("/parks/gaoxin-nan/day", "date"),
)


async def test_hostile_names_in_a_path(api: Api) -> None:
    for hostile in [*SQL, *NAMES, "..", "%2e%2e", "PARK", "-park", "x" * 64]:
        for place in HOSTILE_PLACES:
            answer = await api.client.get(f"/api/v1{place.format(quote(hostile, safe=''))}")
            assert answer.status_code in {404, 422}, (place, hostile)
            assert_harmless(answer)


async def test_hostile_names_in_a_query(api: Api) -> None:
    for hostile in SQL + NAMES:
        for path, name in HOSTILE_QUERIES:
            answer = await api.client.get(f"/api/v1{path}", params={name: hostile})
            assert answer.status_code == 422, (path, hostile)
            assert answer.json()["problems"][0]["field"] == name
            assert_harmless(answer)


def assert_harmless(answer: httpx.Response) -> None:
    """Says nothing of the inside: no SQL of ours, no traceback, no path; and cannot be taken for a page."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    for inside in ("Traceback", "psycopg", "SELECT", "base.device", "/api/sql", ".py"):
        assert inside not in answer.text


async def test_names_of_every_kind_are_shown_as_they_are(api: Api, feed: Feed) -> None:
    for name in NAMES:
        feed.announce(devices(label=name))
        feed.write({"grid-1": {"active_power_kw": 1}}, now_ms())
        live = await api.get("/parks/gaoxin-nan/live")
        assert {device["name"] for device in live["devices"]} == {name}


async def test_control_characters_do_not_reach_the_log(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        (mistake,) = await api.refused(PATH, 422, points="1\r\nX: injected\x1b[31m")
    assert (
        mistake["value"]
        == "1\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}X: injected\N{REPLACEMENT CHARACTER}[31m"
    )


async def test_other_methods_and_bodies(api: Api) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await api.client.request(method, "/api/v1/parks", content=b"x" * 100_000)
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(text=st.text(max_size=40) | st.from_regex(r"[0-9T:+\-Z .]{1,32}", fullmatch=True))
def test_readers_answer_or_refuse(text: str) -> None:
    readers = [parameters.instant_ms, parameters.day, parameters.names, parameters.identifier, parameters.whole(1, 9)]
    for reader in readers:
        try:
            reader(text)
        except ValueError as refusal:
            assert str(refusal)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T08:00:00+08:00",
        "2026-11-23T08:00:00 08:00",
        "2026-11-23T00:00:00Z",
        "20261123T000000Z",
        "1795392000000",
    ],
)
def test_forms_of_one_instant(text: str) -> None:
    assert parameters.instant_ms(text) == 1_795_392_000_000
