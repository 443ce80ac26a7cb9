"""A peer that vanishes without a word: noticed by the keep-alive, and nothing is lost."""

import asyncio
import contextlib
import time

import pytest

from edge.agent import Agent
from edge.settings import ClockSettings, EdgeSettings, LedgerSettings, OutboxSettings, UplinkSettings
from tests.edge.ingest_double import IngestDouble

pytestmark = pytest.mark.edge

KEEPALIVE_S = 4


class Proxy:
    """Passes bytes between the agent and the broker until it is told to swallow them."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._swallow = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def go_silent(self) -> None:
        """Connections of now hear nothing more; new ones work."""
        self._swallow.set()
        self._swallow = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._broker_port)
        silent = self._swallow
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.ensure_future(self._pass(source, target, silent))
            self._tasks.add(task)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, silent: asyncio.Event) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65_536):
                    if not silent.is_set():
                        target.write(data)
                        await target.drain()
        finally:
            target.close()


async def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_half_open_link_is_left_within_one_and_a_half_keepalives(tmp_path, broker):
    proxy = Proxy(broker.port)
    await proxy.start()
    settings = EdgeSettings(
        OutboxSettings(tmp_path / "outbox.db", flush_s=0.05),
        UplinkSettings(port=proxy.port, keepalive_s=KEEPALIVE_S),
        ClockSettings(),
        LedgerSettings(),
        "park-1",
        "gw-1",
        health_s=1.0,
    )
    agent, stop = Agent(settings), asyncio.Event()
    running = asyncio.create_task(agent.run(stop))
    try:
        with IngestDouble(broker.port) as ingest:
            await until(lambda: ingest.stored)
            proxy.go_silent()
            silent_s = time.monotonic()
            await until(lambda: agent.uplink.reconnects)
            assert time.monotonic() - silent_s <= 1.5 * KEEPALIVE_S + 5
            kept = agent.outbox.stats.accepted
            await until(lambda: len(ingest.stored) >= kept)
            assert ingest.contradicted == []
    finally:
        stop.set()
        await running
        await proxy.stop()
