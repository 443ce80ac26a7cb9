"""A peer that vanishes without a word, or takes everything and answers nothing: noticed, and nothing is lost."""

import asyncio
import contextlib
import time

import pytest

from parkgrid_edge.agent import Agent
from parkgrid_edge.settings import ClockSettings, EdgeSettings, LedgerSettings, OutboxSettings, UplinkSettings
from tests.edge.ingest_double import IngestDouble

pytestmark = pytest.mark.edge

KEEPALIVE_S = 4
PUBLISH, RETAINED = 3, 1


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


class Forgetful(Proxy):
    """Its broker forgets the subscription of its first connection: only kept messages come through."""

    connections = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.connections > 1:
            await super()._serve(reader, writer)
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._broker_port)
        self._tasks.add(asyncio.ensure_future(self._pass(reader, back, asyncio.Event())))
        self._tasks.add(asyncio.ensure_future(self._pass_packets(there, writer)))

    async def _pass_packets(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                packet = await _packet(source)
                if packet[0] >> 4 != PUBLISH or packet[0] & RETAINED:
                    target.write(packet)
                    await target.drain()
        target.close()


async def _packet(source: asyncio.StreamReader) -> bytes:
    """One MQTT packet: a byte of type and flags, its length in groups of seven bits, the rest."""
    head = await source.readexactly(2)
    while head[-1] & 0x80:
        head += await source.readexactly(1)
    return head + await source.readexactly(sum((part & 0x7F) << 7 * place for place, part in enumerate(head[1:])))


async def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(folder, proxy, **uplink):
    """An agent behind a proxy."""
    await proxy.start()
    settings = EdgeSettings(
        OutboxSettings(folder / "outbox.db", flush_s=0.05),
        UplinkSettings(port=proxy.port, keepalive_s=KEEPALIVE_S, **uplink),
        ClockSettings(),
        LedgerSettings(),
        "park-1",
        "gw-1",
        health_s=1.0,
    )
    agent, stop = Agent(settings), asyncio.Event()
    task = asyncio.create_task(agent.run(stop))
    try:
        yield agent
    finally:
        stop.set()
        await task
        await proxy.stop()


@pytest.mark.timing
async def test_a_half_open_link_is_left_within_one_and_a_half_keepalives(tmp_path, broker):
    proxy = Proxy(broker.port)
    async with running(tmp_path, proxy) as agent:
        with IngestDouble(broker.port) as ingest:
            await until(lambda: ingest.stored)
            proxy.go_silent()
            silent_s = time.monotonic()
            await until(lambda: agent.uplink.reconnects)
            assert time.monotonic() - silent_s <= 1.5 * KEEPALIVE_S + 5
            kept = agent.outbox.stats.accepted
            await until(lambda: len(ingest.stored) >= kept)
            assert ingest.contradicted == []


async def test_a_broker_that_forgets_a_subscription_is_left_and_the_backlog_goes_on(tmp_path, broker):
    """amqtt does so now and then, after a link that was half open: the same window of batches went out for ever."""
    with IngestDouble(broker.port) as ingest:
        async with running(tmp_path, Forgetful(broker.port), window=2, resend_s=0.5) as agent:
            await until(lambda: agent.uplink.reconnects)
            await until(lambda: ingest.stored and agent.outbox.stats.batches <= 1)
        assert ingest.contradicted == []


async def test_asking_again_is_no_reason_to_leave_while_nothing_is_stored(tmp_path, broker):
    with IngestDouble(broker.port) as ingest:
        async with running(tmp_path, Proxy(broker.port), window=2, resend_s=0.5) as agent:
            await until(lambda: ingest.stored)
            ingest.acknowledges = False
            sent = len(ingest.arrived)
            await until(lambda: len(ingest.arrived) >= sent + 8)
            assert agent.uplink.reconnects == 0
