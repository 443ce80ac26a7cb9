"""The session's server in memory: only where there is room, and nothing of a killed run stays there."""

import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import memory

HELD = """
import sys, time
from pathlib import Path
from tests import memory
with memory.open_folder(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(60)
"""


def _holding(file_system: Path) -> tuple[subprocess.Popen[str], Path]:
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", HELD, str(file_system)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
    return process, Path(process.stdout.readline().strip())


@pytest.mark.process
def test_what_a_killed_run_left_is_removed_and_what_another_uses_is_not(tmp_path):
    (killed, left), (running, used) = _holding(tmp_path), _holding(tmp_path)
    try:
        assert left.is_dir()
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with memory.open_folder(tmp_path) as own:
            assert {path.name for path in tmp_path.iterdir()} == {used.name, own.name}
            assert own.stat().st_mode & 0o777 == 0o755
        assert [path.name for path in tmp_path.iterdir()] == [used.name]
    finally:
        for process in (killed, running):
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("free_gib", "memory_gib", "processes", "enough"),
    [(4, 4, 4, True), (3, 24, 1, False), (24, 3, 1, False), (5, 24, 6, False), (6, 24, 6, True)],
)
def test_disk_is_used_where_memory_has_no_room(tmp_path, monkeypatch, free_gib, memory_gib, processes, enough):
    monkeypatch.setattr(memory, "_free_memory", lambda: memory_gib << 30)
    monkeypatch.setattr(memory.shutil, "disk_usage", lambda _: SimpleNamespace(free=free_gib << 30))
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", str(processes))
    assert memory.has_room(tmp_path) is enough


def test_a_container_is_not_filled(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_LIMITS", (str(limit), str(tmp_path / "not there")))
    unlimited = memory._free_memory()
    limit.write_text("max\n")
    assert memory._free_memory() > unlimited / 2
    limit.write_text(f"{1 << 20}\n")
    assert memory._free_memory() == 1 << 19


def test_no_such_file_system_has_no_room(tmp_path):
    assert not memory.has_room(tmp_path / "not there")
