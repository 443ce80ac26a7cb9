"""Files of other people: every mistake of a mapping at once, times of every zone, holes that stay holes."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from parkgrid_contract.time import to_ms
from parkgrid_simulators.measured.loading import Measured, ReplayError, open_measured
from parkgrid_simulators.measured.series import Break, added_up, without_resets
from parkgrid_simulators.replay import Replay
from tests.parkgrid.own_data import CHINA

HOUR_MS = 3_600_000
HEAD = """
name = "own"
source = "measured by hand"
park = "own"
"""


def opened(folder: Path, text: str, **files: str) -> Measured:
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, "utf-8")
    (folder / "mapping.toml").write_text(HEAD + text, "utf-8")
    return open_measured(folder, folder / "mapping.toml")


def problems(folder: Path, text: str, **files: str) -> list[tuple[str, str]]:
    with pytest.raises(ReplayError) as caught:
        opened(folder, text, **files)
    assert {problem.file for problem in caught.value.problems} <= {
        str(folder / name) for name in ("mapping.toml", *(f"{name}.csv" for name in files))
    }
    return [(problem.key, problem.remedy) for problem in caught.value.problems]


WRONG = """
zone = "Asia/Shenzhen"
[time]
column = "t"
start = "2025-01-01T00:00:00+08:00"
period_s = 0
[[devices]]
device = "Main meter"
device_class = "grid_meter"
driver = "eastron_sdm631"
file = "a.csv"
[devices.counters.energy_imported_kwh]
column = "E"
factor = "a lot"
[devices.gauges.power_kw]
column = "P"
[[devices]]
device = "pv"
device_class = "pv_inverter"
driver = "huawei_sun2000"
file = "a.csv"
[devices.counters.energy_generated_kwh]
column = "E"
kind = "sum"
[devices.gauges.dc_voltage_v]
column = "I"
[devices.gauges.operating_state]
column = "S"
words = { On = "switched_on" }
[[devices]]
device = "pv"
device_class = "windmill"
"""


def test_every_mistake_of_a_mapping_is_told_at_once_and_nothing_is_read(tmp_path) -> None:
    found = dict(problems(tmp_path, WRONG))
    assert set(found) == {
        "zone",
        "time.start",
        "time.period_s",
        "devices[0].device",
        "devices[0].driver",
        "devices[0].counters.energy_imported_kwh",
        "devices[0].counters.energy_imported_kwh.factor",
        "devices[0].gauges.power_kw",
        "devices[1].counters.energy_generated_kwh.kind",
        "devices[1].gauges.dc_voltage_v",
        "devices[1].gauges.operating_state.words.On",
        "devices[2].device_class",
    }
    assert "did you mean 'eastron_sdm630'" in found["devices[0].driver"]
    assert "there are: energy_import_kwh, energy_export_kwh" in found["devices[0].counters.energy_imported_kwh"]
    assert "huawei_sun2000 does not serve it" in found["devices[1].gauges.dc_voltage_v"]


METER = """
[time]
column = "t"
period_s = 3600
{time}
[csv]
blank = ["", "-"]
[[devices]]
device = "m"
device_class = "meter"
file = "a.csv"
[devices.counters.energy_import_kwh]
column = "E"
kind = "{kind}"
"""


def times(folder: Path, time: str, *texts: str) -> list[str]:
    rows = "\n".join(f"{text},{number}" for number, text in enumerate(texts))
    measured = opened(folder, METER.format(time=time, kind="reading"), a=f"t,E\n{rows}\n")
    return [datetime.fromtimestamp(at / 1000, UTC).isoformat() for at in measured.series[0].at_ms]


@pytest.mark.parametrize(
    ("time", "text", "expected"),
    [
        ('zone = "Asia/Kolkata"', "2025-01-01 05:30", "2025-01-01T00:00:00+00:00"),
        ('zone = "+05:45"', "2025-01-01 05:45", "2025-01-01T00:00:00+00:00"),
        ('zone = "Asia/Kolkata"\nstamp = "start"', "2025-01-01 05:30", "2025-01-01T01:00:00+00:00"),
        ("", "2025-01-01 08:00", "2025-01-01T00:00:00+00:00"),
        ("", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00+00:00"),
        ('format = "unix_ms"', "1735689600000", "2025-01-01T00:00:00+00:00"),
        ('format = "%d.%m.%Y %H:%M"', "01.01.2025 08:00", "2025-01-01T00:00:00+00:00"),
    ],
)
def test_times_of_every_form_and_zone(tmp_path, time, text, expected) -> None:
    assert times(tmp_path, time, text) == [expected]


def test_an_hour_that_happens_twice_is_told_apart_by_the_order_of_rows(tmp_path) -> None:
    # Berlin, 2025-10-26: at 03:00 summer time clocks go back to 02:00.
    texts = [f"2025-10-26 0{hour}:00" for hour in (1, 2, 2, 3)]
    assert times(tmp_path, 'zone = "Europe/Berlin"', *texts) == [
        f"2025-10-{day}T{hour}:00:00+00:00" for day, hour in (("25", "23"), ("26", "00"), ("26", "01"), ("26", "02"))
    ]


def test_rows_that_cannot_be_are_named(tmp_path) -> None:
    rows = "t,E\n2025-03-30 02:30,1\n2025-03-30 04:00,2\n2025-03-30 04:00,2\nsoon,3\n2025-03-30 06:00,-4\n"
    text = METER.format(time='zone = "Europe/Berlin"', kind="reading")
    found = problems(tmp_path, text, a=rows)
    assert [key for key, _ in found] == ["line 2, column t", "line 4, column t", "line 5, column t"]
    assert [remedy.split(":")[0] for _, remedy in found] == [
        "does not exist in Europe/Berlin",
        "does not come after the row before",
        "is not a time of the form 2026-01-31T00",
    ]


def test_a_hole_in_energies_of_rows_is_unknown_and_never_zero(tmp_path) -> None:
    rows = "t,E\n2025-01-01 01:00,1.5\n2025-01-01 02:00,\n2025-01-01 03:00,-\n2025-01-01 04:00,0.25\n"
    (series,) = opened(tmp_path, METER.format(time="", kind="energy"), a=rows).series
    start = to_ms(datetime(2025, 1, 1, tzinfo=CHINA))
    assert list(series.at_ms) == [start + hour * HOUR_MS for hour in (0, 1, 3, 4)]
    assert list(series.values["energy_import_kwh"]) == [Decimal(each) for each in ("0", "1.5", "1.5", "1.75")]
    assert series.breaks == (Break("energy_import_kwh", start + 3 * HOUR_MS, Decimal("1.5")),)
    assert list(series.values["active_power_kw"]) == [None, Decimal("1.5"), None, Decimal("0.25")]


def test_rows_nearer_than_they_are_said_to_be_are_refused(tmp_path) -> None:
    rows = "t,E\n2025-01-01 01:00,1\n2025-01-01 01:15,1\n"
    [(key, remedy)] = problems(tmp_path, METER.format(time="", kind="energy"), a=rows)
    assert key == "time.period_s"
    assert remedy.startswith("rows are 900 s apart")


def daily(*readings: tuple[float, float]) -> tuple[list[float], list[int]]:
    """The running count of a daily one, readings by hour; and the hours of its breaks."""
    start = to_ms(datetime(2025, 6, 1, tzinfo=CHINA))
    points = {start + int(hour * HOUR_MS): Decimal(str(value)) for hour, value in readings}
    found = without_resets("energy_generated_kwh", points, HOUR_MS, CHINA)
    assert [at for at in found.points if at in points] == list(points)
    return (
        [float(found.points[at] or 0) for at in points],
        [(each.at_ms - start) // HOUR_MS for each in found.breaks],
    )


def test_a_count_that_begins_anew_every_day_goes_on() -> None:
    # At midnight at once, some minutes late (the old count is still shown), in the morning, and on a day without sun.
    assert daily((22, 30), (23, 30), (24, 0), (25, 0), (32, 5)) == ([30, 30, 30, 30, 35], [])
    assert daily((22, 30), (23, 30), (24, 30), (25, 0), (32, 5))[0] == [30, 30, 30, 30, 35]
    assert daily((19, 30), (20, 30), (30, 0.5), (31, 2))[0] == [30, 30, 30.5, 32]
    assert daily((23, 0), (24, 0), (25, 0), (47, 0), (48, 0), (60, 7))[0] == [0, 0, 0, 0, 0, 7]


def test_a_false_zero_is_no_new_day() -> None:
    # At noon it stays what it is, a fall of the running count, which metering judges.
    assert daily((23, 30), (24, 0), (36, 10), (37, 0), (38, 14))[0] == [30, 30, 40, 30, 44]
    # Within the first hour of a day the count is back: it was no reset either.
    assert daily((23, 30), (24, 0), (25, 30), (26, 0), (33, 4))[0] == [30, 0, 30, 30, 34]


def test_what_nobody_saw_before_a_reset_is_a_break() -> None:
    # The count was still rising at noon; the next reading is of the next morning, higher or lower.
    for after in (2, 20):
        counts, breaks = daily((11, 10), (12, 12), (24 + 9, after), (24 + 10, after + 1))
        assert counts == [10, 12, 12 + after, 13 + after]
        assert breaks == [24]
    # Two days without a reading, though it stood still in the evening.
    assert daily((19, 12), (20, 12), (72 + 9, 3)) == ([12, 12, 15], [72])


def test_added_up_is_exact() -> None:
    rows = {at * HOUR_MS: Decimal("0.1") for at in range(1, 1001)}
    count = added_up("energy_import_kwh", rows, HOUR_MS)
    assert count.points[1000 * HOUR_MS] == Decimal(100)
    assert not count.breaks


WIDE = """
[time]
column = "t"
period_s = 900
[csv]
delimiter = ";"
decimal = ","
encoding = "gb18030"
[[devices]]
device = "m-{n}"
device_class = "meter"
each = 2
file = "a.csv"
where = { "表号" = "M{n}" }
account = "0500-{n}"
ratings = { register_ratio = 40 }
[devices.counters.energy_import_kwh]
column = "正向"
[devices.counters.energy_export_kwh]
column = "反向"
[devices.gauges.active_power_kw]
column = "P"
factor = "0.001"
offset = "-1"
"""


def test_several_counters_accounts_factors_and_rows_of_many_meters(tmp_path) -> None:
    text = "t;表号;正向;反向;P\n2025-01-01 00:15;M1;1,5;0;2000\n2025-01-01 00:15;M2;7;2,25;-500\n"
    (tmp_path / "a.csv").write_bytes(text.encode("gb18030"))
    measured = opened(tmp_path, WIDE)
    one, two = measured.series
    assert {name: values[0] for name, values in one.values.items()} == {
        "energy_import_kwh": Decimal("1.5"),
        "energy_export_kwh": 0,
        "active_power_kw": 1,
    }
    assert two.values["energy_export_kwh"][0] == Decimal("2.25")
    assert two.values["active_power_kw"][0] == Decimal("-1.5")
    assert [device.point.account for device in measured.devices] == ["0500-1", "0500-2"]
    assert measured.devices[0].ratings == {"register_ratio": 40}


def test_a_replay_needs_drivers_and_an_import_does_not(tmp_path) -> None:
    text = METER.format(time="", kind="reading")
    opened(tmp_path, text, a="t,E\n2025-01-01 00:00,1\n")
    with pytest.raises(ReplayError) as caught:
        Replay.open(tmp_path, tmp_path / "mapping.toml")
    (problem,) = caught.value.problems
    assert (problem.file, problem.key) == (str(tmp_path / "mapping.toml"), "devices[0].driver")
    assert "parkgrid import" in problem.remedy
