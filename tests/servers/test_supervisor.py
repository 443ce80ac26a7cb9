"""The supervisor against real processes: order, restart, back-off, and nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from parkgrid_servers import process
from parkgrid_servers.supervisor import Part, PartError, Supervisor

pytestmark = pytest.mark.process

_SAY_AND_STAY = """
import pathlib, signal, sys, time
name, file = sys.argv[1], pathlib.Path(sys.argv[2])
def end(*_):
    with file.open("a") as f: f.write(f"stop {name}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
with file.open("a") as f: f.write(f"start {name}\\n")
while True: time.sleep(60)
"""


def _part(name: str, diary: Path, script: str = _SAY_AND_STAY) -> Part:
    child = process.Child(name, [sys.executable, "-c", script, name, str(diary)], diary.with_name(f"{name}.log"))
    starts_before = _lines(diary).count(f"start {name}")

    async def ready() -> bool:
        return _lines(diary).count(f"start {name}") > starts_before

    return Part(name, lambda: process.start(child), ready, lambda: process.tail(child.log))


def _lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines() if diary.exists() else []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def _until(condition, patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


async def test_parts_start_in_order_and_stop_in_reverse(tmp_path):
    diary = tmp_path / "diary"
    supervisor = Supervisor()
    for name in ("database", "broker", "ingest"):
        await supervisor.add(_part(name, diary))
    pids = [part.child.pid for part in supervisor.parts]
    await supervisor.close()
    assert _lines(diary) == [
        *("start database", "start broker", "start ingest"),
        *("stop ingest", "stop broker", "stop database"),
    ]
    assert not any(map(_alive, pids))


async def test_a_killed_part_comes_back_with_a_new_pid(tmp_path):
    diary = tmp_path / "diary"
    supervisor = Supervisor(first_pause_s=0.05)
    await supervisor.add(_part("edge", diary))
    part = supervisor.parts[0]
    first = part.child.pid
    os.kill(first, signal.SIGKILL)
    await _until(lambda: _lines(diary) == ["start edge", "start edge"])
    assert part.child.pid != first
    assert supervisor.restarts == 1
    await supervisor.close()
    assert _lines(diary) == ["start edge", "start edge", "stop edge"]


async def test_the_pause_doubles_while_a_part_keeps_dying(tmp_path):
    diary = tmp_path / "diary"
    script = (
        "import pathlib, sys, time\n"
        "with pathlib.Path(sys.argv[2]).open('a') as f: f.write(f'start {sys.argv[1]}\\n{time.monotonic()}\\n')\n"
        "time.sleep(0.3 if pathlib.Path(sys.argv[2]).read_text().count('start') == 1 else 0)\n"
        "sys.exit(1)\n"
    )
    supervisor = Supervisor(first_pause_s=0.4)
    await supervisor.add(_part("flapping", diary, script))
    await _until(lambda: len(_lines(diary)) >= 8)
    await supervisor.close()
    times = [float(line) for line in _lines(diary)[1::2]]
    second, third = times[2] - times[1], times[3] - times[2]
    assert second >= 0.8
    assert third >= 1.6


async def test_a_part_that_refuses_its_settings_is_not_started_again(tmp_path):
    diary = tmp_path / "diary"
    script = (
        "import pathlib, sys, time\n"
        "with pathlib.Path(sys.argv[2]).open('a') as f: f.write(f'start {sys.argv[1]}\\n')\n"
        "time.sleep(0.5)\nprint('edge.toml: period_s = -1: must be above 0')\nsys.exit(2)\n"
    )
    supervisor = Supervisor(first_pause_s=0.05)
    await supervisor.add(_part("edge", diary, script))
    reason = await asyncio.wait_for(supervisor.failed, 15)
    assert "edge refuses its settings" in reason
    assert "must be above 0" in reason
    assert _lines(diary) == ["start edge"]
    await supervisor.close()


async def test_a_part_that_dies_at_once_is_reported_with_its_log(tmp_path):
    script = "import sys\nprint('no disk')\nsys.exit(1)"
    supervisor = Supervisor()
    with pytest.raises(PartError, match="store ended; its log ends:\nno disk"):
        await supervisor.add(_part("store", tmp_path / "diary", script))
    await supervisor.close()


async def test_a_part_that_ignores_its_signal_is_ended_by_force(tmp_path):
    diary = tmp_path / "diary"
    script = (
        "import pathlib, signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "with pathlib.Path(sys.argv[2]).open('a') as f: f.write(f'start {sys.argv[1]}\\n')\ntime.sleep(600)\n"
    )
    supervisor = Supervisor()
    part = _part("stubborn", diary, script)
    part.stop_patience_s = 0.3
    await supervisor.add(part)
    pid = part.child.pid
    await supervisor.close()
    assert not _alive(pid)


async def test_children_die_with_a_killed_parent(tmp_path):
    diary = tmp_path / "diary"
    parent_script = (
        "import sys, time\nfrom pathlib import Path\nfrom parkgrid_servers import process\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "child = process.Child('c', command, Path(sys.argv[1] + '.log'))\n"
        "Path(sys.argv[1]).write_text(str(process.start(child).pid) + '.')\ntime.sleep(600)\n"
    )
    command = [sys.executable, "-c", parent_script, str(diary)]
    parent = subprocess.Popen(command)  # noqa: ASYNC220  (returns at once)
    try:
        await _until(lambda: diary.exists() and diary.read_text().endswith("."))
        child = int(diary.read_text().rstrip("."))
        assert _alive(child)
    finally:
        parent.kill()
        parent.wait()
    await _until(lambda: not _alive(child))
