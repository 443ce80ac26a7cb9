"""The same park at steps of whole minutes, quicker: what a day brings from outside is known before the day is stepped.

Generation and loads do not depend on any state, so their powers and registers are taken from sums over the day; only
chargers, storage and grid meter are stepped. Over a step longer than a minute generation and loads hold their mean, so
the energy of the step is the same. A test holds every value at steps of a minute against `Park`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parkgrid_simulators.flow import Flow, Metered
from parkgrid_simulators.measurements import Measurements
from parkgrid_simulators.park import Balance, Day, Park
from parkgrid_simulators.scenario import Scenario
from parkgrid_simulators.state import ParkState
from parkgrid_simulators.weather import MINUTE_MS, MINUTES

STEP_S = 60.0
"""Seconds that powers hold on days that are over: vehicles charge for half an hour, clouds are known by the minute."""
LONG_STEP_S = 300.0
"""The same where readings are further apart: five minutes are still short beside a charging session."""
LONGEST_STEP_S = 900.0
"""The same of a park without such sessions: its vehicles stay for hours."""


@dataclass(frozen=True, slots=True)
class _Course:
    """One device's day: power and registers at the beginning of every step, whole watts and watt-milliseconds."""

    watts: NDArray[np.int64]
    var: NDArray[np.int64]
    taken: NDArray[np.int64]
    reactive: NDArray[np.int64]

    def at(self, step: NDArray[np.int64]) -> Metered:
        """What is read at the beginning of some steps; generation and loads know one direction."""
        return Metered(self.watts[step], self.var[step], self.taken[step], 0, self.reactive[step], 0)


class MinutePark(Park):
    """A park whose powers hold for some minutes, for days that are over: it knows schedules, but no set-points."""

    def __init__(
        self, scenario: Scenario, start_ms: int, state: ParkState | None = None, step_s: float = STEP_S
    ) -> None:
        self._courses: dict[str, _Course] = {}
        self._pv_w: list[int] = []
        self._load_w: list[int] = []
        self._var: list[int] = []
        self._bus_w: list[int] = []
        self._available: dict[str, list[float]] = {}
        self._planned: dict[str, list[int]] = {}
        super().__init__(replace(scenario, step_s=step_s), start_ms, state)
        self._stepped = [flow for name, flow in self.flows.items() if name not in self._courses]
        self._metered = {name: flow for name, flow in self._metered.items() if name not in self._courses}

    @property
    def balance(self) -> Balance:
        """The powers that hold now."""
        self._show(self._step_number)
        return super().balance

    def halt(self) -> ParkState:
        """Let the present step pass, and give the state at its end."""
        self._show(self._step_number + 1)
        return super().halt()

    @property
    def _step_number(self) -> int:
        return (self.at_ms - self._day.start_ms) // self._step_ms

    def _show(self, step: int) -> None:
        """Bring the flows of generation and loads to a step."""
        for name, course in self._courses.items():
            flow = self.flows[name]
            # At midnight the power of the last step still holds.
            held = min(step, len(course.watts) - 2)
            flow.watts, flow.var = int(course.watts[held]), int(course.var[held])
            flow.taken, flow.reactive = int(course.taken[step]), int(course.reactive[step])

    def _open(self, day: date) -> Day:
        if self._courses:
            self._show(MINUTES * MINUTE_MS // self._step_ms)
        found = super()._open(day)
        # What may be asked to leave its plan is stepped, with the same means.
        means = {name: self._means(each.ac_kw) for name, each in found.generation.items()}
        self._available = {name: means.pop(name).tolist() for name in self._scheduled_inverters}
        made = {name: _watts(each, self._arrays[name].rated_power_kw) for name, each in means.items()}
        used = {name: _watts(self._means(each)) for name, each in found.loads.items()}
        self._planned = {name: used.pop(name).tolist() for name in self._flexible}
        tangents = {name: math.tan(math.acos(self._loads[name].power_factor)) for name in used}
        var = {name: (used[name] * tangents[name]).astype(np.int64) for name in used}
        step = self._first_step(found)
        self._courses = {
            name: self._course(self.flows[name], watts, var.get(name, np.zeros_like(watts)), step)
            for name, watts in (made | used).items()
        }
        steps, signs = MINUTES * MINUTE_MS // self._step_ms + 1, self._bus_signs
        self._pv_w, self._load_w, self._var = (_total(each.values(), steps) for each in (made, used, var))
        self._bus_w = _total((signs[name] * watts for name, watts in (made | used).items() if name in signs), steps)
        return found

    @property
    def _scheduled_inverters(self) -> list[str]:
        return [name for name in self._arrays if name in self.schedules.devices]

    def _first_step(self, day: Day) -> int:
        """At which step of a day the registers stand when it is opened: a state may have been taken within it."""
        begun = self._begun
        if begun is None or begun.at_ms is None or begun.date != day.weather.day:
            return 0
        return (begun.at_ms - day.start_ms) // self._step_ms

    def _means(self, series: list[float]) -> NDArray[np.float64]:
        """The mean of every step of a day, and the day's last point as it is."""
        means = np.array(series[:MINUTES]).reshape(-1, self._step_ms // MINUTE_MS).mean(axis=1)
        return np.append(means, series[MINUTES])

    def _course(self, flow: Flow, watts: NDArray[np.int64], var: NDArray[np.int64], step: int) -> _Course:
        """Registers stand as they are at a step; what holds at the day's last point counts for the next day."""
        return _Course(watts, var, self._register(flow.taken, watts, step), self._register(flow.reactive, var, step))

    def _register(self, known: int, power: NDArray[np.int64], step: int) -> NDArray[np.int64]:
        """A register at every step that is known at one of them; a sum of a year's watt-milliseconds fits 64 bits."""
        gained = np.append(0, np.cumsum(power[:-1] * self._step_ms))
        found: NDArray[np.int64] = gained + (known - gained[step])
        return found

    def _hold(self) -> None:
        for flow in self._stepped:
            if flow.watts or flow.var:
                flow.hold(self._step_ms)
        self.loss.hold(self._step_ms)
        self._hold_stores()

    def _whole(self, measured: Measurements) -> Measurements:
        step = (measured.begun_ms - self._day.start_ms) // self._step_ms
        return measured._replace(
            flows={**measured.flows, **{name: each.at(step) for name, each in self._courses.items()}}
        )

    def _at_modules(self, series: list[float], measured: Measurements) -> Any:
        """What holds for more than a minute is the mean that the inverters' power is made from."""
        if self._step_ms == MINUTE_MS:
            return super()._at_modules(series, measured)
        return self._means(series)[(measured.begun_ms - self._day.start_ms) // self._step_ms]

    def _watch(self) -> None:
        """A history has readings at every quarter hour; nobody asks it for more."""

    def _look(self) -> None:
        pass

    def _reactive(self) -> int:
        return self._var[self._step_number] + sum(self.flows[name].var for name in self._flexible)

    def _passing_the_bus(self) -> int:
        stepped = (sign * self.flows[name].watts for name, sign in self._bus_signs.items() if name not in self._courses)
        return self._bus_w[self._step_number] + sum(stepped)

    def _decide_generation(self) -> int:
        stepped = (self._decide_inverter(name, self._arrays[name].rated_power_kw) for name in self._available)
        return self._pv_w[self._step_number] + sum(stepped)

    def _available_kw(self, name: str) -> float:
        return self._available[name][self._step_number]

    def _decide_loads(self) -> int:
        return self._load_w[self._step_number] + sum(self._decide_load(name) for name in self._flexible)

    def _planned_w(self, name: str) -> int:
        return self._planned[name][self._step_number]


def _watts(power_kw: NDArray[np.float64], limit_kw: float = math.inf) -> NDArray[np.int64]:
    """Whole watts of a power at every step."""
    return (1000 * np.minimum(power_kw, limit_kw)).astype(np.int64)


def _total(parts: Iterable[NDArray[np.int64]], steps: int) -> list[int]:
    total: Any = sum(parts, np.zeros(steps, np.int64))
    found: list[int] = total.tolist()
    return found
