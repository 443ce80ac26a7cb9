"""Air, clouds and planes against pvlib at every minute, against printed values, and against what must hold anyhow."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_domain.sun import outside_atmosphere
from parkgrid_simulators import irradiance
from parkgrid_simulators.irradiance import Light, air_mass, cloudless, direction, on_plane, pressure_at, split
from parkgrid_simulators.pv import ac_power, cell_temperature, dc_power
from tests.simulators import oracle
from tests.simulators.oracle import AGREES, DAYS, PINGSHAN_AND_AFAR

PLANES = [(0.0, 180.0), (10.0, 180.0), (15.0, 200.0), (35.0, 90.0), (30.0, 0.0), (90.0, 270.0)]
sites = pytest.mark.parametrize("site", PINGSHAN_AND_AFAR.values(), ids=PINGSHAN_AND_AFAR)


def of_day(day) -> float:
    return outside_atmosphere(day.timetuple().tm_yday)


def clouded(site, day) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Zenith, azimuth and global irradiance under clouds of every thickness, from pvlib's clear sky."""
    zenith, azimuth = oracle.sun(site, day)
    clear = oracle.cloudless(site, day, 3.1)["ghi"]
    return zenith, azimuth, clear * np.random.default_rng(day.toordinal()).uniform(0.05, 1.15, len(clear))


@sites
def test_a_clear_sky_is_pvlibs(site) -> None:
    for day, turbidity in product(DAYS, (2.0, 3.1, 5.05)):
        zenith, _ = oracle.sun(site, day)
        found = cloudless(zenith, turbidity, site.altitude_m, of_day(day))
        expected = oracle.cloudless(site, day, turbidity)
        for name in ("ghi", "dni", "dhi"):
            told = f"{name}, {day}, turbidity {turbidity}"
            np.testing.assert_allclose(getattr(found, name), expected[name], **AGREES, err_msg=told)
        assert not found.ghi[zenith >= 90].any()


@sites
def test_clouds_split_the_light_as_pvlib_does(site) -> None:
    import pvlib

    for day in DAYS:
        zenith, _, ghi = clouded(site, day)
        found = split(ghi, zenith, of_day(day))
        expected = pvlib.irradiance.erbs(ghi, zenith, day.timetuple().tm_yday)
        for name in ("dni", "dhi"):
            np.testing.assert_allclose(getattr(found, name), expected[name], **AGREES, err_msg=f"{name}, {day}")


@sites
def test_a_plane_gets_what_pvlib_gives_it(site) -> None:
    import pvlib

    for day in DAYS:
        zenith, azimuth, ghi = clouded(site, day)
        light, towards, outside = split(ghi, zenith, of_day(day)), direction(zenith, azimuth), of_day(day)
        for tilt, turned in PLANES:
            expected = pvlib.irradiance.get_total_irradiance(
                tilt, turned, zenith, azimuth, light.dni, ghi, light.dhi, dni_extra=outside, model="haydavies"
            )["poa_global"]
            found = on_plane(light, towards, outside, tilt, turned)
            np.testing.assert_allclose(found, expected, **AGREES, err_msg=f"{day}, {tilt}°, to {turned}°")


@sites
def test_a_whole_day_of_modules_is_pvlibs(site) -> None:
    import pvlib

    _, _, ghi = clouded(site, DAYS[4])
    wind = np.linspace(0.2, 15.0, len(ghi))
    parameters = pvlib.temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"]["open_rack_glass_polymer"]
    cell = pvlib.temperature.sapm_cell(ghi, 28.0, wind, **parameters)
    np.testing.assert_allclose(cell_temperature(ghi, 28.0, wind), cell, **AGREES)
    dc = pvlib.pvsystem.pvwatts_dc(ghi, cell, 120.0, -0.0035)
    np.testing.assert_allclose(dc_power(ghi, cell, 120.0, -0.0035), dc, **AGREES)
    np.testing.assert_allclose(ac_power(dc, 100.0), pvlib.inverter.pvwatts(dc, 100.0 / 0.96, 0.96, 0.9637), **AGREES)


@pytest.mark.parametrize(("altitude_m", "pascals"), [(0.0, 101_325), (1_000.0, 89_875), (3_000.0, 70_109)])
def test_pressure_is_that_of_the_standard_atmosphere(altitude_m, pascals) -> None:
    import pvlib

    assert pressure_at(altitude_m) == pytest.approx(pascals, rel=2e-4)
    assert pressure_at(altitude_m) == pytest.approx(pvlib.atmosphere.alt2pres(altitude_m), rel=1e-12)


def test_air_mass_by_hand() -> None:
    import pvlib

    # cos 60° = 0.5; 0.50572 · 36.07995 ** -1.6364 = 0.0014310: 1 / 0.5014310 = 1.9943
    assert air_mass(np.array([0.0, 60.0, 90.0])) == pytest.approx([0.9997, 1.9943, 37.92], rel=1e-3)
    zenith = np.linspace(0.0, 90.0, 901)
    np.testing.assert_allclose(air_mass(zenith), pvlib.atmosphere.get_relative_airmass(zenith), rtol=1e-12)


def lit(zenith: float, index: float) -> tuple[Light, irradiance.Direction]:
    """What comes from one place in the sky."""
    at, towards = np.array([zenith]), np.array([130.0])
    return split(cloudless(at, 3.0, 50.0, 1360.0).ghi * index, at, 1360.0), direction(at, towards)


@given(st.floats(0, 86.9), st.floats(0.05, 1.15))
def test_a_level_plane_gets_the_global_irradiance(zenith, index) -> None:
    light, sun = lit(zenith, index)
    assert on_plane(light, sun, 1360.0, 0.0, 180.0) == pytest.approx(light.ghi)


@given(st.floats(0, 120), st.floats(0.05, 1.15), st.floats(0, 90), st.floats(0, 360))
def test_no_plane_gets_less_than_nothing(zenith, index, tilt, turned) -> None:
    light, sun = lit(zenith, index)
    assert min(light.dni[0], light.dhi[0], on_plane(light, sun, 1360.0, tilt, turned)[0]) >= 0.0


@given(st.floats(0, 86.9), st.floats(0.05, 1.15))
def test_the_parts_of_the_light_are_the_whole(zenith, index) -> None:
    light, (_, _, up) = lit(zenith, index)
    assert light.dni * up + light.dhi == pytest.approx(light.ghi)


def test_high_above_the_haze_the_beam_is_stronger() -> None:
    noon = np.array([30.0])
    low, high = cloudless(noon, 3.0, 0.0, 1360.0), cloudless(noon, 3.0, 3_650.0, 1360.0)
    assert high.dni[0] > 1.1 * low.dni[0]
