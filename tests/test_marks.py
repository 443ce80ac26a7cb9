"""A test's marks are true: what starts nothing is `unit`, and what is `unit` starts nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[1]
TESTS = """
import os, socket, subprocess, sys
import psycopg, pytest

def test_reckons():
    assert 1 + 1 == 2

def test_starts():
    subprocess.run([sys.executable, "--version"], check=True)

def test_listens():
    socket.create_server(("127.0.0.1", 0)).close()

def test_asks():
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect("host=127.0.0.1 port=1 user=nobody")

@pytest.mark.process
def test_starts_and_says_so():
    subprocess.run([sys.executable, "--version"], check=True)

def test_uses_a_fixture_that_starts(free_port):
    assert free_port()

@pytest.mark.nightly
def test_takes_long():
    assert True
"""


def ran(folder: Path, *arguments: str) -> str:
    file = folder / "test_some.py"
    file.write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(folder),
        "-p",
        "tests.conftest",
    ]
    options = ["-p", "no:cacheprovider", "-q", "--durations", "3", *arguments, str(file)]
    return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_a_unit_test_that_reaches_out_fails_and_says_what_it_did(tmp_path: Path) -> None:
    said = ran(tmp_path)
    assert "3 failed, 3 passed, 1 deselected" in said
    for did in ("subprocess.Popen", "socket.bind", "psycopg.connect"):
        assert f"marked unit, but it did: {did}" in said
    assert "test_some.py" in said.partition("slowest 3 files")[2].partition("slowest 3 durations")[0]


def test_a_mark_chooses(tmp_path: Path) -> None:
    assert "3 failed, 1 passed, 3 deselected" in ran(tmp_path, "-m", "unit")
    assert "2 passed, 5 deselected" in ran(tmp_path, "-m", "process")
    assert "3 failed, 4 passed" in ran(tmp_path, "--nightly")
