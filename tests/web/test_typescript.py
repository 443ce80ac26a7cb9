"""The page's own tests: its types, and its functions called as they are by the node that builds it, in one process."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.web.build_hook import ROOT, hook

WEB = ROOT / "api" / "parkgrid_api" / "web"
PAGE = ROOT / "tests" / "web" / "page"


def ran(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("built_page")
def test_the_page_fits_its_types() -> None:
    """The types of answers are those of the OpenAPI document, so a member that no answer has is found here."""
    node, npm = hook.node_and_npm()
    if not (WEB / "node_modules" / "typescript").is_dir():
        hook.run([node, npm, "ci", "--no-progress", "--prefer-offline"], WEB)
    ran([node, os.fspath(WEB / "node_modules" / "typescript" / "bin" / "tsc"), "--noEmit"], WEB)


@pytest.mark.process
def test_the_page_s_functions() -> None:
    """One process for all: it ends within a second or two."""
    node, _ = hook.node_and_npm()
    files = sorted(map(str, PAGE.glob("*.test.ts")))
    assert files
    ran([node, "--import", str(PAGE / "resolve.mjs"), "--test", "--test-isolation=none", *files], ROOT)
