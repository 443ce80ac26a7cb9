"""What one client can do to the others by its connections: half requests, slow taking, endless heads, many at once."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from parkgrid_api.http.connections import MOST_HEAD_BYTES, ClientConnection, address_of, protocol
from parkgrid_api.settings import ConnectionSettings
from parkgrid_servers.process import free_port
from tests.api.conftest import Served

pytestmark = pytest.mark.process

PATIENCE_S = 60.0
HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-More: "
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Small:
    """A server of the real protocol and a small application, and its clients."""

    port: int
    made: type[ClientConnection]
    clients: contextlib.AsyncExitStack

    async def client(self, sent: bytes, source: str = "127.0.0.1", **more: Any) -> Streams:
        opened = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0), **more)
        self.clients.push_async_callback(closed, opened[1])
        opened[1].write(sent)
        return opened

    async def held(self, number: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.made.places._total != number:  # noqa: ASYNC110 - the protocol tells nobody
                await asyncio.sleep(0.01)


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """`/` answers at once, `/wait` never does, `/much` sends without an end."""
    if scope["path"] == "/wait":
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        return
    much = scope["path"] == "/much"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    gone = asyncio.ensure_future(until_gone(receive))
    while much and not gone.done():
        await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
        await asyncio.sleep(0)
    gone.cancel()
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@contextlib.asynccontextmanager
async def small(**settings: Any) -> AsyncIterator[Small]:
    made = protocol(ConnectionSettings(**settings), ("127.0.0.9",))
    port = free_port()
    config = uvicorn.Config(
        application, port=port, http=made, ws="none", lifespan="off", log_level="error", proxy_headers=False
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())  # without its handling of signals
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        async with contextlib.AsyncExitStack() as clients:
            yield Small(port, made, clients)
    finally:
        server.should_exit = True
        async with asyncio.timeout(PATIENCE_S):
            await running
    places = made.places
    assert (places._total, places._held, places._waiting, places._waiting_by_address, places._stuck) == (
        0,
        {},
        {},
        {},
        {},
    )


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, str]:
    async with asyncio.timeout(PATIENCE_S):
        with contextlib.suppress(ConnectionError):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            return int(head.split(b" ", 2)[1]) if head else 0, body.decode()
    return 0, ""


async def status_of(opened: Streams) -> int:
    async with asyncio.timeout(PATIENCE_S):
        return int((await opened[0].readline()).split(b" ")[1])


async def test_half_sent_heads_cost_only_each_other() -> None:
    async with small(of_address=20, head_s=600) as server:
        halves = [await server.client(HALF) for _ in range(70)]
        for _ in range(30):
            assert await status_of(await server.client(WHOLE)) == 200
        await server.held(20)
        assert sum(not reader.at_eof() for reader, _ in halves) <= 20


async def test_addresses_share_all_places() -> None:
    async with small(most=10, of_address=8, head_s=600) as server:
        for number in range(40):
            await server.client(HALF, source=f"127.0.1.{number % 5}")
        assert await status_of(await server.client(WHOLE, source="127.0.0.2")) == 200
        await server.held(10)


async def test_who_is_answered_is_never_given_up() -> None:
    asked = WHOLE.replace(b"/", b"/wait", 1)
    async with small(most=10, of_address=4) as server:
        for _ in range(4):
            await server.client(asked)
        await server.held(4)
        for _ in range(3):
            reader, _ = await server.client(WHOLE.replace(b"\r\n\r\n", b"\r\nAccept-Language: zh-CN\r\n\r\n"))
            status, body = await answer_of(reader)
            assert status == 503
            assert json.loads(body)["title"] == "该地址打开的连接过多。"
        assert await status_of(await server.client(WHOLE, source="127.0.0.2")) == 200
        for _ in range(5):
            await server.client(asked, source="127.0.0.9")  # a proxy: only the total counts
        await server.held(10)


async def test_a_head_or_body_that_does_not_come_is_not_waited_for() -> None:
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx"
    stream = b"GET /wait HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx"
    async with small(head_s=1, body_s=1) as server:
        opened = [await server.client(sent) for sent in (HALF, b"", b"\r\n", post, stream)]
        (status, body), *others = await asyncio.gather(*(answer_of(reader) for reader, _ in opened))
        assert (status, json.loads(body)["title"]) == (408, "The request did not arrive in time.")
        assert [status for status, _ in others] == [0, 0, 200, 0]
        reader, writer = await server.client(WHOLE)
        assert await status_of((reader, writer)) == 200
        writer.write(HALF)  # on a connection that was kept
        async with asyncio.timeout(PATIENCE_S):
            assert b"HTTP/1.1 408 " in await reader.read()
        await server.held(0)


@pytest.mark.parametrize("start", [b"GET /?", HALF, HALF + b"x\r\nA: b\r\n" * 100])
async def test_an_endless_head_is_refused(start: bytes) -> None:
    async with small() as server:
        reader, writer = await server.client(start)
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(b"a" * 10_000)
                await writer.drain()
        assert (await answer_of(reader))[0] in {431, 0}
        await server.held(0)


async def test_a_long_head_at_once_is_refused() -> None:
    async with small() as server:
        long = b"GET /?%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a" * MOST_HEAD_BYTES)
        status, body = await answer_of((await server.client(long))[0])
        assert status == 431
        assert str(MOST_HEAD_BYTES) in json.loads(body)["problems"][0]["remedy"]


@pytest.mark.parametrize("sent", [b"GET /\x01 HTTP/1.1\r\n\r\n", b"nothing\r\n\r\n", b"CONNECT x HTTP/1.1\r\n\r\n"])
async def test_what_is_no_request_gets_a_problem(sent: bytes) -> None:
    async with small() as server:
        status, body = await answer_of((await server.client(sent))[0])
        assert (status, json.loads(body)["status"]) == (400, 400)


def deaf() -> socket.socket:
    """A socket whose system takes hardly anything that its program does not read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    return made


async def connected(server: Small, sent: bytes) -> socket.socket:
    made = deaf()
    server.clients.callback(made.close)
    made.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(made, ("127.0.0.1", server.port))
    await loop.sock_sendall(made, sent)
    return made


async def test_who_takes_nothing_is_cut_off() -> None:
    async with small(write_s=0.5) as server:
        await connected(server, WHOLE.replace(b"/", b"/much", 1))
        await server.held(1)
        await server.held(0)


async def test_who_takes_too_slowly_is_cut_off_and_a_quick_one_is_not() -> None:
    asked = WHOLE.replace(b"/", b"/much", 1)
    async with small(write_s=0.5, slowest_kb_s=20) as server:
        slow = await connected(server, asked)
        quick, _ = await server.client(asked)
        loop = asyncio.get_running_loop()
        taken = 0
        with contextlib.suppress(ConnectionError):
            while await loop.sock_recv(slow, 200):
                taken += len(await quick.read(1_000_000))
                await asyncio.sleep(0.02)
        assert taken > 1_000_000
        assert len(await quick.readexactly(1_000_000)) == 1_000_000
        await server.held(1)


async def test_what_nobody_takes_is_bounded_together() -> None:
    async with small(write_s=600, unsent_mb=1) as server:
        for _ in range(40):
            await connected(server, WHOLE.replace(b"/", b"/much", 1))
        async with asyncio.timeout(PATIENCE_S):
            while server.made.places._total >= 40:  # noqa: ASYNC110 - the protocol tells nobody
                await asyncio.sleep(0.05)
        assert sum(each.unsent_bytes for each in server.made.places._stuck) <= 1_048_576


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("x" * 100, "x" * 64),
    ],
)
def test_whom_a_connection_is_counted_for(host: str, address: str) -> None:
    assert address_of(host) == address


@pytest.mark.usefixtures("feed")
async def test_the_api_as_it_is_deployed(serve: Callable[..., Served]) -> None:
    served = serve(PARKGRID_API_CONNECTIONS_WRITE_S="1", PARKGRID_API_STREAM_FALLBACK_S="0.6")
    port = int(served.url.rpartition(":")[2])
    with contextlib.ExitStack() as held:
        for _ in range(1_010):
            half = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            half.sendall(HALF)
        for _ in range(3):
            assert (await asked(served, "/api/v1/parks")).status_code == 200
        never = held.enter_context(deaf())
        never.connect(("127.0.0.1", port))
        never.sendall(b"GET /api/v1/parks/gaoxin-nan/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await streams(served, 1)
        await streams(served, 0)
    upgrade = {"ClientConnection": "upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    assert (await asked(served, "/api/v1/signals", **upgrade)).status_code == 200
    assert served.stop(PATIENCE_S) == 0
    assert "Traceback" not in served.log.read_text()


async def asked(served: Served, path: str, **headers: str) -> httpx.Response:
    return await asyncio.to_thread(httpx.get, f"{served.url}{path}", headers=headers, timeout=PATIENCE_S)


async def streams(served: Served, number: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (await asked(served, "/healthz")).json()["streams"] != number:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
