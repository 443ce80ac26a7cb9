"""Scenario files: the committed one stands, a wrong one is told apart with all its mistakes at once."""

import pytest

from parkgrid_contract.settings import SettingsError
from parkgrid_contract.signals import CATALOGUE
from parkgrid_contract.time import to_ms
from parkgrid_simulators.faults import FaultKind
from parkgrid_simulators.scenario import DEFAULT, SCENARIOS, load_scenario
from parkgrid_simulators.scenario_tables import minutes_of


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda path: path.stem)
def test_committed_scenarios_stand(path) -> None:
    scenario = load_scenario(path)
    assert scenario.devices
    for device in scenario.devices:
        assert device.device_class in CATALOGUE
        assert device.name_zh
        assert device.name_en


def test_the_default_park_has_what_a_park_has() -> None:
    classes = [device.device_class for device in load_scenario(DEFAULT).devices]
    assert classes.count("grid_meter") == classes.count("storage") == classes.count("weather") == 1
    assert classes.count("pv_inverter") == classes.count("meter") == 3
    assert classes.count("charger") == 4
    assert all(
        device.ratings["rated_power_kw"] >= 480
        for device in load_scenario(DEFAULT).devices
        if device.device_class == "charger"
    )


WRONG = """
park = "p"
sped = 3
step_s = 0

[[devices]]
id = "grid"
device_class = "grid_meter"
driver = "eastron_sdm630"

[[devices]]
id = "grid"
device_class = "gird_meter"
driver = "eastron_sdm630"
"""

CROSSED = """
park = "p"
[site]
zone = "Asia/Shenzhen"
[strategy]
peak = ["19:00-14:00"]
[[devices]]
id = "pv-1"
device_class = "pv_inverter"
driver = "huawei_sun2001"
[[devices]]
id = "pv-1"
device_class = "storage"
driver = "huawei_luna2000"
ratings = { rated_power_kw = 5 }
[[faults]]
device = "pv-9"
kind = "silent"
start = "2026-06-21T12:00:00"
duration_s = 5
"""


def problems(tmp_path, text):
    path = tmp_path / "scenario.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_scenario(path)
    return {problem.key: problem for problem in caught.value.problems}


def test_shape_mistakes_come_together(tmp_path) -> None:
    found = problems(tmp_path, WRONG)
    assert set(found) == {"sped", "step_s", "devices[1].device_class"}


def test_mistakes_across_fields_are_told_beside_those_of_shape(tmp_path) -> None:
    found = problems(tmp_path, WRONG + CROSSED.replace('park = "p"', ""))
    assert {"sped", "step_s", "devices[1].device_class", "site.zone", "strategy.peak", "faults[0].start"} <= set(found)
    # The second `grid` cannot be read; that there is none is not said of a file that names one.
    assert found["devices[3].ratings.capacity_kwh"].value is None
    assert "needs a grid_meter" not in str(list(found.values()))


FLEXIBLE = """
park = "p"
[v2g]
arrival = "25:00"
[[devices]]
id = "grid"
device_class = "grid_meter"
driver = "eastron_sdm630"
flexibility = "shiftable"
[[devices]]
id = "load-1"
device_class = "meter"
driver = "eastron_sdm630"
ratings = { rated_power_kw = 50 }
flexibility = "interruptible"
least_kw = 60
[[devices]]
id = "charger-1"
device_class = "charger"
driver = "alpitronic_hypercharger"
ratings = { rated_power_kw = 60 }
flexibility = "v2g"
[[schedules]]
device = "charger-1"
from = "2026-06-21T12:00"
to = "2026-06-21T13:00"
power_kw = -61
[[schedules]]
device = "charger-1"
from = "2026-06-21T12:30"
to = "2026-06-21T12:00"
power_kw = -60
[[schedules]]
device = "charger-2"
from = "noon"
to = "2026-06-21T13:00"
power_kw = 1
[[schedules]]
device = "grid"
from = "2026-06-21T12:00"
to = "2026-06-21T13:00"
power_kw = 1
[[schedules]]
device = "load-1"
from = "noon"
to = "2026-06-21T13:00"
power_kw = 55
"""


def test_what_a_flexible_park_may_not_say(tmp_path) -> None:
    found = problems(tmp_path, FLEXIBLE)
    assert set(found) == {
        "v2g.arrival",
        "devices[0].flexibility",
        "devices[1].least_kw",
        "devices[2].driver",
        "schedules[0].power_kw",
        "schedules[1].from",
        "schedules[1].to",
        "schedules[2].device",
        "schedules[3].device",
        "schedules[4].from",
    }
    assert "parkgrid_v2g" in found["devices[2].driver"].remedy
    assert "between -60 and 60 kW" in found["schedules[0].power_kw"].remedy


@pytest.mark.parametrize("start", ["1999-12-31T00:00:00+00:00", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00+08:00"])
def test_a_fault_begins_between_2000_and_2200(tmp_path, start) -> None:
    path = with_fault(tmp_path, f'device = "pv-1"\nkind = "silent"\nstart = "{start}"')
    with pytest.raises(SettingsError, match="between 2000 and 2200"):
        load_scenario(path)


RIGHT = """
park = "p"
[[devices]]
id = "grid"
device_class = "grid_meter"
driver = "eastron_sdm630"
[[devices]]
id = "pv-1"
device_class = "pv_inverter"
driver = "huawei_sun2000"
ratings = { rated_power_kw = 5 }
"""
ONE_MORE = """
[[devices]]
id = "load-{}"
device_class = "meter"
driver = "eastron_sdm630"
bus = "rs485"
ratings = {{ rated_power_kw = 5 }}
"""
ONE_FAULT = """
[[faults]]
device = "pv-1"
kind = "silent"
start = "2026-06-21T12:00:00+08:00"
"""


@pytest.mark.parametrize(
    ("ratings", "key", "told"),
    [
        ("rated_power_kw = 5, rated_pwer_kw = 6", "rated_pwer_kw", "is unknown; did you mean 'rated_power_kw'?"),
        ("rated_power_kw = 5, charge_efficiency = 1.5", "charge_efficiency", "must be above 0 and at most 1"),
        ("rated_power_kw = 5, capacity_kwh = -7", "capacity_kwh", "must be above 0 and at most 1e+09"),
        ("rated_power_kw = -5", "rated_power_kw", "must be above 0 and at most 1e+09"),
        ("rated_power_kw = 2e6", "rated_power_kw", "must be above 0 and at most 1000000 kW"),
    ],
)
def test_ratings_have_known_names_and_ranges(tmp_path, ratings, key, told) -> None:
    found = problems(tmp_path, RIGHT.replace("rated_power_kw = 5", ratings))
    assert list(found) == [f"devices[1].ratings.{key}"]
    assert found[f"devices[1].ratings.{key}"].remedy == told


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('park = "p"', 'park = "P 1"', "park"),
        ('park = "p"', 'park = "p"\nname_en = "a\\u001b[31m"', "name_en"),
        ('park = "p"', 'park = "p"\nname_zh = "a\\u0000"', "name_zh"),
        ('park = "p"', 'park = "p"\ndistrict = "a\\u009f"', "district"),
        ('id = "pv-1"', 'id = "pv-1"\nname_zh = "a\\u000a"', "devices[1].name_zh"),
        ('id = "pv-1"', f'id = "pv-1"\nname_en = "{"a" * 201}"', "devices[1].name_en"),
        ('id = "pv-1"', 'id = "pv-1"\nbus = "a\\u0007"', "devices[1].bus"),
        ('id = "pv-1"', 'id = "pv-1"\npoint.account = "a\\u0007"', "devices[1].point.account"),
    ],
)
def test_texts_are_those_of_the_wire(tmp_path, old, new, key) -> None:
    assert list(problems(tmp_path, RIGHT.replace(old, new))) == [key]


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        ("".join(map(ONE_MORE.format, range(248))), "devices", "at most 247 on one bus (rs485)"),
        ("".join(map(ONE_MORE.replace("rs485", "").format, range(998))), "devices", "at most 999"),
        (ONE_FAULT * 1001, "faults", "at most 1000"),
    ],
)
def test_no_more_than_can_be_served(tmp_path, text, key, told) -> None:
    found = problems(tmp_path, RIGHT + text)
    assert list(found) == [key]
    assert told in found[key].remedy


def test_mistakes_across_fields_come_together(tmp_path) -> None:
    found = problems(tmp_path, CROSSED)
    assert set(found) == {
        "devices[0].driver",
        "devices[0].ratings.rated_power_kw",
        "devices[1].id",
        "devices[1].ratings.capacity_kwh",
        "devices",
        "faults[0].device",
        "faults[0].start",
        "site.zone",
        "strategy.peak",
    }
    assert "huawei_sun2000" in found["devices[0].driver"].remedy


def test_faults_become_a_timeline(tmp_path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text(
        DEFAULT.read_text("utf-8")
        + '\n[[faults]]\ndevice = "pv-1"\nkind = "exception"\ncode = 6\nstart = "2026-06-21T12:00:00+08:00"\n'
        + "duration_s = 1.5\n",
        "utf-8",
    )
    (fault,) = load_scenario(path).timeline()
    assert (fault.device, fault.kind, fault.value("code")) == ("pv-1", FaultKind.EXCEPTION, 6)
    assert fault.start_ms == 1_782_014_400_000  # 2026-06-21T04:00Z
    assert fault.end_ms - fault.start_ms == 1500
    assert fault.holds(fault.start_ms)
    assert not fault.holds(fault.end_ms)


def with_fault(tmp_path, text):
    path = tmp_path / "scenario.toml"
    path.write_text(f"{DEFAULT.read_text('utf-8')}\n[[faults]]\n{text}\n", "utf-8")
    return path


def test_a_habit_comes_back_every_day(tmp_path) -> None:
    path = with_fault(tmp_path, 'device = "pv-1"\nkind = "spike"\nstart = "19:00"\nduration_s = 40')
    (fault,) = load_scenario(path).timeline()
    for day in (0, 1, 200):
        seven = 1_782_039_600_000 + day * 86_400_000  # 2026-06-21 19:00 in Shanghai is 11:00Z
        assert fault.holds(seven)
        assert fault.holds(seven + 39_999)
        assert not fault.holds(seven + 40_000)
        assert not fault.holds(seven - 1)


def test_what_happens_once_needs_a_date(tmp_path) -> None:
    path = with_fault(tmp_path, 'device = "pv-1"\nkind = "stuck"\nstart = "19:00"\nduration_s = 90000')
    with pytest.raises(SettingsError) as caught:
        load_scenario(path)
    assert {problem.key for problem in caught.value.problems} == {"faults[0].start", "faults[0].duration_s"}


def test_hours_of_a_day() -> None:
    assert minutes_of("10:00-12:30") == (600, 750)
    assert minutes_of("22:00-24:00") == (1320, 1440)
    with pytest.raises(ValueError, match="12:00-10:00"):
        minutes_of("12:00-10:00")


def test_instants_are_milliseconds() -> None:
    from datetime import UTC, datetime

    assert to_ms(datetime(2026, 6, 21, 4, tzinfo=UTC)) == 1_782_014_400_000
