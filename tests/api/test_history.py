"""History: the right relation for span and points, exact values, bounded and shared answers."""

import asyncio
import itertools
from datetime import datetime

import pytest

from parkgrid_api import statements
from parkgrid_api.resolution import RAW, ROLLUPS, choose, expected_rows
from parkgrid_api.settings import ApiSettings, DatabaseSettings, LimitSettings
from parkgrid_contract.signals import CATALOGUE
from tests.api.conftest import Api, running
from tests.api.feed import DEVICES, Feed, now_ms

DAY = 86_400_000
HOUR = 3_600_000
PATH = "/devices/gaoxin-nan/gw-1/pv-1/history"
MIDNIGHT = int(datetime.fromisoformat("2026-11-20T00:00:00+08:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("span_ms", "period_s", "points", "chosen"),
    [
        (600_000, 1, 1500, "raw"),
        (1_500_000, 1, 1500, "raw"),
        (1_501_000, 1, 1500, "1m"),
        (DAY, 1, 1500, "1m"),
        (DAY, 60, 1500, "raw"),
        (DAY, 1, 1439, "15m"),
        (30 * DAY, 1, 1500, "1d"),
        (15 * DAY, 1, 1500, "15m"),
        (3000 * DAY, 1, 1500, "1d"),
    ],
)
def test_the_finest_relation_that_fits(span_ms: int, period_s: float, points: int, chosen: str) -> None:
    assert choose("auto", span_ms, period_s, points, 20_000).name == chosen


def test_a_begun_bucket_counts() -> None:
    assert expected_rows(RAW, 2_500, 1) == 3
    assert expected_rows(ROLLUPS[0], 60_001, 1) == 2


async def test_raw_rows_are_exact(api: Api, feed: Feed) -> None:
    at = [MIDNIGHT + second * 1000 for second in range(5)]
    feed.series("pv-1", at, active_power_kw=[0.001, 12.345, -3, 0, 500_000], energy_generated_kwh=[1, 1.5, 2, 2.25, 3])
    answer = await api.get(PATH, **{"from": at[1], "to": at[4], "signals": "energy_generated_kwh,active_power_kw"})
    assert answer["resolution"] == "raw"
    assert (answer["rows"], answer["truncated"], answer["next_from_ms"]) == (3, False, None)
    assert answer["history"] == {
        "at_ms": at[1:4],
        "flags": [],
        "curves": {"energy_generated_kwh": {"value": [1.5, 2, 2.25]}, "active_power_kw": {"value": [12.345, -3, 0]}},
    }


async def test_absent_stays_null_and_flags_are_told(api: Api, feed: Feed) -> None:
    feed.write({"pv-1": {"active_power_kw": 1}}, MIDNIGHT)
    feed.write({"pv-1": {"temperature_c": 20}}, MIDNIGHT + 1000, flags={"pv-1": b'{"temperature_c":"estimated"}'})
    history = (await api.get(PATH, **{"from": MIDNIGHT, "to": MIDNIGHT + 9000}))["history"]
    assert history["curves"]["active_power_kw"]["value"] == [1, None]
    assert history["curves"]["temperature_c"]["value"] == [None, 20]
    assert history["flags"] == [[MIDNIGHT + 1000, {"temperature_c": "estimated"}]]


@pytest.mark.parametrize("resolution", ["raw", "1m", "15m", "1d"])
async def test_every_signal_of_every_class_with_and_without_rows(api: Api, feed: Feed, resolution: str) -> None:
    feed.write({device: {CATALOGUE[kind].signals[-1].name: 0} for device, kind in DEVICES.items()}, MIDNIGHT)
    feed.maintain()
    for device, kind in DEVICES.items():
        path = f"/devices/gaoxin-nan/gw-1/{device}/history"
        for start, rows in ((MIDNIGHT - HOUR, 1), (MIDNIGHT + HOUR, 0)):
            answer = await api.get(path, resolution=resolution, **{"from": start, "to": start + HOUR + 1})
            history = answer["history"]
            names = [signal.name for signal in CATALOGUE[kind].signals]
            assert answer["rows"] == rows
            assert list(history["curves"]) == names
            assert history["at_ms"] == [MIDNIGHT] * rows
            columns = [column for curve in history["curves"].values() for column in curve.values()]
            assert {len(column) for column in columns} == {rows}
            assert all(value == 0 for column in history["curves"][names[-1]].values() for value in column)
            assert all(value is None for column in history["curves"][names[0]].values() for value in column)


async def test_numbers_are_written_in_full(api: Api, feed: Feed) -> None:
    told = [-0.001, 0.001, 123_456.789, -70, 0]
    feed.series("grid-1", [MIDNIGHT + at for at in range(5)], active_power_kw=told)
    answer = await api.get(
        "/devices/gaoxin-nan/gw-1/grid-1/history", **{"from": MIDNIGHT, "to": MIDNIGHT + 5, "resolution": "raw"}
    )
    assert answer["history"]["curves"]["active_power_kw"]["value"] == told


def test_statements_for_any_order_of_signals_do_not_pile_up() -> None:
    names = [signal.name for signal in CATALOGUE["meter"].signals[:7]]
    for order in itertools.islice(itertools.permutations(names), 2_000):
        statements.history("meter", order, RAW)
    assert statements.history.cache_info().currsize <= 512


async def test_roll_ups_answer_long_spans(api: Api, feed: Feed) -> None:
    # Two minutes of readings every 10 s: 0..5 kW, then 10..15 kW; the register gains 0.1 kWh a reading.
    at = [MIDNIGHT + index * 10_000 for index in range(12)]
    power = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]
    feed.series("pv-1", at, active_power_kw=power, energy_generated_kwh=[100 + index / 10 for index in range(12)])
    feed.maintain()
    question = {"from": MIDNIGHT, "to": MIDNIGHT + DAY, "signals": "active_power_kw,energy_generated_kwh"}
    minutes = await api.get(PATH, **question)
    assert minutes["resolution"] == "1m"
    assert minutes["history"] == {
        "at_ms": [MIDNIGHT, MIDNIGHT + 60_000],
        "samples": [6, 6],
        "curves": {
            "active_power_kw": {"mean": [2.5, 12.5], "min": [0, 10], "max": [5, 15]},
            "energy_generated_kwh": {"first": [100, 100.6], "last": [100.5, 101.1]},
        },
    }
    quarters = await api.get(PATH, points=100, **question)
    assert (quarters["resolution"], quarters["bucket_ms"]) == ("15m", 900_000)
    assert quarters["history"]["curves"]["active_power_kw"] == {"mean": [7.5], "min": [0], "max": [15]}
    days = await api.get(PATH, resolution="1d", **question)
    assert days["history"]["at_ms"] == [MIDNIGHT]
    assert days["history"]["samples"] == [12]


async def test_rows_are_capped_and_continued(dsn: str, feed: Feed) -> None:
    at = [MIDNIGHT + index * 100 for index in range(250)]
    feed.series("pv-1", at, active_power_kw=list(range(250)))
    settings = ApiSettings(DatabaseSettings(dsn), limits=LimitSettings(rows=100))
    async with running(settings) as api:
        found: list[float] = []
        start = MIDNIGHT
        while start is not None:
            answer = await api.get(PATH, **{"from": start, "to": MIDNIGHT + 90_000, "signals": "active_power_kw"})
            assert answer["rows"] <= 100
            found += answer["history"]["curves"]["active_power_kw"]["value"]
            start = answer["next_from_ms"]
        assert found == list(range(250))


async def test_a_kept_answer_ends_with_the_next_commit(api: Api, feed: Feed) -> None:
    question = {"from": MIDNIGHT, "to": MIDNIGHT + 60_000, "signals": "active_power_kw"}
    feed.write({"pv-1": {"active_power_kw": 1}}, MIDNIGHT)
    await until_connected(api)
    await api.get(PATH, **question)
    before = api.services.cache.misses
    assert (await api.get(PATH, **question))["rows"] == 1
    assert api.services.cache.misses == before
    state = api.services.commits.state("gaoxin-nan")
    await asyncio.sleep(0.3)  # notices are coalesced to four a second
    feed.write({"pv-1": {"active_power_kw": 2}}, MIDNIGHT + 1000)
    with api.services.commits.watching() as noticed:
        if api.services.commits.state("gaoxin-nan") == state:
            await asyncio.wait_for(noticed.wait(), 10)
    assert (await api.get(PATH, **question))["rows"] == 2


async def test_the_same_question_asked_by_many_is_answered_once(api: Api, feed: Feed) -> None:
    feed.write({"pv-1": {"active_power_kw": 1}}, MIDNIGHT)
    await until_connected(api)
    await api.get("/parks/gaoxin-nan/devices")
    before = api.services.cache.misses
    question = {"from": MIDNIGHT, "to": MIDNIGHT + 1}
    answers = await asyncio.gather(*(api.get(PATH, **question) for _ in range(40)))
    assert all(answer == answers[0] for answer in answers)
    assert api.services.cache.misses == before + 1


async def test_nothing_is_kept_without_notices(api: Api, feed: Feed) -> None:
    question = {"from": MIDNIGHT, "to": MIDNIGHT + 60_000}
    await until_connected(api)
    await api.get(PATH, **question)
    api.services.commits.connected = False
    feed.write({"pv-1": {"active_power_kw": 2}}, MIDNIGHT + 1000)
    assert (await api.get(PATH, **question))["rows"] == 1


async def test_kept_answers_are_bounded_in_bytes(dsn: str, feed: Feed) -> None:
    feed.write({"pv-1": {"active_power_kw": 1}}, MIDNIGHT)
    async with running(ApiSettings(DatabaseSettings(dsn), limits=LimitSettings(cache_mb=0))) as api:
        await until_connected(api)
        for _ in range(2):
            await api.get(PATH, **{"from": MIDNIGHT, "to": MIDNIGHT + 1})
        assert (api.services.cache.hits, api.services.cache.misses) == (0, 2)


async def test_without_bounds_the_newest_day(api: Api, feed: Feed) -> None:
    feed.write({"pv-1": {"active_power_kw": 1}}, now_ms())
    answer = await api.get(PATH, resolution="raw", points=10, **{"from": now_ms() - 3_600_000})
    assert answer["rows"] == 1
    default = await api.get(PATH)
    assert default["to_ms"] - default["from_ms"] == DAY


async def until_connected(api: Api) -> None:
    with api.services.commits.watching() as noticed:
        if not api.services.commits.connected:
            await asyncio.wait_for(noticed.wait(), 10)


async def test_the_same_history_is_not_sent_twice(api: Api, feed: Feed) -> None:
    feed.write({"pv-1": {"active_power_kw": 5}}, now_ms() - 60_000)
    path = "/api/v1/devices/gaoxin-nan/gw-1/pv-1/history"
    query = {"from": str(now_ms() - 3_600_000), "to": str(now_ms()), "resolution": "raw"}
    first = await api.client.get(path, params=query)
    again = await api.client.get(path, params=query, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    feed.write({"pv-1": {"active_power_kw": 6}}, now_ms() - 30_000)
    async with asyncio.timeout(20):
        while True:
            fresh = await api.client.get(path, params=query, headers={"If-None-Match": first.headers["etag"]})
            if fresh.status_code == 200:
                break
            await asyncio.sleep(0.2)
    assert fresh.headers["etag"] != first.headers["etag"]
