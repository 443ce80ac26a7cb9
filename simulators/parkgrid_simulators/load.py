"""Industrial load: shapes of shifts, Chinese workdays with make-up days, cooling, noise and machine steps.

Every day of a load is a pure function of seed and date, at steps of one minute.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parkgrid_contract import strict_toml
from parkgrid_simulators.weather import MINUTES, WeatherDay, carried, numbers

_SATURDAY, _SUNDAY = 5, 6
_CALENDAR = Path(__file__).parent / "data" / "workdays_cn.toml"

# Per-unit power by local hour, joined by lines (design defaults for shift work).
_SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "one_shift": (
        (0, 0.15), (7, 0.15), (8, 1.0), (11.9, 1.0), (12.1, 0.55), (13.4, 0.55), (13.6, 1.0), (17.8, 1.0), (19, 0.2),
        (21, 0.15), (24, 0.15),
    ),
    "two_shift": (
        (0, 0.2), (7, 0.2), (8, 0.95), (11.9, 0.95), (12.1, 0.7), (12.9, 0.7), (13.1, 0.95), (15.8, 0.95), (16, 0.75),
        (16.2, 0.95), (17.9, 0.95), (18.1, 0.7), (18.9, 0.7), (19.1, 0.95), (23.5, 0.95), (24, 0.2),
    ),
    "three_shift": (
        (0, 0.8), (0.3, 0.87), (7.8, 0.87), (8, 0.79), (8.3, 0.88), (15.8, 0.88), (16, 0.80), (16.3, 0.86),
        (23.8, 0.86), (24, 0.8),
    ),
    "office": (
        (0, 0.12), (6.5, 0.12), (8.5, 0.85), (9.5, 1.0), (12, 0.95), (12.3, 0.75), (13.8, 0.75), (14.2, 1.0),
        (18, 0.9), (20.5, 0.35), (23, 0.15), (24, 0.12),
    ),
}  # fmt: skip
_DAY_OFF = {"one_shift": 0.18, "two_shift": 0.25, "three_shift": 0.92, "office": 0.22}
"""Share of a workday's shape that runs on a day off."""
_HOLIDAY = {"one_shift": 0.15, "two_shift": 0.18, "three_shift": 0.6, "office": 0.15}
"""The same in a public holiday."""
_COMFORT_C, _HOT_C = 22.0, 34.0


@dataclass(frozen=True, slots=True)
class Load:
    """One metered part of the park."""

    name: str
    rated_power_kw: float
    shape: str = "one_shift"
    cooling_share: float = 0.25
    """Part of the rating that cooling adds on a hot day."""
    machine_kw: float = 30.0
    """Size of the machines that switch on and off."""
    power_factor: float = 0.93


def workday_factor(shape: str, day: date) -> float:
    """Share of a workday's shape that runs on a local day."""
    if day in _make_up_workdays():
        return 1.0
    if any(first <= day <= last for first, last in _holidays()):
        return _HOLIDAY[shape]
    if day.weekday() == _SUNDAY or (day.weekday() == _SATURDAY and shape != "three_shift"):
        return _DAY_OFF[shape]
    return 1.0


def load_day(load: Load, weather: WeatherDay) -> list[float]:
    """Power of a load in kW at every minute of a local day."""
    random = Random(f"{weather.seed}/load/{load.name}/{weather.day.isoformat()}")  # noqa: S311  physics, not secrets
    today = workday_factor(load.shape, weather.day)
    tomorrow = workday_factor(load.shape, weather.day + timedelta(days=1))
    factor = np.full(MINUTES + 1, today)
    factor[MINUTES] = tomorrow
    shape = factor * _shape_of_day(load.shape)
    draws = numbers(random)
    machines = _machines(draws, load.machine_kw, load.rated_power_kw)
    wander = carried(draws.normal(0.0, 0.004, MINUTES + 1), 0.9, 0.0)
    heat = ((weather.air_c - _COMFORT_C) / (_HOT_C - _COMFORT_C)).clip(0.0, 1.0)
    share = shape * (1 - load.cooling_share + load.cooling_share * heat) * (1 + wander)
    found: list[float] = (share * load.rated_power_kw + machines * shape).clip(min=0.0).tolist()
    return found


def _machines(draws: np.random.Generator, size_kw: float, rated_kw: float) -> NDArray[np.float64]:
    """Compressors and chillers that start and stop: steps of one machine, a few an hour."""
    most = max(1, min(3, int(rated_kw / 6 // max(size_kw, 1.0))))
    begun = int(draws.integers(most + 1))
    steps = np.flatnonzero(draws.random(MINUTES + 1) < 0.06).tolist()  # noqa: PLR2004  about four steps an hour
    turns = draws.choice((-1, 1), len(steps)).tolist()
    running = list(accumulate(turns, lambda number, turn: min(max(number + turn, 0), most), initial=begun))
    return (np.repeat(running, np.diff([0, *steps, MINUTES + 1])) - most / 2) * size_kw


@cache
def _shape_of_day(name: str) -> NDArray[np.float64]:
    return np.array([_shape(name, minute / 60) for minute in range(MINUTES + 1)])


def _shape(name: str, hour: float) -> float:
    points = _SHAPES[name]
    for (x0, y0), (x1, y1) in pairwise(points):
        if hour <= x1:
            return y0 + (y1 - y0) * (hour - x0) / (x1 - x0)
    return points[-1][1]


@cache
def _holidays() -> tuple[tuple[date, date], ...]:
    return tuple((day["first"], day["last"]) for year in _years() for day in year["holidays"])


@cache
def _make_up_workdays() -> frozenset[date]:
    return frozenset(day for year in _years() for day in year["make_up_workdays"])


@cache
def _years() -> list[dict[str, Any]]:
    years: list[dict[str, Any]] = strict_toml.loads(_CALENDAR.read_text("utf-8"))["years"]
    return years
