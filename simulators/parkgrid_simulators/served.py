"""One device as its Modbus clients see it: register image, measurements and the faults that spoil them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.signals import SignalKind
from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import Encoding, Table
from parkgrid_simulators.faults import Fault, FaultKind, FaultPlan
from parkgrid_simulators.image import RegisterImage, decimal_points, identity_words, modulus
from parkgrid_simulators.plant import Plant, SimulatedDevice, Values
from parkgrid_simulators.sunspec_image import sunspec_image

FIRMWARE = "parkgrid-sim 1"
_SPIKE = 0xFFFF
_DEFAULT_WRAP_KWH = 1.0


class ServedDevice:
    """Answers reads and writes of registers at an instant."""

    def __init__(self, device: SimulatedDevice, plant: Plant, plan: FaultPlan) -> None:
        self._device = device
        self._plant = plant
        self._plan = plan
        self._image = _image(device)
        self._begun: dict[Fault, Values] = {}

    def faults(self, at_ms: int) -> Mapping[FaultKind, Fault]:
        """What is wrong with it at an instant, one fault of each kind."""
        active = self._plan.active(self._device.device, at_ms)
        return {fault.kind: fault for fault in active} if active else {}

    def begin(self, fault: Fault) -> None:
        """Remember what it measured when a fault began."""
        self._begun[fault] = dict(self._plant.values(self._device.device, fault.start_ms))

    def read(self, table: Table, address: int, count: int, at_ms: int) -> list[int]:
        """The words of a block. Raises `IllegalAddressError`."""
        faults = self.faults(at_ms)
        values = self._plant.values(self._device.device, at_ms)
        if not faults:
            return self._image.read(table, address, count, values)
        words = self._image.read(table, address, count, self._spoiled(values, faults))
        if FaultKind.WORD_SWAP in faults:
            self._image.swap(table, address, words)
        if spike := faults.get(FaultKind.SPIKE):
            word = _SPIKE if spike.number is None else int(spike.number) & 0xFFFF
            return [word] * count
        return words

    def write(self, address: int, words: list[int]) -> None:
        """Take set-points. Raises `IllegalAddressError` or `IllegalValueError`."""
        for signal, value in self._image.written(address, words):
            self._plant.write(self._device.device, signal, value)

    def _spoiled(self, values: Values, faults: Mapping[FaultKind, Fault]) -> Values:
        if stuck := faults.get(FaultKind.STUCK):
            return self._begun[stuck]
        for kind, end in ((FaultKind.COUNTER_RESET, False), (FaultKind.COUNTER_WRAP, True)):
            if fault := faults.get(kind):
                values = self._moved(values, fault, near_the_end=end)
        return values

    def _moved(self, values: Values, fault: Fault, *, near_the_end: bool) -> Values:
        """Counters that count from zero, or from just below their end, since the fault began."""
        base = self._begun[fault]
        moved = dict(values)
        for row in self._image.driver.registers:
            value, start = values.get(row.signal), base.get(row.signal)
            if self._image.kinds.get(row.signal) is SignalKind.COUNTER and value is not None and start is not None:
                distance = _DEFAULT_WRAP_KWH if fault.number is None else fault.number
                moved[row.signal] = value - start + (modulus(row) - distance if near_the_end else 0.0)
        return moved


def signals_served(device: SimulatedDevice) -> frozenset[str]:
    """The signals that a device's registers hold."""
    return frozenset(row.signal for row in _image(device).driver.registers)


def as_held(device: SimulatedDevice, names: Sequence[str], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns of values with their counters as the device's registers hold them: whole steps, or 32 bits of a float.

    A register of 0.01 kWh that goes on from an exact value would seem to run back by some Wh.
    """
    image, found = _image(device), values.copy()
    for row in image.driver.registers:
        if image.kinds.get(row.signal) is SignalKind.COUNTER and row.signal in names:
            step, column = abs(row.scale) * 10.0 ** image.exponent(row), names.index(row.signal)
            found[:, column] = _whole(row.encoding, values[:, column] / step) * step
    return found


def _whole(encoding: Encoding, steps: NDArray[np.float64]) -> NDArray[np.float64]:
    if encoding is Encoding.FLOAT32:
        return steps.astype(np.float32).astype(np.float64)
    return steps if encoding is Encoding.FLOAT64 else np.rint(steps)


def _image(device: SimulatedDevice) -> RegisterImage:
    driver = drivers.find(device.driver)
    if driver.discovers:
        return sunspec_image(device, FIRMWARE)
    texts = {"model": f"{driver.model} (simulated)", "firmware": FIRMWARE, "serial": device.device}
    return RegisterImage(driver, identity_words(driver, texts) | decimal_points(driver, device.ratings))
