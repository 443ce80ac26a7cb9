"""One client's connection: deadlines for what it sends and takes, and places that addresses share fairly.

    connected ──▶ waits for a head ──▶ is answered ──▶ waits for the next head …
                  (head_s, then 408)   (body_s for a body that nobody reads; a client that takes its answer too
                                        slowly, or not at all, is cut off after write_s)

When all places are taken, the connection that has waited longest for its head goes: of the same address first, since
an address has a share of its own. So half-sent requests cost only each other, and a whole request finds a place.
Behind a reverse proxy every client has the proxy's address: name it in `proxies`, then only the total counts here.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from parkgrid_api.http.language import spoken, told
from parkgrid_api.http.problems import Mistake, Problem
from parkgrid_api.settings import ConnectionSettings

MOST_HEAD_BYTES = 32_768
"""Request line and headers; the longest parameter has 4,096 characters."""
_MOST_UNSENT_IN_KERNEL = 131_072


def address_of(host: str) -> str:
    """Whom a connection is counted for: an IPv4 address, or the /64 network that one IPv6 client is given."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Places:
    """The connections of one server, counted by address, with those that can be given up."""

    def __init__(self, settings: ConnectionSettings, proxies: Iterable[str] = ()) -> None:
        self.settings = settings
        self._proxies = [ipaddress.ip_network(proxy) for proxy in proxies]
        self._held: dict[str, int] = {}
        self._total = 0
        self._waiting: dict[ClientConnection, None] = {}
        self._waiting_by_address: dict[str, dict[ClientConnection, None]] = {}
        self._stuck: dict[ClientConnection, None] = {}

    def take(self, connection: "ClientConnection") -> bool:
        """Count a new connection, giving up one that waits if need be; whether its request may be answered."""
        address = connection.address
        self._held[address] = self._held.get(address, 0) + 1
        self._total += 1
        own = self._waiting_by_address.get(address, {})
        if self._held[address] > self.settings.of_address and not self._is_proxy(address):
            placed = self._give_up(own)
        else:
            placed = self._total <= self.settings.most or self._give_up(own) or self._give_up(self._waiting)
        self.wait(connection)
        return placed

    def leave(self, connection: "ClientConnection") -> None:
        """Let a connection go; once only."""
        self.attend(connection)
        self._stuck.pop(connection, None)
        self._total -= 1
        left = self._held.pop(connection.address) - 1
        if left:
            self._held[connection.address] = left

    def wait(self, connection: "ClientConnection") -> None:
        """It waits for a head from now on."""
        self._waiting[connection] = None
        self._waiting_by_address.setdefault(connection.address, {})[connection] = None

    def attend(self, connection: "ClientConnection") -> None:
        """It waits no longer."""
        if self._waiting.pop(connection, self) is None:
            own = self._waiting_by_address[connection.address]
            del own[connection]
            if not own:
                del self._waiting_by_address[connection.address]

    def stuck(self, connection: "ClientConnection") -> None:
        """Its client takes less than it is sent; who is stuck longest goes when all that waits is too much."""
        self._stuck[connection] = None
        while sum(each.unsent_bytes for each in self._stuck) > self.settings.unsent_mb * 1_048_576:
            next(iter(self._stuck)).drop()

    def flows(self, connection: "ClientConnection") -> None:
        """Its client has taken what was sent."""
        self._stuck.pop(connection, None)

    def _give_up(self, waiting: dict["ClientConnection", None]) -> bool:
        longest = next(iter(waiting), None)
        if longest is not None:
            longest.drop()
        return longest is not None

    def _is_proxy(self, address: str) -> bool:
        if not self._proxies:
            return False
        network = ipaddress.ip_network(address)
        return any(network.version == proxy.version and network.overlaps(proxy) for proxy in self._proxies)


class ClientConnection(HttpToolsProtocol):
    """A connection that keeps to deadlines; made by `protocol`, which gives it its `places`."""

    places: Places
    address = ""
    _placed = True
    _counted = False
    _head_bytes = 0
    _begun = False
    _body_complete = True
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _paused_at_s = 0.0
    _paused_bytes = 0
    _paused_s = 0.0
    _taken_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it, and begin to wait for a head."""
        super().connection_made(transport)
        self.address = address_of(self.client[0] if self.client else "")
        self._counted = True
        _bound(transport, self.places.settings.write_s)
        self._placed = self.places.take(self)
        self._arm(self.places.settings.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everything go."""
        self._release()
        super().connection_lost(exc)

    def drop(self) -> None:
        """End it at once: what was not sent is lost, and its place is free."""
        self._release()
        self.transport.abort()

    @property
    def unsent_bytes(self) -> int:
        """What waits in memory for its client."""
        return self.transport.get_write_buffer_size()

    def data_received(self, data: bytes) -> None:
        """Read on; an endless head is refused."""
        if self._timer is None and self._body_complete:
            self._arm(self.places.settings.head_s)
        self._head_bytes += len(data)
        super().data_received(data)
        if self._begun and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(_too_long())

    def on_message_begin(self) -> None:
        """Count the head from here."""
        super().on_message_begin()
        self._begun, self._head_bytes = True, 0

    def on_headers_complete(self) -> None:
        """The request can be answered; what remains of it has a deadline of its own."""
        self._begun, self._body_complete = False, False
        self.places.attend(self)
        self._paused_s, self._taken_bytes = 0.0, 0
        self._arm(self.places.settings.body_s)
        with spoken(self.headers):
            if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEAD_BYTES:
                self.app = _closing(_too_long())
            elif not self._placed:
                self.app = _closing(_full(self.address))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Nothing is outstanding of this request."""
        self._body_complete = True
        self._disarm()
        super().on_message_complete()
        self._balance()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless one is there already."""
        super().on_response_complete()
        self._balance()

    def pause_writing(self) -> None:
        """The client takes less than it is sent: watch how fast it is."""
        super().pause_writing()
        if self._counted:
            self._paused_at_s, self._paused_bytes = self.loop.time(), self.unsent_bytes
            self._watch()
            self.places.stuck(self)

    def resume_writing(self) -> None:
        """It has taken it."""
        super().resume_writing()
        self.places.flows(self)
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
            self._note_progress()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read as HTTP."""
        remedy = told("send a valid HTTP/1.1 request", "请发送合法的 HTTP/1.1 请求")
        self._refuse(Problem(400, told(msg, "HTTP 请求无法读取。"), (Mistake("request", "", remedy),)))

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: who asks for another protocol is answered in this one, and writes no line into the log."""

    def _balance(self) -> None:
        if self._counted and self._body_complete and self.cycle.response_complete and not self.pipeline:
            self.places.wait(self)

    def _refuse(self, problem: Problem) -> None:
        """Answer before any application does, and close."""
        if not self.transport.is_closing():
            self.transport.write(_written(problem))
            self.transport.close()

    def _late(self) -> None:
        self._timer = None
        answering = self.cycle is not None and not self.cycle.response_complete
        if self._begun and not answering:
            self._refuse(_slow(self.places.settings.head_s))
        elif self._begun or not answering or not self._body_complete:
            self.drop()

    def _watch(self) -> None:
        self._write_timer = self.loop.call_later(self.places.settings.write_s, self._look)

    def _look(self) -> None:
        self._note_progress()
        if self._counted:
            self._watch()

    def _note_progress(self) -> None:
        """Drop a client whose taking, over all the time that its answer waited for it, is too slow."""
        now_s, unsent = self.loop.time(), self.unsent_bytes
        self._paused_s += now_s - self._paused_at_s
        self._taken_bytes += self._paused_bytes - unsent
        self._paused_at_s, self._paused_bytes = now_s, unsent
        settings = self.places.settings
        if self._paused_s >= settings.write_s and self._taken_bytes < self._paused_s * settings.slowest_kb_s * 1000:
            self.drop()

    def _arm(self, patience_s: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(patience_s, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _release(self) -> None:
        self._disarm()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        if self._counted:
            self._counted = False
            self.places.leave(self)


def protocol(settings: ConnectionSettings, proxies: Iterable[str] = ()) -> type[ClientConnection]:
    """The class of the connections of one server."""
    return type("ClientConnection", (ClientConnection,), {"places": Places(settings, proxies)})


def _bound(transport: asyncio.Transport, write_s: float) -> None:
    """Bound what the kernel keeps for a client that does not read, and how long; where the system can."""
    sock: Any = transport.get_extra_info("socket")
    for name, value in (("TCP_NOTSENT_LOWAT", _MOST_UNSENT_IN_KERNEL), ("TCP_USER_TIMEOUT", round(write_s * 1000))):
        option = getattr(socket, name, None)
        if sock is not None and option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _closing(problem: Problem) -> Response:
    """An application that gives this answer and ends the connection."""
    response = problem.response()
    response.headers["ClientConnection"] = "close"
    return response


def _written(problem: Problem) -> bytes:
    response = _closing(problem)
    head = b"".join(b"%b: %b\r\n" % pair for pair in response.raw_headers)
    phrase = HTTPStatus(problem.status).phrase.encode()
    return b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (problem.status, phrase, head, bytes(response.body))


def _too_long() -> Problem:
    remedy = told(
        f"at most {MOST_HEAD_BYTES} bytes of address and headers", f"地址和请求头合计最多 {MOST_HEAD_BYTES} 字节"
    )
    return Problem(431, told("The request is too long.", "请求过长。"), (Mistake("request", "", remedy),))


def _slow(patience_s: float) -> Problem:
    remedy = told(f"send the complete request within {patience_s:g} s", f"请在 {patience_s:g} 秒内发完请求")
    return Problem(
        408, told("The request did not arrive in time.", "请求未在时限内到达。"), (Mistake("request", "", remedy),)
    )


def _full(address: str) -> Problem:
    remedy = told("close connections that are not needed, or try again later", "请关闭不用的连接，或稍后再试")
    mistake = Mistake.of("connections", address, remedy)
    title = told("Too many connections of this address are open.", "该地址打开的连接过多。")
    return Problem(503, title, (mistake,), {"Retry-After": "2"})
