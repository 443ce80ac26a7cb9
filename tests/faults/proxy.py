"""A bad network on demand: a TCP proxy whose link can be cut, stalled, slowed, sliced or reset inside a PUBLISH."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

CHUNK = 65_536


class Link(Enum):
    OPEN = "everything passes"
    CUT = "connections are reset, new ones refused"
    STALLED = "connections stay, nothing passes: half-open"
    SLOW = "64 kbit/s each way"
    SLICED = "a few bytes at a time"
    RESET_IN_PUBLISH = "each connection dies after some bytes of its traffic"


@dataclass(slots=True)
class Traffic:
    """How bytes pass now."""

    link: Link = Link.OPEN
    reset_after: int = 0
    """Bytes from the client after which a connection is reset, for `RESET_IN_PUBLISH`."""


class Proxy:
    """Forwards a loopback port to another one from a thread of its own."""

    def __init__(self, target_port: int, seed: int = 0) -> None:
        self.target_port = target_port
        self.traffic = Traffic()
        self.resets = 0
        self.port = 0
        self._random = random.Random(seed)
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def set(self, link: Link, reset_after: int = 0) -> None:
        """Change the link; cutting also resets what is connected."""
        self.traffic = Traffic(link, reset_after)
        if link is Link.CUT:
            self.reset_all()

    def reset_all(self) -> None:
        """Reset every connection now."""
        self._call(self._reset_all)

    def close(self) -> None:
        """Stop the proxy."""
        asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, function: Callable[[], None]) -> None:
        done = threading.Event()

        def run() -> None:
            function()
            done.set()

        self._loop.call_soon_threadsafe(run)
        assert done.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self._server = server
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _shut_down(self) -> None:
        self._server.close()
        self._reset_all()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset_all(self) -> None:
        for writer in list(self._writers):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.traffic.link is Link.CUT:
            _reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            _reset(writer)
            return
        pair = {writer, far_writer}
        self._writers |= pair
        ways = [
            asyncio.ensure_future(self._forward(reader, far_writer, from_client=True)),
            asyncio.ensure_future(self._forward(far_reader, writer, from_client=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in pair:
                _reset(each)
            self._writers -= pair

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_client: bool) -> None:
        passed = 0
        while data := await reader.read(CHUNK):
            while self.traffic.link is Link.STALLED:  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.02)
            traffic = self.traffic
            if traffic.link is Link.RESET_IN_PUBLISH and from_client and passed + len(data) >= traffic.reset_after:
                writer.write(data[: max(0, traffic.reset_after - passed)])
                await writer.drain()
                self.resets += 1
                return
            passed += len(data)
            await _PACES.get(traffic.link, _at_once)(writer, data, self._random)


async def _at_once(writer: asyncio.StreamWriter, data: bytes, _chance: random.Random) -> None:
    writer.write(data)
    await writer.drain()


async def _slowly(writer: asyncio.StreamWriter, data: bytes, chance: random.Random) -> None:
    for start in range(0, len(data), 800):
        await asyncio.sleep(0.1 * chance.uniform(0.8, 1.2))
        await _at_once(writer, data[start : start + 800], chance)


async def _sliced(writer: asyncio.StreamWriter, data: bytes, chance: random.Random) -> None:
    start = 0
    while start < len(data):
        # Mostly tiny slices, now and then a longer one, so that a large frame still ends.
        size = chance.choice((1, 1, 2, 3, 7, 400))
        await _at_once(writer, data[start : start + size], chance)
        await asyncio.sleep(0)
        start += size


_PACES: dict[Link, Callable[[asyncio.StreamWriter, bytes, random.Random], Awaitable[None]]] = {
    Link.SLOW: _slowly,
    Link.SLICED: _sliced,
}


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, as a crashed peer or a firewall does."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
