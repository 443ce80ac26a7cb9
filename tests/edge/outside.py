"""Packages of others, as an installer lays them into an environment: modules and their metadata."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from parkgrid_edge import drivers

METER = """
from parkgrid_edge.protocols.registers import Driver, Encoding, Register

DRIVER = Driver("{name}", "meter", "Acme", "EM 24", "Modbus of the EM 24, 2026", (
    Register("voltage_a_v", 0, Encoding.UINT16, 0.1, vendor_name="U1"),
    Register("active_power_kw", 1, Encoding.INT32, 0.001, vendor_name="P"),
))
"""
"""A driver that keeps all rules."""


def package(folder: Path, name: str, offered: Mapping[str, str], version: str = "1.0") -> Path:
    """Install a package of drivers into a folder: `offered` is the source of each by its entry point's name."""
    module = name.replace("-", "_")
    (folder / module).mkdir(parents=True)
    lines = ["[parkgrid.drivers]"]
    for number, (driver, source) in enumerate(offered.items()):
        (folder / module / f"driver_{number}.py").write_text(source.replace("{name}", driver), "utf-8")
        lines.append(f"{driver} = {module}.driver_{number}:DRIVER")
    described = folder / f"{module}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    (described / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


@contextmanager
def on_the_path(folder: Path) -> Iterator[None]:
    """The packages of a folder are installed for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        _look_again()
        try:
            yield
        finally:
            patch.undo()
            _look_again()
            own = {path.name for path in folder.iterdir()}
            for name in [name for name in sys.modules if name.partition(".")[0] in own]:
                del sys.modules[name]


def agent_command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """`parkgrid-edge` in an environment in which the packages of a folder are installed."""
    return subprocess.run(
        [sys.executable, "-m", "parkgrid_edge", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])},
        check=False,
        timeout=60,
    )


def _look_again() -> None:
    """What is installed never changes within a process, but here it does."""
    drivers._read_offers.cache_clear()
    drivers.find.cache_clear()
