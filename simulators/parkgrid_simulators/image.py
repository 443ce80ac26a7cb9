"""The register image of a simulated device: the driver's own rows, filled from what the plant measures."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from parkgrid_contract.signals import CATALOGUE, SignalKind
from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table, WriteRegister, decode, encode
from parkgrid_simulators.plant import Values

Address = tuple[Table, int]
_FLOATS = {Encoding.FLOAT32, Encoding.FLOAT64}
_BCD = {Encoding.BCD16: 10**4, Encoding.BCD32: 10**8}
_OVERLOAD = 1.2
_FOUR_DIGITS = 9_999
_SIGNED = {Encoding.INT16, Encoding.INT32, Encoding.INT64}


class IllegalAddressError(LookupError):
    """A request touches a register that the device does not have (exception 2)."""


class IllegalValueError(ValueError):
    """A write is outside the bounds of its register (exception 3)."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One row within a window; everything about it that does not depend on its value."""

    offset: int
    """First register in the window; a row may begin before it."""
    row: Register
    whole: bool
    """Whether all its registers lie in the window."""
    exponent: int
    """The power of ten in its own exponent register."""
    wrap: float | None
    """Where it starts again from zero, if it is a counter of limited width."""


@dataclass(frozen=True, slots=True)
class _Window:
    """One request's worth of registers, filled with what does not change and with "no value" elsewhere."""

    words: tuple[int, ...]
    places: tuple[_Place, ...]


class RegisterImage:
    """Registers of one device by table and address; encodes only what a request asks for."""

    def __init__(self, driver: Driver, fixed: Mapping[Address, int] | None = None) -> None:
        self.driver = driver
        self.kinds = {signal.name: signal.kind for signal in CATALOGUE[driver.device_class].signals}
        rows = (*driver.registers, driver.clock) if driver.clock else driver.registers
        self._fixed = {(row.table, row.exponent_address): 0 for row in rows if row.exponent_address is not None}
        self._fixed.update(fixed or {})
        self._rows = {(row.table, address): row for row in rows for address in range(row.address, row.end)}
        self._writes = {row.address: row for row in driver.writes}
        self._windows: dict[tuple[Table, int, int], _Window] = {}

    def read(self, table: Table, address: int, count: int, values: Values) -> list[int]:
        """The words of a block. Raises `IllegalAddressError`."""
        window = self._window(table, address, count)
        words = list(window.words)
        for place in window.places:
            value = values.get(place.row.signal)
            if value is not None:
                _put(words, place, _encoded(place, value))
        return words

    def swap(self, table: Table, address: int, words: list[int]) -> None:
        """Exchange the words of every number of several registers that lies whole in a block."""
        for place in self._window(table, address, len(words)).places:
            if place.whole:
                end = place.offset + place.row.encoding.words
                words[place.offset : end] = words[place.offset : end][::-1]

    def glitch(self, table: Table, address: int, words: list[int], mask: int, random: Random) -> None:
        """Turn over bits of one word of one number of several registers that lies whole in a block."""
        places = [
            place
            for place in self._window(table, address, len(words)).places
            if place.whole and place.row.encoding.words > 1
        ]
        if places:
            place = random.choice(places)
            words[place.offset + random.randrange(place.row.encoding.words)] ^= mask

    def exponent(self, row: Register) -> int:
        """The power of ten that stands in the row's own exponent register."""
        if row.exponent_address is None:
            return 0
        word = self._fixed[row.table, row.exponent_address]
        return word - 0x1_0000 if word & 0x8000 else word

    def written(self, address: int, words: list[int]) -> list[tuple[str, float]]:
        """The set-points in a write request. Raises `IllegalAddressError` or `IllegalValueError`."""
        found: list[tuple[str, float]] = []
        index = 0
        while index < len(words):
            row = self._writes.get(address + index)
            if row is None or index + row.encoding.words > len(words):
                raise IllegalAddressError(address + index)
            found.append((row.signal, _set_point(row, words[index : index + row.encoding.words])))
            index += row.encoding.words
        return found

    def _window(self, table: Table, address: int, count: int) -> _Window:
        window = self._windows.get((table, address, count))
        if window is None:
            window = self._open(table, address, count)
            if len(self._windows) < _MAX_WINDOWS:
                self._windows[table, address, count] = window
        return window

    def _place(self, row: Register, offset: int, count: int) -> _Place:
        exponent = self.exponent(row)
        counter = self.kinds.get(row.signal) is SignalKind.COUNTER and row.encoding not in _FLOATS
        whole = offset >= 0 and offset + row.encoding.words <= count
        return _Place(offset, row, whole, exponent, modulus(row, exponent) if counter else None)

    def _open(self, table: Table, address: int, count: int) -> _Window:
        keys = [(table, at) for at in range(address, address + count)]
        rows = dict.fromkeys(self._rows[key] for key in keys if key in self._rows)
        missing = [at for _, at in keys if (table, at) not in self._rows and (table, at) not in self._fixed]
        if len(missing) == count or (missing and _longest_run(missing) > self.driver.max_gap_registers):
            raise IllegalAddressError(missing[0])
        words = [self._fixed.get(key, 0) for key in keys]
        places = []
        for row in rows:
            place = self._place(row, row.address - address, count)
            _put(words, place, _encoded(place, None))
            places.append(place)
        return _Window(tuple(words), tuple(places))


def _encoded(place: _Place, value: float | None) -> list[int]:
    """The words of one row; a counter wraps at its width, a gauge that does not fit is absent."""
    if value is not None and place.wrap is not None:
        value %= place.wrap
    try:
        return encode(place.row, value, place.exponent)
    except ValueError:
        return [0] * place.row.encoding.words if value is None else _encoded(place, None)


def _put(words: list[int], place: _Place, encoded: list[int]) -> None:
    """Lay the words of a row into a window, as far as they belong there."""
    if place.whole:
        words[place.offset : place.offset + len(encoded)] = encoded
        return
    for index, word in enumerate(encoded, place.offset):
        if 0 <= index < len(words):
            words[index] = word


_MAX_WINDOWS = 1_000
"""A client that reads every possible block must not fill the memory."""


def identity_words(driver: Driver, texts: Mapping[str, str]) -> dict[Address, int]:
    """The nameplate texts of a device where its driver looks for them."""
    fixed: dict[Address, int] = {}
    for name, place in driver.identity.items():
        for index, word in enumerate(text_words(texts.get(name, ""), place.words)):
            fixed[place.table, place.address + index] = word
    return fixed


def decimal_points(driver: Driver, ratings: Mapping[str, float]) -> dict[Address, int]:
    """The power of ten behind every number that has one, as a meter of these ratings is set.

    It is the least with which 1.2 times the rating fits a display of four digits (see the driver `acrel_djsf1352`); 0
    where nothing is known of the rating.
    """
    most = {name: _OVERLOAD * value for name, value in _rated(ratings).items()}
    return {
        (row.table, row.exponent_address): _decimal_point(row, most.get(row.signal, 0.0))
        for row in driver.registers
        if row.exponent_address is not None
    }


def _rated(ratings: Mapping[str, float]) -> dict[str, float]:
    """What a direct-current nameplate says of each signal, in the catalogue's units."""
    power_kw, volts = ratings.get("rated_power_kw", 0.0), ratings.get("nominal_voltage_v", 0.0)
    return {"active_power_kw": power_kw, "voltage_v": volts, "current_a": 1000 * power_kw / volts if volts else 0.0}


def _decimal_point(row: Register, most: float) -> int:
    point = 0
    while most > _FOUR_DIGITS * abs(row.scale) * 10**point:
        point += 1
    return point


def text_words(text: str, words: int) -> list[int]:
    """Two characters a register, padded with NUL."""
    octets = text.encode("ascii", "replace")[: words * 2].ljust(words * 2, b"\x00")
    return [int.from_bytes(octets[at : at + 2], "big") for at in range(0, words * 2, 2)]


def modulus(row: Register, exponent: int = 0) -> float:
    """Where a cumulative register starts again from zero, in the catalogue's unit."""
    bits = 16 * row.encoding.words
    steps = _BCD.get(row.encoding) or 1 << (bits - 1 if row.encoding in _SIGNED else bits)
    return float(steps * abs(row.scale) * 10.0**exponent)


def _set_point(row: WriteRegister, words: list[int]) -> float:
    as_read = Register(row.signal, row.address, row.encoding, row.scale, word_order=row.word_order)
    value = decode(as_read, words)
    if value is None or not row.low <= value <= row.high:
        raise IllegalValueError(f"{row.signal} = {value}: must be between {row.low} and {row.high}")
    return value


def _longest_run(addresses: list[int]) -> int:
    longest = run = 1
    for before, after in pairwise(addresses):
        run = run + 1 if after == before + 1 else 1
        longest = max(longest, run)
    return longest
