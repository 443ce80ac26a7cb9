"""Modbus TCP and RTU: the only file that imports pymodbus.

An `Endpoint` is one host or one serial line. It has one connection, one request under way at a time, and no way to
write: what leaves it is checked to be a read. Every answer is checked byte by byte before it is decoded, and after a
timeout or a garbled frame the connection is given up, so a late answer can never pass as the answer to something else.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from edge.frames import READ_FUNCTIONS, GarbledError, Read, rtu_answer, tcp_answer
from edge.registers import Table

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

PERMANENT_CODES = {1: "illegal function", 2: "illegal data address", 3: "illegal data value"}
RETRIABLE_CODES = {
    4: "device failure",
    5: "acknowledged, still working",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not answer",
}
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2
_ABOUT_THE_MOMENT = {5, 6, 10, 11}
"""Codes that say nothing about the registers that were asked for."""
_CHARACTER_BITS = 11
_LEAST_SILENCE_S = 0.00175
_FIRST_RETRY_S = 0.25
_MOST_OUTSTANDING = 3

# The library reports every timeout on its own; here a state change is reported once, by the poller.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class ModbusError(Exception):
    """Anything that went wrong between this gateway and a device."""


class PermanentError(ModbusError):
    """The device refuses the request: illegal function, address or value. It may grant it when it has started."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}: {PERMANENT_CODES[code]}")

    @property
    def illegal_address(self) -> bool:
        """Whether the device does not know (all of) the registers that were asked for."""
        return self.code == _ILLEGAL_ADDRESS

    @property
    def illegal_function(self) -> bool:
        """Whether the device does not know the kind of request."""
        return self.code == _ILLEGAL_FUNCTION


class RetriableError(ModbusError):
    """The device answered that it cannot answer now."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}: {RETRIABLE_CODES.get(code, 'unknown to the standard')}")

    @property
    def about_registers(self) -> bool:
        """Whether a single register may be to blame, as with makers that say "device failure" for an unknown one."""
        return self.code not in _ABOUT_THE_MOMENT


class LinkError(ModbusError):
    """No usable answer came and the connection was given up: timed out, closed, garbled or not to be had."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How a device is reached."""

    kind: Literal["tcp", "rtu"] = "tcp"
    host: str | None = None
    port: int = 502
    serial: str | None = None
    """Serial port, for example /dev/ttyUSB0."""
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    unit: int = 1
    timeout_s: float = 2.0

    @property
    def endpoint(self) -> str:
        """What devices share when they share a bus: the host and port, or the serial port."""
        return f"tcp://{self.host}:{self.port}" if self.kind == "tcp" else f"rtu:{self.serial}"


class _Link:
    """One connection from its opening to its end; never reused."""

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        self._rtu = connection.kind == "rtu"
        self._read: Read | None = None
        self._transaction = 0
        self._fault = ""
        self._answer: asyncio.Task[ModbusPDU] | None = None
        self._client = self._build(connection, timeout_s)

    def _build(self, connection: Connection, timeout_s: float) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        trace = {"trace_packet": self._inspect, "trace_connect": self._connection_changed}
        # The library's own timeout is only a second net: ours ends the request and the connection first.
        common = {"reconnect_delay": 0, "retries": 0, "timeout": 2 * timeout_s, **trace}
        if self._rtu:
            return AsyncModbusSerialClient(
                connection.serial or "",
                baudrate=connection.baud,
                parity=connection.parity,
                stopbits=connection.stop_bits,
                **common,  # type: ignore[arg-type]
            )
        return AsyncModbusTcpClient(connection.host or "", port=connection.port, **common)  # type: ignore[arg-type]

    @property
    def alive(self) -> bool:
        """Whether it can carry another request."""
        return not self._fault and self._client.connected

    async def open(self, timeout_s: float) -> None:
        """Connect. Raises `LinkError`."""
        try:
            connected = await asyncio.wait_for(self._client.connect(), timeout_s)
        except (TimeoutError, OSError, ValueError) as error:
            self.close()
            raise LinkError(f"cannot connect: {error or 'timed out'}") from error
        if not connected:
            self.close()
            raise LinkError("cannot connect")

    def close(self) -> None:
        """End it; whatever arrives later is read by nobody."""
        self._fault = self._fault or "closed here"
        with contextlib.suppress(OSError):  # of a port that was pulled out
            self._client.close()

    async def ask(self, read: Read, timeout_s: float) -> list[int]:
        """Send one request and return its words. After anything but an answer the link is closed."""
        self._read = read
        client = self._client
        method = client.read_holding_registers if read.table is Table.HOLDING else client.read_input_registers
        try:
            answer = asyncio.ensure_future(method(read.address, count=read.count, device_id=read.unit))
        except ModbusException as error:  # the line was lost a moment ago
            self.close()
            raise LinkError(str(error)) from error
        self._answer = answer
        try:
            await asyncio.wait({answer}, timeout=timeout_s)
            return self._words(answer, timeout_s)
        finally:
            self._read = self._answer = None
            if not answer.done():
                answer.cancel()
                self.close()

    def _words(self, answer: "asyncio.Task[ModbusPDU]", timeout_s: float) -> list[int]:
        if not answer.done():
            raise LinkError(f"no answer within {timeout_s:g} s")
        if answer.cancelled():
            self.close()
            raise LinkError(self._fault)
        error = answer.exception()
        if error is not None:
            self.close()
            if isinstance(error, ModbusException):
                raise LinkError(str(error)) from error
            raise error
        pdu = answer.result()
        if not pdu.isError():
            return list(pdu.registers)
        code = int(getattr(pdu, "exception_code", 0))
        raise PermanentError(code) if code in PERMANENT_CODES else RetriableError(code)

    def _inspect(self, sending: bool, data: bytes) -> bytes:
        """See every frame: only reads leave, and only the whole and fitting answer is passed on for decoding."""
        if sending:
            function = data[1 if self._rtu else 7]
            if function not in READ_FUNCTIONS.values():
                raise LinkError(f"function {function} was about to be sent; this agent only reads")
            self._transaction = int.from_bytes(data[:2], "big")
            return data
        if self._read is None or self._fault:
            self._give_up("bytes that nobody asked for")
            return b""
        try:
            return rtu_answer(data, self._read) if self._rtu else tcp_answer(data, self._read, self._transaction)
        except GarbledError as error:
            self._give_up(str(error))
            return b""

    def _connection_changed(self, connected: bool) -> None:
        if not connected:
            self._give_up("closed by the device")

    def _give_up(self, fault: str) -> None:
        self._fault = self._fault or fault
        if self._answer is not None:
            self._answer.cancel()


@dataclass(slots=True)
class Endpoint:
    """One host or serial line and the devices behind it: single flight, paced, reconnecting."""

    connection: Connection
    warm_up_s: float = 0.0
    """Pause between connecting and the first request."""
    request_gap_s: float = 0.0
    """Least pause between two requests."""
    longest_retry_s: float = 30.0
    """Longest pause between two attempts to connect."""
    jitter: Callable[[], float] = random.random
    requests: int = 0
    """Requests sent so far."""
    _link: _Link | None = field(default=None, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _free_at: float = field(default=0.0, init=False)
    _retry_at: float = field(default=0.0, init=False)
    _refused: int = field(default=0, init=False)
    _outstanding: dict[int, list[int]] = field(default_factory=dict, init=False)

    async def read(self, read: Read, timeout_s: float) -> list[int]:
        """The words of one read. Raises `PermanentError`, `RetriableError` or `LinkError`."""
        async with self._lock:
            link = await self._connected(timeout_s)
            if read.unit in self._outstanding:
                await self._settle(link, read, timeout_s)
            return await self._ask(link, read, timeout_s)

    def close(self) -> None:
        """Close the connection; the next read opens another one."""
        if self._link is not None:
            self._link.close()
            self._link = None

    async def _connected(self, timeout_s: float) -> _Link:
        if self._link is not None and self._link.alive:
            return self._link
        self.close()
        now = asyncio.get_running_loop().time()
        if now < self._retry_at:
            raise LinkError("not connected")
        link = _Link(self.connection, timeout_s)
        try:
            await link.open(timeout_s)
        except LinkError:
            self._back_off()
            raise
        self._link, self._refused, self._retry_at = link, 0, 0.0
        await asyncio.sleep(self.warm_up_s)
        return link

    def _back_off(self) -> None:
        """Wait longer after each refusal, each gateway a different while, so that many do not return at once."""
        pause = min(_FIRST_RETRY_S * 2**self._refused, self.longest_retry_s)
        self._refused = min(self._refused + 1, 16)
        self._retry_at = asyncio.get_running_loop().time() + pause * (0.5 + 0.5 * self.jitter())

    async def _ask(self, link: _Link, read: Read, timeout_s: float) -> list[int]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._free_at - loop.time())
        self.requests += 1
        try:
            return await link.ask(read, timeout_s)
        except LinkError:
            self._remember(read)
            raise
        finally:
            self._free_at = loop.time() + max(self.request_gap_s, self._silence_s)

    @property
    def _silence_s(self) -> float:
        """The 3.5 characters that end an RTU frame (Modbus over serial line V1.02, 2.5.1.1)."""
        if self.connection.kind == "tcp":
            return 0.0
        return max(3.5 * _CHARACTER_BITS / self.connection.baud, _LEAST_SILENCE_S)

    def _remember(self, read: Read) -> None:
        """RTU frames carry no number: an answer that is still to come is told apart by its length only."""
        if self.connection.kind == "rtu":
            self._outstanding.setdefault(read.unit, []).append(read.count)
            del self._outstanding[read.unit][:-_MOST_OUTSTANDING]

    async def _settle(self, link: _Link, read: Read, timeout_s: float) -> None:
        """Ask a device that owes answers for a length that none of them has, so that a late one is recognised."""
        owed = self._outstanding[read.unit]
        count = next(length for length in range(1, _MOST_OUTSTANDING + 2) if length not in owed)
        # A refusal is an answer to this request too, and that is all that was to be known.
        with contextlib.suppress(PermanentError, RetriableError):
            await self._ask(link, Read(read.unit, read.table, read.address, count), timeout_s)
        self._outstanding.pop(read.unit, None)
