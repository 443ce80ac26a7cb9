"""A load of real Modbus TCP devices in one small process: every answer holds new numbers in the catalogue's range.

`python -m parkgrid_bench.devices --port 15020 --driver eastron_sdm630 --units 6`; unit identifiers count from 1.
"""

import argparse
import asyncio
import json
import random
import struct
from collections.abc import Mapping
from pathlib import Path

from parkgrid_contract.signals import CATALOGUE, Signal, SignalKind
from parkgrid_edge.drivers import find
from parkgrid_edge.protocols.registers import Driver, Register, Table, encode

READ_HOLDING, READ_INPUT = 3, 4
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2
_TABLES = {READ_HOLDING: Table.HOLDING, READ_INPUT: Table.INPUT}


class Load:
    """Devices of one driver behind one port; counts what it is asked."""

    def __init__(self, driver: Driver, seed: int = 0) -> None:
        self._driver = driver
        self._signals = CATALOGUE[driver.device_class].by_name
        self._random = random.Random(seed)  # noqa: S311 - simulated readings
        self.requests = 0
        self.registers = 0
        self.writes = 0

    def image(self, table: Table) -> Mapping[int, int]:
        """Fresh words for every register of a table."""
        words: dict[int, int] = {}
        for register in self._driver.registers:
            if register.exponent_address is not None:
                words[register.exponent_address] = 0
            if register.table is table:
                words |= enumerate(encode(register, self._value(register)), register.address)
        return words

    def _value(self, register: Register) -> float:
        signal = self._signals[register.signal]
        if register.states is not None:
            return float(self._random.choice(list(register.states.values())))
        low, high = _span(signal, register)
        return self._random.uniform(low, high)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it ends."""
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                writer.write(self._framed(transaction, unit, self._answer(await reader.readexactly(length - 1))))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def tell(self, file: Path) -> None:
        """Write the counters down."""
        told = {"requests": self.requests, "registers": self.registers, "writes": self.writes}
        file.write_text(json.dumps(told), "utf-8")

    def _framed(self, transaction: int, unit: int, answer: bytes) -> bytes:
        return struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer

    def _answer(self, request: bytes) -> bytes:
        function = request[0]
        self.requests += 1
        if function not in _TABLES:
            self.writes += 1
            return bytes((function | 0x80, ILLEGAL_FUNCTION))
        address, count = struct.unpack(">HH", request[1:5])
        self.registers += count
        image = self.image(_TABLES[function])
        if not any(place in image for place in range(address, address + count)):
            return bytes((function | 0x80, ILLEGAL_ADDRESS))
        words = [image.get(place, 0) for place in range(address, address + count)]
        return bytes((function, 2 * count)) + struct.pack(f">{count}H", *words)


def _span(signal: Signal, register: Register) -> tuple[float, float]:
    """Plausible values that fit a 16-bit register of this scale and the catalogue."""
    reach = abs(register.scale) * 30_000
    if signal.kind is SignalKind.STATE:
        return 0.0, min(signal.high, reach)
    return max(signal.low, 0.0), min(signal.high, reach)


async def run(port: int, driver: str, counts: Path | None) -> None:
    """Serve for ever; write the counters beside when asked to."""
    load = Load(find(driver))
    async with await asyncio.start_server(load.serve, "127.0.0.1", port):
        while True:
            await asyncio.sleep(0.5)
            if counts:
                load.tell(counts)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--driver", default="eastron_sdm630")
    parser.add_argument("--counts", type=Path)
    arguments = parser.parse_args()
    asyncio.run(run(arguments.port, arguments.driver, arguments.counts))


if __name__ == "__main__":
    main()
