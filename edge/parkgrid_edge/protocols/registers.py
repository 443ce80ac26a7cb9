"""Register rows: what stands at which Modbus address, and how raw words become values and back.

A driver is a table of `Register` rows. The poller decodes with them and the simulators encode with them, so only golden
words from a vendor's document can find a wrong address; see docs/add-a-device.md.
"""

import math
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from parkgrid_contract.ranges import MAX_TEXT

MAX_READ = 125
"""Most registers that one Modbus read may carry (Modbus application protocol V1.1b3, 6.3)."""


class Encoding(StrEnum):
    """How a number is laid out in registers of 16 bits."""

    words: int
    """How many registers it takes."""

    def __new__(cls, value: str) -> Self:
        """Take the width from the name once: it is asked for with every word that is read."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.words = int(value[-2:]) // 16
        return member

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BCD16 = "bcd16"
    BCD32 = "bcd32"


class WordOrder(StrEnum):
    """Where the four bytes ABCD of a 32-bit number stand, A the most significant; 64 bits alike, 16 bits untouched."""

    ABCD = "abcd"
    """Big-endian words and bytes: SunSpec, Huawei."""
    CDAB = "cdab"
    """Words swapped: Sungrow, Goodwe, many PLCs."""
    BADC = "badc"
    """Bytes swapped in each word."""
    DCBA = "dcba"
    """Little-endian throughout."""


class Table(StrEnum):
    """Which of the two readable register tables."""

    HOLDING = "holding"
    """Function code 3."""
    INPUT = "input"
    """Function code 4."""


_SENTINELS = {
    Encoding.INT16: 0x8000,
    Encoding.UINT16: 0xFFFF,
    Encoding.INT32: 0x8000_0000,
    Encoding.UINT32: 0xFFFF_FFFF,
    Encoding.INT64: 1 << 63,
    Encoding.UINT64: (1 << 64) - 1,
    Encoding.FLOAT32: 0x7FC0_0000,
    Encoding.FLOAT64: 0x7FF8_0000_0000_0000,
    Encoding.BCD16: 0xFFFF,
    Encoding.BCD32: 0xFFFF_FFFF,
}
"""The usual "no value" of each encoding (SunSpec Information Model, data types)."""

_SIGNED = {Encoding.INT16, Encoding.INT32, Encoding.INT64}
_BCD = {Encoding.BCD16, Encoding.BCD32}
_FLOATS = {Encoding.FLOAT32: ">f", Encoding.FLOAT64: ">d"}
_MAX_EXPONENT = 10


@dataclass(frozen=True, slots=True)
class Register:
    """One signal at one address."""

    signal: str
    """Name in the catalogue."""
    address: int
    """0-based address as sent on the wire; documents often print it 1-based or as 3xxxx/4xxxx."""
    encoding: Encoding
    scale: float = 1.0
    """value = raw * scale + offset, in the catalogue's unit; a negative scale turns the sign."""
    offset: float = 0.0
    word_order: WordOrder = WordOrder.ABCD
    table: Table = Table.HOLDING
    absent: tuple[int, ...] = ()
    """Further raw numbers that mean "no value"."""
    states: Mapping[int, int] | None = field(default=None, hash=False)
    """The vendor's state code to the catalogue's; a code that is not listed is no value."""
    vendor_name: str = ""
    """What the vendor's document calls it."""
    default_sentinels: bool = True
    """Whether the usual "no value" of the encoding (0xFFFF, 0x8000 …) counts as one."""
    exponent_address: int | None = None
    """Address, in the same table, of an int16 n that scales by a further 10^n; read with every poll (SunSpec)."""

    @property
    def end(self) -> int:
        """The address after its last register."""
        return self.address + self.encoding.words


@dataclass(frozen=True, slots=True)
class WriteRegister:
    """One point that may be written, with its bounds; without one there is no way to write an address."""

    signal: str
    address: int
    encoding: Encoding
    scale: float = 1.0
    word_order: WordOrder = WordOrder.ABCD
    low: float = 0.0
    """Lowest value, in the catalogue's unit."""
    high: float = 0.0
    """Highest value, in the catalogue's unit."""


@dataclass(frozen=True, slots=True)
class Text:
    """A run of registers holding text, two characters each, padded with NUL or spaces."""

    address: int
    words: int
    table: Table = Table.HOLDING


@dataclass(frozen=True, slots=True)
class Driver:
    """A kind of device: whose document it follows and which registers it has."""

    name: str
    """Name of its module in `parkgrid_edge.drivers`, or of its package's entry point (`parkgrid.drivers`)."""
    device_class: str
    """A class of the catalogue; empty when the device decides (`discovers`)."""
    vendor: str
    model: str
    document: str
    """The vendor's document with its version, where the addresses come from."""
    registers: tuple[Register, ...]
    writes: tuple[WriteRegister, ...] = ()
    max_registers: int = 120
    """Most registers in one request."""
    max_gap_registers: int = 0
    """Most undefined registers that a block read may span; 0 where the device answers those with exception 2."""
    request_gap_s: float = 0.0
    """Least pause between two requests."""
    warm_up_s: float = 0.0
    """Pause between connecting and the first request."""
    ratings: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Ratings of the device where its model decides them, by the names of `parkgrid_edge.driver_rules.RATINGS`."""
    identity: Mapping[str, Text] = field(default_factory=dict, hash=False)
    """Where it says its own `model`, `firmware` and `serial`, read once after connecting."""
    clock: Register | None = None
    """Where it keeps its own time, in seconds since 1970 in UTC: agents do not read it, simulated devices have it."""
    discovers: bool = False
    """Whether the device itself is asked for its registers (SunSpec); class and registers are then left open here."""

    @property
    def signals(self) -> tuple[str, ...]:
        """The catalogue names it reports, in the order of its rows."""
        return tuple(dict.fromkeys(register.signal for register in self.registers))

    def serves(self, device_class: str) -> bool:
        """Whether a device of that class can have it: the place decides which kind of meter one is, not the maker."""
        either = {"meter", "grid_meter"}
        return self.discovers or device_class == self.device_class or {device_class, self.device_class} <= either


@dataclass(frozen=True, slots=True)
class Block:
    """One read request and the registers it brings."""

    table: Table
    address: int
    count: int
    registers: tuple[Register, ...]


def decode(register: Register, words: Sequence[int], exponent: int = 0) -> float | None:
    """The value in the catalogue's unit, or None when the device says that there is none."""
    raw = _join(register, words)
    number = _number(register.encoding, raw)
    if number is None or raw in register.absent or number in register.absent:
        return None
    if register.default_sentinels and raw == _SENTINELS[register.encoding]:
        return None
    if register.states is not None:
        state = register.states.get(int(number))
        return None if state is None else float(state)
    return _scaled(register, number, exponent)


def encode(register: Register, value: float | None, exponent: int = 0) -> list[int]:
    """The words that decode to `value`; None gives the device's "no value". Raises ValueError if it cannot hold it."""
    raw = _raw_absent(register) if value is None else _pack(register, _unscaled(register, value, exponent))
    return _split(register, raw)


def read(register: Register, memory: Mapping[int, int]) -> float | None:
    """Decode from words by address of the register's own table; a word that is missing makes the value absent."""
    words = [memory.get(address) for address in range(register.address, register.end)]
    exponent = 0
    if register.exponent_address is not None:
        found = _exponent(memory.get(register.exponent_address))
        if found is None:
            return None
        exponent = found
    present = [word for word in words if word is not None]
    return decode(register, present, exponent) if len(present) == len(words) else None


def decode_text(words: Iterable[int]) -> str:
    """Text from registers, as long as the wire takes it, without padding and without anything that does not print."""
    octets = b"".join(word.to_bytes(2, "big") for word in words)
    text = octets.split(b"\x00", 1)[0].decode("utf-8", "replace")
    return "".join(letter for letter in text if letter.isprintable()).strip()[:MAX_TEXT]


def blocks(registers: Iterable[Register], max_registers: int, max_gap_registers: int) -> list[Block]:
    """The fewest reads that bring all registers: contiguous ones together, a number never torn between two reads.

    Raises ValueError when a single register is longer than `max_registers`.
    """
    limit = min(max_registers, MAX_READ)
    found: list[Block] = []
    run: list[Register] = []
    start = end = 0
    for first, last, register in sorted(_spans(registers), key=lambda span: (span[2].table, span[0], span[1])):
        if last - first > limit:
            raise ValueError(f"{register.signal} at {first}: {last - first} registers do not fit a read of {limit}")
        joins = run and run[-1].table == register.table and first <= end + max_gap_registers
        if not joins or max(last, end) - start > limit:
            _close(found, run, start, end)
            run, start, end = [], first, last
        run.append(register)
        end = max(end, last)
    _close(found, run, start, end)
    return found


def spans(block: Block) -> list[Block]:
    """A block's smallest reads: each register of it, and each exponent, on its own."""
    end = block.address + block.count
    found: dict[tuple[int, int], list[Register]] = {}
    for first, last, register in _spans(block.registers):
        if block.address <= first and last <= end:
            found.setdefault((first, last), []).append(register)
    return [
        Block(block.table, first, last - first, tuple(rows))
        for (first, last), rows in sorted(found.items(), key=lambda span: span[0])
    ]


def parts(block: Block, missing: Collection[Block] = (), *, bridge: bool = False) -> list[Block]:
    """The reads within a block that bring its registers, all but those that need something `missing`.

    Contiguous ones are together; with `bridge`, those are, too, between which nothing is missing.
    """
    without = {row for part in missing for row in part.registers}
    found: list[Block] = []
    for span in spans(block):
        rows = tuple(row for row in span.registers if row not in without)
        if not rows:
            continue
        last = found[-1] if found else Block(block.table, span.address, 0, ())
        end, after = last.address + last.count, span.address + span.count
        joins = span.address <= end or (bridge and not any(end <= part.address < span.address for part in missing))
        if found and joins:
            rows = tuple(dict.fromkeys(last.registers + rows))
            found[-1] = Block(block.table, last.address, max(end, after) - last.address, rows)
        else:
            found.append(Block(block.table, span.address, span.count, rows))
    return found


def _close(found: list[Block], run: list[Register], start: int, end: int) -> None:
    if run:
        found.append(Block(run[0].table, start, end - start, tuple(dict.fromkeys(run))))


def _spans(registers: Iterable[Register]) -> Iterable[tuple[int, int, Register]]:
    """Every stretch that has to be read whole: each register, and its exponent where it has one."""
    for register in registers:
        yield register.address, register.end, register
        if register.exponent_address is not None:
            yield register.exponent_address, register.exponent_address + 1, register


def _ordered(words: Sequence[int], order: WordOrder) -> list[int]:
    """Words in another order; every order is its own inverse."""
    if len(words) == 1 or order is WordOrder.ABCD:
        return list(words)
    if order in {WordOrder.CDAB, WordOrder.DCBA}:
        words = words[::-1]
    if order in {WordOrder.BADC, WordOrder.DCBA}:
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    return list(words)


def _join(register: Register, words: Sequence[int]) -> int:
    if len(words) != register.encoding.words:
        raise ValueError(f"{register.signal}: {len(words)} words, {register.encoding} takes {register.encoding.words}")
    raw = 0
    for word in _ordered(words, register.word_order):
        raw = raw << 16 | word
    return raw


def _number(encoding: Encoding, raw: int) -> float | None:
    """The number that the bits stand for; None when they stand for none (NaN, infinity, a nibble above 9)."""
    bits = 16 * encoding.words
    if encoding in _SIGNED:
        return raw - (1 << bits) if raw >> (bits - 1) else raw
    if encoding in _BCD:
        digits = f"{raw:x}"
        return int(digits) if digits.isdecimal() else None
    layout = _FLOATS.get(encoding)
    if layout is None:
        return raw
    number: float = struct.unpack(layout, raw.to_bytes(bits // 8, "big"))[0]
    return number if math.isfinite(number) else None


def _scaled(register: Register, number: float, exponent: int) -> float:
    if exponent:
        number = number * 10.0**exponent if exponent > 0 else number / 10.0**-exponent
    if register.scale == 1.0 and register.offset == 0.0:
        return float(number)
    return number * register.scale + register.offset


def _unscaled(register: Register, value: float, exponent: int) -> float:
    if register.states is not None:
        for code, state in register.states.items():
            if state == value:
                return code
        raise ValueError(f"{register.signal}: the vendor has no code for state {value}")
    number = (value - register.offset) / register.scale
    return number / 10.0**exponent if exponent >= 0 else number * 10.0**-exponent


def _pack(register: Register, number: float) -> int:
    """The bits of a number, refused when they would mean another one or none."""
    layout = _FLOATS.get(register.encoding)
    raw = _pack_float(layout, number) if layout else _pack_integer(register.encoding, number)
    if raw is None or decode(register, _split(register, raw)) is None:
        raise ValueError(f"{register.signal}: {number} cannot be held in {register.encoding} at {register.address}")
    return raw


def _split(register: Register, raw: int) -> list[int]:
    words = [raw >> shift & 0xFFFF for shift in range(16 * (register.encoding.words - 1), -1, -16)]
    return _ordered(words, register.word_order)


def _pack_float(layout: str, number: float) -> int | None:
    try:
        return int.from_bytes(struct.pack(layout, number), "big")
    except OverflowError:
        return None


def _pack_integer(encoding: Encoding, number: float) -> int | None:
    bits = 16 * encoding.words
    if not math.isfinite(number):
        return None
    whole = round(number)
    if encoding in _BCD:
        return int(str(whole), 16) if 0 <= whole < 10 ** (bits // 4) else None
    low = -(1 << (bits - 1)) if encoding in _SIGNED else 0
    return whole & ((1 << bits) - 1) if low <= whole < low + (1 << bits) else None


def _raw_absent(register: Register) -> int:
    if register.default_sentinels or register.encoding in _FLOATS or register.encoding in _BCD:
        return _SENTINELS[register.encoding]
    if register.absent:
        return register.absent[0] & ((1 << 16 * register.encoding.words) - 1)
    raise ValueError(f"{register.signal} at {register.address}: this device has no code for an absent value")


def _exponent(word: int | None) -> int | None:
    """A SunSpec scale factor, -10 to 10; anything else means that the values it scales are absent."""
    if word is None:
        return None
    exponent = word - 0x1_0000 if word & 0x8000 else word
    return exponent if -_MAX_EXPONENT <= exponent <= _MAX_EXPONENT else None
