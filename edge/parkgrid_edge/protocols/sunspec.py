"""SunSpec: ask a device which information models it has, and make register rows of them.

    base: "SunS" | 1, L, data ... | 103, L, data ... | 64999, L, data ... | 0xFFFF, 0
                   common           inverter           unknown: passed over  end

Nothing after "SunS" has a fixed address: vendors insert models as they please, so the chain is walked from its start.
A model in the chain proves little: many devices carry models that they never fill (an inverter without its battery
still has model 713). So what a model says is looked at before it decides what the device is or which row is read.
Layouts: SunSpec information models, github.com/sunspec/models (Apache-2.0), as of 2026-04-22.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from parkgrid_edge.protocols.modbus import PermanentError
from parkgrid_edge.protocols.registers import Driver, Encoding, Register, Table, blocks, decode_text
from parkgrid_edge.protocols.registers import read as decoded
from parkgrid_edge.protocols.sunspec_models import (
    COMMON,
    DER,
    ESS_PORTS,
    METER,
    MODELS,
    ONE_PHASE,
    PORTS,
    PV,
    STORAGE,
    STRINGS,
    WITHOUT_BATTERY,
    Point,
)

BASES = (40_000, 0, 50_000)
SIGNATURE = [0x5375, 0x6E53]
_END = 0xFFFF
_MOST_MODELS = 100
_MOST_STRINGS = 4
_STRINGS_HEADER, _STRING_LENGTH = 10, 20
_PORTS_HEADER, _PORT_LENGTH = 20, 25
_MOST_WORDS, _BRIDGED = 120, 100
_NO_TYPE = 0xFFFF

ReadWords = Callable[[int, int], Awaitable[Sequence[int]]]
"""Reads holding registers: address, count."""


class NotSunSpecError(Exception):
    """The device answers, but not as a SunSpec device that parkgrid can use."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model in a device's chain."""

    number: int
    address: int
    """Of its id; the offsets of its points count from here."""
    length: int
    """Registers after id and length."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a device turned out to be."""

    driver: Driver
    model: str
    firmware: str
    serial: str


async def discover(read: ReadWords, wanted: str, before: Collection[Register] = ()) -> Found:
    """Walk a device's chain of models. Raises `NotSunSpecError`, and what `read` raises.

    `wanted` is the class that the settings state; where the device can be that, it is. `before` are the rows of the
    last discovery: where two models count the same thing, the one that was read goes on being read.
    """
    models = await _chain(read, await _base(read))
    if all(model.number != COMMON for model in models):
        raise NotSunSpecError("the chain has no common model 1")
    ports = await _port_types(read, models)
    device_class = await _class_of(read, models, ports, wanted)
    if device_class is None:
        numbers = ", ".join(str(model.number) for model in models)
        raise NotSunSpecError(f"no inverter, meter or storage among its models {numbers}")
    maker, name, firmware, serial = await _identity(read, _common_of(models, device_class))
    candidates = await _candidates(read, models, device_class, ports)
    driver = Driver(
        name="sunspec",
        device_class=device_class,
        vendor=maker,
        model=name,
        document="SunSpec information models " + ", ".join(str(model.number) for model in models),
        registers=tuple(await _chosen(read, candidates, before)),
        max_registers=_MOST_WORDS,
        max_gap_registers=_BRIDGED,
    )
    return Found(driver, f"{maker} {name}".strip(), firmware, serial)


async def _base(read: ReadWords) -> int:
    for base in BASES:
        try:
            if list(await read(base, 2)) == SIGNATURE:
                return base + 2
        except PermanentError:
            continue  # the device has no registers there
    raise NotSunSpecError(f'no "SunS" at {", ".join(map(str, BASES))}')


async def _chain(read: ReadWords, address: int) -> list[Model]:
    models: list[Model] = []
    while len(models) < _MOST_MODELS:
        number, length = await read(address, 2)
        if number == _END:
            return models
        models.append(Model(number, address, length))
        address += 2 + length
        if address >= _END or number == 0:
            break
    raise NotSunSpecError(f"the chain of models has no end (after {len(models)} models, at {address})")


async def _identity(read: ReadWords, common: Model) -> tuple[str, str, str, str]:
    words = await read(common.address, min(common.length + 2, 66))
    maker, name, firmware, serial = (
        decode_text(words[start:end]) for start, end in ((2, 18), (18, 34), (42, 50), (50, 66))
    )
    return maker, name, firmware, serial


def _common_of(models: Sequence[Model], device_class: str) -> Model:
    """The common model that stands before the models of the class: a meter behind an inverter has one of its own."""
    common: Model | None = None
    for model in models:
        if model.number == COMMON:
            common = model
        elif common and device_class in MODELS.get(model.number, {}):
            return common
    return next(model for model in models if model.number == COMMON)


async def _port_types(read: ReadWords, models: Sequence[Model]) -> list[int]:
    """The types of the ports of model 714, in order; empty without one."""
    model = next((model for model in models if model.number == PORTS), None)
    if model is None:
        return []
    count = max(0, (model.length + 2 - _PORTS_HEADER) // _PORT_LENGTH)
    addresses = (model.address + _PORTS_HEADER + index * _PORT_LENGTH for index in range(count))
    return [await _word(read, address, _NO_TYPE) for address in addresses]


async def _word(read: ReadWords, address: int, otherwise: int) -> int:
    """One register; `otherwise` where the device refuses it."""
    try:
        return (await read(address, 1))[0]
    except PermanentError:
        return otherwise


async def _class_of(read: ReadWords, models: Sequence[Model], ports: Sequence[int], wanted: str) -> str | None:
    """The wanted class if the device can be that, else what it is. A battery that says nothing is none."""
    numbers = {model.number for model in models}
    battery = bool(numbers & STORAGE) or any(port in ESS_PORTS for port in ports)
    possible = []
    if battery and (wanted == "storage" or await _has_battery(read, models, ports)):
        possible.append("storage")
    elif numbers & PV:
        possible.append("pv_inverter")
    if numbers & METER:
        possible.append("meter")
    if not possible and battery:
        possible.append("storage")
    return wanted if wanted in possible else next(iter(possible), None)


async def _has_battery(read: ReadWords, models: Sequence[Model], ports: Sequence[int]) -> bool:
    """Whether any figure of a battery is there and not zero."""
    rows = [row for model in models for row in _battery_rows(model, ports)]
    return any(value for value in (await _values(read, rows)).values())


def _battery_rows(model: Model, ports: Sequence[int]) -> list[Register]:
    if model.number in STORAGE:
        points = [point for point in MODELS[model.number]["storage"] if point.signal not in WITHOUT_BATTERY]
        return _rows(model, points)
    if model.number == PORTS:
        return [row for index, port in enumerate(ports) if port in ESS_PORTS for row in _rows(model, _port(index))]
    return []


async def _values(read: ReadWords, rows: Sequence[Register]) -> dict[Register, float]:
    """What the device says in these rows now; rows that it does not fill, or refuses, are left out."""
    memory: dict[int, int] = {}
    for block in blocks(rows, _MOST_WORDS, _BRIDGED):
        try:
            memory.update(enumerate(await read(block.address, block.count), block.address))
        except PermanentError:
            continue
    found = {row: decoded(row, memory) for row in rows}
    return {row: value for row, value in found.items() if value is not None}


async def _candidates(
    read: ReadWords, models: Sequence[Model], device_class: str, ports: Sequence[int]
) -> dict[str, list[Register]]:
    """The rows that could give each signal, the best first: those of the newer model before those of the older."""
    found: dict[str, list[Register]] = {}
    for model in sorted(models, key=lambda model: -model.number):
        points = list(MODELS.get(model.number, {}).get(device_class, ()))
        if model.number == STRINGS and device_class == "pv_inverter":
            points += _string_points(model)
        if model.number == PORTS:
            points += _port_points(device_class, ports)
        if model.number == DER and device_class == "pv_inverter" and not await _word(read, model.address + 2, _NO_TYPE):
            points += ONE_PHASE
        for row in _rows(model, points):
            found.setdefault(row.signal, []).append(row)
    if "dc_power_kw" in found and device_class == "storage":
        # A battery that says nothing of its AC side feeds the bus with what its DC side gives.
        direct = [replace(row, signal="active_power_kw") for row in found["dc_power_kw"]]
        found.setdefault("active_power_kw", []).extend(direct)
    return found


async def _chosen(
    read: ReadWords, candidates: Mapping[str, Sequence[Register]], before: Collection[Register]
) -> list[Register]:
    """One row for each signal: the first one that the device fills; where it fills none, the best one."""
    doubtful = [row for rows in candidates.values() if len(rows) > 1 for row in rows]
    filled = await _values(read, doubtful)
    chosen = []
    for rows in candidates.values():
        known = [row for row in rows if row in before]
        chosen.append(next((row for row in (*known, *rows) if row in filled), rows[0]))
    return chosen


def _rows(model: Model, points: Iterable[Point]) -> list[Register]:
    """The rows of a model's points. A model may be shorter than its definition: what is not there is not read."""
    end = model.length + 2
    return [
        _row(model, point)
        for point in points
        if max(point.offset + point.encoding.words, (point.exponent or 0) + 1) <= end
    ]


def _row(model: Model, point: Point) -> Register:
    return Register(
        point.signal,
        model.address + point.offset,
        point.encoding,
        point.scale,
        table=Table.HOLDING,
        absent=(0,) if point.accumulator else (),
        states=point.states,
        vendor_name=f"{model.number}.{point.name}",
        default_sentinels=not point.accumulator,
        exponent_address=None if point.exponent is None else model.address + point.exponent,
    )


def _string_points(model: Model) -> list[Point]:
    """Model 160: current and voltage of the first four modules."""
    count = min(_MOST_STRINGS, max(0, (model.length + 2 - _STRINGS_HEADER) // _STRING_LENGTH))
    points = []
    for index in range(count):
        start = _STRINGS_HEADER + index * _STRING_LENGTH
        points += [
            Point(f"string_{index + 1}_current_a", start + 9, Encoding.UINT16, 2, name="DCA"),
            Point(f"string_{index + 1}_voltage_v", start + 10, Encoding.UINT16, 3, name="DCV"),
        ]
    return points


def _port(index: int) -> list[Point]:
    """Model 714: current, voltage and power of one port, by the names that a battery has for them."""
    start = _PORTS_HEADER + index * _PORT_LENGTH
    return [
        Point("dc_current_a", start + 10, Encoding.INT16, 15, name="Prt.DCA"),
        Point("dc_voltage_v", start + 11, Encoding.UINT16, 16, name="Prt.DCV"),
        Point("dc_power_kw", start + 12, Encoding.INT16, 17, 0.001, "Prt.DCW"),
    ]


def _port_points(device_class: str, ports: Sequence[int]) -> list[Point]:
    """Model 714: the voltage of the first fitting port, and each port of an inverter as a string."""
    points: list[Point] = []
    for index, port in enumerate(ports[:_MOST_STRINGS]):
        current, voltage, _ = _port(index)
        if device_class == "storage" and port in ESS_PORTS:
            points.append(voltage)
        if device_class == "pv_inverter":
            points += [
                replace(current, signal=f"string_{index + 1}_current_a"),
                replace(voltage, signal=f"string_{index + 1}_voltage_v"),
            ]
    return points
