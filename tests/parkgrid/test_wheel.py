"""What our wheels put into other people's environments."""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATEWAY = ("parkgrid_contract", "parkgrid_edge")
GATEWAY_BYTES = 400_000
BUILT = "PARKGRID_WHEELS"
"""Names a folder with the wheels of this tree, for a run that has built them already."""
IN_NO_WHEEL = {"parkgrid_bench"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, zipfile.ZipFile]:
    """Every wheel of the workspace, by the first part of its file name."""
    folder = Path(os.environ.get(BUILT) or tmp_path_factory.mktemp("wheels"))
    if BUILT not in os.environ:
        subprocess.run([ROOT / "scripts" / "wheels", folder], check=True)
    return {path.name.partition("-")[0]: zipfile.ZipFile(path) for path in folder.glob("*.whl")}


def packages(wheel: zipfile.ZipFile) -> set[str]:
    return {name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" not in name}


def rooms() -> list[Path]:
    """The folders of the packages that belong into a wheel."""
    found = [ROOT / "parkgrid", *(path.parent for path in ROOT.glob("*/parkgrid_*/__init__.py"))]
    return [room for room in found if room.name not in IN_NO_WHEEL]


def test_no_name_is_taken_from_others_and_every_package_is_in_one_wheel(wheels) -> None:
    inside = [name for wheel in wheels.values() for name in packages(wheel)]
    assert all(name == "parkgrid" or name.startswith("parkgrid_") for name in inside)
    assert sorted(inside) == sorted(room.name for room in rooms())


def test_each_wheel_has_its_licence_and_says_that_it_is_typed(wheels) -> None:
    licence = (ROOT / "LICENSE").read_bytes()
    for name, wheel in wheels.items():
        (found,) = (each for each in wheel.namelist() if each.endswith(".dist-info/licenses/LICENSE"))
        assert wheel.read(found) == licence, name
        assert {f"{each}/py.typed" for each in packages(wheel)} <= set(wheel.namelist())


def test_a_wheel_has_every_file_of_its_packages(wheels) -> None:
    packed = {name for wheel in wheels.values() for name in wheel.namelist()}
    files = {path.relative_to(room.parent) for room in rooms() for path in room.rglob("*") if path.is_file()}
    needed = {path.as_posix() for path in files if not {"__pycache__", "web"} & set(path.parts)}
    assert needed - packed == set()


def test_a_gateway_brings_little_code_of_ours(wheels) -> None:
    sizes = {name: sum(each.file_size for each in wheels[name].infolist()) for name in GATEWAY}
    assert sum(sizes.values()) <= GATEWAY_BYTES, sizes
