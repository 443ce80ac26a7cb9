"""The command line of the gateway agent: `python -m parkgrid_edge --config edge.toml`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parkgrid_contract.settings import SettingsError
from parkgrid_edge.memory import give_back, one_heap
from parkgrid_edge.settings import EdgeSettings, check_files, load_settings, unusable_drivers

if typing.TYPE_CHECKING:
    import types

STOPS = (signal.SIGTERM, signal.SIGINT)
_EXAMPLE = """\
a configuration to start from:

  park = "gaoxin-nan"                 # the park, as everybody names it
  gateway = "gw-1"                    # this gateway; unique in the park

  [outbox]
  path = "/var/lib/parkgrid/outbox.db"  # readings wait here until the store has them

  [uplink]
  host = "broker.example"             # password, or port = 8883, tls_ca, tls_cert, tls_key

  [[devices]]
  id = "pv-1"
  driver = "huawei_sun2000"           # parkgrid-edge --drivers lists them
  period_s = 1.0
  [devices.connection]
  host = "192.0.2.11"                 # or kind = "rtu", serial = "/dev/ttyUSB0"
  unit = 1

Every key can also be set from the environment, for example PARKGRID_EDGE_UPLINK_PASSWORD.
A signed update is installed by `parkgrid-edge update ARCHIVE` (see its --help).
Exit status: 0 after SIGTERM or Ctrl-C, 2 when the configuration is wrong.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent, or check its configuration; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in ("update", "trial"):
        from parkgrid_edge.update.command import main as update

        _configure_log()
        return update(given)
    options = _parser().parse_args(given)
    if options.drivers:
        return _told(_list_drivers)
    try:
        settings = load_settings(options.config)
        check_files(settings, str(options.config))
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)  # noqa: T201 - the command's answer
        return 2
    if options.check:
        return _told(lambda: _tell(settings, str(options.config)))
    for number in STOPS:
        # Told to stop while still starting: nothing has been accepted, so going at once is clean.
        signal.signal(number, lambda _number, _frame: sys.exit(0))
    _configure_log()
    one_heap()
    asyncio.run(_run(settings))
    return 0


def _told(answer: Callable[[], int]) -> int:
    """Print an answer; a reader that closes the pipe early, such as `head`, ends it and is no error."""
    try:
        status = answer()
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would be written, and fail again, when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _tell(settings: EdgeSettings, file: str) -> int:
    """Say what would run, and which package every driver comes from; 2 when a device's driver cannot be used."""
    from parkgrid_edge.drivers import clashes, package_of

    unusable = unusable_drivers(settings)
    for note in clashes():
        print(f"{file}: note: {note}", file=sys.stderr)  # noqa: T201 - the command's answer
    for device, reason in unusable.items():
        print(f"{file}: device {device}: {reason}", file=sys.stderr)  # noqa: T201 - as above
    if unusable:
        return 2
    print(f"{file}: valid; gateway {settings.identity}, {len(settings.devices)} devices")  # noqa: T201 - as above
    for driver in sorted({device.driver for device in settings.devices}):
        devices = ", ".join(device.id for device in settings.devices if device.driver == driver)
        print(f"  driver {driver} of {package_of(driver)}: {devices}")  # noqa: T201 - as above
    return 0


def _list_drivers() -> int:
    """Every driver with its class, its device and its package; 2 when one of a package cannot be used."""
    from parkgrid_edge.drivers import DriverError, clashes, find, names, package_of

    problems = list(clashes())
    for name in names():
        try:
            driver = find(name)
        except DriverError as error:
            problems.append(str(error))
        else:
            kind = driver.device_class or "any class"
            print(f"{name}  {kind}  {driver.vendor} {driver.model}  ({package_of(name)})")  # noqa: T201 - the answer
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201 - the command's answer
    return 2 if problems else 0


async def _run(settings: EdgeSettings) -> None:
    from parkgrid_edge.agent import Agent

    stop = asyncio.Event()
    for number in STOPS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    agent = Agent(settings)
    give_back()
    await agent.run(stop)


def _configure_log() -> None:
    """One line of key=value pairs per event, to standard error."""
    structlog = _structlog_without_rich()
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    # The Modbus library writes a line for every failed attempt; the agent writes one when something changes.
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("asyncio").addHandler(logging.StreamHandler())


def _structlog_without_rich() -> Any:
    """Import structlog as if rich were not installed: it would load 9 MB for tracebacks in colour."""
    hidden = "rich" not in sys.modules and "structlog" not in sys.modules
    if hidden:
        sys.modules["rich"] = typing.cast("types.ModuleType", None)
    try:
        import structlog
    finally:
        if hidden:
            del sys.modules["rich"]
    return structlog


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="parkgrid-edge",
        description="The gateway agent: polls devices, keeps readings on disk, sends them until they are stored.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--config", type=Path, metavar="FILE", help="the agent's TOML file")
    asked.add_argument("--drivers", action="store_true", help="list the drivers and their packages, and exit")
    parser.add_argument("--check", action="store_true", help="check the configuration and exit")
    return parser


if __name__ == "__main__":
    sys.exit(main())
