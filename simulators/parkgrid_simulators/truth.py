"""What the physics of a park really did: energies of every device by quarter hour, whatever its registers show.

Faults spoil what a device answers; they never touch these figures, so a program can compare its own with them.
"""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from parkgrid_contract.time import from_ms
from parkgrid_simulators.flow import WATT_MS_PER_KWH, Flow

QUARTER_MS = 900_000
KEPT_QUARTERS = 8 * 96
"""A week and a day: as far as the clock moves at once, and more."""
LOSS = ""
"""Stands for what conversion, standby and the transformer take; no device has this name."""
NAMES: Mapping[str, tuple[str, str]] = {
    "grid_meter": ("energy_import_kwh", "energy_export_kwh"),
    "meter": ("energy_import_kwh", "energy_export_kwh"),
    "dc_bus": ("energy_import_kwh", "energy_export_kwh"),
    "pv_inverter": ("energy_generated_kwh", ""),
    "storage": ("energy_discharged_kwh", "energy_charged_kwh"),
    "charger": ("energy_delivered_kwh", "energy_returned_kwh"),
}
"""What energy of positive and of negative power is called, by class, as in the catalogue."""


class Registers(NamedTuple):
    """Energies of one device up to an instant, in watt-milliseconds."""

    taken: int
    given: int


class Quarter(NamedTuple):
    """Energies of every device in a quarter hour, in watt-milliseconds."""

    start_ms: int
    energies: Mapping[str, Registers]

    def told(self, classes: Mapping[str, str]) -> dict[str, Any]:
        """As plain values, in kWh and by the names of the catalogue."""
        devices = {}
        for device, device_class in classes.items():
            named = zip(NAMES.get(device_class, ()), self.energies.get(device, ()), strict=False)
            if found := {name: energy / WATT_MS_PER_KWH for name, energy in named if name}:
                devices[device] = found
        loss_kwh = self.energies[LOSS].taken / WATT_MS_PER_KWH
        return {"start": from_ms(self.start_ms).isoformat(), "devices": devices, "loss_kwh": loss_kwh}


class Truth:
    """The registers of every flow at the borders of the quarter hours that were simulated last."""

    def __init__(self) -> None:
        self._borders: deque[tuple[int, Mapping[str, Registers]]] = deque(maxlen=KEPT_QUARTERS + 1)
        self.next_ms = 0
        """The border to come."""

    def begin(self, at_ms: int, flows: Mapping[str, Flow]) -> None:
        """Watch from an instant on, before its powers have held."""
        self.next_ms = -(-at_ms // QUARTER_MS) * QUARTER_MS
        self.hold(at_ms, 0, flows)

    def hold(self, at_ms: int, milliseconds: int, flows: Mapping[str, Flow]) -> None:
        """Look at the borders up to the end of a step, before its powers have held."""
        while self.next_ms <= at_ms + milliseconds:
            elapsed_ms = self.next_ms - at_ms
            found = {name: flow.now.after(elapsed_ms) for name, flow in flows.items()}
            standing = {name: Registers(int(one.taken), int(one.given)) for name, one in found.items()}
            self._borders.append((self.next_ms, standing))
            self.next_ms += QUARTER_MS

    def quarters(self, from_ms: int, to_ms: int) -> list[Quarter]:
        """Every quarter hour that began in a half-open span, is over, and is still kept."""
        return [
            Quarter(start_ms, {name: _between(before[name], now) for name, now in after.items()})
            for (start_ms, before), (_, after) in pairwise(self._borders)
            if from_ms <= start_ms < to_ms
        ]


def _between(before: Registers, after: Registers) -> Registers:
    return Registers(after.taken - before.taken, after.given - before.given)
