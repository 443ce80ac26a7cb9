"""One client of the control port: deadlines for what it sends and takes, and no more clients than there is room for.

connected ──▶ waits for a head ──▶ is answered ──▶ waits for the next head …
              (HEAD_S)             (a body has a deadline of its own: control_guard; an answer TAKE_S)

When all places are taken, the connection that has waited longest for its head goes: half a request costs nobody who
sends a whole one, and Modbus keeps its share of the process's open files.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S, TAKE_S = 10.0, 10.0
"""For request line and headers, and for a client that takes its answer too slowly."""
MOST_CONNECTIONS = 64


class ControlConnection(H11Protocol):
    """A connection that keeps to deadlines; made by `connection`, which gives it its `held` and `waiting`."""

    held: "set[ControlConnection]"
    waiting: "dict[ControlConnection, None]"
    """In the order in which they began to wait for a head."""
    _head_timer: asyncio.TimerHandle | None = None
    _take_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head; of too many, the one that has waited longest goes."""
        super().connection_made(transport)
        if len(self.held) >= MOST_CONNECTIONS:
            next(iter(self.waiting), self).drop()
        if not transport.is_closing():
            self.held.add(self)
            self._stand()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everything go."""
        self._release()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        super().data_received(data)
        self._stand()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless one is there already."""
        super().on_response_complete()
        self._stand()

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        super().pause_writing()
        if self._take_timer is None:
            self._take_timer = self.loop.call_later(TAKE_S, self.drop)

    def resume_writing(self) -> None:
        """It has taken it."""
        super().resume_writing()
        _cancel(self._take_timer)
        self._take_timer = None

    def drop(self) -> None:
        """Hang up at once."""
        self._release()
        self.transport.abort()

    def _stand(self) -> None:
        """Whether it waits for a head now, or is answered."""
        if self not in self.held:
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.waiting.pop(self, None)
            _cancel(self._head_timer)
            self._head_timer = None
        elif self._head_timer is None:
            self.waiting[self] = None
            self._head_timer = self.loop.call_later(HEAD_S, self.drop)

    def _release(self) -> None:
        self.held.discard(self)
        self.waiting.pop(self, None)
        _cancel(self._head_timer)
        _cancel(self._take_timer)
        self._head_timer = self._take_timer = None


def connection() -> type[ControlConnection]:
    """The class of the connections of one server."""
    return type("ControlConnection", (ControlConnection,), {"held": set(), "waiting": {}})


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
