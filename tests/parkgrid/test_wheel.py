"""What a wheel puts into other people's environments."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_name_is_taken_from_others(tmp_path: Path) -> None:
    """Every importable name is `parkgrid` or begins with `parkgrid_`, and no folder of tests comes along."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PARKGRID_SKIP_WEB_BUILD": "1"}, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    top = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    packages = {name for name in top if not name.endswith(".dist-info")}
    assert "parkgrid" in packages
    assert all(name == "parkgrid" or name.startswith("parkgrid_") for name in packages)
    assert {f"parkgrid_{path.name}" for path in ROOT.iterdir() if (path / f"parkgrid_{path.name}").is_dir()} < packages
