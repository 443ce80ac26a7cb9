"""The live stream on a real server: pace, resumption, sharing, and an end that does not wait for clients."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from parkgrid_api.settings import ApiSettings, DatabaseSettings, LimitSettings, StreamSettings
from parkgrid_contract.identity import Gateway
from tests.api.conftest import Api, Served, running
from tests.api.feed import Feed, now_ms

STREAM = "/api/v1/parks/gaoxin-nan/stream"


async def events(served: Served, **headers: str) -> AsyncIterator[dict[str, str]]:
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("GET", served.url + STREAM, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if not line:
                yield fields
                fields = {}
            else:
                name, _, value = line.partition(": ")
                fields[name] = value


async def first(found: AsyncIterator[dict[str, str]], wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(20):
        async for event in found:
            if event.get("event") == "live" and wanted(document := json.loads(event["data"])):
                return document
    raise AssertionError("the stream ended")


@pytest.mark.timing
async def test_a_commit_is_seen_within_a_second(serve: Callable[..., Served], feed: Feed) -> None:
    served = serve()
    stream = events(served)
    await first(stream, lambda _: True)
    await asyncio.sleep(1)
    written = time.monotonic()
    feed.write({"grid-1": {"active_power_kw": 321}}, now_ms())
    document = await first(stream, lambda found: found["flow"]["grid"]["kw"] == 321)
    assert time.monotonic() - written < 1.5
    assert document["park"] == "gaoxin-nan"
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.timing
async def test_events_are_coalesced_to_two_a_second(serve: Callable[..., Served], feed: Feed) -> None:
    served = serve()

    async def write() -> None:
        for power in range(40):
            await asyncio.to_thread(feed.write, {"grid-1": {"active_power_kw": power}}, now_ms() + power)
            await asyncio.sleep(0.05)

    writing = asyncio.create_task(write())
    arrivals = []
    started = time.monotonic()
    async for event in events(served):
        if event.get("event") == "live":
            arrivals.append(time.monotonic())
        if time.monotonic() - started > 3:
            break
    await writing
    assert 3 <= len(arrivals) <= 8


async def test_a_client_that_comes_back_gets_only_what_is_new(serve: Callable[..., Served], feed: Feed) -> None:
    served = serve(PARKGRID_API_STREAM_FALLBACK_S="30")
    keeping = events(served)
    await first(keeping, lambda _: True)
    stream = events(served)
    async for event in stream:
        if "id" in event:
            last = event["id"]
            break
    again = events(served, **{"Last-Event-ID": last})
    assert await anext(again) == {"retry": "2000"}
    following = asyncio.create_task(anext(again))  # type: ignore[arg-type]
    done, _ = await asyncio.wait({following}, timeout=1)
    assert not done
    feed.write({"grid-1": {"active_power_kw": 7}}, now_ms())
    event = await asyncio.wait_for(following, 10)
    assert event["id"] != last
    assert json.loads(event["data"])["flow"]["grid"]["kw"] == 7


@pytest.mark.usefixtures("feed")
async def test_silence_is_filled_with_heartbeats(dsn: str) -> None:
    pace = StreamSettings(fallback_s=60, heartbeat_s=1)
    async with running(ApiSettings(DatabaseSettings(dsn), stream=pace)) as api:
        stream = api.services.hub.events("gaoxin-nan", "")
        async with asyncio.timeout(20):
            async for chunk in stream:
                if chunk == b": heartbeat\n\n":
                    break
        await stream.aclose()  # type: ignore[attr-defined]
        assert api.services.hub.clients == 0


@pytest.mark.usefixtures("feed")
async def test_a_database_that_hangs_is_told_while_the_stream_lives(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page must not take its own link for lost because the database behind it says nothing."""
    monkeypatch.setattr("parkgrid_api.stream.LOOK_PATIENCE_S", 2.5)
    async with running(ApiSettings(DatabaseSettings(dsn), stream=StreamSettings(heartbeat_s=1))) as api:
        asked = asyncio.Event()

        async def hanging(_: str) -> bytes:
            await asked.wait()
            return b"{}"

        api.services.hub._look = hanging
        stream = api.services.hub.events("gaoxin-nan", "")
        chunks = []
        async with asyncio.timeout(60):
            async for chunk in stream:
                chunks.append(chunk)
                if chunk.startswith(b"event: problem"):
                    asked.set()
                elif b"event: live" in chunk:
                    break
        told = next(at for at, chunk in enumerate(chunks) if chunk.startswith(b"event: problem"))
        assert b": heartbeat\n\n" in chunks[:told]
        assert json.loads(chunks[told].split(b"data: ")[1])["title"] == "The database does not answer."
        await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("feed")
async def test_many_clients_cost_one_look(dsn: str) -> None:
    async with running(ApiSettings(DatabaseSettings(dsn), stream=StreamSettings(fallback_s=60))) as api:
        looks = 0
        look = api.services.live.encoded

        async def counted(park: str) -> bytes:
            nonlocal looks
            looks += 1
            return await look(park)

        api.services.hub._look = counted
        streams = [api.services.hub.events("gaoxin-nan", "") for _ in range(100)]
        for stream in streams:
            assert (await anext(stream)).startswith(b"retry")
        async with asyncio.timeout(20):
            chunks = await asyncio.gather(*(anext(stream) for stream in streams))
        assert len(set(map(id, chunks))) == 1
        assert looks <= 2
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("feed")
async def test_streams_are_limited(dsn: str) -> None:
    async with running(ApiSettings(DatabaseSettings(dsn), limits=LimitSettings(streams=1))) as api:
        stream = api.services.hub.events("gaoxin-nan", "")
        await anext(stream)
        assert (await api.client.get(STREAM)).status_code == 503
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_lost_database_is_told_and_found_again(api: Api) -> None:
    look = api.services.live.encoded
    broken = True

    async def sometimes(park: str) -> bytes:
        if broken:
            from parkgrid_api.http.problems import unavailable

            raise unavailable("The database does not answer.", "try again")
        return await look(park)

    api.services.hub._look = sometimes
    stream = api.services.hub.events("gaoxin-nan", "")
    async with asyncio.timeout(20):
        async for chunk in stream:
            if chunk.startswith(b"event: problem"):
                broken = False
            if b"event: live" in chunk:
                break
    await stream.aclose()  # type: ignore[attr-defined]


@pytest.mark.timing
@pytest.mark.usefixtures("feed")
async def test_the_end_does_not_wait_for_streams(serve: Callable[..., Served]) -> None:
    served = serve()
    open_streams = [events(served) for _ in range(5)]
    for stream in open_streams:
        await first(stream, lambda _: True)
    started = time.monotonic()
    status = await asyncio.to_thread(served.stop)
    assert status == 0, served.log.read_text()
    assert time.monotonic() - started < 4
    assert "Traceback" not in served.log.read_text()


@pytest.mark.parametrize("mark", ["", "abc", "-1", "９９", "1" * 30])
async def test_any_last_event_id_is_taken(api: Api, mark: str) -> None:
    stream = api.services.hub.events("gaoxin-nan", mark)
    assert (await anext(stream)).startswith(b"retry")
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_client_that_was_away_gets_what_it_missed(serve: Callable[..., Served], feed: Feed) -> None:
    served = serve(PARKGRID_API_STREAM_FALLBACK_S="30")
    stream = events(served)
    async for event in stream:
        if "id" in event:
            last = event["id"]
            break
    await stream.aclose()  # type: ignore[attr-defined]
    for power in (11, 12, 13):
        await asyncio.to_thread(feed.write, {"grid-1": {"active_power_kw": power}}, now_ms() + power)
        await asyncio.sleep(0.8)
    seen = []
    async with asyncio.timeout(20):
        async for event in events(served, **{"Last-Event-ID": last}):
            if "data" in event:
                seen.append(json.loads(event["data"])["flow"]["grid"]["kw"])
            if seen and seen[-1] == 13:
                break
    assert seen == [11, 12, 13]


async def test_all_parks_come_in_one_stream(serve: Callable[..., Served], feed: Feed) -> None:
    served = serve()
    feed.write({"grid-1": {"active_power_kw": 7}, "bess-1": {"active_power_kw": -1, "soc_pct": 40}}, now_ms())
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream("GET", f"{served.url}/api/v1/district/stream") as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                break
    (park,) = json.loads(line.removeprefix("data: "))["parks"]
    assert (park["park"], park["gateways"], park["flow"]["grid"]["kw"]) == ("gaoxin-nan", 1, 7)
    assert park["flow"]["storage"]["soc_pct"] == 40


async def test_a_notice_wakes_only_those_who_look_at_its_park(api: Api, feed: Feed) -> None:
    """A channel whose fallback is far away publishes no second event for what another park commits."""
    commits = api.services.commits
    other = Feed(feed.dsn, Gateway("other-park", "gw-1"))
    other.announce()
    with commits.watching("gaoxin-nan") as mine, commits.watching("other-park") as theirs, commits.watching() as any_:
        if not commits.connected:
            await asyncio.wait_for(mine.wait(), 20)
        for event in (mine, theirs, any_):
            event.clear()
        await asyncio.to_thread(other.write, {"grid-1": {"active_power_kw": 1}}, now_ms())
        await asyncio.wait_for(theirs.wait(), 20)
        assert any_.is_set()
        assert not mine.is_set()
        await asyncio.to_thread(feed.write, {"grid-1": {"active_power_kw": 1}}, now_ms())
        await asyncio.wait_for(mine.wait(), 20)
    other.store.close()
