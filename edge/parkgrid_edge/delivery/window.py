"""Which batch goes next: what is in flight, live before backlog, and neither starves.

         committed ──▶ live lane ─────┐
                          │ too old   ├──▶ in flight ──▶ acknowledged
    outbox, from below ──▶ backlog ───┘        │ silence
           ▲───────────────────────────────────┘

Pure bookkeeping: no clock, no socket, no file.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from parkgrid_contract.telemetry import Ack
from parkgrid_edge.delivery.batch import OutboxBatch

_LIVE_AT_MOST = 1_000


class Lane(StrEnum):
    """The two ways into the window."""

    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(slots=True)
class InFlight:
    """A batch that was handed over and is not yet committed by the store."""

    lane: Lane
    sent_s: float
    at_broker: bool = False
    """Whether the broker has told that it has it."""


class Window:
    """The batches of one epoch on one connection: waiting, in flight, acknowledged."""

    def __init__(self, size: int, backlog_share: float) -> None:
        self._size = size
        self._for_backlog = min(size - 1, max(1, math.ceil(size * backlog_share)))
        self._for_live = max(1, size // 4)
        self._live: deque[tuple[float, OutboxBatch]] = deque()
        self._backlog: deque[OutboxBatch] = deque()
        self._ack: Ack | None = None
        self._live_in_flight = 0
        self._taken_s = -math.inf
        self.in_flight: dict[int, InFlight] = {}
        self.cursor = 0
        """Everything up to this seq has been looked at for the backlog."""

    def add_live(self, row: OutboxBatch, now_s: float) -> None:
        """A batch that has just been committed."""
        self._live.append((now_s, row))
        if len(self._live) > _LIVE_AT_MOST:
            self._live.popleft()

    def expire_live(self, before_s: float) -> None:
        """Leave to the backlog what was committed before an instant and has not been sent."""
        while self._live and self._live[0][0] < before_s:
            self._live.popleft()

    def add_backlog(self, rows: list[OutboxBatch], cursor: int) -> None:
        """What the outbox held up to `cursor`."""
        self._backlog.extend(rows)
        self.cursor = cursor

    def missing(self, next_seq: int) -> tuple[int, int] | None:
        """The exclusive bounds between which the outbox should be asked for backlog, if it should."""
        before = self._live[0][1].seq if self._live else next_seq
        return None if self._backlog or self.cursor + 1 >= before else (self.cursor, before)

    def take(self, floor: int, *, outstanding: int, backlog_expected: bool) -> tuple[Lane, OutboxBatch] | None:
        """The next batch to send, if there is one and there is room for it.

        `outstanding` messages have been handed over and are not with the broker yet; they count as well.
        """
        if max(len(self.in_flight), outstanding) >= self._size:
            return None
        while self._backlog and (self._backlog[0].seq < floor or self._known(self._backlog[0].seq)):
            self._backlog.popleft()
        while self._live and self._known(self._live[0][1].seq):
            self._live.popleft()
        live = self._live_in_flight
        waits = backlog_expected or bool(self._backlog)
        if self._live and (not waits or live < self._size - self._for_backlog):
            row = self._live.popleft()[1]
            if self.cursor == row.seq - 1:
                self.cursor = row.seq
            return Lane.LIVE, row
        if self._backlog and len(self.in_flight) - live < self._size - self._for_live:
            return Lane.BACKLOG, self._backlog.popleft()
        return None

    def sent(self, seq: int, lane: Lane, now_s: float) -> None:
        """A batch has been handed over."""
        self.in_flight[seq] = InFlight(lane, now_s)
        self._live_in_flight += lane is Lane.LIVE

    def taken(self, seq: int) -> None:
        """The broker has a batch; that proves nothing, but sending it again before makes no sense."""
        sent = self.in_flight.get(seq)
        if sent:
            sent.at_broker = True
            self._taken_s = max(self._taken_s, sent.sent_s)

    def is_news(self, ack: Ack) -> bool:
        """Whether this acknowledgement says more than the last one that was heard."""
        return self._ack is None or (self._ack != ack and self._ack.through <= ack.through)

    def acknowledge(self, ack: Ack) -> int:
        """Free what is committed; returns how many batches that were in flight."""
        if self._ack is None or self._ack.through <= ack.through:
            self._ack = ack
        committed = [seq for seq in self.in_flight if ack.covers(seq)]
        for seq in committed:
            self._forget(seq)
        return len(committed)

    def again(self, before_s: float) -> int:
        """Send again what the broker has had since before an instant and the store has not acknowledged.

        A broker answers in order, so it has lost what it does not answer while it has a later one.
        Returns how many batches that are.
        """
        overdue = [
            seq
            for seq, sent in self.in_flight.items()
            if sent.sent_s < before_s and (sent.at_broker or sent.sent_s < self._taken_s)
        ]
        for seq in overdue:
            self._forget(seq)
        if overdue:
            self._backlog.clear()
            self.cursor = 0
        return len(overdue)

    def restart(self) -> None:
        """Begin again on a new connection: nothing is in flight, what was live and is unsent still is."""
        self._backlog.clear()
        self.in_flight.clear()
        self._live_in_flight = self.cursor = 0
        self._taken_s = -math.inf

    def _known(self, seq: int) -> bool:
        return seq in self.in_flight or (self._ack is not None and self._ack.covers(seq))

    def _forget(self, seq: int) -> None:
        self._live_in_flight -= self.in_flight.pop(seq).lane is Lane.LIVE
