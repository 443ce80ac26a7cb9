"""Reads what accounts used: their registers and all intervals of a month in one COPY, as arrays of exact Wh.

COPY binary of a row      register_id | at | energy_wh | quality       fixed width, so the bytes are the array
array of a register       96 x days quarter hours; a coarser interval stands on its first one
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parkgrid_accounting.bills.statements import statement
from parkgrid_contract.time import from_ms
from parkgrid_database.connection import Connection
from parkgrid_domain.period import Period
from parkgrid_domain.tariff.registers import FEED_IN_REGISTERS, IMPORT, METER_CLASSES, REACTIVE
from parkgrid_domain.tariff.usage import MISSING, QUARTER_MS, QUARTER_S, Quarters, Series, Usage, quarters

_MANY = 50
"""Registers from which on a month is read page by page."""
_QUALITY_BITS, _SLOT_BITS = 2, 12
"""A quarter hour of a month needs 12 bits; what is left holds any energy below 500 TWh."""


@dataclass(frozen=True, slots=True)
class Register:
    """A register of an account."""

    park_id: int
    register_id: int
    account: str
    device_class: str
    signal: str
    period_s: int
    simulated: bool = False
    """Whether its device is a simulated one."""


@dataclass(frozen=True, slots=True)
class AccountEnergy:
    """The registers of an account with their intervals of a month."""

    registers: tuple[Register, ...]
    energy_wh: NDArray[np.int64]
    """One row a register, one column a quarter hour."""
    quality: NDArray[np.int8]

    @property
    def simulated(self) -> bool:
        """Whether any of it comes from simulated devices."""
        return any(register.simulated for register in self.registers)

    def digest(self) -> str:
        """SHA-256 over registers, energies and qualities: two bills with the same digest counted the same."""
        digest = hashlib.sha256()
        for number, register in enumerate(self.registers):
            name = (register.register_id, register.device_class, register.signal, register.period_s)
            digest.update(repr(name).encode())
            digest.update(self.energy_wh[number].astype("<i8").tobytes())
            digest.update(self.quality[number].tobytes())
        return digest.hexdigest()

    def usage(self, elapsed: int | None = None) -> Usage:
        """What the bill counts, over as many quarter hours as have passed."""
        meters = _metering(self.registers)
        fed_in = {pair: self._group([pair[0]], [pair[1]], elapsed) for pair in FEED_IN_REGISTERS}
        return Usage(
            imported=self._group([meters], [IMPORT], elapsed),
            reactive=self._group([meters], REACTIVE, elapsed),
            fed_in={pair: group for pair, group in fed_in.items() if pair[0] not in METER_CLASSES or pair[0] == meters},
        )

    def _group(self, classes: Sequence[str], signals: Sequence[str], elapsed: int | None) -> Quarters:
        series = [
            self._series(number, elapsed)
            for number, register in enumerate(self.registers)
            if register.device_class in classes and register.signal in signals
        ]
        return quarters(series, self.energy_wh.shape[1], elapsed)

    def _series(self, number: int, elapsed: int | None) -> Series:
        register = self.registers[number]
        parts = register.period_s // QUARTER_S
        energy, quality = self.energy_wh[number, ::parts], self.quality[number, ::parts]
        if elapsed is not None and elapsed < self.energy_wh.shape[1]:
            # What a clock ahead of ours has sent belongs to a later look.
            quality = np.where(np.arange(0, self.energy_wh.shape[1], parts) < elapsed, quality, MISSING)
        return Series(register.device_class, register.signal, register.period_s, energy, quality)


def account_energies(connection: Connection, parks: Mapping[str, str], period: Period) -> dict[str, AccountEnergy]:
    """What some accounts used in a month, read at once; an account without registers has empty arrays.

    `parks` says which park each account is supplied in: only metering points there are its own.
    """
    values = {"accounts": list(parks), "parks": list(parks.values())}
    rows = connection.execute(statement("registers_of"), values).fetchall()
    billed = {IMPORT, *REACTIVE, *(signal for _, signal in FEED_IN_REGISTERS)}
    registers = [register for register in (Register(*row) for row in rows) if register.signal in billed]
    energy, quality = _intervals(connection, registers, period)
    places: dict[str, list[int]] = defaultdict(list)
    for place, register in enumerate(registers):
        places[register.account].append(place)
    return {
        account: AccountEnergy(
            tuple(registers[place] for place in places[account]), energy[places[account]], quality[places[account]]
        )
        for account in parks
    }


def _intervals(
    connection: Connection, registers: Sequence[Register], period: Period
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    count = (period.end_ms - period.start_ms) // QUARTER_MS
    energy, quality = np.zeros((len(registers), count), np.int64), np.zeros((len(registers), count), np.int8)
    if not registers:
        return energy, quality
    places = {register.register_id: place for place, register in enumerate(registers)}
    with connection.transaction(), connection.cursor(binary=True) as cursor:
        if len(registers) >= _MANY:
            cursor.execute(statement("read_in_bulk"))
        for values in _parts(registers, period):
            for register_id, packed in cursor.execute(statement("packed_intervals"), values):
                numbers = np.frombuffer(packed, ">i8").astype(np.int64)
                slots = (numbers >> _QUALITY_BITS) & ((1 << _SLOT_BITS) - 1)
                energy[places[register_id], slots] = numbers >> (_QUALITY_BITS + _SLOT_BITS)
                quality[places[register_id], slots] = numbers & ((1 << _QUALITY_BITS) - 1)
    return energy, quality


def _parts(registers: Sequence[Register], period: Period) -> Iterator[dict[str, Any]]:
    """What is asked of each park: one statement is about one park."""
    span = {"start": from_ms(period.start_ms), "stop": from_ms(period.end_ms), "start_s": period.start_ms // 1000}
    by_park: dict[int, list[int]] = defaultdict(list)
    for register in registers:
        by_park[register.park_id].append(register.register_id)
    for park_id, numbers in by_park.items():
        yield {"park_id": park_id, "registers": numbers, **span}


def _metering(registers: Sequence[Register]) -> str:
    """The class of meters that an account is billed by."""
    classes = {register.device_class for register in registers if register.signal == IMPORT}
    return next((name for name in METER_CLASSES if name in classes), METER_CLASSES[0])
