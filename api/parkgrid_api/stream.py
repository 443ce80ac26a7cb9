"""The live stream: one look at the database a tick and park, encoded once, shared by every client.

    commit notice ─┐
                   ├─▶ tick (<= 2 Hz) ─▶ one query ─▶ one encoding ─▶ newest event ─▶ client, client, client …
    fallback timer ┘

A client that reads slowly misses events in between and then gets the newest: nothing queues up behind it. One that
comes back with `Last-Event-ID` within a minute or so gets every event that it missed, so that its lines have no hole;
a channel therefore lives on for a while after its last client went. Every event is the whole state: who comes later
needs no past.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import structlog

from parkgrid_api.database import Commits, not_reached
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import ProblemError, unavailable
from parkgrid_api.http.turns import ADDRESS
from parkgrid_api.settings import LimitSettings, StreamSettings

log = structlog.get_logger()
RETRY_MS = 2_000
MOST_KEPT = 150
"""Events that a channel remembers: 75 s at two a second."""
LOOK_PATIENCE_S = 4.0
"""So long a look at the database may take before its silence is told; a frozen database refuses nothing."""
LINGER_S = 60.0
"""How long a channel goes on without clients: a page that reloads or changes networks finds what it missed."""
DISTRICT = "*"
"""The channel of all parks; no park can have this name."""
Look = Callable[[str], Awaitable[bytes]]
"""The encoded state of a park."""


@dataclass(frozen=True, slots=True)
class _Event:
    number: int
    payload: bytes


class _Channel:
    """The stream of one park, alive while somebody listens."""

    def __init__(self, park: str, look: Look, commits: Commits, settings: StreamSettings) -> None:
        self._park = park
        self._look = look
        self._commits = commits
        self._settings = settings
        self._condition = asyncio.Condition()
        self._kept: deque[_Event] = deque(maxlen=MOST_KEPT)
        self.event: _Event | None = None
        self.clients = 0
        self.ending: asyncio.TimerHandle | None = None
        self.closed = False
        self._looking: asyncio.Future[bytes] | None = None
        self.task = asyncio.ensure_future(self._run())

    async def after(self, number: int, patience_s: float) -> _Event | None:
        """The newest event that is not the one numbered; None when none came in time."""
        async with self._condition:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await self._condition.wait_for(lambda: self.closed or self._newer(number))
        return self.event if self._newer(number) else None

    def missed(self, number: int) -> list[_Event]:
        """The events after the one numbered, when that one is still remembered."""
        kept = list(self._kept)
        numbers = [event.number for event in kept]
        return kept[numbers.index(number) + 1 :] if number in numbers else []

    def _newer(self, number: int) -> bool:
        return self.event is not None and self.event.number != number

    async def close(self) -> None:
        """Let every client go."""
        self.end()
        if self.ending is not None:
            self.ending.cancel()
        self.closed = True
        async with self._condition:
            self._condition.notify_all()

    def end(self) -> None:
        """Look no more."""
        self.task.cancel()
        if self._looking is not None:
            self._looking.cancel()

    async def _run(self) -> None:
        ADDRESS.set("")  # it looks for all its clients, not for the one that opened it
        loop = asyncio.get_running_loop()
        number = 0
        with self._commits.watching(None if self._park == DISTRICT else self._park) as committed:
            while True:
                committed.clear()
                started = loop.time()
                number = max(number + 1, round(started * 1000))
                await self._publish(_Event(number, await self._encoded(number)))
                await asyncio.sleep(max(0.0, started + self._settings.tick_s - loop.time()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.fallback_s - self._settings.tick_s):
                        await committed.wait()

    async def _encoded(self, number: int) -> bytes:
        try:
            return b"id: %d\nevent: live\ndata: %b\n\n" % (number, await self._looked())
        except ProblemError as error:
            return b"event: problem\ndata: %b\n\n" % bytes(error.problem.response().body)

    async def _looked(self) -> bytes:
        """What a look found; one that takes too long goes on, and its silence is told meanwhile."""
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look(self._park))
        done, _ = await asyncio.wait({self._looking}, timeout=LOOK_PATIENCE_S)
        if not done:
            raise not_reached()
        found, self._looking = self._looking, None
        return found.result()

    async def _publish(self, event: _Event) -> None:
        async with self._condition:
            self.event = event
            self._kept.append(event)
            self._condition.notify_all()


class Hub:
    """The channels of all parks that somebody listens to."""

    def __init__(self, look: Look, commits: Commits, settings: StreamSettings, limits: LimitSettings) -> None:
        self._look = look
        self._commits = commits
        self._settings = settings
        self._most_clients = limits.streams
        self._most_of_address = limits.streams_of_address
        self._by_address: Counter[str] = Counter()
        self._channels: dict[str, _Channel] = {}
        self._closing = False
        self._looks: dict[str, Look] = {}

    def also(self, name: str, look: Look) -> None:
        """Serve a channel of that name by a look of its own."""
        self._looks[name] = look

    @property
    def clients(self) -> int:
        """How many clients listen."""
        return sum(channel.clients for channel in self._channels.values())

    def refuse_when_full(self) -> None:
        """Raise a 503 when no further stream is served."""
        own = self._by_address[ADDRESS.get()] >= self._most_of_address
        if own or self._closing or self.clients >= self._most_clients:
            title = told("Too many live streams are open.", "目前不能再打开更多实时数据流。")
            raise unavailable(title, told("close other pages or try again later", "请关闭其他页面，或稍后再试"))

    async def events(self, park: str, last_event_id: str) -> AsyncIterator[bytes]:
        """The events of one client, with a heartbeat in every longer silence; ends when the server stops."""
        number = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else -1
        channel, address = self._join(park), ADDRESS.get()
        self._by_address[address] += 1
        try:
            yield b"retry: %d\n\n" % RETRY_MS
            for event in channel.missed(number):
                number = event.number
                yield event.payload
            while not channel.closed and not channel.task.done():
                newest = await channel.after(number, self._settings.heartbeat_s)
                if newest is not None:
                    number = newest.number
                yield newest.payload if newest is not None else b": heartbeat\n\n"
        finally:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]
            self._leave(park, channel)

    def _join(self, park: str) -> _Channel:
        channel = self._channels.get(park)
        if channel is None or channel.task.done():
            channel = self._channels[park] = _Channel(
                park, self._looks.get(park, self._look), self._commits, self._settings
            )
            log.info("stream opened", park=park)
        if channel.ending is not None:
            channel.ending.cancel()
        channel.clients += 1
        return channel

    def _leave(self, park: str, channel: _Channel) -> None:
        channel.clients -= 1
        if channel.clients == 0:
            channel.ending = asyncio.get_running_loop().call_later(LINGER_S, self._end, park, channel)

    def _end(self, park: str, channel: _Channel) -> None:
        channel.end()
        if self._channels.get(park) is channel:
            del self._channels[park]
            log.info("stream closed", park=park)

    async def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closing = True
        for channel in list(self._channels.values()):
            await channel.close()
