"""Scarce places, such as sessions of the database, given in turn to the addresses that wait for one.

    address A: q q q q q ─┐
    address B: q          ─┼─▶ A, B, C, A, A …     who asks once waits for one question of the others, not for all
    address C: q          ─┘

One address never holds all places, so that who asks slow questions leaves one to the others.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar

from parkgrid_api.http.language import told
from parkgrid_api.http.problems import ProblemError, unavailable

ADDRESS: ContextVar[str] = ContextVar("address", default="")
"""Whose request is being answered; empty for what the process does on its own, such as looks for live streams."""
_MOST_WAITING = 64
"""Questions of one address that wait; one more is refused."""


class BusyError(ProblemError):
    """No place came free in time, or too many of one address wait."""


class Turns:
    """A number of places."""

    def __init__(self, places: int, patience_s: float) -> None:
        self._free = places
        self._share = max(1, places - 1)
        self._patience_s = patience_s
        self._held: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """A place for as long as it lasts; a 503 when too many wait, or when none comes in time."""
        address = ADDRESS.get()
        if self._free and self._held.get(address, 0) < self._share:
            self._take(address)
        else:
            await self._wait(address)
        try:
            yield
        finally:
            self._leave(address)

    async def _wait(self, address: str) -> None:
        waiting = self._waiting.setdefault(address, deque())
        if len(waiting) >= _MOST_WAITING:
            raise _busy()
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(given)
        try:
            async with asyncio.timeout(self._patience_s):
                await given
        except (asyncio.CancelledError, TimeoutError) as error:
            if given.done() and not given.cancelled():
                self._leave(address)
            else:
                self._forget(address, given)
            if isinstance(error, TimeoutError):
                raise _busy() from error
            raise

    def _take(self, address: str) -> None:
        self._free -= 1
        self._held[address] = self._held.get(address, 0) + 1

    def _leave(self, address: str) -> None:
        self._free += 1
        held = self._held.pop(address) - 1
        if held:
            self._held[address] = held
        self._give()

    def _give(self) -> None:
        """Let the next address go on that may; it waits behind the others for its next turn."""
        for address in list(self._waiting):
            if not self._free:
                return
            if self._held.get(address, 0) >= self._share:
                continue
            waiting = self._waiting.pop(address)
            given = next((each for each in _popped(waiting) if not each.done()), None)
            if waiting:
                self._waiting[address] = waiting
            if given is not None:
                self._take(address)
                given.set_result(None)

    def _forget(self, address: str, given: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(address, deque())
        with contextlib.suppress(ValueError):
            waiting.remove(given)
        if not waiting:
            self._waiting.pop(address, None)


def _popped(waiting: deque[asyncio.Future[None]]) -> Iterator[asyncio.Future[None]]:
    while waiting:
        yield waiting.popleft()


def _busy() -> BusyError:
    title = told("The server is busy with other requests.", "服务器正忙于处理其他请求。")
    return BusyError(unavailable(title, told("try again in a moment", "请稍后再试")).problem)
