"""Our wheels, built once, and environments of other people that they are installed into."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILT = "PARKGRID_WHEELS"
"""Names a folder with the wheels of this tree, for a run that has built them already."""


def wheel_folder(fresh: Path, *names: str) -> Path:
    """A folder with every wheel of this tree: the one that is named, else a fresh one, of these distributions."""
    if BUILT in os.environ:
        return ROOT / os.environ[BUILT]
    subprocess.run([ROOT / "scripts" / "wheels", fresh, *names], check=True)
    return fresh


def environment(folder: Path, wheels: Path, distribution: str, *more: str) -> Path:
    """The Python of an environment with a distribution of ours, all that it asks for, and more packages."""
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, "--requirement", wheels / f"{distribution}.txt"], check=True)
    if more:
        subprocess.run([*install, *more], check=True)
    return python
