"""Drivers of installed packages: found beside the own ones, and no harm to anybody when something is wrong."""

import asyncio
import os
import subprocess
import sys

import pytest

from parkgrid_edge import drivers
from parkgrid_edge.__main__ import main
from parkgrid_edge.agent import Agent
from parkgrid_edge.driver_checks import DriverCheckError, Golden, driver_checks, hex_words
from parkgrid_edge.settings import load_settings
from tests.edge.outside import METER, agent_command, on_the_path, package
from tests.edge.peer import Device, tcp_peer, until

pytestmark = pytest.mark.edge

GOLDEN = Golden(
    holding={0: hex_words("08FE FFFF F830")},  # 230.2 V, -2,000 W
    sample={"voltage_a_v": 230.2, "active_power_kw": -2.0},
)
ROWS = """
from parkgrid_edge.protocols.registers import Driver, Encoding, Register

DRIVER = Driver("{{name}}", "meter", "Acme", "EM 24", "a document", ({}))
"""


def rated(ratings):
    """The meter with ratings of its own."""
    return METER.rstrip()[:-1] + f", ratings={ratings!r})"


# No driver of ours will ever have one of these names.
@pytest.mark.parametrize("name", ["0_elsewhere", "aaa_elsewhere", "huawei_elsewhere_2001", "zzz_elsewhere"])
def test_a_driver_is_found_wherever_its_name_stands_in_the_order(tmp_path, name):
    own = drivers.names()
    assert own == drivers.own_names()
    with on_the_path(package(tmp_path, "acme-parkgrid", {name: METER})):
        assert drivers.names() == tuple(sorted([*own, name]))
        assert all(drivers.package_of(each) == "parkgrid-edge" for each in own)
        assert drivers.package_of(name) == "acme-parkgrid 1.0"
        assert drivers.find(name).model == "EM 24"
        with pytest.raises(drivers.UnknownDriverError, match=f"unknown; there are: {', '.join(drivers.names())}$"):
            drivers.find("~")
        with pytest.raises(drivers.UnknownDriverError, match=f"did you mean '{name}'"):
            drivers.find(f"{name}_")
    assert drivers.names() == own


@pytest.mark.process
def test_one_package_may_bring_several_and_its_checks_are_our_checks(tmp_path):
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": METER, "acme_em25": METER})):
        for name in ("acme_em24", "acme_em25"):
            for check in driver_checks(drivers.find(name), GOLDEN):
                check()


def test_nothing_is_imported_before_a_driver_is_asked_for(tmp_path):
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": METER, "acme_em25": METER})):
        assert "acme_em24" in drivers.names()
        drivers.find("eastron_sdm630")
        assert not [name for name in sys.modules if name.startswith("acme_parkgrid")]
        drivers.find("acme_em25")
        assert "acme_parkgrid.driver_0" not in sys.modules


BROKEN = {
    "an import of its own": ("import acme_missing", "ModuleNotFoundError: No module named 'acme_missing'"),
    "an exit": ("import sys\nsys.exit(3)", "SystemExit: 3"),
    "no exception of ours": ("class Stop(BaseException): ...\nraise Stop('skipped')", "Stop: skipped"),
    "no driver": ("DRIVER = 7", "it must be a Driver, not int"),
    "nothing": ("", "AttributeError"),
    "another name": (METER.replace("{name}", "acme"), "its name is 'acme': it must be that of its entry point"),
    "an old argument": (METER.replace('"P")', '"P", step=1)'), "unexpected keyword argument 'step'"),
    "another class": (METER.replace('"meter"', '"meters"'), "class 'meters': did you mean 'meter'?"),
    "no rows": (ROWS.format(""), "registers: there is none"),
    "an unknown signal": (
        METER.replace("voltage_a_v", "voltag_a_v"),
        "voltag_a_v at 0: meter has no such signal; did you mean 'voltage_a_v'?",
    ),
    "overlapping rows": (
        METER.replace('_kw", 1', '_kw", 0'),
        "active_power_kw at 0: register 0 belongs to voltage_a_v already",
    ),
    "a signal twice": (METER.replace("voltage_a_v", "active_power_kw"), "the signal is read at 0, too"),
    "no address": (METER.replace('_kw", 1', '_kw", 65535'), "the address does not exist"),
    "a printed address": (METER.replace('_kw", 1', '_kw", 400001'), "the address does not exist"),
    "no scale": (METER.replace("0.001", "0"), "scale = 0: must be a number other than 0"),
    "a text for a number": (METER.replace("0.001", '"0.001"'), "row 2 scale = '0.001': must be of type float or int"),
    "no register": (ROWS.format('("voltage_a_v", 0),'), "row 1: ('voltage_a_v', 0) is no Register"),
    "a state that nobody knows": (
        ROWS.format('Register("voltage_a_v", 0, Encoding.UINT16, states={1: 9}),'),
        "states [9]: the catalogue has none",
    ),
    "a list in place of numbers": (
        ROWS.format('Register("voltage_a_v", 0, Encoding.UINT16, states={1: [9]}),'),
        "must hold whole numbers only",
    ),
    "a line break in the maker's name": (
        METER.replace('"Acme"', '"Ac\\nme"'),
        r"vendor = 'Ac\nme': must not contain the control character U+000A",
    ),
    "an escape in the model": (
        METER.replace('"EM 24"', '"EM\\x1b[2J"'),
        r"model = 'EM\x1b[2J': must not contain the control character U+001B",
    ),
    "a rating that nobody knows": (
        rated({"rated_power_w": 5.0}),
        "ratings rated_power_w = 5.0: is unknown; did you mean 'rated_power_kw'?",
    ),
    "a rating without a name": (rated({7: 5.0}), "ratings 7 = 5.0: is unknown; there are: rated_power_kw, "),
    "a text as a rating": (rated({"rated_power_kw": "5"}), "ratings rated_power_kw = '5': must be of type float"),
    "a truth as a rating": (rated({"rated_power_kw": True}), "ratings rated_power_kw = True: must be of type float"),
    "a rating beyond what Python writes": (
        METER.rstrip()[:-1] + ", ratings={'rated_power_kw': 10**5000})",
        "ratings rated_power_kw = a number with thousands of digits: must be above 0",
    ),
    "a negative rating": (
        rated({"rated_power_kw": -5.0}),
        "ratings rated_power_kw = -5.0: must be above 0 and at most 1e+09",
    ),
    "an efficiency in per cent": (
        rated({"charge_efficiency": 95.0}),
        "ratings charge_efficiency = 95.0: must be above 0 and at most 1",
    ),
    "a clock that is no register": (METER.rstrip()[:-1] + ", clock=40000)", "clock = 40000: must be of type Register"),
    "a clock at a printed address": (
        METER.rstrip()[:-1] + ", clock=Register('device_time_s', 440001, Encoding.UINT32))",
        "clock at 440001: the address does not exist",
    ),
    "reads that are too long": (
        METER.rstrip()[:-1] + ", max_registers=126)",
        "max_registers = 126: must be between 1 and",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_named_with_package_and_remedy_and_stops_no_other(tmp_path, source, reason):
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": source, "acme_em25": METER}, "1.2")):
        with pytest.raises(drivers.UnusableDriverError) as caught:
            drivers.find("acme_em24")
        told = str(caught.value)
        assert told.startswith(
            "driver 'acme_em24' of acme-parkgrid 1.2 (acme_parkgrid.driver_0:DRIVER) cannot be used: "
        )
        assert told.endswith("; update or mend acme-parkgrid, or uninstall it")
        assert reason in told
        assert drivers.find("acme_em25").model == "EM 24"
        assert drivers.find("eastron_sdm630").model == "SDM630"


def test_an_own_driver_keeps_its_name_and_two_packages_cannot_share_one(tmp_path):
    package(tmp_path, "acme-parkgrid", {"eastron_sdm630": METER, "acme_em24": METER})
    with on_the_path(package(tmp_path, "other", {"acme_em24": METER})):
        assert drivers.find("eastron_sdm630").vendor == "Eastron"
        assert drivers.package_of("eastron_sdm630") == "parkgrid-edge"
        (clash,) = drivers.clashes()
        assert clash.startswith("driver 'eastron_sdm630' of acme-parkgrid 1.0 (acme_parkgrid.driver_0:DRIVER)")
        assert "parkgrid has a driver of that name, and that one is used" in clash
        with pytest.raises(drivers.UnusableDriverError, match=r"acme-parkgrid 1\.0 and other 1\.0 both offer it"):
            drivers.find("acme_em24")


def test_a_name_that_cannot_be_a_driver_s_is_told(tmp_path):
    told = pytest.raises(drivers.UnusableDriverError, match="its name must be lower-case letters, digits and _")
    with on_the_path(package(tmp_path, "acme-parkgrid", {"Acme EM24": METER})), told:
        drivers.find("Acme EM24")


@pytest.mark.parametrize("damage", [b"[parkgrid.drivers]\nno equals sign\n", b"[parkgrid.drivers]\n\xff\xfe = x:y\n"])
def test_damaged_metadata_of_one_package_cost_no_other_its_drivers(tmp_path, damage):
    package(tmp_path, "acme-parkgrid", {"acme_em24": METER})
    damaged = package(tmp_path, "other", {}) / "other-1.0.dist-info"
    (damaged / "entry_points.txt").write_bytes(damage)
    with on_the_path(tmp_path):
        assert drivers.find("acme_em24").model == "EM 24"
        assert drivers.find("eastron_sdm630").model == "SDM630"


SETTINGS = """
park = "park-1"
gateway = "gw-1"
[outbox]
path = "{folder}/outbox.db"
[[devices]]
id = "m-1"
driver = "acme_em24"
connection = {{ host = "127.0.0.1", port = {port} }}
[[devices]]
id = "m-2"
driver = "acme_em25"
class = "grid_meter"
name = "Feeder"
connection = {{ host = "127.0.0.1", port = {port} }}
[[devices]]
id = "m-3"
driver = "acme_em26"
connection = {{ host = "127.0.0.1", port = {port} }}
"""


@pytest.mark.process
async def test_a_gateway_reads_its_other_devices_and_announces_which_one_it_cannot(tmp_path):
    offered = {"acme_em24": METER, "acme_em25": "import acme_missing", "acme_em26": "1 / 0"}
    file = tmp_path / "edge.toml"
    async with tcp_peer({1: Device({0: 2302, 1: 0xFFFF, 2: 0xF830})}) as peer:
        with on_the_path(package(tmp_path / "packages", "acme-parkgrid", offered)):
            file.write_text(SETTINGS.format(folder=tmp_path, port=peer.port), "utf-8")
            agent, stop = Agent(load_settings(file, {})), asyncio.Event()
            running = asyncio.create_task(agent.run(stop))
            await until(lambda: agent.poller.states["m-1"].answering is not None, 30)
            announced = {
                device.device: (device.device_class, device.name, device.problem) for device in agent.devices()
            }
            stop.set()
            await running
    assert agent.poller.states["m-1"].answering
    # The class of m-3 is not known: nobody stated it, and its driver cannot be asked.
    assert announced == {
        "gw-1": ("gateway", "gw-1", ""),
        "m-1": ("meter", "", ""),
        "m-2": ("grid_meter", "Feeder", "unusable_driver"),
    }


@pytest.mark.process
def test_the_command_says_where_each_driver_comes_from_and_what_is_wrong(tmp_path):
    offered = {"acme_em24": METER, "acme_em25": METER, "acme_em26": METER}
    file = tmp_path / "edge.toml"
    file.write_text(SETTINGS.format(folder=tmp_path, port=502), "utf-8")
    whole = package(tmp_path / "whole", "acme-parkgrid", offered, "1.2")
    checked = agent_command(whole, "--config", str(file), "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout.splitlines() == [
        f"{file}: valid; gateway park-1/gw-1, 3 devices",
        "  driver acme_em24 of acme-parkgrid 1.2: m-1",
        "  driver acme_em25 of acme-parkgrid 1.2: m-2",
        "  driver acme_em26 of acme-parkgrid 1.2: m-3",
    ]
    broken = package(tmp_path / "broken", "acme-parkgrid", {**offered, "acme_em25": "1 / 0", "huawei_sun2000": METER})
    checked = agent_command(broken, "--config", str(file), "--check")
    assert (checked.returncode, checked.stdout) == (2, "")
    note, problem = checked.stderr.splitlines()
    assert note.startswith(f"{file}: note: driver 'huawei_sun2000' of acme-parkgrid 1.0")
    assert problem.startswith(f"{file}: device m-2: driver 'acme_em25' of acme-parkgrid 1.0")
    listed = agent_command(broken, "--drivers")
    assert listed.returncode == 2
    assert "acme_em24  meter  Acme EM 24  (acme-parkgrid 1.0)" in listed.stdout
    assert "huawei_sun2000  pv_inverter  Huawei SUN2000  (parkgrid-edge)" in listed.stdout
    assert len(listed.stderr.splitlines()) == 2


@pytest.mark.process
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_closes_the_pipe_early_ends_the_list_and_is_no_error(monkeypatch, unbuffered):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        listed = subprocess.run(
            [sys.executable, "-m", "parkgrid_edge", "--drivers"], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert (listed.returncode, listed.stderr) == (0, b"")


def test_ratings_that_a_driver_may_state_are_taken(tmp_path):
    ratings = {"rated_power_kw": 50, "temperature_coefficient_per_k": -0.004, "charge_efficiency": 1.0}
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": rated(ratings)})):
        assert drivers.find("acme_em24").ratings == ratings


def test_an_unknown_driver_in_the_settings_is_told_with_those_of_packages(tmp_path, capsys):
    file = tmp_path / "edge.toml"
    file.write_text(SETTINGS.format(folder=tmp_path, port=502), "utf-8")
    with on_the_path(package(tmp_path / "packages", "acme-parkgrid", {"acme_em24": METER, "acme_em25": METER})):
        assert main(["--config", str(file), "--check"]) == 2
    assert "devices[2].driver = 'acme_em26': unknown driver; did you mean 'acme_em25'?" in capsys.readouterr().err


WRONG = {
    "no golden words": ({}, None, "there are no golden words: give raw words from the maker's document or a capture"),
    "words that a row lacks": (
        {},
        Golden(holding={1: hex_words("FFFF F830")}, sample={"active_power_kw": -2.0}),
        "voltage_a_v at 0: no golden words of holding registers (function 3) there",
    ),
    "words of the other table": (
        {},
        Golden(input=GOLDEN.holding, sample=GOLDEN.sample),
        "voltage_a_v at 0: no golden words of holding registers (function 3) there",
    ),
    "a wrong scale": (
        {"0.001": "0.01"},
        GOLDEN,
        "active_power_kw: the golden words are read as -20.0, the sample says -2.0",
    ),
    "a wrong type": ({"UINT16, 0.1": "INT16, 0.01"}, GOLDEN, "voltage_a_v: the golden words are read as 23.0"),
    "a value that nobody expected": (
        {},
        Golden(holding=GOLDEN.holding, sample={"voltage_a_v": 230.2}),
        "active_power_kw: the golden words are read as -2.0, the sample says no value",
    ),
    "a row without the maker's name": ({', vendor_name="P"': ""}, GOLDEN, "active_power_kw at 1: state vendor_name"),
    "no document": ({"Modbus of the EM 24, 2026": " "}, GOLDEN, "document is empty"),
    "no power": ({"active_power_kw": "power_factor"}, GOLDEN, "it does not read active_power_kw"),
}


@pytest.mark.process
@pytest.mark.parametrize(("changes", "golden", "told"), WRONG.values(), ids=WRONG)
def test_the_checks_tell_a_maker_what_is_wrong(tmp_path, changes, golden, told):
    source = METER
    for before, after in changes.items():
        assert before in source
        source = source.replace(before, after)
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": source})):
        assert told in failures(drivers.find("acme_em24"), golden)


def test_a_driver_that_is_not_installed_or_whose_name_is_taken_is_told(tmp_path):
    with on_the_path(package(tmp_path, "acme-parkgrid", {"acme_em24": METER})):
        driver = drivers.find("acme_em24")
    assert "must be installed" in failures(driver, GOLDEN)
    with on_the_path(package(tmp_path / "2", "other", {"acme_em24": METER.replace("EM 24", "EM 25")})):
        assert "another driver is found by its name" in failures(driver, GOLDEN)


def failures(driver, golden) -> str:
    """What all checks of a driver say."""
    told = []
    for check in driver_checks(driver, golden):
        try:
            check()
        except DriverCheckError as error:
            told.append(str(error))
    return "\n".join(told)
