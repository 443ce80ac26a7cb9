"""Reading one device: which blocks to ask for, what a refusal means, what remains when a part fails."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edge import sunspec
from edge.drivers import find
from edge.frames import Read
from edge.modbus import Endpoint, LinkError, ModbusError, PermanentError, RetriableError
from edge.registers import Block, Register, Table, blocks, decode_text, read


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says about itself; empty where it says nothing."""

    model: str = ""
    firmware: str = ""
    serial: str = ""
    signals: tuple[str, ...] = ()


class WrongDeviceError(ModbusError):
    """Something answers, but it is not the device that the settings describe."""


@dataclass(slots=True)
class Reading:
    """What one visit to a device brought."""

    values: dict[str, float] = field(default_factory=dict)
    failures: list[ModbusError] = field(default_factory=list)
    """One for each request that brought nothing."""
    refused: list[str] = field(default_factory=list)
    """Signals that the device turned out not to have."""


class DeviceReader:
    """Asks one device for its registers, and learns what it does not have."""

    def __init__(self, driver: str, device_class: str, unit: int, signals: Iterable[str] = ()) -> None:
        self._start = find(driver)
        self._class = device_class
        self._unit = unit
        self._wanted = frozenset(signals)
        self.identity = Identity()
        self._identified = False
        self._driver = self._start
        self._plan: list[Block] = []
        self._left_out: set[Register] = set()
        self.forget()

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that it is asked for."""
        left_out = {register.signal for register in self._left_out}
        return tuple(signal for signal in self._driver.signals if self._wants(signal) and signal not in left_out)

    def forget(self) -> None:
        """Begin anew: whoever answers next may be another device, or the same one awake."""
        self._driver = self._start
        self._identified = False
        self._left_out = set()
        self._replan()

    async def visit(self, endpoint: Endpoint, timeout_s: float) -> Reading:
        """Read everything once; what was read before a failure is kept."""
        reading = Reading()
        memory: dict[Table, dict[int, int]] = {Table.HOLDING: {}, Table.INPUT: {}}
        try:
            if self._driver.discovers:
                await self._discover(endpoint, timeout_s)
            for block in tuple(self._plan):
                await self._fetch(endpoint, timeout_s, block, memory, reading)
            if not self._identified:
                await self._identify(endpoint, timeout_s)
        except ModbusError as error:
            reading.failures.append(error)
        self._decode(memory, reading)
        if reading.values and not self.signals:
            self.forget()  # it refused everything until now, as some do while they start
        return reading

    def _wants(self, signal: str) -> bool:
        return not self._wanted or signal in self._wanted

    def _replan(self) -> None:
        registers = [row for row in self._driver.registers if self._wants(row.signal) and row not in self._left_out]
        if not registers:
            registers = list(self._driver.registers[:1])  # it refuses everything: one question a visit is enough
        self._plan = blocks(registers, self._driver.max_registers, self._driver.bridge_holes)

    async def _ask(self, endpoint: Endpoint, timeout_s: float, table: Table, address: int, count: int) -> list[int]:
        return await endpoint.read(Read(self._unit, table, address, count), timeout_s)

    async def _discover(self, endpoint: Endpoint, timeout_s: float) -> None:
        async def holding(address: int, count: int) -> Sequence[int]:
            return await self._ask(endpoint, timeout_s, Table.HOLDING, address, count)

        try:
            found = await sunspec.discover(holding)
        except sunspec.NotSunSpecError as error:
            raise WrongDeviceError(str(error)) from error
        if found.driver.device_class.removeprefix("grid_") != self._class.removeprefix("grid_"):
            raise WrongDeviceError(f"it is a {found.driver.device_class}, the settings say {self._class}")
        self._driver, self._identified = found.driver, True
        self._replan()
        self.identity = Identity(found.model, found.firmware, found.serial, self.signals)

    async def _identify(self, endpoint: Endpoint, timeout_s: float) -> None:
        """Read what the device says about itself; where it does not, that is no failure of the reading."""
        texts: dict[str, str] = {}
        for name, text in self._driver.identity.items():
            try:
                texts[name] = decode_text(await self._ask(endpoint, timeout_s, text.table, text.address, text.words))
            except (PermanentError, RetriableError):
                texts[name] = ""
        self._identified = True
        self.identity = Identity(
            texts.get("model", ""), texts.get("firmware", ""), texts.get("serial", ""), self.signals
        )

    async def _fetch(
        self, endpoint: Endpoint, timeout_s: float, block: Block, memory: Mapping[Table, dict[int, int]], into: Reading
    ) -> None:
        try:
            words = await self._ask(endpoint, timeout_s, block.table, block.address, block.count)
        except RetriableError as error:
            into.failures.append(error)
            return
        except PermanentError as error:
            into.failures.append(error)
            working = await self._isolate(endpoint, timeout_s, block, memory, into)
            at = self._plan.index(block)
            self._plan[at : at + 1] = working
            if not self._plan:
                self._replan()
            return
        memory[block.table].update(enumerate(words, block.address))

    async def _isolate(
        self, endpoint: Endpoint, timeout_s: float, block: Block, memory: Mapping[Table, dict[int, int]], into: Reading
    ) -> list[Block]:
        """Find out which registers of a refused block the device does not have; the reads that do work."""
        working: list[Block] = []
        parts = self._parts(block)
        for part in parts:
            try:
                words = await self._ask(endpoint, timeout_s, part.table, part.address, part.count)
            except RetriableError:
                working.append(part)  # inconclusive, so it stays
            except PermanentError:
                if len(part.registers) > 1:
                    working += await self._isolate(endpoint, timeout_s, part, memory, into)
                else:
                    self._leave_out(part.registers[0], into)
            else:
                working.append(part)
                memory[part.table].update(enumerate(words, part.address))
        known = [register for register in block.registers if register not in self._left_out]
        singles = all(len(part.registers) == 1 for part in parts)
        if singles and len(known) < len(block.registers):
            # One of them was to blame, so the others can be read together again.
            return blocks(known, self._driver.max_registers, 0)
        return working

    def _parts(self, block: Block) -> list[Block]:
        """A block without its holes, or, when it has none, each register on its own."""
        limit = self._driver.max_registers
        parts = blocks(block.registers, limit, 0)
        if len(parts) > 1:
            return parts
        return [part for register in block.registers for part in blocks([register], limit, 0)]

    def _leave_out(self, register: Register, into: Reading) -> None:
        if register not in self._left_out:
            self._left_out.add(register)
            into.refused.append(register.signal)

    def _decode(self, memory: Mapping[Table, Mapping[int, int]], into: Reading) -> None:
        for register in self._driver.registers:
            if self._wants(register.signal):
                value = read(register, memory[register.table])
                if value is not None:
                    into.values[register.signal] = value


def unanswered(reading: Reading) -> bool:
    """Whether the device, or the way to it, gave no answer."""
    return any(isinstance(error, LinkError) for error in reading.failures)
