"""Photovoltaics against figures computed by hand and by PVWatts' own formulas."""

from datetime import date, timedelta

import numpy as np
import pytest

from parkgrid_simulators.pv import PvArray, ac_power, cell_temperature, dc_power, generation
from parkgrid_simulators.weather import MINUTES, PINGSHAN, WeatherDay


def test_direct_current() -> None:
    assert dc_power(1000.0, 25.0, 100.0, -0.004) == pytest.approx(100.0)
    # 0.9 * 100 * (1 - 0.0047 * 25) = 79.425
    assert dc_power(900.0, 50.0, 100.0, -0.0047) == pytest.approx(79.425)


def test_inverter_efficiency_and_clipping() -> None:
    found = ac_power(np.array([10.0, 50.0, 90.0, 100.0, 110.0, 0.0]), 100.0)
    assert found == pytest.approx([9.19244, 48.10123, 86.51426, 96.04006, 100.0, 0.0], abs=1e-5)


def test_cell_temperature() -> None:
    # 30 + 1000 * exp(-3.56 - 0.075 * 1) + 3 = 59.384
    assert cell_temperature(1000.0, 30.0, 1.0) == pytest.approx(59.384, abs=1e-3)


def test_losses_are_the_product_of_the_defaults() -> None:
    left = 0.98 * 0.97 * 1 * 0.98 * 0.98 * 0.995 * 0.985 * 0.99 * 1 * 0.97
    assert PvArray(100).loss_pct == pytest.approx(100 * (1 - left), abs=1e-3)


@pytest.mark.parametrize("day", [date(2026, 6, 21), date(2026, 12, 22)], ids=str)
@pytest.mark.parametrize("sky", ["fair", "broken", "overcast"])
def test_a_day_never_exceeds_the_rating_and_rests_at_night(day, sky) -> None:
    made = generation(PvArray(250.0), WeatherDay(PINGSHAN, day, 11, sky))
    assert len(made.ac_kw) == MINUTES + 1
    assert 0 <= min(made.ac_kw) <= max(made.ac_kw) <= 250.0
    assert all(dc >= ac for dc, ac in zip(made.dc_kw, made.ac_kw, strict=True))
    assert not any(made.ac_kw[: 5 * 60])
    assert not any(made.ac_kw[19 * 60 + 20 :])
    assert any(made.ac_kw)


def test_clear_modules_clip_a_small_inverter() -> None:
    made = generation(PvArray(100.0, dc_ac_ratio=1.6), WeatherDay(PINGSHAN, date(2026, 4, 20), 2, "fair"))
    assert max(made.ac_kw) == pytest.approx(100.0)
    assert max(made.dc_kw) <= 100.0 / 0.96 + 1e-9


def test_clouds_reach_the_modules_later() -> None:
    weather = WeatherDay(PINGSHAN, date(2026, 9, 23), 4, "broken")
    here, there = weather.light(0).ghi, weather.light(3).ghi
    sky = weather.clear.ghi
    noon = slice(600, 840)
    late = slice(597, 837)
    assert np.allclose((there[noon] / sky[noon]), (here[late] / sky[late]))


def test_a_year_yields_what_shenzhen_yields() -> None:
    array = PvArray(100.0)
    days = [date(2026, 1, 1) + timedelta(days=offset) for offset in range(0, 365, 3)]
    energy = sum(sum(generation(array, WeatherDay(PINGSHAN, day, 20261123)).ac_kw) / 60 for day in days)
    assert 1000 <= energy * 365 / len(days) / (100.0 * 1.2) <= 1200
