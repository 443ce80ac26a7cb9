"""What a PDF says and which fonts it brings, as other people's programs read it."""

import shutil
import subprocess
from pathlib import Path

import pytest


def _asked(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"NO {program}: the PDF was NOT read; install poppler-utils")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def pages_of(pdf: Path) -> list[str]:
    """The text of each page in the order in which it was drawn, without any space: lines break where they like."""
    pages = _asked("pdftotext", "-raw", str(pdf), "-").split("\f")
    return ["".join(page.split()) for page in pages if page.strip()]


def fonts_of(pdf: Path) -> list[tuple[str, str, bool]]:
    """Name, type and whether it is embedded, of each font."""
    rows = [line.split() for line in _asked("pdffonts", str(pdf)).splitlines()[2:]]
    return [(row[0], " ".join(row[1:-6]), row[-5] == "yes") for row in rows]
