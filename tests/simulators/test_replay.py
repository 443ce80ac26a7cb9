"""A measured year behind registers: the totals of its README, and every kind of damage to its files."""

import csv
import json
import shutil
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from parkgrid_contract.settings import SettingsError
from parkgrid_contract.time import to_ms
from parkgrid_edge import drivers
from parkgrid_edge.polling.poller import PolledDevice, Poller
from parkgrid_edge.protocols.modbus import ModbusConnection
from parkgrid_edge.protocols.registers import decode
from parkgrid_simulators.clock import SteppedClock
from parkgrid_simulators.faults import FaultPlan
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.replay import MAPPINGS, Replay, ReplayError
from parkgrid_simulators.served import ServedDevice

HOUR_MS = 3_600_000
START_MS = to_ms(datetime(2016, 8, 1, 7, tzinfo=UTC))
README = {"load_kwh": 169_644.031, "pv_kwh": 103_425.402, "import_kwh": 94_425.402, "export_kwh": 28_206.773}


def data_directory() -> Path:
    """The measured year: beside the repository, or where PARKGRID_TEST_DATA points."""
    for parent in Path(__file__).resolve().parents:
        found = parent / "shared" / "data" / "citylearn_2022"
        if found.is_dir():
            return found
    pytest.skip("citylearn_2022 is not here: put it at ../shared/data/citylearn_2022")


@pytest.fixture(scope="module")
def replay() -> Replay:
    return Replay.open(data_directory())


def test_the_year(replay) -> None:
    assert replay.start_ms == START_MS
    assert replay.end_ms == START_MS + 8760 * HOUR_MS
    assert len(replay.steps()) == 8761
    classes = [device.device_class for device in replay.devices]
    assert {name: classes.count(name) for name in set(classes)} == {
        "grid_meter": 1,
        "meter": 17,
        "pv_inverter": 17,
        "weather": 1,
    }
    ratings = [device.ratings["rated_power_kw"] for device in replay.devices if device.device_class == "pv_inverter"]
    assert sum(ratings) == 77.0


def test_totals_are_those_of_the_readme(replay) -> None:
    for name, total in replay.totals().items():
        assert total == pytest.approx(README[name], abs=0.001)
    pv, export = README["pv_kwh"], README["export_kwh"]
    totals = replay.totals()
    assert 1 - totals["export_kwh"] / totals["pv_kwh"] == pytest.approx(1 - export / pv, abs=1e-6)


def test_building_one_is_that_of_the_readme(replay) -> None:
    assert replay.values("load-1", replay.end_ms)["energy_import_kwh"] == pytest.approx(10_583.353, abs=0.001)
    assert replay.values("pv-1", replay.end_ms)["energy_generated_kwh"] == pytest.approx(7_212.497, abs=0.001)


def test_the_peak_is_that_of_the_readme(replay) -> None:
    powers = {at_ms: replay.values("grid", at_ms)["active_power_kw"] or 0.0 for at_ms in replay.steps()}
    peak = max(powers, key=lambda at_ms: powers[at_ms])
    assert powers[peak] == pytest.approx(49.0588, abs=1e-4)
    # The hour that begins at 19:00 local standard time, UTC-8, shown at its end.
    assert peak == to_ms(datetime(2016, 8, 29, 4, tzinfo=UTC))


def test_the_first_hour_by_hand(replay) -> None:
    # Building_1.csv, first row: 2.2758 kWh, no sun.
    assert replay.values("load-1", START_MS) == {
        "energy_import_kwh": 0.0,
        "energy_export_kwh": 0.0,
        "active_power_kw": None,
    }
    after = replay.values("load-1", START_MS + HOUR_MS)
    assert after["energy_import_kwh"] == after["active_power_kw"] == pytest.approx(2.2758)
    assert replay.values("load-1", START_MS + 2 * HOUR_MS - 1) == after
    assert replay.values("weather", START_MS + HOUR_MS)["temperature_c"] == 20.0


def test_registers_of_the_whole_year_add_up(replay, nightly) -> None:
    """Read every energy register, as its words, each six hours and by night each hour, and add up what it went on."""
    steps = replay.steps()[:: 1 if nightly else 6]
    assert steps[-1] == replay.end_ms
    served = {device.device: ServedDevice(device, replay, FaultPlan()) for device in replay.devices}
    sums = dict.fromkeys(README, 0.0)
    kinds = {"load": "load_kwh", "pv": "pv_kwh"}
    for device in replay.devices:
        for row in drivers.find(device.driver).registers:
            if row.signal in {"energy_import_kwh", "energy_export_kwh", "energy_generated_kwh"}:
                reader = served[device.device]
                shown = [decode(row, reader.read(row.table, row.address, row.encoding.words, at_ms)) for at_ms in steps]
                hours = [after - before for before, after in pairwise(shown)]
                assert min(hours) >= 0
                name = kinds.get(device.device.split("-")[0], row.signal.split("_")[1] + "_kwh")
                sums[name] += sum(hours)
    # Half a step of each register: float32 at its size, 0.01 kWh of the inverters.
    assert sums["load_kwh"] == pytest.approx(README["load_kwh"], abs=17 * 0.0005 + 0.001)
    assert sums["pv_kwh"] == pytest.approx(README["pv_kwh"], abs=17 * 0.005 + 0.001)
    assert sums["import_kwh"] == pytest.approx(README["import_kwh"], abs=0.005)
    assert sums["export_kwh"] == pytest.approx(README["export_kwh"], abs=0.002)


@pytest.mark.process
async def test_a_day_through_the_network_and_the_poller(replay) -> None:
    clock = SteppedClock(replay.start_ms)
    server = ModbusServer(replay, clock)
    samples = []
    poller = Poller(
        [
            PolledDevice(
                endpoint.device.device,
                endpoint.device.driver,
                endpoint.device.device_class,
                1.0,
                ModbusConnection(host=endpoint.host, port=endpoint.port, unit=endpoint.unit),
            )
            for endpoint in await server.start()
        ],
        clock,
        samples.append,
    )
    steps = replay.steps(None, replay.start_ms + 24 * HOUR_MS)
    for at_ms in steps:
        clock.advance_to(at_ms)
        await poller.poll_once()
    await server.stop()
    # Before its first row the weather station has nothing to say.
    assert len(samples) == 25 * 36 - 1
    assert {sample.at_ms for sample in samples} == set(steps)
    exact = replay.totals(steps[0], steps[-1])
    assert moved(samples, "load-", "energy_import_kwh") == pytest.approx(exact["load_kwh"], abs=0.01)
    assert moved(samples, "pv-", "energy_generated_kwh") == pytest.approx(exact["pv_kwh"], abs=0.1)
    assert moved(samples, "grid", "energy_import_kwh") == pytest.approx(exact["import_kwh"], abs=0.002)
    assert moved(samples, "grid", "energy_export_kwh") == pytest.approx(exact["export_kwh"], abs=0.002)


def moved(samples, prefix, signal) -> float:
    """How far a register of all devices of a kind went."""
    ends: dict[str, list[float]] = {}
    for sample in samples:
        if sample.device.startswith(prefix):
            ends.setdefault(sample.device, []).append(sample.values[signal])
    return sum(values[-1] - values[0] for values in ends.values())


def test_parts_of_the_year(replay) -> None:
    steps = replay.steps(START_MS + 1, START_MS + 5 * HOUR_MS + 1)
    assert list(steps) == [START_MS + hour * HOUR_MS for hour in range(1, 6)]
    whole = replay.totals()
    split = START_MS + 4000 * HOUR_MS
    first, second = replay.totals(None, split), replay.totals(split, None)
    for name in whole:
        assert first[name] + second[name] == pytest.approx(whole[name])


def edit(path: Path, line: int, change) -> None:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    change(rows, line - 1)
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(rows)


def problems(directory: Path) -> list[str]:
    with pytest.raises(ReplayError) as caught:
        Replay.open(directory)
    return [str(problem) for problem in caught.value.problems]


BAD_NUMBERS = {4321: "", 4322: "NaN", 4323: "n/a", 4324: "inf"}
NEGATIVE_LINE = 5000


@pytest.fixture(scope="module")
def damaged(tmp_path_factory) -> list[str]:
    """What a year says that is damaged in six of its files; opening it takes seconds."""
    folder = Path(
        shutil.copytree(data_directory(), tmp_path_factory.mktemp("damaged") / "data", copy_function=shutil.copyfile)
    )

    def spoil(rows, _index) -> None:
        for line, text in BAD_NUMBERS.items():
            rows[line - 1][rows[0].index("solar_generation")] = text
        rows[NEGATIVE_LINE - 1][rows[0].index("non_shiftable_load")] = "-3"

    edit(folder / "Building_2.csv", 1, lambda rows, index: rows[index].__setitem__(-1, "solar"))
    edit(folder / "Building_3.csv", 102, lambda rows, index: rows.pop(index))
    edit(folder / "Building_4.csv", 50, lambda rows, index: rows.insert(index, rows[index]))
    edit(folder / "Building_7.csv", 1, spoil)
    (folder / "Building_5.csv").unlink()
    document = json.loads((folder / "schema.json").read_text("utf-8"))
    del document["buildings"]["Building_9"]["pv"]
    (folder / "schema.json").write_text(json.dumps(document), "utf-8")
    return problems(folder)


def test_a_missing_row_is_found_where_it_is_missing(damaged) -> None:
    first, second = [problem for problem in damaged if "Building_3.csv" in problem]
    assert "Building_3.csv: line 102, column hour" in first
    assert "missing or doubled" in first
    assert "Building_3.csv: line 8760 = '8759 rows': must have 8760 rows" in second


def test_a_doubled_row_is_found(damaged) -> None:
    assert any("Building_4.csv: line 51, column hour" in problem for problem in damaged)


@pytest.mark.parametrize(("line", "text"), BAD_NUMBERS.items())
def test_a_bad_number_is_named_with_its_line(damaged, line, text) -> None:
    (problem,) = [problem for problem in damaged if f"line {line}," in problem]
    assert f"Building_7.csv: line {line}, column solar_generation = {text!r}: must be a number" in problem


def test_a_negative_energy_is_refused(damaged) -> None:
    (problem,) = [problem for problem in damaged if "must not be negative" in problem]
    assert f"Building_7.csv: line {NEGATIVE_LINE}" in problem


def test_a_missing_column_lists_those_there_are(damaged) -> None:
    (problem,) = [problem for problem in damaged if "Building_2.csv" in problem]
    assert "'solar_generation': no such column; there are: month, hour" in problem


def test_nothing_else_of_a_damaged_year_is_complained_about(damaged) -> None:
    files = ("_2.csv", "_3.csv", "_4.csv", "_5.csv", "_7.csv", "schema.json")
    named = [name for problem in damaged for name in files if name in problem]
    assert len(named) == len(damaged)
    assert named.count("_7.csv") == len(BAD_NUMBERS) + 1


def test_missing_files_and_ratings_come_with_the_others(damaged) -> None:
    assert any("Building_5.csv: file" in problem and "cannot be read" in problem for problem in damaged)
    assert any("schema.json: buildings/Building_9/pv/attributes/nominal_power" in problem for problem in damaged)


def test_a_directory_that_nobody_knows(tmp_path) -> None:
    (problem,) = problems(tmp_path)
    assert "matches no committed mapping (citylearn_2022)" in problem
    assert "--mapping" in problem
    (problem,) = problems(tmp_path / "nowhere")
    assert "is not a directory" in problem


OWN = """
name = "own"
source = "measured by hand"
[time]
start = "2024-01-01T00:00:00+08:00"
period_s = 900
rows = 3
[match]
files = ["a.csv"]
[[devices]]
device = "grid"
device_class = "grid_meter"
driver = "eastron_sdm630"
role = "connection"
[[devices]]
device = "house"
device_class = "meter"
driver = "eastron_sdm630"
file = "a.csv"
column = "kwh"
counter = "energy_import_kwh"
role = "load"
[[devices]]
device = "roof"
device_class = "pv_inverter"
driver = "huawei_sun2000"
file = "a.csv"
column = "sun"
factor = "0.5"
counter = "energy_generated_kwh"
role = "generation"
"""


def test_a_mapping_of_ones_own(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("kwh,sun\n1.5,0\n2.5,4\n0.25,1\n", "utf-8")
    mapping = tmp_path / "own.toml"
    mapping.write_text(OWN, "utf-8")
    own = Replay.open(tmp_path, mapping)
    # Rows: 1.5 - 0; 2.5 - 2; 0.25 - 0.5.
    assert own.totals() == {"load_kwh": 4.25, "pv_kwh": 2.5, "import_kwh": 2.0, "export_kwh": 0.25}
    assert own.values("grid", own.end_ms)["active_power_kw"] == -1.0
    own.write("roof", "limit_pct", 5.0)


def test_a_file_full_of_mistakes_is_reported_briefly(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("kwh,sun\n" + "1.5,x\n" * 60, "utf-8")
    mapping = tmp_path / "own.toml"
    mapping.write_text(OWN.replace("rows = 3", "rows = 60"), "utf-8")
    with pytest.raises(ReplayError) as caught:
        Replay.open(tmp_path, mapping)
    found = [str(problem) for problem in caught.value.problems]
    assert len(found) == 21
    assert "40 more" in found[-1]


def test_a_wrong_mapping_is_refused(tmp_path) -> None:
    mapping = tmp_path / "own.toml"
    mapping.write_text(
        (MAPPINGS / "citylearn_2022.toml").read_text("utf-8").replace("-08:00", "").replace("= 3600", "= 0"), "utf-8"
    )
    with pytest.raises(SettingsError) as caught:
        Replay.open(tmp_path, mapping)
    assert {problem.key for problem in caught.value.problems} == {"time.period_s", "time.start"}
