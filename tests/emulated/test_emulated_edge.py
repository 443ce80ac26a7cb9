"""The edge's own tests on the machines of gateways: the bundle as it is installed there, under an emulator."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.emulated.machines import MACHINES, Machine, with_test_tools
from tests.faults.rounds import tell
from tests.installed import ROOT

pytestmark = [pytest.mark.nightly, pytest.mark.process]

MEMORY = "tests/edge/test_agent.py::test_fifty_devices_fit_into_a_small_gateway"
"""Its bound is of the agent alone; here the process holds the emulator, too. The soak tells the agent's part."""
SECONDS = 3600


def edge_tests(python: str | Path, folder: Path, *options: str) -> str:
    """What pytest says of the tests marked `edge`, run by a Python from outside the tree; they must pass."""
    where = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), "-o", f"pythonpath={ROOT / 'servers'}"]
    tests = [str(ROOT / "tests" / "edge"), str(ROOT / "tests" / "contract")]
    command: Sequence[str] = [str(python), "-m", "pytest", *where, "-p", "no:cacheprovider", "-m", "edge", *tests]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment = {**clean, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    done = subprocess.run(
        [*command, "-q", "--deselect", MEMORY, *options],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_edges_tests_pass_on_the_machine_of_a_gateway(
    machine: Machine, emulated: Callable[[Machine], Path], tmp_path: Path
) -> None:
    environment = emulated(machine)
    with_test_tools(environment)
    asked = edge_tests(sys.executable, tmp_path, "--collect-only")
    (there_are,) = re.findall(r"(\d+)(?:/\d+)? tests collected", asked)
    summary = edge_tests(environment / "bin" / "python", tmp_path).splitlines()[-1]
    tell(f"the edge's tests on emulated {machine.name}: {summary}")
    assert re.match(rf"{there_are} passed\b", summary), summary
