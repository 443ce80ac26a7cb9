"""Keeps a row of processes alive: starts them in order, restarts one that ends with back-off, stops them in reverse.

start ──▶ ready ──▶ running ──▶ ended by itself ──▶ wait 0.5 s, 1 s, … 30 s ──▶ start
                       │
                       └──▶ stopped by us (its own stop signal, its own pid, then by force)
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from parkgrid_servers import process

_LOG = structlog.get_logger("supervisor")
_POLL_S = 0.1
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_STEADY_AFTER_S = 60.0
WRONG_SETTINGS = 2
"""The exit status of a role that refuses its settings: starting it again cannot help."""


class PartError(Exception):
    """A part could not be brought up; the message holds the end of its log."""


@dataclass(slots=True)
class Part:
    """One process of the whole, and how to tell that it works."""

    name: str
    start: Callable[[], process.Process]
    """Starts it, in the thread that outlives it: the kernel ends it together with that thread."""
    ready: Callable[[], Awaitable[bool]]
    log: Callable[[], str]
    """The end of its log, for an error message."""
    stop_signal: signal.Signals = signal.SIGTERM
    start_patience_s: float = 60.0
    stop_patience_s: float = 30.0
    child: process.Process | None = None
    restarts: int = 0
    task: "asyncio.Task[None] | None" = None


@dataclass(slots=True)
class Supervisor:
    """The parts that are up, in the order in which they came up."""

    first_pause_s: float = _FIRST_PAUSE_S
    parts: list[Part] = field(default_factory=list)
    failed: "asyncio.Future[str] | None" = None
    """Set when a part ends for good; holds the reason."""

    async def add(self, part: Part) -> None:
        """Start a part, wait until it is ready, and keep it alive from then on. Raises `PartError`."""
        if self.failed is None:
            self.failed = asyncio.get_running_loop().create_future()
        self.parts.append(part)
        part.child = part.start()
        await self._await_ready(part)
        part.task = asyncio.create_task(self._keep(part), name=f"keep {part.name}")

    async def remove(self, name: str) -> None:
        """Stop the newest part of that name cleanly; nothing happens when there is none."""
        for part in reversed(self.parts):
            if part.name == name:
                self.parts.remove(part)
                await _stop(part)
                return

    async def close(self) -> None:
        """Stop everything, the last one first."""
        while self.parts:
            await _stop(self.parts.pop())

    @property
    def restarts(self) -> int:
        """How often any part had to be started again."""
        return sum(part.restarts for part in self.parts)

    async def _await_ready(self, part: Part) -> None:
        deadline = time.monotonic() + part.start_patience_s
        while not await part.ready():
            ended = part.child is None or part.child.poll() is not None
            if ended or time.monotonic() > deadline:
                what = "ended" if ended else f"was not ready after {part.start_patience_s:g} s"
                raise PartError(f"{part.name} {what}; its log ends:\n{part.log()}")
            await asyncio.sleep(_POLL_S)

    async def _keep(self, part: Part) -> None:
        """The supervisor's loop for one part: any end is noted and answered with a pause and a new start."""
        pause_s = self.first_pause_s
        while True:
            since = time.monotonic()
            status = await _end_of(part)
            if status == WRONG_SETTINGS:
                self._give_up(part)
                return
            if time.monotonic() - since > _STEADY_AFTER_S:
                pause_s = self.first_pause_s
            part.restarts += 1
            _LOG.warning("part ended", part=part.name, status=status, restarts=part.restarts, pause_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            self._restart(part)

    def _restart(self, part: Part) -> None:
        try:
            part.child = part.start()
        except Exception as error:  # noqa: BLE001  (a supervisor: logged, counted as a restart, and tried again later)
            part.child = None
            _LOG.warning("part did not start", part=part.name, error=str(error))

    def _give_up(self, part: Part) -> None:
        if self.failed is not None and not self.failed.done():
            self.failed.set_result(f"{part.name} refuses its settings; its log ends:\n{part.log()}")


async def _end_of(part: Part) -> int | None:
    """Wait until the process ended; its exit status, or None when it could not even be started."""
    child = part.child
    if child is None:
        return None
    while (status := child.poll()) is None:  # noqa: ASYNC110  (a process has no event; polling costs nothing here)
        await asyncio.sleep(_POLL_S)
    return status


async def _stop(part: Part) -> None:
    if part.task:
        part.task.cancel()
        await asyncio.gather(part.task, return_exceptions=True)
    if part.child:
        await asyncio.to_thread(process.stop, part.child, part.stop_signal, part.stop_patience_s)
