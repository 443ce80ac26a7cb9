"""`python -m parkgrid_simulators` as a process: endpoints, the same bytes for the same seed and clock, clean ends."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from parkgrid_simulators.__main__ import main
from parkgrid_simulators.scenario import load_scenario
from parkgrid_simulators.state import ParkState, StateError, load_state
from tests.simulators.bench_plant import Raw, read_request

ROOT = Path(__file__).resolve().parents[2]


async def launch(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "parkgrid_simulators", *arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )


def endpoints_of(path: Path) -> dict | None:
    return json.loads(path.read_text("utf-8")) if path.exists() else None


async def published(path: Path, process: asyncio.subprocess.Process) -> dict:
    deadline = time.monotonic() + 60
    while (document := endpoints_of(path)) is None:
        assert process.returncode is None, (await process.stderr.read()).decode()
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    return document


@pytest.mark.process
async def test_every_endpoint_answers_at_the_time_of_the_given_clock(tmp_path) -> None:
    wall = time.time_ns() // 1_000_000
    out = tmp_path / "endpoints.json"
    # It showed 12:00 local time on 21 June 2026 when the test began.
    process = await launch(
        "--endpoints-out", str(out), "--wall-start-ms", str(wall), "--start-ms", "1782014400000", "--speed", "1"
    )
    document = await published(out, process)
    assert document["clock"] == {"wall_start_ms": wall, "start_ms": 1782014400000, "speed": 1.0}
    assert document["park"] == "pingshan-park"
    answers = await readings(document)
    assert len(answers) == len(document["endpoints"]) == 13
    assert answers["pv-3"].endswith("53 75 6e 53")
    # Around noon in June both rooftops feed: the power's sign bit is clear and it is not zero.
    assert 0 < int(answers["pv-1"][-11:].replace(" ", ""), 16) < 300_000
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def readings(document: dict) -> dict[str, str]:
    """One block of every device, as bytes."""
    blocks = {
        "eastron_sdm630": (4, 52, 2),
        "huawei_sun2000": (3, 32080, 2),
        "huawei_luna2000": (3, 37004, 1),
        "alpitronic_hypercharger": (4, 100, 1),
        "lambrecht_ws7": (4, 30401, 1),
        "sunspec": (3, 40000, 2),
    }
    found = {}
    for endpoint in document["endpoints"]:
        raw = await Raw.open(SimpleNamespace(**endpoint["connection"]))
        unit = endpoint["connection"]["unit"]
        found[endpoint["device"]] = await raw.ask(read_request(*blocks[endpoint["driver"]], unit=unit))
        await raw.close()
    return found


@pytest.mark.process
async def test_an_interrupt_ends_it_cleanly_and_a_damaged_state_is_replaced(tmp_path) -> None:
    state = tmp_path / "state.json"
    damaged(state)
    process = await launch("--endpoints-out", str(tmp_path / "e.json"), "--state", str(state))
    await published(tmp_path / "e.json", process)
    deadline = time.monotonic() + 30
    while load_or_none(state) is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    assert "starts without its saved state" in errors.decode()
    assert "Traceback" not in errors.decode()


def damaged(path: Path) -> None:
    path.write_text('{"park": ', "utf-8")


def load_or_none(path: Path) -> ParkState | None:
    scenario = load_scenario()
    try:
        return load_state(path, scenario.park, scenario.seed, {device.id for device in scenario.devices})
    except StateError:
        return None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speed", "60"], "belong together"),
        (["--wall-start-ms", "1", "--start-ms", "1", "--speed", "9999"], "between 1 and 3600"),
        (["--scenario", "/nowhere.toml"], "cannot be read"),
    ],
)
def test_wrong_options_are_explained(capsys, arguments, message) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_wrong_scenario_prints_all_its_mistakes(capsys, tmp_path) -> None:
    path = tmp_path / "s.toml"
    path.write_text('park = 3\nsped = 1\n[[devices]]\nid = "x"\n', "utf-8")
    assert main(["--scenario", str(path)]) == 2
    errors = capsys.readouterr().err
    assert all(key in errors for key in ("park", "sped", "devices[0].driver"))
    assert "Traceback" not in errors


@pytest.mark.process
async def test_a_taken_port_is_explained(tmp_path) -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await launch("--port-base", str(port), "--endpoints-out", str(tmp_path / "e.json"))
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert "--port-base" in errors.decode()
    assert endpoints_of(tmp_path / "e.json") is None
    server.close()
    await server.wait_closed()
