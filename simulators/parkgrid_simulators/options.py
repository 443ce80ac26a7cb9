"""The command line of `python -m parkgrid_simulators`, checked: which park, which clock, which ports."""

import argparse
import importlib.util
from contextlib import suppress
from pathlib import Path

from parkgrid_contract.time import BEYOND_MS, OLDEST_MS, AcceleratedClock, Clock, SystemClock
from parkgrid_simulators.clock import FASTEST, ParkClock
from parkgrid_simulators.scenario import DEFAULT, SCENARIOS, Scenario
from parkgrid_simulators.scenario_tables import local_ms

_LAST_PORT = 65_535
_SHORTEST_TOKEN, _LONGEST_TOKEN = 16, 512
_LINE_END = 2
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def parser() -> argparse.ArgumentParser:
    """The options and their help."""
    found = argparse.ArgumentParser(
        prog="python -m parkgrid_simulators", description="A simulated park on real Modbus TCP."
    )
    add = found.add_argument
    add(
        "--scenario",
        default=str(DEFAULT),
        help="TOML file of the park, or the name of one of ours (default: %(default)s)",
    )
    add("--endpoints-out", type=Path, help="write the endpoints as JSON to this file, not to stdout")
    add("--state", type=Path, help="file that carries the registers over a restart")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port-base", type=int, default=0, help="first port; 0 takes free ones (default)")
    add("--start", help="local time of the park to begin at, like 2026-06-21T12:00 (default: the scenario's, or now)")
    add("--speed", type=float, help="simulated seconds per second, 1 to 3600; with a start (default: the scenario's)")
    add("--wall-start-ms", type=int, help="a clock shared with an agent: the machine's time at its start")
    add("--start-ms", type=int, help="a clock shared with an agent: what it showed then")
    add("--control-port", type=int, help="open the control port here; 0 takes a free one (default: none)")
    add("--control-host", default="127.0.0.1", help="address of the control port (default: %(default)s)")
    add("--control-token-file", type=Path, help="file with the token of the control port; needed beyond this machine")
    return found


def scenario_path(name: str) -> Path:
    """The file of a scenario: one of ours by its name, else a path."""
    ours = SCENARIOS / f"{name}.toml"
    # A name may be longer than any file's.
    with suppress(OSError):
        if "/" not in name and ours.is_file():
            return ours
    return Path(name)


def clock_of(options: argparse.Namespace, scenario: Scenario) -> Clock:
    """The clock that the options and the scenario describe. Raises `ValueError` if they contradict each other."""
    if options.speed is not None and not 1 <= options.speed <= FASTEST:
        raise ValueError(f"--speed {options.speed:g}: must be between 1 and {FASTEST}")
    shared = [options.wall_start_ms, options.start_ms]
    if any(value is not None for value in shared):
        if None in {*shared, options.speed} or options.start:
            raise ValueError("--wall-start-ms, --start-ms and --speed belong together: give all three, without --start")
        for name, at_ms in (("--wall-start-ms", options.wall_start_ms), ("--start-ms", options.start_ms)):
            if not OLDEST_MS <= at_ms < BEYOND_MS:
                remedy = f"must lie between 2000 and 2200, {OLDEST_MS} and {BEYOND_MS - 1} ms since 1970"
                raise ValueError(f"{name} {at_ms}: {remedy}")
        return AcceleratedClock(options.wall_start_ms, options.start_ms, options.speed)
    start = options.start or scenario.start
    if not start:
        if options.speed is not None:
            raise ValueError(f"--speed {options.speed:g}: it and a start belong together: give --start too")
        return SystemClock()
    try:
        at_ms = local_ms(start, scenario.site.zone)
    except ValueError as error:
        raise ValueError(f"--start {start}: {error}") from error
    return ParkClock(at_ms, scenario.speed if options.speed is None else options.speed)


def check_ports(options: argparse.Namespace) -> None:
    """Refuse ports that no machine has, and a control port that cannot be opened. Raises `ValueError`."""
    for name, port in (("--port-base", options.port_base), ("--control-port", options.control_port)):
        if port is not None and not 0 <= port <= _LAST_PORT:
            raise ValueError(f"{name} {port}: must be between 0 and {_LAST_PORT}")
    if options.control_port is None:
        return
    for library in ("fastapi", "uvicorn"):
        if importlib.util.find_spec(library) is None:
            raise ValueError(f'--control-port needs {library}: pip install "parkgrid-simulators[control]"')
    if options.control_host not in _LOOPBACK and options.control_token_file is None:
        raise ValueError(
            f"--control-host {options.control_host}: other machines reach it: give --control-token-file too, "
            "or leave --control-host out"
        )


def token_of(options: argparse.Namespace) -> str | None:
    """The token of the control port, if it has one. Raises `ValueError`, which does not show it."""
    path: Path | None = options.control_token_file
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            # No more than a token may have: a device file has no end.
            text = file.read(_LONGEST_TOKEN + _LINE_END + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--control-token-file {path}: cannot be read as plain text: {error}") from error
    if not _SHORTEST_TOKEN <= len(text) <= _LONGEST_TOKEN or any(not one.isprintable() or one == " " for one in text):
        raise ValueError(
            f"--control-token-file {path}: must hold {_SHORTEST_TOKEN} to {_LONGEST_TOKEN} characters without spaces: "
            "`openssl rand -hex 32` writes one"
        )
    return text
