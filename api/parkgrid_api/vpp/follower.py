"""The pilot in memory: read once, then followed by one short question for what is new before each answer."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psycopg
import structlog

from parkgrid_api.database import problem_of
from parkgrid_api.figures import Figures
from parkgrid_api.http.language import told
from parkgrid_api.http.problems import Mistake, Problem, ProblemError, unavailable
from parkgrid_contract.refusal import shorten
from parkgrid_database.connection import Connection
from parkgrid_database.errors import StoreError
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.errors import ClosedLedgerError, LedgerError
from parkgrid_vpp.ledger import follow

Answer = TypeVar("Answer")
BROKEN_S = 30.0
"""So long a broken ledger is not read again: it is read whole each time."""
log = structlog.get_logger()


class PilotFollower:
    """One `Pilot`, which one question at a time may look at; nothing else changes it meanwhile."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._pilot = Pilot()
        self._turn = asyncio.Lock()
        self._broken: LedgerError | None = None
        self._broken_until = float("-inf")

    async def ask(self, question: Callable[[Pilot, Connection], Answer]) -> Answer:
        """What a question finds out from the pilot as it stands now. A 503 where the chain is broken, with the reason.

        The question runs in a thread: it must neither keep the pilot nor ask for the language of the request.
        """
        return await self._alone(lambda: self._figures.ask(lambda connection: self._answer(connection, question)))

    async def write(self, act: Callable[[Pilot], Answer]) -> Answer:
        """What an act that writes on a session of its own gives; it brings the pilot up to what it wrote."""
        return await self._alone(lambda: asyncio.to_thread(act, self._pilot))

    async def _alone(self, step: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        # Shielded: a client that hangs up does not let the next one at a pilot that a thread is still changing.
        return await asyncio.shield(asyncio.ensure_future(self._one(step)))

    async def _one(self, step: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        async with self._turn:
            if self._broken is not None and time.monotonic() < self._broken_until:
                raise broken(self._broken)
            try:
                found = await step()
            except LedgerError as error:
                log.warning("ledger of the pilot is broken", error=str(error)[:300])
                self._broken, self._broken_until = error, time.monotonic() + BROKEN_S
                raise broken(error) from error
            except StoreError as error:
                raise store_problem(error) from error
            except psycopg.Error as error:
                raise problem_of(error) from error
            self._broken = None
            return found

    def _answer(self, connection: Connection, question: Callable[[Pilot, Connection], Answer]) -> Answer:
        follow(connection, self._pilot)
        return question(self._pilot, connection)


def broken(error: LedgerError) -> ProblemError:
    """503: the chain does not hold, so nothing is told of the pilot."""
    remedy = told(
        "nothing is told of the pilot until its ledger is whole again: compare it with a backup or with the chains of "
        "the bundles",
        "账本恢复完整之前不提供试点的任何数据：请与备份或各数据包中的哈希链比对",
    )
    title = told("The ledger of the pilot is broken.", "试点账本的哈希链已断裂。")
    mistake = Mistake("ledger", shorten(str(error), 300), remedy)
    return ProblemError(Problem(503, title, (mistake,), {"Retry-After": str(round(BROKEN_S))}))


LEDGER_CLOSED = "urn:parkgrid:problem:ledger-closed"
"""The type of the problem that a closed ledger is."""


def ledger_closed(error: ClosedLedgerError) -> ProblemError:
    """503: the ledger takes no entry until what a restored store lacks is read back."""
    title = told("The ledger of the pilot takes no entry now.", "试点账本暂不接收新条目。")
    mistake = Mistake("ledger", "closed", told(error.en, error.zh))
    return ProblemError(Problem(503, title, (mistake,), {"Retry-After": str(round(BROKEN_S))}, LEDGER_CLOSED))


def store_problem(error: StoreError) -> ProblemError:
    """503: what the store did, in words."""
    cause = error.__cause__
    if isinstance(cause, psycopg.Error):
        return problem_of(cause)
    title = told("The database does not answer.", "数据库没有响应。")
    return unavailable(title, told("try again", "请稍后再试"))
