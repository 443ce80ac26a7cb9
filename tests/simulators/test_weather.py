"""Sun and clouds over Pingshan against tables computed elsewhere, and against a formula without climatology."""

from datetime import date
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_simulators.weather import (
    _REGIMES,
    MINUTES,
    PINGSHAN,
    WeatherDay,
    _shadows,
    carried,
    clear_sky,
    cloud_index,
    haurwitz,
    interpolate,
)

# date, sunrise, transit, sunset (minutes of the local day), highest elevation, peak GHI, kWh/m² a day,
# the same two for a turbidity of 3, and for Haurwitz.
TABLE = [
    (date(2026, 3, 20), 386, 750, 1114, 67.15, 932.1, 6.606, 972.6, 7.008, 949.1, 7.022),
    (date(2026, 6, 21), 339, 744, 1150, 89.25, 949.8, 7.343, 1022.6, 8.143, 1035.0, 8.454),
    (date(2026, 9, 23), 372, 735, 1098, 67.25, 903.4, 6.364, 958.5, 6.909, 949.8, 7.030),
    (date(2026, 11, 23), 401, 729, 1057, 46.99, 743.8, 4.791, 759.7, 4.932, 740.7, 4.959),
    (date(2026, 12, 22), 419, 741, 1063, 43.89, 706.1, 4.461, 719.6, 4.578, 699.1, 4.592),
]


def day_sum(series) -> float:
    return float(np.sum(series[:MINUTES])) / 60_000


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0].isoformat())
def test_clear_sky_agrees_with_the_table(row) -> None:
    day, sunrise, transit, sunset, elevation, peak, total, peak3, total3, *_ = row
    sky = clear_sky(PINGSHAN, day)
    light = np.flatnonzero(sky.ghi > 0)
    assert abs(int(light[0]) - sunrise) <= 10
    assert abs(int(light[-1]) - sunset) <= 10
    assert abs(int(np.argmin(sky.zenith)) - transit) <= 1
    assert 90 - float(np.min(sky.zenith)) == pytest.approx(elevation, abs=0.05)
    assert float(np.max(sky.ghi)) == pytest.approx(peak, rel=0.01)
    assert day_sum(sky.ghi) == pytest.approx(total, rel=0.01)
    turbid = clear_sky(PINGSHAN, day, linke_turbidity=3.0)
    assert float(np.max(turbid.ghi)) == pytest.approx(peak3, rel=0.01)
    assert day_sum(turbid.ghi) == pytest.approx(total3, rel=0.01)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0].isoformat())
def test_haurwitz_agrees_with_the_table(row) -> None:
    ghi = np.array([haurwitz(float(zenith)) for zenith in clear_sky(PINGSHAN, row[0]).zenith])
    assert float(ghi.max()) == pytest.approx(row[9], rel=0.01)
    assert day_sum(ghi) == pytest.approx(row[10], rel=0.01)


def test_haurwitz_by_hand() -> None:
    # cos 60° = 0.5: 1098 * 0.5 * exp(-0.114) = 549 * 0.892258 = 489.85
    assert haurwitz(60.0) == pytest.approx(489.85, abs=0.01)
    assert haurwitz(91.0) == 0.0


def test_local_noon_is_near_twenty_past_twelve_and_december_mornings_are_dark() -> None:
    ghi = clear_sky(PINGSHAN, date(2026, 12, 22)).ghi
    assert 12 * 60 + 15 <= int(np.argmax(ghi)) <= 12 * 60 + 25
    assert not ghi[: 6 * 60 + 40].any()


def test_in_midsummer_the_sun_stands_north_at_noon() -> None:
    azimuth = clear_sky(PINGSHAN, date(2026, 6, 21)).azimuth[744]
    assert azimuth < 30 or azimuth > 330


def test_a_day_is_a_function_of_seed_and_date() -> None:
    first = WeatherDay(PINGSHAN, date(2026, 5, 3), 7)
    again = WeatherDay(PINGSHAN, date(2026, 5, 3), 7)
    other = WeatherDay(PINGSHAN, date(2026, 5, 3), 8)
    assert np.array_equal(first.index, again.index)
    assert not np.array_equal(first.index, other.index)
    for name in ("temperature", "humidity", "wind", "wind_direction", "pressure", "station"):
        assert getattr(first, name) == getattr(again, name)
        assert getattr(first, name) != getattr(other, name)


@given(st.integers(0, 2**32), st.sampled_from(["fair", "broken", "overcast"]))
def test_clouds_stay_within_bounds(seed, sky) -> None:
    index = cloud_index(Random(seed), sky)
    assert len(index) == MINUTES + 1
    assert min(index) >= 0.05
    assert max(index) <= 1.15


@given(st.integers(0, 2**32), st.floats(0, 0.999), st.floats(-5, 5), st.integers(1, MINUTES + 1))
def test_what_is_carried_on_is_what_each_minute_hands_to_the_next(seed, share, start, minutes) -> None:
    pushed = np.random.default_rng(seed).normal(0.0, 1.0, minutes)
    value, expected = start, []
    for push in pushed.tolist():
        value = share * value + push
        expected.append(value)
    assert carried(pushed, share, start) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.integers(0, 2**32), st.sampled_from(["fair", "broken", "overcast"]), st.booleans())
def test_shadows_come_and_go_by_the_chances_of_each_minute(seed, sky, begun) -> None:
    regime, shadow, expected = _REGIMES[sky], begun, []
    chances = np.random.default_rng(seed).random(200)
    for chance in chances.tolist():
        shadow = shadow != (chance < (regime.to_sun if shadow else regime.to_shadow))
        expected.append(shadow)
    assert _shadows(chances, regime, shadow=begun).tolist() == expected


def test_broken_clouds_move_fast_and_fair_days_are_bright() -> None:
    broken = cloud_index(Random(1), "broken")
    steps = [abs(after - before) for before, after in zip(broken, broken[1:], strict=False)]
    assert max(steps) > 0.3
    means = {sky: np.mean([np.mean(cloud_index(Random(n), sky)) for n in range(20)]) for sky in ("fair", "overcast")}
    assert means["fair"] > 0.9
    assert means["overcast"] < 0.4


def test_a_year_has_the_clear_sky_index_of_shenzhen() -> None:
    index = []
    for month in range(1, 13):
        for day in (3, 9, 15, 21, 27):
            weather = WeatherDay(PINGSHAN, date(2026, month, day), 20261123)
            index.append(sum(weather.station["ghi"]) / float(np.sum(weather.clear.ghi)))
    assert 0.5 <= float(np.mean(index)) <= 0.68


def test_air_is_plausible() -> None:
    for month in (1, 7):
        weather = WeatherDay(PINGSHAN, date(2026, month, 10), 3)
        assert 5 < min(weather.temperature) < max(weather.temperature) < 40
        assert 20 < min(weather.humidity) <= max(weather.humidity) <= 100
        assert min(weather.wind) >= 0.2
        assert all(0 <= degrees < 360 for degrees in weather.wind_direction)
        assert 960 < min(weather.pressure) < max(weather.pressure) < 1050
    january, july = (WeatherDay(PINGSHAN, date(2026, month, 10), 3).temperature for month in (1, 7))
    assert np.mean(july) > np.mean(january) + 8


def test_parts_of_irradiance_add_up_on_the_horizontal() -> None:
    weather = WeatherDay(PINGSHAN, date(2026, 4, 12), 5)
    light = weather.light()
    high = weather.clear.zenith < 80
    sum_of_parts = light.dhi + light.dni * np.cos(np.radians(weather.clear.zenith))
    assert np.allclose(sum_of_parts[high], light.ghi[high], rtol=1e-6)
    assert light.dni.min() >= 0


def test_interpolation() -> None:
    series = [0.0, 10.0] + [10.0] * (MINUTES - 1)
    assert interpolate(series, 0.25) == 2.5
    assert interpolate(series, float(MINUTES)) == 10.0
