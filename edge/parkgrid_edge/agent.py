"""The agent: one way from a device to the store, and everything that keeps it going.

    Poller ─▶ Intake ─▶ flush ─▶ Outbox ─▶ Uplink ─▶ broker
    Health ───┘           │ ledger, in proof mode

Each part runs in its own task under a supervisor; the outbox has a thread of its own, since a sync may take seconds
on a memory card. What is scheduled here is scheduled by monotonic time, so a clock that jumps stops nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from parkgrid_contract.announcement import Device
from parkgrid_contract.ranges import MAX_TEXT
from parkgrid_contract.refusal import shorten
from parkgrid_contract.sample import Sample
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import Clock, SystemClock
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.delivery.intake import Intake
from parkgrid_edge.delivery.ledger import Ledger
from parkgrid_edge.delivery.outbox import Outbox, OutboxError
from parkgrid_edge.delivery.uplink import Uplink
from parkgrid_edge.drivers import clashes, find
from parkgrid_edge.health import Health, Work
from parkgrid_edge.polling.poller import PolledDevice, Poller
from parkgrid_edge.polling.reading import Identity
from parkgrid_edge.protocols.modbus import ModbusConnection
from parkgrid_edge.settings import DeviceSettings, EdgeSettings, unusable_drivers
from parkgrid_edge.update.evidence import Evidence

_T = TypeVar("_T")
_log = structlog.get_logger("edge.agent")

_LONGEST_PAUSE_S = 30.0
_LEAST_HEALTH_S = 0.2
_ANNOUNCE_AFTER_S = 0.5
_DRAIN_S = 2.0
_UNUSABLE = "unusable_driver"
"""The problem of a device whose driver, of an installed package, cannot be used; the log says why."""


class OutboxThread:
    """Runs every operation on the outbox in one thread, in order."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._executor = ThreadPoolExecutor(1, "outbox")

    @property
    def outbox(self) -> Outbox:
        """The outbox; its numbers may be read from anywhere."""
        return self._outbox

    def do(self, operation: Callable[[Outbox], _T]) -> Awaitable[_T]:
        """Run an operation in the outbox's thread."""
        return asyncio.get_running_loop().run_in_executor(self._executor, operation, self._outbox)

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await self.do(Outbox.close)
        self._executor.shutdown(wait=False)


class Agent:
    """A gateway: polls its devices, keeps what they said, brings it to the store."""

    def __init__(self, settings: EdgeSettings, clock: Clock | None = None, *, poll: bool = True) -> None:
        """With `poll=False` somebody else drives `poller` or calls `accept`."""
        self.settings = settings
        self.clock = clock or settings.clock.clock()
        self._poll = poll
        self._unusable = unusable_drivers(settings)
        usable = [device for device in settings.devices if device.id not in self._unusable]
        classes = [(device.id, device.device_class, frozenset(device.signals)) for device in usable]
        self.intake = Intake([*classes, (settings.gateway, "gateway", frozenset())])
        self.poller = Poller(
            [_polled(device) for device in usable],
            self.clock,
            self.accept,
            read_only=settings.read_only,
            identified=self._identified,
        )
        # Batches wait in real time, whatever clock the devices go by.
        self._machine = SystemClock()
        kept = settings.outbox
        self._runner = OutboxThread(Outbox(kept.path, kept.max_bytes, self._machine, kept.keeping))
        self._evidence = Evidence(settings.outbox.path)
        self.uplink = Uplink(settings, self._runner, self.clock, self.devices, self._evidence.confirmed)
        self._ledger = Ledger(settings.ledger.path) if settings.ledger.path else None
        self._health = Health(settings.gateway, settings.outbox.path.parent)
        self._flushing = asyncio.Lock()
        self._flush_failed = False
        self._announcing: asyncio.TimerHandle | None = None
        self.restarts = 0
        """How often a part of the agent has crashed and was started again."""

    @property
    def outbox(self) -> Outbox:
        """The outbox; only its numbers may be read from here."""
        return self._runner.outbox

    def accept(self, sample: Sample) -> None:
        """Take a sample; it is accepted when the next flush has committed it."""
        self.intake.accept(sample)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then flush, drain for a moment and say goodbye."""
        sources = [self._start("health", self._watch_health), self._start("flush", self._flush_often)]
        if self._poll:
            sources.append(self._start("poller", self.poller.run))
        uplink = self._start("uplink", self._serve_uplink)
        self._name_drivers_left_out()
        _log.info("agent_started", gateway=str(self.settings.identity), devices=len(self.settings.devices))
        try:
            await stop.wait()
            await _cancelled(*sources)
            await self.flush()
            if self.uplink.connected:
                await self.drained(_DRAIN_S)
            await self.uplink.leave()
        finally:
            await _cancelled(*sources, uplink)
            await self._close()
        stats = self.outbox.stats
        _log.info("agent_stopped", gateway=str(self.settings.identity), waiting=stats.batches, kept=stats.kept)

    async def flush(self) -> None:
        """Commit everything that has been taken so far, and delete what has been acknowledged."""
        async with self._flushing:
            samples, refused = self.intake.take(), self.intake.take_refused()
            try:
                epoch, rows = await self._runner.do(lambda outbox: self._commit(outbox, samples, refused))
            except OutboxError as error:
                if not self._flush_failed:
                    _log.error("flush_failed", error=str(error), samples=len(samples))
                self._flush_failed = True
                return
            if self._flush_failed:
                _log.info("flush_works", dropped=self.outbox.stats.dropped)
            self._flush_failed = False
            self._evidence.committed(epoch, rows)
            self.uplink.committed(epoch, rows)

    async def drained(self, timeout_s: float) -> bool:
        """Whether everything taken so far has been acknowledged by the store within a time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self.flush()
                while len(self.intake) or self.outbox.stats.batches:
                    await asyncio.sleep(0.02)
                    await self.flush()
        except TimeoutError:
            return False
        return True

    def devices(self) -> list[Device]:
        """What stands behind this gateway, the gateway itself included, as far as it is known by now."""
        own = Device(
            self.settings.gateway,
            "gateway",
            tuple(CATALOGUE["gateway"].by_name),
            name=self.settings.gateway,
            model="parkgrid edge agent",
            period_s=self.settings.health_s,
        )
        # A device that is not read, and whose settings leave its class to the driver, cannot be announced.
        known = [device for device in self.settings.devices if device.id not in self._unusable or device.class_]
        return [own, *map(self._announced, known)]

    def _announced(self, device: DeviceSettings) -> Device:
        if device.id in self._unusable:
            return _unread(device)
        state = self.poller.states[device.id]
        identity = state.identity
        return Device(
            device=device.id,
            device_class=device.device_class,
            signals=self.poller.signals(device.id),
            name=shorten(device.name, MAX_TEXT),
            model=shorten(identity.model or find(device.driver).model, MAX_TEXT),
            firmware=shorten(identity.firmware, MAX_TEXT),
            period_s=device.period_s,
            ratings=device.ratings,
            point=device.metering_point,
            problem=state.problem,
        )

    def _name_drivers_left_out(self) -> None:
        for reason in clashes():
            _log.warning("driver_left_out", reason=reason)
        for device, reason in self._unusable.items():
            _log.error("device_left_out", device=device, problem=_UNUSABLE, reason=reason)

    def _identified(self, _device: str, _identity: Identity) -> None:
        """Announce soon: at the start many devices tell who they are, or what is wrong with them, at once."""
        if self._announcing is None:
            self._announcing = asyncio.get_running_loop().call_later(_ANNOUNCE_AFTER_S, self._announce)

    def _announce(self) -> None:
        self._announcing = None
        self.uplink.announce()

    def _commit(self, outbox: Outbox, samples: list[Sample], refused: int) -> tuple[int, list[OutboxBatch]]:
        """In the outbox's thread: the moment at which samples become accepted."""
        outbox.refuse(refused)
        if not samples:
            outbox.trim()
            return outbox.epoch, []
        number = self._ledger.offered(samples) if self._ledger else 0
        rows = outbox.append(samples)
        if self._ledger:
            self._ledger.accepted(number, outbox.epoch, rows[-1].seq)
        return outbox.epoch, rows

    async def _flush_often(self) -> None:
        period_s = self.settings.outbox.flush_s
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            due_s = max(due_s + period_s, loop.time())
            await asyncio.sleep(due_s - loop.time())
            await self.flush()

    async def _serve_uplink(self) -> None:
        while not self.outbox.epoch:
            try:
                await self._runner.do(Outbox.check)
            except OutboxError as error:
                _log.warning("outbox_waited_for", error=str(error))
                await asyncio.sleep(1.0)
        await self.uplink.run()

    async def _watch_health(self) -> None:
        """A sample of the gateway itself at each whole multiple of the period, by the agent's clock."""
        period_ms = round(self.settings.health_s * 1000)
        speed = float(getattr(self.clock, "speed", 1.0))
        last_ms = self.clock.now_ms() // period_ms * period_ms
        while True:
            now_ms = self.clock.now_ms()
            at_ms = now_ms // period_ms * period_ms
            if at_ms != last_ms:
                last_ms = at_ms
                self.accept(self._health.read(at_ms, self._machine.now_ms(), self._work()))
            left_s = (at_ms + period_ms - now_ms) / 1000 / speed
            await asyncio.sleep(min(self.settings.health_s, max(_LEAST_HEALTH_S, left_s)))

    def _work(self) -> Work:
        stats = self.outbox.stats if self.outbox.epoch else None
        return Work(stats, self.poller.reads_failed, self.uplink.reconnects)

    def _start(self, name: str, part: Callable[[], Awaitable[None]]) -> "asyncio.Task[None]":
        return asyncio.create_task(self._supervise(name, part), name=name)

    async def _supervise(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Keep a part going whatever happens: an error of ours in one must not silence the others."""
        loop = asyncio.get_running_loop()
        pause_s = 0.5
        while True:
            started_s = loop.time()
            try:
                await part()
            except Exception:  # noqa: BLE001 - the supervisor: logs, counts and backs off
                self.restarts += 1
                _log.exception("part_crashed", part=name, restarts=self.restarts)
            pause_s = 0.5 if loop.time() - started_s > _LONGEST_PAUSE_S else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _close(self) -> None:
        if self._announcing:
            self._announcing.cancel()
        self.poller.close()
        await self._runner.close()
        if self._ledger:
            self._ledger.close()


def _unread(device: DeviceSettings) -> Device:
    """A device that nobody can read until its driver is mended."""
    return Device(
        device=device.id,
        device_class=device.class_ or "",
        signals=(),
        name=shorten(device.name, MAX_TEXT),
        period_s=device.period_s,
        ratings=device.ratings,
        point=device.metering_point,
        problem=_UNUSABLE,
    )


def _polled(device: DeviceSettings) -> PolledDevice:
    connection = device.connection
    return PolledDevice(
        device=device.id,
        driver=device.driver,
        device_class=device.device_class,
        period_s=device.period_s,
        connection=ModbusConnection(
            kind=connection.kind,
            host=connection.host,
            port=connection.port,
            serial=connection.serial,
            baud=connection.baud,
            parity=connection.parity,
            stop_bits=connection.stop_bits,
            unit=connection.unit,
            timeout_s=connection.timeout_s,
            any_transaction=connection.any_transaction,
        ),
        ratio=device.ratio,
        signals=device.signals,
    )


async def _cancelled(*tasks: "asyncio.Task[None]") -> None:
    """Stop tasks and wait until they have."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
