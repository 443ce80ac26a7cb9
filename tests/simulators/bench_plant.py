"""A plant whose values are known by heart, and a client that knows nothing but bytes."""

import asyncio
from dataclasses import dataclass, field

from parkgrid_simulators.plant import SimulatedDevice


@dataclass
class KnownPlant:
    """Every device shows the same table; a callable in it is a function of the instant."""

    devices: tuple[SimulatedDevice, ...]
    table: dict
    written: list = field(default_factory=list)

    def values(self, device: str, at_ms: int):
        shown = self.table.get(device, self.table)
        return {name: value(at_ms) if callable(value) else value for name, value in shown.items()}

    def write(self, device: str, signal: str, value: float) -> None:
        self.written.append((device, signal, value))


class Raw:
    """One TCP connection; requests and answers as hexadecimal text."""

    def __init__(self, reader, writer) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, endpoint) -> "Raw":
        return cls(*await asyncio.open_connection(endpoint.host, endpoint.port))

    def send(self, *frames: str) -> None:
        self.writer.write(b"".join(bytes.fromhex(frame.replace(" ", "")) for frame in frames))

    async def answer(self) -> str:
        """The next whole frame."""
        header = await asyncio.wait_for(self.reader.readexactly(6), 2.0)
        body = await asyncio.wait_for(self.reader.readexactly(int.from_bytes(header[4:6], "big")), 2.0)
        return (header + body).hex(" ", 1)

    async def ask(self, frame: str) -> str:
        self.send(frame)
        return await self.answer()

    async def silent(self, seconds: float = 0.15) -> bool:
        """Whether nothing comes for a while."""
        try:
            octet = await asyncio.wait_for(self.reader.read(1), seconds)
        except TimeoutError:
            return True
        return octet == b""

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


def read_request(function: int, address: int, count: int, unit: int = 1, transaction: int = 1) -> str:
    """A read request, by the Modbus application protocol."""
    return f"{transaction:04x} 0000 0006 {unit:02x} {function:02x} {address:04x} {count:04x}"
