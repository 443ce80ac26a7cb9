"""Whether the ledger takes entries: not while it lacks one that was issued, and not before a restore was compared.

what was issued, seen outside ─▶ noted in the database ─▶ every writer refuses ─▶ read back, or given up ─▶ open
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from parkgrid_database.connection import Connection
from parkgrid_domain.vpp.ledger import instant
from parkgrid_domain.vpp.pilot import Pilot
from parkgrid_vpp.errors import ClosedLedgerError
from parkgrid_vpp.statements import statement

COMMAND = "parkgrid vpp ledger read-back"
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the chain: a number and the digest of the entry there; 0 and empty before the first."""

    number: int
    digest: str

    @property
    def shown(self) -> str:
        """As it is named in a sentence."""
        return f"{self.number} ({self.digest[:_SHOWN]}…)" if self.number else "0"


@dataclass(frozen=True, slots=True)
class Lacking:
    """An entry that was issued and that the ledger does not hold."""

    head: Place
    """The ledger's own."""
    issued: Place
    """The newest that is known to be issued."""
    source: str
    """What says so."""
    parts_at: int | None
    """The first entry of which the ledger has another one than was issued; None: it only ends too early."""

    def error(self) -> ClosedLedgerError:
        """Why nothing is appended, and the remedy."""
        head, issued = self.head.shown, self.issued.shown
        if self.parts_at is not None:
            return ClosedLedgerError(
                f"the ledger takes no entry: its entry {self.parts_at} is another one than was issued, so there are two"
                f" histories. Its head is entry {head}; issued was entry {issued}, as {self.source} says. Compare both,"
                " and decide: `parkgrid vpp ledger give-up --help`",
                f"账本暂不接收新条目：第 {self.parts_at} 条与已发出的不同，存在两份历史。账本末条为 {head}；"
                f"据 {self.source}，已发出第 {issued} 条。请比对后决定：`parkgrid vpp ledger give-up --help`",
            )
        return ClosedLedgerError(
            f"the ledger takes no entry: it ends at entry {head}, but entry {issued} was issued, as {self.source} says."
            f" Read the missing entries back: `{COMMAND} BUNDLE... --by NAME`",
            f"账本暂不接收新条目：账本止于第 {head} 条，而据 {self.source}，第 {issued} 条已经发出。"
            f"请先读回缺少的条目：`{COMMAND} 数据包... --by 姓名`",
        )


@dataclass(frozen=True, slots=True)
class Held:
    """A store that was restored, whose ledger nobody has compared with what was issued."""

    head: Place
    backup: str
    at: datetime

    def error(self) -> ClosedLedgerError:
        """Why nothing is appended, and the remedy."""
        head, at = self.head.shown, instant(self.at)
        return ClosedLedgerError(
            f"the ledger takes no entry: its store was restored from {self.backup} at {at}, and nobody has compared it"
            f" with what was issued after the backup. It ends at entry {head}. Compare it with every bundle:"
            f" `{COMMAND} BUNDLE... --by NAME`, or with --none-issued if there is none",
            f"账本暂不接收新条目：数据库于 {at} 由 {self.backup} 恢复，尚未与备份之后发出的内容比对。"
            f"账本止于第 {head} 条。请与全部数据包比对：`{COMMAND} 数据包... --by 姓名`；"
            "若从未发出数据包，请加 --none-issued",
        )


def closed(connection: Connection, pilot: Pilot) -> Lacking | Held | None:
    """Why a ledger that `pilot` has followed takes no entry; None: it does. Raises psycopg's errors."""
    head = Place(0, "") if pilot.head is None else Place(pilot.head.number, pilot.head.digest)
    rows = connection.execute(statement("issued/open")).fetchall()
    if rows:
        (first, *_, instead), (number, digest, source, _, _) = rows[0], rows[-1]
        return Lacking(head, Place(number, digest), source, None if instead is None else first)
    if pilot.gone is not None and not _holds(connection, *pilot.gone):
        number, digest = pilot.gone
        return Lacking(head, Place(number, digest), MEMORY, number if number <= head.number else None)
    pilot.gone = None
    row = connection.execute(statement("issued/held")).fetchone()
    return None if row is None else Held(head, row[0], row[1])


MEMORY = "a process that had read it"
"""The source where a running process followed an entry that is gone."""


def note(connection: Connection, digests: Mapping[int, str], source: str) -> None:
    """Keep in the database what was issued and is not there, so that every writer knows. Raises psycopg's errors."""
    values = {"numbers": list(digests), "digests": list(digests.values()), "source": source[:200]}
    connection.execute(statement("issued/note"), values)


def _holds(connection: Connection, number: int, digest: str) -> bool:
    return connection.execute(statement("ledger/digest_at"), {"number": number}).fetchone() == (digest,)
