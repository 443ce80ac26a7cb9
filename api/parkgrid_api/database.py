"""The database as this role sees it: a pool for short reads, and the notices of commits.

Errors of psycopg become problem objects here. What computes for longer, or streams, asks `figures` instead.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, TypeVar, cast

import psycopg
import structlog
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from parkgrid_api.chain import Chain, Signs
from parkgrid_api.demonstration import CHANNEL as DEMONSTRATION
from parkgrid_api.demonstration import Demonstration, Told
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import ProblemError, unavailable
from parkgrid_api.http.turns import BusyError, Turns
from parkgrid_api.settings import DatabaseSettings
from parkgrid_contract.time import Clock

Answer = TypeVar("Answer")
log = structlog.get_logger()
CHANNEL = "parkgrid_commit"
PULSES = "parkgrid_ingest"
"""Where ingest gives its signs of life."""
_WAIT_FOR_CONNECTION_S = 5.0
RECONNECT_S = 5.0
"""After so long a pool gives a lost connection up, and the next question opens one: else it would wait twice as long
after every failure, and find a database that was away for a minute only a minute after it came back."""
_WAIT_FOR_TURN_S = 6.0
"""Longer than for a connection: who waits behind those that wait for a lost database hears of the database."""
_LONGEST_BACK_OFF_S = 10.0
_Connection = psycopg.AsyncConnection[DictRow]


def connection_text(settings: DatabaseSettings, *more: str) -> str:
    """The connection string with what every session of this role needs: read-only, UTC, bounded statements.

    A plan is made for the span that is asked for: one for any span locks every partition, each time it is used.
    """
    options = [
        "-c plan_cache_mode=force_custom_plan",
        "-c default_transaction_read_only=on",
        "-c TimeZone=UTC",
        "-c jit=off",
        f"-c statement_timeout={round(settings.statement_timeout_s * 1000)}",
        *more,
    ]
    if settings.role:
        options.append(f"-c role={settings.role}")
    return make_conninfo(settings.dsn, options=" ".join(options), application_name="parkgrid-api", connect_timeout=5)


async def _prepare(connection: _Connection) -> None:
    connection.prepare_threshold = 1
    set_json_loads(json.loads, connection)


class Database:
    """A small pool of read-only sessions."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._text = connection_text(settings)
        self._pool: AsyncConnectionPool[_Connection] = AsyncConnectionPool(
            self._text,
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=1,
            max_size=settings.connections,
            timeout=_WAIT_FOR_CONNECTION_S,
            reconnect_timeout=RECONNECT_S,
            configure=_prepare,
            open=False,
            name="parkgrid-api",
        )
        self._turns = Turns(settings.connections, _WAIT_FOR_TURN_S)
        self._lost = False

    async def open(self) -> None:
        """Start connecting; an unreachable database delays nothing."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every session."""
        await self._pool.close(timeout=2)

    async def rows(self, statement: bytes, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """All rows of one statement; a failure is a `ProblemError` that says nothing of the SQL."""
        try:
            async with self._turns.turn(), self._pool.connection() as connection:
                cursor = await connection.execute(statement, values, binary=True)
                rows = await cursor.fetchall()
        except psycopg.Error as error:
            self._lost = isinstance(error, PoolTimeout)
            raise problem_of(error) from error
        except BusyError:
            if not self._lost:
                raise
            raise not_reached() from None
        self._lost = False
        return rows

    async def rows_of(
        self,
        shape: type[Answer],  # noqa: ARG002 - it names the type of the rows
        statement: bytes,
        values: Mapping[str, Any] | None = None,
    ) -> list[Answer]:
        """The rows of a statement whose columns are the members of an answer's shape."""
        return cast("list[Answer]", await self.rows(statement, values))

    @contextlib.asynccontextmanager
    async def listening(self, *more: str) -> AsyncIterator[_Connection]:
        """A session of its own for commit notices, ingest's signs of life, and `more`; raises `psycopg.Error`."""
        async with await _Connection.connect(self._text, autocommit=True) as connection:
            for channel in (CHANNEL, PULSES, *more):
                await connection.execute(f"LISTEN {channel}")
            yield connection


class Commits:
    """How many commits each park has seen, as far as the notices tell; what answers are cached against."""

    def __init__(self, database: Database, clock: Clock, *, demonstration: bool = False) -> None:
        self._database = database
        self._clock = clock
        self._signs = Signs()
        self._told = Told()
        self._further = (DEMONSTRATION,) if demonstration else ()
        self._by_park: dict[str, int] = {}
        self._all = 0
        self._waiting: dict[asyncio.Event, str | None] = {}
        self.connected = False
        """Whether notices arrive; without them nothing may be answered from memory."""

    def state(self, park: str) -> tuple[int, int]:
        """A mark that changes with every commit of a park."""
        return self._all, self._by_park.get(park, 0)

    def chain(self) -> Chain:
        """How the parts before the database stand."""
        return self._signs.at(self._clock.now_ms())

    def demonstration(self) -> Demonstration | None:
        """What `parkgrid up` has on its way."""
        return self._told.at(self._clock.now_ms())

    async def follow(self) -> None:
        """Take notices until cancelled; every new connection counts as a commit, since notices may have been missed."""
        back_off_s = 0.2
        while True:
            try:
                async with self._database.listening(*self._further) as connection:
                    back_off_s = 0.2
                    await self._take(connection)
            except psycopg.Error as error:
                log.warning("commit notices lost", error=_first_line(error), retry_s=back_off_s)
            finally:
                self.connected = False
                self._signs.forget()
            await asyncio.sleep(back_off_s)
            back_off_s = min(back_off_s * 2, _LONGEST_BACK_OFF_S)

    async def _take(self, connection: _Connection) -> None:
        self.connected = True
        self._note(None)
        log.info("commit notices connected")
        async for notice in connection.notifies():
            if notice.channel == PULSES:
                self._signs.pulse(notice.payload, self._clock.now_ms())
                continue
            if notice.channel == DEMONSTRATION:
                self._told.take(notice.payload, self._clock.now_ms())
                continue
            self._signs.commit(self._clock.now_ms())
            self._note(_park_of(notice.payload))

    def _note(self, park: str | None) -> None:
        if park is None:
            self._all += 1
        else:
            self._by_park[park] = self._by_park.get(park, 0) + 1
        for event, watched in self._waiting.items():
            if park is None or watched in (None, park):
                event.set()

    @contextlib.contextmanager
    def watching(self, park: str | None = None) -> Iterator[asyncio.Event]:
        """An event that is set at every notice of a park; None: of any."""
        event = asyncio.Event()
        self._waiting[event] = park
        try:
            yield event
        finally:
            del self._waiting[event]


def _park_of(payload: str) -> str | None:
    """The park of a notice; None, which means all of them, when it cannot be read."""
    try:
        park = json.loads(payload)["park"]
    except (ValueError, TypeError, KeyError):
        return None
    return park if isinstance(park, str) else None


def problem_of(error: psycopg.Error) -> ProblemError:
    """What the client is told of a failure of the database; the cause goes to the log."""
    match error:
        case psycopg.errors.QueryCanceled():
            title = told("The query takes too long.", "查询耗时过长。")
            return unavailable(title, told("use a shorter time span or fewer signals", "请缩短时间范围或减少信号"))
        case psycopg.errors.UndefinedTable() | psycopg.errors.UndefinedColumn():
            log.error("database schema is not the one expected", error=_first_line(error))
            title = told("The database is not migrated.", "数据库尚未升级到当前版本。")
            return unavailable(title, told("run `parkgrid db migrate`", "请运行 `parkgrid db migrate`"))
        case PoolTimeout() | TooManyRequests() | psycopg.OperationalError():
            log.warning("database unreachable", error=_first_line(error))
            return not_reached()
        case _:
            log.error("database refused a statement", error=_first_line(error))
            title = told("The database refused the query.", "数据库拒绝了该查询。")
            return unavailable(title, told("the operator finds the cause in the log", "原因见服务日志"))


def not_reached() -> ProblemError:
    """Of a database that refuses, hangs, or is gone."""
    remedy = told("try again; the operator finds the cause in the log of the api", "请稍后重试；原因见 api 的日志")
    return unavailable(told("The database does not answer.", "数据库没有应答。"), remedy)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
