"""The direct-current bus of a PEDF building (光储直柔): its voltage is the signal that storage and loads follow.

The interface converter takes from the grid what the bus lacks. It asks for a power by its reference voltage: a higher
one invites loads and charging, a lower one holds them back. The band of 80 to 107 % of the nominal voltage is
T/CABEE 030-2022's normal operation [from memory, unverified]; slopes and ripple are design defaults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parkgrid_contract.signals import OPERATING_STATES
from parkgrid_simulators.flow import Flow, Metered
from parkgrid_simulators.readings import Columns, kwh
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.scenario_tables import DcBusSettings

SIGNALS = (
    "voltage_v", "reference_voltage_v", "ripple_v", "current_a", "active_power_kw", "target_power_kw",
    "energy_import_kwh", "energy_export_kwh", "operating_state", "fault_code",
)  # fmt: skip
_LOWEST, _HIGHEST = 0.80, 1.07
_REFERENCE_SLOPE = 0.05
"""Share of the nominal voltage that the reference rises at full target power."""
_DROOP = 0.03
"""Share of the nominal voltage that the bus falls when it takes its rating more than the target."""
_FOLLOW_MS = 900_000
"""The target follows the power with this time constant: a plan of 15 minutes."""
_RIPPLE_IDLE, _RIPPLE_FULL = 0.002, 0.008
_RUNNING = float(OPERATING_STATES.index("running"))
_SIGNS = {"pv_inverter": -1, "storage": -1, "charger": 1}
"""A source relieves the interface, a sink draws from it."""


@dataclass(slots=True)
class DcBus:
    """The bus between its interface converter and what hangs on it; import from the grid is positive."""

    settings: DcBusSettings
    signs: Mapping[str, int]
    """Device to +1 for a sink, -1 for a source."""
    most_kw: float
    """Import that the interface is never asked to exceed."""
    flow: Flow = field(default_factory=Flow)
    _target_kw: float | None = None

    def follow(self, watts: int) -> None:
        """Take the power that its devices leave to the interface: sinks less sources."""
        self.flow.watts = watts
        if self._target_kw is None:
            self._target_kw = self._wanted_kw

    def hold(self, milliseconds: int) -> None:
        """Let time pass at this power; the target moves towards it."""
        self.flow.hold(milliseconds)
        target = self._wanted_kw if self._target_kw is None else self._target_kw
        self._target_kw = target + (self._wanted_kw - target) * min(milliseconds / _FOLLOW_MS, 1.0)

    @property
    def target_kw(self) -> float:
        """What the interface is asked for."""
        return self._target_kw or 0.0

    def shown(self, flow: Metered, target_kw: Any) -> Columns:
        """What its instruments show at an instant, or at many."""
        settings, power, target = self.settings, flow.watts / 1000, target_kw
        nominal, rated = settings.nominal_voltage_v, settings.rated_power_kw
        reference = nominal * np.minimum(np.maximum(1 + _REFERENCE_SLOPE * target / rated, _LOWEST), _HIGHEST)
        volts = reference - nominal * _DROOP * (power - target) / rated
        return {
            "voltage_v": volts,
            "reference_voltage_v": reference,
            "ripple_v": nominal * (_RIPPLE_IDLE + (_RIPPLE_FULL - _RIPPLE_IDLE) * np.minimum(abs(power) / rated, 1.0)),
            "current_a": 1000 * power / volts,
            "active_power_kw": power,
            "target_power_kw": target,
            "energy_import_kwh": kwh(flow.taken),
            "energy_export_kwh": kwh(flow.given),
            "operating_state": _RUNNING,
            "fault_code": 0.0,
        }

    @property
    def state(self) -> Mapping[str, float]:
        """Registers and target, as plain numbers; a bus that nothing was asked of yet has no target."""
        target = {} if self._target_kw is None else {"target_kw": self._target_kw}
        return {"taken": self.flow.taken, "given": self.flow.given, **target}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on from a state; an empty one is that of a park which had no bus."""
        self.flow.taken, self.flow.given = int(state.get("taken", 0)), int(state.get("given", 0))
        self._target_kw = state.get("target_kw")

    @property
    def _wanted_kw(self) -> float:
        return min(self.flow.watts / 1000, self.most_kw)


def bus_of(scenario: Scenario) -> DcBus | None:
    """The bus of a park with everything that hangs on it, if the park has one."""
    settings = scenario.dc_bus
    if settings is None:
        return None
    signs = {device.id: _SIGNS[device.device_class] for device in scenario.devices if device.device_class in _SIGNS}
    return DcBus(settings, signs | dict.fromkeys(settings.loads, 1), scenario.strategy.peak_import_kw)
