"""Modbus peers for the tests, written from the specification and from nothing of parkgrid or pymodbus.

`TcpPeer` answers on a socket, `RtuPeer` on a pseudo-terminal. Each keeps every frame it got; `misbehave` replaces the
answer of one unit by something a broken device does.
"""

import asyncio
import contextlib
import os
import pty
import struct
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    transaction: int
    unit: int
    function: int
    address: int
    count: int
    frame: bytes
    at: float


Send = Callable[[bytes], Awaitable[None]]
Behaviour = Callable[[Request, Send], Awaitable[None]]


@dataclass
class Device:
    """Words by address; both tables alike. What is not there is answered with exception 2."""

    words: dict[int, int] = field(default_factory=dict)

    def pdu(self, request: Request) -> bytes:
        wanted = range(request.address, request.address + request.count)
        if request.function not in (3, 4):
            return bytes([request.function | 0x80, 1])
        if not 0 < request.count <= 125:
            return bytes([request.function | 0x80, 3])
        if any(address not in self.words for address in wanted):
            return bytes([request.function | 0x80, 2])
        body = b"".join(struct.pack(">H", self.words[address]) for address in wanted)
        return bytes([request.function, len(body)]) + body


class _Peer:
    def __init__(self, devices: Mapping[int, Device]) -> None:
        self.devices = dict(devices)
        self.requests: list[Request] = []
        self.delay_s = 0.0
        self._behaviours: dict[int, Behaviour] = {}

    def misbehave(self, unit: int, behaviour: Behaviour | None) -> None:
        if behaviour is None:
            self._behaviours.pop(unit, None)
        else:
            self._behaviours[unit] = behaviour

    async def handle(self, request: Request, send: Send) -> None:
        self.requests.append(request)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        behaviour = self._behaviours.get(request.unit)
        if behaviour is not None:
            await behaviour(request, send)
        elif request.unit in self.devices:
            await send(self.answer(request))

    def answer(self, request: Request) -> bytes:
        return self.wrap(request, self.devices[request.unit].pdu(request))

    def wrap(self, request: Request, pdu: bytes) -> bytes:
        raise NotImplementedError


class TcpPeer(_Peer):
    def __init__(self, devices: Mapping[int, Device]) -> None:
        super().__init__(devices)
        self.port = 0
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def wrap(self, request: Request, pdu: bytes) -> bytes:
        return struct.pack(">HHHB", request.transaction, 0, len(pdu) + 1, request.unit) + pdu

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.close()
            await asyncio.gather(*self._tasks)
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        async def send(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        loop = asyncio.get_running_loop()
        try:
            while True:
                header = await reader.readexactly(6)
                body = await reader.readexactly(int.from_bytes(header[4:6], "big"))
                unit, function, address, count = struct.unpack(">BBHH", body[:6])
                transaction = int.from_bytes(header[:2], "big")
                request = Request(transaction, unit, function, address, count, header + body, loop.time())
                await self.handle(request, send)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def cut(self) -> None:
        for writer in tuple(self._open):
            writer.close()


def crc(data: bytes) -> bytes:
    """CRC-16/MODBUS by the textbook: polynomial 0xA001, start 0xFFFF, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return bytes([value & 0xFF, value >> 8])


class RtuPeer(_Peer):
    """A serial line with its devices, at the other end of a pseudo-terminal."""

    def __init__(self, devices: Mapping[int, Device]) -> None:
        super().__init__(devices)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._master)
        self.port = os.ttyname(self._slave)
        self._buffer = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def wrap(self, request: Request, pdu: bytes) -> bytes:
        frame = bytes([request.unit]) + pdu
        return frame + crc(frame)

    async def start(self) -> None:
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    async def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        for task in self._tasks:
            task.cancel()
        os.close(self._master)
        os.close(self._slave)

    async def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.receive(os.read(self._master, 4096))

    def receive(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 8:
            frame, self._buffer = self._buffer[:8], self._buffer[8:]
            assert crc(frame[:6]) == frame[6:], frame.hex(" ")
            unit, function, address, count = struct.unpack(">BBHH", frame[:6])
            request = Request(0, unit, function, address, count, frame, asyncio.get_running_loop().time())
            task = asyncio.ensure_future(self.handle(request, self.send))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


@contextlib.asynccontextmanager
async def tcp_peer(devices: Mapping[int, Device], host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[TcpPeer]:
    peer = TcpPeer(devices)
    await peer.start(port, host)
    try:
        yield peer
    finally:
        await peer.stop()


@contextlib.asynccontextmanager
async def rtu_peer(devices: Mapping[int, Device]) -> AsyncIterator[RtuPeer]:
    peer = RtuPeer(devices)
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


async def silent(_request: Request, _send: Send) -> None:
    """Receives the request and says nothing."""


def hang_mid_frame(peer: _Peer, keep: int = 7) -> Behaviour:
    """Begins to answer and stops."""

    async def behaviour(request: Request, send: Send) -> None:
        await send(peer.answer(request)[:keep])

    return behaviour


def exception(peer: _Peer, code: int) -> Behaviour:
    async def behaviour(request: Request, send: Send) -> None:
        await send(peer.wrap(request, bytes([request.function | 0x80, code])))

    return behaviour


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for a condition, with a deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition was not met in time"
        await asyncio.sleep(0.005)
