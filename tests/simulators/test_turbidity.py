"""The turbidity of our file is pvlib's, day by day; another place asks pvlib, or says what to install."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parkgrid_contract.settings import SettingsError
from parkgrid_simulators import turbidity
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import SCENARIOS, load_scenario
from parkgrid_simulators.weather import Site, clear_sky
from tests.simulators import oracle

ELSEWHERE = Site(-33.92, 18.42, 12.0, "Africa/Johannesburg")
WITHOUT_LIBRARIES = """
import sys
for name in ("pvlib", "pandas", "scipy"):
    sys.modules[name] = None  # an import of it fails
"""


@pytest.fixture
def alone(monkeypatch):
    """As where pvlib is not installed; the oracle has it whole before."""
    import pvlib  # noqa: F401

    monkeypatch.setitem(sys.modules, "pvlib.clearsky", None)
    monkeypatch.setattr(turbidity.importlib.util, "find_spec", lambda _: None)
    turbidity.monthly.cache_clear()
    yield
    turbidity.monthly.cache_clear()


def every_day(site: Site, year: int) -> list[float]:
    first, last = date(year, 1, 1), date(year, 12, 31)
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    months = turbidity.monthly(site.latitude, site.longitude)
    return [turbidity.of_day(months, day) for day in days]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("year", [2026, 2028])
@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_day_over_a_committed_park_is_pvlibs(path, year) -> None:
    at = load_scenario(path).site
    site = Site(at.latitude, at.longitude, at.altitude_m, at.zone)
    found = every_day(site, year)
    # The oracle itself loads pvlib, which the fixture hides only from us.
    np.testing.assert_allclose(found, oracle.turbidities(site, year), rtol=1e-12)


@given(st.floats(22.584, 22.832), st.floats(114.168, 114.499))
def test_the_file_has_the_cells_of_the_district(latitude, longitude) -> None:
    assert turbidity._cell(latitude, longitude) in turbidity._cells()
    assert turbidity.monthly(latitude, longitude) == pytest.approx(turbidity._asked(latitude, longitude), rel=1e-12)


@pytest.mark.parametrize("year", [2026, 2028])
def test_another_place_asks_pvlib(year) -> None:
    np.testing.assert_allclose(every_day(ELSEWHERE, year), oracle.turbidities(ELSEWHERE, year), rtol=1e-12)


@pytest.mark.usefixtures("alone")
def test_without_pvlib_another_place_is_refused_with_the_remedy() -> None:
    assert not turbidity.is_known(ELSEWHERE.latitude, ELSEWHERE.longitude)
    remedy = r"-33\.92 °N, 18\.42 °E: .*parkgrid-simulators\[climatology\]"
    with pytest.raises(turbidity.UnknownPlaceError, match=remedy):
        turbidity.monthly(ELSEWHERE.latitude, ELSEWHERE.longitude)


@pytest.mark.usefixtures("alone")
def test_a_scenario_there_is_refused_before_it_starts(tmp_path) -> None:
    with pytest.raises(SettingsError) as error:
        load_scenario(scenario_at(tmp_path, ""))
    (problem,) = error.value.problems
    assert problem.key == "site"
    assert "parkgrid-simulators[climatology]" in problem.remedy


TWELVE = "linke_turbidity = [3.5, 3.8, 4.2, 4.6, 4.9, 5.0, 4.8, 4.7, 4.4, 4.0, 3.7, 3.5]"


def scenario_at(tmp_path, line: str) -> Path:
    text = (SCENARIOS / "pingshan_park.toml").read_text("utf-8").replace("latitude = 22.69", f"latitude = 31.2\n{line}")
    path = tmp_path / "shanghai.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.usefixtures("alone")
def test_a_scenario_may_state_its_own(tmp_path) -> None:
    scenario = load_scenario(scenario_at(tmp_path, TWELVE))
    park = Park(scenario, 1_780_000_000_000)
    weather = park._day.weather
    expected = turbidity.of_day(scenario.site.linke_turbidity, weather.day)
    assert np.array_equal(weather.clear.ghi, clear_sky(weather.site, weather.day, expected).ghi)


@pytest.mark.parametrize("wrong", ["linke_turbidity = [3.5]", TWELVE.replace("4.9", "49")])
def test_its_own_are_twelve_in_their_range(wrong, tmp_path) -> None:
    with pytest.raises(SettingsError, match="twelve numbers between 1 and 10"):
        load_scenario(scenario_at(tmp_path, wrong))


HISTORY_DAY = """
import sys
from parkgrid_simulators import __main__, history
from parkgrid_simulators.scenario import SCENARIOS, load_scenario

for path in sorted(SCENARIOS.glob("*.toml")):
    scenario = load_scenario(path)
    start_ms = history.midnight_after(scenario, 1_780_000_000_000)
    (day,) = history.days(scenario, start_ms, start_ms + 86_400_000, 900)
    assert day.readings
print(*sorted(name for name in ("pvlib", "pandas", "scipy", "requests", "h5py") if sys.modules.get(name)))
"""


@pytest.mark.process
@pytest.mark.parametrize("prepared", ["", WITHOUT_LIBRARIES], ids=["installed", "not installed"])
def test_a_history_day_needs_no_heavy_library(prepared) -> None:
    made = subprocess.run([sys.executable, "-c", prepared + HISTORY_DAY], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert made.stdout.strip() == ""
