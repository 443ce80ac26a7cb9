"""One device as its Modbus clients see it: register image, measurements and the faults that spoil them."""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.signals import SignalKind
from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import Encoding, Register, Table
from parkgrid_simulators.faults import Fault, FaultKind, FaultPlan
from parkgrid_simulators.image import IllegalAddressError, RegisterImage, decimal_points, identity_words, modulus
from parkgrid_simulators.plant import Plant, SimulatedDevice, Values
from parkgrid_simulators.sunspec_image import sunspec_image

FIRMWARE = "parkgrid-sim 1"
Faults = Mapping[FaultKind, Fault]


class ServedDevice:
    """Answers reads and writes of registers at an instant."""

    def __init__(self, device: SimulatedDevice, plant: Plant, plan: FaultPlan) -> None:
        self._device = device
        self._plant = plant
        self._plan = plan
        self._image = _image(device)
        self._begun: dict[Fault, Values] = {}
        self._random = Random(f"{plan.seed}/faults/{device.device}")  # noqa: S311  faults, not secrets

    @property
    def has_clock(self) -> bool:
        """Whether it keeps a time of its own."""
        return self._image.driver.clock is not None

    def faults(self, at_ms: int) -> Faults:
        """What spoils the answer to one request at an instant, one fault of each kind; it draws, so ask once."""
        active = self._plan.active(self._device.device, at_ms)
        return {fault.kind: fault for fault in active if self._spoils(fault)} if active else {}

    def begin(self, fault: Fault) -> None:
        """Remember what it measured when a fault began."""
        held = set(self._plan.listed().values())
        self._begun = {begun: values for begun, values in self._begun.items() if begun in held}
        self._begun[fault] = dict(self._plant.values(self._device.device, fault.start_ms))

    def read(self, table: Table, address: int, count: int, at_ms: int, faults: Faults | None = None) -> list[int]:
        """The words of a block, spoiled by the faults of its request. Raises `IllegalAddressError`."""
        if faults is None:
            faults = self.faults(at_ms)
        values = self._values(at_ms, faults)
        if not faults:
            return self._image.read(table, address, count, values)
        self._refuse(address, count, at_ms, faults)
        words = self._image.read(table, address, count, self._spoiled(values, faults))
        if FaultKind.WORD_SWAP in faults:
            self._image.swap(table, address, words)
        if glitch := faults.get(FaultKind.WORD_GLITCH):
            mask = int(glitch.parameters.get("mask", 0)) or self._random.randint(1, 0xFFFF)
            self._image.glitch(table, address, words, mask, self._random)
        if spike := faults.get(FaultKind.SPIKE):
            return [int(spike.value("word"))] * count
        return words

    def write(self, address: int, words: list[int], at_ms: int = 0, faults: Faults | None = None) -> None:
        """Take set-points. Raises `IllegalAddressError` or `IllegalValueError`."""
        if faults:
            self._refuse(address, len(words), at_ms, faults)
        for signal, value in self._image.written(address, words):
            self._plant.write(self._device.device, signal, value)

    def _spoils(self, fault: Fault) -> bool:
        """Whether a fault spoils this answer: always, or as often as its share says."""
        share = fault.share
        return share >= 1 or self._random.random() < share

    def _refuse(self, address: int, count: int, at_ms: int, faults: Faults) -> None:
        """Refuse a request that touches an address which is refused now; several faults may each name some."""
        if FaultKind.REFUSED not in faults:
            return
        for fault in self._plan.active(self._device.device, at_ms):
            if fault.kind is FaultKind.REFUSED:
                first = int(fault.value("address"))
                if address < first + int(fault.value("count")) and first < address + count:
                    raise IllegalAddressError(first)

    def _values(self, at_ms: int, faults: Faults) -> Values:
        """What the plant measures, and the device's own time where it has a clock."""
        values = self._plant.values(self._device.device, at_ms)
        clock = self._image.driver.clock
        if clock is None:
            return values
        late = faults.get(FaultKind.LATE_CLOCK)
        return {**values, clock.signal: at_ms // 1000 - (late.value("behind_s") if late else 0.0)}

    def _spoiled(self, values: Values, faults: Faults) -> Values:
        if stuck := faults.get(FaultKind.STUCK):
            return {**values, **self._begun[stuck]}
        for kind, end in ((FaultKind.COUNTER_RESET, False), (FaultKind.COUNTER_WRAP, True)):
            if fault := faults.get(kind):
                values = self._moved(values, fault, near_the_end=end)
        if fall := faults.get(FaultKind.COUNTER_FALL):
            values = self._fallen(values, fall.value("fall_kwh"))
        if FaultKind.ZERO in faults:
            values = {name: None if value is None else 0.0 for name, value in values.items()}
        return values

    def _moved(self, values: Values, fault: Fault, *, near_the_end: bool) -> Values:
        """Counters that count from zero, or from just below their end, since the fault began."""
        base = self._begun[fault]
        moved = dict(values)
        for row in self._image.driver.registers:
            value, start = values.get(row.signal), base.get(row.signal)
            if self._counts(row) and value is not None and start is not None:
                begin = modulus(row) - fault.value("distance_kwh") if near_the_end else 0.0
                moved[row.signal] = value - start + begin
        return moved

    def _fallen(self, values: Values, fall: float) -> Values:
        """Counters that stand lower by so much."""
        fallen = dict(values)
        for row in self._image.driver.registers:
            value = values.get(row.signal)
            if self._counts(row) and value is not None:
                fallen[row.signal] = max(value - fall, 0.0)
        return fallen

    def _counts(self, row: Register) -> bool:
        return self._image.kinds.get(row.signal) is SignalKind.COUNTER


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
