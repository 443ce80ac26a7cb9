"""The tests of a driver, as functions that any test runner can call: parkgrid's own drivers are held to the same ones.

    GOLDEN = Golden(input={0x0034: hex_words("456E E000")}, sample={"active_power_kw": 3.822})

    @pytest.mark.parametrize("check", driver_checks(DRIVER, GOLDEN), ids=str)
    def test_driver(check):
        check()

Nothing here is imported by the agent.
"""

import asyncio
import math
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from parkgrid_contract.time import SystemClock
from parkgrid_edge.driver_rules import broken_rules
from parkgrid_edge.drivers import DriverError, find
from parkgrid_edge.polling.poller import PolledDevice, Poller
from parkgrid_edge.protocols.modbus import ModbusConnection
from parkgrid_edge.protocols.registers import MAX_READ, Driver, Encoding, Register, Table, blocks, decode, encode

_HEADER = struct.Struct(">HHHB")
_FUNCTIONS = {3: Table.HOLDING, 4: Table.INPUT}
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2
_RANDOM_WORDS = 50
_CORNERS = (0x0000, 0x0001, 0x7FFF, 0x8000, 0xFFFF)
Words = Mapping[Table, Mapping[int, int]]


class DriverCheckError(AssertionError):
    """A driver does not pass a check; the message names the driver, what is wrong and the remedy."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Raw words from the maker's document or from a capture, and the sample that they mean, worked out by hand."""

    holding: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Words from an address on, as sent, read with function 3."""
    input: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """The same, read with function 4."""
    sample: Mapping[str, float] = field(default_factory=dict)
    """Signal to value in the catalogue's unit; a signal whose words mean "no value" is left out."""

    @property
    def words(self) -> Words:
        """Every word by table and address."""
        return {Table.HOLDING: _by_address(self.holding), Table.INPUT: _by_address(self.input)}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one driver: call it, and it raises `DriverCheckError` or returns."""

    name: str
    """What it checks, in words; it is also the check's `str`."""
    run: Callable[[], Iterator[str]]
    driver: str

    def __call__(self) -> None:
        """Run it. Raises `DriverCheckError` with everything that is wrong."""
        problems = list(self.run())
        if problems:
            raise DriverCheckError(f"driver {self.driver!r}: " + f"\ndriver {self.driver!r}: ".join(problems))

    def __str__(self) -> str:
        return self.name


def hex_words(text: str) -> list[int]:
    """Register words as a document or a capture prints them: `456E E000`."""
    return [int(word, 16) for word in text.split()]


def float_words(value: float) -> list[int]:
    """The two words of a float32 in the order ABCD."""
    return list(struct.unpack(">HH", struct.pack(">f", value)))


def driver_checks(driver: Driver, golden: Golden | None = None) -> list[Check]:
    """All checks of one driver, in the order of their cost. A driver that discovers its rows needs no golden words."""
    checks: dict[str, Callable[[], Iterator[str]]] = {
        "it keeps the rules": lambda: iter(broken_rules(driver)),
        "it is found by its name": partial(_is_found, driver),
        "its document is named": partial(_names_its_document, driver),
        "its reads are legal": partial(_reads_are_legal, driver),
        "its rows encode what they decode": partial(_round_trips, driver),
        "its golden words are read as they mean": partial(_golden_words, driver, golden),
    }
    return [Check(name, run, driver.name) for name, run in checks.items()]


def round_trip_problem(row: Register, words: Sequence[int]) -> str:
    """What is wrong when a row's words are decoded, encoded and decoded again; empty when the value is the same."""
    value = decode(row, words)
    if value is None:
        return "" if _says_nothing(row) else f"{row.signal} at {row.address}: its code for no value decodes to a value"
    again = decode(row, encode(row, value))
    tolerance = 1e-6 if row.encoding is Encoding.FLOAT32 else 1e-12
    if again is not None and math.isclose(again, value, rel_tol=tolerance, abs_tol=1e-12):
        return ""
    return f"{row.signal} at {row.address}: {value} is encoded and decoded as {again}"


def _says_nothing(row: Register) -> bool:
    """Whether "no value", encoded, is no value; a row without a code for it cannot be asked for it."""
    try:
        words = encode(row, None)
    except ValueError:
        return True
    return decode(row, words) is None


def _is_found(driver: Driver) -> Iterator[str]:
    try:
        found = find(driver.name)
    except DriverError as error:
        yield f'{error}. A package names its drivers in [project.entry-points."parkgrid.drivers"] and must be installed'
        return
    if found != driver:
        yield "another driver is found by its name: give it a name of its own"


def _names_its_document(driver: Driver) -> Iterator[str]:
    for name in ("vendor", "model", "document"):
        if not getattr(driver, name).strip():
            yield f"{name} is empty: state it, so that anybody can look an address up"
    for row in driver.registers:
        if not row.vendor_name:
            yield f"{row.signal} at {row.address}: state vendor_name, what the document calls it"
    if "active_power_kw" not in driver.signals and not driver.discovers and driver.device_class != "weather":
        yield "it does not read active_power_kw: without it the device takes no part in the park's balance"


def _reads_are_legal(driver: Driver) -> Iterator[str]:
    plan = blocks(driver.registers, driver.max_registers, driver.max_gap_registers)
    for block in plan:
        if not 0 < block.count <= min(driver.max_registers, MAX_READ):
            yield f"the read of {block.count} registers at {block.address} is longer than {driver.max_registers}"
    left_out = set(driver.registers) - {row for block in plan for row in block.registers}
    yield from (f"{row.signal} at {row.address}: no read brings it" for row in left_out)


def _round_trips(driver: Driver) -> Iterator[str]:
    chance = random.Random(driver.name)  # noqa: S311  the same words in every run
    for row in driver.registers:
        corners = [[word] * row.encoding.words for word in _CORNERS]
        drawn = [[chance.randrange(0x1_0000) for _ in range(row.encoding.words)] for _ in range(_RANDOM_WORDS)]
        problems = (round_trip_problem(row, words) for words in corners + drawn)
        yield from (problem for problem in [next(filter(None, problems), "")] if problem)


def _golden_words(driver: Driver, golden: Golden | None) -> Iterator[str]:
    if driver.discovers:
        return
    if golden is None or not golden.sample:
        yield (
            "there are no golden words: give raw words from the maker's document or a capture and the sample that they "
            "mean. Driver and simulator share the rows, so only words from outside can find a wrong address"
        )
        return
    problems = list(_is_found(driver)) or list(_without_words(driver, golden.words))
    yield from problems
    if problems:
        return
    found = asyncio.run(_polled(driver, golden.words))
    for signal in sorted(golden.sample.keys() | found.keys()):
        wanted, read = golden.sample.get(signal, "no value"), found.get(signal, "no value")
        if wanted != read:
            yield f"{signal}: the golden words are read as {read}, the sample says {wanted}"


def _without_words(driver: Driver, words: Words) -> Iterator[str]:
    for row in driver.registers:
        needed = [*range(row.address, row.end)]
        needed += [] if row.exponent_address is None else [row.exponent_address]
        if any(address not in words[row.table] for address in needed):
            function = {table: number for number, table in _FUNCTIONS.items()}[row.table]
            yield f"{row.signal} at {row.address}: no golden words of {row.table} registers (function {function}) there"


def _by_address(placed: Mapping[int, Sequence[int]]) -> dict[int, int]:
    return {start + index: word for start, many in placed.items() for index, word in enumerate(many)}


async def _polled(driver: Driver, words: Words) -> dict[str, float]:
    """What the real poller makes of these words, over a real socket."""
    device = _Words(driver, words)
    server = await asyncio.start_server(device.serve, "127.0.0.1")
    samples: list[dict[str, float]] = []
    async with server:
        port = server.sockets[0].getsockname()[1]
        connection = ModbusConnection("tcp", host="127.0.0.1", port=port, timeout_s=5)
        settings = PolledDevice("golden", driver.name, driver.device_class, 1.0, connection)
        poller = Poller([settings], SystemClock(), lambda sample: samples.append(dict(sample.values)))
        await poller.poll_once()
        poller.close()
        await device.finished()
    return samples[0] if samples else {}


class _Words:
    """A Modbus TCP device that holds golden words, and zeros where a request spans a gap."""

    def __init__(self, driver: Driver, words: Words) -> None:
        plan = blocks(driver.registers, driver.max_registers, driver.max_gap_registers)
        gaps = {(block.table, block.address + index): 0 for block in plan for index in range(block.count)}
        held = {(table, address): word for table, many in words.items() for address, word in many.items()}
        self._words = gaps | held
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it hangs up."""
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
        try:
            while True:
                transaction, _, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                answer = self._answer(await reader.readexactly(length - 1))
                writer.write(_HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def finished(self) -> None:
        """Wait until every client has hung up."""
        await asyncio.gather(*self._clients)

    def _answer(self, request: bytes) -> bytes:
        function = request[0]
        if function not in _FUNCTIONS:
            return bytes((function | 0x80, _ILLEGAL_FUNCTION))
        address, count = struct.unpack(">HH", request[1:])
        found = [self._words.get((_FUNCTIONS[function], at)) for at in range(address, address + count)]
        words = [word for word in found if word is not None]
        if len(words) < count:
            return bytes((function | 0x80, _ILLEGAL_ADDRESS))
        return struct.pack(f">BB{count}H", function, 2 * count, *words)
