"""The park of pilot_park.toml, with schedules, and instants of its days."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from parkgrid_simulators.scenario import Scenario, load_scenario
from parkgrid_simulators.scenario_tables import ScheduleSettings
from parkgrid_simulators.weather import PINGSHAN

PILOT = Path(__file__).with_suffix(".toml")


def pilot_park(*schedules: tuple[str, str, str, float], **changes: Any) -> Scenario:
    """The park, with schedules as (device, from, to, kW)."""
    made = replace(load_scenario(PILOT), schedules=tuple(ScheduleSettings(*one) for one in schedules), **changes)
    assert not list(made.problems())
    return made


def local(day: date, hour: float = 0.0) -> int:
    """An instant of a local day of the park, in milliseconds."""
    return PINGSHAN.midnight_ms(day) + round(hour * 3_600_000)
