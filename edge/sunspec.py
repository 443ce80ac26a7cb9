"""SunSpec: ask a device which information models it has, and make register rows of them.

    base: "SunS" | 1, L, data ... | 103, L, data ... | 64999, L, data ... | 0xFFFF, 0
                   common           inverter           unknown: passed over  end

Nothing after "SunS" has a fixed address: vendors insert models as they please, so the chain is walked from its start.
Layouts: SunSpec information models, github.com/sunspec/models (Apache-2.0), as of 2026-04-22.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from edge.modbus import PermanentError
from edge.registers import Driver, Encoding, Register, Table, decode_text
from edge.sunspec_models import COMMON, ESS_PORTS, METER, MODELS, PORTS, PV, STORAGE, STRINGS, Point

BASES = (40_000, 0, 50_000)
SIGNATURE = [0x5375, 0x6E53]
_END = 0xFFFF
_MOST_MODELS = 100
_MOST_STRINGS = 4
_STRINGS_HEADER, _STRING_LENGTH = 10, 20
_PORTS_HEADER, _PORT_LENGTH = 20, 25

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


async def discover(read: ReadWords) -> Found:
    """Walk a device's chain of models. Raises `NotSunSpecError`, and what `read` raises."""
    models = await _chain(read, await _base(read))
    common = next((model for model in models if model.number == COMMON), None)
    if common is None:
        raise NotSunSpecError("the chain has no common model 1")
    maker, name, firmware, serial = await _identity(read, common)
    ports = await _port_types(read, models)
    device_class = _class_of(models, ports)
    if device_class is None:
        numbers = ", ".join(str(model.number) for model in models)
        raise NotSunSpecError(f"no inverter, meter or storage among its models {numbers}")
    rows = _rows(models, device_class, ports)
    driver = Driver(
        name="sunspec",
        device_class=device_class,
        vendor=maker,
        model=name,
        document="SunSpec information models " + ", ".join(str(model.number) for model in models),
        registers=tuple(rows),
        bridge_holes=100,
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


async def _port_types(read: ReadWords, models: Sequence[Model]) -> list[int]:
    """The types of the ports of model 714, in order; empty without one."""
    model = next((model for model in models if model.number == PORTS), None)
    if model is None:
        return []
    count = max(0, (model.length + 2 - _PORTS_HEADER) // _PORT_LENGTH)
    return [(await read(model.address + _PORTS_HEADER + index * _PORT_LENGTH, 1))[0] for index in range(count)]


def _class_of(models: Sequence[Model], ports: Sequence[int]) -> str | None:
    numbers = {model.number for model in models}
    if numbers & STORAGE or any(port in ESS_PORTS for port in ports):
        return "storage"
    if numbers & PV:
        return "pv_inverter"
    return "meter" if numbers & METER else None


def _rows(models: Sequence[Model], device_class: str, ports: Sequence[int]) -> list[Register]:
    """One row for each signal; where two models offer the same signal, the newer model's."""
    rows: dict[str, Register] = {}
    for model in sorted(models, key=lambda model: -model.number):
        points = list(MODELS.get(model.number, {}).get(device_class, ()))
        if model.number == STRINGS and device_class == "pv_inverter":
            points += _string_points(model)
        if model.number == PORTS:
            points += _port_points(device_class, ports)
        for point in points:
            # A model may be shorter than its definition: what is not there is not read.
            if max(point.offset + point.encoding.words, (point.exponent or 0) + 1) <= model.length + 2:
                rows.setdefault(point.signal, _row(model, point))
    if "dc_power_kw" in rows and device_class == "storage":
        # A battery without a model of its AC side feeds the bus with what its DC side gives.
        rows.setdefault("active_power_kw", replace(rows["dc_power_kw"], signal="active_power_kw"))
    return list(rows.values())


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


def _port_points(device_class: str, ports: Sequence[int]) -> list[Point]:
    """Model 714: the voltage of the first fitting port, and each port of an inverter as a string."""
    points: list[Point] = []
    for index, port in enumerate(ports[:_MOST_STRINGS]):
        start = _PORTS_HEADER + index * _PORT_LENGTH
        if device_class == "storage" and port in ESS_PORTS:
            points.append(Point("dc_voltage_v", start + 11, Encoding.UINT16, 16, name="Prt.DCV"))
        if device_class == "pv_inverter":
            points += [
                Point(f"string_{index + 1}_current_a", start + 10, Encoding.INT16, 15, name="Prt.DCA"),
                Point(f"string_{index + 1}_voltage_v", start + 11, Encoding.UINT16, 16, name="Prt.DCV"),
            ]
    return points
