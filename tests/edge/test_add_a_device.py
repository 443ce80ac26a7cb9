"""docs/add-a-device.md followed word for word, for a maker whose name comes before all others and for the last one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.edge, pytest.mark.process]

ROOT = Path(__file__).parents[2]
NEEDED = ("test_drivers.py", "golden_words.py")


@pytest.mark.parametrize(("document", "maker"), [("add-a-device.md", "AAA"), ("add-a-device.zh.md", "Zzz")])
def test_a_driver_written_by_the_document_passes_the_tests_that_it_names(tmp_path, document, maker):
    text = (ROOT / "docs" / document).read_text("utf-8").replace("eastron", maker.lower()).replace("Eastron", maker)
    driver, golden = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[:2]
    folder, file = re.search(r"`(edge/parkgrid_edge/drivers)/<.*?`(\w+\.py)`", text).groups()
    words, tests = re.search(r"`(tests/edge/golden_words\.py)`.*\n.*scripts/test (\S+)", text, re.DOTALL).groups()
    shutil.copytree(ROOT / "edge", tmp_path / "edge", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "edge", tmp_path / "tests" / "edge", ignore=lambda _, names: {*names} - {*NEEDED})
    (tmp_path / folder / file).write_text(driver, "utf-8")
    with (tmp_path / words).open("a", encoding="utf-8") as file_of_words:
        file_of_words.write(golden)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:parkgrid", tests],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "edge")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    named = subprocess.run(
        [sys.executable, "-m", "parkgrid_edge", "--drivers"],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "edge")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{file.removesuffix('.py')}  meter  {maker} SDM630" in named.stdout
