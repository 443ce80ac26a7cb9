"""Months of a park's readings in seconds: the live park's own physics at steps of minutes, read at a chosen period.

    steps of 1 to 15 minutes ─▶ end of the history ──state──▶ live park, steps of the scenario
                                                   └──state──▶ the same steps, until the live park is read

Powers hold from step to step and registers integrate them, so every power balances and every difference of two
registers is the energy in between, whatever the period of the readings. A park that starts from the `state` goes on
with the very registers with which the history ends, at whichever minute that is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract.signals import CATALOGUE
from parkgrid_simulators import dc_bus
from parkgrid_simulators.history_park import LONG_STEP_S, LONGEST_STEP_S, STEP_S, MinutePark
from parkgrid_simulators.load import load_day
from parkgrid_simulators.nameplates import load_of
from parkgrid_simulators.park import Park
from parkgrid_simulators.plant import SimulatedDevice
from parkgrid_simulators.readings import Columns
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.served import signals_served
from parkgrid_simulators.state import ParkState
from parkgrid_simulators.weather import MINUTE_MS, Site, WeatherDay, interpolate

_DAY_MS = 86_400_000
_BEYOND_THE_DRIVER = {"weather": ("irradiance_plane_w_m2", "module_temperature_c"), "dc_bus": dc_bus.SIGNALS}
"""What a class reports in history beside its driver's registers, which no driver of a weather station has yet; and a
meter of a bus does not know what its converter was asked for."""


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
    state: ParkState
    """At its end: midnight, or the end of the history."""


def devices(scenario: Scenario) -> tuple[SimulatedDevice, ...]:
    """The devices of a scenario's history: those of the live park."""
    return scenario.simulated()


def signals(device: SimulatedDevice) -> tuple[str, ...]:
    """What a device reports in history, in the catalogue's order."""
    told = {*signals_served(device), *_BEYOND_THE_DRIVER.get(device.device_class, ())}
    return tuple(signal.name for signal in CATALOGUE[device.device_class].signals if signal.name in told)


def days(
    scenario: Scenario,
    start_ms: int,
    end_ms: int,
    period_s: int,
    state: ParkState | None = None,
    *,
    as_live: bool = False,
) -> Iterator[Day]:
    """Readings of the half-open span, day by day; stamps are whole multiples of the period since the epoch.

    Without a `state` the park begins at the local midnight before `start_ms`. `as_live` steps as finely as the live
    park does, which gives its very powers; otherwise the span ends at a whole step. Raises `ValueError` for a span or
    a period that cannot be made.
    """
    step_s = None if as_live else _step_s(scenario, period_s)
    _check(start_ms, end_ms, period_s, step_s)
    made = _Made(scenario, start_ms, state, step_s)
    while start_ms < end_ms:
        until_ms = min(end_ms, midnight_after(scenario, start_ms))
        readings = made.readings(start_ms, until_ms, period_s * 1000)
        yield Day(readings, made.state_at(until_ms))
        start_ms = until_ms


def midnight_after(scenario: Scenario, at_ms: int) -> int:
    """The end of the local day of an instant."""
    site = Site(zone=scenario.site.zone)
    return site.midnight_ms(site.day_of(at_ms)) + _DAY_MS


def month_after(scenario: Scenario, at_ms: int) -> int:
    """The end of the local month of an instant."""
    site = Site(zone=scenario.site.zone)
    # 31 days after the first of a month lies in the next one.
    return site.midnight_ms((site.day_of(at_ms).replace(day=1) + timedelta(days=31)).replace(day=1))


def _check(start_ms: int, end_ms: int, period_s: int, step_s: float | None) -> None:
    if period_s < 1 or _DAY_MS % (period_s * 1000):
        raise ValueError(f"a period of {period_s} s does not divide the day: take 60, 300 or 900")
    if not 0 <= start_ms < end_ms:
        raise ValueError(f"a history from {start_ms} to {end_ms} has no length: its end must lie after its start")
    if step_s is not None and end_ms % round(step_s * 1000):
        raise ValueError(f"a history that ends at {end_ms} ends within a step of {step_s:g} s")


def _step_s(scenario: Scenario, period_s: int) -> float:
    """Readings lie on the beginnings of steps. Only vehicles that come and go need steps below a quarter hour."""
    hurried = any(each.device_class == "charger" and each.flexibility != "v2g" for each in scenario.devices)
    longest = LONG_STEP_S if hurried else LONGEST_STEP_S
    return next((step_s for step_s in (longest, LONG_STEP_S) if not period_s % step_s), STEP_S)


class _Made:
    """A park on its way."""

    def __init__(self, scenario: Scenario, start_ms: int, state: ParkState | None, step_s: float | None) -> None:
        self._park = (
            Park(scenario, start_ms, state) if step_s is None else MinutePark(scenario, start_ms, state, step_s)
        )
        self._step_ms = round(self._park.scenario.step_s * 1000)
        self._signals = [(each.device, each.device_class, signals(each)) for each in devices(scenario)]

    def readings(self, start_ms: int, end_ms: int, period_ms: int) -> tuple[Readings, ...]:
        """What every device shows at every stamp of a span within one day."""
        stamps = range(-(-start_ms // period_ms) * period_ms, end_ms, period_ms)
        shown = self._park.columns(stamps) if stamps else {}
        at_ms = np.array(stamps, np.int64)
        return tuple(
            Readings(name, device_class, at_ms, names, _matrix(shown.get(name, {}), names, len(stamps)))
            for name, device_class, names in self._signals
        )

    def state_at(self, at_ms: int) -> ParkState:
        """Go on to the end of a day, or of the history, and describe it before anything is decided there."""
        self._park.advance_to(at_ms - self._step_ms)
        if at_ms < midnight_after(self._park.scenario, self._park.at_ms):
            return self._park.halt()
        self._park.advance_to(at_ms)
        return self._park.midnight


def _matrix(shown: Columns, names: tuple[str, ...], rows: int) -> NDArray[np.float64]:
    """Columns side by side; a signal that is not shown is absent."""
    matrix = np.empty((rows, len(names)))
    for place, name in enumerate(names):
        matrix[:, place] = shown.get(name, np.nan)
    return matrix


def planned_kw(scenario: Scenario, device: str, at_ms: int) -> float:
    """What a metered load draws at an instant by its plan, whatever a schedule asks of it."""
    site = scenario.site
    place = Site(site.latitude, site.longitude, site.altitude_m, site.zone, site.linke_turbidity)
    weather = WeatherDay(place, place.day_of(at_ms), scenario.seed, site.sky)
    load = load_of(next(each for each in scenario.devices if each.id == device))
    return interpolate(load_day(load, weather), (at_ms - weather.start_ms) / MINUTE_MS)
