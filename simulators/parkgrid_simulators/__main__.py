"""`python -m parkgrid_simulators`: a simulated park behind real Modbus TCP, until it is told to stop."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parkgrid_contract.settings import SettingsError
from parkgrid_contract.time import AcceleratedClock, Clock, SystemClock
from parkgrid_simulators.describing import describe
from parkgrid_simulators.faults import FaultPlan
from parkgrid_simulators.modbus_server import ModbusServer
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import DEFAULT, Scenario, load_scenario
from parkgrid_simulators.state import StateError, load_state

_WRONG_SETTINGS, _NO_PORT = 2, 1
_STATE_PERIOD_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a simulated park; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        clock = _clock(options)
        scenario = load_scenario(options.scenario)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return _WRONG_SETTINGS
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_SETTINGS
    try:
        asyncio.run(serve(scenario, clock, options))
    except OSError as error:
        remedy = "name other ports with --port-base, or leave it out to take free ones"
        sys.stderr.write(f"cannot listen on {options.host}: {error.strerror or error}: {remedy}\n")
        return _NO_PORT
    return 0


async def serve(scenario: Scenario, clock: Clock, options: argparse.Namespace) -> None:
    """Serve a park until SIGTERM or SIGINT; the endpoints are written once all of them answer."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    park = _open(scenario, clock, options.state)
    server = ModbusServer(park, clock, FaultPlan(scenario.timeline(), scenario.seed))
    endpoints = await server.start(options.host, options.port_base)
    _publish(describe(scenario, clock, endpoints), options.endpoints_out)
    saved = None
    while not stop.is_set():
        if options.state and park.midnight is not saved:
            saved = park.midnight
            saved.save(options.state)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _STATE_PERIOD_S)
    await server.stop()


def _open(scenario: Scenario, clock: Clock, path: Path | None) -> Park:
    """The park at the clock's time, resumed from its saved state where there is one."""
    state = None
    if path is not None:
        try:
            state = load_state(path, scenario.park, scenario.seed, {device.id for device in scenario.devices})
        except StateError as error:
            sys.stderr.write(f"{error}: the park begins anew\n")
    park = Park(scenario, clock.start_ms if isinstance(clock, AcceleratedClock) else clock.now_ms(), state)
    park.advance_to(clock.now_ms())
    return park


def _publish(document: Mapping[str, Any], path: Path | None) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # Whoever waits for this file must never read half of it.
    part = path.with_name(f"{path.name}.part")
    part.write_text(text, "utf-8")
    os.replace(part, path)  # noqa: PTH105  atomic on every system


def _clock(options: argparse.Namespace) -> Clock:
    """The clock that the options describe. Raises `ValueError` if they contradict each other."""
    given = [options.wall_start_ms, options.start_ms, options.speed]
    if all(value is None for value in given):
        return SystemClock()
    if any(value is None for value in given):
        raise ValueError("--wall-start-ms, --start-ms and --speed belong together: give all three, or none")
    if not 1 <= options.speed <= 3600:  # noqa: PLR2004  the range of an accelerated clock
        raise ValueError(f"--speed {options.speed}: must be between 1 and 3600")
    return AcceleratedClock(options.wall_start_ms, options.start_ms, options.speed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m parkgrid_simulators", description="A simulated park on real Modbus TCP."
    )
    parser.add_argument("--scenario", type=Path, default=DEFAULT, help="TOML file of the park (default: %(default)s)")
    parser.add_argument("--endpoints-out", type=Path, help="write the endpoints as JSON to this file, not to stdout")
    parser.add_argument("--state", type=Path, help="file that carries the registers over a restart")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port-base", type=int, default=0, help="first port; 0 takes free ones (default)")
    parser.add_argument("--wall-start-ms", type=int, help="accelerated time: the machine's time at its start")
    parser.add_argument("--start-ms", type=int, help="accelerated time: what the clock showed then")
    parser.add_argument("--speed", type=float, help="accelerated time: simulated seconds per second, 1 to 3600")
    return parser


if __name__ == "__main__":
    sys.exit(main())
