"""What stays in the outbox after the store has confirmed it, so that a restored store can have it again.

    row numbers:  … gone | kept ……………………… through | waiting …………… next_row
                         ▲ goes first, when it is old, when it is too much, or when the room is needed

Kept rows stay where they are: an acknowledgement moves only `through`, so it costs less than deleting did. `life` has
a row for each epoch, with the row number that it begins behind: it tells under which epoch a row was confirmed.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from parkgrid_contract.telemetry import Mark

ROW_BYTES = 64
"""What a row costs beside its body, for the bound."""
_LIVES = 64
"""Epochs that are remembered; of those before them a restored store gets what is kept as a whole."""
AT_ONCE = 64
"""Rows that one append deletes beyond those that were confirmed meanwhile."""
_Over = Callable[[int, int], bool]
"""Whether a row may go, by its time and by the bytes that are kept with it."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long confirmed batches stay."""

    ms: int = 0
    bytes: int = 0

    def over(self, now_ms: int) -> _Over:
        """Which rows have stayed long enough."""
        return lambda at_ms, kept_bytes: kept_bytes > self.bytes or now_ms - at_ms >= self.ms


NOTHING = Keeping()


@dataclass(slots=True)
class Held:
    """What the file holds, counted."""

    batches: int = 0
    """Waiting."""
    bytes: int = 0
    lowest: tuple[int, int] | None = None
    """Number and time of the oldest row that waits."""
    kept: int = 0
    kept_bytes: int = 0

    def waits(self, rows: int, size: int) -> None:
        """Rows with so many bytes of bodies wait now."""
        self.batches += rows
        self.bytes += size + ROW_BYTES * rows

    def keeps(self, rows: int, size: int) -> None:
        """Rows with so many bytes of bodies are kept now."""
        self.kept += rows
        self.kept_bytes += size + ROW_BYTES * rows


def counted(connection: sqlite3.Connection, through: int) -> Held:
    """What a file holds whose rows up to `through` are confirmed."""
    held = Held()
    held.keeps(*_sizes(connection, 0, through))
    held.waits(*_sizes(connection, through, None))
    held.lowest = lowest_row(connection, through)
    return held


def confirm(connection: sqlite3.Connection, held: Held, after: int, through: int) -> int:
    """Count the rows after one number up to another as kept; gives how many they are."""
    rows, size = _sizes(connection, after, through)
    held.waits(-rows, -size)
    held.keeps(rows, size)
    held.lowest = lowest_row(connection, through)
    return rows


def expire(connection: sqlite3.Connection, held: Held, through: int, over: _Over, most: int = AT_ONCE) -> int:
    """Delete the oldest kept rows as long as they are over, `most` at once; gives how many."""
    last = gone = size = 0
    query = "SELECT seq, at_ms, length(body) FROM batch WHERE seq <= ? ORDER BY seq LIMIT ?"
    for seq, at_ms, body in connection.execute(query, (through, most)) if held.kept else ():
        if not over(at_ms, held.kept_bytes - size - ROW_BYTES * gone):
            break
        last, gone, size = seq, gone + 1, size + body
    if gone:
        connection.execute("DELETE FROM batch WHERE seq <= ?", (last,))
        held.keeps(-gone, -size)
    return gone


def lowest_row(connection: sqlite3.Connection, through: int) -> tuple[int, int] | None:
    """Number and time of the oldest row that waits."""
    query = "SELECT seq, at_ms FROM batch WHERE seq > ? ORDER BY seq LIMIT 1"
    found: tuple[int, int] | None = connection.execute(query, (through,)).fetchone()
    return found


def undo_lives(connection: sqlite3.Connection, held: Mark | None) -> None:
    """Forget the epochs behind the one that a restored store holds: what was told under them holds no longer."""
    connection.execute("DELETE FROM life WHERE epoch > ?", (held[0] if held else 0,))


def begin_life(connection: sqlite3.Connection, epoch: int, base: int) -> None:
    """Remember where an epoch begins."""
    connection.execute("INSERT OR REPLACE INTO life VALUES (?,?)", (epoch, base))
    connection.execute(
        "DELETE FROM life WHERE epoch NOT IN (SELECT epoch FROM life ORDER BY epoch DESC LIMIT ?) AND epoch <> ?",
        (_LIVES, told[0] if (told := confirmed_before(connection, base)) else 0),
    )


def confirmed_before(connection: sqlite3.Connection, base: int) -> Mark | None:
    """Under which epoch and number the row `base` was confirmed, the last one before an epoch begins."""
    query = "SELECT epoch, ? - base FROM life WHERE base < ? ORDER BY base DESC, epoch DESC LIMIT 1"
    found: Mark | None = connection.execute(query, (base, base)).fetchone()
    return found


def row_of(connection: sqlite3.Connection, mark: Mark | None) -> int:
    """The row up to which a store has everything that says `mark`; of an epoch that is not known, the first known."""
    if mark is None:
        return 0
    found = connection.execute("SELECT base FROM life WHERE epoch = ?", (mark[0],)).fetchone()
    if found:
        return int(found[0]) + mark[1]
    (lowest,) = connection.execute("SELECT coalesce(min(base), 0) FROM life").fetchone()
    return int(lowest)


def _sizes(connection: sqlite3.Connection, after: int, through: int | None) -> tuple[int, int]:
    """How many rows stand after a number up to another, and the bytes of their bodies."""
    query = "SELECT count(*), total(length(body)) FROM batch WHERE seq > ? AND seq <= ?"
    rows, size = connection.execute(query, (after, 2**62 if through is None else through)).fetchone()
    return rows, int(size)
