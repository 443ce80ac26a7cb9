"""The sun's place against pvlib at every minute of the year's corners, and against NREL's algorithm of another kind."""

import numpy as np
import pytest

from parkgrid_domain.sun import SunPath, outside_atmosphere, sun_path
from parkgrid_simulators.irradiance import pressure_at
from parkgrid_simulators.weather import MINUTE_MS, MINUTES, PINGSHAN, Site
from tests.simulators import oracle
from tests.simulators.oracle import AGREES, DAYS, PINGSHAN_AND_AFAR


def path_of(site: Site, day) -> SunPath:
    at_ms = site.midnight_ms(day) + MINUTE_MS * np.arange(MINUTES + 1)
    return sun_path(at_ms, site.latitude, site.longitude, pressure_at(site.altitude_m))


@pytest.mark.parametrize("day", DAYS, ids=str)
@pytest.mark.parametrize("site", PINGSHAN_AND_AFAR.values(), ids=PINGSHAN_AND_AFAR)
def test_the_sun_stands_where_pvlib_sees_it(site, day) -> None:
    path = path_of(site, day)
    zenith, azimuth = oracle.sun(site, day)
    np.testing.assert_allclose(path.zenith, zenith, **AGREES)
    np.testing.assert_allclose(path.azimuth, azimuth, **AGREES)


@pytest.mark.parametrize("day", DAYS[:6], ids=str)
def test_while_it_is_up_it_stands_within_a_hundredth_of_a_degree_of_nrels(day) -> None:
    import pvlib

    path = path_of(PINGSHAN, day)
    times = oracle.every_minute(PINGSHAN, day)
    pressure = pressure_at(PINGSHAN.altitude_m)
    with oracle.old_pandas_names():
        nrel = pvlib.solarposition.spa_python(
            times, PINGSHAN.latitude, PINGSHAN.longitude, PINGSHAN.altitude_m, pressure
        )
    zenith = nrel["apparent_zenith"].to_numpy()
    up = zenith < 85
    assert np.abs(path.zenith - zenith)[up].max() < 0.01


def test_one_instant_is_the_same_alone_as_among_others() -> None:
    whole = path_of(PINGSHAN, DAYS[4])
    noon = np.array([PINGSHAN.midnight_ms(DAYS[4]) + 720 * MINUTE_MS])
    alone = sun_path(noon, PINGSHAN.latitude, PINGSHAN.longitude, pressure_at(PINGSHAN.altitude_m))
    # Kepler's equation is repeated until the whole series is close enough, so one instant may stop a round earlier.
    assert float(alone.zenith[0]) == pytest.approx(float(whole.zenith[720]), abs=1e-4)


@pytest.mark.parametrize("day_of_year", [1, 3, 80, 172, 185, 266, 365, 366])
def test_outside_the_atmosphere(day_of_year) -> None:
    import pvlib

    assert outside_atmosphere(day_of_year) == pytest.approx(
        float(pvlib.irradiance.get_extra_radiation(day_of_year)), rel=1e-12
    )


def test_the_sun_is_nearest_in_january_and_farthest_in_july() -> None:
    # 1366.1 W/m² at one astronomical unit, by the squares of 0.98329 and 1.01671.
    assert outside_atmosphere(3) == pytest.approx(1366.1 / 0.98329**2, rel=2e-3)
    assert outside_atmosphere(185) == pytest.approx(1366.1 / 1.01671**2, rel=2e-3)
