"""Modbus TCP servers for the devices of a plant: real bytes on real sockets (Modbus application protocol V1.1b3).

request ─▶ frame ─▶ unit ─▶ device's registers at the simulated instant ─▶ words ─▶ answer
                     └──────── faults may stop, delay or spoil every step ────────┘
"""

import asyncio
import struct
from collections.abc import Mapping, Sequence
from functools import partial

from parkgrid_contract.time import Clock
from parkgrid_edge.protocols.registers import Table
from parkgrid_simulators.control_errors import ControlError
from parkgrid_simulators.faults import Fault, FaultKind, FaultPlan
from parkgrid_simulators.image import IllegalAddressError, IllegalValueError
from parkgrid_simulators.plant import Endpoint, Plant, SimulatedDevice
from parkgrid_simulators.served import Faults, ServedDevice

_HEADER = struct.Struct(">HHHB")
_TABLES = {3: Table.HOLDING, 4: Table.INPUT}
_MAX_ADDRESS = 0x1_0000
_MAX_READ = 125
_MAX_WRITE = 123
_MIN_LENGTH, _MAX_LENGTH = 2, 254
_MOST_CLIENTS = 32
"""Of one port: the clients of one device lock nobody out of another."""
_LAST_PORT = 65_535
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE, _TARGET_SILENT = 1, 2, 3, 11


class RequestRefusedError(Exception):
    """A request is answered with a Modbus exception; `code` is its number."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}")


class ModbusServer:
    """Serves every device of a plant; devices of one bus share a port, every other device has its own."""

    def __init__(self, plant: Plant, clock: Clock, plan: FaultPlan | None = None) -> None:
        self.plan = plan or FaultPlan()
        self._plant = plant
        self.clock = clock
        self._served = {device.device: ServedDevice(device, plant, self.plan) for device in plant.devices}
        self._servers: list[asyncio.Server] = []
        self._ports: list[_Port] = []
        self.requests = 0
        """Frames answered or swallowed since the start."""

    async def start(self, host: str = "127.0.0.1", port_base: int = 0) -> tuple[Endpoint, ...]:
        """Listen, on `port_base` and the ports after it, or on free ports if it is 0.

        Raises `OSError` where a port is taken, `ControlError` where there is none of that number.
        """
        if problem := port_problem(self._plant.devices, port_base):
            raise ControlError("port_base", port_base, problem)
        endpoints: list[Endpoint] = []
        loop = asyncio.get_running_loop()
        try:
            for index, bus in enumerate(_buses(self._plant.devices)):
                served = _Port({number: self._served[device.device] for number, device in enumerate(bus, 1)})
                self._ports.append(served)
                port = port_base + index if port_base else 0
                server = await loop.create_server(partial(_Connection, self, served), host, port)
                self._servers.append(server)
                bound = server.sockets[0].getsockname()[1]
                endpoints += [Endpoint(device, host, bound, number) for number, device in enumerate(bus, 1)]
        except BaseException:
            await self.stop()
            raise
        return tuple(endpoints)

    async def stop(self) -> None:
        """Close all ports and connections."""
        for server in self._servers:
            server.close()
        for port in self._ports:
            for connection in list(port.connections):
                connection.close()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self._ports.clear()

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return sum(len(port.connections) for port in self._ports)

    def now_ms(self) -> int:
        """The simulated instant; value faults that began meanwhile take their snapshot first."""
        now = self.clock.now_ms()
        self.plan.forget(now)
        for fault in self.plan.begun(now):
            if fault.device in self._served:
                self._served[fault.device].begin(fault)
        return now

    def has_clock(self, device: str) -> bool:
        """Whether a device keeps a time of its own."""
        return self._served[device].has_clock


class _Port:
    """One listening port: the devices behind it, and its clients."""

    def __init__(self, units: Mapping[int, ServedDevice]) -> None:
        self.units = units
        self.connections: set[_Connection] = set()


class _Connection(asyncio.Protocol):
    """One client: cuts the byte stream into frames and answers them in order."""

    def __init__(self, server: ModbusServer, port: _Port) -> None:
        self._server = server
        self._port = port
        self._buffer = b""
        self._hanging: Fault | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, or hang up if there are too many clients."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  the loop's promise for a stream server
        self._transport = transport
        if len(self._port.connections) >= _MOST_CLIENTS:
            transport.abort()
            return
        self._port.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        """Forget the client."""
        self._port.connections.discard(self)
        self._transport = None

    def pause_writing(self) -> None:
        """Read no further requests from a client that does not take its answers."""
        if self._transport:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._transport:
            self._transport.resume_reading()

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer every complete frame; what is not Modbus TCP ends the connection."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._buffer)
            if protocol or not _MIN_LENGTH <= length <= _MAX_LENGTH:
                self.close()
                return
            end = 6 + length
            if len(self._buffer) < end:
                return
            request, self._buffer = self._buffer[_HEADER.size : end], self._buffer[end:]
            self._server.requests += 1
            self._answer(transaction, unit, request)

    def _answer(self, transaction: int, unit: int, request: bytes) -> None:
        now = self._server.now_ms()
        device = self._port.units.get(unit)
        faults = device.faults(now) if device else {}
        if FaultKind.SILENT in faults or self._still_hangs(faults):
            return
        pdu = _reply(device, request, now, faults)
        if FaultKind.WRONG_UNIT in faults:
            unit = (unit + 1) % 256
        frame = _HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu
        if FaultKind.HANG in faults:
            self._hanging = faults[FaultKind.HANG]
            frame = frame[: len(frame) // 2]
        if late := faults.get(FaultKind.LATE):
            asyncio.get_running_loop().call_later(late.value("delay_s"), self._send, frame)
        else:
            self._send(frame)

    def _still_hangs(self, faults: Faults) -> bool:
        """Whether this client got half a frame already: then nothing more, as long as the fault holds."""
        return self._hanging is not None and faults.get(FaultKind.HANG) == self._hanging

    def _send(self, frame: bytes) -> None:
        if self._transport:
            self._transport.write(frame)


def _reply(device: ServedDevice | None, request: bytes, now_ms: int, faults: Faults) -> bytes:
    """The protocol data unit that answers a request."""
    function = request[0]
    try:
        if device is None:
            raise RequestRefusedError(_TARGET_SILENT)
        if fault := faults.get(FaultKind.EXCEPTION):
            raise RequestRefusedError(int(fault.value("code")))
        return _execute(device, function, request[1:], now_ms, faults)
    except RequestRefusedError as refusal:
        code = refusal.code
    except IllegalAddressError:
        code = _ILLEGAL_ADDRESS
    except IllegalValueError:
        code = _ILLEGAL_VALUE
    return bytes((function | 0x80, code))


def _execute(device: ServedDevice, function: int, body: bytes, now_ms: int, faults: Faults) -> bytes:
    if function in _TABLES:
        return _read(device, function, body, now_ms, faults)
    if function == 6:  # noqa: PLR2004  write single register
        if len(body) != 4:  # noqa: PLR2004  address and value
            raise RequestRefusedError(_ILLEGAL_VALUE)
        address, word = struct.unpack(">HH", body)
        device.write(address, [word], now_ms, faults)
        return bytes((function,)) + body
    if function == 16:  # noqa: PLR2004  write multiple registers
        return _write(device, function, body, now_ms, faults)
    raise RequestRefusedError(_ILLEGAL_FUNCTION)


def _read(device: ServedDevice, function: int, body: bytes, now_ms: int, faults: Faults) -> bytes:
    if len(body) != 4:  # noqa: PLR2004  address and count
        raise RequestRefusedError(_ILLEGAL_VALUE)
    address, count = struct.unpack(">HH", body)
    if not 1 <= count <= _MAX_READ:
        raise RequestRefusedError(_ILLEGAL_VALUE)
    if address + count > _MAX_ADDRESS:
        raise RequestRefusedError(_ILLEGAL_ADDRESS)
    words = device.read(_TABLES[function], address, count, now_ms, faults)
    return struct.pack(f">BB{count}H", function, 2 * count, *words)


def _write(device: ServedDevice, function: int, body: bytes, now_ms: int, faults: Faults) -> bytes:
    if len(body) < 5 or len(body) != 5 + body[4]:  # noqa: PLR2004  address, count, length
        raise RequestRefusedError(_ILLEGAL_VALUE)
    address, count, length = struct.unpack_from(">HHB", body)
    if not 1 <= count <= _MAX_WRITE or length != 2 * count:
        raise RequestRefusedError(_ILLEGAL_VALUE)
    device.write(address, list(struct.unpack_from(f">{count}H", body, 5)), now_ms, faults)
    return bytes((function,)) + body[:4]


def port_problem(devices: Sequence[SimulatedDevice], port_base: int) -> str | None:
    """Why a plant cannot listen on a port and those after it, or None where it can."""
    if type(port_base) is not int or not 0 <= port_base <= _LAST_PORT:
        return f"must be a whole number between 0 and {_LAST_PORT}"
    count = len(_buses(devices))
    if not port_base or port_base + count - 1 <= _LAST_PORT:
        return None
    return f"the park needs {count} ports from there on: at most {_LAST_PORT - count + 1}"


def _buses(devices: Sequence[SimulatedDevice]) -> list[list[SimulatedDevice]]:
    """The devices by port, in the order of their first one."""
    buses: dict[str, list[SimulatedDevice]] = {}
    for device in devices:
        buses.setdefault(device.bus or f"own port of {device.device}", []).append(device)
    return list(buses.values())
