"""The example of a driver in a package of its own: installed and tested as by somebody who has only wheels and docs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installed import ROOT, environment, wheel_folder

EXAMPLE = ROOT / "examples" / "driver-package"


def run(*command: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """A command in an environment in which nothing leads to this tree."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.process
def test_an_outsider_installs_wheels_and_his_own_driver_and_his_test_is_green(tmp_path: Path) -> None:
    wheels = wheel_folder(tmp_path / "wheels", "parkgrid-simulators")
    own = tmp_path / "own"
    shutil.copytree(EXAMPLE, own, ignore=shutil.ignore_patterns("__pycache__"))
    own_driver = ("--constraint", str(ROOT / "requirements.lock"), "--editable", f"{own}[test]")
    python = environment(own / ".venv", wheels, "parkgrid-simulators", *own_driver)
    tested = run(python, "-m", "pytest", "-q", cwd=own)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    listed = run(python, "-m", "parkgrid_edge", "--drivers", cwd=own)
    assert "abb_b23  meter  ABB B23  (abb-parkgrid 1.0.0)" in listed.stdout
    assert listed.stderr == ""


@pytest.mark.parametrize("document", ["add-a-device.md", "add-a-device.zh.md"])
def test_the_documents_show_the_files_of_the_example(document: str) -> None:
    text = (ROOT / "docs" / document).read_text("utf-8")
    shown = re.findall(r"<!-- examples/driver-package/(\S+) -->\n+```\w*\n(.*?)```", text, re.DOTALL)
    assert sorted(name for name, _ in shown) == ["abb_parkgrid/b23.py", "pyproject.toml", "tests/test_b23.py"]
    for name, block in shown:
        assert block == (EXAMPLE / name).read_text("utf-8"), name
