"""Faults of irradiance sensors as people report them: the performance ratio is right, or none with a reason."""

from datetime import date

import numpy as np
import pytest

from parkgrid_domain.indicators import INDICATORS
from tests.domain.indicators.month_of_sun import HARBIN, LHASA, SHENZHEN, URUMQI, Month, month

PR = INDICATORS["performance_ratio"]
RANDOM = np.random.default_rng(11)
QUARTERS = 96


def hours(count: float) -> int:
    return round(count * 4)


def shifted(values, count):
    return np.roll(values, hours(count))


def from_day(values, day, changed):
    found = values.copy()
    found[day * QUARTERS :] = changed[day * QUARTERS :]
    return found


def some(values, share, value):
    found = values.copy()
    found[np.random.default_rng(3).random(len(found)) < share] = value
    return found


def stuck_from(values, day, hour):
    found = values.copy()
    found[day * QUARTERS + hours(hour) :] = values[day * QUARTERS + hours(hour)]
    return found


SEEN = {
    "half scale": (lambda g: g / 2, 1.64),
    "a tenth": (lambda g: g / 10, 8.2),
    "under snow": (lambda g: g / 50, 41.0),
    "dead most of the month": (lambda g: from_day(g, 5, g * 0), 5.19),
    "15 W/m² too little day and night": (lambda g: g - 15, 0.883),
}
"""Each with the ratio that was published once, where the true one is 0.82."""
UNUSABLE = {
    "dead": lambda g: g * 0,
    "a thousandth: kW for W": lambda g: g / 1000,
    "ten times": lambda g: g * 10,
    "twice": lambda g: g * 2,
    "a sign": lambda g: -g,
    "200 W/m² too much": lambda g: g + 200,
    "200 W/m² too little": lambda g: g - 200,
    "stuck at 400": lambda g: np.full_like(g, 400.0),
    "stuck at 20": lambda g: np.full_like(g, 20.0),
    "stuck at noon of the tenth": lambda g: stuck_from(g, 9, 12),
    "stuck in the night of the tenth": lambda g: stuck_from(g, 9, 2),
    "a clock 3 h ahead": lambda g: shifted(g, -3),
    "a clock 3 h behind": lambda g: shifted(g, 3),
    "a clock of another zone": lambda g: shifted(g, 8),
    "night for day": lambda g: shifted(g, 12),
    "half from the middle on": lambda g: from_day(g, 15, g / 2),
    "drifting to three tenths": lambda g: g * np.linspace(1, 0.3, len(g)),
    "every other reading lost as 0": lambda g: np.where(np.arange(len(g)) % 2, g, 0),
    "cut off at 150": lambda g: np.minimum(g, 150),
    "nothing but spikes": lambda g: some(g * 0, 0.05, 3000),
    "noise of the cable": lambda g: np.random.default_rng(5).uniform(-300, 1400, len(g)),
}
USABLE = {
    "as it is": lambda g: g,
    "15 W/m² too much day and night": lambda g: g + 15,
    "an offset that changes from day to day": lambda g: (
        g - np.repeat(RANDOM.uniform(-12, 12, len(g) // QUARTERS), QUARTERS)
    ),
    "spikes": lambda g: some(g, 0.02, 6553.5),
    "negative spikes": lambda g: some(g, 0.02, -400.0),
    "one day dead": lambda g: np.r_[g[: 10 * QUARTERS], g[10 * QUARTERS : 11 * QUARTERS] * 0, g[11 * QUARTERS :]],
    "one morning under snow": lambda g: np.r_[
        g[: 10 * QUARTERS], g[10 * QUARTERS : 10 * QUARTERS + 48] / 50, g[10 * QUARTERS + 48 :]
    ],
    "a coarse display": lambda g: np.round(g / 20) * 20,
    "missing for two days": lambda g: some(g, 0.06, np.nan),
}
PLACED = pytest.mark.parametrize("placed", [True, False], ids=["placed", "no coordinates"])


def true_month() -> Month:
    return month()


@PLACED
@pytest.mark.parametrize("fault", SEEN)
def test_a_ratio_that_was_published_once(fault, placed):
    spoil, once = SEEN[fault]
    whole = true_month()
    # The plant of the report: 0.82 of what the light is worth, in every interval.
    found = PR.figure(whole.inputs(spoil(whole.light_w_m2), whole.light_w_m2 / 4 * 0.82, placed=placed))
    naive = whole.light_w_m2.sum() * 0.82 / spoil(whole.light_w_m2).sum()
    assert naive > 0.85, "the fault shows in the plain quotient"
    if once < 1:
        assert found.value == pytest.approx(0.82, abs=0.002)
        return
    assert found.value is None
    assert found.coverage_pct < 90
    assert "irradiance is too low for the energy that was generated" in found.unavailable
    assert "辐照度低于发电量所需" in found.unavailable_zh


@PLACED
@pytest.mark.parametrize("fault", UNUSABLE)
def test_no_ratio_from_a_sensor_that_cannot_be_believed(fault, placed):
    whole = true_month()
    found = PR.figure(whole.inputs(UNUSABLE[fault](whole.light_w_m2), placed=placed))
    assert found.value is None, found
    assert "irradiance" in found.unavailable
    assert "辐照度" in found.unavailable_zh or "irradiation" in found.unavailable


@PLACED
@pytest.mark.parametrize("fault", USABLE)
def test_the_ratio_is_right_where_little_is_wrong(fault, placed):
    whole = true_month()
    found = PR.figure(whole.inputs(USABLE[fault](whole.light_w_m2), placed=placed))
    assert found.value == pytest.approx(whole.performance_ratio, rel=0.01)
    assert found.coverage_pct >= 90


@pytest.mark.parametrize("first", [date(2026, 1, 5), date(2026, 4, 1), date(2026, 6, 10), date(2026, 10, 1)], ids=str)
@pytest.mark.parametrize("site", [SHENZHEN, URUMQI, HARBIN, LHASA], ids=["Shenzhen", "Urumqi", "Harbin", "Lhasa"])
@PLACED
def test_a_good_sensor_loses_next_to_nothing_anywhere(site, first, placed):
    whole = month(site, first, 14, tilt=round(site.latitude))
    found = PR.figure(whole.inputs(placed=placed))
    assert found.value == pytest.approx(whole.performance_ratio, rel=0.005)
    assert found.coverage_pct > 98.5


def test_all_clocks_of_a_park_three_and_a_half_hours_behind_are_seen_by_the_sun():
    whole = true_month()
    late = whole.inputs(shifted(whole.light_w_m2, 3.5), shifted(whole.generated_kwh, 3.5))
    for name in ("performance_ratio", "pv_specific_yield_kwh_per_kwp"):
        found = INDICATORS[name].figure(late)
        assert found.value is None
        assert "of the energy was counted while the sun was below the horizon" in found.unavailable
        assert "太阳落山后" in found.unavailable_zh


def test_module_temperatures_that_no_module_has_count_as_missing():
    whole, name = true_month(), "performance_ratio_temperature_corrected"
    right = INDICATORS[name].figure(whole.inputs()).value
    spikes = INDICATORS[name].figure(whole.inputs(module_c=some(whole.module_c, 0.02, 327.67)))
    assert spikes.value == pytest.approx(right, rel=0.005)
    assert spikes.details["module_temperature_struck_pct"] == pytest.approx(2, abs=0.5)
    tenfold = INDICATORS[name].figure(whole.inputs(module_c=whole.module_c * 10))
    assert tenfold.value is None
    assert "module temperature is not between -40 and 105 °C" in tenfold.unavailable


def test_what_was_left_out_is_told_with_the_figure():
    whole = true_month()
    found = PR.figure(whole.inputs(some(whole.light_w_m2, 0.02, 6553.5) - 10))
    assert found.details["irradiance_struck_pct"] == pytest.approx(2, abs=0.5)
    assert found.details["irradiance_night_offset_w_m2"] == pytest.approx(-10)


def test_a_rating_of_inverters_that_is_too_small_is_no_ratio():
    # A rating in MW: 1 kWp for what is 1000 kWp.
    whole = true_month().inputs()
    whole.ratings["pv_rated_kwp"] = 1.0
    assert PR.figure(whole).value is None
    found = INDICATORS["pv_specific_yield_kwh_per_kwp"].figure(whole)
    assert found.value is None
    assert "check the registers of the inverters and the rating of the modules" in found.unavailable
