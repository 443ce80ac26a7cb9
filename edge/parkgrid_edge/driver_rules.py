"""What every driver must keep to, whoever wrote it: class and signals of the catalogue, legal and separate registers.

Drivers of installed packages are held to this before they are used, all drivers when they are tested.
"""

import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from parkgrid_contract.ranges import MAX_RATING, text_problem
from parkgrid_contract.refusal import shorten, written
from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge.protocols.registers import (
    MAX_READ,
    Driver,
    Encoding,
    Register,
    Table,
    Text,
    WordOrder,
    WriteRegister,
    blocks,
)

_LAST_ADDRESS = 0xFFFF
_NO_ADDRESS = "the address does not exist: it is what is sent on the wire, 0 to 65535"
_LONGEST_PAUSE_S = 60.0
_MOST_REGISTERS = 2_000
"""Far more than any device has signals; a table beyond it would keep a slow line busy for minutes."""
RATINGS: Mapping[str, tuple[float, float]] = {
    "rated_power_kw": (0.0, MAX_RATING),
    "rated_power_kwp": (0.0, MAX_RATING),
    "capacity_kwh": (0.0, MAX_RATING),
    "nominal_voltage_v": (0.0, MAX_RATING),
    "charge_efficiency": (0.0, 1.0),
    "temperature_coefficient_per_k": (-0.1, 0.0),
}
"""The ratings that a driver may state for its device: each is above the first number and at most the second."""
_TYPES: Mapping[type, Mapping[str, tuple[type, ...]]] = {
    Driver: {
        "name": (str,),
        "device_class": (str,),
        "vendor": (str,),
        "model": (str,),
        "document": (str,),
        "registers": (tuple,),
        "writes": (tuple,),
        "max_registers": (int,),
        "max_gap_registers": (int,),
        "request_gap_s": (float, int),
        "warm_up_s": (float, int),
        "ratings": (Mapping,),
        "identity": (Mapping,),
        "clock": (Register, type(None)),
        "discovers": (bool,),
    },
    Register: {
        "signal": (str,),
        "address": (int,),
        "encoding": (Encoding,),
        "scale": (float, int),
        "offset": (float, int),
        "word_order": (WordOrder,),
        "table": (Table,),
        "absent": (tuple,),
        "states": (Mapping, type(None)),
        "vendor_name": (str,),
        "default_sentinels": (bool,),
        "exponent_address": (int, type(None)),
    },
    WriteRegister: {
        "signal": (str,),
        "address": (int,),
        "encoding": (Encoding,),
        "scale": (float, int),
        "word_order": (WordOrder,),
        "low": (float, int),
        "high": (float, int),
    },
    Text: {"address": (int,), "words": (int,), "table": (Table,)},
}
"""The types of every field: an installed package may never have seen a type checker."""
_WHOLE_NUMBERS = {"absent", "states"}


def broken_rules(driver: Driver) -> list[str]:
    """Every rule that a driver breaks, each with the offending value; empty when it may be used."""
    wrong_types = list(_wrong_types(driver))
    if wrong_types:
        return wrong_types
    found = [*_limits(driver), *_about_the_device(driver)]
    if driver.discovers:
        return found + [
            f"{row.signal} at {row.address}: a driver that discovers has no rows" for row in driver.registers
        ]
    known = CATALOGUE.get(driver.device_class)
    if known is None:
        return [*found, f"class {driver.device_class!r}: {_instead(driver.device_class, CATALOGUE)}"]
    if not driver.registers:
        found.append("registers: there is none")
    for row in driver.registers:
        found += [f"{row.signal} at {row.address}: {problem}" for problem in _row_problems(row, driver)]
    for point in driver.writes:
        found += [f"write {point.signal} at {point.address}: {problem}" for problem in _write_problems(point, driver)]
    return found + list(_doubled(driver)) + list(_overlaps(driver))


def rating_problems(ratings: Mapping[str, float]) -> Iterator[tuple[str, object, str]]:
    """What is wrong with ratings, as (name, value, remedy): a name that is unknown, a type, a range."""
    for name, value in ratings.items():
        if name not in RATINGS:
            yield name, value, f"is unknown; {_instead(shorten(name), RATINGS)}"
        elif isinstance(value, bool) or not isinstance(value, float | int):
            yield name, value, "must be of type float or int"
        elif not RATINGS[name][0] < value <= RATINGS[name][1]:
            low, high = RATINGS[name]
            yield name, value, f"must be above {low:g} and at most {high:g}"


def _wrong_types(driver: Driver) -> Iterator[str]:
    yield from _wrong_fields(driver, "")
    if isinstance(driver.clock, Register):
        yield from _wrong_fields(driver.clock, "clock")
    for kind, rows in ((Register, driver.registers), (WriteRegister, driver.writes)):
        for number, row in enumerate(rows if isinstance(rows, tuple) else (), 1):
            where = f"{'row' if kind is Register else 'write'} {number}"
            yield from (
                _wrong_fields(row, where) if isinstance(row, kind) else [f"{where}: {row!r} is no {kind.__name__}"]
            )
    for name, text in driver.identity.items() if isinstance(driver.identity, Mapping) else ():
        where = f"identity {name!r}"
        yield from _wrong_fields(text, where) if isinstance(text, Text) else [f"{where}: {text!r} is no Text"]


def _wrong_fields(value: Any, where: str) -> Iterator[str]:
    for name, kinds in _TYPES[type(value)].items():
        found = getattr(value, name)
        if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
            yield f"{where} {name} = {found!r}: must be of type {wanted}".lstrip()
        elif name in _WHOLE_NUMBERS and found and not all(type(number) is int for number in _numbers(found)):
            yield f"{where} {name} = {found!r}: must hold whole numbers only"


def _numbers(found: Any) -> Iterator[Any]:
    yield from (number for pair in found.items() for number in pair) if isinstance(found, Mapping) else found


def _limits(driver: Driver) -> Iterator[str]:
    if not 1 <= driver.max_registers <= MAX_READ:
        yield f"max_registers = {driver.max_registers}: must be between 1 and {MAX_READ}"
    if not 0 <= driver.max_gap_registers <= MAX_READ:
        yield f"max_gap_registers = {driver.max_gap_registers}: must be between 0 and {MAX_READ}"
    for name in ("request_gap_s", "warm_up_s"):
        if not 0 <= getattr(driver, name) <= _LONGEST_PAUSE_S:
            yield f"{name} = {getattr(driver, name)}: must be between 0 and {_LONGEST_PAUSE_S:g} s"
    if len(driver.registers) > _MOST_REGISTERS:
        yield f"registers: {len(driver.registers)}, at most {_MOST_REGISTERS}"
    for name, text in driver.identity.items():
        if not 1 <= text.words <= MAX_READ or not 0 <= text.address <= _LAST_ADDRESS + 1 - text.words:
            yield f"identity {name!r}: {text.words} registers at {text.address} do not fit one read"


def _about_the_device(driver: Driver) -> Iterator[str]:
    for name in ("vendor", "model"):
        if problem := text_problem(getattr(driver, name)):
            yield f"{name} = {getattr(driver, name)!r}: {problem}"
    for name, value, remedy in rating_problems(driver.ratings):
        yield f"ratings {shorten(name)} = {shorten(written(value))}: {remedy}"
    if driver.clock and not 0 <= driver.clock.address <= _LAST_ADDRESS + 1 - driver.clock.encoding.words:
        yield f"clock at {driver.clock.address}: {_NO_ADDRESS}"


def _row_problems(row: Register, driver: Driver) -> Iterator[str]:
    signal = CATALOGUE[driver.device_class].by_name.get(row.signal)
    if signal is None:
        yield _no_signal(row.signal, driver)
    if not 0 <= row.address <= _LAST_ADDRESS + 1 - row.encoding.words:
        yield _NO_ADDRESS
    if row.exponent_address is not None and not 0 <= row.exponent_address <= _LAST_ADDRESS:
        yield f"exponent_address = {row.exponent_address}: must be between 0 and {_LAST_ADDRESS}"
    if not math.isfinite(row.scale) or row.scale == 0:
        yield f"scale = {row.scale}: must be a number other than 0"
    if not math.isfinite(row.offset):
        yield f"offset = {row.offset}: must be a number"
    states = set(row.states.values()) if row.states is not None else set()
    if signal is not None and states:
        wrong = sorted(states - set(range(len(signal.states))), key=str)
        if wrong:
            listed = ", ".join(f"{number} {name}" for number, name in enumerate(signal.states)) or "none"
            yield f"states {wrong}: the catalogue has {listed}"
    try:
        blocks([row], driver.max_registers, driver.max_gap_registers)
    except ValueError as error:
        yield str(error)


def _write_problems(point: WriteRegister, driver: Driver) -> Iterator[str]:
    if point.signal not in CATALOGUE[driver.device_class].by_name:
        yield _no_signal(point.signal, driver)
    if not 0 <= point.address <= _LAST_ADDRESS + 1 - point.encoding.words:
        yield _NO_ADDRESS
    if not math.isfinite(point.scale) or point.scale == 0:
        yield f"scale = {point.scale}: must be a number other than 0"
    if not (math.isfinite(point.low) and math.isfinite(point.high) and point.low < point.high):
        yield f"low = {point.low}, high = {point.high}: state the bounds, low below high"


def _doubled(driver: Driver) -> Iterator[str]:
    places: dict[str, int] = {}
    for row in driver.registers:
        if row.signal in places:
            yield f"{row.signal} at {row.address}: the signal is read at {places[row.signal]}, too; keep one row"
        places.setdefault(row.signal, row.address)


def _overlaps(driver: Driver) -> Iterator[str]:
    """Two signals in one register; an exponent may serve several rows, and stands in no other signal's register."""
    taken: dict[tuple[Table, int], str] = {}
    for row in driver.registers:
        for address in range(row.address, row.end):
            owner = taken.setdefault((row.table, address), row.signal)
            if owner != row.signal:
                yield f"{row.signal} at {row.address}: register {address} belongs to {owner} already"
                break
    for row in driver.registers:
        exponent = row.exponent_address
        if exponent is not None and (row.table, exponent) in taken:
            owner = taken[row.table, exponent]
            yield f"{row.signal}: its exponent_address {exponent} belongs to {owner} already"


def _no_signal(name: str, driver: Driver) -> str:
    return f"{driver.device_class} has no such signal; {_instead(name, CATALOGUE[driver.device_class].by_name)}"


def _instead(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
