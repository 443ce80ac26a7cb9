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

from simulators.flow import Flow, Metered
from simulators.park import Day, Look, Park, When
from simulators.plant import Values
from simulators.pv import PvDay
from simulators.scenario import Scenario
from simulators.state import ParkState
from simulators.weather import MINUTE_MS, MINUTES

STEP_S = 60.0
"""Seconds that powers hold on days that are over: vehicles charge for half an hour, clouds are known by the minute."""
LONG_STEP_S = 300.0
"""The same where readings are further apart: five minutes are still short beside a charging session."""


@dataclass(frozen=True, slots=True)
class _Course:
    """One device's day: power and registers at every minute, whole watts and watt-milliseconds."""

    watts: NDArray[np.int64]
    var: NDArray[np.int64]
    taken: NDArray[np.int64]
    reactive: NDArray[np.int64]

    def metered(self, minute: NDArray[np.int64], elapsed_ms: NDArray[np.int64]) -> Metered:
        """What is read a while after the beginning of some minutes; generation and loads know one direction."""
        watts, var = self.watts[minute], self.var[minute]
        return Metered(
            watts, var, self.taken[minute] + watts * elapsed_ms, 0, self.reactive[minute] + var * elapsed_ms, 0
        )


class MinutePark(Park):
    """A park whose powers hold for some minutes; only for days that are over, it takes no set-points."""

    def __init__(
        self, scenario: Scenario, start_ms: int, state: ParkState | None = None, step_s: float = STEP_S
    ) -> None:
        self._courses: dict[str, _Course] = {}
        self._pv_w: list[int] = []
        self._load_w: list[int] = []
        self._var: list[int] = []
        self._bus_w: list[int] = []
        self._shown_ms = -1
        super().__init__(replace(scenario, step_s=step_s), start_ms, state)
        self._stepped = [flow for name, flow in self.flows.items() if name not in self._courses]
        self._looked_at = [name for name in self._looked_at if name not in self._courses]

    def show(self) -> None:
        """Bring the flows of generation and loads to the present step."""
        if self._shown_ms != self.at_ms:
            self._shown_ms = self.at_ms
            self._show(self._minute_number())

    def halt(self) -> ParkState:
        """Let the present step pass, and give the state at its end."""
        self._show(self._minute_number() + self._step_ms // MINUTE_MS)
        return super().halt()

    def values(self, device: str, at_ms: int) -> Values:
        """What a device measures at an instant."""
        self.advance_to(at_ms)
        self.show()
        return super().values(device, at_ms)

    def _minute_number(self) -> int:
        return (self.at_ms - self._day.start_ms) // MINUTE_MS

    def _show(self, minute: int) -> None:
        for name, course in self._courses.items():
            flow = self.flows[name]
            # At midnight the power of the last step still holds.
            held = min(minute, MINUTES - 1)
            flow.watts, flow.var = int(course.watts[held]), int(course.var[held])
            flow.taken, flow.reactive = int(course.taken[minute]), int(course.reactive[minute])

    def _open(self, day: date) -> Day:
        if self._courses:
            self._show(MINUTES)
        found = self._held(super()._open(day))
        made = {name: _watts(each.ac_kw, self._arrays[name].rated_power_kw) for name, each in found.generation.items()}
        used = {name: _watts(each) for name, each in found.loads.items()}
        tangents = {name: math.tan(math.acos(self._loads[name].power_factor)) for name in used}
        var = {name: (used[name] * tangents[name]).astype(np.int64) for name in used}
        nothing = np.zeros(MINUTES + 1, np.int64)
        minute = self._first_minute(found)
        self._courses = {
            name: _course(self.flows[name], watts, var.get(name, nothing), minute)
            for name, watts in (made | used).items()
        }
        self._pv_w, self._load_w, self._var = _total(made.values()), _total(used.values()), _total(var.values())
        signs = self.bus.signs if self.bus else {}
        self._bus_w = _total(signs[name] * watts for name, watts in (made | used).items() if name in signs)
        return found

    def _first_minute(self, day: Day) -> int:
        """At which minute of a day the registers stand when it is opened: a state may have been taken within it."""
        begun = self._begun
        if begun is None or begun.at_ms is None or begun.date != day.weather.day:
            return 0
        return (begun.at_ms - day.start_ms) // MINUTE_MS

    def _held(self, day: Day) -> Day:
        """A day whose generation and loads are means over each step."""
        minutes = self._step_ms // MINUTE_MS
        if minutes > 1:
            day.generation = {name: _mean_generation(each, minutes) for name, each in day.generation.items()}
            day.loads = {name: _means(each, minutes) for name, each in day.loads.items()}
        return day

    def _hold(self) -> None:
        for flow in self._stepped:
            if flow.watts or flow.var:
                flow.hold(self._step_ms)
        self.loss.hold(self._step_ms)
        self._hold_stores()

    def _look_along(self, stamps: range) -> tuple[When, dict[str, Look]]:
        when, looks = super()._look_along(stamps)
        minute, elapsed_ms = (when.begun_ms - self._day.start_ms) // MINUTE_MS, when.at_ms - when.begun_ms
        known = {name: Look(course.metered(minute, elapsed_ms)) for name, course in self._courses.items()}
        return when, looks | known

    def _reactive(self) -> int:
        return self._var[self._minute_number()]

    def _passing_the_bus(self) -> int:
        signs = self.bus.signs if self.bus else {}
        stepped = (sign * self.flows[name].watts for name, sign in signs.items() if name not in self._courses)
        return self._bus_w[self._minute_number()] + sum(stepped)

    def _decide_generation(self, minute: float) -> int:
        return self._pv_w[int(minute)]

    def _decide_loads(self, minute: float) -> int:
        return self._load_w[int(minute)]

    def _decide_chargers(self, minute: float) -> int:
        return super()._decide_chargers(minute) if self._station.busy(minute * 60) else 0


def _mean_generation(day: PvDay, minutes: int) -> PvDay:
    return PvDay(
        _means(day.ac_kw, minutes),
        _means(day.dc_kw, minutes),
        _means(day.plane_w_m2, minutes),
        _means(day.cell_c, minutes),
    )


def _means(series: list[float], minutes: int) -> list[float]:
    """Each minute of a day the mean of its step; the day's last point stays what it is."""
    means = np.array(series[:MINUTES]).reshape(-1, minutes).mean(axis=1)
    found: list[float] = np.repeat(means, minutes).tolist()
    return [*found, series[MINUTES]]


def _watts(power_kw: list[float], limit_kw: float = math.inf) -> NDArray[np.int64]:
    """Whole watts of a power at every minute."""
    found: NDArray[np.int64] = (1000 * np.minimum(np.array(power_kw), limit_kw)).astype(np.int64)
    return found


def _course(flow: Flow, watts: NDArray[np.int64], var: NDArray[np.int64], minute: int) -> _Course:
    """Registers stand as they are at a minute; what holds at the day's last point counts for the next day."""
    taken, reactive = _register(flow.taken, watts, minute), _register(flow.reactive, var, minute)
    return _Course(watts, var, taken, reactive)


def _register(known: int, power: NDArray[np.int64], minute: int) -> NDArray[np.int64]:
    """A register at every minute that is known at one of them; a sum of a year's watt-milliseconds fits 64 bits."""
    gained = np.concatenate(([0], np.cumsum(power[:-1] * MINUTE_MS)))
    found: NDArray[np.int64] = gained + (known - gained[minute])
    return found


def _total(parts: Iterable[NDArray[np.int64]]) -> list[int]:
    total: Any = sum(parts, np.zeros(MINUTES + 1, np.int64))
    found: list[int] = total.tolist()
    return found
