"""Health of the gateway: read from files of the kernel, absent where it is not known."""

import pytest

from parkgrid_contract.signals import CATALOGUE
from parkgrid_edge.delivery.outbox import Stats
from parkgrid_edge.health import Health, Work, clock_offset_ms

pytestmark = pytest.mark.edge

IDLE = Work(None, 0, 0)


def written(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "ascii")


def test_figures_by_hand(tmp_path):
    written(
        tmp_path,
        stat="cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n",
        meminfo="MemTotal:  1000 kB\nMemFree: 1 kB\nMemAvailable:  250 kB\n",
        uptime="1234.56 99.9\n",
        self__statm="9999 2560 0 0 0 0 0\n",
        thermal_zone0__temp="41500\n",
        thermal_zone1__temp="55250\n",
    )
    health = Health("gw-1", tmp_path, proc=tmp_path, thermal=tmp_path)
    first = health.read(5_000, 90_000, Work(Stats(12, 3, 2, 4_500_000, 30_000), 7, 1))
    assert "cpu_pct" not in first.values, "a share needs two readings"
    assert (first.device, first.at_ms) == ("gw-1", 5_000)
    wanted = {
        "memory_used_pct": 75.0,
        "agent_memory_mb": 10.0,
        "temperature_c": 55.2,
        "uptime_s": 1235.0,
        "outbox_batches": 2,
        "outbox_mb": 4.5,
        "outbox_oldest_s": 60.0,
        "samples_accepted": 12,
        "samples_dropped": 3,
        "reads_failed": 7,
        "link_reconnects": 1,
    }
    assert {name: first.values[name] for name in wanted} == wanted
    # 200 ticks more, 150 of them idle or waiting for the disk.
    written(tmp_path, stat="cpu  130 0 120 820 130 0 0 0 0 0\n")
    assert health.read(6_000, 91_000, IDLE).values["cpu_pct"] == pytest.approx(25.0)


def test_what_is_unknown_is_absent_and_never_zero(tmp_path):
    sample = Health("gw-1", tmp_path / "gone", proc=tmp_path, thermal=tmp_path).read(1, 1, IDLE)
    assert set(sample.values) <= {"reads_failed", "link_reconnects", "clock_offset_ms"}


def test_this_machine_reports_only_signals_of_the_catalogue(tmp_path):
    sample = Health("gw-1", tmp_path).read(1, 1, Work(Stats(0, 0, 0, 0, None), 0, 0))
    known = CATALOGUE["gateway"].by_name
    for name, value in sample.values.items():
        assert known[name].low <= value <= known[name].high
    assert sample.values["outbox_oldest_s"] == 0.0
    assert sample.values["agent_memory_mb"] > 1


def test_the_clock_offset_is_a_number_or_absent():
    offset = clock_offset_ms()
    assert offset is None or -1000 < offset < 1000
