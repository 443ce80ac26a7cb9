"""Months of a park's readings in seconds: the live park's own physics at steps of minutes, read at a chosen period.

    whole days, steps of 1 or 5 minutes ──midnight──▶ last day, steps of the scenario ──▶ end
                                                                                           └──▶ state for the live park

Powers hold from step to step and registers integrate them, so every power balances and every difference of two
registers is the energy in between, whatever the period of the readings. The last day is stepped as finely as the live
park steps: a park that starts from the `state` goes on with the very registers with which the history ends.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from contract.identity import MeteringPoint
from contract.signals import CATALOGUE
from simulators import history_bus
from simulators.history_bus import DcBus
from simulators.history_park import LONG_STEP_S, STEP_S, MinutePark
from simulators.park import Park
from simulators.plant import SimulatedDevice
from simulators.scenario import Scenario
from simulators.served import signals_served
from simulators.state import ParkState
from simulators.weather import Site

_DAY_MS = 86_400_000
_BEYOND_THE_DRIVER = {"weather": ("irradiance_plane_w_m2", "module_temperature_c")}
"""What a class reports in history beside its driver's registers: no driver of a weather station has them yet."""


@dataclass(frozen=True, slots=True)
class HistoryState:
    """Where a history stands at a local midnight: the park, and the bus that no live park has."""

    park: ParkState
    """What the live park starts from."""
    bus: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Readings:
    """All readings of one device within one local day."""

    device: str
    device_class: str
    at_ms: NDArray[np.int64]
    signals: tuple[str, ...]
    values: NDArray[np.float64]
    """One row a reading, one column a signal, in the catalogue's units; nan is absent."""


@dataclass(frozen=True, slots=True)
class Day:
    """One local day of every device."""

    readings: tuple[Readings, ...]
    state: HistoryState
    """At its end; at its beginning, which the live park catches up from, if the history ends before its midnight."""


def devices(scenario: Scenario) -> tuple[SimulatedDevice, ...]:
    """The devices of a scenario's history: those of the live park, and the DC bus if it has one."""
    found = tuple(device.simulated() for device in scenario.devices)
    bus = scenario.dc_bus
    if bus is None:
        return found
    point = MeteringPoint(**asdict(bus.point))
    ratings = {"rated_power_kw": bus.rated_power_kw, "nominal_voltage_v": bus.nominal_voltage_v}
    return (*found, SimulatedDevice(bus.id, "dc_bus", "", bus.name_zh, bus.name_en, 1.0, ratings, point))


def signals(device: SimulatedDevice) -> tuple[str, ...]:
    """What a device reports in history, in the catalogue's order."""
    if device.device_class == "dc_bus":
        return history_bus.SIGNALS
    told = {*signals_served(device), *_BEYOND_THE_DRIVER.get(device.device_class, ())}
    return tuple(signal.name for signal in CATALOGUE[device.device_class].signals if signal.name in told)


def days(
    scenario: Scenario, start_ms: int, end_ms: int, period_s: int, state: HistoryState | None = None
) -> Iterator[Day]:
    """Readings of the half-open span, day by day; stamps are whole multiples of the period since the epoch.

    Without a `state` the park begins at the local midnight before `start_ms`. Raises `ValueError` for a span or a
    period that cannot be made.
    """
    _check(start_ms, end_ms, period_s)
    made: _Made | None = None
    while start_ms < end_ms:
        midnight_ms = midnight_after(scenario, start_ms)
        if made is None or end_ms < midnight_ms:
            made = _Made(scenario, start_ms, state, _step_s(period_s) if end_ms >= midnight_ms else None)
        readings = made.readings(start_ms, min(end_ms, midnight_ms), period_s * 1000)
        if end_ms >= midnight_ms:
            made.advance(midnight_ms)
        state = made.state
        yield Day(readings, state)
        start_ms = midnight_ms


def midnight_after(scenario: Scenario, at_ms: int) -> int:
    """The end of the local day of an instant."""
    site = Site(zone=scenario.site.zone)
    return site.midnight_ms(site.day_of(at_ms)) + _DAY_MS


def _check(start_ms: int, end_ms: int, period_s: int) -> None:
    if period_s < 1 or _DAY_MS % (period_s * 1000):
        raise ValueError(f"a period of {period_s} s does not divide the day: take 60, 300 or 900")
    if not 0 <= start_ms < end_ms:
        raise ValueError(f"a history from {start_ms} to {end_ms} has no length: its end must lie after its start")


def _step_s(period_s: int) -> float:
    """Readings lie on the beginnings of steps."""
    return STEP_S if period_s % LONG_STEP_S else LONG_STEP_S


class _Made:
    """A park on its way."""

    def __init__(self, scenario: Scenario, start_ms: int, state: HistoryState | None, step_s: float | None) -> None:
        begun = state.park if state else None
        self._park = (
            Park(scenario, start_ms, begun) if step_s is None else MinutePark(scenario, start_ms, begun, step_s)
        )
        self._bus = _bus(scenario, self._park, state)
        self._bus_at_midnight = self._bus.state if self._bus else {}
        self._step_ms = round(self._park.scenario.step_s * 1000)
        self._columns = [(device, signals(device)) for device in devices(scenario)]

    @property
    def state(self) -> HistoryState:
        """The state in which the present day began."""
        return HistoryState(self._park.midnight, dict(self._bus_at_midnight))

    def readings(self, start_ms: int, end_ms: int, period_ms: int) -> tuple[Readings, ...]:
        """What every device shows at every stamp of a span within one day."""
        stamps = range(-(-start_ms // period_ms) * period_ms, end_ms, period_ms)
        rows = [self._read(at_ms) for at_ms in stamps]
        at_ms = np.array(stamps, np.int64)
        return tuple(
            Readings(device.device, device.device_class, at_ms, names, _matrix([row[place] for row in rows], names))
            for place, (device, names) in enumerate(self._columns)
        )

    def advance(self, at_ms: int) -> None:
        """Go on to an instant; the bus follows every step."""
        if self._bus is None:
            self._park.advance_to(at_ms)
            return
        while self._park.at_ms + self._step_ms <= at_ms:
            self._bus.hold(self._step_ms)
            began = self._park.midnight
            self._park.advance_to(self._park.at_ms + self._step_ms)
            if self._park.midnight is not began:
                self._bus_at_midnight = self._bus.state
            if isinstance(self._park, MinutePark):
                self._park.show()
            self._bus.follow(self._park.flows)

    def _read(self, at_ms: int) -> list[list[float | None]]:
        self.advance(at_ms)
        found = []
        for device, names in self._columns:
            if self._bus is not None and device.device_class == "dc_bus":
                values = self._bus.values(at_ms - self._park.at_ms)
            else:
                values = self._park.values(device.device, at_ms)
            found.append([values.get(name) for name in names])
        return found


def _matrix(rows: list[list[float | None]], names: tuple[str, ...]) -> NDArray[np.float64]:
    """Rows as numbers; None becomes nan."""
    return np.array(rows, np.float64).reshape(len(rows), len(names))


def _bus(scenario: Scenario, park: Park, state: HistoryState | None) -> DcBus | None:
    settings = scenario.dc_bus
    if settings is None:
        return None
    if isinstance(park, MinutePark):
        park.show()
    bus = DcBus(settings, _sources_and_sinks(scenario), scenario.strategy.peak_import_kw)
    if state is not None and state.bus:
        bus.restore(state.bus)
    bus.follow(park.flows)
    return bus


def _sources_and_sinks(scenario: Scenario) -> Mapping[str, int]:
    """Which devices hang on the bus: a source relieves the interface (-1), a sink draws from it (+1)."""
    signs = {"pv_inverter": -1, "storage": -1, "charger": 1}
    found = {device.id: signs[device.device_class] for device in scenario.devices if device.device_class in signs}
    return found | dict.fromkeys(scenario.dc_bus.loads if scenario.dc_bus else (), 1)
