"""The way up: birth, status and batches to the broker; acknowledgements back; every command refused.

What is acknowledged by the store waits no longer; on silence, and after every reconnect, the rest is sent again.
The broker's own acknowledgement only says that the broker has a batch, and proves nothing.

Each batch says up to where the store has acknowledged. A store that has less was restored from a backup and says so
(`restored`): then what is kept behind its last word waits again, under a new epoch, once for each such answer.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol, TypeVar

import structlog

from parkgrid_contract.announcement import Birth, Device, Status, encode_birth, encode_status
from parkgrid_contract.command import Outcome, Result, decode_command, encode_result
from parkgrid_contract.crash import crash_point
from parkgrid_contract.refusal import RefusedError
from parkgrid_contract.telemetry import Ack, Restored, decode_ack, frame_batch
from parkgrid_contract.time import Clock
from parkgrid_contract.topics import Channel, topic
from parkgrid_edge.delivery.batch import OutboxBatch
from parkgrid_edge.delivery.outbox import Outbox, OutboxError
from parkgrid_edge.delivery.window import Lane, Window
from parkgrid_edge.protocols.mqtt import Link, LinkError, Will
from parkgrid_edge.settings import EdgeSettings

_T = TypeVar("_T")
_log = structlog.get_logger("edge.uplink")

LONGEST_DELAY_S = 30.0
_FIRST_DELAY_S = 0.2
_STEADY_S = 10.0
_FETCH = 32
_LIVE_FLUSHES = 3
_LONGEST_SILENCE = 4
_MOST_ASKED = 3
_MOST_RESULTS = 100
_LOOK_S = 0.25
_RESTORES_EVERY_S = 20.0
_LEAVE_S = 2.0


class OutboxRunner(Protocol):
    """Runs outbox operations in the one thread that may touch the file."""

    @property
    def outbox(self) -> Outbox:
        """The outbox; its numbers may be read from anywhere."""
        ...

    def do(self, operation: Callable[[Outbox], _T]) -> Awaitable[_T]:
        """Run an operation in that thread."""
        ...


def agent_version() -> str:
    """The version of this agent."""
    try:
        return version("parkgrid-edge")
    except PackageNotFoundError:
        return "0"


class Uplink:
    """Keeps one connection to the broker and moves batches over it until each is acknowledged."""

    def __init__(
        self,
        settings: EdgeSettings,
        runner: OutboxRunner,
        clock: Clock,
        devices: Callable[[], Sequence[Device]],
        confirmed: Callable[[Ack], None],
    ) -> None:
        """`confirmed` hears of what the store has."""
        self._settings = settings
        self._runner = runner
        self._clock = clock
        self._devices = devices
        self._confirmed = confirmed
        self._link: Link | None = None
        self._wake = asyncio.Event()
        self._epoch = 0
        self._window = self._new_window()
        self._live_s = max(1.0, _LIVE_FLUSHES * settings.outbox.flush_s)
        # Message number to seq; 0 for what is no batch, -1 for a batch of an epoch that is over.
        self._numbers: dict[int, int] = {}
        self._outstanding = 0
        self._look_s = self._broker_s = 0.0
        self._silence_s = settings.uplink.resend_s
        self._asked_again = 0
        self._known_reason = ""
        self._fetching: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._restored_s = -math.inf
        self.reconnects = 0
        """Connections after the first one."""
        self.connected = False
        self.highest_in_flight = 0
        """The most batches that were ever in flight at once."""

    def committed(self, epoch: int, rows: Sequence[OutboxBatch]) -> None:
        """Batches that the outbox has just accepted: they are sent before the backlog."""
        if epoch == self._epoch:
            for row in rows:
                self._window.add_live(row, time.monotonic())
        self._wake.set()

    def announce(self) -> None:
        """Send the birth again when a device has reported more about itself."""
        if self._link and self.connected:
            self._publish_birth(self._link)

    async def run(self) -> None:
        """Connect, send, reconnect; until cancelled."""
        attempt = 0
        while True:
            reason, steady = await self._connection()
            attempt = 0 if steady else attempt + 1
            if reason != self._known_reason:
                _log.warning(
                    "uplink_down", reason=reason, host=self._settings.uplink.host, port=self._settings.uplink.port
                )
            self._known_reason = reason
            await asyncio.sleep(delay_s(attempt, random.random()))  # noqa: S311 - jitter, not a secret

    async def leave(self) -> None:
        """Publish the status offline, and disconnect."""
        link = self._link
        if link is None or not self.connected:
            return
        try:
            number = link.publish(self._topic(Channel.STATUS), self._status(online=False), retain=True)
            self._numbers[number] = 0
            async with asyncio.timeout(_LEAVE_S):
                while number in self._numbers and not link.lost.done():
                    self._wake.clear()
                    await self._wake.wait()
            link.disconnect()
        except (LinkError, TimeoutError):
            link.close()
        self.connected = False

    async def _connection(self) -> tuple[str, bool]:
        """One connection from start to end: why it ended, and whether it was stable."""
        link: Link | None = None
        started_s = time.monotonic()
        try:
            link = self._link = Link(
                self._settings.uplink, str(self._settings.identity), self._will(), self._on_message, self._on_published
            )
            await link.connect()
            self._begin(link)
            while not link.lost.done():
                await self._pump(link)
            reason = link.lost.result()
        except LinkError as error:
            reason = str(error)
        finally:
            served = self.connected
            self.connected = False
            if self._fetching:
                self._fetching.cancel()
            if link:
                link.close()
        return reason, served and time.monotonic() - started_s > _STEADY_S

    def _begin(self, link: Link) -> None:
        """The first messages of a connection: subscriptions, then birth, then status; telemetry only after them."""
        self.reconnects += self._epoch != 0
        self.connected = True
        self._numbers.clear()
        self._outstanding = 0
        self._asked_again = 0
        link.subscribe([self._topic(Channel.ACK), self._topic(Channel.COMMAND)])
        self._begin_epoch(link)
        link.publish(self._topic(Channel.STATUS), self._status(online=True), retain=True)
        self._broker_s = time.monotonic()
        self._known_reason = ""
        _log.info("uplink_up", host=self._settings.uplink.host, port=self._settings.uplink.port, epoch=self._epoch)

    def _begin_epoch(self, link: Link) -> None:
        """Everything in the outbox is to be sent, live first."""
        if self._epoch == self._runner.outbox.epoch:
            self._window.restart()
        else:
            self._window = self._new_window()
            self._epoch = self._runner.outbox.epoch
        self._numbers = {number: -1 if seq else 0 for number, seq in self._numbers.items()}
        self._silence_s = self._settings.uplink.resend_s
        self._publish_birth(link)

    async def _pump(self, link: Link) -> None:
        """Send while there is room, then wait for an event."""
        self._wake.clear()
        if self._runner.outbox.epoch != self._epoch:
            self._begin_epoch(link)
        now_s = time.monotonic()
        self._window.expire_live(now_s - self._live_s)
        self._watch_silence(link, now_s)
        self._fetch()
        while self._send_next(link):
            self._fetch()
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((waking, link.lost), timeout=0.5, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()

    def _send_next(self, link: Link) -> bool:
        outbox = self._runner.outbox
        found = self._window.take(
            outbox.floor, outstanding=self._outstanding, backlog_expected=self._fetching is not None
        )
        if found is None or outbox.epoch != self._epoch:
            return False
        lane, row = found
        backlog = lane is Lane.BACKLOG and not self._is_recent(row)
        floor = min(outbox.floor, row.seq)
        payload = frame_batch(
            self._epoch,
            row.seq,
            floor,
            backlog=backlog,
            samples=row.body,
            acked=outbox.acked,
            again=max(0, outbox.again),
        )
        number = link.publish(self._topic(Channel.TELEMETRY), payload)
        crash_point("edge.after_publish")
        now_s = time.monotonic()
        if not self._outstanding:
            self._broker_s = now_s
        self._window.sent(row.seq, lane, now_s)
        self.highest_in_flight = max(self.highest_in_flight, len(self._window.in_flight))
        self._numbers[number] = row.seq
        self._outstanding += 1
        return True

    def _is_recent(self, row: OutboxBatch) -> bool:
        """Whether a batch in the backlog lane is still as new as a live one."""
        return 0 <= time.time() * 1000 - row.at_ms <= self._live_s * 1000

    def _watch_silence(self, link: Link, now_s: float) -> None:
        """Send again what the store does not acknowledge; close a connection whose broker accepts nothing."""
        settings = self._settings.uplink
        if self._outstanding and now_s - self._broker_s > max(3 * settings.resend_s, 2.0 * settings.keepalive_s):
            link.close("the broker has stopped taking batches")
        elif now_s >= self._look_s:
            self._look_s = now_s + min(_LOOK_S, settings.resend_s / 4)
            if self._window.again(now_s - self._silence_s):
                if self._asked_again == _MOST_ASKED:
                    # It may still deliver to the connection before this one, which was cut without its knowledge.
                    link.close("the broker takes batches and delivers nothing")
                    return
                # A new subscription gets the last one, even from a broker that has lost the earlier subscription.
                link.subscribe([self._topic(Channel.ACK)])
                self._asked_again += 1
                self._silence_s = min(2 * self._silence_s, _LONGEST_SILENCE * settings.resend_s)

    def _fetch(self) -> None:
        """Read more backlog in the outbox's thread while what is here goes out."""
        bounds = self._window.missing(self._runner.outbox.next_seq)
        if bounds and self._fetching is None:
            self._fetching = asyncio.ensure_future(self._read(self._window, *bounds))
            self._fetching.add_done_callback(self._fetched)

    async def _read(self, window: Window, after: int, before: int) -> None:
        epoch = self._epoch
        read_epoch, rows = await self._runner.do(lambda outbox: (outbox.epoch, outbox.rows(after, before, _FETCH)))
        # The cursor may have gone back to the start; then this answer belongs to an earlier query.
        if read_epoch == epoch and window.cursor == after:
            window.add_backlog(rows, rows[-1].seq if len(rows) == _FETCH else before - 1)

    def _fetched(self, done: "asyncio.Task[None]") -> None:
        self._fetching = None
        if not done.cancelled():
            error = done.exception()
            if isinstance(error, OutboxError):
                _log.warning("outbox_unreadable", error=str(error))
                asyncio.get_running_loop().call_later(1.0, self._wake.set)
                return
            if error:
                raise error
        self._wake.set()

    def _on_published(self, number: int) -> None:
        """The broker has it: there is room to send more, nothing else is known."""
        self._broker_s = time.monotonic()
        seq = self._numbers.pop(number, None)
        if seq is None:
            return
        self._outstanding -= seq != 0
        self._window.taken(seq)
        self._wake.set()

    def _on_message(self, topic_name: str, payload: bytes, kept: bool) -> None:
        try:
            if topic_name == self._topic(Channel.ACK):
                ack = decode_ack(payload)
                if kept:
                    self._look_at_kept(ack)
                self._asked_again = 0
                self._on_ack(ack)
            elif topic_name == self._topic(Channel.COMMAND):
                self._refuse_command(payload)
        except RefusedError as error:
            _log.warning("message_refused", topic=topic_name, reason=str(error.refusal))
        except LinkError:
            # The result of a command is lost with the connection; the command was not acted on.
            self._wake.set()

    def _look_at_kept(self, ack: Ack) -> None:
        """Disconnect from a broker that had an acknowledgement and delivered it only after a new subscription."""
        if self._asked_again and self._link and ack.epoch == self._epoch and self._window.is_news(ack):
            asyncio.get_running_loop().call_soon(self._link.close, "the broker held an acknowledgement back")

    def _on_ack(self, ack: Ack) -> None:
        outbox = self._runner.outbox
        if ack.restored:
            self._on_restored(ack.restored)
        if ack.epoch > outbox.epoch and self._renewing is None:
            _log.error("epoch_overtaken", ours=outbox.epoch, acknowledged=ack.epoch, remedy="one agent per gateway")
            self._renewing = asyncio.ensure_future(self._renew(ack.epoch))
        if ack.epoch != self._epoch or ack.epoch != outbox.epoch:
            return
        if ack.through >= outbox.next_seq:
            _log.error("ack_of_unsent", through=ack.through, next_seq=outbox.next_seq)
            return
        outbox.acknowledge(ack)
        self._confirmed(ack)
        if self._window.acknowledge(ack):
            self._silence_s = self._settings.uplink.resend_s
        self._wake.set()

    def _on_restored(self, told: Restored) -> None:
        """Send again what a restored store lacks.

        Only an answer to what this outbox was told itself counts: one to an earlier word has been acted upon, or comes
        from the broker's memory, and one to a later word is meant for somebody else.
        """
        now_s = time.monotonic()
        waits = now_s - self._restored_s < _RESTORES_EVERY_S
        if told.acked != self._runner.outbox.acked or waits or self._renewing is not None:
            return
        self._restored_s = now_s
        _log.warning("store_restored", acknowledged=told.acked, held=told.held, remedy="none needed: it is sent again")
        self._renewing = asyncio.ensure_future(self._restore(told))

    async def _restore(self, told: Restored) -> None:
        try:
            batches = await self._runner.do(lambda outbox: outbox.restore(told.held))
        except OutboxError as error:
            _log.error("restore_not_answered", error=str(error))
        else:
            _log.info("sent_again", batches=batches, epoch=self._runner.outbox.epoch)
        finally:
            self._renewing = None
            self._wake.set()

    async def _renew(self, above: int) -> None:
        try:
            await self._runner.do(lambda outbox: outbox.renew(above))
        except OutboxError as error:
            _log.error("epoch_not_renewed", error=str(error))
        finally:
            self._renewing = None
            self._wake.set()

    def _refuse_command(self, payload: bytes) -> None:
        """This version executes no command, whoever signed it."""
        command = decode_command(payload)
        if self._link and len(self._numbers) - self._outstanding < _MOST_RESULTS:
            result = Result(command.command_id, Outcome.REJECTED, self._clock.now_ms(), detail="read-only")
            self._numbers[self._link.publish(self._topic(Channel.RESULT), encode_result(result))] = 0

    def _publish_birth(self, link: Link) -> None:
        birth = Birth(
            agent_version=agent_version(),
            epoch=self._epoch,
            at_ms=self._clock.now_ms(),
            devices=tuple(self._devices()),
            simulated=self._settings.simulated,
        )
        link.publish(self._topic(Channel.BIRTH), encode_birth(birth), retain=True)

    def _will(self) -> Will:
        return Will(self._topic(Channel.STATUS), self._status(online=False))

    def _status(self, *, online: bool) -> bytes:
        return encode_status(Status(online, self._runner.outbox.epoch, self._clock.now_ms()))

    def _topic(self, channel: Channel) -> str:
        return topic(self._settings.identity, channel)

    def _new_window(self) -> Window:
        return Window(self._settings.uplink.window, self._settings.uplink.backlog_share)


def delay_s(attempt: int, chance: float) -> float:
    """Seconds before the next attempt: quick at first, doubled up to the cap, spread by `chance` in [0, 1)."""
    return min(LONGEST_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(attempt, 20)) * (0.5 + 0.5 * chance)
