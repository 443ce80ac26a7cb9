"""Reading one device: which blocks to ask for, what a refusal means, what remains when a part fails."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from parkgrid_edge.drivers import find
from parkgrid_edge.polling.endpoint import Endpoint
from parkgrid_edge.polling.refusals import LONGEST_PAUSE_S, Refusals, Refused
from parkgrid_edge.protocols import sunspec
from parkgrid_edge.protocols.frames import Read
from parkgrid_edge.protocols.modbus import LinkError, ModbusError, PermanentError, RetriableError
from parkgrid_edge.protocols.registers import Block, Register, Table, blocks, decode_text, parts, read, spans

_NAMES_PAUSE_S = 60.0
"""First pause before a name that was refused is asked for again: many a device never tells one."""
_STUBBORN = 3
"""After so many failures of a block in a row, it is looked at which register of it is to blame."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says about itself; empty where it says nothing."""

    model: str = ""
    firmware: str = ""
    serial: str = ""
    signals: tuple[str, ...] = ()


class WrongDeviceError(ModbusError):
    """Something answers, but it is not the device that the settings describe."""

    problem = "wrong_device"


@dataclass(slots=True)
class Reading:
    """What one visit to a device brought."""

    values: dict[str, float] = field(default_factory=dict)
    failures: list[ModbusError] = field(default_factory=list)
    """One for each request that brought nothing."""
    refused: list[str] = field(default_factory=list)
    """Signals that the device does not give any more; they are left out."""
    returned: list[str] = field(default_factory=list)
    """Signals that it gives again."""


@dataclass(slots=True)
class _Visit:
    """One visit while it lasts: whom to ask, and what has been read."""

    endpoint: Endpoint
    unit: int
    timeout_s: float
    now_s: float
    reading: Reading = field(default_factory=Reading)
    memory: dict[Table, dict[int, int]] = field(default_factory=lambda: {Table.HOLDING: {}, Table.INPUT: {}})

    async def words(self, table: Table, address: int, count: int) -> list[int]:
        """Registers of the device. Raises `ModbusError`."""
        return await self.endpoint.read(Read(self.unit, table, address, count), self.timeout_s)

    async def fetch(self, block: Block) -> None:
        """Read a block and keep its words. Raises `ModbusError`."""
        self.memory[block.table].update(
            enumerate(await self.words(block.table, block.address, block.count), block.address)
        )


class DeviceReader:
    """Asks one device for its registers, and learns what it does not give."""

    def __init__(self, driver: str, device_class: str, unit: int, signals: Iterable[str] = ()) -> None:
        self._start = find(driver)
        self._class = device_class
        self._unit = unit
        self._wanted = frozenset(signals)
        self.identity = Identity()
        self._discovered: tuple[Register, ...] = ()
        self.forget()

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that it is asked for."""
        left_out = {register.signal for register in self._refusals.registers}
        return tuple(signal for signal in self._driver.signals if self._wants(signal) and signal not in left_out)

    def forget(self) -> None:
        """Begin anew: whoever answers next may be another device, or the same one awake."""
        self._driver = self._start
        self._texts: dict[str, str] = {}
        self._identify_due_s = -inf
        self._identify_pause_s = _NAMES_PAUSE_S
        self._refusals = Refusals()
        self._failing: dict[Block, int] = {}
        self._replan()

    async def visit(self, endpoint: Endpoint, timeout_s: float, now_s: float) -> Reading:
        """Read everything once; what was read before a failure is kept. `now_s` is any clock that only goes forward."""
        visit = _Visit(endpoint, self._unit, timeout_s, now_s)
        reading, mute = visit.reading, False
        try:
            if self._driver.discovers:
                await self._discover(visit)
            mute = not self._plan
            for block in tuple(self._plan):
                await self._read(visit, block)
            if not self._plan:
                await self._knock(visit)
            if self._identify_due_s <= now_s:
                await self._identify(visit)
            await self._ask_again(visit)
        except ModbusError as error:
            reading.failures.append(error)
        self._decode(visit)
        if reading.values and mute:
            self.forget()  # it refused everything until now, as some do while they start
        return reading

    def _wants(self, signal: str) -> bool:
        return not self._wanted or signal in self._wanted

    def _replan(self) -> None:
        registers = [row for row in self._driver.registers if self._wants(row.signal)]
        self._plan = blocks(registers, self._driver.max_registers, self._driver.max_gap_registers)

    def _put(self, refused: Refused) -> None:
        """Plan a refused block anew: as it was when it is whole, else without what is missing."""
        kept = [block for block in self._plan if not refused.covers(block)]
        self._plan = sorted(kept + refused.plan, key=lambda block: (block.table, block.address))

    async def _discover(self, visit: _Visit) -> None:
        async def holding(address: int, count: int) -> Sequence[int]:
            return await visit.words(Table.HOLDING, address, count)

        wanted = self._class.removeprefix("grid_")
        try:
            found = await sunspec.discover(holding, wanted, self._discovered)
        except sunspec.NotSunSpecError as error:
            raise WrongDeviceError(str(error)) from error
        if found.driver.device_class != wanted:
            raise WrongDeviceError(f"it is a {found.driver.device_class}, the settings say {self._class}")
        self._driver, self._discovered, self._identify_due_s = found.driver, found.driver.registers, inf
        self._replan()
        self.identity = Identity(found.model, found.firmware, found.serial, self.signals)

    async def _identify(self, visit: _Visit) -> None:
        """Read what the device says about itself; where it refuses, that is no failure of the reading.

        Asked again, it is one question as long as that is refused.
        """
        again = self._identify_due_s > -inf
        for name, text in self._driver.identity.items():
            if name not in self._texts:
                try:
                    self._texts[name] = decode_text(await visit.words(text.table, text.address, text.words))
                except (PermanentError, RetriableError):
                    if again:
                        break
        model, firmware, serial = (self._texts.get(name, "") for name in ("model", "firmware", "serial"))
        self.identity = Identity(model, firmware, serial, self.signals)
        told = self._texts.keys() == self._driver.identity.keys()
        self._identify_due_s = inf if told else visit.now_s + self._identify_pause_s
        self._identify_pause_s = min(2 * self._identify_pause_s, LONGEST_PAUSE_S)

    async def _read(self, visit: _Visit, block: Block) -> None:
        """Read a block of the plan; when it is refused, find out what of it the device does give."""
        try:
            await visit.fetch(block)
        except RetriableError as error:
            visit.reading.failures.append(error)
            self._failing[block] = self._failing.get(block, 0) + 1
            # Now and then only, since a device that is busy altogether wants to be left in peace.
            if error.about_registers and self._failing[block].bit_count() == 1 and self._failing[block] > _STUBBORN:
                await self._take_apart(visit, block, hopeless_after=_STUBBORN, blame=True)
        except PermanentError as error:
            visit.reading.failures.append(error)
            await self._take_apart(visit, block, hopeless_after=_STUBBORN if error.illegal_function else None)
        else:
            if self._failing:
                self._failing.pop(block, None)

    async def _knock(self, visit: _Visit) -> None:
        """Put one question to a device that refuses everything: one a visit is enough."""
        try:
            await visit.fetch(blocks(self._driver.registers[:1], self._driver.max_registers, 0)[0])
        except (PermanentError, RetriableError) as error:
            visit.reading.failures.append(error)

    async def _take_apart(
        self, visit: _Visit, block: Block, *, hopeless_after: int | None, blame: bool = False
    ) -> None:
        """Read a refused block piece by piece; with `blame`, a failure that may pass counts as a refusal, too."""
        without_holes = parts(block)
        waiting = deque(without_holes if len(without_holes) > 1 else spans(block))
        missing: list[Block] = []
        answered = False
        while waiting:
            part = waiting.popleft()
            refused = await self._refuses(visit, part, blame=blame)
            answered = answered or refused is False
            if not refused:
                continue
            smaller = spans(part)
            if len(smaller) > 1:
                waiting.extendleft(reversed(smaller))
            else:
                missing.append(part)
            if len(missing) == hopeless_after and not answered:
                missing = spans(block)  # it is the kind of request, or the device itself, and no single register
                break
        if answered or not blame:
            self._leave_out(visit, block, missing)

    @staticmethod
    async def _refuses(visit: _Visit, part: Block, *, blame: bool) -> bool | None:
        """Whether a part is refused; None when that cannot be told now."""
        try:
            await visit.fetch(part)
        except PermanentError:
            return True
        except RetriableError:
            return True if blame else None
        return False

    def _leave_out(self, visit: _Visit, block: Block, missing: Sequence[Block]) -> None:
        before, refused = self._refusals.registers, self._refusals.of(block)
        refused.refuse(block, missing, visit.now_s)
        self._put(refused)
        visit.reading.refused += _signals(self._refusals.registers - before)

    async def _ask_again(self, visit: _Visit) -> None:
        """Ask for something that was refused, if it is time to: what answers comes back into the plan."""
        found = self._refusals.question(visit.now_s)
        if found is None:
            return
        refused, question = found
        before = self._refusals.registers
        try:
            await visit.fetch(question)
        except ModbusError as error:
            silent = isinstance(error, LinkError)
            refused.refused_again(question, visit.now_s, parts=not silent and not _illegal_function(error))
            if silent:
                raise
            return
        refused.answered(question, visit.now_s)
        self._put(refused)
        returned = _signals(before - self._refusals.registers)
        if returned:
            visit.reading.returned += returned
            self.identity = replace(self.identity, signals=self.signals)

    def _decode(self, visit: _Visit) -> None:
        for register in self._driver.registers:
            if self._wants(register.signal):
                value = read(register, visit.memory[register.table])
                if value is not None:
                    visit.reading.values[register.signal] = value


def _signals(registers: Iterable[Register]) -> list[str]:
    return sorted({register.signal for register in registers})


def _illegal_function(error: ModbusError) -> bool:
    """Whether the device does not know the request at all: then no part of it will be known either."""
    return isinstance(error, PermanentError) and error.illegal_function


def unanswered(reading: Reading) -> bool:
    """Whether the device, or the way to it, gave no answer."""
    return any(isinstance(error, LinkError) for error in reading.failures)
