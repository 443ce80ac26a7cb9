"""Answers kept for a moment: only while nothing was committed since, and never longer than a second."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from parkgrid_api.database import Commits

MOST_AGE_S = 1.0
"""Notices are coalesced and take a moment; this bounds how old an answer can be, and it states its `as_of_ms`."""


@dataclass(frozen=True, slots=True)
class _Kept:
    body: bytes
    park: str
    commits: tuple[int, int]
    until: float


class AnswerCache:
    """Bodies by request, bounded in bytes; the same question asked at once by many is asked of the database once."""

    def __init__(self, commits: Commits, most_bytes: int, clock: Callable[[], float]) -> None:
        self._commits = commits
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._asked: dict[tuple[str, tuple[int, int]], asyncio.Task[bytes]] = {}
        self.hits = 0
        self.misses = 0

    def get(self, key: str) -> bytes | None:
        """The body of an answer that nothing has changed since."""
        kept = self._kept.get(key)
        if kept is None or not self._commits.connected or self._clock() >= kept.until:
            return None
        if kept.commits != self._commits.state(kept.park):
            return None
        self.hits += 1
        return kept.body

    async def ask(self, key: str, park: str, question: Callable[[], Awaitable[bytes]]) -> bytes:
        """The body from the database, shared with whoever asks the same at the same state."""
        commits = self._commits.state(park)
        task = self._asked.get((key, commits))
        if task is None:
            self.misses += 1
            task = asyncio.ensure_future(self._answer(key, park, commits, question))
            self._asked[key, commits] = task
            task.add_done_callback(lambda _: self._asked.pop((key, commits), None))
        return await asyncio.shield(task)

    async def _answer(
        self, key: str, park: str, commits: tuple[int, int], question: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        until = self._clock() + MOST_AGE_S
        body = await question()
        self._keep(key, _Kept(body, park, commits, until))
        return body

    def _keep(self, key: str, kept: _Kept) -> None:
        if len(kept.body) > self._most_bytes:
            return
        self._drop(key)
        self._kept[key] = kept
        self._bytes += len(kept.body)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        old = self._kept.pop(key, None)
        if old:
            self._bytes -= len(old.body)
