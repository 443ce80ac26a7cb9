"""`python -m parkgrid_simulators`: a simulated park behind real Modbus TCP, until it is told to stop."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from parkgrid_contract.settings import SettingsError
from parkgrid_contract.time import AcceleratedClock, Clock
from parkgrid_simulators.clock import ParkClock
from parkgrid_simulators.controls import Controls
from parkgrid_simulators.describing import describe
from parkgrid_simulators.faults import FaultPlan
from parkgrid_simulators.following import Follower
from parkgrid_simulators.modbus_server import ModbusServer, port_problem
from parkgrid_simulators.opening import open_at
from parkgrid_simulators.options import check_ports, clock_of, parser, scenario_path, token_of
from parkgrid_simulators.park import Park
from parkgrid_simulators.scenario import Scenario, load_scenario
from parkgrid_simulators.state import StateError, load_state

_WRONG_SETTINGS, _NO_PORT = 2, 1
_STATE_PERIOD_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a simulated park; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        check_ports(options)
        scenario = load_scenario(scenario_path(options.scenario))
        if too_high := port_problem(scenario.simulated(), options.port_base):
            raise ValueError(f"--port-base {options.port_base}: {too_high}")
        clock = clock_of(options, scenario)
        token = token_of(options)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return _WRONG_SETTINGS
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_SETTINGS
    try:
        asyncio.run(serve(scenario, clock, options, token))
    except OSError as error:
        remedy = "name other ports with --port-base and --control-port, or leave them out to take free ones"
        sys.stderr.write(f"cannot listen on {options.host}: {error.strerror or error}: {remedy}\n")
        return _NO_PORT
    return 0


async def serve(scenario: Scenario, clock: Clock, options: argparse.Namespace, token: str | None) -> None:
    """Serve a park until SIGTERM or SIGINT; the endpoints are written once all of them answer."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    park = _open(scenario, clock, options.state)
    server = ModbusServer(park, clock, FaultPlan(scenario.timeline(), scenario.seed))
    endpoints = await server.start(options.host, options.port_base)
    document = describe(scenario, clock, endpoints)
    async with AsyncExitStack() as ends:
        ends.push_async_callback(server.stop)
        ends.push_async_callback(Follower(park, server).stop)
        if options.control_port is not None:
            # Nothing of the extra is imported unless it is asked for.
            from parkgrid_simulators.control_server import ControlServer

            controls = Controls(park, server, clock, endpoints)
            control = ControlServer(controls, scenario, options.control_host, options.control_port, token)
            control.start()
            ends.push_async_callback(control.stop)
            document["control"] = control.url
        _publish(document, options.endpoints_out)
        await _until(stop, park, options.state)


async def _until(stop: asyncio.Event, park: Park, state: Path | None) -> None:
    """Wait for the end; every midnight is kept meanwhile."""
    saved = None
    while not stop.is_set():
        if state and park.midnight is not saved:
            saved = park.midnight
            saved.save(state)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _STATE_PERIOD_S)


def _open(scenario: Scenario, clock: Clock, path: Path | None) -> Park:
    """The park at the clock's time, resumed from its saved state where there is one."""
    state = None
    if path is not None:
        try:
            state = load_state(path, scenario.park, scenario.seed, {device.id for device in scenario.devices})
        except StateError as error:
            sys.stderr.write(f"{error}: the park starts without its saved state\n")
    if isinstance(clock, ParkClock) and state is None:
        return open_at(scenario, clock.start_ms)
    start_ms = clock.start_ms if isinstance(clock, AcceleratedClock | ParkClock) else clock.now_ms()
    park = Park(scenario, start_ms, state)
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


if __name__ == "__main__":
    sys.exit(main())
