"""The tools of the fault tests do what they say: a proxy that lies would prove nothing."""

import asyncio
import struct
import time

import pytest

from parkgrid_bench.devices import Load
from parkgrid_edge.drivers import find
from parkgrid_edge.protocols.registers import Table, decode
from tests.faults.proxy import Link, Proxy

pytestmark = pytest.mark.faults


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def proxy():
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        proxy = Proxy(server.sockets[0].getsockname()[1])
        yield proxy
        proxy.close()
        await asyncio.sleep(0)


async def exchange(proxy: Proxy, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.readexactly(len(data)), 10)
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("link", [Link.OPEN, Link.SLICED])
async def test_passes_every_byte_in_order(proxy, link):
    proxy.set(link)
    data = bytes(range(256)) * 40
    assert await exchange(proxy, data) == data


async def test_a_slow_link_takes_its_time(proxy):
    proxy.set(Link.SLOW)
    start = time.monotonic()
    assert await exchange(proxy, b"x" * 4_000) == b"x" * 4_000
    assert time.monotonic() - start > 0.4


async def test_a_cut_link_resets_and_refuses(proxy):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"before")
    assert await reader.readexactly(6) == b"before"
    proxy.set(Link.CUT)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.readexactly(1), 5)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await exchange(proxy, b"after")


async def test_a_stalled_link_delivers_when_it_opens(proxy):
    proxy.set(Link.STALLED)
    waiting = asyncio.ensure_future(exchange(proxy, b"late"))
    assert not (await asyncio.wait({waiting}, timeout=0.3))[0]
    proxy.set(Link.OPEN)
    assert await waiting == b"late"


async def test_a_reset_falls_on_the_stated_byte(proxy):
    proxy.set(Link.RESET_IN_PUBLISH, reset_after=5)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"0123456789")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(10), 5)
    assert proxy.resets == 1


@pytest.mark.parametrize("name", ["eastron_sdm630", "huawei_sun2000", "lambrecht_ws7"])
def test_the_load_answers_with_readable_values_of_every_register(name):
    driver = find(name)
    load = Load(driver)
    for register in driver.registers:
        request = struct.pack(
            ">BHH", 3 if register.table is Table.HOLDING else 4, register.address, register.encoding.words
        )
        answer = load._answer(request)
        words = struct.unpack(f">{register.encoding.words}H", answer[2:])
        assert decode(register, words) is not None
    assert load._answer(b"\x06\x00\x01\x00\x02") == b"\x86\x01"
    assert load.writes == 1
