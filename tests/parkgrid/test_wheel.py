"""What our wheels put into other people's environments."""

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.installed import ROOT, environment, wheel_folder

pytestmark = pytest.mark.process

GATEWAY = ("parkgrid_contract", "parkgrid_edge")
GATEWAY_BYTES = 395_000
GATEWAY_BESIDE_BYTES = 32_000
"""Of two licences and the lists of files."""
IN_NO_WHEEL = {"parkgrid_bench"}
# Imports every module and prints what some of them miss.
IMPORT_ALL = """
import importlib, pkgutil, sys
for package in sys.argv[1:]:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            print(error.name.partition(".")[0])
"""
OPTIONAL = {"amqtt", "fastapi", "pandas", "pvlib", "pydantic", "starlette", "uvicorn"}
"""What the extras of the simulators bring."""
LOOK_FOR = "import sys, importlib.util as u; print(*filter(u.find_spec, sys.argv[1:]), end='')"
ABSENT = (
    *("psycopg", "fastapi", "uvicorn", "pandas", "pydantic", "msgspec", "parkgrid", "parkgrid_database"),
    *("parkgrid_ingest", "parkgrid_metering", "parkgrid_accounting", "parkgrid_api"),
)
THREE_LINES = """import socket
def test_a_meter_listens(parkgrid_park):
    socket.create_connection((parkgrid_park["grid"].host, parkgrid_park["grid"].port)).close()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheels lie."""
    return wheel_folder(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def wheels(folder: Path) -> dict[str, zipfile.ZipFile]:
    """Every wheel of the workspace, by the first part of its file name."""
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
    files = [each for name in GATEWAY for each in wheels[name].infolist()]
    code = [each.file_size for each in files if ".dist-info/" not in each.filename]
    beside = [each.file_size for each in files if ".dist-info/" in each.filename]
    assert sum(code) <= GATEWAY_BYTES
    assert sum(beside) <= GATEWAY_BESIDE_BYTES


def test_the_sums_are_those_of_the_wheels(folder) -> None:
    lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines()
    found = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in folder.glob("*.whl")]
    assert sorted(lines) == sorted(found)


def test_the_same_sources_give_the_same_bytes(folder, tmp_path) -> None:
    subprocess.run([ROOT / "scripts" / "wheels", tmp_path, "parkgrid-edge"], check=True)
    again = (tmp_path / "SHA256SUMS").read_text("utf-8").splitlines()
    assert len(again) == len(GATEWAY)
    assert set(again) <= set((folder / "SHA256SUMS").read_text("utf-8").splitlines())


def test_simulators_and_edge_import_beside_packages_called_like_our_folders(folder, tmp_path) -> None:
    python = environment(tmp_path / "venv", folder, "parkgrid-simulators", "pytest")
    (site,) = (tmp_path / "venv" / "lib").glob("*/site-packages")
    for name in ("api", "edge"):
        (site / name).mkdir()
        (site / name / "__init__.py").write_text("OWNER = 'somebody else'\n")
    assert run(python, "import api, edge; print(api.OWNER, '|', edge.OWNER)") == ["somebody else | somebody else"]
    assert set(run(python, IMPORT_ALL, "parkgrid_contract", "parkgrid_edge")) == set()
    assert set(run(python, IMPORT_ALL, "parkgrid_simulators")) <= OPTIONAL
    assert run(python, LOOK_FOR, *ABSENT) == []
    (tmp_path / "test_mine.py").write_text(THREE_LINES)
    tried = [python, "-m", "pytest", "-q", "test_mine.py"]
    done = subprocess.run(tried, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def run(python: Path, code: str, *arguments: str) -> list[str]:
    """The lines that a program prints; it sees its environment and nothing else."""
    command = [python, "-I", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_parkgrid_alone_brings_all_that_up_needs(folder, server_dir) -> None:
    python = environment(server_dir / "venv", folder, "parkgrid")
    up = [python.with_name("parkgrid"), "up", "--for", "5", "--port", "0", "--data-dir", server_dir / "data"]
    done = subprocess.run(up, cwd=server_dir, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert verdict["accepted"] == verdict["stored"] > 0
