"""Modbus TCP, RTU, and RTU over TCP: the only file that imports pymodbus.

A `ModbusLink` is one connection. It has no way to write: what leaves it is checked to be a read. Every answer is
checked byte by byte before it is decoded, and after a timeout or a garbled frame the connection is given up, so a late
answer can never pass as the answer to something else.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType

from parkgrid_edge.protocols.frames import READ_FUNCTIONS, GarbledError, Read, misnumbered, rtu_answer, tcp_answer
from parkgrid_edge.protocols.registers import Table

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

# The library reports every timeout on its own; here a state change is reported once, by the poller.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class ModbusError(Exception):
    """Anything that went wrong between this gateway and a device."""

    problem = ""
    """A name for what only a person can mend, such as `other_transaction`; empty for what may pass by itself."""


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

    def __init__(self, message: str, problem: str = "") -> None:
        self.problem = problem
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class ModbusConnection:
    """How a device is reached."""

    kind: Literal["tcp", "rtu", "rtu_over_tcp"] = "tcp"
    host: str | None = None
    port: int = 502
    serial: str | None = None
    """Serial port, for example /dev/ttyUSB0."""
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    unit: int = 1
    timeout_s: float = 2.0
    any_transaction: bool = False
    """Whether an answer may carry any transaction number, for converters that do not repeat that of the request."""

    @property
    def numbered(self) -> bool:
        """Whether an answer says which request it belongs to."""
        return self.kind == "tcp" and not self.any_transaction

    @property
    def endpoint(self) -> str:
        """What devices share when they share a bus: the host and port, or the serial port."""
        return f"rtu:{self.serial}" if self.kind == "rtu" else f"tcp://{(self.host or '').lower()}:{self.port}"

    @property
    def manner(self) -> tuple[object, ...]:
        """What devices on one line must agree on."""
        line = (self.baud, self.parity, self.stop_bits) if self.kind == "rtu" else ()
        return (self.kind, self.any_transaction, *line)


class ModbusLink:
    """One connection from its opening to its end; never reused."""

    def __init__(self, connection: ModbusConnection, timeout_s: float) -> None:
        self._rtu = connection.kind != "tcp"
        self._any_transaction = connection.any_transaction
        self._read: Read | None = None
        self._transaction = 0
        self._other_transaction: int | None = None
        self._fault = ""
        self._answer: asyncio.Task[ModbusPDU] | None = None
        self._client = self._build(connection, timeout_s)

    def _build(self, connection: ModbusConnection, timeout_s: float) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        trace = {"trace_packet": self._inspect, "trace_connect": self._connection_changed}
        # The library's own timeout is only a second net: ours ends the request and the connection first.
        common = {"reconnect_delay": 0, "retries": 0, "timeout": 2 * timeout_s, **trace}
        if connection.kind == "rtu":
            return AsyncModbusSerialClient(
                connection.serial or "",
                baudrate=connection.baud,
                parity=connection.parity,
                stopbits=connection.stop_bits,
                **common,  # type: ignore[arg-type]
            )
        framer = FramerType.RTU if self._rtu else FramerType.SOCKET
        host = connection.host or ""
        return AsyncModbusTcpClient(host, port=connection.port, framer=framer, **common)  # type: ignore[arg-type]

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
        self._read, self._other_transaction = read, None
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
            raise self._nothing(timeout_s)
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

    def _nothing(self, timeout_s: float) -> LinkError:
        """Why there is no answer, as far as that is known."""
        if self._other_transaction is None:
            return LinkError(f"no answer within {timeout_s:g} s")
        return LinkError(
            f"a whole answer came with transaction number {self._other_transaction} instead of {self._transaction}; "
            "if this device or converter never repeats the number, set any_transaction = true in its connection",
            "other_transaction",
        )

    def _inspect(self, sending: bool, data: bytes) -> bytes:
        """See every frame: only reads leave, and only the whole and fitting answer is passed on for decoding."""
        if sending:
            function = data[1 if self._rtu else 7]
            if function not in READ_FUNCTIONS.values():
                raise LinkError(f"function {function} was about to be sent; this agent only reads")
            self._transaction = int.from_bytes(data[:2], "big")
            return data
        if self._read is None or self._fault:
            self._give_up("unexpected bytes")
            return b""
        try:
            return rtu_answer(data, self._read) if self._rtu else self._tcp_answer(data, self._read)
        except GarbledError as error:
            self._give_up(str(error))
            return b""

    def _tcp_answer(self, data: bytes, read: Read) -> bytes:
        answer = tcp_answer(data, read, self._transaction)
        other = None if answer else misnumbered(data, read)
        if other is None:
            return answer
        self._other_transaction, frame = other
        return self._transaction.to_bytes(2, "big") + frame[2:] if self._any_transaction else b""

    def _connection_changed(self, connected: bool) -> None:
        if not connected:
            self._give_up("closed by the device")

    def _give_up(self, fault: str) -> None:
        self._fault = self._fault or fault
        if self._answer is not None:
            self._answer.cancel()
