"""One host or serial line and the devices behind it, whatever they call it: single flight, paced, reconnecting.

    endpoint "tcp://dongle:502"    ─┐
                                    ├─ line 192.0.2.7:502: one connection, one request at a time
    endpoint "tcp://192.0.2.7:502" ─┘

Many a dongle takes one connection only, and two that talk to it at once spoil each other's answers. So names are looked
up, and links to a serial port followed, whenever a connection is to be opened; what leads to one place shares one line.
"""

import asyncio
import contextlib
import os
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from parkgrid_edge.protocols.frames import Read
from parkgrid_edge.protocols.modbus import LinkError, ModbusConnection, ModbusLink, PermanentError, RetriableError

_CHARACTER_BITS = 11
_LEAST_SILENCE_S = 0.00175
_FIRST_RETRY_S = 0.25
_MOST_OUTSTANDING = 3


@dataclass(slots=True, eq=False)
class Line:
    """What one or more endpoints really lead to, with its one connection."""

    places: frozenset[str] = frozenset()
    """Addresses with port, or the serial device."""
    names: dict[str, ModbusConnection] = field(default_factory=dict)
    """The endpoints that share it, by what they call it."""
    link: ModbusLink | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0
    """When the next request may be sent, in the loop's time."""
    retry_at: float = 0.0
    """When the next attempt to connect may be made, in the loop's time."""
    refused: int = 0
    """Attempts to connect that failed in a row."""
    outstanding: dict[int, list[int]] = field(default_factory=dict)
    """Lengths of the answers that units still owe, where an answer carries no number."""

    @property
    def alive(self) -> bool:
        """Whether its connection can carry another request."""
        return self.link is not None and self.link.alive

    def close(self) -> None:
        """Close the connection; the next read opens another one."""
        if self.link is not None:
            self.link.close()
            self.link = None


class Lines:
    """The lines of a gateway."""

    def __init__(self) -> None:
        self._lines: list[Line] = []

    def join(self, line: Line, connection: ModbusConnection, places: frozenset[str]) -> Line:
        """The line at these places, for an endpoint that was on `line`. Raises `LinkError` if it is used otherwise."""
        name = connection.endpoint
        found = next((other for other in self._lines if other.places & places), None)
        if found is None and line.names.keys() <= {name}:
            found = line
        self._leave(line, name)
        found = found or Line()
        other = next((other for other in found.names.values() if other.manner != connection.manner), None)
        if other is not None:
            raise LinkError(
                f"{name} is the same as {other.endpoint} ({', '.join(sorted(places))}), which the settings use in "
                "another manner (kind, any_transaction, baud, parity, stop_bits): make them equal",
                "line_settings_differ",
            )
        found.places = places if not found.names else found.places
        found.names[name] = connection
        if found not in self._lines:
            self._lines.append(found)
        return found

    def _leave(self, line: Line, name: str) -> None:
        line.names.pop(name, None)
        if not line.names:
            line.close()
            if line in self._lines:
                self._lines.remove(line)


@dataclass(slots=True)
class Endpoint:
    """A line as its devices know it: by a name, with the pauses that they want."""

    connection: ModbusConnection
    warm_up_s: float = 0.0
    """Pause between connecting and the first request."""
    request_gap_s: float = 0.0
    """Least pause between two requests."""
    longest_retry_s: float = 30.0
    """Longest pause between two attempts to connect."""
    jitter: Callable[[], float] = random.random
    lines: Lines = field(default_factory=Lines)
    requests: int = 0
    """Requests sent so far."""
    line: Line = field(default_factory=Line, init=False)

    @property
    def namesakes(self) -> tuple[str, ...]:
        """What else the settings call this line; empty when they are right."""
        return tuple(sorted(self.line.names.keys() - {self.connection.endpoint}))

    async def read(self, read: Read, timeout_s: float) -> list[int]:
        """The words of one read. Raises `PermanentError`, `RetriableError` or `LinkError`."""
        if not self.line.alive:
            await self._find_line(timeout_s)
        async with self.line.lock:
            link = await self._connected(timeout_s)
            if read.unit in self.line.outstanding:
                await self._let_calm(link, read, timeout_s)
            return await self._ask(link, read, timeout_s)

    def close(self) -> None:
        """Close the connection; the next read opens another one."""
        self.line.close()

    async def _find_line(self, timeout_s: float) -> None:
        """Look up where the name leads to now. Raises `LinkError`."""
        if asyncio.get_running_loop().time() < self.line.retry_at:
            raise LinkError("not connected")
        try:
            places = known_places(self.connection) or await asyncio.wait_for(_looked_up(self.connection), timeout_s)
        except (OSError, UnicodeError, TimeoutError) as error:
            self._back_off()
            raise LinkError(f"cannot look up {self.connection.host!r}: {str(error) or 'timed out'}") from error
        if places == self.line.places and self.line.names:
            return
        before, self.line = self.line, Line()
        try:
            self.line = self.lines.join(before, self.connection, places)
        except LinkError:
            self._back_off()
            raise

    async def _connected(self, timeout_s: float) -> ModbusLink:
        line = self.line
        if line.link is not None and line.link.alive:
            return line.link
        line.close()
        now = asyncio.get_running_loop().time()
        if now < line.retry_at:
            raise LinkError("not connected")
        link = ModbusLink(self._found, timeout_s)
        try:
            await link.open(timeout_s)
        except LinkError:
            self._back_off()
            raise
        line.link, line.refused, line.retry_at = link, 0, 0.0
        await asyncio.sleep(self.warm_up_s)
        return link

    @property
    def _found(self) -> ModbusConnection:
        """The connection to the very place that was found, where there is only one."""
        if self.connection.kind == "rtu" or len(self.line.places) != 1:
            return self.connection
        (place,) = self.line.places
        return replace(self.connection, host=place.rpartition(":")[0])

    def _back_off(self) -> None:
        """Wait longer after each refusal, each gateway a different while, so that many do not return at once."""
        line = self.line
        pause = min(_FIRST_RETRY_S * 2**line.refused, self.longest_retry_s)
        line.refused = min(line.refused + 1, 16)
        line.retry_at = asyncio.get_running_loop().time() + pause * (0.5 + 0.5 * self.jitter())

    async def _ask(self, link: ModbusLink, read: Read, timeout_s: float) -> list[int]:
        loop = asyncio.get_running_loop()
        line = self.line
        await asyncio.sleep(line.free_at - loop.time())
        self.requests += 1
        try:
            return await link.ask(read, timeout_s)
        except LinkError:
            self._remember(read)
            raise
        finally:
            line.free_at = loop.time() + max(self.request_gap_s, self._silence_s)

    @property
    def _silence_s(self) -> float:
        """The 3.5 characters that end an RTU frame (Modbus over serial line V1.02, 2.5.1.1)."""
        if self.connection.kind != "rtu":
            return 0.0
        return max(3.5 * _CHARACTER_BITS / self.connection.baud, _LEAST_SILENCE_S)

    def _remember(self, read: Read) -> None:
        """Without a number, an answer that is still to come is told apart by its length only."""
        if not self.connection.numbered:
            owed = self.line.outstanding.setdefault(read.unit, [])
            owed.append(read.count)
            del owed[:-_MOST_OUTSTANDING]

    async def _let_calm(self, link: ModbusLink, read: Read, timeout_s: float) -> None:
        """Ask a device that owes answers for a length that none of them has, so that a late one is recognised."""
        owed = self.line.outstanding[read.unit]
        count = next(length for length in range(1, _MOST_OUTSTANDING + 2) if length not in owed)
        # A refusal is an answer to this request too, and that is all that was to be known.
        with contextlib.suppress(PermanentError, RetriableError):
            await self._ask(link, Read(read.unit, read.table, read.address, count), timeout_s)
        self.line.outstanding.pop(read.unit, None)


def known_places(connection: ModbusConnection) -> frozenset[str]:
    """Where a connection leads, as far as that is known without a network: a serial device, or an address; else empty.

    A serial port may be named by a link, for example one of /dev/serial/by-id.
    """
    if connection.kind == "rtu":
        return frozenset({os.path.realpath(connection.serial or "")})
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            address = socket.inet_ntop(family, socket.inet_pton(family, connection.host or ""))
            return frozenset({f"{address}:{connection.port}"})
    return frozenset()


async def _looked_up(connection: ModbusConnection) -> frozenset[str]:
    """Every address of the host, with its port."""
    loop, port = asyncio.get_running_loop(), connection.port
    found = await loop.getaddrinfo(connection.host or "", port, type=socket.SOCK_STREAM)
    return frozenset(f"{address[0]}:{port}" for *_, address in found)
