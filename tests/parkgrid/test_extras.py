"""Without the libraries of an extra, the error names the command that adds it."""

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEVER = "http://127.0.0.1:1"
SPAN = "--from 2026-11-01T00:00+08:00 --to 2026-11-02T00:00+08:00"
BROKER = """
from pathlib import Path
from parkgrid_simulators.broker import start_broker
start_broker(Path(), prefer="amqtt")
"""


@dataclass(frozen=True)
class Extra:
    """What an extra brings, and what somebody runs who has not installed it."""

    name: str
    module: str
    command: str = ""
    code: str = ""


EXTRAS = (
    Extra("parkgrid[analytics]", "pandas", code="from parkgrid_client import Client"),
    Extra("parkgrid[analytics]", "httpx", code="from parkgrid_client import Client"),
    Extra("parkgrid[grafana]", "grafana_foundation_sdk", "dashboards build --out nowhere"),
    Extra("parkgrid[grafana]", "grafana_foundation_sdk", "dashboards check --no-schema"),
    Extra("parkgrid[grafana]", "grafana_client", f"dashboards push --url {NEVER}"),
    Extra("parkgrid[influx]", "influxdb_client", f"influx export --dsn host=127.0.0.1 --url {NEVER} {SPAN}"),
    Extra("parkgrid-simulators[broker]", "amqtt", code=BROKER),
    Extra("parkgrid-simulators[control]", "uvicorn", "simulate --control-port 0"),
    Extra("parkgrid-simulators[climatology]", "pvlib", "simulate --scenario elsewhere.toml"),
)


@pytest.mark.process
@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: f"{extra.name}-{(extra.command or extra.code)[:17]}")
def test_a_missing_extra_is_named_with_the_command_that_adds_it(extra, tmp_path) -> None:
    pingshan = (ROOT / "simulators/parkgrid_simulators/scenarios/pingshan_park.toml").read_text("utf-8")
    (tmp_path / "elsewhere.toml").write_text(pingshan.replace("latitude = 22.69", "latitude = 31.2"), "utf-8")
    # Whatever is None among the modules cannot be imported, as if it were not installed.
    hidden = f"import sys; sys.modules[{extra.module!r}] = None; sys.argv[1:] = {extra.command.split()!r}\n"
    code = hidden + (extra.code or "from parkgrid.cli import main; main()")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert re.search(f"pip install ['\"]{re.escape(extra.name)}", done.stderr.splitlines()[-1])
    if extra.command:
        assert "Traceback" not in done.stderr


def test_every_extra_is_tried() -> None:
    workspace = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["uv"]["workspace"]
    declared = set()
    for folder in (ROOT, *(ROOT / each for each in workspace["members"])):
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        for name, brings in project.get("optional-dependencies", {}).items():
            if any(not each.startswith("parkgrid") for each in brings):
                declared.add(f"{project['name']}[{name}]")
    assert declared == {extra.name for extra in EXTRAS}
