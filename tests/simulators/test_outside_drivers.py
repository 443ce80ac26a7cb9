"""Drivers of installed packages behind the simulator and a replay, from the same rows."""

import pytest

from parkgrid_contract.settings import SettingsError
from parkgrid_edge import drivers
from parkgrid_edge.protocols.registers import Driver, Encoding, Register
from parkgrid_simulators.choosing import ChoiceError, one_device
from parkgrid_simulators.clock import SteppedClock
from parkgrid_simulators.driver_checks import DriverCheckError, driver_checks
from parkgrid_simulators.measured.loading import ReplayError
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.plant import SimulatedDevice
from parkgrid_simulators.replay import Replay
from parkgrid_simulators.scenario import DEFAULT, load_scenario
from tests.edge.outside import METER, on_the_path, package
from tests.simulators.bench_plant import KnownPlant, Raw, read_request

MAPPING = """
name = "own"
source = "measured by hand"
park = "own"
[time]
column = "t"
period_s = 3600
[[devices]]
device = "m"
device_class = "{device_class}"
driver = "acme_em24"
file = "a.csv"
[devices.gauges.active_power_kw]
column = "P"
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(DEFAULT.read_text("utf-8").replace("eastron_sdm630", "acme_em24"), "utf-8")
    return path


@pytest.fixture
def mapping(tmp_path):
    (tmp_path / "a.csv").write_text("t,P\n2025-01-01T00:00:00+08:00,2\n", "utf-8")
    path = tmp_path / "mapping.toml"
    path.write_text(MAPPING.format(device_class="grid_meter"), "utf-8")
    return path


@pytest.mark.process
async def test_its_rows_are_served_on_real_sockets(tmp_path) -> None:
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": METER})):
        meter = SimulatedDevice("m-1", "meter", "acme_em24")
        plant = KnownPlant((meter,), {"voltage_a_v": 230.2, "active_power_kw": -2.0})
        server = ModbusServer(plant, SteppedClock(1_000_000))
        (endpoint,) = await server.start()
        raw = await Raw.open(endpoint)
        # 2302 x 0.1 V and -2000 W.
        assert await raw.ask(read_request(3, 0, 3)) == "00 01 00 00 00 09 01 03 06 08 fe ff ff f8 30"
        await raw.close()
        await server.stop()
        assert driver_checks(drivers.find("acme_em24"))[-1]() is None


def test_scenario_and_mapping_know_it(tmp_path, scenario, mapping) -> None:
    with on_the_path(package(tmp_path / "packages", "acme-parkgrid", {"acme_em24": METER})):
        assert "acme_em24" in {device.driver for device in load_scenario(scenario).devices}
        assert [device.driver for device in Replay.open(tmp_path, mapping).devices] == ["acme_em24"]


def test_one_that_cannot_be_used_is_told_with_its_package(tmp_path, scenario, mapping) -> None:
    with on_the_path(package(tmp_path / "packages", "acme-parkgrid", {"acme_em24": "import acme_missing"})):
        with pytest.raises(SettingsError, match=r"'acme_em24' of acme-parkgrid 1\.0 .* No module named 'acme_missing'"):
            load_scenario(scenario)
        with pytest.raises(ReplayError, match=r"'acme_em24' of acme-parkgrid 1\.0 .* No module named 'acme_missing'"):
            Replay.open(tmp_path, mapping)


def test_one_that_cannot_be_used_hides_no_other(tmp_path) -> None:
    offered = {"acme_em24": METER, "acme_em25": "import acme_missing"}
    with on_the_path(package(tmp_path, "acme-parkgrid", offered)):
        assert one_device("em 24").devices[1].driver == "acme_em24"
        with pytest.raises(ChoiceError, match=r"'acme_em25' of acme-parkgrid 1\.0 .* No module named 'acme_missing'"):
            one_device("acme_em25")


def test_a_model_of_ours_stays_ours_and_a_warning_names_both_packages(tmp_path, caplog) -> None:
    offered = {"acme_em24": METER.replace("EM 24", "Sdm630"), "sun2000": METER}
    with on_the_path(package(tmp_path, "acme-parkgrid", offered, "1.2")):
        assert one_device("sdm630").devices[1].driver == "eastron_sdm630"
        assert one_device("SUN2000").devices[1].driver == "huawei_sun2000"
        assert one_device("acme_em24").devices[1].driver == "acme_em24"
    ours, acme = "{0!r}: the driver {1!r} of parkgrid-edge is used, not ", "{0!r} of acme-parkgrid 1.2; {1}"
    assert [record.getMessage() for record in caplog.records] == [
        "model " + ours.format("sdm630", "eastron_sdm630") + acme.format("acme_em24", "'acme_em24' chooses that one"),
        "model " + ours.format("SUN2000", "huawei_sun2000") + acme.format("sun2000", "that one needs another name"),
    ]


def test_a_model_of_two_packages_is_neither_s(tmp_path) -> None:
    package(tmp_path, "acme-parkgrid", {"acme_em24": METER})
    with on_the_path(package(tmp_path, "other", {"other_em24": METER.replace("EM 24", "em 24")}, "2.0")):
        both = r"'acme_em24' of acme-parkgrid 1\.0 and 'other_em24' of other 2\.0"
        with pytest.raises(ChoiceError, match=f"model 'Em 24' is of the drivers {both}: give the name of one, or un"):
            one_device("Em 24")
        assert one_device("other_em24").devices[1].driver == "other_em24"


@pytest.mark.parametrize("text", ["Zähler Straße", "Za\u0308hler STRASSE", "ACME_EM24"])
def test_capitals_and_composed_letters_make_no_difference(tmp_path, text) -> None:
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": METER.replace("EM 24", "zähler straße")})):
        assert one_device(text).devices[1].driver == "acme_em24"


def test_a_driver_of_another_class_is_told(tmp_path, scenario, mapping) -> None:
    mapping.write_text(MAPPING.format(device_class="storage"), "utf-8")
    scenario.write_text(scenario.read_text("utf-8").replace("huawei_luna2000", "acme_em24"), "utf-8")
    with on_the_path(package(tmp_path / "packages", "acme-parkgrid", {"acme_em24": METER})):
        with pytest.raises(SettingsError, match="serves a meter, not a storage"):
            load_scenario(scenario)
        with pytest.raises(ReplayError, match="serves a meter, not a storage"):
            Replay.open(tmp_path, mapping)


def test_a_row_that_can_show_nothing_is_told() -> None:
    row = Register("active_power_kw", 7, Encoding.UINT16, 1e6, absent=(0,))
    with pytest.raises(
        DriverCheckError, match=r"active_power_kw at 7: the simulated device is given 0\.0 and shows None"
    ):
        driver_checks(Driver("d", "meter", "Acme", "EM", "a document", (row,)))[-1]()
