"""Figures beside the event loop: synchronous accounting functions on read-only sessions, in threads of their own.

route ──▶ ask(function)      one thread and one session for one answer; addresses take turns
      └─▶ stream(rows)       one session and one snapshot for as long as a table is sent, a thread for each piece
"""

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import psycopg
from psycopg_pool import ConnectionPool

from parkgrid_api.database import RECONNECT_S, connection_text, problem_of
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import unavailable
from parkgrid_api.http.turns import ADDRESS, Turns
from parkgrid_api.settings import ApiSettings
from parkgrid_database.connection import Connection

Answer = TypeVar("Answer")
_LONGEST_PAUSE_S = 120
"""A client that takes nothing for so long loses its stream, since its snapshot holds old rows in the database."""


class Figures:
    """A small pool of threads with a session each, and the tables that are being sent."""

    def __init__(self, settings: ApiSettings) -> None:
        computing, exports = settings.database.figure_connections, settings.limits.exports
        self._most_exports = exports
        self._exports: Counter[str] = Counter()
        self._turns = Turns(computing, settings.database.figure_timeout_s)
        self._threads = ThreadPoolExecutor(computing + exports, "figures")
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            _text(settings),
            min_size=0,
            max_size=computing + exports,
            timeout=5.0,
            reconnect_timeout=RECONNECT_S,
            open=False,
            name="parkgrid-figures",
        )

    async def open(self) -> None:
        """Be ready; nothing connects before it is asked."""
        await asyncio.to_thread(self._pool.open, wait=False)

    async def close(self) -> None:
        """Let every session and thread go."""
        await asyncio.to_thread(self._pool.close, 2)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ask(self, function: Callable[[Connection], Answer]) -> Answer:
        """What a function finds out from one consistent state; a failure of the database is a `ProblemError`."""
        async with self._turns.turn():
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._answer, function)
            except psycopg.Error as error:
                raise problem_of(error) from error

    def _answer(self, function: Callable[[Connection], Answer]) -> Answer:
        with self._snapshot() as connection:
            return function(connection)

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """A session whose statements all see the same state."""
        with self._pool.connection() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield connection

    async def stream(self, pieces: Callable[[Connection], Iterator[bytes]]) -> AsyncIterator[bytes]:
        """The pieces of an answer; the first is made before this returns, so that what fails at once is a problem."""
        address = ADDRESS.get()
        own = self._exports[address] >= max(1, self._most_exports - 1)
        if own or self._exports.total() >= self._most_exports:
            title = told("Too many tables are being sent.", "目前不能再发送更多表格。")
            raise unavailable(title, told("try again when one of them is finished", "请等正在发送的表格完成后再试"))
        self._exports[address] += 1
        sending = self._sending(_Source(self._source(pieces)), address)
        return _joined(await anext(sending, b""), sending)

    async def _sending(self, source: "_Source", address: str) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        try:
            while (piece := await loop.run_in_executor(self._threads, source.take)) is not None:
                yield piece
        except psycopg.Error as error:
            raise problem_of(error) from error
        finally:
            self._exports[address] -= 1
            if not self._exports[address]:
                del self._exports[address]
            await asyncio.shield(loop.run_in_executor(self._threads, source.close))

    def _source(self, pieces: Callable[[Connection], Iterator[bytes]]) -> Generator[bytes]:
        with self._snapshot() as connection:
            yield from pieces(connection)


class _Source:
    """Pieces made one after the other, by whichever thread asks; closed only when none is being made."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces
        self._making = threading.Lock()

    def take(self) -> bytes | None:
        """The next piece, None after the last."""
        with self._making:
            return next(self._pieces, None)

    def close(self) -> None:
        """Let the session go."""
        with self._making:
            self._pieces.close()


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


def _text(settings: ApiSettings) -> str:
    patient = replace(settings.database, statement_timeout_s=settings.database.figure_timeout_s)
    return connection_text(patient, f"-c idle_in_transaction_session_timeout={_LONGEST_PAUSE_S * 1000}")
