"""Industrial load: shifts, weekends, holidays and make-up workdays."""

from datetime import date

import numpy as np
import pytest

from parkgrid_simulators.load import Load, load_day, workday_factor
from parkgrid_simulators.weather import PINGSHAN, WeatherDay


def mean(load, day, start, end):
    series = load_day(load, WeatherDay(PINGSHAN, day, 5, "fair"))
    return float(np.mean(series[start * 60 : end * 60]))


@pytest.mark.parametrize(
    ("day", "shape", "factor"),
    [
        (date(2026, 11, 23), "one_shift", 1.0),  # a Monday
        (date(2026, 11, 21), "one_shift", 0.18),  # a Saturday
        (date(2026, 11, 21), "three_shift", 1.0),
        (date(2026, 11, 22), "three_shift", 0.92),
        (date(2026, 10, 1), "one_shift", 0.15),  # National Day, a Thursday
        (date(2026, 10, 10), "one_shift", 1.0),  # a Saturday that is worked instead
        (date(2026, 2, 14), "office", 1.0),
        (date(2026, 2, 18), "three_shift", 0.6),  # Spring Festival
        (date(2026, 2, 23), "office", 0.15),  # the last day of it, a Monday
        (date(2026, 2, 24), "office", 1.0),
    ],
)
def test_workdays_of_china(day, shape, factor) -> None:
    assert workday_factor(shape, day) == factor


def test_one_shift_works_by_day_with_a_noon_dip() -> None:
    load = Load("w", 400.0, "one_shift", cooling_share=0.0, machine_kw=0.0)
    monday = date(2026, 11, 23)
    assert mean(load, monday, 9, 11) == pytest.approx(400.0, rel=0.05)
    assert mean(load, monday, 2, 5) == pytest.approx(60.0, rel=0.05)
    assert mean(load, monday, 12, 13) == pytest.approx(220.0, rel=0.10)
    assert mean(load, date(2026, 11, 22), 9, 11) < 0.25 * mean(load, monday, 9, 11)


def test_three_shifts_are_flat() -> None:
    series = load_day(Load("w", 800.0, "three_shift", 0.0, 0.0), WeatherDay(PINGSHAN, date(2026, 11, 23), 5))
    assert max(series) - min(series) < 0.2 * 800
    assert np.mean(series) == pytest.approx(0.865 * 800, rel=0.05)


def test_heat_brings_cooling() -> None:
    load = Load("o", 300.0, "office", cooling_share=0.4, machine_kw=0.0)
    assert mean(load, date(2026, 7, 13), 14, 17) > 1.3 * mean(load, date(2026, 1, 12), 14, 17)


def test_a_load_is_never_negative_and_repeats_itself() -> None:
    load = Load("o", 300.0, "office", machine_kw=120.0)
    weather = WeatherDay(PINGSHAN, date(2026, 7, 13), 9)
    assert min(load_day(load, weather)) >= 0
    assert load_day(load, weather) == load_day(load, WeatherDay(PINGSHAN, date(2026, 7, 13), 9))
